"""Files of every format, made here: what is read of them, what is refused and why."""

from __future__ import annotations

import base64
import contextlib
import datetime
import io
import json
import os
import random
import re
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from email.message import EmailMessage
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docx
import openpyxl
import pptx
import pytest
from conftest import ROOT, HashEncoder
from fpdf import FPDF
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from chatbot import formats
from chatbot.corpus import (
    Document,
    UnreadFile,
    _lay_out,
    _read_data,
    corpus_files,
    left_out_files,
    read_documents,
    split_document,
)
from chatbot.errors import CorpusError
from chatbot.formats import archive, content, csv, html, kind_of, pdf, pdf_pages, read, table, xlsx
from chatbot.formats.content import Part, clean, page_list, tidy
from chatbot.formats.page_layout import HYPHEN, Run, lines, paragraphs, without_repeats
from chatbot.formats.report import reading_report
from chatbot.index import PassageIndex, build_index
from chatbot.library import KEPT_DAYS, Limits

MakeCorpus = Callable[..., Path]


# Writers ------------------------------------------------------------------------------------


BLANK = [(0.0, 0.0, 0.0, "")]


def make_pdf(
    pages: Iterable[Iterable[tuple[float, float, float, str]]], title: str = "", **locks: Any
) -> bytes:
    """Each page a list of (x, y from the top, size, text), in millimetres and points; of none: a drawing."""
    sheet = FPDF()
    sheet.set_auto_page_break(False)
    sheet.set_title(title)
    for page in pages:
        sheet.add_page()
        page = list(page)
        if not page:
            sheet.rect(20, 20, 100, 100)
        if page == BLANK:
            continue
        for x, y, size, text in page:
            sheet.set_font("times", size=size)
            sheet.text(x, y, text)
    if locks:
        sheet.set_encryption(**locks)
    return bytes(sheet.output())


def column(x: float, texts: Iterable[str], top: float = 40) -> list[tuple[float, float, float, str]]:
    return [(x, top + 5 * row, 11, text) for row, text in enumerate(texts)]


def make_docx() -> bytes:
    document = docx.Document()
    document.core_properties.title = "On the conferences"
    document.add_heading("Conferences", 1)
    document.add_paragraph("Three leaders met at Yalta. They met in February 1945.")
    document.add_heading("Earlier ones", 2)
    document.add_paragraph("Tehran came first.", style="List Bullet")
    cells = document.add_table(3, 2)
    for row, values in enumerate((("Name", "Year"), ("Yalta", "1945"), ("Tehran", "1943"))):
        for column_number, value in enumerate(values):
            cells.cell(row, column_number).text = value
    return saved(document)


def docx_table(rows: Sequence[Sequence[str]], **look: str) -> bytes:
    """`look` are attributes of the element that tells which parts of the table its style sets off."""
    document = docx.Document()
    table_added = document.add_table(len(rows), len(rows[0]))
    for row, values in zip(table_added.rows, rows, strict=True):
        for cell, value in zip(row.cells, values, strict=True):
            cell.text = value
    for name, value in look.items():
        table_added._tbl.tblPr.find(docx.oxml.ns.qn("w:tblLook")).set(docx.oxml.ns.qn(f"w:{name}"), value)
    return saved(document)


def make_pptx() -> bytes:
    show = pptx.Presentation()
    show.core_properties.title = "PowerPoint Presentation"
    slide = show.slides.add_slide(show.slide_layouts[1])
    slide.shapes.title.text = "Plans"
    slide.placeholders[1].text = "First we land.\nThen we march."
    slide.notes_slide.notes_text_frame.text = "Speak slowly here."
    show.slides.add_slide(show.slide_layouts[6])
    last = show.slides.add_slide(show.slide_layouts[5])
    last.shapes.title.text = "Thank you all"
    return saved(show)


def make_xlsx() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Battles"
    for row in (
        ["Losses at sea"],
        ["Name", "Date", "Losses", "Share"],
        ["Midway", datetime.date(1942, 6, 4), 307, 0.25],
        ["Leyte", datetime.datetime(1944, 10, 23, 6, 30), None, 0.1 + 0.2],
        [],
        ["Kursk", datetime.date(1943, 7, 5), 1, 0.5],
    ):
        sheet.append(row)
    sheet["D3"].number_format = "0%"
    book.create_sheet("Secret").sheet_state = "hidden"
    return saved(book)


def make_epub(**extra: str) -> bytes:
    package = """<package xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
    <dc:title>A small book</dc:title></metadata><manifest>
    <item id="two" href="text/two.xhtml" media-type="application/xhtml+xml"/>
    <item id="one" href="text/o%6Ee.xhtml" media-type="application/xhtml+xml"/>
    <item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
    <item id="gone" href="text/gone.xhtml" media-type="application/xhtml+xml"/></manifest>
    <spine><itemref idref="nav"/><itemref idref="one"/><itemref idref="two"/><itemref idref="gone"/></spine></package>"""
    container = '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>'
    chapter = '<?xml version="1.0" encoding="UTF-8"?><html xmlns="http://www.w3.org/1999/xhtml"><body><h1>{}</h1><p>{}</p></body></html>'
    return make_zip({
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": container,
        "OPS/book.opf": package,
        "OPS/nav.xhtml": chapter.format("Contents", "To be left out."),
        "OPS/text/two.xhtml": chapter.format("Second", "It ended&nbsp;well."),
        "OPS/text/one.xhtml": chapter.format("First", "It began."),
        **extra,
    })  # fmt: skip


def make_eml() -> bytes:
    message = EmailMessage()
    message["Subject"] = "The rent für May"
    message["From"] = "Board <board@example.org>"
    message["To"] = "b@example.org"
    message["Date"] = "Fri, 05 May 2023 14:30:00 +0200"
    message.set_content(MAIL, cte="quoted-printable")
    message.add_alternative("<p>The same in HTML.</p>", subtype="html")
    message.add_attachment(b"%PDF-", maintype="application", subtype="pdf", filename="rent.pdf")
    return bytes(message)


MAIL = """Dear all,

the rent of £1,295 is due on the first of the month, and is to be paid to
the account of the association.

- one item
- another

> Where is a line as long as it may be before a program breaks it into
> two?

Best wishes
Board
"""


