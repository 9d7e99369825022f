"""Votes, and how a reviewer makes evaluation questions of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import HashEncoder
from test_page import answer, citation

from chatbot import starting
from chatbot.corpus import Evidence, read_qrels, read_queries, split_queries
from chatbot.errors import CorpusError
from chatbot.feedback import LONGEST_COMMENT, Details, Feedback, make_details, text_hash
from chatbot.index import PassageIndex
from chatbot.review import (
    DISMISSED,
    OPEN,
    SAVED,
    Handled,
    QuestionFiles,
    Reviewed,
    Reviews,
    check,
    some_document,
    unsaid,
)

RIGHT = Evidence("log.md", 3, 9)
SHIPS = Reviewed("How long is she?", True, ("ships.md",), (Evidence("ships.md", 24, 52),), ("270 metres",))
QUERIES = '{"_id": "a", "text": "Where did she lie?"}\n{"_id": "b", "text": "Why?", "metadata": {"history": ["Who?"]}}\n'
QRELS = "query-id\tcorpus-id\tscore\na\tships.md\t1\nb\tships.md\t1\n"


@pytest.fixture
def feedback(tmp_path: Path) -> Feedback:
    return Feedback(tmp_path / "feedback.jsonl")


@pytest.fixture
def index(built: tuple[Path, Path], encoder: HashEncoder) -> PassageIndex:
    return PassageIndex.open(built[1], encoder)


@pytest.fixture
def files(built: tuple[Path, Path]) -> QuestionFiles:
    """Of a corpus with two questions in the split dev."""
    corpus, folder = built
    (corpus / "qrels").mkdir()
    (corpus / "queries.jsonl").write_text(QUERIES, encoding="utf-8")
    (corpus / "qrels" / "dev.tsv").write_text(QRELS, encoding="utf-8")
    return QuestionFiles(corpus, folder / ".review.lock")


def contents(files: QuestionFiles) -> dict[str, str]:
    """Every file of the questions, hidden ones too."""
    paths = [
        *files.corpus.glob("*queries.jsonl*"),
        *files.corpus.glob("qrels/*"),
        *files.corpus.glob("qrels/.*"),
    ]
    return {path.name: path.read_text("utf-8") for path in sorted(paths)}


# ---- votes


def test_a_vote_keeps_what_was_wrong_and_the_passages_as_they_were(feedback: Feedback) -> None:
    feedback.save("Why?", answer(), "down", Details("incomplete", "half\nof it", (RIGHT,)))
    [line] = feedback.file.read_text("utf-8").splitlines()
    assert json.loads(line)["right"] == [{"doc": "log.md", "start": 3, "end": 9}]
    [vote], broken = feedback.votes()
    assert broken == []
    assert vote.details == Details("incomplete", "half\nof it", (RIGHT,))
    assert [found.passage.section for found in vote.found] == ["Noon", "Noon"]
    assert vote.found[0].sha256 == text_hash(answer().hits[0].text)


def test_a_passage_whose_text_is_not_known_has_no_hash(feedback: Feedback) -> None:
    known, unknown = answer().hits
    feedback.save("Why?", answer(hits=(known, replace(unknown, text=""))), "down")
    [vote], broken = feedback.votes()
    assert broken == []
    assert [found.sha256 for found in vote.found] == [text_hash(known.text), ""]


def test_the_last_vote_on_an_answer_counts_and_the_newest_comes_first(feedback: Feedback) -> None:
    other = answer(citations=(citation(quote="Rain came."),))
    for question, given, vote in [("A", answer(), "up"), ("B", answer(), "up"), ("A", answer(), "down")]:
        feedback.save(question, given, vote)
    feedback.save("B", other, "down")  # the same question, answered otherwise
    votes, _ = feedback.votes()
    assert [(vote.question, vote.vote) for vote in votes] == [("B", "down"), ("A", "down"), ("B", "up")]
    assert len({vote.vote_id for vote in votes}) == 3


def test_a_bare_thumb_does_not_take_back_the_words_of_an_earlier_one(feedback: Feedback) -> None:
    feedback.save("A", answer(), "down", Details("other", "stale"))
    feedback.save("A", answer(), "down")
    assert feedback.votes()[0][0].details.comment == "stale"
    feedback.save("A", answer(), "up")
    assert not feedback.votes()[0][0].details
    feedback.save("A", answer(), "down")
    assert feedback.votes()[0][0].details.comment == "stale"


def test_a_vote_that_is_withdrawn_is_none_and_its_words_are_gone(feedback: Feedback) -> None:
    feedback.save("A", answer(), "down", Details("other", "stale"))
    feedback.save("B", answer(), "up")
    feedback.save("A", answer(), "withdrawn")
    votes, broken = feedback.votes()
    assert ([vote.question for vote in votes], broken) == (["B"], [])
    feedback.save("A", answer(), "down")
    assert not feedback.votes()[0][0].details


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"question": "A", "vote": "sideways", "answer": null}',
        '{"question": "A", "vote": "up"}',
        '{"question": "A", "vote": "up", "answer": {"citations": [{"doc_id": "x"}]}}',
        '{"question": "A", "vote": "up", "answer": {"hits": [{"doc_id": "x", "start": "?"}]}}',
        '{"question": "A", "vote": "up", "answer": {"hits": [{"doc_id": "x", "start": 1e999, "end": 1}]}}',
        '{"question": "A", "vote": "up", "answer": null, "right": [{"doc": "x", "start": 2, "end": 1}]}',
    ],
)
def test_a_line_that_is_no_vote_is_named_and_the_others_are_read(feedback: Feedback, line: str) -> None:
    feedback.file.write_text(line + "\n", encoding="utf-8")
    feedback.save("A", answer(), "up")
    votes, broken = feedback.votes()
    assert (len(votes), broken) == (1, [1])


def test_a_vote_after_half_a_line_starts_a_line_of_its_own(feedback: Feedback) -> None:
    feedback.file.write_text('{"question": "cut', encoding="utf-8")
    feedback.save("A", answer(), "up")
    assert [len(part) for part in feedback.votes()] == [1, 1]


def test_no_votes_are_no_error(feedback: Feedback) -> None:
    assert feedback.votes() == ([], [])


def test_the_maker_of_questions_reads_votes_with_details(
    make_corpus: Callable[..., Path], feedback: Feedback
) -> None:
    corpus = make_corpus({"log.md": "The barometer fell at noon."})
    made = replace(
        answer(), citations=(citation(start=0, end=27, doc_sha256=text_hash("The barometer fell at noon.")),)
    )
    feedback.save("When?", made, "up")
    for vote in ("up", "withdrawn"):
        feedback.save("Why?", replace(made, standalone_question="Why?"), vote)
    feedback.save("Where?", replace(made, standalone_question="Where?"), "down", Details("other", "no"))
    voted = [q for q in starting.make_questions(corpus, 9, feedback.votes()[0]) if q.origin == "feedback"]
    assert [(q.text, q.evidence) for q in voted] == [(made.standalone_question, (Evidence("log.md", 0, 27),))]


@pytest.mark.parametrize(
    ("reason", "comment", "right", "wrong"),
    [
        ("<b>", "", [], "reasons"),
        ("other", "x" * (LONGEST_COMMENT + 1), [], "1,000 characters"),
        ("other", 7, [], "characters"),
        ("other", "", "all", "at most 20"),
        ("other", "", [{"doc": "a", "start": 0, "end": 1}] * 21, "at most 20"),
        ("other", "", [{"doc": "a", "start": 1, "end": 1}], "is not one"),
        ("other", "", [{"doc": "", "start": 0, "end": 1}], "is not one"),
        ("other", "", [{"doc": "a", "start": "0", "end": 1}], "is not one"),
        ("other", "", [7], "is not one"),
    ],
)
def test_details_that_no_form_sends_are_refused(reason: Any, comment: Any, right: Any, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        make_details(reason, comment, right)


# ---- what a reviewer may say


def test_a_checked_question_names_the_documents_of_its_evidence(index: PassageIndex) -> None:
    said = Reviewed(
        "  How  long? ", True, ("trees.md",), (SHIPS.evidence[0],) * 2, ("270  metres", "", "270 metres")
    )
    checked = check(said, index)
    assert checked == Reviewed("How long?", True, ("ships.md", "trees.md"), SHIPS.evidence, ("270 metres",))
    assert unsaid(checked, index) == []
    assert unsaid(replace(checked, answers=("270 METRES", "300 metres")), index) == ["300 metres"]


def test_what_does_not_answer_keeps_no_evidence(index: PassageIndex) -> None:
    assert check(replace(SHIPS, answerable=False), index) == Reviewed("How long is she?", False)


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"text": "  "}, "empty"),
        ({"text": "x" * 2_001}, "2,000 characters"),
        ({"documents": (), "evidence": ()}, "mark what answers"),
        ({"documents": ("gone.md",)}, "no document 'gone.md'"),
        ({"documents": ("a\tb",)}, "tabs"),
        ({"evidence": (Evidence("ships.md", 0, 10**6),)}, "no text at 0"),
        ({"answers": ("x" * 301,)}, "at most 20"),
        ({"answers": tuple(map(str, range(21)))}, "at most 20"),
    ],
)
def test_what_cannot_be_saved_is_said(index: PassageIndex, change: dict[str, Any], wrong: str) -> None:
    with pytest.raises(CorpusError, match=wrong):
        check(replace(SHIPS, **change), index)


def test_no_name_that_would_end_a_line_of_qrels_is_saved(index: PassageIndex) -> None:
    ends = [end for end in map(chr, range(0x3000)) if len(f"a{end}b".splitlines()) == 2]
    assert "\u2028" in ends
    for end in ends:
        with pytest.raises(CorpusError, match="ends of lines"):
            check(replace(SHIPS, documents=(f"a{end}b.md",)), index)


def test_the_passages_of_a_document_are_all_of_them_in_order(index: PassageIndex) -> None:
    every = [index.passage(row)[0] for row in range(len(index))]
    for doc_id, _ in index.titles():
        assert index.passages_of(doc_id) == [passage for passage in every if passage.doc_id == doc_id]
    assert index.passages_of("gone.md") == []


def test_an_unanswerable_question_is_judged_by_the_nearest_document(index: PassageIndex) -> None:
    assert some_document(["gone.md", "trees.md"], index) == "trees.md"
    assert some_document([], index) == index.titles()[0][0]


# ---- the two files


def test_a_saved_question_is_read_as_it_was_meant(files: QuestionFiles) -> None:
    added = files.add(SHIPS, "dev", "")
    query = split_queries(files.corpus, "dev")[-1]
    assert (added.query_id, query.query_id, query.kind) == ("review-1", "review-1", "review")
    assert (query.text, query.answers, query.evidence) == (SHIPS.text, SHIPS.answers, SHIPS.evidence)
    assert read_qrels(files.corpus, "dev")["review-1"] == {"ships.md": 1}
    assert contents(files)["queries.jsonl"].startswith(QUERIES)
    assert contents(files)["dev.tsv"] == QRELS + "review-1\tships.md\t1\n"


def test_an_unanswerable_question_belongs_to_its_split(files: QuestionFiles) -> None:
    files.add(Reviewed("Who baked?", False), "dev", "trees.md")
    assert not split_queries(files.corpus, "dev")[-1].answerable
    assert read_qrels(files.corpus, "dev")["review-1"] == {"trees.md": 0}


def test_undoing_leaves_the_files_as_they_were(files: QuestionFiles) -> None:
    before = contents(files)
    first, second = files.add(SHIPS, "dev", ""), files.add(Reviewed("Who baked?", False), "dev", "trees.md")
    assert second.query_id == "review-2"
    files.remove(first)
    assert list(read_queries(files.corpus)) == ["a", "b", "review-2"]
    files.remove(second)
    assert contents(files) == before
    with pytest.raises(CorpusError, match="has been changed since"):
        files.remove(second)


def test_the_first_question_of_a_corpus_makes_the_files_and_its_undoing_removes_them(
    files: QuestionFiles,
) -> None:
    for path in (files.queries, files.qrels("dev")):
        path.unlink()
    added = files.add(SHIPS, "test-2", "")
    assert [query.query_id for query in split_queries(files.corpus, "test-2")] == ["review-1"]
    files.remove(added)
    assert contents(files) == {}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_undoing_all_questions_of_a_corpus_removes_the_files_in_any_order(
    files: QuestionFiles, order: tuple[int, int]
) -> None:
    for path in (files.queries, files.qrels("dev")):
        path.unlink()
    added = files.add(SHIPS, "dev", ""), files.add(replace(SHIPS, text="And wide?"), "dev", "")
    for number in order:
        files.remove(added[number])
    assert contents(files) == {}


def test_undoing_leaves_files_that_somebody_made_without_a_question(files: QuestionFiles) -> None:
    files.queries.write_text("", encoding="utf-8")
    files.qrels("dev").write_text("query-id\tcorpus-id\tscore\n", encoding="utf-8")
    before = contents(files)
    files.remove(files.add(SHIPS, "dev", ""))
    assert contents(files) == before


def test_lines_of_others_stay_byte_for_byte(files: QuestionFiles) -> None:
    odd = '{"text": "Größe?",  "_id":"x"}\r\n\r\n{"_id": "y", "text": "no end"}'.encode()
    files.queries.write_bytes(odd)
    files.qrels("dev").write_bytes(b"query-id\tcorpus-id\tscore\nx\tships.md\t1")
    files.queries.chmod(0o640)
    files.add(SHIPS, "dev", "")
    assert files.queries.read_bytes().startswith(odd + b"\n")
    assert list(read_queries(files.corpus)) == ["x", "y", "review-1"]
    assert list(read_qrels(files.corpus, "dev")) == ["x", "review-1"]
    assert files.queries.stat().st_mode & 0o777 == 0o640


def test_a_known_question_is_refused_and_named(files: QuestionFiles) -> None:
    with pytest.raises(CorpusError, match="a, in dev, “Where did she lie\\?”"):
        files.add(replace(SHIPS, text="where did she LIE"), "dev", "")
    files.add(replace(SHIPS, text="Why?"), "dev", "")  # the other one is a follow-up
    assert len(read_queries(files.corpus)) == 3


@pytest.mark.parametrize("split", ["", "../dev", "a/b", ".hidden", "x" * 41, "dev\n"])
def test_a_split_is_a_plain_name(files: QuestionFiles, split: str) -> None:
    before = contents(files)
    with pytest.raises(CorpusError, match="cannot name a split"):
        files.add(SHIPS, split, "")
    assert contents(files) == before


def test_a_second_split_takes_no_question_out_of_the_first(files: QuestionFiles) -> None:
    with files.queries.open("a", encoding="utf-8") as lines:
        lines.write('{"_id": "c", "text": "Who baked?", "metadata": {"answerable": false}}\n')
    assert [query.query_id for query in split_queries(files.corpus, "dev")] == ["a", "b", "c"]
    with pytest.raises(CorpusError, match="save to 'dev'"):
        files.add(SHIPS, "test", "")
    files.add(SHIPS, "dev", "")


def test_broken_questions_stay_untouched(files: QuestionFiles) -> None:
    files.queries.write_text("{\n", encoding="utf-8")
    before = contents(files)
    with pytest.raises(CorpusError, match=r"queries\.jsonl:1"):
        files.add(SHIPS, "dev", "")
    assert contents(files) == before


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_corpus_that_cannot_be_written_is_said(files: QuestionFiles) -> None:
    files.corpus.chmod(0o500)
    try:
        with pytest.raises(CorpusError, match="cannot be read or written"):
            files.add(SHIPS, "dev", "")
    finally:
        files.corpus.chmod(0o700)


# Saves or undoes in children that end, as if the power went, before the nth change of a file; prints what is left.
KILLED = """
import json, os, sys
from pathlib import Path
from chatbot import review
from chatbot.corpus import Evidence

