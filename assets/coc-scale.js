// Charts are laid out at the pixels of the 1080p wall and scaled by CSS: --k says how much, text and all.
(function () {
  "use strict";
  var root = document.documentElement;
  function scale() {
    var k = parseFloat(getComputedStyle(root).fontSize) / 16;
    // On a phone a chart's 18 px are more than the page's own text: set it to 13.
    if (window.innerWidth < 700) k *= 0.74;
    else if (!window.matchMedia("(min-width: 1600px) and (min-height: 800px)").matches) k *= 0.86;
    root.style.setProperty("--k", k.toFixed(4));
  }
  scale();
  window.addEventListener("resize", scale);
})();
