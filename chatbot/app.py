"""The chat page: a question goes in, quotes come out, their sources stand beside them.

Whatever a user or a document wrote is put into the page by `Markup.format`, which escapes it.
The page needs no network: its style, script and icon (page.css, page.js, page.svg) are part of it.
"""

from __future__ import annotations

import errno
import json
import os
import re
import socket
import threading
import time
import webbrowser
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote as percent_encode

import gradio as gr
from markupsafe import Markup

from chatbot.answer import Answer, Chatbot, Citation, NotFound
from chatbot.corpus import body_start
from chatbot.errors import ChatbotError, PortBusy
from chatbot.index import Hit

REACH = 900  # characters of the document shown on each side of a quote
LONGEST_SHOWN = 2_000  # characters; of a longer question only the first CUT are drawn
CUT = 140
SURE, LIKELY = 0.8, 0.5  # confidence from which the page says so

SENTENCE_START = re.compile(r"(?:(?<=[.!?。])\s+|\n+)(?=\S)")
SENTENCE_END = re.compile(r"[.!?。](?=\s)|(?=\n)")
FIGURE = re.compile(r"\d+(?:[.,]\d+)*")
LAST_HEADING = re.compile(r"\s*(?:\n#+\s[^\n]*)?\s*\Z")
BLANK_LINE = re.compile(r"\n\s*\n")

PROGRESS = {"searching": "Searching the documents", "reading": "Reading the best passages"}
BROKEN = "Something went wrong while answering. The window Footnote was started from says what."

WHY = {
    "dense": ("Meaning", "how close the whole passage is to the question"),
    "sentence": ("Best sentence", "how close its nearest sentence is to the question"),
    "lexical": ("Same words", "words of the question found here; rare words count more"),
    "reader": ("Reads as an answer", "whether the sentence answers, and does not only resemble"),
}
COSINES = ("dense", "sentence")  # these have 1 as their greatest value, the others have none


@dataclass(frozen=True)
class Source:
    """A citation with the text around it, as the document stood when it was quoted."""

    citation: Citation
    before: str
    after: str
    hit: Hit | None
    of: int  # hits it was ranked among
    best: dict[str, float]  # the greatest value of each part of the score among them


@dataclass(frozen=True)
class Turn:
    """A question and what became of it; with neither answer nor error it is being answered."""

    question: str
    answer: Answer | None = None
    error: str = ""
    sources: tuple[Source, ...] = ()

    @property
    def state(self) -> str:
        if self.error:
            return "error"
        return self.answer.status if self.answer else "waiting"


Votes = dict[int, str]  # number of the turn, from 0 -> "up" or "down"


class Screen(NamedTuple):
    """What the page shows, in the order of the components that show it."""

    composer: Any  # text, or gr.skip() to leave what the user is typing
    turns: list[Turn]
    earlier: str
    latest: str
    status: str  # what a screen reader says


# ---- the page and its events


def build_page(chatbot: Chatbot, feedback_file: Path) -> gr.Blocks:
    """The page, not yet served. Conversations live in the session; only votes are written."""
    feedback = Feedback(feedback_file)

    def welcome() -> str:
        return str(draw_welcome(chatbot.examples()))

    def counts() -> str:
        return str(draw_top(chatbot.index.manifest))

    def ask(event: gr.EventData, typed: str | None, turns: list[Turn], votes: Votes) -> Iterator[Screen]:
        yield from respond(chatbot, typed or "", chosen_question(event), turns, votes)

    def clear() -> tuple[Any, ...]:
        return {}, *Screen("", [], "", welcome(), "The conversation was cleared.")

    def vote(event: gr.EventData, turns: list[Turn], votes: Votes) -> tuple[Votes, str]:
        return record_vote(feedback, event, turns, votes)

    page = gr.Blocks(title="Footnote", analytics_enabled=False, fill_width=True)
    with page:
        turns, votes = gr.State([]), gr.State({})
        with gr.Column(elem_id="page"):
            top = _html(counts(), "top")
            with gr.Column(elem_id="chat"):
                with gr.Column(elem_id="conversation"):
                    earlier, latest = _html("", "earlier"), _html(welcome(), "latest")
                with gr.Row(elem_id="composer"):
                    composer = gr.Textbox(
                        placeholder="Ask the documents a question",
                        label="Your question",
                        max_lines=8,
                        autofocus=True,
                        container=False,
                        elem_id="question",
                    )
                    send = gr.Button("Send", elem_id="send")
                status = _html("", "status", template='<p role="status">${value}</p>')
            _html(str(draw_panel()), "panel")

        screen = [composer, turns, earlier, latest, status]
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        asking = gr.on(
            [composer.submit, send.click, latest.select],
            ask,
            [composer, turns, votes],
            screen,
            trigger_mode="once",
            concurrency_limit=4,
            **quiet,
        )
        asking.failure(give_up, [turns, votes], screen, **quiet)
        page.load(counts, None, top, **quiet)  # another index may be live by now
        top.clear(clear, None, [votes, *screen], cancels=[asking], **quiet)
        gr.on([earlier.like, latest.like], vote, [turns, votes], [votes, status], **quiet)
    return page


