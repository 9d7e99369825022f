"""Sets of questions measured on an index, the comparison of two runs, and gates for continuous integration.

A set is what one folder's questions say of one index. Questions that a program made are a set of
their own, drawn apart: they repeat the words of their documents, which favours lexical search.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from chatbot import evaluate
from chatbot.corpus import Evidence, Qrels, Query, body_start
from chatbot.errors import CorpusError
from chatbot.evaluate import MEASURES, OURS, RERANKED, Difference, Floats, Interval, RetrievalReport, Run
from chatbot.index import PassageIndex
from chatbot.starting import FAVOURED, GENERATED
from chatbot.writing import count

MAIN = "nDCG@10"  # the measure of the figures, of wins and losses and of the baseline
LABELS = {"dense": "dense", "bm25": "BM25", "rrf": "RRF", OURS: "ours", RERANKED: "reranked"}
CASES = 10  # questions shown for each set and sort
FOUND = 3  # passages shown for each question
TIMED = 100  # questions whose stages are timed
EXCERPT = 360  # characters
EQUAL = 1e-9  # measures nearer than this are equal

_MAIN_COLUMN = [str(measure) for measure in MEASURES].index(MAIN)


# Sets ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Excerpt:
    """A passage found, or a document that should have been. `rank` is 0 where it has none."""

    doc_id: str
    title: str
    text: str
    rank: int = 0
    relevant: bool = False


@dataclass(frozen=True)
class Case:
    """A question that deserves a look. `ranks`: of the first relevant document, None if not found."""

    query: Query
    scores: dict[str, float]  # nDCG@10 of each method
    ranks: dict[str, int | None]
    relevant: tuple[Excerpt, ...]
    found: tuple[Excerpt, ...]


@dataclass(frozen=True)
class MeasuredSet:
    """`values` holds (queries, MEASURES) for each method; `stages` milliseconds of timed questions."""

    figures: RetrievalReport
    split: str
    generated: bool
    query_ids: tuple[str, ...]
    values: dict[str, Floats]
    encoder: str
    stages: dict[str, tuple[float, ...]]
    worse: tuple[Case, ...] = ()
    failures: tuple[Case, ...] = ()

    @property
    def name(self) -> str:
        return self.figures.corpus

    @property
    def label(self) -> str:
        return f"{self.name}, generated" if self.generated else self.name

    def main(self, method: str) -> Floats:
        """(queries,) nDCG@10."""
        main: Floats = self.values[method][:, _MAIN_COLUMN]
        return main

    def to_json(self) -> dict[str, Any]:
        per_query = {
            method: {
                MAIN: dict(zip(self.query_ids, self.main(method).round(6).tolist(), strict=True)),
            }
            for method in self.values
        }
        return {
            **self.figures.to_json(),
            "split": self.split,
            "generated": self.generated,
            "per_query": per_query,
        }

    def to_text(self) -> str:
        text = self.figures.to_text()
        return f"{text}\n\n{FAVOURED}" if self.generated else text


def by_origin(queries: Sequence[Query]) -> list[list[Query]]:
    """The questions of people and the generated ones, as one or two lists that are not empty.

    One empty list where there are no questions at all.
    """
    human = [query for query in queries if query.kind != GENERATED]
    generated = [query for query in queries if query.kind == GENERATED]
    return [part for part in (human, generated) if part] or [[]]


def measure_set(
    name: str,
    split: str,
    index: PassageIndex,
    queries: Sequence[Query],
    qrels: Qrels,
    retrieval: evaluate.Retrieval,
    milliseconds: Sequence[float],
    *,
    cases: int = 0,
) -> MeasuredSet:
    """The figures of some queries of a retrieval; stages and `cases` questions of each sort for the page."""
    values = {
        method: evaluate.measure_queries(
            {query.query_id: run[query.query_id] for query in queries}, qrels, queries
        )
        for method, run in retrieval.runs.items()
    }
    measured = MeasuredSet(
        figures=evaluate.report_retrieval(name, index, values, milliseconds),
        split=split,
        generated=any(query.kind == GENERATED for query in queries),
        query_ids=tuple(query.query_id for query in queries),
        values=values,
        encoder=str(index.manifest["encoder"]["name"]),
        stages=time_stages(index, evaluate.spread(queries, TIMED)) if cases else {},
    )
    if not cases:
        return measured

    def describe(numbers: Iterable[int]) -> tuple[Case, ...]:
        return tuple(
            _case(index, queries[number], qrels, retrieval.runs, measured, number) for number in numbers
        )

    worse = worse_numbers(measured)[:cases]
    failures = [number for number in failure_numbers(measured) if number not in worse][:cases]
    return replace(measured, worse=describe(worse), failures=describe(failures))


def losses(measured: MeasuredSet) -> Floats:
    """(queries,) by how much ours is below the better of dense and BM25; negative where above."""
    loss: Floats = np.maximum(measured.main("dense"), measured.main("bm25")) - measured.main(OURS)
    return loss


def worse_numbers(measured: MeasuredSet) -> list[int]:
    """The queries that ours serves worse than dense or BM25, greatest loss first."""
    loss = losses(measured)
    return [number for number in np.argsort(-loss, kind="stable").tolist() if loss[number] > EQUAL]


def failure_numbers(measured: MeasuredSet) -> list[int]:
    """The queries of which ours has no relevant document among the first ten, in file order."""
    return np.flatnonzero(measured.main(OURS) <= EQUAL).tolist()


def time_stages(index: PassageIndex, queries: Sequence[Query]) -> dict[str, tuple[float, ...]]:
    """Milliseconds of each stage of a search, one value a query."""
    taken = [evaluate.stage_milliseconds(index, evaluate.standalone_text(query)) for query in queries]
    return {stage: tuple(row[i] for row in taken) for i, stage in enumerate(evaluate.STAGES)}


def _case(
    index: PassageIndex,
    query: Query,
    qrels: Qrels,
    runs: Mapping[str, Run],
    measured: MeasuredSet,
    number: int,
) -> Case:
    relevant = [doc_id for doc_id, grade in qrels[query.query_id].items() if grade > 0]
    hits = index.hits(index.pool(evaluate.standalone_text(query)), FOUND)
    ours = list(runs[OURS][query.query_id])
    relevant.sort(key=lambda doc_id: ours.index(doc_id) if doc_id in ours else len(ours))
    return Case(
        query=query,
        scores={method: float(measured.main(method)[number]) for method in runs},
        ranks={method: _first_rank(run[query.query_id], relevant) for method, run in runs.items()},
        relevant=tuple(
            _gold(index, doc_id, (*query.evidence, *query.partly), ours) for doc_id in relevant[:FOUND]
        ),
        found=tuple(
            Excerpt(
                hit.passage.doc_id, hit.title, shorten(hit.text), hit.rank, hit.passage.doc_id in relevant
            )
            for hit in hits
        ),
    )


def _first_rank(ranking: Iterable[str], relevant: Sequence[str]) -> int | None:
    return next((rank for rank, doc_id in enumerate(ranking, 1) if doc_id in relevant), None)


def _gold(index: PassageIndex, doc_id: str, evidence: Sequence[Evidence], ranking: list[str]) -> Excerpt:
    rank = ranking.index(doc_id) + 1 if doc_id in ranking else 0
    try:
        document = index.document(doc_id)
    except KeyError:
        return Excerpt(doc_id, "", "This document is not in the corpus.", 0, True)
    spans = _union([(piece.start, piece.end) for piece in evidence if piece.doc == doc_id])
    pieces = [document.text[start:end] for start, end in spans] or [
        document.text[body_start(document.text, doc_id) :]
    ]
    return Excerpt(doc_id, document.title, shorten(" … ".join(pieces)), rank, True)


def _union(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans in order, those that touch made one."""
    union: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if union and start <= union[-1][1]:
            union[-1] = union[-1][0], max(end, union[-1][1])
        else:
            union.append((start, end))
    return union


