"""How well the search finds, and how far an answer can be trusted.

Retrieval: queries → runs (one a method) → measures by ir_measures → intervals, paired differences.
Answers: queries → outcomes → shares, refusal figures, the risk–coverage curve.

Every figure is a function of one weight a query. Weights of 1 give the figure itself; how often a
resample drew each query gives its bootstrap distribution (Efron & Tibshirani 1993, chapter 13).
"""

from __future__ import annotations

import hashlib
import math
import random
import re
import string
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ir_measures
import numpy as np
from ir_measures import AP, RR, R, Success, nDCG
from numpy.typing import NDArray

from chatbot.answer import REFUSALS, Answer, Chatbot, Citation, candidates, confidence_word, joint_score
from chatbot.conversation import standalone
from chatbot.corpus import Evidence, Qrels, Query
from chatbot.encoder import Encoder
from chatbot.errors import ChatbotError, CorpusError, IndexBroken, IndexMismatch, IndexMissing, QuestionError
from chatbot.index import METHODS, POOL, PassageIndex, Pool, build_index, current_generation, read_manifest
from chatbot.progress import build_bar
from chatbot.reader import READ_AT_MOST, NetworkReader, worth_reading
from chatbot.spelling import SHORTEST
from chatbot.suggested import evenly

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Run = dict[str, dict[str, float]]  # query_id -> doc_id -> score, best first, no two scores equal
Statistic = Callable[[Floats], Floats]  # (b, n) weights -> (b, m) figures

MEASURES = (nDCG @ 10, R @ 10, R @ 100, RR @ 10, Success @ 1, Success @ 5, AP)
OURS = "ours"
RERANKED = "reranked"
POOL_DEPTH = 200  # passages of each retriever; leaves 100 documents where some have two passages
RUN_DEPTH = 100  # documents a run keeps; R@100 needs no more, and AP is AP over these
RESAMPLES = 10_000
SEED = 2013
BLOCK = 1_000_000  # weights held at a time, 8 MB
CURVE_POINTS = 20
BINS = 10  # of a calibration
SHORT_ANSWER_WORDS = 5


# Intervals ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Interval:
    """A mean over n queries and its 95 % bootstrap percentile interval; NaN where undefined."""

    mean: float
    low: float
    high: float
    n: int

    def to_json(self) -> dict[str, float | None]:
        values = {"mean": self.mean, "low": self.low, "high": self.high}
        return {name: None if math.isnan(value) else value for name, value in values.items()}

    def __str__(self) -> str:
        if math.isnan(self.mean):
            return "–"
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def bootstrap(statistic: Statistic, n: int) -> list[Interval]:
    """One interval for each of the m figures of `statistic`, from the same resamples.

    A resample in which a figure is undefined (NaN) does not count for that figure.
    """
    if n == 0:
        m = statistic(np.zeros((1, 0))).shape[1]
        return [Interval(math.nan, math.nan, math.nan, 0)] * m
    means = statistic(np.ones((1, n)))[0]  # (m,)
    samples = np.concatenate([statistic(weights) for weights in _resamples(n)])  # (RESAMPLES, m)
    samples = samples.round(12)  # equal data summed in another order must give an equal figure
    intervals = []
    for mean, column in zip(means.round(12).tolist(), samples.T, strict=True):
        defined = column[~np.isnan(column)]
        if math.isnan(mean) or not len(defined):
            intervals.append(Interval(mean, math.nan, math.nan, n))
        else:
            low, high = np.percentile(defined, (2.5, 97.5)).tolist()
            intervals.append(Interval(mean, low, high, n))
    return intervals


def _resamples(n: int) -> Iterator[Floats]:
    """(b, n) blocks of how often each of n queries was drawn; RESAMPLES rows in all."""
    random = np.random.default_rng(SEED)
    for rows in _blocks(n):
        drawn = random.integers(n, size=(rows, n)) + n * np.arange(rows)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=rows * n)
        yield counts.reshape(rows, n).astype(np.float64)


