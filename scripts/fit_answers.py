"""Fit the reader's weights and the refusal model: scripts/fit_answers.py [DIR[:SPLIT[:LIMIT]] ...]

Each DIR is a corpus in the BEIR layout whose queries name evidence and answerability; by default our
own corpus' splits dev and fit. The reader's weights are those of a conditional logit (McFadden 1974) over the
sentences of the ten best passages, of which those that overlap evidence are right. The refusal model
is a logistic regression of "answerable" on the signals of `chatbot.answer`; questions of the other
sets, asked of each corpus, join as unanswerable, and every set weighs the same. The thresholds are
chosen on the first set's own questions alone, and so is the confidence of a first quote: a logistic
regression of "overlaps evidence" for those that are answered. How many quotes follow is chosen on all splits
of the first corpus. Writes chatbot/parameters.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from chatbot.answer import (
    QUOTE_SIGNALS,
    SIGNALS,
    Chatbot,
    Reading,
    answer_signals,
    choose,
    probability,
    quote_signals,
)
from chatbot.corpus import Query, split_queries
from chatbot.encoder import load_encoder
from chatbot.errors import ChatbotError, CorpusError
from chatbot.evaluate import auroc, evaluation_folder
from chatbot.index import build_index
from chatbot.reader import FEATURES, Evidence, load_network_reader
from chatbot.writing import write_at_once

ROOT = Path(__file__).resolve().parents[1]
RIGHTLY = 0.9  # of the refusals
STRANGERS = 80  # questions of other sets asked of each corpus
RELIABLE = {"evidence", "network_any", "unknown", "contrast"}  # signals, with the trained reader
# beside tokens and the trained reader these two get weights against each other (3.4 and -3.0) and add nothing
HELD_BY_TOKENS = {"cosine", "coverage"}
RIDGE = 1e-3  # on standardised weights
RAISED = (1.0, 1.1, 1.2, 1.3, 1.4, 1.5)  # times the fitted weight of the network
NEVER = {"weights": {}, "bias": 0.0, "answered": 1.1}  # nothing is answered before all is fitted

Weights = dict[str, float]


@dataclass(frozen=True)
class Case:
    """A question that was read; `right` marks the sentences that overlap its evidence."""

    query: Query
    reading: Reading
    right: NDArray[np.bool_]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "sets",
        nargs="*",
        default=[f"{ROOT / 'corpus'}:{split}" for split in ("dev", "fit")],
        metavar="DIR[:SPLIT[:LIMIT]]",
    )
    parser.add_argument(
        "--weights", type=Path, help="folder of the trained reader, by default the packaged one"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "chatbot" / "parameters.json")
    options = parser.parse_args(argv)
    try:
        fit(options)
    except ChatbotError as error:
        print(f"fit_answers: {error}", file=sys.stderr)
        return 2
    return 0


def fit(options: argparse.Namespace) -> None:
    """Raises ChatbotError, and leaves the parameters as they are, where a set cannot be read or tells nothing."""
    network = load_network_reader(options.weights)
    encoder = load_encoder()
    parameters = json.loads(options.out.read_text("utf-8")) if options.out.is_file() else {}
    chatbots, queries = [], []
    for place in options.sets:
        folder, split, limit = _parse(place)
        index = evaluation_folder(folder, ROOT)
        build_index(folder, index, encoder)
        neutral = {"reader": dict.fromkeys(FEATURES, 1.0), "refusal": NEVER, "quotes": {}}
        chatbots.append(Chatbot(index, encoder, network, {"trained": neutral, "untrained": neutral}))
        queries.append(_sample(split_queries(folder, split), limit))
    strangers = _strangers([bot.folder for bot in chatbots], queries)
    sets = [
        [_case(bot, q) for q in tqdm([*own, *others], desc=bot.folder.name)]
        for bot, own, others in zip(chatbots, queries, strangers, strict=True)
    ]
    if not any(case.right.any() for case in sets[0]):
        raise CorpusError(
            f"{options.sets[0]} has no question whose evidence was found; name a set with evidence in its metadata first"
        )
    modes = ("trained", "untrained") if network else ("untrained",)
    for mode in modes:
        left_out = HELD_BY_TOKENS if mode == "trained" else {"network"}
        used = [name for name in FEATURES if name not in left_out]
        reader = fit_reader(_by_folder(chatbots, sets), used)
        again = [
            [_reread(c, reader, b, mode) for c in cases] for cases, b in zip(sets, chatbots, strict=True)
        ]
        refusal = fit_refusal(again, mode, len(queries[0]))
        parameters[mode] = {
            "reader": reader,
            "refusal": refusal,
            "quote": fit_quote(again[0][: len(queries[0])], mode, refusal),
            "quotes": fit_quotes(_by_folder(chatbots, again)[0]),
        }
        _report(mode, again, parameters[mode])
    write_at_once(options.out, (json.dumps(parameters, indent=1) + "\n").encode())


def fit_reader(sets: Sequence[Sequence[Case]], used: Sequence[str]) -> Weights:
    """Weights under which the evidence is likeliest among the sentences read; then the network's is raised as long
    as that puts evidence first for more questions.

    The first set weighs as much as all others together: they hold little but questions for a fact. Splits of
    one corpus are one set.
    """
    columns = [FEATURES.index(name) for name in used]
    groups = [
        [
            (_matrix(case)[:, columns], case.right)
            for case in cases
            if case.query.answerable and case.right.any()
        ]
        for cases in sets
    ]
    rows = np.concatenate([matrix for group in groups for matrix, _ in group])
    mean, spread = rows.mean(0), rows.std(0) + 1e-9
    data = [
        [(torch.tensor((m - mean) / spread), torch.tensor(right)) for m, right in group]
        for group in groups
        if group
    ]

    def loss(weights: torch.Tensor) -> torch.Tensor:
        total = torch.zeros((), dtype=torch.float64)
        others = len(data) - 1
        for group in data:
            terms = [
                torch.logsumexp(m @ weights, 0) - torch.logsumexp((m @ weights)[right], 0)
                for m, right in group
            ]
            total = total + torch.stack(terms).mean() * (max(1, others) if group is data[0] else 1)
        return total / (max(1, others) + others)

    weights = _minimise(loss, len(columns)) / spread
    if "network" in used:
        place = used.index("network")
        raised = [np.where(np.arange(len(used)) == place, factor * weights, weights) for factor in RAISED]
        weights = max(raised, key=lambda some: _share_right(groups, some))  # of equals the lowest
    return {name: round(float(weight), 4) for name, weight in zip(used, weights, strict=True)}


def _by_folder(chatbots: Sequence[Chatbot], sets: Sequence[list[Case]]) -> list[list[Case]]:
    merged: dict[Path, list[Case]] = {}
    for bot, cases in zip(chatbots, sets, strict=True):
        merged.setdefault(bot.folder, []).extend(cases)
    return list(merged.values())


def _share_right(
    groups: Sequence[Sequence[tuple[NDArray[np.float64], NDArray[np.bool_]]]], weights: NDArray[np.float64]
) -> float:
    """Of the questions, weighed as in `fit_reader`, those whose best sentence is evidence."""
    first, *others = [
        float(np.mean([right[np.argmax(m @ weights)] for m, right in group])) for group in groups if group
    ]
    return first * max(1, len(others)) + sum(others)


def fit_refusal(sets: Sequence[Sequence[Case]], mode: str, own: int) -> dict[str, Any]:
    """Logistic weights of the signals; the thresholds from the `own` first cases of the first set."""
    names = [name for name in SIGNALS if _tells(name, mode)]
    used = [SIGNALS.index(name) for name in names]
    rows = [np.array([case.reading.signals[used] for case in cases]) for cases in sets]
    labels = [np.array([case.query.answerable for case in cases]) for cases in sets]
    model = _logistic(names, rows, labels)
    return {**model, **_thresholds(sets[0][:own], model)}


def fit_quote(cases: Sequence[Case], mode: str, refusal: dict[str, Any]) -> dict[str, Any]:
    """Logistic weights of the signals of a first quote, from the questions that `refusal` lets be answered."""
    names = [name for name in QUOTE_SIGNALS if (name == "score") == (mode == "untrained") or name == "share"]
    used = [QUOTE_SIGNALS.index(name) for name in names]
    answered = [case for case in cases if _is_answered(case, refusal)]
    signals = [quote_signals(case.reading.evidence[0], case.reading)[used] for case in answered]
    return _logistic(names, [np.array(signals)], [np.array([case.right[0] for case in answered])])


def _is_answered(case: Case, refusal: dict[str, Any]) -> bool:
    sure = probability(case.reading.signals, refusal["weights"], refusal["bias"])
    return bool(case.reading.evidence) and sure >= refusal["answered"]


def _logistic(
    names: Sequence[str], rows: Sequence[NDArray[np.float64]], labels: Sequence[NDArray[np.bool_]]
) -> dict[str, Any]:
    """Weights and bias of a logistic regression in which every set weighs the same."""
    everything = np.concatenate(rows)
    mean, spread = everything.mean(0), everything.std(0) + 1e-9
    features = torch.tensor((everything - mean) / spread)
    wanted = torch.tensor(np.concatenate(labels), dtype=torch.float64)
    shares = torch.tensor(np.concatenate([np.full(len(some), 1 / len(some)) for some in rows])) / len(rows)

    def loss(weights: torch.Tensor) -> torch.Tensor:
        logits = features @ weights[1:] + weights[0]
        return (
            shares * torch.nn.functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
        ).sum()

    fitted = _minimise(loss, len(names) + 1)
    weights = fitted[1:] / spread
    return {
        "weights": {name: round(float(w), 4) for name, w in zip(names, weights, strict=True)},
        "bias": round(float(fitted[0] - weights @ mean), 4),
    }


def _tells(signal: str, mode: str) -> bool:
    """Whether the refusal model may use a signal.

    With the trained reader four are better than all: nearness to the question says little of a question
    without names, which may be near nothing, or of one just beside what is told, which is near much.
    AUROC, cross-validated, of four and of all: dev .972, .966; fit .701, .603; strangers in squad2 .985, .985.
    A fifth, whether the best sentence's passage has every name of the question, gains .001 to .007 on dev, fit, squad2 and clapnq;
    but test fell from .930 to .918 and held out from .877 to .872, for a name may have another form there.
    """
    return signal in RELIABLE if mode == "trained" else not signal.startswith("network")


def _thresholds(cases: Sequence[Case], model: dict[str, Any]) -> dict[str, float]:
    """`answered` is the highest with which nine of ten refusals are right, so that few are refused that the documents
    answer; below `closest` lies a half of what must be refused."""
    scores = np.array([probability(c.reading.signals, model["weights"], model["bias"]) for c in cases])
    refuse = np.array([not c.query.answerable for c in cases])
    grid = np.round(np.arange(0.05, 0.95, 0.01), 2)
    right = np.array([(refuse & (scores < t)).sum() >= RIGHTLY * (scores < t).sum() for t in grid])
    answered = float(grid[right].max(initial=grid[0]))
    low = float(np.median(scores[refuse])) if refuse.any() else answered / 2
    return {"answered": answered, "closest": round(min(low, answered), 2)}


def fit_quotes(cases: Sequence[Case]) -> dict[str, float]:
    """How far below the best sentence a further quote may score: the smallest margins at which 95 of a
    hundred of the questions that four quotes would answer are answered. Reasons and the like are told in several
    sentences, so their margin is at least 1."""
    chosen: dict[str, float] = {}
    for name, least, kinds in (
        ("narrow_margin", 0, {"date", "number", "person", "place"}),
        ("broad_margin", 1, {"reason", "manner", "yes_no", "other"}),
    ):
        some = [
            c for c in cases if c.query.answerable and c.reading.asked.kind in kinds and c.reading.evidence
        ]
        grid = np.arange(least, 6.25, 0.25)
        shares = np.array([np.mean([_answered(c, float(m)) for c in some]) if some else 0.0 for m in grid])
        chosen[name] = float(grid[int(np.argmax(shares >= 0.95 * shares[-1]))])
    return chosen


def _answered(case: Case, margin: float) -> bool:
    settings = {"narrow_margin": margin, "broad_margin": margin}
    quotes = choose(case.reading.evidence, case.reading.hits, settings, case.reading.asked)
    return any(_overlaps(case.query, case.reading, quote) for quote in quotes)


def _overlaps(query: Query, reading: Reading, item: Evidence) -> bool:
    doc_id = reading.hits[item.candidate].passage.doc_id
    return any(piece.overlaps(doc_id, item.span) for piece in query.evidence)


def _case(bot: Chatbot, query: Query) -> Case:
    reading = bot.reading(query.text, query.history)
    return Case(query, reading, np.array([_overlaps(query, reading, e) for e in reading.evidence], bool))


def _reread(case: Case, weights: Weights, bot: Chatbot, mode: str) -> Case:
    """The case as these weights would have read it."""
    vector = np.array([weights.get(name, 0.0) for name in FEATURES])
    evidence = [replace(e, score=float(e.features @ vector)) for e in case.reading.evidence]
    if mode == "untrained":
        blank = np.array([name != "network" for name in FEATURES], float)
        evidence = [replace(e, features=e.features * blank) for e in evidence]
    evidence.sort(key=lambda e: -e.score)
    old = case.reading
    signals = answer_signals(old.asked, old.pool, old.hits, evidence, bot.index)
    reading = replace(old, evidence=evidence, signals=signals)
    return Case(case.query, reading, np.array([_overlaps(case.query, reading, e) for e in evidence], bool))


def _matrix(case: Case) -> NDArray[np.float64]:
    return np.array([e.features for e in case.reading.evidence])


def _minimise(loss: Callable[[torch.Tensor], torch.Tensor], size: int) -> NDArray[np.float64]:
    weights = torch.zeros(size, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=300, line_search_fn="strong_wolfe")

    def step() -> torch.Tensor:
        optimizer.zero_grad()
        value = loss(weights) + RIDGE * (weights**2).sum()
        value.backward()  # type: ignore[no-untyped-call]  # torch's own
        return value

    optimizer.step(step)  # type: ignore[no-untyped-call]
    return weights.detach().numpy()


def _strangers(folders: Sequence[Path], queries: Sequence[Sequence[Query]]) -> list[list[Query]]:
    """For each set `STRANGERS` answerable questions of other corpora; none where an earlier set has them."""
    made: list[list[Query]] = []
    for i, folder in enumerate(folders):
        others = [q for other, some in zip(folders, queries, strict=True) if other != folder for q in some]
        able = [q for q in others if q.answerable and not q.history] if folder not in folders[:i] else []
        made.append([replace(q, answerable=False, evidence=()) for q in _sample(able, STRANGERS)])
    return made


def _sample(queries: Sequence[Query], limit: int) -> list[Query]:
    if len(queries) <= limit:
        return list(queries)
    chosen = np.random.default_rng(0).choice(len(queries), limit, replace=False)
    return [queries[i] for i in sorted(chosen)]


def _parse(place: str) -> tuple[Path, str, int]:
    folder, *rest = place.split(":")
    return Path(folder), rest[0] if rest else "dev", int(rest[1]) if len(rest) > 1 else 10**9


def _report(mode: str, sets: Sequence[Sequence[Case]], parameters: dict[str, Any]) -> None:
    refusal = parameters["refusal"]
    print(json.dumps({mode: parameters}))
    for cases in sets:
        right = [bool(c.right[0]) for c in cases if c.query.answerable and c.query.evidence]
        scores = np.array(
            [probability(c.reading.signals, refusal["weights"], refusal["bias"]) for c in cases]
        )
        able = np.array([c.query.answerable for c in cases])
        ranked = float(auroc(scores, able, np.ones((1, len(scores))))[0])
        print(
            f"{mode}: first sentence right {np.mean(right):.3f} (n={len(right)}), AUROC {ranked:.3f} (n={len(cases)})"
        )


if __name__ == "__main__":
    raise SystemExit(main())
