"""How fast and how large the index is: python scripts/benchmark.py --haystack DIR [--set DIR]

embedding  Passages a second, ours and `SentenceTransformer.encode` in float32 as it comes, on the same passages
           in turns; what the difference costs in nDCG@10 on the judged questions of --set. Beside the precision of
           this CPU that of CPUs without bfloat16, int8.
rebuild    The haystack from nothing, with nothing changed, with one document changed.
search     Median and 99th percentile of each stage, the share of the ten nearest passages (by exact search) that
           the pool holds, resident memory, opening time; at every size, each in a process of its own.
answer     Median and 95th percentile of a whole answer and of its stages, over the haystack as it is, and of the
           trained reader on all passages that were found.

How an index of many passages is made. The haystack's passages come first, as they are. Then they are repeated
until there are enough, each repetition with changed words and vectors. Words: in what BM25 reads, one in five is
replaced by a word drawn at random from the whole haystack, and one in a hundred by a word of this repetition
alone, so that vocabulary and posting lists grow as they do in a corpus; the stored text stays as it was. Vectors:
a passage v becomes unit(v + u / 2 + e), where u is another passage drawn at random and e is Gaussian noise of
length 0.4, so that repetitions lie between the passages there are and not in a cloud about each of them; its
sentences get the same u and noise of their own. The files are written and checked by the functions that write
every index. The questions are the haystack's own.
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from chatbot import evaluate
from chatbot.answer import Chatbot, candidates
from chatbot.corpus import Document, corpus_files, read_documents, read_qrels, read_queries, split_queries
from chatbot.encoder import INT8, Encoder, Vectors, load_encoder, packaged_model, unit_rows
from chatbot.errors import ChatbotError
from chatbot.index import (
    NEAREST,
    POOL,
    PassageIndex,
    PassageVectors,
    Source,
    build_index,
    current_generation,
    publish,
    write_generation,
)
from chatbot.progress import build_bar
from chatbot.reader import load_network_reader

PROJECT = Path(__file__).resolve().parents[1]
PARTS = ("embedding", "rebuild", "search", "answer")
SIZES = (20_000, 200_000, 1_000_000)
QUESTIONS = 500
ROUNDS = 3  # of each encoder, in turns; the median counts
CHANGED, NEW = 0.2, 0.01  # of a passage's words
NEIGHBOUR, NOISE = 0.5, 0.4  # lengths of what is added to a unit vector
BLOCK = 1024  # passages whose vectors are made at a time
SEED = 20
STAGES = ("encode", "search", "read")  # of an answer
TEN = "ten passages"  # read by the network, of which an answer takes those that come near the best

Timed = Callable[[], Any]


@dataclass(frozen=True)
class Embedding:
    """Passages a second; `ratio` is ours over the baseline's."""

    n: int
    precision: str
    ours: float
    baseline: float
    ratio: float


@dataclass(frozen=True)
class Quality:
    """nDCG@10 of our search with the encoder's precision and with float32; `difference` with its interval."""

    n: int
    precision: str
    ours: float
    baseline: float
    difference: tuple[float, float, float]  # mean, low, high


@dataclass(frozen=True)
class Rebuild:
    """One build: passages and seconds."""

    build: str
    passages: int
    embedded: int
    seconds: float


@dataclass(frozen=True)
class Search:
    """`milliseconds`: stage -> (median, 99th percentile); `search` is all but the encoder."""

    passages: int
    n: int
    faiss: str
    probes: int
    threads: int
    milliseconds: dict[str, tuple[float, float]]
    recall: float
    open_seconds: float
    resident_bytes: int
    disk_bytes: int


@dataclass(frozen=True)
class Answering:
    """`milliseconds`: stage -> (median, 95th percentile); `whole` is the answer from call to return."""

    passages: int
    n: int
    milliseconds: dict[str, tuple[float, float]]


