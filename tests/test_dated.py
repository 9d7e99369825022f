"""What a question about now is told when the quotes are of an earlier time."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from test_page import answer as made
from test_page import visible

from chatbot.__main__ import as_text
from chatbot.answer import Chatbot
from chatbot.app import drawing, markdown, printing
from chatbot.app.turns import Turn, make_turn
from chatbot.dated import newest_year
from chatbot.encoder import load_encoder
from chatbot.index import build_index
from chatbot.reader import load_network_reader
from chatbot.receipt import make_receipt, parse_receipt


@pytest.mark.parametrize(
    ("question", "quotes", "newest"),
    [
        ("Who is the prime minister now?", ["Suzuki became prime minister on 7 April 1945."], 1945),
        ("Who is currently the mayor?", ["Ada Byrd was elected in 1998.", "Ada Byrd left in 2001."], 2001),
        ("What is the current fee?", ["The fee was 3 pounds in 1990."], 1990),
        ("Who is the prime minister?", ["Suzuki became prime minister on 7 April 1945."], 0),
        ("Who is the mayor now?", ["Ada Byrd is the mayor."], 0),  # of no time
        ("Who is the mayor now?", ["Ada Byrd has been the mayor since 1998."], 0),
        ("What stands there today?", ["The mill of 1721 is a museum today."], 0),
        ("Who is the mayor now?", ["Ada Byrd was elected in 2025."], 0),  # of last year
        ("Who is the mayor now?", ["Ada Byrd was elected in 2024."], 2024),
        ("Who is the mayor now?", ["Ada Byrd was elected in 1998.", "The vote of 2026 is open."], 0),
        ("Who had been the mayor until now?", ["Ada Byrd was elected in 1998."], 0),
        ("Who rules now that the war is over?", ["Suzuki resigned in 1945."], 0),
        ("How do currents change the current of a river?", ["It was measured in 1950."], 0),  # water
        ("How strong is an electric current?", ["It was measured in 1950."], 0),
        ("Who is the mayor now?", [], 0),
    ],
)
def test_the_year_is_told_where_all_that_is_dated_is_old(
    question: str, quotes: list[str], newest: int
) -> None:
    assert newest_year(question, quotes, 2026) == newest


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Chatbot:
    folder, encoder = tmp_path_factory.mktemp("dated"), load_encoder()
    corpus: Path = folder / "corpus"
    corpus.mkdir()
    (corpus / "mayors.txt").write_text("Ada Byrd was elected mayor of Larkhill in 1998.\n")
    (corpus / "ferry.txt").write_text(
        f"The ferry of Larkhill has carried 40 cars since May {date.today().year}.\n"
    )
    (corpus / "mill.txt").write_text("Hugh Oakes built the Barley Mill of Larkhill in 1721.\n")
    (corpus / "toll.txt").write_text(
        f"The council raised the toll of the bridge to 80 pence in {date.today().year}.\n"
    )
    build_index(corpus, folder / "index", encoder)
    return Chatbot(folder / "index", encoder, load_network_reader())


def test_an_old_answer_to_a_question_about_now_says_of_which_year_it_is(bot: Chatbot) -> None:
    then = bot.answer("Who was elected mayor of Larkhill?")
    assert (then.short_answer, then.as_of) == ("Ada Byrd", 0)
    assert "as_of" not in then.to_json()
    now = bot.answer("Who is the mayor of Larkhill now?")
    assert now.status == "answered"
    assert [citation.quote for citation in now.citations] == [then.citations[0].quote]
    assert (now.short_answer, now.as_of) == ("", 1998)
    turn = make_turn(bot, now)
    for shown in (
        visible(drawing.draw_turn(turn, 0)),
        markdown.turn_markdown(turn),
        printing.printable([turn], "T", "D"),
        as_text(now.to_json()),
    ):
        assert "You ask of now; the latest year in the quotes is 1998." in shown
    assert bot.answer("How many cars does the ferry of Larkhill carry now?").as_of == 0


def test_the_year_is_that_of_all_quotes_of_an_answer_to_several_questions(bot: Chatbot) -> None:
    answer = bot.answer("Who built the Barley Mill and what is the toll of the bridge now?")
    assert ["1721" in answer.citations[0].quote, "80 pence" in answer.citations[1].quote] == [True, True]
    assert answer.as_of == 0  # as the mill's quote alone it would be of 1721


def test_nothing_is_told_of_answers_to_other_questions() -> None:
    turn = Turn("Q", made("answered"))
    assert "You ask of now" not in drawing.draw_turn(turn, 0) + printing.printable([turn], "T", "D")


def test_a_receipt_keeps_the_year() -> None:
    receipt = make_receipt(replace(made("answered"), as_of=1998))
    assert parse_receipt(receipt.to_json()).answer.as_of == 1998
    assert "as_of" not in make_receipt(made("answered")).to_json()
