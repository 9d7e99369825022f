"""Question and passages to evidence: which sentence answers, and which words in it are the answer.

Each sentence of the passages found gets the features of `FEATURES`; their weighted sum is its score.
The weights are those of a conditional logit over the sentences of the ten best passages, fitted by
`scripts/fit_answers.py`. One feature is the judgement of the trained network (`cross_encoder.py`);
without its weights the others stand alone, with weights of their own.

The network reads passages that come near the best one's score alone. Of 377 questions on our articles an answering
sentence came first for .671 (.674 with all six), of 152 of squad2, 121 of clapnq and 300 each of xquad and qed as often as
with six; it read 5.3, 3.0, 2.2, 2.3 and 2.3 passages.

Tried and given up:
- To let the network read the eight best sentences of all passages once more as one text, each beside its rivals, after
  tuning it on such texts. It put an answering sentence first for .682 instead of .663 of 377 questions on our articles,
  but for .848 instead of .866 of 500 on xquad and .658 instead of .698 of 500 on qed.
- To raise a sentence like which other passages have some (Clarke, Cormack & Lynam, "Exploiting redundancy in question
  answering", SIGIR 2001), by ½·log(1 + 10·Σ cos²·p). Of the 377 questions that it was chosen on 6 were won and none
  lost, of 1,000 others on our articles 4 won and 3 lost, of 873 on squad2, clapnq, xquad and qed none.
- How much of the question's names a sentence holds with its title and headings: a weight of 0.3, .681 instead of .680 of 375 first sentences,
  cross-validated. The network's logit for itself in questions for reasons and manners, or above and below a bound: .667 to .684.

- Boosted trees over these features, their ranks, differences from the best, neighbours and the question's type, trained on
  6,000 other questions on our articles. Of 1,090 further ones an answering sentence came first for .655 (.651 with the weighted
  sum), of dev for .689 (.718, n = 103), of fit for .642 (.650, n = 274).

The short answer is a date, number, person or place of the type that the question asks for; it stands
in the sentence, is not in the question already, and has no rival that is as near to its words.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from chatbot.cores import Cores
from chatbot.corpus import Span
from chatbot.encoder import EncodedQuery, Vectors, best_precision, dtype_of, packaged_model, read_alone
from chatbot.errors import EncoderError
from chatbot.formats.table import named_cells
from chatbot.numbered import is_of_another, wanted_of
from chatbot.quantities import CURRENCIES, MONTH, NUMBER_WORDS, TIMES, clock_times, measure_end, unit_of
from chatbot.terms import STOP_WORDS, fold, stems, terms

if TYPE_CHECKING:
    from chatbot.cross_encoder import Inputs

Kind = Literal["date", "number", "person", "place", "reason", "manner", "yes_no", "other"]

FEATURES = (
    "cosine",  # of question and sentence
    "coverage",  # share of the question's stems in the sentence, weighted by idf
    "context",  # the same in title, headings and passage
    "rare",  # whether the question's rarest known stem is in the sentence
    "pairs",  # share of the question's neighbouring stems that are neighbours in the sentence
    "passage",  # score of the passage, 0..1, less that of the best
    "typed",  # holds something of the type that the question asks for
    "hanging",  # begins with a pronoun, so that it hardly stands alone
    "short",  # fewer than five words
    "long",  # logarithm of its stems
    "tokens",  # late interaction with sentence, title and headings (`PassageIndex.sentence_tokens`), less the best
    "network",  # the trained reader's logit, sentence against none; 0 without it
)
# how near anything is says little of whether it answers (`fit_answers._tells`)
_BELOW_BEST = ("passage", "tokens")
READ_AT_LEAST, READ_AT_MOST = 2, 6  # passages that the network reads; others keep the lowest judgement given
LONGEST_CELL = 60  # characters of a short answer
READ_WITHIN = 0.1  # of the best passage's score, for those beyond the first


@dataclass(frozen=True)
class Asked:
    """A question as the reader sees it. `weights` maps each content stem to its idf."""

    text: str
    encoded: EncodedQuery
    weights: Mapping[str, float]

    @property
    def vector(self) -> NDArray[np.float32]:
        return self.encoded.vector

    @property
    def kind(self) -> Kind:
        return answer_kind(self.text)


@dataclass(frozen=True)
class Candidate:
    """A passage to be read: its text, where that begins in the document, and its sentences' vectors."""

    text: str
    start: int
    header: str
    sentences: tuple[Span, ...]  # characters of the document
    vectors: Vectors  # (sentences, dim)
    score: float
    tokens: NDArray[np.float32] | None = None  # (sentences,), 0 for each where there are none


