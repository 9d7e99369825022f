"""The documents on the page, in a real browser: brought in, replaced, removed, restored, read."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from browsing import (
    FOLLOW_UP,
    NASTY,
    OFF_TOPIC,
    QUESTION,
    OpenPage,
    Served,
    ask,
    serve_in_thread,
    small_collection,
)
from gradio.utils import get_upload_folder
from playwright.sync_api import Page, Route, expect
from test_conversations_page import change_over, ships, two  # noqa: F401  # fixtures

from chatbot.app import documents
from chatbot.app.documents import is_received, read_uploads
from chatbot.collection import Collection
from chatbot.corpus import UnreadFile
from chatbot.encoder import Progress
from chatbot.formats.report import reading_report
from chatbot.index import build_index
from chatbot.library import Build, Change, Entry, Limits

browser = pytest.mark.browser
GEESE = "# Geese of Port Nowhere\n\nThe geese of Port Nowhere were counted in 1923. There were 77 of them.\n"
LIMIT = 1 << 20  # bytes that Gradio takes here
EVIL = '<img src=x onerror="alert(3)">.md'


# Without a browser ------------------------------------------------------------------------


def test_only_what_gradio_has_received_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    upload = Path(get_upload_folder()) / "hash" / "name"
    upload.parent.mkdir(parents=True)
    upload.write_text("x", encoding="utf-8")
    secret = tmp_path / "secret.md"
    secret.write_text("secret", encoding="utf-8")
    (upload.parent / "link").symlink_to(secret)
    assert is_received(str(upload))
    wrong = [secret, upload.parent / "link", upload.parent / "../../../secret.md", "/etc/passwd", "a\0b", ""]
    assert [str(path) for path in wrong if is_received(str(path))] == []
    for sent in ([{"path": str(secret), "name": "a.md"}], [{"path": str(upload)}], ["x"], [{"name": "a.md"}]):
        with pytest.raises(documents.Refusal):
            read_uploads(sent)


def test_whatever_files_are_called_they_are_drawn_as_text() -> None:
    entry = Entry(NASTY, NASTY, "Text", file=NASTY, passages=1, reason=NASTY, state="unread")
    change = Change((NASTY,), (NASTY,), (NASTY,), (), (NASTY,), NASTY)
    drawn = [
        documents.draw_row(entry),
        documents.draw_head(entry, NASTY),
        documents.draw_news(change),
        documents.draw_clashes([NASTY]),
        documents.draw_problem(NASTY),
        documents.draw_report(reading_report([], {}, [UnreadFile(NASTY, NASTY)], [NASTY])),
    ]
    for part in drawn:
        assert "&lt;script&gt;alert" in part
        assert "<script" not in part
        assert "<img" not in part


def test_all_is_called_fine_only_where_nothing_was_read_with_a_warning() -> None:
    fine = "Everything was read"
    assert fine in documents.draw_report(reading_report([], {}))
    warning = "book.epub: chapter two.xhtml is damaged (two.xhtml is missing)"
    drawn = documents.draw_report(reading_report([], {}, warnings=[warning]))
    assert fine not in drawn
    assert f"<h3>Read with a warning (1)</h3><ul><li>{warning}</li></ul>" in drawn


def test_what_is_left_out_on_purpose_is_counted() -> None:
    report = reading_report([], {})
    assert "Left out" not in documents.draw_report(report)
    left_out = {".git/config": "hidden", ".env": "hidden", "README.md": "about the corpus"}
    drawn = documents.draw_report(report, left_out)
    assert "<p>Left out on purpose: hidden (2), about the corpus (1).</p>" in drawn
    assert "Everything was read" in drawn


def test_what_could_not_be_read_is_counted_and_not_named() -> None:
    change = Change(added=("scan.pdf", "notes.md", "old.zip"), replaced=("map.pdf",))
    unread = [
        Entry(name, name, "PDF", file=file, state="unread")
        for name, file in (
            ("scan.pdf", "scan.pdf"),
            ("old.zip/letter.pdf", "old.zip"),
            ("map.pdf", "map.pdf"),
            ("b.md", "b.md"),
        )
    ]
    told = documents.draw_brought(change, unread).striptags()
    assert told == "Added notes.md and 1 more. Of what came, 3 files could not be read: Reading report"


def test_the_time_that_is_left_is_told_in_round_numbers() -> None:
    told = [documents.time_left(seconds) for seconds in (None, 0.4, 2, 33, 89, 200)]
    assert told == [
        "",
        "",
        ", about 5 s left",
        ", about 35 s left",
        ", about 90 s left",
        ", about 3 min left",
    ]


@pytest.mark.parametrize(
    ("stage", "told"),
    [
        ("reading", "Reading documents: 3 of about 1,200, about 35 s left"),
        ("embedding", "Indexing: 3 of 1,200 sentences and passages, about 35 s left"),
        ("writing", "Writing the index …"),
    ],
)
def test_each_stage_of_a_build_tells_how_far_it_is(stage: str, told: str) -> None:
    build = Build(1, running=True, stage=stage, done=3, total=1_200, left=33)
    assert documents.draw_stage(build) == told


# In a browser -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A page of its own, whose documents the tests may change."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("chatbot.app.serving.Limits", lambda: Limits(file_bytes=LIMIT))
        yield from serve_in_thread([small_collection(tmp_path_factory.mktemp("documents"))])


@pytest.fixture
def collection(own: Served) -> Iterator[Collection]:
    """Its collection, brought back to what it was afterwards."""
    collection = own.collections[0]
    before = {name: path.read_bytes() for name, path in collection.library.files().items()}
    yield collection
    collection.rebuilding.cancel()
    collection.rebuilding.wait(20)
    shutil.rmtree(collection.index / "trash", ignore_errors=True)
    for name, path in collection.library.files().items():
        if name not in before:
            path.unlink()
    for name, content in before.items():
        (collection.corpus / name).write_bytes(content)
    build_index(collection.corpus, collection.index, collection.chatbot.encoder)


OpenDocuments = Callable[..., Page]


@pytest.fixture
def open_documents(own: Served, collection: Collection, open_page: OpenPage) -> OpenDocuments:
    def open_it(**options: Any) -> Page:
        page = open_page(url=own.url, **options)
        page.get_by_role("navigation").get_by_role("button", name="Documents").click()
        expect(row(page, "barometers.md")).to_be_visible()
        return page

    return open_it


def row(page: Page, name: str) -> Any:
    return page.locator(f'#documents tr[data-name="{name}"]')


def file(tmp_path: Path, name: str, content: str = GEESE) -> Path:
    path = tmp_path / "to-add" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def choose_files(page: Page, *paths: Path) -> None:
    page.set_input_files("#documents input.files", list(paths))


def expect_built(page: Page) -> None:
    expect(page.locator("#documents .news .end")).to_contain_text("The index is up to date")
    expect(page.locator("#documents .working")).to_be_hidden()


class Gate:
    """Holds builds while they embed, until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, collection: Collection) -> None:
        self.open = threading.Event()
        kind = type(collection.chatbot.encoder)
        for name in ("encode_passages", "encode_with_tokens"):
            monkeypatch.setattr(kind, name, self._held(getattr(kind, name)))

    def _held(self, encode: Callable[..., Any]) -> Callable[..., Any]:
        def wait(encoder: Any, texts: Sequence[str], progress: Progress | None = None) -> Any:
            while not self.open.wait(0.05):
                if progress:
                    progress(0, len(texts))  # raises when the build is cancelled
            return encode(encoder, texts, progress)

        return wait