def _blocks(n: int) -> Iterator[int]:
    """How many resamples of n queries to hold at a time; RESAMPLES in all."""
    size = max(1, BLOCK // n)
    return (min(size, RESAMPLES - begin) for begin in range(0, RESAMPLES, size))


def mean_intervals(values: Floats) -> list[Interval]:
    """The mean of each column of (n, m) values, with its interval."""
    return bootstrap(lambda weights: _ratio(weights @ values, weights.sum(1)[:, None]), len(values))


def mean_interval(values: Sequence[float]) -> Interval:
    return mean_intervals(np.array(values, np.float64).reshape(-1, 1))[0]


def randomisation_p(differences: Floats) -> Floats:
    """Two-sided p-values of a paired randomisation test for each column of (n, m) differences.

    Under the null hypothesis the sign of a query's difference is a coin toss (Smucker, Allan &
    Carterette, CIKM 2007); the observed signs count as one of the tosses.
    """
    n = len(differences)
    if n == 0:
        return np.full(differences.shape[1], math.nan)
    random = np.random.default_rng(SEED)
    observed = np.abs(differences.sum(0)) - 1e-9  # sums of equal size differ by rounding
    as_large = np.ones(differences.shape[1])
    for rows in _blocks(n):
        signs = random.integers(2, size=(rows, n)) * 2.0 - 1.0
        as_large += (np.abs(signs @ differences) >= observed).sum(0)
    return as_large / (RESAMPLES + 1)


def _ratio(part: Floats, whole: Floats) -> Floats:
    """part / whole, NaN where the whole is 0."""
    ratio: Floats = np.divide(part, whole, out=np.full(np.shape(part), math.nan), where=whole > 0)
    return ratio


# Retrieval ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Difference:
    interval: Interval
    p: float  # of a paired randomisation test

    def to_json(self) -> dict[str, float | None]:
        return {**self.interval.to_json(), "p": None if math.isnan(self.p) else self.p}

    def __str__(self) -> str:
        interval = self.interval
        if math.isnan(interval.mean):
            return "–"
        return f"{interval.mean:+.3f} [{interval.low:+.3f}, {interval.high:+.3f}] p={self.p:.4f}"


@dataclass(frozen=True)
class Retrieval:
    """The runs of all methods over the same queries, and what each query took in milliseconds."""

    runs: dict[str, Run]
    milliseconds: tuple[float, ...]


@dataclass(frozen=True)
class RetrievalReport:
    corpus: str
    documents: int
    passages: int
    n: int
    methods: dict[str, dict[str, Interval]]
    difference: dict[str, dict[str, Difference]]
    milliseconds: dict[str, float | None]

    def to_json(self) -> dict[str, Any]:
        return {
            "corpus": self.corpus,
            "documents": self.documents,
            "passages": self.passages,
            "n": self.n,
            "methods": _to_json(self.methods),
            "difference": _to_json(self.difference),
            "milliseconds": self.milliseconds,
        }

    def to_text(self) -> str:
        names = [str(measure) for measure in MEASURES]
        rows = [["", *self.methods]]
        rows += [[name, *(str(self.methods[m][name]) for m in self.methods)] for name in names]
        pairs = [["", *self.difference]]
        pairs += [[name, *(str(self.difference[d][name]) for d in self.difference)] for name in names]
        head = (
            f"{self.corpus}: {self.documents:,} documents, {self.passages:,} passages,"
            f" n = {self.n:,} questions; 95 % intervals\n"
            f"milliseconds a question: {_milliseconds_text(self.milliseconds)}"
        )
        return f"{head}\n\n{table(rows)}\n\n{table(pairs)}"


def judged_queries(queries: Iterable[Query], qrels: Qrels) -> list[Query]:
    """The queries that retrieval is measured on: answerable, with a relevant document."""
    return [
        query
        for query in queries
        if query.answerable and any(grade > 0 for grade in qrels.get(query.query_id, {}).values())
    ]


def whole_number(text: str) -> int:
    """Of questions, from the command line. Raises ValueError below 0."""
    number = int(text)
    if number < 0:
        raise ValueError(text)
    return number


def spread(queries: Sequence[Query], limit: int | None) -> list[Query]:
    """`limit` queries evenly spread over all, so that a file in two halves gives some of both."""
    return list(queries) if limit is None else evenly(queries, limit)


def retrieve(
    index: PassageIndex, queries: Iterable[Query], network: NetworkReader | None = None
) -> Retrieval:
    """All methods from one pool a query; a follow-up is searched as its standalone question.

    With a `network` there is one more, RERANKED: ours, its best passages read and ranked as in an answer.
    """
    runs: dict[str, Run] = {method: {} for method in (*METHODS, *([RERANKED] if network else []))}
    milliseconds = []
    for query in queries:
        begin = time.perf_counter()
        question = standalone_text(query)
        pool = index.pool(question, POOL_DEPTH)
        milliseconds.append((time.perf_counter() - begin) * 1000)
        doc_ids = [index.doc_id(int(row)) for row in pool.rows]
        for method in METHODS:
            runs[method][query.query_id] = rank_documents(pool.scores(method), doc_ids)
        if network:
            scores = reranked_scores(index, pool, question, network)
            runs[RERANKED][query.query_id] = rank_documents(scores, doc_ids)
    return Retrieval(runs, tuple(milliseconds))


def reranked_scores(index: PassageIndex, pool: Pool, question: str, network: NetworkReader) -> Floats:
    """(candidates,) of the pool: ours, and together with the reader's judgement where it has read."""
    hits = index.hits(pool, READ_AT_MOST)
    hits = hits[: worth_reading([hit.score for hit in hits])]
    judged = network.judge(question, candidates(hits, index)) if hits else []
    scores = np.array([joint_score(score) for score in pool.scores(OURS).tolist()])
    for hit, judgement in zip(hits, judged, strict=True):
        place = np.searchsorted(pool.rows, hit.row)
        scores[place] = joint_score(hit.score, float(judgement.logits.max()))
    return scores


STAGES = ("encode", "dense", "lexical", "fuse")


def stage_milliseconds(index: PassageIndex, question: str) -> list[float]:
    """Of the STAGES of one search; `fuse` reads the sentences, the tokens and the texts of the hits too."""
    times = [time.perf_counter()]
    encoded = index.encoder.encode_query(question)
    times.append(time.perf_counter())
    nearest = index.nearest(encoded.vector, POOL)
    times.append(time.perf_counter())
    matching, scores = index.matching(question, POOL)
    times.append(time.perf_counter())
    index.hits(index.gather(encoded, question, nearest, matching, scores), 10)
    times.append(time.perf_counter())
    return [1000 * float(seconds) for seconds in np.diff(times)]


def standalone_text(query: Query) -> str:
    return standalone(query.text, query.history) if query.history else query.text


def rank_documents(scores: Floats, doc_ids: Sequence[str]) -> dict[str, float]:
    """The best RUN_DEPTH documents of passages in corpus order, with scores that strictly fall.

    A document scores as its best passage (MaxP; Dai & Callan, SIGIR 2019). Equal scores keep
    corpus order: the later one is lowered, because evaluation tools break ties by document id and
    hold scores as 32-bit floats. Passages with -inf were not found.
    """
    ranking: dict[str, float] = {}
    ceiling = math.inf
    for position in np.argsort(-scores, kind="stable").tolist():
        score = float(scores[position])
        if score == -math.inf or len(ranking) == RUN_DEPTH:
            break
        if doc_ids[position] not in ranking:
            score = min(score, ceiling)
            ranking[doc_ids[position]] = score
            ceiling = score - 1e-6 * max(1.0, abs(score))
    return ranking


def measure_queries(run: Run, qrels: Qrels, queries: Sequence[Query]) -> Floats:
    """(queries, MEASURES) values; 0 for a query that found nothing."""
    judged = {query.query_id: qrels[query.query_id] for query in queries}
    position = {query_id: number for number, query_id in enumerate(judged)}
    column = {str(measure): number for number, measure in enumerate(MEASURES)}
    values = np.zeros((len(queries), len(MEASURES)))
    if judged:
        for metric in ir_measures.iter_calc(MEASURES, judged, run):
            values[position[metric.query_id], column[str(metric.measure)]] = metric.value
    return values


def report_retrieval(
    corpus: str, index: PassageIndex, values: Mapping[str, Floats], milliseconds: Sequence[float]
) -> RetrievalReport:
    """`values`: (queries, MEASURES) for each method, the same queries in the same order."""
    names = [str(measure) for measure in MEASURES]
    methods = {method: dict(zip(names, mean_intervals(values[method]), strict=True)) for method in values}
    return RetrievalReport(
        corpus=corpus,
        documents=int(index.manifest["documents"]),
        passages=int(index.manifest["passages"]),
        n=len(values[OURS]),
        methods=methods,
        difference={
            f"{OURS}-{other}": dict(zip(names, compare(values[OURS], values[other]), strict=True))
            for other in values
            if other != OURS
        },
        milliseconds=summarise_milliseconds(milliseconds),
    )


def compare(values: Floats, others: Floats) -> list[Difference]:
    """The paired difference values - others of each column."""
    differences = values - others
    p_values = randomisation_p(differences).tolist()
    return [
        Difference(interval, p) for interval, p in zip(mean_intervals(differences), p_values, strict=True)
    ]


def write_runs(path: Path, runs: Mapping[str, Run]) -> list[Path]:
    """One TREC run a method, `run.trec` becoming `run.ours.trec`; best document first, rank from 1.

    White space in an id, which would add a column, is written as in a URL.
    Raises ChatbotError where they cannot be written.
    """
    written = []
    for method, run in runs.items():
        target = path.with_name(f"{path.stem}.{method}{path.suffix}")
        try:
            target.write_text("".join(_trec_lines(run, method)), encoding="utf-8")
        except OSError as error:
            raise ChatbotError(
                f"{target} cannot be written ({error.strerror or error}); name another --run"
            ) from error
        written.append(target)
    return written


def read_run(path: Path) -> Run:
    """A TREC run file: query, Q0, document, rank, score, name; the order is that of the scores.

    Ids stay as they are written, see `trec_id`.
    """
    run: Run = {}
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path} cannot be read as a run ({error}); write one with --run") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            query_id, _, doc_id, _, written, _ = line.split()
            score = float(written)
            if not math.isfinite(score):
                raise ValueError(written)
        except ValueError as error:
            raise CorpusError(
                f"{path}:{number}: expected query, Q0, document, rank, score and name; write it with --run"
            ) from error
        run.setdefault(query_id, {})[doc_id] = score
    return run


