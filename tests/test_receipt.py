"""Receipts: what they hold, what is refused as one, what is kept of them, and what asking again tells."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from browsing import NASTY
from conftest import FILES, HashEncoder
from test_answer import parameters

from chatbot import __main__ as commands
from chatbot.answer import Chatbot
from chatbot.app import markdown, printing, receipts, turns
from chatbot.app.chat import keep_receipt, restore_turns
from chatbot.app.text import name_time
from chatbot.app.turns import Lost, Turn, restore_turn
from chatbot.collection import Collection, Place, open_chatbot
from chatbot.errors import ReceiptError
from chatbot.index import build_index
from chatbot.receipt import (
    HISTORY,
    Receipt,
    ReceiptFolder,
    make_receipt,
    parse_receipt,
    read_receipt,
    read_receipts,
    replay,
)

QUESTION = "How long is the Missouri?"
QUOTE = "The Missouri is 270 metres long."
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture
def collection(built: tuple[Path, Path]) -> Collection:
    corpus, index = built
    return Collection("ships", corpus, index, Chatbot(index, HashEncoder(), None, parameters()))


@pytest.fixture
def receipt(collection: Collection) -> Receipt:
    answer = collection.chatbot.answer(QUESTION)
    assert answer.citations[0].quote == QUOTE
    return make_receipt(answer, collection="ships", now=NOW)


@pytest.fixture
def rewrite(collection: Collection) -> Callable[..., None]:
    """Change a document and build again; None removes it."""

    def change(name: str, text: str | None) -> None:
        path = collection.corpus / name
        path.unlink() if text is None else path.write_text(text)
        build_index(collection.corpus, collection.index, HashEncoder())

    return change


def as_json(receipt: Receipt, **changes: Any) -> dict[str, Any]:
    return json.loads(json.dumps({**receipt.to_json(), **changes}))  # type: ignore[no-any-return]


# ---- what it holds


def test_a_receipt_is_the_answer_json_and_how_it_was_asked(receipt: Receipt) -> None:
    held = receipt.to_json()
    answer = receipt.answer.to_json()
    assert {key: held[key] for key in answer} == answer
    assert held["format"] == 1
    assert held["time"] == "2026-11-24T12:00:00.000+00:00"
    assert (held["collection"], held["history"], held["history_quotes"]) == ("ships", [], [])


def test_reading_what_was_written_changes_nothing(receipt: Receipt, tmp_path: Path) -> None:
    asked = make_receipt(receipt.answer, ["Where?", "Why?"], ["There."], now=NOW)
    assert (asked.history, asked.quoted) == (("Where?", "Why?"), ("There.", ""))
    path = tmp_path / "receipt.json"
    path.write_text(json.dumps(asked.to_json()))
    assert read_receipt(path).to_json() == asked.to_json()
    told = make_receipt(replace(receipt.answer, unmentioned=("Stalin",), unanswered=("And why?",)), now=NOW)
    read = parse_receipt(as_json(told)).answer
    assert (read.unmentioned, read.unanswered) == (("Stalin",), ("And why?",))
    assert not {"unmentioned", "unanswered"} & receipt.to_json().keys()


def test_only_the_latest_turns_are_history(receipt: Receipt) -> None:
    asked = make_receipt(receipt.answer, [f"Question {n}?" for n in range(50)], [])
    assert len(asked.history) == HISTORY
    assert asked.history[-1] == "Question 49?"


def test_the_plain_output_of_ask_is_a_receipt(receipt: Receipt, tmp_path: Path) -> None:
    path = tmp_path / "answer.json"
    path.write_text(json.dumps({"id": "", **receipt.answer.to_json()}))
    read = read_receipt(path)
    assert read.answer.to_json() == receipt.answer.to_json()
    assert (read.history, read.time, read.collection) == ((), "", "")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_receipt_is_read_as_a_windows_shell_writes_it(
    receipt: Receipt, tmp_path: Path, encoding: str
) -> None:
    path = tmp_path / "answer.json"
    path.write_text(json.dumps(receipt.answer.to_json(), ensure_ascii=False), encoding=encoding)
    assert read_receipt(path).answer.citations[0].quote == QUOTE


def test_an_answer_from_before_quotes_had_a_confidence_is_read(receipt: Receipt) -> None:
    held = as_json(receipt)
    for citation in held["citations"]:
        assert citation.pop("confidence") is not None
    read = parse_receipt(held, "old")
    assert {citation.confidence for citation in read.answer.citations} == {None}


def test_an_exported_conversation_holds_several(receipt: Receipt, tmp_path: Path) -> None:
    path = tmp_path / "conversation.json"
    path.write_text(json.dumps({"format": 1, "name": "x", "receipts": [receipt.to_json()] * 2}))
    assert len(read_receipts(path)) == 2
    with pytest.raises(ReceiptError, match=r"conversation.json holds 2 receipts; give a file with one"):
        read_receipt(path)


# ---- what is refused


NOTHING = {"missing_terms": [], "searched": {"documents": 1, "passages": 1}, "unread_files": []}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 2}, '"format" is 2, this program reads 1; open it with the version'),
        ({"question": 7}, '"question" is not a string; save it again'),
        ({"question": "  "}, '"question" is empty'),
        ({"question": "x" * 2001}, "longer than 2,000"),
        ({"status": "<b>"}, '"status" is none of answered'),
        ({"confidence": None}, '"confidence" is missing, expected a number'),
        ({"confidence": float("nan")}, '"confidence" is not a number'),
        ({"confidence": 10**400}, '"confidence" is not a number'),
        ({"confidence": 1.5}, "not between 0 and 1"),
        ({"citations": {}}, '"citations" is not a list'),
        ({"citations": ["x"]}, r"citations\[0\] is not a JSON object"),
        ({"citations": [{"number": 1}]}, r'citations\[0\]: "start" is missing'),
        ({"hits": [{}] * 1001}, '"hits" is not a list of at most 1,000'),
        ({"history": [1]}, '"history" is not a list of strings'),
        ({"index": []}, "index is not a JSON object"),
        ({"not_found": {"searched": {"documents": 1, "passages": 1}}}, '"missing_terms" is missing'),
        ({"not_found": NOTHING | {"searched": {"documents": -1, "passages": 1}}}, '"documents" is not'),
    ],
)
def test_what_is_no_receipt_is_refused_with_file_fault_and_remedy(
    receipt: Receipt, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    path = tmp_path / "damaged.json"
    path.write_text(json.dumps({**receipt.to_json(), **changes}))
    with pytest.raises(ReceiptError, match=message) as caught:
        read_receipt(path)
    assert str(caught.value).startswith(str(path))


def test_all_files_that_a_large_collection_could_not_read_may_be_named(
    receipt: Receipt, tmp_path: Path
) -> None:
    unread = [f"photo {number}.png" for number in range(1001)]
    path = tmp_path / "many.json"
    path.write_text(json.dumps({**receipt.to_json(), "not_found": NOTHING | {"unread_files": unread}}))
    missing = read_receipt(path).answer.not_found
    assert missing
    assert list(missing.unread_files) == unread


@pytest.mark.parametrize(
    "change", [{"start": True}, {"start": -1}, {"end": 0}, {"number": 2}, {"quote": None}, {"page": "1"}]
)
def test_a_citation_that_makes_no_sense_is_refused(receipt: Receipt, change: dict[str, Any]) -> None:
    data = as_json(receipt)
    data["citations"][0] |= change
    with pytest.raises(ReceiptError, match="citations"):
        parse_receipt(data)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"[]", b"null", b'"x"'])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(ReceiptError, match=r"x\.json"):
        read_receipt(path)
    with pytest.raises(ReceiptError, match="cannot be read"):
        read_receipt(tmp_path)


# ---- keeping


def test_a_kept_receipt_is_found_by_its_id_and_written_once(receipt: Receipt, tmp_path: Path) -> None:
    folder = ReceiptFolder(tmp_path / "receipts")
    receipt_id = folder.keep(receipt)
    assert folder.keep(receipt) == receipt_id
    assert folder.keep(replace(receipt, time="later")) != receipt_id
    assert folder.load(receipt_id).to_json() == receipt.to_json()
    assert len(list(folder.folder.iterdir())) == 2


@pytest.mark.parametrize(
    "receipt_id", ["", "..", "../CURRENT", "../../etc/passwd", "a" * 19, "A" * 20, "a" * 20 + "\n", "a/b" * 7]
)
def test_no_address_leads_out_of_the_folder(tmp_path: Path, receipt_id: str) -> None:
    with pytest.raises(ReceiptError, match="not the address of an answer"):
        ReceiptFolder(tmp_path).load(receipt_id)


def test_a_receipt_that_is_gone_or_was_changed_is_not_shown(receipt: Receipt, tmp_path: Path) -> None:
    folder = ReceiptFolder(tmp_path)
    with pytest.raises(ReceiptError, match="no answer is kept under this address"):
        folder.load("a" * 20)
    receipt_id = folder.keep(receipt)
    path = tmp_path / f"{receipt_id}.json"
    path.write_text(path.read_text().replace("270", "999"))
    with pytest.raises(ReceiptError, match="was changed after it was written"):
        folder.load(receipt_id)


def test_nothing_is_left_of_a_receipt_that_could_not_be_written(
    receipt: Receipt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space"):
        ReceiptFolder(tmp_path / "r").keep(receipt)
    assert list((tmp_path / "r").iterdir()) == []


def test_a_link_holds_no_earlier_question_that_had_no_part_in_the_answer(
    receipt: Receipt, tmp_path: Path
) -> None:
    folder = ReceiptFolder(tmp_path)
    followed = replace(receipt.answer, standalone_question="How long is the battleship Missouri?")
    for answer, history in ((receipt.answer, ()), (followed, ("Where is she?",))):
        turn = Turn(QUESTION, answer, receipt=make_receipt(answer, ["Where is she?"], ["At sea."]))
        status = keep_receipt(folder, {"turn": 0}, [turn])
        assert folder.load(status.split('data-link="')[1][:20]).history == history
    for nonsense in ({}, {"turn": 5}, {"turn": -1}, {"turn": "0"}, {"turn": True}):
        assert keep_receipt(folder, nonsense, [Turn("Q", error="No.")]) == ""


# ---- asking again


def test_the_same_documents_give_the_same_answer(receipt: Receipt, collection: Collection) -> None:
    again = replay(receipt, collection.chatbot)
    assert again.same
    assert len(again.kept) == len(receipt.answer.citations)
    assert (again.new, again.gone, again.moved) == ((), (), ())
    assert {verdict.state for verdict in again.verdicts} == {"valid"}
    assert "The answer is the same." in str(again)


def test_a_document_that_changed_shows_in_quotes_hits_and_verdicts(
    receipt: Receipt, collection: Collection, rewrite: Callable[..., None]
) -> None:
    rewrite("ships.md", "# Ships\n\nShe lay in Tokyo Bay.\n\nThe Missouri is 271 metres long.\n")
    again = replay(receipt, collection.chatbot)
    assert not again.same
    assert QUOTE in [citation.quote for citation in again.gone]
    assert "The Missouri is 271 metres long." in [citation.quote for citation in again.new]
    assert again.verdicts[0].state == "changed"
    assert again.moved
    told = str(again)
    assert "The answer is different." in told
    assert f"quote gone: [1] Ships: {QUOTE}" in told
    assert "[1] changed  ships.md: the document no longer holds these words" in told


def test_a_quote_that_only_moved_is_kept(
    receipt: Receipt, collection: Collection, rewrite: Callable[..., None]
) -> None:
    rewrite("ships.md", str(FILES["ships.md"]).replace("## Size", "Much was written.\n\n## Size"))
    again = replay(receipt, collection.chatbot)
    assert again.verdicts[0].state == "moved"
    assert QUOTE in [citation.quote for citation in again.kept]


def test_a_document_that_went_is_told(
    receipt: Receipt, collection: Collection, rewrite: Callable[..., None]
) -> None:
    rewrite("ships.md", None)
    assert replay(receipt, collection.chatbot).verdicts[0].state == "gone"


def test_a_follow_up_is_asked_again_with_its_history(collection: Collection) -> None:
    history, quoted = ["What is the Missouri?"], ["The Missouri is a battleship."]
    answer = collection.chatbot.answer("How long is she?", history, quoted)
    assert answer.standalone_question != "How long is she?"
    again = replay(make_receipt(answer, history, quoted), collection.chatbot)
    assert again.now.standalone_question == answer.standalone_question
    assert replay(make_receipt(answer), collection.chatbot).now.standalone_question == "How long is she?"


def test_the_command_exits_by_what_it_finds(
    receipt: Receipt,
    collection: Collection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("chatbot.collection.open_collections", lambda places, tell: [collection])
    monkeypatch.setattr(commands, "_places", lambda options: [Place("ships", Path(), Path())])
    path = tmp_path / "receipt.json"
    path.write_text(json.dumps(receipt.to_json()))
    assert commands.main(["replay", str(path)]) == 0
    assert "The answer is the same." in capsys.readouterr().out
    path.write_text(json.dumps({**receipt.to_json(), "short_answer": "half \ud83d"}))
    assert commands.main(["replay", str(path)]) == 1
    assert "short answer: half ?" in capsys.readouterr().out
    path.write_text("{")
    assert commands.main(["replay", str(path)]) == 2
    assert "receipt.json is not JSON" in capsys.readouterr().err


def test_the_command_asks_the_collection_of_each_receipt(
    receipt: Receipt,
    collection: Collection,
    make_corpus: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("chatbot.collection.load_encoder", lambda model: HashEncoder())
    monkeypatch.setattr("chatbot.collection.load_network_reader", lambda: None)
    monkeypatch.setattr("chatbot.answer.load_parameters", parameters)
    birds = make_corpus({"geese.md": "The geese were counted in 1923. There were 77 geese."}, "birds")
    places = [
        "--corpus",
        str(birds),
        "--corpus",
        f"ships={collection.corpus}",
        "--index",
        str(tmp_path / "i"),
    ]
    counted = open_chatbot(birds, tmp_path / "counted").answer("How many geese were there?")
    geese = make_receipt(counted, collection="birds")
    path = tmp_path / "receipt.json"
    path.write_text(json.dumps({"receipts": [receipt.to_json(), geese.to_json(), receipt.to_json()]}))
    assert commands.main(["replay", str(path), *places]) == 0
    assert capsys.readouterr().out.count("The answer is the same.") == 3
    path.write_text(json.dumps(as_json(receipt, collection="boats")))
    assert commands.main(["replay", str(path), *places]) == 2
    assert "no collection is called 'boats' among birds, ships;" in capsys.readouterr().err


# ---- restoring: a receipt from a browser may be anyone's


def test_a_restored_quote_gets_its_source_from_the_document(receipt: Receipt, collection: Collection) -> None:
    data = as_json(receipt)
    data["citations"][0] |= {"title": "Forged", "section": "Forged", "source": "https://forged", "page": 3}
    turn = restore_turn(collection, parse_receipt(data))
    assert turn.answer is not None
    [cited, *_] = turn.answer.citations
    assert (cited.title, cited.source, cited.page) == ("Ships", "ships.md", None)
    assert cited.section == ""
    assert turn.sources[0].citation == cited
    assert "Tokyo Bay" in turn.sources[0].before
    true = restore_turn(collection, receipt).answer
    assert true is not None
    assert true.citations == receipt.answer.citations
    assert true.text == receipt.answer.text


def test_restored_hits_are_the_passages_that_are_still_there(
    receipt: Receipt, collection: Collection, rewrite: Callable[..., None]
) -> None:
    read = parse_receipt(as_json(receipt))
    restored = restore_turn(collection, read).answer
    assert restored is not None
    then = [(hit.passage, hit.text, hit.title, hit.source, hit.score) for hit in receipt.answer.hits]
    assert [(hit.passage, hit.text, hit.title, hit.source, hit.score) for hit in restored.hits] == then
    gone = restored.hits[0].passage.doc_id
    rewrite(gone, None)
    restored = restore_turn(collection, read).answer
    assert restored is not None
    assert {hit.passage.doc_id for hit in restored.hits if not hit.text} == {gone}


def test_a_short_answer_kept_as_the_document_has_it_is_shown_on_one_line(
    receipt: Receipt, collection: Collection
) -> None:
    data = as_json(receipt, short_answer="4\nMay")
    data["citations"] = [data["citations"][0] | {"quote": "It fell on 4\nMay."}]
    turn = restore_turn(collection, parse_receipt(data))
    assert turn.answer is not None
    assert turn.answer.short_answer == "4 May"


def test_a_forged_quote_is_no_citation(receipt: Receipt, collection: Collection) -> None:
    data = as_json(receipt, text=f"Forged {NASTY} [1]", short_answer="forged", status="answered")
    data["citations"] = [data["citations"][0] | {"quote": "Forged quote."}]
    turn = restore_turn(collection, parse_receipt(data))
    assert turn.answer is not None
    assert isinstance(turn.answer.citations[0], Lost)
    assert turn.answer.text == "Forged quote. [1]"
    assert turn.answer.short_answer == ""
    assert turn.sources == ()
    drawn = restore_turns(collection, {"receipts": [data], "id": NASTY}).latest
    assert '<button type="button" class="cite"' not in drawn
    assert "the document no longer holds these words" in drawn
    assert "(the source has changed since)" in markdown.turn_markdown(turn)
    assert "(the source has changed since)" in printing.printable([turn], "", "")


def test_a_moved_quote_is_cited_where_it_stands_now(
    receipt: Receipt, collection: Collection, rewrite: Callable[..., None]
) -> None:
    rewrite("ships.md", str(FILES["ships.md"]).replace("## Size", "Much was written.\n\n## Size"))
    turn = restore_turn(collection, receipt)
    assert turn.answer is not None
    cited = turn.answer.citations[0]
    assert collection.live_index.document("ships.md").text[cited.start : cited.end] == QUOTE
    assert cited.start != receipt.answer.citations[0].start


def test_small_talk_is_not_believed_either(receipt: Receipt, collection: Collection) -> None:
    data = as_json(receipt, status="smalltalk", question="Thank you", text="Send me money.", citations=[])
    turn = restore_turn(collection, parse_receipt(data))
    assert turn.answer is not None
    assert turn.answer.text
    assert "money" not in turn.answer.text
    with pytest.raises(ReceiptError, match="quotes nothing"):
        restore_turn(collection, parse_receipt({**data, "question": "What is gold?"}))


def test_what_cannot_be_restored_says_so_and_the_rest_is_there(
    receipt: Receipt, collection: Collection
) -> None:
    screen = restore_turns(collection, {"receipts": [receipt.to_json(), {"question": NASTY}, 7], "id": "x"})
    assert [turn.state for turn in screen.turns] == [receipt.answer.status, "error", "error"]
    assert 'data-conversation="x"' in screen.latest
    assert "It could not be restored" in screen.latest
    assert "<script" not in screen.earlier + screen.latest
    for nonsense in ({}, {"receipts": "x"}, {"receipts": []}):
        assert restore_turns(collection, nonsense).turns == []


def test_everything_in_a_receipt_is_escaped(receipt: Receipt, collection: Collection) -> None:
    data = as_json(
        receipt, question=NASTY, standalone_question=f"{NASTY}!", collection=NASTY, history=[NASTY]
    )
    data["citations"][0] |= {"quote": NASTY, "title": NASTY, "section": f"In {NASTY}", "doc_id": NASTY}
    data["not_found"] = {
        "missing_terms": [NASTY],
        "searched": {"documents": 1, "passages": 1},
        "unread_files": [NASTY],
    }
    data["unmentioned"] = [NASTY]
    data["hits"][0]["why"] = {NASTY: 1}
    for status in ("answered", "closest", "disagreement", "not_found"):
        read = parse_receipt({**data, "status": status})
        turn = restore_turn(collection, read)
        screen = restore_turns(collection, {"receipts": [{**data, "status": status}], "id": NASTY})
        shown = receipts.draw_page(turn, read, "0" * 20) + receipts.draw_replay(
            replay(read, collection.chatbot), collection
        )
        for html in (screen.latest, screen.status, shown, printing.printable([turn], NASTY, NASTY)):
            assert "<script" not in html
            assert "<img" not in html


# ---- the page of one answer, and the page to print


def test_the_page_of_a_receipt_says_what_became_of_each_source(
    receipt: Receipt, collection: Collection, rewrite: Callable[..., None]
) -> None:
    receipt_id = receipts.folder_of(collection).keep(receipt)
    places = {"ships": collection}
    shown = receipts.show_receipt(places, "ships", {"id": receipt_id, "n": 1})
    assert name_time(NOW.isoformat()) in shown
    assert "Every quote stands where it stood." in shown
    rewrite("ships.md", None)
    shown = receipts.show_receipt(places, "ships", {"id": receipt_id, "n": 2}, again=True)
    assert 'class="state gone"' in shown
    assert "The Missouri is 270 metres long." in shown
    assert "Asked again: another answer" in shown
    for wrong in ("../CURRENT", "0" * 20, "", 7):
        assert "This answer cannot be shown" in receipts.show_receipt(places, "ships", {"id": wrong})


def test_a_receipt_of_another_collection_is_found(
    receipt: Receipt, collection: Collection, tmp_path: Path
) -> None:
    receipt_id = receipts.folder_of(collection).keep(receipt)
    other = replace(collection, name="other", index=tmp_path / "other")
    for places in ({"other": other, "ships": collection}, {"ships": collection, "other": other}):
        assert receipts.find_receipt(places, "other", receipt_id)[0].name == "ships"
    with pytest.raises(ReceiptError, match="no answer is kept"):
        receipts.find_receipt({"other": other, "ships": collection}, "other", "0" * 20)


def test_the_page_to_print_numbers_its_sources_once(receipt: Receipt, collection: Collection) -> None:
    turn = restore_turn(collection, receipt)
    page = printing.printable([turn, turn, Turn("Refused?", error="Too long.")], "Ships <1>", "2026-11-24")
    places = {(c.doc_id, c.section, c.page) for c in receipt.answer.citations}
    assert page.startswith("<!doctype html>")
    assert page.count("<li id=") == len(places)
    assert page.count(f"{QUOTE}<sup>") == 2
    assert "Ships &lt;1&gt;" in page
    assert "Not answered: Too long." in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_sources_of_what_is_lost_are_not_opened(receipt: Receipt, collection: Collection) -> None:
    lost = replace(receipt.answer, citations=(Lost(**vars(receipt.answer.citations[0])),))
    assert list(turns.find_sources(collection.chatbot, lost)) == []
