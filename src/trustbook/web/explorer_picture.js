// The picture "together" in the reader's browser: the same HTML and classes as
// trustbook.pictures.rows draws (book/_static/rows.css), and the same as an SVG to keep.
"use strict";

/**
 * @typedef {Object} PictureRow
 * @property {string} name
 * @property {string[]} beside
 * @property {number} low
 * @property {number} value
 * @property {number} high
 * @property {{kind: string, value: number}[]} marks
 *
 * @typedef {Object} Picture all values are percentages
 * @property {string} title
 * @property {string} what
 * @property {PictureRow[]} rows
 * @property {number[]} ticks
 * @property {string} says
 */

const trustPicture = (() => {
  const STEPS = [1, 2, 5, 10, 20, 25, 50, 100]; // between whole ticks
  const MOST_STEPS = 5;
  const WORTH = 0.9; // of the people: fewer effective ones are told
  const LEGEND = [
    ["added", "if the gaps simply added up"],
    ["multiplied", "if the ratios multiplied"],
  ];

  /** An element with attributes and children; texts are shown as written.
   * @param {string} tag @param {Object<string, string>} attributes
   * @param {...(Node | string)} children @returns {HTMLElement} */
  function element(tag, attributes, ...children) {
    const made = document.createElement(tag);
    Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, value));
    made.append(...children);
    return made;
  }

  /** Where a group would be if its identities just added up, or multiplied.
   * @param {Levels} levels @param {number} row @returns {{added: number, multiplied: number} | null} */
  function expected(levels, row) {
    const code = levels.codes[row];
    const own = code.map((_, i) => i).filter((i) => code[i] > 0);
    if (own.length < 2) return null;
    const alone = own.map((axis) => {
      const wanted = code.map((value, i) => (i === axis ? value : 0)).join();
      return levels.codes.findIndex((other) => other.join() === wanted);
    });
    if (alone.includes(-1)) return null;
    const base = levels.p[0];
    const added = alone.reduce((sum, at) => sum + levels.p[at] - base, base);
    const multiplied = alone.reduce((product, at) => (product * levels.p[at]) / base, base);
    return { added, multiplied };
  }

  /** What cannot be, in words.
   * @param {number} share @returns {string} */
  function possible(share) {
    if (share > 1) return "over 100";
    if (share < 0) return "under 0";
    return trustWords.percent(share);
  }

  /** @param {Choice} choice @param {Levels} levels @param {number} row
   * @param {{se: number, low: number, high: number} | null} replicates @returns {PictureRow} */
  function rowOf(choice, levels, row, replicates) {
    const n = levels.n[row];
    const p = levels.p[row];
    const worth = replicates === null ? levels.worth[row] : p * (1 - p) / replicates.se ** 2;
    let told = `${trustWords.people(n)} people`;
    if (worth < WORTH * n) told += `, worth ${trustWords.people(worth)}`;
    const beside = [told];
    const marks = [];
    const would = expected(levels, row);
    if (would !== null) {
      const { added, multiplied } = would;
      beside.push(`adding up ${possible(added)}, multiplying ${possible(multiplied)}`);
      if (added >= 0 && added <= 1) marks.push({ kind: "added", value: 100 * added });
      if (multiplied <= 1) marks.push({ kind: "multiplied", value: 100 * multiplied });
    }
    const ends = replicates ?? { low: levels.low[row], high: levels.high[row] };
    return {
      name: trustWords.group(choice, levels.codes[row]),
      beside,
      marks,
      low: 100 * ends.low,
      value: 100 * p,
      high: 100 * ends.high,
    };
  }

  /** Round numbers from 0 to above all values.
   * @param {number[]} values @returns {number[]} */
  function ticksOver(values) {
    const high = Math.max(...values);
    const step = STEPS.find((one) => high / one <= MOST_STEPS) ?? 100;
    const last = Math.max(Math.ceil(high / step), 1);
    return Array.from({ length: last + 1 }, (_, i) => i * step);
  }

  /** The picture of a choice.
   * @param {Choice} choice @param {Levels} levels
   * @param {({se: number, low: number, high: number} | null)[]} replicates stored intervals of the levels
   * @param {string} begin what its title begins with @param {string} evidence @returns {Picture} */
  function of(choice, levels, replicates, begin, evidence) {
    const areStored = replicates.every((one) => one !== null);
    const rows = levels.p.map((_, row) => rowOf(choice, levels, row, areStored ? replicates[row] : null));
    const by = areStored ? " by replicate weights" : "";
    const marks = rows.flatMap((row) => row.marks.map((mark) => mark.value));
    const outcome = trustWords.heading(choice.set.outcome, choice.set.labels);
    return {
      title: begin + titleOf(rows, levels),
      what: `${outcome}, percent`,
      rows,
      ticks: ticksOver([...rows.map((row) => row.high), ...marks]),
      says: `Lines are 95 % intervals${by}; the marks have errors of their own. ${evidence}.`,
    };
  }

  /** What is seen: the last group beside the sum of the gaps, or beside the first.
   * @param {PictureRow[]} rows @param {Levels} levels @returns {string} */
  function titleOf(rows, levels) {
    const last = rows.length - 1;
    const would = expected(levels, last);
    if (rows.length === 4 && would !== null) {
      const shown = rows[last].value.toFixed(1);
      return `${rows[last].name}: ${shown} percent; the gaps added up give ${possible(would.added)}`;
    }
    const ends = [rows[last], rows[0]].map(({ name, value }) => `${name}: ${value.toFixed(1)} percent`);
    return ends.join("; ");
  }

  /** Where a value stands, in percent of the width.
   * @param {number[]} ticks @param {number} value @returns {number} */
  const at = (ticks, value) =>
    Math.round((1e4 * Math.min(Math.max(value, 0), ticks[ticks.length - 1]))
      / ticks[ticks.length - 1]) / 100;

  /** Something on the track of a row.
   * @param {string} kind @param {number} left @param {number} [width] @returns {HTMLElement} */
  function placed(kind, left, width) {
    const made = element("i", { class: kind });
    made.style.left = `${left}%`;
    if (width !== undefined) made.style.width = `${width}%`;
    return made;
  }

  /** @param {number[]} ticks @param {PictureRow} row @returns {HTMLElement} */
  function line(ticks, row) {
    const left = at(ticks, row.low);
    const track = element("div", { class: "ef-track", "aria-hidden": "true" });
    track.append(...ticks.map((tick) => placed("rf-grid", at(ticks, tick))));
    track.append(placed("rf-interval", left, at(ticks, row.high) - left));
    track.append(...row.marks.map((mark) => placed(`rf-mark rf-${mark.kind}`, at(ticks, mark.value))));
    track.append(placed("ef-mark ef-0", at(ticks, row.value)));
    const small = row.beside.map((text) => element("small", {}, text));
    const interval = `${row.low.toFixed(1)} to ${row.high.toFixed(1)}`;
    return element("div", { class: "ef-row" },
      element("div", { class: "ef-label" }, row.name, ...small),
      track,
      element("div", { class: "ef-value" }, row.value.toFixed(1), element("small", {}, interval)));
  }

  /** @param {number[]} ticks @returns {HTMLElement} */
  function axis(ticks) {
    const texts = ticks.map((tick) => {
      const text = element("span", {}, String(tick));
      text.style.left = `${at(ticks, tick)}%`;
      return text;
    });
    return element("div", { class: "ef-row ef-axis", "aria-hidden": "true" },
      element("div", {}), element("div", { class: "ef-ticks" }, ...texts), element("div", {}));
  }

  /** The picture as a figure of the page.
   * @param {Picture} picture @returns {HTMLElement} */
  function figure(picture) {
    const legend = LEGEND.map(([kind, words]) => element("span", {},
      element("i", { class: `rf-mark rf-${kind}`, "aria-hidden": "true" }), words));
    return element("figure", { class: "record-figure row-figure" },
      element("p", { class: "ef-title" }, trustWords.capital(picture.title)),
      element("p", { class: "rf-what" }, picture.what),
      element("p", { class: "ef-legend" }, ...legend),
      ...picture.rows.map((row) => line(picture.ticks, row)),
      axis(picture.ticks),
      element("figcaption", {}, picture.says));
  }

  // ----- the same as a file -----

  const ROW = 44;
  const TOP = 92;
  const LEFT = 300;
  const WIDE = 380;
  const SHARP = 2; // dots of a PNG for each of the SVG

  /** @param {string} text @returns {string} */
  const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;").replaceAll('"', "&quot;");

  /** @param {number} x @param {number} y @param {string} text @param {string} [how] @returns {string} */
  const written = (x, y, text, how = "") => `<text x="${x}" y="${y}" ${how}>${escaped(text)}</text>`;

  /** @param {number} x @param {number} y @param {number} height @param {string} how @returns {string} */
  const upright = (x, y, height, how) =>
    `<path d="M${x} ${y}v${height}" ${how}/>`;

  /** One row of the SVG.
   * @param {Picture} picture @param {PictureRow} row @param {number} i @returns {string} */
  function svgRow(picture, row, i) {
    const y = TOP + i * ROW;
    /** @param {number} value */
    const x = (value) => LEFT + (WIDE * at(picture.ticks, value)) / 100;
    const middle = y + ROW / 2;
    const dashes = { added: "", multiplied: 'stroke-dasharray="5 4"' };
    const marks = row.marks.map((mark) => upright(x(mark.value), y + 5, ROW - 10,
      `stroke="#8a4b00" stroke-width="3" ${mark.kind === "added" ? dashes.added : dashes.multiplied}`));
    const small = row.beside.map((text, k) => written(12, y + 30 + 12 * k, text, 'font-size="11" fill="#4a555a"'));
    return [
      written(12, y + 16, row.name),
      ...small,
      ...picture.ticks.map((tick) => upright(x(tick), y, ROW, 'stroke="#c9d1d4"')),
      `<path d="M${x(row.low)} ${middle}H${x(row.high)}" stroke="#17495c" stroke-width="4"/>`,
      ...marks,
      `<circle cx="${x(row.value)}" cy="${middle}" r="6.5" fill="#17495c"/>`,
      written(LEFT + WIDE + 18, middle, row.value.toFixed(1)),
      written(LEFT + WIDE + 18, middle + 15, `${row.low.toFixed(1)} to ${row.high.toFixed(1)}`, 'font-size="11" fill="#4a555a"'),
    ].join("");
  }

  /** The picture as an SVG file.
   * @param {Picture} picture @returns {string} */
  function svg(picture) {
    const height = TOP + picture.rows.length * ROW + 60;
    const below = height - 60;
    const ticks = picture.ticks.map((tick) => written(
      LEFT + (WIDE * at(picture.ticks, tick)) / 100, below + 16, String(tick), 'font-size="12" text-anchor="middle"'));
    const title = trustWords.capital(picture.title);
    return `<svg xmlns="http://www.w3.org/2000/svg" width="800" height="${height}" viewBox="0 0 800 ${height}" `
      + 'font-family="system-ui, sans-serif" font-size="14" fill="#1d2528" role="img">'
      + `<title>${escaped(title)}</title><rect width="800" height="${height}" fill="#fff"/>`
      + written(12, 26, title, 'font-weight="650"')
      + written(12, 48, picture.what, 'font-size="12" fill="#4a555a"')
      + written(12, 72, "Solid mark: if the gaps simply added up. Dashed mark: if the ratios multiplied.", 'font-size="12"')
      + picture.rows.map((row, i) => svgRow(picture, row, i)).join("")
      + ticks.join("")
      + written(12, below + 42, picture.says, 'font-size="11" fill="#4a555a"')
      + "</svg>";
  }

  /** The SVG as a PNG of twice its size, as an address that holds it.
   * @param {string} text @returns {Promise<string>} */
  async function png(text) {
    const image = new Image();
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = SHARP * image.width;
    canvas.height = SHARP * image.height;
    const context = canvas.getContext("2d");
    if (!context) throw new Error("no canvas");
    context.scale(SHARP, SHARP);
    context.drawImage(image, 0, 0);
    return canvas.toDataURL("image/png");
  }

  return { of, figure, svg, png, element, expected };
})();

/** @type {any} */ (globalThis).trustPicture = trustPicture;
