"""What a question asks for, what a sentence offers, and how the two are weighed."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import tune_reader

from chatbot import corpus, reader
from chatbot.encoder import EncodedQuery
from chatbot.errors import EncoderError
from chatbot.index import Hit
from chatbot.reader import (
    FEATURES,
    Asked,
    Candidate,
    Evidence,
    Judgement,
    answer_kind,
    answers_of_kind,
    features,
    load_network_reader,
    read,
    short_answer,
)
from chatbot.terms import stems

WEIGHTS = Path(reader.__file__).parent / "weights" / "reader.safetensors"

KINDS = {
    "When did the war end?": "date",
    "What year did it end?": "date",
    "On which day did he speak?": "date",
    "Since when has it been so?": "date",
    "How many men were there?": "number",
    "How long did it last?": "number",
    "What percentage was lost?": "number",
    "Who led the army?": "person",
    "Whose idea was it?": "person",
    "Which Soviet marshal led the front?": "person",
    "Where did they land?": "place",
    "Which city fell first?": "place",
    "On which ship was it signed?": "place",
    "Why did they attack?": "reason",
    "How come they attacked?": "reason",
    "What caused the war?": "reason",
    "How did they cross the desert?": "manner",
    "Did Japan surrender?": "yes_no",
    "Was it Japan or China?": "yes_no",
    "What did Stalin say when Japan surrendered?": "other",  # "what" asks
    "What became of the emperor when the Russians arrived?": "other",
    "What happened where the rivers meet?": "other",
    "What was the pact, and when was it signed?": "date",  # both ask, and a date can be short
    "What did the emperor say on the radio?": "other",
    "What did the man who led the army want?": "other",
    "What is the date when it ended?": "date",
    "What is a treaty?": "other",
    "Tell me about the pact": "other",
    "WHO WAS IT AND WHEN?": "person",  # the first question word tells
    "Whenever they came, who led?": "person",
    "What did Molotov say (When did Molotov read the note to Sato)?": "other",  # an earlier question in brackets
    "And aircraft? (How many tanks did they have)?": "number",  # which alone asks
    "": "other",
}


@pytest.mark.parametrize(("question", "kind"), KINDS.items())
def test_the_question_word_tells_what_is_asked(question: str, kind: str) -> None:
    assert answer_kind(question) == kind


# text with the answers in brackets
OFFERED = {
    "dates": ("When?", "On [9 August 1945] and by [August 20, 1945], in [May 1946] and [1950-53] it was so."),
    "dates as in a spreadsheet": ("When?", "Bought: [2018-05-04]; Service: [2026-09-01]; Season: [2025-26]"),
    "abbreviated months": ("When?", "On [Aug. 9, 1945] it began."),
    "no date of the question": ("When in August 1945?", "In August 1945, on [14 August], he spoke."),
    "numbers": ("How many?", "It had [1,560,000] men, [forty-two] tanks and [5 million] yen, [20%] more."),
    "ranges are one number": (
        "How many?",
        "Some [35,000 to 40,000] died, [Between about 70,000 and 80,000] fled, [3-4%] and [5] stayed.",
    ),
    "neither ordinals nor names nor dates": (
        "How many?",
        "The 88th Brigade, No. 1, flew the B-29 on 9 August 1945.",
    ),
    "persons": ("Who?", "Marshal [Aleksandr Vasilevsky] met [Harry S. Truman] and the Red Army."),
    "no person of the question": ("Whom did Otozo Yamada meet?", "Otozo Yamada met Marshal [Malinovsky]."),
    "places": ("Where?", "He landed at [Port Arthur] in August, near the [Liaodong Peninsula]."),
    "a ship, not where it lay": (
        "On which battleship did they sign?",
        "They signed aboard the battleship USS [Missouri] in Tokyo Bay, near the cruiser [San Diego].",
    ),
    "where, after a ship": (
        "Where was it then (On which battleship did they sign)?",
        "The battleship USS Missouri was at [Yokohama].",
    ),
    "times of day": (
        "At what time did it begin?",
        "On 9 August 1945 at [10 am] it began, and at [noon] it ended.",
    ),
    "no parts of a time of day": ("How many?", "At 21:15 or 9.30 pm [nine] voted."),
    "a count in no other unit": (
        "How many people came?",
        "The fair cost £4,300, took 40 minutes at 30 °C or 5 % more, and [250] people came.",
    ),
    "as many of the unit asked for": (
        "How many minutes does it take?",
        "It takes [40] minutes at 180 °C and costs £3.",
    ),
    "a price for how much": ("How much does it cost?", "It costs [£4.50]."),
    "a length is no price": ("How long is the tour?", "The tour lasts [45] minutes and costs £4.50."),
    "no day of the week is a place": ("Where do they meet?", "They meet on Tuesdays in the [Boathouse]."),
    "nothing without a type": ("Tell me more", "On 9 August 1945 Stalin spoke in Moscow."),
}


@pytest.mark.parametrize(("question", "marked"), OFFERED.values(), ids=OFFERED.keys())
def test_answers_by_hand(question: str, marked: str) -> None:
    text = marked.replace("[", "").replace("]", "")
    found = answers_of_kind(text, answer_kind(question), question)
    assert [text[start:end] for start, end in found] == [
        part.split("]")[0] for part in marked.split("[")[1:]
    ]  # fmt: skip


def evidence(text: str, answer: tuple[int, int] | None = None) -> Evidence:
    return Evidence(0, 0, (0, len(text)), text, np.zeros(len(FEATURES)), 0.0, answer)


def asked(question: str, **weights: float) -> Asked:
    encoded = EncodedQuery(np.array([1.0, 0.0], np.float32), np.empty((0, 0), np.float32), ())
    return Asked(question, encoded, weights)


def test_one_answer_is_the_short_answer_and_repeats_are_one() -> None:
    assert short_answer(asked("When?"), evidence("It began on 9 August 1945.")) == "9 August 1945"
    assert short_answer(asked("When?"), evidence("In 1945, yes in 1945.")) == "1945"
    assert short_answer(asked("When?"), evidence("It began at dawn.")) == ""


def test_a_length_has_its_unit_and_a_count_its_number_alone() -> None:
    assert short_answer(asked("How long?"), evidence("Cool it for twenty minutes.")) == "twenty minutes"
    assert short_answer(asked("How far?"), evidence("It went 350 km north.")) == "350 km"
    assert short_answer(asked("How old?"), evidence("Anyone who is eighteen can join.")) == "eighteen"
    assert short_answer(asked("How many?"), evidence("Members have 7 days.")) == "7"


@pytest.mark.parametrize(
    ("question", "text", "short"),
    [
        ("How many died?", "Two hundred and fifty soldiers died.", "Two hundred and fifty"),
        ("How many live here?", "About two and a half million people live here.", "two and a half million"),
        ("How many came?", "12\u00a0000 people came.", "12\u00a0000"),
        ("How long is it?", "It takes three quarters of an hour.", ""),
        ("How long is it?", "It takes 1 hour 30 minutes.", "1 hour 30 minutes"),
        ("How long is it?", "It took 6 minutes and 40 seconds.", "6 minutes and 40 seconds"),
        ("How heavy is it?", "It weighs 38 kg.", "38 kg"),
        ("How fast is it?", "It does 50 mph.", "50 mph"),
        ("How much does it hold?", "It holds 900 litres.", "900 litres"),
        ("How much was it?", "It cost £2.5bn.", "£2.5bn"),
        ("How often is it changed?", "The oil is changed every 6 months.", "6 months"),
        ("How big is a plot?", "A plot costs £48 a year.", ""),
        ("How big is a plot?", "A plot costs 48 pounds a year.", ""),
        ("How big is the card?", "The card keeps 400 days, or 32 GB.", "32 GB"),
        ("When is it turned off?", "It is turned on on 15 April and off on 15 October.", "15 October"),
        ("When did it burn down?", "It burned in 1988.", "1988"),
        ("When was it sent?", "It was sent on 5 Jan 1990.", "5 Jan 1990"),
        ("When was it sent?", "It was sent on 05/06/1990.", "05/06/1990"),
        ("When was it sent?", "It was sent on 5.6.1990.", "5.6.1990"),
        ("Who wrote it?", "Johann Wolfgang von Goethe wrote it.", "Johann Wolfgang von Goethe"),
        ("Who wrote it?", "It is by Hans Christian Ørsted.", "Hans Christian Ørsted"),
        ("Who wrote it?", "It is by Maria Skłodowska-Curie.", "Maria Skłodowska-Curie"),
        ("Who wrote it?", "It is by Flann O'Brien.", "Flann O'Brien"),
        ("How much is it?", "It costs 45.50 € a day.", "45.50 €"),
        ("How long is it?", "It takes 100 ms.", "100 ms"),
        ("How long is it?", "It takes 2 h 15 min.", "2 h 15 min"),
        ("Who makes it?", "WX-7 Pro is made by Tarnfield.", ""),
        ("Where was he born?", "He was born in Frankfurt am Main.", "Frankfurt am Main"),
    ],
)
def test_a_short_answer_is_whole(question: str, text: str, short: str) -> None:
    assert short_answer(asked(question), evidence(text)) == short


@pytest.mark.parametrize(
    ("question", "text", "short"),
    [
        ("Who?", "Present: Jane Pohl (chair), Dora Whit, Ned Lund.", ""),
        ("Who?", "It was led by Henry Stimson, Secretary of War.", "Henry Stimson"),
        ("Where?", "They landed at Pyongyang on 24 August.", "Pyongyang"),
        ("Where?", "They landed at Pyongyang and Hamhung on 24 August.", ""),
        ("Where?", "They landed at Rashin, as well as at Seishin.", ""),
        ("Where?", "Rashin or at Seishin they might land.", ""),
        ("Where?", "They landed at Rashin and were happy.", "Rashin"),
        ("Who?", "Harry S. Truman and Stalin met.", ""),
        ("Who?", "Truman met Otozo Yamada, and August ended.", ""),
        ("When?", "In 1945 and August too.", "1945"),
    ],
)
def test_one_of_several_names_in_a_row_is_no_answer(question: str, text: str, short: str) -> None:
    assert short_answer(asked(question), evidence(text)) == short


@pytest.mark.parametrize(
    ("question", "short"),
    [
        ("When was the WX-5 discontinued?", "2022"),
        ("When was the WX-5 introduced?", "2018"),
        ("When did it come and when was it discontinued or introduced?", "2018"),  # the network tells
        ("What is the radio of the WX-5?", "868 MHz"),
        ("What radio of 868 MHz is in it?", ""),
        ("What is the mast of the WX-5?", ""),
    ],
)
def test_of_a_row_the_cell_is_taken_whose_column_is_asked_for(question: str, short: str) -> None:
    row = "Model: WX-5; Introduced: 2018; Discontinued: 2022; Radio: 868 MHz"
    where = row.index("2018")
    words = dict.fromkeys(stems(question), 1.0)
    assert short_answer(asked(question, **words), evidence(row, (where, where + 4))) == short


def test_of_two_rivals_the_one_clearly_nearer_to_the_words_of_the_question_wins() -> None:
    # "died" ends 4 characters before 1953 and more than 60 before 1904
    near = "He died in 1953, long after the unhappy and costly war had begun in 1904."
    assert short_answer(asked("When was he found dead?", die=1.0), evidence(near)) == "1953"
    # 4 characters to both
    assert short_answer(asked("When was he found dead?", die=1.0), evidence("In 1904 he died in 1953.")) == ""
    assert short_answer(asked("When?"), evidence(near)) == ""  # no word tells


def test_the_network_settles_between_rivals() -> None:
    text = "It lasted from 1904 to 1905."
    span = (text.index("1905"), text.index("1905") + 4)
    assert short_answer(asked("When?"), evidence(text, span)) == "1905"
    assert short_answer(asked("When?"), evidence(text, (0, len(text)))) == ""


def test_what_the_network_does_not_choose_is_no_short_answer() -> None:
    text = "The fleet sailed on 9 August 1945 for Rashin."
    place, date = (text.index("Rashin"), len(text) - 1), (text.index("9"), text.index(" for"))
    assert short_answer(asked("When?"), evidence(text, date)) == "9 August 1945"
    assert short_answer(asked("When?"), evidence(text, place)) == ""


def candidate(text: str = "It fell. Harbin surrendered on 20 August 1945.", start: int = 100) -> Candidate:
    cut = min(text.find(stop) % len(text) for stop in (". ", "? ")) + 1
    spans = ((start, start + cut), (start + cut + 1, start + len(text)))
    return Candidate(text, start, "Manchuria", spans, np.array([[0.6, 0.8], [1.0, 0.0]], np.float32), 0.5)


def test_features_by_hand() -> None:
    question = asked("When was the Harbin surrender in Manchuria?", harbin=3.0, surrend=1.0, manchuria=1.0)
    rows = features(question, replace(candidate(), tokens=np.array([0.25, 0.75], np.float32)))
    assert rows.shape == (2, len(FEATURES))
    first, second = (dict(zip(FEATURES, row, strict=True)) for row in rows.tolist())
    assert first == pytest.approx(
        {
            "cosine": 0.6,
            "coverage": 0.0,
            "context": 1.0,  # manchuria in the header, the others in the passage
            "rare": 0.0,
            "pairs": 0.0,
            "passage": 0.5,
            "typed": 0.0,
            "hanging": 1.0,  # "It"
            "short": 1.0,
            "long": math.log(2),  # fell
            "tokens": 0.25,
            "network": 0.0,
        }
    )
    assert second == pytest.approx(
        {
            "cosine": 1.0,
            "coverage": 0.8,  # (3 + 1) / 5
            "context": 1.0,
            "rare": 1.0,  # harbin
            "pairs": 0.5,  # harbin surrend, but not surrend manchuria
            "passage": 0.5,
            "typed": 1.0,
            "hanging": 0.0,
            "short": 0.0,
            "long": math.log(6),  # harbin, surrend, 20, august, 1945
            "tokens": 0.75,
            "network": 0.0,
        }
    )


def test_a_question_without_known_words_has_no_lexical_features() -> None:
    rows = features(asked("Qwerty?"), candidate())
    for name in ("coverage", "context", "rare", "pairs"):
        assert not rows[:, FEATURES.index(name)].any()


def test_nearness_is_told_as_the_distance_from_the_best() -> None:
    near = replace(candidate(), score=0.75, tokens=np.array([0.5, 0.25], np.float32))
    far = replace(candidate(start=0), score=0.5, tokens=np.array([0.125, 0.75], np.float32))
    found = {(e.candidate, e.sentence): e for e in read(asked("When?"), [near, far], {})}
    assert [found[key].feature("passage") for key in ((0, 0), (0, 1), (1, 0), (1, 1))] == [0, 0, -0.25, -0.25]
    assert [found[key].feature("tokens") for key in ((0, 0), (0, 1), (1, 0), (1, 1))] == [
        -0.25,
        -0.5,
        -0.625,
        0,
    ]


def test_sentences_are_ranked_by_their_weighted_sum_and_quote_their_slices() -> None:
    found = read(asked("When?"), [candidate(), candidate(start=0)], {"cosine": 2.0, "short": 0.5})
    # cosines 0.6 (short) and 1.0: scores 1.7 and 2.0; equal ones keep the order of the candidates
    assert [(item.candidate, item.sentence) for item in found] == [(0, 1), (1, 1), (0, 0), (1, 0)]
    assert [item.score for item in found] == pytest.approx([2.0, 2.0, 1.7, 1.7])
    assert [item.text for item in found[1:3]] == ["Harbin surrendered on 20 August 1945.", "It fell."]
    assert read(asked("When?"), [], {"cosine": 1.0}) == []


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_head_of_a_table_is_no_evidence(newline: str) -> None:
    text = newline.join(("| Whom to call | Number |", "|---|---|", "| Fire brigade | 112 |", "", "- - -"))
    rows = ("Whom to call | Number", "Fire brigade | 112")
    spans = tuple((text.index(row), text.index(row) + len(row)) for row in rows)
    vectors = np.ones((2, 2), np.float32)
    found = read(asked("What number?"), [Candidate(text, 0, "", spans, vectors, 1.0)], {"cosine": 1.0})
    assert [item.text for item in found] == ["Fire brigade | 112"]


class FixedReader:
    """Judges the first sentence of every passage likely and points to the passage's characters 3 to 7."""

    def __init__(self) -> None:
        self.read = 0

    def judge(self, question: str, candidates: list[Candidate]) -> list[Judgement]:
        self.read += len(candidates)
        return [Judgement(np.array([4.0, -1.0 - i]), ((3, 7), None)) for i in range(len(candidates))]


