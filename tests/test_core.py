"""From documents to hits to a cited answer, with real FAISS, BM25 and SQLite."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import FILES, ROOT, HashEncoder
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

from chatbot.answer import Chatbot, probability, verify
from chatbot.corpus import (
    Document,
    UnreadFile,
    corpus_files,
    decode,
    read_document,
    read_documents,
    split_document,
    split_queries,
    split_sentences,
)
from chatbot.errors import (
    CorpusError,
    CorpusMissing,
    IndexBroken,
    IndexBusy,
    IndexMismatch,
    IndexMissing,
    IndexReadOnly,
    QuestionError,
)
from chatbot.index import PassageIndex, build_index, current_generation, stale
from chatbot.reader import answer_kind, answers_of_kind

ALWAYS = {"answered": 0.0, "closest": 0.0, "bias": 0.0, "weights": {}}
PARAMETERS: dict[str, Any] = {
    "untrained": {
        "reader": {"cosine": 5.0, "coverage": 5.0},
        "refusal": ALWAYS,
        "quote": {"weights": {}, "bias": 0.0},
        "quotes": {"narrow_margin": 3.0, "broad_margin": 3.0},
    }
}


# Sentences and passages ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("On Aug. 9, 1945 it began. It ended soon.", 2),
        ("The U.S.S. Missouri sailed. Gen. A. I. Antonov stayed.", 2),
        ("The No. 2 tank fired 3.5 shells at 9 a.m. The crew left.", 2),
        ('"It is over." He left. "Stop!" he cried.', 3),
        ("Harry S. Truman met Lt. Gen. Hata, see p. 4 and vol. II of it.", 1),
        ("In the U.S. Army it rose to 3.5 per cent. Why? Nobody knew.", 3),
        ("it was tokenised . the next one too .", 2),
        ("一つの文。二つ目の文。", 2),
        ("He fought in World War I. The war ended.", 2),
        ("1. The first item of a list.", 1),
        ("It ended.[12] The next began.", 2),
    ],
)
def test_sentences_end_where_a_reader_would_end_them(text: str, expected: int) -> None:
    spans = split_sentences(text)
    assert len(spans) == expected, [text[a:b] for a, b in spans]


@given(st.text(alphabet="aB .!?\n9。\"'(\u00e9\u0130#-", max_size=300), st.integers(4, 40))
def test_passages_are_slices_that_cover_every_sentence_once(text: str, most: int) -> None:
    count = HashEncoder().count_pieces
    for name in ("a.txt", "a.md"):
        document = read_document(text, name)
        passages, _ = split_document(document, count, most)
        spans = [span for passage in passages for span in passage.sentences]
        assert spans == sorted(spans)
        assert all(a[1] <= b[0] for a, b in pairwise(spans))
        for passage in passages:
            assert (passage.start, passage.end) == (passage.sentences[0][0], passage.sentences[-1][1])
        if name == "a.txt":  # list markers and rules of Markdown are no prose
            kept = "".join(text[a:b] for a, b in spans)
            assert Counter("".join(kept.split())) == Counter("".join(text.split()))


def test_no_passage_is_longer_than_the_encoder_reads() -> None:
    text = "word " * 900 + ". " + "Short sentence here. " * 100
    passages, warnings = split_document(read_document(text, "long.txt"), HashEncoder().count_pieces, 100)
    assert max(HashEncoder().count_pieces([text[p.start : p.end] for p in passages])) <= 100
    assert len(warnings) == 1
    assert "long.txt" in warnings[0]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_headings_and_front_matter_are_context_and_never_text(newline: str) -> None:
    text = (
        "---\ntitle: X\n---\n\nIntro here.\n\n## Part\n\n- one item\n- two\n\n```\ncode line\n```\n".replace(
            "\n", newline
        )
    )
    document = read_document(text, "a.md")
    assert document.title == "X"
    assert [(b.section, text[b.start : b.end]) for b in document.blocks] == [
        ("", "Intro here."),
        ("Part", "one item"),
        ("Part", "two"),
        ("Part", "code line"),
    ]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xef\xbb\xbfna\xc3\xafve", "naïve"),
        ("naïve".encode("utf-16"), "naïve"),
        (
            ("Le café était fermé à Noël, hélas. " * 20).encode("cp1252"),
            "Le café était fermé à Noël, hélas. " * 20,
        ),
    ],
)
def test_encodings_are_told(data: bytes, text: str) -> None:
    assert decode(data)[0] == text


def test_what_cannot_be_read_is_listed(make_corpus: Callable[..., Path]) -> None:
    folder = make_corpus(
        {
            **FILES,
            "empty.txt": "",
            "image.png": b"\x89PNG\0\0",
            "README.md": "no document",
            ".hidden.md": "no",
        }
    )
    items = list(read_documents(folder, corpus_files(folder)))
    assert [i.path for i in items if isinstance(i, UnreadFile)] == ["empty.txt", "image.png"]
    assert [i.doc_id for i in items if isinstance(i, Document)] == ["rivers.txt", "ships.md", "trees.md"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('{"_id": "a", "text": "x"}\n{broken', "c.jsonl:2: broken JSON"),
        ('{"_id": "a", "text": "x"}\n{"_id": "a", "text": "y"}', "c.jsonl:2: duplicate document id 'a'"),
        ('{"text": "x"}', "c.jsonl:1: a document needs"),
    ],
)
def test_a_bad_line_is_named(make_corpus: Callable[..., Path], lines: str, message: str) -> None:
    folder = make_corpus({"c.jsonl": lines})
    with pytest.raises(CorpusError, match=message):
        list(read_documents(folder, corpus_files(folder)))


def test_the_shipped_articles_and_questions_keep_their_promises() -> None:
    articles = sorted((ROOT / "corpus" / "articles").glob("*.md"))
    assert len(articles) >= 50
    for path in articles:
        document = read_document(path.read_text("utf-8"), path.name)
        words = sum(len(document.text[b.start : b.end].split()) for b in document.blocks)
        assert 300 <= words <= 700, path.name
    dev, test = (split_queries(ROOT / "corpus", split) for split in ("dev", "test"))
    assert not {q.query_id for q in dev} & {q.query_id for q in test}
    kinds = Counter(q.kind for q in (*dev, *test))
    assert sum(kinds.values()) >= 240
    assert kinds["unanswerable"] >= 50
    assert kinds["off_topic"] >= 20
    assert kinds["seed"] == 24
    for query in (*dev, *test):
        assert query.answerable == bool(query.evidence)
        for evidence in query.evidence:
            text = (ROOT / "corpus" / evidence.doc).read_text("utf-8")
            assert text[evidence.start : evidence.end][-1] in '.!?"”)'


# Index --------------------------------------------------------------------------------------


def test_dense_search_equals_numpy(built: tuple[Path, Path], encoder: HashEncoder) -> None:
    index = PassageIndex.open(built[1], encoder)
    query = encoder.encode_queries(["a river and its border"])[0]
    oracle = np.argsort(-(np.asarray(index._passages) @ query), kind="stable")
    assert [hit.row for hit in index.search("a river and its border", 4, "dense")] == oracle[:4].tolist()


def test_only_what_changed_is_embedded_again(built: tuple[Path, Path], encoder: HashEncoder) -> None:
    corpus, folder = built
    before = current_generation(folder)
    assert build_index(corpus, folder, encoder).embedded == 0
    assert current_generation(folder) == before
    (corpus / "trees.md").write_text("# Trees\n\nBirches grow fast.\n")
    report = build_index(corpus, folder, encoder)
    assert (report.embedded, report.reused, report.removed) == (1, 3, 1)
    (corpus / "rivers.txt").unlink()
    report = build_index(corpus, folder, encoder)
    assert (report.documents, report.embedded) == (2, 0)
    with pytest.raises(KeyError):
        PassageIndex.open(folder, encoder).document("rivers.txt")


def test_an_index_of_another_encoder_is_refused(built: tuple[Path, Path]) -> None:
    with pytest.raises(IndexMismatch, match="run scripts/rebuild_index"):
        PassageIndex.open(built[1], HashEncoder("other"))


@pytest.mark.parametrize(
    "name", ["passages.faiss", "passages.sqlite", "sentence_vectors.npy", "bm25/vocab.index.json"]
)
def test_a_truncated_file_is_named(built: tuple[Path, Path], encoder: HashEncoder, name: str) -> None:
    path = built[1] / current_generation(built[1]) / name
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(IndexBroken, match=name.split("/")[-1]):
        PassageIndex.open(built[1], encoder)
    assert name.split("/")[-1] in stale(*built, encoder)
    build_index(*built, encoder)
    assert PassageIndex.open(built[1], encoder).search("river")


def test_bad_input_leaves_the_old_generation_live(built: tuple[Path, Path], encoder: HashEncoder) -> None:
    corpus, folder = built
    before = current_generation(folder)
    (corpus / "bad.jsonl").write_text("{broken")
    with pytest.raises(CorpusError, match=r"bad\.jsonl:1"):
        build_index(corpus, folder, encoder)
    assert current_generation(folder) == before
    assert not list(folder.glob("building-*"))


def test_missing_and_empty_folders_are_told(tmp_path: Path, encoder: HashEncoder) -> None:
    with pytest.raises(IndexMissing, match="rebuild_index"):
        PassageIndex.open(tmp_path, encoder)
    with pytest.raises(CorpusMissing, match="--corpus"):
        build_index(tmp_path / "none", tmp_path / "index", encoder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusMissing, match="nothing to index"):
        build_index(tmp_path / "empty", tmp_path / "index", encoder)


def test_one_build_at_a_time(make_corpus: Callable[..., Path], tmp_path: Path, encoder: HashEncoder) -> None:
    folder = tmp_path / "index"
    folder.mkdir()
    with FileLock(folder / ".lock"), pytest.raises(IndexBusy):
        build_index(make_corpus(FILES), folder, encoder)


def test_an_index_that_cannot_be_written_is_told(
    make_corpus: Callable[..., Path], tmp_path: Path, encoder: HashEncoder
) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(IndexReadOnly, match="--index"):
        build_index(make_corpus(FILES), tmp_path / "file" / "index", encoder)


def test_a_corpus_that_changes_during_the_build_is_told(
    make_corpus: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoder: HashEncoder
) -> None:
    corpus, folder = make_corpus(FILES), tmp_path / "index"
    encode = encoder.encode_passages

    def interfere(texts: list[str], progress: Any = None) -> Any:
        (corpus / "late.txt").write_text("Came late.")
        return encode(texts, progress)

    monkeypatch.setattr(encoder, "encode_passages", interfere)
    assert "changed during the build" in build_index(corpus, folder, encoder).warnings[-1]
    assert "late.txt" in stale(corpus, folder, encoder)


# Answers ------------------------------------------------------------------------------------


@pytest.fixture
def chatbot(built: tuple[Path, Path], encoder: HashEncoder) -> Chatbot:
    return Chatbot(built[1], encoder, None, PARAMETERS)


def test_every_quote_is_its_document(chatbot: Chatbot) -> None:
    for question in (
        "How long is the Missouri?",
        "What forms a border?",
        "Which oak?",
        "река Амур",
        "<b>Amur</b>",
    ):
        answer = chatbot.answer(question)
        assert 1 <= len(answer.citations) <= 4
        assert len({c.doc_id for c in answer.citations}) <= 3
        assert len({(c.doc_id, c.start) for c in answer.citations}) == len(answer.citations)
        for citation in answer.citations:
            document = chatbot.index.document(citation.doc_id)
            assert document.text[citation.start : citation.end] == citation.quote
            assert document.sha256 == citation.doc_sha256


def test_the_json_of_an_answer_has_the_agreed_keys(chatbot: Chatbot) -> None:
    answer = chatbot.answer("How long is the Missouri?").to_json()
    assert list(answer) == [
        "question", "standalone_question", "status", "text", "short_answer", "confidence", "citations", "hits",
        "not_found", "index", "milliseconds",
    ]  # fmt: skip
    assert answer["citations"][0]["quote"] == "The Missouri is 270 metres long."
    assert answer["short_answer"] == "270 metres"
    json.dumps(answer)


@pytest.mark.parametrize("question", ["", "  \n", "?!…", "x" * 100_000])
def test_what_is_no_question_is_told(chatbot: Chatbot, question: str) -> None:
    with pytest.raises(QuestionError):
        chatbot.answer(question)


def test_states_follow_the_thresholds(built: tuple[Path, Path], encoder: HashEncoder) -> None:
    # no weights and no bias: the probability is 0.5
    for answered, closest, status in ((0.4, 0.1, "answered"), (0.6, 0.1, "closest"), (0.9, 0.6, "not_found")):
        refusal = {**ALWAYS, "answered": answered, "closest": closest}
        bot = Chatbot(built[1], encoder, None, {"untrained": {**PARAMETERS["untrained"], "refusal": refusal}})
        answer = bot.answer("Where is the zeppelin of the Missouri?")
        assert answer.status == status
        assert answer.confidence == 0.5
        assert (answer.not_found is None) == (status == "answered")
        if answer.not_found:
            assert answer.not_found.missing_terms == ("zeppelin",)


def test_probability_by_hand() -> None:
    signals = np.zeros(13)
    assert probability(signals, {"dense": 2.0}, 0.0) == 0.5
    signals[4] = 0.5  # dense
    assert probability(signals, {"dense": 2.0}, 1.0) == pytest.approx(1 / (1 + math.exp(-2)))


def test_verify_tells_the_four_states(
    built: tuple[Path, Path], encoder: HashEncoder, chatbot: Chatbot
) -> None:
    corpus, folder = built
    answer = chatbot.answer("How long is the Missouri?").to_json()
    answer["citations"] = answer["citations"][:1]

    def state() -> str:
        build_index(corpus, folder, encoder)
        return verify(answer, PassageIndex.open(folder, encoder))[0].state

    assert state() == "valid"
    (corpus / "ships.md").write_text("New first line.\n\n" + str(FILES["ships.md"]))
    assert state() == "moved"
    (corpus / "ships.md").write_text("The Missouri is 271 metres long.\n")
    assert state() == "changed"
    (corpus / "ships.md").unlink()
    assert state() == "gone"


def test_a_running_chatbot_takes_over_a_new_generation(
    built: tuple[Path, Path], encoder: HashEncoder, chatbot: Chatbot
) -> None:
    (built[0] / "new.txt").write_text("A zeppelin is an airship.")
    build_index(*built, encoder)
    answer = chatbot.answer("What is a zeppelin?")
    assert answer.citations[0].quote == "A zeppelin is an airship."
    assert answer.index["generation"] == current_generation(built[1])


def test_small_talk_is_answered_without_a_search(chatbot: Chatbot) -> None:
    answer = chatbot.answer("Hello!")
    assert (answer.status, answer.citations, answer.hits) == ("smalltalk", (), ())


def test_examples_without_questions_speak_of_the_documents(chatbot: Chatbot) -> None:
    assert "Ships" in " ".join(chatbot.examples())


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("When did it begin?", "date"),
        ("How many soldiers fell?", "number"),
        ("Who signed?", "person"),
        ("Which general led the army?", "person"),
        ("Where was it signed?", "place"),
        ("Why did Japan surrender?", "reason"),
        ("How did it end?", "manner"),
        ("Did the Soviets invade?", "yes_no"),
    ],
)
def test_the_question_tells_the_type_of_its_answer(question: str, kind: str) -> None:
    assert answer_kind(question) == kind


def test_numbers_leave_dates_and_ordinals_alone() -> None:
    text = "On 9 August 1945 the 88th Division had 5,400 men."
    assert [text[a:b] for a, b in answers_of_kind(text, "number", "How many men?")] == ["5,400"]
    assert [text[a:b] for a, b in answers_of_kind(text, "date", "When?")] == ["9 August 1945"]
