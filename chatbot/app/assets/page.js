// The page's own script: opens sources, copies, exports, and carries clicks to Gradio's events.
"use strict";

(() => {
  const root = document.documentElement;
  const systemDark = window.matchMedia("(prefers-color-scheme: dark)");
  const find = (selector) => document.querySelector(selector);
  const findAll = (selector) => [...document.querySelectorAll(selector)];

  // ---- dark and light: the system's choice until the reader makes another

  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : systemDark.matches);

  function useTheme(theme) {
    if (theme) root.dataset.theme = theme;
    document.body?.classList.toggle("dark", isDark()); // Gradio's own sign
  }

  function remembered() {
    try {
      return localStorage.getItem("footnote-theme");
    } catch {
      return null; // storage is switched off
    }
  }

  function toggleTheme() {
    useTheme(isDark() ? "light" : "dark");
    try {
      localStorage.setItem("footnote-theme", root.dataset.theme);
    } catch {
      // the choice holds for this visit
    }
  }

  // ---- the views: "#documents" in the address shows #documents-view, no name shows the chat

  const shown = {}; // name of a view -> called with the rest of the address each time it is shown

  function address() {
    const [name, ...rest] = location.hash.slice(1).split("/").map(decodeURIComponent);
    return { name: find(`#${CSS.escape(name)}-view`) ? name : "chat", rest };
  }

  function showView() {
    const { name, rest } = address();
    root.dataset.view = name;
    for (const pane of findAll("#page .pane")) pane.classList.toggle("shown", pane.id === `${name}-view`);
    for (const link of findAll("#top [data-go]"))
      if (link.dataset.go === name) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    shown[name]?.(...rest);
  }

  function go(name, ...rest) {
    location.hash = name === "chat" ? "" : [name, ...rest].map(encodeURIComponent).join("/");
  }

  // ---- the source panel

  let open = null; // {turn, number}: the source being read

  const turnArticle = (turn) => find(`.turn[data-turn="${turn}"]`);
  const viewsOf = (turn) => [...(turnArticle(turn)?.querySelectorAll(".view") ?? [])];
  const numberButton = ({ turn, number }) =>
    turnArticle(turn)?.querySelector(`.cite[data-cite="${number}"]`);

  function openSource(turn, number, takeFocus) {
    const views = viewsOf(turn);
    const place = views.findIndex((view) => view.dataset.view === String(number));
    if (place < 0) return;
    open = { turn, number: String(number) };
    const reading = find("#panel .reading");
    reading.replaceChildren(views[place].cloneNode(true));
    find("#panel .position").textContent = `${place + 1} of ${views.length}`;
    setPanel(true, place > 0, place < views.length - 1);
    showMark(reading);
    if (!takeFocus) return;
    reading.focus({ preventScroll: true });
    numberButton(open).scrollIntoView({ block: "nearest" }); // the panel may have covered it
  }

  function closeSource() {
    if (!open) return;
    const opener = numberButton(open);
    open = null;
    find("#panel .reading").replaceChildren();
    find("#panel .position").textContent = "";
    setPanel(false, false, false);
    (opener ?? find("#question textarea"))?.focus();
  }

  function setPanel(isOpen, hasPrevious, hasNext) {
    find("#panel").classList.toggle("open", isOpen);
    find('[data-action="close"]').disabled = !isOpen;
    setStep("previous", hasPrevious);
    setStep("next", hasNext);
    for (const button of findAll(".cite[aria-current]")) button.removeAttribute("aria-current");
    if (!isOpen) return;
    const current = `.turn[data-turn="${open.turn}"] .cite[data-cite="${open.number}"]`;
    for (const button of findAll(current)) button.setAttribute("aria-current", "true");
  }

  function setStep(action, enabled) {
    const button = find(`[data-action="${action}"]`);
    const hadFocus = document.activeElement === button;
    button.disabled = !enabled;
    if (hadFocus && !enabled) find("#panel .reading").focus({ preventScroll: true });
  }

  // Pixels from the top of what scrolls in `box` to the top of `part`.
  const depth = (box, part) =>
    part.getBoundingClientRect().top - box.getBoundingClientRect().top + box.scrollTop;

  function showMark(reading) {
    const mark = reading.querySelector("mark");
    const room = reading.clientHeight - mark.offsetHeight;
    const below = depth(reading, mark);
    const isNear = below + mark.offsetHeight < reading.clientHeight * 0.8;
    reading.scrollTop = isNear ? 0 : below - Math.max(room / 3, 0);
  }

  function step(by) {
    const views = viewsOf(open.turn);
    const place = views.findIndex((view) => view.dataset.view === open.number);
    openSource(open.turn, views[place + by].dataset.view, false);
  }

  // ---- the conversation

  let answered = -1; // the turn whose arrival was last seen

  function latestChanged() {
    const turn = find("#latest .turn");
    const markdown = conversationMarkdown();
    for (const action of ["export", "clear"]) find(`[data-action="${action}"]`).disabled = !markdown;
    if (!turn) {
      answered = -1;
      if (open) closeSource();
      find("#question textarea")?.focus();
      return;
    }
    const number = Number(turn.dataset.turn);
    if (turn.dataset.state === "waiting") {
      answered = -1;
      takeFromComposer(turn.querySelector(".question").textContent);
    } else if (answered !== number) {
      answered = number;
      if (panelShows()) showFirstSource(number);
    }
    const conversation = find("#conversation");
    conversation.scrollTop = depth(conversation, turn);
  }

  // A question leaves the composer when it shows in the conversation; what was typed since, stays.
  function takeFromComposer(question) {
    const box = find("#question textarea");
    if (box.value !== question) return;
    box.value = "";
    box.dispatchEvent(new Event("input", { bubbles: true }));
  }

  // Beside the chat it always does, below it only while a source is open.
  const panelShows = () => getComputedStyle(find("#panel")).display !== "none";

  function showFirstSource(turn) {
    const [first] = viewsOf(turn);
    if (first) openSource(turn, first.dataset.view, false);
  }

  function statusChanged() {
    const vote = find("#status [data-vote]");
    if (!vote) return;
    for (const button of turnArticle(vote.dataset.turn).querySelectorAll("[data-vote]"))
      button.setAttribute("aria-pressed", String(button.dataset.vote === vote.dataset.vote));
  }

  function say(text) {
    find("#top .said").textContent = text;
  }

  // ---- Markdown: one answer to the clipboard, all of them to a file

  const conversationMarkdown = () =>
    findAll(".turn")
      .map((turn) => turn.dataset.markdown)
      .filter(Boolean)
      .join("\n\n---\n\n");

  async function copyAnswer(button) {
    await writeClipboard(button.closest(".turn").dataset.markdown);
    const label = button.querySelector("span");
    label.textContent = "Copied";
    say("The answer was copied with its sources.");
    setTimeout(() => (label.textContent = "Copy answer"), 2000);
  }

  async function writeClipboard(text) {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const area = document.createElement("textarea"); // no clipboard API outside https and localhost
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }

  function exportConversation() {
    const day = new Date().toISOString().slice(0, 10);
    const text = `# Conversation with Footnote, ${day}\n\n${conversationMarkdown()}\n`;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/markdown;charset=utf-8" }));
    link.download = `footnote-${day}.md`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    say("The conversation was saved as a file.");
  }

  // ---- clicks and keys

  const ACTIONS = {
    theme: toggleTheme,
    export: exportConversation,
    copy: copyAnswer,
    previous: () => step(-1),
    next: () => step(1),
    close: closeSource,
  };

  function clicked(event) {
    const button = event.target.closest?.("#page button");
    if (!button) return;
    if (button.dataset.go) go(button.dataset.go);
    else if (button.dataset.cite)
      openSource(button.closest(".turn").dataset.turn, button.dataset.cite, true);
    else ACTIONS[button.dataset.action]?.(button);
  }

  function keyPressed(event) {
    if (event.key === "Enter" && event.isComposing) event.stopPropagation(); // choosing a character
    if (event.key === "Escape" && open) closeSource();
  }

  // Gradio calls this for each of our components once it is on the page.
  const PARTS = {
    top(element, trigger, watch) {
      element.addEventListener("click", ({ target }) => {
        if (target.closest('[data-action="clear"]')) trigger("clear");
      });
      useTheme(); // the body exists by now
      watch("value", showView);
      showView();
    },
    earlier: carryClicks,
    latest(element, trigger, watch) {
      carryClicks(element, trigger);
      watch("value", latestChanged);
    },
    status(element, trigger, watch) {
      watch("value", statusChanged);
    },
    panel() {},
  };

  function carryClicks(element, trigger) {
    element.addEventListener("click", ({ target }) => {
      const button = target.closest("button");
      if (button?.dataset.ask) trigger("select", { question: button.dataset.ask });
      if (button?.dataset.vote)
        trigger("like", {
          turn: Number(button.closest(".turn").dataset.turn),
          vote: button.dataset.vote,
        });
    });
  }

  // What the scripts of the other views build on: each adds its parts, actions and what to do when shown.
  window.footnote = {
    attach: (name, element, trigger, watch) => PARTS[name]?.(element, trigger, watch),
    parts: PARTS,
    actions: ACTIONS,
    shown,
    find,
    findAll,
    go,
    say,
    openSource,
    writeClipboard,
  };
  window.addEventListener("hashchange", showView);
  useTheme(remembered());
  systemDark.addEventListener("change", () => useTheme());
  document.addEventListener("click", clicked);
  document.addEventListener("keydown", keyPressed, true);
})();