def test_a_question_is_no_evidence_but_where_there_is_nothing_else() -> None:
    asking = "Is it open? The museum opens at nine."
    found = read(asked("Is it open?"), [candidate(asking)], {"cosine": 1.0})
    assert [item.text for item in found] == ["The museum opens at nine."]
    found = read(asked("Is it open?"), [candidate("Is it open? Is it free?")], {"cosine": 1.0})
    assert [item.text for item in found] == ["Is it free?", "Is it open?"]


def test_the_network_reads_the_best_passages_and_the_others_keep_its_lowest_judgement() -> None:
    network = FixedReader()
    many = [candidate(start=1000 * number) for number in range(reader.READ_AT_MOST + 1)]
    found = read(asked("When?"), many, {"network": 1.0}, network)
    assert network.read == reader.READ_AT_MOST
    best, last = found[0], found[-1]
    assert (best.candidate, best.sentence, best.network, best.answer) == (0, 0, 4.0, (3, 7))
    assert best.text[3:7] == "fell"
    assert {item.network for item in found if item.candidate == len(many) - 1} == {last.network}
    assert last.network == -1.0 - (reader.READ_AT_MOST - 1)
    assert last.answer is None


@pytest.mark.parametrize(
    ("scores", "count"),
    [
        ([], 0),
        ([0.9], 1),
        ([0.9, 0.5, 0.4, 0.3], 2),  # two at least
        ([0.9, 0.85, 0.82, 0.81, 0.79], 4),  # down to 0.8
        ([0.9] * 9, 6),
    ],
)
def test_passages_far_from_the_best_need_no_reading(scores: list[float], count: int) -> None:
    assert reader.worth_reading(scores) == count


