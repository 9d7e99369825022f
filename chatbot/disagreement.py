"""Sentences that answer one question to the different values they give for it.

Each sentence yields claims: a date, time, number or name with what is said of it (what happened or what is
counted, whose it is, where, under which reserve) and who says so. Claims that do not match the question, and
pairs that may speak of different things, are dropped; what is left and does not fit together is a
disagreement. Silence is the rule: a disagreement wrongly reported costs more than one missed.
"""

from __future__ import annotations

import calendar
import itertools
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache

from chatbot.corpus import Span
from chatbot.reader import Kind, answers_of_kind
from chatbot.terms import stem_words, stems, terms

MOST_STATEMENTS = 12  # the best; further ones answer too loosely to be compared


@dataclass(frozen=True)
class Statement:
    """A sentence that answers the question; `score` is the reader's, higher is better."""

    text: str
    doc_id: str
    title: str
    section: str = ""
    score: float = 0.0


@dataclass(frozen=True)
class Position:
    """A value as first written, the same in a common form, and the indices of the statements that give it.

    `said_by` is in the sentence's words ("according to Glantz", "Soviet claims"), "" where it names nobody.
    """

    value: str
    normal: str
    statements: tuple[int, ...]
    said_by: str


@dataclass(frozen=True)
class _Value:
    """Characters of the sentence, and what they allow in days, minutes or units of `unit`.

    `low` to `high` is what is stated; `least` to `most` is what a rounded or hedged value is compatible with.
    """

    start: int
    end: int
    low: float
    high: float
    least: float
    most: float
    unit: str
    normal: str
    written: str
    alternative: bool = False  # one of several joined by "or"
    zone: str = ""  # whose clock a time is by


@dataclass(frozen=True)
class _Claim:
    """A value with what is said of it. The sets hold stems, or names of classes of words."""

    item: int
    value: _Value
    said_by: str
    events: frozenset[str]
    party: str
    places: frozenset[str]
    marks: frozenset[str]
    years: frozenset[int]
    things: frozenset[str]  # the noun phrase behind a number
    frame: frozenset[str]  # the words around
    left: int = 0


def positions(question: str, kind: Kind, items: Sequence[Statement]) -> list[Position]:
    """The values that the statements, best first, give for the same thing; [] unless two of them differ."""
    asked = _Question.of(question, kind)
    if asked is None:
        return []
    items = items[:MOST_STATEMENTS]
    year = _usual_year([question, *(item.text for item in items)])
    claims = [claim for n, item in enumerate(items) for claim in asked.claims(n, item, year)]
    beside = list(_side_by_side(asked, items, year))
    disputed = {
        n
        for (i, a), (j, b) in itertools.combinations(enumerate(claims), 2)
        if not _compatible(a, b)
        and _comparable(asked, a, b, items)
        and (a.item == b.item or not any(_fits(a, x) and _fits(b, y) for x, y in beside))
        for n in (i, j)
    }
    if disputed:
        return _grouped([claims[n] for n in sorted(disputed)], claims)
    twins = list(dict.fromkeys(itertools.chain.from_iterable(_twins(asked, items, year))))
    return _grouped(twins, twins)


def _twins(asked: _Question, items: Sequence[Statement], year: int) -> Iterator[tuple[_Claim, _Claim]]:
    """Claims of two sentences that say the same in the same words but for one value, however the question is put."""
    if asked.measure == "name":
        return
    told = []
    for n, item in enumerate(items):
        values = _values(item.text, asked.measure, year)
        told.append((_frame(item.text, values), list(_claims(asked, n, item.text, values))))
    for (i, (frame, claims)), (j, (other, others)) in itertools.combinations(enumerate(told), 2):
        if len(claims) != len(others) or len(frame & other) < 3 or items[i].doc_id == items[j].doc_id:
            continue
        alike = {stem for stem in frame ^ other if stem.isdigit()} == set() and len(
            frame & other
        ) >= 0.8 * len(frame | other)
        apart = [(a, b) for a, b in zip(claims, others, strict=True) if not _compatible(a, b)]
        if alike and len(apart) == 1 and all(a.marks == b.marks and a.events == b.events for a, b in apart):
            yield apart[0]


def _frame(text: str, values: Sequence[_Value]) -> frozenset[str]:
    """Stems of a sentence without its values."""
    kept = list(text)
    for value in values:
        kept[value.start : value.end] = " " * (value.end - value.start)
    return frozenset(map(_canonical, stems("".join(kept))))


def _side_by_side(asked: _Question, items: Sequence[Statement], year: int) -> Iterator[tuple[_Value, _Value]]:
    """Pairs of values that one sentence gives as both right, hence of different things."""
    if asked.measure == "name":
        return
    for item in items:
        values = _values(item.text, asked.measure, year)
        said = [_said_by(item.text, (0, v.start), (v.end, len(item.text))) for v in values]
        for (x, by_x), (y, by_y) in itertools.permutations(zip(values, said, strict=True), 2):
            listed = x.start == y.start and not x.alternative  # "6 and 9 August"
            if listed or not (by_x or by_y or x.alternative or y.alternative or _TURN.search(item.text)):
                yield x, y


def _fits(claim: _Claim, value: _Value) -> bool:
    return claim.value.normal == value.normal and claim.value.zone == value.zone


def _grouped(disputed: Sequence[_Claim], claims: Sequence[_Claim]) -> list[Position]:
    """The disputed claims, equal ones together, in the order of the statements; vague ones with the one they fit."""
    groups: list[list[_Claim]] = []
    for claim in sorted(disputed, key=lambda c: c.value.most - c.value.least):
        fitting = [group for group in groups if _compatible(group[0], claim)]
        if not fitting:
            groups.append([claim])
        elif len(fitting) == 1 or any(group[0].value.normal == claim.value.normal for group in fitting):
            fitting[0].append(claim)
    if len(groups) < 2:
        return []
    order = {id(claim): n for n, claim in enumerate(claims)}
    groups.sort(key=lambda group: min(order[id(claim)] for claim in group))
    return [_position(group) for group in groups]


def _position(group: Sequence[_Claim]) -> Position:
    best = group[0]
    said_by = next((c.said_by for c in group if c.said_by and not _LOOSELY.fullmatch(c.said_by)), "")
    items = tuple(sorted({claim.item for claim in group}))
    return Position(best.value.written, best.value.normal, items, said_by)


# Do two claims differ, and on the same thing? ------------------------------------------------


def _compatible(a: _Claim, b: _Claim) -> bool:
    """Whether both can be right: one holds the other, or clocks of two zones explain the difference."""
    if a.value.unit == "name":
        return _same_name(a.value.normal, b.value.normal)
    x, y = a.value, b.value
    if (
        x.normal == y.normal
        or (x.low <= y.most and y.least <= x.high)
        or (y.low <= x.most and x.least <= y.high)
    ):
        return True
    if x.unit == "time":
        return x.zone != y.zone and (bool(x.zone and y.zone) or (x.low - y.low) % 60 == 0)
    if x.unit == "date":
        return len({claim.value.zone for claim in (a, b)} - {""}) > 1 and abs(x.low - y.low) <= 1
    if x.unit == "percent" and abs(x.low - y.low) <= 0.5 and (x.low % 1 == 0 or y.low % 1 == 0):
        return True
    return min(x.high, y.high) > 10_000 and abs(x.high - y.high) < 0.001 * x.high


def _same_name(a: str, b: str) -> bool:
    """Whether one name is a shorter form of the other, or both end in the same word."""
    one, other = (re.findall(r"[\w’'-]+", name.casefold()) for name in (a, b))
    return set(one) <= set(other) or set(other) <= set(one) or one[-1] == other[-1]


def _comparable(asked: _Question, a: _Claim, b: _Claim, items: Sequence[Statement]) -> bool:
    """Whether two claims surely speak of the same thing."""
    if a.value.unit != b.value.unit or (a.party and b.party and a.party != b.party):
        return False
    if a.item == b.item:
        return _contrasted(a, b, items[a.item].text)
    if items[a.item].text == items[b.item].text:
        return False
    if a.marks != b.marks or (a.years and b.years and not a.years & b.years):
        return False
    if asked.measure == "number" and _told_apart(asked, a, b, items):
        return False
    if (years := a.years ^ b.years) and not (a.years and b.years) and not years & asked.years:
        usual = Counter(year for item in items for year in _years(f"{item.text} {item.title}"))
        if max(usual[year] for year in years) < 2:
            return False
    if asked.measure == "number" and not (a.said_by and b.said_by and a.said_by != b.said_by):
        return a.places == b.places
    if a.places and b.places and not a.places & b.places:
        return False
    if asked.measure == "name":
        return not (a.frame ^ b.frame) - asked.names - asked.words - _TITLES
    return True


