"""Documents are read as they stand; their passages are slices of whole sentences, and lose nothing."""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatbot.corpus import (
    Document,
    Evidence,
    UnreadFile,
    corpus_files,
    decode,
    read_document,
    read_documents,
    read_qrels,
    read_queries,
    split_document,
    split_queries,
    split_sentences,
)
from chatbot.errors import CorpusError, CorpusMissing

MakeCorpus = Callable[..., Path]


def words(texts: Sequence[str]) -> list[int]:
    """A count that can be checked by eye: words by white space."""
    return [len(text.split()) for text in texts]


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


def blocks(text: str, name: str = "a.md") -> list[tuple[str, str]]:
    return [(text[block.start : block.end], block.section) for block in read_document(text, name).blocks]


def passages(text: str, most: int = 256, name: str = "a.md") -> list[str]:
    return [text[p.start : p.end] for p in split_document(read_document(text, name), words, most)[0]]


def read_all(folder: Path) -> list[Document | UnreadFile]:
    return list(read_documents(folder, corpus_files(folder)))


# Sentences; "|" stands where one must end -------------------------------------------------------

SENTENCES = {
    "plain": "The war ended.| Peace came.",
    "question and exclamation": "What now?| Go!| They went.",
    "stops in a row": "What?!| No...| Yes.",
    "month abbreviated": "It fell on Aug. 9, 1945.| The war ended.",
    "month abbreviated, then a year": "Work began in Sept. 1944.| It ended in Dec. 1945.",
    "may is a month and a word": "They came in May.| They left in June.",
    "ship": "The U.S.S. Missouri lay at anchor.| It was noon.",
    "country before its army": "He joined the U.S. Army in 1941.| He left in 1945.",
    "country at the end": "She went back to the U.S.| The law had changed.",
    "country, four letters": "The U.S.S.R. invaded on 9 August.| Japan fought on.",
    "number": "He lived at No. 2 Main Street.| No. 4 was empty.",
    "no as an answer": "He said no.| Then he left.",
    "ranks in a row": "Lt. Gen. Otozo Yamada led it.| Maj. Gen. Hata met Lt. Col. Kato.",
    "titles": "Dr. Smith met Mr. and Mrs. Jones.| Prof. Hasegawa wrote about it.",
    "saint": "They sailed to St. Petersburg.| It was cold.",
    "initials": "Harry S. Truman met J. R. R. Tolkien.| He smiled.",
    "initial at the end": "It was known as Plan B.| The others had failed.",
    "morning": "It began at 1 a.m. Tokyo time.| The tanks moved at 2 a.m.| The guns were silent.",
    "evening": "They left at 5 p.m. on Monday.| They met at 6 p.m.| She was late.",
    "milliseconds": "It answers within 20 ms.| The lamp goes on.| Ms. Lee saw it.",
    "decimal": "Pi is 3.14 or so.| It rose by 2.5 per cent.",
    "year at the end": "He came in 1945.| 12 men came with him.",
    "page and volume": "See p. 12 and vol. IV of the report.| It is long.",
    "latin": "Some ranks, e.g. Colonel, i.e. Taisa, came later.| Others did not.",
    "and others": "Rice, tea, etc. were sold.| See Glantz et al.| The rest is known.",
    "quotation with its stop": 'He said "Go."| She went.',
    "quotation inside a sentence": "“Stop!” he said.| “Why?” she asked.",
    "single typographic quotes": "He called it ‘the end.’| It was.",
    "parenthesis": "It failed.| (Nobody saw it.)| They left.",
    "footnote marks": "The plan held.[12]| It failed later.[3][4]| He fled.",
    "tokenised": "The end came .| Next we go .| and on .",
    "ellipsis goes on": "It was so… and then it was not.| Yes.",
    "domain and version": "See example.com for 2.0.1 now.| Done.",
    "item numbers": "1. The first item.| 2. The second item.",
    "newline after a rank": "He met Gen.\nYamada there.| He left.",
    "newline between": "One ended here.|\nAnother began.",
    "japanese": "日本は降伏した。|戦争は終わった。",
    "japanese, closing bracket": "彼は「行く。」|と言った。|次。",
    "full width": "終わり？|はい！|次。",
    "no stop": "A line without one",
    "no, then a word like a Roman number": "She said no.| In fact she left.| Was it open?| No.| I asked twice.",
    "Roman number": "See vol. I of the report and ch. IV.| It is long.",
    "month, then a word like a Roman number": "It began in Dec.| Later they left.",
    "initials that are numbering words": "We met J. P. Smith and C. Jones.| They sang.",
    "numbered clauses": "3.1. The tenant pays.| 3.2. Dogs may stay.| § 5. The rent is due.| B. The key is lent.| IV. Then he left.",
    "parties of a case": "In Smith v. Jones the court held so.| It was new.",
    "years of a life": "Dr. Ames (b. 1950) runs it.| Ben (b. May 1950; d. 2001) did (r. 1820-1830, est. 1950).| It is old (c. 1900).",
    "a letter before a number": "They chose plan b.| 12 men came, plan a, b.| It began.",
    "most, by telephone": "It was max. 10 per head.| Call tel. 0123 on Mon. 5 May.",
    "emphasis": "**Wash your hands.**| Use soap.| _Dry them._| Go.| **1.** The first item.",
    "emphasis on an abbreviation": "Ask **Acme Inc.** People know it.| Fine.",
    "footnotes": "It held.¹| It failed.[^2]| It rose.[a]| It fell.[^note-1]| So be it.",
    "German quotes": "„Er kam.“| Sie ging.| «Il part.»| Elle reste.",
    "Arabic": "هل جاء؟| نعم جاء.| ثم ذهب.",
    "Hindi": "वह आया।| फिर गया।",
    "accented capital": "It was over.| Était-ce vrai?| Oui.",
}


