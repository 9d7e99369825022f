"""Conversations in a browser: kept, found again, exported; answers at their own addresses."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import FOLLOW_UP, NASTY, OFF_TOPIC, QUESTION, OpenPage, Served, ask, composer, serve_in_thread
from conftest import FILES, HashEncoder
from playwright.sync_api import Page, expect
from test_answer import parameters

from chatbot.answer import Chatbot
from chatbot.app import chat
from chatbot.app.drawing import draw_top
from chatbot.collection import Collection
from chatbot.index import build_index
from chatbot.receipt import read_receipts

pytestmark = pytest.mark.browser

SHIPS = "How long is the Missouri?"
OAKS = "How long can an oak live?"
PREFIX = "footnote-conversation-"
HARBOUR = {"harbour.md": "# Harbour\n\nThe harbour of Port Nowhere is 12 metres deep.\n"}


@pytest.fixture
def two(ships: Served, make_corpus: Callable[..., Path], tmp_path: Path) -> Iterator[Served]:
    """A page of two collections, ships and harbour."""
    corpus, index = make_corpus(HARBOUR, "harbour"), tmp_path / "harbour-index"
    build_index(corpus, index, HashEncoder())
    harbour = Collection("harbour", corpus, index, Chatbot(index, HashEncoder(), None, parameters()))
    yield from serve_in_thread([*ships.collections, harbour])


def change_over(page: Page, name: str) -> None:
    page.locator("#top select").select_option(name)
    expect(page.locator("#conversations [data-collection]")).to_have_attribute("data-collection", name)


@pytest.fixture
def ships(built: tuple[Path, Path]) -> Iterator[Served]:
    """A page whose documents a test may change."""
    corpus, index = built
    chatbot = Chatbot(index, HashEncoder(), None, parameters())
    yield from serve_in_thread([Collection("ships", corpus, index, chatbot)])


def rewrite(ships: Served, name: str, text: str) -> None:
    [collection] = ships.collections
    (collection.corpus / name).write_text(text)
    build_index(collection.corpus, collection.index, HashEncoder())


def kept(page: Page) -> list[dict[str, Any]]:
    """The conversations in the browser's store, oldest first."""
    found = page.evaluate(
        "prefix => Object.keys(localStorage).filter(key => key.startsWith(prefix)).map(key => localStorage[key])",
        PREFIX,
    )
    return sorted(map(json.loads, found), key=lambda conversation: str(conversation["created"]))


def expect_kept(page: Page, *answers: int) -> None:
    """The number of answers in each conversation, oldest first."""
    page.wait_for_function(
        """([prefix, answers]) => Object.keys(localStorage).filter(key => key.startsWith(prefix))
            .map(key => JSON.parse(localStorage[key]))
            .sort((a, b) => a.created < b.created ? -1 : 1)
            .map(kept => kept.receipts.length).join() === answers.join()""",
        arg=[PREFIX, list(answers)],
        timeout=20_000,
    )


def start_new(page: Page) -> None:
    page.get_by_role("button", name="New", exact=True).click()
    expect(page.locator(".welcome")).to_be_visible()


def open_list(page: Page) -> Any:
    page.get_by_role("button", name="Conversations", exact=True).click()
    listed = page.get_by_role("dialog", name="Conversations")
    expect(listed).to_be_visible()
    return listed


def link_of(page: Page, article: Any) -> str:
    article.get_by_role("button", name="Link").click()
    box = article.get_by_role("textbox", name="Address of this answer")
    expect(box).to_be_visible()
    return str(box.input_value())


def open_address(page: Page, address: str) -> Any:
    """As someone who got the link: the page is loaded with it."""
    page.goto("about:blank")
    page.goto(address)
    shown = page.locator("#receipt")
    expect(shown.locator("article")).to_be_visible(timeout=20_000)
    return shown


def test_after_a_reload_the_conversation_goes_on(open_page: OpenPage) -> None:
    page = open_page()
    article = ask(page, QUESTION)
    expect_kept(page, 1)
    good = article.get_by_role("button", name="Good answer")
    good.click()
    expect(good).to_have_attribute("aria-pressed", "true")
    page.reload()
    expect(article).to_be_visible(timeout=20_000)
    expect(good).to_have_attribute("aria-pressed", "true")
    good.click()
    expect(page.locator("#status")).to_contain_text("Your vote is taken back.")
    expect(good).to_have_attribute("aria-pressed", "false")
    [thumb] = kept(page)[0]["votes"].values()
    assert thumb == "withdrawn"
    article.locator(".cite").first.click()
    expect(page.locator("#panel mark").first).to_be_in_viewport()
    followed = ask(page, FOLLOW_UP)
    expect(followed.locator(".understood")).to_contain_text("Molotov")
    expect_kept(page, 2)
    last = kept(page)[0]["receipts"][1]
    assert last["history"] == [QUESTION]