def _told_apart(asked: _Question, a: _Claim, b: _Claim, items: Sequence[Statement]) -> bool:
    """Whether two sentences hold different words of the question ("the royal army", "the rebel army")."""
    told = asked.words - asked.counted - _EVENT_STEMS
    ours, theirs = told & a.frame, told & b.frame
    if ours and theirs and ours != theirs and (len(told) > 1 or not (a.said_by or b.said_by)):
        return True
    if a.said_by or b.said_by:
        return False
    first, second = (_subject(asked, items[claim.item].text) for claim in (a, b))
    return (bool(ours) != bool(theirs) and len(told) == 1) or (
        None not in (first, second) and first != second
    )


def _subject(asked: _Question, text: str) -> frozenset[str] | None:
    """Which of the question's words begin a sentence ("The royal army …"); None when it begins otherwise."""
    match = re.match(r"(?:The|A|An|Its|Their) ([a-z][\w-]+ [a-z][\w-]+) ", text)
    return frozenset(stems(match[1])) & frozenset(stems(asked.text)) if match else None


_TURN = re.compile(
    r"\b(?:while|whereas|although|though|but|or|another|others?|older|newer|some|earlier|formerly|compared|instead|however|than|not)\b",
    re.IGNORECASE,
)


def _contrasted(a: _Claim, b: _Claim, text: str) -> bool:
    """Whether one sentence sets two values against each other as different people's."""
    if a.value.alternative and b.value.alternative and a.said_by and a.said_by == b.said_by:
        return True
    if a.said_by and b.said_by and a.said_by != b.said_by:
        return True
    between = text[min(a.value.end, b.value.end) : max(a.value.start, b.value.start)]
    return bool((a.said_by or b.said_by) and _TURN.search(between))


# What the question asks for ------------------------------------------------------------------

_NUMERIC = re.compile(
    r"\bhow (?:many|much|long|far|large|big|strong|old|high|tall|fast|often|deep|heavy|wide|great)\b"
    r"|\b(?:figures?|estimates?|numbers?|counts?|casualt(?:y|ies)|losses|strength|size|total|percentage|share"
    r"|proportion|cost|population|toll|length|height|weight|distance|price|budget|revenue)\b",
    re.IGNORECASE,
)
_CLOCK = re.compile(r"\b(?:what|which) (?:time|hour)\b|\bclock\b|\bhow (?:early|late)\b", re.IGNORECASE)
_SEVERAL = re.compile(
    r"\b(?:who|where) (?:were|are|all)\b|\bwho (?:signed|attended|fought|took part|met|said|says|thinks?|thought|argues?|opposed)\b"
    r"|\b(?:which|what)(?: \w+){0,2} (?:\w+men|(?!was|is|has|does)\w+[^s\W]s) (?:were|are|did|have|do|took|fought|signed)\b"
    r"|\bwho (?:was|is) (?:[A-Z]\w+ ?){1,3}\?",
    re.IGNORECASE,
)
_GENERIC = frozenset(
    stems(
        "many much number figure figures estimate estimates count counts source sources according different differ various"
        " given give gives say says said date day year month time hour exact exactly actually finally take took taken place"
        " happen happened figures historians accounts put total size people person men soldiers troops make made high large"
        " strong long far wide ppl lot come came get got high toll percentage proportion share per cent form state stood number"
    )
)


@dataclass(frozen=True)
class _Question:
    text: str
    kind: Kind
    measure: str  # date, time, number or name
    unit: str  # that a number must have, "" for things that are counted
    names: frozenset[str]
    words: frozenset[str]
    counted: frozenset[str]
    events: frozenset[str]
    party: str
    marks: frozenset[str]
    years: frozenset[int]

    @classmethod
    def of(cls, text: str, kind: Kind) -> _Question | None:
        """None for a question whose answers have no values that can be compared."""
        measure = _measure(text, kind)
        if not measure:
            return None
        text = _plain(text)
        names = frozenset(_canonical(stem) for stem in _name_stems(text))
        counted = _counted(text) if measure == "number" else ""
        words = frozenset(map(_canonical, stems(text))) - names - _GENERIC - _MONTH_STEMS
        return cls(
            text,
            kind,
            measure,
            _asked_unit(text, counted) if measure == "number" else "",
            frozenset(name for name in names if not name.isdigit()) - _MONTH_STEMS,
            frozenset(word for word in words if not word.isdigit()),
            frozenset(map(_canonical, stems(counted))),
            _events(text),
            _asked_party(text, counted),
            _marks(text),
            _years(text),
        )

    def claims(self, item: int, statement: Statement, year: int) -> list[_Claim]:
        """The claims of a statement that speak of what is asked."""
        text = statement.text
        if not self._covered(statement):
            return []
        if self.measure == "name":
            return self._name_claims(item, text)
        values = _values(text, self.measure, year)
        claims = _claims(self, item, text, values)
        return [claim for claim in claims if self._asks(claim)]

    def _covered(self, statement: Statement) -> bool:
        """Whether the statement has the names of the question, what happened, and half of its other words."""
        held = {_canonical(stem) for stem in stems(_plain(statement.text))}
        around = held | {_canonical(stem) for stem in stems(_plain(f"{statement.title} {statement.section}"))}
        around |= {_CAPITALS[stem] for stem in around & _CAPITALS.keys()}
        parties = self.names & _PARTY_STEMS
        if (self.names - parties) - around or (parties - around and (held & _PARTY_STEMS) - parties):
            return False
        if self.party and self.party not in around:
            return False
        told = _events(statement.text)
        needed = self.events - _FATES - {"fight", "begin", "hold"}
        if needed - told - _events(f"the {statement.title} {statement.section}".lower()) or (
            self.events - {"fight", "hold"} and not self.events & told
        ):
            return False
        words = {word for word in self.words if word not in _EVENT_STEMS}
        found = sum(word in around for word in words)
        least = 0.75 if self.measure == "name" else 0.5
        return found >= least * len(words) or (found == 0 and len(words) == 1 and self.measure != "name")

    def _asks(self, claim: _Claim) -> bool:
        """Whether the claim is about what happened or is counted in the question."""
        if claim.marks - self.marks or (self.party and claim.party and claim.party != self.party):
            return False
        if self.years and claim.years and not self.years & claim.years:
            return False
        if self.measure != "number":
            return self._happened(claim)
        if _fate(self.events) != claim.events & _FATES:
            return False
        if self.party and not claim.party and (said := _nearest_party(claim.said_by)) and said != self.party:
            return False
        if claim.value.unit or self.unit:
            return claim.value.unit == self.unit or (
                self.unit == "any" and claim.value.unit in {"hour", "day", "month", "km"}
            )
        return self._counts(claim)

    def _happened(self, claim: _Claim) -> bool:
        """Whether the date or time is that of the event asked for."""
        wanted = self.events | ({"open"} if "begin" in self.events else set())
        if wanted - {"hold", "fight"}:
            return bool(wanted & claim.events)
        if claim.events - {"hold", "fight"}:
            return False
        words = {word for word in self.words if word not in _EVENT_STEMS}
        return len(words & claim.frame) >= 0.6 * len(words)

    def _counts(self, claim: _Claim) -> bool:
        """Whether the things that are counted are those of the question."""
        things = claim.things - _EVENT_STEMS
        people = _ANYONE | _PARTY_STEMS | _SOLDIERS
        civil = (claim.frame | things) & _CIVILIANS
        if (self.counted & _SOLDIERS and civil) or (self.counted & _CIVILIANS and things & _SOLDIERS):
            return False
        if self.counted & things or (self.counted & _SOLDIERS and things & _SOLDIERS):
            return True
        if _fate(self.events):
            particular = self.counted - people - _ROLES - _CIVILIANS - _EVENT_STEMS
            if not things and particular:
                return bool(claim.frame & particular)
            return not things or bool(things & (people | _ROLES | _CIVILIANS | _FATE_STEMS))
        if not self.counted:
            particular = self.counted - people - _ROLES - _CIVILIANS - _EVENT_STEMS
            if not things and particular:
                return bool(claim.frame & particular)
            return not things or bool(things & (people | _ROLES | self.words))
        anyone = self.counted <= people
        if things:
            return (bool(things & people) and (anyone or self.counted <= people | _ROLES)) or (
                anyone and bool(things & _ROLES)
            )
        known = people | _FORCES if anyone else self.counted - people
        return bool(claim.frame & known)

    def _name_claims(self, item: int, text: str) -> list[_Claim]:
        """The one name of a sentence; [] when it has several, for they may all be right."""
        masked = _masked(text)
        found = {masked[a:b]: (a, b) for a, b in answers_of_kind(masked, self.kind, self.text)}
        if len(found) != 1 or _SEVERAL.search(self.text):
            return []
        ((name, (start, end)),) = found.items()
        value = _Value(start, end, 0, 0, 0, 0, "name", name, name)
        rest = re.split(r", |\b(?:which|who|whose)\b", masked[end:])[0]
        frame = frozenset(map(_canonical, stems(f"{masked[:start]} {rest}"))) - _MONTH_STEMS
        frame = frozenset(stem for stem in frame if not stem.isdigit())
        said_by = _said_by(text, (0, start), (end, len(text)))
        marks = _marks(masked)
        if marks - self.marks or re.search(
            r"\b(?:until|since|former|succeeded|replaced|then|later|from \w+ \d{4})\b", masked, re.IGNORECASE
        ):
            return []
        return [
            _Claim(
                item,
                value,
                said_by,
                _events(masked),
                "",
                frozenset(),
                marks,
                _years(masked),
                frozenset(),
                frame,
            )
        ]


