// What is this number? of the explorer: what a card says of a number that was computed in
// the page, with the line of R that computes it from people. `cards.js` opens it.
"use strict";

/**
 * @typedef {Object} ExplorerCard
 * @property {string} title
 * @property {string} about
 * @property {[string, string][]} facts
 * @property {string} head what stands over the lines of R
 * @property {string} code
 * @property {Node[]} links
 *
 * A number of a table, and what belongs to it.
 * @typedef {Compared & {worth?: number, convention: string, replicates: {low: number, high: number} | null}} OneNumber
 */

const trustExplorerCards = (() => {
  const KINDS = /** @type {Object<string, {name: string, unit: string, text: (value: number) => string}>} */ ({
    level: { name: "Percent", unit: " percent", text: trustWords.percent },
    difference: { name: "Gap", unit: " points", text: trustWords.points },
    interaction_contrast: { name: "Interaction contrast", unit: " points", text: trustWords.points },
    ratio_of_rr: { name: "Ratio of risk ratios", unit: "", text: trustWords.ratio },
    ratio_of_or: { name: "Ratio of odds ratios", unit: "", text: trustWords.ratio },
  });
  const HEAD = "In R, with the people and the package survey";

  /** @type {{shown: Shown, source: string, begin: string} | null} */
  let now = null;

  /** Remember what is shown, for the cards of its numbers.
   * @param {Shown} shown @param {string} source whose numbers they are, in words
   * @param {string} begin what a title begins with */
  function remember(shown, source, begin) {
    now = { shown, source, begin };
  }

  /** The level of a group.
   * @param {Shown} shown @param {number} row @returns {OneNumber} */
  function levelOf(shown, row) {
    const { levels } = shown.found;
    return {
      measure: "level",
      row,
      against: -1,
      axes: [],
      estimate: levels.p[row],
      se: levels.se[row],
      low: levels.low[row],
      high: levels.high[row],
      n: levels.n[row],
      df: levels.df,
      worth: levels.worth[row],
      convention: "logit interval",
      replicates: trustTables.stored(shown, "levels", levels.codes[row]),
    };
  }

  /** A row of the table of gaps or of both scales.
   * @param {Shown} shown @param {string} table @param {number} place @returns {OneNumber} */
  function comparedOf(shown, table, place) {
    const { codes } = shown.found.levels;
    const isGap = table === "gaps";
    const gaps = shown.found.gaps.filter((gap) => gap.measure === "difference");
    const one = (isGap ? gaps : shown.found.interactions)[place];
    const name = isGap ? "gaps" : one.measure;
    const ofRatios = one.measure.startsWith("ratio") ? ", of its logarithm" : "";
    return {
      ...one,
      convention: `${isGap ? "Wald interval" : "delta method"}${ofRatios}`,
      replicates: trustTables.stored(shown, name, codes[one.row], one.axes),
    };
  }

  /** The card of a number.
   * @param {string} key its table and row, such as ``levels:0`` @returns {ExplorerCard} */
  function textOf(key) {
    if (now === null) throw new Error(key);
    const { shown, begin, source } = now;
    const [table, place] = key.split(":");
    const one = table === "levels"
      ? levelOf(shown, Number(place)) : comparedOf(shown, table, Number(place));
    const { choice } = shown;
    const { name, unit, text } = KINDS[one.measure];
    const group = trustWords.group(choice, shown.found.levels.codes[one.row]);
    const outcome = trustWords.heading(choice.set.outcome, choice.set.labels);
    return {
      title: `${begin}${text(one.estimate)}${unit}`,
      about: `${name}; ${group}. ${outcome}. ${source}.`,
      facts: factsOf(shown, one),
      head: HEAD,
      code: linesOfR(shown, one),
      links: linksOf(shown),
    };
  }

  /** @param {Shown} shown @param {OneNumber} one @returns {[string, string][]} */
  function factsOf(shown, one) {
    const { text } = KINDS[one.measure];
    const { set } = shown.choice;
    const against = one.against < 0 ? "" : trustWords.group(shown.choice, shown.found.levels.codes[one.against]);
    const { formulas } = /** @type {any} */ (globalThis).trustCells;
    const kind = one.replicates ? " (Taylor)" : "";
    const facts = /** @type {[string, string][]} */ ([
      [one.replicates ? "95 % interval, by replicate weights" : "95 % interval",
        trustWords.interval(one.replicates ?? one, text)],
      ["By Taylor linearisation", one.replicates ? trustWords.interval(one, text) : ""],
      [`Standard error${kind}`, errorOf(one)],
      ["People", trustWords.people(one.n)],
      [`Effective people${kind}`, one.worth === undefined ? "" : trustWords.people(one.worth)],
      ["Degrees of freedom", trustWords.people(one.df)],
      ["Compared with", against],
      ["Formula", formulas[one.measure]],
      ["Design", set.variance],
      ["Convention", `${one.convention}; computed in this page from sealed cells`],
    ]);
    return facts.filter(([, said]) => said !== "");
  }

  /** A standard error in the unit of its estimate; of a ratio also that of its logarithm.
   * @param {OneNumber} one @returns {string} */
  function errorOf(one) {
    if (KINDS[one.measure].unit) return `${(100 * one.se).toFixed(2)} points`;
    return `${one.se.toFixed(3)} (of the logarithm ${(one.se / one.estimate).toFixed(3)})`;
  }

  /** @param {Shown} shown @returns {Node[]} */
  function linksOf(shown) {
    const { set, axes } = shown.choice;
    if (!set.page || axes.length < set.by.length) return [];
    return [trustPicture.element("a", { href: set.page }, "The page of these cells, where R can be asked")];
  }

  // ----- lines of R -----

  /** A text in quotes of R.
   * @param {string} text @param {string} quote @returns {string} */
  const quoted = (text, quote) =>
    quote + text.replaceAll("\\", "\\\\").replaceAll(quote, `\\${quote}`) + quote;

  /** A name of R, in backticks where it has to be.
   * @param {string} name @returns {string} */
  const named = (name) => (/^[A-Za-z][\w.]*$/.test(name) ? name : quoted(name, "`"));

  /** What computes a number from people: `svyby` names a group by its levels with points.
   * @param {Shown} shown @param {OneNumber} one @returns {string} */
  function linesOfR(shown, one) {
    const { choice, found } = shown;
    const { set, axes } = choice;
    const formula = `~${named(set.outcome)}, ~${axes.map(named).join(" + ")}, design`;
    if (one.measure === "level") return `svyby(${formula}, svyciprop, vartype = c("se", "ci"), df = degf(design))`;
    /** @param {number[]} code */
    const group = (code) => quoted(trustWords.levelsOf(choice, code).join("."), "`");
    const parts = one.axes.length
      ? trustArithmetic.corners(found.levels.codes[one.row], one.axes)
      : [{ code: found.levels.codes[one.row], sign: 1 }, { code: found.levels.codes[one.against], sign: -1 }];
    const levels = `levels <- svyby(${formula}, svymean, covmat = TRUE)`;
    return `${levels}\n${contrastOfR(one.measure, parts.map(({ code, sign }) => ({ name: group(code), sign })))}`;
  }

  /** @param {string} measure @param {{name: string, sign: number}[]} parts @returns {string} */
  function contrastOfR(measure, parts) {
    if (measure in { difference: 0, interaction_contrast: 0 }) {
      const terms = parts.map(({ name, sign }) => `${name} = ${sign}`).join(", ");
      return `svycontrast(levels, c(${terms}))`;
    }
    const term = measure === "ratio_of_or"
      ? (/** @type {string} */ name) => `log(${name} / (1 - ${name}))` : (/** @type {string} */ name) => `log(${name})`;
    const sum = parts.map(({ name, sign }) => `${sign > 0 ? "+" : "-"} ${term(name)}`).join(" ");
    return `svycontrast(levels, quote(${sum.replace(/^\+ /, "")})) # its logarithm`;
  }

  return { remember, textOf };
})();

/** @type {any} */ (globalThis).trustExplorerCards = trustExplorerCards;
