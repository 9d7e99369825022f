"""A conversation as HTML. Whatever a user or a document wrote is put in by `Markup.format`, which escapes it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from chatbot import formats
from chatbot.answer import AS_OF, UNANSWERED, UNMENTIONED, Answer, Citation, confidence_word
from chatbot.app import in_place
from chatbot.app.in_place import Mark
from chatbot.app.markdown import turn_markdown
from chatbot.app.parts import address_of
from chatbot.app.text import name_some, shorten, without_title
from chatbot.app.turns import Lost, Placed, Source, Turn
from chatbot.app.voting import first_words
from chatbot.corpus import section_below
from chatbot.inline import is_markdown
from chatbot.writing import count

LONGEST_NAME = 48  # characters of each of the documents that alone were asked
FIGURE = re.compile(r"\d+(?:[.,]\d+)*")
LAST_WORD = re.compile(r"(?<!\S)\S{1,14}\Z|\S{1,8}\Z")  # of a long one the end: where it is cut no line ends
PROGRESS = {"searching": "Searching the documents", "reading": "Reading the best passages"}
WHY = {
    "dense": ("Meaning", "how close the whole passage is to the question"),
    "sentence": ("Best sentence", "how close its nearest sentence is to the question"),
    "lexical": ("Same words", "words of the question found here; rare words count more"),
    "tokens": (
        "Word for word",
        "how close its nearest words are to those of the question; rare words count more",
    ),
    "similar": ("Passages like it", "what they add: below 0 where they fit the question less"),
    "reader": ("Reads as an answer", "whether the sentence answers, and does not only resemble"),
}
COSINES = ("dense", "sentence", "tokens")  # these have 1 as their greatest value, the others have none


def announce(turn: Turn, step: str) -> str:
    """What a screen reader says when the turn changes."""
    if turn.answer is None:
        return f"Not answered. {turn.error}" if turn.error else f"{PROGRESS.get(step, step)}."
    answer = turn.answer
    quotes = count(len(answer.citations), "quote")
    if answer.status == "answered":
        first = answer.citations[0]
        sure = "" if first.confidence is None else f", {confidence_word(first.confidence)}"
        parts = (answer.short_answer, shorten(first.words))
        return f"Answered with {quotes}{sure}: {' – '.join(part for part in parts if part)}"
    return {
        "disagreement": f"The sources differ; {quotes}. {tell_positions(answer)}".rstrip(),
        "closest": f"No source answers this; {count(len(answer.citations), 'near passage')} shown.",
        "not_found": "Not found in these documents.",
    }.get(answer.status, answer.text)


def tell_positions(answer: Answer) -> str:
    """ "609,448 – 594,000 (a Soviet statement)": the values on which the sources differ."""
    told = (f"{p.value} ({p.said_by})" if p.said_by else p.value for p in answer.positions)
    return " – ".join(told)


def draw_top(
    manifest: dict[str, Any], views: Mapping[str, str], collections: Sequence[str] = (), current: str = ""
) -> Markup:
    """The bar; `views` are names and labels, the chat first. One view or collection needs no way to others."""
    link = Markup('<button type="button" class="tool" data-go="{}">{}</button>')
    links = Markup().join(link.format(*view) for view in views.items()) if len(views) > 1 else ""
    return Markup(
        '<header class="bar"><h1 class="brand">Footnote</h1>{switch}'
        '<p class="counts">{documents}<span class="passages"> · {passages}</span></p>'
        '<nav aria-label="Views">{links}</nav>'
        '<div class="tools">'
        '<button type="button" class="tool" data-action="conversations" aria-haspopup="dialog">'
        '<i class="icon conversations"></i><span>Conversations</span></button>'
        "{export}"
        '<button type="button" class="tool" data-action="clear" disabled>'
        '<i class="icon new"></i><span>New</span></button>'
        '<button type="button" class="tool" data-action="shortcuts" aria-haspopup="dialog"'
        ' aria-label="Keyboard shortcuts" title="Keyboard shortcuts (?)"><i class="icon keys"></i></button>'
        '<button type="button" class="tool" data-action="theme" aria-label="Dark or light">'
        '<i class="icon theme"></i></button>'
        '</div><p class="said" role="status"></p></header>'
    ).format(
        switch=draw_switch(collections, current) if len(collections) > 1 else "",
        links=links,
        export=draw_export(),
        documents=count(manifest.get("documents", 0), "document"),
        passages=count(manifest.get("passages", 0), "passage"),
    )


def draw_export() -> Markup:
    kinds = (
        ("markdown", "Markdown", "Quotes and sources as text"),
        ("json", "JSON", "Receipts, for python -m chatbot replay"),
        ("print", "Page to print", "One HTML file with a list of sources"),
    )
    item = Markup(
        '<button type="button" role="menuitem" tabindex="-1" data-action="export-{}">{}<small>{}</small></button>'
    )
    return Markup(
        '<div class="menu"><button type="button" class="tool" data-action="export" aria-haspopup="menu"'
        ' aria-expanded="false" disabled><i class="icon export"></i><span>Export</span></button>'
        '<div role="menu" aria-label="Export" hidden>{}</div></div>'
    ).format(Markup().join(item.format(*kind) for kind in kinds))


def draw_switch(collections: Sequence[str], current: str) -> Markup:
    option = Markup('<option value="{0}"{1}>{0}</option>')
    options = (option.format(name, Markup(" selected") if name == current else "") for name in collections)
    return Markup(
        '<label class="switch"><span class="unseen">Collection of documents</span>'
        '<select autocomplete="off" title="{}">{}</select></label>'  # a long name is cut short
    ).format(current, Markup().join(options))


def draw_panel() -> Markup:
    return Markup(
        '<aside class="source" aria-label="Source">'
        '<div class="heading"><h2>Source <span class="position"></span></h2>'
        '<button type="button" class="tool" data-action="previous" aria-label="Previous source"'
        ' disabled><i class="icon previous"></i></button>'
        '<button type="button" class="tool" data-action="next" aria-label="Next source"'
        ' disabled><i class="icon next"></i></button>'
        '<button type="button" class="tool" data-action="close" aria-label="Close source"'
        ' disabled><i class="icon close"></i></button></div>'
        '<div class="reading" tabindex="0" role="region" aria-label="Text of the source"></div>'
        '<div class="hint"><i class="icon quote"></i><p>Every sentence of an answer is quoted from'
        " a document. Choose its number to read it in place.</p></div></aside>"
    )


def draw_welcome(collection: str) -> Markup:
    """The empty page; the script puts examples of questions in when they have been tried."""
    return Markup(
        '<section class="welcome" data-collection="{}"><h2>What would you like to know?</h2>'
        "<p>Answers are quoted word for word from these documents, each with its source."
        " When they do not say, you are told so.</p>"
        '<div class="to-try"><p class="looking">Looking for questions that they answer …</p></div></section>'
    ).format(collection)


def draw_suggestions(questions: Sequence[str], time: str) -> Markup:
    """What to ask after the answer of that time; the script hides it below any other."""
    if not questions:
        return Markup()
    return Markup('<section class="ask-next" data-after="{}"><h3>Ask next</h3>{}</section>').format(
        time, draw_questions(questions, "suggestions")
    )


def draw_questions(questions: Sequence[str], kind: str) -> Markup:
    item = Markup('<li><button type="button" data-ask="{0}" dir="auto">{0}</button></li>')
    items = Markup().join(item.format(question) for question in questions)
    return Markup('<ul class="{}">{}</ul>').format(kind, items)


def draw_turn(turn: Turn, number: int | str, vote: str = "", step: str = "searching") -> Markup:
    answer = turn.placed_answer
    return Markup(
        '<article class="turn" data-turn="{number}" data-state="{state}" data-markdown="{markdown}"{receipt}>'
        '<h2 class="question" dir="auto">{question}</h2>{body}{lost}{views}</article>'
    ).format(
        number=number,
        state=turn.state,
        markdown=turn_markdown(turn),
        question=shorten(turn.question),
        body=draw_reply(answer, vote, turn.looked_in) if answer else draw_no_answer(turn.error, step),
        receipt=draw_receipt(turn),
        lost=draw_lost(turn),
        views=Markup('<div class="views" hidden>{}</div>').format(
            Markup().join(draw_view(source) for source in turn.sources)
        ),
    )


def draw_receipt(turn: Turn) -> Markup:
    """What the browser keeps of the turn."""
    if turn.receipt is None:
        return Markup()
    return Markup(' data-time="{}" data-receipt="{}"').format(
        turn.receipt.time, json.dumps(turn.receipt.to_json())
    )


def draw_lost(turn: Turn) -> Markup:
    """What has become of the quotes of a restored answer that its documents do not hold."""
    cited = {citation.number: citation for citation in (turn.answer.citations if turn.answer else ())}
    item = Markup("<li><b>Source {}, {}</b>: {}.</li>")
    items = Markup().join(
        item.format(verdict.number, cited[verdict.number].title, verdict.detail)
        for verdict in turn.verdicts
        if isinstance(cited.get(verdict.number), Lost)
    )
    return (
        Markup('<ul class="lost" aria-label="Sources that have changed">{}</ul>').format(items)
        if items
        else items
    )


def draw_no_answer(error: str, step: str) -> Markup:
    if not error:
        return Markup('<p class="progress"><i></i>{} …</p>').format(PROGRESS.get(step, step))
    return Markup('<div class="reply notice error"><h3>Not answered</h3><p>{}</p></div>').format(
        shorten(error)
    )


def draw_problem(message: str) -> Markup:
    return Markup('<span class="problem">{}</span>').format(message)


def draw_reply(answer: Answer, vote: str, looked_in: Sequence[str] = ()) -> Markup:
    understood = Markup(
        '<p class="understood">Understood as: <q dir="auto">{}</q>'
        '<button type="button" class="chip" data-ask="{}" data-typed>Ask as typed</button></p>'
    ).format(answer.standalone_question, answer.question)
    followed_up = answer.standalone_question != answer.question
    return Markup('<div class="reply {}">{}{}{}{}</div>').format(
        answer.status,
        understood if followed_up else "",
        draw_looked_in(looked_in) if looked_in else "",
        REPLIES[answer.status](answer),
        Markup() if answer.status == "smalltalk" else draw_actions(answer, vote),
    )


def draw_looked_in(names: Sequence[str]) -> Markup:
    """The documents that alone were asked; many unfold, and long titles in full."""
    some = name_some([first_words(name, LONGEST_NAME) for name in names])
    told = f"Looked only in: {some}"
    if some == ", ".join(names):
        return Markup('<p class="looked-in" dir="auto">{}</p>').format(told)
    items = Markup().join(Markup('<li dir="auto">{}</li>').format(name) for name in names)
    return Markup('<details class="looked-in"><summary dir="auto">{}</summary><ul>{}</ul></details>').format(
        told, items
    )


def draw_answered(answer: Answer) -> Markup:
    return Markup("{}{}{}{}").format(
        draw_short(answer), draw_text(answer), draw_source_list(answer.citations), draw_lacking(answer)
    )


def draw_lacking(answer: Answer) -> Markup:
    """The words of the question that no document has, the names that the passages quoted have not, of several
    questions those that nothing answers, and of which year an answer is that should be of now."""
    lines = draw_missing(answer) + draw_words(UNMENTIONED, answer.unmentioned)
    lines += draw_words(UNANSWERED, answer.unanswered)
    if answer.as_of:
        lines += Markup("<p>{} {}.</p>").format(AS_OF, answer.as_of)
    return Markup('<div class="searched">{}</div>').format(lines) if lines else Markup()


def draw_disagreement(answer: Answer) -> Markup:
    """The quotes side by side, the figures that at most half of them give in bold."""
    given = Counter(figure for cited in answer.citations for figure in set(FIGURE.findall(cited.words)))
    shared = {figure for figure, quotes in given.items() if quotes > len(answer.citations) / 2}
    cards = (draw_card(cited, draw_figures(cited.words, shared)) for cited in answer.citations)
    return Markup('<h3>The sources differ</h3>{}<ul class="cards">{}</ul>{}').format(
        draw_short(answer), Markup().join(cards), draw_lacking(answer)
    )


def draw_figures(quote: str, shared: Collection[str]) -> Markup:
    drawn, last = Markup(), 0
    for figure in FIGURE.finditer(quote):
        if figure[0] not in shared:
            drawn += quote[last : figure.start()]  # Markup escapes what it adds
            drawn += Markup("<strong>{}</strong>").format(figure[0])
            last = figure.end()
    return drawn + quote[last:]


def draw_closest(answer: Answer) -> Markup:
    cards = Markup().join(draw_card(cited, cited.words) for cited in answer.citations)
    return Markup(
        '<h3>No source answers this</h3><p>The nearest passages are:</p><ul class="cards nearest">{}</ul>{}'
    ).format(cards, draw_searched(answer))


def draw_not_found(answer: Answer) -> Markup:
    hint = "Other words may help, or asking all documents." if answer.only else "Other words may help."
    return Markup("<h3>Not found in these documents</h3>{}<p>{}</p>").format(draw_searched(answer), hint)


def draw_smalltalk(answer: Answer) -> Markup:
    return Markup('<p dir="auto">{}</p>').format(answer.text)


REPLIES: dict[str, Callable[[Answer], Markup]] = {
    "answered": draw_answered,
    "disagreement": draw_disagreement,
    "closest": draw_closest,
    "not_found": draw_not_found,
    "smalltalk": draw_smalltalk,
}


def draw_short(answer: Answer) -> Markup:
    if not answer.short_answer:
        return Markup()
    return Markup('<p class="short" dir="auto"><strong>{}</strong></p>').format(answer.short_answer)


def draw_text(answer: Answer) -> Markup:
    """The answer's text, a paragraph a line, its numbers as buttons."""
    paragraphs = (line for line in answer.text.splitlines() if line.strip())
    return Markup().join(
        Markup('<p class="quoted" dir="auto">{}</p>').format(draw_numbers(line, answer.citations))
        for line in paragraphs
    )


