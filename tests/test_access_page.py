"""The page for everyone: keys alone, screen readers, contrast, zoom; checked by axe-core in a real browser."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from importlib import resources
from importlib.util import find_spec

import pytest
from browsing import (
    FOLLOW_UP,
    OFF_TOPIC,
    QUESTION,
    OpenPage,
    Served,
    ask,
    composer,
    serve_in_thread,
    small_collection,
)
from playwright.sync_api import Page, expect

from chatbot.answer import Chatbot
from chatbot.collection import Collection
from chatbot.encoder import load_encoder
from chatbot.index import build_index

pytestmark = pytest.mark.browser

DIFFER = "How many Japanese died in Siberian internment?"
VIEWS = ("documents", "review", "evaluation")
OWN = [
    "When did Molotov read the declaration of war to Ambassador Sato?",
    "When was the atomic bomb dropped on Hiroshima?",
    "Where was the surrender signed on 2 September 1945?",
]


@pytest.fixture(scope="module")
def with_questions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A small collection that brings questions of its own, all tried."""
    small = small_collection(tmp_path_factory.mktemp("access"))
    lines = [json.dumps({"_id": f"own-{n}", "text": text}) for n, text in enumerate(OWN)]
    qrels = "".join(f"own-{n}\tarticles/hiroshima.md\t1\n" for n in range(len(OWN)))
    (small.corpus / "queries.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (small.corpus / "qrels").mkdir()
    (small.corpus / "qrels" / "dev.tsv").write_text(f"query-id\tcorpus-id\tscore\n{qrels}", encoding="utf-8")
    build_index(small.corpus, small.index, load_encoder(), force=True)
    chatbot = Chatbot.open(small.index)
    assert all(chatbot.answers(question) for question in OWN)
    yield from serve_in_thread([Collection(small.name, small.corpus, small.index, chatbot)])


# ---- axe-core

Axe = Callable[[Page, str], None]
RULES = {"skip-link": {"enabled": False}}  # it takes the address of a document out of sight for a skip link


@pytest.fixture(scope="session")
def axe() -> Axe:
    """Fails with what axe-core finds moderate, serious or critical in what a page shows, light and dark."""
    if not find_spec("axe_playwright_python"):
        missing = "axe-core is missing; install the extra dev"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    script = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")

    def check(page: Page, state: str) -> None:
        expect(page.locator("p.loading")).to_have_count(0)  # Gradio's, while the code of a component comes
        page.evaluate(f"() => {{ if (!window.axe) {{ {script} }} }}")
        for scheme, some in (("light", {}), ("dark", {"runOnly": "color-contrast"})):  # all else is as it was
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # colours are judged at rest
            found = page.evaluate("options => axe.run(document, options)", {"rules": RULES, **some})
            bad = [each for each in found["violations"] if each["impact"] != "minor"]
            told = [
                f"{each['id']} ({each['impact']}): {node['html'][:160]} {node['failureSummary'][:300]}"
                for each in bad
                for node in each["nodes"][:3]
            ]
            assert not told, f"{state}, {scheme}:\n" + "\n".join(told)

    return check


SIZES = [(1440, 900), (360, 740)]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_axe_finds_nothing_but_trifles_in_the_chat(
    open_page: OpenPage, with_questions: Served, axe: Axe, width: int, height: int
) -> None:
    page = open_page(width, height, url=with_questions.url)
    axe(page, "empty")
    composer(page).press_sequentially("when")
    expect(page.get_by_role("option")).to_have_count(2)
    page.keyboard.press("ArrowDown")
    axe(page, "typing")
    page.keyboard.press("Escape")
    article = ask(page, QUESTION)
    axe(page, "answered")
    article.locator(".cite").first.click()
    expect(page.locator("#panel [data-whole] [data-marks]").first).to_be_visible()
    page.locator("#panel summary").first.click()
    axe(page, "source open")
    ask(page, FOLLOW_UP)
    axe(page, "follow-up")
    differ = ask(page, DIFFER)
    expect(differ).to_have_attribute("data-state", "disagreement")
    axe(page, "disagreement")
    ask(page, OFF_TOPIC)
    axe(page, "not found")
    ask(page, "x" * 3_000)
    axe(page, "error")
    page.evaluate("footnote.actions.shortcuts()")
    axe(page, "shortcuts")


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_axe_finds_nothing_but_trifles_in_the_other_views(
    open_page: OpenPage, with_questions: Served, axe: Axe, width: int, height: int
) -> None:
    page = open_page(width, height, url=with_questions.url)
    for view in VIEWS:
        go_to(page, view)
        axe(page, view)


def test_axe_finds_nothing_but_trifles_in_what_opens_from_an_answer(
    open_page: OpenPage, with_questions: Served, axe: Axe
) -> None:
    page = open_page(url=with_questions.url)
    article = ask(page, QUESTION)
    page.get_by_role("button", name="Export").click()
    expect(page.get_by_role("menu")).to_be_visible()
    axe(page, "export menu")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Conversations", exact=True).click()
    expect(page.get_by_role("dialog", name="Conversations").locator("li")).to_have_count(1)
    axe(page, "conversations")
    page.keyboard.press("Escape")
    article.get_by_role("button", name="Bad answer").click()
    expect(article.locator("form.wrong")).to_be_visible()
    axe(page, "feedback form")
    article.get_by_role("button", name="Link").click()
    address = article.get_by_role("textbox", name="Address of this answer").input_value()
    go_to(page, "documents")
    page.locator("#documents .report summary").click()
    expect(page.locator("#documents .report")).to_contain_text("9 documents read")
    axe(page, "reading report")
    page.locator("#documents tbody a", has_text="The Soviet declaration").click()
    expect(page.locator(".whole-document .subheading").first).to_be_visible()
    axe(page, "document in full")
    page.goto(address)  # the same page: only what stands behind the "#" differs
    receipt = page.locator("#receipt")
    expect(receipt.locator("article")).to_be_visible()
    axe(page, "receipt")
    receipt.get_by_role("button", name="Ask again").click()
    expect(receipt.locator("article")).to_have_count(2)
    axe(page, "asked again")


def go_to(page: Page, view: str) -> None:
    page.evaluate("view => footnote.go(view)", view)
    expect(page.locator(f"#{view}-view")).to_be_visible()
    page.wait_for_timeout(500)  # what it fetches when it is shown


# ---- keys


def test_a_question_mark_lists_the_shortcuts_in_a_dialog(open_page: OpenPage) -> None:
    page = open_page()
    article = ask(page, QUESTION)
    number = article.locator(".cite").first
    number.focus()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog).to_be_visible()
    for meaning in ("Type a question", "Next source", "Documents", "Close the source"):
        expect(dialog.get_by_text(meaning)).to_be_visible()
    for _ in range(8):
        page.keyboard.press("Tab")
        inside = (
            "document.activeElement === document.body || document.activeElement.closest('#shortcuts') != null"
        )
        assert page.evaluate(inside)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(number).to_be_focused()
    page.get_by_role("button", name="Keyboard shortcuts").click()
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    expect(page.get_by_role("button", name="Keyboard shortcuts")).to_be_focused()