def make_zip(files: dict[str, Any] | list[tuple[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in files.items() if isinstance(files, dict) else files:
            file.writestr(name, data)
    return buffer.getvalue()


def saved(document: Any) -> bytes:
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


PROSE = "Some plain words that fill a line of text here. They go on for a while, as prose does. "
PAGE = f"""<!doctype html><html><head><title>Yalta</title><style>p {{}}</style></head><body>
<nav><a href="/">Home</a> <a href="/all">All pages</a></nav><div class="cookie-banner">We use cookies.</div>
<article><header><h1>The conference</h1></header><p>{PROSE * 4}It was <b>cold</b><code>!</code></p>
<div class="share-buttons">Tell a friend.</div><ul><li><a href="a">One link</a></li><li><a href="b">Two link</a></li><li><a href="c">Three</a></li></ul>
<h2>Who</h2><ul><li>Churchill came.</li><li>Stalin came.</li></ul><pre>a
  b</pre><p hidden>Unseen.</p><p>A<br>B<!-- no --> C</p></article>
<footer>All rights reserved</footer><script>var x = "never";</script></body></html>"""


def texts(found: formats.Content) -> list[str]:
    return [part.text for part in found.parts]


# PDF ----------------------------------------------------------------------------------------

LEFT = [
    "The left column begins with this line,",
    "goes on with some more words and a",
    "sentence that is divided in the mid-",
    "dle of a word. Here the left side en-",
]
RIGHT = [
    "ds and the right column takes it up",
    "from there with words of its own, set",
    "as narrow as those on the left, until",
    "the whole of it has come to its end.",
]


def test_two_columns_are_read_one_after_the_other_and_divided_words_made_whole() -> None:
    interleaved = [run for pair in zip(column(20, LEFT), column(110, RIGHT), strict=True) for run in pair]
    found = read(make_pdf([[(20, 25, 18, "A Title Over Both Columns of the Page"), *interleaved]]), "pdf")
    assert found.parts == (
        Part("A Title Over Both Columns of the Page", 1, 1),
        Part(
            "The left column begins with this line, goes on with some more words and a sentence that is divided in"
            " the middle of a word. Here the left side ends and the right column takes it up from there with words"
            " of its own, set as narrow as those on the left, until the whole of it has come to its end.",
            0,
            1,
        ),
    )


def test_rows_of_a_table_are_not_read_as_columns() -> None:
    names, years = ["Name", "Yalta", "Tehran", "Potsdam"], ["Year", "1945", "1943", "1945"]
    found = read(make_pdf([column(20, names) + column(80, years)]), "pdf")
    assert texts(found) == ["Name Year", "Yalta 1945", "Tehran 1943", "Potsdam 1945"]


def test_running_titles_and_page_numbers_are_left_out() -> None:
    pages = [
        [
            (20, 10, 9, f"Chapter {word} {number}" if number % 2 else f"{number} Annals of Testing"),
            *column(20, [f"This is what page {word} has to say."]),
            (20, 280, 9, "Printed in Utrecht"),
        ]
        for number, word in enumerate(("seven", "eight", "nine", "ten"), 7)
    ]
    found = read(make_pdf(pages), "pdf")
    assert found.parts == tuple(
        Part(f"This is what page {word} has to say.", page=page)
        for page, word in enumerate(("seven", "eight", "nine", "ten"), 1)
    )


def test_a_paragraph_over_the_end_of_a_page_is_one_and_keeps_both_pages() -> None:
    first = column(20, ["A sentence that begins on the first page and goes on and en-"], 200)
    second = column(20, ["ds on the second. Another stands there."])
    found = read(make_pdf([first, second]), "pdf")
    assert texts(found) == [
        "A sentence that begins on the first page and goes on and ends\fon the second. Another stands there."
    ]
    document = document_of("two.pdf", make_pdf([first, second]))
    assert document.text.endswith("there.\f")
    assert [document.page_at(document.text.index(word)) for word in ("begins", "second", "stands")] == [
        1,
        2,
        2,
    ]


def test_a_page_without_text_is_told_and_a_blank_one_is_not() -> None:
    pages = [
        column(20, ["Words on a page."]),
        [],
        BLANK,
        column(20, ["Words on the last."]),
        [],
    ]
    found = read(make_pdf(pages, "A scan"), "pdf")
    assert found.title == "A scan"
    assert found.pages == 5
    assert found.warnings == ("2 of 5 pages without a text layer (page 2, 5)",)
    assert [part.page for part in found.parts] == [1, 4]


def test_a_damaged_page_is_told_and_the_others_are_read() -> None:
    whole = make_pdf([column(20, [f"Words of page {number}."]) for number in (1, 2, 3)])
    found = read(whole.replace(b"[3 0 R\n5 0 R", b"[3 0 R\nnull "), "pdf")
    assert found.warnings == ("1 of 3 pages damaged (page 2)",)
    assert [part.page for part in found.parts] == [1, 3]


@pytest.mark.parametrize(
    ("ends", "begins", "whole"),
    [
        ("an exam" + HYPHEN, "ple of it", "an example of it"),
        ("the Franco" + HYPHEN, "Prussian war", "the Franco-Prussian war"),
        ("a well" + HYPHEN, "known man. A well-known man", "a well-known man. A well-known man"),
        ("pages 3-", "4 are gone", "pages 3- 4 are gone"),
    ],
)
def test_hyphens_at_line_ends(ends: str, begins: str, whole: str) -> None:
    runs = [Run(ends, 0, 200, 50, 60), Run(begins, 0, 200, 38, 48)]
    assert [part.text for part in paragraphs(lines(runs, 1))] == [whole]


def test_ligatures_become_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(content._LIGATURES, ord("Q"), "ffi")  # the standard fonts have no ligatures
    assert texts(read(make_pdf([column(20, ["An oQce."])]), "pdf")) == ["An office."]


def test_no_word_is_lost_whatever_the_layout() -> None:
    rng = random.Random(7)
    for _ in range(30):
        runs = [
            Run(f"w{number}" * rng.randint(1, 9), x, x + rng.uniform(5, 300), y, y + 10)
            for number in range(40)
            for x, y in [(rng.uniform(0, 500), rng.uniform(0, 700))]
        ]
        read = " ".join(line.text for line in lines(runs, 1)).split()
        assert sorted(read) == sorted(run.text for run in runs)
        assert without_repeats([runs])[0] != []


def test_rows_are_read_from_the_top_and_each_from_the_left_in_whatever_order_they_are_drawn() -> None:
    rng = random.Random(7)
    for _ in range(30):
        runs = []
        for row in range(20):
            left = 50.0
            for number in range(rng.randint(1, 6)):
                right = left + rng.uniform(5, 60)
                bottom = 700 - 14 * row + rng.uniform(-1, 1)
                runs.append(Run(f"r{row}w{number}", left, right, bottom, bottom + 10))
                left = right + rng.uniform(3, 9)
        drawn = rng.sample(runs, len(runs))
        assert " ".join(line.text for line in lines(drawn, 1)).split() == [run.text for run in runs]


# Office, web and tables ---------------------------------------------------------------------


def test_docx_headings_lists_and_tables() -> None:
    found = read(make_docx(), "docx")
    assert found.title == "On the conferences"
    assert found.parts == (
        Part("Conferences", 1),
        Part("Three leaders met at Yalta. They met in February 1945."),
        Part("Earlier ones", 2),
        Part("Tehran came first."),
        Part("Name: Yalta; Year: 1945", row=True),
        Part("Name: Tehran; Year: 1943", row=True),
    )


@pytest.mark.parametrize(
    ("paragraphs", "title"),
    [
        ([("Draft", "Normal"), ("", "Title"), ("The mill", "Title"), ("History", "Heading 1")], "The mill"),
        ([("", "Normal"), ("The mill", "Heading 1"), ("It turns.", "Normal")], "The mill"),
        ([("It turns.", "Normal"), ("The mill", "Heading 1"), ("It is old.", "Normal")], "a"),
        ([("The mill", "Heading 2"), ("It turns.", "Normal")], "a"),
    ],
)
def test_docx_without_a_title_of_its_own_has_that_which_it_begins_with(
    paragraphs: list[tuple[str, str]], title: str
) -> None:
    document = docx.Document()
    for text, style in [*paragraphs, ("Last.", "Normal")]:
        document.add_paragraph(text, style)
    assert document_of("a.docx", saved(document)).title == title


def test_docx_changes_count_as_made_and_content_controls_are_read() -> None:
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    document = docx.Document()
    body = document.element.body
    body.insert(0, etree.fromstring(
        f'<w:p xmlns:w="{space}"><w:r><w:t>Kept </w:t></w:r><w:ins><w:r><w:t>added </w:t></w:r></w:ins>'
        f"<w:del><w:r><w:delText>gone </w:delText></w:r></w:del><w:r><w:t>end</w:t></w:r></w:p>"
    ))  # fmt: skip
    body.insert(1, etree.fromstring(
        f'<w:sdt xmlns:w="{space}"><w:sdtContent><w:p><w:r><w:t>Controlled.</w:t></w:r></w:p></w:sdtContent></w:sdt>'
    ))  # fmt: skip
    assert texts(read(saved(document), "docx")) == ["Kept added end", "Controlled."]


def test_docx_rows_and_cells_in_content_controls_stay_below_their_columns() -> None:
    document = docx.Document()
    cells = document.add_table(3, 3)
    rows = (("Name", "Date", "Place"), ("Yalta", "February 1945", "Crimea"), ("Tehran", "1943", "Persia"))
    for row, values in enumerate(rows):
        for column_number, value in enumerate(values):
            cells.cell(row, column_number).text = value
    for wrapped in (cells.cell(1, 1)._tc, cells.rows[2]._tr):
        control = docx.oxml.OxmlElement("w:sdt")
        wrapped.addprevious(control)
        control.append(docx.oxml.OxmlElement("w:sdtContent"))
        control[0].append(wrapped)
    assert texts(read(saved(document), "docx")) == [
        "Name: Yalta; Date: February 1945; Place: Crimea",
        "Name: Tehran; Date: 1943; Place: Persia",
    ]


PAIRS = [("Name", "Otter"), ("Length", "4.2 m"), ("Owner", "Ann Lee")]


@pytest.mark.parametrize(
    ("rows", "read_as"),
    [
        (PAIRS, ["Name: Otter", "Length: 4.2 m", "Owner: Ann Lee"]),
        ([PAIRS[1], PAIRS[0]], ["Length: 4.2 m", "Name: Otter"]),
        ([("Boat:", "Otter"), ("Crew:", "two")], ["Boat: Otter", "Crew: two"]),
        ([("Item", "Price"), ("Tea", "£1.50"), ("Water", "free")], ["Item: Tea; Price: £1.50", "Item: Water; Price: free"]),
        ([("Name", "Age"), ("Ann", "5"), ("Ben", "unknown")], ["Name: Ann; Age: 5", "Name: Ben; Age: unknown"]),
        ([("Name", "Birthday"), ("Ann", "5 May 1990"), ("Ben", "6 June 1991")], ["Name: Ann; Birthday: 5 May 1990", "Name: Ben; Birthday: 6 June 1991"]),
        ([("Country", "Capital"), ("France", "Paris")], ["Country: France; Capital: Paris"]),
        ([("Type", "Complaints"), ("Price", "45"), ("Size", "3")], ["Type: Price; Complaints: 45", "Type: Size; Complaints: 3"]),
        ([("Name", "Meaning"), ("Length", "of the hull")], ["Name: Length; Meaning: of the hull"]),
        ([("City", "Country"), ("Mexico City", "Mexico"), ("Quebec City", "Canada")], ["City: Mexico City; Country: Mexico", "City: Quebec City; Country: Canada"]),
        ([("City", "Mayor"), ("Mexico City", "Ann Lee"), ("Quebec City", "Bob Ray")], ["City: Mexico City; Mayor: Ann Lee", "City: Quebec City; Mayor: Bob Ray"]),
        ([("Type", "Example"), ("Email", "a@b.c"), ("Phone", "555 12")], ["Type: Email; Example: a@b.c", "Type: Phone; Example: 555 12"]),
        ([("Name", "Date of birth"), ("Type", "early"), ("Size", "late")], ["Name: Type; Date of birth: early", "Name: Size; Date of birth: late"]),
        ([("Team", "1st round"), ("Reds", "3"), ("Blues", "bye")], ["Team: Reds; 1st round: 3", "Team: Blues; 1st round: bye"]),
    ],
)  # fmt: skip
def test_a_row_of_two_cells_is_a_label_with_its_value_where_no_row_names_the_columns(
    rows: list[tuple[str, str]], read_as: list[str]
) -> None:
    assert texts(read(docx_table(rows), "docx")) == read_as


def test_docx_tables_whose_style_sets_off_the_first_column_alone_have_labels() -> None:
    rows = [("Crew", "two"), ("Sails", "three")]
    assert texts(read(docx_table(rows), "docx")) == ["Crew: Sails; two: three"]
    assert texts(read(docx_table(rows, firstRow="0"), "docx")) == ["Crew: two", "Sails: three"]


ZONES = [("Zone", "Fee", ""), ("Zone", "Day", "Night"), ("A", "5", "7")]


def test_docx_columns_have_the_names_of_both_rows_of_names() -> None:
    document = docx.Document(io.BytesIO(docx_table(ZONES)))
    document.tables[0].cell(0, 1).merge(document.tables[0].cell(0, 2))
    assert texts(read(saved(document), "docx")) == ["Zone: A; Fee Day: 5; Fee Night: 7"]


@pytest.mark.parametrize(
    ("rows", "merged", "read_as"),
    [
        (
            [["Day", "Morning", "Afternoon"], ["Monday", "Yoga"], ["Tuesday", "Pilates", "Spin"], ["Friday", "Row"]],
            "B2:C2",
            [
                "Day: Monday; Morning: Yoga",
                "Day: Tuesday; Morning: Pilates; Afternoon: Spin",
                "Day: Friday; Morning: Row",
            ],
        ),
        (  # one cell in the body is no caption
            [["Day", "Morning", "Noon"], ["Week 2"], ["Monday", "Yoga"], ["Tuesday", "Pilates", "Spin"], ["Friday", "Row"]],
            "B3:C3",
            [
                "Day: Week 2",
                "Day: Monday; Morning: Yoga",
                "Day: Tuesday; Morning: Pilates; Noon: Spin",
                "Day: Friday; Morning: Row",
            ],
        ),
        (
            [["Role", "Day", "Night"], ["Note", "Closed in May"], ["Contact", "Ann Reid", "Bob Ray"]],
            "B2:C2",
            ["Role: Note; Day: Closed in May", "Role: Contact; Day: Ann Reid; Night: Bob Ray"],
        ),
        (  # names stand above something
            [["Note", "Closed in May"], ["Contact", "Ann Reid", "Bob Ray"]],
            "B1:C1",
            ["Note: Contact; Closed in May: Ann Reid; Bob Ray"],
        ),
        (  # behind an empty row and a caption
            [["Prices"], [], ["Fees of 2024"], ["Zone", "Fee"], [None, "Day", "Night"], ["A", 5, 7]],
            "B4:C4",
            ["Prices", "Fees of 2024", "Zone: A; Fee Day: 5; Fee Night: 7"],
        ),
    ],
)  # fmt: skip
def test_cells_over_columns_are_joined_with_the_names_below_in_the_first_rows_alone(
    rows: list[list[Any]], merged: str, read_as: list[str]
) -> None:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.active.merge_cells(merged)
    assert texts(read(saved(book), "xlsx")) == ["Sheet", *read_as]


@pytest.mark.parametrize("block", [7, 1 << 20])
def test_xlsx_formulas_that_were_never_computed_are_told(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(xlsx, "_BLOCK_BYTES", block)
    book = openpyxl.Workbook()
    book.active.append(["Sum", "=1+2", "=3+4"])
    (read_one,) = _read_data(saved(book), "a.xlsx")
    assert isinstance(read_one, Document)
    assert read_one.warnings == (
        "a.xlsx: 2 cells hold formulas without a value; open and save it in the spreadsheet program",
    )
    computed = '<c r="A1" t="str"><f>""</f><v></v></c><c r="B1"><f>1+2</f><v>3</v></c><c r="C1"><f t="shared" si="0"/></c>'
    sheet = SimpleNamespace(_get_source=lambda: io.BytesIO(computed.encode()))
    assert xlsx._scan(sheet).uncomputed == 1


@pytest.mark.parametrize("block", [1, 7, 300, 1 << 20])
def test_xlsx_merged_cells_stand_in_all_their_rows(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(xlsx, "_BLOCK_BYTES", block)
    book = openpyxl.Workbook()
    rows = [["Zone", "Fee"], [None, "Day", "Night"], ["A", 5, 7], [None, 6, 8], [], ["B", 1, 2]]
    for row in rows:
        book.active.append(row)
    for cells in ("A1:A2", "B1:C1", "A3:A4"):
        book.active.merge_cells(cells)
    assert texts(read(saved(book), "xlsx")) == [
        "Sheet",
        "Zone: A; Fee Day: 5; Fee Night: 7",
        "Zone: A; Fee Day: 6; Fee Night: 8",
        "Zone: B; Fee Day: 1; Fee Night: 2",
    ]


def test_xlsx_cells_merged_over_rows_fill_no_empty_row() -> None:
    book = openpyxl.Workbook()
    rows = [
        ["Rota"],
        [],
        ["Shift", "Who", "Hours"],
        ["Early", "Ann", 5],
        [None, "Ben", 6],
        [],
        [None, "Eve", 7],
    ]
    for row in rows:
        book.active.append(row)
    for cells in ("A1:C2", "A4:A7"):
        book.active.merge_cells(cells)
    assert texts(read(saved(book), "xlsx")) == [
        "Sheet",
        "Rota",
        "Shift: Early; Who: Ann; Hours: 5",
        "Shift: Early; Who: Ben; Hours: 6",
        "Shift: Early; Who: Eve; Hours: 7",
    ]


@pytest.mark.parametrize(("change", "there"), [("ins", 1), ("del", 0), ("moveFrom", 0), ("moveTo", 1)])
def test_docx_text_is_read_where_it_was_moved_to_and_not_where_it_was(change: str, there: int) -> None:
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    run = "<w:r><w:t>A sentence.</w:t></w:r>"
    document = docx.Document()
    document.element.body.insert(0, etree.fromstring(
        f'<w:p xmlns:w="{space}"><w:{change}>{run}<w:r><w:pict><w:txbxContent><w:p>{run}</w:p></w:txbxContent>'
        f"</w:pict></w:r></w:{change}></w:p>"
    ))  # fmt: skip
    assert texts(read(saved(document), "docx")) == ["A sentence.", "A sentence."] * there


def test_pptx_slides_are_pages_with_notes() -> None:
    found = read(make_pptx(), "pptx")
    assert (found.title, found.pages) == ("Plans", 3)
    assert found.parts == (
        Part("Plans", 1, 1),
        Part("First we land.", page=1),
        Part("Then we march.", page=1),
        Part("Speak slowly here.", page=1),
        Part("Thank you all", page=3),
    )


def test_pptx_lines_of_a_paragraph_are_parted_and_its_fields_left_out() -> None:
    show = pptx.Presentation()
    slide = show.slides.add_slide(show.slide_layouts[1])
    slide.placeholders[1].text = "First we\vland.\nThen we march."
    paragraph = slide.placeholders[1].text_frame.paragraphs[1]
    field = f'<a:fld xmlns:a="{paragraph._p.nsmap["a"]}" id="{{0}}" type="slidenum"><a:t>1</a:t></a:fld>'
    paragraph._p.append(etree.fromstring(field))
    assert texts(read(saved(show), "pptx")) == ["First we land.", "Then we march."]


def test_pptx_shapes_of_no_known_type_do_not_spoil_the_show() -> None:
    show = pptx.Presentation()
    slide = show.slides.add_slide(show.slide_layouts[6])
    group = slide.shapes.add_group_shape()
    for text, shapes in (("Words in a shape.", slide.shapes), ("Words in a group.", group.shapes)):
        box = shapes.add_textbox(0, 0, 9, 9)
        box.text_frame.text = text
        box._element.spPr.remove(box._element.spPr.prstGeom)
        del box._element.nvSpPr.cNvSpPr.attrib["txBox"]
        ink = etree.fromstring(f'<p:contentPart xmlns:p="{slide.element.nsmap["p"]}"/>')
        box._element.addprevious(ink)
    assert texts(read(saved(show), "pptx")) == ["Words in a group.", "Words in a shape."]


def test_xlsx_rows_read_as_text() -> None:
    found = read(make_xlsx(), "xlsx")
    assert found.warnings == ("hidden sheet 'Secret' left out",)
    assert found.parts == (
        Part("Battles", 1),
        Part("Losses at sea"),
        Part("Name: Midway; Date: 1942-06-04; Losses: 307; Share: 25 %", row=True),
        Part("Name: Leyte; Date: 1944-10-23 06:30; Share: 0.3", row=True),
        Part("Name: Kursk; Date: 1943-07-05; Losses: 1; Share: 0.5", row=True),
    )


@pytest.mark.parametrize(
    ("value", "number_format", "shown"),
    [
        (1, "0%", "100 %"),
        (0, "0.0%", "0 %"),
        (0.125, "0.0%", "12.5 %"),
        (25, '0" %"', "25"),  # the sign only stands there
        (2.5, r"0.0\%", "2.5"),
        (1234567890123456, "0", "1234567890123456"),
        (1200.5, '"£"#,##0.00', "£1,200.50"),
        (1200.5, "[$£-809]#,##0.00;[Red]-[$£-809]#,##0.00", "£1,200.50"),
        (-1200.5, '_-"$"* #,##0.00_-', "-$1,200.50"),
        (1200, "$0", "$1200"),
        (0.1 + 0.2, "#,##0.00 [$€-407]", "0.30 €"),
        (1200, "[$CHF] #,##0", "CHF 1,200"),
        (1234, "[$-407]#,##0", "1234"),  # a locale without a currency
        (0.25, "[$-809]0.0%", "25 %"),
        (1200, '[$-409]"$"#,##0', "$1,200"),
        (5, '0.0 "kg"', "5"),
        (5, '"Room "0', "5"),
    ],
)
def test_xlsx_shares_are_read_as_a_sheet_shows_them(value: float, number_format: str, shown: str) -> None:
    book = openpyxl.Workbook()
    book.active.append([value])
    book.active["A1"].number_format = number_format
    assert texts(read(saved(book), "xlsx")) == ["Sheet", shown]


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("Name: Yalta; Year: 1945", {"Name": "Yalta", "Year": "1945"}),
        ("Yalta; Year: 1945; Month: 2", {"Year": "1945", "Month": "2"}),  # labels without a name
        ("Yalta | 1945", {"0": "Yalta", "1": "1945"}),
        ("They met: it was cold; nobody spoke.", {}),
        ("They met in 1945.", {}),
    ],
)
def test_a_row_is_known_by_its_columns(text: str, cells: dict[str, str]) -> None:
    assert table.row_cells(text) == cells


TABLE = """Below | it:

| Hour | Wind | Rain \\| snow |\r
|-----:|:----:|---|\r
| 12 | 7 | |\r
|  | 9 | **3** |

Day | Ship
--- | ---
1 | Ariel
2 | Ben | lost

| 5 | 6 |

| Name | Value |
|---|---|
| a | 1 |
| - | - |
| b | 22 |
"""


@pytest.mark.parametrize(
    ("row", "head"),
    [
        ("12 | 7", "Hour | Wind | Rain \\| snow"),
        ("9 | **3**", "Wind | Rain \\| snow"),  # its first cell is empty
        ("1 | Ariel", "Day | Ship"),
        ("2 | Ben | lost", "Day | Ship"),
        ("Ariel", ""),  # a part of a row
        ("5 | 6", ""),
        ("a | 1 |", "Name | Value"),
        ("b | 22", "Name | Value"),  # a row of dashes above it
        ("Hour | Wind", ""),
        ("Below | it:", ""),
    ],
)
def test_the_head_of_a_table_in_markdown_names_the_cells_of_a_row(row: str, head: str) -> None:
    start = TABLE.index(row)
    assert table.column_names(TABLE, start, start + len(row)) == head


@pytest.mark.parametrize(
    ("row", "cells"),
    [
        ("| 12 | 7 \\| 8 | |", ["12", "7 \\| 8", ""]),
        (" a | b", ["a", "b"]),
        ("a |", ["a"]),
        ("||", [""]),
        ("", [""]),
    ],
)
def test_cells_of_a_row_of_markdown(row: str, cells: list[str]) -> None:
    assert [row[start:end] for start, end in table.cells_of(row)] == cells


def test_the_headers_of_an_answered_message_are_no_text() -> None:
    trip = b"Subject: Trip\n\nHere it is:\nFrom: Leeds\nTo: York\nDate: 5 May\nSee you.\n"
    assert texts(read(trip, "eml"))[1:4] == ["From: Leeds", "To: York", "Date: 5 May"]
    mail = (
        b"Subject: Office\n\nWe open at nine.\n\n-----Original Message-----\nFrom: Ann\nSent: Tuesday, 08:30\n"
        b"To: Bob\n\nWhen do you open?\n\n> From: Bob\n> Date: Monday\n> Subject: Office\n>\n> Hello.\n\nTo: the shop\nDate: May\n"
    )
    assert texts(read(mail, "eml")) == [
        "We open at nine.",
        "When do you open?",
        "> Hello.",
        "To: the shop",
        "Date: May",
    ]


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        (b"Name,Year\nYalta,1945\n\nTehran,1943\n", ["Name: Yalta; Year: 1945", "Name: Tehran; Year: 1943"]),
        (b"Name;Price\nTea;1,5\n", ["Name: Tea; Price: 1,5"]),
        (b"a\tb\n1\t2\n", ["a: 1; b: 2"]),
        (b"1,2\n3,4\n", ["1; 2", "3; 4"]),
        (b'q,a\n"Who, then?","He.\nShe."\n', ["q: Who, then?; a: He. She."]),
        (b"one line\nanother line\n", ["one line", "another line"]),
        ("Größe,Jahr\ngroß,1945\n".encode("utf-16"), ["Größe: groß; Jahr: 1945"]),
    ],
)
def test_csv_rows_read_as_text(data: bytes, rows: list[str]) -> None:
    assert texts(csv.read_csv(data)) == rows


def test_empty_lines_of_a_csv_file_do_not_count_as_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv, "MAX_ROWS", 4)
    monkeypatch.setattr(table, "MAX_ROWS", 4)
    assert texts(csv.read_csv(b"a,b\n\n1,2\n\n3,4\n\n,\n\n5,6\n\n")) == [
        "a: 1; b: 2",
        "a: 3; b: 4",
        "a: 5; b: 6",
    ]
    with pytest.raises(formats.Unreadable, match="has more than 4 rows; divide it"):
        csv.read_csv(b"a,b\n\n1,2\n\n3,4\n\n5,6\n\n7,8\n")


