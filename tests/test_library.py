"""The files of a corpus as a user manages them: none is lost, none gets out, a crash leaves old or new."""

from __future__ import annotations

import io
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from conftest import FILES, ROOT, HashEncoder
from hypothesis import given
from hypothesis import strategies as st

from chatbot import library as library_module
from chatbot.corpus import corpus_files
from chatbot.encoder import Progress, Vectors
from chatbot.errors import CorpusError
from chatbot.formats import Unreadable
from chatbot.index import PassageIndex, build_index, current_generation
from chatbot.library import Change, Entry, Library, Limits, Rebuilding, Upload, kind_of, safe_name

Built = tuple[Path, Path]
OAKS = "# Oaks\n\nOaks are trees of the genus Quercus.\n"


@pytest.fixture
def library(built: Built) -> Library:
    corpus, index = built
    return Library(corpus, index / "trash")


def upload(tmp_path: Path, name: str, content: str | bytes = OAKS) -> Upload:
    folder = tmp_path / "incoming"
    folder.mkdir(exist_ok=True)
    path = folder / f"{len(list(folder.iterdir()))}"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return Upload(path, name)


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def zipped(files: dict[str, str]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


# Names ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["../../x.md", "/etc/x.md", "a/../../b.md", "a/..", "C:\\x.md", "C:/x.md", "..\\x.md", "\\\\host\\x.md"],
)
def test_a_name_that_leads_out_of_the_folder_is_refused(name: str) -> None:
    with pytest.raises(Unreadable, match="outside the folder"):
        safe_name(name)


@pytest.mark.parametrize("name", ["a\0.md", "", "  "])
def test_a_name_that_no_file_can_have_is_refused(name: str) -> None:
    with pytest.raises(Unreadable, match="no file can have"):
        safe_name(name)


@pytest.mark.parametrize("name", [".hidden.md", "notes/.git/config", "~$report.docx", "__MACOSX/a.md"])
def test_hidden_files_are_refused(name: str) -> None:
    with pytest.raises(Unreadable, match="is hidden"):
        safe_name(name)


