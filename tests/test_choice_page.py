"""Documents chosen on the page: what is drawn of the choice, and in a browser where it holds and how it ends."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from browsing import NASTY, OpenPage, Served, ask, composer
from playwright.sync_api import Page, expect
from test_conversations_page import (  # noqa: F401  # fixtures
    SHIPS,
    expect_kept,
    kept,
    open_list,
    rewrite,
    ships,
    start_new,
)
from test_page import Parrot, answer, not_found, screens, visible

from chatbot.app import chat, choice, documents, drawing, markdown, printing
from chatbot.app.turns import Turn, name_documents
from chatbot.errors import QuestionError
from chatbot.library import Entry

browser = pytest.mark.browser
TITLES = {"rivers.txt": "", "ships.md": "Ships", "trees.md": "Trees"}


# Without a browser ------------------------------------------------------------------------


def test_the_line_counts_and_names_the_chosen_in_corpus_order() -> None:
    told = choice.describe_choice(TITLES, ["trees.md", "rivers.txt"])
    assert told["only"] == ["rivers.txt", "trees.md"]
    assert visible(told["line"]) == "Asking 2 of 3 documents rivers.txt Trees Ask all"
    assert told["said"] == "Asking 2 of 3 documents."


@pytest.mark.parametrize(
    ("only", "there", "said"),
    [
        (["a.md", "ships.md"], 1, "Asking 1 of 3 documents. a.md is no longer in the index. The others are"),
        (["a.md", "b.md"], 0, "a.md, b.md are no longer in the index. All documents are asked now."),
        (list("abcde"), 0, "a, b, c and 2 more are no longer in the index. All documents are asked now."),
    ],
)
def test_what_is_gone_is_dropped_and_told(only: Sequence[str], there: int, said: str) -> None:
    told = choice.describe_choice(TITLES, only)
    assert len(told["only"]) == there
    assert told["said"].startswith(said)
    assert "no longer in the index" in visible(told["line"])
    assert ("Ask all" in visible(told["line"])) is bool(there)


@pytest.mark.parametrize(
    ("sent", "only"),
    [
        ('["a", "b", "a"]', {"a", "b"}),
        ("[]", set()),
        ("", set()),
        (None, set()),
        ('["a", 1, null, ["b"]]', {"a"}),
        ('{"a": 1}', set()),
        ("[" * 100_000, set()),
        ('<div class="choice"></div>', set()),
    ],
)
def test_a_choice_is_read_as_far_as_it_makes_sense(sent: Any, only: set[str]) -> None:
    assert choice.read_choice(sent) == only


def test_an_answer_says_in_which_documents_alone_it_looked() -> None:
    limited = replace(not_found(), only=("a.md",))
    seen = visible(drawing.draw_turn(Turn("Q", limited, looked_in=("Ships",)), 0))
    assert "Looked only in: Ships" in seen
    assert "None of the chosen documents mentions sourdough" in seen
    many = tuple("ABCDE")
    assert "Looked only in: A, B, C and 2 more" in visible(drawing.draw_looked_in(many))
    assert drawing.draw_looked_in(many).count("<li") == 5
    long = drawing.draw_looked_in(
        ("Ships", "The harbours of the northern islands and of the mainland, volume two")
    )
    assert "Looked only in: Ships, The harbours of the northern islands and of the …<" in long
    assert "volume two</li>" in long
    turn = Turn("Q", answer(), looked_in=("Ships", "Tr*ees"))
    assert "*Looked only in: Ships, Tr\\*ees*" in markdown.turn_markdown(turn)
    assert "Looked only in: Ships, Tr*ees" in printing.printable([turn], "", "")
    assert "Looked only" not in drawing.draw_turn(Turn("Q", answer()), 0)


def test_names_of_documents_are_drawn_as_text() -> None:
    drawn = [
        choice.describe_choice({NASTY: NASTY}, [NASTY, f"{NASTY}2"])["line"],
        drawing.draw_looked_in([NASTY] * 5),
        documents.draw_tick(Entry(NASTY, NASTY, "Text", passages=1)),
        printing.printable([Turn("Q", answer(), looked_in=(NASTY,))], "", ""),
    ]
    for part in drawn:
        assert "&lt;script&gt;alert" in part
        assert "<script>alert" not in part
        assert "<img" not in part


@pytest.mark.parametrize(
    ("entry", "boxes"),
    [
        (Entry("a.md", "A", "Markdown", passages=2), 1),
        (Entry("a.md", "A", "Markdown", passages=2, state="leaving"), 1),
        (Entry("a.md", "A", "Markdown", state="waiting"), 0),
        (Entry("a.md", "A", "Markdown", state="unread", reason="is empty"), 0),
        (Entry("a.zip", "a.zip", "ZIP", passages=2, documents=2), 0),
    ],
)
def test_only_what_can_be_quoted_has_a_box(entry: Entry, boxes: int) -> None:
    assert documents.draw_row(entry).count('type="checkbox"') == boxes


def test_the_choice_reaches_the_chatbot_and_its_questions_lead_on_only_where_it_can() -> None:
    class Choosy(Parrot):
        def steps(
            self, question: str, *rest: Any, only: frozenset[str] | None = None, verbatim: bool = False
        ) -> Any:
            self.only = only
            return super().steps(question)

        def suggestions(self, *_: Any) -> list[str]:
            raise QuestionError("no document")

    parrot = Choosy(answer())
    list(chat.respond(parrot, "Q?", "", [], {}, only=frozenset({"a.md"})))  # type: ignore[arg-type]  # a fake
    assert parrot.only == {"a.md"}
    assert chat.draw_next(parrot, screens(parrot, "Q?")[-1].turns) == ""  # type: ignore[arg-type]


def test_a_document_without_title_or_gone_is_named_by_its_id() -> None:
    class Index:
        def titles(self) -> list[tuple[str, str]]:
            return list(TITLES.items())

    assert name_documents(Index(), ["ships.md", "rivers.txt", "x"]) == ("Ships", "rivers.txt", "x")  # type: ignore[arg-type]


# In a browser -----------------------------------------------------------------------------


def go(page: Page, view: str) -> None:
    page.get_by_role("navigation").get_by_role("button", name=view).click()


def box(page: Page, title: str) -> Any:
    return page.get_by_role("checkbox", name=f"Ask only these: {title}")


def choose(page: Page, *titles: str) -> None:
    go(page, "Documents")
    for title in titles:
        box(page, title).check()
    go(page, "Chat")


def line(page: Page) -> Any:
    return page.locator("#choice")


@browser
def test_ticked_documents_alone_are_asked_until_all_are_again(open_page: OpenPage, ships: Served) -> None:  # noqa: F811
    page = open_page(url=ships.url)
    go(page, "Documents")
    rows = page.locator("#documents tbody")
    box(page, "Trees").focus()
    before = rows.bounding_box()
    page.keyboard.press("Space")
    expect(page.locator("#top .said")).to_have_text("Asking 1 of 3 documents.")
    expect(page.locator("#documents .chosen")).to_be_visible()
    assert rows.bounding_box() == before  # the next click meets the row that it is meant for
    box(page, "rivers").check()
    expect(page.locator("#documents .chosen")).to_contain_text("Asking 2 of 3 documents")
    go(page, "Chat")
    expect(page.locator(".examples")).to_be_hidden()
    line(page).locator("summary").click()
    expect(line(page).get_by_role("list", name="Chosen documents").get_by_role("link")).to_have_count(2)
    article = ask(page, SHIPS)
    expect(article.locator(".looked-in")).to_contain_text("Trees")
    expect(article).not_to_contain_text("270 metres")
    expect_kept(page, 1)
    [conversation] = kept(page)
    assert conversation["only"] == ["trees.md", "rivers.txt"]  # as ticked
    assert conversation["receipts"][0]["only"] == ["rivers.txt", "trees.md"]
    line(page).get_by_role("button", name="Ask all").press("Enter")
    expect(page.locator("#top .said")).to_have_text("All documents are asked.")
    expect(line(page).locator(".chosen")).to_have_count(0)
    expect(composer(page)).to_be_focused()
    article = ask(page, SHIPS)
    expect(article).to_contain_text("270 metres")
    expect(article.locator(".looked-in")).to_have_count(0)
    expect_kept(page, 2)
    assert kept(page)[0]["only"] == []
    go(page, "Documents")
    expect(box(page, "Trees")).not_to_be_checked()


@browser
def test_the_choice_belongs_to_its_conversation(open_page: OpenPage, ships: Served) -> None:  # noqa: F811
    page = open_page(url=ships.url)
    choose(page, "Trees")
    page.reload()  # before any question
    expect(line(page)).to_contain_text("Asking 1 of 3 documents", timeout=30_000)
    ask(page, "How long do oaks live?")
    expect_kept(page, 1)
    page.reload()
    expect(page.locator(".looked-in")).to_have_text("Looked only in: Trees", timeout=30_000)
    expect(line(page)).to_contain_text("Asking 1 of 3 documents")
    start_new(page)
    expect(line(page).locator(".chosen")).to_have_count(0)
    expect(ask(page, SHIPS).locator(".looked-in")).to_have_count(0)
    expect_kept(page, 1, 1)
    open_list(page).locator("li .name", has_text="oaks").click()
    expect(line(page)).to_contain_text("Asking 1 of 3 documents")
    expect(ask(page, SHIPS)).not_to_contain_text("270 metres")
    expect_kept(page, 2, 1)
    assert [conversation["only"] for conversation in kept(page)] == [["trees.md"], []]


@browser
def test_a_new_conversation_is_about_all_documents_also_when_none_can_be_kept(
    open_page: OpenPage,
    ships: Served,  # noqa: F811
) -> None:
    page = open_page(url=ships.url)
    page.evaluate("localStorage.setItem('footnote-conversation-old', 'x'.repeat(4_500_000))")
    choose(page, "Trees")
    ask(page, SHIPS)
    start_new(page)
    expect(line(page).locator(".chosen")).to_have_count(0)


@browser
def test_a_chosen_document_that_is_removed_is_told_and_no_longer_asked(
    open_page: OpenPage,
    ships: Served,  # noqa: F811
) -> None:
    page = open_page(url=ships.url)
    choose(page, "Trees", "rivers")
    expect(line(page)).to_contain_text("Asking 2 of 3 documents")
    go(page, "Documents")
    page.get_by_role("button", name="Remove Trees").click()
    expect(page.locator("#documents .gone")).to_contain_text("trees.md is no longer in the index")
    expect(page.locator("#documents .chosen")).to_contain_text("Asking 1 of 2 documents")
    go(page, "Chat")
    line(page).get_by_role("button", name="Close this message").click()
    expect(line(page).locator(".gone")).to_have_count(0)
    [collection] = ships.collections
    (collection.corpus / "rivers.txt").unlink()
    rewrite(ships, "ships.md", "The Missouri is 271 metres long.\n")  # unseen by this page
    article = ask(page, SHIPS)
    expect(article).to_contain_text("no document 'rivers.txt' in the index")
    expect(line(page)).to_contain_text("All documents are asked now.")
    expect(composer(page)).to_have_value(SHIPS)
    expect(ask(page, SHIPS)).to_contain_text("271 metres")


@browser
def test_the_line_fits_a_phone(open_page: OpenPage, ships: Served) -> None:  # noqa: F811
    page = open_page(url=ships.url, width=360, height=640)
    choose(page, "Trees", "Ships")
    all_of_them = line(page).get_by_role("button", name="Ask all")
    expect(all_of_them).to_be_in_viewport(ratio=1)
    summary, button = line(page).locator("summary").bounding_box(), all_of_them.bounding_box()
    assert abs(summary["y"] + summary["height"] / 2 - button["y"] - button["height"] / 2) < 8  # beside it
    assert page.evaluate("document.querySelector('#chat').scrollWidth <= innerWidth")
    assert json.loads(page.evaluate("sessionStorage['footnote-only']"))["only"] == ["trees.md", "ships.md"]
