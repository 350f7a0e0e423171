// What is this number? A click, a tap or Enter on a number of the book opens a small card
// that says it, without leaving the page. Which numbers have one is in the page
// (trustbook.sphinx.card_pages); what a card says is a script of data, loaded when it is
// asked for. Escape closes a card, and the reader is where she was.
"use strict";

/**
 * What the files of cards hold.
 * @typedef {{[name: string]: string}} Facts
 * @typedef {Object} RunData
 * @property {string} title
 * @property {string} run
 * @property {string} [page]
 * @property {string} evidence
 * @property {boolean} synthetic
 * @property {string} [cells] a file that the explorer opens
 * @property {{[table: string]: Facts}} tables
 * @property {{[key: string]: Facts}} rows
 *
 * @typedef {{run: string, row: string, shown: string, column?: string, published?: string}} FindingData
 * @typedef {{printed: string, claim: string, facts: Facts}} LineData
 * @typedef {{lines: string[], assumed: string[]}} ComputedData
 * @typedef {{shown: string, claim: string, evidence: string, facts: Facts, lines: string[]}} LedgerData
 *
 * What a card shows.
 * @typedef {Object} CardText
 * @property {string} title
 * @property {string} about
 * @property {string} [plain] the number and its interval in words
 * @property {[string, string][]} facts
 * @property {string} [head] what stands over the lines of R
 * @property {string} [code]
 * @property {Node[]} links
 */