corpus, what = Path(sys.argv[1]), sys.argv[2]
files = review.QuestionFiles(corpus, corpus.parent / "lock")
question = review.Reviewed("How long is she?", True, ("ships.md",), (Evidence("ships.md", 24, 52),))
added = files.add(question, "dev", "") if what == "undo" else None
paths = [corpus / "queries.jsonl", corpus / "qrels" / "dev.tsv"]
contents = lambda: [path.read_text("utf-8") for path in paths]
before, left = contents(), 0

def until_killed(function):
    def call(*args, **options):
        global left
        if left == 0:
            os._exit(9)
        left -= 1
        return function(*args, **options)
    return call

for left in range(20):
    for path, text in zip(paths, before):
        path.write_text(text, encoding="utf-8")
    child = os.fork()
    if not child:
        os.replace, os.fsync = until_killed(os.replace), until_killed(os.fsync)
        files.remove(added) if added else files.add(question, "dev", "")
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    crashed = contents()
    files.recover()
    hidden = [str(path) for path in corpus.rglob(".*")]
    print(json.dumps({"code": code, "crashed": crashed, "recovered": contents(), "hidden": hidden}))
    if code == 0:
        break
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("what", ["save", "undo"])
def test_a_program_killed_at_any_step_leaves_both_files_old_or_both_new(
    files: QuestionFiles, what: str
) -> None:
    added = files.add(SHIPS, "dev", "")
    files.remove(added)
    command = [sys.executable, "-c", KILLED, str(files.corpus), what]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    left = [json.loads(line) for line in lines]
    assert [step["code"] for step in left] == [9] * (len(left) - 1) + [0]
    assert len(left) > 6  # flushes and renames
    for step in left:
        queries, qrels = step["crashed"]
        assert "review-1" not in qrels or "review-1" in queries  # readable before anything is mended
        assert step["hidden"] == []
    saved = [["review-1" in text for text in step["recovered"]] for step in left]
    assert all(both in ([True, True], [False, False]) for both in saved)
    assert saved == sorted(saved, reverse=what == "undo")  # what has happened stays so
    assert saved[0] != saved[-1]
    for step in left:
        if "review-1" not in step["recovered"][0]:
            assert step["recovered"] == [QUERIES, QRELS]