def draw_numbers(line: str, citations: Sequence[Citation]) -> Markup:
    """Text whose [1] are buttons, unless a document wrote the "[1]" itself."""
    by_number = {str(citation.number): citation for citation in citations}
    quotes = [citation.words for citation in citations]
    spans = [(line.find(quote), line.find(quote) + len(quote)) for quote in quotes if quote in line]
    cited, last = list[tuple[str, Markup]](), 0
    for mark in re.finditer(r"\s?\[(\d+)\]", line):
        quoted = any(start <= mark.start() < end for start, end in spans)
        if mark[1] in by_number and not quoted:
            text, numbers = line[last : mark.start()], Markup()
            if cited and not text:
                text, numbers = cited.pop()
            cited.append((text, numbers + draw_number(by_number[mark[1]])))
            last = mark.end()
    return Markup().join(draw_cited(*each) for each in cited) + line[last:]  # Markup escapes what it adds


def draw_cited(text: str, numbers: Markup) -> Markup:
    """Text and the numbers after it, which stand on a line with its last word."""
    word = LAST_WORD.search(text)
    start = word.start() if word else len(text)
    return Markup('{}<span class="cited">{}{}</span>').format(text[:start], text[start:], numbers)


def draw_number(citation: Citation) -> Markup:
    if isinstance(citation, Lost):
        changed = Markup('<span class="cite lost" title="The source has changed">{}</span>')
        return changed.format(citation.number)
    return Markup(
        '<button type="button" class="cite" data-cite="{0}" title="{1}"'
        ' aria-label="Source {0}: {1}">{0}</button>'
    ).format(citation.number, name_place(citation))