def _trec_lines(run: Run, method: str) -> Iterator[str]:
    for query_id, ranking in run.items():
        for rank, (doc_id, score) in enumerate(ranking.items(), 1):
            yield f"{trec_id(query_id)} Q0 {trec_id(doc_id)} {rank} {score:.9g} {method}\n"


def trec_id(identifier: str) -> str:
    """An id as a TREC file holds it."""
    return re.sub(r"\s", lambda space: "".join(f"%{byte:02X}" for byte in space[0].encode()), identifier)


@dataclass(frozen=True)
class Miss:
    """A query that ours served badly: the relevant documents, and the best of those found."""

    question: str
    ndcg: float
    gold: tuple[str, ...]
    found: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "question": self.question,
            "nDCG@10": self.ndcg,
            "gold": list(self.gold),
            "found": list(self.found),
        }

    def to_text(self) -> str:
        lines = [f"{self.ndcg:.3f}  {self.question}"]
        lines += [f"       gold   {document}" for document in self.gold]
        lines += [f"       found  {document}" for document in self.found]
        return "\n".join(lines)


def worst_retrieved(
    index: PassageIndex, queries: Sequence[Query], qrels: Qrels, run: Run, values: Floats, n: int
) -> list[Miss]:
    """The n queries with the lowest nDCG@10, file order among equals."""
    ndcg = values[:, MEASURES.index(nDCG @ 10)]
    misses = []
    for number in np.argsort(ndcg, kind="stable")[:n].tolist():
        query = queries[number]
        gold = [doc_id for doc_id, grade in qrels[query.query_id].items() if grade > 0]
        found = [doc_id for doc_id in run[query.query_id] if doc_id not in gold]
        misses.append(
            Miss(
                question=standalone_text(query),
                ndcg=float(ndcg[number]),
                gold=tuple(_describe(index, doc_id) for doc_id in gold[:3]),
                found=tuple(_describe(index, doc_id) for doc_id in found[:3]),
            )
        )
    return misses