def test_what_a_killed_program_left_does_not_overwrite_a_later_change(files: QuestionFiles) -> None:
    left = files.corpus / "qrels" / ".dev.tsv.saving"
    left.write_text(QRELS + "review-1\tships.md\t1\n", encoding="utf-8")
    changed = QRELS.replace("b\tships.md\t1", "b\ttrees.md\t1")
    files.qrels("dev").write_text(changed, encoding="utf-8")
    files.recover()
    assert contents(files)["dev.tsv"] == changed
    assert not left.exists()


# ---- what became of the votes


def test_handled_votes_are_remembered_in_order(tmp_path: Path, files: QuestionFiles) -> None:
    reviews = Reviews(tmp_path / "index" / "reviewed.jsonl")
    assert reviews.handled() == {}
    assert reviews.last_saved() is None
    first, second = files.add(SHIPS, "dev", ""), files.add(replace(SHIPS, text="And wide?"), "dev", "")
    for handled in (Handled("a", SAVED, first), Handled("b", SAVED, second), Handled("c", DISMISSED)):
        reviews.mark(handled)
    with reviews.file.open("a") as lines:
        lines.write('{"vote": "d", "state": "sa')
    assert list(reviews.handled()) == ["a", "b", "c"]
    assert reviews.last_saved() == Handled("b", SAVED, second)
    reviews.mark(Handled("b", OPEN))
    assert list(reviews.handled()) == ["a", "c"]
    assert reviews.last_saved() == Handled("a", SAVED, first)


@pytest.mark.parametrize(
    "line", ["null", "[]", "7", '{"vote": "b"}', '{"vote": "b", "state": "saved", "added": [1]}']
)
def test_a_line_that_tells_of_no_vote_is_passed_over(tmp_path: Path, line: str) -> None:
    reviews = Reviews(tmp_path / "reviewed.jsonl")
    reviews.file.write_text(line + "\n", encoding="utf-8")
    reviews.mark(Handled("a", DISMISSED))
    assert list(reviews.handled()) == ["a"]
