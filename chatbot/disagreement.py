"""Sentences that answer one question to the different values they give for it.

Each sentence yields claims: a date, time, number or name with what is said of it (what happened or what is
counted, whose it is, where, under which reserve) and who says so. Claims that do not match the question, and
pairs that may speak of different things, are dropped; what is left and does not fit together is a
disagreement. Silence is the rule: a disagreement wrongly reported costs more than one missed.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from chatbot.corpus import SECTION_JOINT, Span
from chatbot.formats.table import named_cells, row_cells
from chatbot.quantities import CURRENCIES, MONTHS, TIMES, Measure, Value, unit_of, values, years, zone
from chatbot.reader import PARTICLE, Kind, answers_of_kind, asks
from chatbot.terms import stem_words, stems

_Asked = Measure | Literal["name"]
_ANY: tuple[Measure, ...] = ("number", "date", "time")
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
class _Claim:
    """A value with what is said of it. The sets hold stems, or names of classes of words."""

    item: int
    value: Value
    said_by: str
    events: frozenset[str]
    frame: frozenset[str]  # the words around
    marks: frozenset[str]
    years: frozenset[int] = frozenset()
    party: str = ""
    places: frozenset[str] = frozenset()
    things: frozenset[str] = frozenset()  # the noun behind a number


def positions(question: str, kind: Kind, items: Sequence[Statement]) -> list[Position]:
    """The values that the statements, best first, give for the same thing; [] unless two of them differ."""
    items = [_with_question(item) for item in items[:MOST_STATEMENTS]]
    told = Counter(year for text in (question, *(item.text for item in items)) for year in years(text))
    year = told.most_common(1)[0][0] if told else 2000
    measure = _measure(asks(question), kind)
    if measure is None:
        plain = [_Question.of(question, kind, each) for each in _ANY if kind == "other"]
        return _grouped(
            list(dict.fromkeys(c for asked in plain for pair in _twins(asked, items, year) for c in pair))
        )
    if measure == "date" and not any(values(item.text, "date", year) for item in items):
        measure = "time"  # "When does the shop open?"
    asked = _Question.of(question, kind, measure)
    claims = [claim for n, item in enumerate(items) for claim in asked.claims(n, item, year)]
    beside = {pair for item in items for pair in _side_by_side(asked, item.text, year)}
    disputed = {
        n
        for (i, a), (j, b) in itertools.combinations(enumerate(claims), 2)
        if not _compatible(a, b)
        and _comparable(asked, a, b, items)
        and (a.item == b.item or (a.value.normal, b.value.normal) not in beside)
        for n in (i, j)
    }
    if disputed:
        return _grouped([claims[n] for n in sorted(disputed)])
    return _grouped(list(dict.fromkeys(itertools.chain(*_twins(asked, items, year)))))


def _with_question(item: Statement) -> Statement:
    """A sentence of a list of questions and answers below its question, without which it tells little."""
    question = item.section.rpartition(SECTION_JOINT)[2]
    is_plain = question.endswith("?") and not re.search(r"\d", question)
    return replace(item, text=f"{question} {item.text}") if is_plain else item


def _grouped(claims: Sequence[_Claim]) -> list[Position]:
    """The disputed claims, equal ones together, in the order of the statements; vague ones with the one they fit."""
    groups: list[list[int]] = []
    for n in sorted(range(len(claims)), key=lambda n: claims[n].value.most - claims[n].value.least):
        fitting = [group for group in groups if _compatible(claims[group[0]], claims[n])]
        if not fitting:
            groups.append([n])
        elif len(fitting) == 1:
            fitting[0].append(n)
    if len(groups) < 2:
        return []
    return [_position([claims[n] for n in group]) for group in sorted(groups, key=min)]


def _position(group: Sequence[_Claim]) -> Position:
    value = group[0].value
    said_by = next((c.said_by for c in group if c.said_by and not _LOOSELY.fullmatch(c.said_by)), "")
    return Position(value.written, value.normal, tuple(sorted({claim.item for claim in group})), said_by)


def _side_by_side(asked: _Question, text: str, year: int) -> Iterator[tuple[str, str]]:
    """Pairs of values that one sentence gives as both right, hence of different things."""
    found = _values(text, asked, year)
    said = [_said_by(text, (0, value.start), (value.end, len(text))) for value in found]
    for (x, by_x), (y, by_y) in itertools.permutations(zip(found, said, strict=True), 2):
        listed = x.start == y.start and not x.alternative  # "6 and 9 August"
        if listed or not (by_x or by_y or _TURN.search(text)):
            yield x.normal, y.normal


def _twins(asked: _Question, items: Sequence[Statement], year: int) -> Iterator[tuple[_Claim, _Claim]]:
    """Claims of two sentences that say the same in the same words but for one value, however the question is put."""
    told = []
    for n, item in enumerate(items):
        found = _values(item.text, asked, year)
        if (
            asked.is_of_other_years(item)
            or not asked.names_what_is_counted(item)
            or not all(map(asked.allows, found))
        ):
            continue
        rest = _without(item.text, [(value.start, value.end) for value in found])
        told.append((item.doc_id, _stems(rest), list(_claims(asked, n, item.text, found))))
    for (doc_id, words, claims), (other, others, rivals) in itertools.combinations(told, 2):
        common = len(words & others)
        enough = 2 if words == others else max(3, 0.8 * len(words | others))
        if doc_id == other or len(claims) != len(rivals) or common < enough:
            continue
        if claims and rivals and _are_other_rows(items[claims[0].item], items[rivals[0].item]):
            continue
        apart = [(a, b) for a, b in zip(claims, rivals, strict=True) if not _compatible(a, b)]
        if asked.particle or any(a.value.unit != b.value.unit for a, b in apart):
            continue
        if (
            len(apart) == 1
            and _in_one_column(*apart[0], items)
            and not any(stem.isdigit() for stem in words ^ others)
        ):
            yield apart[0]


# Do two claims differ, and on the same thing? ---------------------------------------------------


def _compatible(a: _Claim, b: _Claim) -> bool:
    if a.value.unit == "name":
        return _same_name(a.value.normal, b.value.normal)
    return a.value.fits(b.value)


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
    if (
        _in_parallel(a, b, items)
        or _shares_of_others(a, b, items)
        or _are_other_rows(items[a.item], items[b.item])
        or not _in_one_column(a, b, items)
    ):
        return False
    if a.marks != b.marks or (a.years and b.years and not a.years & b.years):
        return False
    if asked.measure != "date" and _occasions(items[a.item].text) != _occasions(items[b.item].text):
        return False
    if (asked.measure == "time" or asked.unit == "any") and _only_one_names_it(asked, a, b, items):
        return False
    if (particular := a.years ^ b.years) and not (a.years and b.years) and not particular & asked.years:
        usual = Counter(year for item in items for year in years(f"{item.text} {item.title}"))
        if max(usual[year] for year in particular) < 2:
            return False
    if asked.measure == "name":
        return not (a.frame ^ b.frame) - asked.names - asked.words - _TITLES
    if asked.measure != "number":
        return not (a.places and b.places) or bool(a.places & b.places)
    if _told_apart(asked, a, b, items):
        return False
    return a.places == b.places or bool(a.said_by and b.said_by and a.said_by != b.said_by)


def _in_parallel(a: _Claim, b: _Claim, items: Sequence[Statement]) -> bool:
    """Whether one document says the same of two things: "Hedges may be 2 m high", "Fences may be 1.2 m high"."""
    one, other = items[a.item], items[b.item]
    if one.doc_id != other.doc_id or a.value.unit == "name" or a.said_by or b.said_by:
        return False
    ours, theirs = (
        {
            stem
            for stem in _stems(_without(items[c.item].text, [(c.value.start, c.value.end)]))
            if not stem.isdigit()
        }
        - _EVENT_STEMS
        - _GENERIC
        for c in (a, b)
    )
    return 0 < len(ours - theirs) <= 2 and 0 < len(theirs - ours) <= 2


def _shares_of_others(a: _Claim, b: _Claim, items: Sequence[Statement]) -> bool:
    """Whether two shares are of different things ("70 percent of the playground", "60 percent of the bridge")."""
    if a.value.unit != "percent":
        return False
    whole = (_WHOLE.match(items[claim.item].text, claim.value.start) for claim in (a, b))
    ours, theirs = (_stems(match[1]) if match else frozenset() for match in whole)
    return bool(ours and theirs) and ours.isdisjoint(theirs)


_WHOLE = re.compile(r"[^;,.]*?(?:%|per ?cent) of (?:the |a |an |all |its |their )?((?:\w+ )?\w+)")


def _are_other_rows(one: Statement, other: Statement) -> bool:
    """Whether they are rows of tables with the same columns that tell of different things.

    Two rows of one document always do; those of two where any cell without a figure differs.
    """
    ours, theirs = row_cells(one.text), row_cells(other.text)
    common = ours.keys() & theirs.keys()
    if len(common) < 2:
        return False
    named = (name for name in common if not re.search(r"\d", ours[name] + theirs[name]))
    return one.doc_id == other.doc_id or any(ours[name] != theirs[name] for name in named)


def _in_one_column(a: _Claim, b: _Claim, items: Sequence[Statement]) -> bool:
    """False for two values of rows that stand in columns of different names."""
    ours, theirs = (_column(items[claim.item].text, claim.value.start) for claim in (a, b))
    return not ours or not theirs or ours == theirs


def _column(text: str, place: int) -> str:
    """The column, by its name or else its number, of the cell of a row that holds a character; "" in other texts."""
    if " | " in text:
        return str(text.count(" | ", 0, place))
    return next((name for name, (_, end) in named_cells(text) if place < end), "")


def _told_apart(asked: _Question, a: _Claim, b: _Claim, items: Sequence[Statement]) -> bool:
    """Whether two sentences hold different words of the question ("the royal army", "the rebel army")."""
    told = asked.words - asked.counted - _EVENT_STEMS
    ours, theirs = told & a.frame, told & b.frame
    if ours and theirs and ours != theirs:
        return True
    first, second = (_SUBJECT.match(items[claim.item].text) for claim in (a, b))
    subjects = {
        _stems(match[1]) & _stems(asked.text) for match in (first, second) if match and first and second
    }
    return not (a.said_by or b.said_by) and (len(subjects) == 2 or (len(told) == 1 and ours != theirs))


def _only_one_names_it(asked: _Question, a: _Claim, b: _Claim, items: Sequence[Statement]) -> bool:
    """Whether one of two sentences has none of the question's words ("bake the bread", "let the dough rest")."""
    told = asked.words - _EVENT_STEMS
    ours, theirs = (bool(told & _stems(items[claim.item].text)) for claim in (a, b))
    return ours != theirs


