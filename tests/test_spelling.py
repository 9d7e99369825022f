"""Misspelt words: what is put right, what is left alone, and how an answer tells."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import HashEncoder
from evaluating import PARAMETERS
from hypothesis import given
from hypothesis import strategies as st

from chatbot.answer import Chatbot
from chatbot.conversation import TURNS
from chatbot.index import build_index
from chatbot.receipt import Receipt, replay
from chatbot.spelling import put_right, says_nothing
from chatbot.terms import fold, stem_words


class Words:
    """A vocabulary of words and the number of passages that hold each."""

    def __init__(self, **counts: int) -> None:
        self.counts = counts
        self.stems = set(stem_words(list(counts)))

    def has_word(self, word: str) -> bool:
        return stem_words([word])[0] in self.stems

    def words_from(self, letter: str, shortest: int, longest: int) -> list[tuple[str, int]]:
        return [(w, n) for w, n in self.counts.items() if w[0] == letter and shortest <= len(w) <= longest]


DOCUMENTS = Words(
    emperor=60, empire=10, hokkaido=9, vasilevsky=12, shumshu=3, konoe=2, government=20, khalkhin=1
)


@pytest.mark.parametrize(
    ("typed", "right"),
    [
        ("did the goverment fall?", "did the government fall?"),  # a letter less
        ("did the governnment fall?", "did the government fall?"),  # more
        ("did the governmemt fall?", "did the government fall?"),  # another
        ("did the govermnent fall?", "did the government fall?"),  # two exchanged
        ("what did the emporer say", "what did the emperor say"),  # two errors, the same consonants
        ("Was Hokaido landed on?", "Was Hokkaido landed on?"),  # capitals stay
        ("Who was Vasilefsky?", "Who was Vasilevsky?"),
        ("Vasilevskyy", "Vasilevsky"),  # alone
        ("it actualy hapened on shumsu", "it actually happened on shumshu"),  # English words too
        ("who won at khalkin gol", "who won at khalkhin gol"),
    ],
)
def test_one_error_is_put_right(typed: str, right: str) -> None:
    assert put_right(typed, DOCUMENTS) == right
    assert put_right(right, DOCUMENTS) == right


SPELLINGS = [
    ("labourer", "laborer"),
    ("organisation", "organization"),
    ("defence", "defense"),
    ("centre", "center"),
    ("harbour", "harbor"),
    ("skilful", "skillful"),
    ("analyse", "analyze"),
    ("catalogue", "catalog"),
    ("encyclopaedia", "encyclopedia"),
    ("manoeuvre", "maneuver"),
    ("practise", "practice"),
    ("grey", "gray"),
    ("fourth", "fourth"),
    ("filling", "filling"),
]
BRITISH, AMERICAN = (Words(**dict.fromkeys(words, 1)) for words in zip(*SPELLINGS, strict=True))


@pytest.mark.parametrize(("british", "american"), SPELLINGS)
def test_british_and_american_are_spelt_as_in_the_documents(british: str, american: str) -> None:
    for word in (british, american):
        assert put_right(f"a {word}?", BRITISH) == f"a {british}?"
        assert put_right(f"a {word}?", AMERICAN) == f"a {american}?"
    assert put_right(american.capitalize(), BRITISH) == british.capitalize()


@pytest.mark.parametrize(
    "question",
    [
        "Who sailed from Pearl Harbor?",
        "A HARBOR",
        "Go forth and do the filing.",
        "harbor@a.org",
        "a flavor",  # no document has either
    ],
)
def test_names_and_other_words_keep_their_spelling(question: str) -> None:
    assert put_right(question, BRITISH) == question


@pytest.mark.parametrize(
    "question",
    [
        "Who ruled the empires?",  # another form of a word of the documents
        "How do I bake sourdough with treacle?",  # English, though not in the documents
        "What did Yamamoto say?",  # a name that BERT's vocabulary knows
        "Who was Konev?",  # two errors away from Konoe, and short
        "Did UNESCQ agree?",  # capitals alone
        "why didnt they, and whats more couldnt they",
        "Wann erklaerte die Sowjetunjon Jappan denn Kriek?",  # most are near to none
        " ".join(["goverment"] * 9),
        "mail emporer@example.org about http://emporer.net or C:\\emporer",
        "",
    ],
)
def test_what_may_be_right_is_left_alone(question: str) -> None:
    assert put_right(question, DOCUMENTS) == question


def test_a_word_whose_accents_alone_differ_is_left_alone() -> None:
    """As every run of Japanese is, which the documents' stems know by its single characters."""
    documents = Words(**{fold("国境である"): 3})
    documents.stems = set(stem_words(list("国境である")))
    assert put_right("国境である？", documents) == "国境である？"