@browser
def test_the_list_shows_what_was_read_of_each_document(open_documents: OpenDocuments) -> None:
    page = open_documents()
    cells = row(page, "articles/hiroshima.md").locator("td").all_inner_texts()
    assert cells[1].startswith("The atomic bombing of Hiroshima")
    assert cells[2:4] == ["Markdown", ""]
    assert cells[4] == "5"
    expect(page.locator("#documents tbody tr")).to_have_count(9)
    expect(row(page, "barometers.md")).to_contain_text(NASTY)


@browser
def test_the_list_is_searched_and_sorted(open_documents: OpenDocuments) -> None:
    page = open_documents()
    page.get_by_role("searchbox", name="Find documents").fill("atomic NAGA")
    expect(page.locator("#documents tbody tr")).to_have_count(1)
    expect(page.locator("#documents .matches")).to_have_text("1 found")
    page.get_by_role("searchbox", name="Find documents").fill("nothing like it")
    expect(page.get_by_text("No document matches.")).to_be_visible()
    page.get_by_role("searchbox", name="Find documents").fill("")
    expect(page.locator("#documents tbody tr")).to_have_count(9)
    page.get_by_role("button", name="Title").click()
    expect(page.get_by_role("columnheader", name="Title")).to_have_attribute("aria-sort", "descending")
    expect(page.locator("#documents tbody tr").last).to_have_attribute("data-name", "barometers.md")
    page.get_by_role("button", name="Passages").click()
    expect(page.get_by_role("columnheader", name="Passages")).to_have_attribute("aria-sort", "descending")
    expect(page.locator("#documents tbody tr").last).to_have_attribute("data-name", "barometers.md")


