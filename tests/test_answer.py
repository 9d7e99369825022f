"""Answers: true quotes, the four states, what they are decided by, and checking them later."""

from __future__ import annotations

import json
import math
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import FILES as THREE_FILES
from conftest import CountingReader, HashEncoder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatbot.__main__ import as_text
from chatbot.answer import (
    LONGEST_QUESTION,
    MOST_DOCUMENTS,
    MOST_QUOTES,
    QUOTE_SIGNALS,
    SIGNALS,
    Answer,
    Chatbot,
    Citation,
    _agreement,
    _fullest_row_first,
    check_question,
    first_short,
    load_parameters,
    missing_terms,
    names,
    probability,
    quote_signals,
    rerank,
    verify,
)
from chatbot.app.drawing import draw_answered
from chatbot.encoder import EncodedQuery
from chatbot.errors import IndexMissing, QuestionError
from chatbot.index import PassageIndex, Pool, build_index, current_generation
from chatbot.reader import FEATURES, Asked, Evidence, worth_reading
from chatbot.terms import stems

MakeCorpus = Callable[..., Path]

FILES: dict[str, str | bytes] = {
    **THREE_FILES,
    "реки.txt": "Река Амур течёт на восток. Она образует границу.\n",
    "川.txt": "アムール川は長い。国境である。\n",
    "markup.txt": "In HTML a <b>bold</b> word & a line&nbsp;break are tags.\n",
}
for _number in range(6):  # all say much the same of the Yalu, in words of their own
    FILES[f"yalu{_number}.txt"] = (
        f"The Yalu river divides {['Korea', 'hills', 'plains', 'towns', 'fields', 'forests'][_number]}"
        f" from {['China', 'valleys', 'deserts', 'villages', 'meadows', 'swamps'][_number]}.\n"
    )


def parameters(answered: float = 0.0, closest: float = 0.0, margin: float = 3.0) -> dict[str, Any]:
    """Neither weights nor bias: the confidence is always 0.5, so that the thresholds alone decide."""
    return {
        "untrained": {
            "reader": {"cosine": 5.0, "coverage": 5.0},
            "refusal": {"weights": {}, "bias": 0.0, "answered": answered, "closest": closest},
            "quote": {"weights": {}, "bias": 0.0},
            "quotes": {"narrow_margin": margin, "broad_margin": margin},
        }
    }


