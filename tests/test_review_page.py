"""What was wrong with an answer, the reviewer's view and the evaluation, by their parts and in a browser."""

from __future__ import annotations

import errno
import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from browsing import (
    NASTY,
    QUESTION,
    OpenPage,
    Served,
    ask,
    composer,
    serve_in_thread,
)
from playwright.sync_api import Page, expect
from test_measuring import RESULT
from test_page import TEXT, Parrot, answer, citation, event, hit

from chatbot import measuring
from chatbot.answer import Chatbot
from chatbot.app import chat, picking
from chatbot.app.review import Desk
from chatbot.app.text import name_time
from chatbot.app.turns import Turn
from chatbot.collection import Collection
from chatbot.corpus import Passage, read_qrels, read_queries, split_queries
from chatbot.feedback import Details, Feedback
from chatbot.result import keep_result
from chatbot.review import Reviews

COUNTING = "How many Japanese prisoners were taken to Siberia?"
DOCUMENT = "articles/siberian-internment-decree-and-numbers.md"
MISSING = "Who is the pope of Port Nowhere?"

# ---- below a bad answer


def test_only_a_bad_answer_without_words_is_asked_about(tmp_path: Path) -> None:
    feedback, turns = Feedback(tmp_path / "feedback.jsonl"), [Turn("Q", answer())]
    for sent, asked in [
        ({"vote": "up"}, False),
        ({"vote": "down"}, True),
        ({"vote": "down", "reason": "other", "comment": "", "right": []}, False),
    ]:
        _, status = chat.record_vote(feedback, event({"turn": 0, **sent}), turns, {})
        assert ("<template" in status) == asked


def test_what_documents_wrote_is_escaped_in_the_form(tmp_path: Path) -> None:
    nasty = answer(hits=(hit(title=NASTY, text=NASTY),))
    _, status = chat.record_vote(
        Feedback(tmp_path / "feedback.jsonl"), event({"turn": 0, "vote": "down"}), [Turn(NASTY, nasty)], {}
    )
    assert "<script>" not in status
    assert "<img" not in status
    assert "&lt;script&gt;" in status


def test_words_that_are_too_long_are_refused_and_nothing_is_saved(tmp_path: Path) -> None:
    feedback = Feedback(tmp_path / "feedback.jsonl")
    sent = {"turn": 0, "vote": "down", "comment": "x" * 1_001}
    votes, status = chat.record_vote(feedback, event(sent), [Turn("Q", answer())], {})
    assert votes == {}
    assert "at most 1,000 characters" in status
    assert not feedback.file.exists()


# ---- the reviewer's view, without a browser


class Book:
    """As much of an index as the view needs: one document of three passages, one of them nasty."""

    def __init__(self) -> None:
        self.parrot = Parrot(answer()).index
        self.manifest = self.parrot.manifest
        self.document = self.parrot.document

    def titles(self) -> list[tuple[str, str]]:
        return [("log.md", "The log")]

    def passages_of(self, doc_id: str) -> list[Passage]:
        start = TEXT.index("The ship")
        passage = replace(hit().passage, start=start, end=len(TEXT), sentences=((start, start + 14),))
        return [passage] if doc_id == "log.md" else []

    def search(self, question: str, k: int) -> list[Any]:
        return [hit(text=NASTY, title=NASTY)]


class Owner:
    def __init__(self, index: Any) -> None:
        self.index = index

    def live(self) -> Any:
        return self.index


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """With a good and a bad answer, both voted on; the bad one's vote came last."""
    collection = Collection("fake", tmp_path / "corpus", tmp_path / "index", Owner(Book()))  # type: ignore[arg-type]
    collection.corpus.mkdir()
    collection.feedback.save("When did it fall?", answer(standalone_question="When did it fall?"), "up")
    collection.feedback.save("Who wrote?", answer("not_found", citations=()), "down", Details("other", NASTY))
    return Desk(collection)


def vote_ids(desk: Desk) -> list[str]:
    return [vote.vote_id for vote in desk.collection.feedback.votes()[0]]


def saving(vote: str, **changes: Any) -> dict[str, Any]:
    start = TEXT.index("The ship")
    evidence = [{"doc": "log.md", "start": start, "end": start + 14}]
    sent = {
        "text": "What left?",
        "answerable": True,
        "evidence": evidence,
        "documents": [],
        "answers": "the ship",
    }
    return {"do": "save", "vote": vote, "request": "7", "split": "dev", **sent, **changes}