def main(argv: Sequence[str] | None = None) -> int:
    args = _parser().parse_args(argv)
    try:
        if args.measure:
            questions = json.loads(sys.stdin.read())
            print(json.dumps(asdict(measure_search(args.measure, load_encoder(args.model), questions))))
        else:
            _run(args)
    except ChatbotError as error:
        print(f"benchmark: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_haystack(parser)
    parser.add_argument(
        "--set", type=Path, metavar="DIR", help="judged questions that nDCG@10 is measured on"
    )
    parser.add_argument("--split", default="test", help="which qrels/<split>.tsv of --set (default: test)")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="default: all")
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES, metavar="N", help="passages to search")
    parser.add_argument(
        "--passages", type=int, default=1000, metavar="N", help="passages to embed in a round"
    )
    parser.add_argument("--questions", type=int, default=QUESTIONS, metavar="N", help="questions to search")
    parser.add_argument("--work", type=Path, metavar="DIR", help="keep the indexes here, and use those there")
    parser.add_argument("--model", metavar="NAME", help="another encoder: a model's name or folder")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="draw time and memory over size")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure")
    parser.add_argument(
        "--quick", action="store_true", help="a smoke test: a few passages, no figure to trust"
    )
    parser.add_argument("--measure", type=Path, metavar="INDEX", help=argparse.SUPPRESS)
    return parser


def add_haystack(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--haystack", type=Path, metavar="DIR", default=PROJECT / "corpus",
        help="documents to embed, build and search, with or without queries.jsonl (default: the project's corpus)",
    )  # fmt: skip


def _run(args: argparse.Namespace) -> None:
    if args.quick:
        args.sizes, args.passages, args.questions = [200, 400], 64, 20
    encoder = load_encoder(args.model)
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as temporary:
        work = args.work or Path(temporary)
        corpus, questions = take_haystack(args.haystack, work / "haystack", args.questions, args.quick)
        if "embedding" in args.parts:
            encoders = in_precisions(encoder, args.model)
            figures["embedding"] = measure_embedding(encoders, corpus, args.passages)
            _show(figures["embedding"])
            if args.set:
                figures["quality"] = measure_quality(encoders, args.set, args.split, work)
                _show(figures["quality"])
        if "rebuild" in args.parts:
            figures["rebuild"] = measure_rebuild(encoder, corpus, work / "index")
            _show(figures["rebuild"])
        if "search" in args.parts:
            figures["search"] = list(_measure_sizes(args, encoder, corpus, work, questions))
        if "answer" in args.parts:
            figures["answer"] = [measure_answers(encoder, corpus, work / "index", questions)]
            _show(figures["answer"])
    if args.json:
        rows = {part: [asdict(figure) for figure in found] for part, found in figures.items()}
        args.json.write_text(json.dumps(rows, indent=1, ensure_ascii=False), "utf-8")
    if args.plot and "search" in figures:
        plot(figures["search"], args.plot)


def _measure_sizes(
    args: argparse.Namespace, encoder: Encoder, corpus: Path, work: Path, questions: list[str]
) -> Iterator[Search]:
    folder = work / "index"
    with build_bar() as progress:
        build_index(corpus, folder, encoder, progress=progress)
    base = PassageIndex.open(folder, encoder)
    for size in args.sizes:
        made = work / f"made-{size}"
        if not (made / "CURRENT").is_file():
            make_index(base, size, made)
        measured = (
            measure_search(made, encoder, questions)
            if args.quick
            else _measure_alone(made, args.model, questions)
        )
        _show([measured])
        yield measured


def _measure_alone(folder: Path, model: str | None, questions: list[str]) -> Search:
    """`measure_search` in a process that has done nothing else."""
    command = [sys.executable, __file__, "--measure", str(folder), *(["--model", model] if model else [])]
    done = subprocess.run(
        command, input=json.dumps(questions), capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
    )  # fmt: skip
    if done.returncode:
        raise ChatbotError(f"measuring {folder} failed: {done.stderr.strip()}")
    found = json.loads(done.stdout)
    stages = {stage: (median, high) for stage, (median, high) in found["milliseconds"].items()}
    return Search(**{**found, "milliseconds": stages})