def _html(value: str, name: str, template: str = "${value}") -> gr.HTML:
    return gr.HTML(
        value,
        elem_id=name,
        html_template=template,
        js_on_load=f"footnote.attach({name!r}, element, trigger, watch)",
        apply_default_css=False,
    )


def chosen_question(event: gr.EventData) -> str:
    """The example or suggestion that was clicked, or "" when the question was typed."""
    data = event._data  # a dict for our own events; Gradio has no public way to ask
    return str(data.get("question", "")) if isinstance(data, dict) else ""


def respond(chatbot: Chatbot, typed: str, chosen: str, turns: list[Turn], votes: Votes) -> Iterator[Screen]:
    """The screens from sending a question to its answer.

    The script takes a typed question from the composer; it comes back here if it was refused.
    """
    question = chosen or typed
    if not question.strip():
        yield draw_screen(turns, votes, status="Type a question first.")
        return
    answered = [turn for turn in turns if turn.answer]
    asked = [turn.question for turn in answered]
    said = [" ".join(cited.quote for cited in turn.answer.citations) for turn in answered if turn.answer]
    turn, suggestions = Turn(question), list[str]()
    yield draw_screen([*turns, turn], votes)
    try:
        for step in chatbot.steps(question, asked, said):
            if isinstance(step, str):
                yield draw_screen([*turns, turn], votes, step=step)
            else:
                turn = Turn(question, step, sources=tuple(find_sources(chatbot, step)))
                suggestions = chatbot.suggestions(step, [*asked, question])
    except ChatbotError as error:
        turn = Turn(question, error=str(error))
        yield draw_screen([*turns, turn], votes, composer="" if chosen else question)
    else:
        yield draw_screen([*turns, turn], votes, suggestions)


def give_up(turns: list[Turn], votes: Votes) -> Screen:
    """After an unforeseen error: say so, and hand the question back."""
    *done, last = turns
    return draw_screen([*done, replace(last, error=BROKEN)], votes, composer=last.question)


def record_vote(
    feedback: Feedback, event: gr.EventData, turns: list[Turn], votes: Votes
) -> tuple[Votes, str]:
    data = event._data if isinstance(event._data, dict) else {}
    number, vote = data.get("turn"), data.get("vote")
    if not isinstance(number, int) or not 0 <= number < len(turns) or vote not in ("up", "down"):
        return votes, ""
    try:
        feedback.save(turns[number], vote)
    except OSError as error:
        return votes, str(draw_problem(f"Your vote was not saved: {error}"))
    saved = Markup('<span data-turn="{}" data-vote="{}">Thank you, noted.</span>')
    return {**votes, number: vote}, str(saved.format(number, vote))


@dataclass(frozen=True)
class Feedback:
    """Votes, one JSON object a line; of several on one answer the last counts."""

    file: Path
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def save(self, turn: Turn, vote: str) -> None:
        line = {
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "question": turn.question,
            "vote": vote,
            "answer": turn.answer.to_json() if turn.answer else None,
        }
        with self._lock:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with self.file.open("a", encoding="utf-8", errors="backslashreplace") as lines:
                lines.write(json.dumps(line, ensure_ascii=False) + "\n")


# ---- serving