(() => {
  const NUMBERS = "[data-card]:not(a)";
  const LINKS = 'main a[data-card], main a[href*="record.html#figure-"], main a[href^="#computed-"]';
  const FACTS = [
    ["interval", "95 % interval"], ["error", "Standard error"], ["p", "p-value"],
    ["people", "People"], ["worth", "Effective people"], ["df", "Degrees of freedom"],
    ["against", "Compared with"],
  ];
  const OF_TABLE = [["outcome", "Question"], ["design", "Design"], ["model", "Model"], ["convention", "Convention"]];
  // What the card says at once to everybody; the rest is folded until it is asked for.
  const TECHNICAL = [
    "Standard error", "p-value", "Effective people", "Degrees of freedom",
    "Formula", "Design", "Model", "Convention", "Reading",
  ];
  const FEW = 3; // so few facts are not folded
  const GAP = 8; // pixels between a number and its card
  const WIDE = 600; // pixels: in narrower windows a card lies at the lower edge

  const root = document.documentElement.dataset.content_root ?? "./";
  /** @type {HTMLDialogElement | null} */
  let card = null;
  let isUnfolded = false; // a reader who asked once for the rest has it on every card

  /** An element with attributes and children; texts are shown as written.
   * @param {string} tag @param {Object<string, string>} attributes
   * @param {...(Node | string)} children @returns {HTMLElement} */
  function element(tag, attributes, ...children) {
    const made = document.createElement(tag);
    Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, value));
    made.append(...children);
    return made;
  }

  // ----- data -----

  /** The data of a file, loaded once.
   * @param {string} name @returns {Promise<any>} */
  function load(name) {
    const all = (/** @type {any} */ (window)).trustCardData ?? {};
    if (name in all) return Promise.resolve(all[name]);
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = `${root}_static/cards/${name}.js`;
      script.addEventListener("load", () => resolve((/** @type {any} */ (window)).trustCardData[name]));
      script.addEventListener("error", () => reject(new Error(name)));
      document.head.append(script);
    });
  }

  // ----- what a card says -----

  /** The card that belongs to a number or a link.
   * @param {HTMLElement} number @returns {Promise<CardText>} */
  async function textOf(number) {
    const address = number.dataset.card ?? "";
    const [file, key] = address.split("|");
    const shown = number.textContent?.trim() ?? "";
    if (file === "findings") return ofFinding((await load("findings"))[key]);
    if (file === "record") return ofLine(key, (await load("record"))[key], `${root}record.html#figure-${key}`);
    if (file === "ledger") return ofLedger((await load("ledger"))[key], number.getAttribute("href") ?? "");
    if (file === "explorer") return ofExplorer((/** @type {any} */ (window)).trustExplorerCards.textOf(key));
    if (address) return ofRow(await load(file), key);
    const target = decodeURIComponent(number.getAttribute("href")?.split("#")[1] ?? "");
    if (target.startsWith("computed-")) return ofComputed(target, shown);
    const id = target.replace("figure-", "");
    return ofLine(id, (await load("record"))[id], number.getAttribute("href") ?? "");
  }

  /** A number that the explorer has computed.
   * @param {CardText} text @returns {CardText} */
  function ofExplorer(text) {
    return { ...text, plain: inWords(text.title.replace(/^Synthetic: /, ""), text.facts[0][1]) };
  }

  /** @param {FindingData} finding @returns {Promise<CardText>} */
  async function ofFinding(finding) {
    const text = ofRow(await load(`runs/${finding.run}`), finding.row);
    if (finding.column) {
      text.facts.unshift(["Of the row with", text.title]);
      text.title = finding.shown;
      text.about = `${finding.column}: ${text.about}`;
    }
    if (finding.published) {
      const href = `${root}ledger.html#ledger-${finding.published}`;
      text.links.push(element("a", { href }, "What was published of it"));
    }
    return text;
  }

  /** A row of a published table.
   * @param {RunData} run @param {string} key @returns {CardText} */
  function ofRow(run, key) {
    const row = run.rows[key];
    const table = run.tables[key.split(":")[0]];
    const begin = run.synthetic ? "Synthetic: " : "";
    const facts = FACTS.map(([name, label]) => /** @type {[string, string]} */ ([label, row[name] ?? ""]));
    facts.push(["Formula", row.formula ?? table.formula ?? ""]);
    OF_TABLE.forEach(([name, label]) => facts.push([label, table[name] ?? ""]));
    const what = [row.measure ?? table.measure, row.group, run.title].filter(Boolean).join("; ");
    return {
      title: `${begin}${row.estimate}`,
      about: `${what}. ${run.evidence}.`,
      plain: inWords(row.estimate, row.interval ?? ""),
      facts: facts.filter(([, text]) => text !== ""),
      head: table.r_gives ?? "",
      code: row.apart ? "" : table.r ?? "",
      links: linksOf(run, table),
    };
  }

  /** A percentage or a number of points, and its interval, in a sentence.
   * @param {string} estimate @param {string} interval @returns {string} */
  function inWords(estimate, interval) {
    const found = /^([+−]?)([\d.]+) (percent|points)$/.exec(estimate);
    const ends = interval.split(" to ").map((end) => Number(end.replace("−", "-")));
    if (!found || ends.length !== 2 || ends.some(Number.isNaN)) return "";
    const [low, high] = ends.map((end) => Math.round(end)).map((end) => String(end).replace("-", "−"));
    const about = Math.round(Number(found[2]));
    const allowed = `By the interval it may be ${low} to ${high}`;
    if (found[3] === "percent") return `About ${about} in a hundred. ${allowed}.`;
    const sign = found[1] === "−" ? "fewer" : "more";
    const zero = ends[0] <= 0 && ends[1] >= 0 ? ", so none at all is possible too" : "";
    return `About ${about} in a hundred ${sign}. ${allowed}${zero}.`;
  }

  /** Where a reader can go on from a row: its page, its table, its cells, R.
   * @param {RunData} run @param {Facts} table @returns {Node[]} */
  function linksOf(run, table) {
    const links = [];
    const isHere = location.pathname.endsWith(`/${run.run}.html`);
    if (run.page && !isHere) links.push(element("a", { href: root + run.page }, "The page of this number"));
    if (table.download) {
      links.push(element("a", { href: root + table.download, download: table.file }, `Table ${table.file}`));
    }
    if (run.cells) {
      const name = run.cells.split("/").pop() ?? "";
      links.push(element("a", { href: root + run.cells, download: name }, "Its cells as data, which the explorer opens"));
    }
    const ask = isHere ? askR() : null;
    if (ask) links.push(ask);
    return links;
  }

  /** The place of "ask R": a page that has a button of R marks it with `data-ask-r` and an id.
   * @returns {HTMLElement | null} */
  function askR() {
    const place = document.querySelector("[data-ask-r][id]");
    return place ? element("a", { href: `#${place.id}`, "data-closes": "" }, "Ask R on this page") : null;
  }

  /** A line of the record.
   * @param {string} id @param {LineData} line @param {string} href @returns {CardText} */
  function ofLine(id, line, href) {
    return {
      title: line.printed,
      about: `Printed: ${line.claim} (${id}).`,
      facts: /** @type {[string, string][]} */ (Object.entries(line.facts)),
      links: [
        element("a", { href }, "Its line of the record"),
        element("a", { href: `${root}ledger.html#ledger-${id}` }, "The verdict on it"),
      ],
    };
  }

  /** A number that was computed from print: how, and from which lines.
   * @param {string} place @param {string} shown @returns {Promise<CardText>} */
  async function ofComputed(place, shown) {
    const row = document.getElementById(place);
    const [how, formula] = ["strong + span", ".computed-formula"].map((part) =>
      row?.querySelector(part)?.textContent ?? "");
    const [record, computed] = await Promise.all([load("record"), load("computed")]);
    const key = place.replace("computed-", "");
    const end = /-(?:low|high|conflict)$/;
    /** @type {ComputedData} */
    const asked = computed[key] ?? computed[key.replace(end, "")] ?? { lines: [], assumed: [] };
    const facts = /** @type {[string, string][]} */ ([["Formula", formula], ["Assumed", asked.assumed.join("; ")]]);
    return {
      title: shown,
      about: how,
      facts: facts.filter(([, text]) => text !== ""),
      links: linesOf(record, asked.lines, `${how} ${formula}`),
    };
  }

  /** Links to lines of the record: some, and those that a text names.
   * @param {{[id: string]: LineData}} record @param {string[]} ids @param {string} text
   * @returns {Node[]} */
  function linesOf(record, ids, text) {
    const named = text.match(/\b[A-Z]+\d*-\d+[a-z]?\b/g) ?? [];
    const known = [...new Set([...ids, ...named])].filter((id) => id in record);
    return known.map((id) => element("a", { href: `${root}record.html#figure-${id}` },
      `${id}: ${record[id].claim}: ${record[id].printed}`));
  }

  /** A number of the ledger that no page of a run has: how it was worked out.
   * @param {LedgerData} line @param {string} href @returns {Promise<CardText>} */
  async function ofLedger(line, href) {
    const record = await load("record");
    return {
      title: line.shown,
      about: `${line.claim.replace(/([^?])$/, "$1.")} ${line.evidence}.`,
      facts: /** @type {[string, string][]} */ (Object.entries(line.facts)),
      links: [...linesOf(record, line.lines, ""), element("a", { href }, "Where it is worked out")],
    };
  }

  // ----- the card -----

  /** The one card of the page.
   * @returns {HTMLDialogElement} */
  function theCard() {
    if (card) return card;
    const made = /** @type {HTMLDialogElement} */ (element("dialog", {
      class: "number-card", "aria-labelledby": "number-card-title", "aria-describedby": "number-card-about",
    }));
    made.addEventListener("click", (event) => {
      const target = /** @type {HTMLElement} */ (event.target);
      if (target === made || target.closest("[data-closes]")) made.close();
    });
    document.body.append(made);
    card = made;
    return made;
  }

  /** @param {CardText} text @returns {Node[]} */
  function partsOf(text) {
    const parts = [
      element("h2", { id: "number-card-title", tabindex: "-1" }, text.title),
      element("p", { id: "number-card-about" }, text.about),
    ];
    if (text.plain) parts.push(element("p", { class: "number-card-plain" }, text.plain));
    parts.push(...listOf(text.facts.filter(([label]) => !TECHNICAL.includes(label))));
    parts.push(...folded(text));
    if (text.links.length) {
      parts.push(element("ul", {}, ...text.links.map((link) => element("li", {}, link))));
    }
    parts.push(element("button", { type: "button", class: "number-card-close", "data-closes": "" }, "Close"));
    return parts;
  }

  /** Facts as a list of terms; nothing where there are none.
   * @param {[string, string][]} facts @returns {HTMLElement[]} */
  function listOf(facts) {
    const rows = facts.flatMap(([label, said]) => [element("dt", {}, label), element("dd", {}, said)]);
    return rows.length ? [element("dl", {}, ...rows)] : [];
  }

  /** How the number was computed: its error, design and formula, and the lines of R.
   * @param {CardText} text @returns {HTMLElement[]} */
  function folded(text) {
    const facts = text.facts.filter(([label]) => TECHNICAL.includes(label));
    const inside = listOf(facts);
    if (text.code) {
      inside.push(
        element("p", { class: "number-card-head" }, text.head || "In R, as on the page of this number"),
        element("pre", { tabindex: "0", role: "region", "aria-label": "In R" }, element("code", {}, text.code)));
    }
    if (facts.length < FEW && !text.code) return inside;
    const how = text.code ? "How it is computed, and in R" : "How it is computed";
    const fold = /** @type {HTMLDetailsElement} */ (element("details", {}, element("summary", {}, how), ...inside));
    fold.open = isUnfolded;
    fold.addEventListener("toggle", () => { isUnfolded = fold.open; });
    return [fold];
  }

  /** Open the card of a number, beside it where there is room.
   * @param {HTMLElement} number */
  async function open(number) {
    const text = await textOf(number).catch(() => ({
      title: "This card could not be loaded",
      about: "A file of this page is missing. The numbers stand in the tables all the same.",
      facts: [],
      links: [],
    }));
    const box = theCard();
    if (box.open) return;
    box.replaceChildren(...partsOf(/** @type {CardText} */ (text)));
    focusable(number).focus(); // where the focus returns to
    box.showModal();
    box.scrollTop = 0;
    place(box, number);
    document.getElementById("number-card-title")?.focus();
  }

  /** What of a number can have the focus: its button, or it is a link.
   * @param {HTMLElement} number @returns {HTMLElement} */
  const focusable = (number) => number.querySelector("button.card-number") ?? number;

  /** @param {HTMLElement} box @param {HTMLElement} number */
  function place(box, number) {
    box.style.left = "";
    box.style.top = "";
    const { clientWidth } = document.documentElement;
    box.classList.toggle("number-card-wide", clientWidth >= WIDE);
    if (clientWidth < WIDE) return;
    const at = number.getClientRects()[0];
    const below = at.bottom + GAP;
    const fits = below + box.offsetHeight <= window.innerHeight;
    const top = fits ? below : at.top - GAP - box.offsetHeight;
    const left = Math.min(at.left, clientWidth - box.offsetWidth - GAP);
    box.style.left = `${Math.max(GAP, left)}px`;
    box.style.top = `${Math.max(GAP, Math.min(top, window.innerHeight - box.offsetHeight - GAP))}px`;
  }

  // ----- numbers as buttons -----

  /** Let a number be a button; of those that stand together, Tab reaches one and the arrows the others.
   * @param {HTMLElement} number */
  function enable(number) {
    const button = element("button", { type: "button", class: "card-number", "aria-haspopup": "dialog" });
    const first = number.firstChild;
    if (!first) return;
    first.replaceWith(button);
    button.append(first);
    const others = together(button);
    if (others[0] !== button) button.tabIndex = -1;
  }

  /** The numbers of the same table, picture or sentence.
   * @param {HTMLElement} button @returns {HTMLElement[]} */
  function together(button) {
    const group = button.closest("table, figure, p") ?? button.parentElement;
    return group ? [...group.querySelectorAll("button.card-number")].map((one) => /** @type {HTMLElement} */ (one)) : [button];
  }

  /** @param {KeyboardEvent} event */
  function walk(event) {
    const button = /** @type {HTMLElement} */ (event.target);
    if (!button.matches?.("button.card-number")) return;
    const others = together(button);
    const at = others.indexOf(button);
    /** @type {{[key: string]: number}} */
    const steps = { ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1, Home: 0, End: others.length - 1 };
    const next = others[steps[event.key]];
    if (!(event.key in steps) || !next) return;
    event.preventDefault();
    button.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }

  /** Whether a link opens a card: in the tables of record and ledger only one that is marked.
   * @param {Element} link @returns {boolean} */
  const isWithCard = (link) => link.matches("[data-card]") || !link.closest("#record-table, #ledger-table");

  /** The number that a click is on: a link, a number, or another number of its row.
   * @param {HTMLElement} target @returns {HTMLElement | null} */
  function clicked(target) {
    const link = target.closest(LINKS);
    if (link) return isWithCard(link) ? /** @type {HTMLElement} */ (link) : null;
    if (target.closest("a, button:not(.card-number), summary, dialog")) return null;
    const own = target.closest(NUMBERS);
    if (own) return /** @type {HTMLElement} */ (own);
    if (!target.closest("td.gt_right")) return null;
    return target.closest("tr")?.querySelector(NUMBERS) ?? null;
  }

  /** @param {MouseEvent} event */
  function onClick(event) {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    const number = clicked(/** @type {HTMLElement} */ (event.target));
    if (!number || window.getSelection()?.toString()) return;
    event.preventDefault();
    open(number);
  }

  /** All numbers of the page that are no buttons yet. */
  function enableAll() {
    const numbers = document.querySelectorAll(`main ${NUMBERS}:not(:has(button.card-number))`);
    numbers.forEach((one) => enable(/** @type {HTMLElement} */ (one)));
  }

  function begin() {
    if (!("showModal" in HTMLElement.prototype) && typeof HTMLDialogElement === "undefined") return;
    enableAll();
    document.querySelectorAll(LINKS).forEach((link) => {
      if (isWithCard(link)) link.setAttribute("aria-haspopup", "dialog");
    });
    document.addEventListener("click", onClick);
    document.addEventListener("keydown", walk);
    document.addEventListener("trust-numbers", enableAll); // a script has shown others
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();