@pytest.mark.parametrize("marked", SENTENCES.values(), ids=SENTENCES.keys())
def test_sentences_end_where_a_reader_ends_them(marked: str) -> None:
    assert sentences(marked.replace("|", "")) == [part.strip() for part in marked.split("|")]


@pytest.mark.parametrize("text", ["", "   ", "\n\t\n", "\u3000"])
def test_white_space_holds_no_sentence(text: str) -> None:
    assert split_sentences(text) == []


def test_a_part_of_a_text_is_split_with_offsets_of_the_whole() -> None:
    text = "Zero. One. Two. Three."
    assert split_sentences(text, 6, 15) == [(6, 10), (11, 15)]


SENTENCE_LIKE = st.lists(
    st.sampled_from([*"aBé1.!?…。」\"')[]” \n\t", "Gen.", "U.S. ", ". The "]), max_size=40
).map("".join)


@given(SENTENCE_LIKE)
@example("... And so")
@example("a.\u2028B")
def test_every_character_but_white_space_is_in_exactly_one_sentence(text: str) -> None:
    spans = split_sentences(text)
    ends = [0, *(end for _, end in spans)]
    starts = [*(start for start, _ in spans), len(text)]
    assert all(start < end for start, end in spans)
    assert all(not text[end:start].strip() for end, start in zip(ends, starts, strict=True))
    assert all(text[start:end] == text[start:end].strip() for start, end in spans)


def test_a_long_run_of_dots_is_one_match_and_not_thousands() -> None:
    # dotted leaders of a table of contents: each run is scanned once, from its first dot
    text = "Chapter one " + "." * 200_000 + "7 and no more"
    assert sentences(text) == [text]


# Blocks -----------------------------------------------------------------------------------------

MARKDOWN = """---
title: The Title
topics: [war, peace]
---

# Head One

First paragraph. It goes
on here.

## Sub

- item one
- item two
  continued
  - nested

1. first
2) second

| a | b |
|---|---|
| 1 | 2 |

```python
code = 1. Really
```

> quoted text

Set
===

    indented code

Last.
"""
SUB = "Head One › Sub"
BLOCKS = [
    ("First paragraph. It goes\non here.", "Head One"),
    ("item one", SUB),
    ("item two\n  continued", SUB),
    ("nested", SUB),
    ("first", SUB),
    ("second", SUB),
    ("a | b", SUB),
    ("1 | 2", SUB),
    ("code = 1. Really", SUB),
    ("quoted text", SUB),
    ("indented code", "Set"),
    ("Last.", "Set"),
]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_markdown_is_prose_below_headings_whatever_ends_its_lines(newline: str) -> None:
    text = MARKDOWN.replace("\n", newline)
    document = read_document(text, "notes/a.md")
    assert (document.title, document.warnings, document.text) == ("The Title", (), text)
    assert blocks(text) == [(block.replace("\n", newline), section) for block, section in BLOCKS]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("---\ntitle: From matter\n---\n# Head\n\nText.", "From matter"),
        ("---\ntitle: 1945\n---\nText.", "1945"),
        ("---\ntopics: [x]\n---\n# Head\n\nText.", "Head"),
        ("Intro.\n\n## Later head\n\nText.", "Later head"),
        ("Text.", "august storm"),
        (
            "# The `cp` **command** of [Unix](u.md), <b>C\\+\\+</b> Q&amp;A\n\nText.",
            "The cp command of Unix, C++ Q&A",
        ),
        ("# Before <script>x</script> and <BR/>after\n\nText.", "Before <script>x</script> and after"),
        ("# The `<br>` tag\n\nText.", "The <br> tag"),
        ("Two\nlines\n===\n\nText.", "Two lines"),
        ("#\n\nText.", "august storm"),  # an empty heading is none
        ("#\n\n## Head\n\nText.", "Head"),
        ("---\ntitle: |\n  On two\n  lines\n---\nText.", "On two lines"),
    ],
)
def test_the_title_is_of_the_front_matter_or_the_first_heading_or_the_file(text: str, title: str) -> None:
    assert read_document(text, "a/august-_storm.md").title == title


@pytest.mark.parametrize(
    ("matter", "problem"),
    [
        ("bad: [", "while parsing a flow node"),
        ("- a\n- b", "not a mapping"),
        ("date: 2024-13-45", "month must be in 1..12"),
    ],
)
def test_broken_front_matter_is_told_and_never_quoted(matter: str, problem: str) -> None:
    text = f"---\n{matter}\n---\nText."
    document = read_document(text, "a.md")
    assert document.warnings == (f"a.md: front matter ignored ({problem})",)
    assert blocks(text) == [("Text.", "")]