@pytest.fixture
def place(make_corpus: MakeCorpus, tmp_path: Path, encoder: HashEncoder) -> tuple[Path, Path]:
    """(corpus, folder) of FILES, built; for tests that change them."""
    corpus, folder = make_corpus(FILES), tmp_path / "index"
    build_index(corpus, folder, encoder)
    return corpus, folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of FILES that no test changes."""
    root = tmp_path_factory.mktemp("answers")
    for name, text in FILES.items():
        (root / "corpus").mkdir(exist_ok=True)
        (root / "corpus" / name).write_text(str(text))
    (root / "corpus" / "empty.txt").write_text("")
    build_index(root / "corpus", root / "index", HashEncoder())
    return root / "index"


@pytest.fixture(scope="module")
def chatbot(folder: Path) -> Chatbot:
    return Chatbot(folder, HashEncoder(), None, parameters())


def check_citations(answer: Answer, index: PassageIndex) -> None:
    """The promises that hold for the citations of any answer."""
    assert [c.number for c in answer.citations] == list(range(1, len(answer.citations) + 1))
    assert len(answer.citations) <= MOST_QUOTES == 4
    assert len({c.doc_id for c in answer.citations}) <= MOST_DOCUMENTS == 3
    spans = sorted((c.doc_id, c.start, c.end) for c in answer.citations)
    assert all(a[0] != b[0] or a[2] <= b[1] for a, b in pairwise(spans))  # no overlap: no duplicates
    for citation in answer.citations:
        document = index.document(citation.doc_id)
        assert citation.quote == document.text[citation.start : citation.end]
        assert citation.quote.strip()
        assert citation.doc_sha256 == document.sha256
        assert (citation.title, citation.source) == (document.title, document.source)
        assert f"{citation.words} [{citation.number}]" in answer.text


# Quotes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "quote"),
    [
        ("How long is the Missouri?", "The Missouri is 270 metres long."),
        ("Where does the Sungari flow?", "The Sungari flows into the Amur."),
        ("How slowly do oaks grow?", "Oaks grow slowly."),
        ("Куда течёт река Амур?", "Река Амур течёт на восток."),
        ("アムール川は長い？", "アムール川は長い。"),
        ("Is a <b>bold</b> word a tag in HTML?", "In HTML a <b>bold</b> word & a line&nbsp;break are tags."),
    ],
)
def test_the_first_quote_is_the_sentence_that_answers(chatbot: Chatbot, question: str, quote: str) -> None:
    answer = chatbot.answer(question)
    assert answer.citations[0].quote == quote
    check_citations(answer, chatbot.index)


def test_marks_of_markdown_are_quoted_and_not_shown(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    text = "> The **lamp** of [Cape Sorrow](c.md) was lit\n> in 1871.\n"
    build_index(make_corpus({"a.md": text}), tmp_path / "index", HashEncoder())
    chatbot = Chatbot(tmp_path / "index", HashEncoder(), None, parameters())
    answer = chatbot.answer("When was the lamp of Cape Sorrow lit?")
    assert answer.text == "The lamp of Cape Sorrow was lit in 1871. [1]"
    assert [citation.quote for citation in answer.citations] == [text[2:-1]]
    assert [verdict.state for verdict in verify(answer.to_json(), chatbot.index)] == ["valid"]


def test_a_row_of_markdown_is_shown_with_the_names_of_its_columns(
    make_corpus: Callable[..., Path], tmp_path: Path
) -> None:
    text = "# Keepers\n\n| Year | Keeper | Pay |\n|---|---|---|\n| 1890 | **Mary Reid** | 35 |\n| 1903 | Tom | |\n"
    build_index(make_corpus({"a.md": text}), tmp_path / "index", HashEncoder())
    answer = Chatbot(tmp_path / "index", HashEncoder()).answer("What was Mary Reid's pay?")
    cited = answer.to_json()["citations"][0]
    assert (cited["quote"], cited["head"]) == ("1890 | **Mary Reid** | 35", "Year | Keeper | Pay")
    assert answer.text.splitlines()[-1].startswith("Year: 1890; Keeper: Mary Reid; Pay: 35 [1]")
    assert answer.short_answer == "35"
    assert "head" not in replace(answer.citations[0], head="").to_json()
    assert (
        replace(answer.citations[0], head="Year | Keeper").words == "1890 | Mary Reid | 35"
    )  # not of this row


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet=st.sampled_from("amur oak yalu Река 川 <>&\"'?.\n1é"), min_size=1, max_size=80))
def test_every_citation_quotes_its_document(chatbot: Chatbot, question: str) -> None:
    try:
        answer = chatbot.answer(question)
    except QuestionError:
        assert not re.search(r"\w", question)
        return
    check_citations(answer, chatbot.index)


def test_quotes_stay_in_three_documents(chatbot: Chatbot) -> None:
    answer = chatbot.answer("What does the Yalu river divide?")
    check_citations(answer, chatbot.index)
    assert len(answer.citations) == len({c.doc_id for c in answer.citations}) == 3


def test_a_sentence_that_stands_in_two_documents_is_quoted_once(
    place: tuple[Path, Path], encoder: HashEncoder
) -> None:
    (place[0] / "copy.md").write_text(str(FILES["trees.md"]))
    build_index(*place, encoder)
    quotes = [c.quote for c in Chatbot(place[1], encoder, None, parameters()).answer("oaks grow").citations]
    assert quotes.count("Oaks grow slowly.") == 1


def test_only_sentences_that_come_near_the_best_are_quoted(folder: Path, encoder: HashEncoder) -> None:
    strict = Chatbot(folder, encoder, None, parameters(margin=0.0))
    assert len(strict.answer("How long is the Missouri?").citations) == 1


def test_the_short_answer_stands_in_the_first_quote(chatbot: Chatbot) -> None:
    answer = chatbot.answer("How long is the Missouri?")
    assert answer.short_answer == "270 metres"
    assert answer.short_answer in answer.citations[0].quote


def shortened(question: str, *quotes: tuple[float, str], known: Sequence[str] = ()) -> str:
    """The short answer of quotes of these confidences; `known` are the stems of the question that count."""
    asked = Asked(
        question,
        EncodedQuery(np.zeros(2, np.float32), np.empty((0, 0), np.float32), ()),
        dict.fromkeys(known, 1.0),
    )
    evidence = [Evidence(0, 0, (0, len(text)), text, np.zeros(len(FEATURES)), 0.0) for _, text in quotes]
    cited = [
        Citation(n, "a.md", "A town", "", "a.md", None, 0, len(text), text, "", sure)
        for n, (sure, text) in enumerate(quotes, 1)
    ]
    return first_short(asked, cited, evidence)


FELL = "It fell on 23 August 1945."
TWICE = (
    "Rashin fell on 12 August 1945, as the whole district of the north-east and its ports did by 1 May 1946."
)


@pytest.mark.parametrize(
    ("quotes", "short"),
    [
        ([(0.9, FELL)], "23 August 1945"),
        ([(0.4, FELL)], ""),
        ([(0.4, "It fell."), (0.9, "Rashin fell on 12 August 1945.")], "12 August 1945"),
        ([(0.9, "It fell."), (0.4, "Rashin fell on 12 August 1945.")], ""),
        # two dates in the first: what the second says is of something else, or contradicts it
        ([(0.9, "It was reached on 18 and fell by 23 August 1945, or by 1 May 1946."), (0.9, FELL)], ""),
        ([(0.4, FELL), (0.9, "Rashin fell on 12 August 1945.")], ""),
        ([(0.9, "It fell."), (0.9, "Seishin fell on 16 August 1945.")], ""),  # another town
        ([(0.9, "It fell."), (0.9, "It fell."), (0.9, "Rashin fell on 12 August 1945.")], ""),
    ],
)
def test_where_a_short_answer_comes_from(quotes: list[tuple[float, str]], short: str) -> None:
    assert shortened("When did the town of Rashin fall?", *quotes) == short


def test_what_is_told_of_another_version_is_no_short_answer() -> None:
    four, three = "Version 4.0 came on 3 May 2024.", "Version 3.2 came in June 2022."
    assert shortened("When did version 3.2 come?", (0.9, four), (0.9, three)) == ""
    assert (
        shortened("When did version 3.2 come (When did version 4.0 come)?", (0.9, four), (0.9, three)) == ""
    )
    assert shortened("When did version 3.2 come?", (0.9, three), (0.9, four)) == "June 2022"
    assert shortened("When did version 4 come?", (0.9, four), (0.9, three)) == "3 May 2024"


def test_of_several_dates_one_is_the_short_answer_only_where_the_quote_is_sure() -> None:
    given = [
        shortened("When did Rashin fall?", (sure, text), known=["rashin"])
        for text in (FELL, TWICE)
        for sure in (0.9, 0.7)
    ]
    assert given == ["23 August 1945", "23 August 1945", "12 August 1945", ""]


def test_a_quote_that_is_unsure_gives_no_short_answer(folder: Path, encoder: HashEncoder) -> None:
    unsure = parameters()
    unsure["untrained"]["quote"]["bias"] = -0.1  # the logistic function gives 0.475
    answer = Chatbot(folder, encoder, None, unsure).answer("How long is the Missouri?")
    assert answer.citations[0].confidence == pytest.approx(0.475, abs=1e-3)
    assert (answer.status, answer.short_answer) == ("answered", "")


DIFFERING = {
    "soviet.txt": "According to Soviet reports, 12,031 Soviet soldiers were killed in the campaign.\n",
    "western.txt": "According to Glantz, 9,780 Soviet soldiers were killed in the campaign.\n",
    "other.txt": "The campaign was fought in August 1945 by three Fronts.\n",
}


def asked_of_the_killed(corpus: Path, folder: Path, encoder: HashEncoder, bias: float = 0.0) -> Answer:
    build_index(corpus, folder, encoder)
    chosen = parameters()
    chosen["untrained"]["refusal"]["bias"] = bias
    return Chatbot(folder, encoder, None, chosen).answer(
        "How many Soviet soldiers were killed in the campaign?"
    )


def test_values_that_differ_stand_side_by_side_each_with_its_citation(
    make_corpus: MakeCorpus, tmp_path: Path, encoder: HashEncoder
) -> None:
    corpus = make_corpus(DIFFERING)
    answer = asked_of_the_killed(corpus, tmp_path / "index", encoder)
    assert answer.status == "disagreement"
    assert answer.text.startswith("The sources differ:\n")
    assert {stated.value for stated in answer.positions} == {"12,031", "9,780"}
    quotes = {citation.number: citation.quote for citation in answer.citations}
    for stated in answer.positions:
        assert stated.citations
        assert all(stated.value in quotes[number] for number in stated.citations)
    assert {entry["value"] for entry in answer.to_json()["positions"]} == {"12,031", "9,780"}


def test_of_an_unsure_answer_no_values_are_set_against_each_other(
    make_corpus: MakeCorpus, tmp_path: Path, encoder: HashEncoder
) -> None:
    answer = asked_of_the_killed(make_corpus(DIFFERING), tmp_path / "index", encoder, bias=-0.1)
    assert answer.confidence == pytest.approx(0.475, abs=1e-3)
    assert (answer.status, answer.positions) == ("answered", ())


def test_sources_that_agree_are_answered_plainly(
    make_corpus: MakeCorpus, tmp_path: Path, encoder: HashEncoder
) -> None:
    corpus = make_corpus(
        {
            "one.txt": "Some 12,000 Soviet soldiers were killed in the campaign.\n",
            "two.txt": "In the campaign 12,031 Soviet soldiers were killed.\n",
        }
    )
    answer = asked_of_the_killed(corpus, tmp_path / "index", encoder)
    assert answer.status == "answered"
    assert answer.positions == ()
    assert "positions" not in answer.to_json()


def test_a_follow_up_may_refer_to_what_was_quoted(folder: Path, encoder: HashEncoder) -> None:
    bot = Chatbot(folder, encoder, None, parameters())
    asked = "Which ship lay in the bay?"
    alone = bot.answer("How long is she?", [asked])
    told = bot.answer("How long is she?", [asked], ["Captain Mary Stone came aboard the Missouri."])
    assert "Mary Stone" not in alone.standalone_question
    assert told.standalone_question != alone.standalone_question


def test_a_passage_that_the_network_has_read_says_so(folder: Path, encoder: HashEncoder) -> None:
    trained = {"trained": parameters()["untrained"]}
    bot = Chatbot(folder, encoder, CountingReader(), trained)
    searched = bot.index.search("How long is the Missouri?")
    hits = bot.answer("How long is the Missouri?").hits
    read = {hit.row: hit.why.get("reader") for hit in hits}
    count = worth_reading([hit.score for hit in searched])
    assert 0 < count < len(searched)
    assert [read[hit.row] for hit in searched] == [
        *range(count),
        *[None] * (len(searched) - count),
    ]
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_search_and_reader_rank_together_by_hand(folder: Path, encoder: HashEncoder) -> None:
    found = PassageIndex.open(folder, encoder).search("How long is the Missouri?", 3)
    assert rerank(found) == found  # nothing was read
    first, second, third = (
        replace(hit, score=score, rank=rank)
        for rank, (hit, score) in enumerate(zip(found, (0.9, 0.89, 0.7), strict=True), 1)
    )
    # with the logistic function of -2 and 3: (0.9 + 0.02 * 0.1192) / 1.02 and (0.89 + 0.02 * 0.9526) / 1.02
    read = [replace(first, why={"reader": -2.0}), replace(second, why={"reader": 3.0}), third]
    ranked = rerank(read)
    assert [hit.row for hit in ranked] == [second.row, first.row, third.row]
    assert [hit.rank for hit in ranked] == [1, 2, 3]
    assert [hit.score for hit in ranked] == pytest.approx([0.89123, 0.88469, 0.68627], abs=1e-5)


# JSON ---------------------------------------------------------------------------------------


def test_the_json_of_an_answer_has_the_agreed_keys(folder: Path, encoder: HashEncoder) -> None:
    bot = Chatbot(folder, encoder, None, parameters(answered=0.9))
    answer = bot.answer("How long is the Missouri?").to_json()
    assert list(answer) == [
        "question", "standalone_question", "status", "text", "short_answer", "confidence", "citations",
        "hits", "not_found", "index", "milliseconds",
    ]  # fmt: skip
    assert list(answer["citations"][0]) == [
        "number", "doc_id", "title", "section", "source", "page", "start", "end", "quote", "doc_sha256",
        "confidence",
    ]  # fmt: skip
    assert list(answer["hits"][0]) == ["rank", "doc_id", "start", "end", "score", "why"]
    assert list(answer["hits"][0]["why"]) == ["dense", "sentence", "lexical", "tokens", "similar"]
    assert answer["not_found"] == {
        "missing_terms": [],
        "searched": {"documents": 12, "passages": 13},
        "unread_files": ["empty.txt"],
    }
    assert answer["index"] == {"generation": current_generation(folder), "encoder": "hash float32"}
    assert list(answer["milliseconds"]) == ["encode", "search", "read"]
    assert json.loads(json.dumps(answer)) == answer


@pytest.mark.parametrize("question", ["How long is the Missouri?", "река Амур", "zeppelin", "Hello!"])
def test_the_same_question_gives_the_same_json_but_for_timings(folder: Path, question: str) -> None:
    def told() -> str:
        answer = Chatbot(folder, HashEncoder(), None, parameters()).answer(question).to_json()
        return json.dumps({**answer, "milliseconds": None})

    assert told() == told()


def test_threads_get_the_same_answers(chatbot: Chatbot) -> None:
    questions = ["How long is the Missouri?", "How slowly do oaks grow?", "река Амур"] * 4
    alone = [chatbot.answer(question).text for question in questions]
    together = [""] * len(questions)

    def ask(number: int) -> None:
        together[number] = chatbot.answer(questions[number]).text

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(questions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone


# Questions ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("", "Please type a question"),
        (" \n\t\0", "Please type a question"),
        ("?!… –", "no word in that"),
        ("x" * 100_000, "has 100,000 characters; please shorten it to 2,000"),
        ("x" * (LONGEST_QUESTION + 1), "has 2,001 characters"),
    ],
)
def test_what_is_no_question_is_refused_with_the_reason(chatbot: Chatbot, question: str, told: str) -> None:
    with pytest.raises(QuestionError, match=told):
        chatbot.answer(question)


def test_the_longest_question_is_answered(chatbot: Chatbot) -> None:
    question = ("oak " * (LONGEST_QUESTION // 4)).strip() + "?"
    assert chatbot.answer(question).citations


def test_white_space_around_a_question_is_no_part_of_it() -> None:
    assert check_question("\n  Who\0 is it? ") == "Who is it?"


def test_markup_in_a_question_stays_plain_text(chatbot: Chatbot) -> None:
    question = '<script>alert("x")</script> & <b>Amur</b>'
    answer = chatbot.answer(question)
    assert answer.question == answer.to_json()["question"] == question
    assert "script" not in answer.text


def test_small_talk_is_answered_without_a_search(chatbot: Chatbot) -> None:
    steps = list(chatbot.steps("Hello!"))
    assert len(steps) == 1
    (answer,) = steps
    assert isinstance(answer, Answer)
    assert (answer.status, answer.citations, answer.hits) == ("smalltalk", (), ())
    assert answer.not_found is None
    assert answer.text


def test_the_steps_of_a_question_come_before_its_answer(chatbot: Chatbot) -> None:
    searching, reading, answer = chatbot.steps("How long is the Missouri?")
    assert (searching, reading) == ("searching", "reading")
    assert isinstance(answer, Answer)


def test_a_follow_up_is_answered_as_its_standalone_question(chatbot: Chatbot) -> None:
    answer = chatbot.answer("How long is it?", ["What is the Missouri?", " "])
    assert answer.question == "How long is it?"
    assert "Missouri" in answer.standalone_question
    assert answer.citations[0].quote == "The Missouri is 270 metres long."


# States -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answered", "closest", "status"),
    [(0.5, 0.1, "answered"), (0.6, 0.5, "closest"), (0.9, 0.6, "not_found")],
)
def test_the_thresholds_decide_the_state(
    folder: Path, encoder: HashEncoder, answered: float, closest: float, status: str
) -> None:
    bot = Chatbot(folder, encoder, None, parameters(answered, closest))
    answer = bot.answer("How long is the zeppelin, the Missouri, the Zeppelin?")
    assert (answer.status, answer.confidence) == (status, 0.5)
    assert bool(answer.citations) == (status != "not_found")
    assert bool(answer.short_answer) == (status == "answered")
    check_citations(answer, bot.index)
    if status == "answered":
        assert answer.not_found is None
        assert not answer.text.startswith("The documents do not answer")
    else:
        assert answer.text.startswith("The documents do not answer this question.")
        assert answer.not_found is not None
        assert answer.not_found.missing_terms == ("zeppelin", "Zeppelin")
        assert (answer.not_found.documents, answer.not_found.passages) == (12, 13)
        assert answer.not_found.unread_files == ("empty.txt",)


@pytest.mark.parametrize(
    ("bias", "question", "missing"),
    [
        (-0.1, "How long is the zeppelin Missouri?", ("zeppelin",)),
        (-0.1, "How long is the Missouri?", None),
        (0.1, "How long is the zeppelin Missouri?", None),
    ],
    ids="unsure nothing-missing likely".split(),
)
def test_an_unsure_answer_tells_the_words_that_no_document_has(
    folder: Path, encoder: HashEncoder, bias: float, question: str, missing: tuple[str, ...] | None
) -> None:
    chosen = parameters()
    chosen["untrained"]["refusal"]["bias"] = bias
    answer = Chatbot(folder, encoder, None, chosen).answer(question)
    assert answer.status == "answered"
    assert (answer.not_found and answer.not_found.missing_terms) == missing
    drawn = str(draw_answered(answer))
    assert ("No document mentions <b>zeppelin</b>" in drawn) == (missing is not None)
    assert "Searched" not in drawn


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("When did Stalin visit Tokyo?", ("Stalin",)),
        ("when did stalin visit tokyo", ("stalin",)),  # another document writes it with a capital
        ("When did Gorbachev visit Tokyo?", ()),
        ("When did Gorbachev visit the Japanese?", ()),  # Japan is mentioned
        ("When did Gorbachev visit Tokyo, in 1945?", ("1945",)),
        ("When did Gorbachev visit Tokyo, at 19:45 or so?", ()),  # documents may write it as 7.45 pm
        ("When did Joseph Stalin visit Tokyo?", ("Joseph Stalin",)),
        ("When did Gorbachef visit Tokyo?", ()),  # put right
        ("When did Nixon visit Tokyo?", ()),  # as the word that no document has
        ("When did Japa visit Tokyo?", ()),  # of four letters, as Iran of the Iranians
        (
            "How far did Gorbachev go on a visit to Tokyo?",
            (),
        ),  # no name, though documents tell of the Far East
    ],
)
def test_names_that_the_passages_quoted_lack_are_told(
    make_corpus: MakeCorpus, tmp_path: Path, question: str, told: tuple[str, ...]
) -> None:
    files = {
        "visits.txt": "Mikhail Gorbachev came on a visit to Tokyo in Japan in April 1991.\n",
        "yalta.txt": "In the Crimea in 1945, Joseph Stalin met the others from the Far East, in the Far North.\n",
    }
    build_index(make_corpus(files), tmp_path / "index", HashEncoder())
    unsure = parameters(margin=0.0)
    unsure["untrained"]["refusal"]["bias"] = -0.1
    answer = Chatbot(tmp_path / "index", HashEncoder(), None, unsure).answer(question)
    assert (answer.status, answer.citations[0].doc_id) == ("answered", "visits.txt")
    assert answer.unmentioned == told
    assert answer.to_json().get("unmentioned", []) == list(told)
    assert ("Not mentioned in the passages quoted: " in as_text(answer.to_json())) == bool(told)


def test_there_is_no_short_answer_of_another_year(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    sold = "The Amur works sold 41,000 boats in 2023."
    build_index(make_corpus({"boats.txt": sold}), tmp_path / "index", HashEncoder())
    bot = Chatbot(tmp_path / "index", HashEncoder(), None, parameters())
    answers = [bot.answer(f"How many boats did the Amur works sell in {year}?") for year in (2023, 2022)]
    assert [(answer.short_answer, answer.unmentioned) for answer in answers] == [
        ("41,000", ()),
        ("", ("2022",)),
    ]


def test_words_that_were_put_right_in_vain_are_told_as_typed(folder: Path, encoder: HashEncoder) -> None:
    bot = Chatbot(folder, encoder, None, parameters(answered=0.9))
    answer = bot.answer("How long is a plugh, or the zeppelinn?")
    assert answer.standalone_question == "How long is a plough, or the zeppelin?"
    assert answer.not_found is not None
    assert answer.not_found.missing_terms == ("plugh", "zeppelinn")


def test_missing_terms_are_as_typed_and_know_inflections(chatbot: Chatbot) -> None:
    question = "Did the battleships of Admiral Tōgō fly?"
    assert missing_terms(question, chatbot.index) == ("Admiral", "Tōgō", "fly")


def test_the_word_behind_how_is_not_missing(chatbot: Chatbot) -> None:
    assert missing_terms("How much did the zeppelin cost?", chatbot.index) == ("zeppelin", "cost")


def test_a_verb_of_any_question_is_not_missing(chatbot: Chatbot) -> None:
    question = "What happens if Tillotson brings the zeppelin back?"
    assert missing_terms(question, chatbot.index) == ("Tillotson", "zeppelin")


def test_rows_beside_the_one_that_is_asked_for_are_not_quoted(
    make_corpus: MakeCorpus, tmp_path: Path
) -> None:
    corpus = make_corpus({"prices.csv": "Tool,Price\nFloor sander,14\nSteamer,4\nLadder,3\n"})
    build_index(corpus, tmp_path / "index", HashEncoder())
    bot = Chatbot(tmp_path / "index", HashEncoder(), None, parameters(margin=99.0))
    one, every = bot.answer("What is the price of the steamer?"), bot.answer("What is the price of a tool?")
    assert [c.quote for c in one.citations] == ["Tool: Steamer; Price: 4"]
    assert len(every.citations) == 3


@pytest.mark.parametrize(
    ("question", "quoted"),
    [
        ("Which tool has a course needed?", {"Sander", "Saw"}),
        ("Which tool has no course needed?", {"Sander", "Saw", "Ladder"}),
        ("Is the course needed for a tool?", {"Sander", "Saw", "Ladder"}),
        ("Which tool has a spare?", {"Sander", "Saw", "Ladder"}),  # all say none: that is the answer
    ],
)
def test_rows_that_say_no_are_not_among_the_things_that_are_so(
    make_corpus: MakeCorpus, tmp_path: Path, question: str, quoted: set[str]
) -> None:
    rows = (
        "Tool,Course needed,Spare,Maker\n"
        "Sander,yes,none,Brightwood of Upper Larkfield\n"
        "Ladder,No,none,Kestrel and Daughter\n"
        "Saw,from 2027,none,the brothers Obermann\n"
    )
    build_index(make_corpus({"tools.csv": rows}), tmp_path / "index", HashEncoder())
    answer = Chatbot(tmp_path / "index", HashEncoder(), None, parameters(margin=99.0)).answer(question)
    assert {c.quote.split(";")[0].removeprefix("Tool: ") for c in answer.citations} == quoted


@pytest.mark.parametrize(
    ("rows", "question", "quoted"),
    [
        # the row asked about says no, and that is the answer
        (
            "Tool,Spare parts\nLadder,none\nSander,belt\n",
            "What spare parts does the ladder have?",
            {"Ladder"},
        ),
        # "no" is asked for, in another word
        ("Tool,Spare\nSander,belt\nLadder,none\n", "Which tools lack a spare?", {"Sander", "Ladder"}),
    ],
)
def test_a_row_that_says_no_is_quoted_where_that_answers(
    make_corpus: MakeCorpus, tmp_path: Path, rows: str, question: str, quoted: set[str]
) -> None:
    build_index(make_corpus({"tools.csv": rows}), tmp_path / "index", HashEncoder())
    answer = Chatbot(tmp_path / "index", HashEncoder(), None, parameters(margin=99.0)).answer(question)
    assert {c.quote.split(";")[0].removeprefix("Tool: ") for c in answer.citations} == quoted


def test_of_rows_the_one_comes_first_that_holds_more_of_the_question() -> None:
    def row(text: str, score: float) -> Evidence:
        return Evidence(0, 0, (0, len(text)), text, np.zeros(len(FEATURES)), score)

    ash, oak = row("Name: desk; Wood: ash; Price: 10", 3.0), row("Name: desk; Wood: oak; Price: 12", 2.0)
    prose = row("The desk of oak is a desk that costs more than others, oak or not.", 2.5)
    words = dict.fromkeys(stems("What does the oak desk cost?"), 1.0)
    asked = Asked("What does the oak desk cost?", EncodedQuery(np.ones(1), np.ones((0, 0)), ()), words)
    assert _fullest_row_first([ash, prose, oak], asked, 2.0) == [oak, ash, prose]
    assert _fullest_row_first([ash, prose, oak], asked, 0.5) == [ash, prose, oak]  # too far from the best
    assert _fullest_row_first([prose, ash, oak], asked, 2.0) == [prose, ash, oak]
    assert _fullest_row_first([oak, ash], asked, 2.0) == [oak, ash]


def test_something_is_quoted_where_every_row_says_no_to_a_part(
    make_corpus: MakeCorpus, tmp_path: Path
) -> None:
    rows = "Tool,Course,Spare\nSander,yes,no\nLadder,no,yes\n"
    build_index(make_corpus({"tools.csv": rows}), tmp_path / "index", HashEncoder())
    bot = Chatbot(tmp_path / "index", HashEncoder(), None, parameters(margin=99.0))
    assert bot.answer("Which tool has a course and a spare?").citations


def test_a_question_in_capitals_names_nothing_by_them(chatbot: Chatbot) -> None:
    assert names("HOW MANY SOLDIERS PERISHED IN 1945?", ()) == {"1945"}
    assert chatbot.answer("WHO SIGNED THE SURRENDER OF JAPAN?").unmentioned == ()


def test_whether_a_question_is_answered_is_known_by_the_section_that_is_to_answer_it(
    chatbot: Chatbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chatbot, "_is_answered", lambda question, section: section == ("a.md", "Reset"))
    asked = "How do I reset it?"
    assert [chatbot._answers((asked, (doc_id, "Reset"))) for doc_id in ("a.md", "b.md")] == [True, False]


def test_halves_of_characters_become_question_marks(chatbot: Chatbot) -> None:
    assert check_question("caf\udce9 when \ud83d?") == "caf? when ??"
    answer = chatbot.answer("Who signed it \ud83d?", history=["What was the surrender\udce9?"])
    json.dumps(answer.to_json(), ensure_ascii=False).encode()


def test_probability_by_hand() -> None:
    signals = np.zeros(len(SIGNALS))
    assert probability(signals, {"dense": 2.0}, 0.0) == 0.5
    signals[SIGNALS.index("dense")] = 0.5
    signals[SIGNALS.index("unknown")] = 1.0
    # 1 + 2 · 0.5 - 3 · 1 = -1
    weights = {"dense": 2.0, "unknown": -3.0}
    assert probability(signals, weights, 1.0) == pytest.approx(1 / (1 + math.e))
    assert 0 <= probability(signals, {"dense": -1e9}, 0.0) < 1e-9
    assert 1 - 1e-9 < probability(signals, {"dense": 1e9}, 0.0) <= 1


def test_the_shipped_weights_name_known_signals() -> None:
    for chosen in load_parameters().values():
        assert set(chosen["refusal"]["weights"]) <= set(SIGNALS)
        assert set(chosen["quote"]["weights"]) <= set(QUOTE_SIGNALS)
        assert 0 < chosen["refusal"]["closest"] <= chosen["refusal"]["answered"] < 1


def test_agreement_by_hand() -> None:
    found = np.ones(7, bool)
    dense = np.array([7, 6, 5, 4, 3, 2, 1], np.float32)  # best five: 0 to 4
    lexical = np.array([1, 2, 3, 9, 8, 7, 6], np.float32)  # best five: 2 to 6
    rest = (10.0, np.arange(7), np.zeros(7, np.float32), np.eye(7, dtype=np.float32))
    pool = Pool(np.arange(7), dense, dense, lexical, found, found, *rest)
    assert _agreement(pool) == pytest.approx(3 / 5)
    assert _agreement(Pool(np.arange(7), dense, dense, dense, found, found, *rest)) == 1


def test_idf_by_hand(chatbot: Chatbot) -> None:
    # 13 passages, "missouri" in 2: ln(1 + 11.5 / 2.5); "zeppelin" in none: ln(1 + 13.5 / 0.5)
    assert chatbot.index.idf("missouri") == pytest.approx(math.log(5.6))
    assert chatbot.index.idf("zeppelin") == pytest.approx(math.log(28))


def test_signals_by_hand(chatbot: Chatbot) -> None:
    reading = chatbot.reading("How long is the Missouri zeppelin?")
    signals = dict(zip(SIGNALS, reading.signals.tolist(), strict=True))
    long, missouri, zeppelin = (chatbot.index.idf(stem) for stem in ("long", "missouri", "zeppelin"))
    assert reading.asked.weights == {"long": long, "missouri": missouri, "zeppelin": zeppelin}
    assert reading.evidence[0].text == "The Missouri is 270 metres long."
    total = long + missouri + zeppelin
    assert signals["unknown"] == pytest.approx(zeppelin / total)
    assert signals["coverage"] == pytest.approx((long + missouri) / total)
    assert signals["evidence"] == reading.evidence[0].score
    assert (signals["network"], signals["network_any"]) == (0, 0)
    assert (signals["names"], signals["typed"]) == (1, 1)
    assert signals["dense"] == pytest.approx(float(reading.pool.dense.max()))
    assert signals["contrast"] == pytest.approx(
        float(reading.pool.dense.max() - reading.pool.dense.mean()), abs=1e-6
    )


@pytest.mark.parametrize(
    ("question", "texts", "found"),
    [
        ("Where did the Missouri lie in 1945?", [], {"missouri", "1945"}),
        ("How Long Is The Missouri In Metres?", [], set()),  # nor do capitals tell where all words have one
        ("How Long Is The Missouri?", ["For years the Missouri lay at anchor."], {"missouri"}),
        ("Missouri, how long is it?", [], set()),  # any question begins with a capital
        ("Missouri, how long is it?", ["For years the Missouri lay at anchor."], {"missouri"}),
        ("how long is the missouri", ["The Missouri is long."], {"missouri"}),
        ("how long is the missouri", ["Missouri, says he. Missouri."], set()),  # so does any sentence
        ("what of missouri", ["In Missouri it rains."], {"missouri"}),  # near the beginning, but not there
        # three times of four without
        ("who won the cup", ["He won a cup, the World Cup. The cup of tea. A cup."], set()),
    ],
)
def test_names_are_what_question_or_passages_write_with_a_capital(
    question: str, texts: list[str], found: set[str]
) -> None:
    assert names(question, texts) == found


@pytest.mark.parametrize(
    ("question", "as_typed"),
    [
        ("grow slowly", False),  # may well go on with what was asked before
        ("oaks grow slowly", True),
        ("and the Missouri, metres", True),
        ("the missouri, metres", True),  # the documents write it with a capital
        ("may I grow slowly", True),  # its asker is its subject
    ],
)
def test_a_question_of_two_words_without_a_name_may_mean_the_one_before(
    chatbot: Chatbot, question: str, as_typed: bool
) -> None:
    before, typed = chatbot.reading("How long is the Missouri?"), chatbot.reading(question)
    assert typed.evidence[0].feature("coverage") == 1  # answered as it is
    chosen = chatbot._meant(question, [before, typed])
    assert chosen.asked is (typed if as_typed else before).asked


def test_signals_of_a_quote_by_hand(chatbot: Chatbot) -> None:
    reading = chatbot.reading("How long is the Missouri?")
    first, second = replace(reading.evidence[0], score=2.0), replace(reading.evidence[1], score=2.0)
    pair = replace(reading, evidence=[first, second])
    # of two sentences that score the same each has half of the likelihood
    assert quote_signals(first, pair) == pytest.approx([2.0, math.log(0.5), 0.0, 0.0])
    alone = replace(reading, evidence=[first])
    assert quote_signals(first, alone) == pytest.approx([2.0, 0.0, 0.0, 0.0])


def test_a_quote_carries_its_own_confidence(folder: Path, encoder: HashEncoder) -> None:
    chosen = parameters()
    chosen["untrained"]["quote"] = {"weights": {"score": 1.0}, "bias": -1.0}
    bot = Chatbot(folder, encoder, None, chosen)
    answer = bot.answer("How long is the Missouri?")
    scores = {evidence.text: evidence.score for evidence in bot.reading(answer.question).evidence}
    for cited in answer.citations:
        assert cited.confidence == pytest.approx(1 / (1 + math.exp(1 - scores[cited.quote])), abs=1e-4)


# Checking later -----------------------------------------------------------------------------


def test_verify_tells_the_four_states(place: tuple[Path, Path], encoder: HashEncoder) -> None:
    corpus, folder = place
    answer = (
        Chatbot(folder, encoder, None, parameters(margin=0)).answer("How long is the Missouri?").to_json()
    )
    (citation,) = answer["citations"]

    def verdict() -> tuple[str, str]:
        build_index(corpus, folder, encoder)
        (found,) = verify(json.loads(json.dumps(answer)), PassageIndex.open(folder, encoder))
        assert (found.number, found.doc_id) == (1, "ships.md")
        return found.state, found.detail

    start, end = citation["start"], citation["end"]
    assert verdict() == ("valid", f"stands at {start}:{end}")
    (corpus / "ships.md").write_text(str(FILES["ships.md"]) + "\nMore.\n")  # elsewhere in the document
    assert verdict()[0] == "valid"
    (corpus / "ships.md").write_text("First line.\n\n" + str(FILES["ships.md"]))
    assert verdict() == ("moved", f"now stands at {start + 13}:{end + 13}")
    (corpus / "ships.md").write_text(str(FILES["ships.md"]).replace("270", "271"))
    assert verdict()[0] == "changed"
    (corpus / "ships.md").unlink()
    assert verdict()[0] == "gone"


def test_a_made_up_quote_is_never_valid(chatbot: Chatbot) -> None:
    answer = chatbot.answer("How long is the Missouri?").to_json()
    citation = answer["citations"][0]
    forged = [
        {**citation, "quote": "The Missouri is 300 metres long."},
        {**citation, "quote": ""},
        {**citation, "start": citation["start"] + 1},
        {**citation, "doc_id": "../ships.md"},
    ]
    states = [verdict.state for verdict in verify({"citations": forged}, chatbot.index)]
    assert states == ["changed", "changed", "moved", "gone"]


@pytest.mark.parametrize("now", ["A cafe\u0301 by the sea.", "A caf\u00e9\r\nby the sea."])
def test_words_that_were_only_encoded_anew_are_not_called_lost(now: str) -> None:
    quote = "A caf\u00e9\nby the sea."
    index: Any = SimpleNamespace(document=lambda _: SimpleNamespace(text=f"Rules. {now}"))
    citation = {"number": 1, "doc_id": "guide.txt", "quote": quote, "start": 0, "end": len(quote)}
    (found,) = verify({"citations": [citation]}, index)
    assert (found.state, found.detail) == (
        "changed",
        "these words stand there with other spaces, line ends or accents",
    )


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        {"citations": None},
        {"citations": [{}]},
        {"citations": ["x"]},
        {"citations": [{"number": "one", "doc_id": "a", "quote": "b", "start": 0, "end": 1}]},
    ],
)
def test_what_is_no_answer_cannot_be_verified(chatbot: Chatbot, answer: Any) -> None:
    with pytest.raises(QuestionError, match="not the JSON of an answer"):
        verify(answer, chatbot.index)


# Examples and suggestions -------------------------------------------------------------------

QUERIES = [
    {"_id": "1", "text": "Where does the Amur form a border?"},
    {"_id": "2", "text": "how long?"},  # not fit to be shown
    {"_id": "3", "text": "How long was the Missouri?"},
    {"_id": "4", "text": "Which bay did she lie in?"},
]
QRELS = "query-id\tcorpus-id\tscore\n1\trivers.txt\t1\n2\tships.md\t1\n3\tships.md\t1\n4\tships.md\t1\n"


@pytest.fixture
def with_queries(make_corpus: MakeCorpus, tmp_path: Path, encoder: HashEncoder) -> Chatbot:
    lines = "\n".join(json.dumps(query) for query in QUERIES)
    corpus = make_corpus({**FILES, "queries.jsonl": lines, "qrels/dev.tsv": QRELS})
    build_index(corpus, tmp_path / "index", encoder)
    return Chatbot(tmp_path / "index", encoder, None, parameters(margin=0))


def test_examples_are_the_questions_of_the_corpus(with_queries: Chatbot) -> None:
    shown = [str(QUERIES[number]["text"]) for number in (0, 2, 3)]
    assert with_queries.examples() == shown
    assert with_queries.examples(1) == shown[:1]


def test_suggestions_are_further_questions_on_the_documents_cited(with_queries: Chatbot) -> None:
    answer = with_queries.answer("How long is the Missouri?")
    assert {citation.doc_id for citation in answer.citations} == {"ships.md"}
    # the third query repeats the question
    assert with_queries.suggestions(answer) == ["Which bay did she lie in?"]
    assert with_queries.suggestions(answer, ["Which bay did she lie in?"]) == []


def test_without_queries_examples_are_made_from_the_documents(chatbot: Chatbot) -> None:
    defined = {"What is the Missouri?", "What is the Amur?"}
    assert {*defined, "What is known about “Ships”?"} <= set(chatbot.examples(12))
    assert len(chatbot.examples(2)) == 2


def test_what_leads_on_reads_as_a_question_and_is_answered_where_it_says(
    make_corpus: MakeCorpus, tmp_path: Path, encoder: HashEncoder
) -> None:
    text = (
        "# Ships\n\nThe Missouri is a battleship.\n\n## Overview\n\nThe overview of ships is long.\n\n"
        "## Where was she built?\n\nThe Missouri was built in Brooklyn, where she lay.\n\n"
        "## Guns\n\nOf ships they say much about guns.\n\n"
        "## Crew\n\nSailors came from Ohio.\n"
    )
    more = "# Songs\n\nWhat the crew say of ships: the crew of ships say nothing about ships.\n"
    build_index(make_corpus({"a.md": text, "b.md": more}), tmp_path / "index", encoder)
    bot = Chatbot(tmp_path / "index", encoder, None, parameters(margin=0))
    answer = bot.answer("Which battleship is the Missouri?")
    assert {citation.doc_id for citation in answer.citations} == {"a.md"}
    # "Overview" says nothing, and what is said of the crew stands elsewhere
    assert bot.suggestions(answer) == ["Where was she built?", "What does “Ships” say about “Guns”?"]


def test_small_talk_leads_on_to_nothing(chatbot: Chatbot) -> None:
    assert chatbot.suggestions(chatbot.answer("Hello!")) == []


# A living chatbot ---------------------------------------------------------------------------


def test_a_running_chatbot_takes_over_a_newer_generation(
    place: tuple[Path, Path], encoder: HashEncoder
) -> None:
    bot = Chatbot(place[1], encoder, None, parameters())
    before = bot.answer("What is a zeppelin?")
    (place[0] / "new.txt").write_text("A zeppelin is an airship.")
    report = build_index(*place, encoder)
    after = bot.answer("What is a zeppelin?")
    assert after.citations[0].quote == "A zeppelin is an airship."
    assert before.index["generation"] != after.index["generation"] == report.generation
    assert bot.index.generation == report.generation


def test_a_question_is_answered_from_the_generation_it_began_with(
    place: tuple[Path, Path], encoder: HashEncoder
) -> None:
    bot = Chatbot(place[1], encoder, None, parameters())
    generation = bot.index.generation
    steps = bot.steps("How slowly do oaks grow?")
    assert next(steps) == "searching"
    (place[0] / "trees.md").unlink()
    build_index(*place, encoder)
    *_, answer = steps
    assert isinstance(answer, Answer)
    assert answer.citations[0].quote == "Oaks grow slowly."
    assert answer.index["generation"] == generation
    assert all(c.doc_id != "trees.md" for c in bot.answer("How slowly do oaks grow?").citations)


def test_a_chatbot_without_an_index_is_told(tmp_path: Path, encoder: HashEncoder) -> None:
    with pytest.raises(IndexMissing, match="rebuild_index"):
        Chatbot(tmp_path, encoder, None, parameters())
