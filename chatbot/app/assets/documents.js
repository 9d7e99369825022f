// The documents: the list, what comes and goes, how far the index is, and a document in full.
"use strict";

(() => {
  const { find, findAll } = footnote;
  const POLL = 400; // milliseconds between two looks at a running build
  let server = null; // what Gradio calls Python's functions by
  let look = { query: "", sort: "title", down: false };
  let most; // rows to show; undefined for the server's own number
  let request = 0; // the latest question for the list; the reply to an earlier one comes too late
  let opening = 0;
  let place; // the rest of the address, once the view has been shown
  let listed = ""; // collection whose documents are
  let generation = ""; // of the index whose documents are listed
  let brought = null; // names of the files that came last, until they have been read
  const held = new WeakMap(); // a question about taken names -> the uploads that wait for its answer
  let upload = null; // the one that is on its way
  let stopped = false;
  let polling = false;
  let running = false; // a build
  let pollAgain = false; // something was changed since the last look
  let built = -1; // number of the last build whose end is known here
  let replacing = ""; // file that the next chosen one replaces

  const view = () => find("#documents .library");
  const part = (selector) => view().querySelector(selector);
  const isShown = () => document.documentElement.dataset.view === "documents";

  // The collection that the server has changed over to. A choice that an earlier visit made
  // may be of one that exists no more; it is waited for once.
  let waited = "";
  async function collection() {
    for (let n = 0; ; n += 1) {
      const believed = footnote.servedCollection();
      const chosen = footnote.collection() || believed;
      if (believed && (believed === chosen || waited === chosen)) return believed;
      if (n === 30) waited = chosen;
      if (n > 30) return chosen;
      await sleep(100);
    }
  }

  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  async function call(name, asked = {}) {
    try {
      const reply = await server[name]({ collection: await collection(), ...asked });
      if (reply.problem) tellNews(reply.problem);
      return reply.problem ? null : reply;
    } catch {
      tellNews(`<div class="refused"><p>${footnote.UNREACHABLE}</p></div>`);
      return null;
    }
  }

  function tellNews(html) {
    brought = null;
    stayHere(() => (part(".news").innerHTML = html));
  }

  // Whoever was on a button that goes is at the head of the list, not nowhere.
  function stayHere(change) {
    const wasHere = view().contains(document.activeElement);
    change();
    if (wasHere && document.activeElement === document.body) find("#documents-title").focus({ preventScroll: true });
  }

  // ---- the list

  async function list() {
    const asked = (request += 1);
    const reply = await call("list_documents", { ...look, most });
    if (!reply || asked !== request) return;
    keepFocus(part("tbody"), () => {
      part("tbody").innerHTML = reply.rows;
      footnote.markChoice();
    });
    stayHere(() => {
      part(".behind").innerHTML = running ? "" : reply.behind;
      keepOpen(part(".removals"), reply.removals);
    });
    part(".further").hidden = reply.shown >= reply.found;
    part(".matches").textContent = look.query ? `${reply.found.toLocaleString("en")} found` : "";
    part(".none").hidden = reply.found > 0;
    part(".none").textContent = "No document matches.";
    const counts = find("#top .counts");
    if (counts) counts.innerHTML = reply.counts;
    part(".report summary").textContent = reply.summary;
    showSort();
    if (generation === reply.generation) return;
    if (generation) footnote.findExamples();
    generation = reply.generation;
    footnote.checkChoice();
    if (part(".report").open) report();
    else part(".report div").replaceChildren();
  }

  async function report() {
    const box = part(".report div");
    box.innerHTML ||= "<p>Looking through the documents …</p>";
    const reply = await call("reading_report");
    if (reply) box.innerHTML = reply.report;
  }

  // A drawn-anew button has the focus that its forerunner had.
  function keepFocus(box, change) {
    const active = document.activeElement;
    const row = box.contains(active) ? active.closest("tr")?.dataset.name : null;
    const action = active?.dataset?.do;
    change();
    if (row === null || row === undefined) return;
    const again = box.querySelector(`tr[data-name="${CSS.escape(row)}"]`);
    (again?.querySelector(action ? `[data-do="${action}"]` : "a") ?? find("#documents-title")).focus();
  }

  function keepOpen(box, html) {
    const wasOpen = box.querySelector("details")?.open;
    box.innerHTML = html;
    if (wasOpen && box.firstElementChild) box.firstElementChild.open = true;
  }

  function showSort() {
    for (const head of findAll("#documents th[aria-sort]")) {
      const isSorted = head.firstElementChild.dataset.sort === look.sort;
      head.setAttribute("aria-sort", isSorted ? (look.down ? "descending" : "ascending") : "none");
    }
  }

  function sortBy(name) {
    const numbers = ["pages", "passages", "date"].includes(name); // the most at first
    look = { ...look, sort: name, down: look.sort === name ? !look.down : numbers };
    list();
  }

  // ---- files on their way

  async function bring(files, choice) {
    const into = await collection(); // also when the reader goes to another meanwhile
    if (upload) return tellNews('<div class="refused"><p>Wait until the files before have arrived.</p></div>');
    if (!files.length) return;
    const limit = Number(view().dataset.fileBytes);
    const small = files.filter(({ file }) => file.size <= limit);
    const oversized = files
      .filter(({ file }) => file.size > limit)
      .map(({ file, name }) => ({ name, size: file.size }));
    tellNews("");
    const sent = await send(small);
    if (sent) await add(into, sent, choice, oversized);
  }

  async function add(into, files, choice, oversized = [], answered = null) {
    working("Taking the files in …");
    const reply = await call("add_files", { collection: into, files, choice, oversized });
    working(null);
    if (!reply || into !== listed) return;
    stayHere(() => answered?.remove());
    tellNews(reply.news);
    brought = reply.brought;
    if (reply.question) question(reply.question, files.filter(({ name }) => reply.clashes.includes(name)));
    await watch();
  }

  // Stays until it is answered, whatever else there is to tell.
  function question(html, files) {
    part(".clashes").insertAdjacentHTML("beforeend", html);
    const asked = part(".clashes").lastElementChild;
    held.set(asked, files);
    asked.querySelector("button").focus();
  }

  function choose(button) {
    const asked = button.closest(".clash");
    return add(listed, held.get(asked), button.dataset.choice, [], asked);
  }

  // Uploads one after the other; null when it was cancelled.
  async function send(files) {
    const bytes = files.reduce((sum, { file }) => sum + file.size, 0);
    const started = Date.now();
    const sent = [];
    let before = 0;
    stopped = false;
    for (const [number, { file, name }] of files.entries()) {
      const told = (loaded) => {
        const done = before + loaded;
        const left = done ? ((Date.now() - started) / done) * (bytes - done) : 0;
        const which = files.length > 1 ? ` ${number + 1} of ${files.length.toLocaleString("en")}` : "";
        working(`Sending file${which}${timeLeft(left)}`, bytes ? (100 * done) / bytes : 100);
      };
      told(0);
      try {
        sent.push({ path: await sendOne(file, told), name });
      } catch (error) {
        if (!stopped) tellUnsent(name, error.message);
        stopped = true;
      }
      if (stopped) break;
      before += file.size;
    }
    upload = null;
    working(null);
    if (!stopped) return sent;
    if (sent.length) await call("add_files", { files: sent, choice: "skip" }); // throws them away
    return null;
  }

  function tellUnsent(name, reason) {
    tellNews('<div class="refused"><p></p></div>');
    part(".news p").textContent = `${name} could not be sent: ${reason}.`;
  }

  const timeLeft = (ms) => (ms > 2000 ? `, about ${Math.ceil(ms / 1000)} s left` : "");

  // The path that Gradio has given it. Its own name stays here: two of one name must not meet there.
  function sendOne(file, told) {
    return new Promise((resolve, reject) => {
      const form = new FormData();
      const [a, b] = crypto.getRandomValues(new Uint32Array(2));
      form.append("files", file, `upload-${a.toString(36)}${b.toString(36)}`);
      upload = new XMLHttpRequest();
      upload.open("POST", new URL("gradio_api/upload", location.href.split("#")[0]));
      upload.upload.onprogress = (event) => told(Math.min(event.loaded, file.size));
      upload.onload = () => {
        if (upload.status === 200) resolve(JSON.parse(upload.responseText)[0]);
        else reject(new Error(upload.status === 413 ? "it is too large" : `error ${upload.status}`));
      };
      upload.onerror = () => reject(new Error("it cannot be read, or the server is gone"));
      upload.onabort = () => reject(new Error("cancelled"));
      upload.send(form);
    });
  }

  const named = (files) => [...files].map((file) => ({ file, name: file.webkitRelativePath || file.name }));
  const isHidden = (name) => name.startsWith(".") || name === "__MACOSX";

  // What was dropped: files, and those in folders with the path below.
  async function dropped(transfer) {
    const plain = [...transfer.files];
    const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    if (!entries.length) return named(plain);
    const found = [];
    for (const entry of entries) await gather(entry, found);
    return found;
  }

  async function gather(entry, found) {
    if (isHidden(entry.name)) return;
    if (entry.isFile) {
      const file = await new Promise((resolve, reject) => entry.file(resolve, reject)).catch(() => null);
      if (file) found.push({ file, name: entry.fullPath.replace(/^\//, "") });
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)).catch(() => []);
      if (!some.length) return; // they come a hundred at a time
      for (const inner of some) await gather(inner, found);
    }
  }

  function pickedFolder(files) {
    return named(files).filter(({ name }) => !name.split("/").some(isHidden));
  }

  // ---- how far it is

  function working(text, percent) {
    const box = part(".working");
    box.hidden = text === null;
    if (text === null) return;
    const [stage, left = ""] = text.split(/(?=, about)/);
    box.querySelector(".stage").textContent = stage;
    box.querySelector(".left").textContent = left.replace(/^, /, "");
    const bar = box.querySelector(".progress-bar");
    bar.classList.toggle("unknown", percent === undefined || percent === null);
    if (typeof percent === "number") bar.setAttribute("aria-valuenow", String(Math.round(percent)));
    else bar.removeAttribute("aria-valuenow");
    bar.firstElementChild.style.width = `${percent ?? 100}%`;
  }

  // Follows the build that runs, if one does, to its end.
  async function watch() {
    list();
    pollAgain = true;
    if (polling) return;
    polling = true;
    let state = null;
    let ran = false;
    while (pollAgain || state?.running) {
      pollAgain = false;
      state = await call("build_state");
      running = Boolean(state?.running);
      if (!running) continue;
      ran = true;
      stayHere(() => part(".behind").replaceChildren());
      if (!upload) working(state.stage, state.percent);
      part('[data-do="cancel"]').disabled = state.cancelling && !upload;
      await sleep(POLL);
    }
    polling = false;
    part('[data-do="cancel"]').disabled = false;
    if (!upload) working(null);
    const isNew = state && (ran || state.end === "failed" || (built >= 0 && state.number > built));
    if (isNew && state.number > built) tellEnd(state.news);
    if (state?.end === "done") await tellBrought();
    built = state?.number ?? built;
    if (ran || isNew) await list();
  }

  // What could not be read is known only now.
  async function tellBrought() {
    const box = part(".news .brought");
    const reply = box && brought && (await call("tell_brought", brought));
    brought = null;
    if (reply) box.innerHTML = reply.brought;
  }

  // Beside what a change has told, whose undo still holds.
  function tellEnd(html) {
    part(".news .end")?.remove();
    const end = document.createElement("div");
    end.className = "end";
    end.innerHTML = html;
    part(".news").append(end);
  }

  // ---- a document in full

  async function open(docId, span) {
    const asked = (opening += 1);
    const box = part(".whole-document");
    const quotes = quotesOf(docId);
    const reply = await call("open_document", { doc_id: docId, quotes, number: quotes[0]?.number, ...span });
    if (asked !== opening) return;
    if (!reply) return isShown() && location.replace("#documents"); // Back leads past it
    if (span) return reply.text;
    box.innerHTML = reply.head;
    const text = document.createElement("div");
    text.className = "page-text";
    text.innerHTML = reply.text;
    box.append(text);
    box.dataset.document = docId;
    part(".shelf").hidden = true;
    box.hidden = false;
    const mark = text.querySelector("mark");
    box.querySelector("h2").focus({ preventScroll: true });
    if (mark) mark.scrollIntoView({ block: "center" });
    else find("#documents-view").scrollTop = 0;
    const marks = new Set(Array.from(text.querySelectorAll("mark"), (piece) => piece.dataset.marks)).size;
    const cited = marks ? `, ${marks === 1 ? "one cited sentence" : `${marks} cited sentences`} marked` : "";
    footnote.say(`${reply.title}${cited}.`);
  }

  // What the answer whose source is open, else the last one, quotes from the document.
  function quotesOf(docId) {
    const turn = footnote.opened?.()?.turn ?? findAll("#conversation .turn").at(-1)?.dataset.turn;
    const views = findAll(`.turn[data-turn="${turn}"] .view`).filter((one) => one.dataset.doc === docId);
    return views.map((one) => ({
      number: Number(one.dataset.view),
      start: Number(one.dataset.start),
      end: Number(one.dataset.end),
      doc_sha256: one.dataset.sha256,
      quote: one.dataset.quote,
    }));
  }

  async function showMore(button) {
    button.disabled = true;
    const { begin, end } = button.dataset;
    const docId = part(".whole-document").dataset.document;
    const html = await open(docId, { begin: Number(begin), end: Number(end) });
    if (!html) return (button.disabled = false);
    const more = document.createElement("template");
    more.innerHTML = html;
    const isEarlier = button.classList.contains("earlier");
    more.content.querySelector(isEarlier ? ".later" : ".earlier")?.remove(); // that part is here
    const pane = find("#documents-view");
    const fromEnd = pane.scrollHeight - pane.scrollTop;
    button.replaceWith(more.content);
    if (isEarlier) pane.scrollTop = pane.scrollHeight - fromEnd;
    part(".whole-document h2").focus({ preventScroll: true });
  }

  function close() {
    opening += 1;
    const box = part(".whole-document");
    if (box.hidden) return;
    const docId = box.dataset.document;
    box.hidden = true;
    box.replaceChildren();
    part(".shelf").hidden = false;
    const row = part(`tr[data-name="${CSS.escape(docId)}"] a`);
    (row ?? find("#documents-title")).focus();
  }

  // ---- clicks, keys, drops

  const DO = {
    files: () => part("input.files").click(),
    folder: () => part("input.folder").click(),
    cancel: cancel,
    update: () => change("update_index", {}),
    undo: (button) => change("restore_files", { undo: button.dataset.undo }),
    remove: (button) => change("remove_file", { file: button.dataset.file }),
    replace(button) {
      replacing = button.dataset.file;
      part("input.other").click();
    },
    choose: choose,
    further() {
      most = findAll("#documents tbody tr").length + 200;
      list();
    },
  };

  async function change(name, asked) {
    const reply = await call(name, asked);
    if (!reply) return;
    tellNews(reply.news ?? "");
    brought = reply.brought;
    await watch();
  }

  function cancel() {
    if (upload) {
      stopped = true;
      upload.abort();
      tellNews("<p>Cancelled. Nothing was added.</p>");
    } else call("cancel_update");
  }

  function clicked(event) {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.sort) sortBy(button.dataset.sort);
    else if (button.classList.contains("more")) {
      event.stopPropagation(); // the source panel has such buttons too
      showMore(button);
    } else press(button);
  }

  const pressed = new WeakSet(); // buttons whose work is not done yet: to press one twice is no second wish

  async function press(button) {
    if (pressed.has(button)) return;
    pressed.add(button);
    await DO[button.dataset.do]?.(button);
    pressed.delete(button);
  }

  let typing;
  function typed(event) {
    if (event.target.id !== "documents-query") return;
    clearTimeout(typing);
    typing = setTimeout(() => {
      look = { ...look, query: event.target.value };
      most = undefined;
      list();
    }, 120);
  }

  function picked({ target }) {
    if (target.type !== "file" || !target.files.length) return;
    const files = target.classList.contains("folder") ? pickedFolder(target.files) : named(target.files);
    if (target.classList.contains("other")) bring([{ file: files[0].file, name: replacing }], "replace");
    else bring(files);
    target.value = "";
  }

  const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
  let over = 0;

  function dragged(event) {
    if (!server || !holdsFiles(event)) return;
    event.preventDefault(); // or the browser would show the file in place of the page
    clearTimeout(over);
    document.documentElement.classList.add("files-over");
    over = setTimeout(() => document.documentElement.classList.remove("files-over"), 250);
  }

  async function droppedOn(event) {
    if (!server || !holdsFiles(event)) return;
    event.preventDefault();
    document.documentElement.classList.remove("files-over");
    const coming = dropped(event.dataTransfer); // its entries are gone after this event
    if (!isShown()) footnote.go("documents");
    bring(await coming);
  }

  async function show(...rest) {
    place = rest;
    if (!server) return;
    const name = await collection();
    if (name !== listed) {
      listed = name;
      part(".clashes").replaceChildren();
      built = -1;
      tellNews("");
    }
    if (rest[0]) open(rest.join("/"));
    else close();
    if (rest[1] === "report") {
      part(".report").open = true; // "#documents//report"
      part(".report summary").focus();
    }
    watch();
  }

  footnote.shown.documents = show;
  footnote.parts.documents = (element, _trigger, _watch, functions) => {
    server = functions;
    element.addEventListener("click", clicked);
    element.addEventListener("input", typed);
    element.addEventListener("change", picked);
    part(".report").addEventListener("toggle", ({ target }) => target.open && report());
    if (place) show(...place);
  };
  document.addEventListener("dragenter", dragged);
  document.addEventListener("dragover", dragged);
  document.addEventListener("drop", droppedOn);
})();
