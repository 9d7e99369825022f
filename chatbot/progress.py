"""A progress bar on standard error for a build; nothing when that is no terminal, unless asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm

from chatbot.index import Progress


@contextmanager
def build_bar(*, always: bool = False) -> Iterator[Progress]:
    """One bar whose label is the stage; it has an end, and an estimate, where the total is known."""
    with tqdm(unit=" texts", disable=False if always else None, leave=False, dynamic_ncols=True) as bar:
        shown = ""

        def show(stage: str, done: int, total: int) -> None:
            nonlocal shown
            if stage != shown:
                shown = stage
                bar.set_description(stage, refresh=False)
                bar.reset(total or None)
            bar.total = total or None
            bar.n = done
            bar.refresh()

        yield show