def take_haystack(
    haystack: Path, folder: Path, n_questions: int, quick: bool = False
) -> tuple[Path, list[str]]:
    """A copy of the documents, as a corpus that may be changed, and questions about them."""
    documents = [
        item for item in read_documents(haystack, corpus_files(haystack)) if isinstance(item, Document)
    ]
    documents = documents[: 40 if quick else None]
    folder.mkdir(parents=True, exist_ok=True)
    _write_corpus(folder, documents)
    asked = [query.text for query in read_queries(haystack).values()] if _has_queries(haystack) else []
    asked = asked or [document.text[:100] for document in documents]
    n = min(n_questions, len(asked))
    return folder, [asked[i * len(asked) // n] for i in range(n)]


def _has_queries(folder: Path) -> bool:
    return (folder / "queries.jsonl").is_file()


def _write_corpus(folder: Path, documents: Sequence[Document]) -> None:
    lines = [json.dumps({"_id": d.doc_id, "title": d.title, "text": d.text}) + "\n" for d in documents]
    (folder / "corpus.jsonl").write_text("".join(lines), "utf-8")


# Embedding ----------------------------------------------------------------------------------


def in_precisions(encoder: Encoder, model: str | None) -> list[Encoder]:
    """The encoder, and itself in int8 if it can have that and has not."""
    other = load_encoder(model, precision=INT8)
    return [encoder, other] if INT8 == other.precision != encoder.identity["precision"] else [encoder]


def measure_embedding(encoders: Sequence[Encoder], corpus: Path, n: int) -> list[Embedding]:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(packaged_model()), device="cpu", model_kwargs={"dtype": "float32"})
    documents = [d for d in read_documents(corpus, corpus_files(corpus)) if isinstance(d, Document)]
    texts = [documents[i * len(documents) // n].text for i in range(n)]
    baseline, *ours = in_turns(
        lambda: model.encode(texts, show_progress_bar=False),
        *(partial(encoder.encode_passages, texts) for encoder in encoders),
    )
    return [
        Embedding(n, encoder.identity["precision"], n / seconds, n / baseline, baseline / seconds)
        for encoder, seconds in zip(encoders, ours, strict=True)
    ]


def in_turns(*calls: Timed) -> list[float]:
    """Median seconds of each call over ROUNDS in which each has its turn, after one that does not count."""
    seconds = [[_seconds(call) for call in calls] for _ in range(ROUNDS + 1)]
    return [float(median) for median in np.median(seconds[1:], axis=0)]


def _seconds(call: Timed) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def measure_quality(encoders: Sequence[Encoder], judged: Path, split: str, work: Path) -> list[Quality]:
    exact = load_encoder(None, precision="float32")
    baseline, *found = (
        _ndcg(each, judged, split, work / f"set-{i}") for i, each in enumerate((exact, *encoders))
    )
    made = []
    for encoder, ours in zip(encoders, found, strict=True):
        interval = evaluate.mean_interval((ours - baseline).tolist())
        difference = (interval.mean, interval.low, interval.high)
        precision = encoder.identity["precision"]
        made.append(Quality(len(ours), precision, float(ours.mean()), float(baseline.mean()), difference))
    return made


def _ndcg(encoder: Encoder, judged: Path, split: str, folder: Path) -> NDArray[np.float64]:
    """nDCG@10 of each judged question."""
    with build_bar() as progress:
        build_index(judged, folder, encoder, progress=progress)
    qrels = read_qrels(judged, split)
    queries = evaluate.judged_queries(split_queries(judged, split), qrels)
    runs = evaluate.retrieve(PassageIndex.open(folder, encoder), queries).runs
    column = [str(measure) for measure in evaluate.MEASURES].index("nDCG@10")
    return evaluate.measure_queries(runs[evaluate.OURS], qrels, queries)[:, column]


# Rebuilding ---------------------------------------------------------------------------------


def measure_rebuild(encoder: Encoder, corpus: Path, folder: Path) -> list[Rebuild]:
    """From nothing, unchanged, with one document changed; the corpus is left as it was."""
    whole = (corpus / "corpus.jsonl").read_bytes()
    builds = [_build("from nothing", corpus, folder, encoder, force=True)]
    builds.append(_build("unchanged", corpus, folder, encoder))
    documents = [d for d in read_documents(corpus, corpus_files(corpus)) if isinstance(d, Document)]
    middle = len(documents) // 2
    documents[middle] = replace(documents[middle], text=documents[middle].text + "\n\nThis is new.")
    _write_corpus(corpus, documents)
    builds.append(_build("one document changed", corpus, folder, encoder))
    (corpus / "corpus.jsonl").write_bytes(whole)
    return builds


def _build(name: str, corpus: Path, folder: Path, encoder: Encoder, force: bool = False) -> Rebuild:
    with build_bar() as progress:
        report = build_index(corpus, folder, encoder, force=force, progress=progress)
    return Rebuild(name, report.passages, report.embedded, report.seconds)


# Many passages ------------------------------------------------------------------------------


class Repeated:
    """Passages of an index, repeated with changed words and vectors as the module's docstring says."""

    def __init__(self, base: PassageIndex, size: int) -> None:
        self.size = size
        self._base = base
        self._dice = np.random.default_rng(SEED)
        self._passages = [base.passage(row) for row in range(min(len(base), size))]
        stems: list[list[str]] = []
        source = Source()
        for number, (passage, text, title, origin) in enumerate(self._passages):
            source.documents.append(Document(passage.doc_id, title, text, origin, ()))
            source.passages.append(replace(passage, start=0, end=len(text)))
            source.document_of.append(number)
            stems.append(source.stems(number))
        self._bounds = np.cumsum([0, *map(len, stems)])
        self._stems = np.array([stem for passage in stems for stem in passage], dtype=object)

    def source(self) -> Source:
        """Every passage a document of its own."""
        made = Source()
        for number in range(self.size):
            repetition, row = divmod(number, len(self._passages))
            passage, text, title, origin = self._passages[row]
            doc_id = f"{passage.doc_id}:{passage.start}:{repetition}"
            start = passage.start
            sentences = tuple((a - start, b - start) for a, b in passage.sentences)
            made.documents.append(Document(doc_id, title, text, origin, ()))
            made.passages.append(replace(passage, doc_id=doc_id, start=0, end=len(text), sentences=sentences))
            made.document_of.append(number)
            made.splittings.append("")
        return made

    def words(self) -> Iterator[list[str]]:
        """The stems of each passage."""
        for repetition, rows in self._repetitions():
            stems = self._stems.copy()
            if repetition:
                changed = self._dice.random(len(stems)) < CHANGED
                stems[changed] = self._dice.choice(self._stems, int(changed.sum()))
                new = np.flatnonzero(self._dice.random(len(stems)) < NEW)
                stems[new] = [f"{stem}{repetition}" for stem in stems[new]]
            for row in range(rows):
                yield stems[self._bounds[row] : self._bounds[row + 1]].tolist()

    def vectors(self) -> Iterator[PassageVectors]:
        for repetition, rows in self._repetitions():
            for begin in range(0, rows, BLOCK):
                yield from self._block(range(begin, min(begin + BLOCK, rows)), changed=repetition > 0)

    def _block(self, rows: range, changed: bool) -> Iterator[PassageVectors]:
        base = self._base
        passages = np.asarray(base._passages[rows.start : rows.stop])
        bounds = np.asarray(base._offsets[rows.start : rows.stop + 1])
        sentences = np.asarray(base._sentences[bounds[0] : bounds[-1]], np.float32)
        if changed:
            drawn = self._dice.integers(len(self._passages), size=len(rows))
            others = NEIGHBOUR * base._passages[drawn]
            passages = self._moved(passages, others)
            sentences = self._moved(sentences, np.repeat(others, np.diff(bounds), axis=0))
        bounds = bounds - bounds[0]
        for i in range(len(rows)):
            yield passages[i], sentences[bounds[i] : bounds[i + 1]], base.token_signs(rows.start + i)

    def _moved(self, vectors: Vectors, others: Vectors) -> Vectors:
        noise = self._dice.standard_normal(vectors.shape, dtype=np.float32)
        return unit_rows(vectors + others + noise * np.float32(NOISE / np.sqrt(vectors.shape[1])))

    def _repetitions(self) -> Iterator[tuple[int, int]]:
        """Number of each repetition, and how many passages it has: all, or in the last what is left."""
        for repetition, begin in enumerate(range(0, self.size, len(self._passages))):
            yield repetition, min(len(self._passages), self.size - begin)


def make_index(base: PassageIndex, size: int, folder: Path) -> None:
    """An index of `size` passages in `folder`, made of those of `base`."""
    repeated = Repeated(base, size)
    source = repeated.source()
    work = folder / "made"
    work.mkdir(parents=True)
    keys = [str(number) for number in range(size)]
    vectors = tqdm(repeated.vectors(), f"making {size:,}", size, unit=" passages", disable=None, leave=False)
    write_generation(work, source, keys, vectors, repeated.words(), base.encoder, {}, [])
    publish(folder, work, base.encoder)


# Searching ----------------------------------------------------------------------------------


def measure_search(folder: Path, encoder: Encoder, questions: Sequence[str]) -> Search:
    started = time.perf_counter()
    index = PassageIndex.open(folder, encoder)
    opened = time.perf_counter() - started
    index.search(questions[0])
    taken = np.array([evaluate.stage_milliseconds(index, question) for question in questions])  # (n, stages)
    resident = resident_bytes()  # before the exact search, which reads every vector
    columns = dict(zip(evaluate.STAGES, taken.T, strict=True)) | {"search": taken[:, 1:].sum(axis=1)}
    generation = folder / current_generation(folder)
    return Search(
        passages=len(index),
        n=len(questions),
        faiss=str(index.manifest["faiss"]),
        probes=int(index.manifest.get("probes", 0)),
        threads=int(index.manifest.get("threads", 1)),
        milliseconds={
            stage: (float(np.median(column)), float(np.percentile(column, 99)))
            for stage, column in columns.items()
        },
        recall=pool_recall(index, encoder.encode_queries(questions)),
        open_seconds=opened,
        resident_bytes=resident,
        disk_bytes=sum(path.stat().st_size for path in generation.rglob("*") if path.is_file()),
    )


def measure_answers(encoder: Encoder, corpus: Path, folder: Path, questions: Sequence[str]) -> Answering:
    with build_bar() as progress:
        build_index(corpus, folder, encoder, progress=progress)
    network = load_network_reader()
    chatbot = Chatbot(folder, encoder, network)
    chatbot.answer(questions[0])
    taken: list[dict[str, float]] = []
    for question in tqdm(questions, "answering", disable=None, leave=False):
        started = time.perf_counter()
        answer = chatbot.answer(question)
        taken.append({**answer.milliseconds, "whole": (time.perf_counter() - started) * 1000})
        if network and answer.hits:
            found = candidates(answer.hits, chatbot.live())
            taken[-1][TEN] = _seconds(partial(network.judge, question, found)) * 1000
    stages = (*STAGES, "whole", TEN)
    columns = {stage: [times[stage] for times in taken if stage in times] for stage in stages}
    return Answering(
        passages=len(chatbot.live()),
        n=len(taken),
        milliseconds={
            stage: (float(np.median(column)), float(np.percentile(column, 95)))
            for stage, column in columns.items()
            if column
        },
    )


def pool_recall(index: PassageIndex, vectors: Vectors) -> float:
    """Mean share of the NEAREST passages by exact search that are among the POOL of the dense search."""
    exact = exact_nearest(index._passages, vectors)
    return float(
        np.mean([np.isin(exact[i], index.nearest(vector, POOL)).mean() for i, vector in enumerate(vectors)])
    )


def exact_nearest(passages: Vectors, vectors: Vectors, block: int = 1 << 15) -> NDArray[np.int64]:
    """(n, NEAREST) rows of the passages with the highest cosines, in no order."""
    rows = np.empty((len(vectors), 0), np.int64)
    scores = np.empty((len(vectors), 0), np.float32)
    for begin in range(0, len(passages), block):
        found = vectors @ np.asarray(passages[begin : begin + block]).T  # (n, block)
        scores = np.concatenate([scores, found], axis=1)
        numbers = np.broadcast_to(np.arange(begin, begin + found.shape[1]), found.shape)
        rows = np.concatenate([rows, numbers], axis=1)
        best = np.argpartition(-scores, min(NEAREST, scores.shape[1]) - 1, axis=1)[:, :NEAREST]
        rows, scores = np.take_along_axis(rows, best, 1), np.take_along_axis(scores, best, 1)
    return rows


def resident_bytes() -> int:
    """Of this process: now where the system tells, else at most so far."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE
    except OSError:
        import resource

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024


# Showing ------------------------------------------------------------------------------------


def _show(figures: Sequence[Any]) -> None:
    for figure in figures:
        print(to_text(figure), flush=True)


def to_text(figure: Embedding | Quality | Rebuild | Search | Answering) -> str:
    match figure:
        case Embedding():
            return (
                f"embedding: {figure.ours:.0f} passages/s in {figure.precision}, {figure.baseline:.0f} by"
                f" SentenceTransformer.encode in float32: {figure.ratio:.2f} times (n = {figure.n})"
            )
        case Quality():
            mean, low, high = figure.difference
            return (
                f"quality: nDCG@10 {figure.ours:.4f} in {figure.precision}, {figure.baseline:.4f} in float32:"
                f" {mean:+.4f} [{low:+.4f}, {high:+.4f}] (n = {figure.n})"
            )
        case Rebuild():
            return (
                f"rebuild, {figure.build}: {figure.embedded:,} of {figure.passages:,} passages embedded,"
                f" {figure.seconds:.1f} s"
            )
        case Answering():
            return (
                f"answer, {figure.passages:,} passages: median | 95th percentile in ms:"
                f" {_stages(figure.milliseconds)} (n = {figure.n})"
            )
        case Search():
            return (
                f"search, {figure.passages:,} passages ({figure.faiss}, {figure.probes} probes,"
                f" {figure.threads} threads): median | 99th percentile in ms: {_stages(figure.milliseconds)};"
                f" recall@{NEAREST} of the pool {figure.recall:.3f}; opened in {figure.open_seconds:.2f} s;"
                f" {figure.resident_bytes / 1e9:.2f} GB resident, {figure.disk_bytes / 1e9:.2f} GB on disk"
                f" (n = {figure.n})"
            )


def _stages(milliseconds: Mapping[str, tuple[float, float]]) -> str:
    return ", ".join(f"{stage} {low:.1f} | {high:.1f}" for stage, (low, high) in milliseconds.items())


def plot(found: Sequence[Search], path: Path) -> None:
    """Time a stage, and memory and disk, over the number of passages; both axes logarithmic."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ChatbotError("--plot needs matplotlib; run pip install matplotlib") from error
    sizes = [figure.passages for figure in found]
    drawing = Figure(figsize=(10, 4), layout="constrained", dpi=150)
    time_axes, memory_axes = drawing.subplots(1, 2)
    for stage, marker in zip((*evaluate.STAGES, "search"), "osD^v", strict=True):
        medians, highs = zip(*(figure.milliseconds[stage] for figure in found), strict=True)
        (line,) = time_axes.plot(sizes, medians, marker=marker, label=stage)
        time_axes.plot(sizes, highs, marker=marker, linestyle=":", color=line.get_color(), alpha=0.6)
    memory_axes.plot(sizes, [f.resident_bytes / 1e9 for f in found], marker="o", label="resident memory")
    memory_axes.plot(sizes, [f.disk_bytes / 1e9 for f in found], marker="s", label="disk")
    time_axes.set(title="Time of a search (dotted: 99th percentile)", ylabel="milliseconds")
    memory_axes.set(title="Memory of the process, and disk", ylabel="GB")
    for axes in (time_axes, memory_axes):
        axes.set(xlabel="passages", xscale="log", yscale="log", ylim=(0.1, None))
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter("")
        axes.grid(alpha=0.3)
        axes.legend()
    drawing.savefig(path)


if __name__ == "__main__":
    sys.exit(main())
