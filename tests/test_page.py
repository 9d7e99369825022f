"""The chat page: what it draws from an answer, and what a browser makes of it."""

from __future__ import annotations

import itertools
import json
import re
import socket
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import benchmark_page
import gradio as gr
import pytest
from browsing import (
    CORPUS,
    FOLLOW_UP,
    NASTY,
    OFF_TOPIC,
    QUESTION,
    SMALL_CORPUS,
    OpenPage,
    Served,
    ask,
    composer,
    free_port,
    serve_in_thread,
)
from playwright.sync_api import Browser, expect

from chatbot.answer import Answer, Chatbot, Citation, NotFound, Stated
from chatbot.app import chat, drawing, markdown, printing, serving, text, turns
from chatbot.app.turns import Source, Turn
from chatbot.collection import Collection
from chatbot.corpus import Document, Passage
from chatbot.errors import PortBusy, QuestionError
from chatbot.feedback import Feedback
from chatbot.index import Hit
from chatbot.receipt import Receipt

QUOTE = "The barometer fell at noon."
TEXT = (
    f"---\ntitle: The log\n---\n\n# The log\n\nThe ship left. {QUOTE} Rain came.\n\n## Later\n\nIt cleared."
)


def document(text: str = TEXT) -> Document:
    return Document("log.md", "The log", text, "log.md", ())


def citation(number: int = 1, quote: str = QUOTE, **changes: Any) -> Citation:
    start = TEXT.find(quote)
    made = Citation(
        number, "log.md", "The log", "Noon", "log.md", None, start, start + len(quote), quote, "", 0.9
    )
    return replace(made, **changes)


def hit(**changes: Any) -> Hit:
    passage = Passage("log.md", TEXT.index("The ship"), len(TEXT), "Noon", ())
    why = {"dense": 0.5, "sentence": 0.75, "lexical": 3.0}
    return replace(Hit(passage, TEXT, "The log", "log.md", 0.91, 1, why), **changes)


def answer(status: str = "answered", **changes: Any) -> Answer:
    made = Answer(
        question="When did the barometer fall?",
        standalone_question="When did the barometer fall?",
        status=status,
        text=f"{QUOTE} [1]",
        short_answer="",
        confidence=0.9,
        citations=(citation(),),
        hits=(hit(), hit(rank=2, why={"dense": 0.4, "sentence": 0.2, "lexical": 6.0})),
        not_found=None,
        index={"generation": "g", "encoder": "e"},
        milliseconds={"encode": 7.0, "search": 3.0, "read": 60.0},
    )
    return replace(made, **changes)


def not_found() -> Answer:
    found = NotFound(("sourdough",), 1, 2_310, ("scan.pdf",))
    return answer("not_found", text="", citations=(), confidence=0.03, not_found=found)


class OneDocument:
    def __init__(self, text: str = TEXT) -> None:
        self.text = text
        self.manifest = {"documents": 1, "passages": 2}

    def document(self, doc_id: str) -> Document:
        return {"log.md": document(self.text)}[doc_id]


class Parrot:
    """Answers every question with the answer it was given, or raises the error it was given."""

    def __init__(self, reply: Answer | Exception, text: str = TEXT) -> None:
        self.index = OneDocument(text)
        self.encoder = None  # it never builds an index
        self.reply = reply
        self.heard: list[tuple[str, list[str]]] = []

    def steps(
        self,
        question: str,
        history: Sequence[str] = (),
        answers: Sequence[str] = (),
        only: frozenset[str] | None = None,
        *,
        verbatim: bool = False,
    ) -> Iterator[str | Answer]:
        self.heard.append((question, list(history)))
        self.verbatim = verbatim
        yield "searching"
        if isinstance(self.reply, Exception):
            raise self.reply
        yield "reading"
        yield self.reply

    def live(self) -> OneDocument:
        return self.index

    def examples(self, n: int = 6) -> list[str]:
        return ["When did the barometer fall?"]

    def suggestions(self, answer: Answer, asked: Sequence[str] = (), n: int = 3) -> list[str]:
        return ["What came then?"]

    def completions(self, typed: str) -> list[str]:
        return []


class SlowParrot(Parrot):
    """Answers when it is released."""

    def __init__(self, reply: Answer) -> None:
        super().__init__(reply)
        self.released = threading.Event()

    def steps(
        self,
        question: str,
        history: Sequence[str] = (),
        answers: Sequence[str] = (),
        only: frozenset[str] | None = None,
        *,
        verbatim: bool = False,
    ) -> Iterator[str | Answer]:
        for step in super().steps(question, history):
            yield step
            self.released.wait(10)


def collection(chatbot: Any, folder: Path) -> Collection:
    return Collection("fake", folder, folder, chatbot)


