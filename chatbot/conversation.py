"""Follow-up questions made whole by rule, and the few sentences of small talk.

A question stands alone unless it is a fragment ("And in Korea?", "Why?"), has a pronoun or a definite noun
whose antecedent it does not hold, or has too few content words. Otherwise candidates are written: the
anaphor replaced by a mention of earlier turns, the fragment put into the last question's frame, or the
subject, a noun phrase or a name, added in brackets. Mentions are found by capitals and closed-class words
alone, so any subject does.

On the half of CANARD that no rule or weight was made with (scripts/evaluate_followups.py, n = 1,421):

                                     ours    question as it is   question and history
    token F1 with the human rewrite  0.689   0.653               0.243
    BLEU                             0.374   0.314               0.054
    needed words found               0.321   0                   1
    human rewrites left alone        0.960   1                   0
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import takewhile, zip_longest

TURNS = 8  # earlier questions looked at; older ones are seldom meant
_FOLLOWED = 4 * TURNS  # of the whole conversation, from which those may have their subject
_LATELY = 2  # of them, those whose subject a question may go on with that does not point back
_LONGEST = 60  # words; a longer question explains itself
_CANDIDATES = 4


def standalone(question: str, history: Sequence[str], answers: Sequence[str] = ()) -> str:
    """The question in a form that can be searched alone; itself if it already stands alone.

    `history` holds the earlier user questions, oldest first, and answers[i] what was quoted for history[i].
    """
    return rewritings(question, history, answers)[0]


def meanings(question: str, history: Sequence[str], answers: Sequence[str] = ()) -> list[str]:
    """What is worth searching for: the question that stands alone and, of a follow-up, the same with the
    question before in brackets, which helps where the rules took up the wrong subject.

    Not where one phrase is exchanged for another ("And a drill?"). One that points back to nothing that is
    known is searched for as it is, and with the question before.
    Of 104 follow-ups on our corpus the first sentence is right for 69 with the first alone, 71 with the
    second alone, and 76 where the trained reader chooses. With what was quoted (`answers`) the rules do
    worse there, 40 of 75 instead of 47, though on CANARD they find more of a person's words.
    """
    meant = standalone(question, history, answers=answers)
    if not history or (meant == question and all(form == "the" for *_, form in _anaphors(question))):
        return [meant]
    asked = [number for number, turn in enumerate(history) if smalltalk(turn) is None]
    if not asked:
        return [meant]
    before = standalone(history[asked[-1]], history[: asked[-1]])
    words = _words(question)
    points = any(word.low in _PRONOUNS or word.low in {*_POINTING, "there", "then"} for word in words)
    spoken = any(word.kind in {"aux", "verb"} for word in words) or _asks_at_length(words)
    if not spoken and _exchanges(meant, before):
        return [meant]
    whole = spoken and not points and meant.startswith(f"{question} (")
    typed = [question] if whole else []  # a subject was only added, and may not be meant
    return [meant, _beside(meant, before), *typed]


def _exchanges(meant: str, before: str) -> bool:
    """Whether a phrase of the question before is exchanged in this one, which beside that would get its answer."""
    opening, other = (
        [word.low for i, word in enumerate(_words(text)[:2]) if not i or word.kind not in _CONTENT]
        for text in (meant, before)
    )
    return "(" not in meant and opening == other and not _content(before) <= _content(meant)


def _asks_at_length(words: Sequence[_Word]) -> bool:
    """ "Which tools need the course", whose verb no list holds; not "What about the second bomb"."""
    long = sum(word.kind in _CONTENT for word in words) > 2
    return long and words[0].kind == "wh" and words[1].low != "about"


def _beside(meant: str, before: str) -> str:
    """Both questions in one pair of brackets at most: "X (Y)" and "Z (W)" become "X (Y; Z, W)"."""
    opened = meant.endswith(")")
    about = re.sub(r"[ ?.]*\(", ", ", before.rstrip("?. )"))
    return f"{meant[:-1]}; {about})?" if opened else f"{meant.rstrip('?. ')} ({about})?"


def rewritings(question: str, history: Sequence[str], answers: Sequence[str] = ()) -> list[str]:
    """What the question may mean after these turns, the likeliest first; [question] if it stands alone."""
    past = _Past(())
    for asked, answered in list(zip_longest(history, answers[: len(history)], fillvalue=""))[-_FOLLOWED:]:
        if 0 < len(asked.split()) <= _LONGEST and smalltalk(asked) is None:
            past = _Past(((_candidates(asked, past)[0], answered), *past.turns[: TURNS - 1]))
    return _candidates(question, past)


def frame_words(question: str) -> set[int]:
    """Where the verbs and adverbs begin that any question may have: "happens", "takes", "again"."""
    words = _words(question)
    return {word.start for word in words if word.kind in {"verb", "adv"} and word.low in _CLOSED}


def smalltalk(question: str) -> str | None:
    """A short reply to a greeting, thanks, goodbye or a question about the program, else None."""
    said = re.sub(r"['’]", "", question[:200].lower())
    words = re.findall(r"\w+", said)
    if not words or len(words) > 9 or len(question) > 200:
        return None
    text = " ".join(_MEANT.get(word, word).replace("_", " ") for word in words)
    return next((reply for pattern, reply in _SMALLTALK if pattern.fullmatch(text)), None)


# --- words and mentions -----------------------------------------------------------------------


@dataclass(frozen=True)
class _Word:
    text: str
    low: str
    start: int
    end: int
    kind: str  # of _CLOSED, or name number word punct


@dataclass(frozen=True)
class _Mention:
    """A noun phrase, name or date that a later question may refer to."""

    text: str
    start: int
    end: int
    key: frozenset[str]  # its content words, lower case
    head: str = ""
    role: str = "oblique"  # of _ROLES
    prep: str = ""  # "at" in "at Yalta"
    name: str = ""  # its capitalised part
    asked: str = ""  # "who" in "Who was Puyi?"
    office: bool = False  # "treasurer" in "Who was elected treasurer?"

    @property
    def dated(self) -> bool:
        return bool(_DATE.fullmatch(self.text))

    @property
    def article(self) -> bool:
        return self.text[:4].lower() == "the "

    @property
    def mixed(self) -> bool:
        return bool(self.name) and not self.text.endswith(self.name)  # "the Yalta conference"

    @property
    def plural(self) -> bool:
        ends = self.head.endswith("s") and not self.head.endswith(("ss", "us", "is"))
        return " and " in self.text or (ends and (self.article or not self.name))


@lru_cache(maxsize=512)
def _words(text: str) -> tuple[_Word, ...]:
    words: list[_Word] = []
    for match in _TOKEN.finditer(text):
        word, low = match.group(), match.group().lower().replace("’", "'")
        before = words[-1] if words else _Word(".", ".", 0, 0, "punct")
        starts = before.text in '.!?:"“('
        kind = _CLOSED.get(low, "")
        if low == "'s" and (before.kind in {"pron", "wh"} or before.low == "there"):
            kind = "aux"
        elif not word[0].isalnum():
            kind = kind or ("word" if word[1:] and word[0] == "°" else "punct")
        elif low.endswith("n't"):
            kind = "aux"
        elif word[0].isdigit():
            kind = "number"
        elif any(map(str.isupper, word)) and not (text.isupper() and " " in text):  # "Oslo", "iOS", "PDF"
            titled = kind in {"", "verb", "adv"} or low == "may"
            letter = (
                low == "a" and before.kind == "word" and not text[match.end() :][1:2].isalnum()
            )  # "class A"
            if (not kind and not low.endswith(("ed", "ing", "ly"))) if starts else titled or letter:
                kind = "name"
        if not kind and before.low in _SUBJECTS:
            kind = "verb"
        words.append(_Word(word, low, match.start(), match.end(), kind or "word"))
    words = [replace(word, kind="word") if _is_noun(words, i) else word for i, word in enumerate(words)]
    return tuple(
        replace(word, kind="verb") if i and words[i - 1].low == "what" and _acts(words[i:]) else word
        for i, word in enumerate(words)
    )


def _is_noun(words: Sequence[_Word], i: int) -> bool:
    """Whether a verb's form is a noun here: "annual leave", "at work", not "when did they leave"."""
    if words[i].low not in _NOUNS or not i:
        return False
    before, after = words[i - 1], words[i + 1].kind if i + 1 < len(words) else "punct"
    if (
        before.kind in {"det", "poss"}
        or before.low in _OWNERS
        or (before.kind == "prep" and before.low != "to")
    ):
        return True
    acts = {"aux", "verb"}
    last = next((word for word in reversed(words[:i]) if word.kind in acts), None)
    if before.kind not in {"word", "number"} or (last and last.low in _OWING):
        return before.kind == "word" and after in acts
    return words[0].kind != "wh" or any(word.kind in acts for word in (*words[:i], *words[i + 1 :]))