def _measure(question: str, kind: Kind) -> str:
    if _CLOCK.search(question):
        return "time"
    if re.match(
        r"\W*(?:what|which)(?: \w+){0,2} (?:figures?|totals?|numbers?|estimates?|counts?)\b",
        question,
        re.IGNORECASE,
    ):
        return "number"
    if kind == "date" and re.match(
        r"\W*(?:what|which|who|why|how)\b(?!(?: \w+){0,3} (?:day|date|year|month|time)\b)", question, re.I
    ):
        return ""
    if kind == "date" and re.match(
        r"\W*(?:what|which|who|why|how)\b(?!(?: \w+){0,3} (?:days?|dates?|years?|months?|time)\b)",
        question,
        re.IGNORECASE,
    ):
        return ""  # "What did he say when …"
    if kind == "date" or re.search(
        r"\b(?:dates|(?:what|which)(?: \w+){0,3} (?:day|date|year|month))\b", question, re.I
    ):
        return "date"
    if kind == "number" or (kind in {"other", "manner"} and _NUMERIC.search(question)):
        return "number"
    return "name" if kind in {"person", "place"} else ""


def _counted(question: str) -> str:
    """The words that say what is counted: "Japanese soldiers" of "How many Japanese soldiers died?"."""
    match = re.search(
        r"\bhow (?:many|much) (?:of the )?(?P<thing>(?:(?!did|do|does|were|was|are|is|had|have|has|would|will|could|can|died|fought|took|to"
        r"|in|on|of|at|by|for|from|with|who|that|got|lost|fell)[\w'-]+ ?)*)",
        question,
        re.IGNORECASE,
    )
    words = match["thing"].split() if match else []
    verb = next(
        (
            n
            for n, word in enumerate(words)
            if n
            and (
                word in _DEEDS or re.search(r"ed$|^(?:live|laid|went|came|stood|join|attend|emigrate)$", word)
            )
        ),
        len(words),
    )
    return " ".join(words[:verb])


def _asked_unit(question: str, counted: str) -> str:
    if match := _UNIT.match(f" {counted}"):
        return _unit_of(match[0].strip())[0]
    for pattern, unit in _UNIT_ASKED:
        if re.search(pattern, question, re.IGNORECASE):
            return unit
    return ""


_UNIT_ASKED = (
    (r"\bhow far\b|\bhow (?:tall|deep|wide)\b|\b(?:distance|height)\b", "km"),
    (r"\bhow long (?:is|are|was|were)\b", "any"),
    (r"\bhow long (?:did|does|do|was it|will|would|before|after|after|had|have|has)\b|\bhow old\b", "any"),
    (
        r"\bhow (?:high|wide|deep|tall) (?:is|are|was|were)\b(?!.*\b(?:loss|casualt|dea|toll|number))|\blength\b",
        "km",
    ),
    (r"\bhow much (?:\w+ )?(?:compensation|damages|aid|rent|profit|tax|debt|money)\b", "money"),
    (r"\bpercent|\bproportion\b|\bwhat share\b", "percent"),
    (
        r"\bhow much (?:money|did|does|was|is)\b|\bcosts?\b(?=.*(?:build|project|money))|\bprice\b|\bbudget\b|\brevenue\b",
        "money",
    ),
)


def _asked_party(question: str, counted: str) -> str:
    for text in (
        counted,
        *re.findall(
            r"([A-Z]\w+)(?: \w+)? (?:losses|casualties|dead|deaths|killed|wounded|strength|prisoners|army|forces|soldiers|troops)",
            question,
        ),
    ):
        if found := _PARTY.search(text):
            return _party_of(found[0])
    match = re.search(
        r"\bdid (?:the )?(?P<party>[A-Z]\w+)(?: Union| States)?(?: army)? (?:lose|use|have|suffer|deploy|send|employ|field|put)\b",
        question,
    )
    return _party_of(match["party"]) if match else ""


# What a sentence claims ----------------------------------------------------------------------


def _claims(asked: _Question, item: int, text: str, values: Sequence[_Value]) -> Iterator[_Claim]:
    """One claim a value. What a later value does not say of itself it has from the one before."""
    masked = _masked(text)
    before: _Claim | None = None
    for n, value in enumerate(values):
        left = values[n - 1].end if n else 0
        right = values[n + 1].start if n + 1 < len(values) else len(text)
        if n and left > value.start:  # alternatives share their characters
            left = before.left if before else 0
        if n + 1 < len(values) and right < value.end:
            right = values[n + 2].start if n + 2 < len(values) else len(text)
        claim = _claim(asked, item, text, masked, value, (left, right))
        before = _inherit(claim, before, text) if before else claim
        yield before


def _claim(asked: _Question, item: int, text: str, masked: str, value: _Value, window: Span) -> _Claim:
    number = asked.measure == "number"
    behind, ahead = _clause(masked, value, window, number)
    noun = _noun_phrase(ahead) if number and not value.unit else ""
    around = f"{behind} {ahead}"
    marks = _marks(around) | _reserves(masked, value, behind, ahead, asked)
    party = ""
    if number:
        events = _fates(noun, ahead, behind)
        party = _nearest_party(noun) or ("" if "capture" in events else _nearest_party(behind))
    else:
        events = _nearest_event(*_unless_alternative(behind, ahead, window, value, text), asked.events)
        marks |= _of_others(masked[window[0] : value.start], asked)
    return _Claim(
        item,
        replace(value, zone=_zone(around)) if value.unit == "date" else value,
        _said_by(text, (window[0], value.start), (value.end, window[1])),
        events,
        party,
        _places(around) - asked.names,
        marks,
        _years(around) if number else frozenset(),
        _head(noun),
        frozenset(map(_canonical, stems(behind if number else around))),
        window[0],
    )


def _clause(masked: str, value: _Value, window: Span, number: bool) -> tuple[str, str]:
    """What stands before and behind a value in its own clause."""
    ahead = masked[value.end : window[1]]
    if stop := (_BREAK_BEFORE_WHEN if number else _BREAK).search(ahead):
        ahead = ahead[: stop.start()]
    behind = masked[window[0] : value.start]
    stops = list(_BREAK_BEFORE_WHEN.finditer(behind))
    if stops and _says_something(last := behind[stops[-1].end() :]):
        behind = last
    if means := re.search(r"\b(?:with|by) the (?:\w+ ){1,3}on $", behind):  # "ended with the signing on"
        behind = behind[: means.start()]
    return behind, ahead


def _unless_alternative(behind: str, ahead: str, window: Span, value: _Value, text: str) -> tuple[str, str]:
    """The clause, emptied where the event is the one before: "on 25 April 1946 …, or on 13 April 1946 if …"."""
    if not window[0]:
        return behind, ahead
    if re.search(r"\bor (?:on |in |at |about )?$", behind):
        return "", ""
    if not stems(behind) and _TURN.search(text[window[0] : value.start]):
        return behind, re.sub(r"^[^,;.]*", "", ahead)
    return behind, ahead


