"""Twenty files as a small organisation keeps them, invented: a tool library in a place that does not exist.

python tests/mixed_files.py FOLDER writes them, to try the program on.

Two things are told differently on purpose: what a year's membership costs (HANDBOOK and the prices on WEB
PAGE) and the day of the annual meeting (NEWSLETTER and the letter to the members).
"""

from __future__ import annotations

import datetime
import itertools
import json
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import docx
import openpyxl
import pptx
from test_formats import OLE, column, make_epub, make_pdf, make_xlsx, make_zip, saved

Line = tuple[float, float, float, str]

HANDBOOK = [
    (
        "Joining",
        """The Larkfield Tool Library lends tools to the people of Larkfield and the villages around it. Anyone
        who is eighteen or older can join. Bring a letter that shows your address and some form of identification
        to the desk on any Saturday. The annual membership fee is £36. It is halved for students and for those who
        receive a pension.
        Your membership card is sent by post within ten days. Until it arrives you may borrow hand tools but no
        machines with a motor.""",
    ),
    (
        "Borrowing",
        """You may have five tools at a time. A loan lasts seven days and can be extended twice, unless another
        member has reserved the tool. Tools that run on petrol are lent only to members who have taken the
        introductory course, because an unsuitable fuel mixture has already destroyed two of our chainsaws.
        Whoever returns a tool late pays 50 pence for each day and each tool. The charge stops at the price that
        a replacement would cost.""",
    ),
    (
        "Repairs and damage",
        """Please tell us when something is broken. Nobody has to pay for ordinary wear. When a tool is lost or
        was used for something it was plainly not made for, the board decides what the member contributes to
        its replacement, up to a limit of £120.
        Broken tools go on the red shelf behind the desk. Our repair group meets there every second Thursday
        at half past six in the evening, and newcomers are welcome.""",
    ),
    (
        "The workshop",
        """The workshop has four benches. Members may book a bench for three hours at most. Children under
        twelve are not allowed in the workshop while machines are running. The dust extractor must be switched on
        before the bandsaw is used, since fine oak dust irritates the respiratory passages.
        The key to the workshop hangs in the steel cabinet. The code of the cabinet is changed on the first day
        of each quarter and is given out at the desk only.""",
    ),
]  # fmt: skip
NEWSLETTER = (
    """The annual meeting will be held on 14 May 2026 in the parish hall. Doors open at seven. Anyone who wants
    to stand for the board should tell the secretary beforehand. There will be soup. Last winter the library lent
    1,940 tools, more than in any winter before. The most wanted one was the carpet cleaner, followed by the long
    ladder and the pressure washer.""",
    """A thank you to the bakery on Mill Street, which gave us its old van in February. It has been painted
    green and will bring tools to the outlying villages every Wednesday morning. The driver is still to be found.
    In the garden behind the workshop a pair of redstarts has built its nest in the old letter box, so please do
    not post anything there until July.""",
)
QUESTIONS = [
    ("parking", "Where can I park?",
     "There are six places behind the building, reached from Cooper's Lane. Please leave the one next to the ramp free for wheelchair users."),
    ("deposit", "Do I have to leave a deposit?",
     "Hand tools need no deposit. For machines with a motor we keep a deposit of £40, which is given back when the machine is returned clean."),
    ("reserve", "Can I reserve a tool?",
     "Yes, by telephone or at the desk, up to four weeks ahead. A reservation that is not collected by noon lapses."),
]  # fmt: skip
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Visit us – Larkfield Tool Library</title></head><body>
<header class="masthead"><p>Larkfield Tool Library</p></header>
<nav><ul><li><a href="/">Home</a></li><li><a href="/tools">Tools</a></li><li><a href="/visit">Visit us</a></li></ul></nav>
<div id="cookie-consent">We use cookies to make your visit better. <button>Accept all</button></div>
<main><h1>Visit us</h1><p>You find us in the old fire station in Cooper’s Lane, two minutes on foot from the bus stop
Market Cross. The entrance is at the back, beside the hose tower.</p>
<h2>Opening hours</h2><table><tr><th>Day</th><th>Opens</th><th>Closes</th></tr><tr><td>Tuesday</td><td>16:00</td><td>19:00</td></tr>
<tr><td>Thursday</td><td>17:00</td><td>20:30</td></tr><tr><td>Saturday</td><td>9:30</td><td>13:00</td></tr></table>
<p>We are closed during the last two weeks of August.</p>
<h2>Become a member</h2><p>The annual membership fee is £42. Payment is possible in cash or by card.</p></main>
<aside class="related"><h3>Read on</h3><a href="/a">Ten uses of a spokeshave</a> <a href="/b">Sharpening at home</a> <a href="/c">Our van</a></aside>
<footer><p>© Larkfield Tool Library. All rights reserved. Imprint, privacy.</p></footer></body></html>"""
LETTER = """Larkfield Tool Library
Cooper’s Lane