def _acts(words: Sequence[_Word]) -> bool:
    """Whether the word behind "what" is the verb: "What causes the rust", not "What islands did they take"."""
    clause = list(takewhile(lambda word: word.kind not in {"conj", "wh", "punct"}, words))
    if words[0].kind != "word" or any(word.kind in {"aux", "verb"} for word in clause):
        return False
    after = words[1].kind if len(words) > 1 else "punct"
    ends = words[0].low.endswith("s") and after in {"det", "pron", "conj", "wh"}
    return ends or (words[0].low.endswith("ed") and after != "punct")


@lru_cache(maxsize=512)
def _mentions(text: str) -> tuple[_Mention, ...]:
    words = _words(text)
    found = [_plain(match, 0) for match in _DATE.finditer(text)]
    found += [
        replace(_plain(match, 1), role="object", name=match.group(1)) for match in _QUOTED.finditer(text)
    ]
    owed = subject = False  # "did" still waits for its verb; a subject has been seen
    defines = len(words) > 1 and words[0].kind == "wh" and words[1].low in _BE
    office = _office(words) if defines else 0
    i = 0
    while i < len(words):
        end = _name_end(words, i, _chunk_end(words, i))
        if end == i or i + 1 == office:
            owed = (owed or words[i].low in _OWING) and words[i].kind != "verb"
            acts = i + 1 < len(words) and words[i + 1].kind != "aux"  # "who signed", "he signed"
            subject = subject or (words[i].low in _SUBJECTS and acts)
            i += 1
        elif owed and subject and end == i + 1 and words[i].kind == "word":
            owed, i = False, end  # the verb itself
        else:
            stop = _before_verb(words, i, end, owed)
            after = stop + 1 if owed and i < stop < end else end
            owed = owed and stop == end < len(words) and words[end].kind != "punct"
            before = words[i - 1] if i else words[0]
            prep = before.low if i and before.kind == "prep" else ""
            focus = i > 0 and before.low in {"what", "which", "many", "much"}
            role = "focus" if focus else "oblique" if prep else "object" if subject else "subject"
            subject = subject or (role == "subject" and before.low != "how")
            asked = words[0].low if defines and role == "subject" else ""
            if before.low != "how":  # "how tall"
                phrases = _phrases(text, words[i:stop], role, prep, asked)
                found += (replace(phrase, office=i == office > 0) for phrase in phrases)
            i = after
    return tuple(sorted(found, key=lambda mention: mention.start))


def _office(words: Sequence[_Word]) -> int:
    """Where "treasurer" begins in "Who was elected treasurer?"; 0 in other questions."""
    phrase = list(takewhile(lambda word: word.kind in _CONTENT, words[2:]))
    common = len(phrase) > 1 and all(word.kind == "word" for word in phrase)  # not "retired General Lee"
    return 3 if words[0].low == "who" and common and words[2].low.endswith("ed") else 0


def _chunk_end(words: Sequence[_Word], start: int) -> int:
    """Where the noun phrase that starts here ends; `start` if none does."""
    first = next((i for i in range(start, len(words)) if words[i].kind != "det"), len(words))
    i = first
    while i < len(words) and words[i].kind in _CONTENT:
        i += 1
    if i == first:
        return start
    if i + 1 < len(words) and words[i].low in _LINKS:
        named = words[i - 1].kind == "name" and words[i + 1].kind in {"name", "det"}
        inner = _chunk_end(words, i + 1)
        names = any(word.kind == "name" for word in words[i + 1 : inner])
        if inner > i + 1 and (words[i].low == "of" or (named and names)):
            return inner
    return i


def _name_end(words: Sequence[_Word], start: int, end: int) -> int:
    """The end of a chunk cut where it meets its verb: "Sato | advised Togo", "the Act | split the land"."""
    first = next((i for i in range(start, end) if words[i].kind == "name"), end)
    after = next((i for i in range(first, end) if words[i].kind == "word"), end)
    if first == start or any(word.kind == "name" for word in words[after:end]):
        return after
    runs_on = end < len(words) and words[end].kind in {"det", "pron"} and words[end - 1].kind == "word"
    return end - 1 if runs_on and sum(word.kind in _CONTENT for word in words[start:end]) > 1 else end


def _before_verb(words: Sequence[_Word], start: int, end: int, owed: bool) -> int:
    """The end of a chunk without the verb that ran into it: "Stalin | promise", "the pact | signed"."""
    content = [i for i in range(start, end) if words[i].kind in _CONTENT]
    follows = next((word.kind for word in words[end:] if word.kind != "adv"), "punct")
    if owed and follows != "verb" and len(content) > 1 and words[end - 1].kind == "word":
        heads = [i for i in content if words[i].kind == "name"]
        if words[start].low == "the" and not heads:
            heads = [i for i in content[:-1] if words[i].low.endswith("s")]  # "the soviets | attack"
        end = heads[-1] + 1 if heads and end - heads[-1] <= 4 else end - 1
    while end - start > 1 and words[end - 1].kind == "word" and words[end - 1].low.endswith("ed"):
        end -= 1
    while end > start and words[end - 1].kind not in _CONTENT:
        end -= 1
    return end


def _phrases(text: str, words: Sequence[_Word], role: str, prep: str, asked: str) -> Iterator[_Mention]:
    """The phrase of these words, and those it holds: the name in "film Vertigo", both of "A and B"."""
    if not words:
        return
    points = words[0].low in _POINTING  # "this Hirota", "songs that Dylan wrote"
    while len(words) > 1 and words[0].kind == "det" and words[1].kind in {"det", "name" if points else "det"}:
        words = words[1:]
    first = next((i for i, word in enumerate(words) if word.kind == "name"), 0)
    code = first == len(words) - 1 and _is_code(words[first])  # "code E04"
    if (
        first
        and not code
        and words[0].kind in {"word", "number"}
        and all(w.low != "of" for w in words[:first])
    ):
        yield from _phrases(text, words[first:], role, prep, asked)
        words = words[:first]
    key = frozenset(word.low for word in words if word.kind in _CONTENT)
    if not key or (len(words) == 1 and words[0].kind == "word" and _NO_NOUN.fullmatch(words[0].low)):
        return
    start, end = words[0].start, words[-1].end
    names = [word for word in words if word.kind == "name"]
    name = text[names[0].start : names[-1].end] if names else ""
    if role == "subject" and len(words) == 1 and text.islower() and not _OWNED.search(text[:start]):
        name = text[start:end]  # "when did hirohito speak"
    last = words[-2] if len(words) > 1 and _is_code(words[-1]) and words[-2].kind == "word" else words[-1]
    head = next((words[i - 1].low for i, word in enumerate(words) if i and word.low == "of"), last.low)
    if not _DATE.fullmatch(text[start:end]):
        yield _Mention(text[start:end], start, end, key, head, role, prep, name, asked)
    for i, word in enumerate(words):
        if word.text == "and" and 0 < i < len(words) - 1:
            yield from _phrases(text, words[:i], role, prep, asked)
            yield from _phrases(text, words[i + 1 :], role, prep, asked)


