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

  const TAB = "sessionStorage"; // what is of one tab outlives its reloads alone

  function remembered(what, store = "localStorage") {
    try {
      return window[store].getItem(`footnote-${what}`);
    } catch {
      return null; // storage is switched off
    }
  }

  // A text, or null to forget it.
  function remember(what, text, store = "localStorage") {
    try {
      if (text === null) window[store].removeItem(`footnote-${what}`);
      else window[store].setItem(`footnote-${what}`, text);
    } catch {
      // it holds for this visit
    }
  }

  function toggleTheme() {
    useTheme(isDark() ? "light" : "dark");
    remember("theme", root.dataset.theme);
  }

  // ---- the collection: the one that was chosen last

  let collection = remembered("collection") ?? "";
  let switching = false; // until the bar of the other collection is there

  // The one the server has changed over to, whatever the reader chose last.
  const servedCollection = () => find("#conversations [data-collection]")?.dataset.collection ?? "";

  // A question waits for that, or the change would wipe it.
  const isChangingOver = () =>
    collection !== servedCollection() &&
    findAll("#top .switch option").some((option) => option.value === collection);

  function choose(name) {
    collection = name;
    switching = true;
    remember("collection", name);
  }

  function topChanged() {
    // it was drawn anew; a reader who types by now goes on
    if (switching && document.activeElement === document.body) find("#top .switch select")?.focus();
    switching = false;
    offerActions();
    showView();
  }

  // ---- the views: "#documents" in the address shows #documents-view, no name shows the chat

  const shown = {}; // name of a view -> called with the rest of the address each time it is shown

  function address() {
    const [name, ...rest] = location.hash.slice(1).split("/").map(decoded);
    return { name: find(`#${CSS.escape(name)}-view`) ? name : "chat", rest };
  }

  function decoded(part) {
    try {
      return decodeURIComponent(part);
    } catch {
      return part; // not written by us
    }
  }

  function showView() {
    const { name, rest } = address();
    root.dataset.view = name;
    for (const pane of findAll("#page .pane")) pane.classList.toggle("shown", pane.id === `${name}-view`);
    for (const link of findAll("#top [data-go]"))
      if (link.dataset.go === name) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    const isLost = document.activeElement?.closest("#page .pane:not(.shown)");
    if (isLost && name === "chat") find("#question textarea")?.focus();
    shown[name]?.(...rest);
    nameTab();
  }

  // The browser's tab is called after the view, at the address of an answer after its question.
  function nameTab() {
    const { name } = address();
    const named = name === "chat" ? null : find(name === "receipt" ? "#receipt .question" : `#top [data-go="${name}"]`);
    const text = named?.textContent ?? "";
    document.title = text ? `${text.length > 60 ? `${text.slice(0, 59)}…` : text} – Footnote` : "Footnote";
  }

  function go(name, ...rest) {
    location.hash = name === "chat" ? "" : [name, ...rest].map(encodeURIComponent).join("/");
  }

  const turnArticle = (turn) => find(`.turn[data-turn="${turn}"]`);

  // Pixels from the top of what scrolls in `box` to the top of `part`.
  const depth = (box, part) =>
    part.getBoundingClientRect().top - box.getBoundingClientRect().top + box.scrollTop;

  // ---- the conversation

  let server = null; // what Gradio calls Python's functions by
  let followed = ""; // the turn, as it was, that the chat last came to

  function latestChanged() {
    const turn = find("#latest .turn");
    upcomingChanged();
    offerActions();
    if (!turn) {
      followed = "";
      findExamples();
      footnote.closeSource();
      if (!find("#top .switch :focus")) find("#question textarea")?.focus();
      return;
    }
    if (turn.dataset.state === "waiting") takeFromComposer(turn.querySelector(".question").textContent);
    follow();
    footnote.markOpen(); // the number of the open source was drawn anew
  }

  // Comes to the latest turn and the first source of its answer; from another view, once the chat shows again.
  function follow() {
    const last = find("#latest .turn"); // the parts of a screen come one after the other
    const isWhole = Number(last?.dataset.turn) === findAll("#conversation .turn").length - 1;
    if (!isWhole || root.dataset.view !== "chat") return;
    const { turn, state, time } = last.dataset;
    const now = [turn, state, time, last.querySelector(".question").textContent].join();
    if (now === followed) return;
    followed = now;
    if (state !== "waiting") footnote.showFirstSource(turn, true);
    const conversation = find("#conversation");
    conversation.scrollTop = depth(conversation, last);
  }

  shown.chat = follow;

  // What the bar does with a conversation, where there is one.
  function offerActions() {
    const isEmpty = !conversationMarkdown();
    for (const action of ["export", "clear"]) find(`#top [data-action="${action}"]`).disabled = isEmpty;
  }

  // Each is tried before it is shown, which takes a moment, and again when there is another index.
  async function findExamples() {
    const welcome = find("#latest .welcome");
    if (!welcome) return;
    let examples = "";
    try {
      examples = await server.find_examples({ collection: welcome.dataset.collection });
    } catch {
      // the server is gone; sending a question will say so
    }
    welcome.querySelector(".to-try").innerHTML = examples ?? ""; // nothing when Gradio did not reach it
  }

  // What to ask next comes after the answer, and may come when another question is asked already.
  function upcomingChanged() {
    const next = find("#upcoming .ask-next");
    const turn = find('#latest .turn:not([data-state="waiting"])');
    if (next) next.hidden = next.dataset.after !== turn?.dataset.time;
  }

  // A question leaves the composer when it shows in the conversation; what was typed since, stays.
  function takeFromComposer(question) {
    const box = find("#question textarea");
    if (box.value === question) fill(box, "");
  }

  // ---- what was typed comes back after a reload; the page loads itself anew when its server was away

  let isBack = false; // what an earlier visit left

  function keepDraft() {
    if (!isBack) return;
    const asked = find('#latest .turn[data-state="waiting"] .question')?.textContent ?? "";
    remember("draft", find("#question textarea").value || asked, TAB);
  }

  function bringDraft({ target }) {
    if (isBack || !target.matches?.("#question textarea")) return;
    isBack = true;
    if (!target.value) fill(target, remembered("draft", TAB) ?? "");
  }

  function fill(box, text) {
    box.value = text;
    box.dispatchEvent(new Event("input", { bubbles: true })); // for Gradio
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

  // ---- Markdown: one answer to the clipboard, all of them for a file

  const conversationMarkdown = () =>
    findAll("#conversation .turn")
      .map((turn) => turn.dataset.markdown)
      .filter(Boolean)
      .join("\n\n---\n\n");

  async function copyAnswer(button) {
    const label = button.querySelector("span");
    try {
      await writeClipboard(button.closest(".turn").dataset.markdown);
      label.textContent = "Copied";
      say("The answer was copied with its sources.");
    } catch {
      label.textContent = "Not copied";
      say("The browser did not let the answer be copied.");
    }
    setTimeout(() => (label.textContent = "Copy answer"), 2000);
  }

  async function writeClipboard(text) {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const focused = document.activeElement;
    const area = document.createElement("textarea"); // no clipboard API outside https and localhost
    area.value = text;
    document.body.append(area);
    area.select();
    const isCopied = document.execCommand("copy");
    area.remove();
    focused?.focus({ preventScroll: true });
    if (!isCopied) throw new Error("the browser refused");
  }

  // ---- a question while the collection changes

  let waits = false; // what is in the composer was to be sent

  function holdBack(event) {
    if (!isChangingOver()) return;
    const isSent = event.type === "click" ? event.target.closest?.("#send") : isSending(event);
    if (!isSent && !event.target.closest?.("[data-ask]")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    waits ||= Boolean(isSent);
  }

  const isSending = (event) =>
    event.key === "Enter" && !event.shiftKey && !isComposing(event) && event.target.matches?.("#question textarea");

  function changedOver() {
    if (!waits || isChangingOver()) return;
    waits = false;
    find("#send").click();
  }

  // ---- clicks and keys

  const ACTIONS = {
    theme: toggleTheme,
    copy: copyAnswer,
  };

  function clicked(event) {
    const button = event.target.closest?.("#page button");
    if (!button) return;
    if (button.dataset.go) go(button.dataset.go);
    else if (button.dataset.cite)
      footnote.openSource(button.closest(".turn").dataset.turn, button.dataset.cite, true);
    else ACTIONS[button.dataset.action]?.(button);
  }

  function keyPressed(event) {
    if (event.key === "Enter" && isComposing(event)) event.stopPropagation(); // choosing a character
  }

  // Safari has ended a composition when it tells of the key that did, and marks the key by its code alone.
  const isComposing = (event) => event.isComposing || event.keyCode === 229;

  // Gradio calls this for each of our components once it is on the page.
  const PARTS = {
    top(element, trigger, watch) {
      element.addEventListener("click", ({ target }) => {
        if (target.closest('[data-action="clear"]')) trigger("clear");
      });
      element.addEventListener("change", ({ target }) => {
        if (!target.closest(".switch")) return;
        choose(target.value);
        trigger("select");
      });
      useTheme(); // the body exists by now
      watch("value", topChanged);
      showView();
    },
    earlier(element, trigger, watch) {
      carryClicks(element, trigger);
      watch("value", follow);
    },
    latest(element, trigger, watch, functions) {
      server = functions;
      carryClicks(element, trigger);
      watch("value", latestChanged);
      findExamples();
    },
    upcoming(element, trigger, watch) {
      carryClicks(element, trigger);
      watch("value", upcomingChanged);
    },
    status(element, trigger, watch) {
      watch("value", statusChanged);
    },
    conversations(element, trigger, watch) {
      watch("value", changedOver);
    },
  };

  function carryClicks(element, trigger) {
    element.addEventListener("click", ({ target }) => {
      const button = target.closest("button");
      if (button?.dataset.ask)
        trigger("select", { question: button.dataset.ask, typed: "typed" in button.dataset });
      if (button?.dataset.action === "link")
        trigger("copy", { turn: Number(button.closest(".turn").dataset.turn) });
      if (button?.dataset.vote)
        trigger("like", {
          turn: Number(button.closest(".turn").dataset.turn),
          vote: button.ariaPressed === "true" ? "withdrawn" : button.dataset.vote,
        });
    });
  }

  // Another script's part, and `more` after it.
  function extend(name, more) {
    const before = PARTS[name];
    PARTS[name] = (...part) => {
      before?.(...part);
      more(...part);
    };
  }

  // What the scripts of the other views build on: each adds its parts, actions and what to do when shown.
  window.footnote = {
    attach: (name, ...part) => PARTS[name]?.(...part), // element, trigger, watch, server
    parts: PARTS,
    extend,
    actions: ACTIONS,
    shown,
    collection: () => collection,
    servedCollection,
    findExamples,
    nameTab,
    UNREACHABLE: "The page cannot reach its server. Is Footnote still running?",
    find,
    findAll,
    go,
    address,
    say,
    depth,
    isComposing,
    turnArticle,
    TAB,
    remembered,
    remember,
    conversationMarkdown,
    writeClipboard,
  };
  window.addEventListener("hashchange", showView);
  window.addEventListener("pagehide", keepDraft);
  document.addEventListener("focusin", bringDraft);
  useTheme(remembered("theme"));
  systemDark.addEventListener("change", () => useTheme());
  document.addEventListener("click", holdBack, true);
  document.addEventListener("keydown", holdBack, true);
  document.addEventListener("click", clicked);
  document.addEventListener("keydown", keyPressed, true);
})();
