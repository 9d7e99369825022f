// Documents that alone are asked: ticked in the list of documents, told above the composer.
"use strict";

(() => {
  const { find, findAll, parts, extend, actions, say, TAB, remembered, remember } = window.footnote;
  const texts = (some) => (Array.isArray(some) ? some.filter((one) => typeof one === "string") : []);
  let server = null; // what Gradio calls Python's functions by
  let choice = read(remembered("only", TAB)); // {collection, only}
  let request = 0; // the latest question to the server; the reply to an earlier one comes too late

  const collection = () => window.footnote.servedCollection();
  const only = () => (choice.collection === collection() ? choice.only : []);

  function read(text) {
    try {
      const kept = JSON.parse(text);
      return { collection: String(kept.collection), only: texts(kept.only) };
    } catch {
      return { collection: "", only: [] }; // nothing chosen, or not by us
    }
  }

  function keep(chosen) {
    choice = { collection: collection(), only: texts(chosen) };
    remember("only", JSON.stringify(choice), TAB);
    mark();
  }

  // Takes the place of the choice before; nothing chosen asks all.
  async function choose(chosen) {
    if (!chosen?.length && !only().length) return;
    keep(chosen);
    const said = await check();
    if (said !== null) say(said || "All documents are asked.");
  }

  // Draws the line, and drops what is no longer in the index; what there is to say of it, null if nothing is known.
  async function check() {
    const asked = (request += 1);
    const chosen = only();
    if (!server || !chosen.length) return draw("");
    try {
      const reply = await server.show_choice({ collection: collection(), only: chosen });
      if (asked !== request) return null;
      if (reply.only.length < chosen.length) {
        keep(reply.only);
        say(reply.said);
      }
      draw(reply.line);
      return reply.said;
    } catch {
      return null; // the server is gone; sending a question will say so
    }
  }

  function draw(line) {
    for (const box of findAll("#page .choice")) {
      const wasOpen = box.querySelector("details")?.open;
      box.innerHTML = line;
      if (wasOpen && box.querySelector("details")) box.querySelector("details").open = true;
    }
    return "";
  }

  function mark() {
    const chosen = new Set(only());
    for (const box of findAll("#documents [data-only]")) box.checked = chosen.has(box.dataset.only);
  }

  function ticked({ target }) {
    const docId = target.dataset?.only;
    if (docId === undefined) return;
    const others = only().filter((one) => one !== docId);
    choose(target.checked ? [...others, docId] : others);
    window.footnote.chosenByHand();
  }

  const leave = () => find(document.documentElement.dataset.view === "documents" ? "#documents-query" : "#question textarea")?.focus();

  Object.assign(actions, {
    "ask-all"() {
      leave(); // the button goes
      choose([]);
      window.footnote.chosenByHand();
    },
    "close-gone"(button) {
      leave();
      for (const box of findAll("#page .choice .gone")) box.remove();
    },
  });

  extend("latest", (element, trigger, watch) =>
    watch("value", () => find('#latest .turn[data-state="error"]') && only().length && check()),
  );
  extend("conversations", (element, trigger, watch) => {
    watch("value", () => (mark(), check()));
    check(); // the collection is known by now
  });
  parts.choice = (element, trigger, watch, functions) => {
    server = functions;
    check();
  };
  document.addEventListener("change", ticked);
  Object.assign(window.footnote, { only, choose, checkChoice: check, markChoice: mark, chosenByHand: () => {} });
})();