def test_html_keeps_the_content_and_drops_the_frame() -> None:
    found = read(PAGE.encode(), "html")
    assert found.title == "Yalta"
    assert found.parts == (
        Part("The conference", 1),
        Part(PROSE * 4 + "It was cold!"),
        Part("Who", 2),
        Part("Churchill came."),
        Part("Stalin came."),
        Part("a\n  b"),
        Part("A B C"),
    )


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"<p>Short.</p>", ["Short."]),
        (b"<nav><ul><li><a href=a>Only</a></li><li><a href=b>links</a></ul></nav>", ["Only", "links"]),
        ('<meta charset="windows-1251"><p>Ялта.</p>'.encode("cp1251"), ["Ялта."]),
        ('<meta charset="ISO-8859-1"><p>“No” – twice…'.encode("cp1252"), ["“No” – twice…"]),
        ("<meta charset=latin1><p>It’s 5 €.".encode("cp1252"), ["It’s 5 €."]),
        ("<meta charset=us-ascii><p>It’s 5 €.".encode(), ["It’s 5 €."]),
        ('<?xml version="1.0" encoding="utf-8"?><html><p>Größe</p></html>'.encode(), ["Größe"]),
        (b"<table><tr><th>Name<th>Year<tr><td>Yalta<td>1945</table>", ["Name: Yalta; Year: 1945"]),
        (
            b"<table><tr><th>G<b>a</b>s<th>Share<tr><td>CO<sub>2</sub><style>a {}</style><script>b()</script>"
            b"<td><span hidden>0004</span>4 %<!-- c --><tr><td><p>Ar</p><p>gon</p><td>1<br>%"
            b"<tr hidden><td>Xe<td>5<tbody hidden><tr><td>Ne<td>6</table>",
            ["Gas: CO2; Share: 4 %", "Gas: Ar gon; Share: 1 %"],
        ),
        (
            b"<pre hidden>x</pre><p>One\n two.</p><pre>a\n  b</pre><p>A<br>B</p>",
            ["One two.", "a\n  b", "A B"],
        ),
        (
            b"<table><tr><th>House<th>Name<th>Year<tr><td rowspan=2>York<td>Edward<td>1461<tr><td>Richard<td>1483"
            b"<tr><td colspan='2'>Nobody<td>1500<tr><td>Tudor<td rowspan=x colspan=0>Henry<td>1485</table>",
            [
                "House: York; Name: Edward; Year: 1461",
                "House: York; Name: Richard; Year: 1483",
                "House: Nobody; Year: 1500",
                "House: Tudor; Name: Henry; Year: 1485",
            ],
        ),
        (
            "<meta charset=utf-8><p>10<sup>8</sup> m in 10<sup>−3</sup> s, CO<sub>2</sub>, the 21<sup>st</sup>.<sup>4</sup> So.".encode(),
            ["10⁸ m in 10⁻³ s, CO2, the 21st.⁴ So."],
        ),
        (
            "<meta charset=utf-8><table><tr><td>Mon<td>9–17<tr><td>Tue<td>9–18</table>".encode(),
            ["Mon; 9–17", "Tue; 9–18"],
        ),
        (
            b"<p>It costs <del>10</del> <ins>8</ins> euros<s>, or 12</s> <strike>and 1</strike> a day.</p>",
            ["It costs 8 euros a day."],
        ),
        (
            b"<p>Codes<dl><dt>E11</dt><dd>Sensor fault.</dd><div><dt>E12:</dt><dt>E13</dt><dd><p>No <b>power</b>.</p><p>Or no fuse.</p></dd></div>"
            b"<dt>Reset<dd>By hand.</dd><dd hidden>No.</dd><dd>By itself.<dt>E14</dt><dt>E15</dl>After.",
            [
                "Codes",
                "E11: Sensor fault.",
                "E12, E13: No power.",
                "Or no fuse.",
                "Reset: By hand.",
                "Reset: By itself.",
                "E14",
                "E15",
                "After.",
            ],
        ),
        (  # answers, code, and what is no list of terms
            b"<dl><dt>Is it new?<dd>No.<dt>ls<dd><pre>a\nb</pre></dl><dl><p>One.</p><dt>Two</dl>",
            ["Is it new?", "No.", "ls", "a\nb", "One.", "Two"],
        ),
        (  # text beside terms and meanings
            b"<dl>Intro words<dt>A</dt> tail <dd>means b</dd> after</dl>",
            ["Intro words", "A", "tail", "means b", "after"],
        ),
        (b"<dl><div>So:<dt>A</dt><dd>b</dd></div></dl>", ["So:", "A", "b"]),
        (b"<dl><div><dt>A</dt>, <dd>b</dd></div></dl>", ["A", ",", "b"]),
        (b"<dl><div><dt>A</dt><dd>b</dd></div> after</dl>", ["A", "b", "after"]),
        (b"<dl><!-- c --> so <dt>A</dt><dd>b</dd></dl>", ["so", "A", "b"]),
        (b"<dl>\n<!-- c -->\n<div>\n<dt>A</dt>\n<dd>b</dd>\n</div>\n</dl>", ["A: b"]),
        (
            b"<table><tr><th colspan=3>Boats<tr><th><th colspan=2>Fee<tr><th>Who<th>Day<th>Week<tr><td>Ann<td>5<td>30</table>",
            ["Boats", "Who: Ann; Fee Day: 5; Fee Week: 30"],
        ),
        (
            b"<table><tr><th>Boats<tr><th colspan=2>Fee<tr><th>Day<th>Week<th>Who<tr><td>5<td>30<td>Ann</table>",
            ["Boats", "Fee Day: 5; Fee Week: 30; Who: Ann"],
        ),
        (b"<table><tr><td>Only <i>layout</i></table>tail", ["Only layout", "tail"]),
    ],
)
def test_html_by_example(data: bytes, found: list[str]) -> None:
    assert texts(read(data, "html")) == found