def _of_others(before: str, asked: _Question) -> frozenset[str]:
    """The mark of a clause whose subject is another country or other names than the question's."""
    subject = re.split(r"[;:]|,? (?:and|while|whereas|but|although|when|before|after) ", before)[-1]
    party = next((_party_of(name) for name in _PARTY.findall(subject)), "")
    foreign = party and asked.names & _PARTY_STEMS and party not in asked.names
    return frozenset({"other"}) if foreign or _others(subject, asked) else frozenset()


def _reserves(masked: str, value: _Value, behind: str, ahead: str, asked: _Question) -> frozenset[str]:
    """Marks of a value that is only another's neighbour, is denied, or belongs to something else."""
    before, after = masked[: value.start], masked[value.end :]
    found = {"other"} if _of_another_thing(behind, ahead, asked) else set()
    if asked.measure == "number":
        part = re.match(r" (?:\w+ ){1,2}of (?:the )?((?:[A-Z]|\d+(?:st|nd|rd|th)).*)", ahead)
        if part and not frozenset(map(_canonical, stems(part[1]))) & (asked.names - _PARTY_STEMS):
            found.add("other")
        size = re.match(r" ?\w+ (long|wide|deep|high|tall|thick)\b", ahead)
        if value.unit == "km" and size and "how" in asked.text.lower() and size[1] not in asked.text:
            found.add("relative")
        apart = re.match(r"\W*\w+ (?:after|before|later|earlier|ago|from)\b", after)
        if value.unit in {"hour", "day", "month"} and apart:
            found.add("relative")
        return frozenset(found)
    near = re.search(r"\b(?:after|before|since|following|from)\b[^,;]*$", before)
    begun = re.search(r"\b(?:ran|lasted|met|fought|held|from) from\b|\bfrom $", before)
    named = re.search(r"\b[A-Z][\w-]+ of (?:the )?$", before)  # "the Pact of 1941"
    if named or (near and not begun):
        found.add("relative")
    if re.search(r"\b(?:not|never|refused|declined|instead of|without)\b|n[’']t\b", behind):
        found.add("denied")
    return frozenset(found)


def _of_another_thing(clause: str, ahead: str, asked: _Question) -> bool:
    """Whether the clause is about a part or a belonging ("The hut on …", "…'s sister") that the question does not name."""
    places = "on|of|in|at|near|from|around|above|below|beside|after"
    own = frozenset(map(_canonical, stems(asked.text)))
    known = own | _GENERIC | _EVENT_STEMS | _FORCES | _SOLDIERS | _CIVILIANS | _ANYONE
    found = (
        (re.search(r"\bfor (?:the )?([a-z]\w+)\b", f"{clause} {ahead}"), own),
        (re.search(r"\b[A-Z]\w+[’']s ([a-z]\w+)\b", clause), known),
        (re.match(rf"\W*(?:The|A|An|Its|Their) ([a-z]\w+(?: [a-z]\w+)?) (?:{places}) ", clause), known),
    )
    return any(
        match and (named := frozenset(map(_canonical, stems(match[1])))) and not named & allowed
        for match, allowed in found
    )


def _others(clause: str, asked: _Question) -> bool:
    """Whether a clause is about names of its own and none of the question's."""
    names = {
        _canonical(term.stem)
        for term in terms(clause)
        if clause[term.start].isupper() and not clause[: term.start].endswith(". ")
    } - _MONTH_STEMS
    return bool(
        asked.names
        and names
        and not names & asked.names
        and len(clause.split()) > 3
        and names - set(_CAPITALS)
    )


def _inherit(claim: _Claim, before: _Claim, text: str) -> _Claim:
    """A claim with what its sentence said of the value before and does not repeat."""
    between = text[before.value.end : claim.value.start]
    listed = re.fullmatch(r"\W*(?:and|or|even|also|to|at)?\W*", between)
    if not (claim.said_by or before.said_by or claim.value.alternative or listed or _TURN.search(between)):
        return claim
    events = claim.events or before.events
    same = events == before.events
    return replace(
        claim,
        events=events,
        marks=claim.marks | (before.marks & {"other"}),
        party=claim.party or before.party,
        places=claim.places or before.places,
        things=claim.things or (before.things if same else frozenset()),
        frame=claim.frame | before.frame if same else claim.frame,
    )


_BREAK = re.compile(
    r"[;:]|,? (?:and|while|whereas|but|although|though|before|after|until|so that) (?!\d|about|more|over)|, (?!\d|when\b)"
)
_BREAK_BEFORE_WHEN = re.compile(
    _BREAK.pattern.replace("before|", "before|when|which|").replace(r"|when\b", "")
)
_STOP = re.compile(
    r"[.,;:()]|\b(?:in|of|on|at|by|for|from|with|to|and|or|was|were|is|are|had|have|has|as|than|while|whereas|but|when|that|which|during|against|into|under|per|a|according|took|take|taken|laid|gave|went|came|stood|joined|lived?|attended|the|who)\b|(?<=\w )\w+ed\b"
)


def _noun_phrase(ahead: str) -> str:
    """The words right behind a number up to the first that cannot belong to what is counted."""
    words = re.sub(r"^ (?:of (?:the|its|their|whom|them)|or so)\b", "", ahead)
    stop = _STOP.search(words)
    return " ".join((words[: stop.start()] if stop else words).split()[:5])


def _head(noun: str) -> frozenset[str]:
    """The stem of a noun phrase's last word, of the last that is no participle ("soldiers killed")."""
    found = [_canonical(stem) for stem in stems(noun)]
    kept = [stem for stem in found if stem not in _EVENT_STEMS] or found
    return frozenset(kept[-1:])


def _says_something(text: str) -> bool:
    return bool(_events(text) or len(stems(text)) > 1)


# Words that tell what happened, to whom, where, and under which reserve -----------------------

