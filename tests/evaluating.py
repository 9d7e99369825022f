"""What the tests of the evaluation share: small sets of questions, the scripts, and how a page is read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np

from chatbot import evaluate, report

QUESTIONS = (
    ("q1", "What is the Missouri?", "ships.md"),
    ("q2", "How long does an oak live?", "trees.md"),
    ("q3", "Which river forms a border?", "rivers.txt"),
)
HARMFUL = "<script>alert('$x_1$')</script> & \"more\""


def write_questions(folder: Path, questions: Sequence[tuple[str, str, str]], kind: str = "direct") -> None:
    lines = [{"_id": i, "text": text, "metadata": {"kind": kind}} for i, text, _ in questions]
    with (folder / "queries.jsonl").open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    (folder / "qrels").mkdir(exist_ok=True)
    qrels = folder / "qrels" / "test.tsv"
    head = "" if qrels.exists() else "query-id\tcorpus-id\tscore\n"
    with qrels.open("a", encoding="utf-8") as file:
        file.write(head + "".join(f"{i}\t{doc_id}\t1\n" for i, _, doc_id in questions))


def measured_set(
    ours: Sequence[float], others: Sequence[float] = (), *, name: str = "s", generated: bool = False
) -> report.MeasuredSet:
    """A set with these values of every measure; dense, BM25 and RRF have the others'."""
    n, width = len(ours), len(evaluate.MEASURES)
    rows = {"dense": others or ours, "bm25": others or ours, "rrf": others or ours, "ours": ours}
    values = {
        method: np.repeat(np.array(row, np.float64)[:, None], width, 1).reshape(n, width)
        for method, row in rows.items()
    }
    names = [str(measure) for measure in evaluate.MEASURES]
    figures = evaluate.RetrievalReport(
        corpus=name,
        documents=1,
        passages=1,
        n=n,
        methods={m: dict(zip(names, evaluate.mean_intervals(v), strict=True)) for m, v in values.items()},
        difference={
            f"ours-{m}": dict(zip(names, evaluate.compare(values["ours"], values[m]), strict=True))
            for m in ("dense", "bm25", "rrf")
        },
        milliseconds=evaluate.summarise_milliseconds([1.0] * n),
    )
    ids = tuple(f"q{number}" for number in range(n))
    stages = dict.fromkeys(("encode", "dense", "lexical", "fuse"), (1.0, 3.0))
    return report.MeasuredSet(figures, "test", generated, ids, values, "hash", stages)


class Page(HTMLParser):
    """What a browser would see: tags that are not closed, tags, ids, and what the page loads."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in {"meta"}:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in {"href", "src", "xlink:href"}:
                self.references.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


DOCUMENTS = {
    "moon": "The Moon goes round the Earth in 27 days. It has no air.",
    "tea": "Tea is brewed with hot water. Green tea wants water of 80 degrees.",
    "chess": "Chess is played on 64 squares. White moves first.",
}
QUERIES = [  # id, question, document, answer
    ("q1", "How many squares has a chess board?", "chess", "64"),
    ("q2", "How many degrees does green tea want?", "tea", "80 degrees"),
    ("q3", "How long does the Moon go round the Earth?", "moon", "27 days"),
    ("q4", "Who invented the violin?", "", ""),
]
PARAMETERS = {  # answer what shares a good part of its words with a sentence
    "reader": {"coverage": 1.0},
    "refusal": {"weights": {"coverage": 10.0}, "bias": -3.0, "closest": 0.1, "answered": 0.5},
    "quote": {"weights": {}, "bias": 0.0},
    "quotes": {"broad_margin": 0.0, "narrow_margin": 0.0},
}


def query_line(query: tuple[str, str, str, str]) -> dict[str, Any]:
    query_id, text, doc_id, answer = query
    if not doc_id:
        return {"_id": query_id, "text": text, "metadata": {"answerable": False, "kind": "off_topic"}}
    start = DOCUMENTS[doc_id].index(answer)
    evidence = [{"doc": doc_id, "start": start, "end": start + len(answer)}]
    metadata = {"answers": [answer], "evidence": evidence, "kind": "direct"}
    return {"_id": query_id, "text": text, "metadata": metadata}


def write_lines(path: Path, records: Iterable[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
