"""Twenty files of a small organisation, read, indexed and asked about with the real encoder and reader."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest
from mixed_files import write_mixed_files

from chatbot.answer import Answer, Chatbot
from chatbot.corpus import corpus_files
from chatbot.encoder import load_encoder
from chatbot.index import PassageIndex, build_index
from chatbot.reader import load_network_reader

pytestmark = pytest.mark.slow
UNREAD = {
    "accounts-locked.pdf": "is locked with a password; save it without one",
    "budget-2026.docx": "ends in .docx but is an XLSX; give it the ending .xlsx",
    "constitution-1998.doc": "is a file of Word before 2007; open it in Word or LibreOffice and save it as .docx",
    "lease-scan.pdf": "is without a text layer on any of its 3 pages; recognise its text (OCR) first",
    "notes.txt": "is empty",
    "report-draft.pdf": "is damaged or cut short",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files and their index."""
    folder = tmp_path_factory.mktemp("mixed")
    write_mixed_files(folder / "files")
    build_index(folder / "files", folder / "index", load_encoder())
    return folder


@pytest.fixture(scope="module")
def bot(place: Path) -> Chatbot:
    return Chatbot(place / "index", load_encoder(), load_network_reader())


def test_no_file_is_lost_without_a_word(place: Path, bot: Chatbot) -> None:
    unread = {item["path"]: item["reason"] for item in bot.index.manifest["unread_files"]}
    assert unread == UNREAD
    files = {path.name for path in corpus_files(place / "files")}
    assert len(files) == 21
    assert {source_file(bot.index, doc_id) for doc_id, _ in bot.index.titles()} == files - set(UNREAD)


def test_they_are_written_from_the_command_line(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["mixed_files.py", str(tmp_path / "new")])
    runpy.run_module("mixed_files", run_name="__main__")
    told = capsys.readouterr().out.split()
    for folder in (place / "files", tmp_path / "new"):
        assert told == sorted(path.name for path in folder.iterdir())


def source_file(index: PassageIndex, doc_id: str) -> str:
    """ "faq.jsonl:2" and "minutes.zip/a.md" stand in a file."""
    return index.document(doc_id).source.split("/")[0].split(":")[0]


@pytest.mark.parametrize(
    ("question", "doc_id", "page", "words"),
    [
        ("How many tools can I borrow at once?", "handbook.pdf", 2, "five tools"),
        ("Can children come into the workshop?", "handbook.pdf", 4, "Children under twelve are not allowed"),
        ("What bird is nesting in the garden?", "newsletter-spring.pdf", 1, "redstarts has built its nest"),
        ("How many members did the library have at the end of 2025?", "annual-report-2025.pptx", 2, "412"),
        ("Who checks the fire extinguishers?", "house-rules.docx", None, "Caretaker"),
        ("When is the next service of the lathe?", "inventory.xlsx", None, "2026-06-15"),
        ("How much does the pressure washer cost per day?", "prices.csv", None, "£7.50"),
        ("When does the library open on Thursday?", "visit-us.html", None, "17:00"),
        ("Who built the fire station?", "history.epub", None, "Josiah Penhallow"),
        ("How long should I cool a burn?", "first-aid.md", None, "twenty minutes"),
        ("What is the number of the caretaker?", "first-aid.md", None, "0555 0137"),
        ("Why did the heating fail in January?", "letter-to-members.txt", None, "the pump of the boiler"),
        ("Where can I park?", "parking", None, "six places"),
        ("What does the fence along the lane cost?", "fence.eml", None, "£1,295"),
        ("Who will mend the roof?", "board-minutes.zip/2026-04.txt", None, "Gutteridge & Daughter"),
    ],
)
def test_a_fact_of_each_format_is_the_first_quote(
    bot: Chatbot, question: str, doc_id: str, page: int | None, words: str
) -> None:
    answer = bot.answer(question)
    first = answer.citations[0]
    assert (answer.status, first.doc_id, first.page) == ("answered", doc_id, page)
    assert words in first.quote


def test_a_question_in_a_conversation_is_answered_as_if_it_were_the_first(bot: Chatbot) -> None:
    history = ["When does the library open on Thursday?", "Who checks the fire extinguishers?"]
    assert first_document(bot.answer("Where can I park?", history)) == "parking"
    answer = bot.answer("who has the key for the paint store", ["When is the annual meeting?"])
    assert (answer.short_answer, answer.standalone_question) == ("Bram Oudekerk", answer.question)


def test_the_rows_that_say_yes_are_quoted(bot: Chatbot) -> None:
    history = ["What does membership cost?", "When is the annual meeting?"]
    answer = bot.answer("Which tools need the course?", history)
    assert answer.standalone_question == answer.question
    assert {c.quote.split(";")[0] for c in answer.citations} == {
        "Tool: Chainsaw",
        "Tool: Floor sander",
        "Tools that run on petrol are lent only to members who have taken the introductory course, because an"
        " unsuitable fuel mixture has already destroyed two of our chainsaws.",  # which says so as well
    }


def test_an_unsure_answer_tells_what_no_file_has(bot: Chatbot) -> None:
    answer = bot.answer("What does the printer cost?")
    assert answer.status in ("answered", "closest")  # the membership fee, unsure
    assert answer.not_found is not None
    assert answer.not_found.missing_terms == ("printer",)


def test_a_follow_up_is_understood(bot: Chatbot) -> None:
    answer = bot.answer("Can it be extended?", ["How long does a loan last?"])
    assert first_document(answer) == "handbook.pdf"
    assert "can be extended twice" in answer.citations[0].quote


def first_document(answer: Answer) -> str:
    assert answer.status == "answered"
    return answer.citations[0].doc_id


@pytest.mark.parametrize(
    ("question", "missing"),
    [
        ("Do you have a 3D printer?", ("3D", "printer")),
        ("What is the wifi password?", ("wifi", "password")),
        ("How do I bake sourdough bread?", ("bake", "sourdough", "bread")),
    ],
)
def test_what_no_file_says_is_refused(bot: Chatbot, question: str, missing: tuple[str, ...]) -> None:
    answer = bot.answer(question)
    assert answer.status == "not_found"
    assert answer.not_found is not None
    assert answer.not_found.missing_terms == missing
    assert answer.not_found.unread_files == tuple(UNREAD)


@pytest.mark.parametrize(
    ("question", "given"),
    [
        (
            "How much is the annual membership fee?",
            {"handbook.pdf": "£36", "visit-us.html": "£42"},
        ),
        (
            "When is the annual meeting?",
            {"newsletter-spring.pdf": "14 May 2026", "letter-to-members.txt": "21 May 2026"},
        ),
    ],
    ids=["price", "date"],
)
def test_files_that_contradict_each_other_differ(bot: Chatbot, question: str, given: dict[str, str]) -> None:
    answer = bot.answer(question)
    assert answer.status == "disagreement"
    told = {answer.citations[stated.citations[0] - 1].doc_id: stated.value for stated in answer.positions}
    assert told == given
