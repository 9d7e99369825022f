"""What goes by one number is not what goes by another."""

from __future__ import annotations

import numpy as np
import pytest

from chatbot.encoder import EncodedQuery
from chatbot.numbered import Numbered, is_of_another, names_them, numbered, wanted_of
from chatbot.reader import FEATURES, Asked, Candidate, Judgement, read

OTHER = [
    ("Who commanded the 2nd Far Eastern Front?", "Meretskov led the 1st Far Eastern Front."),
    ("Who commanded the Second Far Eastern Front?", "Meretskov led the 1st Far Eastern Front."),
    ("What did the 1st front do?", "The 2nd front was led by Purkayev."),
    ("Who commanded the 5th Army?", "Ivan Chistyakov was the general whose 25th Army marched into Korea."),
    ("When did the First World War end?", "The Second World War ended in 1945."),
    ("What does Article 9 say?", "Article 10 names the harbours."),
    ("What does article 9 say?", "Articles 10 to 12 name the harbours."),
    ("Whom did Henry VIII marry?", "Henry II married Eleanor."),
    ("What began World War 2?", "World War I began in 1914."),
    ("What is in Annex 4b?", "Annex 4a lists the tools."),
    ("What does E05 mean?", "E04 means that the pump is stuck."),
    ("What did Version 3 change?", "Version 2.1 added an eco mode."),
    ("How long does programme 1 take?", "Programme 2 takes two hours."),
    ("How long does the second programme take?", "Programme 1 takes 30 minutes."),
    ("What is the penalty for a second offence?", "For a first offence the fine is 20 pounds."),
    ("What do Level 3 courses need?", "Level 2 courses need a pass."),
    ("What is in Form 1040?", "Form 1099 is for other income."),
]
SAME = [
    ("Who commanded the 2nd Far Eastern Front?", "The second Far Eastern Front was Purkayev's."),
    ("Who commanded the 2nd Far Eastern Front?", "The 1st and the 2nd Far Eastern Front attacked at once."),
    ("Who commanded the 2nd Far Eastern Front?", "Purkayev commanded it."),
    ("Who commanded the 2nd Far Eastern Front?", "Article 1 names the second in command."),
    (
        "What do Grade 8 pupils learn?",
        "Grade 7 pupils learn French; pupils of the eighth grade learn Spanish.",
    ),
    ("What does Article 9 say?", "Article 9 differs from Article 10."),
    ("What does Rule 4 say?", "Rules 3 and 4 apply to guests."),
    ("What does Rule 4 say?", "Rule 3, 4 and 5 apply to guests."),
    ("What does Article 12 say?", "Articles 10 to 14 name the harbours."),
    ("Are refunds possible under Clause 5?", "Clause 5b allows a refund."),
    ("Does it run on Windows 11?", "It runs on Windows 10 or later."),
    ("Who may use Tier 1?", "Tier 2 users get all of tier 1."),
    ("What happened on 9 August 1945?", "On 8 August 1945 war was declared."),
    ("What happened on the 9th August?", "On the 8th August war was declared."),
    ("What happened in May 1945?", "In May 1944 nothing happened."),
    ("What happens at 17:00?", "At 16:00 tea is served."),
    ("At 5 pm who speaks?", "At 6 pm the choir sings."),
    ("How many of the 600 Japanese came home?", "Some 500 Japanese prisoners came home."),
    ("About 30 guests came?", "About 20 guests came."),
    ("Does the ticket cost 20 euros?", "A ticket does not cost 30 euros."),
    ("What opens on Sunday 3?", "Sunday 10 is a fair."),
    ("What did the first of them do?", "The second of them left."),
    ("What replaced Windows 10?", "Windows 11 came out in 2021."),
    ("What comes after Step 2?", "Step 3: bake the loaf."),
    ("Who was the second president?", "Adams succeeded the first president in 1797."),
    ("Who drew?", "Article 9 says it."),
    ("What does Article 9 say?", "..."),
]


@pytest.mark.parametrize(("question", "text"), OTHER)
def test_a_sentence_about_another_number_is_known(question: str, text: str) -> None:
    assert is_of_another(wanted_of(question), text)
    assert not names_them(wanted_of(question), text)


@pytest.mark.parametrize(("question", "text"), SAME)
def test_any_other_sentence_is_let_be(question: str, text: str) -> None:
    assert not is_of_another(wanted_of(question), text)


def test_words_and_numerals_are_one() -> None:
    group = [Numbered("army", "", "3")]
    assert numbered("the 3rd Army Group") == numbered("the third Army Group") == group
    assert numbered("Henry IV") == [Numbered("henry", "", "4")]
    assert numbered("Rules 3 to 5") == [Numbered("rule", "", number) for number in "354"]
    assert numbered("") == []


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
