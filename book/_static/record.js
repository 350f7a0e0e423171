// The filter of the table of published figures. Does nothing on a page without one.
document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("record-filter");
  if (!form) return;
  const rows = [...document.querySelectorAll("#record-table tbody tr")];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const selects = [...form.querySelectorAll("select")];
  const show = () => {
    const words = form.querySelector("input").value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, i) => {
      const fits = words.every((word) => texts[i].includes(word)) &&
        selects.every((s) => !s.value || row.dataset[s.dataset.column].split(" ").includes(s.value));
      row.hidden = !fits;
      shown += fits;
    });
    document.getElementById("record-status").textContent = `${shown} of ${rows.length} lines`;
  };
  form.addEventListener("input", show);
  form.addEventListener("reset", () => setTimeout(show));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  show();
  const target = document.getElementById(location.hash.slice(1)); // the filter has moved the row down
  if (target && rows.includes(target)) target.scrollIntoView({ block: "center" });
});