def name_place(citation: Citation) -> str:
    """ "Yalta Agreement, paragraph 3"."""
    place = place_of(citation)
    return f"{citation.title}, {place}" if place else citation.title


def place_of(citation: Citation) -> str:
    """Where in its document it stands, as far as that is known."""
    if citation.page:
        return f"page {citation.page}"
    paragraph = citation.paragraph if isinstance(citation, Placed) else 0
    return f"paragraph {paragraph}" if paragraph else ""


def draw_source_list(citations: Sequence[Citation]) -> Markup:
    """One line for each place that is cited, with all the numbers that cite it."""
    places: dict[Markup, list[Citation]] = {}
    for citation in citations:
        places.setdefault(draw_place(citation), []).append(citation)
    item = Markup('<li dir="auto"><span class="numbers">{}</span><span>{}</span></li>')
    items = Markup().join(
        item.format(Markup().join(map(draw_number, cited)), place) for place, cited in places.items()
    )
    return Markup('<ul class="sources" aria-label="Sources">{}</ul>').format(items)


def draw_place(citation: Citation) -> Markup:
    section = section_below(citation.title, citation.section)
    places = (section, f"page {citation.page}" if citation.page else "")
    below = Markup().join(
        Markup(' <span class="section">{}</span>').format(place) for place in places if place
    )
    return Markup("<b>{}</b>{}").format(citation.title, below)