def _occasions(text: str) -> frozenset[str]:
    """Days of the week and seasons that a sentence speaks of, "saturday" for "Saturdays"."""
    return frozenset(match[1].lower().rstrip("s") for match in _OCCASION.finditer(text))


_OCCASION = re.compile(
    r"\b((?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?|(?:week|holi)days?|weekends?|summer|winter|spring|autumn)\b"
    r"(?!,? \d| of \d)",
    re.IGNORECASE,
)
_SUBJECT = re.compile(r"(?:The|A|An|Its|Their) ([a-z][\w-]+ [a-z][\w-]+) ")


def _contrasted(a: _Claim, b: _Claim, text: str) -> bool:
    """Whether one sentence sets two values against each other as different people's."""
    if a.said_by and b.said_by and (a.said_by != b.said_by or (a.value.alternative and b.value.alternative)):
        return True
    between = text[min(a.value.end, b.value.end) : max(a.value.start, b.value.start)]
    return bool((a.said_by or b.said_by) and _TURN.search(between))


_TURN = re.compile(
    r"\b(?:while|whereas|although|though|but|or|another|others?|older|newer|some|earlier|formerly|compared|instead|however|than|not)\b",
    re.IGNORECASE,
)


# What the question asks for ---------------------------------------------------------------------


@dataclass(frozen=True)
class _Question:
    text: str
    kind: Kind
    measure: _Asked
    unit: str  # that a number must have, "" for things that are counted, "any" for a length of time or way
    names: frozenset[str]
    words: frozenset[str]
    counted: frozenset[str]
    events: frozenset[str]
    party: str
    marks: frozenset[str]
    years: frozenset[int]
    particle: str  # "off" in "When is it turned off?"

    @classmethod
    def of(cls, text: str, kind: Kind, measure: _Asked) -> _Question:
        text = _plain(text)
        counted = _counted(asks(text)) if measure == "number" else ""
        particle = match[1] if (match := PARTICLE.search(text)) else ""
        names = _name_stems(text)
        words = _stems(text) - names - _GENERIC - _MONTH_STEMS
        return cls(
            text,
            kind,
            measure,
            _asked_unit(text, counted) if measure == "number" else "",
            frozenset(name for name in names if not name.isdigit()) - _MONTH_STEMS,
            frozenset(word for word in words if not word.isdigit()),
            _stems(counted),
            _events(text),
            _asked_party(text, counted),
            _marks(text) | ({"particle"} if particle else set()),
            years(text),
            particle,
        )

    def claims(self, item: int, statement: Statement, year: int) -> list[_Claim]:
        """The claims of a statement that speak of what is asked."""
        if self.is_of_other_years(statement) or not self._covered(statement):
            return []
        if self.measure == "name":
            return self._name_claims(item, statement.text)
        claims = _claims(self, item, statement.text, _values(statement.text, self, year))
        return [claim for claim in claims if self._asks(claim)]

    def is_of_other_years(self, statement: Statement) -> bool:
        """Whether its document is called after years that are not those of the question ("Plot rules 2022")."""
        named = years(statement.title)
        return bool(self.years and named) and not self.years & (named | years(statement.text))

    def names_what_is_counted(self, statement: Statement) -> bool:
        held = _stems(f"{statement.text} {statement.title} {statement.section}")
        return not self.counted or not self.counted.isdisjoint(held)

    def allows(self, value: Value) -> bool:
        """Whether a value may be in the unit that is asked for."""
        if value.unit in CURRENCIES:
            return self.unit in CURRENCIES | {"", "money"} and not _BIG.search(self.text)
        return self.unit in {"", "any"} or value.unit in {"", self.unit}

    def _covered(self, statement: Statement) -> bool:
        """Whether the statement has the names of the question, what happened, and half of its other words."""
        heading = f"{statement.title} {statement.section}"
        around = _stems(_plain(f"{statement.text} {heading}"))
        if self.names - _PARTY_STEMS - around:
            return False
        told = _events(statement.text)
        particular = self.events - {"fight", "hold"}
        if particular - _FATES - {"begin"} - told - _events(heading.lower()):
            return False
        if particular and not self.events & told:
            return False
        words = self.words - _EVENT_STEMS
        found = len(words & around)
        if self.measure == "name":
            return found >= 0.75 * len(words)
        return found >= 0.5 * len(words) or len(words) == 1

    def _asks(self, claim: _Claim) -> bool:
        """Whether the claim is about what happened or is counted in the question."""
        if self.particle and "particle" not in claim.marks:
            return False
        if claim.marks - self.marks or (self.party and claim.party and claim.party != self.party):
            return False
        if self.years and claim.years and not self.years & claim.years:
            return False
        if self.measure != "number":
            return self._happened(claim)
        if _fate(self.events) != claim.events:
            return False
        if self.unit == "any":
            return claim.value.unit in TIMES | {"km"}
        if self.unit == "money":
            return claim.value.unit in CURRENCIES
        if claim.value.unit or self.unit:
            return claim.value.unit == self.unit
        return self._counts(claim)

    def _happened(self, claim: _Claim) -> bool:
        """Whether the date or time is that of the event asked for."""
        usual = {"hold", "fight"}
        wanted = self.events | ({"open"} if "begin" in self.events else set())
        if wanted - usual:
            return bool(wanted & claim.events)
        words = self.words - _EVENT_STEMS
        return not claim.events - usual and len(words & claim.frame) >= 0.6 * len(words)

    def _counts(self, claim: _Claim) -> bool:
        """Whether the things that are counted are those of the question."""
        things, counted = claim.things - _EVENT_STEMS, self.counted
        if counted & _SOLDIERS and (claim.frame | things) & _CIVILIANS:
            return False
        if counted & _CIVILIANS and things & _SOLDIERS:
            return False
        if counted & things or (counted & _SOLDIERS and things & _SOLDIERS):
            return True
        if _fate(self.events) or not counted:
            particular = counted - _PEOPLE - _ROLES - _CIVILIANS - _EVENT_STEMS
            if not things and particular:
                return bool(claim.frame & particular)
            return not things or bool(things & (_PEOPLE | _ROLES | _CIVILIANS | _FATE_STEMS))
        anyone = counted <= _PEOPLE
        if things:
            return bool(things & (_PEOPLE | _ROLES if anyone else _PEOPLE)) and counted <= _PEOPLE | _ROLES
        return bool(claim.frame & (_PEOPLE | _FORCES if anyone else counted - _PEOPLE))

    def _name_claims(self, item: int, text: str) -> list[_Claim]:
        """The one name of a sentence; [] when it has several, for they may all be right."""
        masked = _masked(text)
        found = {masked[a:b]: (a, b) for a, b in answers_of_kind(masked, self.kind, self.text)}
        marks = _marks(masked)
        if len(found) != 1 or _SEVERAL.search(self.text) or _SUCCESSION.search(masked) or marks - self.marks:
            return []
        ((name, (start, end)),) = found.items()
        rest = re.split(r", |\b(?:which|who|whose)\b", masked[end:])[0]
        frame = frozenset(stem for stem in _stems(f"{masked[:start]} {rest}") if not stem.isdigit())
        value = Value(start, end, 0, 0, 0, 0, "name", name, name)
        said_by = _said_by(text, (0, start), (end, len(text)))
        return [_Claim(item, value, said_by, _events(masked), frame - _MONTH_STEMS, marks, years(masked))]


