// While a question is typed: questions of the collection that go on like it, in a list above the composer.
"use strict";

(() => {
  const { find } = footnote;
  const LIST = "completions";
  const PAUSE = 60; // milliseconds without a key before the server is asked
  let timer = 0;
  let request = 0; // the latest; the reply to an earlier one comes too late
  let active = -1; // the option that Enter takes
  let choose = () => {}; // asks a question, as a click on an example does

  const box = () => find("#question textarea");
  const list = () => find(`#${LIST}`);
  const options = () => [...(list()?.children ?? [])];
  const isOpen = () => options().length > 0 && !list().hidden;

  function typed(event) {
    if (!event.target.matches?.("#question textarea")) return;
    clearTimeout(timer);
    request += 1;
    const text = box().value;
    if (text.trim().length < 2 || text.length > 200 || text.includes("\n")) return close();
    if (footnote.only().length) return close(); // the questions are about all documents
    timer = setTimeout(complete, PAUSE, text, request);
  }

  async function complete(text, asked) {
    let questions = null;
    try {
      questions = await footnote.complete(text);
    } catch {
      // the server is gone; sending the question will say so
    }
    questions ??= []; // Gradio gives nothing when it was not reached
    if (asked === request) show(questions.filter((question) => question !== text.trim()));
  }

  function show(questions) {
    const before = options().length;
    prepare();
    list().replaceChildren(...questions.map(option));
    if (!questions.length || document.activeElement !== box()) return close();
    list().hidden = false;
    box().setAttribute("aria-expanded", "true");
    activate(-1);
    const count = questions.length;
    if (count !== before) footnote.say(`${count} suggested question${count === 1 ? "" : "s"}.`);
  }

  // The composer is Gradio's; what it lacks for a list is added once it is there.
  function prepare() {
    if (!list()) {
      const made = document.createElement("ul");
      Object.assign(made, { id: LIST, role: "listbox", ariaLabel: "Suggested questions", hidden: true });
      find("#composer").append(made);
      made.addEventListener("pointerdown", (event) => event.preventDefault()); // the focus stays
      made.addEventListener("click", ({ target }) => take(target.closest("[role=option]")));
    }
    const pattern = {
      role: "combobox",
      "aria-autocomplete": "list",
      "aria-controls": LIST,
      "aria-expanded": String(isOpen()),
    };
    for (const [name, value] of Object.entries(pattern)) box().setAttribute(name, value);
  }

  function option(question, number) {
    const made = document.createElement("li");
    Object.assign(made, { id: `completion-${number}`, role: "option", ariaSelected: "false", dir: "auto" });
    made.textContent = question;
    return made;
  }

  function close() {
    request += 1;
    if (!list()) return;
    list().hidden = true;
    list().replaceChildren();
    activate(-1);
    box()?.setAttribute("aria-expanded", "false");
  }

  function activate(number) {
    const all = options();
    active = number;
    all.forEach((each, at) => each.setAttribute("aria-selected", String(at === number)));
    if (number >= 0) box().setAttribute("aria-activedescendant", all[number].id);
    else box()?.removeAttribute("aria-activedescendant");
    all[number]?.scrollIntoView({ block: "nearest" });
  }

  // The question takes the place of what was typed, and leaves the composer when it shows as asked.
  function take(chosen) {
    if (!chosen) return;
    const question = chosen.textContent;
    box().value = question;
    box().dispatchEvent(new Event("input", { bubbles: true }));
    clearTimeout(timer);
    close();
    choose(question);
  }

  function keyPressed(event) {
    if (!event.target.matches?.("#question textarea") || footnote.isComposing(event)) return;
    if (event.key === "Enter" && !event.shiftKey && !(isOpen() && active >= 0)) {
      clearTimeout(timer);
      return close();
    }
    if (!isOpen()) return;
    const last = options().length - 1;
    const moves = {
      ArrowDown: () => activate(active < last ? active + 1 : -1),
      ArrowUp: () => activate(active < 0 ? last : active - 1),
      Enter: () => take(options()[active]),
      Escape: close,
    };
    if (!moves[event.key] || event.shiftKey || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    moves[event.key]();
  }

  footnote.extend("latest", (element, trigger) => (choose = (question) => trigger("select", { question })));
  document.addEventListener("input", typed);
  document.addEventListener("focusin", ({ target }) => target.matches?.("#question textarea") && prepare());
  document.addEventListener("focusout", ({ target }) => target.matches?.("#question textarea") && close());
  window.addEventListener("keydown", keyPressed, true); // before the page's own keys
})();