def serve(
    chatbot: Chatbot,
    feedback_file: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 7860,
    open_browser: bool = False,
) -> None:
    """Serve the page until it is interrupted. Raises PortBusy before anything else is done."""
    require_free_port(host, port)
    page = build_page(chatbot, feedback_file)
    launch(page, host, port)
    url = page_address(host, port)
    print(f"Footnote is ready: {url}", flush=True)
    if open_browser:
        webbrowser.open(url)
    try:
        _wait()
    except KeyboardInterrupt:
        page.close(verbose=False)


def _wait() -> None:
    while True:
        time.sleep(3600)


def launch(page: gr.Blocks, host: str, port: int) -> None:
    """Serve the page from a thread of its own; `page.close()` ends it."""
    _reach_without_proxy(host)
    page.launch(
        server_name=host,
        server_port=port,
        prevent_thread_lock=True,
        quiet=True,
        share=False,
        inbrowser=False,
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        ssr_mode=False,
        max_file_size="1mb",  # nothing is ever uploaded
        theme=_theme(),
        head=_head(),
    )


def require_free_port(host: str, port: int) -> None:
    if _can_bind(host, port):
        return
    free = next(other for other in range(max(port, 1023) + 1, 65_536) if _can_bind(host, other))
    raise PortBusy(f"port {port} is in use or not allowed; start again with --port {free}")


def _can_bind(host: str, port: int) -> bool:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        if os.name == "posix":  # elsewhere the option would allow a port in use
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


def page_address(host: str, port: int) -> str:
    if host in ("0.0.0.0", "::"):  # every interface; this one is open to the user
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _reach_without_proxy(host: str) -> None:
    # Gradio asks its own server whether it is up, and would ask through a proxy if one is set.
    for name in ("no_proxy", "NO_PROXY"):
        hosts = os.environ.get(name, "").split(",")
        os.environ[name] = ",".join(filter(None, dict.fromkeys([*hosts, "localhost", host])))


def _theme() -> gr.themes.Base:
    # Plain names are fonts of the reader's machine; Gradio's default would be fetched.
    theme = gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["monospace"])
    return theme.set(body_background_fill="#f4f2ee", body_background_fill_dark="#141619")


def _head() -> str:
    style, script, icon = (
        resources.files("chatbot").joinpath(name).read_text(encoding="utf-8")
        for name in ("page.css", "page.js", "page.svg")
    )
    link = f'<link rel="icon" href="data:image/svg+xml,{percent_encode(icon)}">'
    return f"{link}<style>{style}</style><script>{script}</script>"


# ---- sources: a citation and the text around it


def find_sources(chatbot: Chatbot, answer: Answer) -> Iterator[Source]:
    best = {
        part: max(hit.why.get(part, 0.0) for hit in answer.hits)
        for part in {part for hit in answer.hits for part in hit.why}
    }
    for citation in answer.citations:
        hit = next((hit for hit in answer.hits if holds(hit, citation)), None)
        before, after = surroundings(document_text(chatbot, citation), citation)
        yield Source(citation, before, after, hit, len(answer.hits), best)


def holds(hit: Hit, citation: Citation) -> bool:
    passage = hit.passage
    return passage.doc_id == citation.doc_id and passage.start <= citation.start < passage.end


def document_text(chatbot: Chatbot, citation: Citation) -> str:
    """The text of the cited document, or "" when it has changed or gone since."""
    try:
        text = chatbot.index.document(citation.doc_id).text
    except KeyError:
        return ""
    return text if text[citation.start : citation.end] == citation.quote else ""


def surroundings(text: str, citation: Citation, reach: int = REACH) -> tuple[str, str]:
    """The text before and after a quote, from the start of a sentence to the end of one.

    At most `reach` characters each; "…" marks where the document goes on.
    """
    before = text[min(body_start(text), citation.start) : citation.start].lstrip()
    after = text[citation.end :].rstrip()
    if len(before) > reach:
        before = before[-reach:]
        first = SENTENCE_START.search(before) or re.search(r"\s(?=\S)", before)
        before = "… " + before[first.end() if first else 0 :]
    if len(after) > reach:
        after = after[:reach]
        *_, last = [0, *(found.end() for found in SENTENCE_END.finditer(after))]
        after = LAST_HEADING.sub("", after[: last or reach]) + " …"
    return before, after


# ---- drawing


