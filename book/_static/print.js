// Paper is white and cannot be opened: print the light colours and what is folded, whatever the screen shows; code, and
// how a page was computed, stay as they are.
(() => {
  const FOLDED = ".computed, .convention, .exercise-hint, .exercise-solution"; // what stays folded on paper: workings, solutions
  const root = document.documentElement;
  let onScreen = null;
  let shut = [];
  window.matchMedia("print").addEventListener("change", (print) => {
    if (print.matches) {
      onScreen = root.dataset.theme;
      root.dataset.theme = "light";
    } else if (onScreen !== null) {
      root.dataset.theme = onScreen;
      onScreen = null;
    }
  });
  window.addEventListener("beforeprint", () => {
    const all = [...document.querySelectorAll("main details:not([open])")];
    shut = all.filter((part) => !part.matches(FOLDED) && (!part.matches(".hide") || part.querySelector(".cell_output")));
    shut.forEach((part) => { part.open = true; });
  });
  window.addEventListener("afterprint", () => {
    shut.forEach((part) => { part.open = false; });
    shut = [];
  });
})();