_BIG = re.compile(r"\bhow (?:big|large|wide|thick|heavy|fast|often)\b", re.IGNORECASE)
_CLOCK = re.compile(r"\b(?:what|which) (?:time|hour)\b|\bclock\b|\bhow (?:early|late)\b", re.IGNORECASE)
_FIGURE = re.compile(
    r"\W*(?:what|which)(?: \w+){0,2} (?:figures?|totals?|numbers?|estimates?|counts?)\b", re.IGNORECASE
)
_DATED = re.compile(r"\b(?:dates|(?:what|which)(?: \w+){0,3} (?:day|date|year|month))\b", re.IGNORECASE)
_NOT_DATED = re.compile(  # "What did he say when …"
    r"\W*(?:what|which|who|why|how)\b(?!(?: \w+){0,3} (?:day|date|year|month|time)\b)", re.IGNORECASE
)
_NUMERIC = re.compile(
    r"\bhow (?:many|much|long|far|large|big|strong|old|high|tall|fast|often|deep|heavy|wide|great)\b"
    r"|\b(?:figures?|estimates?|numbers?|counts?|casualt(?:y|ies)|losses|strength|size|total|percentage|share"
    r"|proportion|costs?|population|toll|length|height|weight|distance|price|budget|revenue|fees?|rent|salary|premium)\b",
    re.IGNORECASE,
)
_SEVERAL = re.compile(  # names that may all be right
    r"\b(?:who|where) (?:were|are|all)\b"
    r"|\bwho (?:signed|attended|fought|took part|met|said|says|thinks?|thought|argues?|opposed)\b"
    r"|\b(?:which|what)(?: \w+){0,2} (?:\w+men|(?!was|is|has|does)\w+[^s\W]s) (?:were|are|did|have|do|took|fought|signed)\b"
    r"|\bwho (?:was|is) (?:[A-Z]\w+ ?){1,3}\?",
    re.IGNORECASE,
)
_SUCCESSION = re.compile(
    r"\b(?:until|since|former|succeeded|replaced|then|later|from \w+ \d{4})\b", re.IGNORECASE
)
_NOT_COUNTED = frozenset(
    "did do does were was are is had have has would will could can took to in on of at by for from with who that got"
    " fell fought lost died live laid went came stood join attend emigrate".split()
)
_UNITS_ASKED = (
    (r"\bhow (?:far|tall|deep|wide|high)\b(?!.*\b(?:loss|casualt|dea|toll|number))|\b(?:distance|height|length)\b", "km"),
    (r"\bhow (?:long|old)\b", "any"),
    (r"\bpercent|\bproportion\b|\bwhat share\b", "percent"),
    (r"\bhow much (?:money|did|does|was|is|(?:\w+ )?(?:compensation|damages|aid|rent|profit|tax|debt))\b", "money"),
    (r"\bcosts?\b(?=.*(?:build|project|money))|\bwhat (?:do|does|will|would) .*\bcost\b", "money"),
    (r"\b(?:price|budget|revenue|fees?|rent|salary|premium)\b", "money"),
)  # fmt: skip
_OWN = r"losses|casualties|dead|deaths|killed|wounded|strength|prisoners|army|forces|soldiers|troops"
_DID = r"lose|use|have|suffer|deploy|send|employ|field|put"


