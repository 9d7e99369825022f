"""A collection: a folder of documents, its index, and the chatbot that answers from them."""

from __future__ import annotations

import hashlib
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from chatbot.answer import Chatbot
from chatbot.corpus import require_corpus
from chatbot.encoder import Encoder, load_encoder
from chatbot.errors import CorpusError
from chatbot.feedback import Feedback
from chatbot.index import BuildReport, PassageIndex, build_index
from chatbot.library import Library, Rebuilding
from chatbot.progress import build_bar
from chatbot.reader import load_network_reader

LONGEST_NAME = 60  # characters
KEYS = {"name", "corpus", "index", "model"}  # of a [[collection]]


@dataclass(frozen=True)
class Collection:
    name: str
    corpus: Path
    index: Path
    chatbot: Chatbot

    @cached_property
    def feedback(self) -> Feedback:
        return Feedback(self.index / "feedback.jsonl")

    @property
    def last_evaluation(self) -> Path:
        return self.index / "evaluation.json"

    @cached_property
    def library(self) -> Library:
        return Library(self.corpus, self.index / "trash")

    @cached_property
    def rebuilding(self) -> Rebuilding:
        return Rebuilding(self.corpus, self.index, self.chatbot.encoder)

    @property
    def live_index(self) -> PassageIndex:
        """The index as it is now, also when a build has just published another generation."""
        return self.chatbot.live()


@dataclass(frozen=True)
class Place:
    """Where a collection lies, before it is opened."""

    name: str
    corpus: Path
    index: Path
    model: str | None = None


def open_chatbot(corpus: str | Path, index: str | Path, model: str | None = None) -> Chatbot:
    """See `chatbot.open_chatbot`."""
    place = Place("", Path(corpus).expanduser(), Path(index).expanduser(), model)
    return open_collections([place])[0].chatbot


def open_collections(places: Sequence[Place], *, tell: bool = False) -> list[Collection]:
    """Each with its index brought up to its documents; they share the encoder of a model, and the reader.

    `tell` says on standard error what was built, and shows progress there even if it is no terminal.
    """
    for place in places:
        require_corpus(place.corpus)  # before a model is loaded, which takes seconds
    encoders: dict[str | None, Encoder] = {}
    for place in places:
        if place.model not in encoders:
            encoders[place.model] = load_encoder(place.model)
        with build_bar(always=tell) as progress:
            report = build_index(place.corpus, place.index, encoders[place.model], progress=progress)
        if tell:
            _tell(report, f"{place.name}: " if len(places) > 1 else "")
    network = load_network_reader()
    if network is None and tell:
        print("The trained reader's weights are missing; sentences are chosen without it.", file=sys.stderr)
    return [
        Collection(
            place.name, place.corpus, place.index, Chatbot(place.index, encoders[place.model], network)
        )
        for place in places
    ]


def _tell(report: BuildReport, name: str) -> None:
    if report.embedded or report.removed:
        print(f"{name}{report}", file=sys.stderr)
        for item in report.unread:
            print(f"{name}not read: {item.path} {item.reason}", file=sys.stderr)


# Naming them ---------------------------------------------------------------------------------


def list_places(
    corpora: Sequence[str], indexes: Sequence[Path], default_index: Path, model: str | None = None
) -> list[Place]:
    """The places of FOLDER or NAME=FOLDER each; those without an index get a folder below the first one's.

    Raises CorpusError for two of one name or index.
    """
    if len(indexes) > len(corpora):
        raise CorpusError(
            f"--index is given {len(indexes)} times for {len(corpora)} --corpus; give one for each"
        )
    named = [_split_name(text) for text in corpora]
    given = indexes or [default_index]
    folders = [*given, *(own_folder(given[0], *place) for place in named[len(given) :])]
    places = [Place(*place, folder, model) for place, folder in zip(named, folders, strict=True)]
    _require_distinct(places, "--corpus", "--corpus NAME=FOLDER")
    return places


