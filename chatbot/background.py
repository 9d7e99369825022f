"""Work beside the program's main thread that ends before the interpreter does."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable

PATIENCE = 10.0  # seconds that the end of the program waits for one thread


def start_thread(name: str, work: Callable[[], None], stop: Callable[[], None]) -> threading.Thread:
    """A daemon that runs `work`; at the program's end it is told to stop and waited for.

    A daemon that is inside a C++ library when the interpreter goes aborts the whole process.
    """

    def end() -> None:
        stop()
        thread.join(PATIENCE)

    def run() -> None:
        try:
            work()
        finally:
            atexit.unregister(end)

    thread = threading.Thread(target=run, name=name, daemon=True)
    atexit.register(end)
    thread.start()
    return thread