def test_keys_that_are_typed_into_a_question_are_no_shortcuts(open_page: OpenPage) -> None:
    page = open_page()
    page.keyboard.type("?/njcgdt1")
    expect(composer(page)).to_have_value("?/njcgdt1")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert page.evaluate("document.documentElement.dataset.view") == "chat"


def test_single_keys_go_everywhere(open_page: OpenPage) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    ask(page, OFF_TOPIC)
    ask(page, "How many Japanese prisoners were taken to Siberia?")
    page.locator("#panel .reading").focus()
    position = page.locator("#panel .position")
    expect(position).to_have_text(re.compile("^1 of"))
    page.keyboard.press("n")
    expect(position).to_have_text(re.compile("^2 of"))
    page.keyboard.press("p")
    expect(position).to_have_text(re.compile("^1 of"))
    page.keyboard.press("2")
    expect(position).to_have_text(re.compile("^2 of"))
    page.keyboard.press("c")
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert "Siberia" in page.evaluate("navigator.clipboard.readText()")
    page.keyboard.press("k")
    expect(page.locator('.turn[data-turn="1"]')).to_be_focused()
    page.keyboard.press("k")
    expect(page.locator('.turn[data-turn="0"]')).to_be_focused()
    expect(page.locator('.turn[data-turn="0"] .question')).to_be_in_viewport()
    page.keyboard.press("j")
    expect(page.locator('.turn[data-turn="1"]')).to_be_focused()
    page.keyboard.press("t")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.keyboard.press("g")
    page.keyboard.press("d")
    expect(page.locator("#documents-view")).to_be_visible()
    page.keyboard.press("/")
    expect(composer(page)).to_be_focused()
    expect(composer(page)).to_have_value("")


