"""The source panel: the whole document with its quotes marked, and what has become of it since."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from browsing import NASTY, OpenPage, Served, ask, composer, serve_in_thread, small_collection
from conftest import FILES, HashEncoder
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import Page, expect

from chatbot.answer import Chatbot, Citation
from chatbot.app import in_place, source, turns
from chatbot.app.in_place import (
    Mark,
    draw_marked,
    draw_text,
    find_blocks,
    heading_levels,
    paragraph_at,
    window,
)
from chatbot.collection import Collection
from chatbot.corpus import body_start
from chatbot.encoder import load_encoder
from chatbot.index import build_index

TEXT = """---
title: The log
---
# The log

The ship left. The barometer fell
at noon.

- Rain came.
- Wind followed.

Later
-----

| hour | wind |
| 12   | 7    |

```
# no heading
```

***
It cleared."""
BODY = body_start(TEXT, "log.md")


def blocks(
    text: str, headings: Mapping[str, int] | None = None, rows: bool = False
) -> list[tuple[str, int, int, str]]:
    found = find_blocks(text, body_start(text, "log.md"), len(text), headings or {}, rows)
    return [(b.kind, b.level, b.paragraph, text[b.start : b.end]) for b in found]


# ---- a document's text


def test_text_is_laid_out_by_its_headings_paragraphs_items_rows_and_code() -> None:
    assert blocks(TEXT) == [
        ("heading", 1, 0, "# The log"),
        ("text", 0, 1, "The ship left. The barometer fell\nat noon."),
        ("item", 0, 2, "- Rain came."),
        ("item", 0, 2, "- Wind followed."),
        ("heading", 2, 2, "Later"),
        ("item", 0, 3, "| hour | wind |"),
        ("item", 0, 3, "| 12   | 7    |"),
        ("code", 0, 4, "```\n# no heading\n```"),
        ("text", 0, 5, "It cleared."),
    ]


def test_headings_that_the_text_does_not_show_are_known_from_the_sections() -> None:
    levels = heading_levels(["War", "War › Peace", ""])
    assert levels == {"War": 1, "Peace": 2, "": 1}
    assert blocks("War\n\nIt began.\n\nPeace\n\nPeace came.", levels) == [
        ("heading", 1, 0, "War"),
        ("text", 0, 1, "It began."),
        ("heading", 2, 1, "Peace"),
        ("text", 0, 2, "Peace came."),
    ]


def test_questions_that_head_their_answers_are_drawn_as_headings() -> None:
    levels = heading_levels(["How big may it be?", "Is it waterproof?", ""])
    text = "Q: How big may it be?\nA: 32 GB.\nQ: Is it waterproof?\nA: Is it? Yes.\n\nWho says so?\nWe do."
    assert blocks(text, levels) == [
        ("heading", 1, 0, "Q: How big may it be?"),
        ("text", 0, 1, "A: 32 GB."),
        ("heading", 1, 1, "Q: Is it waterproof?"),
        ("text", 0, 2, "A: Is it? Yes."),
        ("text", 0, 3, "Who says so?\nWe do."),
    ]


def test_rows_of_a_table_stand_below_each_other() -> None:
    text = "Prices\n\nTool: Lathe; Deposit: £40\nTool: Saw; Deposit: £80\n\nBy day.\fPrices\nNone."
    assert blocks(text, {"Prices": 1}, rows=True) == [
        ("heading", 1, 0, "Prices"),
        ("item", 0, 1, "Tool: Lathe; Deposit: £40"),
        ("item", 0, 1, "Tool: Saw; Deposit: £80"),
        ("text", 0, 2, "By day."),
        ("page", 2, 0, ""),
        ("item", 0, 3, "Prices"),
        ("item", 0, 3, "None."),
    ]
    assert paragraph_at(text, text.index("By day"), {"Prices": 1}) == 2


def test_the_lines_of_a_table_are_shown_as_rows_and_those_of_a_text_file_are_not(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "prices.csv").write_text("Tool,Deposit\nLathe,£40\nSaw,£80\n", "utf-8")
    (corpus / "prices.txt").write_text("The lathe is\nworth £40.\n", "utf-8")
    build_index(corpus, tmp_path / "index", encoder := HashEncoder())
    shop = Collection("shop", corpus, tmp_path / "index", Chatbot(tmp_path / "index", encoder))
    table, text = (
        source.show_document({"shop": shop}, {"collection": "shop", "doc_id": doc_id})["text"]
        for doc_id in ("prices.csv", "prices.txt")
    )
    assert table.count('<p class="item" dir="auto">Tool: ') == 2
    assert text.count("<p") == 1


def test_pages_begin_where_form_feeds_end_them() -> None:
    assert blocks("One.\fTwo.\n\f\fFour.") == [
        ("text", 0, 1, "One."),
        ("page", 2, 0, ""),
        ("text", 0, 2, "Two."),
        ("page", 3, 0, ""),
        ("page", 4, 0, ""),
        ("text", 0, 3, "Four."),
    ]
    assert blocks("One.\n\f \f") == [("text", 0, 1, "One.")]  # nothing stands on a page behind


def test_the_line_below_the_head_of_a_table_is_not_shown() -> None:
    for line in ("|---|:-:|", "--- | ---", "| :-- |"):
        assert blocks(f"| hour | wind |\n{line}\n| 12 | 7 |")[1:] == [("item", 0, 1, "| 12 | 7 |")]


def test_paragraphs_are_counted_from_one_without_headings() -> None:
    assert paragraph_at(TEXT, TEXT.index("The barometer"), {}, BODY) == 1
    assert paragraph_at(TEXT, TEXT.index("Wind"), {}, BODY) == 2
    assert paragraph_at(TEXT, TEXT.index("cleared"), {}, BODY) == 5
    assert paragraph_at("x" * 300_000, 299_999, {}) == 0  # far down, a number helps nobody


@given(st.text(alphabet="ab# -|`\n\r\f=.", max_size=80))
def test_every_word_is_in_one_block_in_order(text: str) -> None:
    found = [block for block in find_blocks(text, 0, len(text), {}) if block.kind != "page"]
    ends = [0, *(block.end for block in found)]
    assert all(end <= block.start < block.end for end, block in zip(ends, found, strict=False))
    for word in re.finditer("[ab.]+", text):
        assert sum(block.start <= word.start() and word.end() <= block.end for block in found) == 1


def test_quotes_are_marked_with_their_numbers_also_where_they_overlap() -> None:
    drawn = draw_marked("One <two> three four.", 0, 21, [Mark(1, 4, 9), Mark(2, 4, 15), Mark(3, 99, 120)])
    assert drawn == ('One <mark data-marks="1 2">&lt;two&gt;</mark><mark data-marks="2"> three</mark> four.')


def test_a_quote_over_two_paragraphs_is_marked_in_both() -> None:
    text = "One two.\n\nThree four."
    drawn = draw_text(text, (0, len(text)), [Mark(7, 4, 15)], {})
    assert drawn == (
        '<p class="text" dir="auto">One <mark data-marks="7">two.</mark></p>'
        '<p class="text" dir="auto"><mark data-marks="7">Three</mark> four.</p>'
    )


def markdown(text: str, *marks: Mark) -> str:
    return draw_text(text, (0, len(text)), marks, {}, markdown=True)


def test_markdown_is_drawn_without_its_marks() -> None:
    assert markdown(
        "## The `log`\n\n> It **fell\n> at** [noon](n.md).\n\n* *Rain* & H<sub>2</sub>O\n2. Wind <u>x</u>"
    ) == (
        '<h4 class="subheading" dir="auto">The <code>log</code></h4>'
        '<p class="text quotation" dir="auto">It <strong>fell at</strong> noon.</p>'
        '<p class="item" dir="auto">• <em>Rain</em> &amp; H<sub>2</sub>O</p>'
        '<p class="item" dir="auto">2. Wind x</p>'
    )
    assert markdown("<details>\n\n<p>It **fell</p>") == '<p class="text" dir="auto"> It fell </p>'
    for fenced in (
        "```python\n**a**\n```",
        "~~~\n**a**\n~~~\n",
        "```\n**a**",
    ):  # the last fence may be missing
        assert markdown(fenced) == '<pre class="code" tabindex="0">**a**</pre>'


def test_a_table_of_markdown_is_drawn_as_one() -> None:
    text = "| hour | wind |\n|------|-----:|\n| 12 | **7** \\| 8 |\n| 13 |\n\n| 14 | 9\n"
    quote = text.index("12"), text.index(" |\n| 13")
    assert markdown(text, Mark(1, *quote)) == (
        '<div class="table" tabindex="0"><table>'
        '<tr><th scope="col" dir="auto">hour</th><th scope="col" dir="auto">wind</th></tr>'
        '<tr><td dir="auto"><mark data-marks="1">12</mark></td>'
        '<td dir="auto"><mark data-marks="1"><strong>7</strong> | 8</mark></td></tr>'
        '<tr><td dir="auto">13</td></tr></table></div>'
        '<div class="table" tabindex="0"><table><tr><td dir="auto">14</td><td dir="auto">9</td></tr></table></div>'
    )


def test_a_table_of_markdown_has_its_head_with_crlf_too() -> None:
    assert markdown("| a |\r\n|---|\r\n| 1 |\r\n").count("<th") == 1


def test_a_quote_is_marked_where_its_words_stand_among_marks_of_markdown() -> None:
    text = "The **old** log. The &amp; **new\none** fell. Rest."
    quote = "The &amp; **new\none** fell."
    start = text.index(quote)
    assert markdown(text, Mark(1, start, start + len(quote))) == (
        '<p class="text" dir="auto">The <strong>old</strong> log. '
        '<mark data-marks="1">The &amp; <strong>new one</strong> fell.</mark> Rest.</p>'
    )


@given(st.text(alphabet="ab *_`|<>[]()&\n\\", max_size=60), st.integers(0, 60), st.integers(0, 60))
def test_marking_a_quote_changes_no_word_of_markdown(text: str, start: int, end: int) -> None:
    plain, marked = markdown(text), markdown(text, Mark(1, min(start, end), max(start, end)))
    assert re.sub(r"</?mark[^>]*>|</?(?:strong|em|code)>", "", marked) == re.sub(
        r"</?(?:strong|em|code)>", "", plain
    )


def test_a_quote_that_is_laid_out_as_a_heading_is_marked() -> None:
    text = "---\nIt opens at nine.\n---\n\n##  Free for all.  ##\nCome."
    for quote in ("It opens at nine.", "Free for all."):
        start = text.index(quote)
        drawn = draw_text(text, (0, len(text)), [Mark(1, start, start + len(quote))], {})
        assert f'class="subheading" dir="auto"><mark data-marks="1">{quote}</mark></h' in drawn


def test_the_first_heading_is_left_out_where_it_is_the_title() -> None:
    drawn = draw_text(TEXT, (BODY, len(TEXT)), [], {}, "The log")
    assert "<h3" not in drawn
    assert '<h4 class="subheading" dir="auto">Later</h4>' in drawn
    assert "title: The log" not in drawn


def test_a_document_is_shown_whole_or_in_a_long_window_of_whole_lines() -> None:
    assert window(TEXT, 0, BODY) == (BODY, len(TEXT))
    line = "0123456789\n"
    text = line * 40_000
    start, end = window(text, 220_000)
    assert (start % 11, end % 11) == (0, 0)
    assert 200_000 <= end - start < 200_022
    assert start < 220_000 < end
    assert window(text, 0)[0] == 0
    assert window(text, len(text) - 1)[1] == len(text)


# ---- what the script fetches


@pytest.fixture
def harbour(built: tuple[Path, Path], encoder: HashEncoder) -> Collection:
    return Collection("harbour", *built, Chatbot(built[1], encoder))


def fetched(harbour: Collection, /, **asked: Any) -> dict[str, Any]:
    return source.show_document({"harbour": harbour}, {"collection": "harbour"} | asked)


def quoted(number: int, quote: str, start: int, sha256: str = "") -> dict[str, Any]:
    return {
        "number": number,
        "start": start,
        "end": start + len(quote),
        "quote": quote,
        "doc_sha256": sha256,
    }


SHIPS = str(FILES["ships.md"])
BAY = "She lay in Tokyo Bay."


def test_a_document_comes_whole_with_every_quote_marked(harbour: Collection) -> None:
    document = harbour.chatbot.index.document("ships.md")
    quotes = [
        quoted(1, BAY, SHIPS.index(BAY), document.sha256),
        quoted(2, "270 metres", SHIPS.index("270 metres"), document.sha256),
    ]
    reply = fetched(harbour, doc_id="ships.md", quotes=quotes, number=1)
    assert reply["notes"] == {}
    assert f'battleship. <mark data-marks="1">{BAY}</mark></p>' in reply["text"]
    assert 'is <mark data-marks="2">270 metres</mark> long.' in reply["text"]
    assert '<h4 class="subheading" dir="auto">Size</h4>' in reply["text"]
    assert "Show" not in reply["text"]


def test_lines_of_dashes_begin_what_is_left_out_in_markdown_alone(
    make_corpus: Callable[..., Path], tmp_path: Path, encoder: HashEncoder
) -> None:
    notice = "Notice of the pool: It opens at nine."
    text, index = f"---\n{notice}\n\n---\n\nChildren swim free.\n", tmp_path / "index"
    corpus = make_corpus({"notice.txt": text, "notice.md": text})
    build_index(corpus, index, encoder)
    pool = Collection("pool", corpus, index, Chatbot(index, encoder))
    start = text.index(notice)
    plain, markdown = (
        source.show_document(
            {"pool": pool}, {"collection": "pool", "doc_id": doc_id, "quotes": [quoted(1, notice, start)]}
        )["text"]
        for doc_id in ("notice.txt", "notice.md")
    )
    assert f'<mark data-marks="1">{notice}</mark>' in plain
    assert "Notice" not in markdown
    children = Citation(1, "notice.txt", "", "", "", None, text.index("Children"), len(text), "", "")
    assert turns.surroundings(text, children) == (text[: children.start], "")


def test_what_has_changed_since_is_said(harbour: Collection, encoder: HashEncoder) -> None:
    old = harbour.chatbot.index.document("ships.md").sha256
    (harbour.corpus / "ships.md").write_text("# Ships\n\nA cat slept. She lay in Tokyo Bay. It rained.\n")
    (harbour.corpus / "trees.md").unlink()
    build_index(harbour.corpus, harbour.index, encoder)
    lost = "The Missouri is a <battleship>."
    quotes = [quoted(1, BAY, SHIPS.index(BAY), old), quoted(2, lost, 30, old)]
    reply = fetched(harbour, doc_id="ships.md", quotes=quotes, number=1)
    assert f'<mark data-marks="1">{BAY}</mark>' in reply["text"]  # it has moved
    assert "still stands" in reply["notes"]["1"]
    assert "no longer holds the sentence" in reply["notes"]["2"]
    assert "&lt;battleship&gt;" in reply["notes"]["2"]
    gone = fetched(harbour, doc_id="trees.md", quotes=[quoted(1, "Oaks grow slowly.", 9)], number=1)
    assert gone["text"] == ""
    assert "no longer in the collection" in gone["notes"]["1"]


@pytest.mark.parametrize(("start", "found"), [(0, 0), (3, 4), (4, 4), (5, 4), (7, 8), (900, 8), (-50, 0)])
def test_a_quote_that_moved_is_found_where_it_is_nearest(start: int, found: int) -> None:
    text = "abc abc abc"
    span = source.find_quote(text, source.Quoted(1, start, start + 3, "abc", ""))
    assert span == (found, found + 3)
    assert source.find_quote(text, source.Quoted(1, start, start + 3, "xyz", "")) is None
    assert source.find_quote(text, source.Quoted(1, start, start, "", "")) is None


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"doc_id": 7},
        {"collection": "other", "doc_id": "ships.md"},
        {"collection": ["harbour"], "doc_id": "ships.md"},
        {"doc_id": "../ships.md"},
        {"doc_id": "ships.md/../../index/CURRENT"},
    ],
)
def test_a_request_that_makes_no_sense_gets_nothing(harbour: Collection, asked: dict[str, Any]) -> None:
    assert fetched(harbour, **asked) == {"text": "", "notes": {}}


def test_quotes_that_make_no_sense_are_left_out(harbour: Collection) -> None:
    sent: Any
    for sent in ("x", 7, None, [None, 7, "x", {"number": "1"}, {"number": 1, "start": 0}]):
        assert source.read_quotes(sent) == []
    assert len(source.read_quotes([quoted(1, "x", 0)] * 1_000)) == source.MOST_QUOTES
    nasty = fetched(harbour, doc_id="nowhere.md", quotes=[quoted(1, NASTY, 0)])
    assert "<script" not in nasty["notes"]["1"]


def test_the_parts_of_a_long_document_join_without_a_gap(
    harbour: Collection, encoder: HashEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [f"Word{number}." for number in range(2_000)]
    (harbour.corpus / "long.md").write_text("\n\n".join(words))
    build_index(harbour.corpus, harbour.index, encoder)
    monkeypatch.setattr(in_place, "LONGEST_SHOWN", 2_000)
    monkeypatch.setattr(source, "MORE", 5_000)
    text = harbour.live_index.document("long.md").text
    quotes = [quoted(1, "Word1000.", text.index("Word1000."))]

    def part(**more: int) -> tuple[list[str], dict[str, dict[str, int]]]:
        html = fetched(harbour, doc_id="long.md", quotes=quotes, number=1, **more)["text"]
        buttons = re.findall(
            r'class="more (\w+)" data-action="more" data-begin="(\d+)" data-end="(\d+)"', html
        )
        further = {which: {"begin": int(begin), "end": int(end)} for which, begin, end in buttons}
        return re.findall(r"Word\d+\.", html), further

    shown, further = part()
    assert "Word1000." in shown
    assert 100 < len(shown) < 300
    while "earlier" in further:
        before, more = part(**further["earlier"])
        shown, further["earlier"] = before + shown, more.get("earlier", {})
        further = {which: span for which, span in further.items() if span}
    while "later" in further:
        after, more = part(**further["later"])
        shown = shown + after
        further = {"later": more["later"]} if "later" in more else {}
    assert shown == words


# ---- in a browser

browser = pytest.mark.browser
DOCUMENT = """# The wreck of the Skarven