def test_epub_chapters_are_in_reading_order_and_a_missing_one_is_told() -> None:
    found = read(make_epub(), "epub")
    assert found.title == "A small book"
    assert found.parts == (Part("First", 1), Part("It began."), Part("Second", 1), Part("It ended well."))
    assert found.warnings == ("chapter OPS/text/gone.xhtml is damaged (OPS/text/gone.xhtml is missing)",)


def test_eml_is_who_wrote_what_to_whom() -> None:
    found = read(make_eml(), "eml")
    assert found.title == "The rent für May"
    assert found.parts == (
        Part("From: Board <board@example.org>; To: b@example.org; Date: 5 May 2023, 14:30", row=True),
        Part("Dear all,"),
        Part("the rent of £1,295 is due on the first of the month, and is to be paid to the account of the association."),
        Part("- one item"),
        Part("- another"),
        Part("> Where is a line as long as it may be before a program breaks it into two?"),
        Part("Best wishes"),
        Part("Board"),
        Part("Attachments: rent.pdf", row=True),
    )  # fmt: skip
    assert found.warnings == ("attachments are not read (rent.pdf); save them beside it",)


@pytest.mark.parametrize(
    ("data", "title", "found", "warnings"),
    [
        (
            b"Subject: =?utf-8?B?w6Q=?=\nDate: soon\nContent-Type: text/plain; charset=nonsense\n\nThe caf\xe9 serves soup.",
            "ä",
            ["Date: soon", "The café serves soup."],
            ["read as cp1252"],
        ),
        (
            b"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n!!!notbase64",
            "",
            ["!!!notbase64"],
            ["damaged or cut short (InvalidBase64LengthDefect)"],
        ),
        (b"Content-Type: text/plain; charset=utf-8\n\nA\0\xff.", "", ["A\ufffd."], ["is in an encoding that cannot be told"]),
        (
            b"Content-Type: multipart/mixed; boundary=q\n\n--q\nContent-Type: text/html\n\n<p>Hi <b>you</b>.</p>"
            b"\n--q\nContent-Type: image/png\nContent-ID: <1>\n\nx\n--q\nContent-Type: message/rfc822\n\nSubject: Inner\n\nNo.\n--q--",
            "",
            ["Hi you.", "Attachments: Inner"],
            ["attachments are not read (Inner); save them beside it"],
        ),
        (
            b"Content-Type: multipart/mixed\n\nNo parts.",
            "",
            ["No parts."],
            ["damaged or cut short (MultipartInvariantViolationDefect, NoBoundaryInMultipartDefect)"],
        ),
    ],
)  # fmt: skip
def test_broken_eml_is_read_as_far_as_it_goes(
    data: bytes, title: str, found: list[str], warnings: list[str]
) -> None:
    content = read(data, "eml")
    assert (content.title, texts(content), list(content.warnings)) == (title, found, warnings)