def visible(html: str) -> str:
    """What a reader sees of our own HTML, near enough for an assertion."""
    text = re.sub(r'<div class="views" hidden>.*?</article>', "", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


# ---- drawing


def test_numbers_become_buttons_only_where_a_citation_has_them() -> None:
    drawn = drawing.draw_numbers(f"{QUOTE} [1] [2]", [citation()])
    assert drawn.count('data-cite="1"') == 1
    assert drawn.endswith("[2]")


def test_a_number_that_a_document_wrote_stays_text() -> None:
    quote = "As shown elsewhere [1] it rained."
    drawn = drawing.draw_numbers(f"{quote} [1]", [citation(quote=quote)])
    assert visible(drawn).startswith(quote)
    assert drawn.count("<button") == 1


@pytest.mark.parametrize(
    ("line", "before", "held"),
    [
        ("It fell. [1] [2]", "It ", "fell."),
        ("Donaudampfschifffahrt. [1][2]", "Donaudampfschi", "fffahrt."),
        ("気圧計は正午に下がったということである。 [1] [2]", "気圧計は正午に下がったと", "いうことである。"),
    ],
)
def test_numbers_stay_on_a_line_with_the_word_before_them(line: str, before: str, held: str) -> None:
    drawn = drawing.draw_numbers(line, [citation(), citation(number=2)])
    assert re.sub("<button.*?</button>", "#", drawn) == f'{before}<span class="cited">{held}##</span>'


@pytest.mark.parametrize(
    "turn",
    [
        Turn(NASTY),
        Turn(NASTY, error=NASTY),
        Turn(NASTY, answer("smalltalk", text=NASTY, citations=())),
        Turn(NASTY, answer("not_found", citations=(), not_found=NotFound((NASTY,), 1, 1, (NASTY,)))),
        *(
            Turn(
                NASTY,
                replace(
                    answer(status, text=f"{NASTY} [1]", short_answer=NASTY, standalone_question=NASTY),
                    citations=(
                        nasty := citation(quote=NASTY, title=NASTY, section=f"In {NASTY}", source=NASTY),
                    ),
                ),
                sources=(Source(nasty, NASTY, NASTY, hit(why={NASTY: 1.0}), 1, {NASTY: 1.0}),),
            )
            for status in ("answered", "closest", "disagreement")
        ),
    ],
    ids=lambda turn: turn.state,
)
def test_whatever_users_and_documents_wrote_is_escaped(turn: Turn) -> None:
    screen = chat.draw_screen([turn], {})
    for html in (screen.latest, screen.status, drawing.draw_suggestions([NASTY], 0)):
        assert "<script" not in html
        assert "<img" not in html
        assert 'onerror="' not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in screen.latest


def test_a_source_is_a_link_only_when_it_is_an_address() -> None:
    assert 'href="https://example.org/a?b&amp;c"' in drawing.draw_origin(
        citation(source="https://example.org/a?b&c")
    )
    assert "href" not in drawing.draw_origin(citation(source="javascript:alert(1)"))
    assert "page 7" in drawing.draw_origin(citation(page=7))


def test_each_state_says_what_it_is() -> None:
    turns = {
        "answered": (answer(short_answer="noon"), "noon The barometer fell at noon. 1"),
        "closest": (answer("closest"), "No source answers this The nearest passages are:"),
        "disagreement": (answer("disagreement"), "The sources differ"),
        "not_found": (not_found(), "Not found in these documents"),
        "smalltalk": (answer("smalltalk", text="Hello.", citations=()), "Hello."),
    }
    for status, (reply, words) in turns.items():
        html = drawing.draw_turn(Turn("Q", reply), 0)
        assert f'data-state="{status}"' in html
        assert words in visible(html)
    assert "Not answered" in visible(drawing.draw_turn(Turn("Q", error="Too long."), 0))
    assert "Searching the documents" in visible(drawing.draw_turn(Turn("Q"), 0))


def test_not_found_names_the_terms_the_search_and_the_unread_files() -> None:
    seen = visible(drawing.draw_turn(Turn("Q", not_found()), 0))
    assert "No document mentions sourdough" in seen
    assert "Searched 1 document (2,310 passages)." in seen
    assert "1 file could not be read scan.pdf" in seen


@pytest.mark.parametrize(
    ("confidence", "word"), [(0.8, "Sure"), (0.79, "Likely"), (0.5, "Likely"), (0.49, "Unsure")]
)
def test_confidence_is_a_word_with_the_number_on_hover(confidence: float, word: str) -> None:
    drawn = drawing.draw_confidence(confidence)
    assert f">{word}<" in drawn
    assert f'answers the question: {confidence:.0%}"' in drawn
    assert drawing.draw_confidence(None) == ""


def test_only_a_follow_up_says_how_it_was_understood() -> None:
    followed = answer(standalone_question="When did the barometer fall on the ship?")
    assert "Understood as: When did the barometer fall on the ship?" in visible(
        drawing.draw_reply(followed, "")
    )
    assert "Understood" not in drawing.draw_reply(answer(), "")


def test_places_cited_twice_are_listed_once_with_both_numbers() -> None:
    drawn = drawing.draw_source_list([citation(1), citation(2), citation(3, section="Later")])
    assert visible(drawn) == "1 2 The log Noon 3 The log Later"


@pytest.mark.parametrize(
    ("section", "below"), [("The log", ""), ("The log › Noon", "Noon"), ("The logbook", "The logbook")]
)
def test_a_heading_that_is_the_title_is_not_shown_again(section: str, below: str) -> None:
    cited = citation(section=section)
    assert visible(drawing.draw_source_list([cited])) == f"1 The log {below}".strip()
    assert visible(drawing.draw_origin(cited)) == f"{below} log.md".strip()
    turn = Turn("Q", answer(citations=(cited, citation(2, section=below))))
    assert f"1. {', '.join(filter(None, ['The log', below, 'log.md']))}\n2. " in markdown.turn_markdown(turn)
    printed = printing.printable([turn], "", "")
    assert printed.count("<li id=") == 1
    assert f"<b>The log</b>{below and f', {below}'}<br>" in printed


def test_places_on_two_pages_are_told_apart() -> None:
    drawn = drawing.draw_source_list([citation(1, page=2), citation(2, page=3)])
    assert visible(drawn) == "1 The log Noon page 2 2 The log Noon page 3"


def test_the_bars_of_a_score_show_cosines_of_one_and_the_rest_of_the_best_hit() -> None:
    [source] = turns.find_sources(Parrot(answer()), answer())  # type: ignore[arg-type]  # a fake
    drawn = drawing.draw_why(source)
    # dense 0.5 of 1, sentence 0.75 of 1, lexical 3 of the other hit's 6
    assert re.findall(r"width: (\d+)%", drawn) == ["50", "75", "50"]
    assert "Number 1 of 2 passages by its score, 0.91." in drawn


def test_figures_on_which_the_sources_differ_are_bold() -> None:
    quotes = ("In 1905 it held 713,000 <men>.", "In 1905 it held 1,000,000.")
    differ = answer("disagreement", citations=tuple(citation(n, q) for n, q in enumerate(quotes, 1)))
    drawn = drawing.draw_disagreement(differ)
    assert "In 1905 it held <strong>713,000</strong> &lt;men&gt;." in drawn
    assert "In 1905 it held <strong>1,000,000</strong>." in drawn


@pytest.mark.parametrize("status", ["answered", "disagreement", "closest"])
def test_every_number_is_named_after_the_place_that_it_cites(status: str) -> None:
    cited = (citation(1), citation(2, page=7))
    reply = answer(status, text=f"{QUOTE} [1] {QUOTE} [2]", citations=cited)
    sources = tuple(Source(each, "", "", None, 0, {}, paragraph=3) for each in cited)
    drawn = drawing.draw_turn(Turn("Q", reply, sources=sources), 0)
    names = re.findall(r'<button[^>]* class="cite"[^>]* aria-label="([^"]*)"', drawn)
    assert set(names) == {"Source 1: The log, paragraph 3", "Source 2: The log, page 7"}
    assert len(names) == drawn.count('class="cite"')


def test_a_quote_keeps_its_line_ends_on_the_page() -> None:
    drawn = drawing.draw_view(Source(replace(citation(), quote='"One"\r\ntwo'), "", "", None, 0, {}))
    assert 'data-quote="&#34;One&#34;&#13;\ntwo"' in drawn


def test_a_source_without_a_hit_has_no_score_to_explain() -> None:
    assert drawing.draw_why(Source(citation(), "", "", None, 0, {})) == ""
    assert not turns.holds(hit(), citation(doc_id="other.md"))


def test_the_quote_is_marked_within_its_paragraph() -> None:
    before, after = turns.surroundings(TEXT, citation())
    drawn = drawing.draw_in_place(text.without_title(before, "The log"), citation(), after)
    assert drawn == (
        f'<p class="text" dir="auto">The ship left. <mark data-marks="1">{QUOTE}</mark> Rain came.</p>'
        '<h4 class="subheading" dir="auto">Later</h4><p class="text" dir="auto">It cleared.</p>'
    )


def test_surroundings_begin_and_end_with_sentences_and_say_where_more_is() -> None:
    text = "# The log\n" + "One two three. " * 20 + QUOTE + " Four five six." * 20
    cited = citation(start=text.index(QUOTE), end=text.index(QUOTE) + len(QUOTE))
    before, after = turns.surroundings(text, cited, reach=40)
    assert before == "… One two three. One two three. "
    assert after == " Four five six. Four five six. …"


def test_surroundings_do_not_end_with_a_heading() -> None:
    text = QUOTE + " Four five six.\n\n## Seven\n\nEight nine ten eleven twelve."
    cited = citation(start=0, end=len(QUOTE))
    assert turns.surroundings(text, cited, reach=28) == ("", " Four five six. …")


def test_surroundings_of_text_without_sentences_are_cut_between_words_or_anywhere() -> None:
    text = "# The log " + "x" * 50 + " yyy " + QUOTE + "z" * 50
    cited = citation(start=text.index(QUOTE), end=text.index(QUOTE) + len(QUOTE))
    before, after = turns.surroundings(text, cited, reach=20)
    assert before == "… yyy "
    assert after == "z" * 20 + " …"


def test_a_document_that_changed_or_went_leaves_the_quote_alone() -> None:
    changed, gone = Parrot(answer(), TEXT.replace("noon", "dusk")), citation(doc_id="gone.md")
    assert turns.document_text(changed, citation()) == ""  # type: ignore[arg-type]  # a fake
    assert turns.document_text(changed, gone) == ""  # type: ignore[arg-type]  # a fake
    assert turns.surroundings("", citation()) == ("", "")


def test_a_very_long_question_is_cut_where_it_is_drawn() -> None:
    html = drawing.draw_turn(Turn("x" * 100_000, error="Too long."), 0)
    assert len(html) < 3_000
    assert text.shorten("x" * 2_000) == "x" * 2_000


def test_half_characters_neither_break_the_page_nor_the_votes(tmp_path: Path) -> None:
    turn = Turn("Q", answer("smalltalk", text="half \ud83d a smile", citations=()))
    screen = chat.draw_screen([turn, turn], {})
    assert "half ? a smile" in screen.earlier.encode("utf-8").decode()
    feedback = Feedback(tmp_path / "feedback.jsonl")
    feedback.save(turn.question, turn.answer, "up")
    assert json.loads(feedback.file.read_text("utf-8"))["answer"]["text"] == "half \ud83d a smile"


def test_a_vote_shows_on_the_answer_that_got_it() -> None:
    screen = chat.draw_screen([Turn("Q", answer()), Turn("R", answer())], {0: "up"})
    assert 'data-vote="up" aria-pressed="true"' in screen.earlier
    assert 'aria-pressed="true"' not in screen.latest


# ---- Markdown


def test_markdown_holds_question_quotes_and_sources() -> None:
    turn = Turn(
        "When did it fall?", answer(short_answer="noon", standalone_question="When did the log fall?")
    )
    assert markdown.turn_markdown(turn) == (
        "**Question:** When did it fall?\n\n*Understood as: When did the log fall?*\n\n**noon**\n\n"
        f"> {QUOTE} [1]\n\nSources:\n\n1. The log, Noon, log.md"
    )


def test_markdown_of_what_was_not_found() -> None:
    assert markdown.turn_markdown(Turn("Bread?", not_found())) == (
        "**Question:** Bread?\n\nNot found in these documents.\n\n"
        "Searched 1 document (2,310 passages); none mentions: sourdough."
    )
    assert (
        markdown.turn_markdown(Turn("Q", error="Too long.")) == "**Question:** Q\n\n*Not answered: Too long.*"
    )
    assert markdown.turn_markdown(Turn("Q")) == ""


def test_names_that_the_quoted_passages_lack_are_told_wherever_the_answer_is_shown() -> None:
    for status in ("answered", "disagreement"):
        turn = Turn("Q", answer(status, unmentioned=("Stalin", NASTY)))
        html = drawing.draw_turn(turn, 0)
        assert "Not mentioned in the passages quoted: Stalin " in visible(html)
        assert "<script" not in html
        assert "Not mentioned in the passages quoted: Stalin, " in markdown.turn_markdown(turn)
        printed = printing.printable([turn], "T", "D")
        assert "Not mentioned in the passages quoted: Stalin, " in printed
        assert "<script" not in printed
    assert "Not mentioned" not in drawing.draw_turn(Turn("Q", answer()), 0)


def test_markdown_of_the_user_and_the_documents_is_not_markup() -> None:
    assert markdown.escape_markdown("<b>*a*[x](y)_`\\") == r"\<b>\*a\*\[x\](y)\_\`\\"


# ---- events


def screens(
    chatbot: Parrot, typed: str = "", chosen: str = "", turns: Sequence[Turn] = ()
) -> list[chat.Screen]:
    return list(chat.respond(chatbot, typed, chosen, list(turns), {}))  # type: ignore[arg-type]  # a fake


def is_skipped(value: Any) -> bool:
    return bool(value == gr.skip())


def test_asking_shows_progress_then_the_answer() -> None:
    waiting, *_, reading, last = screens(Parrot(answer()), "When did it fall?")
    assert "Searching the documents" in waiting.latest
    assert "Reading the best passages" in reading.latest
    assert all(is_skipped(screen.composer) for screen in (waiting, reading, last))
    assert 'data-state="answered"' in last.latest
    assert last.status == f"Answered with 1 quote, sure: {QUOTE}"
    assert [turn.question for turn in last.turns] == ["When did it fall?"]


def test_a_question_asked_as_typed_is_neither_put_right_nor_made_whole() -> None:
    parrot, before = Parrot(answer()), [Turn("First?", answer())]
    for as_typed in (False, True):
        list(chat.respond(parrot, "And than?", "", before, {}, as_typed=as_typed))  # type: ignore[arg-type]  # a fake
        assert (parrot.heard[-1], parrot.verbatim) == (
            ("And than?", [] if as_typed else ["First?"]),
            as_typed,
        )


def test_a_screen_reader_is_told_what_was_answered() -> None:
    def told(made: Answer) -> str:
        return drawing.announce(Turn("When?", made), "reading")

    two = (citation(1), citation(2, confidence=0.2))
    assert told(answer(short_answer="noon", citations=two)) == f"Answered with 2 quotes, sure: noon – {QUOTE}"
    unsure = citation(confidence=0.2)
    assert told(answer(citations=(unsure,))) == f"Answered with 1 quote, unsure: {QUOTE}"
    of_old = citation(confidence=None)
    assert told(answer(citations=(of_old,))) == f"Answered with 1 quote: {QUOTE}"
    values = (Stated("noon", "", (1,)), Stated("two", "the mate", (2,)))
    differ = answer("disagreement", citations=two, positions=values)
    assert told(differ) == "The sources differ; 2 quotes. noon – two (the mate)"
    assert told(not_found()) == "Not found in these documents."


def test_the_earlier_turns_are_sent_once_a_question() -> None:
    first, *others = screens(Parrot(answer()), "And then?", turns=[Turn("First?", answer())])
    assert "First?" in first.earlier
    assert len(others) == 2
    assert all(is_skipped(screen.earlier) for screen in others)
    *_, refused = screens(Parrot(QuestionError("No.")), "And then?", turns=[Turn("First?", answer())])
    assert is_skipped(refused.earlier)


def test_earlier_questions_that_were_answered_are_the_history() -> None:
    parrot = Parrot(answer())
    screens(parrot, "And then?", turns=[Turn("First?", answer()), Turn("Refused?", error="No.")])
    assert parrot.heard == [("And then?", ["First?"])]


def test_a_refused_question_comes_back_with_the_reason() -> None:
    *_, last = screens(Parrot(QuestionError("Too <long>.")), "x" * 3_000)
    assert last.composer == "x" * 3_000
    assert "Too &lt;long&gt;." in last.latest
    assert last.status == "Not answered. Too &lt;long&gt;."


def test_what_could_be_asked_next_comes_after_the_answer() -> None:
    parrot: Any = Parrot(answer())
    turns = [Turn("First?", answer()), Turn("Second?", answer(), receipt=Receipt(answer(), time="noon"))]
    html = chat.draw_next(parrot, turns)
    assert 'data-after="noon"' in html
    assert 'data-ask="What came then?"' in html
    assert chat.draw_next(parrot, [*turns, Turn("Refused?", error="No.")]) == ""
    assert chat.draw_next(parrot, []) == ""


def test_a_chosen_question_leaves_what_is_being_typed() -> None:
    parrot = Parrot(answer())
    assert all(is_skipped(screen.composer) for screen in screens(parrot, "half a ques", "An example?"))
    assert parrot.heard[0][0] == "An example?"


def test_an_empty_question_asks_nothing() -> None:
    parrot = Parrot(answer())
    [screen] = screens(parrot, "  ")
    assert screen.status == "Type a question first."
    assert is_skipped(screen.latest)
    assert not parrot.heard


def test_no_icon_is_drawn_twice() -> None:
    drawn = re.findall(r"\.icon\.([a-z]+) \{", serving._head())
    assert "link" in drawn
    assert sorted(drawn) == sorted(set(drawn))  # or the second would show in the place of the first


def test_after_an_unforeseen_error_the_question_is_handed_back() -> None:
    asking = chat.respond(Parrot(RuntimeError("unforeseen")), "Second?", "", [Turn("First?", answer())], {})  # type: ignore[arg-type]  # a fake
    *_, screen = itertools.islice(asking, 2)
    assert screen.composer == "Second?"
    assert [turn.error for turn in screen.turns] == ["", chat.BROKEN]
    assert 'data-state="error"' in screen.latest
    with pytest.raises(RuntimeError):
        next(asking)


def event(data: Any) -> gr.EventData:
    return gr.EventData(None, data)


def test_only_our_own_events_carry_a_question() -> None:
    assert chat.chosen_question(event({"question": "Why?"})) == "Why?"
    assert chat.chosen_question(event(None)) == ""


def test_a_vote_is_one_json_line_with_the_answer_and_its_hits(tmp_path: Path) -> None:
    feedback = Feedback(tmp_path / "new" / "feedback.jsonl")
    turns = [Turn("Wann fiel das Barometer – mittags?", answer())]
    for vote in ("up", "down"):
        votes, _ = chat.record_vote(feedback, event({"turn": 0, "vote": vote}), turns, {})
        assert votes == {0: vote}
    votes, status = chat.record_vote(feedback, event({"turn": 0, "vote": "withdrawn"}), turns, votes)
    assert votes == {}
    assert "taken back" in status
    first, second, third = map(json.loads, feedback.file.read_text("utf-8").splitlines())
    assert (first["vote"], second["vote"], third["vote"]) == ("up", "down", "withdrawn")
    assert first["question"] == "Wann fiel das Barometer – mittags?"
    assert len(first["answer"]["hits"]) == 2
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", first["time"])


@pytest.mark.parametrize(
    "data", [None, {}, {"turn": 1, "vote": "up"}, {"turn": 0, "vote": "<b>"}, {"turn": "0"}]
)
def test_a_vote_that_makes_no_sense_is_dropped(tmp_path: Path, data: Any) -> None:
    feedback = Feedback(tmp_path / "feedback.jsonl")
    assert chat.record_vote(feedback, event(data), [Turn("Q", answer())], {}) == ({}, "")
    assert not feedback.file.exists()


def test_a_vote_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    votes, status = chat.record_vote(
        Feedback(tmp_path), event({"turn": 0, "vote": "up"}), [Turn("Q", answer())], {}
    )
    assert votes == {}
    assert "Your vote was not saved" in status


# ---- serving


def test_a_busy_port_names_a_free_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortBusy, match=rf"port {port} .* --port (\d+)") as caught:
            serving.require_free_port("127.0.0.1", port)
    proposed = int(str(caught.value).rpartition(" ")[2])
    assert proposed > port
    serving.require_free_port("127.0.0.1", proposed)


