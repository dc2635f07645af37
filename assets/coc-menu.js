// The panel of the menu button: opened and shut by it, shut by Escape and by a click elsewhere.
(function () {
  "use strict";
  function set(button, open) {
    button.setAttribute("aria-expanded", String(open));
    button.parentElement.toggleAttribute("data-open", open);
  }
  const opened = () => document.querySelector('.coc-menu-button[aria-expanded="true"]');
  document.addEventListener("click", (e) => {
    const button = e.target.closest(".coc-menu-button"), other = opened();
    if (other && other !== button && !e.target.closest(".coc-nav")) set(other, false);
    if (button) set(button, button.getAttribute("aria-expanded") !== "true");
  });
  document.addEventListener("keydown", (e) => {
    const button = opened();
    if (e.key !== "Escape" || !button) return;
    set(button, false);
    button.focus();
  });
})();