@given(st.binary(max_size=60), st.sampled_from(["From", "To", "Date", "Content-Type", "Subject"]))
def test_no_eml_is_too_broken_to_be_told_of(value: bytes, name: str) -> None:
    with contextlib.suppress(formats.Unreadable):
        read(name.encode() + b": " + value + b"\n\nText.", "eml")


def test_docx_keeps_an_exponent_apart_from_its_number() -> None:
    document = docx.Document()
    paragraph = document.add_paragraph("It is 10")
    paragraph.add_run("8").font.superscript = True
    paragraph.add_run(" m from CO")
    paragraph.add_run("2").font.subscript = True
    assert texts(read(saved(document), "docx")) == ["It is 10⁸ m from CO2"]


LIGATURES = "The o\ufb03ce of the \ufb01rm moved to a co\u00adoperative \ufb02at."
LETTERS = "The office of the firm moved to a cooperative flat."


def test_ligatures_become_letters_in_every_format() -> None:
    document = docx.Document()
    document.add_paragraph(LIGATURES)
    files = {
        "a.docx": saved(document),
        "a.html": f"<p>{LIGATURES}</p><pre>{LIGATURES}</pre>".encode(),
        "a.csv": f'"{LIGATURES}"\n'.encode(),
        "a.md": f"# {LIGATURES}\n\n{LIGATURES}\n".encode(),
        "a.txt": LIGATURES.encode(),
    }
    for name, data in files.items():
        found = document_of(name, data)
        assert {found.text[block.start : block.end] for block in found.blocks} == {LETTERS}
    line = json.dumps({"_id": "a", "text": LIGATURES}).encode()
    assert document_of("a.jsonl", line).text == LIGATURES  # judgements name its characters


@pytest.mark.parametrize(
    ("divided", "whole"),
    [
        ("the regis-\ntration of", "the registration of"),
        ("the regis-  \r\n  tration, of", "the registration, of"),
        ("the regis\u00ad\ntration of", "the registration of"),
        ("the regis-\n\ftration. Of", "the registration.\f Of"),
        ("the regis-\n\ntration of", "the regis-\n\ntration of"),
        ("the Franco-\nPrussian war", "the Franco-\nPrussian war"),
        ("in 1914-\nfive", "in 1914-\nfive"),
        ("a vote -\nthe last", "a vote -\nthe last"),
        ("a well-\nversed man", "a well-\nversed man"),
        ("the book-\nseller who is a seller", "the book-\nseller who is a seller"),
        ("a book-\nseller, a seller, no bookseller", "a bookseller, a seller, no bookseller"),
        ("a hand-\nmade, truly hand-made hat", "a hand-made, truly hand-made hat"),
    ],
)
def test_words_divided_at_line_ends_of_plain_text(divided: str, whole: str) -> None:
    assert document_of("a.txt", divided.encode()).text == whole
    assert document_of("a.md", divided.encode()).text == clean(divided)


def test_running_titles_of_plain_text_with_form_feeds_are_left_out() -> None:
    numbers = ("one", "two", "three", "four")
    says = [f"This is what page {number} has to say.\n\nAnd {number} says it well.\n" for number in numbers]
    pages = [f"Annals of testing, volume 3\n\n{said}\nPage {n}\n" for n, said in enumerate(says, 1)]
    document = document_of("a.txt", "\f".join(pages).encode())
    assert document.text == "\f".join(f"\n{said}\n" for said in says)
    assert document.page_at(document.text.index("three")) == 3
    two = "\f".join(pages[:2])
    assert document_of("a.txt", two.encode()).text == two  # too few to tell what repeats
    unpaged = "".join(pages)
    assert document_of("a.txt", unpaged.encode()).text == unpaged


# From a folder to documents -----------------------------------------------------------------


def document_of(name: str, data: bytes) -> Document:
    (item,) = _read_data(data, name)
    assert isinstance(item, Document)
    return item


ALL = {
    "a.pdf": make_pdf([column(20, ["Words of the first page."]), column(20, ["Words of the second."])]),
    "b.docx": make_docx(),
    "c.pptx": make_pptx(),
    "d.xlsx": make_xlsx(),
    "e.csv": b"Name,Year\nYalta,1945\n",
    "f.html": PAGE.encode(),
    "g.epub": make_epub(),
    "k.eml": make_eml(),
    "h.md": b"# Head\n\nA paragraph.\n",
    "i.txt": b"Plain words.",
    "j.jsonl": json.dumps({"_id": "line", "text": "A line."}).encode(),
}


def test_every_format_becomes_documents_whose_passages_are_slices(make_corpus: MakeCorpus) -> None:
    folder = make_corpus({**ALL, "all.zip": make_zip({k: v for k, v in ALL.items() if k != "j.jsonl"})})
    items = list(read_documents(folder, corpus_files(folder)))
    assert [item for item in items if isinstance(item, UnreadFile)] == []
    documents = [item for item in items if isinstance(item, Document)]
    names = [*ALL][:-1]
    assert {item.doc_id for item in documents} == {*names, *(f"all.zip/{name}" for name in names), "line"}
    for document in documents:
        passages, _ = split_document(document, HashEncoder().count_pieces)
        assert passages
        for passage in passages:
            assert passage.start == passage.sentences[0][0]
            assert passage.end == passage.sentences[-1][1]
            for start, end in passage.sentences:
                quote = document.text[start:end]
                assert quote == quote.strip() != ""
                assert any(block.start <= start < end <= block.end for block in document.blocks)
    archived = {item.doc_id: item.text for item in documents}
    assert all(archived[name] == archived[f"all.zip/{name}"] for name in names)


@given(
    st.lists(
        st.builds(
            Part,
            st.text(min_size=1).map(tidy).filter(bool),
            st.integers(0, 2),
            st.integers(1, 9),
            st.booleans(),
        )
    )
)
def test_blocks_are_the_prose_of_a_file_on_its_pages(parts: list[Part]) -> None:
    parts.sort(key=lambda part: part.page)
    text, blocks = _lay_out(formats.Content(tuple(parts), pages=9))
    document = Document("a", "", text, "a", ())
    assert [(text[block.start : block.end], document.page_at(block.start)) for block in blocks] == [
        (part.text, part.page) for part in parts if not part.level
    ]
    assert text.count("\f") == 9


def test_a_short_row_is_one_sentence_whatever_stops_are_in_it() -> None:
    document = document_of(
        "r.csv", b"q,a\nWho came? All?,He did. She did.\n" + b"x,%s\n" % (b"Long words. " * 40)
    )
    passages, _ = split_document(document, HashEncoder().count_pieces)
    sentences = [document.text[start:end] for passage in passages for start, end in passage.sentences]
    assert sentences[0] == "q: Who came? All?; a: He did. She did."
    assert sentences[1] == "q: x; a: Long words."


def test_sections_of_a_docx_are_its_headings() -> None:
    document = document_of("b.docx", ALL["b.docx"])
    assert [block.section for block in document.blocks] == ["Conferences"] + [
        "Conferences › Earlier ones"
    ] * 3
    assert document.title == "On the conferences"


