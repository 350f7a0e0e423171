// The page of the explorer: what can be chosen, what is shown of a choice and why not, the
// address that restores it, and a reader's own file. The numbers are computed by
// explorer_arithmetic.js from `window.trustCells`, which the book writes, and which is the
// largest file of the page: it is asked for once the page stands.
"use strict";

/**
 * @typedef {{outcome: string, label: string, year: string, people: string}} Question
 * @typedef {Object} BookSource
 * @property {string} id
 * @property {string} label
 * @property {string} evidence
 * @property {boolean} synthetic
 * @property {string} replicates
 * @property {Question[]} questions
 * @property {BookSet[]} sets
 * @property {Object<string, string>} reasons
 * @property {Object<string, string>} refused place of the question and axes -> which reason
 *
 * What the lists of the page say; references are kept by axis.
 * @typedef {Object} State
 * @property {string} source
 * @property {number} question
 * @property {string[]} axes
 * @property {Object<string, string>} first
 */

(() => {
  const OWN = "own";
  const BY_CHANCE = 20; // one in so many intervals of 95 % misses what is there

  /** @type {BookSource[]} */
  const sources = [];
  let fromLink = ""; // what has to be said of the address that led here
  /** @type {State} */
  let state = { source: "", question: 0, axes: [], first: {} };

  const { element } = trustPicture;

  /** @param {string} name @returns {any} */
  const part = (name) => document.getElementById(`explorer-${name}`);

  // ----- what there is -----

  /** @param {string} id @returns {BookSource} */
  const sourceOf = (id) => sources.find((source) => source.id === id) ?? sources[0];

  /** The axes of some sets, each once.
   * @param {BookSet[]} sets @returns {string[]} */
  const axesOf = (sets) => [...new Set(sets.flatMap((set) => set.by))];

  /** @param {BookSource} source @param {number} question @returns {BookSet[]} */
  const setsOf = (source, question) => source.sets.filter((set) => set.question === question);

  /** The smallest cells that tell some axes apart.
   * @param {BookSource} source @param {number} question @param {string[]} axes
   * @returns {BookSet | undefined} */
  function cellsFor(source, question, axes) {
    const sets = setsOf(source, question);
    const fitting = sets.filter((set) => axes.every((axis) => set.by.includes(axis)));
    return fitting.sort((a, b) => a.by.length - b.by.length || a.n.length - b.n.length)[0];
  }

  /** All pairs and triples of axes that some sets tell apart, each once.
   * @param {BookSet[]} sets @returns {{set: BookSet, axes: string[]}[]} */
  function combinationsOf(sets) {
    const made = new Map();
    for (const set of [...sets].sort((a, b) => a.by.length - b.by.length)) {
      for (const axes of subsets(set.by)) {
        const key = [...axes].sort().join();
        if (!made.has(key)) made.set(key, { set, axes });
      }
    }
    return [...made.values()];
  }

  /** Two or three of some axes, in their order.
   * @param {string[]} axes @returns {string[][]} */
  function subsets(axes) {
    let made = /** @type {string[][]} */ ([[]]);
    for (const axis of axes) made = [...made, ...made.map((one) => [...one, axis])];
    return made.filter((one) => one.length === 2 || one.length === 3);
  }

  /** How many interaction contrasts of pairs, and of three, a source offers.
   * @param {BookSource} source @returns {number} */
  function contrastsOf(source) {
    return source.questions.reduce((sum, _, question) => {
      const all = combinationsOf(setsOf(source, question));
      const own = all.map(({ set, axes }) =>
        axes.reduce((product, axis) => product * (set.levels[axis].length - 1), 1));
      return sum + own.reduce((a, b) => a + b, 0);
    }, 0);
  }

  // ----- the address -----

  /** The part of the address that restores the choice.
   * @returns {string} */
  function address() {
    const source = sourceOf(state.source);
    const asked = source.questions[state.question];
    const words = new URLSearchParams({ source: source.id, year: asked.year, question: asked.outcome });
    const alike = source.questions.filter((one) =>
      one.outcome === asked.outcome && one.year === asked.year);
    if (alike.length > 1) words.set("people", String(alike.indexOf(asked)));
    words.set("by", state.axes.join());
    const first = state.axes.filter((axis) => axis in state.first);
    if (first.length) words.set("from", first.map((axis) => `${axis}:${state.first[axis]}`).join("|"));
    return `#${words}`;
  }

  /** Take the choice from the address, if it holds one.
   * @param {string} hash @returns {boolean} */
  function restore(hash) {
    const words = new URLSearchParams(hash.slice(1));
    const source = sources.find((one) => one.id === words.get("source"));
    if (!source) return false;
    const alike = source.questions.filter((one) =>
      one.outcome === words.get("question") && one.year === words.get("year"));
    const asked = alike[Number(words.get("people"))] ?? alike[0] ?? source.questions[0];
    const question = source.questions.indexOf(asked);
    fromLink = alike.length ? "" : "The question of this link is not here: another one is shown.";
    const known = axesOf(source.sets);
    const axes = [...new Set((words.get("by") ?? "").split(","))];
    const named = axes.filter((axis) => known.includes(axis)).slice(0, 3);
    const pairs = (words.get("from") ?? "").split("|").map((pair) => pair.split(/:(.*)/s));
    const first = Object.fromEntries(pairs.filter(([axis]) => named.includes(axis)));
    state = { source: source.id, question, axes: named, first };
    if (named.length < 2) state.axes = firstAxes(source, question);
    return true;
  }

  /** Two axes that there are cells of.
   * @param {BookSource} source @param {number} question @returns {string[]} */
  function firstAxes(source, question) {
    const all = combinationsOf(setsOf(source, question));
    const wanted = all.find(({ axes }) => axes.join() === "ethnicity,disability");
    return (wanted ?? all[0]).axes;
  }

  // ----- the lists -----

  /** Fill a list.
   * @param {any} list @param {[string, string][]} options value and what is shown
   * @param {string} chosen */
  function fill(list, options, chosen) {
    list.replaceChildren(...options.map(([value, shown]) => element("option", { value }, shown)));
    list.value = chosen;
  }

  /** @param {Question} question @returns {string} */
  const worded = (question) =>
    (question.people ? `${question.label} (${question.people})` : question.label);

  /** Show in the lists what is chosen, and what else could be. */
  function showLists() {
    const source = sourceOf(state.source);
    const asked = source.questions[state.question];
    const years = [...new Set(source.questions.map((one) => one.year))].sort().reverse();
    fill(part("source"), sources.map((one) => [one.id, one.label]), source.id);
    fill(part("year"), years.map((year) => [year, year || "not stated"]), asked.year);
    const questions = source.questions.map((one, i) => ({ one, i }));
    const ofYear = questions.filter(({ one }) => one.year === asked.year);
    fill(part("question"), ofYear.map(({ one, i }) => [String(i), worded(one)]), String(state.question));
    showAxes(source);
    showFirst(source);
  }

  /** The lists of identities: none is there twice, and the third may be left out.
   * @param {BookSource} source */
  function showAxes(source) {
    const labels = labelsOf(source);
    const known = axesOf(source.sets);
    [0, 1, 2].forEach((place) => {
      const others = state.axes.filter((_, i) => i !== place);
      const free = known.filter((axis) => !others.includes(axis));
      const list = part(`axis-${place}`);
      const [shown, not] = [true, false].map((wanted) => free
        .filter((axis) => wanted === hasCells(source, [...others, axis]))
        .map((axis) => element("option", { value: axis }, trustWords.heading(axis, labels))));
      if (place === 2) shown.unshift(element("option", { value: "" }, "none"));
      list.replaceChildren(...shown);
      if (not.length) list.append(element("optgroup", { label: "Not shown with the others: choose one to see why" }, ...not));
      list.value = state.axes[place] ?? "";
    });
  }

  /** Whether there are cells of some identities for the question that is chosen.
   * @param {BookSource} source @param {string[]} axes @returns {boolean} */
  const hasCells = (source, axes) => cellsFor(source, state.question, axes) !== undefined;

  /** The labels of all sets of a source.
   * @param {BookSource} source @returns {Object<string, string>} */
  const labelsOf = (source) => Object.assign({}, ...source.sets.map((set) => set.labels));

  /** For each identity, a list of the levels that others can be compared with.
   * @param {BookSource} source */
  function showFirst(source) {
    const labels = labelsOf(source);
    const set = cellsFor(source, state.question, state.axes);
    const lists = !set ? [] : state.axes.map((axis) => {
      const list = element("select", { id: `explorer-first-${axis}`, "data-axis": axis });
      const levels = set.levels[axis];
      const options = levels.map((level) =>
        /** @type {[string, string]} */ ([level, trustWords.called(axis, level, labels)]));
      const chosen = levels.includes(state.first[axis]) ? state.first[axis] : levels[0];
      fill(list, options, chosen);
      const name = trustWords.short(trustWords.heading(axis, labels));
      return element("label", { for: list.id }, name, list);
    });
    const legend = part("first").querySelector("legend");
    part("first").replaceChildren(legend, ...lists);
    part("first").hidden = lists.length === 0;
  }

  // ----- what is shown -----

  /** The cells, axes and references that are chosen; nothing where there are no such cells.
   * @returns {(Choice & {set: BookSet}) | null} */
  function chosen() {
    const set = cellsFor(sourceOf(state.source), state.question, state.axes);
    if (!set) return null;
    const axes = set.by.filter((axis) => state.axes.includes(axis));
    const first = axes.map((axis) => Math.max(set.levels[axis].indexOf(state.first[axis]), 0));
    return { set, axes, first };
  }

  /** Show what is chosen, or why it cannot be shown. */
  function show() {
    showLists();
    const choice = chosen();
    part("found").hidden = choice === null;
    part("not").hidden = choice !== null;
    if (choice === null) showWhyNot();
    else showFound(choice);
  }

  /** Texts as paragraphs of a box.
   * @param {any} box @param {string[]} texts */
  const say = (box, texts) =>
    box.replaceChildren(...texts.filter(Boolean).map((text) => element("p", {}, text)));

  /** Why there are no such cells, and which there are. */
  function showWhyNot() {
    const source = sourceOf(state.source);
    const labels = labelsOf(source);
    const wanted = trustWords.identities(state.axes, labels);
    const key = `${state.question}:${[...state.axes].sort().join()}`;
    const why = source.reasons[source.refused[key] ?? "other"] ?? "";
    say(part("said"), [`Not shown: ${wanted}. ${source.label}.`, why]);
    const others = combinationsOf(setsOf(source, state.question)).map(({ axes }) => {
      const button = element("button", { type: "button" }, trustWords.identities(axes, labels));
      button.addEventListener("click", () => {
        state.axes = axes;
        changed();
        part("axis-0").focus();
      });
      return element("li", {}, button);
    });
    part("others").replaceChildren(...others);
  }

  /** @param {Choice & {set: BookSet}} choice */
  function showFound(choice) {
    const source = sourceOf(state.source);
    const found = trustArithmetic.everything(choice.set, choice.axes, choice.first);
    const isSmall = found.levels.worth.some((worth) => !(worth >= trustTables.FEW));
    const replicates = found.levels.codes.map((code) => trustTables.stored({ choice }, "levels", code));
    const hasStored = replicates.some((one) => one !== null);
    const shown = { choice, found, replicates: source.replicates, hasStored, isSmall };
    const begin = source.synthetic ? "Synthetic: " : "";
    const evidence = `${source.evidence}: ${source.label}`;
    const picture = trustPicture.of(choice, found.levels, replicates, begin, evidence);
    say(part("said"), [fromLink, what(source, shown), ...sentences(source, shown)]);
    part("picture").replaceChildren(trustPicture.figure(picture));
    showActions(source, shown, picture);
    trustExplorerCards.remember(shown, evidence, begin);
    showTables(shown);
    showNotes(source, shown);
    document.dispatchEvent(new Event("trust-numbers"));
  }

  /** What is shown now.
   * @param {BookSource} source @param {Shown} shown @returns {string} */
  function what(source, shown) {
    const { set, axes } = shown.choice;
    const asked = source.questions[state.question];
    const begin = source.synthetic ? "SYNTHETIC, nobody was asked. " : "";
    const by = trustWords.identities(axes, set.labels);
    const year = asked.year ? `, ${asked.year}` : "";
    return `${begin}${trustWords.capital(source.label)}${year}. ${worded(asked)}: by ${by}.`;
  }

  /** What is seen, in words.
   * @param {BookSource} source @param {Shown} shown @returns {string[]} */
  function sentences(source, shown) {
    const contrasts = shown.found.interactions.filter((one) => one.measure === "interaction_contrast");
    const last = shown.found.levels.p.length - 1;
    const said = [`${spoken(shown, last)}; ${spoken(shown, 0)}. ${apart(shown, last)}`];
    said.push(contrasts.length === 1 ? ofOne(shown, contrasts[0]) : ofMany(shown, contrasts));
    if (shown.isSmall) {
      said.push(`At least one group is worth fewer than ${trustTables.FEW} people drawn at random: `
        + "read its intervals plus four too, and take what you see as a lead, unless the page of its run gives a verdict.");
    }
    return said.map((text) => (source.synthetic ? `Synthetic: ${text}` : trustWords.capital(text)));
  }

  /** How far a group and the first are apart, and whether that could be nothing.
   * @param {Shown} shown @param {number} row @returns {string} */
  function apart(shown, row) {
    const { points, interval } = trustWords;
    const { codes } = shown.found.levels;
    const gap = shown.found.gaps.find((one) => one.measure === "difference" && one.row === row);
    if (!gap) return "";
    const ends = trustTables.stored(shown, "gaps", codes[row]) ?? gap;
    const zero = trustTables.holds(ends, 0) ? "holds" : "does not hold";
    return `They are ${points(gap.estimate)} points apart (${interval(ends, points)}): the interval ${zero} zero.`;
  }

  /** The percentage of a group, with its interval: by replicate weights where it is stored.
   * @param {Shown} shown @param {number} row @returns {string} */
  function spoken(shown, row) {
    const { percent, interval } = trustWords;
    const { levels } = shown.found;
    const own = { low: levels.low[row], high: levels.high[row] };
    const ends = trustTables.stored(shown, "levels", levels.codes[row]) ?? own;
    const name = trustWords.group(shown.choice, levels.codes[row]);
    return `${name}: ${percent(levels.p[row])} percent (${interval(ends, percent)})`;
  }

  /** The one contrast of two identities with two levels each.
   * @param {Shown} shown @param {Compared} contrast @returns {string} */
  function ofOne(shown, contrast) {
    const { points, interval } = trustWords;
    const { levels } = shown.found;
    const would = trustPicture.expected(levels, contrast.row);
    const replicates = trustTables.stored(shown, contrast.measure, levels.codes[contrast.row], contrast.axes);
    const ends = replicates ?? contrast;
    const sum = would ? `The two gaps added up would give ${trustWords.percent(would.added)} percent. ` : "";
    const begin = `${sum}Both together lie ${points(contrast.estimate)} points from there (${interval(ends, points)}`;
    const by = `${byWhich(shown, replicates !== null)})`;
    if (trustTables.holds(ends, 0)) {
      return `${begin}${by}: the interval holds zero, so this cannot tell whether the two together go with more or less than the sum of each.`;
    }
    return `${begin}${by}: the interval does not hold zero. It is one of many that can be looked at: see below.`;
  }

  /** By which standard errors several intervals are.
   * @param {number} areStored how many by replicate weights @returns {string} */
  const kindsOf = (areStored) => (areStored
    ? `${areStored} by replicate weights, the others by Taylor linearisation`
    : "by Taylor linearisation: none by replicate weights is stored");

  /** Whose standard errors an interval has, where a survey has two kinds of them.
   * @param {Shown} shown @param {boolean} areStored @returns {string} */
  function byWhich(shown, areStored) {
    if (!shown.replicates) return "";
    return areStored ? ", by replicate weights" : ", by Taylor linearisation: no interval by replicate weights is stored for this choice";
  }

  /** Several contrasts: how many of their intervals hold zero.
   * @param {Shown} shown @param {Compared[]} contrasts @returns {string} */
  function ofMany(shown, contrasts) {
    const { codes } = shown.found.levels;
    const stored = contrasts.map((one) => trustTables.stored(shown, one.measure, codes[one.row], one.axes));
    const holding = contrasts.filter((one, i) => trustTables.holds(stored[i] ?? one, 0));
    const areStored = stored.filter((one) => one !== null).length;
    const by = shown.replicates ? ` (${kindsOf(areStored)})` : "";
    return `Of ${contrasts.length} interaction contrasts${by}, the intervals of ${holding.length} hold zero: `
      + "there the data cannot tell whether identities together go with more or less than the sum of each.";
  }

  // ----- links and downloads -----

  /** @param {BookSource} source @param {Shown} shown @param {Picture} picture */
  function showActions(source, shown, picture) {
    const { set } = shown.choice;
    const name = ["explorer", source.id, set.outcome, ...shown.choice.axes].join("-");
    const csv = trustTables.csv(shown, [what(source, shown), set.variance, evidenceOf(source)]);
    const links = [
      element("a", { href: address() }, "Link to this choice"),
      download("Numbers as CSV", `${name}.csv`, `data:text/csv;charset=utf-8,${encodeURIComponent(csv)}`),
      download("Picture as SVG", `${name}.svg`, `data:image/svg+xml;charset=utf-8,${encodeURIComponent(trustPicture.svg(picture))}`),
    ];
    const isWhole = shown.choice.axes.length === set.by.length;
    if (set.page && isWhole) links.push(element("a", { href: set.page }, "The page of the run on these cells"));
    links.splice(3, 0, asPng(`${name}.png`, trustPicture.svg(picture)));
    part("actions").replaceChildren(...links);
  }

  /** A link that takes the picture along as PNG: it is drawn when it is asked for.
   * @param {string} name @param {string} svg @returns {HTMLElement} */
  function asPng(name, svg) {
    const link = download("Picture as PNG", name, "#explorer-picture");
    link.addEventListener("click", async (event) => {
      if (link.dataset.drawn) return;
      event.preventDefault();
      const drawn = await trustPicture.png(svg).catch(() => "");
      if (!drawn) {
        link.replaceWith("This browser cannot draw the picture as PNG: take the SVG.");
        return;
      }
      link.dataset.drawn = "yes";
      link.setAttribute("href", drawn);
      link.click();
    });
    return link;
  }

  /** @param {BookSource} source @returns {string} */
  const evidenceOf = (source) => `Kind of evidence: ${source.evidence}: ${source.label}`;

  /** @param {string} words @param {string} name @param {string} href @returns {HTMLElement} */
  const download = (words, name, href) => element("a", { href, download: name.replace(/[^\w.-]/g, "_") }, words);

  // ----- tables and notes -----

  /** @param {string} name @param {Table} content */
  function fillTable(name, content) {
    const heads = content.heads.map((head) => element("th", { scope: "col" }, head));
    const rows = content.rows.map((texts, row) => element("tr", {},
      ...texts.map((text, place) => {
        if (place === 0) return element("th", { scope: "row" }, text);
        if (place === content.estimate) return element("td", { "data-card": `explorer|${name}:${row}` }, text);
        return element("td", /^[a-z]/i.test(text) ? { class: "explorer-words" } : {}, text);
      })));
    part(name).replaceChildren(
      element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...rows));
  }

  /** @param {Shown} shown */
  function showTables(shown) {
    fillTable("levels", trustTables.levels(shown));
    fillTable("gaps", trustTables.gaps(shown));
    fillTable("scales", trustTables.scales(shown));
    fillTable("model", trustTables.model(shown));
  }

  /** @param {BookSource} source @param {Shown} shown */
  function showNotes(source, shown) {
    const { set } = shown.choice;
    const count = contrastsOf(source);
    const missing = Math.round(count / BY_CHANCE);
    part("of-levels").textContent = `Percent of each group, as answered.${ofReplicates(shown)}`;
    part("many").textContent = `This source offers ${count} interaction contrasts here. If no identities did anything together, `
      + `about ${missing} of their intervals would still not hold zero, by chance. Whoever looks through them all finds some.`;
    part("convention").textContent = `${set.variance}; t with ${set.df} df for levels, gaps and interactions, fewer for models; `
      + `logit intervals of levels. ${evidenceOf(source)}. Cells: ${set.id || "your file"}.`;
  }

  /** What is said of standard errors where a survey has replicate weights.
   * @param {Shown} shown @returns {string} */
  function ofReplicates(shown) {
    if (!shown.replicates) return "";
    const begin = " Computed in this page from sealed cells, with Taylor linearisation.";
    if (!shown.hasStored) {
      return `${begin} Replicate weights are primary in this book, but no interval by them is stored for this choice.`;
    }
    return `${begin} Intervals by replicate weights (${shown.replicates}) are primary in this book and stored for its runs: `
      + "where one stands beside, it is the one to read, and the picture shows it and what a group is worth by it. A dash: none is stored.";
  }

  // ----- what readers do -----

  /** Show a new choice, and write it into the address. */
  function changed() {
    fromLink = "";
    show();
    history.replaceState(null, "", address());
  }

  /** Another question or source keeps the identities where it has them.
   * @param {string} source @param {number} question */
  function ask(source, question) {
    const known = axesOf(sourceOf(source).sets);
    const axes = state.axes.filter((axis) => known.includes(axis));
    state = { source, question, axes, first: state.first };
    if (axes.length < 2) state.axes = firstAxes(sourceOf(source), question);
    changed();
  }

  /** The question of another year that is asked in the same words, or its first.
   * @param {string} year @returns {number} */
  function questionIn(year) {
    const { questions } = sourceOf(state.source);
    const now = questions[state.question];
    const alike = questions.findIndex((one) =>
      one.year === year && one.outcome === now.outcome && one.people === now.people);
    return alike >= 0 ? alike : questions.findIndex((one) => one.year === year);
  }

  /** @param {number} place @param {string} axis nothing leaves it out */
  function identify(place, axis) {
    const axes = [...state.axes];
    if (axis) axes[place] = axis;
    else axes.splice(place, 1);
    state = { ...state, axes };
    changed();
  }

  function listen() {
    const form = part("form");
    form.addEventListener("submit", (/** @type {Event} */ event) => event.preventDefault());
    part("source").addEventListener("change", () => ask(part("source").value, 0));
    part("year").addEventListener("change", () => ask(state.source, questionIn(part("year").value)));
    part("question").addEventListener("change", () => ask(state.source, Number(part("question").value)));
    [0, 1, 2].forEach((place) => {
      const list = part(`axis-${place}`);
      list.addEventListener("change", () => identify(place, list.value));
    });
    part("first").addEventListener("change", (/** @type {any} */ event) => {
      const { axis } = event.target.dataset;
      state = { ...state, first: { ...state.first, [axis]: event.target.value } };
      changed();
      part(`first-${axis}`).focus();
    });
    window.addEventListener("hashchange", () => {
      if (restore(location.hash)) show();
    });
  }

  // ----- a reader's own file -----

  /** @param {File} file */
  async function open(file) {
    const text = await file.text().catch(() => "");
    const { set, fault } = trustCellsFile.read(text);
    part("fault").textContent = fault ?? "";
    if (set) take(/** @type {CellSet} */ (set));
  }

  /** Put a reader's cells beside those of the book, in place of the former ones.
   * @param {CellSet} set */
  function take(set) {
    const { source, labels, outcome } = set;
    const old = sources.findIndex((one) => one.id === OWN);
    if (old >= 0) sources.splice(old, 1);
    const label = trustWords.heading(outcome, labels);
    sources.push({
      id: OWN,
      label: `Your file: ${source.label || "no label"}`,
      evidence: source.kind || "Source not stated",
      synthetic: source.kind === "synthetic",
      replicates: "",
      questions: [{ outcome, label, year: "", people: "" }],
      sets: [{ ...set, id: "", question: 0, page: "", stored: {} }],
      reasons: {},
      refused: {},
    });
    state = { source: OWN, question: 0, axes: set.by.slice(0, 2), first: {} };
    changed();
  }

  function listenToFiles() {
    const box = part("own");
    part("file").addEventListener("change", () => {
      const [file] = part("file").files;
      if (file) open(file);
    });
    box.addEventListener("dragover", (/** @type {DragEvent} */ event) => {
      event.preventDefault();
      box.classList.add("explorer-over");
    });
    box.addEventListener("dragleave", () => box.classList.remove("explorer-over"));
    box.addEventListener("drop", (/** @type {DragEvent} */ event) => {
      event.preventDefault();
      box.classList.remove("explorer-over");
      const [file] = event.dataTransfer?.files ?? [];
      if (file) open(file);
    });
  }

  function begin() {
    part("without").hidden = true;
    part("form").hidden = false;
    if (!restore(location.hash)) {
      state = { source: sources[0].id, question: 0, axes: firstAxes(sources[0], 0), first: {} };
    }
    listen();
    listenToFiles();
    show();
  }

  function arrived() {
    sources.push(...(/** @type {any} */ (window)).trustCells.sources);
    begin();
  }

  /** Asks for the cells; `without` says what is going on until they are there. */
  function askForCells() {
    const script = document.createElement("script");
    script.src = (/** @type {HTMLElement} */ (document.getElementById("explorer"))).dataset.cells ?? "";
    script.addEventListener("load", arrived);
    script.addEventListener("error", () => {
      part("without").textContent = "The cells could not be loaded. Load the page again; if this stays, its folder is not whole.";
    });
    document.head.append(script);
  }

  document.addEventListener("DOMContentLoaded", () => {
    part("without").textContent = "The cells are being loaded.";
  });
  if (document.readyState === "complete") askForCells();
  else window.addEventListener("load", askForCells);
})();