def signed(number: float) -> str:
    """ "+0.012", "−0.012" with a minus sign, "0.000"."""
    text = f"{number:+.3f}".replace("-", "−")
    return "0.000" if text[1:] == "0.000" else text


def shorten(text: str) -> str:
    flat = " ".join(text[: 4 * EXCERPT].split())
    return flat if len(flat) <= EXCERPT else flat[: EXCERPT - 1] + "…"


@dataclass(frozen=True)
class Place:
    """A folder of documents and the split of its questions."""

    folder: Path
    split: str

    @classmethod
    def parse(cls, text: str, split: str) -> Place:
        """From `DIR` or `DIR:SPLIT`; a folder that is called so goes before a split."""
        folder, colon, named = text.rpartition(":")
        if not colon or not folder or not re.fullmatch(r"[\w.-]+", named) or Path(text).is_dir():
            return cls(Path(text), split)
        return cls(Path(folder), named)


def set_names(places: Sequence[Place]) -> list[str]:
    """What each set is called: its folder, and as many parents or the split as tell it from others."""
    paths = [place.folder.resolve() for place in places]
    names = [path.name for path in paths]
    for depth in range(2, max((len(path.parts) for path in paths), default=0) + 1):
        names = [
            "/".join(path.parts[-depth:]) if _ambiguous(name, path, names, paths) else name
            for path, name in zip(paths, names, strict=True)
        ]
    places_of = Counter(names)
    return [
        f"{name}:{place.split}" if places_of[name] > 1 else name
        for name, place in zip(names, places, strict=True)
    ]


