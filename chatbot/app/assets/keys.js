// Shortcuts of one key, and the dialog that lists them.
"use strict";

(() => {
  const { find, findAll, remembered, remember } = footnote;
  const SECOND = 1500; // milliseconds in which the second key of two must come
  let first = ""; // "g" while a second key is awaited
  let timer = 0;

  const turns = () => findAll("#conversation .turn");
  const currentTurn = () =>
    document.activeElement?.closest?.("#conversation .turn") ??
    turns().find((turn) => turn.dataset.turn === footnote.opened()?.turn) ??
    turns().at(-1);

  function toQuestion() {
    const focus = () => find("#question textarea")?.focus();
    if (chat()) return focus();
    window.addEventListener("hashchange", focus, { once: true }); // the chat shows by then
    footnote.go("chat");
  }

  function toTurn(by) {
    const all = turns();
    const at = all.indexOf(document.activeElement?.closest?.("#conversation .turn"));
    const next = at < 0 ? all.at(-1) : all[Math.min(Math.max(at + by, 0), all.length - 1)];
    if (!next) return;
    next.tabIndex = -1;
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "start" });
  }

  function toSource(by) {
    if (footnote.opened()) return footnote.actions[by > 0 ? "next" : "previous"]();
    const turn = currentTurn();
    const view = turn && footnote.viewsOf(turn.dataset.turn).at(by > 0 ? 0 : -1);
    if (view) footnote.openSource(turn.dataset.turn, view.dataset.view, true);
  }

  function openNumber(number) {
    const turn = currentTurn();
    if (turn) footnote.openSource(turn.dataset.turn, number, true);
  }

  const press = (selector) => find(selector)?.click();

  // [keys, what they do, how, where they are of use]
  const always = () => true;
  const chat = () => document.documentElement.dataset.view === "chat";
  const view = (name) => () => find(`#top [data-go="${name}"]`);
  const SHORTCUTS = {
    Asking: [
      ["/", "Type a question", toQuestion, always],
      ["c", "Copy the answer", () => currentTurn()?.querySelector('[data-action="copy"]')?.click(), chat],
    ],
    Reading: [
      ["j", "Next question and answer", () => toTurn(1), chat],
      ["k", "Previous question and answer", () => toTurn(-1), chat],
      ["n", "Next source", () => toSource(1), chat],
      ["p", "Previous source", () => toSource(-1), chat],
    ],
    Page: [
      ["g c", "Chat", () => footnote.go("chat"), view("chat")],
      ["g d", "Documents", () => footnote.go("documents"), view("documents")],
      ["g r", "Review", () => footnote.go("review"), view("review")],
      ["g e", "Evaluate", () => footnote.go("evaluation"), view("evaluation")],
      ["t", "Dark or light", () => press('#top [data-action="theme"]'), always],
      ["?", "This list", openList, always],
    ],
  };
  const FIXED = {
    Asking: [["Enter", "Send"], ["Shift Enter", "New line"], ["↑ ↓", "Choose a suggested question"]],
    Reading: [["1 … 9", "Source of that number"], ["Esc", "Close the source, back to its number"]],
    Page: [],
  };

  // ---- the list

  function openList() {
    const dialog = find("#shortcuts") ?? makeDialog();
    dialog.querySelector(".groups").replaceChildren(...Object.keys(SHORTCUTS).map(group));
    dialog.querySelector("input").checked = areOn();
    dialog.showModal(); // the browser keeps the focus inside, and gives it back
  }

  function makeDialog() {
    const dialog = document.createElement("dialog");
    dialog.id = "shortcuts";
    dialog.setAttribute("aria-labelledby", "shortcuts-title");
    dialog.innerHTML =
      '<div class="heading"><h2 id="shortcuts-title">Keyboard shortcuts</h2>' +
      '<button type="button" class="tool" data-action="close-shortcuts" aria-label="Close">' +
      '<i class="icon close"></i></button></div><div class="groups" tabindex="0" role="group"' +
      ' aria-label="Shortcuts"></div><label class="switch-off"><input type="checkbox">' +
      "Shortcuts of one key are on</label>";
    dialog.addEventListener("click", ({ target }) => {
      if (target === dialog) dialog.close(); // outside of what it holds
    });
    dialog.addEventListener("change", ({ target }) => remember("keys", target.checked ? "on" : "off"));
    find("#page").append(dialog);
    return dialog;
  }

  function group(name) {
    const section = document.createElement("section");
    const rows = [...SHORTCUTS[name].filter(([, , , isOfUse]) => isOfUse === chat || isOfUse()), ...FIXED[name]];
    const heading = document.createElement("h3");
    heading.textContent = name;
    const listed = document.createElement("dl");
    listed.append(...rows.map(row));
    section.append(heading, listed);
    return section;
  }

  function row([keys, meaning]) {
    const pair = document.createElement("div");
    const term = document.createElement("dt");
    const said = document.createElement("dd");
    said.textContent = meaning;
    for (const key of keys.split(" ")) {
      const cap = document.createElement(key === "…" ? "span" : "kbd");
      cap.textContent = key;
      term.append(cap, " ");
    }
    pair.append(term, said);
    pair.className = "pair";
    return pair;
  }

  // ---- keys

  const areOn = () => remembered("keys") !== "off";

  const isTyping = (target) =>
    target.closest?.("textarea, select, [contenteditable=true], [role=menu], input:not([type=checkbox], [type=radio])");

  function keyPressed(event) {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || footnote.isComposing(event) || event.repeat) return;
    if (!areOn() || find("dialog[open]") || isTyping(target) || key.length > 1) return;
    clearTimeout(timer);
    const pressed = first ? `${first} ${key}` : key;
    first = "";
    if (pressed === "g") {
      first = "g";
      timer = setTimeout(() => (first = ""), SECOND);
      return;
    }
    const found = Object.values(SHORTCUTS)
      .flat()
      .find(([keys, , , isOfUse]) => keys === pressed && isOfUse());
    if (!found && !(/^[1-9]$/.test(pressed) && chat())) return;
    event.preventDefault();
    if (found) found[2]();
    else openNumber(pressed);
  }

  Object.assign(footnote.actions, {
    shortcuts: openList,
    "close-shortcuts": () => find("#shortcuts").close(),
  });
  document.addEventListener("keydown", keyPressed);
})();