def _measure(question: str, kind: Kind) -> _Asked | None:
    """What the answers give that can be compared; None if that cannot be told."""
    if _CLOCK.search(question):
        return "time"
    if _FIGURE.match(question):
        return "number"
    if kind == "date":
        return None if _NOT_DATED.match(question) else "date"
    if _DATED.search(question):
        return "date"
    if kind == "number" or (kind in {"other", "manner"} and _NUMERIC.search(question)):
        return "number"
    return "name" if kind in {"person", "place"} else None


def _counted(question: str) -> str:
    """The words that say what is counted: "Japanese soldiers" of "How many Japanese soldiers died?"."""
    match = re.search(r"\bhow (?:many|much) (?:of the )?(?P<thing>[\w' -]*)", question, re.IGNORECASE)
    words = match["thing"].split() if match else []
    verbs = (n for n, word in enumerate(words) if word.lower() in _NOT_COUNTED or (n and _is_deed(word)))
    return " ".join(words[: next(verbs, len(words))])


def _is_deed(word: str) -> bool:
    return word in _DEEDS or word.endswith("ed")


def _asked_unit(question: str, counted: str) -> str:
    patterns = (unit for pattern, unit in _UNITS_ASKED if re.search(pattern, question, re.IGNORECASE))
    return unit_of(counted)[0] or next(patterns, "")