_EVENT_WORDS = {
    "begin": "begin began begun beginning start started launch launched onset outbreak commence commenced",
    "open": "open opened opening opens",
    "end": "end ended ending finish finished close closed cease ceased stop stopped over lasted",
    "sign": "sign signed signing signature conclude concluded",
    "issue": "issue issued publish published release released",
    "declare": "declare declared declaration proclaim proclaimed",
    "announce": "announce announced announcement broadcast",
    "capture": "capture captured take taken took seize seized fall fell fallen occupy occupied conquer conquered prisoner prisoners"
    " captives interned internees pows detained",
    "reach": "reach reached arrive arrived arrival enter entered",
    "attack": "attack attacked invade invaded invasion strike struck cross crossed assault",
    "land": "land landed landing landings ashore",
    "die": "die died dead death deaths dying kill killed killing perish perished fatalities irrecoverable drowned lives",
    "wound": "wound wounded injured sick hurt",
    "lose": "casualty casualties loss losses lost lose",
    "hang": "hang hanged hanging execute executed execution",
    "surrender": "surrender surrendered surrendering capitulate capitulated capitulation",
    "leave": "leave left depart departed departure sail sailed withdraw withdrew withdrawn withdrawal",
    "propose": "propose proposed proposal choose chose chosen choice",
    "drop": "drop dropped bomb bombed bombing explode exploded detonated",
    "force": "ratify ratified ratification force effect",
    "born": "born birth birthday",
    "found": "found founded founding establish established create created formed build built construct constructed completed",
    "sink": "sink sank sunk torpedoed",
    "expire": "expire expired expiry expiration run ran",
    "denounce": "denounce denounced denunciation",
    "hand": "hand handed deliver delivered read",
    "try": "try tried trial sentence sentenced condemned",
    "return": "return returned repatriated repatriation home",
    "discover": "discover discovered discovery invent invented invention",
    "marry": "marry married marriage wedding",
    "elect": "elect elected election appoint appointed inaugurated",
    "fight": "fight fought fighting battle battles",
    "hold": "hold held meet met meets convene convened take-place",
}
_FATES = frozenset({"die", "wound", "capture", "lose"})
_EVENT_OF = {word: event for event, line in _EVENT_WORDS.items() for word in line.split()}
_EVENT_STEMS = frozenset(stem_words(list(_EVENT_OF)))
_DEEDS = frozenset(_EVENT_OF) - frozenset(
    "prisoners captives internees casualties losses deaths dead battles trials bombs wounded interned".split()
)
_FATE_STEMS = frozenset(stem_words([word for word, event in _EVENT_OF.items() if event in _FATES]))
_ANYONE = frozenset(stems("people person persons men man strong others individuals"))
_SOLDIERS = frozenset(stems("soldier soldiers troops men man personnel military fighters servicemen"))
_CIVILIANS = frozenset(stems("civilian civilians settlers refugees inhabitants residents"))
_FORCES = frozenset(
    stems("army armies force forces front division corps fleet strength total totals garrison")
)
_ROLES = frozenset(
    stems(
        "defendants accused members inhabitants victims workers employees staff students pupils teachers patients passengers visitors"
        " spectators participants miners voters emigrants immigrants rescuers sailors residents citizens settlers crew deportees"
    )
)
_TITLES = frozenset(
    stems(
        "general marshal admiral colonel captain major lieutenant field rear emperor prince king queen president premier minister professor dr sir lord painter architect engineer"
    )
)
_COUNTABLE = frozenset(stems("ships tanks aircraft guns islands inhabitants"))
_CANONICAL = {
    "wrote": "write", "written": "write", "won": "win", "sold": "sell", "held": "hold", "japanes": "japan", "soviet": "soviet", "soviets": "soviet", "russian": "soviet", "russia": "soviet", "ussr": "soviet",
    "american": "america", "usa": "america", "korean": "korea", "chines": "china", "mongolian": "mongolia", "mongol": "mongolia",
    "british": "britain", "german": "germani", "french": "franc", "manchurian": "manchuria", "plane": "aircraft", "airplan": "aircraft",
    "vessel": "ship", "boat": "ship", "nation": "state", "countri": "state", "eastern": "east", "western": "west",
    "northern": "north", "southern": "south",
}  # fmt: skip
_PARTY = re.compile(
    r"\b(?:Soviets?|Russians?|Red Army|Japanese|Americans?|British|Chinese|Mongolians?|Mongols?|Koreans?|Germans?|French|Allied|Allies|Italians?|Danish|Danes|Swedish|Swedes|Norwegians?|Spanish|Spaniards|Dutch|Turkish|Turks|Greeks?|Egyptians?|Indians?|Australians?|Canadians?|Romans?|Israelis?|Arabs?|Persians?|Portuguese|Finnish|Finns|Hungarians?|Austrians?|Prussians?|Ottomans?|Vietnamese|Iraqis?|Iranians?|Ukrainians?|Czechs?|Serbs?|Serbian|Bulgarians?|Romanians?|Mexicans?|Brazilians?|Irish|Scottish|Scots|English|Polish|Poles)\b"
)
_PARTY_STEMS = frozenset(
    {
        "japan",
        "soviet",
        "america",
        "korea",
        "china",
        "mongolia",
        "britain",
        "germani",
        "franc",
        "alli",
        "italian",
    }
    | set(
        stems(
            "Danish Danes Swedish Swedes Norwegians Spanish Spaniards Dutch Turkish Turks Greeks Egyptians Indians Australians Canadians Romans Israelis Arabs Persians Portuguese Finnish Finns Hungarians Austrians Prussians Ottomans Vietnamese Iraqis Iranians Ukrainians Czechs Serbs Serbian Bulgarians Romanians Mexicans Brazilians Irish Scottish Scots English Polish Poles"
        )
    )
)
_MONTH_NAMES = [name for name in calendar.month_name if name]
_MONTH_STEMS = frozenset(stems(" ".join(_MONTH_NAMES)))

_MARKS = (
    ("first", r"\b(?:first|initial(?:ly)?)\b(?! (?:Red Banner|Far Eastern|Army|World))"),
    ("second", r"\b(?:second|third|next|again)\b(?! World)"),
    ("last", r"\b(?:last|final(?:ly)?)\b"),
    ("part", r"\b(?:among|including|alone|of (?:them|whom|these|which|the other)|out of|each|per(?! cent)|daily|a (?:day|month|year)|half|part of|most of)\b"),
    ("more", r"\b(?:another|additional|further|extra|besides)\b"),
    ("plan", r"\b(?:plann?(?:ed|s)?|schedul\w*|expect\w*|intend\w*|(?:order|command)(?:ed|s)? (?:that|\w+ (?:\w+ )?to)|to be (?:\w+ed|sent|built)|be sent|promis\w*|hop(?:ed|ing)|aim(?:ed)?|target|forecast\w*|would|should|budgeted|projected|proposed to)\b"),
    ("once", r"\b(?:at once|immediate(?:ly)?|instant(?:ly)?|outright|on the spot)\b"),
    ("later", r"\b(?:by the end of|up to the end|within|eventual(?:ly)?|later died|to date)\b"),
    ("grew", r"\b(?:grew|rose|fell) (?:from|to)\b"),
)  # fmt: skip


_CAPITALS = {
    "moscow": "soviet",
    "kremlin": "soviet",
    "tokyo": "japan",
    "washington": "america",
    "london": "britain",
    "beij": "china",
}
_ZONE = re.compile(
    r"\b(?P<name>local|Moscow|Tokyo|Washington|London|Berlin|Eastern|Pacific|[A-Z][a-z]+(?:ian|al))(?: (?:summer|standard|war|daylight))?"
    r" (?:time|midnight|clocks?)\b|\b(?P<universal>GMT|UTC|Greenwich)\b|\b(?:in|by) (?P<city>Moscow|Tokyo|Washington|London|Berlin|Paris|New York|Beijing)\b",
    re.IGNORECASE,
)


def _zone(text: str) -> str:
    """Whose clock a text names; "" if none."""
    match = _ZONE.search(text)
    return _group(match, "name", "universal", "city").lower() if match else ""


def _plain(text: str) -> str:
    """The text with states of two words as one, so that "United" and "Union" do not count."""
    text = re.sub(r"\b(?:United States(?: of America)?|USA|U\.S\.|US)\b", "America", text)
    return re.sub(r"\b(?:Soviet Union|USSR)\b", "Soviet", text)


def _canonical(stem: str) -> str:
    return _CANONICAL.get(stem, stem)


def _name_stems(text: str) -> set[str]:
    """Stems of capitalised words behind the first, and of numbers."""
    found = terms(text)
    first = re.search(r"\w", text)
    return {
        term.stem
        for term in found
        if text[term.start].isdigit()
        or (text[term.start].isupper() and first and term.start != first.start())
    }


def _events(text: str) -> frozenset[str]:
    """Classes of the words that tell of an event, names such as "Potsdam Declaration" left out."""
    return frozenset(event for _, event in _event_places(text))


def _event_places(text: str) -> list[tuple[int, str]]:
    return [
        (match.start(), _EVENT_OF[word])
        for match in re.finditer(r"[A-Za-z]+", text)
        for word in (match[0].lower(), match[0].lower().removesuffix("s"))[
            : 1 if match[0].lower() in _EVENT_OF else 2
        ]
        if word in _EVENT_OF
        and not re.match(r" (?:place|part|effect|account)\b", text[match.end() :])
        and (match[0].islower() or not text[: match.start()].strip())
    ]


def _nearest_event(behind: str, ahead: str, wanted: frozenset[str]) -> frozenset[str]:
    """The event word just before the value, else the one just behind it; "fight" counts only where it is asked."""
    for places in (_event_places(behind)[::-1], _event_places(ahead)):
        events = [event for _, event in places if event != "fight" or "fight" in wanted]
        if events:
            return frozenset(events[:1])
    return frozenset()


def _fate(events: frozenset[str]) -> frozenset[str]:
    """What befell someone; of several, death ("prisoners who died", "soldiers lost their lives")."""
    return events & frozenset({"die"}) or events & _FATES


def _fates(noun: str, ahead: str, behind: str) -> frozenset[str]:
    """What befell those who are counted: by the words behind the number, else by those before it."""
    for text in (noun, ahead, behind):
        found = [event for _, event in _event_places(text) if event in _FATES]
        if found:
            return _fate(frozenset(found)) & {"die"} or frozenset(found[-1:] if text is behind else found[:1])
    return frozenset()


def _party_of(name: str) -> str:
    found = stems(name)
    return _canonical(found[0]) if found else ""


def _nearest_party(text: str) -> str:
    """Whose the things counted are; "in Soviet captivity" and "against the Japanese" do not tell."""
    found = [
        m[0]
        for m in _PARTY.finditer(text)
        if not re.search(r"\b(?:in|by|to|against|with|under|from) (?:the )?$", text[: m.start()])
    ]
    return _party_of(found[-1]) if found else ""