def _ambiguous(name: str, path: Path, names: Sequence[str], paths: Sequence[Path]) -> bool:
    return any(name == other and path != place for other, place in zip(names, paths, strict=True))


# Comparing two runs -------------------------------------------------------------------------


@dataclass(frozen=True)
class Comparison:
    """Run A against run B over the judged queries that at least one of them holds."""

    names: tuple[str, str]
    queries: tuple[Query, ...]
    values: tuple[Floats, Floats]  # (queries, MEASURES) each
    means: tuple[list[Interval], list[Interval]]  # of each measure
    differences: list[Difference]  # A - B, of each measure
    relevant: tuple[tuple[str, ...], ...]  # documents of each query
    found: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]  # the first documents of A and of B
    left_out: int  # judged queries that neither run holds

    @property
    def balance(self) -> tuple[int, int, int]:
        """Queries on which A is better, equal, worse by nDCG@10."""
        return balance(self.values[0][:, _MAIN_COLUMN], self.values[1][:, _MAIN_COLUMN])

    def worst(self, n: int) -> list[int]:
        """The n queries on which A loses most to B, greatest loss first; only real losses."""
        change = self.values[0][:, _MAIN_COLUMN] - self.values[1][:, _MAIN_COLUMN]
        return [
            number for number in np.argsort(change, kind="stable")[:n].tolist() if change[number] < -EQUAL
        ]

    def to_json(self, worst: int = 0) -> dict[str, Any]:
        names = [str(measure) for measure in MEASURES]
        a, b = self.names
        wins, ties, losses = self.balance
        return {
            "runs": [a, b],
            "n": len(self.queries),
            "left_out": self.left_out,
            "means": [
                {name: interval.to_json() for name, interval in zip(names, means, strict=True)}
                for means in self.means
            ],
            "difference": {
                name: difference.to_json() for name, difference in zip(names, self.differences, strict=True)
            },
            "wins": wins,
            "ties": ties,
            "losses": losses,
            "worst": [self._query_json(number) for number in self.worst(worst)],
        }

    def _query_json(self, number: int) -> dict[str, Any]:
        return {
            "query": self.queries[number].query_id,
            "question": self.queries[number].text,
            MAIN: [float(values[number, _MAIN_COLUMN]) for values in self.values],
            "gold": list(self.relevant[number]),
            "found": [list(found) for found in self.found[number]],
        }

    def to_text(self, worst: int = 0) -> str:
        a, b = self.names
        wins, ties, losses = self.balance
        rows = [["", "A", "B", "A - B"]]
        rows += [
            [str(measure), str(of_a), str(of_b), str(difference)]
            for measure, of_a, of_b, difference in zip(MEASURES, *self.means, self.differences, strict=True)
        ]
        out = f", {self.left_out:,} in neither run left out" if self.left_out else ""
        parts = [
            f"A = {a}\nB = {b}\nn = {len(self.queries):,} questions{out}; 95 % intervals",
            evaluate.table(rows),
            f"{MAIN}: A is better on {wins:,} questions, equal on {ties:,}, worse on {losses:,}",
            *(self._query_text(number) for number in self.worst(worst)),
        ]
        return "\n\n".join(parts)

    def _query_text(self, number: int) -> str:
        of_a, of_b = (float(values[number, _MAIN_COLUMN]) for values in self.values)
        found_a, found_b = (" ".join(found) or "–" for found in self.found[number])
        return (
            f"{of_a - of_b:+.3f}  {self.queries[number].text}\n"
            f"        gold       {' '.join(self.relevant[number])}\n"
            f"        A ({of_a:.3f})  {found_a}\n"
            f"        B ({of_b:.3f})  {found_b}"
        )