@browser
def test_a_file_that_is_added_answers_questions(
    open_documents: OpenDocuments, collection: Collection, tmp_path: Path
) -> None:
    page = open_documents()
    choose_files(page, file(tmp_path, "gänse – 雁.md"), file(tmp_path, "empty.md", ""))
    expect(page.locator("#documents .news")).to_contain_text("Added gänse – 雁.md")
    expect(page.locator("#documents .refused")).to_contain_text("empty.md is empty")
    expect_built(page)
    expect(row(page, "gänse – 雁.md")).to_have_attribute("data-state", "read")
    expect(page.locator("#top .counts")).to_contain_text("10 documents")
    assert (collection.corpus / "gänse – 雁.md").read_text("utf-8") == GEESE
    assert not list(Path(get_upload_folder()).rglob("upload-*"))  # nothing stays to be served
    page.get_by_role("navigation").get_by_role("button", name="Chat").click()
    article = ask(page, "How many geese were counted in Port Nowhere?")
    expect(article).to_contain_text("There were 77 of them.")


@browser
def test_what_is_said_to_be_added_was_read(open_documents: OpenDocuments, tmp_path: Path) -> None:
    page = open_documents()
    headings = file(tmp_path, "a.md", "# Geese\n\n## Ducks\n")  # fit to be added, and nothing to quote
    choose_files(page, headings, file(tmp_path, "geese.md"), file(tmp_path, "ducks.txt", "The ducks left."))
    expect_built(page)
    news = page.locator("#documents .news")
    expect(news).to_contain_text("Added geese.md and 1 more.")
    expect(news).to_contain_text("Of what came, 1 file could not be read")
    news.get_by_role("link", name="Reading report").click()
    expect(page.locator("#documents .report")).to_contain_text("a.md holds headings but no text")


@browser
def test_a_folder_keeps_its_shape_and_its_hidden_files_stay_behind(
    open_documents: OpenDocuments, collection: Collection, tmp_path: Path
) -> None:
    page = open_documents()
    file(tmp_path, "birds/geese.md")
    file(tmp_path, "birds/far/ducks.txt", "Ducks swim. The ducks of Port Nowhere left in 1930.")
    file(tmp_path, "birds/.hidden.md", "Hidden.")
    page.set_input_files("#documents input.folder", tmp_path / "to-add" / "birds")
    expect_built(page)
    expect(page.locator("#documents .refused")).to_have_count(0)
    assert {n for n in collection.library.files() if "birds" in n} == {
        "birds/geese.md",
        "birds/far/ducks.txt",
    }


@browser
def test_a_file_that_is_dropped_on_the_chat_is_added(
    own: Served, collection: Collection, open_page: OpenPage
) -> None:
    page = open_page(url=own.url)
    transfer = page.evaluate_handle(
        """([name, text]) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([text], name));
            return transfer;
        }""",
        [EVIL.replace("/", ""), GEESE],
    )
    page.dispatch_event("#conversation", "dragover", {"dataTransfer": transfer})
    expect(page.locator("html")).to_have_class("files-over")
    page.dispatch_event("#conversation", "drop", {"dataTransfer": transfer})
    expect(page.locator("html")).not_to_have_class("files-over")
    expect(page.locator("#documents-view")).to_be_visible()
    expect_built(page)
    assert EVIL in collection.library.files()
    expect(page.locator("#documents img")).to_have_count(0)
    expect(page.locator("#documents tbody tr", has_text="Geese of Port")).to_contain_text(EVIL)


