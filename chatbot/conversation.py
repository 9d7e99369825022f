"""Follow-up questions made whole by rule, and the few sentences of small talk.

MEASURED
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

_TURNS = 8  # earlier questions looked at; older ones are seldom meant
_LONGEST = 60  # words; a longer question explains itself


def standalone(question: str, history: Sequence[str]) -> str:
    """The question in a form that can be searched alone; itself if it already stands alone.

    `history` holds the earlier user questions, oldest first, without the answers.
    """
    earlier: list[_Parsed] = []
    for turn in history[-_TURNS:]:
        if turn.strip() and smalltalk(turn) is None:
            earlier.append(_parse(_resolve(turn, earlier)))
    return _resolve(question, earlier)


def smalltalk(question: str) -> str | None:
    """A short reply to a greeting, thanks, goodbye or a question about the program, else None."""
    said = re.sub(r"[^\w\s]", "", question.replace("’", "'").replace("'", "")).lower().split()
    if not said or len(said) > 9:
        return None
    text = " ".join(said)
    for pattern, reply in _SMALLTALK:
        if pattern.fullmatch(text):
            return reply
    return None


# --- reading one question ---------------------------------------------------------------------


@dataclass(frozen=True)
class _Word:
    text: str
    low: str
    start: int
    end: int
    tag: str = ""  # wh aux pron dem det prep conj neg adv verb adj num noun name poss punct


@dataclass(frozen=True)
class _Mention:
    """Something a later question may refer to."""

    text: str  # as it would be written into another question, "the Kwantung Army"
    head: str  # "army"
    kind: str  # person group country place org event thing date name (= unknown proper noun)
    plural: bool
    proper: bool
    role: str  # focus subject object oblique
    prep: str  # "at" in "at Yalta", else ""
    start: int
    end: int
    counted: bool = False  # "soldiers" in "how many soldiers"


@dataclass(frozen=True)
class _Parsed:
    text: str
    words: tuple[_Word, ...]
    mentions: tuple[_Mention, ...]
    opener: str  # lower case, what stands before the auxiliary: "when", "how many men", ""
    aux: int  # index of the auxiliary among words, -1 if none
    verb: int  # index of the main verb, -1 if none


@lru_cache(maxsize=256)
def _parse(text: str) -> _Parsed:
    words = _tagged(text)
    aux = next((i for i, word in enumerate(words) if word.tag == "aux"), -1)
    first_verb = next((i for i, word in enumerate(words) if word.tag == "verb"), -1)
    if aux > first_verb >= 0:
        aux = -1  # "Who signed the pact that was broken?"
    opener = " ".join(word.low for word in words[: max(aux, 0)] if word.tag != "punct")
    opener = re.sub(r"^(?:and|but|so|or|also|then|ok|okay) ", "", opener)
    verb = _main_verb(words, aux)
    if aux >= 0 and verb >= 0 and words[aux].low in _DO | _MODAL and words[verb].tag != "verb":
        words[verb] = replace(words[verb], tag="verb")  # "did Stalin capitulate"
    mentions = list(_mentions(text, words, aux, verb))
    mentions += _focus(text, words, opener, aux, verb)
    return _Parsed(text, tuple(words), tuple(mentions), opener, aux, verb)


def _tagged(text: str) -> list[_Word]:
    words = [
        _Word(m.group(), m.group().lower().replace("’", "'"), m.start(), m.end())
        for m in _TOKEN.finditer(text)
    ]
    letters = [word.text for word in words if len(word.text) > 3 and word.text[0].isalpha()]
    shouted = len(letters) > 2 and all(not word[0].islower() for word in letters)
    owing = False  # a do-auxiliary or "to" still waits for its verb
    for i, word in enumerate(words):
        before = words[i - 1].tag if i else ""
        after = words[i + 1].low if i + 1 < len(words) else ""
        tag = _tag(word, before, after, first=i == 0, shouted=shouted, owing=owing)
        if word.low in _DO or word.low in _MODAL or word.low == "to":
            owing = True
        elif tag == "verb":
            owing = False
        words[i] = replace(word, tag=tag)
    return words


def _tag(
    word: _Word, before: str, after: str, *, first: bool, shouted: bool, owing: bool
) -> str:
    low = word.low
    inside = before in {"det", "num", "adj", "poss"}  # a noun is due
    if word.text[0] in "\"“":
        return "name"
    if not word.text[0].isalnum():
        return "poss" if low.startswith("'") and before in {"noun", "name"} else _mark(low)
    if low[0].isdigit() or (low in _MONTHS and (before in {"num", "prep"} or after.isdigit())):
        return "num"
    capital = word.text[0].isupper() and not shouted
    if low in _CLOSED and not (capital and not first and _CLOSED[low] in {"adv", "adj"}):
        return _CLOSED[low]
    if low in _NUMBERS:
        return "num"
    if low in _KNOWN or (capital and not first):
        return "name"
    if low.endswith("ly") and low not in _NOT_ADVERBS:
        return "adv"
    if low in _ADJECTIVES:
        return "adj"
    if low in _NOUN_OR_VERB:
        if inside or before in {"prep", "verb"} or after in {"of", "on", "between"}:
            return "noun"
        if after in _VERB_FORMS and after not in _NOUN_OR_VERB:
            return "noun"
        return "verb" if owing or before in {"wh", "pron", "adv", ""} else "noun"
    if low in _VERB_FORMS or _looks_past(low):
        return "noun" if inside and (after in _NOUNS or _looks_past(low)) else "verb"
    if low.endswith("ing") and low[:-3] in _VERB_FORMS:
        return "noun" if inside or before == "prep" else "verb"
    return "name" if capital and low not in _NOUNS else "noun"


def _mark(low: str) -> str:
    return "aux" if low == "'s" else "punct"


def _looks_past(low: str) -> bool:
    return low.endswith("ed") and len(low) > 4 and low not in _NOT_PAST


def _main_verb(words: list[_Word], aux: int) -> int:
    start = aux + 1
    for i in range(start, len(words)):
        if words[i].tag == "verb":
            return i
    if aux < 0 or words[aux].low not in _DO | _MODAL:
        return -1
    stop = next(
        (i for i in range(start + 1, len(words)) if words[i].tag in {"prep", "punct", "adv"}),
        len(words),
    )
    nominal = stop - start > 1 and words[stop - 1].tag in {"noun", "adj"}
    return stop - 1 if nominal else -1  # "when did Stalin capitulate"


_NOMINAL = {"noun", "name", "num", "adj"}


def _mentions(text: str, words: list[_Word], aux: int, verb: int) -> Iterator[_Mention]:
    i = 0
    while i < len(words):
        end = _phrase_end(words, i)
        if end == i:
            i += 1
            continue
        mention = _mention(text, words, i, end, aux, verb)
        if mention is not None:
            yield mention
        i = end
    

def _phrase_end(words: list[_Word], start: int) -> int:
    """End of the noun phrase that begins here, with its "of …"; `start` if none does."""
    i = _core_end(words, start)
    if i == start:
        return start
    while i + 1 < len(words) and words[i].low in {"of", "between"}:
        end = _core_end(words, i + 1)
        if end == i + 1:
            break
        if words[i].low == "between" and end < len(words) and words[end].low == "and":
            end = _core_end(words, end + 1)
        i = end
    return i


def _core_end(words: list[_Word], start: int) -> int:
    i = start
    if i < len(words) and words[i].tag == "det":
        i += 1
    first = i
    while i < len(words) and words[i].tag in _NOMINAL:
        i += 1
    while i > first and words[i - 1].tag == "adj" and i - first > 1:
        i -= 1  # "Manchuria important"
    if i == first or all(word.tag == "adj" for word in words[first:i]):
        return start
    return i


def _mention(
    text: str, words: list[_Word], start: int, end: int, aux: int, verb: int
) -> _Mention | None:
    phrase = words[start:end]
    core = [word for word in phrase[: _core_end(phrase, 0)] if word.tag != "det"]
    named = any(word.tag == "name" for word in core)
    head = _singular(core[-1].low)
    before = words[start - 1] if start else None
    prep = before.low if before is not None and before.tag == "prep" else ""
    asked = [word.low for word in words[max(start - 2, 0) : start]]
    counted = asked[-2:] in (["how", "many"], ["how", "much"])
    if asked[-1:] in (["which"], ["what"], ["whose"]):
        return None  # what is asked for; see _focus
    kind = _kind(core, named, prep, words, start, phrase[0].tag == "det")
    if kind == "" or (head in _VAGUE and not named):
        return None
    plural = _is_plural(core[-1].low, kind)
    if prep:
        role = "oblique"
    elif start > aux >= 0 and (verb < 0 or start < verb) and not counted:
        role = "subject"
    else:
        role = "object" if aux >= 0 or verb >= 0 else "subject"
    owner = before is not None and before.tag == "poss"
    shown = text[phrase[0].start : phrase[-1].end]
    if owner:
        back = start - 1
        while back > 0 and words[back - 1].tag in _NOMINAL | {"det"}:
            back -= 1
        shown = text[words[back].start : phrase[-1].end]
    return _Mention(
        text=_with_article(shown, kind, plural, named),
        head=head,
        kind=kind,
        plural=plural,
        proper=named or kind == "date",
        role=role,
        prep=prep,
        start=phrase[0].start,
        end=phrase[-1].end,
        counted=counted,
    )


def _kind(
    core: list[_Word], named: bool, prep: str, words: list[_Word], start: int, article: bool
) -> str:
    low = " ".join(word.low for word in core)
    last, head = core[-1].low, _singular(core[-1].low)
    if all(word.tag == "num" for word in core):
        return "date" if any(w.low in _MONTHS or _YEAR.fullmatch(w.low) for w in core) else ""
    if core[0].text[0] in "\"“":
        return "thing"
    if low in _COUNTRIES:
        return "country"
    if low in _PEOPLES or head in _PEOPLE_NOUNS and last != head or last in _PEOPLE_NOUNS_MASS:
        return "group"
    if head in _HEADS:
        return _HEADS[head]
    if low in _PLACES or last in _PLACES:
        return "place"
    if last in _ROLE_OF or core[0].low in _TITLES:
        return "person"
    if head in _TITLES or head in _PERSON_NOUNS:
        return "person"
    if last in _PEOPLES:
        return "group"
    if not named:
        return _kind_of_common(core, words, start, article)
    if article:
        return "thing"
    if prep in {"in", "at", "from", "to", "near", "into", "through", "across"}:
        return "place"
    opening = [word.low for word in words[:start]][-2:]
    if opening in (["who", "was"], ["who", "is"], ["who", "'s"]) or len(core) > 1:
        return "person"
    return "name"


def _kind_of_common(core: list[_Word], words: list[_Word], start: int, article: bool) -> str:
    """Unknown lower-case words: a bare subject or object may be an uncapitalised name."""
    if article or len(core) > 2 or core[-1].low in _NOUNS:
        return "thing"
    opening = [word.low for word in words[:start]][-2:]
    if opening in (["who", "was"], ["who", "is"]):
        return "person"
    alone = start == 0 or words[start - 1].tag in {"aux", "verb"}
    return "name" if alone and not core[-1].low.endswith("s") else "thing"


def _focus(
    text: str, words: list[_Word], opener: str, aux: int, verb: int
) -> Iterator[_Mention]:
    """What the question asks for: "Which general led X?" gives "the general who led X"."""
    body = text.rstrip(" ?!.")
    plain = [word for word in words if word.tag != "punct"]
    if len(plain) < 3 or plain[0].tag != "wh":
        return
    asked = plain[0].low
    if asked == "who" and aux < 0 and verb == 1:
        rest = body[plain[1].start :]
        yield _Mention(f"the person who {rest}", "person", "person", False, False, "focus", "",
                       plain[0].start, plain[0].end)
        return
    counting = asked == "how" and plain[1].low in {"many", "much"}
    if asked not in {"which", "what"} and not counting:
        return
    first = 2 if counting else 1
    stop = next((i for i in range(first, len(plain)) if plain[i].tag in {"aux", "verb"}), 0)
    noun = plain[first:stop]
    if not noun or noun[-1].tag not in {"noun", "name"} or noun[-1].low in _VAGUE:
        return
    head = _singular(noun[-1].low)
    plural = noun[-1].low != head or head in _PEOPLE_NOUNS_MASS
    person = head in _TITLES or head in _PERSON_NOUNS or head in _PEOPLE_NOUNS
    kind = ("group" if plural else "person") if person else _HEADS.get(head, "thing")
    name = text[noun[0].start : noun[-1].end]
    clause = _relative(body, plain, stop, "who" if person else "that")
    yield _Mention(f"the {name} {clause}".rstrip(), head, kind, plural, False, "focus", "",
                   noun[0].start, noun[-1].end, counted=counting)


def _relative(body: str, plain: list[_Word], stop: int, pronoun: str) -> str:
    """The rest of the question as a relative clause: "held in Siberia", "Japan lost"."""
    aux = plain[stop]
    rest = body[plain[stop].start :]
    if aux.tag == "verb":
        return f"{pronoun} {rest}"
    after = plain[stop + 1 :]
    if aux.low in _BE:
        past = bool(after) and after[0].tag == "verb"
        return body[after[0].start :] if past else f"{pronoun} {rest}"
    verb = next((word for word in after if word.tag == "verb"), None)
    if aux.low == "did" and verb is not None and verb is not after[0]:
        subject = body[after[0].start : verb.start].strip()
        return f"{subject} {_past(verb.low)}{body[verb.end :]}"
    return ""


def _is_plural(last: str, kind: str) -> bool:
    if kind in {"country", "person", "event", "org", "date"}:
        return False if last not in _PLURAL_EVENTS else True
    return kind == "group" or (last != _singular(last) and last not in _PLACES) or last in {
        "kurils", "kuriles", "hiroshima and nagasaki"
    }


def _singular(low: str) -> str:
    if len(low) < 4 or not low.endswith("s") or low.endswith(("ss", "us", "is")):
        return {"men": "man", "women": "woman"}.get(low, low)
    if low.endswith("ies") and len(low) > 4:
        return low[:-3] + "y"
    if low.endswith(("ches", "shes", "sses", "xes")):
        return low[:-2]
    return low[:-1]


def _with_article(shown: str, kind: str, plural: bool, named: bool) -> str:
    shown = re.sub(r"^(?:a|an|any|some|the|these|those|this|that|all|both)\s+(?=\S)", "the ",
                   shown, flags=re.I)
    if shown.startswith("the ") or kind in {"date", "person", "name"}:
        return shown
    last = shown.split()[-1].lower()
    if (plural and not (kind == "place" and named)) or shown.lower() in _TAKES_ARTICLE:
        return shown if last in {"hiroshima", "nagasaki"} or "'s " in shown else f"the {shown}"
    return shown
