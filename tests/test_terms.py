"""Words are the same whatever their case, accents, inflection or separators."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.terms import STOP_WORDS, fold, plain_words, stem_words, stems, terms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Running runs", ["run", "run"]),
        ("Café CAFÉ cafe", ["cafe", "cafe", "cafe"]),
        ("1,560,000 men", ["1560000", "men"]),
        ("1,560,000 1560000", ["1560000", "1560000"]),
        ("3.14 of 10.000", ["3.14", "10000"]),
        ("U.S.S. Missouri", ["uss", "missouri"]),
        ("the U.S. and U.S.", ["us", "us"]),
        ("日本軍", ["日", "本", "軍"]),
        ("第2軍", ["第", "2", "軍"]),
        ("１２３", ["123"]),
        ("B-29 snake_case", ["b", "29", "snake", "case"]),
        ("Straße ﬁre", ["strass", "fire"]),
        ("Don't tell me about it, please", []),
        ("?! … —", []),
        ("", []),
    ],
)
def test_stems_by_hand(text: str, expected: list[str]) -> None:
    assert stems(text) == expected


def test_terms_know_where_they_stand() -> None:
    found = terms("The U.S.S. Missouri’s guns")
    assert [(term.start, term.end, term.stem) for term in found] == [
        (4, 10, "uss"),
        (11, 19, "missouri"),
        (22, 26, "gun"),
    ]


@given(st.text() | st.text(alphabet="aÉ.1,日 the-", max_size=40))
def test_terms_are_slices_in_order_and_have_the_stems_of_the_text(text: str) -> None:
    found = terms(text)
    assert [term.stem for term in found] == stems(text)
    assert all(a.end <= b.start for a, b in itertools.pairwise(found))
    for term in found:
        assert fold(text[term.start : term.end]) not in STOP_WORDS
        assert stem_words([fold(text[term.start : term.end])]) == [term.stem]


@given(st.text(alphabet="abcdefghij ", max_size=40))
def test_case_makes_no_difference(text: str) -> None:
    assert stems(text) == stems(text.upper())


@pytest.mark.parametrize(
    ("token", "folded"), [("Été", "ete"), ("1,000", "1000"), ("2.50", "2.50"), ("U.S.", "us"), ("İ", "i")]
)
def test_folding_by_hand(token: str, folded: str) -> None:
    assert fold(token) == folded


def test_stop_words_are_folded_themselves() -> None:
    assert all(fold(word) == word for word in STOP_WORDS)


def test_plain_words_are_folded_and_of_letters_alone() -> None:
    assert plain_words("Étude NO. 2, étude: l'Œuvre x1") == {"etude", "no", "l", "œuvre", "x"}
