// Paper is white: print the light colours, whatever the screen shows.
(() => {
  const root = document.documentElement;
  let onScreen = null;
  window.matchMedia("print").addEventListener("change", (print) => {
    if (print.matches) {
      onScreen = root.dataset.theme;
      root.dataset.theme = "light";
    } else if (onScreen !== null) {
      root.dataset.theme = onScreen;
      onScreen = null;
    }
  });
})();