@dataclass(frozen=True)
class Evidence:
    """One sentence of one candidate, with its features and its score (a logit: higher is better)."""

    candidate: int
    sentence: int
    span: Span
    text: str
    features: NDArray[np.float64]
    score: float
    answer: Span | None = None  # characters of `text` that the network takes for the short answer
    otherwise: float = -math.inf  # the score that one of another number would have, see `read`

    def feature(self, name: str) -> float:
        return float(self.features[FEATURES.index(name)])

    @property
    def network(self) -> float:
        return self.feature("network")


@dataclass(frozen=True)
class Judgement:
    """What the network says of one passage."""

    logits: NDArray[np.float64]  # (sentences,)
    answers: tuple[Span | None, ...]  # per sentence: characters of the passage


class NetworkReader(Protocol):
    def judge(self, question: str, candidates: Sequence[Candidate]) -> list[Judgement]: ...


def read(
    asked: Asked,
    candidates: Sequence[Candidate],
    weights: Mapping[str, float],
    network: NetworkReader | None = None,
) -> list[Evidence]:
    """Every sentence of the candidates, best first; equal scores keep the order of the candidates.

    One of another numbered thing, "the 1st Front" for "the 2nd", gets the lowest logit that the network gave.
    A question answers none, so it is left out: of 143 in passages that were read for 400 questions of clapnq three were
    marked as an answer, none of them was put first.
    """
    vector = np.array([weights.get(name, 0.0) for name in FEATURES])
    count = worth_reading([candidate.score for candidate in candidates])
    judged = network.judge(asked.text, candidates[:count]) if network and candidates else []
    lowest = min((float(j.logits.min()) for j in judged), default=0.0)
    found: list[Evidence] = []
    matrices = [features(asked, candidate) for candidate in candidates]
    for column in map(FEATURES.index, _BELOW_BEST):
        best = max((matrix[:, column].max() for matrix in matrices if len(matrix)), default=0.0)
        for matrix in matrices:
            matrix[:, column] -= best
    wanted = wanted_of(asked.text)
    for number, (candidate, rows) in enumerate(zip(candidates, matrices, strict=True)):
        rows[:, -1] = judged[number].logits if number < len(judged) else lowest
        for i, (span, row) in enumerate(zip(candidate.sentences, rows, strict=True)):
            start, end = span[0] - candidate.start, span[1] - candidate.start
            if _HEAD_ENDS.match(candidate.text, end):
                continue
            answer = judged[number].answers[i] if number < len(judged) else None
            inside = (answer[0] - start, answer[1] - start) if answer else None
            text = candidate.text[start:end]
            otherwise = -math.inf
            if is_of_another(wanted, text):
                otherwise = float(row @ vector)
                row[-1] = lowest
            found.append(Evidence(number, i, span, text, row, float(row @ vector), inside, otherwise))
    telling = [evidence for evidence in found if not evidence.text.rstrip().endswith("?")]
    return sorted(telling or found, key=lambda evidence: -evidence.score)


def worth_reading(scores: Sequence[float]) -> int:
    """How many of the passages with these scores, best first, the network is to read."""
    near = sum(score >= scores[0] - READ_WITHIN for score in scores[:READ_AT_MOST])
    return max(near, min(len(scores), READ_AT_LEAST))


# behind the head of a Markdown table, which names its columns and answers nothing
_HEAD_ENDS = re.compile(r"[ \t|]*(?:\r\n|\n|\r)(?=[^\r\n]*\|)[-:| \t]*-[-:| \t]*(?=[\r\n]|\Z)")


