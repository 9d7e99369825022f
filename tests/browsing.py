"""A real browser on a real page: what the tests of all views share."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

from chatbot.answer import Chatbot
from chatbot.app import build_page, launch
from chatbot.collection import Collection
from chatbot.encoder import load_encoder
from chatbot.index import build_index

NASTY = '<script>alert(1)</script> & <img src=x onerror="alert(2)">'
CORPUS = Path(__file__).parent.parent / "corpus"
SMALL_CORPUS = (
    "hiroshima.md",
    "kuril-islands-and-shumshu.md",
    "kwantung-army-1945.md",
    "nagasaki.md",
    "siberian-internment-decree-and-numbers.md",
    "soviet-declaration-of-war-on-japan.md",
    "surrender-ceremony-uss-missouri.md",
    "yalta-agreement-regarding-japan.md",
)
NASTY_DOCUMENT = f"""# Barometers of Port Nowhere {NASTY}

The brass barometer of Port Nowhere {NASTY} was sold in 1911 for 340 crowns. It now hangs in the town hall.
"""
QUESTION = "When did Molotov read the declaration of war to Ambassador Sato?"
FOLLOW_UP = "What did he say about mediation?"
OFF_TOPIC = "How do I bake sourdough bread?"
# the first is made for this: a page opens in two thirds of the time
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]


@dataclass(frozen=True)
class Served:
    url: str
    collections: tuple[Collection, ...]


def small_collection(folder: Path) -> Collection:
    """Eight articles and a document full of HTML, built with the real encoder."""
    corpus = folder / "corpus"
    (corpus / "articles").mkdir(parents=True)
    shutil.copy(CORPUS / "queries.jsonl", corpus)  # its questions become examples
    for name in SMALL_CORPUS:
        shutil.copy(CORPUS / "articles" / name, corpus / "articles")
    (corpus / "barometers.md").write_text(NASTY_DOCUMENT, encoding="utf-8")
    build_index(corpus, folder / "index", load_encoder())
    return Collection("corpus", corpus, folder / "index", Chatbot.open(folder / "index"))


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    """The same for all tests: none may change its documents."""
    return small_collection(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def served(small: Collection) -> Iterator[Served]:
    """The page over `small`; a server for each file of tests, so that none inherits another's trouble."""
    yield from serve_in_thread([small])


def serve_in_thread(collections: Sequence[Collection]) -> Iterator[Served]:
    port = free_port()
    page = build_page(collections)
    launch(page, "127.0.0.1", port)
    yield Served(f"http://127.0.0.1:{port}", tuple(collections))
    # aside: a stream that a closed tab has left holds it for five seconds
    Thread(target=page.close, kwargs={"verbose": False}, daemon=True).start()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not program:
        missing = "no Chromium on this machine; install the chromium package"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    with sync_playwright() as playwright:
        expect.set_options(timeout=20_000)  # on a busy machine an event takes seconds
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM_ARGS)
        yield browser
        browser.close()


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(served: Served, chromium: Browser) -> Iterator[OpenPage]:
    """Opens the page in a session of its own; fails if anything but loopback was asked for."""
    contexts, outside, problems = [], list[str](), list[str]()

    def watch(request: Request) -> None:
        if urlsplit(request.url).hostname not in ("127.0.0.1", "localhost", None):  # None: blob:, data:
            outside.append(request.url)

    def open_it(width: int = 1440, height: int = 900, url: str = served.url, **options: Any) -> Page:
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        context.on("request", watch)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", lambda dialog: problems.append(dialog.message))
        page.goto(url)
        expect(page.locator(".welcome")).to_be_visible(timeout=30_000)
        expect(page.locator("#question textarea")).to_be_focused()
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert outside == [], outside
    assert problems == [], problems


def composer(page: Page) -> Any:
    return page.locator("#question textarea")


def ask(page: Page, question: str) -> Any:
    """Send a question, again while the one before is still being finished; the article of its answer."""
    turn = page.locator("#conversation .turn").count()
    article = page.locator(f'#conversation .turn[data-turn="{turn}"]')
    composer(page).fill(question)
    for _ in range(6):
        if composer(page).input_value() == question:
            composer(page).press("Enter")
        with suppress(AssertionError):  # pressed again too soon, the key would meet an empty composer
            expect(article).to_be_attached(timeout=3_000)
            break
    answered = page.locator(f'#conversation .turn[data-turn="{turn}"]:not([data-state="waiting"])')
    expect(answered).to_be_visible(timeout=20_000)
    return answered


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