_PLACE = re.compile(
    r"\b(?:in|at|on|near|off|of|around|outside|from|into|across) (?:the )?((?:[A-Z][\w’'-]+|\d+(?:st|nd|rd|th))(?: [A-Z][\w’'-]+)*)"
)


def _places(text: str) -> frozenset[str]:
    """Canonical stems of the names behind prepositions of place."""
    names = (match[1] for match in _PLACE.finditer(text) if not re.search(r"(?:an|ese|ish)$", match[1]))
    found = {_canonical(stem) for name in names for stem in stems(name)}
    return frozenset(found - _MONTH_STEMS)


def _marks(text: str) -> frozenset[str]:
    return frozenset(name for name, pattern in _MARKS if re.search(pattern, text))


def _years(text: str) -> frozenset[int]:
    return frozenset(int(year) for year in re.findall(rf"\b{_YEAR}\b(?![,.]\d)", text))


def _usual_year(texts: Sequence[str]) -> int:
    counts = Counter(year for text in texts for year in _years(text))
    return counts.most_common(1)[0][0] if counts else 2000


# Who says so ----------------------------------------------------------------------------------

_WHOSE = r"(?:[A-Z][a-z]+(?:an|ish|ese)|Japanese|Soviet|Russian|American|British|Chinese|Mongolian|German|French|Western|Allied|[Oo]fficial|[Oo]lder|[Nn]ewer|[Ee]arlier|[Ll]ater|[Rr]ecent|[Oo]ther|[Ss]ome|[Mm]ost|[Mm]any|[Aa]nother|[Pp]ost-war|[Cc]ommon|[Uu]sual|[Dd]iffering|[Dd]ifferent|[Pp]ress|[Pp]recise|[Oo]ne)"
_SOURCE = r"(?:analys[ei]s|letters?|annals|inventor(?:y|ies)|plaques?|chronicles?|statistics|brochures?|logs?|yearbooks?|leaflets?|guidebooks?|researchers?|research|recount|rolls?|office|summar(?:y|ies)|magazines?|almanacs?|guides?|websites?|registers?|maps?|handbooks?|catalogues?|textbooks?|papers?|diaries|pages?|sites?|lists?|notes?|sources?|claims?|statements?|figures?|counts?|records?|archives?|histor(?:y|ies)|works?|accounts?|reports?|estimates?|data|stud(?:y|ies)|ministry|historians|writers|scholars|books?|encyclopaedias?|newspapers?|memoirs?|announcements?|totals?|surveys?|dating|compilations?|researchers|authors|press|articles?|columns?|cens(?:us|uses)|reckoning|authorities|government)"
_NAMED = r"[A-Z][\w’'-]+(?: (?:[A-Z][\w’'-]+|of|and|the(?= [A-Z])))*(?<! of)(?<! and)"
_SAYS = r"(?:admits?|found|prints?|printed|shows?|showed|counts?|counted|gives?|gave|puts?|estimates?|estimated|says?|said|reports?|reported|claims?|claimed|cites?|cited|lists?|listed|sets?|reckons?|adds|dates?|dated|records?|recorded|admitted|speaks? of|spoke of|prefers?|states? that|stated|arrives? at|gives?|notes?|noted|maintains?|insists?|quotes?|quoted)"
_SAID = (
    r"\b(?:[Tt]he|[Tt]heir|[Ii]ts|[Hh]er|[Hh]is|[Aa]n?|[Oo]ne) (?:[\w’'-]+ ){1,2}(?=(?:only )?(?:counts?|counted|admitted|claims?|claimed|reported|reports|puts?|lists?|gives?|gave|speaks? of|spoke of|says?|shows?|records?|credits|sets|names) )",
    rf"\b(?:by|in|while) (?:the |their |its |his |her )(?:own )?(?:[a-z]+ )?{_SOURCE}\b",
    rf"\bby {_NAMED}(?= and (?:at|by) |,)",
    rf"\b\w+ {_SOURCE}(?= (?:show|give|list|state|put|date|print|say|speak|claim)s?\b)",
    r", (?:as )?(?:says?|reports?|claims?|according to) (?:\w+ ?){1,4}\.?$",
    r", (?:as )?(?:the|one|an?|some) (?:[\w’']+ ){1,3}(?:says?|reports?|reported|claims?|claimed|states?|stated)\b",
    r"\b(?:[Pp]olice|[Oo]rganisers|[Ss]urvivors|[Oo]fficials|[Ww]itnesses|[Nn]ewspapers|[Rr]esearchers)(?= (?:counted|reported|report|claim|claimed|speak|spoke|said|say|gave|give|put|estimate|estimated)\b)",
    r"\b[Aa]ccording to (?:the |a |an |its |his |her |one )?(?:(?!and \d|while|whereas|but )[\w’'-]+ ?){1,7}",
    rf"\b(?:by|in|at) (?:the |a |an |its |one )?(?:{_NAMED}[’']s? )?(?:{_WHOSE} ){{0,3}}(?:of the |health )?{_SOURCE}\b(?: of {_NAMED}(?: \d{{4}})?| of \d{{4}})?",
    rf"\b[Tt]he (?:\w+ )?{_SOURCE} (?:of [\w ]{{1,30}}?)?(?:edited )?by {_NAMED}",
    rf"\b(?:[Tt]he|[Aa]n?|[Oo]ne) (?:\w+[’']?s? )?{_SOURCE}(?: of \d{{4}})?(?=,? (?:\w+ )?{_SAYS}\b)",
    rf"\b(?:by|as) (?:the )?{_NAMED}[’'](?:s )?(?:order|{_SOURCE})?\b(?: is quoted)?",
    rf"\bas {_NAMED}[^,;]* (?:counts?|is quoted|says?)\b",
    rf"\b(?:[Tt]he |[Aa] |[Aa]n )?(?:{_NAMED}[’']s? )?(?:{_WHOSE} ){{1,3}}(?:\w+ )?{_SOURCE}\b(?: of {_NAMED}(?: \d{{4}})?)?",
    rf"\b{_NAMED}[’']s? (?:\w+[- ])?{_SOURCE}\b(?: of {_NAMED}(?: \d{{4}})?)?",
    rf"\b(?:[Tt]he )?{_NAMED}(?=(?: \([^)]*\))? {_SAYS}\b)",
    rf"\b(?:[Hh]istorians|[Ww]riters|[Ss]cholars|[Bb]ooks|[Ee]ncyclopaedias|[Oo]thers|[Ss]ome)(?: \w+ \w+ \w+)?(?=,? (?:\w+ )?{_SAYS}\b)",
    rf"\b(?:by|[Tt]he) (?:usual|official|common|older|newer) {_SOURCE}\b",
    rf"\bby (?:the )?(?:[A-Z]\w+ )?(?:{_SOURCE}|historians[^,;]*)\b",
)
_SAYERS = re.compile("|".join(f"(?:{pattern})" for pattern in _SAID))
_LOOSELY = re.compile(
    r"\b(?:usually|variously|often|officially|reportedly|formerly) (?:dated|given|put|set|estimated|timed)?\b|\b(?:is|are) (?:dated|timed)\b"
)


@lru_cache(maxsize=1024)
def _sayers(text: str) -> list[Span]:
    return [match.span() for match in _SAYERS.finditer(text)]


@lru_cache(maxsize=1024)
def _masked(text: str) -> str:
    """The sentence with blanks in place of those who are quoted, so that they do not count as its subject."""
    letters = list(text)
    for start, end in _sayers(text):
        kept = [m.span() for m in re.finditer(r"\d[\d,.]*", text[start:end]) if not re.match(r"\d{4}$", m[0])]
        if kept:
            continue
        letters[start:end] = " " * (end - start)
    return "".join(letters)


def _said_by(text: str, before: Span, after: Span) -> str:
    """Who gives the value between two windows: "according to …" behind it, else the nearest before, else behind."""
    spans = _sayers(text)
    behind = [span for span in spans if after[0] <= span[0] < after[1]]
    ahead = [span for span in spans if before[0] <= span[0] and span[1] <= before[1] + 1]
    if (
        before[0]
        and ahead
        and re.match(r" (?:according|by|in|at) ", text[before[0] :])
        and ahead[0][0] <= before[0] + 1
    ):
        ahead = ahead[1:]  # that is who gives the value before
    prompt = [
        s
        for s in behind
        if re.match(r"according|by |in |at |as |, ", text[s[0] : s[1]], re.I)
        and not re.search(r"[;]|, (?:while|whereas|but)\b", text[after[0] : s[0]])
    ]
    for start, end in (*prompt[:1], *ahead[::-1][:1]):
        return text[start:end].strip(" ,")
    loose = _LOOSELY.search(text[before[0] : before[1]])
    return loose[0].strip() if loose else ""