def test_shortcuts_of_one_key_can_be_switched_off(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_role("button", name="Keyboard shortcuts").click()
    page.get_by_label("Shortcuts of one key are on").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("t")
    expect(page.locator("html")).not_to_have_attribute("data-theme", re.compile("."))
    page.reload()
    expect(page.locator(".welcome")).to_be_visible()
    page.get_by_role("button", name="Keyboard shortcuts").click()
    expect(page.get_by_label("Shortcuts of one key are on")).not_to_be_checked()


# ---- questions while typing


def test_questions_are_suggested_while_one_is_typed(open_page: OpenPage, with_questions: Served) -> None:
    page = open_page(url=with_questions.url)
    box, options = page.get_by_role("combobox", name="Your question"), page.get_by_role("option")
    box.press_sequentially("when")
    expect(options).to_have_text([OWN[0], OWN[1]])
    expect(box).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    assert box.get_attribute("aria-activedescendant") == options.nth(1).get_attribute("id")
    page.keyboard.press("Escape")
    expect(options).to_have_count(0)
    expect(box).to_have_attribute("aria-expanded", "false")
    expect(box).to_have_value("when")
    box.press_sequentially(" was")
    expect(options).to_have_text([OWN[1]])
    page.locator("#conversation").click(position={"x": 5, "y": 5})  # nothing that takes the focus
    expect(options).to_have_count(0)
    box.press_sequentially(" ")
    expect(options).to_have_text([OWN[1]])
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.locator('.turn[data-turn="0"] .question')).to_have_text(OWN[1])
    expect(page.locator('.turn[data-turn="0"][data-state="answered"]')).to_be_visible(timeout=20_000)
    expect(box).to_have_value("")
    expect(options).to_have_count(0)


def test_enter_sends_what_was_typed_unless_a_suggestion_was_chosen(
    open_page: OpenPage, with_questions: Served
) -> None:
    page = open_page(url=with_questions.url)
    composer(page).press_sequentially("signed")
    expect(page.get_by_role("option")).to_have_text([OWN[2]])
    page.keyboard.press("Enter")
    expect(page.locator('.turn[data-turn="0"] .question')).to_have_text("signed")
    expect(page.get_by_role("option")).to_have_count(0)
    expect(page.locator('.turn[data-turn="0"]:not([data-state="waiting"])')).to_be_visible(timeout=20_000)
    composer(page).press_sequentially("signed")
    page.get_by_role("option").click()
    expect(page.locator('.turn[data-turn="1"] .question')).to_have_text(OWN[2])


# ---- contrast, motion, zoom

