// The page in the frame: it loads R from beside itself, runs the scripts that the page around it
// sends, and sends back what they print. Its policy lets R run here and ask this site alone.
"use strict";

/**
 * @typedef {{id: number, script: string}} Asked
 * @typedef {{type: string, data: any}} ROutput
 * @typedef {{id: number, lines: string[], error: string}} Answered
 */

(() => {
  const HERE = new URL("webr/", location.href).href;
  const MESSAGES = 3; // the channel that needs no special headers of a host
  const CLEAR = "rm(list = ls(all.names = TRUE)); graphics.off()";

  // A worker from an address would have no policy: one from a text has that of this page.
  const Plain = window.Worker;
  window.Worker = class extends Plain {
    /** @param {string | URL} address */
    constructor(address) {
      const from = JSON.stringify(new URL(String(address), location.href).href);
      const kind = { type: "text/javascript" };
      super(URL.createObjectURL(new Blob([`importScripts(${from});`], kind)));
    }
  };

  /** @type {Promise<any> | undefined} */
  let started;

  /** R, loaded once. */
  async function load() {
    const address = `${HERE}webr.js`;
    const { WebR } = await import(address);
    const webR = new WebR({ baseUrl: HERE, channelType: MESSAGES });
    await webR.init();
    return webR;
  }

  /** What a script prints, as Rscript would print it, and where it stopped.
   * @param {string} script @returns {Promise<{lines: string[], error: string}>} */
  async function printed(script) {
    started ??= load();
    const webR = await started;
    await webR.evalRVoid(CLEAR); // each script runs by itself
    const shelter = await new webR.Shelter();
    try {
      const options = { withAutoprint: true, captureGraphics: false, throwJsException: false };
      const { output } = await shelter.captureR(script, options);
      return await told(output);
    } finally {
      await shelter.purge();
    }
  }

  /** @param {ROutput[]} output @returns {Promise<{lines: string[], error: string}>} */
  async function told(output) {
    const lines = [];
    let error = "";
    for (const { type, data } of output) {
      if (typeof data === "string") lines.push(data);
      else if (type === "error") error = await worded(data);
      else lines.push(`# ${type}: ${await worded(data)}`);
    }
    return { lines, error };
  }

  /** What a condition of R says.
   * @param {any} condition @returns {Promise<string>} */
  async function worded(condition) {
    const message = await condition.get("message");
    return (await message.toString()).trim();
  }

  /** @param {MessageEvent<Asked>} event */
  async function answer(event) {
    if (event.source !== parent || event.origin !== location.origin) return;
    const { id, script } = event.data;
    /** @type {Answered} */
    let answered;
    try {
      answered = { id, ...(await printed(script)) };
    } catch (fault) {
      answered = { id, lines: [], error: String(fault instanceof Error ? fault.message : fault) };
    }
    parent.postMessage(answered, location.origin);
  }

  addEventListener("message", answer);
  if (parent !== window) parent.postMessage({ ready: true }, location.origin);
})();
