"""The reviewer's view: votes on answers, and how each becomes an evaluation question."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import gradio as gr
from markupsafe import Markup

from chatbot.answer import REFUSALS
from chatbot.app.parts import QUIET, event_data, html_part
from chatbot.app.picking import draw_sentences
from chatbot.app.text import name_time, shorten
from chatbot.app.voting import draw_mark
from chatbot.collection import Collection
from chatbot.corpus import Evidence, Passage
from chatbot.errors import ChatbotError, CorpusError
from chatbot.feedback import REASONS, UP, Found, Vote, read_spans, text_hash
from chatbot.index import PassageIndex
from chatbot.review import (
    DISMISSED,
    OPEN,
    SAVED,
    USUAL_SPLIT,
    Handled,
    QuestionFiles,
    Reviewed,
    Reviews,
    check,
    some_document,
    unsaid,
)
from chatbot.writing import count, sendable

MOST_SHOWN = 300  # votes
STATUS = {
    "answered": "Answered",
    "disagreement": "Sources differ",
    "closest": "Nearest passages",
    "not_found": "Not found",
    "smalltalk": "Small talk",
}
FILTERS = {"open": "Open", "up": "Good", "down": "Bad", "handled": "Handled"}


class View(NamedTuple):
    """What the view shows, in the order of the components that show it; gr.skip() leaves one alone."""

    votes: Any
    item: Any
    said: Any


def add_review(collections: Mapping[str, Collection], current: gr.State, top: gr.HTML) -> None:
    def act(event: gr.EventData, name: str) -> View:
        return Desk(collections[name]).act(event_data(event))

    with gr.Column(elem_id="review-view", elem_classes=["pane"]):
        votes = html_part("", "review")
        item, said = html_part("", "review-item"), html_part("", "review-said")
    gr.on([votes.select, item.select], act, current, [votes, item, said], trigger_mode="multiple", **QUIET)


class Desk:
    """One collection's votes and what a reviewer does about them."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection
        self.files = QuestionFiles(collection.corpus, collection.index / ".review.lock")
        self.reviews = Reviews(collection.index / "reviewed.jsonl")

    def act(self, data: Mapping[str, Any]) -> View:
        """What a click asked for. What goes wrong is said, and what was filled in stays."""
        vote_id, request = str(data.get("vote") or ""), str(data.get("request") or "")
        try:
            match data.get("do"):
                case "save":
                    return self._show(vote_id, request, self._save(vote_id, data))
                case "dismiss":
                    self._vote(vote_id)
                    self.reviews.mark(Handled(vote_id, DISMISSED))
                    return self._show(vote_id, request, "Marked as handled.")
                case "reopen":
                    return self._show(vote_id, request, self._reopen(vote_id))
                case _:
                    return self._show(vote_id, request)
        except (ChatbotError, ValueError) as error:
            return View(gr.skip(), gr.skip(), draw_said(str(error), request, problem=True))
        except OSError as error:
            problem = f"{error.filename or self.collection.index} cannot be written ({error.strerror}); nothing changed"
            return View(gr.skip(), gr.skip(), draw_said(problem, request, problem=True))

    def _show(self, vote_id: str, request: str, said: str = "") -> View:
        votes, broken = self.collection.feedback.votes()
        handled = self.reviews.handled()
        listed = draw_votes(votes, handled, broken, self.reviews.last_saved(), vote_id)
        chosen = next((vote for vote in votes if vote.vote_id == vote_id), None)
        if chosen:
            item = draw_item(
                chosen, handled.get(vote_id), self.collection.chatbot.live(), self.files.splits()
            )
        else:
            item = draw_no_item(bool(votes), bool(vote_id))
        return View(sendable(str(listed)), sendable(str(item)), draw_said(said, request))

    def _vote(self, vote_id: str) -> Vote:
        for vote in self.collection.feedback.votes()[0]:
            if vote.vote_id == vote_id:
                return vote
        raise CorpusError("this vote is not there any more; reload the page")

    def _save(self, vote_id: str, data: Mapping[str, Any]) -> str:
        vote, index = self._vote(vote_id), self.collection.chatbot.live()
        reviewed = check(read_reviewed(data), index)
        split = str(data.get("split") or USUAL_SPLIT)
        found = [hit.passage.doc_id for hit in vote.found]
        added = self.files.add(reviewed, split, some_document(found, index))
        self._mark(Handled(vote_id, SAVED, added), lambda: self.files.remove(added))
        absent = "".join(f" No marked document says “{answer}”." for answer in unsaid(reviewed, index))
        return f"Saved as {added.query_id} in {split}.{absent}"

    def _reopen(self, vote_id: str) -> str:
        handled = self.reviews.handled().get(vote_id)
        if handled is None:
            return ""
        if not (added := handled.added):
            self.reviews.mark(Handled(vote_id, OPEN))
            return "Open again."
        self.files.remove(added)
        self._mark(Handled(vote_id, OPEN), lambda: self.files.put_back(added))
        return f"{added.query_id} was taken back."

    def _mark(self, handled: Handled, undo: Callable[[], None]) -> None:
        """Note what was done to the questions, or undo it. Raises OSError when it cannot be noted."""
        try:
            self.reviews.mark(handled)
        except OSError as error:
            try:
                undo()
            except CorpusError:
                raise CorpusError(
                    f"{self.reviews.file} cannot be written ({error.strerror}), but {self.files.queries} is"
                    " changed already; make room, and mend it by hand"
                ) from error
            raise