def balance(values: Floats, others: Floats) -> tuple[int, int, int]:
    """How many values are above, equal to and below their counterparts."""
    change = values - others
    wins, losses = int((change > EQUAL).sum()), int((change < -EQUAL).sum())
    return wins, len(change) - wins - losses, losses


def compare_runs(path_a: Path, path_b: Path, queries: Sequence[Query], qrels: Qrels) -> Comparison:
    """Two TREC run files on the same judged queries; a query that one of them lacks scores 0 there."""
    runs = [evaluate.read_run(path) for path in (path_a, path_b)]
    columns = [replace(query, query_id=evaluate.trec_id(query.query_id)) for query in queries]
    shared = [query for query in columns if any(query.query_id in run for run in runs)]
    if not shared:
        raise CorpusError(
            f"neither {path_a} nor {path_b} holds a query of these judgements; name their folder and --split"
        )
    judged = {
        evaluate.trec_id(query_id): {evaluate.trec_id(doc_id): grade for doc_id, grade in grades.items()}
        for query_id, grades in qrels.items()
    }
    of_a, of_b = (evaluate.measure_queries(run, judged, shared) for run in runs)

    def first(run: Run, query: Query) -> tuple[str, ...]:
        return tuple(sorted(run.get(query.query_id, {}), key=lambda d: -run[query.query_id][d])[:FOUND])

    return Comparison(
        names=(path_a.name, path_b.name) if path_a.name != path_b.name else (str(path_a), str(path_b)),
        queries=tuple(shared),
        values=(of_a, of_b),
        means=(evaluate.mean_intervals(of_a), evaluate.mean_intervals(of_b)),
        differences=evaluate.compare(of_a, of_b),
        relevant=tuple(
            tuple(doc_id for doc_id, grade in judged[query.query_id].items() if grade > 0) for query in shared
        ),
        found=tuple((first(runs[0], query), first(runs[1], query)) for query in shared),
        left_out=len(columns) - len(shared),
    )


# Gates --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Threshold:
    measure: str
    least: float

    @classmethod
    def parse(cls, text: str) -> Threshold:
        """From `nDCG@10=0.45`. Raises ValueError with what would be right."""
        names = [str(measure) for measure in MEASURES]
        name, _, number = text.partition("=")
        measure = next((known for known in names if known.lower() == name.strip().lower()), None)
        if measure is None:
            raise ValueError(f"no measure {name.strip()!r}; there are {', '.join(names)}")
        try:
            least = float(number)
        except ValueError:
            least = -1.0
        if not 0 <= least <= 1:
            raise ValueError(f"{text!r} needs a number from 0 to 1, as in {measure}=0.45")
        return cls(measure, least)


def below_thresholds(sets: Iterable[MeasuredSet], thresholds: Sequence[Threshold]) -> list[str]:
    """A sentence for every set and threshold that ours does not reach."""
    sentences = []
    for measured in sets:
        for threshold in thresholds:
            mean = measured.figures.methods[OURS][threshold.measure].mean
            if mean >= threshold.least:
                continue
            state = f"is {mean:.4f}, below {threshold.least:g}" if measured.query_ids else "has no questions"
            sentences.append(f"{measured.label}: {threshold.measure} of ours {state}.")
    return sentences