def test_a_line_across_the_page_is_no_front_matter() -> None:
    # a blank line below it, as Pandoc tells the two apart
    assert blocks("---\n\nNote: the first.\n\n---\n\nThe second.") == [
        ("Note: the first.", ""),
        ("The second.", ""),
    ]


def test_a_heading_in_a_quotation_or_list_item_ends_with_it() -> None:
    text = "# Top\n\n> ## Warning\n> Hot oil.\n\nPlain text.\n\n- # Inside\n\n  Of the item.\n\nLast."
    assert blocks(text) == [
        ("Hot oil.", "Top › Warning"),
        ("Plain text.", "Top"),
        ("Of the item.", "Inside"),
        ("Last.", "Top"),
    ]


def test_three_dashes_that_never_close_are_no_front_matter() -> None:
    assert blocks("---\nno end\n\nText.") == [("no end", ""), ("Text.", "")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("```\nx\n```\n\nz", ["x", "z"]),
        ("```\nx\n\ny", ["x\n\ny"]),  # never closed: its last line is text all the same
        ("```\nx\n\ny\n", ["x\n\ny"]),
        ("~~~\n~~~\n\nb", ["b"]),
        ("```", []),
        ("- ```\n  c\n  ```\n- x", ["c", "x"]),
        ("> - a\n> - b", ["a", "b"]),
        ("- \n- b", ["b"]),
        ("Line\n# Head\nafter", ["Line", "after"]),
    ],
)
def test_fences_and_markers_are_no_text(text: str, expected: list[str]) -> None:
    assert [block for block, _ in blocks(text)] == expected


def test_lettered_items_of_plain_text_are_apart() -> None:
    text = "The tenant shall\n(a) pay the rent\n  (as agreed);\n(b) keep no dogs\nc) sweep the stairs\n(12) and go, see\np. 4."
    assert [block for block, _ in blocks(text, "a.txt")] == [
        "The tenant shall",
        "(a) pay the rent\n  (as agreed);",
        "(b) keep no dogs",
        "c) sweep the stairs",
        "(12) and go, see\np. 4.",
    ]


def test_plain_text_is_parted_by_blank_lines_and_list_items() -> None:
    text = "# One two.\r\nthree\r\n\r\n- a\n• b\n1) c\n \t\n \nend"
    assert [block for block, _ in blocks(text, "a.txt")] == [
        "# One two.\r\nthree",
        "- a",
        "• b",
        "1) c",
        "end",
    ]


@pytest.mark.parametrize(
    ("text", "title", "expected"),
    [
        ("Minutes, 7 April 2026\n\nThe roof leaks.", "Minutes, 7 April 2026", ["The roof leaks."]),
        ('\r\nThe log\r\n=======\r\nNoon. "Calm."\r\n', "The log", ['Noon. "Calm."']),
        ("The log\n\n- calm\n- wind.\n\nend", "The log", ["- calm", "- wind.", "end"]),
        ("The roof leaks.\n\nIt rains.", "a", ["The roof leaks.", "It rains."]),
        ("Dear members,\n\nIt rains.", "a", ["Dear members,", "It rains."]),
        ("and so on\n\nIt rains.", "a", ["and so on", "It rains."]),
        ("Buy milk\n\nCall the bank", "a", ["Buy milk", "Call the bank"]),  # nothing here has stops
        ("The mill\nby the river\n\nIt turns.", "a", ["The mill\nby the river", "It turns."]),
        (f"{'A' * 101}\n\nIt rains.", "a", ["A" * 101, "It rains."]),
        ("The log\n\n", "a", ["The log"]),
    ],
)
def test_the_first_line_of_a_plain_text_is_its_title_where_it_is_no_sentence(
    text: str, title: str, expected: list[str]
) -> None:
    assert read_document(text, "a.txt").title == title
    assert [block for block, _ in blocks(text, "a.txt")] == expected


# Questions and answers --------------------------------------------------------------------------