def _plain(match: re.Match[str], group: int) -> _Mention:
    text, start, end = match.group(group), *match.span(group)
    before = match.string[:start].lower().split()[-1:]
    prep = before[0] if before and _CLOSED.get(before[0]) == "prep" else ""
    return _Mention(text, start, end, frozenset(re.findall(r"\w+", text.lower())), text, prep=prep)


# --- earlier turns ----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Past:
    """Earlier turns, newest first: questions made whole, with what was answered."""

    turns: tuple[tuple[str, str], ...]

    @property
    def last(self) -> str:
        return self.turns[0][0]

    def mentions(self) -> Iterator[tuple[_Mention, float]]:
        """All mentions with their salience."""
        for age, (question, answer) in enumerate(self.turns):
            for mention in _spoken_of(question):
                yield mention, _ROLES[mention.role] * 0.75**age
            for mention in _spoken_of(answer[:600]):
                if (mention.name or mention.article or mention.dated) and not mention.name.islower():
                    yield mention, 0.5 * _ROLES[mention.role] * 0.75**age

    def ranked(self, want: str, apart: Iterable[_Mention] = ()) -> list[_Mention]:
        """The mentions that fit, best first, each by its fullest name; none that shares words with `apart`."""
        taken = frozenset[str]().union(*(mention.key for mention in apart))
        groups: list[list[_Mention]] = []
        salience: list[float] = []
        for mention, weight in self.mentions():
            if mention.key & taken:
                continue
            same = (g for g, group in enumerate(groups) if any(_same(mention, m) for m in group))
            if (g := next(same, len(groups))) == len(groups):
                groups.append([])
                salience.append(0.0)
            groups[g].append(mention)
            salience[g] += weight
        scores = [_fit_all(group, want) * weight for group, weight in zip(groups, salience, strict=True)]
        order = sorted(range(len(groups)), key=lambda g: -scores[g])
        return [_fullest(groups[g], want) for g in order if scores[g] > 0.05]

    def named(self, noun: str) -> list[_Mention]:
        """The mention that says more: "pact" -> "the Neutrality Pact"."""
        mentions = [
            mention for mention, _ in self.mentions() if mention.head == noun and len(mention.key) > 1
        ]
        return sorted(mentions, key=lambda mention: not mention.name)[:1]

    def whoever(self) -> list[_Mention]:
        """The person whom the last question asks for: "the one who commanded the army"."""
        words = _words(self.last)
        if len(words) < 3 or words[0].low != "who" or words[1].kind in {"aux", "poss"}:
            return []
        text = f"the one who{self.last[words[0].end :].split(', and')[0].rstrip(' ?!.')}"
        return [_Mention(text, 0, 0, frozenset(), name=text)]

    def rest(self, question: str) -> str:
        """The content of the last question that is not in this one."""
        said = {word.low for word in _words(question)}
        return " ".join(
            w.text
            for w in _words(self.last)
            if w.kind in {*_CONTENT, "verb"} and w.low not in said and not w.low.startswith("happen")
        )

    def topic(self, question: str) -> str:
        """What the question is about without saying so.

        Of one that has a noun phrase of its own, only a name; and if nothing in it points back, only one of late.
        On the tuned half of CANARD a name in brackets gave +0.028 token F1 (n = 198), a common noun -0.053
        (388); a name older than the last two questions -0.015 (19).
        """
        mentions = _mentions(question)
        if any(mention.name for mention in mentions) and _content(question) <= _content(self.last):
            return self.rest(question)
        spoken = any(word.kind in {"aux", "verb"} for word in _words(question))
        if not spoken or all(mention.dated for mention in mentions):
            topics = self.ranked("topic", mentions)
        elif any(form != "the" for *_, form in _anaphors(question)):
            topics = [topic for topic in self.ranked("topic", mentions) if topic.name or len(topic.key) > 1]
        else:
            turns = self.turns[:_LATELY]
            topics = [topic for topic in _Past(turns).ranked("topic", mentions) if topic.name]
        return re.sub(r"^(?:the|an?) ", "", topics[0].text, flags=re.I) if topics else ""


def _spoken_of(text: str) -> Iterator[_Mention]:
    """The mentions without those that nobody asks about: the names of a row's columns, and units."""
    forms = [match.span() for form in (_COLUMN, _UNIT) for match in form.finditer(text)]
    for mention in _mentions(text):
        if not any(start < mention.end and mention.start < end for start, end in forms):
            yield mention


def _same(a: _Mention, b: _Mention) -> bool:
    if a.name and b.name and not (a.dated or b.dated):
        return a.key <= b.key or b.key <= a.key
    return a.key == b.key


def _fullest(group: Sequence[_Mention], want: str) -> _Mention:
    """The longest way of saying a name, up to five words; else the newest."""
    named = [mention for mention in group if mention.name and len(mention.key) <= 5]
    best = max((_fit(mention, want) for mention in named), default=0.0)
    return max((m for m in named if _fit(m, want) >= 0.5 * best), key=lambda m: len(m.key), default=group[0])


def _fit_all(group: Sequence[_Mention], want: str) -> float:
    known = any(mention.asked == "who" for mention in group)
    return max(_fit(mention, want) for mention in group) * ((2 if want == "person" else 0.2) if known else 1)


def _fit(mention: _Mention, want: str) -> float:
    """How well a mention suits what is wanted: person thing group place time topic; 0 not at all."""
    placed = mention.prep in _PLACED
    if mention.dated or want == "time":
        return float(mention.dated and want == "time")
    if want == "person" and not mention.name:
        return float(mention.asked == "who")
    if want == "person":
        odd = mention.mixed or mention.article or re.search(r" (?:of|and) |\d|^[A-Z.]+$", mention.text)
        return (0.03 if odd else 1.0) * (0.4 if placed else 1.0)
    if want == "place":
        return (1.0 if mention.name else 0.3) * (2.0 if placed else 0.1 if mention.plural else 0.3)
    if want == "group" and mention.plural:
        return 1.5 if mention.name else 1.0
    if want == "group":
        return (0.3 if mention.article or mention.mixed else 0.5) if mention.name else 0.05
    if want == "thing":
        fit = 1.2 if mention.name and (mention.mixed or mention.article) else 0.5
        return fit * (0.3 if mention.plural else 2.0 if mention.role == "object" else 1.0)
    return (1.0 if mention.name else 0.2 if mention.article else 0.05) * (0.5 if placed else 1.0)


# --- candidates -------------------------------------------------------------------------------


def _candidates(question: str, past: _Past) -> list[str]:
    if not past.turns or not _LATIN.search(question) or len(question.split()) > _LONGEST:
        return [question]
    text = re.sub(r"[A-Za-z]+", lambda m: _TYPOS.get(m.group(), m.group()), question)
    rules = (_more, _bare, _fragment, _resolved)
    return next((written for rule in rules if (written := rule(text, past))), [question])