def test_the_address_is_one_that_a_browser_can_open() -> None:
    assert serving.page_address("127.0.0.1", 7860) == "http://127.0.0.1:7860"
    assert serving.page_address("0.0.0.0", 80) == "http://127.0.0.1:80"
    assert serving.page_address("::1", 80) == "http://[::1]:80"


def test_serving_says_when_it_is_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    opened: list[str] = []
    port = free_port()
    monkeypatch.setattr(serving, "_wait", interrupt)
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # nothing listens there
    serving.serve([collection(Parrot(answer()), tmp_path)], port=port, open_browser=True)
    assert capsys.readouterr().out == f"Footnote is ready: http://127.0.0.1:{port}\n"
    assert opened == [f"http://127.0.0.1:{port}"]


# ---- in a browser

browser = pytest.mark.browser


def inner(text: str | None) -> str:
    return " ".join((text or "").split())


@browser
def test_a_citation_opens_its_document_with_the_quote_marked(open_page: OpenPage) -> None:
    page = open_page()
    article = ask(page, QUESTION)
    expect(article).to_have_attribute("data-state", "answered")
    number = article.locator(".quoted .cite").first
    number.click()
    panel = page.locator("#panel")
    expect(panel.locator("mark.current")).to_be_in_viewport()
    quoted = article.locator(".quoted").first.inner_text()
    assert inner(panel.locator("mark.current").inner_text()) in inner(quoted)
    title = panel.locator(".title").inner_text()
    assert inner(title) in inner(article.locator(".sources").inner_text())
    assert len(panel.locator(".page-text").inner_text()) > len(panel.locator("mark.current").inner_text())
    panel.get_by_text("Why this passage").click()
    expect(panel.locator(".track").first).to_be_visible()


