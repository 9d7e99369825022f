"""What goes by one number is not what goes by another."""

from __future__ import annotations

import numpy as np
import pytest

from chatbot.encoder import EncodedQuery
from chatbot.numbered import is_of_another, numbered
from chatbot.reader import FEATURES, Asked, Candidate, Judgement, read

OTHER = [
    ("Who commanded the 2nd Far Eastern Front?", "Meretskov led the 1st Far Eastern Front."),
    ("Who commanded the Second Far Eastern Front?", "Meretskov led the 1st Far Eastern Front."),
    ("What does Article 9 say?", "Article 10 names the harbours."),
    ("Whom did Henry VIII marry?", "Henry II married Eleanor."),
    ("What began World War 2?", "World War I began in 1914."),
    ("What is in Annex 4b?", "Annex 4a lists the tools."),
    ("Who won the third star of valour?", "He won his second star of valour in 1945."),
]
SAME = [
    ("Who commanded the 2nd Far Eastern Front?", "The second Far Eastern Front was Purkayev's."),
    ("Who commanded the 2nd Far Eastern Front?", "The 1st and the 2nd Far Eastern Front attacked at once."),
    ("Who commanded the 2nd Far Eastern Front?", "Purkayev commanded it."),
    ("Who commanded the 2nd Far Eastern Front?", "Article 1 names the second in command."),
    ("What does Article 9 say?", "Article 9 differs from Article 10."),
    ("What happened on 9 August 1945?", "On 8 August 1945 war was declared."),  # days
    ("What happened on the 9th August?", "On the 8th August war was declared."),
    ("What happened in May 1945?", "In May 1944 nothing happened."),
    ("How many of the 600 Japanese came home?", "Some 500 Japanese prisoners came home."),  # amounts
    ("What did the first of them do?", "The second of them left."),
    ("Who drew?", "Article 9 says it."),
]


@pytest.mark.parametrize(("question", "text"), OTHER)
def test_a_sentence_about_another_number_is_known(question: str, text: str) -> None:
    assert is_of_another(numbered(question), text)


@pytest.mark.parametrize(("question", "text"), SAME)
def test_any_other_sentence_is_let_be(question: str, text: str) -> None:
    assert not is_of_another(numbered(question), text)


def test_words_and_numerals_are_one() -> None:
    assert numbered("the 3rd Army Group") == numbered("the third Army Group") == {("army", "group"): {"3"}}
    assert numbered("Henry IV") == {("henry", ""): {"4"}}
    assert numbered("") == {}


def test_a_sentence_about_another_number_gets_the_lowest_logit_there_is() -> None:
    texts = ["The 1st Guards Army took Arda.", "Lund fell later.", "The 2nd Guards Army took Brod."]
    text = " ".join(texts)
    starts = [text.index(part) for part in texts]
    spans = tuple((start, start + len(part)) for start, part in zip(starts, texts, strict=True))

    class Network:
        def judge(self, question: str, candidates: list[Candidate]) -> list[Judgement]:
            return [Judgement(np.array([5.0, -3.0, 4.0]), (None, None, None))]

    encoded = EncodedQuery(np.array([1.0, 0.0], np.float32), np.empty((0, 0), np.float32), ())
    asked = Asked("Which city did the 2nd Guards Army take?", encoded, {"army": 1.0})
    candidate = Candidate(text, 0, "", spans, np.zeros((3, 2), np.float32), 1.0)
    found = read(asked, [candidate], {"network": 1.0}, Network())  # type: ignore[arg-type]
    assert [(e.text[:7], e.feature("network")) for e in found] == [
        ("The 2nd", 4.0),
        ("The 1st", -3.0),
        ("Lund fe", -3.0),
    ]
    assert FEATURES[-1] == "network"