# Dates and times --------------------------------------------------------------------------------

_YEAR = r"(?:1\d{3}|20\d{2})"
_MONTH = rf"(?:{'|'.join(_MONTH_NAMES)}|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?)"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_DAYS = rf"{_DAY}(?:(?:\s?[-–]\s?| to | or | and |, ){_DAY})*"
_DATE = re.compile(
    rf"(?<![\d,.])(?P<days>{_DAYS})(?: of)? (?P<month>{_MONTH})(?:,? (?P<year>{_YEAR}))?(?!\d)"
    rf"|\b(?P<month_a>{_MONTH}) (?P<days_a>{_DAYS})\b(?!,\d)(?:,? (?P<year_a>{_YEAR}))?(?!\d)"
    rf"|\b(?P<iso>\d{{4}}-\d\d-\d\d)\b|\b(?P<dotted>\d{{1,2}}\.\s?\d{{1,2}}\.\s?{_YEAR})\b"
    rf"|\b(?P<month_b>{_MONTH}),? (?P<year_b>{_YEAR})\b"
    rf"|\b(?:(?<=[Ii]n )|(?<=of )|(?<=by )|(?<=since )|(?<=until )|(?<=from )|(?<=to )|(?<=between )|(?<=Between )|(?<=and )|(?<=or )|(?<=gives )|(?<=give )|(?<=gave )|(?<=late )|(?<=early )|(?<=\())(?P<only>{_YEAR})\b(?![,.]?\d)"
)
_OPEN = re.compile(r"\b(?:from|between)(?: [\w ]{0,20})?$", re.IGNORECASE)


def _values(text: str, measure: str, year: int) -> list[_Value]:
    if measure == "date":
        return _dates(text, year)
    return _times(text) if measure == "time" else _numbers(text)


def _dates(text: str, year: int) -> list[_Value]:
    """The dates of a sentence; one without a year has that of its neighbour, else `year`."""
    matches = list(_DATE.finditer(text))
    own = [int(found) if (found := _group(m, "year", "year_a", "year_b", "only")) else 0 for m in matches]
    values: list[_Value] = []
    for n, match in enumerate(matches):
        nearest = next((y for y in (*own[n:], *own[:n][::-1]) if y), year)
        for value in _dates_of(text, match, nearest):
            until = re.search(r"\b(?:by|not later than|before)(?: about| around)? $", text[: value.start])
            values.append(replace(value, low=0.0, least=0.0, normal=f"../{value.normal}") if until else value)
    return _joined(text, values)


def _group(match: re.Match[str], *names: str) -> str:
    return next((match[name] for name in names if match[name]), "")


def _dates_of(text: str, match: re.Match[str], year: int) -> Iterator[_Value]:
    start, end = match.span()
    if numbers := match["iso"] or match["dotted"]:
        parts = [int(part) for part in re.findall(r"\d+", numbers)]
        day = _day(*parts) if match["iso"] else _day(*parts[::-1])
        if day:
            yield _date_value(text, start, end, day, day)
        return
    month_name = _group(match, "month", "month_a", "month_b")
    if not month_name:
        yield _date_value(text, start, end, date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal())
        return
    month = next(n for n, name in enumerate(_MONTH_NAMES, 1) if name.startswith(month_name[:3]))
    days = _group(match, "days", "days_a")
    if not days:
        last = calendar.monthrange(year, month)[1]
        yield _date_value(
            text, start, end, date(year, month, 1).toordinal(), date(year, month, last).toordinal()
        )
        return
    numbers = [day for part in re.findall(r"\d+", days) if (day := _day(year, month, int(part)))]
    if not numbers:
        return
    joint = re.search(r"[-–]| to | or | and |, ", days)
    together = (
        not joint
        or joint[0].strip() in {"-", "–", "to"}
        or (joint[0] == " and " and _OPEN.search(text[:start]))
    )
    if together or (" or " in days and not _disputing(text)):
        yield _date_value(text, start, end, min(numbers), max(numbers))
        return
    rest = f"{month_name} {year}" if match["days"] else ""
    for part, day in zip(re.findall(r"\d+", days), numbers, strict=False):
        value = _date_value(text, start, end, day, day)
        yield replace(
            value,
            written=f"{part} {rest}".strip() if rest else f"{month_name} {part}, {year}",
            alternative=" or " in days,
        )


def _disputing(text: str) -> bool:
    return bool(_sayers(text) or re.search(r"\b(?:timed|dated|disputed|variously|sources)\b", text))


def _day(year: int, month: int, day: int) -> int:
    """The ordinal of a day of the calendar; 0 when there is no such day."""
    try:
        return date(year, month, day).toordinal()
    except ValueError:
        return 0


def _date_value(text: str, start: int, end: int, low: float, high: float) -> _Value:
    first, last = date.fromordinal(int(low)), date.fromordinal(int(high))
    if first == last:
        normal = first.isoformat()
    elif (first.month, first.day, last.month, last.day) == (1, 1, 12, 31) and first.year == last.year:
        normal = str(first.year)
    elif (
        first.day == 1
        and (last.year, last.month) == (first.year, first.month)
        and last.day == calendar.monthrange(last.year, last.month)[1]
    ):
        normal = f"{first.year}-{first.month:02}"
    else:
        normal = f"{first.isoformat()}/{last.isoformat()}"
    return _Value(start, end, low, high, low, high, "date", normal, text[start:end])


def _joined(text: str, values: Sequence[_Value]) -> list[_Value]:
    """Neighbours that are the ends of one range ("from 13 May 1946 to 12 November 1948") made one value."""
    found: list[_Value] = []
    for value in values:
        if found and 0 < found[-1].low <= value.low and found[-1].unit == value.unit:
            before = found[-1]
            joint = text[before.end : value.start]
            opened = _OPEN.search(text[: before.start])
            if re.fullmatch(r"\s?[-–]\s?| to | until ", joint) or (opened and joint == " and "):
                found[-1] = _date_value(text, before.start, value.end, before.low, value.high)
                continue
        found.append(value)
    return found


_TIME = re.compile(
    r"\b(?P<hour>\d{1,2})(?:[:.](?P<minute>\d{2}))?\s?(?P<half>[ap]\.?m\b\.?)|\b(?P<hour_a>\d{1,2}):(?P<minute_a>\d{2})\b"
)


def _times(text: str) -> list[_Value]:
    """Times of day in minutes after midnight; the zone stays with the claim, as a mark."""
    found = []
    for match in _TIME.finditer(text):
        hour, minute = int(_group(match, "hour", "hour_a")), int(_group(match, "minute", "minute_a") or 0)
        if match["half"]:
            hour = hour % 12 + 12 * (match["half"][0] == "p")
        if hour > 24 or minute > 59:
            continue
        at = 60.0 * hour + minute
        date_between = re.match(rf"(?: on {_DAYS} {_MONTH}(?: {_YEAR})?)?[ ,(]*", text[match.end() :])
        zone = _ZONE.match(text, match.end() + (date_between.end() if date_between else 0))
        end = zone.end() if zone else match.end()
        normal, written = f"{hour:02}:{minute:02}", text[match.start() : end]
        whose = _zone(zone[0]) if zone else ""
        found.append(_Value(match.start(), end, at, at, at, at, "time", normal, written, zone=whose))
    return found


# Numbers ------------------------------------------------------------------------------------------