@browser
def test_every_mark_is_the_quote_that_the_answer_json_cites(open_page: OpenPage, served: Served) -> None:
    page = open_page()
    article = ask(page, QUESTION)
    article.get_by_role("button", name="Good answer").click()
    expect(article.get_by_role("button", name="Good answer")).to_have_attribute("aria-pressed", "true")
    line = json.loads(served.collections[0].feedback.file.read_text("utf-8").splitlines()[-1])
    assert (line["vote"], line["question"]) == ("up", QUESTION)
    assert line["answer"]["hits"]
    for cited in line["answer"]["citations"]:
        article.locator(f'.cite[data-cite="{cited["number"]}"]').first.click()
        assert page.locator("#panel mark.current").text_content() == cited["quote"]


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """No vote is saved before it is set."""
    may, save = threading.Event(), Feedback.save

    def wait(feedback: Feedback, *given: Any) -> None:
        assert may.wait(20)
        save(feedback, *given)

    monkeypatch.setattr(Feedback, "save", wait)
    return may


@browser
def test_every_vote_counts_also_when_the_one_before_is_not_saved_yet(
    open_page: OpenPage, tmp_path: Path, saved: threading.Event
) -> None:
    for elsewhere in serve_in_thread([collection(Parrot(answer()), tmp_path)]):
        page = open_page(url=elsewhere.url)
        votes = [ask(page, asked).get_by_role("button", name="Good answer") for asked in ("One?", "Two?")]
        for vote in votes:
            vote.click()
        saved.set()
        for vote in votes:
            expect(vote).to_have_attribute("aria-pressed", "true")
        lines = elsewhere.collections[0].feedback.file.read_text("utf-8").splitlines()
        assert [json.loads(line)["question"] for line in lines] == ["One?", "Two?"]