To all members

Dear members,

The annual meeting will be held on 21 May 2026 in the parish hall. We shall vote on the new rules of lending
and elect a treasurer, as Mrs Ferncombe is retiring after eleven years.

Our café corner needs new chairs. If you can spare one, please leave it beside the stairs – any colour will do.
The heating failed in January because the pump of the boiler had seized. It was replaced for £615.

With kind regards,
the board
"""
FIRST_AID = """---
title: First aid and emergencies
---

# In an emergency

Press the red button beside each door: it cuts the power of all machines. The first-aid box is on the wall to
the left of the sink, and it is checked on the first Monday of each month.

## Burns

Cool a burn under running water for twenty minutes. Do not use ice or butter.

## Something in the eye

Do not rub. Rinse the eye with the bottle from the first-aid box, and have it looked at in a hospital when a
metal splinter may be in it.

| Whom to call | Number |
|---|---|
| Ambulance and fire brigade | 112 |
| Caretaker of the building | 0555 0137 |
"""
PRICES = """Tool,Price a day,Deposit,Course needed
Carpet cleaner,£6.50,£40,no
Chainsaw,£9.00,£80,yes
Extension ladder,£3.00,none,no
Floor sander,£14.00,£60,yes
Pressure washer,£7.50,£40,no
Wallpaper steamer,£4.00,£20,no
"""
VOLUNTEERS = """Name;Duty;Day;Since
Agnes Tillotson;Desk;Saturday;2016
Bram Oudekerk;Repair group;Thursday;2019
Celia Marchbanks;Sharpening;Tuesday;2021
Désirée Pommier;Accounts;Thursday;2023
"""
MARCH = """# Minutes of the board, 3 March 2026

Present were all five members of the board.

1. The insurance was renewed with Hartwell Mutual until the end of March 2027. The premium rises to £890.
2. The board refuses the offer of a vending machine.
"""
FENCE = """From: Secretary <office@larkfield.example>
To: Board <board@larkfield.example>
Subject: The new fence
Date: Tue, 12 May 2026 09:15:00 +0100
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Dear all,

The joiner asks =C2=A31,295 for the fence along the lane. It will be of larch =
and stand before the summer.
"""
APRIL = """Minutes of the board, 7 April 2026

The roof over the paint store leaks. Gutteridge & Daughter will mend it in the second week of June.

It was agreed to buy a second floor sander once the grant of the district has arrived.
"""


def write_mixed_files(folder: Path) -> list[str]:
    """Writes them; their names in the order of the alphabet."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "accounts-locked.pdf": make_pdf([column(20, ["Salaries"])], owner_password="o", user_password="u"),
        "annual-report-2025.pptx": _show(),
        "board-minutes.zip": make_zip({"2026-03.md": MARCH, "2026-04.txt": APRIL}),
        "budget-2026.docx": make_xlsx(),
        "constitution-1998.doc": OLE,
        "faq.jsonl": _lines(),
        "fence.eml": FENCE.encode(),
        "first-aid.md": FIRST_AID.encode(),
        "handbook.pdf": _handbook(),
        "history.epub": _book(),
        "house-rules.docx": _rules(),
        "inventory.xlsx": _inventory(),
        "lease-scan.pdf": make_pdf([[], [], []]),
        "letter-to-members.txt": LETTER.encode("cp1252"),
        "newsletter-spring.pdf": _newsletter(),
        "notes.txt": b"",
        "prices.csv": PRICES.encode(),
        "report-draft.pdf": _newsletter()[:900],
        "sharpening.md": b"# Sharpening\n\nChisels are ground at 25 degrees and honed at 30. Oil the stone, never the blade.\n",
        "visit-us.html": PAGE.encode(),
        "volunteers.csv": VOLUNTEERS.encode("cp1252"),
    }  # fmt: skip
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return sorted(files)


# PDF ----------------------------------------------------------------------------------------


def _handbook() -> bytes:
    """A chapter a page, with a running title, page numbers and words divided at the ends of lines."""
    pages = []
    for number, (heading, text) in enumerate(HANDBOOK, 1):
        page: list[Line] = [
            (20, 15, 9, "Larkfield Tool Library: handbook for members"),
            (20, 285, 9, f"Page {number} of {len(HANDBOOK)}"),
            (20, 35, 18, heading),
        ]
        top = 48.0
        for paragraph in _paragraphs(text):
            lines = list(_divided(paragraph, 76))
            page += column(20, lines, top)
            top += 5 * len(lines) + 4
        pages.append(page)
    return make_pdf(pages, "Handbook for members")


def _newsletter() -> bytes:
    left, right = (list(_divided(" ".join(text.split()), 42)) for text in NEWSLETTER)
    return make_pdf(
        [[(20, 25, 20, "The Spring Newsletter of the Tool Library"), *column(20, left), *column(112, right)]],
        "Spring newsletter",
    )