def test_all_that_was_written_is_escaped(desk: Desk) -> None:
    bad, good = vote_ids(desk)
    for vote in (bad, good, NASTY):
        view = desk.act({"vote": vote, "request": NASTY})
        for html in view:
            assert "<script" not in html
            assert "<img" not in html
    assert "&lt;script&gt;" in desk.act({"vote": bad}).item
    found = picking.draw_response(desk.collection.chatbot, {"query": NASTY})
    assert "<script" not in found
    read = picking.draw_response(desk.collection.chatbot, {"doc": NASTY, "start": 3})
    assert "not there any more" in read


def test_what_a_liked_answer_quotes_is_ticked_and_what_a_disliked_one_does_is_not(desk: Desk) -> None:
    bad, good = vote_ids(desk)
    liked, disliked = (str(desk.act({"vote": vote}).item) for vote in (good, bad))
    quote = f'data-doc="log.md" data-start="{citation().start}" data-end="{citation().end}" checked'
    assert quote in liked
    assert " checked" not in disliked.partition('class="if-answered"')[2]
    assert 'value="yes" checked' in disliked  # whoever dislikes a refusal thinks that there is an answer


def test_a_quote_whose_document_has_changed_has_no_box(desk: Desk) -> None:
    desk.collection.chatbot.index.parrot.text = TEXT.replace("noon", "dusk")  # type: ignore[attr-defined]
    [item] = [desk.act({"vote": vote}).item for vote in vote_ids(desk)[1:]]
    assert "changed or gone since" in item
    assert f'data-start="{citation().start}" data-end="{citation().end}"' not in item


def test_a_saved_question_is_handled_and_an_undone_one_is_open_again(desk: Desk) -> None:
    bad, good = vote_ids(desk)
    view = desk.act(saving(good))
    assert "Saved as review-1 in dev." in view.said
    assert [query.text for query in split_queries(desk.collection.corpus, "dev")] == ["What left?"]
    assert f'data-do="reopen" data-vote-id="{good}"' in view.votes
    desk.act({"do": "dismiss", "vote": bad})
    assert list(desk.reviews.handled()) == [good, bad]
    view = desk.act({"do": "reopen", "vote": good})
    assert "was taken back" in view.said
    assert list(desk.reviews.handled()) == [bad]
    assert not (desk.collection.corpus / "queries.jsonl").exists()


def test_the_questions_are_as_before_where_a_review_cannot_be_noted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "reviewed.jsonl")

    corpus, vote = desk.collection.corpus, vote_ids(desk)[1]
    for click, asked in [(saving(vote), []), ({"do": "reopen", "vote": vote}, ["What left?"])]:
        with monkeypatch.context() as patched:
            patched.setattr(Reviews, "mark", full)
            assert "reviewed.jsonl cannot be written" in desk.act(click).said
        there = split_queries(corpus, "dev") if desk.files.splits() else []
        assert [query.text for query in there] == asked
        assert 'data-kind="done"' in desk.act(click).said  # once there is room
    assert list(corpus.rglob("*.*")) == []


def test_an_accepted_answer_that_no_document_says_is_pointed_out(desk: Desk) -> None:
    view = desk.act(saving(vote_ids(desk)[1], answers="the ship\nthe boat"))
    assert "No marked document says “the boat”" in view.said


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"vote": "nobody"}, "not there any more"),
        ({"text": ""}, "is empty"),
        ({"split": "../../x"}, "cannot name a split"),
        ({"evidence": [{"doc": "log.md", "start": 0, "end": 10**9}]}, "has no text"),
        ({"evidence": [{"doc": "../x", "start": 0, "end": 1}]}, "no document"),
        ({"evidence": "all"}, "at most 20"),
        ({"documents": ["../x"]}, "no document"),
        ({"documents": [7]}, "not names"),
        ({"documents": "log.md"}, "not names"),
        ({"answerable": "yes"}, "say whether"),
        ({"answers": 7}, "say whether"),
        ({"evidence": [], "documents": []}, "mark what answers"),
    ],
)
def test_nothing_that_a_browser_sends_is_trusted(desk: Desk, change: dict[str, Any], wrong: str) -> None:
    view = desk.act({**saving(vote_ids(desk)[1]), **change})
    assert wrong in view.said
    assert 'data-kind="problem"' in view.said
    assert view.item == gr.skip()  # what was filled in stays
    assert desk.reviews.handled() == {}
    assert list(desk.collection.corpus.iterdir()) == []


def test_a_view_on_nothing_says_where_votes_come_from(tmp_path: Path) -> None:
    collection = Collection("fake", tmp_path, tmp_path, Owner(Book()))  # type: ignore[arg-type]
    assert "No votes yet" in Desk(collection).act({}).item
    assert name_time("nonsense") == name_time("0001-01-01T00:00:00+14:00") == ""


