// How the explorer says groups and numbers: as trustlib.tables and trustlib.figures do.
"use strict";

/**
 * What is looked at: cells, two or three of their axes, and the reference level of each.
 * @typedef {Object} Choice
 * @property {CellSet} set
 * @property {string[]} axes in the order of the cells
 * @property {number[]} first place of the reference level of each axis
 */

const trustWords = (() => {
  /** A share as a percentage.
   * @param {number} share @returns {string} */
  const percent = (share) => (100 * share).toFixed(1);

  /** A difference of shares in points, with its sign.
   * @param {number} share @returns {string} */
  function points(share) {
    const text = Math.abs(100 * share).toFixed(1);
    if (Number(text) === 0) return text;
    return (share > 0 ? "+" : "−") + text;
  }

  /** @param {number} value @returns {string} */
  const ratio = (value) => value.toFixed(2);

  /** @param {number} value @returns {string} */
  const people = (value) => Math.round(value).toLocaleString("en-US");

  /** Both ends of an interval in words.
   * @param {{low: number, high: number}} of @param {(value: number) => string} shown
   * @returns {string} */
  const interval = (of, shown) => `${shown(of.low)} to ${shown(of.high)}`;

  /** An axis or an outcome by its label.
   * @param {string} name @param {Object<string, string>} labels @returns {string} */
  function heading(name, labels) {
    if (labels[name]) return labels[name];
    const words = name.replaceAll("_", " ");
    return words.charAt(0).toUpperCase() + words.slice(1);
  }

  /** A level by its own name; a bare yes or no by that of its axis too.
   * @param {string} axis @param {string} level @param {Object<string, string>} labels
   * @returns {string} */
  function called(axis, level, labels) {
    if (level.toLowerCase() === "yes") return heading(axis, labels);
    if (level.toLowerCase() === "no") return `not ${heading(axis, labels)}`;
    return level;
  }

  /** The levels of a group, as in the file.
   * @param {Choice} choice @param {number[]} code @returns {string[]} */
  const levelsOf = (choice, code) => choice.axes.map((axis, i) =>
    choice.set.levels[axis][trustArithmetic.levelAt(code[i], choice.first[i])]);

  /** A group by the names of its levels.
   * @param {Choice} choice @param {number[]} code @returns {string} */
  const group = (choice, code) => levelsOf(choice, code)
    .map((level, i) => called(choice.axes[i], level, choice.set.labels)).join(", ");

  /** Axes in a sentence: the first words of their labels.
   * @param {string[]} axes @param {Object<string, string>} labels @returns {string} */
  function identities(axes, labels) {
    const names = axes.map((axis) => spoken(short(heading(axis, labels))));
    const last = names.pop() ?? "";
    return names.length ? `${names.join(", ")} and ${last}` : last;
  }

  /** A label within a sentence; one that begins with two capitals stays.
   * @param {string} label @returns {string} */
  const spoken = (label) =>
    (/^[A-Z][a-z]/.test(label) ? label.charAt(0).toLowerCase() + label.slice(1) : label);

  /** The first letter of a sentence.
   * @param {string} text @returns {string} */
  const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

  /** A label without what it adds in brackets.
   * @param {string} label @returns {string} */
  const short = (label) => label.replace(/ \(.*\)$/, "");

  return {
    percent, points, ratio, people, interval, heading, called, levelsOf, group, identities, short, capital,
  };
})();

/** @type {any} */ (globalThis).trustWords = trustWords;