@browser
def test_a_vote_on_a_conversation_that_is_left_is_not_on_the_next(
    open_page: OpenPage, tmp_path: Path, saved: threading.Event
) -> None:
    for elsewhere in serve_in_thread([collection(Parrot(answer()), tmp_path)]):
        page = open_page(url=elsewhere.url)
        ask(page, "One?").get_by_role("button", name="Good answer").click()
        page.get_by_role("button", name="New", exact=True).click()
        page.wait_for_timeout(300)  # so that it could come first
        saved.set()
        expect(page.locator(".welcome")).to_be_visible()
        first = ask(page, "Two?")
        ask(page, "Three?")
        expect(first.get_by_role("button", name="Good answer")).to_have_attribute("aria-pressed", "false")


@browser
def test_previous_and_next_walk_through_the_sources(open_page: OpenPage) -> None:
    page = open_page()
    article = ask(page, OFF_TOPIC)
    article = ask(page, "How many Japanese prisoners were taken to Siberia?")
    sources = article.locator(".view").count()
    assert sources > 1
    position = page.locator("#panel .position")
    expect(position).to_have_text(f"1 of {sources}")
    expect(page.get_by_role("button", name="Previous source")).to_be_disabled()
    page.locator("#panel").get_by_text("Why this passage").click()
    page.get_by_role("button", name="Next source").click()
    expect(position).to_have_text(f"2 of {sources}")
    expect(page.locator("#panel .why .track").first).to_be_in_viewport()
    expect(article.locator('.cite[aria-current="true"]').first).to_have_text("2")
    page.get_by_role("button", name="Previous source").click()
    expect(position).to_have_text(f"1 of {sources}")