def test_the_word_that_more_passages_hold_is_meant() -> None:
    assert put_right("on shumsha", Words(shumshu=2, shumshi=9)) == "on shumshi"
    assert put_right("on shumsha", Words(shumshu=9, shumshi=2)) == "on shumshu"


@st.composite
def misspelt(draw: st.DrawFn) -> str:
    """A word of the documents in which one letter is left out, doubled or another."""
    word = draw(st.sampled_from(sorted(DOCUMENTS.counts)))
    place = draw(st.integers(1, len(word) - 1))
    letter = draw(st.sampled_from(["", word[place] * 2, "x"]))
    return word[:place] + letter + word[place + 1 :]


WORDS = misspelt() | st.sampled_from(["did", "the", "Emperor", "fall?"]) | st.text(max_size=5)
GAPS = st.text(" \t\n\u3000", min_size=1, max_size=3)


def test_any_text_is_put_right_once_and_its_white_space_stays() -> None:
    changed: list[str] = []

    @given(st.lists(st.tuples(WORDS, GAPS).map("".join), max_size=8).map("".join))
    def check(text: str) -> None:
        right = put_right(text, DOCUMENTS)
        if right != text:
            changed.append(text)
        assert put_right(right, DOCUMENTS) == right
        assert [c for c in right if c.isspace()] == [c for c in text if c.isspace()]

    check()
    assert len(changed) > 10


# In the chatbot ---------------------------------------------------------------------------------


@pytest.fixture
def chatbot(make_corpus: Callable[..., Path], tmp_path: Path) -> Chatbot:
    corpus = make_corpus({"ships.txt": "The Missouri anchored in the harbour. Admirals came aboard.\n"})
    build_index(corpus, tmp_path / "index", HashEncoder())
    return Chatbot(tmp_path / "index", HashEncoder(), None, {"untrained": PARAMETERS})


def test_the_words_of_an_index_are_those_of_its_passages(chatbot: Chatbot) -> None:
    assert chatbot.index.words_from("a", 1, 99) == [("aboard", 1), ("admirals", 1), ("anchored", 1)]
    assert chatbot.index.words_from("a", 7, 8) == [("admirals", 1), ("anchored", 1)]
    assert chatbot.index.has_word("anchoring")
    assert not chatbot.index.has_word("ancored")


def test_an_answer_says_what_it_understood_and_verbatim_leaves_the_question(chatbot: Chatbot) -> None:
    answer = chatbot.answer("Where did the Misouri ancor?")
    assert (answer.question, answer.standalone_question) == (
        "Where did the Misouri ancor?",
        "Where did the Missouri anchor?",
    )
    assert answer.citations[0].quote == "The Missouri anchored in the harbour."
    assert chatbot.answer("Where did the Misouri ancor?", verbatim=True).status == "not_found"
    assert chatbot.reading("Where did the Misouri ancor?").asked.text == "Where did the Missouri anchor?"


def test_the_questions_before_are_put_right_too(chatbot: Chatbot) -> None:
    for later in (0, TURNS - 1):
        history = ["What was the Misouri?", *["Thanks!"] * later]
        assert "Missouri" in chatbot.answer("Where did it anchor?", history).standalone_question


def test_a_question_is_asked_again_as_it_was_understood(chatbot: Chatbot) -> None:
    for verbatim in (True, False):
        answer = chatbot.answer("Where did the Misouri ancor?", verbatim=verbatim)
        again = replay(Receipt(answer), chatbot)
        assert again.same
        assert again.now.standalone_question == answer.standalone_question


def test_an_index_from_before_words_were_kept_can_still_be_asked(chatbot: Chatbot) -> None:
    chatbot.index._db = sqlite3.connect(":memory:", check_same_thread=False)
    assert chatbot.index.words_from("a", 1, 99) == []


@pytest.mark.parametrize(
    ("question", "nothing"),
    [
        ("asdf qwerz?", True),
        ("asdf qwerz 1945?", False),
        ("Zorblaxian", True),
        ("what asdf", False),
        ("asdf Shumshu", False),  # the documents have it
        ("川 とは", False),  # no words that a dictionary of English could have
        ("???", False),
    ],
)
def test_a_question_says_nothing_whose_words_nobody_knows(question: str, nothing: bool) -> None:
    assert says_nothing(question, DOCUMENTS) == nothing
