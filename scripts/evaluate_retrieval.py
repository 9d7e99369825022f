"""Measures how well the search finds the judged documents of a corpus.

    python scripts/evaluate_retrieval.py                    # the project's own corpus and questions
    python scripts/evaluate_retrieval.py DIR --limit 100    # any folder in the BEIR layout
    python scripts/evaluate_retrieval.py DIR:dev DIR:test --report report.html
    python scripts/evaluate_retrieval.py DIR --fail-below nDCG@10=0.45 --baseline before.json
    python scripts/evaluate_retrieval.py DIR --compare a.trec b.trec
    python scripts/evaluate_retrieval.py DIR --make-questions 50 DIR

DIR holds corpus.jsonl, queries.jsonl and qrels/<split>.tsv. Unanswerable questions are left out.
Exit code: 1 when a gate (--fail-below, --baseline) fails, 2 when something cannot be used.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from chatbot import evaluate, report, report_page, starting
from chatbot.corpus import read_qrels, split_queries
from chatbot.encoder import Encoder, load_encoder
from chatbot.errors import ChatbotError, EncoderError
from chatbot.feedback import Feedback
from chatbot.index import PassageIndex
from chatbot.reader import NetworkReader, load_network_reader
from chatbot.writing import stream_utf8

PROJECT = Path(__file__).resolve().parents[1]
COMPARED = 10  # worst questions of a comparison, unless --worst says otherwise

Measured = tuple[report.MeasuredSet, list[evaluate.Miss]]


def main(argv: Sequence[str] | None = None) -> int:
    parser = _parser()
    args = parser.parse_args(argv)
    stream_utf8()
    places = list(dict.fromkeys(report.Place.parse(text, args.split) for text in args.places))
    if len(places) > 1 and (args.index or args.questions or args.compare or args.make_questions):
        parser.error("--index, --questions, --compare and --make-questions take one DIR")
    try:
        if args.make_questions:
            return _make_questions(args, places[0])
        if args.compare:
            return _compare(args, places[0])
        return _evaluate(args, places)
    except ChatbotError as error:
        print(error, file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="nDCG@10, R@10, R@100, RR@10, Success@1, Success@5 and AP of dense, BM25,"
        " reciprocal rank fusion and our own search on the same questions, with 95 % intervals."
    )
    parser.add_argument(
        "places", metavar="DIR[:SPLIT]", nargs="*", default=[str(PROJECT / "corpus")],
        help="folders with corpus.jsonl, queries.jsonl, qrels/ (default: the project's corpus)",
    )  # fmt: skip
    parser.add_argument("--split", default="test", help="which qrels/<split>.tsv (default: test)")
    parser.add_argument(
        "--questions", type=Path, metavar="FOLDER", help="folder of queries.jsonl and qrels/, if not DIR"
    )
    parser.add_argument(
        "--limit", type=evaluate.whole_number, metavar="N", help="N questions, evenly spread over the split"
    )
    parser.add_argument(
        "--rerank", action="store_true", help="also ours with its best passages read by the trained reader"
    )
    parser.add_argument("--index", type=Path, metavar="FOLDER", help="where the index is, or is built")
    parser.add_argument("--model", metavar="NAME", help="another encoder: a model's name or folder")
    parser.add_argument(
        "--run", type=Path, metavar="FILE", help="write TREC runs: r.trec gives r.ours.trec …"
    )
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    parser.add_argument("--worst", type=evaluate.whole_number, metavar="N", help="list the N worst questions")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write a page of figures (HTML)")
    parser.add_argument(
        "--fail-below", type=_threshold, action="append", default=[], metavar="MEASURE=X",
        help="exit 1 when ours is below X on any set, as in nDCG@10=0.45; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--baseline", type=Path, metavar="FILE",
        help="exit 1 when ours got significantly worse than in FILE, which --json wrote",
    )  # fmt: skip
    parser.add_argument(
        "--compare", type=Path, nargs=2, metavar=("A", "B"), help="compare two TREC runs instead of searching"
    )
    parser.add_argument(
        "--make-questions", nargs=2, metavar=("N", "FOLDER"),
        help="write a starting set of N questions to FOLDER (queries.jsonl, qrels/dev.tsv) instead of searching",
    )  # fmt: skip
    return parser


def _threshold(text: str) -> report.Threshold:
    try:
        return report.Threshold.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _evaluate(args: argparse.Namespace, places: Sequence[report.Place]) -> int:
    if args.report:
        report_page.require_page(args.report)
    if args.run and not args.run.parent.is_dir():  # before anything is measured
        raise ChatbotError(f"{args.run} cannot be written; name a file in a folder that exists with --run")
    baseline = report.read_baseline(args.baseline) if args.baseline else {}
    encoder = load_encoder(args.model)
    network = load_network_reader() if args.rerank else None
    if args.rerank and network is None:
        raise EncoderError("the trained reader's weights are missing; install the package again")
    measured = [
        item
        for place, name in zip(places, report.set_names(places), strict=True)
        for item in _measure(args, place, name, encoder, network, alone=len(places) == 1)
    ]
    sets = [item for item, _ in measured]
    if args.report:
        report_page.write_page(args.report, report_page.draw_page(sets))
        print(f"wrote {args.report}", file=sys.stderr)
    if args.json:
        objects = [_to_json(*item) for item in measured]
        content = objects[0] if len(objects) == 1 else objects
        print(json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False))
    else:
        print("\n\n".join(part for item in measured for part in _to_text(*item)))
    failed = report.below_thresholds(sets, args.fail_below)
    if args.baseline:
        failed += report.worse_than_baseline(sets, baseline, args.baseline)
        for label in report.not_in_baseline(sets, baseline):
            print(f"{label} is not in {args.baseline} and was not compared", file=sys.stderr)
    for sentence in failed:
        print(sentence, file=sys.stderr)
    return 1 if failed else 0


def _measure(
    args: argparse.Namespace,
    place: report.Place,
    name: str,
    encoder: Encoder,
    network: NetworkReader | None,
    *,
    alone: bool,
) -> Iterator[Measured]:
    """One set, or two where both people and a program asked."""
    corpus, asked = place.folder, args.questions or place.folder
    qrels = read_qrels(asked, place.split)
    judged = evaluate.judged_queries(split_queries(asked, place.split), qrels)
    queries = evaluate.spread(judged, args.limit)
    folder = args.index or evaluate.evaluation_folder(corpus, PROJECT, args.model)
    evaluate.bring_up_to_date(corpus, folder, encoder)
    index = PassageIndex.open(folder, encoder)
    _warn_of_missing(evaluate.missing_documents(index, qrels, queries))

    asking = tqdm(queries, desc="searching", unit="question", disable=None)
    retrieval = evaluate.retrieve(index, asking, network)
    if args.run:
        marked = f"{args.run.stem}.{re.sub(r'[/:]', '-', name)}"
        target = args.run if alone else args.run.with_stem(marked)
        for path in evaluate.write_runs(target, retrieval.runs):
            print(f"wrote {path}", file=sys.stderr)
    milliseconds = dict(zip((query.query_id for query in queries), retrieval.milliseconds, strict=True))
    for part in report.by_origin(queries):
        measured = report.measure_set(
            name, place.split, index, part, qrels, retrieval,
            [milliseconds[query.query_id] for query in part],
            cases=report.CASES if args.report else 0,
        )  # fmt: skip
        yield (
            measured,
            evaluate.worst_retrieved(
                index,
                part,
                qrels,
                retrieval.runs[evaluate.OURS],
                measured.values[evaluate.OURS],
                args.worst or 0,
            ),
        )


def _to_json(measured: report.MeasuredSet, worst: Sequence[evaluate.Miss]) -> dict[str, Any]:
    extra = {"worst": [miss.to_json() for miss in worst]} if worst else {}
    return {**measured.to_json(), **extra}


def _to_text(measured: report.MeasuredSet, worst: Sequence[evaluate.Miss]) -> list[str]:
    return [measured.to_text(), *(miss.to_text() for miss in worst)]


def _compare(args: argparse.Namespace, place: report.Place) -> int:
    folder = args.questions or place.folder
    qrels = read_qrels(folder, place.split)
    queries = evaluate.judged_queries(split_queries(folder, place.split), qrels)
    comparison = report.compare_runs(args.compare[0], args.compare[1], queries, qrels)
    worst = COMPARED if args.worst is None else args.worst
    if args.json:
        print(json.dumps(comparison.to_json(worst), ensure_ascii=False, indent=2, allow_nan=False))
    else:
        print(comparison.to_text(worst))
    return 0


def _make_questions(args: argparse.Namespace, place: report.Place) -> int:
    corpus, target = place.folder, Path(args.make_questions[1])
    n = starting.question_count(args.make_questions[0])
    index = args.index or evaluate.evaluation_folder(corpus, PROJECT, args.model)
    votes, _ = Feedback(index / "feedback.jsonl").votes()
    questions = starting.make_questions(corpus, n, votes)
    for path in starting.write_questions(questions, corpus, target):
        print(f"wrote {path}", file=sys.stderr)
    origins = Counter(question.origin for question in questions)
    counts = ", ".join(f"{count} from {origin}" for origin, count in origins.most_common())
    print(f"{len(questions)} questions: {counts}\n{starting.FAVOURED}")
    return 0


def _warn_of_missing(doc_ids: Sequence[str]) -> None:
    if doc_ids:
        print(
            f"{len(doc_ids)} judged documents are not in the corpus and count as not found:"
            f" {', '.join(doc_ids[:5])}{' …' if len(doc_ids) > 5 else ''}",
            file=sys.stderr,
        )


if __name__ == "__main__":
    sys.exit(main())