@browser
def test_a_folder_that_is_dropped_is_added_with_what_is_in_it(
    open_documents: OpenDocuments, collection: Collection, tmp_path: Path
) -> None:
    page = open_documents()
    file(tmp_path, "birds/geese.md")
    file(tmp_path, "birds/far/ducks.txt", "Ducks swim. The ducks of Port Nowhere left in 1930.")
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(tmp_path / "to-add" / "birds")], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": 500, "y": 500, "data": data})
    expect_built(page)
    assert {n for n in collection.library.files() if "birds" in n} == {
        "birds/geese.md",
        "birds/far/ducks.txt",
    }


@browser
def test_a_name_that_is_taken_is_asked_about(
    open_documents: OpenDocuments, collection: Collection, tmp_path: Path
) -> None:
    page = open_documents()
    old = (collection.corpus / "barometers.md").read_text("utf-8")
    choose_files(page, file(tmp_path, "barometers.md"))
    expect(page.locator("#documents .clash")).to_contain_text("barometers.md is here already")
    assert (collection.corpus / "barometers.md").read_text("utf-8") == old
    page.get_by_role("button", name="Keep both").click()
    expect_built(page)
    assert (collection.corpus / "barometers (2).md").read_text("utf-8") == GEESE
    choose_files(page, file(tmp_path, "barometers.md"))
    page.get_by_role("button", name="Leave out").click()
    expect(page.locator("#documents .clash")).to_have_count(0)
    choose_files(page, file(tmp_path, "barometers.md"))
    page.get_by_role("button", name="Replace it").click()
    expect(page.locator("#documents .news")).to_contain_text("Replaced barometers.md")
    expect_built(page)
    assert (collection.corpus / "barometers.md").read_text("utf-8") == GEESE
    expect(row(page, "barometers.md")).to_contain_text("Geese of Port Nowhere")
    page.get_by_role("button", name="Undo").click()
    expect(row(page, "barometers.md")).to_contain_text("Barometers of Port Nowhere")
    assert (collection.corpus / "barometers.md").read_text("utf-8") == old


@browser
def test_a_question_about_a_name_stays_until_it_is_answered(
    open_documents: OpenDocuments, collection: Collection, tmp_path: Path
) -> None:
    page = open_documents()
    choose_files(page, file(tmp_path, "barometers.md"))
    first = page.locator("#documents .clash").filter(has_text="barometers.md is here already")
    expect(first).to_be_visible()
    choose_files(page, file(tmp_path, "geese.md"))
    expect_built(page)
    other = file(tmp_path, "again/geese.md", GEESE + "All left.\n")
    choose_files(page, other)
    second = page.locator("#documents .clash").filter(has_text="geese.md is here already")
    expect(second).to_be_visible()
    first.get_by_role("button", name="Keep both").click()
    expect(row(page, "barometers (2).md")).to_be_visible()
    expect(first).to_have_count(0)
    second.get_by_role("button", name="Replace it").click()
    expect(page.locator("#documents .news")).to_contain_text("Replaced geese.md")
    expect(page.locator("#documents .clash")).to_have_count(0)
    assert (collection.corpus / "barometers (2).md").read_text("utf-8") == GEESE
    assert (collection.corpus / "geese.md").read_text("utf-8") == other.read_text("utf-8")


@browser
def test_a_document_is_replaced_by_a_file_of_any_name(
    open_documents: OpenDocuments, collection: Collection, tmp_path: Path
) -> None:
    page = open_documents()
    with page.expect_file_chooser() as chooser:
        row(page, "barometers.md").get_by_role("button", name="Replace").click()
    chooser.value.set_files(file(tmp_path, "geese.md"))
    expect_built(page)
    assert (collection.corpus / "barometers.md").read_text("utf-8") == GEESE
    expect(row(page, "barometers.md")).to_contain_text("Geese of Port Nowhere")


