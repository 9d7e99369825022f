"""Several questions at once are found apart; whatever else holds an "and" is one question."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chatbot.__main__ import as_text
from chatbot.answer import MOST_QUOTES, Chatbot, Citation, verify, with_each
from chatbot.app import drawing, markdown, printing
from chatbot.app.turns import Turn, make_turn
from chatbot.compound import parts_of
from chatbot.encoder import load_encoder
from chatbot.index import build_index
from chatbot.reader import load_network_reader

APART = {
    "Who was Hirota, and what did he try to do?": ["Who was Hirota?", "what did he try to do?"],
    "when was the wall built and why": ["when was the wall built?", "why?"],
    "Who delivered it in Tokyo and to whom?": ["Who delivered it in Tokyo?", "to whom?"],
    "who invented the press and in what year": ["who invented the press?", "in what year?"],
    "Who led the raid and did they survive?": ["Who led the raid?", "did they survive?"],
    "When and where was the treaty signed?": ["When was the treaty signed?", "where was the treaty signed?"],
    "What was the plot, how did it end and who led it?": [
        "What was the plot?",
        "how did it end?",
        "who led it?",
    ],
    "When does it open? And what does a ticket cost?": ["When does it open?", "what does a ticket cost?"],
    "Is it safe, and if so, how long does it last?": ["Is it safe?", "how long does it last?"],
    "How powerful was the bomb and how high was the cloud?": [
        "How powerful was the bomb?",
        "how high was the cloud?",
    ],
    "Is it safe and if so why?": ["Is it safe?", "why?"],
    'Who wrote "What and how" and when did it appear?': ['Who wrote "What and how"?', "when did it appear?"],
    "What did he report, when was he hanged and by whom?": [
        "What did he report?",
        "when was he hanged?",
        "by whom?",
    ],
    "explain what nginx is and what is it used for": ["explain what nginx is?", "what is it used for?"],
    "In 1945, who met at Yalta and who stayed away?": ["In 1945, who met at Yalta?", "who stayed away?"],
}

ONE = [
    "What did Britain and France want?",
    "Who was the general who led the front and who died in 1969?",  # a clause goes on
    "What happened when the war ended and when the troops left?",
    "Do you know how she lived and how she died?",
    "Colonialism is caused by financial and what other reasons?",
    "What is the lag between when a change occurs and when its impact is seen?",
    "What did the ECDC and WHO ask the countries?",
    "When the norms of a state change, what is it called?",
    "The decree, which was signed in May, said what?",
    "When was the decree, which was signed in May, published?",
    'Who said "what is it and who is it"?',
    "Which islands did Japan lose, and which of them, how and when, and who took them, and what then?",
    "What and who?",
    "Where, when and how did Anami die?",
    "How many tanks and how many guns did the Soviets have?",
    "Who wrote What Was Said and When Was It Said?",
    "What can you tell me about what Truman wrote and what Stalin answered?",
    "Where are salt and pepper?",
    "and why?",
    "",
]


@pytest.mark.parametrize(("question", "parts"), APART.items())
def test_questions_joined_in_one_are_found_apart(question: str, parts: list[str]) -> None:
    assert parts_of(question) == parts


@pytest.mark.parametrize("question", ONE)
def test_one_question_stays_whole(question: str) -> None:
    assert parts_of(question) == [question]


def quote(start: int, doc_id: str = "a") -> Citation:
    return Citation(9, doc_id, "T", "", doc_id, None, start, start + 5, f"{doc_id}{start}", "0" * 64, 0.9)


def places(citations: tuple[Citation, ...]) -> list[int]:
    assert [citation.number for citation in citations] == list(range(1, len(citations) + 1))
    return [citation.start for citation in citations]


def test_a_part_that_is_quoted_already_adds_nothing() -> None:
    quoted = [quote(10), quote(20)]
    assert places(with_each(quoted, [[quote(10)], [quote(50), quote(20)]])) == [10, 20]


def test_the_same_words_in_another_document_add_nothing() -> None:
    copied = replace(quote(70, "b"), quote="a10")
    assert places(with_each([quote(10)], [[copied]])) == [10]


def test_each_part_that_lacks_gets_its_first_quote_once() -> None:
    assert places(with_each([quote(10)], [[quote(30), quote(40)], [quote(33)]])) == [10, 30]
    assert places(with_each([], [[quote(30)], [quote(40)]])) == [30, 40]


def test_quotes_that_no_part_has_give_way_but_the_first() -> None:
    quoted = [quote(n) for n in (10, 20, 30, 40)]
    assert places(with_each(quoted, [[quote(40)], [quote(50)], [quote(60)]])) == [10, 40, 50, 60]
    assert places(with_each(quoted, [[quote(70)]])) == [10, 20, 30, 70]
    assert len(with_each(quoted, [[quote(n)] for n in (60, 70, 80, 90)])) == MOST_QUOTES


FILES = {
    "mill.md": "# The mill\n\nThe Barley Mill was built by Hugh Oakes in 1721.\n\nThe wheel of the mill is of elm.\n",
    "ferry.md": "# The ferry\n\nThe Stone Ferry crosses the Wend every twenty minutes.\n\nA ticket for the ferry costs 80 pence.\n",
    "fair.md": "# The fair\n\nThe Goose Fair is held on the village green in September.\n",
}


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Chatbot:
    folder, encoder = tmp_path_factory.mktemp("compound"), load_encoder()
    (folder / "corpus").mkdir()
    for name, text in FILES.items():
        (folder / "corpus" / name).write_text(text)
    build_index(folder / "corpus", folder / "index", encoder)
    return Chatbot(folder / "index", encoder, load_network_reader())


def test_both_questions_are_answered_with_quotes_that_verify(bot: Chatbot) -> None:
    answer = bot.answer("Who built the Barley Mill and what does a ticket for the ferry cost?")
    assert answer.status == "answered"
    quotes = " ".join(citation.quote for citation in answer.citations)
    assert "Hugh Oakes" in quotes
    assert "80 pence" in quotes
    assert answer.unanswered == ()
    assert "unanswered" not in answer.to_json()
    assert {verdict.state for verdict in verify(answer.to_json(), bot.index)} == {"valid"}
    assert [hit.rank for hit in answer.hits] == list(range(1, len(answer.hits) + 1))
    assert all(source.hit for source in make_turn(bot, answer).sources)  # "why this passage" of each
    assert all(f"[{number}]" in answer.text for number in range(1, len(answer.citations) + 1))


def test_a_question_that_nothing_answers_is_told_beside_the_answer(bot: Chatbot) -> None:
    answer = bot.answer("Who built the Barley Mill and how many moons has Jupiter?")
    assert answer.status == "answered"
    assert "Hugh Oakes" in answer.citations[0].quote
    assert answer.unanswered == ("How many moons has Jupiter?",)
    turn = make_turn(bot, answer)
    told = "Nothing found for: "
    for shown in (
        drawing.draw_turn(turn, 0),
        markdown.turn_markdown(turn),
        printing.printable([turn], "T", "D"),
        as_text(answer.to_json()),
    ):
        assert told in shown
        assert "Jupiter?" in shown


def test_a_name_that_the_quote_of_a_part_has_is_not_told_as_lacking(bot: Chatbot) -> None:
    answer = bot.answer("Who built the Barley Mill and how often does the Stone Ferry cross?")
    assert "Hugh Oakes" in answer.citations[0].quote
    assert "Stone Ferry" in answer.citations[1].quote
    assert answer.unmentioned == ()


def test_the_second_question_may_need_the_first(bot: Chatbot) -> None:
    answer = bot.answer("Who built the Barley Mill, and when was it built?")
    assert "1721" in answer.citations[0].quote
    assert answer.unanswered == ()


def test_nothing_is_answered_where_no_part_is(bot: Chatbot) -> None:
    answer = bot.answer("How many moons has Jupiter and who painted the Mona Lisa?")
    assert answer.status in {"closest", "not_found"}
    assert answer.unanswered == ()


def test_what_is_told_is_escaped() -> None:
    from test_page import answer as made

    nasty = "<script>alert(1)</script>?"
    turn = Turn("Q", replace(made("answered"), unanswered=(nasty,)))
    assert "<script" not in drawing.draw_turn(turn, 0)
    assert "<script" not in printing.printable([turn], "T", "D")