def read_reviewed(data: Mapping[str, Any]) -> Reviewed:
    """What the form sent, of which nothing is trusted. Raises ValueError for what no form sends."""
    documents, answers = data.get("documents") or [], data.get("answers") or ""
    if not isinstance(documents, list) or not all(isinstance(name, str) for name in documents):
        raise ValueError("the documents are not names")
    if not isinstance(answers, str) or not isinstance(data.get("answerable"), bool):
        raise ValueError("say whether the documents answer the question")
    return Reviewed(
        str(data.get("text") or ""),
        data["answerable"],
        tuple(documents),
        tuple(read_spans(data.get("evidence"))),
        tuple(answers.splitlines()),
    )


# The list -----------------------------------------------------------------------------------


def draw_votes(
    votes: Sequence[Vote],
    handled: Mapping[str, Handled],
    broken: Sequence[int],
    last: Handled | None,
    current: str,
) -> Markup:
    kinds = [kind_of(vote, handled) for vote in votes]
    counts = {
        "open": sum("handled" not in kind for kind in kinds),
        "up": kinds.count("up"),
        "down": kinds.count("down"),
        "handled": sum("handled" in kind for kind in kinds),
    }
    filters = Markup().join(
        Markup(
            '<button type="button" data-filter="{}" aria-pressed="{}">{} <small>{}</small></button>'
        ).format(name, "true" if name == "open" else "false", label, f"{counts[name]:,}")
        for name, label in FILTERS.items()
    )
    rows = Markup().join(
        draw_row(vote, kind, handled.get(vote.vote_id), vote.vote_id == current)
        for vote, kind in zip(votes[:MOST_SHOWN], kinds, strict=False)
    )
    more = f"The newest {MOST_SHOWN:,} of {len(votes):,} votes." if len(votes) > MOST_SHOWN else ""
    lines = (
        f"{count(len(broken), 'line')} of feedback.jsonl cannot be read: {', '.join(map(str, broken[:5]))}."
    )
    return Markup(
        '<section class="sheet votes" aria-label="Votes"><header><h2>Review</h2>'
        '<p class="lead">Turn what people thought of answers into evaluation questions.</p></header>{}'
        '<div class="filters" role="group" aria-label="Show">{}</div>'
        '<ul class="rows" data-shown="open">{}</ul><p class="nothing" hidden>None.</p>{}{}</section>'
    ).format(
        draw_undo(last),
        filters,
        rows,
        draw_note(more),
        draw_note(lines if broken else ""),
    )