@browser
def test_a_follow_up_says_how_it_was_understood(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, QUESTION)
    article = ask(page, FOLLOW_UP)
    expect(article.locator(".understood")).to_contain_text("Understood as:")
    assert "Molotov" in article.locator(".understood").inner_text()


@browser
def test_the_latest_question_is_scrolled_to(open_page: OpenPage) -> None:
    page = open_page(1440, 500)
    for question in (QUESTION, OFF_TOPIC, QUESTION):
        article = ask(page, question)
        expect(article.locator(".question")).to_be_in_viewport(ratio=1)
    expect(page.locator('.turn[data-turn="0"] .question')).not_to_be_in_viewport()


@browser
def test_what_is_typed_while_an_answer_comes_is_kept(open_page: OpenPage, tmp_path: Path) -> None:
    slow = SlowParrot(answer())
    for elsewhere in serve_in_thread([collection(slow, tmp_path)]):
        page = open_page(url=elsewhere.url)
        composer(page).fill("First?")
        composer(page).press("Enter")
        expect(page.locator('.turn[data-state="waiting"]')).to_contain_text("Searching the documents")
        expect(composer(page)).to_have_value("")
        composer(page).fill("Second?")
        composer(page).press("Enter")  # one at a time: this one waits in the composer
        slow.released.set()
        expect(page.locator('.turn[data-state="answered"]')).to_be_visible()
        expect(composer(page)).to_have_value("Second?")
        assert [question for question, _ in slow.heard] == ["First?"]