LONG = "Words fill this line of prose up to the width at which all lines end here."


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "a.txt",
            "Q: How big may the SD card be?\nA: Up to 32 GB. No more.\n\nQ: Is it waterproof?\nAnswer: Yes.\n\nNearly.",
            [
                ("Up to 32 GB. No more.", "How big may the SD card be?"),
                ("Yes.", "Is it waterproof?"),
                ("Nearly.", "Is it waterproof?"),
            ],
        ),
        (
            "a.txt",  # all in one paragraph, and on one line
            "Before.\r\nQ1. Is it\r\nblue?\r\nA1. It is.\r\nQuestion 2: Is it red? A: No.",
            [("Before.", ""), ("It is.", "Is it blue?"), ("No.", "Is it red?")],
        ),
        ("a.txt", "Q: Is it blue?\nQ: Is it red?", [("Q: Is it blue?\nQ: Is it red?", "")]),
        (
            "a.txt",  # lines of their own
            "Is it very blue?\n\nIt is.\n\nIs it very red?\nNo.",
            [("It is.", "Is it very blue?"), ("No.", "Is it very red?")],
        ),
        (
            "a.txt",
            "1. Is it blue?\n   It is.\n2. Is it red?\n   No.",
            [("It is.", "Is it blue?"), ("No.", "Is it red?")],
        ),
        (
            "a.txt",  # a letter that asks once
            "I have to ask.\n\nIs it very blue?\n\nIt is.",
            [("I have to ask.", ""), ("Is it very blue?", ""), ("It is.", "")],
        ),
        (
            "a.txt",  # a list of questions
            "1. Is it blue?\n2. Is it red?\n3. Is it green?\n\nPlease answer.",
            [("1. Is it blue?", ""), ("2. Is it red?", ""), ("3. Is it green?", ""), ("Please answer.", "")],
        ),
        (
            "a.txt",  # lines that end with a question at the width of the text
            f"Is it blue, and would it be if all of this were {'so ' * 6}dark?\n{LONG}\n\n" * 2,
            [(f"Is it blue, and would it be if all of this were {'so ' * 6}dark?\n{LONG}", "")] * 2,
        ),
        (
            "a.txt",  # two among much prose
            "Is it very blue?\n\nIt is.\n\nIs it very red?\n\n" + "No.\n\n" * 9,
            [("Is it very blue?", ""), ("It is.", ""), ("Is it very red?", ""), *[("No.", "")] * 9],
        ),
        (
            "a.md",
            "# FAQ\n\n**Is it `blue`?**\n\nIt is.\n\n- **Is it\n  red?**\\\n  No.\n\n**Is it green?** No.\n\n## More\n\nText.",
            [
                ("It is.", "FAQ › Is it blue?"),
                ("No.", "FAQ › Is it red?"),
                ("No.", "FAQ › Is it green?"),
                ("Text.", "FAQ › More"),
            ],
        ),
        ("a.md", "**Is it blue?**\n\n**Q:** Is it red?\n\n**A:** No.", [("**Is it blue?**", ""), ("No.", "Is it red?")]),
        (
            "a.md",  # neither rows nor code
            "| Is it blue or so? |\n|---|\n| It is. |\n\n```\nQ: Is it red?\nA: No.\n```",
            [("Is it blue or so?", ""), ("It is.", ""), ("Q: Is it red?\nA: No.", "")],
        ),
    ],
)  # fmt: skip
def test_an_answer_stands_below_its_question(name: str, text: str, expected: list[tuple[str, str]]) -> None:
    assert blocks(text, name) == expected


def test_answers_of_two_questions_are_in_no_passage_together() -> None:
    text = "Q: Is it blue?\nA: It is.\nQ: Is it blue?\nA: No."
    assert passages(text, name="a.txt") == ["It is.", "No."]


def test_lines_of_json_keep_their_questions(make_corpus: MakeCorpus) -> None:
    line = json.dumps({"_id": "a", "text": "Q: Is it blue?\nA: It is."})
    (document,) = (item for item in read_all(make_corpus({"c.jsonl": line})) if isinstance(item, Document))
    assert [(b.start, b.section) for b in document.blocks] == [(0, "")]


# Passages ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("heading", ["# A", "## A", "A\n===", "#"])
def test_a_heading_is_in_no_passage_even_between_sections_of_one_name(heading: str) -> None:
    text = f"{heading}\n\nOne.\n\n{heading}\n\nTwo."
    assert passages(text) == ["One.", "Two."]


def test_sentences_of_a_section_are_spread_evenly() -> None:
    # six of 4 words, at most 20: two passages of 12 rather than 20 and a stub of 4
    text = " ".join(["This has four words."] * 6)
    assert [len(passage.split()) for passage in passages(text, 20)] == [12, 12]


def test_a_passage_holds_neighbouring_blocks_of_its_section() -> None:
    assert passages("# A\n\nOne.\n\n- two\n- three\n\n# B\n\nFour.") == ["One.\n\n- two\n- three", "Four."]


def test_a_sentence_too_long_is_divided_with_a_warning() -> None:
    # 10 words, at most 4: cut in half at white space, and in half again
    text = "Short one. Aa bb cc dd ee ff gg hh ii jj"
    found, warnings = split_document(read_document(text, "a.txt"), words, 4)
    assert " ".join(text[p.start : p.end] for p in found) == text
    assert all(words([text[p.start : p.end]])[0] <= 4 for p in found)
    assert len(warnings) == 1
    assert re.fullmatch(
        r"a\.txt: a sentence of 10 word pieces at character 11 is divided into \d parts of at most 4",
        warnings[0],
    )


@pytest.mark.parametrize("name", ["a.txt", "a.md"])
def test_lines_with_labels_and_names_of_items_are_no_one_sentence(name: str) -> None:
    text = (
        "Fee: 45 euros\nOpening hours: 9 to 5, on Sundays 10\n\nNote: it is\nlate.\n\n"
        "1. Attendance\n   Forty came. They ate.\n\n2. Open the valve\n   and go on.\n\n3. It rained.\n   Much."
    )
    document = read_document(text, name)
    blocks = [" ".join(text[block.start : block.end].split()) for block in document.blocks]
    assert [block.removeprefix("1. ").removeprefix("2. ").removeprefix("3. ") for block in blocks] == [
        "Fee: 45 euros",
        "Opening hours: 9 to 5, on Sundays 10",
        "Note: it is late.",
        *(
            ["Attendance", "Forty came. They ate."]
            if name == "a.txt"
            else ["Attendance Forty came. They ate."]
        ),
        "Open the valve and go on.",
        "It rained. Much.",
    ]