@pytest.mark.parametrize(
    ("lengths", "count", "parts"),
    [
        ([5, 9, 4, 4], 2, [[1, 3], [0, 2]]),  # 9 + 4 and 5 + 4
        ([5, 9, 4, 4], 1, [[1, 0, 2, 3]]),
        ([5, 9], 8, [[1], [0]]),
        ([], 2, []),
    ],
)
def test_each_core_reads_about_as_much_by_hand(
    lengths: list[int], count: int, parts: list[list[int]]
) -> None:
    assert reader._shares(lengths, count) == parts


def test_the_likeliest_answer_by_hand() -> None:
    """Start and end logits of five tokens; the first and last belong to another sentence."""
    spans = np.array([[9, 9], [1, 0], [3, 1], [0, 2], [9, 9]], np.float32)
    offsets = np.array([[[0, 2], [3, 5], [6, 8], [9, 11], [12, 14]]])
    inputs = SimpleNamespace(sentence_of=torch.tensor([[0, 1, 1, 1, 2]]), offsets=offsets)
    assert reader._best_span(spans, inputs, 0, 1) == (6, 11)  # 3 + 2
    spans[2, 0] = -9
    assert reader._best_span(spans, inputs, 0, 1) == (3, 11)  # 1 + 2
    assert reader._best_span(spans, inputs, 0, 3) is None