@browser
def test_a_question_that_is_left_is_no_error(
    open_page: OpenPage, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    slow = SlowParrot(answer())
    slow.released.set()
    for elsewhere in serve_in_thread([collection(slow, tmp_path)]):
        page = open_page(url=elsewhere.url)
        ask(page, "First?")
        slow.released.clear()
        page.evaluate(
            "window.said = []; new MutationObserver(() => said.push(document.querySelector('#status').innerText))"
            ".observe(document.querySelector('#status'), {subtree: true, childList: true, characterData: true})"
        )
        composer(page).fill("Second?")
        composer(page).press("Enter")
        expect(page.locator('.turn[data-state="waiting"]')).to_be_visible()
        page.get_by_role("button", name="New", exact=True).click()
        expect(page.locator(".welcome")).to_be_visible()
        slow.released.set()
        expect(ask(page, "Third?").locator(".question")).to_have_text("Third?")
        expect(page.locator("#conversation .turn")).to_have_count(1)
        assert not [said for said in page.evaluate("said") if "wrong" in said]
    assert "Traceback" not in capfd.readouterr().err


@browser
def test_what_no_document_holds_is_not_found(open_page: OpenPage) -> None:
    page = open_page()
    article = ask(page, OFF_TOPIC)
    expect(article).to_have_attribute("data-state", "not_found")
    expect(article).to_contain_text("Not found in these documents")
    expect(article).to_contain_text("sourdough")
    expect(article).to_contain_text("Searched 9 documents")
    expect(page.locator("#panel .hint")).to_be_visible()


@browser
def test_the_empty_page_says_that_it_looks_for_questions(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried, examples = threading.Event(), Chatbot.examples

    def wait(chatbot: Chatbot, n: int = 6) -> list[str]:
        assert tried.wait(20)
        return examples(chatbot, n)

    monkeypatch.setattr(Chatbot, "examples", wait)
    page = open_page()
    expect(page.locator(".welcome")).to_contain_text("Looking for questions that they answer")
    expect(page.locator(".examples")).to_have_count(0)
    tried.set()
    expect(page.locator(".examples button")).to_have_count(6)
    expect(page.locator(".looking")).to_have_count(0)
    example = page.locator(".examples button").first.inner_text()  # made from the documents, and answered
    composer(page).fill(example[:-3])
    expect(page.get_by_role("option")).to_have_text([example])


@browser
def test_examples_and_suggestions_ask_themselves(open_page: OpenPage) -> None:
    page = open_page()
    example = page.locator(".examples button").first
    text = example.inner_text()
    example.click()
    first = page.locator('.turn[data-turn="0"]:not([data-state="waiting"])')
    expect(first.locator(".question")).to_have_text(text)
    composer(page).fill("half a ques")
    page.locator(".suggestions button").first.click()
    expect(composer(page)).to_have_value("half a ques")
    expect(page.locator('.turn[data-turn="1"]:not([data-state="waiting"])')).to_be_visible()
    expect(page.locator(".suggestions")).to_have_count(1)


@browser
def test_what_to_ask_next_is_never_of_another_conversation(open_page: OpenPage, tmp_path: Path) -> None:
    found = threading.Event()

    class Thinker(Parrot):
        def suggestions(self, answer: Answer, asked: Sequence[str] = (), n: int = 3) -> list[str]:
            assert found.wait(20)
            return super().suggestions(answer, asked, n)

    for elsewhere in serve_in_thread([collection(Thinker(answer()), tmp_path)]):
        page = open_page(url=elsewhere.url)
        found.set()
        ask(page, "First?")
        expect(page.locator(".ask-next")).to_be_visible()
        page.get_by_role("button", name="New", exact=True).click()
        expect(page.locator(".welcome")).to_be_visible()
        found.clear()
        ask(page, "Second?")
        expect(page.locator(".ask-next")).to_be_hidden()
        found.set()
        expect(page.locator(".ask-next")).to_be_visible()


@browser
def test_what_was_typed_outlives_a_reload(open_page: OpenPage, tmp_path: Path) -> None:
    slow = SlowParrot(answer())
    for elsewhere in serve_in_thread([collection(slow, tmp_path)]):
        page = open_page(url=elsewhere.url)
        composer(page).fill("half a ques")
        page.reload()
        expect(composer(page)).to_have_value("half a ques")
        composer(page).fill("Sent?")
        composer(page).press("Enter")
        expect(page.locator('.turn[data-state="waiting"]')).to_be_visible()
        expect(composer(page)).to_have_value("")
        page.reload()  # as the page does when its server was away
        expect(composer(page)).to_have_value("Sent?")
        slow.released.set()
        ask(page, "Sent?")
        page.evaluate("dispatchEvent(new Event('pagehide'))")
        assert page.evaluate("sessionStorage['footnote-draft']") == ""


@browser
def test_a_key_that_takes_characters_back_closes_no_source(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, QUESTION)
    position = page.locator("#panel .position")
    expect(position).to_contain_text("1 of")
    composer(page).fill("広島")
    composer(page).dispatch_event("keydown", {"key": "Escape", "isComposing": True})
    expect(position).to_contain_text("1 of")
    expect(composer(page)).to_be_focused()


@browser
def test_the_export_holds_questions_quotes_and_sources(open_page: OpenPage) -> None:
    page = open_page()
    expect(page.get_by_role("button", name="Export")).to_be_disabled()
    article = ask(page, QUESTION)
    ask(page, OFF_TOPIC)
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
        page.get_by_role("menuitem", name="Markdown").click()
    assert re.fullmatch(r"footnote-\d{4}-\d\d-\d\d\.md", download.value.suggested_filename)
    exported = Path(download.value.path()).read_text("utf-8")
    assert exported.startswith("# Conversation with Footnote")
    for part in (f"**Question:** {QUESTION}", f"**Question:** {OFF_TOPIC}", "Sources:", "Not found"):
        assert part in exported
    article.locator(".cite").first.click()
    mark = inner(page.locator("#panel mark.current").text_content())
    assert markdown.escape_markdown(mark) in exported


@browser
def test_an_answer_is_copied_with_its_sources(open_page: OpenPage) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    article = ask(page, QUESTION)
    article.get_by_role("button", name="Copy answer").click()
    expect(article.get_by_text("Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"**Question:** {QUESTION}")
    assert re.search(r"^1\. ", copied, re.MULTILINE)


@browser
def test_copying_keeps_the_focus_and_tells_when_it_failed(open_page: OpenPage) -> None:
    page = open_page()
    article = ask(page, QUESTION)
    copy = article.get_by_role("button", name="Copy answer")
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined, configurable: true})")
    copy.press("Enter")  # as over http in a network
    expect(article.get_by_role("button", name="Copied", exact=True)).to_be_focused()
    expect(copy).to_be_focused()
    page.evaluate("document.execCommand = () => false")
    copy.press("Enter")
    expect(article.get_by_role("button", name="Not copied")).to_be_focused()
    expect(page.locator("#top .said")).to_have_text("The browser did not let the answer be copied.")


@browser
def test_a_conversation_is_printed_whole_and_dark_on_white(open_page: OpenPage) -> None:
    page = open_page(1000, 420, color_scheme="dark", reduced_motion="reduce")
    for question in (QUESTION, OFF_TOPIC):
        ask(page, question)
    page.emulate_media(media="print")
    seen, whole = page.locator("#conversation").evaluate("box => [box.clientHeight, box.scrollHeight]")
    assert seen == whole > 420
    assert page.evaluate("document.documentElement.scrollHeight") >= whole
    for selector in ("#top", "#composer", "#panel", ".actions"):
        expect(page.locator(selector).first).to_be_hidden()
    assert page.locator(".quoted").first.evaluate("e => getComputedStyle(e).color") == "rgb(31, 34, 38)"
    page.evaluate("location.hash = '#documents'")
    expect(page.locator("#documents tbody tr").last).to_be_attached()
    expect(page.locator("#chat")).to_be_hidden()
    seen, whole = page.locator("#documents-view").evaluate("box => [box.clientHeight, box.scrollHeight]")
    assert seen == whole > 420


@browser
def test_clearing_empties_the_page_and_the_history(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, QUESTION)
    page.get_by_role("button", name="New", exact=True).click()
    expect(page.locator(".welcome")).to_be_visible()
    expect(page.locator(".turn")).to_have_count(0)
    expect(page.locator("#panel .hint")).to_be_visible()
    expect(composer(page)).to_be_focused()
    expect(ask(page, FOLLOW_UP).locator(".understood")).to_have_count(0)


@browser
def test_two_users_do_not_see_each_other(open_page: OpenPage) -> None:
    one, other = open_page(), open_page()
    ask(one, QUESTION)
    expect(other.locator(".turn")).to_have_count(0)
    expect(ask(other, FOLLOW_UP).locator(".understood")).to_have_count(0)


@browser
def test_html_in_question_and_document_is_text(open_page: OpenPage) -> None:
    page = open_page()
    question = (
        "When was the brass barometer of Port Nowhere sold? <img src=x onerror=alert(3)> ${1+1} {{value}} `x`"
    )
    article = ask(page, question)
    expect(article.locator(".question")).to_have_text(question)
    article.locator(".cite").first.click()
    panel = page.locator("#panel")
    expect(panel.locator(".title")).to_contain_text("<script>alert(1)</script>")
    expect(panel.locator("mark.current")).to_contain_text('<img src=x onerror="alert(2)">')
    assert page.locator("#page img, #page script").count() == 0


@browser
def test_a_phone_shows_the_source_below_the_chat(open_page: OpenPage) -> None:
    page = open_page(360, 740)
    expect(page.locator("#panel")).to_be_hidden()
    article = ask(page, QUESTION)
    expect(page.locator("#panel")).to_be_hidden()
    article.locator(".cite").first.click()
    chat, panel = page.locator("#chat").bounding_box(), page.locator("#panel").bounding_box()
    assert chat is not None
    assert panel is not None
    assert panel["y"] >= chat["y"] + chat["height"]
    assert panel["y"] + panel["height"] <= 740
    expect(page.locator("#panel mark.current")).to_be_in_viewport()


@browser
def test_nothing_scrolls_sideways(open_page: OpenPage) -> None:
    page = open_page(1600, 800)
    for question in (QUESTION, OFF_TOPIC, "w" * 1_900):
        ask(page, question)
        if page.locator(".turn .cite").count():
            page.locator(".turn .cite").first.click()
        for width in (360, 600, 820, 899, 900, 1200, 1600):
            page.set_viewport_size({"width": width, "height": 800})
            for selector in ("html", "#page", "#conversation", "#panel .reading"):
                scroll, client = page.locator(selector).evaluate("e => [e.scrollWidth, e.clientWidth]")
                assert scroll <= max(client, width if selector == "html" else 0), (
                    selector,
                    width,
                    question[:20],
                )


@browser
def test_programs_reach_four_endpoints_and_no_file_of_a_document(served: Served) -> None:
    address = f"{served.url}/gradio_api/file={CORPUS / 'articles' / SMALL_CORPUS[0]}"
    with pytest.raises(HTTPError, match="403"):
        urlopen(address)
    with urlopen(f"{served.url}/gradio_api/info") as reply:
        info = json.load(reply)
    assert info["named_endpoints"].keys() == {"/ask", "/search", "/verify", "/list_documents"}
    assert info["unnamed_endpoints"] == {}  # the page's own events are private


@browser
def test_a_question_that_is_too_long_is_refused_and_kept(open_page: OpenPage) -> None:
    page = open_page()
    article = ask(page, "x" * 100_000)
    expect(article).to_have_attribute("data-state", "error")
    expect(article).to_contain_text("Not answered")
    expect(article.get_by_text("Not answered")).to_be_in_viewport()
    expect(composer(page)).to_have_value("x" * 100_000)
    expect(page.locator("#send")).to_be_in_viewport()


@browser
def test_dark_follows_the_system_until_the_reader_chooses(open_page: OpenPage) -> None:
    page = open_page(color_scheme="dark")
    background = "getComputedStyle(document.querySelector('#chat')).backgroundColor"
    assert page.evaluate(background) == "rgb(28, 31, 35)"
    page.emulate_media(color_scheme="light")
    assert page.evaluate(background) == "rgb(255, 255, 255)"
    page.get_by_role("button", name="Dark or light").click()
    assert page.evaluate(background) == "rgb(28, 31, 35)"
    page.reload()
    expect(page.locator(".welcome")).to_be_visible()
    assert page.evaluate(background) == "rgb(28, 31, 35)"


@browser
def test_the_keyboard_alone_asks_and_reads_and_returns(open_page: OpenPage) -> None:
    page = open_page()
    page.keyboard.type(QUESTION)  # the composer has the focus already
    page.keyboard.press("Enter")
    expect(page.locator('#latest .turn[data-state="answered"]')).to_be_visible(timeout=20_000)
    focused = "document.activeElement.dataset.cite ?? ''"
    for _ in range(40):
        page.keyboard.press("Shift+Tab")
        if page.evaluate(focused):
            break
    number = page.evaluate(focused)
    assert number
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    expect(page.locator("#panel .reading")).to_be_focused()
    expect(page.locator("#panel mark.current")).to_be_in_viewport()
    page.keyboard.press("Escape")
    assert page.evaluate(focused) == number
    expect(page.locator("#panel .hint")).to_be_visible()


@browser
def test_progress_and_outcome_are_told_to_screen_readers(open_page: OpenPage) -> None:
    page = open_page()
    page.evaluate(
        "window.said = []; new MutationObserver(() => said.push(document.querySelector('#status').innerText))"
        ".observe(document.querySelector('#status'), {subtree: true, childList: true, characterData: true})"
    )
    ask(page, QUESTION)
    expect(page.locator("#status [role=status]")).to_contain_text("Answered with")
    assert any("Searching" in said or "Reading" in said for said in page.evaluate("said"))


@browser
def test_a_page_that_breaks_says_so_and_keeps_the_question(
    chromium: Browser, open_page: OpenPage, tmp_path: Path
) -> None:
    parrot = Parrot(RuntimeError("unforeseen"))
    for elsewhere in serve_in_thread([collection(parrot, tmp_path)]):
        page = open_page(url=elsewhere.url)
        article = ask(page, "Does it break?")
        expect(article).to_contain_text("Something went wrong")
        expect(composer(page)).to_have_value("Does it break?")


@browser
def test_the_page_is_light_and_asks_no_other_host(served: Served, chromium: Browser) -> None:
    page = chromium.new_page()
    visit = benchmark_page.measure_visit(page, served.url)
    page.close()
    assert visit.outside == 0
    assert 10 < visit.requests < 80
    assert 1e5 < visit.sent_bytes < visit.unpacked_bytes < 1.5e6
    assert visit.usable_ms > 0


@browser
def test_the_benchmark_sees_what_is_being_done_before_the_answer(open_page: OpenPage) -> None:
    page = open_page()
    page.evaluate(benchmark_page.WATCH)
    for turn, question in enumerate((OFF_TOPIC, QUESTION)):
        first, answer = benchmark_page.ask(page, question, turn)
        assert 0 < first < answer
