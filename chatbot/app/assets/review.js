// The reviewer's view: which votes show, which one is open, and what its form sends.
"use strict";

(() => {
  const { find, findAll, parts, shown, go, address, say, marked } = window.footnote;
  let send = null; // once the view is on the page
  let request = 0;
  let open = ""; // the vote that is shown
  let kind = "open"; // which votes are listed
  let changed = false; // something was filled in and not saved
  let takeFocus = false;
  let collection = "";

  function act(data) {
    request += 1;
    send("select", { ...data, request: String(request) });
  }

  parts.review = (element, trigger, watch) => {
    send = trigger;
    element.addEventListener("click", clicked);
    watch("value", showKind);
    if (document.documentElement.dataset.view === "review") shown.review(...address().rest);
  };

  parts["review-item"] = (element, trigger, watch) => {
    element.addEventListener("click", clicked);
    element.addEventListener("change", () => (changed = true));
    element.addEventListener("input", () => (changed = true));
    element.addEventListener("change", showAnswerable);
    element.addEventListener("submit", ({ target }) => target.matches(".judging") && save(target));
    watch("value", itemShown);
  };

  parts["review-said"] = (element, trigger, watch) => watch("value", () => said(element.querySelector("[data-request]")));

  shown.review = (vote = "") => {
    const here = window.footnote.collection?.() ?? "";
    if (here !== collection) changed = false; // what was filled in belongs to another collection
    collection = here;
    find("#review-view").classList.toggle("one", Boolean(vote));
    if (!send || (vote && vote === open && changed)) return; // nothing that was filled in is lost
    takeFocus = vote !== open && Boolean(vote);
    open = vote;
    act({ do: "show", vote });
  };

  function itemShown() {
    changed = false;
    showAnswerable();
    if (takeFocus) find("#review-item h2")?.focus({ preventScroll: true });
    takeFocus = false;
    const item = find("#review-item .voted");
    if (item) item.scrollTop = 0;
  }

  function showKind() {
    const rows = find("#review .rows");
    if (!rows) return;
    rows.dataset.shown = kind;
    for (const button of findAll("#review [data-filter]"))
      button.setAttribute("aria-pressed", String(button.dataset.filter === kind));
    const fits = (row) => (kind === "open" ? row.dataset.kind !== "handled" : row.dataset.kind === kind);
    find("#review .nothing").hidden = [...rows.children].some(fits);
  }

  function showAnswerable() {
    const form = find("#review-item .judging");
    if (form) form.querySelector(".if-answered").hidden = form.elements.answerable.value !== "yes";
  }

  function clicked({ target }) {
    const button = target.closest("button");
    if (!button) return;
    const { filter, vote, open: chosen } = { ...button.dataset, vote: button.dataset.voteId };
    if (filter) {
      kind = filter;
      showKind();
    }
    if (chosen) go("review", chosen);
    if (button.dataset.do) {
      const away = vote !== open && open; // an undo of another vote than the one on the screen
      act({ do: button.dataset.do, vote });
      if (away || !open) go("review", vote);
      open = vote;
    }
  }

  function save(form) {
    if (form.classList.contains("sending")) return; // pressed twice
    form.classList.add("sending");
    const data = new FormData(form);
    form.querySelector(".form-problem").textContent = "";
    act({
      do: "save",
      vote: open,
      text: data.get("text"),
      answerable: data.get("answerable") === "yes",
      evidence: marked(form),
      documents: [...form.querySelectorAll("[data-document]:checked")].map((box) => box.dataset.document),
      answers: data.get("answers"),
      split: data.get("split"),
    });
  }

  function said(answer) {
    find("#review-item .sending")?.classList.remove("sending");
    if (!answer || answer.dataset.request !== String(request)) return;
    const text = answer.textContent;
    const place = find("#review-item .form-problem");
    if (answer.dataset.kind === "problem" && place) place.textContent = text;
    else if (text) say(text);
    if (!text || answer.dataset.kind === "problem") return;
    const note = find("#review-item .done p");
    if (note) note.textContent = text;
    find("#review-item h2")?.focus({ preventScroll: true });
  }
})();