def kind_of(vote: Vote, handled: Mapping[str, Handled]) -> str:
    """Which filters show it: "up", "down" or "handled"."""
    return "handled" if vote.vote_id in handled else vote.vote


def draw_note(text: str) -> Markup:
    return Markup('<p class="remark">{}</p>').format(text) if text else Markup()


def draw_undo(last: Handled | None) -> Markup:
    if last is None or last.added is None:
        return Markup()
    return Markup(
        '<p class="undo"><span>Last saved: <b>{}</b> in {}</span>'
        '<button type="button" class="tool outlined" data-do="reopen" data-vote-id="{}">Undo</button></p>'
    ).format(last.added.query_id, last.added.split, last.vote_id)


def draw_row(vote: Vote, kind: str, handled: Handled | None, current: bool) -> Markup:
    parts = [
        name_time(vote.time),
        STATUS.get(str(vote.answer.get("status")), "No answer"),
        REASONS.get(vote.details.reason, ""),
        draw_state(handled),
    ]
    return Markup(
        '<li data-kind="{kind}"><button type="button" data-open="{vote_id}"{current}>'
        '<i class="icon {vote}"></i><span class="unseen">{name}: </span><span class="about">'
        '<span class="asked" dir="auto">{question}</span><small>{facts}</small></span></button></li>'
    ).format(
        kind=kind,
        vote_id=vote.vote_id,
        current=Markup(' aria-current="true"') if current else "",
        vote=vote.vote,
        name=draw_thumb(vote),
        question=shorten(vote.standalone),
        facts=" · ".join(filter(None, parts)),
    )


def draw_thumb(vote: Vote) -> str:
    return "Good answer" if vote.vote == UP else "Bad answer"


def draw_state(handled: Handled | None) -> str:
    if handled is None:
        return ""
    return f"saved as {handled.added.query_id}" if handled.added else "handled"


# One vote -----------------------------------------------------------------------------------


def draw_no_item(some: bool, asked_for: bool) -> Markup:
    if asked_for:
        text = "This vote is not there any more."
    elif some:
        text = "Choose a vote to look at its answer."
    else:
        text = (
            "No votes yet. Below each answer of the chat are two thumbs; what they are given to appears here."
        )
    return Markup('<section class="sheet empty"><i class="icon up"></i><p>{}</p>{}</section>').format(
        text,
        Markup('<button type="button" class="tool outlined" data-go="chat">To the chat</button>')
        if not some
        else "",
    )


def draw_item(vote: Vote, handled: Handled | None, index: PassageIndex, splits: Sequence[str]) -> Markup:
    understood = Markup('<p class="understood">Understood as: <q dir="auto">{}</q></p>').format(
        vote.standalone
    )
    comment = Markup('<blockquote class="comment" dir="auto">{}</blockquote>').format(vote.details.comment)
    facts = (draw_thumb(vote), REASONS.get(vote.details.reason, ""), name_time(vote.time))
    return Markup(
        '<section class="sheet voted" data-vote-id="{vote_id}" aria-label="Vote">'
        '<button type="button" class="tool back" data-go="review"><i class="icon previous"></i>All votes</button>'
        '<p class="facts"><i class="icon {vote}"></i>{facts}</p>'
        '<h2 tabindex="-1" dir="auto">{question}</h2>{understood}{comment}{done}{answer}{form}</section>'
    ).format(
        vote_id=vote.vote_id,
        vote=vote.vote,
        facts=" · ".join(filter(None, facts)),
        question=shorten(vote.question),
        understood=understood if vote.standalone != vote.question else "",
        comment=comment if vote.details.comment else "",
        answer=draw_answer(vote),
        done=draw_handled(vote, handled) if handled else "",
        form="" if handled else draw_judging(vote, index, splits),
    )