def _resolved(text: str, past: _Past) -> list[str]:
    """With every anaphor replaced, or the topic in brackets; [] if the question stands alone."""
    edits: list[tuple[int, int, list[str]]] = []
    taken = list(_mentions(text))
    chosen: dict[str, list[_Mention]] = {}
    anaphors = list(_anaphors(text))
    subjects = {want for _, _, want, form in anaphors if form == "he"}
    for start, end, want, form in anaphors:
        who = f"{want} {form}" if form == "him" and want in subjects else want
        if want == "noun":
            mentions = past.named(text[start:end].split()[-1].lower())
        elif who not in chosen:
            mentions = past.ranked(want, taken)[:_CANDIDATES]
            if want == "person":
                mentions = mentions + past.whoever() if past.turns[0][1] else past.whoever() + mentions
            chosen[who] = mentions
            taken += mentions[:1]
        else:
            mentions = chosen[who]
        if mentions:
            edits.append((start, end, [_fitted(mention, form) for mention in mentions]))
    candidates = list(_applied(text, edits))
    if not edits and (anaphors or _thin(text, past)):
        event = any(form == "event" for *_, form in anaphors)
        candidates = [_with(text, past.rest(text) if event else past.topic(text)), text]
    return [] if candidates[0] == text else list(dict.fromkeys(candidates))


def _applied(text: str, edits: Sequence[tuple[int, int, list[str]]]) -> Iterator[str]:
    """All first choices, then one other choice at a time."""
    others = [(i, k) for i, (_, _, options) in enumerate(edits) for k in range(1, len(options))]
    for other, k in [(-1, 0), *others][:_CANDIDATES]:
        whole = text
        for i, (start, end, options) in sorted(enumerate(edits), key=lambda edit: -edit[1][0]):
            whole = whole[:start] + options[k if i == other else 0] + whole[end:]
        yield whole


def _anaphors(text: str) -> Iterator[tuple[int, int, str, str]]:
    """Start, end, what is wanted and the form of every word whose antecedent the question does not hold."""
    words, mentions = _words(text), _mentions(text)
    impersonal, exists = _IMPERSONAL.search(text), _EXISTS.search(text)
    clear = bool(impersonal) or any(mention.name or mention.dated for mention in mentions)
    for i, word in enumerate(words):
        before = words[i - 1].kind if i else "punct"
        after = words[i + 1].kind if i + 1 < len(words) else "punct"
        ends = after in {"punct", "prep", "conj", "aux"}
        if word.low in _PRONOUNS and not (impersonal and word.low == "it"):
            want, form = _PRONOUNS[word.low]
            if word.low == "her" and after not in {*_CONTENT, "det"}:
                form = "him"
            if (
                word.low == "it"
                and before not in {"aux", "conj", "wh", "punct"}
                and after not in {"aux", "verb"}
            ):
                form = "him"
            if not _inside(text, word, form, words[:i], want):
                yield word.start, word.end, want, form
        elif word.low in _POINTING:
            end = next((mention.end for mention in mentions if mention.start == word.start), word.end)
            noun = text[word.end : end].strip()
            joins = after in {"name", "det", "pron"} or (ends and before in _CONTENT)
            known = noun in _TIMES or (noun in _DOCUMENT and clear) or (word.low == "that" and joins)
            if not known and (noun or ends):
                yield word.start, end, "noun", "this" if noun else "event"
        elif word.low == "there" and after != "aux" and (before != "aux" or ends) and not exists:
            yield word.start, word.end, "place", "there"
        elif word.low == "then" and i > 1 and after == "punct":
            yield word.start, word.end, "time", "event"
    for mention in mentions:
        alone = len(mention.key) == 1 and " of " not in mention.text and not _told(text, mention)
        if mention.article and not clear and alone:
            yield mention.start, mention.end, "noun", "the"


def _told(text: str, mention: _Mention) -> bool:
    """Whether the question itself says which: "the deposit for a chainsaw"."""
    return any(
        other.prep and text[mention.end : other.start].strip().lower() == other.prep
        for other in _mentions(text)
        if other.text[:2].lower() in {"a ", "an"}
    )


def _inside(text: str, word: _Word, form: str, before: Sequence[_Word], want: str) -> bool:
    """Whether the antecedent stands in the same question; an object does not mean its own clause's subject."""
    mentions = _mentions(text)
    before = before[1:] if before and before[0].low in {"and", "but", "so", "or"} else before
    first = before[0].low if before else ""
    if first in _SUBORDINATE and any(m.name and m.start > text.find(",", word.end) > 0 for m in mentions):
        return True  # "When he met Stalin, what did Konoe want?"
    earlier = [mention for mention in mentions if mention.end <= word.start]
    if form == "him" and not any(other.kind in {"conj", "wh"} for other in before[1:]):
        earlier = [mention for mention in earlier if text[mention.end : mention.end + 2] in {"'s", "’s"}]
    elif form != "own":
        earlier = [mention for mention in earlier if mention.role != "oblique"]
    if before and before[-1].kind == "aux":  # "Which cities did they tour?"
        earlier = [m for m in earlier if m.role != "focus" or m.end < before[-1].start - 1]
    return any(_fit(mention, want) >= 0.5 for mention in earlier)


def _fitted(mention: _Mention, form: str) -> str:
    """The mention as it reads in the place of he, him, own (= his), there, this, the, or event (= that, then)."""
    text = re.sub(r"^(?:the|an?|some|any|no|this|that|these|those) ", "the ", mention.text, flags=re.I)
    bare = mention.dated or mention.name or mention.asked == "who" or re.match(r"the |\w+'s ", text)
    if mention.office or (not bare and (mention.plural or form != "he" or text != mention.head)):
        text = f"the {text}"
    if form == "own":
        return f"{text}'" if text.endswith("s") and mention.plural else f"{text}'s"
    if form == "there" or mention.dated:
        return f"{mention.prep if mention.prep in _PLACED else 'in'} {text}"
    return text


def _thin(text: str, past: _Past) -> bool:
    """Whether the question has too few content words besides the last question's to stand alone."""
    if _DEFINITION.match(text) or _IMPERSONAL.search(text):
        return False
    content = _content(text)
    mentions = [mention for mention in _mentions(text) if not mention.dated]
    if any(mention.name for mention in mentions):
        acts = any(word.kind == "verb" or word.low.endswith("ed") for word in _words(text))
        return acts and content <= _content(past.last)  # "Who signed for Japan?" of a surrender
    if any(_told(text, mention) for mention in mentions):
        return False  # "What is the deposit for a chainsaw?"
    if mentions and any(mention.dated for mention in _mentions(text)):
        return False  # "Who is on the desk on Saturday?"
    if any(word.low in {"i", "we"} for word in _words(text)):
        objects = [m for m in mentions if not m.article and m.role in {"object", "oblique"}]
    else:
        objects = [m for m in mentions if m.text.split() == [m.head] and m.role == "object"]
    if objects:
        return False  # "What do I do with offcuts?", "Who discovered radium?"
    return len(content) <= 2 or content <= _content(past.last)


def _content(text: str) -> set[str]:
    return {word.low for word in _words(text) if word.kind in {*_CONTENT, "verb"}}


def _with(text: str, topic: str) -> str:
    return f"{text.rstrip()} ({topic})" if topic else text


def _more(text: str, past: _Past) -> list[str]:
    topic = past.topic(text) if _MORE.fullmatch(text) else ""
    return [f"Tell me more about {topic}"] if topic else []


def _bare(text: str, past: _Past) -> list[str]:
    """ "Why?", "By whom?", "Who else?", "When did he do that?" in the last question's frame."""
    said = _DEED.sub(r"\1", text.strip(" ?!."))
    words = _words(said)
    frame = past.last.rstrip(" ?!.")
    opening = _words(frame)
    kinds = {word.kind for word in words}
    if (
        "wh" not in kinds
        or kinds - {"wh", "prep", "adv", "neg", "conj"}
        or len(words) > 4
        or len(opening) < 2
    ):
        return []
    if words[-1].low == "else":
        return [f"{said} {frame[opening[1].start :]}?"] if opening[0].low == words[0].low else []
    if words[-1].low != "not":
        if asked := _behind_adverb(frame):
            return [f"{said} {asked}?"]
        if opening[0].kind == "aux" and words[0].low == "why":
            return [f"{said} {frame[0].lower()}{frame[1:]}?"]
    return [_and(past.last, said)]


