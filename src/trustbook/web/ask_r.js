// "Do not trust us: ask R": runs the published script of a page in R, in the reader's own
// browser, and ticks off each line that it should print. R is in a page of its own, in a
// frame that is made on a click; this page sends it a script and gets back lines.
"use strict";

/**
 * One table of what a script prints: the head, and rows of fields.
 * @typedef {{name: string, head: string, rows: string[]}} AskedTable
 *
 * One expected line, and what came in its place: "" where nothing did.
 * @typedef {{expected: string, found: string, agrees: boolean}} AskedLine
 * @typedef {{name: string, lines: AskedLine[]}} Checked
 */

const trustAskR = (() => {
  const RELATIVE = 1e-6; // numbers that differ by less agree, as in the tests of the book
  const ABSOLUTE = 1e-9;
  const FIELD = /("(?:[^"]|"")*"|[^,]*)(?:,|$)/g;
  const NUMBER = /^-?(?:\d|\.\d)[\d.]*(?:e[-+]?\d+)?$/i;

  /** The tables of a text; other lines are left out.
   * @param {string} text @returns {AskedTable[]} */
  function tablesOf(text) {
    /** @type {AskedTable[]} */
    const tables = [];
    for (const block of text.split(/^# (?=\w+$)/m).slice(1)) {
      const [name, head, ...rest] = block.split("\n");
      const end = rest.findIndex((line) => !line.trim());
      tables.push({ name, head, rows: end < 0 ? rest : rest.slice(0, end) });
    }
    return tables;
  }

  /** The fields of a line.
   * @param {string} line @returns {string[]} */
  const fieldsOf = (line) =>
    [...line.matchAll(FIELD)].map((found) => found[1]).slice(0, line.endsWith(",") ? undefined : -1);

  /** @param {string} a @param {string} b @returns {boolean} */
  function sameField(a, b) {
    if (a === b) return true;
    if (!NUMBER.test(a) || !NUMBER.test(b)) return false;
    return Math.abs(Number(a) - Number(b)) <= ABSOLUTE + RELATIVE * Math.abs(Number(b));
  }

  /** @param {string} found @param {string} expected @returns {boolean} */
  function agree(found, expected) {
    if (found === expected) return true;
    const ours = fieldsOf(found);
    const theirs = fieldsOf(expected);
    return ours.length === theirs.length && ours.every((field, i) => sameField(field, theirs[i]));
  }

  /** What names a row: its words.
   * @param {string} row @returns {string} */
  const keyOf = (row) => fieldsOf(row).filter((field) => !NUMBER.test(field)).join();

  /** The rows of a table by their words; those of the same words in their order.
   * @param {string[]} rows @returns {Map<string, string[]>} */
  function byWords(rows) {
    const found = new Map();
    for (const row of rows) {
      const key = keyOf(row);
      found.set(key, [...(found.get(key) ?? []), row]);
    }
    return found;
  }

  /** Each line that should be printed, held against what was printed.
   * @param {string} expected @param {string} printed @returns {Checked[]} */
  function checked(expected, printed) {
    const made = new Map(tablesOf(printed).map((table) => [table.name, table]));
    return tablesOf(expected).map(({ name, head, rows }) => {
      const own = made.get(name) ?? { name: "", head: "", rows: [] };
      const left = byWords(own.rows);
      /** @param {string} line @param {string} found */
      const held = (line, found) => ({ expected: line, found, agrees: agree(found, line) });
      const title = held(`# ${name}`, own.name && `# ${own.name}`);
      const lines = rows.map((row) => held(row, left.get(keyOf(row))?.shift() ?? ""));
      return { name, lines: [title, held(head, own.head), ...lines] };
    });
  }

  /** What differs in a line, named by the columns of its table.
   * @param {string} head @param {AskedLine} line @returns {string} */
  function difference(head, { expected, found }) {
    const columns = fieldsOf(head);
    const wanted = fieldsOf(expected);
    const got = fieldsOf(found);
    const words = wanted.filter((field) => !NUMBER.test(field)).join(", ");
    if (!found) return `${words || expected}: R did not print it`;
    if (wanted.length !== got.length || columns.length !== got.length) {
      return `expected ${expected}; R printed ${found}`;
    }
    const other = columns.map((_, i) => i).filter((i) => !sameField(got[i], wanted[i]));
    const told = other.map((i) => `${columns[i]} ${short(wanted[i], got[i])}, R printed ${short(got[i], wanted[i])}`);
    return `${words && `${words}: `}expected ${told.join("; ")}`;
  }

  /** A field as a reader sees it beside another: five digits, or all where those are the same.
   * @param {string} field @param {string} other @returns {string} */
  function short(field, other) {
    if (!NUMBER.test(field) || !NUMBER.test(other)) return field;
    const few = Number(field).toPrecision(5);
    return few === Number(other).toPrecision(5) ? field : String(Number(few));
  }

  return { checked, difference };
})();

