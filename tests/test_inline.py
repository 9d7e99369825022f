"""Markdown within a paragraph: its words, how they are set, and where they stand."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.inline import on_one_line, prose_of_html, runs, without_marks


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "The **foghorn** of [Daboll](https://a.org/d) cost\n`340 crowns`.",
            "The foghorn of Daboll cost 340 crowns.",
        ),
        (
            "It was lit for the\n> first time\r\n> > in 1871.",
            "It was lit for the first time in 1871.",
        ),
        ("**A sentence within bold text.", "A sentence within bold text."),
        ("the end of _it_ all.**", "the end of it all."),
        ("A ![chart of 1945](c.png), 4<br/>B \\*", "A chart of 1945, 4 B *"),
        ("See [1], price* and snake_case - 2 ** 3", "See [1], price* and snake_case - 2 ** 3"),
        ("1945. That was all", "1945. That was all"),
        ("<script>a</script> & <b>b</b>", "<script>a</script> & b"),
        ("Three 3*4*5 of **it**", "Three 3*4*5 of it"),  # not 345
        ("10<sup>6</sup> of **it**", "10<sup>6</sup> of **it**"),  # not 106
        ("**", "**"),
        ("<summary>Reset it</summary> now <!-- not this -->", "Reset it now"),
        ("All states[^1].[^note-2]", "All states."),
        ("Give `**words` and `<br>`.", "Give **words and <br>."),
    ],
)
def test_words_are_shown_without_the_marks_of_markdown(text: str, shown: str) -> None:
    assert on_one_line(text, "a.zip/notes.md") == shown
    assert on_one_line(text, "notes.txt") == " ".join(text.split())


@given(st.text(st.sampled_from("ab1 .*_`[]()<>!\\\n&;:/~#-|"), max_size=40))
def test_no_word_is_shown_that_is_not_there(text: str) -> None:
    there = iter(re.findall(r"[^\W_]+", text))
    assert all(word in there for word in re.findall(r"[^\W_]+", on_one_line(text, "a.md")))


def test_runs_stand_where_their_words_are() -> None:
    text = "The **bold _word_** of [the `a*b`](x.md 'y') is H<sub>2</sub>O &amp; \\*."
    assert [(text[run.start : run.end], run.words, run.styles) for run in runs(text)] == [
        ("The ", "The ", ()),
        ("bold ", "bold ", ("strong",)),
        ("word", "word", ("strong", "em")),
        (" of ", " of ", ()),
        ("the ", "the ", ()),
        ("a*b", "a*b", ("code",)),
        (" is H", " is H", ()),
        ("2", "2", ("sub",)),
        ("O ", "O ", ()),
        ("&amp;", "&", ()),
        (" ", " ", ()),
        ("\\*", "*", ()),
        (".", ".", ()),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("At <https://a.org/%20b> and `a\nb`", "At https://a.org/%20b and a b"),
        ("[a [b] c](d(e)f) g) <b>h</i> i</b>", "a [b] c g) h i"),
        ("*a **b* c**", "a b c"),
        ("\0 **a**", "\0 **a**"),  # the parser replaces the first character
    ],
)
def test_words_of_odd_markdown(text: str, words: str) -> None:
    assert without_marks(text) == words


TANGLED = st.text(st.sampled_from("ab1 .*_`[]()<>!\\\n\r&;:/~#-|"), max_size=40)


@given(TANGLED)
def test_runs_follow_each_other_and_words_that_are_as_written_stand_there(text: str) -> None:
    found = runs(text)
    ends = [0, *(run.end for run in found)]
    assert all(end <= run.start <= run.end for end, run in zip(ends, found, strict=False))
    assert ends[-1] <= len(text)
    for run in found:
        if len(run.words) == run.end - run.start and run.words.isalnum():
            assert run.words == text[run.start : run.end]


@given(TANGLED)
def test_what_is_left_out_is_marks_and_addresses(text: str) -> None:
    tangled = re.sub(r"[\[(<&]", "", text)
    found = runs(tangled)
    for end, start in zip(
        [0, *(run.end for run in found)], [*(run.start for run in found), len(text)], strict=True
    ):
        assert not re.search(r"\w", tangled[end:start].replace("_", ""))


@pytest.mark.parametrize(
    ("text", "prose"),
    [
        ("<details><summary>Reset it</summary>\n  Hold <b>SET</b> for<br>8 s.\n</details>", ["7 Reset it", "Hold <b>SET</b> for<br>8 s."]),
        ("<table><tr><td>E04</td><td>No <i>signal</i></td></tr></table>", ["E04</td><td>No <i>signal"]),
        ("<h3 align=center>Pontoon</h3><p>It floats.", ["3 Pontoon", "It floats."]),
        ("<h1><img src=x> Pontoon</h1>It floats.", ["1 Pontoon", "It floats."]),
        ("<p><5 kg or >10 kg is refused</p>", ["<5 kg or >10 kg is refused"]),
        ("<p align=center><b>Bold</b> <img src=x> words</p>", ["Bold", "words"]),
        ("<!-- not this --><script>nor = '<p>this</p>'</script><style>p {}</style>", []),
        ("<div>\n</div>", []),
        ("a < b and <", ["a < b and <"]),
    ],
)  # fmt: skip
def test_the_words_between_tags_are_prose(text: str, prose: list[str]) -> None:
    found = prose_of_html(text, 0, len(text))
    assert [f"{p.level or ''} {text[p.start : p.end]}".lstrip() for p in found] == prose