def _and(frame: str, said: str) -> str:
    """The last question that asks for one thing more: "Who signed, and when?"."""
    asked, bracket, topic = frame.partition(" (")
    said = re.sub(r"^(?:and|but|or) ", "", said, flags=re.I)
    return f"{asked.rstrip(' ?!.')}, and {_inside_a_sentence(said)}?{bracket}{topic}"


def _inside_a_sentence(said: str) -> str:
    """Without the capital that a word of a closed class has only as the first of what was typed."""
    first = next(iter(_words(said)), None)
    if (
        first is None
        or first.kind not in {"wh", "prep", "det", "conj"}
        or first.text[1:].isupper() > said.isupper()
    ):
        return said
    return said[: first.end].lower() + said[first.end :]


def _fragment(text: str, past: _Past) -> list[str]:
    """ "And Nagasaki?", "In 1945?", "Did Churchill?", "How many civilians?" in the last question's frame."""
    opened = _ABOUT.match(text)
    said = text[opened.end() if opened else 0 :].strip(" ?!.")
    words = _words(said)
    acts = [word for word in words if word.kind in {"aux", "verb"}]
    named = len(words) == 2 or {word.kind for word in words[1:]} <= {"det", "name"}
    if acts == [*words[:1]] and acts and named and any(mention.name for mention in _mentions(said)):
        said = said[words[0].end :].strip()  # "Did Churchill?"
    elif not words or acts or len(words) > 7:
        return []
    frame = past.last
    if words[0].kind == "prep" and len(words) > 2 and words[1].low in {"what", "which", "whose"}:
        return [_placed(said, frame)]
    if words[0].kind == "wh":
        whole = words[0].low in {"who", "whom", "why"} or any(word.low in _PRONOUNS for word in words)
        if whole or len(words) > 4 or words[-1].low.endswith("ed"):
            return []
        opening = _words(frame)
        stop = next((word.start for word in opening[2:] if word.kind in {"aux", "verb"}), 0)
        if stop and opening[0].kind == "wh" and opening[1].kind not in {"aux", "verb"}:
            return [f"{said} {frame[stop:]}"]
        return [_with(text, past.rest(text))]
    said = _inside_a_sentence(re.sub(r" \([^()]*\)$", "", (_resolved(said, past) or [said])[0]))
    if written := _in_its_place(said, frame):
        return [written]
    if not (fresh := _mentions(said)):
        return [_with(text, past.topic(text))]
    new = replace(fresh[0], text=said.removeprefix(fresh[0].prep).strip())
    if old := _parallel(new, frame):
        return list(dict.fromkeys(_exchanged(frame, old, new, said)))
    if new.prep or fresh[0].dated:
        asked, bracket, topic = frame.partition(" (")
        return [f"{asked.rstrip(' ?!.')} {said}?{bracket}{topic}"]
    return [_with(text, past.topic(text))]


def _placed(said: str, frame: str) -> str:
    """ "At what temperature" in place of "how long", "when" or "where"; beside anything else."""
    asked = _behind_adverb(frame) or _behind_adverb(
        re.sub(r"^how (?!many|much)\w+", "how", frame, flags=re.I)
    )
    return f"{said} {asked}" if asked else _and(frame, said)


def _behind_adverb(frame: str) -> str:
    """ "was it founded" of a question that asks when, where, why, how or "in which city"; "" of any other."""
    words = _words(frame)
    if words[0].kind == "prep" and len(words) > 1 and words[1].kind == "wh":
        return next((frame[word.start :] for word in words[2:] if word.kind == "aux"), "")
    adverbial = words[0].low in {"when", "where", "why", "how"} and len(words) > 1 and words[1].kind == "aux"
    return frame[words[1].start :] if adverbial else ""


def _parallel(new: _Mention, frame: str) -> _Mention | None:
    """The phrase of the last question whose place the fragment takes."""

    def likeness(old: _Mention) -> int:
        if fresh_date or old.dated:
            return 9 * (fresh_date and old.dated)
        alike = 4 * (bool(new.name) == bool(old.name)) + 3 * bool(old.key & new.key)
        alike += 2 * bool(new.prep and new.prep == old.prep) + bool(new.prep and old.prep)
        return alike + (old.role in {"subject", "focus"} and not new.prep)

    fresh_date = bool(_DATE.search(new.text)) and not new.name
    joins = bool(new.prep) and not fresh_date  # "How much is the fee?", "And for students?"
    olds = [old for old in _spoken_of(frame) if not joins or old.prep or f" {new.prep} " in old.text]
    best = max(olds, key=lambda old: (likeness(old), old.start), default=None)
    return best if best and likeness(best) >= 4 else None


def _exchanged(frame: str, old: _Mention, new: _Mention, said: str) -> Iterator[str]:
    rest = old.text.lower().removeprefix("the ")
    # "the Yalta conference", "And Potsdam?"
    if old.name and new.text == new.name and rest != old.name.lower():
        inner = frame.index(old.name, old.start)
        yield _joined(frame[:inner], new.text, frame[inner + len(old.name) :])
    if new.prep and (inner := old.text.find(f" {new.prep} ")) > 0:  # "the capital of France", "And of Spain?"
        yield frame[: old.start + inner + 1] + said + frame[old.end :]
    if new.prep and old.prep:
        yield frame[: old.start - len(old.prep) - 1] + said + frame[old.end :]
    else:
        yield _joined(frame[: old.start], new.text, frame[old.end :])


def _joined(before: str, new: str, after: str) -> str:
    """The three without "my my cat", "how many a dog" and "the Kestrel desk desk"."""
    left, words = _words(before)[-1:], _words(new)
    if left and (words[0].kind == "det" or words[0].low in _OWNERS):
        if left[0].low in {*_COUNTED, *_ASKED} and len(words) > 1:
            new = new[words[1].start :]
        elif left[0].kind == "det" or left[0].low in _OWNERS:
            before = before[: left[0].start]
    if len(words) > 1 and after[1:].startswith(words[-1].text) and _words(after)[0].text == words[-1].text:
        after = after[1 + len(words[-1].text) :]
    return before + new + after


# --- the place of a fragment ------------------------------------------------------------------


_Edit = tuple[int, int, str]  # characters of the last question, and what takes their place


def _in_its_place(said: str, frame: str) -> str:
    """The last question with the fragment where something of its kind stands; "" where no place is sure."""
    asked, bracket, topic = frame.partition(" (")
    if not said or not asked or (_DATE.search(said) and not _is_labelled(said, asked)):
        return ""
    for rule in (_numbered, _ordinal, _adverb, _behind_preposition, _noun_with_article, _bare_noun):
        if edit := rule(said, asked):
            start, end, text = edit
            return asked[:start] + text + asked[end:] + bracket + topic
    return ""


def _is_labelled(said: str, asked: str) -> bool:
    """Whether what looks like a year numbers a thing of the last question: "part 1205", of "part 1204"."""
    label = re.fullmatch(r"(?:\w+ )?([a-z]+) \d+", said)
    return bool(label and re.search(rf"\b{label.group(1)} \w*\d", asked, re.I))


