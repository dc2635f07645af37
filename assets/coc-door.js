// Who is signed out must not sit before a page that says nothing of it: to the sign-in form, once, and from there back.
(function () {
  "use strict";
  const LAYS_OUT = ["/_dash-update-component", "/_dash-layout", "/_dash-dependencies", "/live/frame"];
  const AGAIN = 60000;
  const bus = window.BroadcastChannel ? new BroadcastChannel("coc-door") : null;
  let leaving = false, asking = false;

  function leave(told) {
    if (leaving) return;
    leaving = true;
    if (bus && !told) bus.postMessage("out");
    location.replace("/masuk?next=" + encodeURIComponent(location.pathname + location.search));
  }
  // An EventSource does not say why it ended.
  async function ask(told) {
    if (asking || leaving) return;
    asking = true;
    try {
      const answer = await asked("/api/v1/stream", { method: "HEAD", cache: "no-store" });
      if (answer.status === 401) leave(told);
    } catch (_) { /* no answer is no refusal */ }
    asking = false;
  }
  // What is on the screen may no longer be seen: the server says why in the page's place.
  function anew() {
    const last = Number(sessionStorage.getItem("coc-denied") || 0);
    if (leaving || Date.now() - last < AGAIN) return;
    sessionStorage.setItem("coc-denied", String(Date.now()));
    location.reload();
  }
  function deny() {
    const dash = window.dash_clientside, words = window.cocAges.words();
    if (dash && dash.set_props) dash.set_props("coc-notice", { children: words.denied, hidden: false });
  }
  function judge(path, status) {
    if (!LAYS_OUT.includes(path)) return;
    if (status === 401) leave();
    else if (status === 403 && path === "/live/frame") anew();
    else if (status === 403) deny();
  }
  const asked = window.fetch.bind(window);
  window.fetch = async (what, how) => {
    const answer = await asked(what, how);
    judge(new URL(what instanceof Request ? what.url : what, location.href).pathname, answer.status);
    return answer;
  };
  if (bus) bus.onmessage = () => ask(true);
  // A page that the browser kept whole comes back as it was left: out of sight until it is known whose turn it is.
  window.addEventListener("pageshow", async (event) => {
    if (!event.persisted) return;
    const style = document.documentElement.style;
    style.visibility = "hidden";
    await ask();
    if (!leaving) style.visibility = "";
  });
  window.cocDoor = { ask };
})();
