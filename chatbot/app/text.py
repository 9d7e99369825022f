"""Words of the page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

LONGEST_SHOWN = 2_000  # characters; of a longer question only the first CUT are drawn
CUT = 140


def shorten(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else f"{text[:CUT]} …"


def name_some(names: Sequence[str], most: int = 3) -> str:
    """ "A, B, C and 4 more"."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def without_title(before: str, title: str) -> str:
    """Text that does not begin with the heading that already stands above it."""
    first, gap, rest = before.partition("\n")
    return rest.lstrip("\n") if gap and first.lstrip("# ").strip() == title else before


def name_time(time: str) -> str:
    """ISO 8601 as the reader's clock has it, "" for anything else."""
    try:
        at = datetime.fromisoformat(time).astimezone()
    except (ValueError, OverflowError):  # the latter of a year that the clock has not
        return ""
    return f"{at.day} {at:%b %Y, %H:%M}"
