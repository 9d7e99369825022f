"""Things that go by a number: the 2nd Front, Article 9, Henry VIII, the third star.

A sentence about the 1st Front says nothing of the 2nd, however alike their words are, and a cross-encoder of this
size hardly tells them apart. Only numbers that name are looked at: ordinals with the words behind them, and a number or
Roman numeral behind a capitalised word. Amounts, years and days of a month are none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

Frame = tuple[str, ...]  # the words that a number stands with, lower case


def numbered(text: str) -> dict[Frame, set[str]]:
    """The numbers of each numbered thing in a text, "2nd", "second" and "II" alike."""
    words = [match.group().rstrip(".'’-") for match in _WORD.finditer(text)]
    found: dict[Frame, set[str]] = {}
    for i, word in enumerate(words):
        before, behind = words[i - 1] if i else "", words[i + 1 : i + 3]
        if ordinal := _ordinal(word):
            if behind and behind[0].lower() not in _MONTHS and behind[0].lower() != "of":
                frame = tuple(name.lower() for name in behind)
                found.setdefault(frame, set()).add(ordinal)
        elif before[:1].isupper() and before.lower() not in _MONTHS and (number := _number(word)):
            found.setdefault((before.lower(), ""), set()).add(number)
    return found


def is_of_another(wanted: Mapping[Frame, set[str]], text: str) -> bool:
    """Whether a text has one of the things wanted under other numbers only."""
    if not wanted:
        return False
    told = numbered(text)
    return any(frame in told and not numbers & told[frame] for frame, numbers in wanted.items())


def _ordinal(word: str) -> str:
    match = re.fullmatch(r"(\d+)(?:st|nd|rd|th)", word, re.IGNORECASE)
    return match[1] if match else _ORDINALS.get(word.lower(), "")


def _number(word: str) -> str:
    if re.fullmatch(r"\d{1,3}[a-z]?", word):
        return word
    return _ROMAN.get(word, "")


_WORD = re.compile(r"[^\W_][\w.'’-]*")
_ORDINALS = {
    word: str(number)
    for number, word in enumerate(
        "first second third fourth fifth sixth seventh eighth ninth tenth".split(), 1
    )
}
_ROMAN = {
    word: str(number)
    for number, word in enumerate("I II III IV V VI VII VIII IX X XI XII XIII XIV XV XVI".split(), 1)
}
_MONTHS = frozenset(
    "january february march april may june july august september october november december"
    " jan feb mar apr jun jul aug sep sept oct nov dec".split()
)
