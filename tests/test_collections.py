"""Several collections side by side: how they are named, and how the page changes between them."""

from __future__ import annotations

import argparse
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from browsing import NASTY, QUESTION, OpenPage, Served, ask, composer, serve_in_thread
from conftest import ROOT, HashEncoder
from markupsafe import Markup
from playwright.sync_api import FloatRect, Page, expect

from chatbot import __main__ as commands
from chatbot import collection as collections
from chatbot.answer import Chatbot
from chatbot.app import chat
from chatbot.app.drawing import draw_top, draw_welcome
from chatbot.collection import Collection, Place, list_places, open_collections, own_folder, read_places
from chatbot.errors import CorpusError, QuestionError
from chatbot.index import build_index

OTHER = "ships & <b>"  # a name that HTML must not take for its own
CARGO = "What did the barque Louise carry?"
SHIP = "The barque Louise carried 340 tons of salt from Port Nowhere in 1911.\n"

# ---- naming them


def test_a_folder_is_called_after_itself_and_a_named_one_as_told(tmp_path: Path) -> None:
    [papers, laws] = list_places([str(tmp_path / "papers"), "laws=~/laws"], [], tmp_path / "index")
    assert papers == Place("papers", tmp_path / "papers", tmp_path / "index")
    assert (laws.name, laws.corpus) == ("laws", Path.home() / "laws")


def test_an_equals_sign_in_a_folder_is_no_name(tmp_path: Path) -> None:
    (folder := tmp_path / "year=1945").mkdir()
    [inside, below] = list_places([str(folder), f"{folder}/part"], [], tmp_path / "index")
    assert (inside.name, inside.corpus) == ("year=1945", folder)
    assert below.corpus == folder / "part"


def test_the_others_have_index_folders_of_their_own_below_the_first(tmp_path: Path) -> None:
    corpora = [f"{name}={tmp_path / name}" for name in ("a", "b", "c d")]
    indexes = [place.index for place in list_places(corpora, [], tmp_path / "index")]
    assert indexes[0] == tmp_path / "index"
    assert all(index.parent == tmp_path / "index" / "collections" for index in indexes[1:])
    assert re.fullmatch(r"c-d-[0-9a-f]{8}", indexes[2].name)
    assert indexes == [place.index for place in list_places(corpora, [], tmp_path / "index")]
    assert own_folder(tmp_path, "b", tmp_path / "elsewhere" / "b").name != indexes[1].name


def test_index_may_be_repeated_in_the_order_of_the_corpora(tmp_path: Path) -> None:
    given = [tmp_path / "x", tmp_path / "y"]
    places = list_places(["a=a", "b=b", "c=c"], given, tmp_path / "index")
    assert [place.index for place in places[:2]] == given
    assert places[2].index.parent == tmp_path / "x" / "collections"


@pytest.mark.parametrize(
    ("corpora", "indexes", "told"),
    [
        (["x/papers", "y/papers"], [], "--corpus: two collections are called 'papers'; .*NAME=FOLDER"),
        (["Laws=x", "laws=y"], [], "two collections are called 'laws'"),
        (["a=x", "b=y"], ["i", "./i"], "'a' and 'b' have the same index folder"),
        (["a=x"], ["i", "j"], "--index is given 2 times for 1 --corpus"),
        (["a="], [], "--corpus a=: no folder after the name"),
        (["=x"], [], "--corpus =x: a collection's name is 1 to 60 printable characters"),
        (["a\nb=x"], [], "printable characters"),
    ],
)
def test_places_that_cannot_be_told_apart_are_refused(
    corpora: list[str], indexes: list[str], told: str
) -> None:
    with pytest.raises(CorpusError, match=told):
        list_places(corpora, [Path(index) for index in indexes], Path("index"))