def draw_screen(
    turns: list[Turn],
    votes: Votes,
    suggestions: Sequence[str] = (),
    *,
    composer: str = "",
    step: str = "searching",
    status: str = "",
) -> Screen:
    """The conversation; without `composer`, what the user is typing is left alone."""
    typing = composer or gr.skip()
    if not turns:
        return Screen(typing, turns, "", gr.skip(), status)
    *done, last = turns
    earlier = Markup().join(draw_turn(turn, n, votes.get(n, "")) for n, turn in enumerate(done))
    latest = draw_turn(last, len(done), votes.get(len(done), ""), step) + draw_suggestions(suggestions)
    said = Markup.escape(status or announce(last, step))
    return Screen(typing, turns, *map(sendable, (earlier, latest, said)))


def sendable(html: str) -> str:
    """Without the half characters (lone surrogates) that a JSON document may hold and no page can."""
    return html.encode("utf-8", "replace").decode("utf-8")


def announce(turn: Turn, step: str) -> str:
    """What a screen reader says when the turn changes."""
    if turn.answer is None:
        return f"Not answered. {turn.error}" if turn.error else f"{PROGRESS.get(step, step)}."
    quotes = len(turn.answer.citations)
    return {
        "answered": f"Answered with {quotes} quote{'s' if quotes != 1 else ''}.",
        "disagreement": f"The sources differ; {quotes} quotes.",
        "closest": f"No source answers this. The {quotes} nearest passages are shown.",
        "not_found": "Not found in these documents.",
    }.get(turn.answer.status, turn.answer.text)


def draw_top(manifest: dict[str, Any]) -> Markup:
    return Markup(
        '<header class="bar"><h1 class="brand">Footnote</h1>'
        '<p class="counts">{documents}<span class="passages"> · {passages}</span></p>'
        '<div class="tools">'
        '<button type="button" class="tool" data-action="export" disabled>'
        '<i class="icon export"></i><span>Export</span></button>'
        '<button type="button" class="tool" data-action="clear" disabled>'
        '<i class="icon clear"></i><span>Clear</span></button>'
        '<button type="button" class="tool" data-action="theme" aria-label="Dark or light">'
        '<i class="icon theme"></i></button>'
        '</div><p class="said" role="status"></p></header>'
    ).format(
        documents=count(manifest.get("documents", 0), "document"),
        passages=count(manifest.get("passages", 0), "passage"),
    )


def draw_panel() -> Markup:
    return Markup(
        '<aside class="source" aria-label="Source">'
        '<div class="heading"><h2>Source <span class="position"></span></h2>'
        '<button type="button" class="tool" data-action="previous" aria-label="Previous source"'
        ' disabled><i class="icon previous"></i></button>'
        '<button type="button" class="tool" data-action="next" aria-label="Next source"'
        ' disabled><i class="icon next"></i></button>'
        '<button type="button" class="tool" data-action="close" aria-label="Close source"'
        ' disabled><i class="icon close"></i></button></div>'
        '<div class="reading" tabindex="-1"></div>'
        '<div class="hint"><i class="icon quote"></i><p>Every sentence of an answer is quoted from'
        " a document. Choose its number to read it in place.</p></div></aside>"
    )


def draw_welcome(examples: Sequence[str]) -> Markup:
    return Markup(
        '<section class="welcome"><h2>What would you like to know?</h2>'
        "<p>Answers are quoted word for word from these documents, each with its source."
        " When they do not say, you are told so.</p>{}</section>"
    ).format(draw_questions(examples, "examples"))


def draw_suggestions(questions: Sequence[str]) -> Markup:
    if not questions:
        return Markup()
    return Markup('<section class="ask-next"><h3>Ask next</h3>{}</section>').format(
        draw_questions(questions, "suggestions")
    )


def draw_questions(questions: Sequence[str], kind: str) -> Markup:
    item = Markup('<li><button type="button" data-ask="{0}" dir="auto">{0}</button></li>')
    items = Markup().join(item.format(question) for question in questions)
    return Markup('<ul class="{}">{}</ul>').format(kind, items)


def draw_turn(turn: Turn, number: int, vote: str = "", step: str = "searching") -> Markup:
    return Markup(
        '<article class="turn" data-turn="{number}" data-state="{state}"'
        ' data-markdown="{markdown}"><h2 class="question" dir="auto">{question}</h2>{body}{views}</article>'
    ).format(
        number=number,
        state=turn.state,
        markdown=turn_markdown(turn),
        question=shorten(turn.question),
        body=draw_reply(turn.answer, vote) if turn.answer else draw_no_answer(turn.error, step),
        views=Markup('<div class="views" hidden>{}</div>').format(
            Markup().join(draw_view(source) for source in turn.sources)
        ),
    )


