// The evaluation: its form, its progress while it is looked at, and its report.
"use strict";

(() => {
  const { find, parts, shown, say } = window.footnote;
  const EVERY = 700; // milliseconds between two looks at the progress
  let send = null; // once the view is on the page
  let request = 0;
  let stage = "";
  let asked = false; // for the report

  function act(data) {
    request += 1;
    send("select", { ...data, request: String(request) });
  }

  const isShown = () => document.documentElement.dataset.view === "evaluation";
  const running = () => find("#evaluation-state [data-running]")?.dataset.running ?? "";

  parts.evaluation = (element, trigger, watch) => {
    send = trigger;
    element.addEventListener("click", ({ target }) => {
      const button = target.closest("[data-do]");
      if (!button) return;
      button.disabled = true; // until the answer is there
      clearProblem();
      if (button.dataset.do === "make") say("The documents are being read.");
      act({ do: button.dataset.do });
    });
    element.addEventListener("submit", ({ target }) => start(target));
    watch("value", showRunning);
    if (isShown()) shown.evaluation();
    setInterval(() => isShown() && running() && !document.hidden && trigger("input"), EVERY);
  };

  parts["evaluation-state"] = (element, trigger, watch) => {
    element.addEventListener("click", ({ target }) => {
      if (!target.closest("[data-report]")) return;
      asked = true;
      if (find("#evaluation-page iframe")) openReport(); // perhaps an older one: it is asked for anew
      trigger("select");
    });
    watch("value", showRunning);
  };

  parts["evaluation-said"] = (element, trigger, watch) =>
    watch("value", () => {
      find("#evaluation .sending")?.classList.remove("sending");
      const answer = element.querySelector("[data-request]");
      if (answer?.dataset.request !== String(request)) return;
      showRunning();
      const place = find("#evaluation .form-problem");
      if (answer.dataset.kind === "problem" && place) place.textContent = answer.textContent;
      else if (answer.textContent) say(answer.textContent);
      for (const button of document.querySelectorAll('#evaluation [data-do="make"]')) button.disabled = false;
    });

  parts["evaluation-page"] = (element, trigger, watch) => watch("value", () => asked && openReport());

  shown.evaluation = () => send && act({ do: "show", watched: Boolean(stage) });

  const clearProblem = () => find("#evaluation .form-problem")?.replaceChildren();

  function start(form) {
    if (form.classList.contains("sending")) return; // pressed twice
    form.classList.add("sending");
    clearProblem();
    const data = new FormData(form);
    act({ do: "start", split: data.get("split"), limit: data.get("limit"), answers: data.has("answers") });
  }

  function showRunning() {
    const now = running();
    const form = find("#evaluation form");
    if (form) {
      form.querySelector('[type="submit"]').disabled = Boolean(now);
      form.querySelector('[data-do="stop"]').disabled = now !== "this";
    }
    const here = find("#evaluation-state [data-stage]")?.dataset.stage ?? "";
    if (here && here !== stage) say(`${here}.`);
    if (stage && !here) say(find("#evaluation-state .stopped")?.textContent ?? "The figures are there.");
    stage = here;
  }

  // ---- the report, in a dialog

  function openReport() {
    const frame = find("#evaluation-page iframe");
    if (!frame) return;
    const box = dialog();
    const shown = frame.cloneNode(true);
    shown.srcdoc = inTheme(frame.srcdoc);
    box.querySelector(".report-shown").replaceChildren(shown);
    if (!box.open) box.showModal();
  }

  // A report of its own follows the system; here the reader may have chosen.
  function inTheme(html) {
    const { theme } = document.documentElement.dataset;
    return theme ? html.replace("<html ", `<html style="color-scheme: ${theme === "dark" ? "dark" : "light"}" `) : html;
  }

  function dialog() {
    const known = find("#page dialog.report");
    if (known) return known;
    const made = document.createElement("dialog");
    made.className = "report";
    made.setAttribute("aria-labelledby", "report-name");
    made.innerHTML = `
      <header class="picker-head"><h2 id="report-name">Report</h2>
      <button type="button" class="tool outlined" data-keep>Save as a file</button>
      <button type="button" class="tool" data-close aria-label="Close"><i class="icon close"></i></button></header>
      <div class="report-shown"></div>`;
    made.addEventListener("click", ({ target }) => {
      if (target.closest("[data-close]")) made.close();
      if (target.closest("[data-keep]")) keep(find("#evaluation-page iframe").srcdoc);
    });
    made.addEventListener("close", () => {
      asked = false;
      find("#evaluation-state [data-report]")?.focus();
    });
    find("#page").append(made);
    return made;
  }

  function keep(html) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([html], { type: "text/html;charset=utf-8" }));
    link.download = `footnote-evaluation-${new Date().toISOString().slice(0, 10)}.html`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    say("The report was saved as a file.");
  }
})();
