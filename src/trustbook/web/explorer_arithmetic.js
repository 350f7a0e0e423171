// What the explorer computes from sealed cells: levels, gaps, both scales of interaction and
// the logistic model, each with its interval. The formulas are those of trustlib (levels,
// comparisons, interaction, logit, intervals); tests/browser/test_explorer.py holds every
// choice of the page to the library. Nothing here knows the page.
"use strict";

/**
 * @typedef {number[][]} Matrix
 *
 * Sealed cells, as `trustbook.cells_json.cells_as_json` writes them.
 * @typedef {Object} CellSet
 * @property {string} format
 * @property {string} outcome
 * @property {string[]} by the axes
 * @property {Object<string, string[]>} levels of each axis, in order
 * @property {Object<string, string>} labels
 * @property {number[][]} codes for each cell, the place of its level on each axis
 * @property {number[]} n people
 * @property {number[]} w weighted people
 * @property {number[]} y weighted people with the outcome
 * @property {number[]} w2 sums of squared weights
 * @property {number[]} cov covariance of (w, y): the lower triangle, row by row
 * @property {number} df
 * @property {string} variance
 * @property {{id: string, kind: string, label: string}} source
 *
 * Totals of groups; a code is a place among levels of which the reference is the first.
 * @typedef {Object} Totals
 * @property {number[][]} codes
 * @property {number[]} n
 * @property {number[]} w
 * @property {number[]} y
 * @property {number[]} w2
 * @property {Matrix} cov of (w, y)
 * @property {number} df
 *
 * @typedef {Object} Levels
 * @property {number[][]} codes
 * @property {number[]} n
 * @property {number[]} p
 * @property {Matrix} vcov
 * @property {number[]} se
 * @property {number[]} low
 * @property {number[]} high
 * @property {number[]} worth people of a simple random sample that know as much
 * @property {number[]} kish effective people by the weights alone
 * @property {number} df
 *
 * A function of levels: `row` is the group, `against` the one that it is compared with.
 * @typedef {Object} Compared
 * @property {string} measure
 * @property {number} row
 * @property {number} against
 * @property {number[]} axes places of the axes whose interaction it is; none of a gap
 * @property {number} estimate
 * @property {number} se
 * @property {number} low
 * @property {number} high
 * @property {number} n people in all groups behind it
 * @property {number} df
 *
 * A coefficient: the level of each axis that its column tells apart, and 0 of all others.
 * @typedef {Object} Coefficient
 * @property {number[]} code
 * @property {number} estimate log odds (ratio)
 * @property {number} se
 * @property {number} low
 * @property {number} high
 * @property {number} df
 *
 * @typedef {Object} Everything
 * @property {Levels} levels
 * @property {Levels} plusFour
 * @property {Compared[]} gaps
 * @property {Compared[]} gapsPlusFour
 * @property {Compared[]} interactions
 * @property {Compared[]} interactionsPlusFour
 * @property {Coefficient[] | null} additive
 * @property {Coefficient[] | null} saturated
 */