def draw_answer(vote: Vote) -> Markup:
    short = str(vote.answer.get("short_answer") or "")
    text = str(vote.answer.get("text") or "")
    status = STATUS.get(str(vote.answer.get("status")), "No answer")
    lines = Markup().join(
        Markup('<p class="quoted" dir="auto">{}</p>').format(line) for line in text.splitlines()
    )
    return Markup('<details class="given" open><summary>{}</summary>{}{}</details>').format(
        status,
        Markup('<p class="short" dir="auto"><strong>{}</strong></p>').format(short) if short else "",
        lines,
    )


def draw_handled(vote: Vote, handled: Handled) -> Markup:
    if handled.added is None:
        text, label = Markup("Marked as handled without a question."), "Open again"
    else:
        text = Markup("Saved as <b>{}</b> in <b>{}</b>.").format(handled.added.query_id, handled.added.split)
        label = "Take it back"
    return Markup(
        '<div class="done"><p>{}</p><button type="button" class="tool outlined" data-do="reopen"'
        ' data-vote-id="{}">{}</button></div><p class="form-problem" role="alert"></p>'
    ).format(text, vote.vote_id, label)


def draw_judging(vote: Vote, index: PassageIndex, splits: Sequence[str]) -> Markup:
    """The form in which the answer is accepted or corrected."""
    refused = vote.answer.get("status") in REFUSALS
    answerable = not (refused and vote.vote == UP)  # whoever likes a refusal agrees with it
    radio = Markup(
        '<label class="option"><input type="radio" name="answerable" value="{}"{}><span>{}</span></label>'
    )
    options = Markup().join(
        Markup('<option value="{}"></option>').format(name) for name in dict.fromkeys([USUAL_SPLIT, *splits])
    )
    return Markup(
        '<form class="judging" aria-label="Evaluation question">'
        '<label class="field"><span>Question</span><textarea name="text" rows="2" dir="auto" required>{question}</textarea></label>'
        '<fieldset><legend>Do the documents answer it?</legend><div class="options">{yes}{no}</div></fieldset>'
        '<div class="if-answered"><fieldset class="right"><legend>What is right?</legend>{pieces}</fieldset>'
        '<label class="field"><span>Accepted answers <small>one a line, if there is a short one</small></span>'
        '<textarea name="answers" rows="2" dir="auto">{answers}</textarea></label></div>'
        '<label class="field split"><span>Split</span><input name="split" list="review-splits" value="{split}"'
        ' maxlength="40" autocomplete="off" spellcheck="false"></label><datalist id="review-splits">{options}</datalist>'
        '<p class="form-problem" role="alert"></p><div class="ends">'
        '<button type="submit" class="tool filled">Save as evaluation question</button>'
        '<button type="button" class="tool" data-do="dismiss" data-vote-id="{vote_id}">Handled without a question</button>'
        "</div></form>"
    ).format(
        question=vote.standalone,
        yes=radio.format("yes", Markup(" checked") if answerable else "", "Yes"),
        no=radio.format("no", "" if answerable else Markup(" checked"), "No"),
        pieces=draw_pieces(vote, index, vote.approves),
        answers=str(vote.answer.get("short_answer") or "") if vote.approves else "",
        split=USUAL_SPLIT,
        options=options,
        vote_id=vote.vote_id,
    )


def draw_pieces(vote: Vote, index: PassageIndex, approved: bool) -> Markup:
    """What can be ticked: the user's marks, the quotes, the passages found, whole documents, and more."""
    quotes = [
        Evidence(str(c["doc_id"]), int(c["start"]), int(c["end"])) for c in vote.answer.get("citations") or ()
    ]
    ticked = {*(vote.details.right), *(quotes if approved else ())}
    marked = frozenset((piece.doc, piece.start, piece.end) for piece in ticked)
    texts = Texts(index)
    stated = {
        piece: str(c["quote"]) for piece, c in zip(quotes, vote.answer.get("citations") or (), strict=True)
    }
    groups = [
        ("Marked by the user", [draw_piece(piece, texts, None, True) for piece in vote.details.right]),
        (
            "Quoted in the answer",
            [draw_piece(piece, texts, stated[piece], piece in ticked) for piece in stated],
        ),
        ("Passages found", [draw_found(found, texts, marked) for found in vote.found]),
        ("Whole documents", draw_documents(vote, texts)),
    ]
    drawn = Markup().join(
        Markup('<h3>{}</h3><ul class="marks">{}</ul>').format(name, Markup().join(items))
        for name, items in groups
        if items
    )
    return drawn + Markup(
        '<h3>Elsewhere</h3><ul class="marks picked"></ul>'
        '<button type="button" class="tool outlined" data-action="pick">Search the documents</button>'
    )