@dataclass(frozen=True)
class Before:
    """nDCG@10 of ours as an earlier run had it; `per_query` is empty where it was not kept."""

    interval: Interval
    per_query: dict[str, float]


Baseline = dict[tuple[str, str, bool], Before]  # (corpus, split, generated)


def read_baseline(path: Path) -> Baseline:
    """The sets of a file that `evaluate_retrieval.py --json` wrote."""
    remedy = "write it with evaluate_retrieval.py --json"
    try:
        content = json.loads(path.read_bytes())  # in any UTF, with a mark or without
    except OSError as error:
        raise CorpusError(f"{path} cannot be read ({error.strerror or error}); {remedy}") from error
    except ValueError as error:
        raise CorpusError(f"{path} is not JSON ({error}); {remedy}") from error
    try:
        return dict(map(_before, content if isinstance(content, list) else [content]))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CorpusError(f"{path} holds no {MAIN} of {OURS} with its interval; {remedy}") from error


def _before(item: dict[str, Any]) -> tuple[tuple[str, str, bool], Before]:
    figures = item["methods"][OURS][MAIN]
    mean, low, high = (float(figures[name]) for name in ("mean", "low", "high"))
    per_query = item.get("per_query", {}).get(OURS, {}).get(MAIN, {})
    return (str(item["corpus"]), str(item.get("split", "")), bool(item.get("generated", False))), Before(
        Interval(mean, low, high, int(item["n"])),
        {str(query_id): float(value) for query_id, value in per_query.items()},
    )


def worse_than_baseline(sets: Sequence[MeasuredSet], baseline: Baseline, path: Path) -> list[str]:
    """A sentence for every set on which ours got significantly worse.

    Paired where the baseline holds the values of at least one of the same queries; else the difference
    of two independent means, whose standard errors are read off their intervals, which finds less.
    Raises CorpusError when the baseline holds none of the sets.
    """
    pairs = [(measured, _baseline_of(measured, baseline)) for measured in sets]
    if not any(before for _, before in pairs):
        known = ", ".join(sorted({key[0] for key in baseline})) or "nothing"
        raise CorpusError(f"{path} holds none of these sets, only {known}; write it anew with --json")
    sentences = []
    for measured, before in pairs:
        if before is None:
            continue
        change, what = _change(measured, before)
        if change.high < 0:
            sentences.append(
                f"{measured.label}: {MAIN} of ours got significantly worse, by {-change.mean:.4f}"
                f" [{-change.high:.4f}, {-change.low:.4f}], {what} {path.name}."
            )
    return sentences


def not_in_baseline(sets: Iterable[MeasuredSet], baseline: Baseline) -> list[str]:
    """Labels of the sets that cannot be compared."""
    return [measured.label for measured in sets if _baseline_of(measured, baseline) is None]


def _baseline_of(measured: MeasuredSet, baseline: Baseline) -> Before | None:
    """The set of the same name, split and origin; a file without splits is taken to mean this one."""
    found = (baseline.get((measured.name, split, measured.generated)) for split in (measured.split, ""))
    return next(filter(None, found), None)


def _change(measured: MeasuredSet, before: Before) -> tuple[Interval, str]:
    """The difference now - before with its interval, and what it was measured on."""
    now = dict(zip(measured.query_ids, measured.main(OURS).tolist(), strict=True))
    shared = [query_id for query_id in now if query_id in before.per_query]
    if shared:
        differences = [now[query_id] - before.per_query[query_id] for query_id in shared]
        return (
            evaluate.mean_interval(np.round(differences, 5).tolist()),  # the file holds rounded values
            f"on the same {count(len(shared), 'question')} as in",
        )
    old, new = before.interval, measured.figures.methods[OURS][MAIN]
    half = float(np.hypot((old.high - old.low) / 2, (new.high - new.low) / 2))
    mean = new.mean - old.mean
    return Interval(mean, mean - half, mean + half, new.n), "unpaired, from the intervals in"
