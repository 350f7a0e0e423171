// The filter of a long table (the record, the ledger). Without it the whole table is shown.
document.addEventListener("DOMContentLoaded", () => {
  for (const form of document.querySelectorAll("form.record-filter")) {
    const table = document.getElementById(form.dataset.table);
    const rows = [...table.tBodies[0].rows];
    const notes = form.querySelector("[type=checkbox]");
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const selects = [...form.querySelectorAll("select")];
    const show = () => {
      const words = form.querySelector("[type=search]").value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      table.classList.toggle("without-notes", notes !== null && !notes.checked && !words.length);
      rows.forEach((row, i) => {
        const fits = words.every((word) => texts[i].includes(word)) &&
          selects.every((s) => !s.value || row.dataset[s.dataset.column].split(" ").includes(s.value));
        row.hidden = !fits;
        shown += fits;
      });
      form.querySelector("[role=status]").textContent = `${shown} of ${rows.length} lines`;
    };
    form.addEventListener("input", show);
    form.addEventListener("reset", () => setTimeout(show));
    form.addEventListener("submit", (event) => event.preventDefault());
    form.hidden = false;
    const asked = new URLSearchParams(location.search); // such as ledger.html?verdict=match
    for (const s of selects) if ([...s.options].some((o) => o.value === asked.get(s.dataset.column))) s.value = asked.get(s.dataset.column);
    show();
    const target = document.getElementById(location.hash.slice(1)); // the filter has moved the row down
    if (target && rows.includes(target)) target.scrollIntoView({ block: "center" });
  }
});