def own_folder(index: Path, name: str, corpus: Path) -> Path:
    """Below `index`, a folder for the index of another corpus; the same each time."""
    digest = hashlib.sha256(str(corpus.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return index / "collections" / "-".join([*re.findall(r"[\w-]+", name), digest])


def _split_name(text: str) -> tuple[str, Path]:
    """Name and folder of "NAME=FOLDER", or of a folder, which is called after itself."""
    name, equals, folder = text.partition("=")
    if not equals or "/" in name or "\\" in name or Path(text).is_dir():  # the "=" is the folder's own
        resolved = Path(text).expanduser().resolve()
        return resolved.name[:LONGEST_NAME] or str(resolved), Path(text).expanduser()
    if not folder:
        raise CorpusError(f"--corpus {text}: no folder after the name; give NAME=FOLDER")
    _require_name(name, f"--corpus {text}")
    return name.strip(), Path(folder).expanduser()


def _require_name(name: str, where: str) -> None:
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise CorpusError(f"{where}: a collection's name is 1 to {LONGEST_NAME} printable characters")


def _require_distinct(places: Sequence[Place], where: str, remedy: str) -> None:
    names: set[str] = set()
    owners: dict[Path, str] = {}
    for place in places:
        if place.name.casefold() in names:
            raise CorpusError(
                f"{where}: two collections are called {place.name!r}; give each its own name ({remedy})"
            )
        names.add(place.name.casefold())
        owner = owners.setdefault(place.index.resolve(), place.name)
        if owner != place.name:
            raise CorpusError(
                f"{where}: {owner!r} and {place.name!r} have the same index folder {place.index};"
                " an index follows one corpus, so give each its own"
            )


def find_place(places: Sequence[Place], name: str) -> Place:
    """The place of that name; the first one for "". Raises CorpusError that names those there are."""
    if not name:
        return places[0]
    for place in places:
        if place.name == name:
            return place
    raise CorpusError(
        f"no collection is called {name!r} among {', '.join(place.name for place in places)};"
        " name its folder with --corpus NAME=FOLDER"
    )


def read_places(file: Path, default_index: Path, model: str | None = None) -> list[Place]:
    """The places that a TOML file names, a [[collection]] each; its corpus and index start at its own folder.

    One without "index" gets a folder below `default_index`. Raises CorpusError with file and key.
    """
    try:
        content = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise CorpusError(f"{file} cannot be read ({error.strerror})") from error
    except ValueError as error:  # not TOML, or not UTF-8
        raise CorpusError(f"{file} is not TOML: {error}") from error
    places = list(_read_tables(file, content, default_index, model))
    _require_distinct(places, str(file), 'name = "…"')
    return places


def _read_tables(
    file: Path, content: Mapping[str, Any], default_index: Path, model: str | None
) -> Iterator[Place]:
    tables = content.get("collection")
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        raise CorpusError(f"{file}: no [[collection]] in it; write one with name and corpus for each")
    if unknown := content.keys() - {"collection"}:
        raise CorpusError(
            f"{file}: unknown key {min(unknown)!r}; a file of collections has only [[collection]]"
        )
    for number, table in enumerate(tables, 1):
        where = f"{file}: collection {number}"
        if unknown := table.keys() - KEYS:
            raise CorpusError(f"{where}: unknown key {min(unknown)!r}; known are {', '.join(sorted(KEYS))}")
        if missing := {"name", "corpus"} - table.keys():
            raise CorpusError(f"{where}: key {min(missing)!r} is missing")
        if wrong := [key for key, value in table.items() if not isinstance(value, str) or not value.strip()]:
            raise CorpusError(f"{where}: key {wrong[0]!r} must be text in quotes")
        _require_name(table["name"], f"{where}: key 'name'")
        name, corpus = table["name"].strip(), _below(file, table["corpus"])
        index = _below(file, table["index"]) if "index" in table else own_folder(default_index, name, corpus)
        yield Place(name, corpus, index, table.get("model", model))


def _below(file: Path, path: str) -> Path:
    return file.parent / Path(path).expanduser()