def test_a_file_names_them_with_paths_from_its_own_folder(tmp_path: Path) -> None:
    (file := tmp_path / "collections.toml").write_text(_readme("toml"), "utf-8")
    [papers, laws] = read_places(file, Path("index"), "some-model")
    assert papers == Place("papers", tmp_path / "papers", tmp_path / "papers-index", "some-model")
    assert (laws.name, laws.corpus) == ("laws", Path.home() / "laws")
    assert laws.index == own_folder(Path("index"), "laws", Path.home() / "laws")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", r"file.toml: no \[\[collection\]\] in it"),
        ("collection = 3", r"no \[\[collection\]\] in it"),
        ("[[collection]]\nname = a\n", "file.toml is not TOML: .*line 2"),
        ('other = 1\n[[collection]]\nname = "a"\ncorpus = "a"', "unknown key 'other'"),
        ('[[collection]]\nname = "a"', "file.toml: collection 1: key 'corpus' is missing"),
        ('[[collection]]\nname = 3\ncorpus = "a"', "collection 1: key 'name' must be text in quotes"),
        (
            '[[collection]]\nname = "a"\ncorpus = "a"\nindx = "i"',
            "unknown key 'indx'; known are corpus, index, model",
        ),
        ('[[collection]]\nname = "a\\u0007"\ncorpus = "a"', "collection 1: key 'name': .*printable"),
        (
            '[[collection]]\nname = "a"\ncorpus = "a"\n' * 2,
            "file.toml: two collections are called 'a'",
        ),
    ],
)
def test_a_file_that_is_wrong_is_told_with_its_key(tmp_path: Path, text: str, told: str) -> None:
    (file := tmp_path / "file.toml").write_text(text, "utf-8")
    with pytest.raises(CorpusError, match=told):
        read_places(file, tmp_path)


def test_a_file_that_is_missing_or_not_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"none\.toml cannot be read"):
        read_places(tmp_path / "none.toml", tmp_path)
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"')
    with pytest.raises(CorpusError, match=r"latin\.toml is not TOML"):
        read_places(tmp_path / "latin.toml", tmp_path)


def _options(*arguments: str) -> argparse.Namespace:
    return commands._parser().parse_args(arguments)


def test_the_commands_default_to_the_folders_of_the_checkout() -> None:
    for command in (["serve"], ["ask", "x"], ["verify", "x.json"]):
        assert commands._places(_options(*command)) == [Place("corpus", ROOT / "corpus", ROOT / "index")]


def test_the_commands_of_the_readme_name_two_collections(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "collections.toml").write_text(_readme("toml"), "utf-8")
    monkeypatch.chdir(tmp_path)
    lines = _readme("sh").splitlines()
    assert len(lines) == 2
    for line in lines:
        command, *arguments = line.split()
        assert command == "scripts/chat"
        places = commands._places(_options("serve", *arguments))
        assert [place.name for place in places] == ["papers", "laws"]


def test_a_file_and_folders_are_not_given_together() -> None:
    with pytest.raises(QuestionError, match="takes the place of --corpus"):
        commands._places(_options("serve", "--collections", "x.toml", "--corpus", "a"))


def _readme(language: str) -> str:
    """The block of that language in the README's section."""
    section = (ROOT / "README.md").read_text("utf-8").split("\n## Several collections\n")[1].split("\n## ")[0]
    [block] = re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)
    return str(block)


# ---- opening them


