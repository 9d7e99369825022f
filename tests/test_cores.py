"""Threads in each of which torch computes by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from chatbot.cores import Cores


@pytest.fixture
def cores() -> Iterator[Cores]:
    """Three of them, whatever the machine has; torch's number is set back."""
    before = torch.get_num_threads()
    made = Cores("test", 3)
    yield made
    made.close()
    torch.set_num_threads(before)


def test_each_computes_by_itself_and_others_with_all(cores: Cores) -> None:
    together = threading.Barrier(3)

    def threads(_: int) -> tuple[int, int]:
        together.wait(10)  # so that each of the three takes one
        torch.ones(500, 500) @ torch.ones(500, 500)
        return torch.get_num_threads(), threading.get_ident()

    found = list(cores.map(threads, range(3)))
    assert [number for number, _ in found] == [1, 1, 1]
    assert len({thread for _, thread in found}) == 3
    assert torch.get_num_threads() == 3
    with ThreadPoolExecutor(1) as later:
        assert later.submit(torch.get_num_threads).result() == 3


def test_results_keep_the_order_of_the_parts(cores: Cores) -> None:
    def slowest_first(part: int) -> int:
        time.sleep((4 - part) / 100)
        return part * 2

    assert list(cores.map(slowest_first, range(5))) == [0, 2, 4, 6, 8]


def test_an_error_reaches_the_one_who_asked(cores: Cores) -> None:
    with pytest.raises(ZeroDivisionError):
        list(cores.map(lambda part: 1 / part, [1, 0]))
    assert list(cores.map(abs, [-1])) == [1]


def test_by_default_there_are_as_many_as_torch_has() -> None:
    made = Cores("test")
    assert made.count == torch.get_num_threads()
    made.close()


def test_closed_they_leave_no_thread_and_drop_what_waits() -> None:
    before = threading.active_count()
    made = Cores("test", 1)
    done: list[int] = []
    begun = threading.Event()

    def work(part: int) -> None:
        begun.set()
        time.sleep(0.05)
        done.append(part)

    made.map(work, range(50))
    assert begun.wait(10)
    made.close()
    assert 1 <= len(done) < 50
    assert threading.active_count() == before
