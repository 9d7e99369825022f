// Conversations kept in this browser, their export, and answers at their own addresses.
"use strict";

(() => {
  const { find, findAll, extend, actions, shown, say, TAB, remembered, remember } = window.footnote;
  const PREFIX = "footnote-conversation-"; // in localStorage, one entry a conversation
  const LIMIT = 4_500_000; // characters in all; browsers hold about 5,000,000
  const LONGEST_NAME = 120;

  const make = (name, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  };

  const icon = (kind) => make("i", { className: `icon ${kind}` });

  // ---- the store

  const isReceipt = () => /^#receipt(\/|$)/.test(location.hash);
  const isText = (value) => typeof value === "string";

  function load(id) {
    try {
      const kept = JSON.parse(localStorage.getItem(PREFIX + id));
      const whole =
        kept?.id === id && isText(kept.name) && isText(kept.collection) && Array.isArray(kept.receipts);
      return whole && kept.receipts.every((receipt) => isText(receipt?.question)) ? kept : null;
    } catch {
      return null; // damaged, or storage is switched off
    }
  }

  function loadAll() {
    try {
      return Object.keys(localStorage)
        .filter((key) => key.startsWith(PREFIX))
        .map((key) => load(key.slice(PREFIX.length)))
        .filter((kept) => kept?.receipts.length)
        .sort((one, other) => (one.changed < other.changed ? 1 : -1));
    } catch {
      return [];
    }
  }

  const sizeOf = (key) => key.length + (localStorage.getItem(key)?.length ?? 0);

  function keep(conversation) {
    const key = PREFIX + conversation.id;
    const text = JSON.stringify(conversation);
    try {
      const others = Object.keys(localStorage).filter((other) => other.startsWith(PREFIX) && other !== key);
      const used = others.reduce((sum, other) => sum + sizeOf(other), 0);
      if (used + key.length + text.length > LIMIT) throw new RangeError("full");
      localStorage.setItem(key, text);
      return true;
    } catch (error) {
      const full = error instanceof RangeError || error?.name === "QuotaExceededError";
      warn(
        full
          ? "This conversation can no longer be kept: the space for conversations in this browser is full." +
              " Delete some, or export this one."
          : "This browser keeps nothing for this page: the conversation lasts until it is closed.",
      );
      return false;
    }
  }

  function forget(id) {
    try {
      localStorage.removeItem(PREFIX + id);
    } catch {
      // nothing was kept
    }
  }

  let warned = "";

  function warn(text) {
    if (warned === text) return; // said once, not at every answer
    warned = text;
    const close = make("button", { type: "button", className: "tool", ariaLabel: "Close this message" }, icon("close"));
    const box = make("div", { className: "kept-warning" }, make("p", { textContent: text }), close);
    box.setAttribute("role", "alert");
    close.addEventListener("click", () => box.remove());
    find("#page .kept-warning")?.remove();
    find("#page").append(box);
  }

  // ---- the conversation of this tab

  let current = null; // {id, known, seen}: what the store had of it, and what was on the screen
  let collection = ""; // the visitor's
  let coming = remembered("current", TAB); // id of the conversation to show again after a reload
  let back = null; // the same, until it is shown
  let leaving = false; // a new conversation was asked for, and is not there yet
  let afterwards = null; // id of the one to open then: sent at once, the two could arrive the other way round
  let send = () => {}; // triggers an event of Gradio's

  const keyOf = (receipt) => `${receipt.time ?? ""} ${receipt.question}`;
  const keysOf = (receipts) => new Set(receipts.map(keyOf));
  const titleOf = (kept) => kept.name || kept.receipts[0].question;
  const isBelow = (some, all) => [...some].every((key) => all.has(key));

  const rememberCurrent = (id) => remember("current", id, TAB);

  const onScreen = () =>
    findAll("#conversation .turn[data-receipt]").map((turn) => JSON.parse(turn.dataset.receipt));

  function screenChanged() {
    const turns = findAll("#conversation .turn");
    const last = find("#latest .turn"); // the parts of a screen come one after the other
    if (!last) {
      if (current || leaving) {
        rememberCurrent((current = null));
        window.footnote.choose([]); // a new conversation is about all documents
      }
      leaving = false;
      if (afterwards) open(afterwards);
      afterwards = null;
    } else if (last.dataset.state !== "waiting" && Number(last.dataset.turn) === turns.length - 1) {
      const opened = find("#latest [data-conversation]")?.dataset.conversation;
      const receipts = onScreen();
      if (opened && opened !== current?.id) {
        current = { id: opened, known: keysOf(load(opened)?.receipts ?? []), seen: keysOf(receipts) };
        rememberCurrent(opened);
        if (opened !== back) window.footnote.choose(load(opened)?.only ?? []); // after a reload the tab has it
        back = null;
      }
      save(receipts);
    }
    markCurrent();
  }

  function save(receipts) {
    const seen = keysOf(receipts);
    if (current && !isBelow(current.seen, seen)) current = null; // not the conversation it was
    let kept = current && load(current.id);
    let name = "";
    const votes = kept?.votes;
    if (kept && !isBelow(keysOf(kept.receipts), current.known)) {
      name = `${titleOf(kept)} (2)`.slice(0, LONGEST_NAME); // another tab has gone on with it: leave it that one
      say("Another tab has gone on with this conversation; this one is kept beside it.");
      kept = current = null;
    }
    const now = new Date().toISOString();
    kept ??= { id: current?.id ?? crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`, name, collection, created: now, receipts: [], votes };
    const before = keysOf(kept.receipts);
    const fresh = receipts.filter((receipt) => !before.has(keyOf(receipt)));
    if (fresh.length) {
      kept.receipts.push(...fresh);
      kept.changed = now;
      kept.only = window.footnote.only();
      if (!keep(kept)) return;
    }
    current = { id: kept.id, known: keysOf(kept.receipts), seen };
    rememberCurrent(kept.id);
  }

  function open(id) {
    if (leaving) return void (afterwards = id);
    const kept = load(id);
    if (!kept || kept.collection !== collection) return;
    rememberCurrent(id);
    const votes = kept.receipts.map((receipt) => kept.votes?.[keyOf(receipt)] ?? "");
    send("select", { id, collection, receipts: kept.receipts, votes });
  }

  // The thumbs given belong to the conversation.
  function voteSaved() {
    const { turn, vote } = find("#status [data-vote]")?.dataset ?? {};
    const receipt = vote && window.footnote.turnArticle(turn)?.dataset.receipt;
    const kept = receipt && current && load(current.id);
    if (kept) keep({ ...kept, votes: { ...kept.votes, [keyOf(JSON.parse(receipt))]: vote } });
  }

  // After a reload: once the page is on the collection that the conversation is about, and shows no other answer.
  function comeBack() {
    const id = coming;
    if (!id || load(id)?.collection !== collection || isReceipt()) return;
    coming = null;
    if (!find("#conversation .turn")) open((back = id));
  }

  // The documents that alone are asked belong to the conversation.
  window.footnote.chosenByHand = () => {
    const kept = current && load(current.id);
    if (kept?.receipts.length) keep({ ...kept, only: window.footnote.only() });
  };

  function collectionChanged() {
    collection = window.footnote.servedCollection();
    comeBack();
    if (list?.open) drawList();
  }

  // ---- the list

  let list = null; // the dialog
  let removed = null; // {kept, wasCurrent}: the one that can be brought back

  function openList() {
    list ??= makeList();
    find("#page").append(list);
    removed = null;
    list.querySelector("input").value = "";
    drawList();
    list.showModal();
    list.querySelector("input").focus();
  }

  function makeList() {
    const search = make("input", { type: "search", placeholder: "Search conversations", ariaLabel: "Search conversations" });
    const button = (action, kind, label) => {
      const made = make("button", { type: "button", className: "tool", title: label, ariaLabel: label }, icon(kind));
      made.dataset.action = action;
      return made;
    };
    const dialog = make(
      "dialog",
      { className: "conversations", ariaLabel: "Conversations" },
      make(
        "div",
        { className: "heading" },
        make("h2", { textContent: "Conversations" }),
        button("new-conversation", "new", "New conversation"),
        button("close-conversations", "close", "Close conversations"),
      ),
      search,
      make("ul", { className: "list" }),
      make("p", { className: "none" }),
      make("div", { className: "removed" }),
      make("p", { className: "kept-here" }),
    );
    dialog.querySelector(".removed").setAttribute("role", "status");
    dialog.querySelector(".none").setAttribute("role", "status");
    search.addEventListener("input", drawList);
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    return dialog;
  }

  function drawList() {
    const all = loadAll();
    const words = list.querySelector("input").value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = all.filter((kept) => words.every((word) => textOf(kept).includes(word)));
    const own = found.filter((kept) => kept.collection === collection);
    const others = found.filter((kept) => kept.collection !== collection);
    list.querySelector(".list").replaceChildren(...[...own, ...others].map(drawItem));
    list.querySelector(".none").textContent = found.length
      ? ""
      : all.length
        ? "No conversation holds these words."
        : "Conversations are listed here once a question was answered.";
    const share = all.reduce((sum, kept) => sum + sizeOf(PREFIX + kept.id), 0) / LIMIT;
    list.querySelector(".kept-here").textContent =
      "Kept in this browser only" + (share > 0.01 ? `; ${Math.ceil(share * 100)} % of the space is used.` : ".");
    drawRemoved();
    markCurrent();
  }

  const textOf = (kept) =>
    [kept.name, ...kept.receipts.map((receipt) => `${receipt.question} ${receipt.text ?? ""}`)].join(" ").toLowerCase();

  function drawItem(kept) {
    const answers = `${kept.receipts.length} answer${kept.receipts.length === 1 ? "" : "s"}`;
    const elsewhere = kept.collection !== collection;
    const small = make("small", { textContent: [dayOf(kept.changed), answers].filter(Boolean).join(" · ") });
    const opener = make("button", { type: "button", className: "name", disabled: elsewhere }, make("span", { dir: "auto" }), small);
    if (elsewhere) opener.append(make("small", { textContent: whereToOpen(kept.collection) }));
    opener.dataset.action = "open-conversation";
    const item = make("li", {}, opener, tool("rename-conversation", "rename", "Rename"), tool("delete-conversation", "clear", "Delete"));
    item.dataset.id = kept.id;
    nameItem(item, titleOf(kept));
    return item;
  }

  function whereToOpen(name) {
    const isThere = findAll("#top .switch option").some((option) => option.value === name);
    return isThere ? `Choose the collection “${name}” to open it` : `Of the collection “${name}”, which is not here`;
  }

  function tool(action, kind, label) {
    const button = make("button", { type: "button", className: "tool", title: label }, icon(kind));
    button.dataset.action = action;
    return button;
  }

  function nameItem(item, title) {
    item.querySelector(".name span").textContent = title;
    for (const button of item.querySelectorAll(".tool")) button.ariaLabel = `${button.title} ${title}`;
  }

  function dayOf(time) {
    const date = new Date(time);
    if (Number.isNaN(date.getTime())) return "";
    const today = date.toDateString() === new Date().toDateString();
    return today
      ? date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" })
      : date.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
  }

  function markCurrent() {
    for (const item of list?.querySelectorAll("li") ?? [])
      if (item.dataset.id === current?.id) item.setAttribute("aria-current", "true");
      else item.removeAttribute("aria-current");
  }

  function drawRemoved() {
    const bar = list.querySelector(".removed");
    if (!removed) return bar.replaceChildren();
    const undo = make("button", { type: "button", className: "tool", textContent: "Undo" });
    undo.dataset.action = "undo-delete";
    bar.replaceChildren(make("span", { textContent: `Deleted: ${titleOf(removed.kept)}` }), undo);
  }

  function rename(button) {
    const item = button.closest("li");
    const kept = load(item.dataset.id);
    if (!kept) return drawList();
    const box = make("input", { value: titleOf(kept), maxLength: LONGEST_NAME, ariaLabel: "Name of the conversation" });
    let ended = false; // removing the box blurs it
    const end = (save) => {
      if (ended) return;
      ended = true;
      box.replaceWith(opener);
      const name = box.value.trim();
      const now = load(kept.id); // another tab may have gone on with it
      if (save && name && now && name !== titleOf(now) && keep({ ...now, name })) nameItem(item, name);
    };
    const opener = item.querySelector(".name");
    opener.replaceWith(box);
    box.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== "Escape") return;
      event.preventDefault(); // the dialog stays
      event.stopPropagation();
      end(event.key === "Enter");
      button.focus();
    });
    box.addEventListener("blur", () => end(true)); // what was pressed instead stays where it is
    box.select();
    box.focus();
  }

  function remove(button) {
    const item = button.closest("li");
    const kept = load(item.dataset.id);
    const next = (item.nextElementSibling ?? item.previousElementSibling)?.dataset.id;
    if (kept) {
      removed = { kept, wasCurrent: kept.id === current?.id };
      forget(kept.id);
      warned = "";
      if (removed.wasCurrent) startNew();
    }
    drawList();
    const heir = next && list.querySelector(`[data-id="${CSS.escape(next)}"] [data-action="delete-conversation"]`);
    (heir || list.querySelector(".removed button"))?.focus();
  }

  function undo() {
    if (!removed || !keep(removed.kept)) return;
    const { kept, wasCurrent } = removed;
    removed = null;
    drawList();
    list.querySelector(`[data-id="${CSS.escape(kept.id)}"] .name`)?.focus();
    if (wasCurrent && (leaving || !find("#conversation .turn"))) open(kept.id);
  }

  const startNew = () => find('#top [data-action="clear"]').click();

  Object.assign(actions, {
    clear() {
      leaving = true;
      window.footnote.go("chat");
    },
    conversations: openList,
    "close-conversations": () => list.close(),
    "new-conversation"() {
      list.close();
      window.footnote.go("chat");
      startNew();
      find("#question textarea").focus();
    },
    "open-conversation"(button) {
      const { id } = button.closest("li").dataset;
      list.close();
      window.footnote.go("chat");
      if (leaving || id !== current?.id) open(id);
    },
    "rename-conversation": rename,
    "delete-conversation": remove,
    "undo-delete": undo,
  });

  window.addEventListener("storage", (event) => {
    if (list?.open && (!event.key || event.key.startsWith(PREFIX)) && !list.querySelector("li > input")) drawList();
  });

  // ---- export

  const today = () => new Date().toISOString().slice(0, 10);
  const currentTitle = () =>
    (current && load(current.id)?.name) || find("#conversation .question")?.textContent.slice(0, LONGEST_NAME) || "";

  function download(text, ending, type) {
    const link = make("a", { download: `footnote-${today()}.${ending}` });
    link.href = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    say("The conversation was saved as a file.");
  }

  const menu = () => find('#top .menu [role="menu"]');

  function setMenu(isOpen) {
    if (!menu() || menu().hidden === !isOpen) return;
    const button = find('#top [data-action="export"]');
    if (!isOpen && menu().contains(document.activeElement)) button.focus();
    menu().hidden = !isOpen;
    button.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) menu().querySelector("button").focus();
  }

  function menuKey(event) {
    if (!menu() || menu().hidden) return;
    const items = [...menu().querySelectorAll("button")];
    const place = items.indexOf(document.activeElement);
    const places = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: -1 };
    if (event.key in places) items.at(places[event.key] % items.length).focus();
    else if (event.key === "Escape") setMenu(false);
    else if (event.key === "Tab") return setMenu(false);
    else return;
    event.preventDefault();
    event.stopImmediatePropagation(); // Escape closes the menu alone
  }

  Object.assign(actions, {
    export: () => setMenu(menu().hidden),
    "export-markdown"() {
      setMenu(false);
      const text = `# Conversation with Footnote, ${today()}\n\n${window.footnote.conversationMarkdown()}\n`;
      download(text, "md", "text/markdown");
    },
    "export-json"() {
      setMenu(false);
      const text = JSON.stringify({ format: 1, name: currentTitle(), receipts: onScreen() }, null, 1);
      download(`${text}\n`, "json", "application/json");
    },
    "export-print"() {
      setMenu(false);
      send("download", { name: currentTitle(), day: today(), n: Date.now() });
    },
  });

  document.addEventListener("keydown", menuKey, true);
  document.addEventListener("click", ({ target }) => {
    if (!target.closest?.("#top .menu")) setMenu(false);
  });

  // ---- an answer's address

  function linkMade() {
    const made = find("#status [data-link]");
    const bar = made && find(`#conversation .turn[data-turn="${made.dataset.turn}"] .actions`);
    if (!bar) return;
    const box = make("input", { readOnly: true, ariaLabel: "Address of this answer" });
    box.value = `${location.origin}${location.pathname}#receipt/${made.dataset.link}`;
    bar.parentElement.querySelector(".address")?.remove();
    bar.after(make("p", { className: "address" }, box, make("span", {})));
    copyAddress(box);
  }

  async function copyAddress(box) {
    box.focus({ preventScroll: true });
    box.select();
    box.scrollIntoView({ block: "nearest" });
    try {
      await window.footnote.writeClipboard(box.value);
      box.nextElementSibling.textContent = "Copied";
      say("The answer's address was copied.");
    } catch {
      box.nextElementSibling.textContent = "Copy it from here"; // the browser did not let us
    }
  }

  actions.link = (button) => {
    const box = button.closest(".turn").querySelector(".address input");
    if (box) copyAddress(box);
  };

  // ---- the view of one answer

  let wanted = null; // id in the address, null in another view
  let askServer = null; // triggers the events of the receipt's part
  let requests = 0;

  function request(event, id) {
    requests += 1;
    askServer(event, { id, n: requests });
  }

  shown.receipt = (id = "") => {
    if (id === wanted) return; // the bar was drawn anew
    if (wanted === null) window.footnote.closeSource(); // the chat's
    wanted = id;
    find("#receipt")?.classList.add("waiting");
    if (askServer) request("select", id);
  };

  function receiptLeft() {
    if (wanted === null || isReceipt()) return;
    wanted = null;
    window.footnote.closeSource();
    comeBack();
  }

  window.addEventListener("hashchange", receiptLeft, true); // before the view that comes opens a source

  actions["ask-again"] = (button) => {
    button.disabled = true;
    button.querySelector("span").textContent = "Asking …";
    request("retry", button.dataset.id);
  };

  function receiptShown() {
    find("#receipt").classList.remove("waiting");
    if (wanted === null) return; // it was left meanwhile
    window.footnote.nameTab();
    const again = find("#receipt .now > h3");
    if (again) {
      again.focus({ preventScroll: true });
      again.scrollIntoView({ block: "start" });
      return;
    }
    window.footnote.showFirstSource("receipt");
  }

  // ---- parts

  extend("earlier", (element, trigger, watch) => watch("value", screenChanged));
  extend("latest", (element, trigger, watch) => watch("value", screenChanged));
  extend("status", (element, trigger, watch) => {
    watch("value", linkMade);
    watch("value", voteSaved);
  });
  extend("conversations", (element, trigger, watch) => {
    send = trigger;
    watch("value", collectionChanged);
    collectionChanged();
  });
  extend("files", (element, trigger, watch) =>
    watch("value", () => {
      const file = find("#files [data-file]");
      if (file) download(file.dataset.file, "html", "text/html");
    }),
  );
  extend("receipt", (element, trigger, watch) => {
    askServer = trigger;
    watch("value", receiptShown);
    if (wanted !== null) request("select", wanted);
  });
})();