def test_answers_of_a_page_stand_below_their_questions() -> None:
    page = b"<h1>FAQ</h1><p><b>How long is it?</b></p><p>Two metres.</p><p><b>Is it new?</b></p><p>A: No.</p>"
    document = document_of("faq.html", page)
    assert [(document.text[block.start : block.end], block.section) for block in document.blocks] == [
        ("Two metres.", "FAQ › How long is it?"),
        ("No.", "FAQ › Is it new?"),
    ]
    broken = b"<p><b>How long is it?</b><br>Two<br>metres.</p><p><b>Is it so new? </b><br>No.</p>"
    document = document_of("faq.html", broken)
    assert [(document.text[block.start : block.end], block.section) for block in document.blocks] == [
        ("Two metres.", "How long is it?"),
        ("No.", "Is it so new?"),
    ]
    rows = document_of("faq.csv", b"Asked,Said\nIs it very blue?,It is.\nIs it very red?,No.\n")
    assert len(rows.blocks) == 2


def test_page_at_counts_slides_and_is_none_without_pages() -> None:
    show = document_of("c.pptx", ALL["c.pptx"])
    assert show.text.count("\f") == 3
    assert show.page_at(show.text.index("march")) == 1
    assert show.page_at(show.text.index("Thank")) == 3
    assert document_of("b.docx", ALL["b.docx"]).page_at(0) is None
    with pytest.raises(ValueError, match="no character 999"):
        document_of("i.txt", ALL["i.txt"]).page_at(999)


def test_pages_of_a_document_are_counted() -> None:
    assert document_of("a.pdf", ALL["a.pdf"]).pages == 2
    assert document_of("a.txt", b"One.\n\fTwo.\n\fThree.\n").pages == 3
    assert document_of("i.txt", ALL["i.txt"]).pages == 0


def test_pages_survive_the_index(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    encoder = HashEncoder()
    build_index(make_corpus({"a.pdf": ALL["a.pdf"]}), tmp_path / "index", encoder)
    index = PassageIndex.open(tmp_path / "index", encoder)
    document = index.document("a.pdf")
    assert document.page_at(document.text.index("second")) == 2


# Refusals -----------------------------------------------------------------------------------

LOCKED = make_pdf([column(20, ["secret"])], owner_password="owner", user_password="user")
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        *((f"empty.{kind}", b"", "is empty") for kind in ("pdf", "docx", "xlsx", "zip", "html", "csv", "txt")),
        ("half.pdf", ALL["a.pdf"][: len(ALL["a.pdf"]) // 2], "is damaged or cut short"),
        ("junk.pdf", b"%PDF-1.7\nnothing more", "is damaged"),
        ("scan.pdf", make_pdf([[], []]), "is without a text layer on any of its 2 pages"),
        ("locked.pdf", LOCKED, "is locked with a password; save it without one"),
        ("text.pdf", b"hello", "ends in .pdf but is no PDF"),
        ("a.txt", ALL["a.pdf"], "is a PDF; give it the ending .pdf"),
        ("a", make_xlsx(), "is an XLSX; give it the ending .xlsx"),
        ("a.docx", make_xlsx(), "ends in .docx but is an XLSX; give it the ending .xlsx"),
        ("a.docx", b"plain", "ends in .docx but is no DOCX"),
        ("a.md", make_zip({"x": "y"}), "is a ZIP archive; give it the ending .zip"),
        ("old.doc", OLE, "is a file of Word before 2007; open it in Word or LibreOffice and save it as .docx"),
        ("OLD.XLS", OLE, "is a file of Excel before 2007; open it in Excel or LibreOffice and save it as .xlsx"),
        ("old.ppt", OLE, "is a file of PowerPoint before 2007; open it in PowerPoint or LibreOffice and save it as .pptx"),
        ("locked.xlsx", OLE, "is locked with a password, or a file of Office before 2007; save it as .docx, .xlsx or .pptx without one"),
        ("mail.msg", OLE, "is a message of Outlook; save it as .eml"),
        ("a.json", b'[{"text": "Words."}]', 'is JSON; write its texts as {"_id", "title", "text"}, one object a line, into a file .jsonl'),
        ("b.JSON", b"%PDF-1.7", "is a PDF; give it the ending .pdf"),
        ("a.rtf", b"{\\rtf1 x}", "is RTF; save it as DOCX"),
        ("a.odt", make_zip({"mimetype": "x", "content.xml": "<x/>"}), "is an OpenDocument file"),
        ("half.docx", ALL["b.docx"][:5000], "is damaged or cut short"),
        ("half.zip", make_zip(dict(ALL))[:-40], "is damaged or cut short"),
        ("bad.docx", make_zip({"word/document.xml": "<x"}), "is damaged"),
        ("bad.pptx", make_zip({"ppt/presentation.xml": "<x"}), "is damaged"),
        ("bad.xlsx", make_zip({"xl/workbook.xml": "<x"}), "is damaged"),
        ("bad.epub", make_zip({"META-INF/container.xml": "<x"}), "is damaged"),
        ("drm.epub", make_epub(**{"META-INF/encryption.xml": '<e><EncryptionMethod Algorithm="aes"/></e>'}), "is protected"),
        ("none.zip", make_zip({}), "holds no files"),
        ("heads.html", b"<h1>Only</h1>", "holds headings but no text"),
        ("none.html", b"<p></p>", "holds no text"),
        ("binary.csv", b"a,b\0c", "is binary, not text"),
        ("binary.html", b"<p>\0</p>", "is binary, not text"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_its_reason(
    make_corpus: MakeCorpus, name: str, data: bytes, reason: str
) -> None:
    folder = make_corpus({name: data, "z.txt": "The others are read."})
    refused, other = read_documents(folder, corpus_files(folder))
    assert isinstance(refused, UnreadFile)
    assert refused.path == name
    assert refused.reason.startswith(reason)
    assert isinstance(other, Document)


def test_a_gigantic_file_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "big.txt").open("wb") as file:
        file.truncate(content.MAX_FILE_BYTES + 1)  # sparse: takes no room
    assert list(read_documents(tmp_path, corpus_files(tmp_path))) == [
        UnreadFile("big.txt", "has 256 MB, more than 256; divide it")
    ]


def make_pdf_bomb(**locks: Any) -> bytes:
    """A page of text, and one of a few kilobytes that unpack to 36 MB."""
    sheet = FPDF()
    for text, drawn in (("Words on a page.", ""), ("Lost words.", "0 0 m " * (6 << 20))):
        sheet.add_page()
        sheet.set_font("times", size=11)
        sheet.text(20, 40, text)
        sheet._out(drawn)
    if locks:
        sheet.set_encryption(**locks)
    return bytes(sheet.output())


@pytest.mark.parametrize("locks", [{}, {"owner_password": "owner"}], ids=["open", "encrypted"])
def test_what_unpacks_to_too_much_in_a_pdf_is_left_out_with_a_warning(locks: dict[str, str]) -> None:
    found = read(make_pdf_bomb(**locks), "pdf")
    assert texts(found) == ["Words on a page."]
    assert found.warnings == ("1 of its streams left out, for unpacking to more than 32 MB",)


def test_a_pdf_of_nothing_but_a_bomb_is_refused() -> None:
    bomb = make_pdf_bomb().replace(b"[3 0 R\n5 0 R", b"[null \n5 0 R")
    with pytest.raises(formats.Unreadable, match="holds no text but what unpacks to more than 32 MB; divide"):
        read(bomb, "pdf")


@pytest.mark.parametrize(
    ("dictionary", "times", "bombs"), [("", 1, 1), ("", 3, 1), ("/Subtype /Image", 1, 0)]
)
def test_a_bomb_is_known_however_often_it_is_packed_and_a_large_image_is_none(
    monkeypatch: pytest.MonkeyPatch, dictionary: str, times: int, bombs: int
) -> None:
    monkeypatch.setattr(pdf, "MAX_STREAM_BYTES", 1 << 20)
    data = bytes(2 << 20)
    for _ in range(times):
        data = zlib.compress(data)
    data = b"1 0 obj\n<<%s>>\nstream\r\n%s\nendstream\nendobj\n" % (dictionary.encode(), data)
    blanked, count = pdf._blank_bombs(data)
    assert count == bombs
    assert (blanked != data) is bool(bombs)
    assert pdf._blank_bombs(blanked) == (blanked, 0)


def raw_pdf(*objects: bytes) -> bytes:
    """Two pages: one of words, and the first of `objects`, which are numbered from 3."""
    numbered = {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        2: b"<</Type/Pages/Kids[98 0 R 3 0 R]/Count 2/MediaBox[0 0 600 800]/Resources<</XObject<<"
        + b"".join(b"/Fm%d %d 0 R" % (number, number) for number in range(5, 3 + len(objects)))
        + b">>/Font<</F1 97 0 R>>>>>>",
        **dict(enumerate(objects, 3)),
        97: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        98: b"<</Type/Page/Parent 2 0 R/Contents 99 0 R>>",
        99: raw_stream(b"BT /F1 12 Tf 50 700 Td (Words on a page.) Tj ET"),
    }
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % item for item in numbered.items())
    return b"%PDF-1.7\n" + body + b"trailer\n<</Root 1 0 R>>\n%%EOF"  # PDFium finds the objects itself


def raw_stream(data: bytes, entries: bytes = b"") -> bytes:
    """Packed, unless the entries name a filter."""
    if b"/Filter" not in entries:
        data, entries = zlib.compress(data), entries + b"/Filter/FlateDecode"
    return b"<<%b/Length %d>>\nstream\n%b\nendstream" % (entries, len(data), data)


def raw_page(contents: bytes, resources: bytes = b"") -> bytes:
    return b"<</Type/Page/Parent 2 0 R/Contents %b%b>>" % (contents, resources)


def nested_forms(first: int, levels: int = 6, drawing: bytes = b"/%b Do ", own: bool = False) -> list[bytes]:
    """Each draws the next ten times, which it finds among its own resources or those of the page."""
    forms = []
    for number in range(first, first + levels + 1):
        found = b"/Resources<</XObject<</Fm%d %d 0 R>>>>" % (number + 1, number + 1) if own else b""
        drawn = drawing % (b"Fm%d" % (number + 1)) * 10 if number < first + levels else b""
        forms.append(raw_stream(drawn, b"/Subtype/Form/BBox[0 0 9 9]" + found))
    return forms


GLYPH = b"""/Resources<</XObject<</Fm6 6 0 R>>/Font<</F2<</Type/Font/Subtype/Type3/FontBBox[0 0 9 9]/FontMatrix[1 0 0 1 0 0]/FirstChar 97
/LastChar 97/Widths[9]/Encoding<</Differences[97/a]>>/CharProcs<</a 5 0 R>>>>>>>>"""
PAGE_BOMBS = {
    "listed": [raw_page(b"[" + b"4 0 R " * 99 + b"]"), raw_stream(b"0 0 m " * 99_999)],
    "listed-in-letters": [
        raw_page(b"[" + b"4 0 R " * 99 + b"]"),
        raw_stream(
            base64.a85encode(zlib.compress(b"0 0 m " * 99_999)) + b"~>",
            b"/Filter[/ASCII85Decode/FlateDecode]",
        ),
    ],
    "forms": [raw_page(b"4 0 R"), raw_stream(b"/Fm5 Do"), *nested_forms(5)],
    "forms-of-their-own": [raw_page(b"4 0 R"), raw_stream(b"/Fm5 Do"), *nested_forms(5, own=True)],
    "forms-called-oddly": [
        raw_page(b"4 0 R"), raw_stream(b"/#46m5 Do"), *nested_forms(5, drawing=b"(%b) %% a comment\nDo "),
    ],
    "forms-over-two-streams": [
        raw_page(b"[4 0 R 5 0 R]"), raw_stream(b"/Fm6"), raw_stream(b"Do"), *nested_forms(6),
    ],
    "glyph": [
        raw_page(b"4 0 R", GLYPH),
        raw_stream(b"BT /F2 12 Tf 50 700 Td (a) Tj ET"),
        raw_stream(b"9 0 0 0 9 9 d1 /Fm6 Do"),
        *nested_forms(6, own=True),
    ],
    "form-in-itself": [raw_page(b"4 0 R"), raw_stream(b"/Fm5 Do"), raw_stream(b"/Fm5 Do", b"/Subtype/Form")],
}  # fmt: skip


@pytest.mark.parametrize("name", PAGE_BOMBS)
def test_a_page_that_unpacks_to_too_much_is_left_out_with_a_warning(name: str) -> None:
    found = read(raw_pdf(*PAGE_BOMBS[name]), "pdf")
    assert texts(found) == ["Words on a page."]
    assert found.warnings == ("1 of its pages left out, for unpacking to more than 32 MB",)


def test_what_an_honest_page_unpacks_to_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    # three forms of ten empty ones each, 64 for drawing one: 24 + 3 * (64 + 80 + 10 * 64) = 2,376
    drawn = raw_pdf(raw_page(b"4 0 R"), raw_stream(b"/Fm5 Do " * 3), *nested_forms(5, levels=1))
    left_out = "1 of its pages left out, for unpacking to more than 32 MB"
    for limit, warned in ((2_376, False), (2_375, True)):
        monkeypatch.setattr(pdf_pages, "MAX_STREAM_BYTES", limit)
        assert (left_out in read(drawn, "pdf").warnings) is warned
    monkeypatch.undo()
    monkeypatch.setattr(pdf_pages, "MAX_UNPACKED_BYTES", 2_400)  # too little for the 47 of the words as well
    with pytest.raises(formats.Unreadable, match="holds no text but what unpacks to"):
        read(drawn, "pdf")


@given(st.binary(max_size=5_000))
def test_what_was_packed_is_unpacked(data: bytes) -> None:
    assert pdf_pages._inflated(zlib.compress(data)) == data
    assert pdf_pages._base85(base64.a85encode(data) + b"~>") == data
    assert pdf_pages._digits(data.hex().encode() + b">") == data


def test_lzw_by_the_example_of_the_standard() -> None:
    # ISO 32000-1, 7.4.4.2: 45 45 45 45 45 65 45 45 45 66
    assert pdf_pages._lzw(bytes.fromhex("800B6050220C0C8501")) == b"-----A---B"


@pytest.mark.parametrize("name", ["bomb.zip", "bomb.docx", "bomb.pptx", "bomb.xlsx", "bomb.epub"])
def test_a_zip_bomb_is_refused_before_it_is_unpacked(
    make_corpus: MakeCorpus, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    inside = {
        "docx": "word/document.xml",
        "pptx": "ppt/presentation.xml",
        "xlsx": "xl/workbook.xml",
        "epub": "META-INF/container.xml",
    }
    bomb = make_zip({inside.get(name[5:], "a.txt"): bytes(32 << 20)})
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: pytest.fail("unpacked"))
    folder = make_corpus({name: bomb})
    (refused,) = read_documents(folder, corpus_files(folder))
    assert isinstance(refused, UnreadFile)
    assert re.fullmatch(r"unpacks to [\d,]+ times its size, as a zip bomb does", refused.reason)


def test_limits_of_an_archive(monkeypatch: pytest.MonkeyPatch) -> None:
    data = make_zip({"a.txt": "aa", "b.txt": "bb"})
    assert [name for name, _ in archive.members(data)] == ["a.txt", "b.txt"]
    monkeypatch.setattr(archive, "MAX_MEMBERS", 1)
    with pytest.raises(formats.Unreadable, match="holds 2 files, more than 1"):
        list(archive.members(data))
    monkeypatch.setattr(archive, "MAX_MEMBERS", 9)
    monkeypatch.setattr(archive, "MAX_UNPACKED_BYTES", 3)
    with pytest.raises(formats.Unreadable, match="unpacks to 0 MB, more than 0"):
        list(archive.members(data))


def test_an_encrypted_archive_is_refused_with_its_remedy(make_corpus: MakeCorpus) -> None:
    data = bytearray(make_zip({"a.txt": "Words."}))
    for header, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(header) + flags] |= 1
    folder = make_corpus({"a.zip": bytes(data)})
    assert list(read_documents(folder, corpus_files(folder))) == [
        UnreadFile("a.zip/a.txt", "is encrypted; unpack it with its password")
    ]


def test_the_readme_names_the_limits() -> None:
    readme = " ".join((ROOT / "README.md").read_text("utf-8").split())
    limits = Limits()
    for told in (
        f"A file may have {content.MAX_FILE_BYTES >> 20} MB",
        f"slide show {content.MAX_PAGES:,} pages",
        f"a table {content.MAX_ROWS:,} rows",
        f"an HTML file {content.MAX_MARKUP_BYTES >> 20} MB",
        f"an archive {content.MAX_MEMBERS:,} files that unpack to {content.MAX_UNPACKED_BYTES >> 20} MB",
        f"{content.MAX_RATIO} times its size (from {content.RATIO_FREE_BYTES >> 20} MB on)",
        f"more than {content.MAX_STREAM_BYTES >> 20} MB in one place of a PDF",
        f"until the folder has {limits.files:,} or {limits.total_bytes >> 30} GB",
        f"for {KEPT_DAYS} days",
    ):
        assert told in readme
    assert limits.file_bytes == content.MAX_FILE_BYTES


def test_limits_of_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "MAX_MARKUP_BYTES", 100)
    monkeypatch.setattr(archive, "MAX_MARKUP_BYTES", 100)
    with pytest.raises(formats.Unreadable, match="has 0 MB of HTML, more than 0; divide it"):
        read(PAGE.encode(), "html")
    with pytest.raises(formats.Unreadable, match=r"holds .*xml of 0 MB, more than 0; divide it"):
        read(ALL["b.docx"], "docx")