def features(asked: Asked, candidate: Candidate) -> NDArray[np.float64]:
    """(sentences, len(FEATURES)) of one passage; the network's column is left at 0."""
    total = sum(asked.weights.values()) or 1.0
    rarest = max(asked.weights, key=lambda stem: asked.weights[stem], default="")
    ordered = stems(asked.text)
    pairs = set(itertools.pairwise(ordered))
    context = set(stems(candidate.header)) | set(stems(candidate.text))
    in_context = sum(weight for stem, weight in asked.weights.items() if stem in context) / total
    kind = asked.kind
    rows = []
    cosines = candidate.vectors @ asked.vector  # (sentences, dim) @ (dim,) -> (sentences,)
    tokens = np.zeros(len(cosines)) if candidate.tokens is None else candidate.tokens
    for (start, end), cosine, token in zip(candidate.sentences, cosines, tokens, strict=True):
        text = candidate.text[start - candidate.start : end - candidate.start]
        own = stems(text)
        held = set(own)
        rows.append(
            (
                float(cosine),
                sum(weight for stem, weight in asked.weights.items() if stem in held) / total,
                in_context,
                float(rarest in held),
                len(pairs & set(itertools.pairwise(own))) / len(pairs) if pairs else 0.0,
                candidate.score,
                _typed(text, kind, asked.text),
                float(bool(_HANGING.match(text))),
                float(len(text.split()) < 5),
                math.log1p(len(own)),
                float(token),
                0.0,
            )
        )
    return np.array(rows, np.float64).reshape(len(rows), len(FEATURES))


_ANNOUNCED: dict[Kind, re.Pattern[str]] = {
    "reason": re.compile(
        r"\b(?:because|since|so that|in order to|therefore|thus|due to|owing to|thanks to|caused?|led to"
        r"|reasons?|motives?|aim(?:ed|s)?|purpose|sought|wanted|wished|hoped|feared|for fear|to avoid|to prevent|meant to"
        r"|argue[ds]?|stress(?:es|ed)?|point(?:s|ed)? to|explain(?:s|ed)?)\b",
        re.IGNORECASE,
    ),
    "manner": re.compile(
        r"\b(?:by \w+ing|by means of|through|with the help of|using|in stages|in steps|first|then|finally)\b",
        re.IGNORECASE,
    ),
}


def _typed(text: str, kind: Kind, question: str) -> float:
    """1 for an answer of the asked type; a half for a date without its day.

    A reason or a manner has no form of its own: the words that announce one count.
    """
    if kind in _ANNOUNCED:
        return float(bool(_ANNOUNCED[kind].search(text)))
    found = [text[start:end] for start, end in answers_of_kind(text, kind, question)]
    if kind == "date" and found and not any(re.search(r"\b\d{1,2}\b", date) for date in found):
        return 0.5
    return float(bool(found))


_HANGING = re.compile(r"[\"'“‘(]*(?:He|She|It|They|This|That|These|Those|His|Her|Its|Their|Such|Both)\b")

# The type of answer that a question asks for ------------------------------------------------

_KINDS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (
        "date",
        re.compile(
            r"\b(?:when|whens)\b(?!ever)|\b(?:what|which)(?: \w+)? (?:date|day|year|month|time)\b|\bsince when\b|\bwhat'?s the date\b"
        ),
    ),
    (
        "number",
        re.compile(
            r"\bhow (?:many|much|long|far|large|big|strong|old|high|tall|fast|often|deep|heavy|wide|thick)\b|\b(?:what|which) (?:number|percentage|proportion|share|size)\b"
        ),
    ),
    (
        "person",
        re.compile(
            r"\b(?:who|whom|whose|whos)\b|\b(?:what|which)(?: (?!(?:do|does|did|is|are|was|were|has|have|had|will|would|can|could)\b)\w+){0,2} (?:general|marshal|admiral|leader|commander|president|minister|premier|ambassador|officer|historian|emperor|person|man|woman|scholar|author|judge|king|queen|scientist|player|actor)s?\b"
        ),
    ),
    (
        "place",
        re.compile(
            r"\bwhere\b|\b(?:what|which)(?: \w+)? (?:city|town|place|island|port|country|state|river|village|province|ship|battleship|region|area|location)\b"
        ),
    ),
    (
        "reason",
        re.compile(
            r"\bwhy\b|\bhow come\b|\bwhat (?:was the )?(?:reason|cause|motive)s?\b|\bwhat for\b|\bwhat (?:made|caused|led)\b"
        ),
    ),
    ("manner", re.compile(r"\bhow\b|\bin what way\b")),
    (
        "yes_no",
        re.compile(
            r"^(?:\W*)(?:did|does|do|is|are|was|were|has|have|had|can|could|will|would|should|must|shall|may(?! \d))\b"
        ),
    ),
)


