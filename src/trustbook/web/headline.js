// "Could this headline be true?": two unprinted groups that are moved, and how the printed
// figures are read. What is possible was computed when the book was made, by
// trustlib.record.region: `window.trustHeadline` holds it for every combination.
"use strict";

/**
 * What two figures can be, and what contradicts the rest; percentages.
 * @typedef {Object} Combination
 * @property {boolean} possible
 * @property {string[]} [conflict] a smallest contradiction, where nothing is possible
 * @property {number[][]} [region] across, low, high
 * @property {{names: string[], fits: number[][]}[]} [contradictions] fits: how many
 *   percentages across, and the least and greatest up that these names allow
 *
 * @typedef {{name: string, printed: string, claim: string, href: string}} RecordLine
 * @typedef {Object} Headline
 * @property {{[key: string]: Combination}} combinations
 * @property {{[list: string]: {[key: string]: string}}} switches list -> key -> label
 * @property {{[base: string]: string[]}} lines the ids that play a part
 * @property {{[id: string]: RecordLine}} record
 * @property {{across: string, up: string}} groups
 * @property {{across: string, up: string}} values what they are called in contradictions
 *
 * @typedef {{questions: string, bases: string, orders: string, across: number, up: number}} HeadlineState
 */

(() => {
  const LISTS = /** @type {const} */ (["questions", "bases", "orders"]);
  const SIDES = /** @type {const} */ (["across", "up"]);
  const LEFT = 50;
  const TOP = 8;
  const SIZE = 300;
  const WIDTH = LEFT + SIZE + 12;
  const TICKS = [0, 20, 40, 60, 80, 100];
  const SVG = "http://www.w3.org/2000/svg";

  /** @type {Headline} */
  const headline = (/** @type {any} */ (window)).trustHeadline;
  /** @type {HeadlineState} */
  let state = { questions: "one", bases: "8", orders: "free", across: 75, up: 70 };

  /** @param {string} name @returns {any} */
  const part = (name) => document.getElementById(`headline-${name}`);

  /** An element with attributes and children; texts are shown as written.
   * @param {string} tag @param {Object<string, string>} attributes
   * @param {...(Node | string)} children @returns {HTMLElement} */
  function element(tag, attributes, ...children) {
    const made = document.createElement(tag);
    Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, value));
    made.append(...children);
    return made;
  }

  /** @param {string} tag @param {Object<string, string | number>} attributes
   * @param {...(Node | string)} children @returns {Element} */
  function drawn(tag, attributes, ...children) {
    const made = document.createElementNS(SVG, tag);
    Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, String(value)));
    made.append(...children);
    return made;
  }

  // ----- what is possible -----

  /** @returns {Combination} */
  const chosen = () =>
    headline.combinations[`${state.questions} ${state.bases} ${state.orders}`];

  /** The least and greatest percentage up that some names allow, at one across.
   * @param {number[][]} fits @param {number} across @returns {number[]} */
  function allowed(fits, across) {
    let before = 0;
    for (const [count, low, high] of fits) {
      before += count;
      if (across < before) return [low, high];
    }
    return [1, 0];
  }

  /** The names of a smallest contradiction; nothing where the two values are possible.
   * @param {Combination} combination @returns {string[]} */
  function contradiction(combination) {
    if (!combination.possible) return combination.conflict ?? [];
    const found = (combination.contradictions ?? []).find(({ fits }) => {
      const [low, high] = allowed(fits, state.across);
      return state.up < low || state.up > high;
    });
    return found?.names ?? [];
  }

  /** The ends of what a side can be at all.
   * @param {number[][]} region @param {"across" | "up"} side @returns {string} */
  function range(region, side) {
    const lows = region.map((row) => (side === "across" ? row[0] : row[1]));
    const highs = region.map((row) => (side === "across" ? row[0] : row[2]));
    return `${Math.min(...lows).toFixed(1)} to ${Math.max(...highs).toFixed(1)} %`;
  }

  // ----- what is said -----

  /** A line as the sentence calls it.
   * @param {string} id @returns {string} */
  function called(id) {
    const side = SIDES.find((one) => headline.values[one] === id);
    if (side) return `your ${state[side]} % of ${headline.groups[side]}`;
    const line = headline.record[id];
    return line ? `${line.name}: ${line.printed} (${id})` : `the reading "${reading(id)}"`;
  }

  /** An assumption, as its switch calls it.
   * @param {string} name @returns {string} */
  function reading(name) {
    if (name === "one item") return headline.switches.questions.one;
    return name === "no single group above the double group" ? headline.switches.orders.capped : name;
  }

  /** Whether the two values are possible, and why not.
   * @param {Combination} combination @param {string[]} names @returns {string[]} */
  function sentences(combination, names) {
    if (!names.length) return ["These two values are possible."];
    const begin = combination.possible
      ? "These two values are not possible together, if weights play no part."
      : "Nothing is possible under this reading, wherever you move the sliders, if weights play no part.";
    const sides = SIDES.filter((side) => names.includes(headline.values[side]));
    const yours = sides.map((side) => called(headline.values[side]));
    const printed = names.filter((name) => name in headline.record).length;
    const assumed = names.filter((name) => !(name in headline.record) && !isValue(name));
    const lines = `${printed} printed ${printed === 1 ? "line" : "lines"}`;
    const parts = [...yours, lines, ...assumed.map(called)];
    return [begin, `What contradicts itself: ${parts.join("; ")}. The lines are marked below.`];
  }

  /** What the two figures can be at all, whichever values are chosen.
   * @param {Combination} combination @returns {string} */
  function ranges(combination) {
    const { region } = combination;
    if (!region) return "";
    return `Under this reading, ${headline.groups.across} can be from ${range(region, "across")}, each with some value of the other, `
      + `and ${headline.groups.up} from ${range(region, "up")}. The shape shows which go together.`;
  }

  // ----- what is shown -----

  /** @param {number} percent @returns {number} */
  const x = (percent) => LEFT + (SIZE * percent) / 100;
  /** @param {number} percent @returns {number} */
  const y = (percent) => TOP + SIZE - (SIZE * percent) / 100;

  /** The outline of the region: along its upper end, and back along its lower.
   * @param {number[][]} region @returns {string} */
  function outline(region) {
    const above = region.map(([across, , high]) => `${x(across)} ${y(high)}`);
    const below = region.map(([across, low]) => `${x(across)} ${y(low)}`).reverse();
    return `M${[...above, ...below].join("L")}Z`;
  }

  /** The picture: grid, region, and the two values.
   * @param {Combination} combination @param {string[]} names @returns {Element} */
  function picture(combination, names) {
    const says = [...sentences(combination, names), ranges(combination)].join(" ");
    const svg = drawn("svg", { viewBox: `0 0 ${WIDTH} ${TOP + SIZE + 40}`, role: "img", "aria-label": `The region of what is possible. ${says}` });
    for (const tick of TICKS) {
      svg.append(
        drawn("path", { class: "headline-grid", d: `M${x(tick)} ${y(0)}V${y(100)}M${x(0)} ${y(tick)}H${x(100)}` }),
        drawn("text", { x: x(tick), y: y(0) + 17, "text-anchor": "middle" }, String(tick)),
        drawn("text", { x: LEFT - 6, y: y(tick) + 4, "text-anchor": "end" }, String(tick)));
    }
    const middle = TOP + SIZE / 2;
    svg.append(
      drawn("text", { x: LEFT + SIZE / 2, y: y(0) + 35, "text-anchor": "middle" }, `${headline.groups.across}, %`),
      drawn("text", { x: 14, y: middle, "text-anchor": "middle", transform: `rotate(-90 14 ${middle})` }, `${headline.groups.up}, %`));
    svg.append(drawn("rect", { class: "headline-frame", x: LEFT, y: TOP, width: SIZE, height: SIZE }));
    if (combination.region) {
      svg.append(drawn("path", { class: "headline-region", d: outline(combination.region) }));
    }
    svg.append(drawn("path", { class: "headline-aim", d: `M${x(state.across)} ${y(0)}V${y(100)}M${x(0)} ${y(state.up)}H${x(100)}` }));
    svg.append(point(names.length === 0));
    return svg;
  }

  /** The two values: a circle where they are possible, else a cross.
   * @param {boolean} fits @returns {Element} */
  function point(fits) {
    const [across, up] = [x(state.across), y(state.up)];
    if (fits) return drawn("circle", { class: "headline-point", cx: across, cy: up, r: 7 });
    const d = `M${across - 7} ${up - 7}l14 14m0-14l-14 14`;
    return drawn("path", { class: "headline-point", d });
  }

  /** The lines of this reading, those of the contradiction marked and first.
   * @param {string[]} names */
  function showLines(names) {
    const ids = headline.lines[state.bases];
    const assumed = names.filter((name) => !(name in headline.record) && !isValue(name));
    const lit = ids.filter((id) => names.includes(id));
    const others = ids.filter((id) => !names.includes(id));
    const items = [
      ...lit.map((id) => line(id, true)),
      ...assumed.map((name) => element("li", { class: "headline-lit" }, `Contradicts: the reading "${reading(name)}"`)),
      ...others.map((id) => line(id, false)),
    ];
    part("lines").replaceChildren(...items);
  }

  /** @param {string} name @returns {boolean} */
  const isValue = (name) => SIDES.some((side) => headline.values[side] === name);

  /** @param {string} id @param {boolean} isLit @returns {HTMLElement} */
  function line(id, isLit) {
    const { printed, claim, href } = headline.record[id];
    const link = element("a", { href }, id);
    const words = `${isLit ? "Contradicts: " : ""}${claim}: ${printed} `;
    return element("li", isLit ? { class: "headline-lit" } : {}, words, link);
  }

  /** The part of the address that restores the choice.
   * @returns {string} */
  const address = () => `#${new URLSearchParams(
    Object.entries(state).map(([name, value]) => [name, String(value)]))}`;

  function show() {
    const combination = chosen();
    const names = contradiction(combination);
    for (const side of SIDES) {
      part(side).value = String(state[side]);
      part(side).setAttribute("aria-valuetext", `${state[side]} percent`);
      part(`${side}-value`).textContent = `${state[side]} %`;
    }
    for (const list of LISTS) {
      part(list).querySelectorAll("input").forEach((/** @type {HTMLInputElement} */ one) => {
        one.checked = one.value === state[list];
      });
    }
    part("said").replaceChildren(...sentences(combination, names).map((text) => element("p", {}, text)));
    part("range").textContent = ranges(combination);
    part("said").classList.toggle("headline-false", names.length > 0);
    part("picture").replaceChildren(picture(combination, names));
    showLines(names);
    part("link").setAttribute("href", address());
  }

  // ----- what readers do -----

  /** @param {Partial<HeadlineState>} change */
  function take(change) {
    state = { ...state, ...change };
    show();
    history.replaceState(null, "", address());
  }

  /** Take the choice from the address, if it holds one.
   * @param {string} hash @returns {boolean} */
  function restore(hash) {
    const words = new URLSearchParams(hash.slice(1));
    const wanted = LISTS.map((list) => words.get(list) ?? "");
    if (!LISTS.every((list, i) => wanted[i] in headline.switches[list])) return false;
    const [questions, bases, orders] = wanted;
    const [across, up] = SIDES.map((side) => Number(words.get(side) ?? "50"));
    const isPercent = (/** @type {number} */ value) => Number.isInteger(value) && value >= 0 && value <= 100;
    if (!isPercent(across) || !isPercent(up)) return false;
    state = { questions, bases, orders, across, up };
    return true;
  }

  /** The switches of one list.
   * @param {"questions" | "bases" | "orders"} list */
  function offer(list) {
    const options = Object.entries(headline.switches[list]).map(([key, label]) => {
      const id = `headline-${list}-${key}`;
      const input = element("input", { type: "radio", name: `headline-${list}`, id, value: key });
      return element("label", { for: id }, input, element("span", {}, label));
    });
    part(list).append(...options);
    part(list).addEventListener("change", (/** @type {any} */ event) => take({ [list]: event.target.value }));
  }

  /** A tap or click on the picture takes both values from there.
   * @param {any} event */
  function aim(event) {
    const box = part("picture").querySelector("svg")?.getBoundingClientRect();
    if (!box) return;
    const scale = WIDTH / box.width;
    const across = Math.round((100 * ((event.clientX - box.left) * scale - LEFT)) / SIZE);
    const up = Math.round(100 - (100 * ((event.clientY - box.top) * scale - TOP)) / SIZE);
    if (Math.min(across, up) >= 0 && Math.max(across, up) <= 100) take({ across, up });
  }

  function begin() {
    LISTS.forEach(offer);
    for (const side of SIDES) {
      const which = side === "across" ? "Across" : "Up";
      part(`${side}-name`).textContent = `${which}: ${headline.groups[side]}, percent who said yes`;
      part(side).addEventListener("input", () => take({ [side]: Number(part(side).value) }));
    }
    part("what").textContent = "Shaded: every pair of values that the printed figures allow. In percent who said yes.";
    part("form").addEventListener("submit", (/** @type {Event} */ event) => event.preventDefault());
    part("picture").addEventListener("click", aim);
    window.addEventListener("hashchange", () => { if (restore(location.hash)) show(); });
    restore(location.hash);
    part("without").hidden = true;
    for (const name of ["form", "figure", "all"]) part(name).hidden = false;
    show();
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();
