// The playground: asks by a stream and draws what comes; without this file its form asks for whole pages.
(() => {
  "use strict";

  const form = document.querySelector("[data-play]");
  if (!form || !window.ReadableStream) return;
  const results = document.getElementById("results");
  const headline = document.getElementById("headline");
  const stop = form.querySelector("[data-stop]");
  const MOST_ADDRESS = 1800;
  const OURS = ["prompt", "role", "said", "schema", "why", "name", "do"];
  let asking = null;

  // ---- the address says what is asked, where that is short

  function address(fields) {
    const edited = "edited" in form.dataset || [...form.querySelectorAll("[name=said]")].some((one) => one.value !== one.defaultValue);
    const asked = new URLSearchParams();
    for (const [name, value] of fields) {
      if (!value || ["name", "why", "do"].includes(name)) continue;
      if (["role", "said", "schema"].includes(name) && !edited) continue;
      asked.append(name, value);
    }
    let text = asked.toString();
    if (text.length > MOST_ADDRESS) {
      for (const name of [...asked.keys()]) if (OURS.includes(name) ? name !== "prompt" : name.startsWith("v.")) asked.delete(name);
      text = asked.toString();
    }
    if (text.length <= MOST_ADDRESS) history.replaceState(null, "", `/playground?${text}`);
  }

  // ---- one line for each change; html is drawn and escaped by the server, text is text

  function put(change) {
    const at = document.getElementById(change.into);
    if (!at) return;
    if ("text" in change) {
      at.classList.add("coming");
      at.append(change.text);
    } else {
      at.classList.remove("coming");
      at.innerHTML = change.html;
    }
  }

  async function read(body) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) if (line) put(JSON.parse(line));
    }
  }

  // ---- a name in double braces becomes a field, and what will be sent is shown, while it is written

  let drawing = null, soon = 0;

  function refield(at, html) {
    const made = document.createElement("template");
    made.innerHTML = html;
    const inputs = (from) => [...from.querySelectorAll("[name]")];
    const names = (from) => inputs(from).map((one) => one.name).join("\n");
    if (names(made.content) === names(at)) return;
    const had = new Map(inputs(at).map((one) => [one.name, one])), focused = document.activeElement;
    for (const one of inputs(made.content)) if (had.has(one.name)) one.replaceWith(had.get(one.name));
    at.replaceChildren(made.content);
    if (at.contains(focused)) focused.focus();
  }

  async function draw() {
    drawing?.abort();
    drawing = new AbortController();
    const fields = new FormData(form);
    fields.append("do", "preview");
    try {
      const answer = await fetch("/playground/ask", { method: "POST", body: new URLSearchParams(fields), signal: drawing.signal });
      if (!answer.ok) return;
      for (const line of (await answer.text()).split("\n")) {
        const change = line && JSON.parse(line), at = change && document.getElementById(change.into);
        if (!at || !["fields", "sent"].includes(change.into)) continue;
        if (change.into === "fields") refield(at, change.html);
        else at.innerHTML = change.html;
      }
    } catch { /* a newer one is on its way, or the server is away: Run will say so */ }
  }

  form.addEventListener("input", (event) => {
    if (!event.target.matches("[name=said], [name=role], [name^='v.']")) return;
    clearTimeout(soon);
    soon = setTimeout(draw, 200);
  });

  function busy(on) {
    results.setAttribute("aria-busy", on);
    stop.hidden = !on;
    for (const button of form.querySelectorAll("[data-run]")) button.disabled = on;
  }

  async function run(button) {
    const fields = new FormData(form, button);
    address(fields);
    let wrong = false;
    asking = new AbortController();
    busy(true);
    headline.textContent = results.dataset.asking;
    document.querySelector(".wrong")?.remove();
    try {
      const answer = await fetch("/playground/ask", { method: "POST", body: new URLSearchParams(fields), signal: asking.signal });
      if ((answer.headers.get("content-type") || "").includes("ndjson")) await read(answer.body);
      else {
        const told = await answer.json();
        headline.textContent = `${told.error.message} ${told.error.hint}`;
        wrong = true;
      }
    } catch (error) {
      wrong = error.name !== "AbortError";
      headline.textContent = error.name === "AbortError" ? results.dataset.stopped : results.dataset.lost;
    } finally {
      for (const one of results.querySelectorAll(".coming")) one.classList.remove("coming");
      busy(false);
      if (wrong || headline.querySelector(".wrong-line")) headline.scrollIntoView({ block: "center" });
    }
  }

  form.addEventListener("submit", (event) => {
    if (!event.submitter?.matches("[data-run]")) return;
    event.preventDefault();
    event.stopPropagation();
    run(event.submitter);
  });
  stop.addEventListener("click", () => asking?.abort());

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.target.closest("dialog")) return;
    event.preventDefault();
    const button = form.querySelector("[data-run]");
    if (!button.disabled) form.requestSubmit(button);
  }, { capture: true });

  // ---- another prompt to begin with: its page

  form.querySelector("[data-from]").addEventListener("change", (event) => {
    const known = [...document.querySelectorAll("#prompts option")].some((one) => one.value === event.target.value);
    if (!known) return;
    const asked = new URLSearchParams({ prompt: event.target.value });
    for (const one of form.querySelectorAll("[name=model]:checked")) asked.append("model", one.value);
    location.href = `/playground?${asked}`;
  });
})();