@browser
def test_a_removal_is_undone_and_a_later_one_restored_from_the_trash(
    open_documents: OpenDocuments, collection: Collection
) -> None:
    page = open_documents()
    row(page, "barometers.md").get_by_role("button", name="Remove").click()
    expect(page.locator("#documents .news")).to_contain_text("Removed barometers.md")
    expect_built(page)
    expect(row(page, "barometers.md")).to_have_count(0)
    assert not (collection.corpus / "barometers.md").exists()
    page.locator("#documents .news").get_by_role("button", name="Undo").click()
    expect(row(page, "barometers.md")).to_have_attribute("data-state", "read")
    row(page, "barometers.md").get_by_role("button", name="Remove").click()
    expect_built(page)
    page.reload()
    page.get_by_text("Removed and replaced files").click()
    page.get_by_role("button", name="Restore barometers.md").click()
    expect(row(page, "barometers.md")).to_have_attribute("data-state", "read")


@browser
def test_a_build_shows_how_far_it_is_while_the_chat_goes_on_and_can_be_cancelled(
    open_documents: OpenDocuments, collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_documents()
    gate = Gate(monkeypatch, collection)
    choose_files(page, file(tmp_path, "geese.md"))
    expect(page.locator("#documents .working")).to_contain_text("Indexing: 0 of")
    expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "0")
    expect(row(page, "geese.md")).to_have_attribute("data-state", "waiting")

    choose_files(page, file(tmp_path, "ducks.md", "# Ducks\n\nThe ducks left in 1930.\n"))  # meanwhile
    expect(row(page, "ducks.md")).to_have_attribute("data-state", "waiting")
    page.get_by_role("navigation").get_by_role("button", name="Chat").click()
    expect(ask(page, QUESTION)).to_have_attribute("data-state", "answered")

    page.get_by_role("navigation").get_by_role("button", name="Documents").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#documents .news .end")).to_contain_text("Cancelled. The chat goes on")
    assert "geese.md" in collection.library.files()
    expect(page.locator("#documents .behind")).to_contain_text("2 files changed since the index was built")

    gate.open.set()
    page.get_by_role("button", name="Update the index").click()
    expect_built(page)
    for name in ("geese.md", "ducks.md"):
        expect(row(page, name)).to_have_attribute("data-state", "read")
    expect(page.locator("#documents .behind")).to_be_empty()

    page.get_by_role("navigation").get_by_role("button", name="Chat").click()
    expect(page.locator("#conversation .turn .question")).to_have_text([QUESTION])
    expect(page.locator("#panel mark.current").first).to_be_in_viewport()
    expect(ask(page, FOLLOW_UP).locator(".understood")).to_contain_text("Molotov")
    receipts = [turn.get_attribute("data-receipt") for turn in page.locator("#conversation .turn").all()]
    before, after = (json.loads(str(receipt))["index"]["generation"] for receipt in receipts)
    assert before != after


@browser
def test_a_build_that_fails_says_why_and_the_chat_goes_on(
    open_documents: OpenDocuments, collection: Collection
) -> None:
    page = open_documents()
    (collection.corpus / "broken.jsonl").write_text("{", encoding="utf-8")  # past the page
    page.reload()
    page.get_by_role("button", name="Update the index").click()
    expect(page.locator("#documents .news")).to_contain_text("broken.jsonl:1: broken JSON")
    page.get_by_role("navigation").get_by_role("button", name="Chat").click()
    expect(ask(page, QUESTION)).to_have_attribute("data-state", "answered")


@browser
def test_an_upload_is_cancelled_before_it_arrives(
    open_documents: OpenDocuments, collection: Collection, tmp_path: Path
) -> None:
    page = open_documents()
    page.route("**/upload", lambda route: None)  # never arrives
    choose_files(page, file(tmp_path, "geese.md"))
    expect(page.locator("#documents .working")).to_contain_text("Sending file")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#documents .news")).to_contain_text("Nothing was added")
    expect(page.locator("#documents .working")).to_be_hidden()
    assert "geese.md" not in collection.library.files()
    page.unroute("**/upload")
    choose_files(page, file(tmp_path, "geese.md"))
    expect_built(page)