def test_an_answer_is_at_most_twelve_pieces_long_and_does_not_end_before_it_begins() -> None:
    spans = np.zeros((30, 2), np.float32)
    spans[20, 0] = spans[3, 1] = 15  # the best pair of all, were it the right way round
    spans[5, 0], spans[16, 1], spans[17, 1] = 10, 10, 11  # twelve pieces from 5 to 16, thirteen to 17
    inputs = SimpleNamespace(
        sentence_of=torch.zeros((1, 30), dtype=torch.int64),
        offsets=np.stack([np.arange(30), np.arange(1, 31)], -1)[None],
    )
    assert reader._best_span(spans, inputs, 0, 0) == (5, 17)


def test_without_weights_there_is_no_network(tmp_path: Path) -> None:
    assert load_network_reader(tmp_path) is None


@pytest.mark.skipif(not WEIGHTS.is_file(), reason="no trained reader")
def test_other_weights_of_the_network_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_WEIGHTS_SHA256", "0" * 64)
    with pytest.raises(EncoderError, match=r"reader\.safetensors is not as it was shipped; install"):
        load_network_reader()


EASY = {
    "When did Japan sign the surrender?": (
        "The day was grey and cool. Japan signed the surrender on 2 September 1945. Many ships were there.",
        1,
    ),
    "Who commanded the Kwantung Army?": (
        "General Otozo Yamada commanded the Kwantung Army. Its headquarters had good gardens. Snow fell early.",
        0,
    ),
    "Why did the tanks stop?": (
        "The tanks were new. The crews were young. The tanks stopped because they had run out of fuel.",
        2,
    ),
}