def _numbered(said: str, asked: str) -> _Edit | None:
    """ "E27" in the place of "E04", "plot 4" of "plot 2", "5 nights" of "3 nights"."""
    words, olds = _words(said), _words(asked)
    content = [word for word in words if word.kind in _CONTENT]
    prep = words[0].low if words[0].kind == "prep" else ""
    at = [i for i, word in enumerate(content) if _is_code(word)]
    if len(at) != 1 or any(word.kind not in {*_CONTENT, "det"} for word in words[bool(prep) :]):
        return None
    before, code, behind = content[: at[0]], content[at[0]], content[at[0] + 1 :]
    if before and behind:
        return None
    place = _like_code(code, before, behind, olds, {i for i, word in enumerate(olds) if _is_code(word)})
    if place is None:
        return None
    first = place
    while first and place - first < len(before) and olds[first - 1].kind in _CONTENT:
        first -= 1
    last = place
    while last + 1 < len(olds) and last - place < len(behind) and olds[last + 1].kind in _CONTENT:
        last += 1
    start, text = olds[first].start, said[content[0].start : content[-1].end]
    if prep:
        while first and olds[first - 1].kind in {"det", *_CONTENT}:
            first -= 1
        if not first or olds[first - 1].kind != "prep":
            return None
        if olds[first - 1].low != prep:
            start, text = olds[first - 1].start, f"{prep} {text}"
    return start, olds[last].end, text


def _is_code(word: _Word) -> bool:
    """ "E04", "4411-B", "12", and the letter of "class B"."""
    letter = len(word.text) == 1 and word.text.isupper()
    numbered = any(map(str.isdigit, word.text)) and not _ORDINAL.fullmatch(word.low)
    return word.kind in _CONTENT and (letter or numbered)


def _like_code(
    code: _Word, before: Sequence[_Word], behind: Sequence[_Word], olds: Sequence[_Word], places: set[int]
) -> int | None:
    """Which code this one stands for: that with its noun, else the only one of letters or of digits, or of its form."""

    def noun(i: int) -> bool:
        beside = olds[i - 1 : i] if before else olds[i + 1 : i + 2]
        return any(word.low == other.low for word in beside for other in (before[-1:] or behind[:1]))

    def counts(i: int) -> bool:
        return i + 1 < len(olds) and olds[i + 1].kind in _CONTENT

    named = [i for i in places if noun(i)]
    kind = [i for i in places if _has_letter(olds[i]) == _has_letter(code) and (counts(i) or not behind)]
    form = [i for i in kind if _form(olds[i]) == _form(code)]
    return next((found[0] for found in (named, kind, form) if len(found) == 1), None)


def _has_letter(word: _Word) -> bool:
    return any(map(str.isalpha, word.text))


def _form(word: _Word) -> str:
    return re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "0", word.low))


def _ordinal(said: str, asked: str) -> _Edit | None:
    """ "the second" in the place of "the first"; "the second time", "this year" and a further deed besides."""
    words, olds = _words(said), _words(asked)
    at = next((i for i, word in enumerate(words) if _ORDINAL.fullmatch(word.low) or word.low == "this"), None)
    if at is None or any(word.kind not in {"prep", "det"} for word in words[:at]):
        return None
    noun = words[at + 1 :]
    if any(word.kind not in _CONTENT for word in noun):
        return None
    places = [i for i, word in enumerate(olds) if _ORDINAL.fullmatch(word.low)]
    alike = [i for i in places if not noun or [word.low for word in olds[i + 1 : i + 2]] == [noun[0].low]]
    if places or not noun:
        ranks = len(alike) == 1 and (words[at].low != "this" or olds[alike[0] - 1].kind != "det")
        return (olds[alike[0]].start, olds[alike[0]].end, words[at].text) if ranks else None
    timed = noun[-1].low in _SPANS and noun[-1].low not in {word.low for word in olds}
    deed = words[0].kind == "prep" and any(
        word.kind == "word" and word.low.endswith("ing") and olds[i].kind == "prep"
        for i, word in enumerate(olds[1:])
    )
    stop = len(asked.rstrip(" ?!."))
    return (stop, stop, f" {said}") if timed or deed else None


def _behind_preposition(said: str, asked: str) -> _Edit | None:
    """ "in larch" in the place of "in oak"."""
    words = _words(said)
    rest = words[1:]
    content = [word for word in rest if word.kind in _CONTENT]
    joins = {*_CONTENT, "det", "conj"}
    if (
        words[0].kind != "prep"
        or words[0].low == "to"
        or not content
        or any(w.kind not in joins for w in rest)
    ):
        return None
    slots = [slot for slot in _slots(asked, len(content)) if slot.prep == words[0].low]
    if len(slots) != 1 or any(slots[0].has(kind) != any(w.kind == kind for w in content) for kind in _TYPED):
        return None
    return slots[0].start, slots[0].end, said[rest[0].start : rest[-1].end]


def _adverb(said: str, asked: str) -> _Edit | None:
    """ "overnight" said besides, or in the place of "weekly"."""
    stop = len(asked.rstrip(" ?!."))
    if not _ADVERB.fullmatch(said):
        return None
    old = next((word for word in _words(asked)[1:] if _ADVERB.fullmatch(word.text)), None)
    return (old.start, old.end, said) if old else (stop, stop, f" {said}")


def _noun_with_article(said: str, asked: str) -> _Edit | None:
    """ "a cellar" in the place of "a garage", "the sauna" of "the pool": of the only noun with such an article."""
    article, *words = _words(said)
    articles = next((some for some in (_ANY, _THE) if article.low in some), None)
    if not articles or not words or any(word.kind != "word" for word in words):
        return None
    slot = _articled(asked, len(words), articles)
    return (slot.start, slot.end, said) if slot else None


def _articled(asked: str, n: int, articles: frozenset[str]) -> _Slot | None:
    """The only common noun that has one of these articles, if there is one."""
    slots = [slot for slot in _slots(asked, n) if slot.article in articles]
    sure = len(slots) == 1 and slots[0].noun and not any(map(slots[0].has, _TYPED))
    return slots[0] if sure else None


def _bare_noun(said: str, asked: str) -> _Edit | None:
    """ "cockerels" in the place of "hens": of the only noun in its number without an article."""
    words = _words(said)
    if len(words) > 3 or any(word.kind != "word" for word in words):
        return None
    many = _is_plural(words[-1].low)
    if not many and len(words) == 1 and _PERMITTED.search(asked):
        return None  # "and smoke", which may be done too
    slots = [slot for slot in _slots(asked, len(words)) if not slot.article and slot.noun]
    if not many and any(slot.has("name") for slot in slots):
        return None  # "and nagasaki"
    nouns = [slot for slot in slots if not slot.has("name") and not slot.has("number")]
    alike = [slot for slot in nouns if _is_plural(slot.words[-1].low) == many]
    if not alike and many and (any_one := _articled(asked, len(words), _ANY)):
        return any_one.start, any_one.end, said
    if not alike and len(nouns) == 1 and nouns[0].asked != "many":
        alike = nouns
    alike = [slot for slot in alike if slot.asked not in _ASKED] or alike
    direct = [slot for slot in alike if not slot.prep] or alike
    return (direct[0].start, direct[0].end, said) if len(direct) == 1 else None


@dataclass(frozen=True)
class _Slot:
    """A noun phrase of a question, whose place another may take."""

    words: Sequence[_Word]  # without its article
    start: int
    end: int  # with what depends on it: "the city of Leeds", "adults and seniors"
    article: str  # or what else stands in that place: "my", "more", "'s"
    prep: str
    asked: str  # "many" in "how many hens", "which", "what"
    noun: bool  # surely nothing else, such as "using" or "free"

    def has(self, kind: str) -> bool:
        return any(word.kind == kind for word in self.words)