@browser
def test_a_file_above_the_limit_is_not_even_sent_and_the_server_would_not_take_it(
    open_documents: OpenDocuments, collection: Collection, own: Served, tmp_path: Path
) -> None:
    page = open_documents()
    page.locator("#documents .library").evaluate("view => view.dataset.fileBytes = 100")
    choose_files(page, file(tmp_path, "long.md", "x" * 101), file(tmp_path, "short.md", "Geese are birds."))
    expect(page.locator("#documents .refused")).to_contain_text("long.md has 101 bytes, more than")
    expect_built(page)
    assert "short.md" in collection.library.files()
    assert "long.md" not in collection.library.files()


@browser
def test_the_reading_report_tells_what_was_lost_and_what_repeats(
    open_documents: OpenDocuments, collection: Collection
) -> None:
    (collection.corpus / "scan.pdf").write_bytes(b"no pdf")
    (collection.corpus / "minutes.doc").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512))
    (collection.corpus / "twin.md").write_bytes((collection.corpus / "barometers.md").read_bytes())
    (collection.corpus / "garbled.txt").write_text("Caf\ufffd and na\ufffdve. " * 3, encoding="utf-8")
    (collection.corpus / "guessed.txt").write_bytes("The café of the museum opens at noon.".encode("cp1252"))
    build_index(collection.corpus, collection.index, collection.chatbot.encoder)
    page = open_documents()
    expect(row(page, "scan.pdf")).to_contain_text("scan.pdf ends in .pdf but is no PDF")
    expect(page.get_by_text("Reading report")).to_have_text("Reading report · 2 files not read")
    page.get_by_text("Reading report").click()
    report = page.locator("#documents .report")
    expect(report).to_contain_text("12 documents read, 2 files not read")
    expect(report).to_contain_text("Left out on purpose: about the corpus (1).")
    expect(report).to_contain_text("scan.pdf ends in .pdf but is no PDF")
    expect(report).to_contain_text(
        "minutes.doc is a file of Word before 2007; open it in Word or LibreOffice"
    )
    expect(report).to_contain_text("and save it as .docx")
    expect(report).to_contain_text("twin.md repeats barometers.md")
    expect(report).to_contain_text("garbled.txt: 6 places")
    expect(report).to_contain_text("guessed.txt: read as cp1252; save it as UTF-8 if that is wrong")


@browser
def test_an_answer_that_found_nothing_leads_to_the_reading_report_by_keyboard(
    open_documents: OpenDocuments, collection: Collection
) -> None:
    page = open_documents()
    page.get_by_role("navigation").get_by_role("button", name="Chat").click()
    expect(ask(page, OFF_TOPIC)).to_have_attribute("data-state", "not_found")
    expect(page.get_by_role("link", name="Reading report")).to_have_count(0)  # all was read
    (collection.corpus / "scan.pdf").write_bytes(b"no pdf")
    build_index(collection.corpus, collection.index, collection.chatbot.encoder)
    unread = ask(page, OFF_TOPIC).locator(".unread")
    unread.get_by_text("1 file could not be read").focus()
    page.keyboard.press("Enter")
    expect(unread.get_by_text("scan.pdf")).to_be_visible()
    page.keyboard.press("Tab")
    expect(unread.get_by_role("link", name="Reading report")).to_be_focused()
    page.keyboard.press("Enter")
    report = page.locator("#documents .report")
    expect(report.locator("summary")).to_be_focused()
    expect(report.locator("summary")).to_be_in_viewport()
    expect(report).to_contain_text("scan.pdf ends in .pdf but is no PDF")


@browser
def test_a_document_opens_in_full_with_the_cited_sentences_marked(open_documents: OpenDocuments) -> None:
    page = open_documents()
    page.get_by_role("navigation").get_by_role("button", name="Chat").click()
    cited = ask(page, QUESTION).locator(".view").first
    doc_id, quote = cited.get_attribute("data-doc"), cited.locator("mark").first.text_content()
    page.get_by_role("navigation").get_by_role("button", name="Documents").click()
    row(page, str(doc_id)).get_by_role("link").click()
    text = page.locator("#documents .whole-document")
    expect(text.get_by_role("heading", level=2)).to_be_focused()
    expect(text.locator("mark").first).to_be_in_viewport()
    assert str(quote) in text.locator("mark").all_text_contents()
    expect(text).to_contain_text("The reasons given")  # the whole of it
    page.get_by_role("link", name="All documents").click()
    expect(row(page, "barometers.md")).to_be_visible()
    expect(row(page, str(doc_id)).get_by_role("link")).to_be_focused()
    expect(text).to_be_hidden()