def test_an_answer_below_a_heading_that_asks_has_no_mark() -> None:
    text = (
        "# FAQ\n\n### May I take photos?\n\nA: Yes, you may.\n\nA: is a drive.\n\n### Rules\n\nA: is not.\n"
    )
    assert [block for block, _ in blocks(text)] == ["Yes, you may.", "A: is a drive.", "A: is not."]


def test_an_initial_below_a_heading_that_asks_is_kept() -> None:
    for answer in ("A. A. Milne wrote it.", "A: best\n\nB: worse", "A: best\nB: worse"):
        kept = "".join(block for block, _ in blocks(f"## Who wrote it?\n\n{answer}\n"))
        assert kept.startswith(answer[:5])


def test_what_stands_behind_details_is_not_below_their_summary() -> None:
    text = "# P\n\n<details><summary>Old</summary>\n\nUse A.\n\n</details>\n\nUse B.\n"
    assert blocks(text) == [("Use A.", "P › Old"), ("Use B.", "P")]


def test_headings_of_html_in_markdown_are_headings() -> None:
    text = '<h1 align="center">Pontoon</h1>\n<p>It floats.</p>\n\n<details><summary>Is it red?</summary>\n\nYes.\n\n## Use\n\nPush.\n'
    document = read_document(text, "a.md")
    assert document.title == "Pontoon"
    assert [(text[b.start : b.end], b.section) for b in document.blocks] == [
        ("It floats.", "Pontoon"),
        ("Yes.", "Pontoon › Is it red?"),
        ("Push.", "Pontoon › Use"),
    ]


def test_a_word_without_white_space_is_divided_too() -> None:
    def letters(texts: Sequence[str]) -> list[int]:
        return [len(text) for text in texts]

    text = "x" * 10
    found, _ = split_document(read_document(text, "a.txt"), letters, 3)
    assert "".join(text[p.start : p.end] for p in found) == text
    assert max(p.end - p.start for p in found) <= 3


def test_markup_between_sentences_neither_divides_a_sentence_nor_overfills_a_passage() -> None:
    text = "One.\n\n<!-- " + "x y " * 50 + "-->\n\nTwo words."
    found, warnings = split_document(read_document(text, "a.md"), words, 10)
    assert [text[p.start : p.end] for p in found] == ["One.", "Two words."]
    assert warnings == []


LINE = st.sampled_from(
    [
        "",
        "# Head",
        "## Sub head",
        "Plain words here. And more of them! Gen. Yamada spoke.",
        "one very long sentence " * 6,
        "- item one. With two sentences.",
        "  - nested item",
        "12) numbered",
        "| cell | other |",
        "|---|---|",
        "```",
        "> quoted. Twice.",
        "===",
        "日本は降伏した。戦争は終わった。",
        "<div>markup</div>",
        "    indented",
        "\ttabbed",
        "---",
        "title: x",
        "a\u2028b\x0bc\x85d",
        "Q: Is it so?",
        "A: It is.",
        "**Is it not so?**",
        "Is it said here?",
    ]
)
FILES = st.tuples(
    st.lists(LINE, max_size=14), st.sampled_from(["\n", "\r\n", "\r"]), st.sampled_from(["a.md", "a.txt"])
)


def pieces(texts: Sequence[str]) -> list[int]:
    return [len(re.findall(r"\w+|[^\w\s]", text)) for text in texts]


@given(FILES, st.integers(4, 40))
def test_passages_are_slices_of_whole_sentences_and_lose_nothing(
    file: tuple[list[str], str, str], most: int
) -> None:
    lines, newline, name = file
    text = newline.join(lines)
    document = read_document(text, name)
    found, _ = split_document(document, pieces, most)
    spans = [span for passage in found for span in passage.sentences]
    for passage in found:
        assert (passage.start, passage.end) == (passage.sentences[0][0], passage.sentences[-1][1])
        assert 0 <= passage.start < passage.end <= len(text)
        assert pieces([text[passage.start : passage.end]])[0] <= most
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))  # in order, each once
    covered = {i for start, end in spans for i in range(start, end)}
    prose = {i for block in document.blocks for i in range(block.start, block.end)}
    assert {i for i in prose if not text[i].isspace()} <= covered <= prose


@given(st.lists(LINE, max_size=14), st.sampled_from(["\n", "\r\n", "\r"]))
def test_no_passage_holds_a_heading(lines: list[str], newline: str) -> None:
    no_markdown_inside = {"```", "<div>markup</div>"}  # what looks like a heading in these is none
    lines = [line.replace("#", "# HEADING") for line in lines if line not in no_markdown_inside]
    assert not any("HEADING" in passage for passage in passages(newline.join(lines), 40))


# Files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "text", "told"),
    [
        ("Zürich".encode(), "Zürich", ""),
        (b"\xef\xbb\xbf# Z\xc3\xbcrich", "# Zürich", ""),
        ("日本。".encode("utf-16"), "日本。", ""),
        (b"\xfe\xff" + "日本。".encode("utf-16-be"), "日本。", ""),
        (b"", "", ""),
    ],
)
def test_unicode_is_read_without_its_mark(data: bytes, text: str, told: str) -> None:
    assert decode(data) == (text, told)