def _paragraphs(text: str) -> list[str]:
    """Each begins where a sentence does at the start of a line below a full one."""
    lines = textwrap.dedent("        " + text).splitlines()
    paragraphs = [[lines[0]]]
    for before, line in itertools.pairwise(lines):
        if before.rstrip().endswith("."):
            paragraphs.append([])
        paragraphs[-1].append(line)
    return [" ".join(" ".join(lines).split()) for lines in paragraphs]


def _divided(text: str, width: int) -> Iterator[str]:
    """Lines of at most `width` characters; a long word that does not fit is divided."""
    line = ""
    for word in text.split():
        room = width - len(line) - 2
        if len(line) + 1 + len(word) > width:
            half = len(word) // 2
            if len(word) > 9 and word.isalpha() and half <= room:
                yield f"{line} {word[:half]}-"
                line = word[half:]
            else:
                yield line
                line = word
        else:
            line = f"{line} {word}".strip()
    yield line


# Office, EPUB and lines ---------------------------------------------------------------------


def _rules() -> bytes:
    document = docx.Document()
    document.add_heading("House rules", 0)
    document.add_heading("Noise", 1)
    document.add_paragraph(
        "Machines may run until eight in the evening. On Sundays the workshop stays silent."
    )
    document.add_heading("Waste", 1)
    document.add_paragraph(
        "Offcuts belong in the wooden crate, from which anyone may take them for the stove."
    )
    document.add_heading("Who is responsible", 1)
    rows = (
        ("Task", "Responsible", "How often"),
        ("Emptying the dust bags", "Repair group", "Every week"),
        ("Checking the fire extinguishers", "Caretaker", "Once a year"),
        ("Cleaning the kitchen", "Whoever used it", "Daily"),
    )
    _fill(document.add_table(len(rows), 3), rows)
    return saved(document)


def _fill(table: docx.table.Table, rows: Sequence[Sequence[str]]) -> None:
    for cells, values in zip(table.rows, rows, strict=True):
        for cell, value in zip(cells.cells, values, strict=True):
            cell.text = value


def _show() -> bytes:
    show = pptx.Presentation()
    for title, lines, notes in (
        ("The year 2025", "A report to the members", ""),
        (
            "Members",
            "At the end of 2025 the library had 412 members.\n63 of them joined during the year.",
            "The oldest member is ninety-one and borrows a lathe.",
        ),
        (
            "Money",
            "The district gave a grant of £5,200.\nRent and heating took two thirds of all expenses.",
            "",
        ),
    ):
        slide = show.slides.add_slide(show.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = lines
        if notes:
            slide.notes_slide.notes_text_frame.text = notes
    return saved(show)


def _inventory() -> bytes:
    book = openpyxl.Workbook()
    tools = book.active
    tools.title = "Machines"
    for row in (
        ["No.", "Machine", "Maker", "Bought", "Shelf", "Next service"],
        [101, "Bandsaw", "Kestrel", datetime.date(2018, 5, 4), "W1", datetime.date(2026, 9, 1)],
        [102, "Lathe", "Obermann", datetime.date(2009, 11, 20), "W2", datetime.date(2026, 6, 15)],
        [103, "Floor sander", "Brightwood", datetime.date(2022, 3, 9), "C4", datetime.date(2026, 4, 30)],
        [104, "Chainsaw", "Kestrel", datetime.date(2024, 8, 12), "C1", datetime.date(2026, 7, 10)],
    ):
        tools.append(row)
    keys = book.create_sheet("Keys")
    for row in (["Key", "Holder"], ["Front door", "Agnes Tillotson"], ["Paint store", "Bram Oudekerk"]):
        keys.append(row)
    return saved(book)


def _book() -> bytes:
    chapter = '<html xmlns="http://www.w3.org/1999/xhtml"><body><h1>{}</h1><p>{}</p></body></html>'
    return make_epub(**{
        "OPS/text/one.xhtml": chapter.format(
            "The fire station",
            "The fire station was built in 1887 by the brewer Josiah Penhallow, whose malt house had burnt down twice. "
            "Its last engine left in 1974. For twenty years the building stood empty.",
        ),
        "OPS/text/two.xhtml": chapter.format(
            "The library",
            "The tool library was founded in 1998 by seven neighbours who had bought a cement mixer together. "
            "They kept it in a garage until the town let them have the station for a rent of one pound.",
        ),
        "OPS/text/gone.xhtml": chapter.format("Afterword", "This book was printed in an edition of 200 copies."),
    })  # fmt: skip


def _lines() -> bytes:
    records = [{"_id": doc_id, "title": title, "text": text} for doc_id, title, text in QUESTIONS]
    return "".join(json.dumps(record) + "\n" for record in records).encode()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python tests/mixed_files.py FOLDER")
    print(*write_mixed_files(Path(sys.argv[1])), sep="\n")
