// The source panel: first what came with the answer, then the whole document, its quotes marked in place.
"use strict";

(() => {
  const { find, findAll, depth, turnArticle } = footnote;
  let server = null; // what Gradio calls Python's functions by
  let open = null; // {turn, number, key}: the source being read
  let whole = ""; // turn and document whose text the panel holds
  let filled = ""; // that text as it came
  let said = ""; // of the open source to a screen reader
  let shownAt = 0; // where the panel was scrolled to
  let request = 0; // the latest; the reply to an earlier one comes too late

  const reading = () => find("#panel .reading");
  const isShown = () => getComputedStyle(find("#panel")).display !== "none";
  const viewsOf = (turn) => [...(turnArticle(turn)?.querySelectorAll(".view") ?? [])];
  const viewOf = (turn, number) => viewsOf(turn).find((view) => view.dataset.view === String(number));
  const numberButton = ({ turn, number }) =>
    turnArticle(turn)?.querySelector(`.cite[data-cite="${number}"]`);
  // An answer at its own address may be of another collection than the reader's.
  const collectionOf = (turn) =>
    turnArticle(turn)?.closest("[data-collection]")?.dataset.collection ?? footnote.servedCollection();
  const keyOf = (view) => [view.dataset.doc, view.dataset.start, view.dataset.sha256].join("/");

  // ---- opening, stepping, closing

  function openSource(turn, number, takeFocus, quietly) {
    const views = viewsOf(turn);
    const place = views.findIndex((view) => view.dataset.view === String(number));
    if (place < 0) return;
    const view = views[place];
    open = { turn: String(turn), number: String(number), key: keyOf(view) };
    const here = `${turn}/${view.dataset.doc}`;
    const kept = whole === here ? reading().querySelector(".page-text") : null;
    show(view, kept);
    find("#panel .position").textContent = `${place + 1} of ${views.length}`;
    setPanel(place > 0, place < views.length - 1);
    markCurrent();
    if (!kept) whole = "";
    showMark();
    if (!kept || takeFocus) fillIn(turn, here); // it may have changed
    said = quietly ? "" : spoken(view, place, views.length);
    if (said) footnote.say(said);
    if (!takeFocus) return;
    reading().focus({ preventScroll: true });
    numberButton(open)?.scrollIntoView({ block: "nearest" }); // the panel may have covered it
  }

  function show(view, text) {
    const notes = reading().querySelector(".view")?.notes;
    const copy = view.cloneNode(true);
    if (collectionOf(open.turn) !== footnote.servedCollection()) copy.querySelector(".whole").remove();
    if (text) {
      copy.querySelector(".page-text").replaceWith(text);
      takeNotes(copy, notes);
    }
    reading().replaceChildren(copy);
  }

  const spoken = (view, place, of) => {
    const quote = [...view.querySelectorAll("mark")].map((mark) => mark.textContent).join(" ").replace(/\s+/g, " ");
    return `Source ${place + 1} of ${of}, ${view.dataset.name}: quote: ${quote}`;
  };

  // Without `quietly` the focus goes back to the number that opened it.
  function closeSource(quietly = false) {
    if (!open) return;
    const opener = numberButton(open);
    const wasRead = find("#panel").contains(document.activeElement);
    open = null;
    whole = "";
    request += 1;
    reading().replaceChildren();
    find("#panel .position").textContent = "";
    setPanel(false, false);
    if (!quietly || wasRead) (opener ?? find("#question textarea"))?.focus();
  }

  function setPanel(hasPrevious, hasNext) {
    find("#panel").classList.toggle("open", Boolean(open));
    find('#panel [data-action="close"]').disabled = !open;
    setStep("previous", hasPrevious);
    setStep("next", hasNext);
    markOpen();
  }

  function setStep(action, enabled) {
    const button = find(`#panel [data-action="${action}"]`);
    const hadFocus = document.activeElement === button;
    button.disabled = !enabled;
    if (hadFocus && !enabled) reading().focus({ preventScroll: true });
  }

  // Shows in the answer which source is open; closes one whose answer is no longer there.
  function markOpen() {
    if (open) {
      const view = viewOf(open.turn, open.number);
      if (!view || keyOf(view) !== open.key) return closeSource();
    }
    for (const button of findAll(".cite[aria-current]")) button.removeAttribute("aria-current");
    if (!open) return;
    const current = `.turn[data-turn="${open.turn}"] .cite[data-cite="${open.number}"]`;
    for (const button of findAll(current)) button.setAttribute("aria-current", "true");
  }

  function step(by) {
    const views = viewsOf(open.turn);
    const place = views.findIndex((view) => view.dataset.view === open.number);
    if (!views[place + by]) return;
    const wasExplained = reading().querySelector(".why")?.open;
    openSource(open.turn, views[place + by].dataset.view, false);
    const why = reading().querySelector(".why");
    if (!wasExplained || !why) return;
    why.open = true;
    showMark();
  }

  // In the place of another answer's. Beside the chat the panel always shows, below it only while a source is open.
  function showFirstSource(turn, quietly) {
    const [first] = viewsOf(turn);
    if (!isShown()) return;
    whole = ""; // of another answer with this number
    if (first) openSource(turn, first.dataset.view, false, quietly);
    else closeSource(true);
  }

  // ---- the whole document

  async function fillIn(turn, here) {
    const asked = (request += 1);
    const reply = await ask(turn, {});
    if (asked !== request || !open || !reply) return;
    const view = reading().querySelector(".view");
    const isStill = reading().scrollTop === shownAt; // the reader has not scrolled meanwhile
    takeNotes(view, reply.notes);
    if (!reply.text || (whole === here && reply.text === filled)) return;
    const text = view.querySelector(".page-text");
    whole = here;
    filled = reply.text;
    keepPlace(
      () => text.querySelector(".current"),
      () => {
        text.innerHTML = reply.text;
        text.dataset.whole = "yes";
        markCurrent();
      },
    );
    if (isStill) showMark();
  }

  async function ask(turn, part) {
    const { doc } = viewOf(turn, open.number).dataset;
    const quotes = viewsOf(turn)
      .filter((view) => view.dataset.doc === doc)
      .map((view) => ({
        number: Number(view.dataset.view),
        start: Number(view.dataset.start),
        end: Number(view.dataset.end),
        doc_sha256: view.dataset.sha256,
        quote: view.dataset.quote,
      }));
    const number = Number(open.number);
    const asked = { collection: collectionOf(turn), doc_id: doc, quotes, number, ...part };
    try {
      return await server.read_document(asked);
    } catch {
      return null; // the server is gone; what came with the answer stays
    }
  }

  // What has become of quotes since, by their numbers.
  function takeNotes(view, notes) {
    view.notes = notes;
    const note = view.querySelector(".note");
    note.innerHTML = notes?.[open.number] ?? "";
    note.hidden = !note.innerHTML;
    if (!note.hidden && said) footnote.say(`${said} ${note.textContent}`);
  }

  function markCurrent() {
    for (const mark of reading().querySelectorAll("[data-marks]")) {
      const isCurrent = mark.dataset.marks.split(" ").includes(open.number);
      mark.classList.toggle("current", isCurrent);
    }
  }

  async function showMore(button) {
    const { turn } = open;
    button.disabled = true;
    const asked = request;
    const { begin, end } = button.dataset;
    const reply = await ask(turn, { begin: Number(begin), end: Number(end) });
    if (asked !== request || !reply?.text) return (button.disabled = false);
    const part = document.createElement("template");
    part.innerHTML = reply.text;
    const isEarlier = button.classList.contains("earlier");
    part.content.querySelector(isEarlier ? ".later" : ".earlier")?.remove(); // that part is here
    const neighbour = isEarlier ? button.nextElementSibling : button.previousElementSibling;
    keepPlace(() => neighbour, () => button.replaceWith(part.content));
    markCurrent();
    reading().focus({ preventScroll: true });
  }

  // ---- scrolling

  function showMark() {
    const box = reading();
    const mark = box.querySelector("mark.current");
    const title = box.querySelector(".title");
    const covered = title && getComputedStyle(title).position === "sticky" ? title.offsetHeight : 0;
    const room = box.clientHeight - covered - (mark?.offsetHeight ?? 0);
    const below = mark ? depth(box, mark) : 0;
    const isNear = !mark || below + mark.offsetHeight < box.clientHeight * 0.8;
    const isExplained = box.querySelector(".why[open]"); // at the top, and that is what is being read
    box.scrollTop = isNear || isExplained ? 0 : below - covered - Math.max(room / 3, 0);
    shownAt = box.scrollTop;
  }

  // Changes the text so that a part of it, found before and after, stays where it is on the screen.
  function keepPlace(part, change) {
    const box = reading();
    const before = part() ? depth(box, part()) - box.scrollTop : null;
    change();
    if (before !== null && part()) box.scrollTop = depth(box, part()) - before;
  }

  // ---- what the rest of the page calls

  Object.assign(footnote.actions, {
    previous: () => step(-1),
    next: () => step(1),
    close: () => closeSource(),
    more: showMore,
  });
  footnote.parts.panel = (element, trigger, watch, functions) => {
    server = functions;
    footnote.complete = (typed) =>
      functions.complete_question({ collection: footnote.servedCollection(), typed });
    element.addEventListener("click", ({ target }) => {
      const mark = target.closest("[data-marks]:not(.current)");
      if (mark && !String(getSelection())) openSource(open.turn, mark.dataset.marks.split(" ")[0], false);
    });
  };
  document.addEventListener(
    "keydown",
    (event) => {
      const inFront = find('dialog[open], [role="menu"]:not([hidden])');
      if (event.key === "Escape" && !footnote.isComposing(event) && open && !inFront && isShown()) closeSource();
    },
    true,
  );
  Object.assign(footnote, {
    openSource,
    closeSource,
    showFirstSource,
    markOpen,
    opened: () => open,
    viewsOf,
  });
})();
