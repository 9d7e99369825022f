"""What an evaluation found, and the file that keeps the last one for the next start of the program."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from chatbot.evaluate import Difference, Interval, RetrievalReport
from chatbot.writing import write_at_once

FORMAT = 1
USUAL_LIMIT = 100

Figure = TypeVar("Figure")


@dataclass(frozen=True)
class Settings:
    split: str
    limit: int | None = USUAL_LIMIT  # questions; None for all
    answers: bool = False  # ask them too


@dataclass(frozen=True)
class Ranking:
    """Of the questions that people asked, or of generated ones."""

    figures: RetrievalReport
    generated: bool


@dataclass(frozen=True)
class AnswerFigures:
    n: int
    answerable_n: int
    figures: dict[str, dict[str, Interval]]  # of an AnswerReport: "answerable", "refusal", "quote"


@dataclass(frozen=True)
class Result:
    settings: Settings
    sets: tuple[Ranking, ...]  # people's questions and generated ones apart
    answers: AnswerFigures | None
    missing: tuple[str, ...]  # judged documents that the index does not hold
    page: str = field(repr=False)  # the report, "" where it cannot be drawn
    seconds: float
    generation: str  # of the index
    time: str  # ISO 8601, UTC


def keep_result(result: Result, file: Path) -> None:
    """In place of the one before. Raises OSError."""
    kept = _without_nan({"format": FORMAT, **asdict(result)})
    write_at_once(file, json.dumps(kept, allow_nan=False).encode())


def last_result(file: Path) -> Result | None:
    """None where there is none, or none that this program can read."""
    try:
        kept = json.loads(file.read_bytes())
        return _read_result(kept) if kept["format"] == FORMAT else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _without_nan(value: Any) -> Any:
    """JSON has no word for what is undefined but null."""
    match value:
        case dict():
            return {name: _without_nan(part) for name, part in value.items()}
        case list() | tuple():
            return [_without_nan(part) for part in value]
        case float() if math.isnan(value):
            return None
    return value


def _read_result(kept: Mapping[str, Any]) -> Result:
    settings = kept["settings"]
    limit = settings["limit"]
    return Result(
        Settings(str(settings["split"]), None if limit is None else int(limit), bool(settings["answers"])),
        tuple(Ranking(_read_retrieval(part["figures"]), bool(part["generated"])) for part in kept["sets"]),
        _read_answers(kept["answers"]) if kept["answers"] else None,
        tuple(map(str, kept["missing"])),
        str(kept["page"]),
        float(kept["seconds"]),
        str(kept["generation"]),
        str(kept["time"]),
    )


def _read_retrieval(kept: Mapping[str, Any]) -> RetrievalReport:
    return RetrievalReport(
        corpus=str(kept["corpus"]),
        documents=int(kept["documents"]),
        passages=int(kept["passages"]),
        n=int(kept["n"]),
        methods=_read_groups(kept["methods"], _read_interval),
        difference=_read_groups(kept["difference"], _read_difference),
        milliseconds=_read_milliseconds(kept["milliseconds"]),
    )


def _read_answers(kept: Mapping[str, Any]) -> AnswerFigures:
    return AnswerFigures(
        int(kept["n"]), int(kept["answerable_n"]), _read_groups(kept["figures"], _read_interval)
    )


def _read_groups(kept: Mapping[str, Any], read: Callable[[Any], Figure]) -> dict[str, dict[str, Figure]]:
    return {name: _read_named(figures, read) for name, figures in kept.items()}


def _read_named(kept: Mapping[str, Any], read: Callable[[Any], Figure]) -> dict[str, Figure]:
    return {name: read(figure) for name, figure in kept.items()}


def _read_difference(kept: Mapping[str, Any]) -> Difference:
    return Difference(_read_interval(kept["interval"]), _number(kept["p"]))


def _read_interval(kept: Mapping[str, Any]) -> Interval:
    return Interval(_number(kept["mean"]), _number(kept["low"]), _number(kept["high"]), int(kept["n"]))


def _read_milliseconds(kept: Mapping[str, Any]) -> dict[str, float | None]:
    return {name: None if value is None else float(value) for name, value in kept.items()}


def _number(kept: float | None) -> float:
    return math.nan if kept is None else float(kept)