@pytest.mark.parametrize("view", ["documents", "documents/barometers.md", "review", "evaluation"])
def test_after_a_reload_the_address_decides_the_view(open_page: OpenPage, served: Served, view: str) -> None:
    page = open_page()
    ask(page, QUESTION)
    expect_kept(page, 1)
    page.goto(f"{served.url}#{view}")
    page.reload()
    expect(page.locator('#conversation .turn[data-turn="0"]')).to_have_count(1, timeout=20_000)  # it is back
    page.wait_for_timeout(500)
    assert page.url == f"{served.url}/#{view}"
    expect(page.locator(".pane.shown")).to_have_id(f"{view.split('/')[0]}-view")
    expect(page.locator(".pane.shown")).to_be_visible()
    named = {"documents": "Documents", "review": "Review", "evaluation": "Evaluate"}[view.split("/")[0]]
    expect(page).to_have_title(f"{named} – Footnote")
    page.get_by_role("navigation").get_by_role("button", name="Chat").click()
    expect(page.locator('#conversation .turn[data-turn="0"]')).to_be_visible()
    expect(page).to_have_title("Footnote")


def test_conversations_are_listed_found_renamed_and_opened(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, QUESTION)
    start_new(page)
    ask(page, OFF_TOPIC)
    expect_kept(page, 1, 1)
    listed = open_list(page)
    names = listed.locator("li .name span")
    expect(names).to_have_text([OFF_TOPIC, QUESTION])
    listed.get_by_role("button", name=f"Rename {QUESTION}").click()
    page.keyboard.type(f"War {NASTY}")
    page.keyboard.press("Enter")
    expect(names).to_have_text([OFF_TOPIC, f"War {NASTY}"])
    listed.get_by_role("searchbox").fill("sourdough")
    expect(names).to_have_text([OFF_TOPIC])
    listed.get_by_role("searchbox").fill("nothing like it")
    expect(listed.get_by_text("No conversation holds these words.")).to_be_visible()
    listed.get_by_role("searchbox").fill("molotov WAR")
    names.first.click()
    expect(listed).to_be_hidden()
    expect(page.locator("#conversation .question")).to_have_text([QUESTION])
    expect(page.locator("#panel mark.current").first).to_be_visible()
    page.wait_for_timeout(300)
    assert [len(conversation["receipts"]) for conversation in kept(page)] == [1, 1]


def test_a_key_that_chooses_characters_does_not_end_a_renaming(open_page: OpenPage, ships: Served) -> None:
    page = open_page(url=ships.url)
    ask(page, SHIPS)
    expect_kept(page, 1)
    open_list(page).get_by_role("button", name=f"Rename {SHIPS}").click()
    box = page.get_by_role("textbox", name="Name of the conversation")
    box.fill("戦艦")
    box.dispatch_event("keydown", {"key": "Enter", "keyCode": 229})  # Safari's
    expect(box).to_be_focused()
    box.press("Enter")
    expect(page.locator(".conversations li .name span")).to_have_text(["戦艦"])


def test_the_conversation_just_left_can_be_opened_before_the_new_one_is_there(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, QUESTION)
    expect_kept(page, 1)
    page.evaluate(
        """for (const wanted of ['[data-action="clear"]', '[data-action="conversations"]', '.conversations li .name'])
            document.querySelector(wanted).click()"""
    )
    expect(page.locator("#latest [data-conversation]")).to_be_attached()  # of an opened one alone
    expect(page.locator("#conversation .question")).to_have_text([QUESTION])
    expect_kept(page, 1)


def keep_two(page: Page) -> None:
    """A conversation on SHIPS and one on OAKS, both left."""
    for question in (SHIPS, OAKS):
        ask(page, question)
        start_new(page)
    expect_kept(page, 1, 1)