def _asked_party(question: str, counted: str) -> str:
    owners = re.findall(rf"([A-Z]\w+)(?: \w+)? (?:{_OWN})", question)
    subjects = re.findall(rf"\bdid (?:the )?([A-Z]\w+)(?: States)?(?: army)? (?:{_DID})\b", question)
    owners = [match[0] for text in (counted, *owners) if (match := _PARTY.search(text))]
    return next(map(_party_of, (*owners, *subjects)), "")


# What a sentence claims -------------------------------------------------------------------------


def _values(text: str, asked: _Question, year: int) -> list[Value]:
    if asked.measure == "name":
        return []
    disputed = bool(_sayers(text) or re.search(r"\b(?:timed|dated|disputed|variously|sources)\b", text))
    return values(text, asked.measure, year, disputed)


def _claims(asked: _Question, item: int, text: str, found: Sequence[Value]) -> Iterator[_Claim]:
    """One claim a value. What a later value does not say of itself it has from the one before."""
    before: _Claim | None = None
    for value in found:
        left = max((other.end for other in found if other.end <= value.start), default=0)
        right = min((other.start for other in found if other.start >= value.end), default=len(text))
        claim = _claim(asked, item, text, value, (left, right))
        before = _inherit(claim, before, text) if before else claim
        yield before