def test_they_share_one_encoder_and_one_reader(
    make_corpus: Callable[..., Path],
    tmp_path: Path,
    encoder: HashEncoder,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    loaded: list[str | None] = []
    network = object()
    monkeypatch.setattr(collections, "load_encoder", lambda model: loaded.append(model) or encoder)
    monkeypatch.setattr(collections, "load_network_reader", lambda: network)
    places = list_places(
        [
            f"a={make_corpus({'a.md': 'Oaks grow slowly.'}, 'a')}",
            f"b={make_corpus({'b.md': SHIP, 'scan.pdf': b'%PDF-broken'}, 'b')}",
        ],
        [],
        tmp_path / "index",
    )
    a, b = open_collections(places, tell=True)
    assert loaded == [None]
    assert a.chatbot.encoder is b.chatbot.encoder is encoder
    assert a.chatbot.network is b.chatbot.network is network
    told = capsys.readouterr().err
    assert "a: 1 document" in told
    assert "b: not read: scan.pdf" in told
    [hit] = b.live_index.search("salt", 1)
    assert hit.text == SHIP.strip()


def test_the_live_index_is_the_one_built_last(
    make_corpus: Callable[..., Path], tmp_path: Path, encoder: HashEncoder
) -> None:
    corpus, index = make_corpus({"a.md": "Oaks grow slowly."}), tmp_path / "index"
    build_index(corpus, index, encoder)
    opened = Collection("a", corpus, index, Chatbot(index, encoder))
    make_corpus({"b.md": SHIP})
    build_index(corpus, index, encoder)
    assert [doc_id for doc_id, _ in opened.live_index.titles()] == ["a.md", "b.md"]


# ---- the switch


def test_one_collection_needs_no_switch() -> None:
    assert "<select" not in draw_top({}, {"chat": "Chat"}, ["papers"], "papers")


def test_the_switch_is_labelled_escaped_and_shows_the_current_one() -> None:
    drawn = draw_top({}, {"chat": "Chat"}, ["papers", NASTY], NASTY)
    assert "<script" not in drawn
    assert re.search(r"<label[^>]*><span[^>]*>Collection of documents</span><select", drawn)
    assert re.findall(r'<option value="papers"( selected)?>', drawn) == [""]
    assert drawn.count(" selected>") == 1


@pytest.fixture(scope="module")
def two(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    yield from serve_in_thread([served.collections[0], ship_collection(served, tmp_path_factory)])


def ship_collection(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Collection:
    """One document, with the encoder and the reader that are loaded already."""
    folder, loaded = tmp_path_factory.mktemp("ships"), served.collections[0].chatbot
    (folder / "corpus").mkdir()
    (folder / "corpus" / "louise.md").write_text(f"# The barque Louise\n\n{SHIP}", "utf-8")
    (folder / "corpus" / "qrels").mkdir()
    (folder / "corpus" / "qrels" / "dev.tsv").write_text("query-id\tcorpus-id\tscore\nq\tlouise.md\t1\n")
    (folder / "corpus" / "queries.jsonl").write_text(json.dumps({"_id": "q", "text": CARGO}), "utf-8")
    build_index(folder / "corpus", folder / "index", loaded.encoder)
    chatbot = Chatbot(folder / "index", loaded.encoder, loaded.network)
    return Collection(OTHER, folder / "corpus", folder / "index", chatbot)


def switch(page: Page, name: str) -> None:
    page.get_by_label("Collection of documents").select_option(name)
    expect(page.locator(".counts")).to_contain_text("1 document ·" if name == OTHER else "9 documents")


@pytest.mark.browser
def test_switching_asks_other_documents(open_page: OpenPage, two: Served) -> None:
    page = open_page(url=two.url)
    expect(page.locator(".counts")).to_contain_text("9 documents")
    ask(page, QUESTION)
    composer(page).fill("half typed")
    switch(page, OTHER)
    expect(page.locator(".welcome")).to_be_visible()
    expect(page.locator(".examples")).to_contain_text(CARGO)
    expect(page.locator("#status")).to_contain_text(f"These are the documents of {OTHER}.")
    expect(page.locator(".turn")).to_have_count(0)
    expect(composer(page)).to_have_value("half typed")
    expect(ask(page, CARGO)).to_contain_text("340 tons of salt")
    switch(page, "corpus")
    expect(page.locator(".turn")).to_have_count(0)
    expect(ask(page, QUESTION)).to_have_attribute("data-state", "answered")


@pytest.mark.browser
@pytest.mark.parametrize("send", ["key", "button"])
def test_a_question_asked_while_the_collection_changes_is_asked_of_the_other(
    open_page: OpenPage, two: Served, monkeypatch: pytest.MonkeyPatch, send: str
) -> None:
    drawn = threading.Event()

    def draw_slowly(collection: str) -> Markup:
        assert drawn.wait(20)
        return draw_welcome(collection)

    page = open_page(url=two.url)
    monkeypatch.setattr(chat, "draw_welcome", draw_slowly)
    page.get_by_label("Collection of documents").select_option(OTHER)
    composer(page).fill(CARGO)
    composer(page).press("Enter") if send == "key" else page.get_by_role("button", name="Send").click()
    expect(page.locator(".counts")).to_contain_text("1 document ·")
    if send == "key":
        expect(composer(page)).to_be_focused()  # the bar drawn anew leaves it there
    expect(page.locator(".turn")).to_have_count(0)
    expect(composer(page)).to_have_value(CARGO)
    drawn.set()
    expect(page.locator('.turn[data-state="answered"]')).to_contain_text("340 tons of salt", timeout=20_000)
    expect(composer(page)).to_have_value("")
    time.sleep(1)  # in which it was wiped
    expect(page.locator(".turn")).to_have_count(1)


@pytest.mark.browser
def test_a_conversation_that_opens_slowly_does_not_overwrite_another_collection(
    open_page: OpenPage, two: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def restore_slowly(collection: Collection, data: Mapping[str, Any]) -> chat.Screen:
        begun.set()
        assert go_on.wait(20)
        return restore_turns(collection, data)

    page = open_page(url=two.url)
    ask(page, QUESTION)
    page.get_by_role("button", name="New", exact=True).click()
    restore_turns = chat.restore_turns
    monkeypatch.setattr(chat, "restore_turns", restore_slowly)
    page.get_by_role("button", name="Conversations", exact=True).click()
    page.get_by_role("dialog", name="Conversations").locator("li .name").click()
    assert begun.wait(20)
    switch(page, OTHER)
    time.sleep(0.5)  # in which the other welcome came too early
    go_on.set()
    expect(page.locator(".examples")).to_contain_text(CARGO)
    expect(ask(page, CARGO)).to_contain_text("340 tons of salt")
    expect(page.locator(".turn")).to_have_count(1)


@pytest.mark.browser
def test_the_choice_is_remembered_by_the_browser_alone(open_page: OpenPage, two: Served) -> None:
    page = open_page(url=two.url)
    switch(page, OTHER)
    page.reload()
    expect(page.locator(".counts")).to_contain_text("1 document ·")
    expect(page.get_by_label("Collection of documents")).to_have_value(OTHER)
    expect(page.locator(".examples")).to_contain_text(CARGO)
    expect(open_page(url=two.url).locator(".counts")).to_contain_text("9 documents")  # another visitor


@pytest.mark.browser
def test_a_remembered_collection_that_is_gone_is_not_missed(open_page: OpenPage, two: Served) -> None:
    page = open_page(url=two.url)
    page.evaluate("localStorage.setItem('footnote-collection', 'burnt')")
    page.reload()
    expect(page.locator(".counts")).to_contain_text("9 documents")
    expect(page.get_by_label("Collection of documents")).to_have_value("corpus")
    expect(ask(page, QUESTION)).to_have_attribute("data-state", "answered")


@pytest.mark.browser
def test_the_switch_works_by_keyboard_and_keeps_the_focus(open_page: OpenPage, two: Served) -> None:
    page = open_page(url=two.url)
    page.get_by_label("Collection of documents").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".counts")).to_contain_text("1 document ·")
    expect(page.locator(".examples")).to_contain_text(CARGO)
    expect(page.get_by_label("Collection of documents")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.locator(".counts")).to_contain_text("9 documents")


LONG_NAMES = ["Annual reports of the harbour authority of Port Nowhere", "Protokolle_der_Versammlungen_" * 2]


@pytest.fixture(scope="module")
def long_named(two: Served) -> Iterator[Served]:
    named = [replace(one, name=name) for one, name in zip(two.collections, LONG_NAMES, strict=True)]
    yield from serve_in_thread(named)


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_long_names_fit_on_a_phone(open_page: OpenPage, long_named: Served, scheme: str) -> None:
    page = open_page(360, 740, url=long_named.url, color_scheme=scheme)
    ask(page, QUESTION)
    page.get_by_label("Collection of documents").select_option(LONG_NAMES[1])
    expect(page.locator(".counts")).to_contain_text("1 document ·")
    expect(page.get_by_label("Collection of documents")).to_have_attribute("title", LONG_NAMES[1])
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    boxes = [shown.bounding_box() for shown in page.locator(".bar :is(button, select):visible").all()]
    for one, other in combinations(boxes, 2):
        assert one is not None
        assert other is not None
        assert not overlap(one, other)
    assert all(box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 360 for box in boxes)
    page.get_by_role("button", name="Conversations", exact=True).click()
    listed = page.get_by_role("dialog", name="Conversations")
    expect(listed.locator("li")).to_contain_text(LONG_NAMES[0])  # about other documents
    assert listed.evaluate("box => [...box.querySelectorAll('*')].every(e => e.scrollWidth <= 360)")
    box = listed.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 360


def overlap(one: FloatRect, other: FloatRect) -> bool:
    return all(
        one[start] < other[start] + other[size] and other[start] < one[start] + one[size]
        for start, size in (("x", "width"), ("y", "height"))
    )


@pytest.mark.browser
@pytest.mark.parametrize("width", [360, 820, 1440])
def test_the_switch_leaves_the_bar_in_its_width(open_page: OpenPage, two: Served, width: int) -> None:
    page = open_page(width, 800, url=two.url)
    switch(page, OTHER)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for shown in page.locator(".bar :is(button, select):visible").all():
        box = shown.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