def test_of_two_conversations_the_one_that_was_chosen_last_is_opened(
    open_page: OpenPage, ships: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page(url=ships.url)
    keep_two(page)
    looked_up, restore = threading.Event(), chat.restore_turns

    def wait(*given: Any) -> chat.Screen:
        assert looked_up.wait(20)
        return restore(*given)

    monkeypatch.setattr(chat, "restore_turns", wait)
    for question in (SHIPS, OAKS):
        open_list(page).locator("li .name", has_text=question).click()
    looked_up.set()
    expect(page.locator("#conversation .question")).to_have_text([OAKS])


def test_an_answer_that_came_in_another_view_is_shown_with_its_source_in_the_chat(
    open_page: OpenPage, ships: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page(1280, 420, url=ships.url)
    ask(page, SHIPS)
    expect(page.locator("#panel .title")).to_have_text("Ships")
    away, make = threading.Event(), chat.make_turn

    def wait(*given: Any) -> Any:
        assert away.wait(20)
        return make(*given)

    monkeypatch.setattr(chat, "make_turn", wait)
    composer(page).fill(OAKS)
    composer(page).press("Enter")
    article = page.locator('#conversation .turn[data-turn="1"]')
    expect(article).to_be_visible()
    page.get_by_role("navigation").get_by_role("button", name="Documents").click()
    away.set()
    expect(article).to_have_attribute("data-state", "answered")
    page.get_by_role("navigation").get_by_role("button", name="Chat").click()
    expect(page.locator("#panel .title")).to_have_text("Trees")
    expect(article.locator(".question")).to_be_in_viewport(ratio=1)
    expect(article.locator(".quoted").last).to_be_in_viewport(ratio=1)


def test_a_deleted_conversation_comes_back_by_undo(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, QUESTION)
    expect_kept(page, 1)
    listed = open_list(page)
    listed.get_by_role("button", name=f"Delete {QUESTION}").click()
    expect(listed.locator("li")).to_have_count(0)
    expect(page.locator("#conversation .turn")).to_have_count(0)
    assert kept(page) == []
    listed.get_by_role("button", name="Undo").click()
    expect(listed.locator("li .name span")).to_have_text([QUESTION])
    expect(page.locator("#conversation .question")).to_have_text([QUESTION])
    page.keyboard.press("Escape")
    expect(listed).to_be_hidden()
    expect(page.get_by_role("button", name="Conversations", exact=True)).to_be_focused()
    expect_kept(page, 1)


def test_a_click_that_ends_a_renaming_does_what_it_is_for(open_page: OpenPage, ships: Served) -> None:
    page = open_page(url=ships.url)
    keep_two(page)
    listed = open_list(page)
    listed.get_by_role("button", name=f"Rename {SHIPS}").click()
    page.keyboard.type("Battleships")
    listed.get_by_role("searchbox").click()
    expect(listed.get_by_role("searchbox")).to_be_focused()
    listed.get_by_role("button", name="Rename Battleships").click()
    page.keyboard.type("Ships")
    listed.locator("li .name", has_text=OAKS).click()
    expect(page.locator("#conversation .question")).to_have_text([OAKS])
    assert kept(page)[0]["name"] == "Ships"


def test_a_deletion_is_undone_before_the_page_is_empty(open_page: OpenPage, ships: Served) -> None:
    page = open_page(url=ships.url)
    ask(page, SHIPS)
    expect_kept(page, 1)
    page.evaluate(
        """for (const action of ["conversations", "delete-conversation", "undo-delete"])
            document.querySelector(`[data-action="${action}"]`).click()"""
    )
    expect(page.locator("#latest [data-conversation]")).to_be_attached()  # of an opened one alone
    expect(page.locator("#conversation .question")).to_have_text([SHIPS])
    expect_kept(page, 1)


def test_a_conversation_can_be_exported_when_the_bar_came_after_it(
    open_page: OpenPage, ships: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page(url=ships.url)
    ask(page, SHIPS)
    expect_kept(page, 1)
    restored, draw = threading.Event(), draw_top

    def wait(*given: Any) -> Any:
        assert restored.wait(20)
        return draw({"documents": 77, "passages": 77}, *given[1:])

    monkeypatch.setattr("chatbot.app.page.draw_top", wait)
    page.reload()
    expect(page.locator("#conversation .question")).to_have_text([SHIPS], timeout=30_000)
    restored.set()
    expect(page.locator("#top .counts")).to_contain_text("77 documents")
    expect(page.get_by_role("button", name="Export")).to_be_enabled()
    expect(page.get_by_role("button", name="New", exact=True)).to_be_enabled()


def test_two_tabs_keep_both_what_they_were_told(open_page: OpenPage) -> None:
    one = open_page()
    ask(one, QUESTION)
    expect_kept(one, 1)
    other = one.context.new_page()
    other.goto(one.url)
    expect(other.locator(".welcome")).to_be_visible(timeout=20_000)
    listed = open_list(other)
    listed.locator("li .name").click()
    expect(other.locator("#conversation .turn")).to_have_count(1)
    ask(other, OFF_TOPIC)
    expect_kept(other, 2)
    ask(one, FOLLOW_UP)  # this tab knows nothing of the other's question
    expect_kept(one, 2, 2)
    first, second = kept(one)
    assert [receipt["question"] for receipt in first["receipts"]] == [QUESTION, OFF_TOPIC]
    assert [receipt["question"] for receipt in second["receipts"]] == [QUESTION, FOLLOW_UP]


def test_a_full_store_says_so_and_loses_nothing(open_page: OpenPage) -> None:
    page = open_page()
    page.evaluate("key => localStorage.setItem(key, 'x'.repeat(4_500_000))", f"{PREFIX}old")
    ask(page, QUESTION)
    expect(page.get_by_role("alert")).to_contain_text("is full. Delete some, or export this one.")
    assert page.evaluate("key => localStorage.getItem(key).length", f"{PREFIX}old") == 4_500_000
    page.get_by_role("button", name="Close this message").click()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_damaged_or_forged_store_is_no_danger(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, QUESTION)
    expect_kept(page, 1)
    page.evaluate(
        """([prefix, nasty]) => {
            const key = Object.keys(localStorage).find((key) => key.startsWith(prefix));
            const kept = JSON.parse(localStorage[key]);
            kept.name = nasty;
            kept.receipts[0].citations[0].quote = nasty;
            kept.receipts[0].citations[0].title = nasty;
            kept.receipts[0].short_answer = nasty;
            kept.receipts.push({ question: nasty });
            localStorage[key] = JSON.stringify(kept);
            localStorage[prefix + "broken"] = "{";
        }""",
        [PREFIX, NASTY],
    )
    page.reload()
    first = page.locator('#conversation .turn[data-turn="0"]')
    expect(first.locator(".cite.lost").first).to_be_visible(timeout=20_000)
    expect(first.get_by_role("list", name="Sources that have changed")).to_contain_text("no longer holds")
    expect(page.locator('#conversation .turn[data-turn="1"]')).to_contain_text("It could not be restored")
    expect(open_list(page).locator("li .name span")).to_have_text([NASTY])
    assert page.locator("#page img, #page script").count() == 0


def test_a_link_shows_the_answer_and_asks_it_again(open_page: OpenPage) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    article = ask(page, QUESTION)
    quoted = article.locator(".quoted").all_inner_texts()
    address = link_of(page, article)
    expect(article.get_by_text("Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == address
    assert re.search(r"#receipt/[0-9a-f]{20}$", address)
    page.goto(address)
    expect(page).to_have_title(f"{QUESTION[:59]}… – Footnote")
    expect(page.locator("#panel mark.current").first).to_be_visible()
    page.goto(f"{address[:-4]}none")
    expect(page.locator("#receipt")).to_contain_text("This answer cannot be shown")
    expect(page.locator("#panel .hint")).to_be_visible()
    shown = open_address(open_page(), address)
    expect(shown.locator(".question")).to_have_text(QUESTION)
    assert shown.locator(".quoted").all_inner_texts() == quoted
    expect(shown.locator(".state")).to_have_text(["unchanged"] * shown.locator(".state").count())
    shown.locator(".quoted .cite").first.click()
    expect(shown.page.locator("#panel mark").first).to_be_in_viewport()
    shown.get_by_role("button", name="Ask again").click()
    expect(shown.get_by_role("heading", name="Asked again: the same answer")).to_be_focused()
    shown.get_by_role("button", name="To the chat").press("Enter")
    expect(shown.page.locator(".welcome")).to_be_visible()
    expect(shown.page.locator("#panel .hint")).to_be_visible()
    expect(composer(shown.page)).to_be_focused()


def test_answers_tell_what_became_of_their_sources(open_page: OpenPage, ships: Served) -> None:
    page = open_page(url=ships.url)
    article = ask(page, SHIPS)
    address = link_of(page, article)
    expect_kept(page, 1)
    rewrite(ships, "ships.md", str(FILES["ships.md"]).replace("270", "271"))
    page.reload()
    restored = page.locator('#conversation .turn[data-turn="0"]')
    expect(restored.get_by_role("list", name="Sources that have changed")).to_contain_text("Source 1, Ships")
    shown = open_address(page, address)
    expect(shown.locator(".since li").first).to_contain_text("changed")
    shown.get_by_role("button", name="Ask again").click()
    expect(shown.get_by_role("heading", name="Asked again: another answer")).to_be_visible()
    expect(shown.locator(".now")).to_contain_text("271 metres")


def test_a_link_shows_the_sources_of_its_own_collection(open_page: OpenPage, two: Served) -> None:
    page = open_page(url=two.url)
    change_over(page, "harbour")
    address = link_of(page, ask(page, "How deep is the harbour of Port Nowhere?"))
    shown = open_address(open_page(url=two.url), address)  # of a visitor of the first
    panel = shown.page.locator("#panel")
    expect(panel.locator("[data-whole] [data-marks].current")).to_be_visible()  # in the whole document
    expect(panel.locator(".note")).to_be_hidden()
    expect(panel.get_by_role("link", name="Open the document")).to_have_count(0)  # that view is of ships
    page.goto(two.url)
    change_over(page, "ships")
    listed = open_list(page).locator("li .name")
    expect(listed).to_be_disabled()
    expect(listed).to_contain_text("Choose the collection “harbour” to open it")


@pytest.mark.parametrize(
    "address", ["#receipt", "#receipt/..%2FCURRENT", "#receipt/00000000000000000000", "#receipt/%"]
)
def test_an_address_of_nothing_says_so(open_page: OpenPage, served: Served, address: str) -> None:
    page = open_page()
    shown = open_address(page, f"{served.url}/{address}")
    expect(shown).to_contain_text("This answer cannot be shown")
    shown.get_by_role("button", name="To the chat").click()
    expect(page.locator(".welcome")).to_be_visible()


def test_a_follow_up_can_be_asked_as_typed(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, QUESTION)
    followed = ask(page, FOLLOW_UP)
    composer(page).fill("half a ques")
    followed.get_by_role("button", name="Ask as typed").click()
    again = page.locator('#conversation .turn[data-turn="2"]:not([data-state="waiting"])')
    expect(again.locator(".question")).to_have_text(FOLLOW_UP, timeout=20_000)
    expect(again.locator(".understood")).to_have_count(0)
    expect(composer(page)).to_have_value("half a ques")
    expect_kept(page, 3)
    assert kept(page)[0]["receipts"][2]["history"] == []


def test_the_export_menu_gives_receipts_and_a_page_to_print(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page()
    ask(page, QUESTION)
    ask(page, NASTY)
    button = page.get_by_role("button", name="Export")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Markdown")).to_be_focused()
    page.keyboard.press("Escape")
    expect(button).to_be_focused()
    expect(page.get_by_role("menu")).to_have_count(0)
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    exported = tmp_path / download.value.suggested_filename
    download.value.save_as(exported)
    assert exported.suffix == ".json"
    assert [receipt.answer.question for receipt in read_receipts(exported)] == [QUESTION, NASTY]
    button.click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="Page to print").click()
    html = Path(download.value.path()).read_text("utf-8")
    assert download.value.suggested_filename.endswith(".html")
    printed = page.context.new_page()
    printed.set_content(html)
    expect(printed.locator("h1")).to_have_text(QUESTION)
    expect(printed.locator("h2")).to_contain_text([QUESTION, NASTY])
    assert printed.locator("script, img").count() == 0
    for link in printed.locator("sup a").all():
        expect(printed.locator(str(link.get_attribute("href")))).to_have_count(1)


@pytest.mark.parametrize("width", [360, 1440])
def test_list_menu_and_receipt_fit_the_window(open_page: OpenPage, width: int) -> None:
    page = open_page(width, 740)
    address = link_of(page, ask(page, QUESTION))

    def fits(selector: str) -> None:
        box = page.locator(selector).bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width

    page.get_by_role("button", name="Export").click()
    fits('[role="menu"]')
    page.keyboard.press("Escape")
    open_list(page)
    fits("dialog.conversations")
    page.keyboard.press("Escape")
    open_address(page, address)
    fits("#receipt")
    scroll, client = page.locator("#receipt-view").evaluate("e => [e.scrollWidth, e.clientWidth]")
    assert scroll <= client