def _claim(asked: _Question, item: int, text: str, value: Value, window: Span) -> _Claim:
    masked = _masked(text)
    said_by = _said_by(text, (window[0], value.start), (value.end, window[1]))
    behind, ahead = _clause(masked, value, window)
    around = f"{behind} {ahead}"
    places = _places(around) - asked.names
    number = asked.measure == "number"
    other = _is_of_another_thing(behind, ahead, asked) or (
        _is_of_a_part(ahead, asked) or (value.unit in TIMES and _APART.match(masked, value.end))
        if number
        else _is_of_others(masked[window[0] : value.start], asked)
    )
    marks = _marks(around) | ({"other"} if other else set())
    if asked.particle and re.search(rf"\b{asked.particle}\b", behind):
        marks |= {"particle"}
    if not number:
        events = _nearest_event(*_unless_alternative(behind, ahead, window, value, text), asked.events)
        value = replace(value, zone=zone(around)) if value.unit == "date" else value
        return _Claim(item, value, said_by, events, _stems(around), marks, places=places)
    noun = "" if value.unit else _noun_phrase(ahead)
    events = _fates(noun, ahead, behind)
    party = _nearest_party(noun) or ("" if "capture" in events else _nearest_party(behind))
    frame, things = _stems(behind), _head(noun)
    return _Claim(item, value, said_by, events, frame, marks, years(around), party, places, things)


def _clause(masked: str, value: Value, window: Span) -> tuple[str, str]:
    """What stands before and behind a value in its own clause."""
    behind, ahead = masked[window[0] : value.start], _BREAK.split(masked[value.end : window[1]])[0]
    last = _BREAK.split(behind)[-1]
    if _events(last) or len(stems(last)) > 1:
        behind = last
    return re.sub(r"\b(?:with|by) the (?:\w+ ){1,3}on $", "", behind), ahead  # "ended with the signing on"


def _unless_alternative(behind: str, ahead: str, window: Span, value: Value, text: str) -> tuple[str, str]:
    """The clause, emptied where the event is the one before: "on 25 April 1946 …, or on 13 April 1946 if …"."""
    if not window[0]:
        return behind, ahead
    if re.search(r"\bor (?:on |in |at |about )?$", behind):
        return "", ""
    if not stems(behind) and _TURN.search(text[window[0] : value.start]):
        return behind, re.sub(r"^[^,;.]*", "", ahead)
    return behind, ahead


def _is_of_others(before: str, asked: _Question) -> bool:
    """Whether the subject of a clause is another country or other names than the question's."""
    subject = re.split(r"[;:]|,? (?:and|while|whereas|but|although|when|before|after) ", before)[-1]
    party = next((_party_of(name) for name in _PARTY.findall(subject)), "")
    if party and asked.names & _PARTY_STEMS and party not in asked.names:
        return True
    names = {name for name in _name_stems(subject) - _MONTH_STEMS if not name.isdigit()}
    return bool(asked.names and names and not names & asked.names)


def _is_of_another_thing(behind: str, ahead: str, asked: _Question) -> bool:
    """Whether a clause is about a part or a belonging ("The hut on …", "…'s sister") that the question does not name."""
    own = _stems(asked.text)
    known = own | _GENERIC | _EVENT_STEMS | _PEOPLE | _FORCES | _CIVILIANS
    found = (
        (re.search(r"\bfor (?:the )?([a-z]\w+)\b", f"{behind} {ahead}"), own),
        (re.search(r"\b[A-Z]\w+[’']s ([a-z]\w+)\b", behind), known),
        (re.match(rf"\W*(?:The|A|An|Its|Their) ([a-z]\w+(?: [a-z]\w+)?) (?:{_WHERE}) ", behind), known),
    )
    return any(match and (named := _stems(match[1])) and not named & allowed for match, allowed in found)


def _is_of_a_part(ahead: str, asked: _Question) -> bool:
    """Whether a number is a share of something named that the question does not name ("400 men of the 5th Army")."""
    whole = re.match(r" (?:\w+ ){1,2}of (?:the )?((?:[A-Z]|\d+(?:st|nd|rd|th)).*)", ahead)
    return bool(whole and not _stems(whole[1]) & (asked.names - _PARTY_STEMS))