@browser
def test_the_questions_to_try_are_about_documents_that_are_there(open_documents: OpenDocuments) -> None:
    page = open_documents()
    expect(page.locator(".examples")).to_contain_text("What was the Nagasaki bomb?")
    row(page, "articles/nagasaki.md").get_by_role("button", name="Remove").click()
    expect_built(page)
    page.get_by_role("navigation").get_by_role("button", name="Chat").click()
    expect(page.locator(".examples")).not_to_contain_text("Nagasaki bomb")
    expect(page.locator(".examples button").first).to_be_visible()


@browser
def test_the_address_of_a_document_leads_to_it_again(open_documents: OpenDocuments) -> None:
    page = open_documents()
    row(page, "articles/nagasaki.md").get_by_role("link").click()
    title = page.locator(".whole-document").get_by_role("heading", level=2)
    expect(title).to_have_text("The atomic bombing of Nagasaki")
    page.reload()
    expect(title).to_have_text("The atomic bombing of Nagasaki")
    expect(page.locator("#top [data-go=documents]")).to_have_attribute("aria-current", "page")


@browser
def test_a_document_full_of_html_opens_as_text(open_documents: OpenDocuments) -> None:
    page = open_documents()
    row(page, "barometers.md").get_by_role("link").click()
    expect(page.locator(".whole-document .page-text")).to_contain_text(NASTY)
    expect(page.locator(".whole-document :is(img, script)")).to_have_count(0)


@browser
def test_an_address_of_no_document_leads_to_the_list(open_documents: OpenDocuments) -> None:
    page = open_documents()
    page.evaluate("location.hash = '#documents/..%2F..%2Fetc%2Fpasswd'")
    expect(page.locator("#documents .refused")).to_contain_text("There is no document '../../etc/passwd'")
    expect(row(page, "barometers.md")).to_be_visible()
    page.get_by_role("navigation").get_by_role("button", name="Chat").click()
    page.evaluate("location.hash = '#documents/nothing'")
    expect(page.locator("#documents .refused")).to_contain_text("There is no document 'nothing'")
    page.go_back()  # and not to that address, which leads here again
    expect(page.locator("#chat")).to_be_visible()
    page.wait_for_timeout(500)
    expect(page.locator("#chat")).to_be_visible()


@browser
def test_the_keyboard_alone_removes_and_restores(open_documents: OpenDocuments) -> None:
    page = open_documents()
    row(page, "barometers.md").get_by_role("button", name="Remove").focus()
    page.keyboard.press("Enter")
    expect_built(page)
    expect(row(page, "barometers.md")).to_have_count(0)
    assert page.evaluate("document.querySelector('#documents').contains(document.activeElement)")
    page.locator("#documents .news").get_by_role("button", name="Undo").focus()
    page.keyboard.press("Space")
    expect(row(page, "barometers.md")).to_have_attribute("data-state", "read")
    assert page.evaluate("document.querySelector('#documents').contains(document.activeElement)")


@browser
def test_a_button_that_is_pressed_twice_does_its_work_once(open_documents: OpenDocuments) -> None:
    page = open_documents()
    row(page, "barometers.md").get_by_role("button", name="Remove").dblclick()
    expect_built(page)
    expect(page.locator("#documents .news")).to_contain_text("Removed barometers.md")
    expect(page.locator("#documents .refused")).to_have_count(0)
    page.locator("#documents .news").get_by_role("button", name="Undo").dblclick()
    expect_built(page)
    expect(row(page, "barometers.md")).to_have_attribute("data-state", "read")
    expect(page.locator("#documents .refused")).to_have_count(0)


