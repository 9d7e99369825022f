"""Things that go by a number: the 2nd Front, Article 9, Henry VIII, error E04, the third star.

A sentence about the 1st Front says nothing of the 2nd, however alike their words are, and a cross-encoder of this
size hardly tells them apart. Only numbers that name are looked at: ordinals and what they stand before, numbers behind
a capitalised word or a noun such as "step", and codes. Amounts, years, hours and days of a month are none, nor is
anything where one thing follows another ("Windows 11 replaced Windows 10").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from chatbot.terms import STOP_WORDS


@dataclass(frozen=True)
class Numbered:
    """One mention: `name` is its first word, `more` the next one of a longer name, "" if it has none or none is known."""

    name: str
    more: str
    number: str

    def is_kind_of(self, other: Numbered) -> bool:
        """Whether both are of one sort of thing: the 2nd Far Eastern Front and the 1st, Grade 8 and the seventh grade."""
        return self.name == other.name and (self.more == other.more or "" in {self.more, other.more})

    def is_same(self, other: Numbered) -> bool:
        """The number alone too: "5" is 5a and 5b as well."""
        one, two = self.number, other.number
        return one == two or one.rstrip("abcdefgh") == two or two.rstrip("abcdefgh") == one


def numbered(text: str) -> list[Numbered]:
    """The numbered things of a text; "2nd", "second" and "II" are 2, of "Articles 3 to 5" each."""
    words = list(_WORD.finditer(text))
    return [mention for i in range(len(words)) for mention in _at(words, i, text)]


def wanted_of(question: str) -> list[Numbered]:
    """What a sentence must have under the same number; nothing for "What comes after Step 2?"."""
    return [] if _SUCCEEDS.search(question) else numbered(question)


def is_of_another(wanted: Sequence[Numbered], text: str) -> bool:
    """Whether a text has one of the things wanted under other numbers only."""
    if not wanted or _SUCCEEDS.search(text):
        return False
    told, bare = numbered(text), _bare(text)
    return any(
        kin and one.number not in bare and not any(one.is_same(other) for other in kin)
        for one in wanted
        if (kin := [other for other in told if one.is_kind_of(other)])
    )


def names_them(wanted: Sequence[Numbered], text: str) -> bool:
    """Whether a text has all the things wanted under their numbers."""
    told = numbered(text)
    return all(any(one.is_kind_of(other) and one.is_same(other) for other in told) for one in wanted)


def _bare(text: str) -> set[str]:
    """Its numbers and ordinals, whatever they stand with ("became the first to"), but for days of a month."""
    words = [match.group().rstrip(_ENDS) for match in _WORD.finditer(text)]
    return {
        number
        for word, behind in pairwise([*words, ""])
        if (number := _ordinal(word) or (word if word.isdigit() else "")) and behind.lower() not in _MONTHS
    }


def _at(words: Sequence[re.Match[str]], i: int, text: str) -> Iterator[Numbered]:
    word = words[i].group().rstrip(_ENDS)
    if ordinal := _ordinal(word):
        names = [match.group().rstrip(_ENDS).lower() for match in _behind(words, i, text)]
        if names and not _is_frame_word(names[0]) and names[0] not in _MONTHS:
            more = (
                names[1] if len(names) > 1 and not _is_frame_word(names[1]) and names[0] not in _NOUNS else ""
            )
            yield Numbered(_singular(names[0]), more, ordinal)
    elif code := _CODE.fullmatch(word):
        yield Numbered(f"{code[1].lower()}…", "", code[2].lstrip("0") or "0")
    elif i and _names(
        before := words[i - 1].group().rstrip(_ENDS), text[words[i - 1].end() : words[i].start()]
    ):
        behind = words[i + 1].group().lower() if i + 1 < len(words) else ""
        numbers = list(_numbers(text, words[i], before))
        if numbers and behind.rstrip(_ENDS) not in _MONTHS | _UNITS:
            yield from (Numbered(_singular(before.lower()), "", number) for number in numbers)


def _behind(words: Sequence[re.Match[str]], i: int, text: str) -> list[re.Match[str]]:
    """The next two words, as far as no stop stands before them."""
    found: list[re.Match[str]] = []
    for k in range(i + 1, min(i + 3, len(words))):
        if text[words[k - 1].end() : words[k].start()].strip() or words[k - 1].group()[-1] in _ENDS:
            break
        found.append(words[k])
    return found


def _names(word: str, between: str) -> bool:
    """Whether a number behind the word may be its: "Article 9", "step 2", not "In 9", "Sunday 3" or "cost 9"."""
    low = word.lower()
    if (
        between.strip() not in {"", "No.", "no."}
        or low in _MONTHS
        or low in _NOT_NAMED
        or _is_frame_word(low)
    ):
        return False
    return word[0].isupper() or _singular(low) in _NOUNS


def _numbers(text: str, word: re.Match[str], before: str) -> Iterator[str]:
    """The number there and, of a list or a range, the others: "3, 4 and 5", "10 to 14"."""
    run = _RUN.match(text, word.start())
    if run is None:
        roman = _ROMAN.get(word.group().rstrip(_ENDS))
        if roman:
            yield roman
        return
    given = [part.lower() for part in re.findall(r"\d+(?:\.\d+)*[a-h]?", run.group())]
    if (
        any(re.fullmatch(r"1\d{3}|20\d\d", number) for number in given)
        and _singular(before.lower()) not in _NOUNS
    ):
        return
    yield from given
    if re.search(r"to|through|[-–]", run.group()) and len(given) == 2 and all(map(str.isdigit, given)):
        low, high = map(int, given)
        yield from map(str, range(low + 1, min(high, low + 50)))
    if limit := _OPEN_ENDED.match(text, run.end()):
        older = limit[1].lower() in {"older", "earlier", "below", "under", "lower", "less"}
        start = int(re.match(r"\d+", given[-1])[0])  # type: ignore[index]
        yield from map(str, range(max(start - 50, 0), start) if older else range(start + 1, start + 51))


def _ordinal(word: str) -> str:
    match = re.fullmatch(r"(\d+)(?:st|nd|rd|th)", word, re.IGNORECASE)
    return match[1] if match else _ORDINALS.get(word.lower(), "")


def _singular(word: str) -> str:
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and word[:-1] in _NOUNS else word


def _is_frame_word(word: str) -> bool:
    return word in STOP_WORDS or word in _FRAME


_ENDS = ".,'’-"
_WORD = re.compile(r"[^\W_][\w.'’-]*")
_CODE = re.compile(r"([A-Z]{1,3})-?(\d{1,4})")
_RUN = re.compile(
    r"\d+(?:\.\d+)*[a-h]?\b(?![:%°]\d?)(?:(?:\s*,\s*|\s*,?\s+(?:and|or|to|through)\s+|\s*[-–]\s*)\d+(?:\.\d+)*[a-h]?\b)*"
)
_OPEN_ENDED = re.compile(
    r"\s+(?:or|and)\s+(older|earlier|below|under|lower|less|later|newer|above|over|higher|more|up)\b", re.I
)
_SUCCEEDS = re.compile(
    r"\b(?:succe(?:ed|ss)\w*|replac\w+|follow(?:ed|s|ing)?|before|after|next|previous\w*|predecessor|instead of|rather than)\b",
    re.IGNORECASE,
)
_ORDINALS = {
    word: str(number)
    for number, word in enumerate(
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split(), 1
    )
}
_ROMAN = {
    word: str(number)
    for number, word in enumerate(
        "I II III IV V VI VII VIII IX X XI XII XIII XIV XV XVI XVII XVIII XIX XX".split(), 1
    )
}
_MONTHS = frozenset(
    "january february march april may june july august september october november december"
    " jan feb mar apr jun jul aug sep sept oct nov dec".split()
)
_NOT_NAMED = frozenset(
    "monday tuesday wednesday thursday friday saturday sunday about around nearly almost some over under age aged"
    " only just exactly between approximately least most total".split()
)
_FRAME = frozenset("is was are were did does do has had have to of in on at by for and or the a an".split())
_UNITS = frozenset(
    "am pm a.m. p.m. a.m p.m o'clock percent km m cm mm kg g mg l ml h min hours hour minutes days weeks months years"
    " people men women soldiers pounds dollars euros".split()
)
_NOUNS = frozenset(
    "act annex appendix article batch bay berth book building bus category chapter class clause code course cycle day division"
    " episode error exercise figure floor form gate grade group item lesson level line lot module option page paragraph part"
    " phase plan platform point programme program question room route rule schedule season section series stage step table"
    " team tier track tram type unit version volume week zone offence army front".split()
)