def test_an_older_encoding_is_guessed_and_told() -> None:
    text = (
        "Der Außenminister fuhr über Köln nach Zürich. Das Café “Königsberg” – schön und größer als früher."
    )
    decoded, told = decode(text.encode("cp1252"))
    assert decoded == text
    assert re.fullmatch(r"read as cp125\d; save it as UTF-8 if that is wrong", told)


@pytest.mark.parametrize(
    "text",
    [
        "The café opens at nine. It serves soup.\n",  # é has this byte in the code page of Central Europe, too
        "Désirée Pommier\n",  # so short that it might be Chinese
    ],
)
def test_letters_with_accents_among_others_are_western(text: str) -> None:
    assert decode(text.encode("cp1252")) == (text, "read as cp1252; save it as UTF-8 if that is wrong")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("会议在三月举行。请带书来。\n", "gb18030"),
        ("会議は三月に開かれます。本を持ってきてください。\n", "cp932"),
    ],
)
def test_a_short_text_with_two_bytes_a_character_is_read(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == (text, f"read as {encoding}; save it as UTF-8 if that is wrong")


def test_a_short_text_in_big5_is_taken_for_another_encoding_but_not_for_western() -> None:
    text, told = decode("會議在三月舉行。請帶書來。\n".encode("big5"))
    assert "cp1252" not in told
    assert re.search(r"[à-ÿ]{2}", text) is None


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("minutes/2026-04.txt", "2026-04"),
        ("minutes_2026-04-07.txt", "minutes 2026-04-07"),
        ("house-rules--new.txt", "house rules new"),
        ("room-12-plan.txt", "room 12 plan"),
    ],
)
def test_a_file_without_a_title_is_called_by_its_name_whose_dates_stay_whole(name: str, title: str) -> None:
    assert read_document("Some words.", name).title == title


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is binary, not text"),
        (b"\xff\xfeabc", "starts like utf-16 but is not (truncated data)"),
        (b"\xef\xbb\xbf\xff", "starts like utf-8-sig but is not (invalid start byte)"),
    ],
)
def test_what_is_no_text_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(UnicodeError, match=re.escape(reason)):
        decode(data)


def test_files_that_cannot_be_read_are_listed_beside_those_that_can(make_corpus: MakeCorpus) -> None:
    folder = make_corpus({
        "a.md": "Text.",
        "b.md": "",
        "c.txt": " \n\t",
        "d.md": "# Only a heading\n",
        "e.png": b"\x89PNG\0\0",
        "sub/f.txt": b"\xef\xbb\xbfMarked.",
    })  # fmt: skip
    (folder / "g.md").symlink_to(folder / "nowhere.md")
    read = read_all(folder)
    assert {item.path: item.reason for item in read if isinstance(item, UnreadFile)} == {
        "b.md": "is empty",
        "c.txt": "is empty",
        "d.md": "holds headings but no text",
        "e.png": "is binary, not text",
        "g.md": "cannot be opened (No such file or directory)",
    }
    assert {item.doc_id: item.text for item in read if isinstance(item, Document)} == {
        "a.md": "Text.",
        "sub/f.txt": "Marked.",
    }


def test_links_to_folders_and_to_themselves_are_named_not_followed(make_corpus: MakeCorpus) -> None:
    folder, outside = make_corpus({"a.md": "Text."}), make_corpus({"b.md": "Outside."}, name="outside")
    (folder / "linked").symlink_to(outside)
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "b.md").symlink_to(outside / "b.md")
    read = list(read_documents(folder, corpus_files(folder, skip=folder / "index")))
    assert [item.doc_id for item in read if isinstance(item, Document)] == ["a.md", "b.md"]
    assert [item for item in read if isinstance(item, UnreadFile)] == [
        UnreadFile("linked", "is a link to a folder, which is not followed; copy the folder"),
        UnreadFile("loop", "cannot be opened (Too many levels of symbolic links)"),
    ]


@pytest.mark.parametrize("line", ['{"_id": "a", "text": "b", "n": ' + "1" * 5000 + "}", "[" * 100_000])
def test_json_that_python_refuses_to_read_is_named(make_corpus: MakeCorpus, line: str) -> None:
    with pytest.raises(CorpusError, match=r"corpus\.jsonl:1: broken JSON"):
        read_all(make_corpus({"corpus.jsonl": line}))


def test_a_folder_that_cannot_be_opened_is_named(
    make_corpus: MakeCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_corpus({"a.md": "Text.", "shut/b.md": "Text.", "shut/deep/c.md": "Text."})

    def guarded(ask: Callable[[Path], bool]) -> Callable[[Path], bool]:
        """As for one who may read the names in the folder and no more."""

        def refuse(path: Path) -> bool:
            if folder / "shut" in path.parents:
                raise PermissionError(13, "Permission denied")
            return ask(path)

        return refuse

    monkeypatch.setattr(Path, "is_dir", guarded(Path.is_dir))
    monkeypatch.setattr(Path, "is_file", guarded(Path.is_file))
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path).name != "shut")
    read = read_all(folder)
    assert [item.doc_id for item in read if isinstance(item, Document)] == ["a.md"]
    assert [item for item in read if isinstance(item, UnreadFile)] == [
        UnreadFile("shut", "is a folder that cannot be opened")
    ]


