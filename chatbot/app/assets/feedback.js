// What was wrong with an answer: the form below it, and the dialog in which sentences are picked.
"use strict";

(() => {
  const { find, parts, extend, actions, say } = window.footnote;
  const triggers = {}; // "earlier" and "latest" -> how their events reach Gradio

  for (const name of ["earlier", "latest"])
    extend(name, (element, trigger, watch) => {
      triggers[name] = trigger;
      watch("value", () => setTimeout(keepForms)); // once both parts are drawn
    });
  extend("status", (element, trigger, watch) => watch("value", voteSaved));

  // ---- below the answer

  const forms = new Map(); // number of a turn -> {question, form}: what is being filled in

  const turnOf = (number) => find(`.turn[data-turn="${CSS.escape(number)}"]`);
  const questionOf = (turn) => turn?.querySelector(".question")?.textContent;

  function voteSaved() {
    const saved = find("#status [data-vote]");
    const problem = find("#status .problem");
    const waiting = find(".wrong.sending");
    waiting?.classList.remove("sending");
    if (problem && waiting) waiting.querySelector(".form-problem").textContent = problem.textContent;
    const number = saved?.dataset.turn;
    const turn = saved && turnOf(number);
    if (!turn) return;
    for (const old of turn.querySelectorAll(".wrong, .wrong-thanks")) old.remove();
    forms.delete(number);
    if (saved.dataset.details) place(turn, thanks());
    const template = find("#status template.wrong-form");
    if (!template) return;
    const form = template.content.firstElementChild.cloneNode(true);
    forms.set(number, { question: questionOf(turn), form });
    place(turn, form);
    form.scrollIntoView({ block: "nearest" });
    form.querySelector("input").focus({ preventScroll: true });
  }

  const place = (turn, part) => (turn.querySelector(".reply") ?? turn).append(part);

  // A turn that is drawn anew gets its form back, with what was filled in.
  function keepForms() {
    for (const [number, { question, form }] of forms) {
      if (form.isConnected) continue;
      const turn = turnOf(number);
      if (questionOf(turn) === question) place(turn, form);
      else forms.delete(number);
    }
  }

  function thanks() {
    const text = document.createElement("p");
    text.className = "wrong-thanks";
    text.textContent = "Thank you. It is noted for review.";
    return text;
  }

  function sendWrong(form) {
    const data = new FormData(form);
    const turn = Number(form.closest(".turn").dataset.turn);
    const reason = [...data.entries()].find(([name]) => name.startsWith("reason-"))?.[1] ?? "";
    const details = { reason, comment: data.get("comment"), right: marked(form) };
    if (!reason && !details.comment.trim() && !details.right.length) {
      form.querySelector(".form-problem").textContent = "Choose what was wrong, or write a word.";
      return;
    }
    form.querySelector(".form-problem").textContent = "";
    form.classList.add("sending");
    triggers[form.closest("#earlier") ? "earlier" : "latest"]("like", { turn, vote: "down", ...details });
  }

  function leave(button) {
    const turn = button.closest(".turn");
    forms.delete(turn.dataset.turn);
    button.closest(".wrong").remove();
    turn.querySelector('[data-vote="down"]')?.focus();
  }

  // ---- ticked pieces of documents

  const key = ({ doc, start, end }) => JSON.stringify([doc, Number(start), Number(end)]);

  function marked(form) {
    const boxes = [...form.querySelectorAll("input[data-doc]:checked")];
    const pieces = boxes.map(({ dataset: { doc, start, end } }) => ({ doc, start: Number(start), end: Number(end) }));
    return [...new Map(pieces.map((piece) => [key(piece), piece])).values()];
  }

  // The same piece may stand in several lists: its boxes change together.
  function syncBoxes({ target }) {
    if (!target.matches?.("#page input[data-doc]")) return;
    for (const box of target.closest("form")?.querySelectorAll("input[data-doc]") ?? [])
      if (key(box.dataset) === key(target.dataset)) box.checked = target.checked;
  }

  function addPicked(form, pieces) {
    const list = form.querySelector(".picked");
    const boxesOf = (piece) => [...form.querySelectorAll("input[data-doc]")].filter((box) => key(box.dataset) === key(piece));
    for (const piece of pieces) {
      const same = boxesOf(piece);
      for (const box of same) box.checked = true;
      if (same.length) continue;
      const item = document.createElement("li");
      item.innerHTML =
        '<label class="mark"><input type="checkbox" checked><span dir="auto"><b></b><span class="first-words"></span></span></label>';
      Object.assign(item.querySelector("input").dataset, { doc: piece.doc, start: piece.start, end: piece.end });
      item.querySelector("b").textContent = piece.title;
      item.querySelector(".first-words").textContent = piece.text;
      list.append(item);
    }
    const shown = pieces.map((piece) => unfold(boxesOf(piece)));
    shown[0]?.closest("label").scrollIntoView({ block: "nearest" });
    say(pieces.length === 1 ? "One sentence marked." : `${pieces.length} sentences marked.`);
    form.dispatchEvent(new Event("change", { bubbles: true }));
  }

  // One of the boxes of a piece, in sight: where all are folded away, the first is laid open.
  function unfold(boxes) {
    const box = boxes.find((each) => !each.closest("details:not([open])")) ?? boxes[0];
    for (let fold = box.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    return box;
  }

  // ---- the dialog

  let server = null; // what Gradio calls Python's functions by
  let request = 0; // the latest; the reply to an earlier one comes too late
  let picking = null; // {form, opener, picked: key -> piece}
  let results = null; // what the last search found, to come back to

  parts.picker = (element, trigger, watch, functions) => {
    server = functions;
  };

  async function look(data) {
    const asked = (request += 1);
    dialog().querySelector(".picker-shown").setAttribute("aria-busy", "true");
    let reply = null;
    try {
      reply = await server.find_sentences({ collection: window.footnote.servedCollection(), ...data });
    } catch {
      // the server is gone
    }
    if (!picking || asked !== request) return;
    const found = document.createElement("template");
    found.innerHTML = reply || `<p class="nothing">${window.footnote.UNREACHABLE}</p>`;
    showFound([...found.content.childNodes]);
  }

  function dialog() {
    const known = find("#page dialog.picker");
    if (known) return known;
    const made = document.createElement("dialog");
    made.className = "picker";
    made.setAttribute("aria-labelledby", "picker-name");
    made.innerHTML = `
      <header class="picker-head"><h2 id="picker-name">Find the right sentences</h2>
      <button type="button" class="tool" data-close aria-label="Close"><i class="icon close"></i></button></header>
      <form class="picker-search" role="search"><input type="search" name="query" aria-label="Search the documents" maxlength="2000">
      <button type="submit" class="tool filled">Search</button></form>
      <div class="picker-shown" aria-live="polite"></div>
      <div class="picker-foot"><span class="picker-count" role="status"></span>
      <button type="button" class="tool" data-close>Cancel</button>
      <button type="button" class="tool filled" data-use disabled>Use them</button></div>`;
    made.addEventListener("close", () => {
      picking?.opener.focus({ preventScroll: true });
      picking = null;
    });
    made.addEventListener("click", pickerClicked);
    made.addEventListener("change", pickerTicked);
    made.addEventListener("submit", (event) => {
      event.preventDefault();
      results = null;
      look({ query: new FormData(event.target).get("query") });
    });
    find("#page").append(made);
    return made;
  }

  function openPicker(button) {
    const form = button.closest("form");
    picking = { form, opener: button, picked: new Map() };
    const box = dialog();
    const asked = form.elements.text?.value ?? form.closest(".turn")?.querySelector(".question")?.textContent ?? "";
    box.querySelector("[name=query]").value = asked.trim();
    results = null;
    box.querySelector(".picker-shown").replaceChildren();
    countPicked();
    box.showModal();
    look({ query: asked.trim() });
  }

  function showFound(nodes) {
    const shown = dialog().querySelector(".picker-shown");
    shown.removeAttribute("aria-busy");
    shown.replaceChildren(...nodes);
    shown.scrollTop = 0;
    for (const box of shown.querySelectorAll("input[data-doc]")) box.checked = picking.picked.has(key(box.dataset));
    const found = shown.querySelector(".found");
    if (found) found.scrollIntoView({ block: "center" });
    if (shown.querySelector(".reading-whole")) shown.querySelector("h3").focus({ preventScroll: true });
    else results = shown.querySelector("[data-read]") ? [...shown.childNodes] : null;
  }

  function pickerClicked(event) {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.read !== undefined) look({ doc: button.dataset.read, start: Number(button.dataset.start) });
    if (button.dataset.back !== undefined && results) showFound(results);
    else if (button.dataset.back !== undefined) dialog().querySelector("form").requestSubmit();
    if (button.dataset.close !== undefined) dialog().close();
    if (button.dataset.use !== undefined) {
      const { form, picked } = picking;
      dialog().close(); // what is behind it scrolls only then
      addPicked(form, [...picked.values()]);
    }
  }

  function pickerTicked({ target }) {
    if (!target.dataset.doc) return;
    const { doc, start, end } = target.dataset;
    const text = target.parentElement.textContent.trim();
    const title = target.closest(".reading-whole").dataset.title;
    if (target.checked) picking.picked.set(key(target.dataset), { doc, start: Number(start), end: Number(end), title, text });
    else picking.picked.delete(key(target.dataset));
    countPicked();
  }

  function countPicked() {
    const number = picking.picked.size;
    dialog().querySelector(".picker-count").textContent = number ? `${number} marked` : "Tick the sentences that answer.";
    dialog().querySelector("[data-use]").disabled = !number;
  }

  actions.pick = openPicker;
  actions.leave = leave;
  window.footnote.marked = marked;
  document.addEventListener("change", syncBoxes);
  document.addEventListener("submit", (event) => {
    if (!event.target.matches?.("#page form")) return;
    event.preventDefault();
    if (event.target.matches(".wrong")) sendWrong(event.target);
  });
})();