/** @type {any} */ (globalThis).trustAskR = trustAskR;

(() => {
  const PATIENCE = 15000; // milliseconds from when a frame is there to its first word
  const FRAME = new URL("ask_r.html", /** @type {HTMLScriptElement} */ (document.currentScript).src);
  const FROM_A_FOLDER =
    "R can be asked when the book is read from a web site, not from a folder: the script above runs in any R.";
  const PUBLISHED = "The published script";
  const BY_YOUR_CHANGE =
    "It differs because of your change. In the formula, * gives each group a percentage of its own; + leaves the interaction out, and a contrast is then made by the model and says nothing of people.";
  const NO_WEBASSEMBLY =
    "This browser has no WebAssembly, without which R cannot run in it: the script above runs in any R.";

  /** @param {string} name @returns {any} */
  const part = (name) => document.getElementById(`ask-r-${name}`);

  /** @param {string} tag @param {string} text @param {string} [kind] */
  function element(tag, text, kind) {
    const made = document.createElement(tag);
    made.textContent = text;
    if (kind) made.className = kind;
    return made;
  }

  /** Say something, aloud too.
   * @param {string[]} sentences */
  const say = (...sentences) =>
    part("said").replaceChildren(...sentences.map((sentence) => element("p", sentence)));

  /** @type {HTMLIFrameElement | null} */
  let frame = null;
  /** @type {(() => void) | null} */
  let ready = null;
  let asked = 0;
  let turn = 0; // which run it is: what belongs to a former one is not shown
  let published = "";
  let expected = "";

  // ----- what is shown -----

  /** @param {string} head @param {AskedLine} line */
  function lineOf(head, line) {
    const { agrees } = line;
    const row = element("li", "", agrees ? "" : "ask-r-differs");
    const sign = element("b", agrees ? "\u2713" : "\u2717");
    sign.setAttribute("aria-hidden", "true");
    const spoken = element("span", agrees ? "Agrees: " : "Differs: ", "visually-hidden");
    row.append(sign, spoken, agrees ? line.expected : trustAskR.difference(head, line));
    return row;
  }

  /** @param {Checked} table */
  function tableOf({ name, lines }) {
    const agreeing = lines.filter((line) => line.agrees).length;
    const box = document.createElement("details");
    box.open = agreeing < lines.length;
    const list = element("ul", "", "ask-r-list");
    list.append(...lines.map((line) => lineOf(lines[1].expected, line)));
    box.append(element("summary", `${name}: ${agreeing} of ${lines.length} lines agree`), list);
    return box;
  }

  /** @param {string} script @param {{lines: string[], error: string}} answered */
  function show(script, { lines, error }) {
    const printed = lines.join("\n");
    const tables = trustAskR.checked(expected, printed);
    const every = tables.flatMap((table) => table.lines);
    const agreeing = every.filter((line) => line.agrees);
    const exact = agreeing.filter((line) => line.expected === line.found).length;
    const which = script === published ? PUBLISHED : "Your version of the script";
    const how = exact === agreeing.length ? "" : `, of which ${exact} digit for digit`;
    const result = `${agreeing.length} of ${every.length} lines agree${how}.`;
    const sentences = [`${which}: ${result}`];
    if (error) sentences.push(`R stopped: ${error}`);
    const all = agreeing.length === every.length;
    if (all && which === PUBLISHED) {
      sentences.push("So R confirms percentages, gaps and their errors by Taylor linearisation. Intervals by replicate weights, where this page puts them first, are others and were not asked.");
    }
    if (!all) sentences.push("What differs stands below.");
    if (!all && which !== PUBLISHED && !error) sentences.push(BY_YOUR_CHANGE);
    part("lines").replaceChildren(...tables.map(tableOf));
    part("printed").textContent = printed + (error ? `\nError: ${error}` : "");
    say(...sentences);
  }

  // ----- the frame -----

  /** Make the frame, and wait until it is there. */
  function open() {
    return new Promise((resolve, reject) => {
      const made = document.createElement("iframe");
      made.title = "R, at work for this page";
      made.hidden = true;
      const late = () => reject(new Error("The page with R could not be loaded."));
      let clock = setTimeout(late, 4 * PATIENCE);
      made.addEventListener("load", () => {
        clearTimeout(clock);
        clock = setTimeout(late, PATIENCE);
      });
      ready = () => {
        clearTimeout(clock);
        resolve(undefined);
      };
      made.src = FRAME.href;
      frame = made;
      part("panel").append(made);
    });
  }

  /** What R prints of a script.
   * @param {string} script @returns {Promise<{lines: string[], error: string}>} */
  function answer(script) {
    asked += 1;
    const id = asked;
    return new Promise((resolve) => {
      /** @param {MessageEvent} event */
      const heard = (event) => {
        if (!isFromFrame(event) || event.data.id !== id) return;
        removeEventListener("message", heard);
        resolve(event.data);
      };
      addEventListener("message", heard);
      frame?.contentWindow?.postMessage({ id, script }, location.origin);
    });
  }

  /** @param {MessageEvent} event */
  const isFromFrame = (event) =>
    frame !== null && event.source === frame.contentWindow && event.origin === location.origin;

  /** @param {boolean} busy */
  function setBusy(busy) {
    for (const name of ["start", "run", "back"]) part(name).disabled = busy;
    part("lines").setAttribute("aria-busy", String(busy));
  }

  async function run() {
    const script = part("script").value;
    turn += 1;
    const own = turn;
    setBusy(true);
    try {
      if (!frame) {
        say("R is being loaded. This takes some seconds, on a slow line minutes.");
        await open();
      } else {
        say("R is running the script.");
      }
      if (own !== turn) return; // it was stopped
      const answered = await answer(script);
      if (own !== turn) return;
      show(script, answered);
    } catch (fault) {
      if (own !== turn) return;
      stop();
      say(fault instanceof Error ? fault.message : String(fault), "Try again, or run the script in any R.");
    }
    setBusy(false);
  }

  function stop() {
    turn += 1;
    frame?.remove();
    frame = null;
    ready = null;
    setBusy(false);
  }

  // ----- the page -----

  /** @param {string} ending @returns {Promise<string>} */
  async function textOf(ending) {
    const link = part("panel").closest(".ask-r").querySelector(`a[href$="${ending}"]`);
    const response = await fetch(link.href);
    if (!response.ok) throw new Error(`${link.textContent} could not be loaded.`);
    return response.text();
  }

  async function start() {
    setBusy(true);
    say("The script is being loaded.");
    try {
      [published, expected] = await Promise.all([textOf("-cells.R"), textOf("-expected.txt")]);
    } catch {
      setBusy(false);
      say("The script could not be loaded from this site. Try again.");
      return;
    }
    part("script").value = published;
    part("work").hidden = false;
    part("offer").hidden = true;
    goToFormula();
    await run();
  }

  /** Put the cursor on the formula of the model. */
  function goToFormula() {
    const area = part("script");
    const found = /^model <- .*$/m.exec(area.value);
    area.focus();
    area.setSelectionRange(0, 0);
    if (!found) return;
    area.setSelectionRange(found.index, found.index + found[0].length);
    const line = area.value.slice(0, found.index).split("\n").length;
    area.scrollTop = (area.scrollHeight / area.value.split("\n").length) * Math.max(line - 3, 0);
    area.scrollLeft = 0;
  }

  function putBack() {
    part("script").value = published;
    part("lines").replaceChildren();
    part("printed").textContent = "";
    say("The published script is back. Run it.");
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || part("run").disabled) return;
    event.preventDefault();
    run();
  }

  function begin() {
    if (!part("panel")) return;
    if (location.protocol === "file:") return say(FROM_A_FOLDER);
    if (typeof WebAssembly !== "object") return say(NO_WEBASSEMBLY);
    addEventListener("message", (event) => {
      if (isFromFrame(event) && event.data.ready) ready?.();
    });
    part("start").addEventListener("click", start);
    part("run").addEventListener("click", run);
    part("formula").addEventListener("click", goToFormula);
    part("back").addEventListener("click", putBack);
    part("stop").addEventListener("click", () => {
      stop();
      say("R is stopped. Run it to load R again, from your browser's own copy.");
    });
    part("script").addEventListener("keydown", onKey);
    part("offer").hidden = false;
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();