def asks(question: str) -> str:
    """The part of a question that asks: not what stands in brackets, such as an earlier question, unless nothing else
    does ("And aircraft? (How many tanks did they have)?").
    """
    own = _BRACKETS.sub(" ", question)
    return own if _ASKS.search(own) else question


_BRACKETS = re.compile(r"\([^()]*\)")
_ASKS = re.compile(rf"\b(?:wh(?:at|ich|o|om|ose|en|ere|y)s?|how)\b|{_KINDS[-1][1].pattern}", re.IGNORECASE)


def answer_kind(question: str) -> Kind:
    """What the question asks for, by its question word; "other" when none tells."""
    lower = asks(question).lower()
    hits = [(match.start(), kind) for kind, pattern in _KINDS if (match := pattern.search(lower))]
    first, kind = min(hits, default=(0, "other"), key=lambda hit: hit[0])
    clause = lower.startswith(("when", "where"), first) and _CLAUSE_BEFORE.search(lower, 0, first)
    return "other" if clause or _ASKED_BEFORE.search(lower, 0, first) else kind


# "What did Stalin say" before "how many tanks he had"
_ASKED_BEFORE = re.compile(
    r"\b(?:what|which)\b.*\b(?:do|does|did|has|have|had|will|would|can|could|should)\b"
)
# "What became of the emperor" before "when the Russians arrived"; not "What was it, and" before "when was it signed", nor
# "What is the date" before "when it ended"
_CLAUSE_BEFORE = re.compile(
    r"\b(?:what|which)\b(?:(?!(?:\band|\bor|,|\b(?:date|day|month|year|time|hour|place|spot|point)s?)\s*\Z).)*\Z"
)


# The trained network ------------------------------------------------------------------------

_WEIGHTS = "reader.safetensors"
_WEIGHTS_SHA256 = "1d441d53bdc87ddf7f5a5771e52d560000c2fc742389741647c5524ae1fa2d25"


def load_network_reader(folder: Path | None = None) -> NetworkReader | None:
    """The trained reader whose weights are in `folder`, by default the packaged ones; None without weights.

    Raises EncoderError when the packaged weights are not the ones that were trained.
    """
    packaged = folder is None
    folder = folder or Path(__file__).parent / "weights"
    path = folder / _WEIGHTS
    if not path.is_file():
        return None
    if packaged and hashlib.sha256(path.read_bytes()).hexdigest() != _WEIGHTS_SHA256:
        raise EncoderError(f"{path} is not as it was shipped; install the package again")
    return _Network(path)