SIDEWAYS = """() => [...document.querySelectorAll('#page, #page *')].filter(each => {
    const box = each.getBoundingClientRect(), style = getComputedStyle(each);
    const seen = each.checkVisibility({visibilityProperty: true}) && box.width > 1 && box.height > 1;
    return seen && style.clipPath === 'none' && !each.closest('.scrolls, pre, table, [role=listbox]')
        && (box.right > innerWidth + 1 || box.left < -1);
}).map(each => each.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize(
    ("width", "height", "scale"), [(360, 740, 1), (640, 400, 2), (640, 450, 2), (820, 500, 1), (1024, 700, 1)]
)
def test_nothing_is_cut_off_when_the_page_is_small_or_enlarged(
    open_page: OpenPage, width: int, height: int, scale: float
) -> None:
    page = open_page(width, height, device_scale_factor=scale)
    for action in ("conversations", "export", "clear", "shortcuts", "theme"):
        expect(page.locator(f'#top [data-action="{action}"]')).to_be_in_viewport(ratio=1)
    for link in page.locator("#top [data-go]").all():
        expect(link).to_be_in_viewport(ratio=1)
    assert page.evaluate(SIDEWAYS) == []
    article = ask(page, QUESTION)
    expect(page.locator("#send")).to_be_in_viewport(ratio=1)
    article.locator(".cite").first.click()
    mark = page.locator("#panel .current").first
    expect(mark).to_be_in_viewport()
    assert page.locator("#panel .reading").evaluate("box => box.clientWidth") >= 300
    assert page.evaluate(SIDEWAYS) == []
    page.keyboard.press("Escape")
    expect(article.locator(".cite").first).to_be_focused()
    box = page.locator("#conversation").bounding_box()
    assert box is not None
    assert box["width"] >= 300
    for view in VIEWS:
        go_to(page, view)
        assert page.evaluate(SIDEWAYS) == [], view
        for selector in ("html", "#page", f"#{view}-view"):
            scroll, client = page.locator(selector).evaluate("e => [e.scrollWidth, e.clientWidth]")
            assert scroll <= max(client, width if selector == "html" else 0), (view, selector)


def ratio(page: Page, selector: str, ground: str) -> float:
    """WCAG's contrast ratio of a text's colour and a background."""
    luminance = """color => {
        const canvas = new OffscreenCanvas(1, 1).getContext('2d');
        canvas.fillStyle = color;
        canvas.fillRect(0, 0, 1, 1);
        const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3)
            .map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    }"""
    color = page.locator(selector).first.evaluate("e => getComputedStyle(e).color")
    back = page.locator(ground).first.evaluate("e => getComputedStyle(e).backgroundColor")
    light, dark = sorted((page.evaluate(luminance, color), page.evaluate(luminance, back)), reverse=True)
    return float((light + 0.05) / (dark + 0.05))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_more_contrast_is_there_for_those_who_wish_it(open_page: OpenPage, scheme: str) -> None:
    page = open_page(color_scheme=scheme, reduced_motion="reduce")  # colours change at once
    usual = ratio(page, ".welcome > p", "#chat")
    page.emulate_media(contrast="more")
    assert usual >= 4.5
    assert ratio(page, ".welcome > p", "#chat") >= 12
    assert ratio(page, ".welcome h2", "#chat") >= 20


def test_icons_and_marks_are_seen_in_forced_colours(open_page: OpenPage) -> None:
    page = open_page(forced_colors="active")
    article = ask(page, QUESTION)
    article.locator(".cite").first.click()
    expect(page.locator("#panel [data-whole] [data-marks].current").first).to_be_visible()
    paint = "e => getComputedStyle(e).backgroundColor"
    ground = page.locator("#chat").evaluate(paint)
    for selector in ("#top .icon.theme", "#panel .icon.close", ".turn .icon.copy", "#panel mark.current"):
        assert page.locator(selector).first.evaluate(paint) != ground, selector
    article.get_by_role("button", name="Bad answer").click()
    reasons = article.locator(".option")
    reasons.first.click()
    outline = "e => getComputedStyle(e).outlineStyle"
    assert [reasons.nth(n).locator("span").evaluate(outline) for n in (0, 1)] == ["solid", "none"]
    send = "e => getComputedStyle(e, '::before').backgroundColor"
    assert page.locator("#send").evaluate(send) != page.locator("#send").evaluate(paint)


def test_nothing_moves_for_those_who_wish_it(open_page: OpenPage) -> None:
    page = open_page(reduced_motion="reduce")
    ask(page, QUESTION)
    moving = """() => [...document.querySelectorAll('#page *')].filter(each => {
        const style = getComputedStyle(each);
        return style.transitionDuration.split(', ').some(time => parseFloat(time) > 0)
            && style.transitionProperty !== 'none';
    }).map(each => each.outerHTML.slice(0, 100))"""
    assert page.evaluate(moving) == []


def test_every_control_has_a_name_and_is_reached_by_tab(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, QUESTION)
    reached = set()
    page.evaluate("document.activeElement.blur()")
    for _ in range(80):
        page.keyboard.press("Tab")
        name = page.evaluate(
            "document.activeElement.dataset.action ?? document.activeElement.dataset.go ?? ''"
        )
        if name in reached and name:
            break
        reached.add(name)
    controls = page.evaluate(
        "[...document.querySelectorAll('#top button, #panel button')].filter(each => each.checkVisibility()"
        " && !each.disabled && each.tabIndex >= 0).map(each => each.dataset.action ?? each.dataset.go)"
    )
    assert set(controls) <= reached
