"""What a user may say of a bad answer: why it is bad, and which passage would have been right."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from markupsafe import Markup

from chatbot.answer import Answer
from chatbot.feedback import LONGEST_COMMENT, REASONS, WITHDRAWN, Details, make_details
from chatbot.index import Hit

FIRST_WORDS = 140  # characters


def read_details(data: Mapping[str, Any]) -> Details | None:
    """What the form sent; None for a bare thumb. Raises ValueError, saying what is wrong."""
    if not data.keys() & {"reason", "comment", "right"}:
        return None
    return make_details(data.get("reason"), data.get("comment"), data.get("right"))


def draw_thanks(number: int, vote: str, details: Details | None) -> Markup:
    """For the status line; each vote draws another text, so that the script sees it come."""
    return Markup('<span data-turn="{}" data-vote="{}" data-at="{}"{}>{}</span>').format(
        number,
        vote,
        time.monotonic_ns(),
        Markup(' data-details="yes"') if details else "",
        "Your vote is taken back." if vote == WITHDRAWN else "Thank you, noted.",
    )


def draw_form(number: int, answer: Answer) -> Markup:
    """The script puts it below the answer."""
    reason = Markup(
        '<label class="option"><input type="radio" name="reason-{}" value="{}"><span>{}</span></label>'
    )
    return Markup(
        '<template class="wrong-form"><form class="wrong" aria-label="What was wrong">'
        '<fieldset><legend>What was wrong?</legend><div class="options">{reasons}</div></fieldset>'
        '<label class="field"><span>In your words <small>if you like</small></span>'
        '<textarea name="comment" rows="2" maxlength="{longest}" dir="auto"></textarea></label>'
        '<details><summary>Mark the right passage</summary><ul class="marks">{passages}</ul>'
        '<ul class="marks picked"></ul>'
        '<button type="button" class="tool outlined" data-action="pick">Find it in the documents</button>'
        '</details><p class="form-problem" role="alert"></p><div class="ends">'
        '<button type="submit" class="tool filled">Send</button>'
        '<button type="button" class="tool" data-action="leave">Not now</button></div></form></template>'
    ).format(
        reasons=Markup().join(reason.format(number, *item) for item in REASONS.items()),
        longest=LONGEST_COMMENT,
        passages=draw_hits(answer.hits),
    )


def draw_hits(hits: Iterable[Hit]) -> Markup:
    return Markup().join(
        draw_mark(
            hit.passage.doc_id, hit.passage.start, hit.passage.end, hit.text, hit.title, hit.passage.section
        )
        for hit in hits
    )


def draw_mark(
    doc_id: str, start: int, end: int, text: str, title: str, section: str = "", *, marked: bool = False
) -> Markup:
    """A piece of a document with a box to tick; boxes of the same piece change together."""
    return Markup(
        '<li><label class="mark"><input type="checkbox" data-doc="{}" data-start="{}" data-end="{}"{}>'
        '<span dir="auto"><b>{}</b>{}<span class="first-words">{}</span></span></label></li>'
    ).format(
        doc_id,
        start,
        end,
        Markup(" checked") if marked else "",
        title or doc_id,
        Markup(' <span class="section">{}</span>').format(section) if section else "",
        first_words(text),
    )


def first_words(text: str, most: int = FIRST_WORDS) -> str:
    flat = " ".join(text[: 4 * most].split())
    return flat if len(flat) <= most else f"{flat[:most].rsplit(' ', 1)[0]} …"