def draw_card(citation: Citation, quote: str) -> Markup:
    return Markup(
        '<li class="card"><blockquote dir="auto">{}</blockquote><p>{}<span>{}</span></p></li>'
    ).format(quote, draw_number(citation), draw_place(citation))


def draw_searched(answer: Answer) -> Markup:
    """What was looked through, what nobody mentions, and what could not be read."""
    found = answer.not_found
    if found is None:
        return Markup()
    files = Markup().join(Markup("<li>{}</li>").format(file) for file in found.unread_files)
    unread = Markup(
        '<div class="unread"><details><summary>{} could not be read</summary><ul>{}</ul></details>'
        '<a href="#documents//report">Reading report</a></div>'
    ).format(count(len(found.unread_files), "file"), files)
    return Markup('<div class="searched">{}<p>Searched {} ({}).</p>{}</div>').format(
        draw_missing(answer),
        count(found.documents, "document"),
        count(found.passages, "passage"),
        unread if found.unread_files else "",
    )


def draw_missing(answer: Answer) -> Markup:
    nobody = "None of the chosen documents" if answer.only else "No document"
    return draw_words(f"{nobody} mentions", answer.not_found.missing_terms if answer.not_found else ())


def draw_words(label: str, words: Sequence[str]) -> Markup:
    chips = Markup(" ").join(Markup("<b>{}</b>").format(word) for word in words)
    return Markup('<p class="terms">{} {}</p>').format(label, chips) if words else Markup()


