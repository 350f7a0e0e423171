// What to say to an answer: the rules of trustbook.exercises and trustbook.calculation, in the browser.
// Its words are `window.exerciseWords`, which the book writes. A test holds both to the same replies.
"use strict";

/**
 * @typedef {{value: number, room: number, reply: string, shown?: number | null}} Target
 * @typedef {Object} Task what trustbook.exercises calls a task, as plain values
 * @property {string} kind number, guess, choice, order, sentence or claims
 * @property {string} unit
 * @property {Target} target the right number
 * @property {Target[]} wrong
 * @property {Object<string, number>} names
 * @property {number} scale
 * @property {string} why
 * @property {string[]} options
 * @property {string[]} replies
 * @property {number} right
 * @property {string[]} items as they are shown at first
 * @property {number[]} sequence
 * @property {string[]} reasons
 * @property {string[][]} choices
 * @property {string[][]} saids
 * @property {number[]} rights
 * @property {boolean[]} may
 * @property {number} low
 * @property {number} high
 */

const trustExercises = (() => {
  const NEAR = 0.05;
  const SURE = 0.006;
  const BARELY = 1e-9;
  const LONGEST = 200;
  const MOST_TOKENS = 60;
  const WORD = /(?<![a-z_0-9.])[a-z_][a-z_0-9]*/g;
  const UNKNOWN_SIGN = "?";
  const TOKEN = /\s*((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[-+]?[0-9]+)?|[a-z_][a-z_0-9]*|\*\*|[-+*/:^()])/y;
  /** @type {Object<string, string>} */
  const PLAIN = { "\u00a0": " ", "\u202f": " ", "\t": " ", "\u2212": "-", "\u00d7": "*", "\u00f7": "/" };
  /** @type {Map<string, (value: number) => number>} */
  const FUNCTIONS = new Map([
    ["abs", Math.abs], ["exp", Math.exp], ["ln", Math.log], ["log", Math.log],
    ["round", (value) => Math.floor(value + 0.5)], ["sqrt", Math.sqrt],
  ]);

  /** @returns {any} what the book says */
  const said = () => /** @type {any} */ (globalThis).exerciseWords;

  /** @param {string} name @returns {string} */
  const word = (name) => said().words[name];

  /** @param {string} reply @returns {string} */
  const wrong = (reply) => word("wrong") + reply;

  // ----- calculations -----

  class Unreadable extends Error {}

  /** @param {number} value @returns {number} */
  function finite(value) {
    if (!Number.isFinite(value)) throw new Unreadable();
    return value;
  }

  /** @param {string} text @returns {string[]} */
  function tokensOf(text) {
    const rest = text.trim();
    if (rest.length > LONGEST) throw new Unreadable();
    const tokens = [];
    TOKEN.lastIndex = 0;
    while (TOKEN.lastIndex < rest.length) {
      const found = TOKEN.exec(rest);
      if (!found) throw new Unreadable();
      tokens.push(found[1]);
    }
    return tokens;
  }

  /** Reads tokens from the left, by the grammar of trustbook.calculation. */
  class Reader {
    /** @param {string[]} tokens @param {Object<string, number>} names */
    constructor(tokens, names) {
      this.tokens = tokens;
      this.names = names;
      this.place = 0;
    }

    next() { return this.tokens[this.place] ?? ""; }

    take() {
      const token = this.next();
      this.place += 1;
      return token;
    }

    /** @returns {number} */
    sum() {
      let result = this.product();
      while (["+", "-"].includes(this.next())) {
        const sign = this.take();
        const other = this.product();
        result = finite(sign === "+" ? result + other : result - other);
      }
      return result;
    }

    /** @returns {number} */
    product() {
      let result = this.signed();
      while (["*", "/", ":"].includes(this.next())) {
        const sign = this.take();
        const other = this.signed();
        if (sign !== "*" && other === 0) throw new Unreadable();
        result = finite(sign === "*" ? result * other : result / other);
      }
      return result;
    }

    /** @returns {number} */
    signed() {
      if (!["+", "-"].includes(this.next())) return this.power();
      const sign = this.take();
      const result = this.signed();
      return sign === "-" ? -result : result;
    }

    /** @returns {number} */
    power() {
      const base = this.atom();
      if (!["^", "**"].includes(this.next())) return base;
      this.take();
      return finite(base ** this.signed());
    }

    /** @returns {number} */
    atom() {
      const token = this.take();
      if (token === "(") return this.bracket();
      if (/^[0-9.]/.test(token)) return finite(Number(token));
      if (Object.hasOwn(this.names, token)) return this.names[token];
      const known = FUNCTIONS.get(token);
      if (known && this.take() === "(") return finite(known(this.bracket()));
      throw new Unreadable();
    }

    /** @returns {number} */
    bracket() {
      const result = this.sum();
      if (this.take() !== ")") throw new Unreadable();
      return result;
    }
  }

  /** The result of a calculation.
   * @param {string} text @param {Object<string, number>} names @returns {number} */
  function evaluate(text, names) {
    const reader = new Reader(tokensOf(text), names);
    const result = reader.sum();
    if (reader.next()) throw new Unreadable();
    return result;
  }

  /** The words of a text that no calculation can have.
   * @param {string} text @param {Object<string, number>} names @returns {string[]} */
  function unknownWords(text, names) {
    const words = text.match(WORD) ?? [];
    return words.filter((one) => !Object.hasOwn(names, one) && !FUNCTIONS.has(one));
  }

  /** What a calculation gives with one more pair of brackets, wherever one may stand.
   * @param {string} text @param {Object<string, number>} names @returns {number[]} */
  function withBrackets(text, names) {
    const tokens = tokensOf(text);
    /** @type {number[]} */
    const results = [];
    if (tokens.length > MOST_TOKENS) return results;
    for (const [start, first] of tokens.entries()) {
      if (!/^[(.0-9a-z_]/.test(first)) continue;
      for (let end = start + 1; end <= tokens.length; end += 1) {
        if (!/^[).0-9a-z_]/.test(tokens[end - 1])) continue;
        const inner = ["(", ...tokens.slice(start, end), ")"];
        const reader = new Reader([...tokens.slice(0, start), ...inner, ...tokens.slice(end)], names);
        try {
          const result = reader.sum();
          if (!reader.next()) results.push(result);
        } catch {
          continue;
        }
      }
    }
    return results;
  }

  // ----- what was typed -----

  /** In plain signs and small letters; empty if nothing was.
   * @param {string} answer @returns {string} */
  function typed(answer) {
    const plain = [...answer].map((sign) => PLAIN[sign] ?? sign).join("").replace(/^ +| +$/g, "");
    if (!/^[ -~]*$/.test(plain)) return UNKNOWN_SIGN;
    return plain.toLowerCase().replace(/ +/g, " ");
  }

  /** Without the unit behind it, and the unit.
   * @param {string} text @returns {[string, string]} */
  function withoutUnit(text) {
    const times = /^(.*[0-9).]) ?x$/.exec(text);
    if (times) return [times[1], "times"];
    for (const unit of said().suffixes) {
      if (!text.endsWith(unit)) continue;
      const before = text.slice(0, -unit.length).replace(/ +$/, "");
      if (/[0-9).]$/.test(before)) return [before, unit];
    }
    return [text, ""];
  }

  /** With decimal points.
   * @param {string} text @param {string} unit @returns {string} */
  function plainNumber(text, unit) {
    let plain = text.replaceAll(" to ", " / ");
    if (unit === "count") plain = plain.replace(/(?<=[0-9])[, ](?=[0-9]{3}(?![0-9]))/g, "");
    return plain.includes(".") ? plain : plain.replaceAll(",", ".");
  }

  // ----- the kinds of exercises -----

  /** @param {Target} target @param {number} number @returns {boolean} */
  const isMet = (target, number) => Math.abs(number - target.value) <= target.room + BARELY;

  /** @param {Task} task @returns {string} */
  const right = (task) => (task.why ? `${word("right")} ${task.why}` : word("right"));

  /** How far a number is from a target, by exact or by printed numbers.
   * @param {Target} target @param {number} number @returns {number} */
  const distance = ({ value, shown }, number) =>
    Math.min(Math.abs(number - value), Math.abs(number - (shown ?? value)));

  /** The usual mistake that is nearest to a number; nothing if it is none of them.
   * @param {Task} task @param {number} number @returns {Target | undefined} */
  function mistake(task, number) {
    const met = task.wrong.filter((target) => isMet(target, number));
    return met.reduce((/** @type {Target | undefined} */ best, target) =>
      (best === undefined || distance(target, number) < distance(best, number) ? target : best), undefined);
  }

  /** Whether a number is so near that it can hardly be another mistake.
   * @param {Target} target @param {number} number @returns {boolean} */
  const isSurely = (target, number) => distance(target, number) <= SURE * Math.abs(target.value) + BARELY;

  /** What is said of a number that is a mistake: less firmly, if it is not near.
   * @param {Target} target @param {number} number @returns {string} */
  function saidOf(target, number) {
    return isSurely(target, number) ? target.reply : word("perhaps") + target.reply;
  }

  /** What is said of a text that is no calculation.
   * @param {string} text @param {Object<string, number>} names @returns {string} */
  function unreadable(text, names) {
    const many = (/** @type {string} */ sign) => text.split(sign).length;
    const known = Object.keys(names);
    if (many("(") !== many(")")) return word("open_bracket");
    if (unknownWords(text, names).length) {
      return word(known.length ? "only_names" : "no_words").replace("{names}", known.join(", "));
    }
    return word(known.length ? "no_line" : "no_number");
  }

  /** @param {Task} task @param {number} number @returns {string} */
  function usual(task, number) {
    const { value, room } = task.target;
    const wide = room + NEAR * Math.abs(value);
    if (Math.abs(number - value) <= wide + BARELY) return "nearly";
    const moved = { sign: -number, too_small: 100 * number, too_large: number / 100 };
    for (const [name, other] of Object.entries(moved)) if (isMet(task.target, other)) return name;
    return "unknown";
  }

  /** What is said of a number that is wrong.
   * @param {Task} task @param {number} number @returns {string} */
  function reply(task, number) {
    const found = mistake(task, number);
    if (found) return saidOf(found, number);
    const other = mistake(task, number * task.scale);
    if (other && task.scale) {
      return saidOf(other, number * task.scale) + word(task.scale > 1 ? "fractions" : "hundred");
    }
    return word(usual(task, number));
  }

  /** @param {Task} task @param {string} answer @returns {string} */
  function ofNumber(task, answer) {
    const all = typed(answer);
    if (all === "") return word("open");
    const [before, unit] = withoutUnit(all);
    if (unit && !said().units[task.unit].includes(unit)) return wrong(word(`unit_${task.unit}`));
    const text = plainNumber(before, task.unit);
    const asAsked = (/** @type {number} */ number) =>
      (task.unit === "percent" && !unit && Math.abs(number) <= 1 ? 100 * number : number);
    let number;
    try {
      number = asAsked(evaluate(text, task.names));
    } catch {
      return wrong(unreadable(text, task.names));
    }
    if (isMet(task.target, number)) return right(task);
    const found = mistake(task, number);
    if (!found || !isSurely(found, number)) {
      const others = withBrackets(text, task.names);
      if (others.some((one) => isMet(task.target, asAsked(one)))) return wrong(word("brackets"));
    }
    return wrong(reply(task, number));
  }

  /** @param {Task} task @param {string} answer @returns {string} */
  function ofGuess(task, answer) {
    const text = typed(answer);
    if (text === "") return word("open");
    let number;
    try {
      number = evaluate(plainNumber(text, "percent"), {});
    } catch {
      return wrong(word("no_number"));
    }
    if (isMet(task.target, number)) return right(task);
    return wrong(mistake(task, number)?.reply ?? word(number < task.target.value ? "low" : "high"));
  }

  /** The place of a text that an answer names, by its number from one or by itself.
   * @param {string} answer @param {string[]} texts @returns {number} */
  function placeOf(answer, texts) {
    const text = answer.replace(/^ +| +$/g, "");
    if (texts.includes(text)) return texts.indexOf(text);
    const isPlace = /^[1-9][0-9]?$/.test(text) && Number(text) <= texts.length;
    return isPlace ? Number(text) - 1 : -1;
  }

  /** @param {Task} task @param {string} answer @returns {string} */
  function ofChoice(task, answer) {
    const place = placeOf(answer, task.options);
    if (place < 0) return word("open");
    const reply = task.replies[place];
    return place === task.right ? `${word("right")} ${reply}` : wrong(reply);
  }

  /** @param {Task} task @param {string[]} answer @returns {string} */
  function ofOrder(task, answer) {
    const places = answer.map((item) => placeOf(item, task.items));
    const known = places.filter((place) => place >= 0).sort((a, b) => a - b);
    const isWhole = known.length === task.items.length && known.every((place, i) => place === i);
    if (!isWhole || places.length !== task.items.length) return word("open");
    for (const [i, reason] of task.reasons.entries()) {
      if (places.indexOf(task.sequence[i + 1]) < places.indexOf(task.sequence[i])) return wrong(reason);
    }
    return right(task);
  }

  /** @param {Task} task @param {string[]} answer @returns {string} */
  function ofSentence(task, answer) {
    if (answer.length !== task.rights.length) return word("open");
    const places = answer.map((one, i) => placeOf(one, task.choices[i]));
    if (places.includes(-1)) return word("open");
    for (const [i, place] of places.entries()) {
      if (place !== task.rights[i]) return wrong(task.saids[i][place]);
    }
    return right(task);
  }

  /** @type {Object<string, boolean>} */
  const MARKS = { true: true, may: true, false: false, "may not": false };

  /** @param {Task} task @param {string[]} answer @returns {string} */
  function ofClaims(task, answer) {
    const marks = answer.map((mark) => mark.toLowerCase());
    if (marks.length !== task.may.length || !marks.every((mark) => Object.hasOwn(MARKS, mark))) return word("open");
    const missed = task.may.flatMap((may, i) => (MARKS[marks[i]] === may ? [] : [i]));
    if (!missed.length) return right(task);
    const met = String(task.may.length - missed.length);
    const many = word("marks").replace("{right}", met).replace("{all}", String(task.may.length));
    return wrong(many + task.replies[missed[0]]);
  }

  /** @type {Object<string, (task: Task, answer: any) => string>} */
  const KINDS = {
    number: ofNumber, guess: ofGuess, choice: ofChoice, order: ofOrder, sentence: ofSentence, claims: ofClaims,
  };

  /** What to say to an answer.
   * @param {Task} task @param {string | string[]} answer a list where the answer has parts
   * @returns {string} */
  function check(task, answer) {
    const hasParts = ["order", "sentence", "claims"].includes(task.kind);
    if (hasParts !== Array.isArray(answer)) return word("open");
    return KINDS[task.kind](task, answer);
  }

  /** @param {string} reply @returns {boolean} */
  const isRight = (reply) => reply.startsWith(word("right"));

  return { check, isRight, word };
})();

/** @type {any} */ (globalThis).trustExercises = trustExercises;