_SMALL = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty".split()
_WORDS = {word: float(n) for n, word in enumerate(_SMALL)} | {
    "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "dozen": 12,
}  # fmt: skip
_SCALES = {
    "hundred": 1e2,
    "thousand": 1e3,
    "million": 1e6,
    "billion": 1e9,
    "trillion": 1e12,
    "m": 1e6,
    "k": 1e3,
    "bn": 1e9,
}
_WORD = "|".join(sorted((*_WORDS, "hundred", "thousand", "million"), key=len, reverse=True))
_HEDGE = (
    r"(?:(?P<about>about|around|some|roughly|approximately|approx\.|circa|c\.|ca\.|an estimated|estimated at)|(?P<above>more than|over|at least|above|upwards of|exceeding|over a|more than a)"
    r"|(?P<below>nearly|almost|close to)|(?P<under>up to|as many as|at most|fewer than|less than|under|no more than|below))"
)
_NUMBER = re.compile(
    rf"(?:\b{_HEDGE} )?(?P<money>(?:US)?[$£€¥])?(?<![\w.,:/-])(?P<digits>\d+(?:[., ]\d{{3}})+(?:\.\d+)?(?!\d)|\d+(?:\.\d+)?)(?:[ -](?P<scale>hundred|thousand|million|billion|trillion|bn)s?\b)?(?![\w:])(?!\.\d)"
    rf"|(?:\b{_HEDGE.replace('?P<', '?P<w_')} )?\b(?P<words>(?:{_WORD})(?:[- ](?:and )?(?:{_WORD}))*)\b",
    re.IGNORECASE,
)
_UNIT = re.compile(
    r"[ -]?(?:(?P<km>kilomet(?:re|er)s?|km)|(?P<mile>miles?)|(?P<m>met(?:re|er)s?|m)\b|(?P<foot>feet|ft)|(?P<hour>hours?)|(?P<minute>minutes?)|(?P<day>days?)|(?P<week>weeks?)"
    r"|(?P<month>months?)|(?P<year>years?)|(?P<percent>per cent|percent|%)|(?P<ton>ton(?:ne)?s?)|(?P<money>(?:US )?dollars?|roubles?|rubles?|yen|pounds?|euros?|crowns?|kron(?:a|or|er)|francs?|marks|lire|pesos|rupees))(?![\w])",
    re.IGNORECASE,
)
_IN_BASE = {  # unit and how many of it
    "km": ("km", 1.0), "mile": ("km", 1.609), "m": ("km", 0.001), "foot": ("km", 0.0003048), "hour": ("hour", 1.0), "minute": ("hour", 1 / 60),
    "day": ("day", 1.0), "week": ("day", 7.0), "month": ("month", 1.0), "year": ("month", 12.0), "percent": ("percent", 1.0),
    "ton": ("ton", 1.0), "money": ("money", 1.0),
}  # fmt: skip


def _unit_of(text: str) -> tuple[str, float]:
    match = _UNIT.match(text if text.startswith((" ", "-", "%")) else f" {text}")
    return _IN_BASE[match.lastgroup] if match and match.lastgroup else ("", 1.0)


def _numbers(text: str) -> list[_Value]:
    """The numbers and ranges of a sentence, without dates, times, ordinals and numbers that are names."""
    taken = [match.span() for pattern in (_DATE, _TIME) for match in pattern.finditer(text)]
    matches = [
        match
        for match in _NUMBER.finditer(text)
        if not any(a < match.end() and match.start() < b for a, b in taken) and _is_count(text, match)
    ]
    found: list[_Value] = []
    for match in matches:
        value = _number_value(text, match)
        if found and (ranged := _range(text, found[-1], value)):
            found[-1] = ranged
        elif found and _stands_between(text, found[-1], value):
            found[-1] = replace(found[-1], alternative=True)
            found.append(replace(value, alternative=True))
        else:
            found.append(value)
    return found


def _is_count(text: str, match: re.Match[str]) -> bool:
    before = text[: match.start()]
    if match["words"]:
        if match["words"][0].isupper() and before.strip():  # the Big Six
            return False
        if re.search(r"\b[Tt]he $", before) and re.match(
            r"[,.;)]| (?:of|and|in|were|was)\b", text[match.end() :]
        ):
            return False
        return match["words"].lower() != "one" or bool(match.group("w_about", "w_above")[1])
    if re.search(
        r"(?:\bNo\.? ?|[A-Z]-|\b(?:Articles?|Decree|Order|Unit|Points?|Clauses?|Chapters?|Papers|Decision|Type|Sections?|Task Force|Pages?) (?:No\.? )?(?:\d+(?:, | and | to | or ))*)$",
        before,
    ):
        return False
    return not re.match(r"(?:st|nd|rd|th)\b", text[match.end() :])


def _number_value(text: str, match: re.Match[str]) -> _Value:
    number, rounding = _read_number(match)
    unit, factor = _unit_of(text[match.end() :]) if not match["money"] else ("money", 1.0)
    low = high = number
    least, most = number - rounding, number + rounding
    hedge = {name.removeprefix("w_") for name, held in match.groupdict().items() if held}
    normal = f"{number:.10g}"
    if "about" in hedge:
        place = 10 ** (len(f"{number:.0f}") - len(f"{number:.0f}".rstrip("0")))
        slack = max(min(place, 0.05 * number), 0.005 * number)  # "about 55,000" is not 60,000
        least, most = min(least, number - slack), max(most, number + slack)
    elif "below" in hedge:
        least = number * 0.9
    elif "above" in hedge:
        least, high, most, normal = number, math.inf, math.inf, f"{normal}.."
    elif "under" in hedge:
        low, least, most, normal = 0.0, 0.0, number, f"..{normal}"
    if factor != 1 and factor == _IN_BASE["mile"][1]:
        least, most = least * 0.97, most * 1.03
    written = text[match.start() : match.end()]
    if unit:
        normal = (
            f"{normal} {_UNIT.match(text, match.end())[0].strip() if not match['money'] else match['money']}"  # type: ignore[index]
        )
    return _Value(
        match.start(),
        match.end(),
        low * factor,
        high * factor,
        least * factor,
        most * factor,
        unit,
        normal,
        written,
    )


def _read_number(match: re.Match[str]) -> tuple[float, float]:
    """The number and half the place it is rounded to, at most 8 %; counts below 100 are exact."""
    if words := match["words"]:
        total = group = 0.0
        for word in re.findall(r"[a-z]+", words.lower()):
            if word in _SCALES:
                group = (group or 1) * _SCALES[word]
                if _SCALES[word] > 100:
                    total, group = total + group, 0.0
            elif word in _WORDS:
                group = group * 12 if word == "dozen" and group else group + _WORDS[word]
        number = total + group
        digits = f"{number:.0f}"
    else:
        digits = re.sub(r"[, ]", "", match["digits"])
        if re.fullmatch(r"\d{1,3}(?:\.\d{3}){2,}", digits):
            digits = digits.replace(".", "")
        scale = _SCALES.get((match["scale"] or "").lower(), 1.0)
        number = float(digits) * scale
        if "." in digits:
            return number, min(0.5 * scale * 10 ** -len(digits.split(".")[1]), 0.08 * number)
        digits = f"{number:.0f}"
    zeros = len(digits) - len(digits.rstrip("0"))
    return number, min(0.5 * 10**zeros, 0.08 * number) if number >= 100 and zeros else 0.0


def _range(text: str, low: _Value, high: _Value) -> _Value | None:
    """Two neighbours as one value: "7,000 to 12,000", "between 7,000 and more than 12,000", "three or four"."""
    joint = text[low.end : high.start]
    opened = re.search(r"\b(?:from|between)(?: \w+ \w+)? $", text[: low.start], re.IGNORECASE)
    unit = _unit_of(joint)[0] or high.unit
    joint = joint if not _unit_of(joint)[0] else joint[_UNIT.match(joint).end() :]  # type: ignore[union-attr]
    to = re.fullmatch(r"\s?[-–]\s?| (?:up )?to (?:the official )?", joint)
    near = joint == " or " and not _disputing(text)
    if not (to or near or (opened and joint == " and ")) or low.low >= high.low or (low.unit or unit) != unit:
        return None
    factor = _unit_of(text[high.end :])[1]
    least = low.low if low.unit else low.low * factor
    most = high.most if math.isinf(high.most) else max(high.low, high.high)
    if re.search(r"\b(?:million|thousand|billion)\b", high.written) and low.low < 1000 <= high.low:
        least *= _SCALES[re.search(r"million|thousand|billion", high.written)[0]]  # type: ignore[index]
    normal = f"{least / factor:.10g}..{'' if math.isinf(most) else f'{most / factor:.10g}'}"
    if unit and " " in high.normal:
        normal += " " + high.normal.split(" ", 1)[1]
    return _Value(low.start, high.end, least, most, least, most, unit, normal, text[low.start : high.end])


def _stands_between(text: str, a: _Value, b: _Value) -> bool:
    return text[a.end : b.start] in {" or ", " or even "}