def draw_no_answer(error: str, step: str) -> Markup:
    if not error:
        return Markup('<p class="progress"><i></i>{} …</p>').format(PROGRESS.get(step, step))
    return Markup('<div class="reply notice error"><h3>Not answered</h3><p>{}</p></div>').format(
        shorten(error)
    )


def draw_problem(message: str) -> Markup:
    return Markup('<span class="problem">{}</span>').format(message)


def draw_reply(answer: Answer, vote: str) -> Markup:
    understood = Markup('<p class="understood">Understood as: <q dir="auto">{}</q></p>').format(
        answer.standalone_question
    )
    followed_up = answer.standalone_question != answer.question
    return Markup('<div class="reply {}">{}{}{}</div>').format(
        answer.status,
        understood if followed_up else "",
        REPLIES[answer.status](answer),
        Markup() if answer.status == "smalltalk" else draw_actions(answer, vote),
    )


def draw_answered(answer: Answer) -> Markup:
    return Markup("{}{}{}").format(draw_short(answer), draw_text(answer), draw_source_list(answer.citations))


def draw_disagreement(answer: Answer) -> Markup:
    """The quotes side by side, the figures that at most half of them give in bold."""
    given = Counter(figure for cited in answer.citations for figure in set(FIGURE.findall(cited.quote)))
    shared = {figure for figure, quotes in given.items() if quotes > len(answer.citations) / 2}
    cards = (draw_card(cited, draw_figures(cited.quote, shared)) for cited in answer.citations)
    return Markup('<h3>The sources differ</h3>{}<ul class="cards">{}</ul>').format(
        draw_short(answer), Markup().join(cards)
    )


def draw_figures(quote: str, shared: Collection[str]) -> Markup:
    drawn, last = Markup(), 0
    for figure in FIGURE.finditer(quote):
        if figure[0] not in shared:
            drawn += quote[last : figure.start()]  # Markup escapes what it adds
            drawn += Markup("<strong>{}</strong>").format(figure[0])
            last = figure.end()
    return drawn + quote[last:]


def draw_closest(answer: Answer) -> Markup:
    cards = Markup().join(draw_card(cited, cited.quote) for cited in answer.citations)
    return Markup(
        '<h3>No source answers this</h3><p>The nearest passages are:</p><ul class="cards nearest">{}</ul>{}'
    ).format(cards, draw_searched(answer.not_found))


def draw_not_found(answer: Answer) -> Markup:
    return Markup("<h3>Not found in these documents</h3>{}<p>Other words may help.</p>").format(
        draw_searched(answer.not_found)
    )


def draw_smalltalk(answer: Answer) -> Markup:
    return Markup('<p dir="auto">{}</p>').format(answer.text)


REPLIES: dict[str, Callable[[Answer], Markup]] = {
    "answered": draw_answered,
    "disagreement": draw_disagreement,
    "closest": draw_closest,
    "not_found": draw_not_found,
    "smalltalk": draw_smalltalk,
}


def draw_short(answer: Answer) -> Markup:
    if not answer.short_answer:
        return Markup()
    return Markup('<p class="short" dir="auto"><strong>{}</strong></p>').format(answer.short_answer)


def draw_text(answer: Answer) -> Markup:
    """The answer's text, a paragraph a line, its numbers as buttons."""
    paragraphs = (line for line in answer.text.splitlines() if line.strip())
    return Markup().join(
        Markup('<p class="quoted" dir="auto">{}</p>').format(draw_numbers(line, answer.citations))
        for line in paragraphs
    )


def draw_numbers(line: str, citations: Sequence[Citation]) -> Markup:
    """Text whose [1] are buttons, unless a document wrote the "[1]" itself."""
    by_number = {str(citation.number): citation for citation in citations}
    quotes = [" ".join(citation.quote.split()) for citation in citations]  # as in Answer.text
    spans = [(line.find(quote), line.find(quote) + len(quote)) for quote in quotes if quote in line]
    drawn, last = Markup(), 0
    for mark in re.finditer(r"\s?\[(\d+)\]", line):
        quoted = any(start <= mark.start() < end for start, end in spans)
        if mark[1] in by_number and not quoted:
            drawn += line[last : mark.start()]  # Markup escapes what it adds
            drawn += draw_number(by_number[mark[1]])
            last = mark.end()
    return drawn + line[last:]