def _describe(index: PassageIndex, doc_id: str) -> str:
    try:
        document = index.document(doc_id)
    except KeyError:
        return f"{doc_id} (not in the corpus)"
    return f"{doc_id} | {document.title} | {_shorten(document.text, 80)}"


def missing_documents(index: PassageIndex, qrels: Qrels, queries: Iterable[Query]) -> list[str]:
    """Relevant documents that the corpus does not hold: no method can find them."""
    missing = {}
    for query in queries:
        for doc_id, grade in qrels.get(query.query_id, {}).items():
            if grade > 0 and doc_id not in missing:
                missing[doc_id] = not _holds(index, doc_id)
    return [doc_id for doc_id, absent in missing.items() if absent]


def _holds(index: PassageIndex, doc_id: str) -> bool:
    try:
        index.document(doc_id)
    except KeyError:
        return False
    return True


# Answers ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """One answer against its gold. None where the question cannot tell: no gold of that sort.

    `right` asks what the quotes say, whether or not they were offered as an answer: the first one
    lies on gold evidence, or all together contain a gold answer. Nothing is right for an
    unanswerable question.
    """

    query: Query
    status: str
    confidence: float
    first_quote: str
    on_evidence: bool | None
    contains_string: bool | None
    contains_words: bool | None
    short_f1: float | None
    exact: bool | None
    right: bool
    milliseconds: float
    quote_confidence: float | None = None  # of the first quote
    told: bool = False  # answered, with names of the question that the passages quoted lack

    @property
    def refused(self) -> bool:
        return self.status in REFUSALS

    @property
    def served(self) -> bool:
        """Answered rightly, or refused where nothing answers."""
        return self.right and not self.refused if self.query.answerable else self.refused


def ask(chatbot: Chatbot, query: Query, *, verbatim: bool = False) -> Outcome:
    """A question that the chatbot does not take (over-long) counts as not found."""
    begin = time.perf_counter()
    try:
        answer = chatbot.answer(query.text, query.history, verbatim=verbatim)
    except QuestionError:
        answer = None
    milliseconds = (time.perf_counter() - begin) * 1000
    return judge(query, answer, chatbot.index, milliseconds)


def judge(query: Query, answer: Answer | None, index: PassageIndex, milliseconds: float) -> Outcome:
    citations = answer.citations if answer else ()
    short_answer = answer.short_answer if answer else ""
    quotes = " ".join(citation.quote for citation in citations)
    has_short = any(len(gold.split()) <= SHORT_ANSWER_WORDS for gold in query.answers)
    on_evidence = quotes_evidence(citations, query.evidence) if query.evidence else None
    words = contains_words(quotes, query.answers) if query.answers else None
    return Outcome(
        query=query,
        status=answer.status if answer else "not_found",
        confidence=answer.confidence if answer else 0.0,
        first_quote=citations[0].quote if citations else "",
        on_evidence=on_evidence,
        contains_string=contains_string(quotes, query.answers) if query.answers else None,
        contains_words=words,
        short_f1=max(token_f1(short_answer, gold) for gold in query.answers) if has_short else None,
        exact=cites_exactly(index, citations) if citations else None,
        right=query.answerable and bool(on_evidence or words),
        milliseconds=milliseconds,
        quote_confidence=citations[0].confidence if citations else None,
        told=bool(answer and answer.unmentioned),
    )


def cites_exactly(index: PassageIndex, citations: Iterable[Citation]) -> bool:
    """Whether every quote is the named slice of the named document, and the document unchanged."""
    return all(_is_exact(index, citation) for citation in citations)


def _is_exact(index: PassageIndex, citation: Citation) -> bool:
    try:
        document = index.document(citation.doc_id)
    except KeyError:
        return False
    quote = document.text[citation.start : citation.end]
    return citation.quote == quote and citation.doc_sha256 == document.sha256


def quotes_evidence(citations: Sequence[Citation], evidence: Sequence[Evidence]) -> bool:
    """Whether the first quote shares a character with a piece of evidence."""
    return any(
        piece.overlaps(quote.doc_id, (quote.start, quote.end))
        for quote in citations[:1]
        for piece in evidence
    )


def normalise(text: str) -> str:
    """As SQuAD's scorer does: lower case, no ASCII punctuation, no articles, single spaces.

    Rajpurkar et al., EMNLP 2016.
    """
    bare = "".join(letter for letter in text.lower() if letter not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", bare).split())


def contains_string(text: str, answers: Iterable[str]) -> bool:
    found = normalise(text)
    return any(gold in found for gold in map(normalise, answers) if gold)


def contains_words(text: str, answers: Iterable[str]) -> bool:
    """As contains_string, but whole words only: "8" is not in "18"."""
    found = f" {normalise(text)} "
    return any(f" {gold} " in found for gold in map(normalise, answers) if gold)


def token_f1(text: str, gold: str) -> float:
    """F1 of shared words, as SQuAD counts them; 1 if both are empty."""
    mine, theirs = normalise(text).split(), normalise(gold).split()
    if not mine or not theirs:
        return float(mine == theirs)
    shared = (Counter(mine) & Counter(theirs)).total()
    return 2 * shared / (len(mine) + len(theirs))


@dataclass(frozen=True)
class AnswerReport:
    corpus: str
    n: int
    answerable_n: int
    answerable: dict[str, Interval]
    refusal: dict[str, Interval]
    quote: dict[str, Interval]
    by_kind: dict[str, dict[str, Interval]]
    risk_coverage: tuple[tuple[float, float], ...]
    reliability: tuple[Bin, ...]  # that the documents answer
    quote_reliability: tuple[Bin, ...]  # that the first quote does
    milliseconds: dict[str, float | None]

    def to_json(self) -> dict[str, Any]:
        counts = {name: interval.n for name, interval in self.answerable.items()}
        return {
            "corpus": self.corpus,
            "n": self.n,
            "answerable": {"n": self.answerable_n, **_to_json(self.answerable), "counts": counts},
            "refusal": {"n": self.n, **_to_json(self.refusal)},
            "quote": {name: {**value.to_json(), "n": value.n} for name, value in self.quote.items()},
            "by_kind": {
                kind: {"n": figures["served"].n, **_to_json(figures)}
                for kind, figures in self.by_kind.items()
            },
            "risk_coverage": [list(point) for point in self.risk_coverage],
            "reliability": [vars(part) for part in self.reliability],
            "quote_reliability": [vars(part) for part in self.quote_reliability],
            "milliseconds": self.milliseconds,
        }

    def to_text(self) -> str:
        figures = [["", "mean [95 % interval]", "n"]]
        for prefix, group in (("", self.answerable), ("", self.refusal), ("quote_", self.quote)):
            figures += [[prefix + name, str(value), f"{value.n:,}"] for name, value in group.items()]
        parts = [
            f"{self.corpus}: n = {self.n:,} questions, {self.answerable_n:,} answerable\n"
            f"milliseconds a question: {_milliseconds_text(self.milliseconds)}",
            table(figures),
        ]
        if self.by_kind:
            names = list(next(iter(self.by_kind.values())))
            kinds = [["kind", "n", *names]]
            for kind, group in self.by_kind.items():
                n = f"{group['served'].n:,}"
                kinds.append([kind, n, *(str(group[name]) for name in names)])
            parts.append(table(kinds))
        curve = [["coverage", "risk"]]
        curve += [[f"{coverage:.2f}", f"{risk:.3f}"] for coverage, risk in self.risk_coverage]
        parts.append(table(curve))
        for event, bins in (("answerable", self.reliability), ("quote right", self.quote_reliability)):
            rows = [[f"{part.confidence:.3f}", f"{part.share:.3f}", f"{part.n:,}"] for part in bins]
            parts.append(table([["confidence", event, "n"], *rows]))
        return "\n\n".join(parts)


def report_answers(corpus: str, outcomes: Sequence[Outcome]) -> AnswerReport:
    """A refused answerable question counts as wrong in every share, whatever its nearest quotes say.

    exact_citations is a share of the answers with citations, unanswerable questions included.
    """
    answerable = [outcome for outcome in outcomes if outcome.query.answerable]
    kinds = dict.fromkeys(outcome.query.kind for outcome in outcomes if outcome.query.kind)
    return AnswerReport(
        corpus=corpus,
        n=len(outcomes),
        answerable_n=len(answerable),
        answerable={
            **answer_shares(answerable),
            "exact_citations": _defined_mean(outcome.exact for outcome in outcomes),
        },
        refusal=refusal_figures(outcomes),
        quote=quote_figures(outcomes),
        by_kind={kind: kind_figures([o for o in outcomes if o.query.kind == kind]) for kind in kinds},
        risk_coverage=risk_coverage(*_wrong_by_confidence(outcomes)),
        reliability=calibration(*answerable_by_confidence(outcomes)),
        quote_reliability=calibration(*quotes_by_confidence(outcomes)),
        milliseconds=summarise_milliseconds([outcome.milliseconds for outcome in outcomes]),
    )


def answer_shares(answerable: Sequence[Outcome]) -> dict[str, Interval]:
    """Each over the questions that have that sort of gold, refusals as 0."""

    def share(name: str) -> Interval:
        values = ((outcome, getattr(outcome, name)) for outcome in answerable)
        return _defined_mean(
            value if value is None or not outcome.refused else 0.0 for outcome, value in values
        )

    return {
        "first_quote_on_evidence": share("on_evidence"),
        "contains_answer": share("contains_string"),
        "contains_answer_words": share("contains_words"),
        "short_answer_f1": share("short_f1"),
    }


@dataclass(frozen=True)
class Gain:
    """Shares of the same answerable questions, asked in two ways, nothing refused."""

    corpus: str
    ways: tuple[str, str]
    shares: dict[
        str, tuple[Interval, Interval, Difference]
    ]  # of the first way, of the second, the first less it

    def to_json(self) -> dict[str, Any]:
        first, second = self.ways
        return {
            "corpus": self.corpus,
            **{
                name: {
                    "n": a.n,
                    first: a.to_json(),
                    second: b.to_json(),
                    "difference": difference.to_json(),
                }
                for name, (a, b, difference) in self.shares.items()
            },
        }

    def to_text(self) -> str:
        rows = [[self.corpus, "n", *self.ways, "difference"]]
        rows += [[name, f"{found[0].n:,}", *map(str, found)] for name, found in self.shares.items()]
        return table(rows)


def compare_ways(
    corpus: str, ways: tuple[str, str], first: Sequence[Outcome], second: Sequence[Outcome]
) -> Gain:
    """From answers to the same questions, in the same order."""
    shares = {}
    for name, share in (("first_quote_on_evidence", "on_evidence"), ("contains_answer", "contains_string")):
        pairs = [(getattr(a, share), getattr(b, share)) for a, b in zip(first, second, strict=True)]
        values = np.array([pair for pair in pairs if None not in pair], float).reshape(-1, 2)
        ours, theirs = mean_intervals(values)
        shares[name] = (ours, theirs, compare(values[:, :1], values[:, 1:])[0])
    return Gain(corpus, ways, shares)


def mistype(question: str, dice: random.Random) -> str:
    """One letter of a word of five or more dropped, doubled or exchanged with the next, never the first of all."""
    words = [match for match in re.finditer(r"[^\W\d_]+", question) if len(match[0]) >= SHORTEST]
    if not words:
        return question
    word = dice.choice(words)
    return err_at(question, dice.randrange(word.start() + 1, word.end() - 1), dice)


def err_at(text: str, i: int, dice: random.Random) -> str:
    """The letter at `i` dropped, doubled or exchanged with the next."""
    letter, following = text[i], text[i + 1]
    wrong = dice.choice((following, letter + letter + following, following + letter))
    return text[:i] + wrong + text[i + 2 :]


def _defined_mean(values: Iterable[float | None]) -> Interval:
    return mean_interval([float(value) for value in values if value is not None])


def kind_figures(outcomes: Sequence[Outcome]) -> dict[str, Interval]:
    """`served`: answered rightly, or refused where nothing answers; `told`: answered, but not without `unmentioned`."""
    return {
        "served": mean_interval([outcome.served for outcome in outcomes]),
        "refused": mean_interval([outcome.refused for outcome in outcomes]),
        "told": mean_interval([outcome.told for outcome in outcomes]),
        **answer_shares([outcome for outcome in outcomes if outcome.query.answerable]),
    }


def refusal_figures(outcomes: Sequence[Outcome]) -> dict[str, Interval]:
    """Of refusing, with the unanswerable questions as the positives; and of the confidence."""
    confidence, answerable = answerable_by_confidence(outcomes)
    unanswerable = ~answerable
    refused = np.array([outcome.refused for outcome in outcomes], np.bool_)
    wrong, _ = _wrong_by_confidence(outcomes)

    def figures(weights: Floats) -> Floats:
        rightly = weights @ (refused & unanswerable)
        refusals, positives = weights @ refused, weights @ unanswerable
        return np.stack(
            [
                auroc(1 - confidence, unanswerable, weights),
                _ratio(rightly, refusals),
                _ratio(rightly, positives),
                _ratio(2 * rightly, refusals + positives),
                aurc(wrong, confidence, weights),
                ece(confidence, answerable, weights),
            ],
            axis=1,
        )

    names = ("auroc", "precision", "recall", "f1", "aurc", "ece")
    return dict(zip(names, bootstrap(figures, len(outcomes)), strict=True))


def quote_figures(outcomes: Sequence[Outcome]) -> dict[str, Interval]:
    """Of the confidence of the first quotes that were given as answers, and how many of each word are right."""
    confidence, right = quotes_by_confidence(outcomes)

    def figures(weights: Floats) -> Floats:
        return np.stack([auroc(confidence, right, weights), ece(confidence, right, weights)], axis=1)

    words = np.array([confidence_word(value) for value in confidence])
    return {
        **dict(zip(("auroc", "ece"), bootstrap(figures, len(right)), strict=True)),
        **{word: mean_interval(right[words == word].tolist()) for word in ("sure", "likely", "unsure")},
    }


def quotes_by_confidence(outcomes: Sequence[Outcome]) -> tuple[Floats, Flags]:
    """The confidence of each first quote given as an answer, and whether it lies on evidence.

    Left out are the questions whose gold cannot tell.
    """
    told = [
        (outcome.quote_confidence, bool(outcome.on_evidence))
        for outcome in outcomes
        if not outcome.refused
        and outcome.quote_confidence is not None
        and (outcome.on_evidence is not None or not outcome.query.answerable)
    ]
    return np.array([value for value, _ in told], np.float64), np.array([hit for _, hit in told], np.bool_)


def _wrong_by_confidence(outcomes: Sequence[Outcome]) -> tuple[Flags, Floats]:
    wrong = np.array([not outcome.right for outcome in outcomes], np.bool_)
    return wrong, np.array([outcome.confidence for outcome in outcomes], np.float64)


def answerable_by_confidence(outcomes: Sequence[Outcome]) -> tuple[Floats, Flags]:
    """The confidence is the probability that the documents answer, so that is what may happen."""
    confidence = np.array([outcome.confidence for outcome in outcomes], np.float64)
    return confidence, np.array([outcome.query.answerable for outcome in outcomes], np.bool_)


def auroc(scores: Floats, positive: Flags, weights: Floats) -> Floats:
    """(b,) chance that a positive outscores a negative, a tie counting half, for (b, n) weights.

    That half is what midranks give in the Mann–Whitney statistic. NaN without both classes.
    """
    order, starts = _groups(scores)
    positives = _sum_groups(weights * positive, order, starts)
    negatives = _sum_groups(weights * ~positive, order, starts)
    below = np.cumsum(negatives, axis=1) - negatives
    wins = (positives * (below + negatives / 2)).sum(1)
    return _ratio(wins, positives.sum(1) * negatives.sum(1))


def aurc(wrong: Flags, confidence: Floats, weights: Floats) -> Floats:
    """(b,) area under the risk–coverage curve for (b, n) weights: the mean of the risk over all
    coverages at which the confidence can cut (Geifman & El-Yaniv, NeurIPS 2017). Lower is better.
    """
    order, starts = _groups(-confidence)
    answered = _sum_groups(weights, order, starts)
    errors = _sum_groups(weights * wrong, order, starts)
    covered = np.cumsum(answered, axis=1)
    risk = np.nan_to_num(_ratio(np.cumsum(errors, axis=1), covered))  # none covered, none wrong
    return _ratio((answered * risk).sum(1), answered.sum(1))


def risk_coverage(wrong: Flags, confidence: Floats) -> tuple[tuple[float, float], ...]:
    """(coverage, risk) at CURVE_POINTS coverages up to 1, the most confident answers first.

    Risk is the share of wrong ones among the answers covered. Equal confidences are covered
    together, each to the same part.
    """
    if not len(wrong):
        return ()
    order, starts = _groups(-confidence)
    one = np.ones((1, len(wrong)))
    answered = np.cumsum(_sum_groups(one, order, starts))
    errors = np.cumsum(_sum_groups(one * wrong, order, starts))
    coverage = np.arange(1, CURVE_POINTS + 1) / CURVE_POINTS
    covered = coverage * len(wrong)
    risk = np.interp(covered, [0, *answered], [0, *errors]) / covered
    return tuple(zip(coverage.tolist(), risk.tolist(), strict=True))


@dataclass(frozen=True)
class Bin:
    """n probabilities with nearly the same value: their mean, and the share in which the event happened."""

    confidence: float
    share: float
    n: int


def calibration(confidence: Floats, happened: Flags, bins: int = BINS) -> tuple[Bin, ...]:
    """Bins of equal count, the least confident first (adaptive; Nixon et al., CVPR Workshops 2019).

    Equal probabilities stay in one bin, which may leave fewer bins than asked for.
    """
    numbers = _bin_numbers(confidence, bins)
    parts = (numbers == number for number in np.unique(numbers))
    return tuple(
        Bin(float(confidence[part].mean()), float(happened[part].mean()), int(part.sum())) for part in parts
    )


def ece(confidence: Floats, happened: Flags, weights: Floats, bins: int = BINS) -> Floats:
    """(b,) expected calibration error for (b, n) weights: by how much the share in which the event
    happened differs from the probability in a bin of `calibration`, in the mean over all queries.

    The bins are those of the unweighted data. Biased upwards: chance alone keeps it above 0 for
    perfect probabilities, the more the fewer the queries, and resampling adds to that.
    """
    gaps = (weights * (confidence - happened)) @ _members(confidence, bins)  # (b, bins)
    return _ratio(np.abs(gaps).sum(1), weights.sum(1))


def ece_by_chance(confidence: Floats, bins: int = BINS) -> Interval:
    """The `ece` of perfect probabilities: events drawn with them, its mean and its central 95 %.

    Consistency resampling (Bröcker & Smith, Weather and Forecasting 2007).
    """
    n = len(confidence)
    if n == 0:
        return Interval(math.nan, math.nan, math.nan, 0)
    random = np.random.default_rng(SEED)
    members = _members(confidence, bins)
    gaps = [(confidence - (random.random((rows, n)) < confidence)) @ members for rows in _blocks(n)]
    errors = np.abs(np.concatenate(gaps)).sum(1) / n
    low, high = np.percentile(errors, (2.5, 97.5)).tolist()
    return Interval(float(errors.mean()), low, high, n)


def _members(confidence: Floats, bins: int) -> Floats:
    """(n, bins), 1 where a value is in a bin."""
    members: Floats = (_bin_numbers(confidence, bins)[:, None] == np.arange(bins)).astype(np.float64)
    return members


def _bin_numbers(confidence: Floats, bins: int) -> NDArray[np.intp]:
    """(n,) bins from 0; a run of equal values falls where its middle does."""
    order, starts = _groups(confidence)
    sizes = np.diff([*starts, len(confidence)])
    numbers = np.empty(len(confidence), np.intp)
    numbers[order] = np.repeat((starts + sizes / 2) * bins // max(1, len(confidence)), sizes).astype(np.intp)
    return numbers


def _groups(values: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The ascending order of the values and where in it each run of equal values starts."""
    order = np.argsort(values, kind="stable")
    ascending = values[order]
    changes = np.flatnonzero(ascending[1:] != ascending[:-1]) + 1
    return order, np.concatenate([np.zeros(min(1, len(values)), np.intp), changes])


