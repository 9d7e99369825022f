"""Threads in each of which torch computes by itself, for work that falls into parts.

Torch's own way is to put all cores on one matrix, where they wait for each other at every step.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


class Cores:
    """`count` threads, by default as many as torch has."""

    def __init__(self, name: str, count: int | None = None) -> None:
        import torch

        self.count = count or torch.get_num_threads()
        self._pool = ThreadPoolExecutor(self.count, name)
        everyone = threading.Barrier(self.count + 1)

        def alone() -> None:
            torch.set_num_threads(1)
            torch.get_num_threads()  # a thread takes what is set when torch first computes in it
            everyone.wait()

        for _ in range(self.count):
            self._pool.submit(alone)
        everyone.wait()
        torch.set_num_threads(self.count)  # for threads that start later

    def map(self, work: Callable[[A], B], parts: Iterable[A]) -> Iterator[B]:
        """In the order of the parts; an error is raised where its result would stand."""
        return self._pool.map(work, parts)

    def close(self) -> None:
        """Wait for the parts that are being worked on; others are dropped."""
        self._pool.shutdown(cancel_futures=True)