def test_files_about_the_corpus_and_hidden_ones_are_no_documents(make_corpus: MakeCorpus) -> None:
    folder = make_corpus({
        "README.md": "About.",
        "queries.jsonl": "{}",
        "qrels/dev.tsv": "x",
        ".git/config": "x",
        "sub/.hidden.md": "x",
        "index/state.json": "x",
        "sub/README.md": "A document.",
        "b.md": "B.",
        "a.md": "A.",
    })  # fmt: skip
    names = [path.relative_to(folder).as_posix() for path in corpus_files(folder, folder / "index")]
    assert names == ["a.md", "b.md", "sub/README.md"]


def test_a_corpus_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CorpusMissing, match=r"no corpus folder at .*nowhere; name one with --corpus"):
        corpus_files(tmp_path / "nowhere")


def test_lines_of_json_are_documents_with_their_own_ids(make_corpus: MakeCorpus) -> None:
    lines = [
        {"_id": "d1", "title": "One", "text": "# not markdown.\n\nSecond.", "url": "https://example.org/1"},
        {"_id": "d2", "text": "Two."},
    ]
    folder = make_corpus({"c.jsonl": "\n".join(["", *map(json.dumps, lines), ""])})
    one, two = (item for item in read_all(folder) if isinstance(item, Document))
    assert (one.doc_id, one.title, one.source) == ("d1", "One", "https://example.org/1")
    assert [one.text[block.start : block.end] for block in one.blocks] == ["# not markdown.", "Second."]
    assert (two.doc_id, two.title, two.source) == ("d2", "", "c.jsonl:3")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{broken", "sub/c.jsonl:2: broken JSON"),
        ("[1]", "sub/c.jsonl:2: expected a JSON object, found list"),
        ('{"_id": "b"}', 'sub/c.jsonl:2: a document needs "_id" and "text", both strings'),
        ('{"_id": 7, "text": "x"}', 'sub/c.jsonl:2: a document needs "_id" and "text", both strings'),
        (
            '{"_id": "a", "text": "x"}',
            "sub/c.jsonl:2: duplicate document id 'a', first used at sub/c.jsonl:1",
        ),
    ],
)
def test_a_line_that_cannot_be_used_is_named(make_corpus: MakeCorpus, line: str, message: str) -> None:
    folder = make_corpus({"sub/c.jsonl": '{"_id": "a", "text": "A."}\n' + line})
    with pytest.raises(CorpusError, match=re.escape(message)):
        read_all(folder)


def test_the_hash_of_a_document_is_of_its_text_alone() -> None:
    assert read_document("Text.", "a.md").sha256 == read_document("Text.", "b.txt").sha256
    assert read_document("Text.", "a.md").sha256 != read_document("Text", "a.md").sha256


# Queries and judgements -------------------------------------------------------------------------

QUERIES = [
    {"_id": "q2", "text": "Second?"},
    {
        "_id": "q1",
        "text": "First?",
        "metadata": {
            "answers": ["1945"],
            "evidence": [{"doc": "a.md", "start": 0, "end": 5}],
            "history": ["Before?"],
            "kind": "direct",
        },
    },
    {"_id": "q3", "text": "Third?", "metadata": {"answerable": False}},
]
QREL_HEADER = "query-id\tcorpus-id\tscore\n"


def judged(make_corpus: MakeCorpus, **splits: str) -> Path:
    files = {f"qrels/{name}.tsv": QREL_HEADER + lines for name, lines in splits.items()}
    return make_corpus({"queries.jsonl": "\n".join(map(json.dumps, QUERIES)), **files})


def test_queries_keep_their_order_and_what_is_known_of_them(make_corpus: MakeCorpus) -> None:
    queries = read_queries(judged(make_corpus))
    assert list(queries) == ["q2", "q1", "q3"]
    first = queries["q1"]
    assert (first.answers, first.history, first.kind) == (("1945",), ("Before?",), "direct")
    assert first.evidence == (Evidence("a.md", 0, 5),)
    assert [query.answerable for query in queries.values()] == [True, True, False]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nonsense", ":2: broken JSON"),
        ('{"_id": "x"}', ':2: a query needs "_id" and "text", both strings'),
        ('{"_id": "q", "text": "Again?"}', ":2: duplicate query id 'q'"),
        ('{"_id": "x", "text": "Who?\\ud83d"}', ":2: holds half of a character"),
        ('{"_id": "x", "text": "?", "metadata": {"answers": ["\\udc00"]}}', ":2: holds half of a character"),
        (
            '{"_id": "x", "text": "?", "metadata": {"evidence": [{"doc": "a"}]}}',
            ':2: evidence needs "doc", "start" and "end"',
        ),
        (
            '{"_id": "x", "text": "?", "metadata": {"evidence": ["a"]}}',
            ':2: evidence needs "doc", "start" and "end"',
        ),
        (
            '{"_id": "x", "text": "?", "metadata": {"evidence": [{"doc": "a", "start": 0, "end": 1e999}]}}',
            ':2: evidence needs "doc", "start" and "end"',
        ),
        (
            '{"_id": "x", "text": "?", "metadata": {"answers": "Paris"}}',
            ':2: "answers" must be a list of strings',
        ),
        (
            '{"_id": "x", "text": "?", "metadata": {"answers": [1945]}}',
            ':2: "answers" must be a list of strings',
        ),
        (
            '{"_id": "x", "text": "?", "metadata": {"history": "Who?"}}',
            ':2: "history" must be a list of strings',
        ),
        (
            '{"_id": "x", "text": "?", "metadata": {"answerable": "no"}}',
            ':2: "answerable" must be true or false',
        ),
    ],
)
def test_a_query_that_cannot_be_used_is_named(make_corpus: MakeCorpus, line: str, message: str) -> None:
    folder = make_corpus({"queries.jsonl": '{"_id": "q", "text": "One?"}\n' + line})
    with pytest.raises(CorpusError, match=re.escape("queries.jsonl" + message)):
        read_queries(folder)


