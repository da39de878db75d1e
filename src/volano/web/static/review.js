// The review page by keyboard: each button has its key, fields have theirs, arrows walk the answers.
(() => {
  "use strict";

  const form = document.querySelector("[data-review]");
  if (!form) return;
  const choices = [...form.querySelectorAll("[data-choice]")];

  // a verdict is given once, however often its key repeats
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
  addEventListener("pageshow", () => delete form.dataset.sent);

  function walk(by) {
    const here = choices.indexOf(document.activeElement);
    const next = here < 0 ? (by > 0 ? 0 : choices.length - 1) : (here + by + choices.length) % choices.length;
    choices[next]?.focus();
  }

  const arrows = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

  // before the console's own keys: here `u` undoes
  document.addEventListener("keydown", (event) => {
    const field = event.target.closest("input, textarea, select");
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && field?.form === form) {
      const button = form.querySelector("[data-submit]") ?? (choices.includes(document.activeElement) ? document.activeElement : null);
      if (button) event.preventDefault();
      return button?.click();
    }
    if (field || event.ctrlKey || event.metaKey || event.altKey || event.repeat || document.querySelector("dialog[open]")) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const focus = [...form.querySelectorAll("[data-focus]")].find((each) => each.dataset.focus === key);
    const button = [...form.querySelectorAll("[data-key]")].find((each) => each.dataset.key === key);
    if (!focus && !button && !(arrows[key] && choices.length)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (focus) focus.focus();
    else if (button) button.click();
    else walk(arrows[key]);
  }, { capture: true });
})();