The Skarven ran aground off Holm in 1891 with 4,113 barrels of herring.

## הצלה

המלחים ניצלו בבוקר על ידי דייגים מן הכפר הסמוך.

## Inquiry

The inquiry of 1892 blamed the pilot of the Skarven for the wreck. The pilot of the Skarven was called Jens Aarup.
"""
WRECK = "Who was blamed for the wreck of the Skarven?"
LONG_TITLE = " ".join(["Log of the Havel, from Holm to the islands and back again"] * 5)
COOK = "The cook of the Havel was called Ole Brandt." + " He cooked peas, and peas again." * 60


@pytest.fixture(scope="module")
def wreck(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("wreck")
    (folder / "corpus").mkdir()
    (folder / "corpus" / "skarven.md").write_text(DOCUMENT, encoding="utf-8")
    filler = "\n\n".join(f"Entry {number} of the log holds nothing of note." for number in range(150))
    (folder / "corpus" / "log.md").write_text(f"# {LONG_TITLE}\n\n{filler}\n\n{COOK}", encoding="utf-8")
    build_index(folder / "corpus", folder / "index", load_encoder())
    chatbot = Chatbot.open(folder / "index")
    yield from serve_in_thread([Collection("wreck", folder / "corpus", folder / "index", chatbot)])


def open_first(page: Page, question: str) -> Any:
    article = ask(page, question)
    article.locator(".cite").first.click()
    expect(page.locator("#panel [data-whole] mark[data-marks].current").first).to_be_visible()
    return article


@browser
def test_the_panel_holds_the_whole_document_with_its_headings(open_page: OpenPage, wreck: Served) -> None:
    page = open_page(url=wreck.url)
    open_first(page, WRECK)
    text = page.locator("#panel .page-text")
    expect(text).to_contain_text("4,113 barrels")
    expect(text.get_by_role("heading", name="Inquiry")).to_be_visible()
    expect(page.locator("#panel .title")).to_have_text("The wreck of the Skarven")
    assert text.get_by_role("heading").all_inner_texts() == ["הצלה", "Inquiry"]


@browser
def test_text_from_right_to_left_runs_so(open_page: OpenPage, wreck: Served) -> None:
    page = open_page(url=wreck.url)
    open_first(page, WRECK)
    direction = "block => [getComputedStyle(block).direction, getComputedStyle(block).textAlign]"
    hebrew = page.locator("#panel .page-text p", has_text="המלחים")
    assert hebrew.evaluate(direction) == ["rtl", "start"]
    assert page.locator("#panel .page-text p", has_text="barrels").evaluate(direction) == ["ltr", "start"]
    box, around = hebrew.bounding_box(), page.locator("#panel .reading").bounding_box()
    assert box is not None
    assert around is not None
    assert box["x"] + box["width"] <= around["x"] + around["width"]
    article = ask(page, "מתי ניצלו המלחים?")
    expect(article.locator(".quoted")).to_contain_text("המלחים ניצלו בבוקר")
    for part in (".question", ".quoted"):
        assert article.locator(part).evaluate(direction) == ["rtl", "start"]
    assert article.locator(".sources [dir]").evaluate(direction) == ["ltr", "start"]  # the title is English


@browser
def test_all_quotes_of_an_answer_are_marked_and_the_current_one_most(open_page: OpenPage) -> None:
    page = open_page()
    article = ask(page, "How many Japanese prisoners were taken to Siberia?")
    views = article.locator(".view").evaluate_all("views => views.map(view => view.dataset.doc)")
    shared = next(doc for doc in views if views.count(doc) > 1)  # a document quoted more than once
    numbers = [str(number) for number, doc in enumerate(views, 1) if doc == shared]
    article.locator(f'.cite[data-cite="{numbers[0]}"]').first.click()
    marks = page.locator("#panel [data-whole] [data-marks]")
    expect(marks).to_have_count(len(numbers))
    expect(page.locator("#panel .current")).to_have_attribute("data-marks", numbers[0])
    color = "mark => getComputedStyle(mark).backgroundColor"
    other = page.locator(f'#panel [data-marks="{numbers[1]}"]')
    assert page.locator("#panel .current").evaluate(color) != other.evaluate(color)
    other.click()
    expect(page.locator("#panel .current")).to_have_attribute("data-marks", numbers[1])
    expect(page.locator("#panel .position")).to_have_text(f"{numbers[1]} of {len(views)}")
    expect(page.locator("#panel .current")).to_be_in_viewport()


@browser
def test_a_source_far_down_is_scrolled_to_and_not_covered(open_page: OpenPage, wreck: Served) -> None:
    page = open_page(1280, 600, url=wreck.url)
    open_first(page, "What was the cook of the Havel called?")
    expect(page.locator("#panel .current")).to_be_in_viewport(ratio=1)
    title, mark = page.locator("#panel .title").bounding_box(), page.locator("#panel .current").bounding_box()
    assert title["height"] < 80
    assert mark["y"] >= title["y"] + title["height"]
    expect(page.locator("#panel .page-text")).to_contain_text("Entry 0 of")
    assert page.locator("#panel .reading").evaluate("box => box.scrollTop") > 2_000


@browser
def test_a_source_is_named_and_told_to_screen_readers(open_page: OpenPage, wreck: Served) -> None:
    page = open_page(url=wreck.url)
    article = open_first(page, WRECK)
    number = article.locator(".quoted .cite").first
    expect(number).to_have_accessible_name("Source 1: The wreck of the Skarven, paragraph 3")
    expect(page.get_by_role("status").filter(has_text="Source 1 of")).to_have_text(
        re.compile(
            r"Source 1 of \d, The wreck of the Skarven, paragraph 3: quote: The inquiry of 1892 blamed the pilot"
        )
    )
    expect(page.get_by_role("region", name="Text of the source")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Source 1: The wreck").first).to_be_focused()
    expect(page.locator("#panel .hint")).to_be_visible()


@browser
def test_the_turns_hold_no_whole_documents(open_page: OpenPage, wreck: Served) -> None:
    page = open_page(url=wreck.url)
    article = open_first(page, "What was the cook of the Havel called?")
    shown, kept = (
        len(page.locator("#panel .page-text").text_content() or ""),
        article.locator(".view .page-text").evaluate_all("all => all.map(text => text.textContent.length)"),
    )
    assert shown > 6_000
    assert max(kept) < 2_500


@browser
def test_a_long_document_shows_more_when_asked(
    open_page: OpenPage, wreck: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_place, "LONGEST_SHOWN", 2_000)
    monkeypatch.setattr(source, "MORE", 3_000)
    page = open_page(url=wreck.url)
    open_first(page, "What was the cook of the Havel called?")
    text, mark = page.locator("#panel .page-text"), page.locator("#panel .current")
    expect(text).not_to_contain_text("Entry 90 of")
    more = text.get_by_role("button", name="Show earlier text")
    more.scroll_into_view_if_needed()
    entry = text.locator("p", has_text=re.compile(r"Entry 1\d\d of")).first
    entry = text.get_by_text(entry.inner_text(), exact=True)
    before = entry.bounding_box()
    more.click()
    expect(text).to_contain_text("Entry 60 of")
    after = entry.bounding_box()
    assert before is not None
    assert after is not None
    assert abs(before["y"] - after["y"]) < 60  # what was being read stays where it is
    more.click()
    expect(text).to_contain_text("Entry 0 of")
    expect(more).to_have_count(0)
    expect(mark).to_have_count(1)


@browser
def test_a_document_that_changed_is_said_to_have_changed(open_page: OpenPage, tmp_path: Path) -> None:
    corpus, index = tmp_path / "corpus", tmp_path / "index"
    corpus.mkdir()
    (corpus / "skarven.md").write_text(DOCUMENT, encoding="utf-8")
    build_index(corpus, index, load_encoder())
    for elsewhere in serve_in_thread([Collection("w", corpus, index, Chatbot.open(index))]):
        page = open_page(url=elsewhere.url)
        article = ask(page, WRECK)
        quote = page.locator("#panel .current").first.inner_text()
        (corpus / "skarven.md").write_text(DOCUMENT.replace(quote, "Nobody was blamed."), encoding="utf-8")
        build_index(corpus, index, load_encoder())
        article.locator(".cite").first.click()
        note = page.locator("#panel .note")
        expect(note).to_contain_text("has changed since it was quoted")
        expect(note).to_contain_text(quote)
        expect(page.locator("#panel .page-text")).to_contain_text("Nobody was blamed.")


@browser
def test_the_quote_stands_at_once_also_when_the_server_is_gone(open_page: OpenPage, wreck: Served) -> None:
    page = open_page(url=wreck.url)
    page.route("**/component_server**", lambda route: route.abort())
    with page.expect_request("**/component_server**"):  # completions are asked for, too
        composer(page).press_sequentially(WRECK[:5])
    article = ask(page, WRECK)
    article.locator(".cite").first.click()
    expect(page.locator("#panel mark.current")).to_be_in_viewport()
    expect(page.locator("#panel [data-whole]")).to_have_count(0)


@browser
def test_two_collections_have_each_their_own_documents(
    open_page: OpenPage, tmp_path: Path, wreck: Served
) -> None:
    other = small_collection(tmp_path)
    for both in serve_in_thread(
        [*wreck.collections, Collection("b", other.corpus, other.index, other.chatbot)]
    ):
        page = open_page(url=both.url)
        page.locator("#top select").select_option("b")
        expect(page.locator("#conversations [data-collection]")).to_have_attribute("data-collection", "b")
        open_first(page, "When did Molotov read the declaration of war to Ambassador Sato?")
