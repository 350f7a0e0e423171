// What is hidden: a table beyond the edge of its box gets a dark rim there, and a link into a folded part opens it.
(() => {
  const mark = (box) => {
    box.classList.toggle("more-left", box.scrollLeft > 1);
    box.classList.toggle("more-right", box.scrollLeft + box.clientWidth < box.scrollWidth - 1);
  };
  const open = () => {
    const place = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const part = place && place.closest("details:not([open])");
    if (part) {
      part.open = true;
      place.scrollIntoView();
    }
  };
  document.addEventListener("DOMContentLoaded", () => {
    const sizes = new ResizeObserver((seen) => seen.forEach((one) => mark(one.target.closest(".table-scroll"))));
    for (const box of document.querySelectorAll(".table-scroll")) {
      sizes.observe(box);
      for (const table of box.children) sizes.observe(table);
      box.addEventListener("scroll", () => mark(box), { passive: true });
    }
    open();
    window.addEventListener("hashchange", open);
  });
})();
