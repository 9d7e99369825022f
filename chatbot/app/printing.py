"""A conversation as one HTML file to print: no script, nothing fetched, its sources in a list at the end."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from chatbot.answer import AS_OF, UNANSWERED, UNMENTIONED, Answer, Citation
from chatbot.app.markdown import HEADINGS, searched_terms
from chatbot.app.text import shorten
from chatbot.app.turns import Lost, Turn
from chatbot.corpus import section_below
from chatbot.writing import count

Place = tuple[str, str, int | None]  # document, section, page: what the list of sources has a number for

STYLE = """
@page { margin: 20mm 18mm; }
body { max-width: 42em; margin: 2em auto; padding: 0 1em; color: #1f2226; background: #fff;
  font: 11.5pt/1.5 Charter, "Bitstream Charter", Georgia, serif; overflow-wrap: anywhere; }
h1 { font-size: 17pt; line-height: 1.25; margin: 0; }
h2 { font-size: 13pt; line-height: 1.35; margin: 0 0 .4em; white-space: pre-wrap; }
header p, .aside, li small { color: #5c6067; font-size: 10pt; }
header { margin-bottom: 1.6em; padding-bottom: .8em; border-bottom: 1px solid #bbb; }
section { margin: 0 0 1.6em; }
h1, h2, .short { break-after: avoid; }
p, blockquote, li { margin: .5em 0; orphans: 3; widows: 3; }
blockquote { padding-left: 1em; border-left: 3px solid #ddd; break-inside: avoid; }
.short { font-weight: 700; font-size: 13pt; }
sup { line-height: 0; font-family: system-ui, sans-serif; font-size: 8pt; }
a { color: inherit; }
ol { padding-left: 2em; }
ol li { break-inside: avoid; }
@media print { body { margin: 0; padding: 0; max-width: none; } sup a { text-decoration: none; } }
"""


def printable(turns: Sequence[Turn], name: str, day: str) -> str:
    """The file; `name` and `day` stand at its head."""
    numbers: dict[Place, int] = {}
    cited: dict[Place, Citation] = {}
    for citation in (c for turn in turns if turn.answer for c in turn.answer.citations):
        numbers.setdefault(_place(citation), len(numbers) + 1)
        cited.setdefault(_place(citation), citation)
    page = Markup(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        "<title>{name}</title><style>{style}</style></head><body>"
        "<header><h1>{name}</h1><p>Conversation with Footnote, {day}</p></header>\n{turns}{sources}</body></html>\n"
    ).format(
        name=name or "Conversation",
        style=Markup(STYLE),
        day=day,
        turns=Markup("\n").join(_turn(turn, numbers) for turn in turns if turn.answer or turn.error),
        sources=_sources(cited, numbers) if numbers else "",
    )
    return str(page)


def _place(citation: Citation) -> Place:
    return citation.doc_id, section_below(citation.title, citation.section), citation.page


def _turn(turn: Turn, numbers: dict[Place, int]) -> Markup:
    answer = (
        _answer(turn.answer, numbers, turn.looked_in)
        if turn.answer
        else Markup('<p class="aside">Not answered: {}</p>').format(shorten(turn.error))
    )
    return Markup('<section><h2 dir="auto">{}</h2>{}</section>').format(shorten(turn.question), answer)


def _answer(answer: Answer, numbers: dict[Place, int], looked_in: Sequence[str]) -> Markup:
    parts = []
    if answer.standalone_question != answer.question:
        parts.append(
            Markup('<p class="aside">Understood as: <q dir="auto">{}</q></p>').format(
                answer.standalone_question
            )
        )
    if looked_in:
        named = ", ".join(looked_in)
        parts.append(Markup('<p class="aside" dir="auto">Looked only in: {}</p>').format(named))
    if heading := HEADINGS.get(answer.status):
        parts.append(Markup("<p>{}</p>").format(heading))
    if answer.short_answer:
        parts.append(Markup('<p class="short" dir="auto">{}</p>').format(answer.short_answer))
    if answer.status == "smalltalk":
        parts.append(Markup('<p dir="auto">{}</p>').format(answer.text))
    parts += [_quote(citation, numbers[_place(citation)]) for citation in answer.citations]
    if answer.not_found:
        parts.append(Markup('<p class="aside">{}</p>').format(searched_terms(answer.not_found)))
    if answer.unmentioned:
        named = ", ".join(answer.unmentioned)
        parts.append(Markup('<p class="aside" dir="auto">{} {}.</p>').format(UNMENTIONED, named))
    if answer.unanswered:
        asked = " ".join(answer.unanswered)
        parts.append(Markup('<p class="aside" dir="auto">{} {}</p>').format(UNANSWERED, asked))
    if answer.as_of:
        parts.append(Markup('<p class="aside">{} {}.</p>').format(AS_OF, answer.as_of))
    return Markup().join(parts)


def _quote(citation: Citation, number: int) -> Markup:
    lost = Markup(' <span class="aside">(the source has changed since)</span>')
    return Markup('<blockquote dir="auto">{}<sup><a href="#source-{}">[{}]</a></sup>{}</blockquote>').format(
        citation.words, number, number, lost if isinstance(citation, Lost) else ""
    )


def _sources(cited: dict[Place, Citation], numbers: dict[Place, int]) -> Markup:
    items = Markup("\n").join(_source(cited[place], number) for place, number in numbers.items())
    return Markup("<section><h2>{}</h2><ol>{}</ol></section>").format(count(len(numbers), "source"), items)


def _source(citation: Citation, number: int) -> Markup:
    page = f"page {citation.page}" if citation.page else ""
    place = ", ".join(part for part in (section_below(citation.title, citation.section), page) if part)
    return Markup('<li id="source-{}" value="{}" dir="auto"><b>{}</b>{}<br><small>{}</small></li>').format(
        number, number, citation.title, f", {place}" if place else "", citation.source
    )