def _inherit(claim: _Claim, before: _Claim, text: str) -> _Claim:
    """A claim with what its sentence said of the value before and does not repeat."""
    between = text[before.value.end : claim.value.start]
    if not (claim.said_by or before.said_by or claim.value.alternative or _TURN.search(between)):
        return claim
    same = not claim.events or claim.events == before.events
    return replace(
        claim,
        events=claim.events or before.events,
        party=claim.party or before.party,
        places=claim.places or before.places,
        things=claim.things or before.things,
        frame=claim.frame | before.frame if same else claim.frame,
    )


_BREAK = re.compile(
    r"[;:]|,? (?:and|while|whereas|but|although|though|before|when|which|after|until|so that) (?!\d|about|more|over)|, (?!\d)"
)
_APART = re.compile(r"\W*\w+ (?:after|before|later|earlier|ago|from)\b")  # "3 days after …"
_WHERE = "on|of|in|at|near|from|around|above|below|beside|after"
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
    found = [_STEM_OF.get(stem, stem) for stem in stems(noun)]
    kept = [stem for stem in found if stem not in _EVENT_STEMS] or found
    return frozenset(kept[-1:])


# Words that tell what happened, to whom, where, and under which reserve ----------------------------

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
_FATE_STEMS = frozenset(stem_words([word for word, event in _EVENT_OF.items() if event in _FATES]))
_DEEDS = frozenset(_EVENT_OF) - frozenset(
    "prisoners captives internees casualties losses deaths dead battles trials bombs wounded interned".split()
)
_STEM_OF = {  # one stem for words of one meaning
    stem: common
    for common, words in {
        "soviet": "soviets russian russia ussr", "america": "american usa", "britain": "british", "germani": "german",
        "japan": "japanese", "china": "chinese", "korea": "korean", "mongolia": "mongolian mongol", "franc": "french",
        "manchuria": "manchurian", "state": "nation country", "aircraft": "plane airplane", "ship": "vessel boat",
        "east": "eastern", "west": "western", "north": "northern", "south": "southern",
        "write": "wrote written", "win": "won", "sell": "sold", "hold": "held",
    }.items()
    for stem in stems(words)
}  # fmt: skip
_PARTIES = (
    "Soviet Russian Japanese American British Chinese Mongolian Mongol Korean German French Allied Allies Italian Danish Dane"
    " Swedish Swede Norwegian Spanish Spaniard Dutch Turkish Turk Greek Egyptian Indian Australian Canadian Roman Israeli Arab"
    " Persian Portuguese Finnish Finn Hungarian Austrian Prussian Ottoman Vietnamese Iraqi Iranian Ukrainian Czech Serb Serbian"
    " Bulgarian Romanian Mexican Brazilian Irish Scottish Scot English Polish Pole"
)
_PARTY = re.compile(rf"\b(?:{_PARTIES.replace(' ', '|')})s?\b")


def _stems(text: str) -> frozenset[str]:
    return frozenset(_STEM_OF.get(stem, stem) for stem in stems(text))


_MONTH_STEMS = _stems(" ".join(MONTHS))
_PARTY_STEMS = _stems(_PARTIES)
_SOLDIERS = _stems("soldiers troops men personnel military fighters servicemen")
_PEOPLE = _SOLDIERS | _PARTY_STEMS | _stems("people persons man strong others individuals")
_CIVILIANS = _stems("civilians settlers refugees inhabitants residents")
_FORCES = _stems("army forces front division corps fleet strength total garrison")
_ROLES = _stems(
    "defendants accused members inhabitants victims workers employees staff students pupils teachers patients passengers visitors"
    " spectators participants miners voters emigrants immigrants rescuers sailors residents citizens settlers crew deportees"
)
_TITLES = _stems(
    "general marshal admiral colonel captain major lieutenant field rear emperor prince king queen president premier minister"
    " professor dr sir lord painter architect engineer"
)
_GENERIC = _stems(
    "many much number figures estimates counts sources according different differ various given gives said date day year month"
    " time hour exact actually finally take took taken place happened historians accounts put total size people person men man"
    " soldiers troops made high large strong long far wide ppl lot come came get got toll percentage proportion share per cent"
    " form state stood"
)
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


def _plain(text: str) -> str:
    """The text with states of two words as one, so that "United" and "Union" do not count."""
    text = re.sub(r"\b(?:United States(?: of America)?|USA|U\.S\.|US)\b", "America", text)
    return re.sub(r"\b(?:Soviet Union|USSR)\b", "Soviet", text)


def _name_stems(text: str) -> frozenset[str]:
    """Stems of capitalised words behind the first, and of numbers."""
    words = re.findall(r"\d[\d.,]*|\w+", re.sub(r"^\W*[^\W\d]+", "", text))
    return _stems(" ".join(word for word in words if not word[0].islower()))


