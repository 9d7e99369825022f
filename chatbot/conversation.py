"""Follow-up questions made whole by rule, and the few sentences of small talk.

A question is cut into words with rough tags, noun phrases become mentions (kind, number, role), and
pronouns, definite nouns and fragments are completed from the mentions of earlier questions by agreement,
role and recency. What cannot be put into the sentence is added in brackets.

Measured on CANARD (3,430 turns with human rewrites), with the user's questions as the only history; rules
were tuned on the dialogues whose sha256(id) is even, the figures are of the others (n = 1,660 turns):

    token F1 with the human rewrite     ours 0.693, question unchanged 0.676, all questions joined 0.431
    content words a rewrite adds        21 % of 5,310 stand in the earlier questions at all (the subject of a
                                        CANARD dialogue is its title, the rest is in the answers);
                                        ours finds 7.3 % (34 % of those within reach)
    words added that are in the rewrite 44 % of 886 (all questions joined: 9.6 %)
    turns that already stand alone      52 of 53 left unchanged
    follow-ups wholly within reach      n = 145: F1 0.828 (unchanged 0.764), recall 39 %, precision 64 %
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
        if 0 < len(turn.split()) <= _LONGEST and smalltalk(turn) is None:
            earlier.append(_parse(_resolve(turn, earlier)))
    return _resolve(question, earlier)


def smalltalk(question: str) -> str | None:
    """A short reply to a greeting, thanks, goodbye or a question about the program, else None."""
    said = re.sub(r"['’]", "", question[:200].lower())
    words = re.findall(r"\w+", said)
    if not words or len(words) > 9 or len(question) > 200:
        return None
    text = " ".join(_MEANT.get(word, word).replace("_", " ") for word in words)
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
    shouted = text.isupper() or any(
        word.text.istitle()
        and _CLOSED.get(word.low) in {"aux", "wh", "pron"}
        and word.low not in {"may", "will", "i"}
        for word in words[1:]
    )
    owing = False  # a do-auxiliary or "to" still waits for its verb
    for i, word in enumerate(words):
        before = words[i - 1].tag if i else ""
        if before == "num" and _YEAR.fullmatch(words[i - 1].low):
            before = "date"
        elif i and words[i - 1].low in {"many", "much"}:
            before = "det"
        after = words[i + 1].low if i + 1 < len(words) else ""
        tag = _tag(word, before, after, first=i == 0, shouted=shouted, owing=owing)
        if word.low in _DO or word.low in _MODAL or word.low == "to":
            owing = True
        elif tag == "verb":
            owing = False
        words[i] = replace(word, tag=tag)
    return words


def _tag(word: _Word, before: str, after: str, *, first: bool, shouted: bool, owing: bool) -> str:
    low = word.low
    inside = before in {"det", "num", "adj", "poss"}  # a noun is due
    if word.text[0] in '"“':
        return "name"
    if not word.text[0].isalnum():
        return "poss" if low.startswith("'") and before in {"noun", "name"} else _mark(low)
    if low[0].isdigit() or (low in _MONTHS and (before in {"num", "prep"} or after.isdigit())):
        return "num"
    capital = word.text[0].isupper() and not shouted
    if low in _CLOSED and not (capital and not first and _CLOSED[low] in {"adv", "det"}):
        return _CLOSED[low]
    if low in _NUMBERS:
        return "num"
    if low in _KNOWN or (capital and not first):
        return "name"
    if low.endswith("ly") and low not in _NOT_ADVERBS:
        return "adv"
    if low in _ADJECTIVES:
        return "adj"
    if low == "last" and owing:
        return "verb"
    if low in _NOUN_OR_VERB or (low.endswith("s") and _singular(low) in _NOUN_OR_VERB):
        if inside or before in {"prep", "verb"} or after in {"of", "on", "between"}:
            return "noun"
        if after in _VERB_FORMS and after not in _NOUN_OR_VERB:
            return "noun"
        return "verb" if owing or before in {"wh", "pron", "adv"} else "noun"
    if low in _VERB_FORMS or _looks_past(low):
        return "noun" if inside and (after in _NOUNS or _looks_past(low)) else "verb"
    if low.endswith("ing") and low not in _HEADS and len(low) > 5:
        return "noun" if inside or before == "prep" else "verb"
    if not capital or low in _NOUNS or after in _DO or after in _MODAL:
        return "noun"  # "Howw did Stalin …"
    return "name"


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


def _mention(text: str, words: list[_Word], start: int, end: int, aux: int, verb: int) -> _Mention | None:
    phrase = words[start:end]
    core = [word for word in phrase[: _core_end(phrase, 0)] if word.tag != "det"]
    named = any(word.tag == "name" for word in core)
    head = _singular(_last(core))
    before = words[start - 1] if start else None
    prep = before.low if before is not None and before.tag == "prep" else ""
    asked = [word.low for word in words[max(start - 2, 0) : start]]
    counted = asked[-2:] in (["how", "many"], ["how", "much"])
    if asked[-1:] in (["which"], ["what"], ["whose"]):
        return None  # what is asked for; see _focus
    kind = _kind(core, named, prep, words, start, phrase[0].tag == "det")
    if kind == "" or (head in _VAGUE and not named) or core[0].low in {"other", "others"}:
        return None
    if phrase[0].low in {"a", "an"} and 0 <= aux < start - 1 and words[aux].low in _BE:
        return None  # "Was it a success?" says what something is
    plural = _is_plural(_last(core), kind)
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
        proper=kind == "date" or any(word.tag == "name" for word in phrase),
        role=role,
        prep=prep,
        start=phrase[0].start,
        end=phrase[-1].end,
        counted=counted,
    )


def _kind(core: list[_Word], named: bool, prep: str, words: list[_Word], start: int, article: bool) -> str:
    low = " ".join(word.low for word in core)
    last = _last(core)
    head = _singular(last)
    if all(word.tag == "num" for word in core):
        return "date" if any(w.low in _MONTHS or _YEAR.fullmatch(w.low) for w in core) else ""
    if core[0].text[0] in '"“':
        return "thing"
    if low in _COUNTRIES:
        return "country"
    if low in _PEOPLES or (head in _PEOPLE_NOUNS and last != head) or last in _PEOPLE_NOUNS_MASS:
        return "group"
    if head in _HEADS:
        return _HEADS[head]
    if low in _PLACES or last in _PLACES:
        return "place"
    if last in _ROLE_OF or (core[0].low in _TITLES and len(core) > 1):
        return "person"
    if named and not article and head in _TITLES:
        return ""
    if head in _TITLES or head in _PERSON_NOUNS:
        return "person" if last == head else "group"
    if core[0].low in _PLACE_FIRST and len(core) > 1:
        return "place"
    if last in _PEOPLES:
        return "group"
    if not named:
        return _kind_of_common(core, words, start, article)
    if article:
        return "thing"
    after = next((w for w in words if w.start >= core[-1].end), None)
    if after is not None and after.tag == "poss":
        return "person" if len(core) > 1 else "name"
    if prep in {"in", "at", "from", "to", "near", "into", "through", "across"}:
        return "place"
    opening = [word.low for word in words[:start]][-2:]
    if opening in (["who", "was"], ["who", "is"], ["who", "'s"]):
        return "person"
    if opening[:1] == ["what"] and opening[-1] in _BE | {"'s"}:
        return "thing"
    return "person" if len(core) in {2, 3} and opening[:1] != ["what"] else "name"


def _last(core: list[_Word]) -> str:
    """The noun of the phrase: "unit" of "Unit 731"."""
    return next((word.low for word in reversed(core) if word.tag != "num"), core[-1].low)


def _kind_of_common(core: list[_Word], words: list[_Word], start: int, article: bool) -> str:
    """Unknown lower-case words: a bare subject or object may be an uncapitalised name."""
    if article or len(core) > 2 or core[-1].low in _NOUNS:
        return "thing"
    opening = [word.low for word in words[:start]][-2:]
    if opening in (["who", "was"], ["who", "is"]):
        return "person"
    alone = len(core) == 1 and start > 0 and words[start - 1].low in _DO
    lower = words[0].text[0].islower() and not core[-1].low.endswith(("s", "thing", "one"))
    return "name" if alone and lower else "thing"


def _focus(text: str, words: list[_Word], opener: str, aux: int, verb: int) -> Iterator[_Mention]:
    """What the question asks for: "Which general led X?" gives "the general who led X"."""
    body = _body(text)
    plain = [word for word in words if word.tag != "punct"]
    if len(plain) < 3 or plain[0].tag != "wh":
        return
    asked = plain[0].low
    if asked == "who" and aux < 0 and verb == 1:
        rest = body[plain[1].start :]
        yield _Mention(
            f"the person who {rest}",
            "person",
            "person",
            False,
            False,
            "focus",
            "",
            plain[0].start,
            plain[0].end,
        )
        return
    counting = asked == "how" and plain[1].low in {"many", "much"}
    if asked not in {"which", "what"} and not counting:
        return
    first = 2 if counting else 1
    stop = next((i for i in range(first, len(plain)) if plain[i].tag in {"aux", "verb"}), 0)
    noun = plain[first:stop]
    if len(noun) > 2 and noun[1].low == "of":
        noun = noun[2:]  # "what kind of tanks"
    if not noun or noun[-1].tag not in {"noun", "name"} or noun[-1].low in _VAGUE:
        return
    head = _singular(noun[-1].low)
    plural = noun[-1].low != head or head in _PEOPLE_NOUNS_MASS
    person = head in _TITLES or head in _PERSON_NOUNS or head in _PEOPLE_NOUNS
    kind = ("group" if plural else "person") if person else _HEADS.get(head, "thing")
    name = text[noun[0].start : noun[-1].end]
    clause = _relative(body, plain, stop, "who" if person else "that")
    yield _Mention(
        f"the {name} {clause}".rstrip(),
        head,
        kind,
        plural,
        False,
        "focus",
        "",
        noun[0].start,
        noun[-1].end,
        counted=counting,
    )


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
    if kind in {"country", "event", "org", "date", "person"}:
        return last in _PLURAL_EVENTS
    return (
        kind == "group" or (last != _singular(last) and last not in _PLACES) or last in {"kurils", "kuriles"}
    )


def _singular(low: str) -> str:
    if len(low) < 4 or not low.endswith("s") or low.endswith(("ss", "us", "is")):
        return {"men": "man", "women": "woman"}.get(low, low)
    if low.endswith("ies") and len(low) > 4:
        return low[:-3] + "y"
    if low.endswith(("ches", "shes", "sses", "xes")):
        return low[:-2]
    return low[:-1]


def _with_article(shown: str, kind: str, plural: bool, named: bool) -> str:
    shown = re.sub(
        r"^(?:a|an|any|some|the|these|those|this|that|all|both)\s+(?=\S)", "the ", shown, flags=re.I
    )
    if shown.startswith("the ") or kind in {"date", "person", "name"}:
        return shown
    if (plural and not (kind == "place" and named)) or shown.lower() in _TAKES_ARTICLE:
        return shown if "'s " in shown else f"the {shown}"
    return shown


# --- what a question is about -----------------------------------------------------------------


def _statement(question: _Parsed) -> str:
    """ "When did Japan surrender?" as "Japan surrendered"; "" if that cannot be said."""
    words, aux = question.words, question.aux
    if aux < 0 or not (question.opener == "" or _ADVERBIAL.fullmatch(question.opener)):
        return ""
    body = _body(question.text)
    after = [word for word in words[aux + 1 :] if word.end <= len(body)]
    if not after or after[0].low == "there":
        return ""
    low = words[aux].low
    if low in {"did", "do"}:
        if question.verb <= aux + 1:
            return ""
        verb = words[question.verb]
        said = _past(verb.low) if low == "did" else verb.text
        return f"{body[after[0].start : verb.start]}{said}{body[verb.end :]}"
    subject = _subject_end(question)
    if low not in _BE | _MODAL | _HAVE or not subject:
        return ""
    if subject >= len(body):
        return ""
    return f"{body[after[0].start : subject]} {low}{body[subject:]}"


def _subject_end(question: _Parsed) -> int:
    """Where in the text the subject after the auxiliary ends; 0 if there is none."""
    if question.aux < 0:
        return 0
    end = _phrase_end(list(question.words), question.aux + 1)
    return question.words[end - 1].end if end > question.aux + 1 else 0


def _topic(question: _Parsed) -> tuple[str, bool]:
    """What the question is about, and whether that is a noun phrase; "" if it names nothing."""
    if not any(
        (m.proper or (m.text.startswith("the ") and m.text.count(" ") > 1 and m.role != "focus"))
        and m.kind != "date"
        for m in question.mentions
    ):
        return "", False
    defined = _DEFINITION.fullmatch(_body(question.text))
    if defined and len(defined["np"].split()) <= 12 and not _PRONOUN_INSIDE.search(defined["np"]):
        return _with_article(defined["np"], "person", False, True), True
    ranked = sorted(question.mentions, key=lambda m: (not m.proper, -_ROLE[m.role]))
    for mention in ranked:
        if mention.kind == "event" and mention.proper:
            return mention.text, True
    said = _statement(question)
    if said and not _PRONOUN_INSIDE.search(said):
        return said, False
    if question.opener == "" and question.words and question.words[0].low == "who":
        return _lower_first(_body(question.text)), False
    for mention in ranked:
        if mention.proper and mention.kind != "date" and not _PRONOUN_INSIDE.search(mention.text):
            return mention.text, True
    return "", False


def _label(earlier: Sequence[_Parsed]) -> str:
    for question in reversed(earlier[-2:]):
        text, nominal = _topic(question)
        if text:
            return re.sub(r"^the ", "", text) if nominal else text
    return ""


def _bracketed(text: str, earlier: Sequence[_Parsed]) -> str:
    label = _label(earlier)
    if not label or _plain(label) in _plain(text):
        return text
    return f"{text} ({label})"


def _body(text: str) -> str:
    """The text without what was put behind it: question mark, ", and why?", "(Yalta)"."""
    text = re.sub(r"\s*(?:[?!.]\s*\([^()]*\))?\s*[?!.]*$", "", text)
    return re.sub(r", and (?:if not, )?[\w ]{2,24}$", "", text)


def _plain(text: str) -> str:
    return re.sub(r"^the |[^\w ]", "", text.lower())


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def _upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]


# --- fragments: "Why?", "What about X?" -------------------------------------------------------


def _resolve(question: str, earlier: Sequence[_Parsed]) -> str:
    text = " ".join(question.split())
    if not earlier or not text or len(text.split()) > _LONGEST:
        return question
    whole = _from_fragment(text, earlier) or _with_references(text, earlier)
    return question if whole == text else " ".join(whole.split())


def _from_fragment(text: str, earlier: Sequence[_Parsed]) -> str:
    bare = re.sub(r"^(?:and|but|so|ok|okay|then|or)[, ]+(?=\w)", "", text.rstrip(" ?!."), flags=re.I)
    low = bare.lower().replace("’", "'")
    last = earlier[-1]
    if _MORE.fullmatch(low):
        topic = _noun_topic(earlier)
        return f"Tell me more about {topic}" if topic else text
    for pattern, wh in _BARE:
        if pattern.fullmatch(low):
            return _bare(wh, text, earlier)
    if _ADVERBIAL.fullmatch(low):
        return _bare(low, text, earlier)
    if _WHAT_NEXT.fullmatch(bare):
        return _completed(_parse(text), earlier)
    if re.fullmatch(
        r"(?:(?:in|on|at|by|for|from|to|with) )?(?:which|what) (?!about|of|if|else)\w+(?: \w+)?",
        low,
    ) and all(word.tag not in {"verb", "aux", "pron", "dem"} for word in _parse(bare).words):
        return _bare(low, text, earlier)
    if match := re.fullmatch(r"(who|what|where|when|why|how) else", low):
        return _else(match[1], text, earlier)
    if last.opener == "" and (whole := _same_of_another(bare, last)):
        return whole
    if match := re.fullmatch(r"(how (?:many|much)) (.+)", low):
        return _counted(bare, text, last, earlier)
    if about := _ABOUT.match(text):
        return _about(text[about.end() :].rstrip(" ?!."), text, earlier)
    parsed = _parse(bare)
    if parsed.words[:1] and parsed.words[0].tag == "prep" and text.endswith("?"):
        return _about(bare, text, earlier)
    return ""


def _noun_topic(earlier: Sequence[_Parsed]) -> str:
    for question in reversed(earlier):
        text, nominal = _topic(question)
        if text:
            return text if nominal or text.startswith("who ") else f"how {text}"
    return ""


def _bare(wh: str, text: str, earlier: Sequence[_Parsed]) -> str:
    """ "Why?" after "When did Japan surrender?" is "Why did Japan surrender?"."""
    last = earlier[-1]
    body = _body(last.text)
    swaps = last.aux >= 0 and (last.opener == "" or _ADVERBIAL.fullmatch(last.opener) is not None)
    if wh in {"who", "what", "which"}:
        return _bare_who(wh, text, earlier)
    if wh == "how many":
        return _bare_how_many(last) or f"{body}, and how many?"
    if wh == "why not":
        return f"{body}, and if not, why?"
    if swaps and last.words[last.aux + 1 : last.aux + 2]:
        return f"{_upper_first(wh)} {_lower_aux(body[last.words[last.aux].start :])}?"
    defined = re.fullmatch(r"what(?:'s| is| was| were| are) (.+)", body, re.I)
    if defined and (wh in {"when", "where"} or wh.endswith(" year")):
        return f"{_upper_first(wh)} {body.split()[1] if ' ' in body else 'was'} {defined[1]}?"
    return f"{body}, and {wh}?"


def _lower_aux(clause: str) -> str:
    return clause if clause[1:2].isupper() else clause[:1].lower() + clause[1:]


def _bare_who(wh: str, text: str, earlier: Sequence[_Parsed]) -> str:
    last = earlier[-1]
    someone = re.fullmatch(r"did (?:anyone|someone|anybody|somebody) (\w+)(.*)", _body(last.text), re.I)
    if someone and wh == "who":
        return f"Who {_past(someone[1].lower())}{someone[2]}?"
    return _bracketed(text, earlier)


def _bare_how_many(last: _Parsed) -> str:
    body = _body(last.text)
    aux = last.words[last.aux].low if last.aux >= 0 else ""
    if last.opener or not aux:
        return ""
    for mention in last.mentions:
        if not mention.plural or mention.proper:
            continue
        noun = re.sub(r"^(?:the|any|some|many) ", "", body[mention.start : mention.end], flags=re.I)
        if mention.role == "subject" and aux in _BE:
            return f"How many {noun} {aux}{body[mention.end :]}?"
        if mention.role == "object" and aux == "did":
            clause = f"{_lower_aux(body[: mention.start].rstrip())}{body[mention.end :]}"
            return f"How many {noun} {clause}?"
    return ""


def _else(wh: str, text: str, earlier: Sequence[_Parsed]) -> str:
    for question in reversed(earlier[-2:]):
        match = re.match(rf"{wh}\b(?! else)", question.text, re.I)
        if match:
            return f"{match.group()} else{question.text[match.end() :]}"
    return _bracketed(text, earlier)


def _same_of_another(bare: str, last: _Parsed) -> str:
    """ "Did Churchill?" after "Did Truman know about it?"."""
    parsed = _parse(bare)
    end = _subject_end(last)
    if last.aux != 0 or not end or not parsed.words or parsed.words[0].low != last.words[0].low:
        return ""
    if _subject_end(parsed) != len(bare):
        return ""
    return f"{_upper_first(bare)}{_body(last.text)[end:]}?"


def _counted(bare: str, text: str, last: _Parsed, earlier: Sequence[_Parsed]) -> str:
    """ "How many civilians?" after "How many soldiers died in Okinawa?"."""
    parsed = _parse(bare)
    if any(word.tag in {"verb", "aux", "pron", "dem"} for word in parsed.words):
        return ""
    match = re.match(r"(how (?:many|much)) ", last.text, re.I)
    if match:
        for mention in last.mentions:
            if mention.counted:
                return f"{_upper_first(bare)}{_body(last.text)[mention.end :]}?"
        verb = next((word for word in last.words[2:] if word.tag in {"verb", "aux"}), None)
        if verb is not None:
            return f"{_upper_first(bare)} {_body(last.text)[verb.start :]}?"
    return _bracketed(text, earlier)


def _about(fragment: str, text: str, earlier: Sequence[_Parsed]) -> str:
    """ "What about Nagasaki?": the last question with the parallel place, person or date."""
    fragment = _with_references(fragment, earlier, brackets=False)
    asked = _parse(fragment)
    if not asked.words or any(w.tag in {"wh", "aux", "pron"} for w in asked.words):
        return ""
    if any(word.tag == "verb" for word in asked.words) and text[:4].lower() == "and ":
        return ""
    if ordinal := re.fullmatch(r"(?:the )?(\d+(?:st|nd|rd|th))", fragment, re.I):
        whole = re.sub(r"\b\d+(?:st|nd|rd|th)\b", ordinal[1], earlier[-1].text, count=1)
        return whole if whole != earlier[-1].text else _bracketed(text, earlier)
    things = [m for m in asked.mentions if not fragment[m.end :].startswith(("'", "’"))]
    new = next((m for m in things if m.kind != "date"), None) or next(iter(things), None)
    if new is None:
        return _bracketed(text, earlier)
    for question in reversed(earlier[-2:]):
        if new.kind == "date":
            return _with_date(fragment, new, question)
        old = _parallel(new, question)
        if old is not None:
            return _exchange(question, old, fragment, asked, new)
    if asked.words[0].tag == "prep":
        return f"{_body(earlier[-1].text)} {_lower_first(fragment)}?"
    return _related(new, earlier) or _bracketed(text, earlier)


def _with_date(fragment: str, new: _Mention, question: _Parsed) -> str:
    dated = (
        fragment
        if re.match(r"(?:in|on|by|after|before|during|since|until|at)\b", fragment, re.I)
        else f"{'on' if _DAY.search(fragment) else 'in'} {fragment}"
    )
    dated = _lower_first(dated)
    body = _body(question.text)
    for old in question.mentions:
        if old.kind == "date":
            start = old.start
            if old.prep:
                start = body[:start].rstrip().rfind(" ") + 1
            return f"{body[:start]}{dated}{body[old.end :]}?"
    return f"{body} {dated}?"


def _parallel(new: _Mention, question: _Parsed) -> _Mention | None:
    """The mention of the same kind, else of a like kind, that `new` takes the place of."""
    mentions = [m for m in question.mentions if m.role != "focus"]
    if any(_plain(new.text) == _plain(m.text) for m in mentions):
        return None
    if new.head in _RELATIONAL:
        return None
    best: tuple[float, _Mention] | None = None
    for old in mentions:
        like = _LIKE.get(frozenset((new.kind, old.kind)), float(new.kind == old.kind))
        if new.kind in {"thing", "event"} and old.kind == new.kind and new.head == old.head:
            like += 0.5
        if new.proper != old.proper and {new.kind, old.kind} <= {"thing", "group", "country"}:
            like -= 0.5
        if new.prep and new.prep == old.prep:
            like += 0.4
        if old.counted and new.plural and not new.proper:
            like = max(like, 0.8)
        like += 0.1 * (old.counted == (new.kind == "group" and not new.proper))
        like += 0.05 * _ROLE[old.role]
        if like > 0.5 and (best is None or like > best[0]):
            best = (like, old)
    return best[1] if best else None


def _exchange(question: _Parsed, old: _Mention, fragment: str, asked: _Parsed, new: _Mention) -> str:
    body = _body(question.text)
    shown = fragment
    if asked.words[0].tag == "prep" and (old.prep or old.role != "oblique"):
        shown = fragment[asked.words[1].start :] if old.prep else fragment
        start = old.start
        if old.prep:
            start = body[: old.start].rstrip().rfind(" ") + 1
            shown = _lower_first(fragment)
    else:
        start = old.start
    if old.counted:
        shown = re.sub(r"^the ", "", shown, flags=re.I)
    elif shown == fragment:
        shown = _with_article(shown, new.kind, new.plural, new.proper)
    if body[old.end :].startswith(("'s", "’s")) and new.plural and shown.endswith("s"):
        body = f"{body[: old.end]}'{body[old.end + 2 :]}"
    whole = f"{body[:start]}{shown}{body[old.end :]}?"
    return _agreed(whole, shown, new.plural) if old.role == "subject" else whole


def _agreed(text: str, subject: str, plural: bool) -> str:
    """Was/were, is/are, does/do and has/have before the subject that was put in."""
    for one, many in (("was", "were"), ("is", "are"), ("does", "do"), ("has", "have")):
        wrong, right = (one, many) if plural else (many, one)
        text = re.sub(rf"\b{wrong}(?= {re.escape(subject)}\b)", right, text, count=1, flags=re.I)
    return _upper_first(text)


def _related(new: _Mention, earlier: Sequence[_Parsed]) -> str:
    """ "And the losses?" as "What were the losses in the Battle of Shumshu?"."""
    topic = _attached(earlier, "" if new.head in _TOLL else "of")
    if "'s " in new.text:
        topic = ""
    elif not topic:
        return ""
    if new.proper or new.head not in _RELATIONAL | set(_HEADS) | _TITLES:
        return ""
    phrase = new.text if new.text.startswith("the ") or "'s " in new.text else f"the {new.text}"
    opener = "Who" if new.head in _TITLES | _PERSON_NOUNS else "What"
    return f"{opener} {'were' if new.plural else 'was'} {phrase} {topic}".rstrip() + "?"


def _attached(earlier: Sequence[_Parsed], prep: str) -> str:
    """The topic with its preposition, "in the Battle of Shumshu", or "" if it is no noun."""
    for question in reversed(earlier):
        for mention in sorted(question.mentions, key=lambda m: -_ROLE[m.role]):
            if mention.kind == "event" and mention.proper:
                return f"{mention.prep or prep or _event_prep(mention.head)} {mention.text}"
        text, nominal = _topic(question)
        if not text:
            continue
        places = [m for m in question.mentions if m.kind == "place" and m.prep]
        if nominal and places and places[0].text == text:
            return f"{places[0].prep} {text}"
        if nominal:
            return f"of {text}"
        return f"when {text}" if not text.startswith("who ") else ""
    return ""


def _event_prep(head: str) -> str:
    return "at" if head in {"conference", "meeting", "summit", "trial", "ceremony"} else "in"


# --- references: pronouns, "the pact", "there", "then" ----------------------------------------


@dataclass(frozen=True)
class _Edit:
    start: int
    end: int
    new: str
    subject: bool = False
    plural: bool = False


def _with_references(text: str, earlier: Sequence[_Parsed], *, brackets: bool = True) -> str:
    question = _parse(text)
    edits: list[_Edit] = []
    open_end = False  # something refers to an earlier question, nobody knows to what
    used: dict[str, _Mention] = {}
    for i, word in enumerate(question.words):
        if edits and word.start < edits[-1].end:
            continue
        if word.tag == "pron":
            edit, open_here = _pronoun(question, i, earlier, used)
        elif word.tag == "dem":
            edit, open_here = _demonstrative(question, i, earlier)
        elif word.low == "there":
            edit, open_here = _there(question, i, earlier)
        elif word.low in {"then", "time", "year", "month", "day", "moment", "point"}:
            edit, open_here = _then(question, i, earlier)
        elif word.low in {"latter", "former"}:
            edit, open_here = _latter(question, i, earlier)
        elif word.tag == "noun":
            edit, open_here = _definite(question, i, earlier), False
        else:
            continue
        if edit is not None:
            while edits and edits[-1].end > edit.start:
                edits.pop()
            edits.append(edit)
        open_end = open_end or open_here
    if not edits and not open_end:
        return _completed(question, earlier) if brackets else text
    whole = text
    for edit in reversed(edits):
        whole = whole[: edit.start] + edit.new + whole[edit.end :]
    for edit in edits:
        if edit.subject:
            whole = _agreed_keeping(whole, edit)
    if edits:
        whole = re.sub(r"^(?:and|but|so|or|also)[, ]+(?=\w)", "", whole, flags=re.I)
    if text[:1].isupper():
        whole = _upper_first(whole)
    if open_end and not edits and brackets:
        whole = _bracketed(whole, earlier)
    return whole


def _agreed_keeping(text: str, edit: _Edit) -> str:
    first = text[:1]
    return first + _agreed(text, edit.new, edit.plural)[1:]


def _pronoun(
    question: _Parsed, i: int, earlier: Sequence[_Parsed], used: dict[str, _Mention]
) -> tuple[_Edit | None, bool]:
    words = question.words
    word = words[i]
    who = _CLASS.get(word.low)
    if who is None:
        return None, False
    if who == "it" and _pleonastic(question, i):
        return None, bool(_BARE_DURATION.fullmatch(_body(question.text)))
    nominal_next = i + 1 < len(words) and words[i + 1].tag in _NOMINAL
    owns = word.low in {"his", "its", "their"} or (word.low == "her" and nominal_next)
    subject = (
        not owns
        and word.low in {"he", "she", "they", "it"}
        and i > 0
        and (words[i - 1].tag in {"aux", "wh", "conj", "adv", "noun", "name"})
    )
    if _antecedent_inside(question, i, who, owns):
        return None, False
    if who in used and (owns or subject):
        return None, False
    verb = _verb_near(question, i, subject)
    found = _antecedent(question, who, subject, owns, verb, earlier, tuple(used.values()))
    if found is None:
        return None, who not in used
    used[who] = found
    name = found.text
    if found.role == "focus" and who == "they" and name.startswith("the person who "):
        name = "those" + name[len("the person") :]
    if not owns:
        plural = found.plural or (who == "they" and name.startswith("those"))
        return _Edit(word.start, word.end, name, subject, plural), False
    if len(name.split()) > 5 or " who " in name or " that " in name:
        end = _core_end(list(words), i + 1)
        if end > i + 1:
            owned = question.text[words[i + 1].start : words[end - 1].end]
            return _Edit(word.start, words[end - 1].end, f"the {owned} of {name}"), False
    return _Edit(word.start, word.end, _possessive(name, found.plural)), False


def _possessive(name: str, plural: bool) -> str:
    return f"{name}'" if name.endswith("s") and (plural or " and " in name) else f"{name}'s"


def _pleonastic(question: _Parsed, i: int) -> bool:
    words = question.words
    after = [word.low for word in words[i + 1 : i + 4]]
    before = [word.low for word in words[max(i - 3, 0) : i]]
    rest = question.text[words[i].end :].lower()
    if after[:1] and after[0] in {"rain", "snow"}:
        return True
    if after[:1] and after[0] in {"take", "took", "takes", "cost"}:
        return bool(_TAKES_TIME.search(question.text)) or bool(_TAKES_OBJECT.match(rest))
    if before[-1:] and before[-1] in {"make", "made", "find", "found", "take", "took"}:
        return bool(re.match(r" \w+ (?:to|that|for)\b", rest))
    if re.match(
        r" (?:turns?|turned) out| (?:seems?|appears?)(?: \w+)? that|'?s? (?:is )?said"
        r"| (?:is|was|would be|'s) said| comes to",
        rest,
    ):
        return True
    linked = before[-1:] and before[-1] in _BE | {"be"}
    linking = after[:1] and after[0] in _BE | {"'s", "become", "became", "seem", "be"}
    if not (linked or linking):
        return False
    rest = re.sub(r"^ (?:is|was|were|'s|become|became|seem|be)\b", "", rest) if linking else rest
    if re.match(r" (?:because|when|in \d{4} when|like\b|only|not until|who|that\b)", rest):
        return True
    if re.match(r" .{2,40}? (?:who|that)\b", rest):
        return True
    return bool(
        re.match(
            r"(?: (?:not|also|still|so|really|ever|too|generally|often|widely|\w+ly))*"
            r" (\w+) (?:to|that|for|if|whether|when|why|how)\b",
            rest,
        )
    ) and (re.match(r"(?: \w+)*? (?:" + _IMPERSONAL + r") ", rest) is not None)


def _antecedent_inside(question: _Parsed, i: int, who: str, owns: bool) -> bool:
    """Whether the pronoun can mean something named before it in the same question."""
    words = question.words
    here = words[i].start
    if words[0].low in _SUBORDINATE and any(w.text == "," for w in words[i:]):
        return True  # "When he died, what did Stalin say?"
    for mention in question.mentions:
        if (mention.start if mention.role == "focus" else mention.end) > here:
            continue
        if _fit(mention, who, agent=False, place=True) < 0.5:
            continue
        between = [w for w in words if mention.end <= w.start < here]
        boundary = any(
            w.tag in {"conj", "wh", "dem"} or w.text in {",", ";"} or w.low in _SUBORDINATE for w in between
        )
        if owns or boundary:
            return True
    return False


def _verb_near(question: _Parsed, i: int, subject: bool) -> str:
    words = question.words
    span = words[i + 1 :] if subject else tuple(reversed(words[:i]))
    verb = next((word.low for word in span if word.tag == "verb"), "")
    if not verb and question.verb > i and subject:
        verb = question.words[question.verb].low
    return _BASE.get(verb, verb)


def _antecedent(
    question: _Parsed,
    who: str,
    subject: bool,
    owns: bool,
    verb: str,
    earlier: Sequence[_Parsed],
    taken: tuple[_Mention, ...],
) -> _Mention | None:
    named_here = {_plain(mention.text) for mention in (*question.mentions, *taken)}
    agent = (subject or owns) and verb in _AGENT_VERBS
    if who == "they" and subject and verb and _active(question):
        agent = verb not in _THING_VERBS
    place = owns or not verb or verb in _PLACE_VERBS
    turned = who != "it" and subject and verb in {"respond", "react", "reply", "answer"}
    best: tuple[float, _Mention] | None = None
    for age, past in enumerate(reversed(earlier)):
        for mention in (*past.mentions, *_pairs(past)):
            if _PRONOUN_INSIDE.search(mention.text) or _plain(mention.text) in named_here:
                continue
            score = _fit(mention, who, agent=agent, place=place)
            rank = 4 - _ROLE[mention.role] if turned else _ROLE[mention.role]
            score *= (0.7 + 0.1 * rank) * 0.75**age
            if score > 0.1 and (best is None or score > best[0]):
                best = (score, mention)
    return best[1] if best is not None else None


def _active(question: _Parsed) -> bool:
    return question.aux >= 0 and question.words[question.aux].low in _DO


def _pairs(question: _Parsed) -> Iterator[_Mention]:
    """Two people of one question taken together, or two countries joined by "and"."""
    people = [m for m in question.mentions if m.kind in {"person", "name"} and m.role != "focus"]
    lands = [m for m in question.mentions if m.kind == "country"]
    for several in (people, lands):
        if len(several) > 1:
            first, second = several[:2]
            joined = question.text[first.end : second.start].strip() in {"and", "&"}
            if first.kind == "country" and not joined:
                continue
            yield replace(first, text=f"{first.text} and {second.text}", kind="group", plural=True)


def _fit(mention: _Mention, who: str, *, agent: bool, place: bool) -> float:
    """How well a mention agrees with a pronoun, 0 (not at all) to 1."""
    kind = mention.kind
    if who in {"he", "she"}:
        if who == "she" and (_MALE & set(mention.text.lower().split())):
            return 0.0
        if mention.plural or (
            not mention.proper
            and mention.role != "focus"
            and len(mention.text.split()) < 3
            and mention.head not in _TITLES
        ):
            return 0.0
        return {"person": 1.0, "name": 0.7}.get(kind, 0.0)
    if who == "it":
        if mention.plural or kind in {"person", "group", "date"}:
            return 0.0
        fits = {
            "thing": 1.0,
            "event": 1.0,
            "org": 0.8,
            "country": 0.55,
            "name": 0.55,
            "place": 0.6 if place else 0.1,
        }
        if agent:
            fits |= {"thing": 0.5, "event": 0.4, "country": 1.0, "org": 1.0}
        weight = fits[kind]
        if mention.proper or mention.role == "focus":
            return weight
        return weight * (0.75 if mention.text.startswith("the ") or "'s " in mention.text else 0.2)
    if kind == "group":
        return 1.0 if mention.proper or mention.counted or mention.role == "focus" else 0.9
    if mention.role == "focus" and kind == "person":
        return 0.6
    if mention.plural and kind in {"thing", "place", "event"}:
        return 0.1 if agent else 0.9
    if not mention.proper and not mention.text.startswith("the "):
        return 0.0
    return {"org": 0.6, "country": 0.7 if agent else 0.5, "name": 0.35}.get(kind, 0.0)


def _demonstrative(question: _Parsed, i: int, earlier: Sequence[_Parsed]) -> tuple[_Edit | None, bool]:
    """A bare "that" or "this"; with a noun it is left to `_definite` and `_then`."""
    words = question.words
    word = words[i]
    after = words[i + 1] if i + 1 < len(words) else None
    before = words[i - 1] if i else None
    ends = after is None or after.tag == "punct"
    if not ends and after is not None and word.low == "that":
        follows = before is not None and (before.tag == "aux" or before.low in _WH_ADVERBS)
        if not follows or after.tag not in {"adj", "verb", "prep", "neg", "adv"}:
            return None, False
    elif not ends and after is not None and after.tag in _NOMINAL - {"adj"}:
        return None, False
    elif not ends and after is not None and after.tag == "adj":
        beyond = words[i + 2] if i + 2 < len(words) else None
        if beyond is not None and beyond.tag in _NOMINAL:
            return None, False
    if before is None and not ends and after is not None and after.tag not in {"aux", "verb"}:
        return None, False
    if _inside_is_clear(question, i):
        return None, False
    prep = before.low if before is not None and before.tag in {"prep", "conj"} else ""
    text, nominal = _topic(earlier[-1])
    about_thing = _DEFINITION.fullmatch(_body(earlier[-1].text)) is not None or any(
        m.kind in {"event"} and m.text == text for m in earlier[-1].mentions
    )
    if text and nominal and about_thing:
        return _Edit(word.start, word.end, text, before is not None and before.tag == "aux"), False
    if text and not nominal and prep in {"after", "before", "since", "until"}:
        return _Edit(word.start, word.end, text), False
    return None, True


def _inside_is_clear(question: _Parsed, i: int) -> bool:
    """A comma or a statement before "that" in the same question explains it."""
    return any(w.text in {",", ".", ";", ":"} for w in question.words[:i])


def _there(question: _Parsed, i: int, earlier: Sequence[_Parsed]) -> tuple[_Edit | None, bool]:
    words = question.words
    after = words[i + 1] if i + 1 < len(words) else None
    before = words[i - 1] if i else None
    ends = (
        after is None
        or after.tag in {"punct", "conj"}
        or (after.tag == "verb" and before is not None and before.tag in {"noun", "name"})
        or (after.tag in {"prep", "adv"} and (before is None or before.tag != "aux"))
    )
    if before is None or not ends:
        return None, False
    if len(words) < 4:
        return None, True
    if any(m.kind in {"place", "country"} and m.prep and m.end <= words[i].start for m in question.mentions):
        return None, False
    for past in reversed(earlier):
        places = [m for m in past.mentions if m.kind in {"place", "country", "event"}]
        places.sort(key=lambda m: ({"place": 0, "country": 1, "event": 0}[m.kind], not m.prep))
        for mention in places:
            if before.tag == "prep":
                return _Edit(words[i].start, words[i].end, mention.text), False
            prep = mention.prep if mention.prep in {"in", "at", "on"} else _place_prep(mention)
            if _BASE.get(before.low, before.low) in {"go", "get", "come", "travel", "move", "sail"}:
                prep = "to"
            return _Edit(words[i].start, words[i].end, f"{prep} {mention.text}"), False
    return None, True


def _place_prep(mention: _Mention) -> str:
    if mention.kind == "event":
        return _event_prep(mention.head)
    return "on" if mention.head == "island" or mention.head in _ISLANDS else "in"


def _then(question: _Parsed, i: int, earlier: Sequence[_Parsed]) -> tuple[_Edit | None, bool]:
    words = question.words
    before = words[i - 1].low if i else ""
    if any(m.kind == "date" and m.end <= words[i].start for m in question.mentions):
        return None, False
    start, prep = words[i].start, ""
    if words[i].low == "then":
        if before in {"since", "until", "till", "by", "before", "after"}:
            start, prep = words[i - 1].start, before
        elif before == "back":
            start = words[i - 1].start
        elif (
            question.opener.startswith("what")
            or (i + 1 < len(words) and words[i + 1].tag != "punct")
            or question.verb == question.aux == -1
        ):
            return None, False  # "What did he do then?" goes on with the story
    else:
        if before not in {"that", "this"} and not (before == "the" and words[i].low == "time"):
            return None, False
        at = words[i - 2].low if i > 1 else ""
        if (before == "this" and words[i].low == "day") or (before == "the" and at != "at"):
            return None, False
        after = words[i + 1] if i + 1 < len(words) else None
        if after is not None and (after.tag in _NOMINAL | {"verb", "dem", "wh"} or after.low == "of"):
            return None, False
        start = words[i - 1].start
        if at in {"in", "at", "on", "during", "from", "by", "since", "until", "before", "after"}:
            start, prep = words[i - 2].start, "" if at in {"in", "at", "on", "during"} else at
    end = words[i].end
    for past in reversed(earlier[-3:]):
        for mention in past.mentions:
            if mention.kind == "date":
                day = "on" if _DAY.search(mention.text) else "in"
                used = mention.prep if mention.prep in {"in", "on", "at"} else day
                return _Edit(start, end, f"{prep or used} {mention.text}"), False
        for mention in past.mentions:
            if mention.kind == "event" and mention.proper and not prep:
                return _Edit(start, end, f"at the time of {mention.text}"), False
    return None, True


def _latter(question: _Parsed, i: int, earlier: Sequence[_Parsed]) -> tuple[_Edit | None, bool]:
    words = question.words
    if i == 0 or words[i - 1].low != "the" or (i + 1 < len(words) and words[i + 1].tag in _NOMINAL):
        return None, False
    proper = [m for m in earlier[-1].mentions if m.proper and m.kind != "date"]
    if len(proper) < 2:
        return None, True
    chosen = proper[-1] if words[i].low == "latter" else proper[-2]
    return _Edit(words[i - 1].start, words[i].end, chosen.text), False


def _definite(question: _Parsed, i: int, earlier: Sequence[_Parsed]) -> _Edit | None:
    """ "the pact" → "the Neutrality Pact of 13 April 1941", if an earlier question has it."""
    words = question.words
    before = words[i - 1].low if i else ""
    after = words[i + 1] if i + 1 < len(words) else None
    if before not in {"the", "this", "that", "these", "those", "both"}:
        return None
    if after is not None and (after.tag in _NOMINAL or after.low in _COMPLEMENT):
        return None
    noun = words[i].low
    head = _singular(noun)
    if head in _EVENT and after is not None and after.low in {"in", "at", "on", "near"}:
        beyond = words[i + 2 : i + 4]
        if any(word.tag == "name" for word in beyond):
            return None  # "the conference at Potsdam"
    named_here = [m for m in question.mentions if m.proper]
    if any(_same_head(head, m) for m in named_here):
        return None
    for past in reversed(earlier):
        found = [m for m in past.mentions if _means(head, noun != head, before, m)]
        found = [m for m in found if len(m.text.split()) > 2 or m.proper]
        found = [m for m in found if all(_plain(m.text) != _plain(n.text) for n in named_here)]
        if found:
            best = max(found, key=lambda m: (_ROLE[m.role], len(m.text)))
            subject = i > 1 and words[i - 2].tag == "aux"
            name = best.text
            if _plain(name) == noun or _plain(name) in _plain(question.text):
                return None
            if after is not None and after.tag == "poss":
                end = after.end
                return _Edit(words[i - 1].start, end, _possessive(name, best.plural))
            return _Edit(words[i - 1].start, words[i].end, name, subject, best.plural)
    return None


def _same_head(head: str, mention: _Mention) -> bool:
    return mention.head == head or any(head in g and mention.head in g for g in _SYNONYMS)


def _means(head: str, plural: bool, before: str, mention: _Mention) -> bool:
    if mention.plural != plural and mention.kind not in {"group", "org"}:
        return (
            mention.kind == "place"
            and head == "island"
            and (mention.head in _ISLANDS or mention.head == "island")
        )
    if mention.role == "focus" and head != "person":
        return mention.head == head and (before != "the" or head in _CITY | _LAND or not plural)
    if head in _PERSON_NOUNS | _TITLES:
        return mention.kind in {"person", "name"} and mention.proper and _holds(head, mention)
    if head in _CITY:
        return mention.kind == "place" and mention.proper and mention.head not in _ISLANDS
    if head in _LAND:
        return mention.kind == "country"
    if head == "island":
        return mention.kind == "place" and (mention.head in _ISLANDS or mention.head == head)
    if head in _WORKS:
        return (mention.kind == "thing" and mention.proper) or mention.head == head
    if head in _BANDS and mention.kind in {"name", "org"}:
        return True
    if not mention.proper and len(mention.text.split()) < 3:
        return False
    return mention.kind in {"thing", "event", "org", "group"} and _same_head(head, mention)


def _holds(head: str, mention: _Mention) -> bool:
    """Whether a person may be called by this office: by title, by what is known, or unknown."""
    low = mention.text.lower().split()
    titles = {word for word in low if word in _TITLES}
    if head in {"man", "person"}:
        return True
    if titles:
        return head in titles or (head in _SOLDIERS and bool(titles & _SOLDIERS))
    known = _ROLE_OF.get(low[-1])
    if known is None:
        return head in _SOLDIERS | {"leader", "politician", "diplomat"}
    return head in known


def _completed(question: _Parsed, earlier: Sequence[_Parsed]) -> str:
    """A question without any name whose noun needs one: "How many people died?"."""
    body = _body(question.text)
    words = [word for word in question.words if word.tag != "punct"]
    if any(m.proper for m in question.mentions) or len(words) > 9 or not words:
        return question.text
    if _WHAT_NEXT.fullmatch(body):
        said, nominal = _topic(earlier[-1])
        if said and (nominal or not said.startswith("who ")):
            before = "before" in body.lower()
            return f"What happened {'before' if before else 'after'} {said}?"
        return _bracketed(question.text, earlier)
    nouns = {_singular(w.low) for w in words if w.tag == "noun" and not _looks_past(w.low)} - _VAGUE
    verbs = {_BASE.get(word.low, word.low) for word in words if word.tag == "verb"}
    relational = nouns & _RELATIONAL
    counting = question.opener.startswith(("how many", "how much")) and len(nouns) < 2
    if not counting and nouns - _RELATIONAL - _PEOPLE_NOUNS - _PEOPLE_NOUNS_MASS:
        return question.text
    if not relational and not (verbs & _NEEDS_PLACE or counting):
        return question.text
    if not relational and any(
        m.kind in {"person", "name"} and m.text == _topic(earlier[-1])[0] for m in earlier[-1].mentions
    ):
        return question.text
    if any(w.low in {"of", "between"} for w in words) or any(w.low in _SELF for w in words):
        return question.text
    last = words[-1]
    topic = _attached(earlier, "" if relational & _TOLL else "of")
    if topic and relational and last.tag == "noun" and not topic.startswith("when "):
        mark = question.text[last.end :]
        return f"{question.text[: last.end]} {topic}{mark}"
    return _bracketed(question.text, earlier)


# --- verbs ------------------------------------------------------------------------------------


def _past(base: str) -> str:
    if base in _IRREGULAR:
        return _IRREGULAR[base]
    if base.endswith("e"):
        return f"{base}d"
    if base.endswith("y") and base[-2:-1] not in "aeiou":
        return f"{base[:-1]}ied"
    if base in _DOUBLING:
        return f"{base}{base[-1]}ed"
    return f"{base}ed"


def _forms(base: str) -> Iterator[str]:
    yield base
    yield _past(base)
    yield f"{base}es" if base.endswith(("s", "sh", "ch", "x")) else f"{base}s"
    if base.endswith("y") and base[-2:-1] not in "aeiou":
        yield f"{base[:-1]}ies"


# --- word lists -------------------------------------------------------------------------------


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


def _phrases(text: str) -> frozenset[str]:
    return frozenset(text.split(", "))


_TOKEN = re.compile(
    r"[\"“][^\"”“]{1,80}[\"”]|(?:Mr|Mrs|Dr|Gen|Adm|Lt|Col|St)\.(?=\s)"
    r"|[^\W_]+(?:(?:[-–.,/](?=[^\W_])|['’](?!s\b)(?=[^\W_]))[^\W_]+)*"
    r"|['’]s\b|[^\w\s]|_"
)
_YEAR = re.compile(r"1[0-9]{3}|20[0-9]{2}|(?:1[0-9]|20)[0-9]0s")
_DAY = re.compile(
    r"\b\d{1,2}(?:st|nd|rd|th)?\s+[A-Za-z]{3,9}\b|\b(?:january|february|march|april|may|june|july"
    r"|august|september|october|november|december)\s+\d{1,2}\b",
    re.I,
)
_MONTHS = _set("january february march april may june july august september october november december")
_NUMBERS = _set("two three four five six seven eight nine ten hundred thousand million")

_DO = _set("do does did don't doesn't didn't")
_BE = _set("is are was were isn't aren't wasn't weren't")
_HAVE = _set("has have had hasn't haven't hadn't")
_MODAL = _set("can could will would shall should may might must can't couldn't won't wouldn't")
_CLOSED: dict[str, str] = {
    word: tag
    for tag, words in {
        "wh": "who whom whose what which when where why how",
        "aux": "be been being 's",
        "pron": "i you he she it we they me him her us them his its their my your our hers theirs"
        " himself herself itself themselves everyone someone anyone anybody somebody nobody",
        "dem": "that this these those",
        "det": "the a an any some no each every another all both",
        "prep": "of in on at by for from to with without about after before between against during"
        " until till since into onto over under through across near behind beyond within toward"
        " towards around among along despite like off above below up down out upon via than per"
        " besides except",
        "conj": "and or but if because while although though whether so as unless nor",
        "neg": "not never n't",
        "adv": "there here then now also again already still ever too very just even only soon"
        " later earlier ago away back once twice together apart else instead however maybe next"
        " afterwards afterward beforehand originally please yes ok okay more most less least"
        " much many exactly well far long ahead abroad home today yesterday",
    }.items()
    for word in words.split()
} | {word: "aux" for words in (_DO, _BE, _HAVE, _MODAL) for word in words}
_NOT_ADVERBS = _set(
    "ally assembly family fly italy july reply supply rally monopoly anomaly early only daily"
    " likely friendly deadly lily billy sally emily kelly"
)
_NOT_PAST = _set("united allied red hundred seed speed need feed breed indeed exceed proceed")
_WH_ADVERBS = _set("why how when where what")
_SUBORDINATE = _set("when after before while as if because although since until once though where")
_ADVERBIAL = re.compile(
    r"(?:when|where|why|how)(?: exactly| though)?|(?:for )?how (?:long|often|far|soon|quickly|fast)"
    r"|exactly (?:when|where)|(?:by|with|to|for|from|against) whom|(?:since|until) when|from where"
    r"|(?:(?:in|on|at) )?(?:what|which) (?:exact )?(?:year|month|date|day|time|way)"
    r"|for (?:what|which) reason|how and why|when and where"
)
_DEED = r"(?:do (?:it|that|this|so)|happen|come about)"
_THE_THING = r"(?:he|she|they|it|that|this)"
# What stands for a bare question word, and the word it stands for; first fit counts.
_BARE: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), wh)
    for pattern, wh in (
        (r"why not|why didn't (?:he|she|they|it)", "why not"),
        (
            r"(?:but )?why(?: exactly| though)?|how come|what for|for what"
            rf"|why (?:is|was) (?:that|this)|why did {_THE_THING}(?: {_DEED})?"
            r"|what (?:is|was|were) the reasons?",
            "why",
        ),
        (rf"when(?: exactly)?|when was (?:it|that|this)|when did {_THE_THING} {_DEED}", "when"),
        (rf"where(?: exactly)?|where was (?:it|that|this)|where did {_THE_THING} {_DEED}", "where"),
        (rf"how(?: exactly| so)?|how did {_THE_THING} {_DEED}", "how"),
        (r"by whom|who by", "by whom"),
        (r"with whom|who with", "with whom"),
        (r"who|who (?:was|is) (?:it|that)|who were they", "who"),
        (r"which|which ones?", "which"),
        (r"what|what was it", "what"),
        (r"how many|how many were there|how many of them", "how many"),
    )
)
_MORE = re.compile(
    r"(?:(?:can|could) you )?(?:please )?(?:(?:tell|give) me |say |explain )?(?:some )?more"
    r"(?: details| information)?(?: about (?:it|that|this|him|her|them))?(?: please)?"
    r"|continue|go on|details|anything else|what else is there|what (?:more|else) can you tell me"
    r"|(?:please |can you )?explain(?: that| this| it)?"
)
_ABOUT = re.compile(
    r"(?:(?:and|but|so|ok)[, ]+)?(?:(?:what|how) about|what of|same (?:question )?for)\s+(?=\S)"
    r"|(?:and|but)\s+(?=\S)",
    re.I,
)
_DEFINITION = re.compile(
    r"(?:(?:and )?(?:what|who)(?:'s|’s| is| was| were| are)|what (?:happened|happens|took place)"
    r"(?: to| at| in| during| on| after| with)|(?:please )?(?:tell me(?: something)?(?: more)?"
    r"|what do you know|can you tell me(?: more)?) about|(?:describe|explain|define))"
    r" (?P<np>(?:(?!\b(?:when|who|that|which|did|was|were|is|because|to|doing|like)\b).)+)",
    re.I,
)
_WHAT_NEXT = re.compile(
    r"(?:and |so |but )?what (?:happened|came|followed|happens|was)"
    r"(?: next| then| afterwards?| after(?: that| this)?| before(?: that| this)?| beforehand"
    r"| later(?: on)?)+|(?:and )?then(?: what)?|what next|(?:and )?what then|and next",
    re.I,
)
_BARE_DURATION = re.compile(
    r"(?:and |so )?how (?:long|much \w+|many \w+) (?:did|does|do|would|will)"
    r" it (?:take|cost)(?: in total| altogether)?",
    re.I,
)
_TAKES_TIME = re.compile(
    r"^(?:and |so )?how (?:long|much|many)\b"
    r"|\bit (?:takes?|took)(?: \w+)? (?:hours|days|weeks|months|years)",
    re.I,
)
_TAKES_OBJECT = re.compile(r" (?:take|took|takes)(?: \w+)* (?:to|for|until|before)\b")
_IMPERSONAL = (
    "true|possible|impossible|likely|unlikely|necessary|important|essential|clear|unclear|obvious"
    "|known|said|thought|claimed|believed|estimated|easy|easier|hard|harder|difficult|better|worse"
    "|common|legal|illegal|fair|right|wrong|safe|correct|certain|sure|normal|usual|time|agreed"
    "|decided|understood|reported|assumed|argued|surprising|strange|odd|a fact|a myth|ever possible"
    "|still possible|really true"
)
_PRONOUN_INSIDE = re.compile(
    r"\b(?:he|she|it|they|them|him|his|her|its|their|my|your|you|we|i|there|someone|anyone|this|that)"
    r"\b(?! (?:was|were|is|are|had|led|ended|began) )",
    re.I,
)
_COMPLEMENT = _set("of between which who for called known named whose where titled")
_CLASS: dict[str, str] = {
    **dict.fromkeys(("he", "him", "his"), "he"),
    **dict.fromkeys(("she", "her", "hers"), "she"),
    **dict.fromkeys(("it", "its"), "it"),
    **dict.fromkeys(("they", "them", "their", "theirs"), "they"),
}
_ROLE = {"focus": 5, "subject": 3, "object": 2, "oblique": 1}
# How well one kind may stand for another in "What about X?", either way round.
_LIKE: dict[frozenset[str], float] = {
    frozenset(pair.split("-")): float(weight)
    for weight, pairs in {
        "0.8": "person-name country-group country-place",
        "0.7": "name-place name-country country-org group-org name-org",
        "0.6": "person-country event-place name-thing name-event name-group event-thing",
        "0.55": "person-group person-org",
    }.items()
    for pair in pairs.split()
}
# What a noun names. The heads of noun phrases; "general" and its like are offices of people.
_EVENT = _set(
    "battle war conference meeting summit talk talks invasion attack offensive campaign"
    " operation siege trial tribunal incident coup rebellion landing bombing raid assault"
    " crossing ceremony mission surrender blockade purge revolution election tournament festival"
    " expedition broadcast crisis denunciation internment occupation repatriation withdrawal"
    " massacre uprising exile negotiation negotiations"
)
_ORG = _set(
    "army front fleet flotilla navy government cabinet council committee regiment division"
    " corps brigade battalion unit command staff ministry parliament party union league"
    " commission force bureau group band company club team university school"
)
_THING = _set(
    "pact treaty agreement accord declaration protocol ultimatum rescript note plan bomb"
    " memorandum telegram speech document letter report order directive statement promise"
    " airfield fortress line railway survey dispute cease-fire ceasefire weapon ship tank album"
    " film book song movie show novel series single game record article clause armistice"
    " proclamation"
)
_PLACE_HEADS = _set(
    "city town village port harbour island peninsula river sea bay strait province mountain"
    " region desert prefecture base valley lake ocean"
)
_HEADS: dict[str, str] = {
    **dict.fromkeys(_EVENT, "event"),
    **dict.fromkeys(_ORG, "org"),
    **dict.fromkeys(_THING, "thing"),
    **dict.fromkeys(_PLACE_HEADS, "place"),
}
_PLURAL_EVENTS = _set("talks negotiations trials bombings landings raids soviets")
_SYNONYMS = (
    _set("pact treaty agreement accord"),
    _set("battle fight siege fighting engagement"),
    _set("conference meeting summit talk talks negotiation"),
    _set("invasion attack offensive campaign operation assault"),
    _set("coup incident plot rebellion uprising"),
    _set("trial tribunal"),
    _set("declaration ultimatum proclamation"),
    _set("bomb weapon"),
    _set("army force troop"),
    _set("broadcast speech address rescript"),
    _set("plan operation"),
    _set("prisoner captive internee"),
)
_TITLES = _set(
    "emperor empress general marshal admiral president premier minister ambassador colonel"
    " major captain lieutenant chairman generalissimo king queen prince secretary commander"
    " envoy chief mr mrs ms dr sir lord professor"
)
_SOLDIERS = _set("general marshal commander officer colonel admiral soldier")
_PERSON_NOUNS = _set(
    "leader politician diplomat man woman officer person author historian scientist spy king"
    " queen commander successor predecessor wife husband father mother son daughter brother"
    " sister translator interpreter governor mayor judge prosecutor physicist pilot singer"
    " writer actor"
)
_PEOPLE_NOUNS = _set(
    "soldier prisoner civilian refugee settler worker troop captive internee colonist sailor"
    " victim survivor historian leader officer guard islander farmer child orphan woman man"
    " general diplomat scholar scientist peasant volunteer casualty delegate ally resident pilot"
    " member defendant judge defender parent sibling friend communist nationalist"
)
_PEOPLE_NOUNS_MASS = _set("people men women children troops allies casualties personnel pows")
_VAGUE = _set(
    "thing way reason time date day year month week kind type sort part role aspect article"
    " fact information question answer difference example place point case something anything"
    " number side end start beginning name life lot effect result cause impact interest else"
    " other meaning detail idea one"
)
_RELATIONAL = _set(
    "loss casualty result outcome consequence aftermath term condition cause reason goal aim"
    " purpose effect response reaction role significance importance participant member commander"
    " leader signatory location strength size weather plan objective date terms death dead"
    " wounded survivor resistance motive impact toll successor predecessor defender attacker"
    " damage background legacy trigger deadline provision name"
)
_TOLL = _set("loss casualty death toll dead wounded resistance survivor participant")
_NEEDS_PLACE = _set(
    "die kill win lose attend survive command participate resist retaliate wound escape capture"
    " injure fight perish retreat"
)
_SELF = _set("you your i me my program documents")
_NOUNS = (
    _set(
        "war army peace soviet japanese chinese korean american british german mongolian allied"
        " atomic nuclear bomb pact treaty front neutrality railway border islands island city"
        " prisoners soldiers troops people emperor general marshal government military navy force"
        " forces forced civilian civilians red imperial first world combined armed united divided"
        " occupied wanted surrender attack battle kwantung fighting unconditional day year sides"
        " side countries country weapons weapon planes ships tanks losses deaths casualties labour"
        " labor reasons kind men women children terms music band album song songs film movie book"
        " books"
    )
    | _RELATIONAL
)
_ADJECTIVES = _set(
    "first last official total final exact actual important big large small long short old new"
    " good bad high low great true false real main strong weak significant successful legal"
    " illegal possible necessary ready late early famous fair right wrong surprised prepared"
    " unprepared alone popular deadly common effective decisive different similar able willing"
    " responsible happy unusual controversial valid secret public useful hard easy difficult"
    " bloody costly close aware guilty dead alive involved interesting special unique notable"
    " best worst anything anywhere something else nothing favourite favorite personal musical"
    " financial critical"
)
_CITY = _set("city town port harbour village place")
_LAND = _set("country nation state empire power")
_PLACE_FIRST = _set("port mount lake cape fort san new north south east west northern southern")
_ISLANDS = _set(
    "kuril kurils kurile kuriles sakhalin karafuto shumshu hokkaido okinawa iturup kunashir"
    " shikotan habomai honshu kyushu etorofu kunashiri chishima"
)
_WORKS = _set("album song film movie book show novel series single game record title")
_BANDS = _set("band group company club team organisation organization")

# Names people type in lower case, of the time the shipped documents tell of. Names that are not
# here are told apart by capitals, titles and place in the sentence.
_ROLE_OF: dict[str, frozenset[str]] = {
    name: _set(roles)
    for roles, names in {
        "leader politician generalissimo": "stalin mao",
        "leader politician president": "truman roosevelt",
        "leader politician minister premier": "churchill attlee suzuki konoe tojo koiso higashikuni",
        "minister diplomat politician secretary": "molotov togo byrnes stimson shigemitsu hull"
        " matsuoka eden grew forrestal kido",
        "ambassador diplomat envoy": "sato malik hirota harriman kennan",
        "general commander leader soldier officer": "anami umezu yamada ushiroku macarthur"
        " sugiyama hata tanaka iwane leahy marshall deane tsutsumi higuchi ishii hatanaka kita",
        "marshal commander general soldier officer": "vasilevsky malinovsky meretskov purkayev"
        " purkaev zhukov choibalsan kravchenko pliyev zakharov",
        "admiral commander officer": "toyoda yonai yumashev kuznetsov halsey nimitz yamamoto",
        "emperor": "hirohito puyi",
        "leader politician general president": "chiang eisenhower hitler gromyko khrushchev"
        " yeltsin putin abe hatoyama yoshida",
        "historian author": "hasegawa glantz frank slavinsky",
    }.items()
    for name in names.split()
}
_MALE = frozenset(_ROLE_OF) | _set("emperor general marshal admiral king prince mr sir lord")
_COUNTRIES = _phrases(
    "soviet union, ussr, u.s.s.r, russia, japan, germany, china, america, united states, us,"
    " usa, u.s, u.s.a, britain, great britain, uk, u.k, england, mongolia, korea, north korea,"
    " south korea, italy, france, manchukuo, mengjiang, poland, india, australia, canada, spain,"
    " soviet russia, outer mongolia, taiwan, vietnam, sweden, switzerland, finland"
)
_PLACES = _set(
    "hiroshima nagasaki tokyo moscow yalta potsdam tehran mukden shenyang harbin changchun"
    " hsinking mudanjiang mutanchiang hutou hailar chita khabarovsk vladivostok dairen dalian"
    " manchuria siberia sakhalin karafuto kurils kuriles shumshu paramushir hokkaido okinawa"
    " kyushu honshu iturup kunashir shikotan habomai khingan berlin london washington chongjin"
    " seoul pyongyang kalgan jilin kirin lushun etorofu kunashiri europe asia nomonhan maoka"
    " toyohara pingfang chongqing nanking beijing peking shanghai kokura kyoto"
)
_PEOPLES = _set(
    "soviets japanese chinese russians americans british germans koreans mongolians mongols"
    " manchurians ainu allies europeans french italians poles communists nationalists"
)
_TAKES_ARTICLE = _phrases(
    "soviet union, united states, ussr, us, usa, uk, u.s, u.s.a, u.k, kurils, kuriles, kuril"
    " islands, soviets, japanese, chinese, russians, americans, british, germans, koreans,"
    " mongolians, mongols, allies, french, communists, nationalists, kwantung army, red army"
)
_KNOWN = (
    frozenset(_ROLE_OF)
    | _PLACES
    | _PEOPLES
    | frozenset(name for name in _COUNTRIES if " " not in name and name not in {"us"})
)

_NOUN_OR_VERB = _set(
    "attack surrender battle plan bomb march report command order support fight control cause"
    " result end start name force head land use work need help demand request promise offer"
    " reply answer raid change visit record release tour play return show guard question claim"
    " treat note dispute issue feature score value view store strike study present fund focus"
    " lead lift load sleep track walk mark ride sail seal shift share stand switch trade"
    " transfer transport trust escape delay deal delegate design draft exchange fear hope"
    " influence love protest purchase struggle rescue reward cost cover cut look touch block"
    " date fire crash rise fall loss advance retreat tank supply drop vote veto"
)
_VERBS = _set(
    "abandon abdicate accept accuse achieve act add advance agree announce appeal appear"
    " approve argue arrest arrive ask assist attack attempt attend authorise authorize base"
    " become begin believe betray block bomb break bring broadcast build call capture carry"
    " cause change choose claim close collapse come command commit compare concede conclude"
    " condemn conquer contain continue contribute control convict cost cover cross cut deal"
    " decide declare defeat defect defend delay delete deliver demand denounce deny deploy"
    " describe design destroy detain die differ disappear disband discover discuss disarm"
    " dissolve divide do draft drop earn end enter escape establish evacuate exchange execute"
    " expect expire explain fail fall fear feel fight find finish flee fly follow force form"
    " found free get give go govern graduate grow guarantee happen hate head hear help hold"
    " honour honor hope ignore include influence inform injure insist intend intern invade"
    " investigate invite join keep kill know land last lead learn leave liberate like list live"
    " look lose love make march marry matter mean mediate meet mobilise mobilize move name need"
    " negotiate observe obtain occupy occur offer oppose order organise organize own participate"
    " pay perish persuade plan play possess prefer prepare prevent produce promise propose"
    " prosecute protect protest prove publish punish reach react read receive recognise"
    " recognize record recover refuse regain reject release rely remain remember remove renounce"
    " repatriate replace reply report request resign resist respond retaliate retreat return"
    " reveal revise rule run say see seek seem seize sell send serve show sign sink speak split"
    " spy start state stay stop study succeed suffer suggest summon support surrender survive"
    " take talk teach tell think threaten tour trade train transfer transport travel trigger"
    " trust try turn use veto violate visit vote wait want warn win withdraw work worry write"
    " wound rise accompany test sing allow assassinate award belong breach burn care celebrate"
    " collaborate compose concern consist convince cooperate coordinate criticise criticize date"
    " debut delegate develop direct disclose dispute donate dominate enjoy envisage evolve"
    " explode explore express favour feature finance focus fulfil fulfill fund hide hire"
    " imprison improve increase interact invent involve issue justify label launch leak lift"
    " load maintain manage mention merge motivate note open originate perform persist praise"
    " present press promote provide purchase push qualify quit raise recruit reduce refer relate"
    " repeat represent rescue restore retire reward ride sail save score seal secure separate"
    " settle shift sleep solve spend spread stand starve store strike struggle subdue supervise"
    " suspect switch symbolise tackle tend tolerate touch track translate treat undergo"
    " understand urge value view walk wear welcome affect commemorate mark mourn rename resume"
    " reopen born held fought taken given written chosen broken begun driven sunk shot led"
    " bombed known seen done gone built sent lost won made kept left put sold told understood"
    " met spent struck"
)
_IRREGULAR: dict[str, str] = dict(
    re.findall(
        r"(\w+):(\w+)",
        "become:became begin:began break:broke bring:brought build:built buy:bought"
        " catch:caught choose:chose come:came cut:cut deal:dealt do:did draw:drew drive:drove"
        " fall:fell feel:felt fight:fought find:found flee:fled fly:flew get:got give:gave"
        " go:went grow:grew hear:heard hold:held keep:kept know:knew lead:led leave:left"
        " lose:lost make:made mean:meant meet:met pay:paid put:put read:read rise:rose run:ran"
        " say:said see:saw seek:sought sell:sold send:sent shoot:shot show:showed sink:sank"
        " speak:spoke spend:spent spread:spread split:split stand:stood strike:struck take:took"
        " teach:taught tell:told think:thought understand:understood win:won withdraw:withdrew"
        " write:wrote broadcast:broadcast overthrow:overthrew cost:cost set:set let:let have:had"
        " be:was born:born held:held fought:fought taken:taken",
    )
)
_DOUBLING = _set("plan drop stop commit permit refer transfer occur ban")
_BASE: dict[str, str] = {form: base for base in sorted(_VERBS) for form in _forms(base)}
_BASE |= {past: base for base, past in _IRREGULAR.items()}
_VERB_FORMS = frozenset(_BASE) | frozenset(_IRREGULAR) - {"be", "have", "do"}
_AGENT_VERBS = _set(
    "abandon accept agree announce argue ask attack attempt attend become believe betray break"
    " choose claim command commit concede conquer cross decide declare defend delay demand"
    " denounce deny deploy discuss enter evacuate expect fail fear fight fly follow go hope"
    " ignore insist intend invade join keep know lead leave lose march mediate meet mobilise"
    " mobilize move negotiate occupy offer oppose order plan prefer prepare promise propose"
    " protest punish reach react refuse reject renounce resist respond retreat say seek seize"
    " send sign surrender think threaten try violate vote wait want warn win withdraw gain get"
    " take use"
)
_THING_VERBS = _set(
    "affect appear become begin change contain continue cost cause differ disappear end expire"
    " fall happen include influence last matter mean occur remain result rise say stand start"
    " survive work look sell belong come explode burn fail help need kill arrive sink reach lead"
    " use get"
)
_PLACE_VERBS = _set(
    "get gain want capture take occupy bomb attack invade defend reach leave liberate hold"
    " control rule return rebuild destroy surrender choose fall call belong keep visit enter"
    " locate lose seize"
)

# Small talk, after typing habits and slips are put right and punctuation is dropped.
_MEANT: dict[str, str] = dict(
    re.findall(
        r"(\w+):(\w+)",
        "u:you ya:you yuo:you yo:you r:are re:are ur:your wat:what waht:what wht:what whta:what"
        " whats:what_is hwo:how hows:how_is hlep:help hepl:help halp:help helo:hello hallo:hello"
        " helllo:hello hullo:hello hiya:hi hii:hi hiii:hi heyy:hey thnaks:thanks thansk:thanks"
        " tahnks:thanks thakns:thanks thanx:thanks thx:thanks ty:thanks tnx:thanks thankyou:thanks"
        " thank:thanks okay:ok plz:please pls:please goodbye:bye byebye:bye cya:bye",
    )
)
_HI = r"(?:hi|hello|hey|greetings|howdy|good (?:morning|afternoon|evening|day))"
_HELLO = rf"{_HI}(?: (?:there|all|everyone|bot|chatbot|again|friend|to you|{_HI}))*"
_PRAISE = r"(?:ok|great|perfect|cool|nice|good|well|no|and|many|hello|hi)"
_THANKS = r"(?:thanks|cheers|much appreciated|(?:i )?appreciate it)"
_BYE = (
    r"(?:bye|good bye|see you|farewell|good ?night|so long|take care|have a (?:nice|good|great)"
    r" (?:day|one|evening|weekend))"
)
_SMALLTALK: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), reply)
    for pattern, reply in (
        (
            _HELLO,
            "Hello. Ask me something, and I will quote what the documents say and cite the place.",
        ),
        (
            rf"(?:{_PRAISE} )*{_THANKS}(?: (?:you|so|very|a|much|lot|lots|bunch|million|all|again"
            r"|for|your|the|that|this|help|answer|answers|bot))*(?: bye)?",
            "You are welcome. Ask on if you like.",
        ),
        (
            rf"(?:{_PRAISE} |thanks )*{_BYE}(?: (?:bye|then|now|later|soon|for|tomorrow|bot|around"
            r"|everyone|all))*",
            "Goodbye.",
        ),
        (
            rf"(?:{_HELLO} )?(?:(?:who|what) are you(?: really| exactly| then)?|what is your name"
            r"|are you (?:a |an )?(?:bot|robot|chatbot|human|real person|person|ai|machine)"
            r"|who made you|introduce yourself|tell me about yourself)",
            "I am a program that finds the answer in a set of documents and quotes it, citing the "
            "document and the place. I do not make up sentences about the subject.",
        ),
        (
            rf"(?:{_HELLO} )?(?:what (?:can|could|do) you (?:do|help(?: me)? with|answer|know)"
            r"(?: for me)?|how (?:do|does|can) (?:you work|this work|i use (?:you|this))"
            r"|(?:what|which questions) (?:can|could|should|may) i ask(?: you)?"
            r"|(?:can|could|will) you help(?: me)?(?: please)?|(?:please )?help(?: me| please)*"
            r"|i need help|what is this)",
            "Ask a question in your own words: I search the documents, quote the sentences that "
            "answer it and cite where each stands. If they do not answer it, I say so.",
        ),
        (
            rf"(?:{_HELLO} )?(?:how are you(?: (?:doing|going|feeling|today|now|all))*"
            r"|how do you do|how (?:is it going|are things|is life|is everything)(?: today| going)?"
            r"|what is up|sup|wassup|are you (?:ok|well|there))",
            "Well, thank you. Ask me something, and I will look it up in the documents.",
        ),
    )
)