def test_a_missing_package_is_told_and_not_taken_for_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    with pytest.raises(formats.Unreadable, match="needs the package pypdfium2; run scripts/chat"):
        read(ALL["a.pdf"], "pdf")


def test_limits_of_pages_and_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "MAX_PAGES", 1)
    with pytest.raises(formats.Unreadable, match="has 2 pages, more than 1; divide it"):
        read(ALL["a.pdf"], "pdf")
    monkeypatch.setattr(table, "MAX_ROWS", 2)
    with pytest.raises(formats.Unreadable, match="has more than 2 rows; divide it"):
        read(b"a,b\n1,2\n3,4\n", "csv")


def test_an_archive_names_its_files_safely_and_leaves_nothing_out_silently(make_corpus: MakeCorpus) -> None:
    members = [
        ("../../up.txt", "Up."),
        ("in/b.txt", "B."),
        ("in/b.txt", "Again."),
        ("in/empty.md", ""),
        ("inner.zip", make_zip({"c.txt": "C."})),
        ("__MACOSX/x.txt", "no"),
        (".hidden", "no"),
    ]
    with pytest.warns(UserWarning, match="Duplicate name"):
        data = make_zip(members)
    folder = make_corpus({"a.zip": data})
    items = list(read_documents(folder, corpus_files(folder)))
    assert {item.doc_id for item in items if isinstance(item, Document)} == {"a.zip/up.txt", "a.zip/in/b.txt"}
    assert {item.path: item.reason for item in items if isinstance(item, UnreadFile)} == {
        "a.zip/in/b.txt": "is in the archive twice; only one of them is read",
        "a.zip/in/empty.md": "is empty",
        "a.zip/inner.zip": "is an archive inside an archive; unpack it",
    }
    assert left_out_files(folder) == {"a.zip/.hidden": "hidden", "a.zip/__MACOSX/x.txt": "hidden"}


