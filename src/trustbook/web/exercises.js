// The exercises of a lesson: listens to their forms, replies by exercises_check.js, and keeps
// on this device what was answered. Nothing is sent. Without storage everything else works.
"use strict";

/**
 * What is kept of an exercise.
 * @typedef {{answer: string | string[], right: boolean}} Kept
 */

(() => {
  const STORE = "trustgap-lessons";

  // ----- what is kept on this device -----

  /** All that is kept: lesson -> exercise -> `Kept`.
   * @returns {Object<string, Object<string, Kept>>} */
  function kept() {
    try {
      const all = JSON.parse(localStorage.getItem(STORE) ?? "{}");
      return all && typeof all === "object" ? all : {};
    } catch {
      return {};
    }
  }

  /** @param {string} lesson @param {(of: Object<string, Kept>) => void} change */
  function keep(lesson, change) {
    const all = kept();
    const of = { ...all[lesson] };
    change(of);
    try {
      localStorage.setItem(STORE, JSON.stringify({ ...all, [lesson]: of }));
    } catch {
      // A device that keeps nothing: the answers last as long as the page.
    }
  }

  // ----- answers in the forms -----

  /** @param {Element} within @param {string} selector @returns {any[]} */
  const all = (within, selector) => [...within.querySelectorAll(selector)];

  /** The answer in a form: a list where it has parts, and "" for a part that is open.
   * @param {HTMLElement} exercise @param {string} kind @returns {string | string[]} */
  function answerIn(exercise, kind) {
    const chosen = (/** @type {Element} */ within) =>
      all(within, "input:checked")[0]?.value ?? "";
    if (kind === "choice") return chosen(exercise);
    if (kind === "claims") return all(exercise, "fieldset").map(chosen);
    if (kind === "order") return all(exercise, "li").map((item) => item.dataset.item);
    if (kind === "sentence") return all(exercise, "select").map((list) => list.value);
    const field = all(exercise, "input[name=answer]")[0];
    return kind === "guess" && !field.dataset.moved ? "" : field.value;
  }

  /** Put an answer into its form, where it fits.
   * @param {HTMLElement} exercise @param {string} kind @param {string | string[]} answer */
  function fill(exercise, kind, answer) {
    const parts = Array.isArray(answer) ? answer : [answer];
    const check = (/** @type {Element} */ within, /** @type {string} */ value) => {
      for (const button of all(within, "input")) button.checked = button.value === value;
    };
    if (kind === "choice") check(exercise, parts[0]);
    else if (kind === "claims") all(exercise, "fieldset").forEach((set, i) => check(set, parts[i]));
    else if (kind === "order") order(exercise, parts);
    else if (kind === "sentence") all(exercise, "select").forEach((list, i) => { list.value = parts[i] ?? ""; });
    else write(all(exercise, "input[name=answer]")[0], parts[0]);
    showGuess(exercise);
  }

  /** Put a number or a line into its field; a guess without one goes back to its beginning.
   * @param {HTMLInputElement} field @param {string} value */
  function write(field, value) {
    field.value = value || field.defaultValue;
    field.dataset.moved = field.type === "range" && value ? "yes" : "";
  }

  /** Put the steps in an order.
   * @param {HTMLElement} exercise @param {string[]} items */
  function order(exercise, items) {
    const list = exercise.querySelector("ol");
    for (const item of items) {
      const step = all(exercise, "li").find((one) => one.dataset.item === item);
      if (step) list?.append(step);
    }
  }

  /** Say the guess beside its dot.
   * @param {HTMLElement} exercise */
  function showGuess(exercise) {
    const output = exercise.querySelector("output");
    if (output) output.textContent = String(answerIn(exercise, "guess") || "?");
  }

  // ----- one exercise -----

  /** @param {HTMLElement} exercise @param {string} reply @param {boolean} isRight */
  function say(exercise, reply, isRight) {
    const place = /** @type {HTMLElement} */ (exercise.querySelector(".exercise-reply"));
    place.textContent = reply && reply.charAt(0).toUpperCase() + reply.slice(1);
    exercise.classList.toggle("exercise-is-right", isRight);
    exercise.classList.toggle("exercise-is-wrong", Boolean(reply) && !isRight);
  }

  /** Move a step up or down and keep the button in hand.
   * @param {HTMLElement} exercise @param {HTMLElement} button */
  function move(exercise, button) {
    const step = /** @type {HTMLElement} */ (button.closest("li"));
    const isUp = button.dataset.move === "up";
    const other = isUp ? step.previousElementSibling : step.nextElementSibling;
    if (!other) return;
    if (isUp) other.before(step);
    else other.after(step);
    button.focus();
    const steps = all(exercise, "li");
    say(exercise, `place ${steps.indexOf(step) + 1} of ${steps.length}`, false);
    exercise.classList.remove("exercise-is-wrong");
  }

  /** Write a part of a line where the cursor is, or delete the part before it.
   * @param {HTMLElement} exercise @param {HTMLElement} button */
  function press(exercise, button) {
    const field = /** @type {HTMLInputElement} */ (all(exercise, "input[name=answer]")[0]);
    const at = field.selectionStart ?? field.value.length;
    const before = field.value.slice(0, at);
    const part = button.dataset.insert ?? "";
    if (part) {
      const isJoined = !before || /[\s(]$/.test(before) || part === ")" || /\d$/.test(before) && /^\d/.test(part);
      field.setRangeText(isJoined ? part : ` ${part}`, at, field.selectionEnd ?? at, "end");
    } else {
      const rest = before.replace(/\s*(?:[A-Za-z_]\w*|\d+(?:[.,]\d+)?|\S)\s*$/, "");
      field.setRangeText("", rest.length, field.selectionEnd ?? at, "end");
    }
    say(exercise, field.value && `your line: ${field.value}`, false);
    exercise.classList.remove("exercise-is-wrong");
  }

  /** @param {HTMLElement} exercise */
  function begin(exercise) {
    const { lesson = "", exercise: name = "", task: text = "{}" } = exercise.dataset;
    const task = JSON.parse(text);
    const form = /** @type {HTMLFormElement} */ (exercise.querySelector("form"));
    const first = answerIn(exercise, task.kind);
    all(form, ".exercise-buttons, .exercise-keys").forEach((line) => { line.hidden = false; });
    const solution = /** @type {HTMLDetailsElement} */ (exercise.querySelector("details.exercise-solution"));
    all(exercise, ".exercise-without").forEach((note) => note.remove());

    const check = (/** @type {boolean} */ isNew) => {
      const answer = answerIn(exercise, task.kind);
      const isGuess = task.kind === "guess";
      if (isGuess && !answer) {
        say(exercise, trustExercises.word("move"), false);
        return;
      }
      const reply = trustExercises.check(task, answer);
      const right = trustExercises.isRight(reply);
      say(exercise, reply, right);
      if (isGuess && !right) solution.open = true;
      if (isNew) keep(lesson, (of) => { of[name] = { answer, right }; });
      showProgress();
    };
    const again = () => {
      fill(exercise, task.kind, first);
      solution.open = false;
      say(exercise, "", false);
      keep(lesson, (of) => { delete of[name]; });
      showProgress();
    };

    form.addEventListener("submit", (event) => {
      event.preventDefault();
      check(true);
    });
    form.addEventListener("reset", (event) => {
      event.preventDefault();
      again();
    });
    form.addEventListener("input", (event) => {
      const field = /** @type {HTMLInputElement} */ (event.target);
      if (field.type === "range") field.dataset.moved = "yes";
      showGuess(exercise);
    });
    form.addEventListener("click", (event) => {
      const button = /** @type {HTMLElement} */ (event.target).closest("button");
      if (button?.dataset.move) move(exercise, button);
      else if (button?.dataset.insert || button?.dataset.delete) press(exercise, button);
    });
    exercise.addEventListener("forget", again);
    const before = kept()[lesson]?.[name];
    if (before) {
      fill(exercise, task.kind, before.answer);
      check(false);
    }
  }

  // ----- the whole lesson -----

  /** Say of each lesson on the page how far it is. */
  function showProgress() {
    for (const place of all(document.body, ".exercise-progress")) {
      const names = JSON.parse(place.dataset.names);
      const of = kept()[place.dataset.lesson] ?? {};
      const right = names.filter((/** @type {string} */ name) => of[name]?.right).length;
      const text = `${right} of ${names.length} exercises right`;
      const said = place.querySelector("span");
      if (said.textContent !== text) said.textContent = text;
      place.hidden = false;
    }
  }

  /** @param {HTMLElement} place */
  function listenToForget(place) {
    const button = place.querySelector("button");
    button?.addEventListener("click", () => {
      const { lesson = "" } = place.dataset;
      keep(lesson, (of) => { for (const name of Object.keys(of)) delete of[name]; });
      for (const exercise of all(document.body, ".exercise")) {
        if (exercise.dataset.lesson === lesson) exercise.dispatchEvent(new Event("forget"));
      }
      showProgress();
    });
  }

  all(document.body, ".exercise").forEach(begin);
  all(document.body, ".exercise-progress").forEach(listenToForget);
  showProgress();
})();