def draw_number(citation: Citation) -> Markup:
    return Markup(
        '<button type="button" class="cite" data-cite="{0}" title="{1}"'
        ' aria-label="Source {0}: {1}">{0}</button>'
    ).format(citation.number, citation.title)


def draw_source_list(citations: Sequence[Citation]) -> Markup:
    """One line for each place that is cited, with all the numbers that cite it."""
    places: dict[Markup, list[Citation]] = {}
    for citation in citations:
        places.setdefault(draw_place(citation), []).append(citation)
    item = Markup('<li><span class="numbers">{}</span><span dir="auto">{}</span></li>')
    items = Markup().join(
        item.format(Markup().join(map(draw_number, cited)), place) for place, cited in places.items()
    )
    return Markup('<ul class="sources" aria-label="Sources">{}</ul>').format(items)


def draw_place(citation: Citation) -> Markup:
    section = Markup(' <span class="section">{}</span>').format(citation.section)
    return Markup("<b>{}</b>{}").format(citation.title, section if citation.section else "")


def draw_card(citation: Citation, quote: str) -> Markup:
    return Markup(
        '<li class="card"><blockquote dir="auto">{}</blockquote><p>{}<span>{}</span></p></li>'
    ).format(quote, draw_number(citation), draw_place(citation))


def draw_searched(found: NotFound | None) -> Markup:
    """What was looked through, what nobody mentions, and what could not be read."""
    if found is None:
        return Markup()
    chips = Markup(" ").join(Markup("<b>{}</b>").format(term) for term in found.missing_terms)
    terms = Markup('<p class="terms">No document mentions {}</p>').format(chips)
    files = Markup().join(Markup("<li>{}</li>").format(file) for file in found.unread_files)
    unread = Markup(
        '<details class="unread"><summary>{} could not be read</summary><ul>{}</ul></details>'
    ).format(count(len(found.unread_files), "file"), files)
    return Markup('<div class="searched">{}<p>Searched {} ({}).</p>{}</div>').format(
        terms if found.missing_terms else "",
        count(found.documents, "document"),
        count(found.passages, "passage"),
        unread if found.unread_files else "",
    )


def draw_actions(answer: Answer, vote: str) -> Markup:
    button = Markup(
        '<button type="button" class="tool" data-vote="{}" aria-pressed="{}" aria-label="{}"'
        ' title="{}"><i class="icon {}"></i></button>'
    )
    votes = Markup().join(
        button.format(value, "true" if vote == value else "false", label, label, value)
        for value, label in (("up", "Good answer"), ("down", "Bad answer"))
    )
    return Markup(
        '<div class="actions"><button type="button" class="tool" data-action="copy">'
        '<i class="icon copy"></i><span>Copy answer</span></button>{}{}</div>'
    ).format(votes, draw_confidence(answer.confidence) if answer.status == "answered" else "")


def draw_confidence(confidence: float) -> Markup:
    word = "Sure" if confidence >= SURE else "Likely" if confidence >= LIKELY else "Unsure"
    return Markup(
        '<span class="confidence {kind}" title="Chance that the documents answer this: {share}">'
        '{word}<span class="unseen">, {share}</span></span>'
    ).format(kind=word.lower(), word=word, share=f"{confidence:.0%}")


def draw_view(source: Source) -> Markup:
    """A source as the panel shows it; the script puts it there."""
    return Markup(
        '<section class="view" data-view="{number}"><h3 class="title" dir="auto">{title}</h3>'
        '<p class="place">{place}</p><div class="page-text" dir="auto">{text}</div>{why}</section>'
    ).format(
        number=source.citation.number,
        title=source.citation.title,
        place=draw_origin(source.citation),
        text=draw_in_place(
            without_title(source.before, source.citation.title), source.citation.quote, source.after
        ),
        why=draw_why(source),
    )


