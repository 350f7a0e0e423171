// The button that leads to the top of a long page. It shows itself when the reader scrolls back.
document.addEventListener("DOMContentLoaded", () => {
  const button = document.getElementById("pst-back-to-top");
  if (!button) return;
  let last = window.scrollY;
  button.addEventListener("click", () => window.scrollTo(0, 0));
  window.addEventListener("scroll", () => {
    const goesUp = window.scrollY < last && window.scrollY > 300;
    button.style.display = goesUp ? "block" : "none";
    last = window.scrollY;
  }, { passive: true });
});
