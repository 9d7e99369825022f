"""How fast and how large the page is: python scripts/benchmark_page.py --haystack DIR

A headless Chromium opens the page that `python -m chatbot serve` gives, each in a process of its own, and asks the
haystack's questions one after the other. All times are taken inside the browser, when the text stands in the document;
it is on the screen a frame later.

first visit  Requests, bytes over the wire and unpacked, milliseconds until the page can be typed into.
first text   From the press of Enter to the first words below the question: what is being done, or the answer.
answer       From the press of Enter to the whole answer with its citations.

Needs playwright and a Chromium (`chromium`, `chromium-browser` or `google-chrome`).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from benchmark import add_haystack, take_haystack
from tqdm import tqdm

from chatbot.encoder import load_encoder
from chatbot.errors import ChatbotError
from chatbot.index import PassageIndex, build_index
from chatbot.progress import build_bar

PROJECT = Path(__file__).resolve().parents[1]
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
WARM_UP = 3  # questions that do not count
PATIENCE = 60_000  # ms for one question

# Looks at every change of the conversation, from before the key is pressed.
WATCH = """() => {
  window.taken = null;
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter") window.taken = { pressed: event.timeStamp };
  }, true);
  new MutationObserver(() => {
    const turn = [...document.querySelectorAll("#conversation .turn")].at(-1);
    const taken = window.taken;
    if (!taken || Number(turn?.dataset.turn) !== window.expected) return;
    const body = turn.querySelector(".progress");
    if (body) taken.first ??= performance.now();
    if (turn.dataset.state === "waiting") return;
    taken.answer ??= performance.now();
    taken.first ??= taken.answer;
  }).observe(document.querySelector("#conversation"), { subtree: true, childList: true, attributes: true });
}"""


@dataclass(frozen=True)
class Visit:
    """The first opening of the page, nothing in the browser's cache. Bytes are of bodies, without headers."""

    requests: int
    outside: int  # to any other host
    sent_bytes: int
    unpacked_bytes: int
    usable_ms: float


@dataclass(frozen=True)
class Waits:
    """Milliseconds from the press of Enter: median and 95th percentile."""

    passages: int
    n: int
    first_text: tuple[float, float]
    answer: tuple[float, float]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_haystack(parser)
    parser.add_argument("--questions", type=int, default=100, metavar="N", help="to ask (default: 100)")
    parser.add_argument("--work", type=Path, metavar="DIR", help="keep the index here, and use the one there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure")
    args = parser.parse_args(argv)
    try:
        with tempfile.TemporaryDirectory() as temporary:
            visit, waits = measure(args.haystack, args.work or Path(temporary), args.questions)
    except ChatbotError as error:
        print(f"benchmark_page: {error}", file=sys.stderr)
        return 2
    print(to_text(visit, waits))
    if args.json:
        args.json.write_text(json.dumps({"visit": asdict(visit), "waits": asdict(waits)}, indent=1), "utf-8")
    return 0


def measure(haystack: Path, work: Path, n: int) -> tuple[Visit, Waits]:
    corpus, questions = take_haystack(haystack, work / "haystack", n + WARM_UP)
    encoder = load_encoder()
    with build_bar() as progress:
        build_index(corpus, work / "index", encoder, progress=progress)
    passages = len(PassageIndex.open(work / "index", encoder))
    with serve(corpus, work / "index") as url, open_browser() as browser:
        page = browser.new_page()
        visit = measure_visit(page, url)
        page.evaluate(WATCH)
        asked = tqdm(questions, "asking", disable=None, leave=False)
        taken = np.array([ask(page, question, turn) for turn, question in enumerate(asked)])[WARM_UP:]
    first, answer = ((float(np.median(t)), float(np.percentile(t, 95))) for t in taken.T)
    return visit, Waits(passages, len(taken), first, answer)


@contextmanager
def serve(corpus: Path, index: Path) -> Iterator[str]:
    """The address of a page that is served until the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "chatbot", "serve", "--corpus", str(corpus), "--index", str(index)]
    server = subprocess.Popen(
        [*command, "--port", str(port)], cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        while not _responds(url):
            if server.poll() is not None:
                raise ChatbotError(
                    f"the page was not served: {' '.join(command)} ended with {server.returncode}"
                )
            time.sleep(0.2)
        yield url
    finally:
        server.terminate()
        server.wait()


def _responds(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, TimeoutError):
        return False


@contextmanager
def open_browser() -> Iterator[Any]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise ChatbotError("playwright is needed; run pip install playwright") from error
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if not program:
        raise ChatbotError(f"none of {', '.join(PROGRAMS)} is installed; install the chromium package")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def measure_visit(page: Any, url: str) -> Visit:
    seen: list[Any] = []

    def note(response: Any) -> None:
        seen.append(response)

    page.on("response", note)
    page.goto(url)
    page.locator("#question textarea").wait_for(timeout=PATIENCE)
    usable = page.evaluate("performance.now()")
    page.locator(".welcome").wait_for(timeout=PATIENCE)
    page.wait_for_timeout(1000)  # what is fetched behind the first picture
    page.remove_listener("response", note)
    here = urlsplit(url).netloc
    bodies = [each for each in seen if "event-stream" not in each.headers.get("content-type", "")]
    return Visit(
        requests=len(seen),
        outside=sum(urlsplit(each.url).netloc not in (here, "") for each in seen),
        sent_bytes=sum(each.request.sizes()["responseBodySize"] for each in bodies),
        unpacked_bytes=sum(len(each.body()) for each in bodies if each.ok),
        usable_ms=usable,
    )


def ask(page: Any, question: str, turn: int) -> tuple[float, float]:
    """Milliseconds to the first text and to the answer."""
    page.evaluate(f"window.taken = null; window.expected = {turn}")
    box = page.locator("#question textarea")
    box.fill(question)
    page.wait_for_timeout(1000)  # to read: what to ask next is still being looked for
    box.press("Enter")
    page.wait_for_function("window.taken?.answer", timeout=PATIENCE)
    pressed, first, answer = page.evaluate("[window.taken.pressed, window.taken.first, window.taken.answer]")
    return first - pressed, answer - pressed


def to_text(visit: Visit, waits: Waits) -> str:
    return (
        f"first visit: {visit.requests} requests, {visit.outside} of them to other hosts,"
        f" {visit.sent_bytes / 1e6:.2f} MB sent, {visit.unpacked_bytes / 1e6:.2f} MB unpacked,"
        f" usable after {visit.usable_ms:.0f} ms\n"
        f"{waits.passages:,} passages, median | 95th percentile in ms from the press of Enter:"
        f" first text {waits.first_text[0]:.0f} | {waits.first_text[1]:.0f},"
        f" answer {waits.answer[0]:.0f} | {waits.answer[1]:.0f} (n = {waits.n})"
    )


if __name__ == "__main__":
    sys.exit(main())