class _Network:
    """`ReaderNetwork` on the CPU, in the precision of the encoder."""

    def __init__(self, weights: Path) -> None:
        import torch
        from safetensors.torch import load_file
        from transformers import AutoTokenizer

        from chatbot.cross_encoder import build_network

        folder = packaged_model()
        self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        network = build_network(folder)
        missing, unexpected = network.load_state_dict(load_file(weights), strict=False)
        lacking = [name for name in missing if not name.startswith("backbone.embeddings.")]
        if lacking or unexpected:
            raise EncoderError(
                f"{weights} does not fit the reader (missing {lacking[:2]}, unexpected {unexpected[:2]})"
            )
        precision = best_precision()
        self._network = network.to(dtype_of(precision)).eval()
        self._network.backbone = read_alone(network.backbone, precision)
        self._torch = torch
        self._lock = threading.Lock()
        self._cores = Cores("read")

    def judge(self, question: str, candidates: Sequence[Candidate]) -> list[Judgement]:
        """One judgement a candidate, in their order.

        Each core reads passages of its own: twice as fast as all cores on one batch.
        """
        parts = _shares([len(candidate.text) for candidate in candidates], self._cores.count)
        read = self._cores.map(lambda part: self._read(question, [candidates[i] for i in part]), parts)
        made = {
            i: judgement
            for part, some in zip(parts, read, strict=True)
            for i, judgement in zip(part, some, strict=True)
        }
        return [made[i] for i in range(len(candidates))]

    def _read(self, question: str, candidates: Sequence[Candidate]) -> list[Judgement]:
        from chatbot.cross_encoder import encode_pairs

        sentences = [[(a - c.start, b - c.start) for a, b in c.sentences] for c in candidates]
        with self._lock:  # the tokenizer keeps how long and how wide its texts are to be
            inputs = encode_pairs(
                self._tokenizer,
                [question] * len(candidates),
                [candidate.header for candidate in candidates],
                [candidate.text for candidate in candidates],
                sentences,
            )
        with self._torch.inference_mode():
            logits, null, spans = self._network(inputs)
        made: list[Judgement] = []
        for row, spans_of_one in enumerate(sentences):
            count = len(spans_of_one)
            values = (logits[row, :count] - null[row]).double().numpy()
            values = np.where(np.isfinite(values), values, -20.0)  # cut off: not read
            answers = tuple(_best_span(spans[row].numpy(), inputs, row, n) for n in range(count))
            made.append(Judgement(values, answers))
        return made


def _shares(lengths: Sequence[int], count: int) -> list[list[int]]:
    """Numbers of the texts in at most `count` parts of about the same length together, none of them empty."""
    parts: list[list[int]] = [[] for _ in range(min(count, len(lengths)))]
    sums = [0] * len(parts)
    for number in sorted(range(len(lengths)), key=lambda number: -lengths[number]):
        least = sums.index(min(sums))
        parts[least].append(number)
        sums[least] += lengths[number]
    return parts


def _best_span(spans: NDArray[np.float32], inputs: Inputs, row: int, sentence: int) -> Span | None:
    """The likeliest answer inside one sentence, at most twelve word pieces long."""
    places = np.flatnonzero(inputs.sentence_of[row].numpy() == sentence)
    if not len(places):
        return None
    start, end = spans[places, 0], spans[places, 1]  # (t,) each
    scores = start[:, None] + end[None, :] + _allowed(len(places))
    a, b = np.unravel_index(np.argmax(scores), scores.shape)
    return int(inputs.offsets[row, places[a], 0]), int(inputs.offsets[row, places[b], 1])


@cache
def _allowed(pieces: int) -> NDArray[np.float32]:
    """(pieces, pieces) 0 where an answer from one to another is none to twelve long, else -inf."""
    length = np.arange(pieces)[None, :] - np.arange(pieces)[:, None]
    return np.where((length >= 0) & (length < 12), np.float32(0), np.float32(-np.inf))


# Short answers ------------------------------------------------------------------------------

