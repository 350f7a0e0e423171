// A file of sealed cells that a reader opens in the explorer: what is wrong with it, in words.
// The file is read in the page and goes nowhere.
"use strict";

const trustCellsFile = (() => {
  const FORMAT = "trustlib sealed cells, 1";
  const LARGEST = 5_000_000; // letters
  const MOST_CELLS = 200;
  const MAKE = "Make it with: trustlib cells-json FILE.parquet";
  const TOTALS = ["n", "w", "y", "w2"];

  /** @param {any} value @returns {boolean} */
  const isText = (value) => typeof value === "string";

  /** @param {any} value @param {number} length @returns {boolean} */
  const areNumbers = (value, length) =>
    Array.isArray(value) && value.length === length && value.every(Number.isFinite);

  /** What is wrong with axes, levels and codes; empty if nothing is.
   * @param {any} set @returns {string} */
  function faultOfAxes(set) {
    const { by, levels, codes } = set;
    const named = Array.isArray(by) && by.every(isText) && new Set(by).size === by.length;
    if (!named || by.length < 2) return "it does not name two identities or more";
    const listed = by.every((/** @type {string} */ axis) =>
      Array.isArray(levels?.[axis]) && levels[axis].length > 1 && levels[axis].every(isText));
    if (!listed) return "it does not name two levels or more of each identity";
    if (!Array.isArray(codes) || codes.length < 2) return "it has fewer than two cells";
    if (codes.length > MOST_CELLS) return `it has more than ${MOST_CELLS} cells`;
    const known = codes.every((code) => areNumbers(code, by.length)
      && code.every((/** @type {number} */ place, /** @type {number} */ i) =>
        Number.isInteger(place) && place >= 0 && place < levels[by[i]].length));
    if (!known) return "a cell has a level that is not listed";
    if (new Set(codes.map(String)).size < codes.length) return "a cell stands in it twice";
    return "";
  }

  /** What is wrong with totals and covariance; empty if nothing is.
   * @param {any} set @returns {string} */
  function faultOfTotals(set) {
    const size = set.codes.length;
    const lacking = TOTALS.find((name) => !areNumbers(set[name], size));
    if (lacking) return `it has not one number in "${lacking}" for each cell`;
    const { w, y } = set;
    const inside = w.every((/** @type {number} */ all, /** @type {number} */ i) =>
      all > 0 && set.n[i] > 0 && set.w2[i] > 0 && y[i] > 0 && y[i] < all);
    if (!inside) return "in a cell nobody, or everybody, has the answer";
    if (!areNumbers(set.cov, size * (2 * size + 1))) {
      return "its covariance does not fit the number of cells";
    }
    if (!isCovariance(set.cov, 2 * size)) return "its covariance is none";
    if (!(Number.isFinite(set.df) && set.df > 0)) return "it has no degrees of freedom";
    return "";
  }

  /** Whether a lower triangle may be that of a covariance: no correlation beyond 1.
   * @param {number[]} lower @param {number} size @returns {boolean} */
  function isCovariance(lower, size) {
    /** @param {number} i @param {number} j */
    const at = (i, j) => lower[(i * (i + 1)) / 2 + j];
    for (let i = 0; i < size; i += 1) {
      if (!(at(i, i) > 0)) return false;
      for (let j = 0; j < i; j += 1) {
        if (at(i, j) ** 2 > at(i, i) * at(j, j) * (1 + 1e-9)) return false;
      }
    }
    return true;
  }

  /** What is wrong with the words; empty if nothing is.
   * @param {any} set @returns {string} */
  function faultOfWords(set) {
    const { outcome, labels, variance, source } = set;
    if (!isText(outcome) || !isText(variance)) return "it does not name its outcome";
    if (typeof labels !== "object" || labels === null) return "it has no labels";
    if (!Object.values(labels).every(isText)) return "a label is no text";
    const told = source && isText(source.label) && isText(source.kind);
    return told ? "" : "it does not say what its source is";
  }

  /** The sealed cells of a text, or why it holds none.
   * @param {string} text @returns {{set?: CellSet, fault?: string}} */
  function read(text) {
    if (text.length > LARGEST) return { fault: refused("it is too large") };
    let set;
    try {
      set = JSON.parse(text);
    } catch {
      return { fault: refused("it is no JSON, or is damaged") };
    }
    if (set === null || typeof set !== "object" || set.format !== FORMAT) {
      return { fault: refused("it does not call itself sealed cells of trustlib") };
    }
    const fault = faultOfAxes(set) || faultOfTotals(set) || faultOfWords(set);
    return fault ? { fault: refused(fault) } : { set };
  }

  /** @param {string} why @returns {string} */
  const refused = (why) => `This file cannot be opened: ${why}. ${MAKE}.`;

  return { read, refused };
})();

/** @type {any} */ (globalThis).trustCellsFile = trustCellsFile;