@browser
def test_files_go_where_they_were_brought_also_when_the_reader_has_changed_over(
    open_page: OpenPage,
    two: Served,  # noqa: F811
    tmp_path: Path,
) -> None:
    held = list[Route]()
    page = open_page(url=two.url)
    page.get_by_role("navigation").get_by_role("button", name="Documents").click()
    expect(row(page, "ships.md")).to_be_visible()
    page.route("**/gradio_api/upload*", lambda route: held.append(route))
    with page.expect_request("**/gradio_api/upload*"):
        choose_files(page, file(tmp_path, "geese.md"))
    change_over(page, "harbour")
    expect(row(page, "harbour.md")).to_be_visible()
    [upload] = held
    upload.continue_()
    expect(page.locator("#documents .working")).to_be_hidden()
    first, second = two.collections
    assert (first.corpus / "geese.md").read_text("utf-8") == GEESE
    assert not (second.corpus / "geese.md").exists()
    first.rebuilding.wait(20)


@browser
@pytest.mark.parametrize("width", [360, 760, 1440])
def test_nothing_runs_over_the_edge(open_documents: OpenDocuments, width: int) -> None:
    page = open_documents()
    page.set_viewport_size({"width": width, "height": 700})
    over = "[...document.querySelectorAll('#documents :not(.unseen, .unseen *)')].filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 80))"
    assert page.evaluate(over) == []
    row(page, "barometers.md").get_by_role("link").click()
    expect(page.locator(".whole-document")).to_be_visible()
    assert page.evaluate(over) == []


# Past the page ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def call(own: Served) -> Callable[..., Any]:
    """Calls one of the view's functions as a program would."""
    with urlopen(f"{own.url}/config") as reply:
        config = json.load(reply)
    (component,) = [c["id"] for c in config["components"] if c["props"].get("elem_id") == "documents"]

    def post(name: str, asked: Any) -> Any:
        body = {"session_hash": "test", "component_id": component, "fn_name": name, "data": asked}
        headers = {"Content-Type": "text/plain"}
        request = Request(f"{own.url}/gradio_api/component_server", json.dumps(body).encode(), headers)
        with urlopen(request) as reply:
            return json.load(reply)

    return post


@browser
def test_no_request_without_sense_changes_anything(
    own: Served, collection: Collection, call: Callable[..., Any], tmp_path: Path
) -> None:
    before = {name: path.read_bytes() for name, path in collection.library.files().items()}
    secret = tmp_path / "secret.md"
    secret.write_text(GEESE, encoding="utf-8")
    name = {"collection": "corpus"}
    replies = [
        call("remove_file", {**name, "file": "../index/CURRENT"}),
        call("remove_file", {"collection": "other", "file": "barometers.md"}),
        call("remove_file", ["barometers.md"]),
        call("restore_files", {**name, "undo": "../../corpus"}),
        call("add_files", {**name, "files": [{"path": str(secret), "name": "a.md"}]}),
        call("add_files", {**name, "files": [{"path": "/etc/passwd", "name": "a.md"}]}),
    ]
    assert all(set(reply) == {"problem"} for reply in replies), replies
    assert secret.exists()
    assert {name: path.read_bytes() for name, path in collection.library.files().items()} == before


@browser
@pytest.mark.parametrize("name", ["../../x.md", "/tmp/x.md", "a/../../b.md", "C:\\x.md", "a\0.md", ".x.md"])
def test_an_upload_cannot_leave_the_folder(
    own: Served, collection: Collection, call: Callable[..., Any], name: str
) -> None:
    path = send(own.url, GEESE.encode())
    reply = call("add_files", {"collection": "corpus", "files": [{"path": path, "name": name}]})
    assert "1 file not taken" in reply["news"]
    assert not Path(path).exists()
    assert {entry.state for entry in collection.library.entries(collection.live_index)} == {"read"}


@browser
def test_gradio_refuses_what_is_above_the_limit(own: Served) -> None:
    assert Path(send(own.url, bytes(LIMIT))).stat().st_size == LIMIT
    with pytest.raises(HTTPError, match="413"):
        send(own.url, bytes(LIMIT + 1))


def send(url: str, content: bytes) -> str:
    """What Gradio's upload gives back."""
    boundary = "--------geese"
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{time.time_ns()}"\r\n\r\n'
    )
    body = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    with urlopen(Request(f"{url}/gradio_api/upload", body, headers)) as reply:
        return str(json.load(reply)[0])
