// The tables of the explorer, as texts, and all its numbers as a file of comma-separated values.
"use strict";

/**
 * Cells as the book gives them: with what is stored of them by replicate weights.
 * @typedef {CellSet & {id: string, question: number, page: string, stored: Object<string, number[]>}} BookSet
 *
 * @typedef {Object} Shown all that is known of one choice
 * @property {Choice & {set: BookSet}} choice
 * @property {Everything} found
 * @property {string} replicates the replicate weights in words; empty where there are none
 * @property {boolean} hasStored whether intervals by replicate weights are stored of its levels
 * @property {boolean} isSmall whether a group is worth fewer people than `FEW`
 *
 * @typedef {Object} Table
 * @property {string[]} heads
 * @property {string[][]} rows the first of each names it
 * @property {number} [estimate] place of the cells that have a card
 */

const trustTables = (() => {
  const FEW = 200; // effective people: plain intervals are too short below
  const SUPPRESSED = 30; // effective people: a health statistics office would not print it
  const MEASURES = /** @type {Object<string, string>} */ ({
    interaction_contrast: "adding: interaction contrast, points",
    ratio_of_rr: "multiplying: ratio of risk ratios",
    ratio_of_or: "ratio of odds ratios",
  });
  const NOTHING = "–";

  /** @param {{choice: Choice}} shown @returns {boolean} */
  const isDefault = (shown) => shown.choice.first.every((place) => place === 0);

  /** What is stored of a group by replicate weights: standard error and both ends.
   * @param {{choice: Choice & {set: BookSet}}} shown @param {string} table @param {number[]} code @param {number[]} [axes]
   * @returns {{se: number, low: number, high: number} | null} */
  function stored(shown, table, code, axes = []) {
    const { choice } = shown;
    if (choice.axes.length < choice.set.by.length) return null;
    if (table !== "levels" && !isDefault(shown)) return null;
    const named = axes.map((axis) => choice.axes[axis]).join();
    const group = trustWords.levelsOf(choice, code).join("|");
    const found = choice.set.stored[`${table}:${named}:${group}`];
    return found ? { se: found[0], low: found[1], high: found[2] } : null;
  }

  /** The columns that only some sources and some groups have.
   * @param {Shown} shown @param {string[]} before @param {string[]} after @returns {string[]} */
  function heads(shown, before, after) {
    const replicates = shown.hasStored ? ["By replicate weights"] : [];
    const added = shown.isSmall ? ["Plus four"] : [];
    return [...before, ...replicates, ...added, ...after];
  }

  /** The cells of these columns.
   * @param {Shown} shown @param {{low: number, high: number} | null} replicates
   * @param {string} added @param {(value: number) => string} text @returns {string[]} */
  function beside(shown, replicates, added, text) {
    const cells = [];
    if (shown.hasStored) cells.push(replicates ? trustWords.interval(replicates, text) : NOTHING);
    if (shown.isSmall) cells.push(added);
    return cells;
  }

  /** @param {number} worth @returns {string} */
  function caution(worth) {
    if (worth < SUPPRESSED) return "very few: the percentage may be far off";
    if (worth < FEW) return "few: read the interval plus four";
    return "";
  }

  /** @param {Shown} shown @returns {Table} */
  function levels(shown) {
    const { percent, interval, people } = trustWords;
    const { levels: of, plusFour } = shown.found;
    const rows = of.codes.map((code, i) => {
      const own = { low: of.low[i], high: of.high[i] };
      const ends = { low: plusFour.low[i], high: plusFour.high[i] };
      const added = `${percent(plusFour.p[i])} (${interval(ends, percent)})`;
      return [
        trustWords.group(shown.choice, code),
        percent(of.p[i]),
        interval(own, percent),
        ...beside(shown, stored(shown, "levels", code), added, percent),
        people(of.n[i]),
        people(of.worth[i]),
        caution(of.worth[i]),
      ];
    });
    const worth = shown.hasStored ? "Effective people (Taylor)" : "Effective people";
    const after = ["People", worth, "Caution"];
    return { heads: heads(shown, ["Group", "Percent", "95 % interval"], after), rows, estimate: 1 };
  }

  /** The gap of a group on one scale.
   * @param {Compared[]} gaps @param {string} measure @param {number} row @returns {Compared} */
  const gapOf = (gaps, measure, row) =>
    /** @type {Compared} */ (gaps.find((gap) => gap.measure === measure && gap.row === row));

  /** @param {Shown} shown @returns {Table} */
  function gaps(shown) {
    const { points, interval, ratio, people } = trustWords;
    const { codes } = shown.found.levels;
    /** @param {Compared} gap @param {(value: number) => string} text */
    const whole = (gap, text) => `${text(gap.estimate)} (${interval(gap, text)})`;
    const own = shown.found.gaps.filter((gap) => gap.measure === "difference");
    const rows = own.map((gap) => [
      trustWords.group(shown.choice, codes[gap.row]),
      points(gap.estimate),
      interval(gap, points),
      ...beside(
        shown,
        stored(shown, "gaps", codes[gap.row]),
        whole(gapOf(shown.found.gapsPlusFour, "difference", gap.row), points),
        points),
      whole(gapOf(shown.found.gaps, "ratio", gap.row), ratio),
      whole(gapOf(shown.found.gaps, "odds_ratio", gap.row), ratio),
      people(gap.n),
      `${holds(stored(shown, "gaps", codes[gap.row]) ?? gap, 0) ? "holds" : "does not hold"} zero`,
    ]);
    const after = ["Ratio", "Odds ratio", "People, both groups", "The interval"];
    return { heads: heads(shown, ["Group", "Gap (points)", "95 % interval"], after), rows, estimate: 1 };
  }

  /** How a measure is printed, and its value where nothing is there.
   * @param {string} measure @returns {{text: (value: number) => string, nothing: number, word: string}} */
  function printing(measure) {
    if (measure === "interaction_contrast") {
      return { text: trustWords.points, nothing: 0, word: "zero" };
    }
    return { text: trustWords.ratio, nothing: 1, word: "one" };
  }

  /** Whether an interval holds the value of no difference.
   * @param {{low: number, high: number}} of @param {number} nothing @returns {boolean} */
  const holds = (of, nothing) => of.low <= nothing && nothing <= of.high;

  /** @param {Shown} shown @returns {Table} */
  function scales(shown) {
    const { choice, found } = shown;
    const several = choice.axes.length > 2;
    const rows = found.interactions.map((one, i) => {
      const { text, nothing, word } = printing(one.measure);
      const code = found.levels.codes[one.row];
      const added = found.interactionsPlusFour[i];
      const replicates = stored(shown, one.measure, code, one.axes);
      const axes = one.axes.map((axis) => choice.axes[axis]);
      return [
        trustWords.group(choice, code),
        ...(several ? [trustWords.identities(axes, choice.set.labels)] : []),
        MEASURES[one.measure],
        text(one.estimate),
        trustWords.interval(one, text),
        ...beside(shown, replicates, `${text(added.estimate)} (${trustWords.interval(added, text)})`, text),
        `${holds(replicates ?? one, nothing) ? "holds" : "does not hold"} ${word}`,
      ];
    });
    const before = ["Group", ...(several ? ["Interaction of"] : []), "Scale", "Estimate", "95 % interval"];
    return { heads: heads(shown, before, ["The interval"]), rows, estimate: before.indexOf("Estimate") };
  }

  /** The name of a column of the model.
   * @param {Choice} choice @param {number[]} code @returns {string} */
  function term(choice, code) {
    const levels = trustWords.levelsOf(choice, code);
    const named = choice.axes.map((axis, i) =>
      `${trustWords.short(trustWords.heading(axis, choice.set.labels))}: ${levels[i]}`);
    return named.filter((_, i) => code[i] > 0).join(" × ");
  }

  /** @param {Shown} shown @returns {Table} */
  function model(shown) {
    const { additive, saturated } = shown.found;
    const heads = ["Term", "Identities alone", "All combinations"];
    if (!additive || !saturated) {
      return { heads, rows: [["The model has no solution here", NOTHING, NOTHING]] };
    }
    /** @param {Coefficient[]} of @param {number[]} code */
    const cell = (of, code) => {
      const one = of.find((other) => other.code.join() === code.join());
      if (!one) return NOTHING;
      const { ratio } = trustWords;
      return `${ratio(Math.exp(one.estimate))} (${ratio(Math.exp(one.low))} to ${ratio(Math.exp(one.high))})`;
    };
    const rows = saturated.slice(1).map(({ code }) =>
      [term(shown.choice, code), cell(additive, code), cell(saturated, code)]);
    return { heads, rows };
  }

  // ----- as a file -----

  const COLUMNS = ["table", "measure", "group", "compared_with", "interaction_of", "method",
    "estimate", "std_error", "conf_low", "conf_high", "df", "n", "n_eff"];

  /** A text for a spreadsheet, which must not compute it.
   * @param {string | number} value @returns {string} */
  function csvCell(value) {
    if (typeof value === "number") return Number.isFinite(value) ? String(value) : "";
    const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  }

  /** @param {Shown} shown @returns {(string | number)[][]} */
  function csvOfLevels(shown) {
    const { levels: own, plusFour } = shown.found;
    /** @param {Levels} of @param {string} method */
    const rows = (of, method) => of.codes.map((code, i) => ["levels", "level",
      trustWords.group(shown.choice, code), "", "", method,
      of.p[i], of.se[i], of.low[i], of.high[i], of.df, of.n[i], of.worth[i]]);
    const replicates = own.codes.flatMap((code, i) => {
      const one = stored(shown, "levels", code);
      return one ? [["levels", "level", trustWords.group(shown.choice, code), "", "",
        "replicate weights", own.p[i], one.se, one.low, one.high, "", own.n[i], ""]] : [];
    });
    return [...rows(own, "Taylor, logit"), ...rows(plusFour, "Taylor, logit, plus four"), ...replicates];
  }

  /** @param {Shown} shown @param {Compared[]} compared @param {string} table @param {string} method
   * @returns {(string | number)[][]} */
  function csvOfCompared(shown, compared, table, method) {
    const { codes } = shown.found.levels;
    const { choice } = shown;
    return compared.map((one) => [table, one.measure,
      trustWords.group(choice, codes[one.row]), trustWords.group(choice, codes[one.against]),
      one.axes.map((axis) => choice.axes[axis]).join(" x "), method,
      one.estimate, one.se, one.low, one.high, one.df, one.n, ""]);
  }

  /** Gaps and interactions as stored by replicate weights.
   * @param {Shown} shown @returns {(string | number)[][]} */
  function csvOfStored(shown) {
    const { codes } = shown.found.levels;
    const all = [...shown.found.gaps, ...shown.found.interactions];
    return all.flatMap((one) => {
      const isGap = one.axes.length === 0;
      if (isGap && one.measure !== "difference") return [];
      const found = stored(shown, isGap ? "gaps" : one.measure, codes[one.row], one.axes);
      if (!found) return [];
      const [row] = csvOfCompared(shown, [one], isGap ? "gaps" : "interaction", "replicate weights");
      row.splice(7, 4, found.se, found.low, found.high, "");
      return [row];
    });
  }

  /** @param {Shown} shown @returns {(string | number)[][]} */
  function csvOfModels(shown) {
    const { additive, saturated } = shown.found;
    /** @param {Coefficient[] | null} of @param {string} method */
    const rows = (of, method) => (of ?? []).map((one) => ["model", "log odds",
      term(shown.choice, one.code) || "intercept", "", "", method,
      one.estimate, one.se, one.low, one.high, one.df, "", ""]);
    return [...rows(additive, "identities alone"), ...rows(saturated, "all combinations")];
  }

  /** All numbers of a choice; the first lines say what they are.
   * @param {Shown} shown @param {string[]} notes @returns {string} */
  function csv(shown, notes) {
    const { gaps: own, gapsPlusFour, interactions, interactionsPlusFour } = shown.found;
    const rows = [
      ...notes.map((note) => ["note", note]),
      COLUMNS,
      ...csvOfLevels(shown),
      ...csvOfCompared(shown, own, "gaps", "Taylor, Wald"),
      ...csvOfCompared(shown, gapsPlusFour, "gaps", "Taylor, MOVER, plus four"),
      ...csvOfCompared(shown, interactions, "interaction", "Taylor, delta"),
      ...csvOfCompared(shown, interactionsPlusFour, "interaction", "Taylor, delta, plus four"),
      ...csvOfStored(shown),
      ...csvOfModels(shown),
    ];
    return `${rows.map((row) => row.map(csvCell).join(",")).join("\r\n")}\r\n`;
  }

  return { FEW, levels, gaps, scales, model, stored, holds, csv };
})();

/** @type {any} */ (globalThis).trustTables = trustTables;