# ---- in a browser

browser = pytest.mark.browser


@dataclass
class Own:
    """A served collection of its own, whose votes and questions the tests may change."""

    url: str
    collection: Collection

    def vote(self, question: str, thumb: str, details: Details | None = None) -> str:
        self.collection.feedback.save(question, self.collection.chatbot.answer(question), thumb, details)
        return self.collection.feedback.votes()[0][0].vote_id

    @property
    def last_line(self) -> dict[str, Any]:
        line: dict[str, Any] = json.loads(self.collection.feedback.file.read_text("utf-8").splitlines()[-1])
        return line


@pytest.fixture(scope="module")
def own_served(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A copy of the collection that all tests share."""
    folder, shared = tmp_path_factory.mktemp("review"), served.collections[0]
    shutil.copytree(shared.corpus, folder / "corpus")
    shutil.copytree(shared.index, folder / "index")
    chatbot = Chatbot(folder / "index", shared.chatbot.encoder, shared.chatbot.network)
    yield from serve_in_thread([Collection("corpus", folder / "corpus", folder / "index", chatbot)])


@pytest.fixture
def own(own_served: Served) -> Own:
    collection = own_served.collections[0]
    for path in (
        *collection.index.glob("*.jsonl"),
        *collection.corpus.glob("queries.jsonl"),
        *collection.corpus.glob("qrels/*"),
    ):
        path.unlink()
    return Own(own_served.url, collection)


def narrow_enough(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@browser
def test_a_bad_answer_is_explained_and_the_right_sentence_found(open_page: OpenPage, own: Own) -> None:
    page = open_page(url=own.url)
    article = ask(page, COUNTING)
    article.get_by_role("button", name="Bad answer").click()
    form = article.get_by_role("form", name="What was wrong")
    form.get_by_role("button", name="Send").click()
    expect(form.get_by_role("alert")).to_contain_text("Choose what was wrong")
    form.get_by_text("The passage is wrong").click()
    form.get_by_role("textbox").fill(NASTY)
    form.get_by_text("Mark the right passage").click()
    form.locator(".mark").first.click()
    form.get_by_role("button", name="Find it in the documents").click()
    dialog = page.get_by_role("dialog", name="Find the right sentences")
    expect(dialog.get_by_role("searchbox")).to_have_value(COUNTING)
    dialog.get_by_role("searchbox").fill("Yalta")
    dialog.get_by_role("searchbox").press("Enter")
    dialog.locator('[data-read="articles/yalta-agreement-regarding-japan.md"]').first.click()
    sentence = dialog.get_by_role("checkbox").nth(1)
    sentence.press("Space")
    expect(dialog.get_by_role("status")).to_have_text("1 marked")
    dialog.get_by_role("button", name="Use them").click()
    expect(form.locator(".picked input:checked")).to_have_count(1)
    expect(form.get_by_role("button", name="Find it in the documents")).to_be_focused()
    form.get_by_role("button", name="Send").click()
    expect(article.get_by_text("noted for review")).to_be_visible()
    line = own.last_line
    assert (line["vote"], line["reason"], line["comment"]) == ("down", "wrong passage", NASTY)
    assert [piece["doc"] for piece in line["right"]] == [
        DOCUMENT,
        "articles/yalta-agreement-regarding-japan.md",
    ]
    texts = own.collection.chatbot.index.document(line["right"][1]["doc"]).text
    assert texts[line["right"][1]["start"] : line["right"][1]["end"]].endswith(".")


@browser
def test_what_is_being_written_survives_the_next_answer(open_page: OpenPage, own: Own) -> None:
    page = open_page(url=own.url)
    article = ask(page, COUNTING)
    article.get_by_role("button", name="Bad answer").click()
    article.get_by_role("form").get_by_role("textbox").fill("half a thought")
    ask(page, QUESTION)
    form = page.locator('.turn[data-turn="0"]').get_by_role("form")
    expect(form.get_by_role("textbox")).to_have_value("half a thought")
    form.get_by_role("button", name="Not now").click()
    expect(form).to_have_count(0)
    assert "comment" not in own.last_line


@browser
def test_a_reviewer_makes_a_question_of_a_vote_and_takes_it_back(open_page: OpenPage, own: Own) -> None:
    own.vote(QUESTION, "up")
    own.vote(COUNTING, "down", Details("incomplete", NASTY))
    page = open_page(url=own.url)
    page.get_by_role("button", name="Review", exact=True).click()
    rows = page.locator("#review .rows li")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text(COUNTING)
    assert rows.first.locator(".asked").evaluate("e => getComputedStyle(e, '::after').content") == "none"
    rows.first.get_by_role("button").press("Enter")
    item = page.locator("#review-item")
    expect(item.get_by_role("heading", name=COUNTING)).to_be_focused()
    expect(item.locator(".comment")).to_have_text(NASTY)
    item.get_by_role("button", name="Save as evaluation question").click()
    expect(item.get_by_role("alert")).to_contain_text("mark what answers the question")
    item.get_by_role("button", name="Search the documents").click()
    dialog = page.get_by_role("dialog", name="Find the right sentences")
    dialog.locator(f'[data-read="{DOCUMENT}"][data-start]:not([data-start="0"])').first.click()
    dialog.locator(".found input").first.press("Space")
    dialog.get_by_role("button", name="Use them").click()
    expect(item.locator(".passage[open] .sentence:has(:checked)")).to_be_in_viewport(ratio=1)
    item.get_by_label("Accepted answers").fill("594,000")
    item.get_by_role("button", name="Save as evaluation question").dblclick()
    expect(item.locator(".done")).to_contain_text("Saved as review-1 in dev.")
    page.wait_for_timeout(300)
    expect(item.locator(".form-problem")).to_have_text("")  # it was saved once
    [query] = split_queries(own.collection.corpus, "dev")
    assert (query.text, query.kind, query.answers) == (COUNTING, "review", ("594,000",))
    assert [piece.doc for piece in query.evidence] == [DOCUMENT]
    assert read_qrels(own.collection.corpus, "dev") == {"review-1": {DOCUMENT: 1}}
    page.locator("#review").get_by_role("button", name="Handled").click()
    expect(rows.filter(visible=True)).to_have_count(1)
    page.locator("#review").get_by_role("button", name="Undo").click()
    expect(item.get_by_role("button", name="Save as evaluation question")).to_be_visible()
    expect(page.locator("#review .undo")).to_have_count(0)
    assert not (own.collection.corpus / "queries.jsonl").exists()


@browser
def test_a_question_that_is_there_already_is_refused_and_nothing_filled_in_is_lost(
    open_page: OpenPage, own: Own
) -> None:
    (own.collection.corpus / "queries.jsonl").write_text(
        '{"_id": "q1", "text": "Who read it?"}\n', encoding="utf-8"
    )
    vote = own.vote(QUESTION, "up")
    page = open_page(url=own.url)
    page.goto(f"{own.url}#review/{vote}")
    form = page.locator("#review-item form")
    form.get_by_role("textbox", name="Question").fill("who READ it")
    form.get_by_role("button", name="Save as evaluation question").click()
    expect(form.get_by_role("alert")).to_contain_text("this is a question already: q1")
    expect(form.get_by_role("textbox", name="Question")).to_have_value("who READ it")
    form.get_by_role("textbox", name="Question").fill("Who read the declaration?")
    form.get_by_label("Split").fill("test")
    form.get_by_role("button", name="Save as evaluation question").click()
    expect(page.locator("#review-item .done")).to_contain_text("Saved as review-1 in test.")
    assert list(read_queries(own.collection.corpus)) == ["q1", "review-1"]


@browser
def test_an_address_of_nothing_opens_the_review(open_page: OpenPage, own: Own) -> None:
    own.vote(QUESTION, "up")
    page = open_page(url=own.url)
    page.goto(f"{own.url}#review/%")
    page.reload()
    expect(page.locator("#review .rows li")).to_have_count(1, timeout=30_000)
    expect(page.locator("#review-item")).to_contain_text("This vote is not there any more.")
    page.locator("#review").get_by_role("button", name="Handled").click()
    expect(page.locator("#review .nothing")).to_be_visible()


@browser
def test_a_refusal_becomes_an_unanswerable_question(open_page: OpenPage, own: Own) -> None:
    vote = own.vote(MISSING, "up")
    page = open_page(url=own.url)
    page.goto(f"{own.url}#review/{vote}")
    form = page.locator("#review-item form")
    expect(form.get_by_text("What is right?")).to_be_hidden()
    form.get_by_role("button", name="Save as evaluation question").click()
    expect(page.locator("#review-item .done")).to_be_visible()
    [query] = split_queries(own.collection.corpus, "dev")
    assert not query.answerable


@browser
def test_on_a_phone_the_list_and_the_vote_take_turns(open_page: OpenPage, own: Own) -> None:
    own.vote(QUESTION, "up")
    page = open_page(360, 740, url=own.url)
    page.goto(f"{own.url}#review")
    page.locator("#review .rows button").click()
    expect(page.locator("#review .rows")).to_be_hidden()
    assert narrow_enough(page)
    page.get_by_role("button", name="Handled without a question").click()
    expect(page.locator("#review-item").get_by_text("Marked as handled")).to_be_visible()
    page.get_by_role("button", name="All votes").click()
    expect(page.locator("#review .rows")).to_be_attached()
    expect(page.locator("#review .nothing")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("button", name="Open again")).to_be_visible()


@browser
def test_without_questions_some_are_made_evaluated_and_reported(open_page: OpenPage, own: Own) -> None:
    page = open_page(url=own.url)
    page.get_by_role("button", name="Dark or light").click()
    page.goto(f"{own.url}#evaluation")
    page.get_by_role("button", name="Make up to").click()
    form = page.get_by_role("form", name="Evaluation")
    expect(form.get_by_label("Split")).to_contain_text("generated")
    form.get_by_role("spinbutton").fill("3")
    form.get_by_role("button", name="Evaluate").click()
    figures = page.get_by_role("region", name="Figures")
    expect(figures.get_by_role("row", name="nDCG@10")).to_be_visible(timeout=60_000)
    expect(figures).to_contain_text("made by a program")
    expect(figures).to_contain_text("3 questions")
    if not measuring.DRAWN:
        return
    figures.get_by_role("button", name="Open the report").click()
    expect(page.frame_locator("dialog iframe").get_by_role("heading", level=1)).to_have_text(
        "How well the search finds"
    )
    expect(page.locator("dialog iframe")).to_have_attribute("sandbox", "")
    expect(page.frame_locator("dialog iframe").locator("body")).to_have_css(
        "background-color", "rgb(20, 22, 25)"
    )
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as a file").click()
    assert Path(download.value.path()).read_text("utf-8").startswith('<!doctype html>\n<html lang="en">')
    page.keyboard.press("Escape")
    expect(figures.get_by_role("button", name="Open the report")).to_be_focused()


@browser
def test_the_last_figures_are_there_after_a_restart(open_page: OpenPage, own: Own) -> None:
    keep_result(RESULT, own.collection.last_evaluation)
    for again in serve_in_thread([own.collection]):
        page = open_page(url=again.url)
        page.goto(f"{again.url}#evaluation")
        figures = page.get_by_role("region", name="Figures")
        expect(figures).to_contain_text("Measured on 2 Jan 2024")
        expect(figures).to_contain_text(f"with the index {RESULT.generation}")
        expect(figures).to_contain_text("The index has changed since")
        expect(figures.get_by_role("row", name="nDCG@10")).to_contain_text("0.5000.250 to 0.750")
        figures.get_by_role("button", name="Open the report").click()
        expect(page.frame_locator("dialog iframe").get_by_text("report")).to_be_visible()
    own.collection.last_evaluation.unlink()


@browser
def test_a_second_visitor_sees_that_an_evaluation_runs_and_may_stop_it(
    open_page: OpenPage, own: Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def wait(*settings: Any) -> Any:
        *_, tell = settings
        for done in range(30_000):
            tell("Searching", min(done, 7), 9)
            go_on.wait(0.02)

    own.vote(QUESTION, "up")
    measuring.make_starting_set(own.collection.corpus, own.collection.feedback, 3)
    monkeypatch.setattr(measuring, "measure", wait)
    first, second = open_page(url=own.url), open_page(360, 740, url=own.url)
    first.goto(f"{own.url}#evaluation")
    first.get_by_role("form", name="Evaluation").get_by_role("button", name="Evaluate").click()
    expect(first.locator(".running")).to_contain_text("7 of 9")
    second.goto(f"{own.url}#evaluation")
    expect(second.get_by_role("progressbar", name="Searching")).to_be_visible()
    assert narrow_enough(second)
    expect(second.get_by_role("button", name="Evaluate").last).to_be_disabled()
    second.get_by_role("button", name="Stop").click()
    for page in (first, second):
        expect(page.locator("#evaluation-state")).to_contain_text("Stopped. Nothing was changed.")
        expect(page.get_by_role("button", name="Evaluate").last).to_be_enabled()
    first.get_by_role("button", name="Chat", exact=True).click()
    expect(composer(first)).to_be_visible()
    first.get_by_role("button", name="Evaluate", exact=True).click()  # told once
    expect(first.locator("#evaluation-state")).not_to_contain_text("Stopped")