const trustArithmetic = (() => {
  const BELOW = 0.975; // of Student's t, for intervals of 95 %
  const NORMAL = 1.959963984540054;
  const NEAR = 1e-11; // a shorter step has converged
  const STEPS = 40;
  const LONGEST = 5; // step of a coefficient
  const SLICES = 1000; // of an integral, by Simpson's rule

  // ----- Student's t -----

  /** log of Gamma(x + 1/2) / Gamma(x), by its asymptotic series.
   * @param {number} x @returns {number} */
  function logRatioOfGammas(x) {
    let shift = 0;
    let z = x;
    while (z < 20) {
      shift += Math.log(z / (z + 0.5));
      z += 1;
    }
    const u = 1 / (z * z);
    const series = (-1 / 8 + u * (1 / 192 - u * (1 / 640 - (17 * u) / 14336))) / z;
    return 0.5 * Math.log(z) + series + shift;
  }

  /** The integral of cos^power from 0 to an angle.
   * @param {number} power @param {number} angle @returns {number} */
  function powerOfCosine(power, angle) {
    const step = angle / SLICES;
    let sum = 1 + Math.cos(angle) ** power;
    for (let i = 1; i < SLICES; i += 1) {
      const factor = i % 2 ? 4 : 2;
      sum += factor * Math.cos(i * step) ** power;
    }
    return (sum * step) / 3;
  }

  /** The two-sided quantile of Student's t for 95 %, by Newton steps from that of the normal.
   * With t = sqrt(df) tan(angle), the distribution is an integral of a power of the cosine.
   * @param {number} df @returns {number} NaN without degrees of freedom */
  function tQuantile(df) {
    if (!(df > 0)) return NaN;
    if (df === Infinity) return NORMAL;
    const constant = Math.exp(logRatioOfGammas(df / 2)) / Math.sqrt(Math.PI);
    let t = NORMAL;
    for (let i = 0; i < 100; i += 1) {
      const angle = Math.atan(t / Math.sqrt(df));
      const below = 0.5 + constant * powerOfCosine(df - 1, angle);
      const density = (constant / Math.sqrt(df)) * Math.cos(angle) ** (df + 1);
      const move = (BELOW - below) / density;
      t += move;
      if (Math.abs(move) < 1e-13 * t) break;
    }
    return t;
  }

  const quantiles = new Map();

  /** The same, each computed once.
   * @param {number} df @returns {number} */
  function quantile(df) {
    if (!quantiles.has(df)) quantiles.set(df, tQuantile(df));
    return quantiles.get(df);
  }

  // ----- matrices -----

  /** @param {number} rows @param {number} columns @returns {Matrix} */
  const zeros = (rows, columns) =>
    Array.from({ length: rows }, () => new Array(columns).fill(0));

  /** A symmetric matrix from its lower triangle.
   * @param {number[]} lower @param {number} size @returns {Matrix} */
  function unpacked(lower, size) {
    const matrix = zeros(size, size);
    let place = 0;
    for (let i = 0; i < size; i += 1) {
      for (let j = 0; j <= i; j += 1) {
        matrix[i][j] = lower[place];
        matrix[j][i] = lower[place];
        place += 1;
      }
    }
    return matrix;
  }

  /** The solution of a X = b, by elimination with pivots.
   * @param {Matrix} a @param {Matrix} b @returns {Matrix} */
  function solved(a, b) {
    const size = a.length;
    const rows = a.map((row, i) => [...row, ...b[i]]);
    for (let i = 0; i < size; i += 1) {
      let pivot = i;
      for (let k = i + 1; k < size; k += 1) {
        if (Math.abs(rows[k][i]) > Math.abs(rows[pivot][i])) pivot = k;
      }
      [rows[i], rows[pivot]] = [rows[pivot], rows[i]];
      for (let k = 0; k < size; k += 1) {
        if (k === i) continue;
        const factor = rows[k][i] / rows[i][i];
        rows[k] = rows[k].map((value, j) => value - factor * rows[i][j]);
      }
    }
    return rows.map((row, i) => row.slice(size).map((value) => value / row[i]));
  }

  /** g' V g.
   * @param {number[]} g @param {Matrix} vcov @returns {number} */
  function quadratic(g, vcov) {
    let sum = 0;
    g.forEach((left, i) => {
      if (left === 0) return;
      g.forEach((right, j) => {
        sum += left * right * vcov[i][j];
      });
    });
    return sum;
  }

  /** @param {number} variance rounding may leave it just below zero @returns {number} */
  const root = (variance) => Math.sqrt(Math.max(variance, 0));

  // ----- totals of groups -----

  /** The place of a level where the reference is the first.
   * @param {number} level @param {number} first @returns {number} */
  function placeOf(level, first) {
    if (level === first) return 0;
    return level < first ? level + 1 : level;
  }

  /** The level at a place: the inverse of `placeOf`.
   * @param {number} place @param {number} first @returns {number} */
  function levelAt(place, first) {
    if (place === 0) return first;
    return place <= first ? place - 1 : place;
  }

  /** @param {number[]} a @param {number[]} b @returns {number} */
  function inOrder(a, b) {
    const i = a.findIndex((value, place) => value !== b[place]);
    return i < 0 ? 0 : a[i] - b[i];
  }

  /** Sealed cells summed over all axes but some.
   * @param {CellSet} set @param {string[]} axes
   * @param {number[]} first place of the reference level of each of these axes
   * @returns {Totals} */
  function summed(set, axes, first) {
    const places = axes.map((axis) => set.by.indexOf(axis));
    const own = set.codes.map((code) =>
      places.map((place, i) => placeOf(code[place], first[i])));
    const named = new Map(own.map((code) => [code.join(), code]));
    const codes = [...named.values()].sort(inOrder);
    const groups = new Map(codes.map((code, group) => [code.join(), group]));
    const group = own.map((code) => groups.get(code.join()) ?? 0);
    /** @param {number[]} values */
    const total = (values) => {
      const sums = codes.map(() => 0);
      values.forEach((value, cell) => { sums[group[cell]] += value; });
      return sums;
    };
    const cov = summedCovariance(set, group, codes.length);
    const { n, w, y, w2 } = set;
    return { codes, n: total(n), w: total(w), y: total(y), w2: total(w2), cov, df: set.df };
  }

  /** The covariance of the totals of groups.
   * @param {CellSet} set @param {number[]} group of each cell @param {number} size
   * @returns {Matrix} */
  function summedCovariance(set, group, size) {
    const cells = group.length;
    const place = [...group, ...group.map((one) => one + size)];
    const whole = unpacked(set.cov, 2 * cells);
    const cov = zeros(2 * size, 2 * size);
    whole.forEach((row, i) => {
      row.forEach((value, j) => { cov[place[i]][place[j]] += value; });
    });
    return cov;
  }

  // ----- levels -----

  /** Weighted proportions and how they vary, by linearisation of the ratio.
   * @param {Totals} totals @returns {Levels} */
  function levelsOf(totals) {
    const { w, y, cov } = totals;
    const size = w.length;
    const p = y.map((value, i) => value / w[i]);
    const vcov = zeros(size, size);
    for (let i = 0; i < size; i += 1) {
      for (let j = 0; j < size; j += 1) {
        const people = p[i] * p[j] * cov[i][j];
        const both = p[i] * cov[i][size + j] + p[j] * cov[size + i][j];
        vcov[i][j] = (people - both + cov[size + i][size + j]) / (w[i] * w[j]);
      }
    }
    const kish = w.map((value, i) => (value * value) / totals.w2[i]);
    return withIntervals({ codes: totals.codes, n: totals.n, p, vcov, kish, df: totals.df });
  }

  /** Levels with their standard errors and logit intervals.
   * @param {{codes: number[][], n: number[], p: number[], vcov: Matrix, kish: number[], df: number}} made
   * @returns {Levels} */
  function withIntervals(made) {
    const { p, vcov, df } = made;
    const t = quantile(df);
    const se = p.map((_, i) => root(vcov[i][i]));
    const logit = p.map((value) => Math.log(value / (1 - value)));
    const margin = p.map((value, i) => (t * se[i]) / (value * (1 - value)));
    const low = logit.map((value, i) => expit(value - margin[i]));
    const high = logit.map((value, i) => expit(value + margin[i]));
    const worth = p.map((value, i) => (value * (1 - value)) / (se[i] * se[i]));
    return { ...made, se, low, high, worth };
  }

  /** @param {number} eta @returns {number} */
  const expit = (eta) => 1 / (1 + Math.exp(-eta));

  /** Levels with two people of each answer added to each group.
   * @param {Levels} levels @returns {Levels} */
  function plusFour(levels) {
    const { codes, n, kish, df } = levels;
    const p = levels.p.map((value, i) => value + (2 - 4 * value) / (kish[i] + 4));
    const variance = levels.p.map((_, i) => Math.max(levels.vcov[i][i], 0));
    const floored = p.map((value, i) =>
      Math.max(variance[i], (value * (1 - value)) / (kish[i] + 4)));
    const stretch = floored.map((value, i) =>
      variance[i] > 0 ? Math.sqrt(value / variance[i]) : 0);
    const vcov = levels.vcov.map((row, i) =>
      row.map((value, j) => (i === j ? floored[i] : value * stretch[i] * stretch[j])));
    return withIntervals({ codes, n, p, vcov, kish, df });
  }

  // ----- functions of levels -----

  /** The scale on which levels are subtracted: p, log p or log odds, and its slope.
   * @param {number} p @param {string} scale @returns {{value: number, slope: number}} */
  function transformed(p, scale) {
    if (scale === "ratio") return { value: Math.log(p), slope: 1 / p };
    if (scale === "odds_ratio") {
      return { value: Math.log(p / (1 - p)), slope: 1 / (p * (1 - p)) };
    }
    return { value: p, slope: 1 };
  }

  /** The signed sum of some groups on a scale, with its interval by the delta method.
   * @param {Levels} levels @param {number[]} rows @param {number[]} signs
   * @param {string} scale @returns {{estimate: number, se: number, low: number, high: number, n: number, df: number}} */
  function signedSum(levels, rows, signs, scale) {
    const gradient = levels.p.map(() => 0);
    let value = 0;
    rows.forEach((row, i) => {
      const on = transformed(levels.p[row], scale);
      value += signs[i] * on.value;
      gradient[row] += signs[i] * on.slope;
    });
    const se = root(quadratic(gradient, levels.vcov));
    const margin = quantile(levels.df) * se;
    const n = [...new Set(rows)].reduce((sum, row) => sum + levels.n[row], 0);
    const ends = { estimate: value, low: value - margin, high: value + margin };
    if (scale === "difference") return { ...ends, se, n, df: levels.df };
    const estimate = Math.exp(value);
    const low = Math.exp(ends.low);
    const high = Math.exp(ends.high);
    return { estimate, low, high, se: se * estimate, n, df: levels.df };
  }

  /** Each group against the first, on one scale.
   * @param {Levels} levels @param {string} scale @returns {Compared[]} */
  function gaps(levels, scale) {
    const others = levels.p.map((_, row) => row).slice(1);
    return others.map((row) => {
      const sum = signedSum(levels, [row, 0], [1, -1], scale);
      return { measure: scale, row, against: 0, axes: [], ...sum };
    });
  }

  /** Differences with limits from the intervals of both levels (MOVER).
   * @param {Levels} levels @returns {Compared[]} */
  function moverGaps(levels) {
    return gaps(levels, "difference").map((gap) => {
      const { row, against, estimate } = gap;
      const scale = levels.se[row] * levels.se[against];
      const correlation = scale > 0 ? levels.vcov[row][against] / scale : 0;
      /** @param {number} own @param {number} other */
      const distance = (own, other) =>
        root(own * own + other * other - 2 * correlation * own * other);
      const own = [levels.p[row] - levels.low[row], levels.high[row] - levels.p[row]];
      const other = [
        levels.high[against] - levels.p[against],
        levels.p[against] - levels.low[against],
      ];
      // the distances of a part that is subtracted are those of its other end
      const low = estimate - distance(own[0], other[0]);
      const high = estimate + distance(own[1], other[1]);
      return { ...gap, low, high };
    });
  }

  const SCALES = {
    interaction_contrast: "difference",
    ratio_of_rr: "ratio",
    ratio_of_or: "odds_ratio",
  };

  /** For a group, the groups in which some of its identities are at their reference.
   * @param {number[]} code @param {number[]} axes
   * @returns {{code: number[], sign: number}[]} from all to none */
  function corners(code, axes) {
    let made = [{ code, sign: 1 }];
    for (const axis of axes) {
      const without = made.map((corner) => ({
        code: corner.code.map((value, i) => (i === axis ? 0 : value)),
        sign: -corner.sign,
      }));
      made = [...made, ...without];
    }
    return made;
  }

  /** Interaction of some axes on both scales, and of odds; all other axes are held.
   * @param {Levels} levels @param {number[]} axes their places @returns {Compared[]} */
  function interactionsOf(levels, axes) {
    const place = new Map(levels.codes.map((code, row) => [code.join(), row]));
    /** @type {Compared[]} */
    const made = [];
    levels.codes.forEach((code, row) => {
      if (axes.some((axis) => code[axis] === 0)) return;
      const all = corners(code, axes);
      const rows = all.map((corner) => place.get(corner.code.join()) ?? -1);
      if (rows.includes(-1)) return;
      const signs = all.map((corner) => corner.sign);
      const against = rows[rows.length - 1];
      for (const [measure, scale] of Object.entries(SCALES)) {
        const sum = signedSum(levels, rows, signs, scale);
        made.push({ measure, row, against, axes, ...sum });
      }
    });
    return made;
  }

  /** All sets of places of two axes or more, the pairs first.
   * @param {number} axes @returns {number[][]} */
  function combinations(axes) {
    let made = /** @type {number[][]} */ ([[]]);
    for (let axis = 0; axis < axes; axis += 1) {
      made = [...made, ...made.map((chosen) => [...chosen, axis])];
    }
    const several = made.filter((chosen) => chosen.length > 1);
    return several.sort((a, b) => a.length - b.length || inOrder(a, b));
  }

  /** Interactions of all pairs of axes, and of all axes together.
   * @param {Levels} levels @returns {Compared[]} */
  function interactions(levels) {
    const axes = levels.codes[0].length;
    return combinations(axes).flatMap((chosen) => interactionsOf(levels, chosen));
  }

  // ----- the logistic model -----

  /** The columns of a model: for each the level of each axis that it tells apart.
   * @param {number[][]} codes of the groups @param {boolean} isSaturated @returns {number[][]} */
  function columns(codes, isSaturated) {
    const nothing = codes[0].map(() => 0);
    const many = codes.filter((code) => code.some((value) => value > 0));
    /** @param {number[]} code */
    const identities = (code) => code.filter((value) => value > 0).length;
    const kept = many.filter((code) => isSaturated || identities(code) === 1);
    const sorted = kept.sort((a, b) => identities(a) - identities(b) || inOrder(a, b));
    return [nothing, ...sorted];
  }

  /** Survey-weighted logistic regression on groups, with the covariance of their totals.
   * @param {Totals} totals @param {boolean} isSaturated all combinations, or identities alone
   * @returns {Coefficient[] | null} nothing where there is no solution */
  function logit(totals, isSaturated) {
    const named = columns(totals.codes, isSaturated);
    const x = totals.codes.map((code) =>
      named.map((wanted) => Number(wanted.every((v, i) => v === 0 || v === code[i]))));
    const beta = maximum(x, totals);
    if (beta === null) return null;
    const moves = influence(x, totals.w, beta);
    const df = totals.df - (named.length - 1);
    const t = quantile(df);
    return named.map((code, i) => {
      const se = root(quadratic(moves[i], totals.cov));
      const estimate = beta[i];
      return { code, estimate, se, low: estimate - t * se, high: estimate + t * se, df };
    });
  }

  /** @param {Matrix} x @param {number[]} beta @returns {number[]} */
  const predicted = (x, beta) =>
    x.map((row) => expit(row.reduce((sum, value, j) => sum + value * beta[j], 0)));

  /** @param {Matrix} x @param {number[]} w @param {number[]} mu @returns {Matrix} */
  function information(x, w, mu) {
    const size = x[0].length;
    const made = zeros(size, size);
    x.forEach((row, i) => {
      const slope = w[i] * mu[i] * (1 - mu[i]);
      row.forEach((left, j) => row.forEach((right, k) => { made[j][k] += slope * left * right; }));
    });
    return made;
  }

  /** The coefficients, by Newton steps.
   * @param {Matrix} x @param {Totals} totals @returns {number[] | null} */
  function maximum(x, totals) {
    const { w, y } = totals;
    let beta = x[0].map(() => 0);
    for (let i = 0; i < STEPS; i += 1) {
      const mu = predicted(x, beta);
      const score = beta.map((_, j) =>
        [x.reduce((sum, row, c) => sum + row[j] * (y[c] - w[c] * mu[c]), 0)]);
      const step = solved(information(x, w, mu), score).map((row) => row[0]);
      beta = beta.map((value, j) => value + Math.max(-LONGEST, Math.min(LONGEST, step[j])));
      const length = Math.max(...step.map(Math.abs));
      if (length < NEAR) return beta;
      if (!Number.isFinite(length)) return null;
    }
    return null;
  }

  /** The derivative of the coefficients by the totals (w, y).
   * @param {Matrix} x @param {number[]} w @param {number[]} beta @returns {Matrix} */
  function influence(x, w, beta) {
    const mu = predicted(x, beta);
    const by = beta.map((_, j) => [
      ...x.map((row, i) => -row[j] * mu[i]),
      ...x.map((row) => row[j]),
    ]);
    return solved(information(x, w, mu), by);
  }

  // ----- all of it -----

  /** All that the page shows of one choice.
   * @param {CellSet} set @param {string[]} axes two or three
   * @param {number[]} first place of the reference level of each axis
   * @returns {Everything} */
  function everything(set, axes, first) {
    const totals = summed(set, axes, first);
    const levels = levelsOf(totals);
    const added = plusFour(levels);
    return {
      levels,
      plusFour: added,
      gaps: ["difference", "ratio", "odds_ratio"].flatMap((scale) => gaps(levels, scale)),
      gapsPlusFour: moverGaps(added),
      interactions: interactions(levels),
      interactionsPlusFour: interactions(added),
      additive: logit(totals, false),
      saturated: logit(totals, true),
    };
  }

  return { everything, levelAt, tQuantile, corners };
})();

/** @type {any} */ (globalThis).trustArithmetic = trustArithmetic;
