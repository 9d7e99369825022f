"""Threads that end before the interpreter does."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from chatbot.background import start_thread

# the thread would go on for a minute, and says when it was let go
PROGRAM = """
import threading
from chatbot.background import start_thread
stop = threading.Event()
def work():
    stop.wait(60)
    print("ended", stop.is_set(), flush=True)
start_thread("waiting", work, stop.set)
"""


def test_the_end_of_the_program_stops_a_thread_and_waits_for_it() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=Path(__file__).parents[1],
        capture_output=True, text=True, timeout=40, check=True,
    )  # fmt: skip
    assert ended.stdout == "ended True\n"
    assert ended.stderr == ""


def test_a_thread_that_has_ended_is_not_stopped_again() -> None:
    told = threading.Event()
    program = PROGRAM.replace("stop.wait(60)", "").replace("stop.set)", "lambda: print('stopped'))")
    program += "import time\ntime.sleep(0.5)\n"
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[1],
        capture_output=True, text=True, timeout=40, check=True,
    )  # fmt: skip
    assert ended.stdout == "ended False\n"
    thread = start_thread("short", told.set, lambda: None)
    thread.join(10)
    assert told.is_set()