def _slots(asked: str, n: int) -> Iterator[_Slot]:
    """The noun phrases of a question, for a fragment of n content words."""
    words = _words(asked)
    verb = _unlisted_verb(words, n)
    spoken = any(word.kind in {"aux", "verb"} for word in words)
    be = next((i for i, word in enumerate(words) if word.low in _BE), 0)
    predicates = words[0].low in {*_BE, "why", "when", "where"} or be > 1 + (words[0].low not in _ASKED)
    stop = 0
    for i in range(len(words)):
        if i < stop or i == verb or words[i].kind not in _CONTENT:
            continue
        stop = end = _run_end(words, i, verb)
        before = words[i - 1] if i else words[i]
        while end - i > 1 and words[end - 1].kind == "word" and words[end - 1].low.endswith("ed"):
            end -= 1
        held = (before.kind in {"det", "poss", "adv"} and before.low not in _COUNTED) or before.low in _OWNERS
        first = i - 1 if held and before.kind != "poss" else i
        ahead = words[first - 1] if first else words[0]
        subject = predicates and ahead.low in _BE and stop == end
        if subject and end - i == n + 1:
            end -= 1  # "Is parking | free?", "Which days is the pool | open?"
        if before.low in _BE and end - i > 1 and words[i].low.endswith("ed"):
            i += 1  # "who was elected | treasurer"
            first = i
        follows = words[end] if end < len(words) else words[i]
        acts = words[i].low.endswith("ing") and (follows.kind == "det" or follows.low in _OWNERS)
        several = not spoken or before.low in _ASKED or (subject and end - i != n)
        participle = end - i == 1 and words[i].kind == "word" and bool(_NO_NOUN.fullmatch(words[i].low))
        doubtful = before.low == "how" or verb == _UNSURE or participle or (several and end - i > 1)
        yield _Slot(
            words[i:end],
            words[first].start,
            words[_whole_end(words, end, verb, acts) - 1].end,
            article=before.low if held else "",
            prep=ahead.low if first and ahead.kind == "prep" else "",
            asked=before.low if before.low in {*_ASKED, "many"} else "",
            noun=not (acts or doubtful),
        )


def _run_end(words: Sequence[_Word], start: int, verb: int) -> int:
    return next(
        (i for i in range(start, len(words)) if i == verb or words[i].kind not in _CONTENT), len(words)
    )


def _whole_end(words: Sequence[_Word], end: int, verb: int, acts: bool) -> int:
    """The end with "of Leeds", "and seniors" or, behind "using", "a hose"."""
    i = end
    if i < len(words) and (acts or words[i].low in {"of", "and", "or"}):
        i += not acts
        while i < len(words) and (words[i].kind == "det" or words[i].low in _OWNERS):
            i += 1
        return stop if (stop := _run_end(words, i, verb)) > i else end
    return end


_UNSURE = -2


def _unlisted_verb(words: Sequence[_Word], n: int) -> int:
    """Where the verb stands that "does" or "can" waits for and no list holds; -1 if there is none, or _UNSURE.

    "What does the oak desk in white | cost?" and "How does the queen | travel in high towns?" look alike: it is the
    last word where the subject is one word or a name with its noun, or where an amount is asked for, and if a
    fragment of n words fits before it.
    """
    owing = next((i for i, word in enumerate(words) if word.low in _OWING and word.kind == "aux"), -1)
    if owing < 0 or any(word.kind == "verb" or word.low in {"be", "have"} for word in words[owing:]):
        return -1
    start = next((i for i in range(owing, len(words)) if words[i].kind in _CONTENT), len(words))
    end = _run_end(words, start, -1)
    if end - start < 1:
        return -1
    held = words[start - 1].kind in {"det", "poss"} or words[start - 1].low in _OWNERS
    if not held and (many := [i for i in range(start, end - 1) if _is_plural(words[i].low)]):
        return many[0] + 1  # "cats | eat fish"
    if not held and end - start == 2 and words[start].kind == "name":
        return end - 1
    last = max(i for i, word in enumerate(words) if word.kind != "punct")
    amount = words[0].low == "what" or words[1].low in {"much", "many", "long", "often"}
    if end > last or words[end].kind in {"det", "pron"}:
        return end - 1 if amount or end - start == 2 else _UNSURE  # "Does bread | contain salt?"
    named = held and any(word.kind == "name" for word in words[start : end - 1])
    first = next((i for i in range(last, end, -1) if words[i - 1].kind not in _CONTENT), last)
    bare = words[last].kind == "word" and not words[last].low.endswith(("s", "ed", "ing", "ly"))
    if bare and first < last and (end - start == 1 or (last - first == n and (named or amount))):
        return last
    return end - 1 if end - start > 1 else _UNSURE


def _is_plural(noun: str) -> bool:
    return noun in _PLURALS or (noun.endswith("s") and not noun.endswith(("ss", "us", "is")))


# --- closed classes ---------------------------------------------------------------------------


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_CLOSED: dict[str, str] = {
    word: line.split()[0]
    for line in """
        wh who whom whose what which when where why how
        aux do does did is are was were am be been being has have had can could will would shall should may might must
        aux 're 've 'll 'd
        pron i me my mine you your yours he him his himself she her hers herself it its itself we us our ours they them
        pron their theirs themselves one someone anyone everyone anything something everything nothing nobody
        det the a an this that these those some any no every each all both either neither such
        prep of in on at by for with from to into onto about against between among during before after until over under
        prep through across near without within behind beyond along around up down off out toward towards upon like as
        prep than via per despite besides
        conj and or but so if while because although though since whether
        neg not
        adv there here also too then now ever never still yet just only even again else more most much many very really
        adv already later afterwards afterward next first last long often soon far ago once together away back exactly
        adv instead finally actually eventually other another same own
        verb take took taken have happen happened say said want wanted make made get got give gave given go went gone die
        verb died begin began begun become became find found know knew known come came think thought see saw seen tell
        verb told keep kept leave left put hold held bring brought let start started end ended play played call called
        verb use used work worked live lived try tried mean meant win won lose lost meet met write wrote written born
        verb done sign signed lead led build built send sent run ran fight fought fall fell feel felt show
        verb happens happening takes says wants makes gets getting gives goes going dies begins becomes finds knows
        verb comes thinks sees tells keeps brings
        poss 's
    """.strip().splitlines()
    for word in line.split()[1:]
}
_BE = _set("is are was were am 's")
_OWING = _set("do does did can could will would shall should may might must to didn't doesn't don't")
_SUBJECTS = _set("who i you he she it they we")
_CONTENT = _set("name number word")
_NOUNS = _set("leave work start end play call use show run fight fall lead hold try win sign")  # and verbs
_OWNERS = _set("my your his her its our their")
_LINKS = _set("of and de la von van &")
_PLACED = _set("in at on near from to into across")
_SUBORDINATE = _set("when after before while if because although though since")
_POINTING = _set("this that these those")
_TIMES = _set("day time point moment date")
_SPANS = _set("time hour day night week weekend month quarter term season year")
_ANY = _set("a an")
_THE = _set("the")
_ASKED = _set("what which")
_COUNTED = _set("many much")
_TYPED = _set("name number")
_PLURALS = _set("people children men women geese mice")
_DOCUMENT = _set("article page document text topic subject source")
_ROLES = {"subject": 1.0, "focus": 1.5, "object": 0.6, "oblique": 0.6}
_PRONOUNS: dict[str, tuple[str, str]] = {
    word: (want, form)
    for want, form, words in (
        ("person", "he", "he she"),
        ("person", "him", "him"),
        ("person", "own", "his her hers"),
        ("thing", "he", "it"),
        ("thing", "own", "its"),
        ("group", "he", "they"),
        ("group", "him", "them"),
        ("group", "own", "their theirs"),
    )
    for word in words.split()
}
_TYPOS = {  # two letters exchanged: "thier", "tehy"
    typo: word
    for word in _PRONOUNS
    for i in range(len(word) - 1)
    if len(word) > 2 and (typo := word[:i] + word[i + 1] + word[i] + word[i + 2 :]) not in _CLOSED
}
_TYPOS |= {"hes": "he's", "shes": "she's", "theyre": "they're", "thats": "that's"}