@pytest.mark.parametrize("name", ["queries.jsonl", "qrels/dev.tsv", "qrels/a/b.md"])
def test_names_of_evaluation_files_are_refused_at_the_root_alone(name: str) -> None:
    with pytest.raises(Unreadable, match="evaluation"):
        safe_name(name)
    assert safe_name(f"notes/{name}") == f"notes/{name}"


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("Übersicht 日本 – №5.md", "Übersicht 日本 – №5.md"),
        ("U\u0308bersicht.md", "Übersicht.md"),  # composed, as others write it
        ("a//b/./c.md", "a/b/c.md"),
        ("notes\\2024\\a.md", "notes/2024/a.md"),
        ("aux.md", "_aux.md"),
        ("folder. /a.md", "folder/a.md"),
        ("evil\u202efdp.md", "evil_fdp.md"),
        ("half\ud800.md", "half_.md"),
        ("two\nlines.md", "two_lines.md"),
        ("…/a.md", "…/a.md"),
    ],
)
def test_names_are_made_safe_and_keep_what_can_be_kept(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_a_name_of_300_characters_is_shortened_and_keeps_its_ending() -> None:
    for letter in "x日":
        name = safe_name(letter * 300 + ".pdf")
        assert name.endswith(f"{letter}.pdf")
        assert len(name.encode()) <= 204
    with pytest.raises(Unreadable, match="too many folders"):
        safe_name("/".join(["x" * 300] * 20) + "/a.md")


@given(st.text(max_size=80))
def test_whatever_the_name_the_file_stays_below_the_corpus(name: str) -> None:
    try:
        path = Path("/corpus") / safe_name(name)
    except Unreadable:
        return
    assert Path(os.path.normpath(path)).is_relative_to("/corpus")
    assert Path(os.path.normpath(path)) == path != Path("/corpus")
    os.fsencode(path)
    assert safe_name(safe_name(name)) == safe_name(name)


# Adding ---------------------------------------------------------------------------------


def test_files_are_added_with_their_folders(library: Library, tmp_path: Path) -> None:
    change = library.add([upload(tmp_path, "trees/oaks.md"), upload(tmp_path, "ash.txt", "Ash is a tree.")])
    assert change.added == ("trees/oaks.md", "ash.txt")
    assert change.refused == ()
    assert change.undo == ""
    assert (library.corpus / "trees" / "oaks.md").read_text("utf-8") == OAKS
    assert not list((library.corpus.parent / "index" / "staging").iterdir())


def test_a_second_file_of_a_name_gets_a_number_and_the_first_stays(library: Library, tmp_path: Path) -> None:
    before = tree(library.corpus)
    change = library.add([upload(tmp_path, "trees.md"), upload(tmp_path, "trees.md", "Elms are trees.")])
    assert change.added == ("trees (2).md", "trees (3).md")
    assert before.items() <= tree(library.corpus).items()


def test_what_is_there_already_is_not_added_twice(library: Library, tmp_path: Path) -> None:
    same = (library.corpus / "trees.md").read_bytes()
    change = library.add(
        [upload(tmp_path, "trees.md", same), upload(tmp_path, "a.md"), upload(tmp_path, "a.md")]
    )
    assert change.same == ("trees.md", "a.md")
    assert change.added == ("a.md",)
    assert library.clashes([upload(tmp_path, "trees.md", same), upload(tmp_path, "trees.md")]) == ["trees.md"]


@pytest.mark.parametrize("content", [OAKS, "About this corpus."])
@pytest.mark.parametrize("replace", [False, True])
def test_a_readme_comes_beside_that_of_the_corpus_and_is_read(
    library: Library, tmp_path: Path, content: str, replace: bool
) -> None:
    about = library.corpus / "README.md"
    about.write_text("About this corpus.", encoding="utf-8")
    assert library.clashes([upload(tmp_path, "README.md", content)]) == []
    change = library.add([upload(tmp_path, "README.md", content)], replace=replace)
    assert (change.added, change.replaced, change.same) == (("README (2).md",), (), ())
    assert about.read_text("utf-8") == "About this corpus."
    assert library.files()["README (2).md"].read_text("utf-8") == content


def test_two_files_of_one_name_at_once_are_both_kept(library: Library, tmp_path: Path) -> None:
    uploads = [upload(tmp_path, "oak.md", f"Oak number {n} grows here.") for n in range(8)]
    threads = [threading.Thread(target=library.add, args=([item],)) for item in uploads]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = {path.read_text("utf-8") for path in library.corpus.glob("oak*.md")}
    assert kept == {f"Oak number {n} grows here." for n in range(8)}


def test_a_file_beyond_a_limit_is_refused_and_the_others_are_taken(built: Built, tmp_path: Path) -> None:
    corpus, index = built
    total = sum(path.stat().st_size for path in corpus.iterdir())
    library = Library(corpus, index / "trash", Limits(file_bytes=100, files=5, total_bytes=total + 120))
    change = library.add(
        [
            upload(tmp_path, "long.md", "x" * 101),
            upload(tmp_path, "a.md", "Word " * 19),  # 95 of the 120 bytes
            upload(tmp_path, "b.md", "Word " * 19),
            upload(tmp_path, "c.md", "Word. "),
            upload(tmp_path, "d.md", "Word. "),
        ]
    )
    assert change.added == ("a.md", "c.md")
    reasons = {item.path: item.reason for item in change.refused}
    assert "more than the 100 bytes of one file" in reasons["long.md"]
    assert "has no room" in reasons["b.md"]
    assert "there may be 5 files" in reasons["d.md"]


def test_refused_files_leave_their_room_to_the_others(built: Built, tmp_path: Path) -> None:
    corpus, index = built  # of 3 files
    total = sum(path.stat().st_size for path in corpus.iterdir())
    library = Library(corpus, index / "trash", Limits(files=4, total_bytes=total + 20))
    broken = [upload(tmp_path, f"{n}.jsonl", "neither JSON") for n in range(3)]
    change = library.add([*broken, upload(tmp_path, "good.txt", "A tarn is a lake.")])
    assert change.added == ("good.txt",)
    assert len(change.refused) == 3


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("photo.png", b"\x89PNG\r\n\x1a\n\0\0", "binary"),
        ("empty.md", b"", "is empty"),
        ("fake.pdf", b"no pdf", "is no PDF"),
        ("really.md", b"%PDF-1.7 ...", "give it the ending .pdf"),
        ("lines.jsonl", b'{"_id": "a", "text": "Good."}\nbroken\n', "lines.jsonl:2: broken JSON"),
        ("bad.zip", b"PK\3\4 cut", "damaged"),
        ("lines.zip", zipped({"x.jsonl": "{"}), "would stop the build"),
    ],
)
def test_what_no_build_could_read_is_refused_at_once(
    library: Library, tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    change = library.add([upload(tmp_path, name, content), upload(tmp_path, "good.md")])
    assert [(item.path, reason in item.reason) for item in change.refused] == [(name, True)]
    assert change.added == ("good.md",)
    assert name not in library.files()


def test_lines_whose_ids_are_taken_are_refused_unless_they_replace(library: Library, tmp_path: Path) -> None:
    lines = '{"_id": "d1", "text": "The first text."}\n'
    assert library.add([upload(tmp_path, "more.jsonl", lines)]).added == ("more.jsonl",)
    again = lines + '{"_id": "d2", "text": "The second text."}\n'
    refused = library.add([upload(tmp_path, "more.jsonl", again)]).refused
    assert [(item.path, "taken, 'd1'" in item.reason) for item in refused] == [("more.jsonl", True)]
    replaced = library.add([upload(tmp_path, "more.jsonl", again)], replace=True)
    assert replaced.replaced == ("more.jsonl",)


def line(*ids: str) -> str:
    return "".join(json.dumps({"_id": doc_id, "text": f"The text of {doc_id}."}) + "\n" for doc_id in ids)


def test_an_id_is_taken_once_in_a_change_and_by_files_that_wait_for_a_build(
    built: Built, library: Library, tmp_path: Path, encoder: HashEncoder
) -> None:
    index = PassageIndex.open(built[1], encoder)
    change = library.add([upload(tmp_path, "a.jsonl", line("d1")), upload(tmp_path, "b.jsonl", line("d1"))])
    assert (change.added, [item.path for item in change.refused]) == (("a.jsonl",), ["b.jsonl"])
    (library.corpus / "c.jsonl").write_text(line("d3"), encoding="utf-8")  # past the page
    for seen in (library, Library(library.corpus, built[1] / "trash")):
        assert seen.doc_ids(index) == {*FILES, "d1", "d3"}
    others = [line("d1"), line("d3"), line("trees.md"), zipped({"x.jsonl": line("d1")})]
    uploads = [
        upload(tmp_path, f"d{n}.{'zip' if n == 3 else 'jsonl'}", text) for n, text in enumerate(others)
    ]
    refused = library.add(uploads, index=index).refused
    taken = ["'d1'", "'d3'", "'trees.md'", "'d1'"]
    assert [item.reason.rpartition(", ")[2] for item in refused] == taken
    build_index(library.corpus, built[1], encoder)


def test_lines_that_replace_others_may_take_their_ids_and_no_others(
    built: Built, library: Library, tmp_path: Path, encoder: HashEncoder
) -> None:
    library.add([upload(tmp_path, "a.jsonl", line("d1", "d2")), upload(tmp_path, "b.jsonl", line("d3"))])
    build_index(library.corpus, built[1], encoder)
    index = PassageIndex.open(built[1], encoder)
    wrong = library.add([upload(tmp_path, "a.jsonl", line("d1", "d3"))], replace=True, index=index)
    assert "taken, 'd3'" in wrong.refused[0].reason
    right = library.add([upload(tmp_path, "a.jsonl", line("d1", "d4"))], replace=True, index=index)
    assert right.replaced == ("a.jsonl",)
    assert library.doc_ids(index) == {*FILES, "d1", "d3", "d4"}
    freed = library.add([upload(tmp_path, "c.jsonl", line("d2"))], index=index)
    assert freed.added == ("c.jsonl",)
    build_index(library.corpus, built[1], encoder)


def test_of_two_changes_at_the_same_time_one_gets_an_id(
    built: Built, library: Library, tmp_path: Path, encoder: HashEncoder
) -> None:
    index = PassageIndex.open(built[1], encoder)
    uploads = [upload(tmp_path, f"{name}.jsonl", line("d1", name)) for name in "abcdef"]
    start = threading.Barrier(len(uploads))

    def bring(one: Upload) -> Change:
        start.wait()
        return library.add([one], index=index)

    with ThreadPoolExecutor(len(uploads)) as threads:
        changes = list(threads.map(bring, uploads))
    assert sorted(len(change.added) for change in changes) == [0, 0, 0, 0, 0, 1]
    build_index(library.corpus, built[1], encoder)


def test_what_was_removed_does_not_come_back_beside_its_ids(
    built: Built, library: Library, tmp_path: Path, encoder: HashEncoder
) -> None:
    library.add([upload(tmp_path, "a.jsonl", line("d1", "d2")), upload(tmp_path, "b.jsonl", line("d3"))])
    build_index(library.corpus, built[1], encoder)
    index = PassageIndex.open(built[1], encoder)
    removed = library.remove(["a.jsonl"])
    replaced = library.add([upload(tmp_path, "b.jsonl", line("d4"))], replace=True, index=index)
    library.add([upload(tmp_path, "c.jsonl", line("d2", "d3"))], index=index)
    before = tree(library.corpus)
    for change, taken in ((removed, "d2"), (replaced, "d3")):
        with pytest.raises(CorpusError, match=f"taken since, '{taken}'"):
            library.restore(change.undo, index)
    assert tree(library.corpus) == before
    library.remove(["c.jsonl"])
    assert library.restore(removed.undo, index).added == ("a.jsonl",)
    assert library.restore(replaced.undo, index).replaced == ("b.jsonl",)
    build_index(library.corpus, built[1], encoder)


def test_a_removed_file_may_be_brought_again_before_the_next_build(
    built: Built, library: Library, tmp_path: Path, encoder: HashEncoder
) -> None:
    index = PassageIndex.open(built[1], encoder)
    library.remove(["trees.md"])
    assert library.add([upload(tmp_path, "trees.md")], index=index).added == ("trees.md",)


def test_nothing_is_written_through_links_or_into_the_index(built: Built, tmp_path: Path) -> None:
    corpus, index = built
    outside = tmp_path / "outside"
    outside.mkdir()
    (corpus / "away").symlink_to(outside)
    (corpus / "link.md").symlink_to(outside / "target.md")
    library = Library(corpus, index / "trash")
    names = ["away/x.md", "link.md", "trees.md/x.md", "../x.md", "README.md", "a/b.md", "a"]
    change = library.add([upload(tmp_path, name) for name in names])
    assert {item.path for item in change.refused} == {"away/x.md", "link.md", "trees.md/x.md", "../x.md"}
    assert change.added == ("README (2).md", "a/b.md", "a (2)")
    assert list(outside.iterdir()) == []
    with pytest.raises(CorpusError, match="is a link to elsewhere"):
        library.remove(["link.md"])

    inside = Library(tmp_path, index / "trash")
    refused = inside.add([upload(tmp_path, "index/trash/x.md"), upload(tmp_path, "INDEX.md")]).refused
    assert [item.path for item in refused] == ["index/trash/x.md"]


def test_of_a_saved_web_page_the_page_alone_is_taken(library: Library, tmp_path: Path) -> None:
    page = "<html><body><main><p>Oaks are trees.</p></main></body></html>"
    change = library.add([upload(tmp_path, "w/oaks.html", page), upload(tmp_path, "w/oaks_files/x.js", "x")])
    assert change.added == ("w/oaks.html",)
    assert "saved web page" in change.refused[0].reason


def test_a_folder_that_cannot_be_written_is_told_and_stays_as_it_was(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tree(library.corpus)
    placed = library_module._place

    def refuse(source: Path, target: Path) -> None:
        if target.name == "b.md":
            raise PermissionError(13, "Permission denied")
        placed(source, target)

    monkeypatch.setattr(library_module, "_place", refuse)
    changed = "# Other trees\n\nElms.\n"
    uploads = [upload(tmp_path, "new/a.md"), upload(tmp_path, "trees.md", changed), upload(tmp_path, "b.md")]
    with pytest.raises(CorpusError, match=r"was not changed \(Permission denied\).*may write"):
        library.add(uploads, replace=True)
    assert tree(library.corpus) == before
    assert not (library.corpus / "new").exists()
    assert library.removals() == []


# Removing, replacing, restoring ----------------------------------------------------------


def test_a_removed_file_can_be_restored(library: Library) -> None:
    before = tree(library.corpus)
    change = library.remove(["trees.md", "ships.md"])
    assert set(tree(library.corpus)) == {"rivers.txt"}
    assert [removal.files for removal in library.removals()] == [("trees.md", "ships.md")]
    assert library.restore(change.undo).added == ("trees.md", "ships.md")
    assert tree(library.corpus) == before
    assert library.removals() == []
    with pytest.raises(CorpusError, match="has been undone already"):
        library.restore(change.undo)


def test_a_removed_file_comes_back_beside_a_new_one_of_its_name(library: Library, tmp_path: Path) -> None:
    old = (library.corpus / "trees.md").read_bytes()
    change = library.remove(["trees.md"])
    library.add([upload(tmp_path, "trees.md")])
    assert library.restore(change.undo).added == ("trees (2).md",)
    assert (library.corpus / "trees (2).md").read_bytes() == old
    assert (library.corpus / "trees.md").read_text("utf-8") == OAKS


def test_a_replacement_can_be_undone_and_redone(library: Library, tmp_path: Path) -> None:
    old = (library.corpus / "trees.md").read_bytes()
    change = library.add([upload(tmp_path, "trees.md")], replace=True)
    assert change.replaced == ("trees.md",)
    assert (library.corpus / "trees.md").read_text("utf-8") == OAKS
    back = library.restore(change.undo)
    assert back.replaced == ("trees.md",)
    assert (library.corpus / "trees.md").read_bytes() == old
    library.restore(back.undo)
    assert (library.corpus / "trees.md").read_text("utf-8") == OAKS


def test_only_files_of_the_corpus_are_removed_and_never_the_last(library: Library, tmp_path: Path) -> None:
    secret = tmp_path / "secret.md"
    secret.write_text("secret", encoding="utf-8")
    for name in ("../secret.md", str(secret), "nowhere.md", ""):
        with pytest.raises(CorpusError, match="is no file of"):
            library.remove(["trees.md", name])
    with pytest.raises(CorpusError, match="last document"):
        library.remove(["trees.md", "ships.md", "rivers.txt"])
    assert secret.exists()
    assert len(library.files()) == 3
    for change_id in ("../../x", "", "abc"):
        with pytest.raises(CorpusError):
            library.restore(change_id)


def test_empty_folders_go_with_their_last_file(library: Library, tmp_path: Path) -> None:
    library.add([upload(tmp_path, "a/b/c.md")])
    change = library.remove(["a/b/c.md"])
    assert not (library.corpus / "a").exists()
    library.restore(change.undo)
    assert (library.corpus / "a" / "b" / "c.md").is_file()


def test_the_trash_is_emptied_of_what_is_older_than_thirty_days(library: Library) -> None:
    change = library.remove(["trees.md"])
    plan = library._trash / change.undo / "plan.json"
    Library(library.corpus, library._trash)
    assert plan.is_file()
    os.utime(plan, (time.time() - 31 * 86_400,) * 2)
    Library(library.corpus, library._trash)
    assert library.removals() == []


def test_what_is_called_safe_to_delete_is_made_anew(built: Built, library: Library) -> None:
    told = (ROOT / "index" / "README.md").read_text("utf-8")
    kept = " ".join(re.findall(r"^- (.*?):", told, re.MULTILINE))
    names = set(re.findall(r"`([\w.]+)/?`", kept))
    assert names == {"trash", "staging", "receipts", "feedback.jsonl", "reviewed.jsonl", "collections"}
    before = tree(library.corpus)
    change = library.remove(["trees.md"])
    build_index(*built, HashEncoder())
    for path in built[1].iterdir():
        if path.name not in names:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    build_index(*built, HashEncoder())
    again = Library(library.corpus, library._trash)
    again.restore(change.undo)
    assert tree(again.corpus) == before
    assert build_index(*built, HashEncoder()).documents == 3


@pytest.mark.parametrize("another_disk", [False, True])
def test_the_index_may_lie_on_another_disk(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, another_disk: bool
) -> None:
    def apart(one: Path, other: Path) -> bool:
        return Path(one).is_relative_to(library.corpus) != Path(other).is_relative_to(library.corpus)

    link, move = os.link, Path.replace

    def link_within(source: Path, target: Path) -> None:
        if another_disk and apart(source, target):
            raise OSError(18, "Invalid cross-device link")
        link(source, target)

    def move_within(source: Path, target: Path) -> Path:
        if another_disk and apart(source, target):
            raise OSError(18, "Invalid cross-device link")
        return move(source, target)

    monkeypatch.setattr(os, "link", link_within)
    monkeypatch.setattr(Path, "replace", move_within)
    before = tree(library.corpus)
    change = library.add([upload(tmp_path, "trees.md"), upload(tmp_path, "n.md")], replace=True)
    library.restore(change.undo)
    library.remove(["n.md"])
    assert tree(library.corpus) == before


# Crashes --------------------------------------------------------------------------------

CRASHING = """
import json, os, shutil, signal, sys
from pathlib import Path
from chatbot import library as module
from chatbot.library import Library, Upload

STEPS = ("_copy", "write_at_once", "_link", "_place", "sync_folder", "_drop_empty_folders")

def die_at(step):
    done = 0
    def dying(work):
        def do(*arguments):
            nonlocal done
            done += 1
            if done == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return work(*arguments)
        return do
    for name in STEPS:
        setattr(module, name, dying(getattr(module, name)))

def change(folder, work):
    library = Library(folder / "corpus", folder / "index" / "trash")
    removals = library.removals()
    die_at(step)
    if work == "add":
        uploads = [Upload(incoming / name, name) for name in ("trees.md", "new.md", "deep/er.md")]
        library.add(uploads, replace=True)
    elif work == "remove":
        library.remove(["trees.md", "ships.md"])
    else:
        library.restore(removals[0].change_id)

base, incoming, work = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
step, survived = 0, False
while not survived:
    step += 1
    folder = base.with_name(f"{work}-{step}")
    shutil.copytree(base, folder)
    if not (child := os.fork()):
        change(folder, work)
        os._exit(0)
    survived = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    print(folder, flush=True)
"""


def saved(library: Library) -> set[bytes]:
    """What the trash could give back."""
    return {
        (library._trash / removal.change_id / "files" / name).read_bytes()
        for removal in library.removals()
        for name in removal.files
    }


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked to be killed")
@pytest.mark.parametrize("work", ["add", "remove", "restore"])
def test_killed_at_any_step_a_change_is_whole_or_has_not_been(tmp_path: Path, work: str) -> None:
    base, incoming, script = tmp_path / "base", tmp_path / "incoming", tmp_path / "crash.py"
    (base / "corpus").mkdir(parents=True)
    for name, content in FILES.items():
        (base / "corpus" / name).write_bytes(str(content).encode())
    (incoming / "deep").mkdir(parents=True)
    for name in ("trees.md", "new.md", "deep/er.md"):
        (incoming / name).write_text(f"# {name}\n\nNew text of {name}.\n", encoding="utf-8")
    full = tree(base / "corpus")
    removed = {"rivers.txt": full["rivers.txt"]}
    if work == "restore":
        Library(base / "corpus", base / "index" / "trash").remove(["trees.md", "ships.md"])
    old, new = {
        "add": (full, {**full, **tree(incoming)}),
        "remove": (full, removed),
        "restore": (removed, full),
    }[work]

    script.write_text(CRASHING, encoding="utf-8")
    command = [sys.executable, str(script), str(base), str(incoming), work]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    states = []
    for folder in map(Path, done.stdout.split()):
        library = Library(folder / "corpus", folder / "index" / "trash")  # the next start
        state = tree(folder / "corpus")
        assert state in (old, new), folder.name
        assert set(full.values()) <= set(state.values()) | saved(library), folder.name  # nothing is lost
        assert list((folder / "index" / "staging").iterdir()) == []
        states.append(state)
    assert len(states) > 6
    assert states[0] == old
    assert states[-1] == new
    assert sum(one != other for one, other in itertools.pairwise(states)) == 1  # one point decides


# The list -------------------------------------------------------------------------------


def listed(library: Library, index: PassageIndex) -> dict[str, Entry]:
    return {entry.name: entry for entry in library.entries(index)}


def test_the_list_tells_of_each_document_what_the_index_holds(
    built: Built, library: Library, encoder: HashEncoder
) -> None:
    entries = listed(library, PassageIndex.open(built[1], encoder))
    ships = entries["ships.md"]
    assert (ships.title, ships.kind, ships.pages, ships.passages, ships.state) == (
        "Ships",
        "Markdown",
        0,
        2,
        "read",
    )
    assert ships.removable
    assert abs(ships.date - (built[0] / "ships.md").stat().st_mtime) < 1e-6
    assert list(entries) == ["rivers.txt", "ships.md", "trees.md"]
    assert {entry.state for entry in entries.values()} == {"read"}


def test_the_list_tells_what_waits_and_what_leaves_until_the_next_build(
    built: Built, library: Library, tmp_path: Path, encoder: HashEncoder
) -> None:
    corpus, folder = built
    library.add([upload(tmp_path, "new.md"), upload(tmp_path, "trees.md")], replace=True)
    library.remove(["ships.md"])
    index = PassageIndex.open(folder, encoder)
    states = {name: entry.state for name, entry in listed(library, index).items()}
    assert states == {"new.md": "waiting", "trees.md": "waiting", "ships.md": "leaving", "rivers.txt": "read"}
    assert not listed(library, index)["ships.md"].removable
    build_index(corpus, folder, encoder)
    index = PassageIndex.open(folder, encoder)
    assert {entry.state for entry in library.entries(index)} == {"read"}
    assert set(listed(library, index)) == {"new.md", "trees.md", "rivers.txt"}


def test_a_file_that_cannot_be_read_is_listed_with_the_reason(
    make_corpus: Callable[..., Path], tmp_path: Path, encoder: HashEncoder
) -> None:
    corpus = make_corpus(
        {"a.md": "Oaks are trees.", "b.pdf": b"no pdf", "c.zip": zipped({"in/x.md": "Elms.", "y.md": " "})}
    )
    build_index(corpus, tmp_path / "index", encoder)
    library = Library(corpus, tmp_path / "index" / "trash")
    entries = listed(library, PassageIndex.open(tmp_path / "index", encoder))
    assert entries["b.pdf"].state == "unread"
    assert "is no PDF" in entries["b.pdf"].reason
    assert entries["b.pdf"].removable
    assert (entries["c.zip/y.md"].state, entries["c.zip/y.md"].reason) == ("unread", "is empty")
    assert not entries["c.zip/in/x.md"].removable
    assert entries["c.zip/in/x.md"].file == "c.zip"
    assert (entries["c.zip"].documents, entries["c.zip"].passages, entries["c.zip"].removable) == (1, 1, True)


def test_lines_of_a_beir_corpus_are_listed_and_cannot_be_removed_singly(
    make_corpus: Callable[..., Path], tmp_path: Path, encoder: HashEncoder
) -> None:
    lines = [
        {"_id": "d1", "title": "One", "text": "Oaks."},
        {"_id": "d2", "text": "Elms.", "url": "https://e.org"},
    ]
    corpus = make_corpus({"corpus.jsonl": "\n".join(map(json.dumps, lines)), "a.md": "Ashes are trees."})
    build_index(corpus, tmp_path / "index", encoder)
    library = Library(corpus, tmp_path / "index" / "trash")
    entries = listed(library, PassageIndex.open(tmp_path / "index", encoder))
    assert [entries[name].file for name in ("d1", "d2")] == ["corpus.jsonl", "corpus.jsonl"]
    assert [entries[name].title for name in ("d1", "d2")] == ["One", "d2"]
    assert not entries["d1"].removable
    assert (entries["corpus.jsonl"].documents, entries["corpus.jsonl"].removable) == (2, True)
    with pytest.raises(CorpusError, match="d1 is no file"):
        library.remove(["d1"])


def test_kinds_have_names() -> None:
    assert [kind_of(name) for name in ("a.md", "b.PDF", "c.htm", "d", "e.jsonl", "f.unheardof", "g.eml")] == [
        "Markdown",
        "PDF",
        "HTML",
        "Text",
        "JSON lines",
        "Text",
        "E-mail",
    ]


# Builds ---------------------------------------------------------------------------------


class SlowEncoder(HashEncoder):
    """Waits before each text until `go` is set, so that a build can be met half-way."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()
        self.reached = threading.Event()

    def __deepcopy__(self, _memo: dict[int, Any]) -> SlowEncoder:
        return self

    def encode_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        for number in range(len(texts)):
            if progress:
                progress(number, len(texts))
            self.reached.set()
            assert self.go.wait(20)
        return super().encode_passages(texts, progress)


@pytest.fixture
def slow(make_corpus: Callable[..., Path], tmp_path: Path) -> tuple[Library, Rebuilding, SlowEncoder]:
    """A library whose builds halt until they may go on, over an index that is built."""
    corpus, index, encoder = make_corpus(FILES), tmp_path / "index", SlowEncoder()
    encoder.go.set()
    build_index(corpus, index, encoder)
    encoder.go.clear()
    encoder.reached.clear()
    return Library(corpus, index / "trash"), Rebuilding(corpus, index, encoder), encoder


Slow = tuple[Library, Rebuilding, SlowEncoder]


def titles(library: Library, encoder: HashEncoder) -> set[str]:
    return {doc_id for doc_id, _ in PassageIndex.open(library._index, encoder).titles()}


def test_a_build_goes_on_beside_the_live_index_and_tells_how_far_it_is(slow: Slow, tmp_path: Path) -> None:
    library, rebuilding, encoder = slow
    before = current_generation(library._index)
    library.add([upload(tmp_path, "oaks.md")])
    rebuilding.start()
    assert encoder.reached.wait(20)
    assert rebuilding.state.running
    assert (rebuilding.state.stage, rebuilding.state.done) == ("embedding", 0)
    assert rebuilding.state.total > 0
    assert current_generation(library._index) == before
    assert titles(library, encoder) == set(FILES)
    encoder.go.set()
    end = rebuilding.wait(20)
    assert (end.running, end.end) == (False, "done")
    assert end.report is not None
    assert end.report.embedded == 1
    assert titles(library, encoder) == {*FILES, "oaks.md"}


def test_a_cancelled_build_leaves_the_index_as_it_was_and_the_next_takes_all(
    slow: Slow, tmp_path: Path
) -> None:
    library, rebuilding, encoder = slow
    before = current_generation(library._index)
    library.add([upload(tmp_path, "oaks.md")])
    rebuilding.start()
    assert encoder.reached.wait(20)
    rebuilding.cancel()
    assert rebuilding.state.cancelling
    encoder.go.set()
    assert rebuilding.wait(20).end == "cancelled"
    assert current_generation(library._index) == before
    assert titles(library, encoder) == set(FILES)
    assert "oaks.md" in library.files()
    rebuilding.start()
    assert rebuilding.wait(20).end == "done"
    assert titles(library, encoder) == {*FILES, "oaks.md"}


def test_changes_during_a_build_are_built_by_one_more(slow: Slow, tmp_path: Path) -> None:
    library, rebuilding, encoder = slow
    library.add([upload(tmp_path, "oaks.md")])
    rebuilding.start()
    assert encoder.reached.wait(20)
    library.add([upload(tmp_path, "elms.md", "Elms are trees as well.")])
    library.remove(["ships.md"])
    rebuilding.start()
    rebuilding.start()
    encoder.go.set()
    end = rebuilding.wait(20)
    assert end.number == 2
    assert end.end == "done"
    assert titles(library, encoder) == {"rivers.txt", "trees.md", "oaks.md", "elms.md"}


def test_a_build_that_fails_says_why_and_the_index_before_stays(slow: Slow) -> None:
    library, rebuilding, encoder = slow
    (library.corpus / "bad.jsonl").write_text("{", encoding="utf-8")
    rebuilding.start()
    end = rebuilding.wait(20)
    assert end.end == "failed"
    assert "bad.jsonl:1: broken JSON" in end.error
    assert titles(library, encoder) == set(FILES)


def test_an_unforeseen_error_ends_a_build_and_not_the_program(
    slow: Slow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library, rebuilding, encoder = slow

    def fail(*_: object, **__: object) -> Vectors:
        raise RuntimeError("out of luck")

    monkeypatch.setattr(encoder, "encode_passages", fail)
    library.add([upload(tmp_path, "oaks.md")])
    rebuilding.start()
    assert "out of luck" in rebuilding.wait(20).error
    assert not rebuilding.state.running


def test_the_estimate_is_what_is_left_at_the_pace_so_far(slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    _, rebuilding, _ = slow
    clock = iter([100.0, 104.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    rebuilding._tell("embedding", 20, 100)  # 20 were known before
    assert rebuilding.state.left is None
    rebuilding._tell("embedding", 30, 100)  # 10 in 4 s: the other 70 take 28
    assert rebuilding.state.left == pytest.approx(28)


def test_the_files_are_those_that_a_build_reads(library: Library) -> None:
    assert list(library.files().values()) == corpus_files(library.corpus)