class Texts:
    """The documents of an index, each read once; "" for one that is gone."""

    def __init__(self, index: PassageIndex) -> None:
        self.index = index
        self._known: dict[str, tuple[str, str]] = {}

    def title(self, doc_id: str) -> str:
        return self._of(doc_id)[0] or doc_id

    def text(self, doc_id: str) -> str:
        return self._of(doc_id)[1]

    def passage(self, found: Found) -> Passage | None:
        """The passage with its sentences, if it still is what it was."""
        sought = found.passage
        text = self.text(sought.doc_id)[sought.start : sought.end]
        if not text or (found.sha256 and text_hash(text) != found.sha256):
            return None
        passages = self.index.passages_of(sought.doc_id)
        return next((p for p in passages if (p.start, p.end) == (sought.start, sought.end)), None)

    def _of(self, doc_id: str) -> tuple[str, str]:
        if doc_id not in self._known:
            try:
                document = self.index.document(doc_id)
                self._known[doc_id] = document.title, document.text
            except KeyError:
                self._known[doc_id] = "", ""
        return self._known[doc_id]


def draw_piece(piece: Evidence, texts: Texts, quote: str | None, ticked: bool) -> Markup:
    """A quote, or what stands at a marked place; without a box where the document has changed."""
    text = texts.text(piece.doc)[piece.start : piece.end]
    if not text.strip() or (quote is not None and text != quote):
        return draw_changed(texts.title(piece.doc), quote or "")
    return draw_mark(piece.doc, piece.start, piece.end, text, texts.title(piece.doc), marked=ticked)


def draw_changed(title: str, text: str) -> Markup:
    return Markup(
        '<li class="stale"><span dir="auto"><b>{}</b> <em>changed or gone since</em>'
        '<span class="first-words">{}</span></span></li>'
    ).format(title, text)


def draw_found(found: Found, texts: Texts, marked: frozenset[tuple[str, int, int]]) -> Markup:
    passage, title = texts.passage(found), found.title or texts.title(found.passage.doc_id)
    if passage is None:
        return draw_changed(title, "")
    text = texts.text(passage.doc_id)
    section = Markup(' <span class="section">{}</span>').format(passage.section) if passage.section else ""
    whole = draw_mark(passage.doc_id, passage.start, passage.end, "", "The whole passage")
    return Markup(
        '<li><details class="passage"><summary><b dir="auto">{}</b>{}</summary>'
        '<p dir="auto">{}</p><ul class="marks">{}</ul></details></li>'
    ).format(title, section, draw_sentences(text, passage, marked), whole)


def draw_documents(vote: Vote, texts: Texts) -> list[Markup]:
    """Documents that were cited or found; one with a ticked sentence counts without its own tick."""
    cited = [str(citation["doc_id"]) for citation in vote.answer.get("citations") or ()]
    names: Iterable[str] = dict.fromkeys([*cited, *(found.passage.doc_id for found in vote.found)])
    box = Markup(
        '<li><label class="mark"><input type="checkbox" data-document="{}"><span dir="auto"><b>{}</b>'
        '<span class="first-words">{}</span></span></label></li>'
    )
    return [box.format(name, texts.title(name), name) for name in names if texts.text(name)]


def draw_said(text: str, request: str, *, problem: bool = False) -> str:
    kind = "problem" if problem else "done"
    return sendable(str(Markup('<p data-request="{}" data-kind="{}">{}</p>').format(request, kind, text)))
