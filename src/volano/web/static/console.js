// What scripts add to the console: keys, relative times, nothing that a page needs to work.
(() => {
  "use strict";

  const typing = (at) => at.closest("input, textarea, select, [contenteditable]");
  const help = () => document.getElementById("help");

  // ---- relative times: the server's words at first, kept true every 10 s

  const said = JSON.parse(document.documentElement.dataset.ago);
  const exact = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "long" });

  function ago(seconds) {
    if (seconds < 0) return null;
    if (seconds < 5) return said.now;
    for (const [unit, size, limit] of [["s", 1, 60], ["min", 60, 3600], ["h", 3600, 86400]]) {
      if (seconds < limit) return said[unit].replace("{n}", Math.floor(seconds / size));
    }
    const days = Math.floor(seconds / 86400);
    return (days === 1 ? said.day : said.days).replace("{n}", days);
  }

  function refreshTimes() {
    for (const tag of document.querySelectorAll("time[datetime]")) {
      const at = new Date(tag.dateTime);
      tag.title = exact.format(at);
      const told = ago((Date.now() - at) / 1000);
      if (told && tag.textContent !== told) tag.textContent = told;
    }
  }
  refreshTimes();
  setInterval(() => document.hidden || refreshTimes(), 10_000);
  document.addEventListener("htmx:sse:after:message", refreshTimes);

  // ---- keys

  const rows = () => [...document.querySelectorAll("[data-rows] tbody tr:not([hidden]) td.lead :is(a:not(.unfold), .more a)")];
  let waiting = false; // "g" was pressed, a letter follows

  function step(by) {
    const all = rows();
    const here = all.indexOf(document.activeElement);
    const next = all[here < 0 ? (by > 0 ? 0 : all.length - 1) : here + by];
    if (next) {
      next.focus();
      next.scrollIntoView({ block: "nearest" });
    }
  }

  // ---- a tree: what stands below a row is hidden and shown again

  let told = document.querySelector("#step .step-head"); // the details that are in view

  function fold(button, open) {
    const row = button.closest("tr");
    const depth = Number(row.dataset.depth);
    button.setAttribute("aria-expanded", open);
    let folded = Infinity; // below a row that was folded by itself all stays hidden
    for (let next = row.nextElementSibling; next && Number(next.dataset.depth) > depth; next = next.nextElementSibling) {
      const at = Number(next.dataset.depth);
      if (at <= folded) folded = Infinity;
      next.hidden = !open || at > folded;
      if (open && next.querySelector('[data-fold][aria-expanded="false"]')) folded = Math.min(folded, at);
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-fold]");
    if (button) fold(button, button.getAttribute("aria-expanded") !== "true");
  });

  document.addEventListener("htmx:after:swap", () => {
    const head = document.querySelector("#step .step-head");
    if (head && head !== told) head.scrollIntoView({ block: "nearest" });
    told = head;
  });

  function turn(open) {
    const row = document.activeElement?.closest("tr[data-depth]");
    const button = row?.querySelector("[data-fold]");
    if (button && (button.getAttribute("aria-expanded") === "true") !== open) fold(button, open);
    else if (open) row?.querySelector(".unfold")?.click();
  }

  function go(letter) {
    const link = [...document.querySelectorAll("#nav [data-letter]")].find((each) => each.dataset.letter === letter);
    if (link) location.href = link.href;
  }

  const keys = {
    "/": () => (document.querySelector("[data-filter]") ?? document.getElementById("find")).focus(),
    "?": () => help().showModal(),
    j: () => step(1),
    k: () => step(-1),
    u: () => document.querySelector("[data-up]")?.click(),
    e: () => document.querySelector("[data-next-failed]")?.click(),
    ArrowRight: () => turn(true),
    ArrowLeft: () => turn(false),
    g: () => {
      waiting = true;
      setTimeout(() => (waiting = false), 1500);
    },
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help().open) return;
    if (event.key === "Escape" && typing(event.target)) return event.target.blur();
    if (typing(event.target)) return;
    if (waiting) {
      waiting = false;
      event.preventDefault();
      return go(event.key);
    }
    if (keys[event.key]) {
      if (!event.key.startsWith("Arrow") || event.target.closest("tr[data-depth]")) event.preventDefault();
      keys[event.key]();
    }
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-help]")) help().showModal();
    else if (event.target === help()) help().close();
  });

  // ---- empty fields stay out of the address

  document.addEventListener("submit", (event) => {
    for (const field of event.target.querySelectorAll("input[name], select[name]")) field.disabled = !field.value;
    setTimeout(() => event.target.querySelectorAll(":disabled").forEach((field) => (field.disabled = false)));
  });
})();