def draw_origin(citation: Citation) -> Markup:
    link = Markup('<a href="{0}" target="_blank" rel="noopener noreferrer">{0}</a>')
    page = f"page {citation.page}" if citation.page else ""
    is_link = citation.source.startswith(("https://", "http://"))
    source = link.format(citation.source) if is_link else citation.source
    parts = (part for part in (citation.section, page, source) if part)
    return Markup().join(Markup("<span>{}</span>").format(part) for part in parts)


def draw_in_place(before: str, quote: str, after: str) -> Markup:
    """The quote marked within its text; blank lines part paragraphs, "#" lines are headings."""
    *above, lead = BLANK_LINE.split(before)
    rest, *below = BLANK_LINE.split(after)
    around = Markup("<p>{}<mark>{}</mark>{}</p>").format(lead, quote, rest)
    return Markup().join([*map(draw_block, above), around, *map(draw_block, below)])


def draw_block(block: str) -> Markup:
    if heading := re.fullmatch(r"\s*#{1,6}\s+(.+?)\s*", block):
        return Markup('<p class="subheading">{}</p>').format(heading[1])
    return Markup("<p>{}</p>").format(block) if block.strip() else Markup()


def draw_why(source: Source) -> Markup:
    if source.hit is None:
        return Markup()
    bars = Markup().join(
        draw_bar(part, value, 1.0 if part in COSINES else source.best[part])
        for part, value in source.hit.why.items()
    )
    return Markup(
        '<details class="why"><summary>Why this passage</summary>'
        "<p>Number {} of {} by its score, {:.2f}.</p><dl>{}</dl></details>"
    ).format(source.hit.rank, count(source.of, "passage"), source.hit.score, bars)


def draw_bar(part: str, value: float, full: float) -> Markup:
    name, meaning = WHY.get(part, (part, ""))
    share = min(max(value / full, 0.0), 1.0) if full > 0 else 0.0
    return Markup(
        "<div><dt>{}</dt><dd>{:.2f}</dd>"
        '<div class="track" aria-hidden="true"><i style="width: {:.0%}"></i></div>'
        "<small>{}</small></div>"
    ).format(name, value, share, meaning)


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def without_title(before: str, title: str) -> str:
    """Text that does not begin with the heading that already stands above it."""
    first, gap, rest = before.partition("\n")
    return rest.lstrip("\n") if gap and first.lstrip("# ").strip() == title else before


def shorten(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else f"{text[:CUT]} …"


# ---- Markdown, for the clipboard and for a file


def turn_markdown(turn: Turn) -> str:
    """Question, answer and sources as Markdown; "" while it is being answered."""
    question = f"**Question:** {escape_markdown(shorten(turn.question))}"
    if turn.answer is None:
        return f"{question}\n\n*Not answered: {escape_markdown(turn.error)}*" if turn.error else ""
    return "\n\n".join(filter(None, [question, *_answer_markdown(turn.answer)]))


def _answer_markdown(answer: Answer) -> Iterator[str]:
    if answer.standalone_question != answer.question:
        yield f"*Understood as: {escape_markdown(answer.standalone_question)}*"
    yield HEADINGS.get(answer.status, "")
    if answer.short_answer:
        yield f"**{escape_markdown(answer.short_answer)}**"
    if answer.status == "smalltalk":
        yield escape_markdown(answer.text)
    for citation in answer.citations:
        quote = escape_markdown(" ".join(citation.quote.split()))
        yield f"> {quote} [{citation.number}]"
    if answer.not_found:
        yield _searched_markdown(answer.not_found)
    if answer.citations:
        yield "Sources:"
        yield "\n".join(map(_source_markdown, answer.citations))


HEADINGS = {
    "disagreement": "The sources differ:",
    "closest": "No source answers this; the nearest passages are:",
    "not_found": "Not found in these documents.",
}


def _searched_markdown(found: NotFound) -> str:
    searched = f"Searched {count(found.documents, 'document')} ({count(found.passages, 'passage')})"
    terms = ", ".join(map(escape_markdown, found.missing_terms))
    return f"{searched}; none mentions: {terms}." if terms else f"{searched}."


def _source_markdown(citation: Citation) -> str:
    page = f"page {citation.page}" if citation.page else ""
    parts = filter(None, (citation.title, citation.section, page, citation.source))
    return f"{citation.number}. " + ", ".join(map(escape_markdown, parts))


def escape_markdown(text: str) -> str:
    return re.sub(r"([\\`*_<\[\]])", r"\\\1", text)