_WEEKDAY = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?"
_YEAR = r"(?:1\d{3}|20\d{2})"
_DATE = re.compile(
    rf"\b{_YEAR}-[01]\d-[0-3]\d\b|\b\d{{1,2}}(?:\. ?|/)\d{{1,2}}(?:\. ?|/){_YEAR}\b|\b\d{{1,2}}(?:st|nd|rd|th)?(?:\s?[-–]\s?\d{{1,2}}| (?:and|to|or) \d{{1,2}})?(?: of)? {MONTH}(?:,? {_YEAR})?\b"
    rf"|\b{MONTH} \d{{1,2}}(?:st|nd|rd|th)?(?:[-–]\d{{1,2}})?(?:, {_YEAR})?\b(?!\d)"
    rf"|\b{MONTH},? {_YEAR}\b|\b{_YEAR}(?:[-–]\d{{2,4}})?\b(?![,.]?\d)"
)
_DIGITS = r"\d+(?:[.,\u00a0\u202f]\d+)*"
_SCALE = r"(?:hundred|thousand|million|billion|trillion)s?"
_NUMBER = re.compile(
    rf"\bbetween (?:about )?{_DIGITS} and (?:about )?{_DIGITS}(?: {_SCALE})?"
    rf"|(?:US)?[$£€]?{_DIGITS}(?:(?:\s?[-–]\s?| to ){_DIGITS})?(?: and an? (?:half|quarter))?(?:\s?%| per cent| percent|(?: {_SCALE}|bn|m|k)\b)?"
    rf"|\b{NUMBER_WORDS}\b",
    re.IGNORECASE,
)
_RANK = (
    r"(?:General|Marshal|Field Marshal|Admiral|Rear Admiral|Colonel|Captain|Major|Lieutenant|Emperor|Prince|King|Queen|President|Premier"
    r"|Prime Minister|Foreign Minister|War Minister|Navy Minister|Ambassador|Foreign Commissar|Commissar|Secretary|Judge|Professor|Dr\.?|Mr\.?|Mrs\.?"
    r"|Sir|Lord|Saint|Pope|Bishop|Senator|Governor|Historian|historian|ambassador|premier|emperor|commander)"
)
_CAPITAL = f"[{''.join(letter for letter in map(chr, range(0x250)) if letter.isupper())}]"
_LETTERS = r"(?:[’'-]?[^\W\d_])+"
_PARTICLE = "(?:de|von|van|den|der|of the|al|ibn|bin|da|di|du|le|la)"
_NAME = rf"{_CAPITAL}[\w’'-]+(?: {_CAPITAL}\.){{0,2}}(?:(?: {_PARTICLE}){{0,2}} {_CAPITAL}[\w’'-]+){{0,3}}"
_PERSON = re.compile(
    rf"(?:{_RANK}(?: {_RANK})* )(?P<ranked>{_NAME})"
    rf"|(?P<plain>\b{_CAPITAL}{_LETTERS}(?: {_CAPITAL}\.)*(?:(?: {_PARTICLE}){{0,2}} {_CAPITAL}{_LETTERS}){{1,3}})"
)
_PLACE = re.compile(
    rf"\b(?:in|at|near|on|to|from|off|of|into|outside|aboard) (?:the )?(?P<place>{_NAME}(?: (?:am|upon|an der|sur) {_CAPITAL}[\w’'-]+)?)"
)
_SHIP_WORD = r"(?:(?:battle|war|flag|steam|air)?ship|cruiser|destroyer|carrier|submarine|frigate|vessel|steamer|ferry|boat)s?"
_SHIP = re.compile(rf"\b(?:(?:USS|HMS|HMAS|SS|MV|RMS) |{_SHIP_WORD} (?!USS|HM|SS|MV|RMS))(?P<ship>{_NAME})")
_ASKS_SHIP = re.compile(rf"\b(?:what|which)(?: \w+)? {_SHIP_WORD}\b", re.IGNORECASE)
_NOT_PERSON = re.compile(
    r"\b(?:Army|Armies|Front|Division|Corps|Fleet|Union|Treaty|Pact|Sea|Island|Islands|War|Conference|Declaration|Agreement|Council|Bay|River|States"
    r"|Kingdom|Republic|Party|Navy|Force|Air|Government|Company|University|Railway|Ocean|Range|Mountains?|City|Street|Museum|Cup|Bowl|League|East|West|North|South"
    r"|Pacific|Asia|Europe|America|Japan|China|Manchuria|Korea|Moscow|Tokyo|Red|Survey|Court|Trial|Act|Order|Joint|Operation|Project|Unit|Staff|Headquarters"
    rf"|{MONTH})\b"
)
_LEADING = re.compile(
    r"^(?:The|A|An|In|On|At|By|From|When|After|Before|As|But|And|For|With|While|Both|General|Marshal)\s+"
)