def _sum_groups(weights: Floats, order: NDArray[np.intp], starts: NDArray[np.intp]) -> Floats:
    """(b, n) weights -> (b, groups) sums."""
    return np.add.reduceat(weights[:, order], starts, axis=1) if len(starts) else weights


@dataclass(frozen=True)
class WrongAnswer:
    question: str
    status: str
    confidence: float
    first_quote: str
    gold: str

    def to_json(self) -> dict[str, Any]:
        return vars(self)

    def to_text(self) -> str:
        return (
            f"{self.confidence:.3f}  {self.status:<12}  {self.question}\n"
            f"       quote  {_shorten(self.first_quote, 160) or '–'}\n"
            f"       gold   {_shorten(self.gold, 160)}"
        )


def worst_answered(outcomes: Sequence[Outcome], n: int) -> list[WrongAnswer]:
    return [
        WrongAnswer(o.query.text, o.status, o.confidence, o.first_quote, gold_text(o.query))
        for o in most_misleading(outcomes, n)
    ]


def most_misleading(outcomes: Sequence[Outcome], n: int) -> list[Outcome]:
    """The n answers whose confidence misled most: sure ones that are wrong, doubtful refusals of
    questions that can be answered."""

    def misled(outcome: Outcome) -> float:
        return 1 - outcome.confidence if outcome.refused else outcome.confidence

    return sorted((outcome for outcome in outcomes if not outcome.served), key=misled, reverse=True)[:n]