@pytest.mark.slow
@pytest.mark.skipif(not WEIGHTS.is_file(), reason="no trained reader")
def test_the_network_prefers_the_sentence_that_answers() -> None:
    network = load_network_reader()
    assert network is not None
    for question, (text, expected) in EASY.items():
        spans = tuple(reader_sentences(text))
        passage = Candidate(text, 0, "", spans, np.zeros((len(spans), 2), np.float32), 1.0)
        (judgement,) = network.judge(question, [passage])
        assert judgement.logits.shape == (3,)
        assert int(np.argmax(judgement.logits)) == expected, question
        for span, answer in zip(spans, judgement.answers, strict=True):
            assert answer is None or span[0] <= answer[0] < answer[1] <= span[1]


def reader_sentences(text: str) -> list[tuple[int, int]]:
    ends = [i + 1 for i, c in enumerate(text) if c == "."]
    return list(zip([0, *(end + 1 for end in ends[:-1])], ends, strict=True))


def test_tuning_sets_each_right_sentence_against_all_wrong_ones_of_its_question() -> None:
    """Two passages of one question; the second holds half an answer, which trains nothing."""
    spans = ((0, 1), (2, 3))
    rows = (
        tune_reader.Row("q", "", "a b", spans, (0,), None),
        tune_reader.Row("q", "", "a b", spans, (), None),
    )
    group = tune_reader.Group(rows, (frozenset(), frozenset({1})))
    outputs = (torch.tensor([[1.0, 2.0], [0.0, 5.0]]), torch.zeros(2), torch.zeros(2, 3, 2))
    right = torch.tensor([[False, True, False], [True, False, False]])
    none = torch.full((2, 2), -100)
    within = (
        math.log(1 + math.exp(1) + math.exp(2)) - 1
    )  # null 0, right 1, wrong 2; the other row is left out
    wrong = math.log(math.exp(2) + math.exp(0))  # the wrong sentence of each passage
    across = math.log(1 + math.exp(wrong - 1))
    assert tune_reader.loss_of(outputs, [group], right, none).item() == pytest.approx(within + across)


