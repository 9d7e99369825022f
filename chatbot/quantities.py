"""The dates, times of day and numbers that a text states, each as a range of one unit."""

from __future__ import annotations

import calendar
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

Measure = Literal["date", "time", "number"]

MONTHS = tuple(calendar.month_name)[1:]


@dataclass(frozen=True)
class Value:
    """Characters of a text, and what they state in days, minutes, or units of `unit`.

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

    def fits(self, other: Value) -> bool:
        """Whether both can be right: one holds the other, or clocks of two zones explain the difference."""
        if self.normal == other.normal:
            return True
        if any(a.low <= b.most and b.least <= a.high for a, b in ((self, other), (other, self))):
            return True
        apart = abs(self.low - other.low)
        if self.unit == "time":
            return self.zone != other.zone and (bool(self.zone and other.zone) or apart % 60 == 0)
        if self.unit == "date":
            return bool(self.zone and other.zone and self.zone != other.zone) and apart <= 1
        if self.unit == "percent" and apart <= 0.5:
            return True
        return min(self.high, other.high) > 10_000 and abs(self.high - other.high) < 0.001 * self.high


def values(text: str, measure: Measure, year: int, disputed: bool = False) -> list[Value]:
    """The values of a sentence; `year` is that of a day without one.

    Values joined by "or" are a range ("three or four"), and alternatives where the sentence is `disputed`.
    """
    if measure == "date":
        return _dates(text, year, disputed)
    return _times(text) if measure == "time" else _numbers(text, disputed)


def years(text: str) -> frozenset[int]:
    return frozenset(int(year) for year in re.findall(rf"\b{_YEAR}\b(?![,.]\d)", text))


# Dates ------------------------------------------------------------------------------------------

_YEAR = r"(?:1\d{3}|20\d{2})"
MONTH = rf"(?:{'|'.join(MONTHS)}|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?)"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_DAYS = rf"{_DAY}(?:(?:\s?[-–]\s?| to | or | and |, ){_DAY})*"
_DATE = re.compile(
    rf"(?<![\d,.])(?P<days>{_DAYS})(?: of)? (?P<month>{MONTH})(?:,? (?P<year>{_YEAR}))?(?!\d)"
    rf"|\b(?P<month_a>{MONTH}) (?P<days_a>{_DAYS})\b(?!,\d)(?:,? (?P<year_a>{_YEAR}))?(?!\d)"
    rf"|\b(?P<iso>\d{{4}}-\d\d-\d\d)\b|\b(?P<dotted>\d{{1,2}}\.\s?\d{{1,2}}\.\s?{_YEAR})\b"
    rf"|\b(?P<month_b>{MONTH}),? (?P<year_b>{_YEAR})\b"
    r"|(?:\b(?:[Ii]n|of|by|since|until|from|to|[Bb]etween|and|or|gives?|gave|late|early) |\()"
    rf"(?P<only>{_YEAR})\b(?![,.]?\d)"
)
_BETWEEN = re.compile(r"\b(?:from|between)(?: [\w ]{0,20})?$", re.IGNORECASE)
_UNTIL = re.compile(r"\b(?:by|not later than|before)(?: about| around)? $")


def _dates(text: str, year: int, disputed: bool) -> list[Value]:
    """The dates of a sentence; one without a year has that of its neighbour, else `year`."""
    matches = list(_DATE.finditer(text))
    own = [int(_group(match, "year", "year_a", "year_b", "only") or 0) for match in matches]
    found: list[Value] = []
    for n, match in enumerate(matches):
        nearest = next((y for y in (*own[n:], *own[:n][::-1]) if y), year)
        for value in _dates_of(text, match, nearest, disputed):
            if _UNTIL.search(text[: value.start]):
                found.append(replace(value, low=0, least=0, normal=f"../{value.normal}"))
            elif found and _ends_of_range(text, found[-1], value):
                found[-1] = _period(text, (found[-1].start, value.end), found[-1], value)
            else:
                found.append(value)
    return found


def _dates_of(text: str, match: re.Match[str], year: int, disputed: bool) -> Iterator[Value]:
    """One date, a range of days, or each of the days listed; none if the calendar has no such day."""
    span = match.span("only") if match["only"] else match.span()
    if numbers := match["iso"] or match["dotted"]:
        parts = [int(part) for part in re.findall(r"\d+", numbers)]
        yield from _date(text, span, *(parts if match["iso"] else parts[::-1]))
        return
    name, days = _group(match, "month", "month_a", "month_b"), _group(match, "days", "days_a")
    month = next((n for n, full in enumerate(MONTHS, 1) if name and full.startswith(name[:3])), 0)
    if not days:
        yield from _date(text, span, year, month)
        return
    numbered = [
        (n, value) for n in re.findall(r"\d+", days) for value in _date(text, span, year, month, int(n))
    ]
    joint = re.search(r"[-–]| to | or | and |, ", days)
    if numbered and joint and (
        joint[0] in {"-", "–", " to "}
        or (joint[0] == " and " and _BETWEEN.search(text[: span[0]]))
        or (" or " in days and not disputed)
    ):  # fmt: skip
        ordered = sorted((value for _, value in numbered), key=lambda value: value.low)
        yield _period(text, span, ordered[0], ordered[-1])
        return
    for number, value in numbered:
        written = f"{number} {name} {year}" if match["days"] else f"{name} {number}, {year}"
        yield replace(value, written=written, alternative=" or " in days) if joint else value


def _date(text: str, span: tuple[int, int], year: int, month: int = 0, day: int = 0) -> Iterator[Value]:
    """A day, a month or a year; nothing when there is no such day."""
    try:
        first = date(year, month or 1, day or 1)
    except ValueError:
        return
    low = first.toordinal()
    length = 1 if day else calendar.monthrange(year, month)[1] if month else 365 + calendar.isleap(year)
    normal = first.isoformat()[: 10 if day else 7 if month else 4]
    yield Value(*span, low, low + length - 1, low, low + length - 1, "date", normal, text[slice(*span)])


def _period(text: str, span: tuple[int, int], first: Value, last: Value) -> Value:
    normal = first.normal if first == last else f"{first.normal}/{last.normal}"
    return Value(*span, first.low, last.high, first.low, last.high, "date", normal, text[slice(*span)])


def _ends_of_range(text: str, first: Value, last: Value) -> bool:
    """Whether two neighbours are one period ("from 13 May 1946 to 12 November 1948")."""
    joint = text[first.end : last.start]
    between = joint == " and " and _BETWEEN.search(text[: first.start])
    return 0 < first.low <= last.low and bool(between or re.fullmatch(r"\s?[-–]\s?| to | until ", joint))


def _group(match: re.Match[str], *names: str) -> str:
    return next((match[name] for name in names if match[name]), "")


# Times of day -----------------------------------------------------------------------------------

_TIME = re.compile(
    r"\b(?P<hour>\d{1,2})(?:[:.](?P<minute>\d{2}))?\s?(?P<half>[ap](?:m\b|\.m\b\.?))|\b(?P<hour_a>\d{1,2}):(?P<minute_a>\d{2})\b",
    re.IGNORECASE,
)
_CLOCK_TIME = re.compile(rf"{_TIME.pattern}|\b(?:noon|midday|midnight)\b", re.IGNORECASE)
_BEFORE_ZONE = re.compile(rf"(?: on {_DAYS} {MONTH}(?: {_YEAR})?)?[ ,(]*")
_CITY = "Moscow|Tokyo|Washington|London|Berlin|Paris|New York|Beijing"
_ZONE = re.compile(
    rf"\b(?P<name>[Ll]ocal|Eastern|Pacific|{_CITY}|[A-Z]\w+(?:ian|al))(?: (?:summer|standard|war|daylight))? (?:time|midnight|clocks?)\b"
    rf"|\b(?P<universal>GMT|UTC|Greenwich)\b|\b(?:in|by) (?P<city>{_CITY})\b"
)


def zone(text: str) -> str:
    """Whose clock a text names; "" if none."""
    match = _ZONE.search(text)
    return _group(match, "name", "universal", "city").lower() if match else ""


def clock_times(text: str) -> list[tuple[int, int]]:
    """Where times of day stand in a text, without the zone behind them; noon and midnight too."""
    return [match.span() for match in _CLOCK_TIME.finditer(text)]


def _times(text: str) -> list[Value]:
    """Times of day in minutes after midnight."""
    found = []
    for match in _TIME.finditer(text):
        hour, minute = int(_group(match, "hour", "hour_a")), int(_group(match, "minute", "minute_a") or 0)
        if match["half"]:
            hour = hour % 12 + 12 * (match["half"][0] in "pP")
        if hour > 24 or minute > 59:
            continue
        between = _BEFORE_ZONE.match(text, match.end())
        whose = _ZONE.match(text, between.end() if between else match.end())
        start, end, at = match.start(), (whose or match).end(), 60 * hour + minute
        normal, clock = f"{hour:02}:{minute:02}", zone(whose[0]) if whose else ""
        found.append(Value(start, end, at, at, at, at, "time", normal, text[start:end], zone=clock))
    return found


# Numbers ----------------------------------------------------------------------------------------

_DIGITS = {
    word: n
    for n, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
        " seventeen eighteen nineteen".split()
    )
} | {
    word: 10 * n
    for n, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)
}  # fmt: skip
_SCALES = {
    "dozen": 12,
    "hundred": 1e2,
    "thousand": 1e3,
    "million": 1e6,
    "billion": 1e9,
    "trillion": 1e12,
    "bn": 1e9,
}
_LETTERS = {"m": 1e6, "k": 1e3}  # behind an amount of money
_WORD = "|".join(sorted((*_DIGITS, *_SCALES), key=len, reverse=True))
_PARTS = {"half": 0.5, "quarter": 0.25}
NUMBER_WORDS = (  # "half a million", "two hundred and fifty", "two and a half million"
    rf"(?:half an? )?(?:{_WORD})(?:(?:[- ]|(?<=hundred) and |(?<=thousand) and |(?<=million) and )(?:{_WORD})| and an? (?:half|quarter))*"
)
_NUMBER = re.compile(
    r"(?:\b(?:(?P<about>about|around|some|roughly|approximately|approx\.|circa|c\.|ca\.|an estimated|estimated at)"
    r"|(?P<above>(?:more than|over)(?: a)?|at least|above|upwards of|exceeding)"
    r"|(?P<below>nearly|almost|close to)|(?P<under>up to|as many as|at most|fewer than|less than|under|no more than|below)) )?"
    r"(?:(?P<money>(?:US)?[$£€¥])?(?<![\w.,:/-])(?!0\d)(?P<digits>\d+(?:[., \u00a0\u202f]\d{3})+(?:\.\d+)?(?!\d)|\d+(?:\.\d+)?)(?P<part> and an? (?:half|quarter))?"
    r"(?:[ -]?(?P<scale>hundred|thousand|million|billion|trillion|bn)s?\b|(?(money)(?P<letter>[mk])\b))?(?![\w:])(?![.,]\d)"
    rf"|\b(?P<words>{NUMBER_WORDS})\b)",
    re.IGNORECASE,
)
_UNITS = (  # as written, in which unit, and how many of it
    (r"miles per hour|mph", "km/h", 1.609),
    (r"kilomet(?:re|er)s per hour|km/h|kph", "km/h", 1.0),
    (r"kilomet(?:re|er)s?|km", "km", 1.0),
    (r"miles?", "km", 1.609),
    (r"met(?:re|er)s?|m", "km", 0.001),
    (r"centimet(?:re|er)s?|cm", "km", 1e-5),
    (r"millimet(?:re|er)s?|mm", "km", 1e-6),
    (r"yards?", "km", 0.0009144),
    (r"feet|ft", "km", 0.0003048),
    (r"inch(?:es)?", "km", 2.54e-5),
    (r"hours?|hrs?|(?-i:h)", "hour", 1.0),
    (r"minutes?|mins?", "hour", 1 / 60),
    (r"seconds?|secs?|(?-i:s)", "hour", 1 / 3600),
    (r"milliseconds?|ms", "hour", 1 / 3.6e6),
    (r"days?", "day", 1.0),
    (r"weeks?", "day", 7.0),
    (r"months?", "month", 1.0),
    (r"years?", "month", 12.0),
    (r"per cent|percent|%", "percent", 1.0),
    (r"ton(?:ne)?s?", "ton", 1.0),
    (r"kilograms?|kilos?|kg", "ton", 0.001),
    (r"grams?|(?-i:g)", "ton", 1e-6),
    (r"lit(?:re|er)s?|(?-i:[lL])", "litre", 1.0),
    (r"millilit(?:re|er)s?|ml", "litre", 0.001),
    (r"kilobytes?|KB", "byte", 1e3),
    (r"megabytes?|MB", "byte", 1e6),
    (r"gigabytes?|GB", "byte", 1e9),
    (r"terabytes?|TB", "byte", 1e12),
    (r"(?:US )?dollars?", "dollar", 1.0),
    (r"ro?ubles?", "rouble", 1.0),
    (r"yen", "yen", 1.0),
    (r"pounds?", "pound", 1.0),
    (r"euros?|€", "euro", 1.0),
    (r"crowns?|kron(?:a|or|er)", "crown", 1.0),
    (r"francs?", "franc", 1.0),
    (r"marks", "mark", 1.0),
    (r"lire", "lira", 1.0),
    (r"pesos", "peso", 1.0),
    (r"rupees", "rupee", 1.0),
)  # fmt: skip
_SIGNS = {"$": "dollar", "£": "pound", "€": "euro", "¥": "yen"}
CURRENCIES = frozenset("dollar rouble yen pound euro crown franc mark lira peso rupee".split())
TIMES = frozenset({"hour", "day", "month"})
_IMPERIAL = frozenset({1.609, 0.0009144, 0.0003048, 2.54e-5})
_UNIT = re.compile(
    r"[ -]?(?:" + "|".join(f"({written})" for written, _, _ in _UNITS) + r")(?!\w)", re.IGNORECASE
)
_NUMBERED = re.compile(  # "Order No. 5", "Points 4 and 5", "T-34"
    r"(?:\bNo\.? ?|[A-Z]-|\b(?:Articles?|Decree|Order|Unit|Points?|Clauses?|Chapters?|Decision|Type|Sections?|Pages?)"
    r" (?:No\.? )?(?:\d+(?:, | and | to | or ))*)$"
)


def unit_of(text: str) -> tuple[str, float]:
    """The unit that a text begins with and how many of the common unit it is; ("", 1) if none."""
    match = _UNIT.match(text)
    return _UNITS[match.lastindex - 1][1:] if match and match.lastindex else ("", 1.0)


def unit_end(text: str, start: int) -> int:
    """Where the unit ends that stands at a place of a text; the place itself if none does."""
    match = _UNIT.match(text, start)
    return match.end() if match else start


def measure_end(text: str, span: tuple[int, int]) -> int:
    """Where a number ends with its unit, and with the smaller one behind it ("1 hour 30 minutes")."""
    for value in _numbers(text, False):
        end = value.start + len(value.written)
        if value.start <= span[0] and span[1] <= end:
            return end
    return unit_end(text, span[1])


def _numbers(text: str, disputed: bool) -> list[Value]:
    """The numbers and ranges of a sentence, without dates, times, ordinals and numbers that are names."""
    taken = [match.span() for pattern in (_DATE, _TIME) for match in pattern.finditer(text)]
    found: list[Value] = []
    for match in _NUMBER.finditer(text):
        if any(a < match.end() and match.start() < b for a, b in taken) or not _is_count(text, match):
            continue
        value = _number(text, match)
        if found and (
            joined := _compound(text, found[-1], value) or _range(text, found[-1], value, disputed)
        ):
            found[-1] = joined
        elif found and text[found[-1].end : value.start] in {" or ", " or even "}:
            found[-1] = replace(found[-1], alternative=True)
            found.append(replace(value, alternative=True))
        else:
            found.append(value)
    return found


def _is_count(text: str, match: re.Match[str]) -> bool:
    before, after = text[: match.start()], text[match.end() :]
    if re.match(r"[ -]quarters?\b", after):
        return False
    if not match["words"]:
        return not (_NUMBERED.search(before) or re.match(r"(?:st|nd|rd|th)\b", after))
    if match["words"][0].isupper() and before.strip():  # the Big Six
        return False
    if re.search(r"\b[Tt]he $", before) and re.match(r"[,.;)]| (?:of|and|in|were|was)\b", after):
        return False
    return match["words"].lower() != "one"


def _number(text: str, match: re.Match[str]) -> Value:
    number, rounding = (
        _worded(match["words"])
        if match["words"]
        else _written(match["digits"], match["part"] or "", match["scale"] or match["letter"])
    )
    unit, factor = (_SIGNS[match["money"][-1]], 1.0) if match["money"] else unit_of(text[match.end() :])
    low, high, least, most = number, number, number - rounding, number + rounding
    if match["about"]:
        digits = f"{number:.0f}"
        place = 10 ** (len(digits) - len(digits.rstrip("0")))
        slack = max(min(place, 0.05 * number), 0.005 * number)  # "about 55,000" is not 60,000
        least, most = min(least, number - slack), max(most, number + slack)
    elif match["below"]:
        least = number * 0.9
    elif match["above"] and not _RULES.search(text):
        least, high, most = number, math.inf, math.inf
    elif match["under"] and not _RULES.search(text):
        low, least, most = 0, 0, number
    if factor in _IMPERIAL:  # miles written for kilometres are rounded, and the other way round
        least, most = least * 0.97, most * 1.03
    low, high, least, most = low * factor, high * factor, least * factor, most * factor
    written = text[match.start() : unit_end(text, match.end())]
    return Value(*match.span(), low, high, least, most, unit, _normal(low, high, unit), written)


# what sets a limit, which another may contradict
_RULES = re.compile(
    r"\b(?:(?:may|can|must|shall|should)(?! have)|cannot|allow(?:s|ed)|permit(?:s|ted)|limit(?:s|ed)?|require[sd]?|needs?|minimum|maximum)\b"
    r"|\b(?:is|are) (?=up to |at most |at least |no more than )"
)


def _normal(low: float, high: float, unit: str) -> str:
    if low == high:
        return f"{low:.10g} {unit}".strip()
    ends = (f"{low:.10g}" if low else "", "" if math.isinf(high) else f"{high:.10g}")
    return f"{'..'.join(ends)} {unit}".strip()


def _worded(words: str) -> tuple[float, float]:
    total = group = largest = 0.0
    for word in re.findall(r"[a-z]+", words.lower()):
        scale = _SCALES.get(word, 0)
        if scale:
            group = (group or 1) * scale
        elif word in _PARTS and total:  # "a million and a half"
            total += _PARTS[word] * largest
        else:
            group += _DIGITS.get(word, _PARTS.get(word, 0))
        if scale > 100:
            total, group, largest = total + group, 0.0, scale
    return total + group, _rounding(total + group)


def _written(digits: str, part: str, scale: str | None) -> tuple[float, float]:
    digits = re.sub(r"[, \u00a0\u202f]", "", digits)
    if digits.count(".") > 1:
        digits = digits.replace(".", "")
    factor = (_SCALES | _LETTERS)[scale.lower()] if scale else 1.0
    number = (float(digits) + next((_PARTS[name] for name in _PARTS if name in part), 0)) * factor
    if "." not in digits:
        return number, _rounding(number)
    return number, min(0.5 * factor / 10 ** len(digits.split(".")[1]), 0.08 * number)


def _rounding(number: float) -> float:
    """Half the place that a whole number is rounded to, at most 8 %; counts below 100 are exact."""
    digits = f"{number:.0f}"
    zeros = len(digits) - len(digits.rstrip("0"))
    return min(0.5 * 10**zeros, 0.08 * number) if number >= 100 and zeros else 0.0


def _compound(text: str, first: Value, then: Value) -> Value | None:
    """ "1 hour 30 minutes" and "5 feet 6 inches" as one value."""
    whole, part = unit_of(text[first.end :])[1], unit_of(text[then.end :])[1]
    joint = text[unit_end(text, first.end) : then.start]
    if not (first.unit and first.unit == then.unit and part < whole and then.high < whole):
        return None
    if not re.fullmatch(r",? (?:and )?", joint):
        return None
    low, high = first.low + then.low, first.high + then.high
    least, most = first.least + then.least, first.most + then.most
    written = text[first.start : unit_end(text, then.end)]
    return Value(
        first.start, then.end, low, high, least, most, first.unit, _normal(low, high, first.unit), written
    )


def _range(text: str, low: Value, high: Value, disputed: bool) -> Value | None:
    """Two neighbours as one value: "7,000 to 12,000", "between 7,000 and more than 12,000", "three or four"."""
    joint = text[low.end : high.start]
    if low.unit and (match := _UNIT.match(joint)):
        joint = joint[match.end() :]
    to = re.fullmatch(r"\s?[-–]\s?| (?:up )?to (?:the official )?", joint)
    between = joint == " and " and re.search(
        r"\b(?:from|between)(?: \w+ \w+)? $", text[: low.start], re.IGNORECASE
    )
    if not (to or between or (joint == " or " and not disputed)):
        return None
    least = low.low if low.unit else low.low * unit_of(text[high.end :])[1]
    scale = re.search(r"million|thousand|billion", high.written)
    if scale and low.low < 1000:  # "3 to 5 million"
        least *= _SCALES[scale[0]]
    most = high.most if math.isinf(high.most) else high.high
    if least >= most or low.unit not in ("", high.unit):
        return None
    normal, written = _normal(least, most, high.unit), text[low.start : unit_end(text, high.end)]
    return Value(low.start, high.end, least, most, least, most, high.unit, normal, written)