def answers_of_kind(text: str, kind: Kind, question: str) -> list[Span]:
    """Spans of `text` that could be the short answer, those with words of the question left out."""
    known = {fold(word) for word in re.findall(r"\w+", question)}
    asked = asks(question)
    if kind == "date" and _ASKS_CLOCK.search(asked):
        spans = clock_times(text)
    elif kind == "date":
        spans = [match.span() for match in _DATE.finditer(text)]
    elif kind == "number":
        dates = [*(match.span() for match in _DATE.finditer(text)), *clock_times(text)]
        spans = [
            match.span()
            for match in _NUMBER.finditer(text)
            if not any(a < match.end() and match.start() < b for a, b in dates)
            and _free(text, match.span())
            and _in_asked_unit(text, match.span(), asked)
        ]
    elif kind == "person":
        spans = [span for match in _PERSON.finditer(text) if (span := _person_span(text, match))]
    elif kind == "place" and _ASKS_SHIP.search(asked):
        spans = [match.span("ship") for match in _SHIP.finditer(text)]
    elif kind == "place":
        spans = [
            match.span("place")
            for match in _PLACE.finditer(text)
            if not re.match(rf"(?:{MONTH}|{_WEEKDAY})\b", match["place"])
        ]
    else:
        return []
    return [span for span in spans if not _all_known(text[span[0] : span[1]], known)]


def _free(text: str, span: Span) -> bool:
    """Whether a number stands alone: no ordinal, no part of a name such as "88th" or "No. 1", not "three quarters"."""
    before, after = text[max(0, span[0] - 4) : span[0]], text[span[1] : span[1] + 9]
    return not (
        re.match(r"(?:st|nd|rd|th)\b|\w|[ -]quarters\b", after)
        or re.search(r"(?:No\. ?|[A-Za-z]-?)$", before.rstrip(" ") if before.endswith(". ") else before)
    )


def _in_asked_unit(text: str, span: Span, question: str) -> bool:
    """Whether a number may say how many of the things asked for: no price, minutes or degrees for people."""
    thing = _HOW_MANY.search(question)
    if not thing:
        unit = unit_of(text[span[1] :])[0]
        is_money = _MONEY.match(text, *span) or unit in CURRENCIES
        is_time = unit in TIMES and _OF_SPACE.search(question)
        return not (is_time or (_SIZED.search(question) and is_money))
    if _MONEY.match(text, *span):
        return unit_of(thing[1])[0] in CURRENCIES
    sign = _SIGN.match(text, span[1])
    if sign:
        return thing[1][0].lower() == ("d" if sign[1] == "°" else sign[1][0].lower())
    unit = "percent" if _PERCENT.search(text, *span) else unit_of(text[span[1] :])[0]
    return unit in {"", unit_of(thing[1])[0]}


_ASKS_CLOCK = re.compile(r"\b(?:what|which) (?:exact |local )?(?:time|hour)\b(?! of)", re.IGNORECASE)
_HOW_MANY = re.compile(r"\bhow many (?:more |other |of the )?(\w+)", re.IGNORECASE)
_MONEY = re.compile(r"(?:US)?[$£€]")
_PERCENT = re.compile(r"(?:%|per ?cent)\Z")
_SIGN = re.compile(r"\s?(°|(?:[kmc]?[gml]|[kMGT]B)(?!\w))")


def _person_span(text: str, match: re.Match[str]) -> Span | None:
    group = "ranked" if match["ranked"] else "plain"
    start, end = match.span(group)
    if lead := _LEADING.match(text[start:end]):
        start += lead.end()
    name = text[start:end]
    if _NOT_PERSON.search(name) or name.lower() in STOP_WORDS or (group == "plain" and " " not in name):
        return None
    return start, end


def _all_known(span_text: str, known: set[str]) -> bool:
    words = [fold(word) for word in re.findall(r"\w+", span_text)]
    return all(word in known for word in words)


def short_answer(asked: Asked, evidence: Evidence) -> str:
    """The one date, number, person or place of the asked type, or "" when there is none or a rival.

    Nor is one of several places or persons that the sentence names in a row. A length, an age, a price or how often
    has its unit. Of a table's row it is the cell, or in the cell, whose column the question names.
    """
    cell = _asked_cell(asked, evidence.text)
    if cell and asked.kind == "other":
        return evidence.text[slice(*cell)]
    span = _short_span(asked, evidence, cell)
    if span is None or (asked.kind in {"place", "person"} and _in_a_row(evidence.text, span, asked.kind)):
        return ""
    start, end = span
    question = asks(asked.text)
    if _SIZED.search(question) or _MUCH.search(question):
        end = measure_end(evidence.text, span)
    return evidence.text[start:end]