def test_judgements_by_query_and_document(make_corpus: MakeCorpus) -> None:
    folder = judged(make_corpus, dev="q1\ta.md\t1\nq1\tb.md\t0\n\nq2\ta.md\t2\n")
    assert read_qrels(folder, "dev") == {"q1": {"a.md": 1, "b.md": 0}, "q2": {"a.md": 2}}


def test_judgements_without_a_header_are_all_read(make_corpus: MakeCorpus) -> None:
    folder = make_corpus({"qrels/dev.tsv": "q1\ta.md\t1\nq2\tb.md\t2\n"})
    assert read_qrels(folder, "dev") == {"q1": {"a.md": 1}, "q2": {"b.md": 2}}
    (folder / "qrels" / "dev.tsv").write_text("q1 0 a.md 1\n")  # TREC's four columns are no header
    with pytest.raises(CorpusError, match=r"dev\.tsv:1: expected query-id"):
        read_qrels(folder, "dev")


@pytest.mark.parametrize("line", ["q1\ta.md", "q1 a.md 1", "q1\ta.md\tyes", "q1\ta.md\t1\tx"])
def test_a_judgement_that_cannot_be_read_is_named(make_corpus: MakeCorpus, line: str) -> None:
    folder = judged(make_corpus, dev=f"q1\ta.md\t1\n{line}\n")
    with pytest.raises(CorpusError, match=r"dev\.tsv:3: expected query-id, corpus-id and a whole number"):
        read_qrels(folder, "dev")


def test_questions_and_judgements_may_begin_with_a_byte_order_mark(make_corpus: MakeCorpus) -> None:
    folder = make_corpus(
        {
            "queries.jsonl": '\ufeff{"_id": "q1", "text": "Is it open on Mondays?"}\r\n',
            "qrels/dev.tsv": "\ufeffq1\ta.md\t1\r\n",
        }
    )
    assert [query.text for query in split_queries(folder, "dev")] == ["Is it open on Mondays?"]
    assert read_qrels(folder, "dev") == {"q1": {"a.md": 1}}


def test_questions_and_judgements_in_another_encoding_are_named(make_corpus: MakeCorpus) -> None:
    folder = make_corpus(
        {
            "queries.jsonl": '{"_id": "q1", "text": "Is the café open?"}'.encode("latin-1"),
            "qrels/dev.tsv": "q1\tcafé.md\t1\n".encode("latin-1"),
        }
    )
    with pytest.raises(CorpusError, match=r"queries\.jsonl is not in UTF-8 .*; save it in UTF-8"):
        read_queries(folder)
    with pytest.raises(CorpusError, match=r"dev\.tsv is not in UTF-8 .*; save it in UTF-8"):
        read_qrels(folder, "dev")


def test_missing_queries_and_judgements_are_told(make_corpus: MakeCorpus) -> None:
    folder = make_corpus({"a.md": "A."})
    with pytest.raises(CorpusMissing, match=r"no .*queries\.jsonl; evaluation needs"):
        read_queries(folder)
    with pytest.raises(CorpusMissing, match=r"no .*test\.tsv; name another split with --split"):
        read_qrels(folder, "test")


def test_an_unjudged_unanswerable_query_belongs_to_the_only_split(make_corpus: MakeCorpus) -> None:
    folder = judged(make_corpus, test="q1\ta.md\t1\n")
    assert [query.query_id for query in split_queries(folder, "test")] == ["q1", "q3"]
    (folder / "qrels" / "dev.tsv").write_text(QREL_HEADER + "q2\ta.md\t1\n")
    assert [query.query_id for query in split_queries(folder, "test")] == ["q1"]
    assert [query.query_id for query in split_queries(folder, "dev")] == ["q2"]


def test_a_hidden_file_is_no_split(make_corpus: MakeCorpus) -> None:
    folder = judged(make_corpus, test="q1\ta.md\t1\n")
    (folder / "qrels" / "._test.tsv").write_bytes(
        b"\0\5\x16\7"
    )  # macOS puts one beside each file of an archive
    assert [query.query_id for query in split_queries(folder, "test")] == ["q1", "q3"]


def test_a_judgement_of_an_unknown_query_is_told(make_corpus: MakeCorpus) -> None:
    folder = judged(make_corpus, dev="q9\ta.md\t1\n")
    with pytest.raises(CorpusError, match=r"dev\.tsv: no query 'q9' in queries\.jsonl"):
        split_queries(folder, "dev")