def _events(text: str) -> frozenset[str]:
    """Classes of the words that tell of an event, names such as "Potsdam Declaration" left out."""
    return frozenset(_told(text))


def _told(text: str) -> list[str]:
    """The events of a text in order."""
    return [
        event
        for match in re.finditer(r"[A-Za-z]+\b(?! (?:place|part|effect|account)\b)", text)
        if match[0].islower() or not text[: match.start()].strip()
        if (word := match[0].lower())
        and (event := _EVENT_OF.get(word) or _EVENT_OF.get(word.removesuffix("s")))
    ]


def _nearest_event(behind: str, ahead: str, wanted: frozenset[str]) -> frozenset[str]:
    """The event word just before the value, else the one just behind it; "fight" counts only where it is asked."""
    near = (event for event in (*_told(behind)[::-1], *_told(ahead)) if event != "fight" or "fight" in wanted)
    return frozenset(itertools.islice(near, 1))


def _fate(events: frozenset[str]) -> frozenset[str]:
    """What befell someone; of several, death ("prisoners who died", "soldiers lost their lives")."""
    return events & frozenset({"die"}) or events & _FATES


def _fates(noun: str, ahead: str, behind: str) -> frozenset[str]:
    """What befell those who are counted: by the words behind the number, else by those before it."""
    for found in (_told(noun), _told(ahead), _told(behind)[::-1]):
        if fates := [event for event in found if event in _FATES]:
            return frozenset({"die"} if "die" in fates else fates[:1])
    return frozenset()


def _party_of(name: str) -> str:
    return next(iter(_stems(name)), "")


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
    return _stems(" ".join(names)) - _MONTH_STEMS


def _marks(text: str) -> frozenset[str]:
    return frozenset(name for name, pattern in _MARKS if re.search(pattern, text))


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
    rf"\b(?:[Tt]he|[Aa]n?|[Oo]ne) (?:\w+[’']?s? )?{_SOURCE}(?: of \d{{4}})?(?=,? (?:\w+ )?{_SAYS}\b)",
    rf"\bas {_NAMED}[^,;]* (?:counts?|is quoted|says?)\b",
    rf"\b(?:[Tt]he |[Aa] |[Aa]n )?(?:{_NAMED}[’']s? )?(?:{_WHOSE} ){{1,3}}(?:\w+ )?{_SOURCE}\b(?: of {_NAMED}(?: \d{{4}})?)?",
    rf"\b{_NAMED}[’']s? (?:\w+[- ])?{_SOURCE}\b(?: of {_NAMED}(?: \d{{4}})?)?",
    rf"\b(?:[Tt]he )?{_NAMED}(?=(?: \([^)]*\))? {_SAYS}\b)",
    rf"\b(?:[Hh]istorians|[Ww]riters|[Ss]cholars|[Bb]ooks|[Ee]ncyclopaedias|[Oo]thers|[Ss]ome)(?: \w+ \w+ \w+)?(?=,? (?:\w+ )?{_SAYS}\b)",
)
_SAYERS = re.compile("|".join(f"(?:{pattern})" for pattern in _SAID))


@lru_cache(maxsize=1024)
def _sayers(text: str) -> list[Span]:
    return [match.span() for match in _SAYERS.finditer(text)]


@lru_cache(maxsize=1024)
def _masked(text: str) -> str:
    """The sentence with blanks in place of those who are quoted, so that they do not count as its subject."""
    return _without(text, [(a, b) for a, b in _sayers(text) if not re.search(r"\b(?!\d{4}\b)\d", text[a:b])])


def _without(text: str, spans: Sequence[Span]) -> str:
    """The text with blanks in place of `spans`."""
    letters = list(text)
    for start, end in spans:
        letters[start:end] = " " * (end - start)
    return "".join(letters)


def _said_by(text: str, before: Span, after: Span) -> str:
    """Who gives the value between two windows: "according to …" behind it, else the nearest before."""
    named = []
    for a, b in _sayers(text):
        behind = _POSTPOSED.match(text, a)
        if after[0] <= a < after[1] and behind and not _TURNED.search(text[after[0] : a]):
            return text[a:b].strip(" ,")
        if before[0] <= a and b <= before[1] + 1 and not (behind and 0 < before[0] >= a - 1):
            named.append(text[a:b].strip(" ,"))
    if named:
        return named[-1]
    loose = _LOOSELY.search(text[before[0] : before[1]])
    return loose[0].strip() if loose else ""


_POSTPOSED = re.compile(r"according|by |in |at |as |, ", re.IGNORECASE)
_TURNED = re.compile(r";|, (?:while|whereas|but)\b")
_LOOSELY = re.compile(
    r"\b(?:(?:usually|variously|often|officially|reportedly|formerly) (?:dated|given|put|set|estimated|timed)?|(?:is|are) (?:dated|timed))\b"
)
