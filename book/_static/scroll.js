// What is hidden: where a table or picture goes on beyond its box there is a dark rim, and a link into a folded part opens it.
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
    const boxes = ".table-scroll, .picture-scroll";
    const sizes = new ResizeObserver((seen) => seen.forEach((one) => mark(one.target.closest(boxes))));
    for (const box of document.querySelectorAll(boxes)) {
      sizes.observe(box);
      for (const part of box.children) sizes.observe(part);
      box.addEventListener("scroll", () => mark(box), { passive: true });
    }
    open();
    window.addEventListener("hashchange", open);
  });
})();
