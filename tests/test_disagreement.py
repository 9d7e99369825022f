"""Disagreement: values that differ are reported, values that fit together or mean different things are not."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.disagreement import Position, Statement, positions
from chatbot.reader import answer_kind

LABELLED = Path(__file__).parent / "data" / "disagreements.jsonl"


def found(question: str, *texts: str, title: str = "Tarn Hill") -> list[Position]:
    items = [Statement(text, f"{n}.md", title) for n, text in enumerate(texts)]
    return positions(question, answer_kind(question), items)


def values(question: str, *texts: str, title: str = "Tarn Hill") -> list[str]:
    return [position.normal for position in found(question, *texts, title=title)]


def labelled(split: str) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in LABELLED.read_text("utf-8").splitlines()]
    return [row for row in rows if row["split"] == split]


def detected(row: dict[str, Any]) -> list[Position]:
    items = [Statement(s["text"], s["title"], s["title"]) for s in row["statements"]]
    return positions(row["question"], answer_kind(row["question"]), items)


@pytest.mark.parametrize(
    ("split", "precision", "recall"), [("tune", 0.95, 0.90), ("test", 0.90, 0.80)], ids=["tune", "test"]
)
def test_labelled_set(split: str, precision: float, recall: float) -> None:
    """No constant was chosen on the rows of `test`."""
    rows = labelled(split)
    outcomes = [(row["conflict"], bool(detected(row))) for row in rows]
    hits = outcomes.count((True, True))
    precise = hits / (hits + outcomes.count((False, True)))
    recalled = hits / (hits + outcomes.count((True, False)))
    print(f"{split}: precision {precise:.3f}, recall {recalled:.3f}, n {len(rows)}")
    assert precise >= precision
    assert recalled >= recall


def test_labelled_set_is_balanced_and_its_halves_share_no_question() -> None:
    tune, test = labelled("tune"), labelled("test")
    for rows in (tune, test):
        assert 0.3 <= sum(row["conflict"] for row in rows) / len(rows) <= 0.6
        assert all(row["conflict"] or not row["values"] for row in rows)
    asked = {row["question"] for row in tune}
    assert not asked & {row["question"] for row in test}


def test_two_sources_in_one_sentence() -> None:
    question = "How many Japanese soldiers were killed?"
    text = "Japan's post-war count gives 21,389 Japanese soldiers killed, whereas Soviet claims put the number at 83,737."
    first, second = found(question, text)
    assert first == Position("21,389", "21389", (0,), "Japan's post-war count")
    assert second == Position("83,737", "83737", (0,), "Soviet claims")


def test_two_documents() -> None:
    first, second = found(
        "When was the Lindqvist Bridge opened?",
        "The Lindqvist Bridge was opened on 3 June 1931.",
        "According to the town's chronicle, the Lindqvist Bridge was opened on 13 June 1931.",
    )
    assert (first.normal, first.statements, first.said_by) == ("1931-06-03", (0,), "")
    assert (second.normal, second.statements) == ("1931-06-13", (1,))
    assert second.said_by.startswith("According to the town's chronicle")


def test_a_position_names_all_statements_that_give_it() -> None:
    got = found(
        "How long is the Varn River?",
        "The Varn River is 412 km long.",
        "The Varn River is 436 kilometres long.",
        "The Varn River is 412 kilometres long.",
    )
    assert [position.statements for position in got] == [(0, 2), (1,)]


@pytest.mark.parametrize(
    ("question", "texts"),
    [
        (
            "When did it open in Tarn?",
            ("It was opened in Tarn on 8 August 1945.", "It was opened in Tarn on 8.8.1945."),
        ),
        (
            "When did it open in Tarn?",
            ("It was opened in Tarn on 8 August 1945.", "In 1945 it was opened in Tarn."),
        ),
        (
            "When did it open in Tarn?",
            ("It was opened in Tarn on 8 August 1945.", "It was opened in Tarn on August 8, 1945."),
        ),
        ("How many books has Tarn?", ("Tarn has 1.5 million books.", "Tarn has 1,500,000 books.")),
        ("How many books has Tarn?", ("Tarn has 1.6 million books.", "Tarn has 1,577,725 books.")),
        ("How many books has Tarn?", ("Tarn has more than 80,000 books.", "Tarn has 83,737 books.")),
        ("How many books has Tarn?", ("Tarn has up to 500 books.", "Tarn has 420 books.")),
        ("How many books has Tarn?", ("Tarn has about 600,000 books.", "Tarn has 609,448 books.")),
        ("How many books has Tarn?", ("Tarn has between 60,000 and 62,000 books.", "Tarn has 61,200 books.")),
        ("How many books has Tarn?", ("Tarn has twelve books.", "Tarn has 12 books.")),
        (
            "How long did the strike at Tarn last?",
            ("The strike at Tarn lasted 14 days.", "The strike at Tarn lasted two weeks."),
        ),
        (
            "What does the pass to Tarn cost?",
            ("The pass to Tarn costs €12,50.", "The pass to Tarn costs €12.50."),
        ),
        ("How far is it to Tarn?", ("It is 256 miles to Tarn.", "It is 412 km to Tarn.")),
    ],
)
def test_values_that_fit_together(question: str, texts: Sequence[str]) -> None:
    assert values(question, *texts) == []


@pytest.mark.parametrize(
    ("question", "texts"),
    [
        ("How many books has Tarn?", ("Tarn has about 55,000 books.", "Tarn has 60,000 to 62,000 books.")),
        ("How many books has Tarn?", ("Tarn has more than 80,000 books.", "Tarn has 21,389 books.")),
        ("How many books has Tarn?", ("Tarn has up to 500 books.", "Tarn has 520 books.")),
        (
            "When did it open in Tarn?",
            ("It was opened in Tarn on 8 August 1945.", "It was opened in Tarn in July 1945."),
        ),
    ],
)
def test_values_that_do_not_fit(question: str, texts: Sequence[str]) -> None:
    assert len(values(question, *texts)) == 2


@pytest.mark.parametrize(
    ("question", "texts"),
    [
        (
            "How many rebels were killed at Tarn Hill?",
            ("400 rebels were killed at Tarn Hill.", "900 rebels were captured at Tarn Hill."),
        ),
        (
            "How many Soviet soldiers died?",
            ("12,031 Soviet soldiers died.", "21,389 Japanese soldiers died."),
        ),
        (
            "How many ships were handed over?",
            ("149 ships were handed over.", "It was planned that 180 ships were handed over."),
        ),
        (
            "When did the siege of Tarn begin?",
            ("The siege of Tarn began on 6 May 1712.", "The siege of Tarn ended on 20 July 1712."),
        ),
        (
            "How many people live in Tarn?",
            ("Tarn had 4,800 inhabitants in 2021.", "Tarn had 3,100 inhabitants in 1960."),
        ),
        (
            "How many people were killed at Tarn?",
            (
                "About 70,000 people were killed at once at Tarn.",
                "About 140,000 people were killed at Tarn by the end of 1945.",
            ),
        ),
        (
            "Who commanded at Tarn?",
            ("Erik Stahl commanded at Tarn.", "Until 1711 Jonas Brahe commanded at Tarn."),
        ),
        (
            "When was war declared on Tarn?",
            (
                "War was declared on Tarn on 8 August 1945.",
                "War was declared on Tarn on 8 August 1945 and the attack followed on 9 August 1945.",
            ),
        ),
    ],
    ids="fates parties plan events years stages succession neighbours".split(),
)
def test_values_of_different_things(question: str, texts: Sequence[str]) -> None:
    assert values(question, *texts) == []


LATHE = "Machine: Lathe; Maker: Obermann; Next service: 2026-06-15"


@pytest.mark.parametrize(
    ("other", "doc_id", "differs"),
    [
        ("Machine: Bandsaw; Maker: Kestrel; Next service: 2026-09-01", "0.md", False),
        ("Machine: Bandsaw; Maker: Kestrel; Next service: 2026-09-01", "1.md", False),
        ("Machine: Lathe; Maker: Obermann; Next service: 2026-07-15", "1.md", True),
    ],
    ids="row thing source".split(),
)
def test_rows_of_a_table_tell_of_different_things(other: str, doc_id: str, differs: bool) -> None:
    question = "When is the next service of the lathe?"
    items = [Statement(LATHE, "0.md", "Lathe service"), Statement(other, doc_id, "Lathe service")]
    assert bool(positions(question, answer_kind(question), items)) == differs


@pytest.mark.parametrize(
    "question",
    ["What does the yearly pass cost?", "What is the fee of the yearly pass?"],
    ids="cost fee".split(),
)
def test_prices_are_compared_however_they_are_asked_for(question: str) -> None:
    texts = ("The fee for a yearly pass is £36.", "The fee for the yearly pass is £42.")
    assert values(question, *texts, title="Costs") == ["36 pound", "42 pound"]


def test_a_value_is_shown_with_its_unit_and_without_the_end_of_its_sentence() -> None:
    texts = ("The warranty of Tarn lasts 2 years.", "The warranty of Tarn lasts 12 to 18 months.")
    got = found("How long does the warranty of Tarn last?", *texts)
    assert [position.value for position in got] == ["2 years", "12 to 18 months"]
    times = ("The gate closes at 5 pm.", "The gate closes at 6 p.m.")
    got = found("What time does the gate close?", *times)
    assert [position.value for position in got] == ["5 pm", "6 p.m."]


def test_the_last_digits_of_a_telephone_number_are_no_count() -> None:
    texts = ("The phone number is 020 7946 0123.", "The phone number is 020 7946 0999.")
    assert values("What is the phone number?", *texts) == []


@pytest.mark.parametrize(
    "texts",
    [
        ("The office opens at 8:00 on weekdays.", "The office opens at 9:00 on Saturdays."),
        ("The office opens at 8:00 in summer.", "The office opens at 9:00 in winter."),
        ("The office opens at 8:00.", "On Fridays the office opens at 9:00."),
    ],
    ids="days seasons some".split(),
)
def test_hours_of_other_days_or_seasons_do_not_disagree(texts: Sequence[str]) -> None:
    assert values("What time does the office open?", *texts) == []
    monday = "On Mondays the office opens at 8:00."
    assert values("What time does the office open?", monday, monday.replace("8", "9")) == ["08:00", "09:00"]


def test_a_sentence_without_a_word_of_the_question_gives_no_other_time() -> None:
    question, bake = "How long does the bread bake?", "Bake the bread for 50 minutes."
    assert values(question, bake, "Let the dough rest for 12 hours.", title="Rye bread") == []
    assert len(values(question, bake, "Bake the bread for 70 minutes.", title="Rye bread")) == 2
    question = "What time does the museum close?"
    assert values(question, "The museum closes at 5 pm.", "The café closes at 4 pm.", title="Museum") == []


def test_clocks_of_two_zones_do_not_disagree() -> None:
    question = "At what time did the attack on Tarn begin?"
    moscow = "The attack on Tarn began at 18:00 Moscow time."
    assert values(question, moscow, "The attack on Tarn began at 0:00 Transbaikal time.") == []
    got = found(question, moscow, "The attack on Tarn began at 18:30 Moscow time.")
    assert [position.value for position in got] == ["18:00 Moscow time", "18:30 Moscow time"]


def test_who_says_so_is_not_who_is_counted() -> None:
    text = "Soviet sources claim 83,737 Japanese dead, while Japanese sources claim 21,389 Japanese dead."
    assert values("How many Japanese died?", text) == ["83737", "21389"]
    assert values("How many Soviet soldiers died?", text) == []


@pytest.mark.parametrize(
    "question", ["Why did the bridge fall?", "Was the bridge opened in 1931?", "Who was Ilse Maren?"]
)
def test_questions_without_a_comparable_value(question: str) -> None:
    assert values(question, "The bridge opened in 1931.", "The bridge opened in 1940.") == []


def test_what_stands_in_brackets_asks_for_no_value() -> None:
    founded = "In what year was the council of Tarn Hill founded"
    texts = ("The council of Tarn Hill was founded in 1907.", "The council of Tarn Hill was founded in 1911.")
    assert values(f"{founded}?", *texts) == ["1907", "1911"]
    assert values(f"How did the council of Tarn Hill vote ({founded})?", *texts) == []


def test_one_statement_does_not_disagree_with_its_copy() -> None:
    text = "The siege of Arkona began on 6 May 1712, and the town fell on 20 July 1712."
    assert values("When did the siege of Arkona begin?", text, text) == []


WORDS = st.sampled_from(
    "The rebels lost 400 killed 1,577,725 about between and or to from 8 August 1945 31 February 0 99:99 18:00 according Glantz by 1956"
    " million , . ; soldiers Soviet Japanese while some sources 3–5 % km $5 twelve dozen of the Tarn".split()
)
SALAD = st.lists(WORDS, max_size=25).map(" ".join)
SAID = {  # a question -> what texts say to it, and values
    "When was Tarn taken?": ("Tarn was taken on {}.", ["6 May 1712", "7 May 1712", "31 February 1713"]),
    "How many soldiers died at Tarn?": ("{} soldiers died at Tarn.", ["400", "About 900", "1,577,725"]),
    "How far is Tarn from Arkona?": ("Tarn is {} from Arkona.", ["3 km", "5 km", "3–5 km"]),
    "At what time did the siege of Tarn begin?": ("The siege of Tarn began at {}.", ["18:00", "4 a.m."]),
    "Who led the rebels?": ("{} led the rebels.", ["Glantz", "Marshal Ivan Petrov"]),
}


@st.composite
def asked_of_texts(draw: st.DrawFn) -> tuple[str, list[str]]:
    question = draw(st.sampled_from(sorted(SAID)))
    template, given = SAID[question]
    said = st.sampled_from(given).map(template.format)
    text = st.one_of(
        said, said, SALAD, st.tuples(said, SALAD).map(" ".join), st.tuples(SALAD, said).map(" ".join)
    )
    return question, draw(st.lists(text, min_size=1, max_size=5))


def test_any_text_gives_none_or_several_positions() -> None:
    several = Counter[str]()

    @settings(max_examples=300, deadline=None)
    @given(asked_of_texts())
    def check(asked: tuple[str, list[str]]) -> None:
        question, texts = asked
        got = found(question, *texts)
        several[question] += bool(got)
        assert len(got) != 1
        assert len({position.normal for position in got}) == len(got)
        assert all(0 <= n < len(texts) for position in got for n in position.statements)
        assert all(position.statements for position in got)

    check()
    assert several.total() > 20


# ---- what people write in rules, price lists and papers


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        ("How high may a shed be?", "A shed may be up to 2 m high.", "A shed may be up to 3 m high."),
        ("How many hens may I keep?", "Tenants may keep at most 6 hens.", "Tenants may keep at most 4 hens."),
        ("What is the notice period?", "The notice period is four weeks.", "The notice period is six weeks."),
        ("When does the shop open?", "The shop opens at 9:00.", "The shop opens at 10:00."),
        ("When does the shop close?", "The shop closes at 9 AM.", "The shop closes at 10 AM."),
        ("When is the library open?", "The library is open from 9:00 to 18:00.", "The library is open from 9:00 to 17:00."),
        ("What is the default port?", "The default port is 8700.", "The default port is 8080."),
        ("What is the fine for noise?", "The fine for noise is up to 500 euros.", "The fine for noise is up to 400 euros."),
        ("When is the water turned off?", "The water is turned off on 31 October.", "The water is turned off on 15 October."),
        ("What did the oak table cost?", "Wood: oak; Item: table; Price (£): 2,750", "Wood: oak; Item: table; Width (cm): 200; Price (£): 2890"),
    ],
)  # fmt: skip
def test_limits_and_prices_that_differ_are_shown(question: str, one: str, other: str) -> None:
    assert len(values(question, one, other)) == 2


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        ("How high may a shed be?", "A shed may be up to 2 m high.", "A shed may be 2 m high."),
        ("How many died?", "Up to 50,000 people died.", "Up to 60,000 people died."),
        ("How big is a full plot?", "A full plot costs £48 a year.", "A full plot costs £65 a year."),
        ("When does the shop close?", "The shop closes at 10:30 PM.", "The shop closes at 22:30."),
        ("How long does the test take?", "The test takes 1 hour 30 minutes.", "The test takes 90 minutes."),
        ("How high is the wall?", "The wall is 20 feet high.", "The wall is 6 metres high."),
        ("How tall is the door?", "The door is 5 feet 6 inches tall.", "The door is 1.68 m tall."),
        ("How many people came?", "About 12\u00a0000 people came.", "About 12,000 people came."),
        ("How many people came?", "Two billion people came.", "2 billion people came."),
        ("How many people came?", "Half a million people came.", "500,000 people came."),
        ("How much does a pass cost?", "A pass costs $10.", "A pass costs €9."),
        ("What share does the state pay?", "The state pays 70 percent of the playground.", "The state pays 60 percent of the bridge."),
        ("How many cockerels may I keep?", "Hens may be kept, at most six to a plot.", "Hens may be kept, at most four to a plot."),
        ("May I keep a cockerel?", "Hens may be kept, at most six to a plot.", "Hens may be kept, at most four to a plot."),
        ("When is the water turned off?", "The water is turned on on 1 April and off on 31 October.",
         "The water is turned on on 15 April and off on 31 October."),
    ],
)  # fmt: skip
def test_what_is_the_same_or_another_thing_is_no_difference(question: str, one: str, other: str) -> None:
    assert values(question, one, other) == []


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        ("How tall may hedges be?", "Hedges may be up to 2 m tall.", "Fences may be up to 1.2 m tall."),
        ("How many books may children borrow?", "Adults may borrow up to 10 books.", "Children may borrow up to 5 books."),
        ("How high is the tower?", "The north tower is 52 m high.", "The south tower is 47 m high."),
    ],
)  # fmt: skip
def test_one_document_does_not_differ_from_itself(question: str, one: str, other: str) -> None:
    items = [Statement(text, "rules", "Rules") for text in (one, other)]
    assert positions(question, answer_kind(question), items) == []


def test_an_answer_of_a_faq_differs_as_its_question_tells() -> None:
    items = [
        Statement("It lasts three years.", "faq", "FAQ", "FAQ › How long is the warranty?"),
        Statement("The warranty is 2 years.", "sheet", "Data sheet"),
    ]
    assert [p.value for p in positions("How long is the warranty?", "number", items)] == [
        "three years",
        "2 years",
    ]
    unasked = [replace(items[0], section="FAQ › Warranty"), items[1]]
    assert positions("How long is the warranty?", "number", unasked) == []


def test_a_document_that_is_called_after_another_year_does_not_differ() -> None:
    rules = [
        Statement("The rent of a full plot is £48 a year.", "a", "Plot rules 2015"),
        Statement("The rent of a full plot is £65 a year.", "b", "Plot rules 2022"),
    ]
    question = "What is the rent of a full plot{}?"
    assert positions(question.format(" in 2015"), "other", rules) == []
    assert len(positions(question.format(""), "other", rules)) == 2