def test_of_an_archive_that_is_not_read_nothing_is_left_out_on_purpose(
    make_corpus: MakeCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = make_zip({".hidden": "no", "b.txt": "B."})
    folder = make_corpus({"cut.zip": hidden[:-30], "no.zip": "no", "whole.zip": hidden})
    assert left_out_files(folder) == {"whole.zip/.hidden": "hidden"}
    monkeypatch.setattr(archive, "MAX_MEMBERS", 1)
    assert left_out_files(folder) == {}


def test_what_a_browser_saved_beside_a_page_is_passed_over(make_corpus: MakeCorpus) -> None:
    folder = make_corpus({"a.html": PAGE, "a_files/x.js": "var x;", "b_files/y.txt": "Y."})
    assert [path.name for path in corpus_files(folder)] == ["a.html", "y.txt"]


@pytest.mark.parametrize(
    "line",
    [
        r'{"_id": "a", "text": "half \ud83d a smile"}',
        r'{"_id": "a", "text": "A.", "url": "https://example.org/\ud83d"}',
    ],
)
def test_half_a_character_in_a_line_of_json_is_told(make_corpus: MakeCorpus, line: str) -> None:
    folder = make_corpus({"c.jsonl": line})
    with pytest.raises(CorpusError, match=r"c\.jsonl:1: holds half of a character"):
        list(read_documents(folder, corpus_files(folder)))


def test_pipes_and_locks_of_office_are_passed_over(make_corpus: MakeCorpus) -> None:
    folder = make_corpus({"a.txt": "A.", "~$a.docx": b"\x05user"})
    os.mkfifo(folder / "pipe.txt")
    assert [path.name for path in corpus_files(folder)] == ["a.txt"]


@given(st.sampled_from([*ALL][:7]), st.booleans(), st.data())
def test_damaged_bytes_are_read_or_refused_but_never_fatal(
    name: str, inside: bool, data: st.DataObject
) -> None:
    broken = ALL[name]
    if inside and zipfile.is_zipfile(io.BytesIO(broken)):
        with zipfile.ZipFile(io.BytesIO(broken)) as file:
            members = {member: file.read(member) for member in file.namelist()}
        member = data.draw(st.sampled_from(sorted(members)))
        broken = make_zip({**members, member: damaged(members[member], data)})
    else:
        broken = damaged(broken, data)
    with contextlib.suppress(formats.Unreadable):
        read(broken, kind_of(broken, name))


def damaged(whole: bytes, data: st.DataObject) -> bytes:
    """With a few bytes changed, or cut off at a place."""
    if data.draw(st.booleans()):
        return whole[: data.draw(st.integers(0, len(whole)))]
    broken = bytearray(whole)
    for place in data.draw(st.lists(st.integers(0, len(broken) - 1), max_size=8)):
        broken[place] ^= data.draw(st.integers(1, 255))
    return bytes(broken)


# Text and report ----------------------------------------------------------------------------


@given(st.text(st.characters(categories=["L", "Z", "C"])))
def test_tidy_text_can_be_stored_and_stays_tidy(text: str) -> None:
    tidied = tidy(text)
    tidied.encode()
    assert tidy(tidied) == tidied
    assert "\n" not in tidied
    assert "\f" not in tidied


def test_tidy_by_hand() -> None:
    assert tidy("o\ufb03ce \ufb00 \ufb01 \ufb02 \ufb04 \ufb05 \ufb06") == "office ff fi fl ffl st st"
    assert tidy("\ufeff co\u00adoperate\x00\n\tnow\u00a0\ud83d. ") == "cooperate now ."


def test_page_list_by_hand() -> None:
    assert page_list([]) == ""
    assert page_list([3, 5, 6, 7, 9, 10]) == "3, 5–7, 9–10"


def documents_of(**named: str) -> list[Document]:
    return [Document(name, name, text, name, ()) for name, text in named.items()]


def test_the_report_is_one_line_when_all_is_well() -> None:
    documents = documents_of(a="One text of its own.", b="Another that shares nothing with it.")
    report = reading_report(documents, {"a": 2, "b": 5})
    assert str(report) == "2 documents read, 0 files not read; passages a document: 2 to 5, median 3.5"


def test_the_report_names_what_was_lost_or_repeated() -> None:
    words = [f"word{number}" for number in range(400)]
    copied = " ".join(words)
    changed = " ".join([*words[:399], "other"])
    half = " ".join(words[:200] + [f"new{number}" for number in range(200)])
    documents = documents_of(
        a=copied,
        b=changed,
        c=half,
        d="caf\ufffd and caf\ufffd",
        e="na\u00c3\u00afve, caf\u00c3\u00a9",
        f="São Tomé Â",
    )
    textless = "s.pdf: 1 of 2 pages without a text layer (page 2)"
    report = reading_report(
        documents,
        dict.fromkeys("abcde", 1),
        [UnreadFile("x.pdf", "is empty")],
        [textless, "e: read as cp1252"],
    )
    assert report.near_duplicates == (("b", "a"),)
    assert report.damaged == (("d", 2), ("e", 2))
    assert report.textless == (textless,)
    assert report.warned == ("e: read as cp1252",)
    assert report.no_passages == ("f",)
    assert [(one.path, one.outcome, one.why, one.passages) for one in report.outcomes if one.why] == [
        ("b", "read", "repeats a", 1),
        ("d", "read", "encoding damage in 2 places", 1),
        ("e", "read", "read as cp1252; encoding damage in 2 places", 1),
        ("x.pdf", "not read", "is empty", 0),
    ]
    assert str(report).splitlines() == [
        "6 documents read, 1 file not read; passages a document: 0 to 1, median 1",
        "not read: x.pdf is empty",
        f"pages without text: {textless}",
        "read with a warning: e: read as cp1252",
        "near-duplicate: b repeats a",
        "encoding damage: d: 2 places",
        "encoding damage: e: 2 places",
        "no passage: f",
    ]


def test_rebuild_prints_the_report(
    make_corpus: MakeCorpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    script = import_module("rebuild_index")
    monkeypatch.setattr(script, "load_encoder", lambda _: HashEncoder())
    scan = make_pdf([column(20, ["Words of the first page."]), []])
    corpus = make_corpus(
        {
            "a.pdf": scan,
            "b.html": PAGE,
            "c.html": PAGE,
            "d.docx": b"no",
            "e.epub": make_epub(),
            "f.xlsx": make_xlsx(),
            "g.txt": "Das Café schließt früh, und die Tür bleibt über Nacht offen.".encode("cp1252"),
        }
    )
    places = ["--corpus", str(corpus), "--index", str(tmp_path / "index")]
    for _ in range(2):  # built, and found unchanged
        assert script.main(places) == 0
        told, warned = capsys.readouterr()
        assert told.splitlines()[1:] == [
            "6 documents read, 1 file not read; passages a document: 1 to 2, median 1.5",
            "not read: d.docx ends in .docx but is no DOCX, or its beginning is damaged",
            "pages without text: a.pdf: 1 of 2 pages without a text layer (page 2)",
            "read with a warning: e.epub: chapter OPS/text/gone.xhtml is damaged (OPS/text/gone.xhtml is missing)",
            "read with a warning: f.xlsx: hidden sheet 'Secret' left out",
            "read with a warning: g.txt: read as cp1252; save it as UTF-8 if that is wrong",
            "near-duplicate: c.html repeats b.html",
        ]
        assert "warning" not in warned


def test_rebuild_writes_what_became_of_every_file(
    make_corpus: MakeCorpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    script = import_module("rebuild_index")
    monkeypatch.setattr(script, "load_encoder", lambda _: HashEncoder())
    files: dict[str, str | bytes] = {
        "README.md": "About.",
        "qrels/test.tsv": "",
        ".hidden/a.md": "H.",
        "~$b.docx": "user",
        "page.html": PAGE,
        "page_files/x.js": "var x;",
        "copy.html": PAGE,
        "é.epub": make_epub(),
        "sub/README.md": "Words: of a text.",
        "lines.jsonl": json.dumps({"_id": "line", "text": "A line. Another."}),
        "mac.zip": make_zip({"a.txt": "A.", "__MACOSX/._a.txt": "no", "sub/~$c.docx": "user"}),
    }
    files |= {f"{number:02}.docx": b"no" for number in range(12)}
    corpus, written = make_corpus(files), tmp_path / "report.jsonl"
    places = ["--corpus", str(corpus), "--index", str(corpus / "index"), "--report"]
    assert script.main([*places, str(written)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert "not read: and 2 more" in told
    assert (
        told[-1]
        == "left out on purpose: hidden (2), about the corpus (2), lock of Office (2), part of a saved web page (1)"
    )
    outcomes = {line.pop("path"): line for line in map(json.loads, written.read_text("utf-8").splitlines())}
    assert len(outcomes) == 6 + 12 + 7
    no_docx = "ends in .docx but is no DOCX, or its beginning is damaged"
    assert [outcomes[f"{number:02}.docx"] for number in range(12)] == [
        {"outcome": "not read", "why": no_docx, "passages": 0}
    ] * 12
    missing = "chapter OPS/text/gone.xhtml is damaged (OPS/text/gone.xhtml is missing)"
    assert outcomes["é.epub"] == {"outcome": "read", "why": missing, "passages": 2}
    assert outcomes["page.html"] == {"outcome": "read", "why": "repeats copy.html", "passages": 2}
    assert outcomes["line"] == {"outcome": "read", "why": "", "passages": 1}
    assert outcomes["mac.zip/__MACOSX/._a.txt"] == {"outcome": "left out", "why": "hidden", "passages": 0}
    assert outcomes["~$b.docx"] == {"outcome": "left out", "why": "lock of Office", "passages": 0}
    assert script.main([*places, str(tmp_path / "none" / "x")]) == 2
    assert "cannot be written (No such file or directory)" in capsys.readouterr().err


def test_a_long_list_of_findings_is_cut_short() -> None:
    unread = [UnreadFile(f"{number}.pdf", "is empty") for number in range(25)]
    told = str(reading_report([], {}, unread)).splitlines()
    assert len(told) == 12
    assert told[-1] == "not read: and 15 more"