def draw_actions(answer: Answer, vote: str) -> Markup:
    button = Markup(
        '<button type="button" class="tool" data-vote="{}" aria-pressed="{}" aria-label="{}"'
        ' title="{}"><i class="icon {}"></i></button>'
    )
    votes = Markup().join(
        button.format(value, "true" if vote == value else "false", label, label, value)
        for value, label in (("up", "Good answer"), ("down", "Bad answer"))
    )
    return Markup(
        '<div class="actions"><button type="button" class="tool" data-action="copy">'
        '<i class="icon copy"></i><span>Copy answer</span></button>'
        '<button type="button" class="tool" data-action="link"><i class="icon link"></i><span>Link</span></button>'
        "{}{}</div>"
    ).format(votes, draw_confidence(answer.citations[0].confidence) if answer.status == "answered" else "")


def draw_confidence(confidence: float | None) -> Markup:
    """Of the first quote; nothing where an old answer does not say."""
    if confidence is None:
        return Markup()
    word = confidence_word(confidence)
    return Markup(
        '<span class="confidence {kind}" title="Chance that quote 1 answers the question: {share}">'
        '{word}<span class="unseen">, {share}</span></span>'
    ).format(kind=word, word=word.capitalize(), share=f"{confidence:.0%}")


def draw_view(source: Source) -> Markup:
    """A source as the panel shows it; the script puts it there."""
    cited = source.placed
    return Markup(
        '<section class="view" data-view="{number}" data-name="{name}" data-doc="{doc_id}" data-start="{start}"'
        ' data-end="{end}" data-sha256="{sha256}" data-quote="{quote}"><h3 class="title" dir="auto">{title}</h3>'
        '<p class="place">{place}</p><p class="whole"><a href="{address}">Open the document</a></p>'
        '<div class="note" hidden></div>{why}'
        '<div class="page-text">{text}</div></section>'
    ).format(
        number=cited.number,
        name=name_place(cited),
        doc_id=cited.doc_id,
        start=cited.start,
        end=cited.end,
        sha256=cited.doc_sha256,
        quote=Markup(str(escape(cited.quote)).replace("\r", "&#13;")),  # a browser reads a bare one as \n
        title=cited.title,
        place=draw_origin(cited),
        address=address_of(cited.doc_id),
        text=draw_in_place(
            without_title(source.before, source.citation.title), source.citation, source.after
        ),
        why=draw_why(source),
    )


def draw_origin(citation: Citation) -> Markup:
    link = Markup('<a href="{0}" target="_blank" rel="noopener noreferrer">{0}</a>')
    is_link = citation.source.startswith(("https://", "http://"))
    source = link.format(citation.source) if is_link else citation.source
    section = section_below(citation.title, citation.section)
    parts = (part for part in (section, place_of(citation), source) if part)
    return Markup().join(Markup("<span>{}</span>").format(part) for part in parts)


def draw_in_place(before: str, citation: Citation, after: str) -> Markup:
    """The quote marked within its text."""
    doc_id, quote = citation.doc_id, citation.quote
    text = f"{before}{quote}{after}".replace("\f", "\n")  # which page ends here is not known
    mark = Mark(citation.number, len(before), len(before) + len(quote))
    rows, markdown = formats.is_laid_out(doc_id), is_markdown(doc_id)
    return in_place.draw_text(text, (0, len(text)), [mark], {}, rows=rows, markdown=markdown)


def draw_why(source: Source) -> Markup:
    if source.hit is None:
        return Markup()
    bars = Markup().join(
        draw_bar(part, value, 1.0 if part in COSINES else source.best[part])
        for part, value in source.hit.why.items()
    )
    return Markup(
        '<details class="why"><summary>Why this passage</summary>'
        "<p>Number {} of {} by its score, {:.2f}.</p><dl>{}</dl></details>"
    ).format(source.hit.rank, count(source.of, "passage"), source.hit.score, bars)


def draw_bar(part: str, value: float, full: float) -> Markup:
    name, meaning = WHY.get(part, (part, ""))
    share = min(max(value / full, 0.0), 1.0) if full > 0 else 0.0
    return Markup(
        "<div><dt>{}</dt><dd>{:.2f}</dd>"
        '<dd class="track" aria-hidden="true"><i style="width: {:.0%}"></i></dd>'
        '<dd class="meaning">{}</dd></div>'
    ).format(name, value, share, meaning)