def gold_text(query: Query) -> str:
    if not query.answerable:
        return "(unanswerable)"
    evidence = (f"{piece.doc}[{piece.start}:{piece.end}]" for piece in query.evidence)
    return " | ".join(query.answers) or ", ".join(evidence) or "(no gold)"


# The report's common parts ------------------------------------------------------------------


def evaluation_folder(corpus: Path, project: Path, model: str | None = None) -> Path:
    """Where the index of a corpus is kept unless another place is named.

    `index/` for the project's own corpus, a folder below it for others. Another model than the usual
    one has a folder of its own too, so that trying one never replaces the index that the chat serves.
    """
    resolved = corpus.resolve()
    if model is None and resolved == (project / "corpus").resolve():
        return project / "index"
    identity = str(resolved) if model is None else f"{resolved}\n{model}"
    digest = hashlib.sha256(identity.encode()).hexdigest()[:8]
    return project / "index" / "evaluations" / f"{resolved.name}-{digest}"


def bring_up_to_date(corpus: Path, folder: Path, encoder: Encoder) -> None:
    """Builds an index that is missing or stale; progress on standard error if that is a terminal.

    Raises IndexMismatch where another encoder's index would be replaced.
    """
    with suppress(IndexMissing, IndexBroken):
        built_by = read_manifest(folder, current_generation(folder))["encoder"]
        if built_by != encoder.identity:
            raise IndexMismatch(
                f"the index in {folder} was built by another encoder, {built_by['name']} in {built_by['precision']};"
                " name it with --model, or another folder with --index"
            )
    with build_bar() as progress:
        build_index(corpus, folder, encoder, progress=progress)


def summarise_milliseconds(milliseconds: Sequence[float]) -> dict[str, float | None]:
    if not len(milliseconds):
        return {"median": None, "p95": None}
    median, p95 = np.percentile(milliseconds, (50, 95)).round(2).tolist()
    return {"median": median, "p95": p95}


def _milliseconds_text(milliseconds: Mapping[str, float | None]) -> str:
    median, p95 = milliseconds["median"], milliseconds["p95"]
    return "–" if median is None or p95 is None else f"median {median:.1f}, 95th percentile {p95:.1f}"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Aligned columns, the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))]
        ).rstrip()
        for row in rows
    )


def _shorten(text: str, length: int) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= length else flat[: length - 1] + "…"


def _to_json(figures: Any) -> Any:
    if isinstance(figures, Mapping):
        return {name: _to_json(figure) for name, figure in figures.items()}
    return figures.to_json()