def _asked_cell(asked: Asked, row: str) -> Span | None:
    """The one cell that the question does not hold itself and whose column it names: "2022" of "Discontinued: 2022"."""
    cells = [
        (start, end)
        for name, (start, end) in named_cells(row)
        if not asked.weights.keys().isdisjoint(stems(name)) and end - start <= LONGEST_CELL
        if len(name) <= LONGEST_CELL and name.count("(") == name.count(")")  # not in brackets of a sentence
        if not set(stems(row[start:end])) <= asked.weights.keys()
    ]
    return cells[0] if len(cells) == 1 else None


def _in_a_row(text: str, span: Span, kind: Kind) -> bool:
    """Whether another name is joined to the one at this place, as in "Pyongyang and Hamhung"."""
    if _JOINED_AFTER.match(text, span[1]) or _JOINED_BEFORE.search(text[: span[0]]):
        return True
    following = _LISTED.match(text, span[1]) if kind == "person" else None
    other = _PERSON.match(text, following.end()) if following else None
    return bool(other and other["plain"] and _person_span(text, other))


_JOINED_AFTER = re.compile(r"(?:,? (?:and|or)|, as well as) (?:(?:at|in|on|near|to|from) )?(?:the )?[A-Z]")
_JOINED_BEFORE = re.compile(r"[A-Z][\w’'-]+,? (?:and|or) (?:(?:at|in|on|near|to|from) )?(?:the )?$")
_LISTED = re.compile(r"(?: \([^()]*\))?, ")
_SIZED = re.compile(
    r"\bhow (?:long|far|old|tall|high|deep|wide|thick|fast|heavy|big|large|often)\b", re.IGNORECASE
)
_OF_SPACE = re.compile(r"\bhow (?:far|tall|high|deep|wide|thick|fast|heavy|big|large)\b", re.IGNORECASE)
_MUCH = re.compile(r"\bhow much\b", re.IGNORECASE)


def _short_span(asked: Asked, evidence: Evidence, cell: Span | None = None) -> Span | None:
    """One in the cell, if any, else one that the network's choice touches, where it has read; of several the one that
    stands clearly nearer to the question's words than the others.
    """
    sentence = evidence.text
    spans = answers_of_kind(sentence, asked.kind, asked.text)
    within = [span for span in spans if cell and cell[0] <= span[0] and span[1] <= cell[1]]
    particle = PARTICLE.search(asked.text)
    if particle and re.search(rf"\b{particle[1]}\b", sentence):  # not "turned on on 15 April"
        spans = [
            span for span in spans if re.search(rf"\b{particle[1]}\b[^.;]{{0,20}}$", sentence[: span[0]])
        ]
    elif within:
        spans = within
    elif evidence.answer:
        start, end = evidence.answer
        spans = [span for span in spans if span[0] < end and start < span[1]]
    if _SIZED.search(asks(asked.text)):  # "6 minutes 40 seconds" is one length
        ends = [(a, measure_end(sentence, (a, b))) for a, b in spans]
        spans = [span for span in spans if not any(a < span[0] < end for a, end in ends)]
    unique: dict[str, Span] = {}
    for start, end in spans:
        unique.setdefault(sentence[start:end].casefold(), (start, end))
    if len(unique) < 2:
        return next(iter(unique.values()), None)
    places = [(term.start, term.end) for term in terms(sentence) if term.stem in asked.weights]
    if not places:
        return None
    ranked = sorted((_distance(span, places), span) for span in unique.values())
    (first, span), (second, _) = ranked[0], ranked[1]
    return span if first * 2 < second else None


PARTICLE = re.compile(r"\b(off|down|out)\W*$")  # "When is the water turned off?"


def _distance(span: Span, words: Sequence[Span]) -> float:
    """Mean gap in characters from a span to the question's words in the same sentence."""
    return sum(max(start - span[1], span[0] - end, 0) for start, end in words) / len(words)