_TOKEN = re.compile(r"\w+n['’]t\b|°[CFK]\b|\w+(?:[-&./]\w+|['’](?=[A-Z])\w+)*|['’](?:s|re|ve|ll|d)\b|\S")
_LATIN = re.compile(r"[A-Za-z]")  # the rules know no other letters
_MAY = (  # not "may I"
    r"(?-i:(?<=\w )May)|(?:(?<=\bin )|(?<=\bof )|(?<=\bby )|(?<=\bto )|(?<=\bsince )|(?<=\buntil )|(?<=\d ))May"
    r"|May(?= \d|\W*$)"
)
_MONTH = f"(?:January|February|March|April|{_MAY}|June|July|August|September|October|November|December)"
_YEAR = "(?:1[0-9]{3}|20[0-9]{2})s?"
_WEEKDAY = "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?"
_DATE = re.compile(rf"\b(?:(?:\d\d? )?{_MONTH}(?: \d\d?)?(?:,? {_YEAR})?|{_YEAR}|{_WEEKDAY})\b(?!-)", re.I)
_QUOTED = re.compile(r"[\"“]([^\"“”]{3,60})[\"”]")
_PERMITTED = re.compile(r"\b(?:may|can|could|must|should|shall) (?:\w+ )?\w+ \w", re.I)
_ORDINAL = re.compile(
    r"first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|next|last|previous|\d+(?:st|nd|rd|th)"
)
_ADVERB = re.compile(
    r"(?!family|assembly|supply|reply|anomaly|jelly)[a-z]{3,}ly|today|tonight|tomorrow|yesterday|now|soon|later|afterwards"
    r"|(?:on|off)line|over(?:night|seas)|(?:in|out)(?:side|doors)|(?:up|down)stairs|abroad|nearby|elsewhere|upfront"
)
_NO_NOUN = re.compile(r"\w{3,}[^e]ed|late|early|well|fast|hard|quickly")  # alone: "was Korea divided"
_OWNED = re.compile(r"\b(?:his|her|its|their|my|your|our) $")
_IMPERSONAL = re.compile(
    r"\b(?:it(?:'s| is| was)|(?:is|was) it) \w+ (?:that|to|for|who|whether)\b|\b(?:it|long) take [\w ]+ to\b|\bwhen it did\b",
    re.I,
)
_EXISTS = re.compile(
    r"\bhow (?:many|much)\b[^,;?]* (?:is|are|was|were) there\b|\b(?:what|which) [^,;?]+ (?:is|are|was|were) there\b"
    r"|^where there\b",  # "were", misspelt
    re.I,
)
_DEFINITION = re.compile(
    r"(?:what|who)(?:'s| is| are| was| were) (?!the\b|this\b|that\b)\w+(?: \w+)?\W*$", re.I
)
_MORE = re.compile(
    r"(?:(?:please )?(?:tell|show|give) me more|(?:can you )?(?:tell|say) (?:me )?(?:a bit )?more|more|go on|continue"
    r"|(?:any|some)thing else)(?: please)?[ ?.!]*",
    re.I,
)
_ABOUT = re.compile(r"(?:(?:and|but|or|so|also|ok|okay|then)\b,? ?)*(?:(?:what|how) about )?", re.I)
_NAME = r"[^:;.!?\n]{1,60}: "
_COLUMN = re.compile(rf"^{_NAME}(?=.*; {_NAME})|(?<=; ){_NAME}", re.M)  # "Wood: Oak; Price: 40"
_UNIT = re.compile(  # "230 V", "12 kWh", "5 GB per month", not "3 US soldiers"
    r"(?<!\w)\d[\d.,]* ?(?:[A-Z]|[a-z]{1,2}[A-Z][a-z]?|(?:[A-Z]{2,3}|Hz|Pa|Wh|Ah)(?!\w)(?= (?:per|of|an?|and|or)\b|(?! \w)))(?!\w)"
)
_DEED = re.compile(r"^(\w+) (?:did|does|do|was|is) \w+ (?:do|happen|done) ?(?:so|it|that|this)?$", re.I)
_MEANT: dict[str, str] = dict(
    re.findall(
        r"(\w+):(\w+)",
        "u:you ya:you yuo:you yo:you r:are re:are ur:your wat:what waht:what wht:what whta:what"
        " whats:what_is hwo:how hows:how_is hlep:help hepl:help halp:help helo:hello hallo:hello"
        " helllo:hello hullo:hello hiya:hi hii:hi hiii:hi heyy:hey thnaks:thanks thansk:thanks"
        " tahnks:thanks thakns:thanks thanx:thanks thx:thanks ty:thanks tnx:thanks thankyou:thanks"
        " thank:thanks okay:ok thats:that_is alright:ok nevermind:never_mind plz:please pls:please goodbye:bye byebye:bye cya:bye",
    )
)
_HI = r"(?:hi|hello|hey|greetings|howdy|good (?:morning|afternoon|evening|day))"
_HELLO = rf"{_HI}(?: (?:there|all|everyone|bot|chatbot|footnote|again|friend|to you|{_HI}))*"
_PRAISE = (
    r"(?:ok|great|perfect|cool|nice|good|well|no|and|many|hello|hi|all right|right|fine|excellent|awesome|brilliant"
    r"|wonderful|lovely)"
)
_THANKS = r"(?:thanks|cheers|much appreciated|much obliged|(?:i )?appreciate it)"
_HELPED = (
    r"(?:(?:that|this|it) (?:really |also )?(?:helps|helped(?: me)?(?: a lot)?|(?:is|was) (?:very |really |so |just )?"
    r"(?:helpful|useful|great|good|perfect|all|it|enough|what i needed)))(?: for (?:now|today))?"
)
_HEARD = (  # none that may be a word looked for, such as "fine"
    r"(?:ok|yes|no|sure|great|cool|perfect|wow|awesome|excellent|got it|i see|i understand|understood|all right"
    r"|never mind|no more questions|well done|(?:good|great|nice) (?:job|work|answer|one)|very (?:helpful|good|nice))"
)
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
            rf"(?:(?:{_PRAISE}|{_HELPED}) )*{_THANKS}(?: (?:you|u|so|very|a|much|lot|lots|bunch|million|all|again|indeed"
            r"|for|your|the|that|this|help|answer|answers|bot|footnote|info|information|explanation|explaining|quick"
            rf"|reply|time|mate))*(?: {_HELPED}| bye)?",
            "You are welcome. Ask on if you like.",
        ),
        (
            rf"(?:{_HEARD} )*(?:{_HEARD}|{_HELPED})",
            "Ask on if you like.",
        ),
        (
            rf"(?:{_PRAISE} |thanks )*{_BYE}(?: (?:bye|then|now|later|soon|for|tomorrow|bot|around"
            r"|everyone|all))*",
            "Goodbye.",
        ),
        (
            rf"(?:{_HELLO} )?(?:(?:who|what) are you(?: really| exactly| then)?|what is your name"
            r"|are you (?:a |an )?(?:bot|robot|chatbot|human|real person|person|ai|machine)"
            r"|are you (?:chat ?gpt|an? (?:llm|language model))"
            r"|who (?:made|built|created|developed|programmed) you|introduce yourself|tell me about yourself)",
            "I am a program that finds the answer in a set of documents and quotes it, citing the "
            "document and the place. I do not make up sentences about the subject.",
        ),
        (
            rf"(?:{_HELLO} )?(?:what (?:can|could|do) you (?:do|help(?: me)? with|answer|know)"
            r"(?: for me)?|how (?:do|does|can) (?:you work|this work|i use (?:you|this))"
            r"|(?:what|which questions|what (?:kinds?|sorts?) of questions?) (?:can|could|should|may) i ask(?: you)?"
            r"|(?:can|could|will|would) you (?:please )?help(?: me)?(?: please)?|(?:please )?help(?: me| please)*"
            r"|how can you help(?: me)?|(?:can|could|may) i ask (?:you )?(?:something|a question)"
            r"|i (?:need help|have (?:a|some) questions?)|what is this)",
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
