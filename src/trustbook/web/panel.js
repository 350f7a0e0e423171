// "How wrong could a panel be?": what yes-sayers and people outside the panel make of a
// printed gap. The formulas are those of trustlib.review.panel; a test holds the two together.
"use strict";

/**
 * Two printed levels, as shares, and the part of the panel with both identities.
 * @typedef {{part: number, both: number, neither: number}} PanelHeadline
 * What the sliders say, as shares: yes-sayers, people outside, how much more these report.
 * @typedef {{share: number, outside: number, more: number}} PanelState
 */

const trustPanel = (() => {
  /** The level of those who are both, without yes-sayers.
   * @param {PanelHeadline} of @param {number} share @returns {number} */
  const level = (of, share) => (of.part * of.both - share) / (of.part - share);

  /** The gap in the panel, without yes-sayers.
   * @param {PanelHeadline} of @param {number} share @returns {number} */
  const gap = (of, share) => level(of, share) - of.neither;

  /** The gap of everybody, with people outside.
   * @param {PanelHeadline} of @param {PanelState} state @returns {number} */
  const all = (of, state) => gap(of, state.share) - state.outside * state.more;

  return { level, gap, all };
})();

(() => {
  const NAMES = /** @type {const} */ (["share", "outside", "more"]);

  /** @param {string} name @returns {any} */
  const part = (name) => document.getElementById(`panel-${name}`);

  /** A difference of shares in points, with its sign.
   * @param {number} share @returns {string} */
  function points(share) {
    const text = Math.abs(100 * share).toFixed(1);
    if (Number(text) === 0) return text;
    return (share > 0 ? "+" : "−") + text;
  }

  /** @returns {PanelHeadline} */
  function headline() {
    const data = part("moved").dataset;
    return { part: Number(data.part), both: Number(data.both), neither: Number(data.neither) };
  }

  /** @returns {PanelState} */
  function state() {
    const [share, outside, more] = NAMES.map((name) => Number(part(name).value) / 100);
    return { share, outside, more };
  }

  /** What is said of a gap.
   * @param {number} found @param {number} printed @returns {string} */
  function named(found, printed) {
    const left = found / printed;
    if (Math.abs(found) < 0.0005) return "The gap has vanished.";
    if (left < 0) return "The gap has turned.";
    if (left <= 0.1) return "Hardly anything of the gap is left.";
    if (left <= 0.5) return "Less than half of the gap is left.";
    if (left < 1) return "More than half of the gap is left.";
    return left > 1 ? "The gap is wider than printed." : "The gap is as printed.";
  }

  /** Sentences as paragraphs in the place that is read aloud.
   * @param {string[]} texts */
  function say(texts) {
    const lines = texts.map((text) => {
      const line = document.createElement("p");
      line.textContent = text;
      return line;
    });
    part("said").replaceChildren(...lines);
  }

  function show() {
    const of = headline();
    const now = state();
    const found = trustPanel.all(of, now);
    NAMES.forEach((name) => {
      const value = Number(part(name).value);
      part(`${name}-value`).textContent = name === "more" ? points(value / 100) : String(value);
    });
    const both = (100 * trustPanel.level(of, now.share)).toFixed(1);
    const nobody = now.outside === 0 && now.more !== 0;
    say([
      ...(nobody ? ["Nobody is outside yet: move the second slider, and the third will count."] : []),
      ...(now.outside > 0 && now.more === 0 ? ["People outside answer alike until you move the third slider."] : []),
      `${points(found)} points for everybody, inside the panel and outside. ${named(found, of.both - of.neither)}`,
      `In the panel, without yes-sayers, people who are both are at ${both} percent, ` +
        `${points(trustPanel.gap(of, now.share))} points from people who are neither.`,
    ]);
    const place = Math.min(Math.max(50 + 50 * found, 0), 100);
    part("dot").style.left = `${place}%`;
  }

  if (!part("moved")) return;
  part("without").hidden = true;
  part("form").hidden = false;
  part("track").hidden = false;
  part("ends").hidden = false;
  part("form").addEventListener("input", show);
  part("form").addEventListener("submit", (/** @type {Event} */ event) => event.preventDefault());
  show();
})();