def test_passages_were_told_of_where_their_sentences_are_still_as_many() -> None:
    hits = [
        Hit(corpus.Passage(f"d{k}", 5, 11, "", ((5, 8), (8, 11))), "s1 s2.", "", "", 0.0, k + 1, {})
        for k in range(4)
    ]
    told = {
        ("q", "d0", 5): (1.0, -1.0),
        ("q", "d1", 5): (1.0,),
        ("q", "d2", 6): (1.0, 2.0),
        ("r", "d3", 5): (1.0, 2.0),
    }
    query = corpus.Query("q", "who")
    assert tune_reader.told_hits(query, hits, told) == hits[:1]
    (row,) = tune_reader.group_of(query, hits[:1], 3, random.Random(1)).rows
    assert row.place == ("q", "d0", 5)


def test_a_group_has_the_passages_asked_for_and_nearly_always_one_that_answers() -> None:
    """Ten passages of one sentence each, of which the last answers and the first does so in part."""
    hits = [
        Hit(corpus.Passage(f"d{k}", 0, 3, "", ((0, 3),)), f"s{k}.", "", "", 0.0, k + 1, {}) for k in range(10)
    ]
    query = corpus.Query(
        "q", "who", evidence=(corpus.Evidence("d9", 0, 3),), partly=(corpus.Evidence("d0", 1, 2),)
    )
    dice = random.Random(1)
    groups = [tune_reader.group_of(query, hits, 3, dice) for _ in range(300)]
    for group in groups:
        assert len({row.text for row in group.rows}) == len(group.rows) == 3
        assert [row.evidence for row in group.rows] == [
            (0,) if row.text == "s9." else () for row in group.rows
        ]
        assert [some == {0} for some in group.partly] == [row.text == "s0." for row in group.rows]
    shares = [np.mean([any(row.text == f"s{k}." for row in g.rows) for g in groups]) for k in range(10)]
    assert shares[9] > 0.85
    assert shares[0] > 1.5 * shares[8]  # what is found first is what is read in use


def test_a_training_corpus_is_the_judged_documents_or_all_with_their_titles(tmp_path: Path) -> None:
    records = [{"_id": f"{t}#{k}", "title": t, "text": "x"} for t in ("Ada", "Bern") for k in range(2)]
    (tmp_path / "corpus.jsonl").write_text("\n".join(json.dumps(r) for r in records) + "\n")
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "some.tsv").write_text("query-id\tcorpus-id\tscore\nq\tAda#1\t0\n")
    for alone, expected in ((True, ["Ada#1"]), (False, ["Ada#0", "Ada#1"])):
        made = tune_reader._judged(tmp_path, "some", tmp_path, tmp_path / "work", alone=alone)
        lines = (made / "corpus.jsonl").read_text().splitlines()
        assert [json.loads(line)["_id"] for line in lines] == expected
