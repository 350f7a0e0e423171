// Words of the glossary: what one means is shown on hover, focus or tap. Escape closes it, a click leads to the glossary.
document.addEventListener("DOMContentLoaded", () => {
  if (!("popover" in HTMLElement.prototype)) return; // then they are links
  const gap = 6; // pixels between a word and its text
  for (const word of document.querySelectorAll("a.term")) {
    const text = document.getElementById(word.getAttribute("aria-describedby"));
    let waiting = 0;
    let wasOpen = false;
    const isOpen = () => text.matches(":popover-open");
    const close = () => { if (isOpen()) text.hidePopover(); };
    const open = () => {
      if (isOpen()) return;
      text.showPopover();
      const at = word.getClientRects()[0];
      const left = Math.min(at.left, document.documentElement.clientWidth - text.offsetWidth - gap);
      const below = at.bottom + gap;
      const fits = below + text.offsetHeight <= window.innerHeight;
      text.style.left = `${Math.max(gap, left)}px`;
      text.style.top = `${fits ? below : Math.max(gap, at.top - gap - text.offsetHeight)}px`;
    };
    const later = (act, ms) => {
      clearTimeout(waiting);
      waiting = setTimeout(act, ms);
    };
    for (const part of [word, text]) {
      part.addEventListener("pointerenter", (event) => { if (event.pointerType === "mouse") later(open, 150); });
      part.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") later(close, 300); });
    }
    word.addEventListener("focus", () => { if (word.matches(":focus-visible")) open(); });
    word.addEventListener("blur", (event) => { if (!text.contains(event.relatedTarget)) later(close, 100); });
    word.addEventListener("pointerdown", () => { wasOpen = isOpen(); });
    word.addEventListener("click", (event) => {
      if (event.pointerType !== "touch") return;
      event.preventDefault();
      if (!wasOpen) open();
    });
    window.addEventListener("scroll", close, { passive: true });
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") close(); });
  }
});
