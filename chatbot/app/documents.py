"""The documents: a list with what was read of each, changes to it, and each document in full.

The script sends files to Gradio's own upload and then names them here. Every function below may be
called by anyone who reaches the page, with anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder
from markupsafe import Markup

from chatbot.app.parts import address_of, html_part, read_call, read_texts
from chatbot.app.source import show_document
from chatbot.collection import Collection
from chatbot.corpus import UnreadFile, left_out_files
from chatbot.errors import ChatbotError
from chatbot.formats.report import ReadingReport, count_left_out
from chatbot.library import Build, Change, Entry, Removal, Upload, megabytes
from chatbot.writing import count, sendable

Reply = dict[str, Any]
SHOWN = 200  # rows at first, and as many more at a time
NAMED = 5  # files of one kind of news
FOUND = 50  # of each kind of finding in the reading report
TAKES = "PDF, Word, PowerPoint, Excel, CSV, HTML, EPUB, e-mails (.eml), Markdown, text, JSON lines, and ZIP archives of these"
SORTS: dict[str, Callable[[Entry], Any]] = {
    "title": lambda entry: entry.title.casefold(),
    "kind": lambda entry: entry.kind,
    "pages": lambda entry: entry.pages,
    "passages": lambda entry: entry.passages,
    "date": lambda entry: entry.date,
}
STATES = {
    "waiting": ("waiting", "Not read yet: the next update of the index will"),
    "leaving": ("removed", "Still in the index until its next update"),
    "unread": ("not read", ""),
}
STAGES = {
    "": "Looking for changes",
    "reading": "Reading",
    "embedding": "Indexing",
    "writing": "Writing the index",
}


class Refusal(Exception):
    """What is sent makes no sense."""


def add_documents(collections: Mapping[str, Collection], current: gr.State, top: gr.HTML) -> None:
    """The view "#documents", and "#documents/ID" for one of them."""
    del current, top  # the script names the collection, and keeps the bar's counts

    def list_documents(asked: object) -> Reply:
        return guarded(collections, asked, show_list)

    def reading_report(asked: object) -> Reply:
        return guarded(collections, asked, show_report)

    def open_document(asked: object) -> Reply:
        def show(collection: Collection, data: Mapping[str, Any]) -> Reply:
            return show_in_full(collection, data, show_document(collections, data, title_level=2)["text"])

        return guarded(collections, asked, show)

    def build_state(asked: object) -> Reply:
        return guarded(collections, asked, show_build)

    def add_files(asked: object) -> Reply:
        return guarded(collections, asked, bring_in)

    def remove_file(asked: object) -> Reply:
        return guarded(collections, asked, take_out)

    def restore_files(asked: object) -> Reply:
        return guarded(collections, asked, bring_back)

    def update_index(asked: object) -> Reply:
        return guarded(collections, asked, start_build)

    def cancel_update(asked: object) -> Reply:
        return guarded(collections, asked, cancel_build)

    def tell_brought(asked: object) -> Reply:
        return guarded(collections, asked, show_brought)

    for collection in collections.values():
        _ = collection.rebuilding, collection.library.corpus  # completes a change that was cut off
    with gr.Column(elem_id="documents-view", elem_classes=["pane"]):
        limits = next(iter(collections.values())).library.limits
        html_part(
            str(draw_frame(limits.file_bytes)),
            "documents",
            functions=[
                list_documents,
                reading_report,
                open_document,
                build_state,
                add_files,
                remove_file,
                restore_files,
                update_index,
                cancel_update,
                tell_brought,
            ],
        )


def guarded(
    collections: Mapping[str, Collection],
    asked: object,
    work: Callable[[Collection, Mapping[str, Any]], Reply],
) -> Reply:
    """What `work` replies, or {"problem": HTML}."""
    try:
        collection, data = read_call(collections, asked)
        if collection is None:
            raise Refusal("There is no such collection; load the page again.")
        return work(collection, data)
    except (ChatbotError, Refusal) as error:
        message = str(error)
        return {"problem": sendable(draw_problem(message[:1].upper() + message[1:]))}


# Changes ------------------------------------------------------------------------------------


def bring_in(collection: Collection, data: Mapping[str, Any]) -> Reply:
    """Add what was uploaded. Without a "choice", files whose names are taken wait for one: "clashes"."""
    uploads, choice = read_uploads(data.get("files")), data.get("choice")
    library = collection.library
    if choice == "skip":
        discard(uploads)
        return tell(Change())
    coming = uploads
    try:
        clashes = set() if choice in {"replace", "keep"} else set(library.clashes(uploads))
        coming = [upload for upload in uploads if upload.name not in clashes]
        change = library.add(coming, replace=choice == "replace", index=collection.live_index)
    finally:
        discard(coming)
    reply = tell(change, read_oversized(data.get("oversized"), library.limits.file_bytes))
    if change.files:
        collection.rebuilding.start()
    if clashes:
        waiting = [upload.name for upload in uploads if upload.name in clashes]
        reply |= {"clashes": waiting, "question": sendable(draw_clashes(waiting))}
    return reply


def read_uploads(sent: object) -> list[Upload]:
    """The uploads that the page names. Only files that Gradio has received are taken."""
    uploads = []
    for item in sent if isinstance(sent, list) else []:
        path, name = (item.get("path"), item.get("name")) if isinstance(item, dict) else (None, None)
        if not isinstance(path, str) or not isinstance(name, str) or not is_received(path):
            raise Refusal("A file did not arrive; bring it again.")
        uploads.append(Upload(Path(path), name))
    return uploads


def is_received(path: str) -> bool:
    """Whether Gradio keeps an upload there: two folders below are its own, HASH/NAME."""
    folder = Path(get_upload_folder()).resolve()
    try:
        return Path(path).resolve().parent.parent == folder and not Path(path).is_symlink()
    except (OSError, ValueError):
        return False


def discard(uploads: Sequence[Upload]) -> None:
    """Nothing that was uploaded stays where Gradio would serve it."""
    for upload in uploads:
        with suppress(OSError):
            upload.path.unlink()
            upload.path.parent.rmdir()


def read_oversized(sent: object, most: int) -> list[UnreadFile]:
    """Files that the page has not sent because of their size."""
    return [
        UnreadFile(
            item["name"], f"has {megabytes(item['size'])}, more than the {megabytes(most)} of one file"
        )
        for item in (sent if isinstance(sent, list) else [])
        if isinstance(item, dict) and isinstance(item.get("name"), str) and isinstance(item.get("size"), int)
    ]


def take_out(collection: Collection, data: Mapping[str, Any]) -> Reply:
    change = collection.library.remove([str(data.get("file"))])
    collection.rebuilding.start()
    return tell(change)


def bring_back(collection: Collection, data: Mapping[str, Any]) -> Reply:
    change = collection.library.restore(str(data.get("undo")), collection.live_index)
    collection.rebuilding.start()
    return tell(change)


def start_build(collection: Collection, _: Mapping[str, Any]) -> Reply:
    collection.rebuilding.start()
    return {}


def cancel_build(collection: Collection, _: Mapping[str, Any]) -> Reply:
    collection.rebuilding.cancel()
    return {}


def tell(change: Change, oversized: Sequence[UnreadFile] = ()) -> Reply:
    brought = {"added": change.added, "replaced": change.replaced}
    return {"news": sendable(draw_news(change, oversized)), "brought": brought}


# What is shown ------------------------------------------------------------------------------


def show_list(collection: Collection, data: Mapping[str, Any]) -> Reply:
    """The rows that match data["query"], sorted by data["sort"], and what stands around them."""
    index = collection.live_index
    entries = collection.library.entries(index)
    found = [entry for entry in entries if matches(entry, str(data.get("query") or ""))]
    if (key := SORTS.get(str(data.get("sort")))) is not None:
        found.sort(key=key, reverse=data.get("down") is True)
    most = data["most"] if isinstance(data.get("most"), int) else SHOWN
    return {
        "rows": sendable(Markup().join(draw_row(entry) for entry in found[:most])),
        "found": len(found),
        "shown": min(most, len(found)),
        "counts": sendable(draw_counts(index.manifest)),
        "behind": sendable(draw_behind(entries)),
        "removals": sendable(draw_removals(collection.library.removals())),
        "summary": draw_summary(len(index.manifest["unread_files"])),
        "generation": index.generation,
    }


def matches(entry: Entry, query: str) -> bool:
    text = f"{entry.title} {entry.name} {entry.kind} {entry.reason}".casefold()
    return all(word in text for word in query.casefold().split())


def show_report(collection: Collection, _: Mapping[str, Any]) -> Reply:
    report = collection.library.survey(collection.live_index).report()
    left_out: dict[str, str] = {}
    with suppress(ChatbotError):  # the folder is gone, its index is not
        left_out = left_out_files(collection.corpus, collection.index)
    return {"report": sendable(draw_report(report, left_out))}


def show_build(collection: Collection, _: Mapping[str, Any]) -> Reply:
    build = collection.rebuilding.state
    share = build.done / build.total if build.total else 0.0
    return {
        "number": build.number,
        "running": build.running,
        "cancelling": build.cancelling,
        "stage": draw_stage(build),
        "percent": min(round(100 * share), 100) if build.stage in {"reading", "embedding"} else None,
        "end": build.end,
        "news": sendable(draw_end(build)),
    }


def show_brought(collection: Collection, data: Mapping[str, Any]) -> Reply:
    """What was told of files that came, now that they have been read or could not be."""
    most = collection.library.limits.files
    added, replaced = (tuple(read_texts(data.get(name), most)) for name in ("added", "replaced"))
    entries = collection.library.entries(collection.live_index)
    unread = [entry for entry in entries if entry.state == "unread"]
    return {"brought": sendable(draw_brought(Change(added, replaced), unread))}


def show_in_full(collection: Collection, data: Mapping[str, Any], text: str) -> Reply:
    """The document data["doc_id"], whose text is drawn already; "" if there is none in the index."""
    if "begin" in data:
        return {"text": text}
    doc_id = str(data.get("doc_id"))
    index = collection.live_index
    entry = next((e for e in collection.library.entries(index) if e.name == doc_id), None)
    if entry is None:
        raise Refusal(f"There is no document {doc_id!r} here; it may have been removed.")
    source = index.document(doc_id).source if text else ""
    return {
        "head": sendable(draw_head(entry, source)),
        "text": text,
        "title": sendable(entry.title),
    }


# Drawing ------------------------------------------------------------------------------------


def draw_frame(file_bytes: int) -> Markup:
    columns = Markup('<th scope="col" class="of-only">Ask only</th>') + Markup().join(
        Markup(
            '<th scope="col" class="of-{0}" aria-sort="none"><button type="button" data-sort="{0}">{1}</button></th>'
        ).format(name, name.capitalize())
        for name in SORTS
    )
    return Markup(
        '<div class="library" data-file-bytes="{bytes}">'
        '<section class="shelf" aria-labelledby="documents-title">'
        '<header><h2 id="documents-title" tabindex="-1">Documents</h2>'
        '<div class="bring"><button type="button" class="act" data-do="files">Add files</button>'
        '<button type="button" class="act plain" data-do="folder">Add a folder</button></div>'
        '<p class="takes">Drop files or folders anywhere on this page, up to {size} each. {takes}.</p></header>'
        '<input type="file" class="files" multiple hidden aria-label="Files to add">'
        '<input type="file" class="folder" webkitdirectory hidden aria-label="Folder to add">'
        '<input type="file" class="other" hidden aria-label="File to replace it with">'
        '<div class="working" hidden><p><span class="stage"></span><span class="left"></span></p>'
        '<div class="progress-bar" role="progressbar" aria-label="Progress" aria-valuemin="0" aria-valuemax="100">'
        "<i></i></div>"
        '<button type="button" class="act plain" data-do="cancel">Cancel</button></div>'
        '<div class="news" role="status"></div><div class="clashes" role="status"></div>'
        '<div class="behind"></div>'
        '<details class="report"><summary>Reading report</summary><div></div></details>'
        '<div class="seek"><label for="documents-query" class="unseen">Find documents</label>'
        '<input type="search" id="documents-query" placeholder="Find by title, name or kind"'
        ' autocomplete="off" spellcheck="false"><p class="matches" role="status"></p></div>'
        '<div class="choice"></div><p class="asks-all">Tick documents to ask only those.</p>'
        '<table><caption class="unseen">Documents</caption><thead><tr>{columns}'
        '<th scope="col" class="of-tools"><span class="unseen">Actions</span></th></tr></thead><tbody></tbody></table>'
        '<p class="none" hidden></p>'
        '<button type="button" class="act plain further" data-do="further" hidden>Show more</button>'
        '<div class="removals"></div></section>'
        '<article class="whole-document" hidden></article></div>'
    ).format(bytes=file_bytes, size=megabytes(file_bytes), takes=TAKES, columns=columns)


def draw_row(entry: Entry) -> Markup:
    label, meaning = STATES.get(entry.state, ("", ""))
    state = Markup('<span class="state {}" title="{}">{}</span>').format(entry.state, meaning, label)
    reason = Markup('<small class="reason">{} {}</small>').format(entry.name, entry.reason)
    named = Markup('<small class="path">{}</small>').format(entry.name)
    part = Markup('<small class="path">in {}</small>').format(entry.file)
    facts = [entry.kind, *([count(entry.pages, "page")] if entry.pages else [])]
    facts += [count(entry.passages, "passage")] if entry.passages else []
    below = [named if entry.name != entry.title else "", part if entry.file not in {"", entry.name} else ""]
    return Markup(
        '<tr data-name="{name}" data-state="{state_name}"><td class="of-only">{tick}</td><td class="of-title"><span class="line">{title}{state}</span>'
        '{below}<small class="facts">{facts}</small></td>'
        '<td class="of-kind">{kind}</td><td class="of-pages">{pages}</td><td class="of-passages">{passages}</td>'
        '<td class="of-date">{date}</td><td class="of-tools">{tools}</td></tr>'
    ).format(
        name=entry.name,
        state_name=entry.state,
        tick=draw_tick(entry),
        title=draw_title(entry),
        state=state if label else "",
        below=reason if entry.reason else Markup().join(below),
        facts=" · ".join(facts),
        kind=entry.kind,
        pages=f"{entry.pages:,}" if entry.pages else "",
        passages=f"{entry.passages:,}" if entry.passages else "",
        date=draw_date(entry.date),
        tools=draw_tools(entry),
    )


def is_indexed(entry: Entry) -> bool:
    """Whether it is a document with something to quote."""
    return bool(entry.passages) and not entry.documents


def draw_tick(entry: Entry) -> Markup:
    """The box that has questions answered from this document and others that are ticked; the script sets it."""
    if not is_indexed(entry):
        return Markup()
    return Markup(
        '<label class="tick" title="Ask only these"><input type="checkbox" autocomplete="off" data-do="only"'
        ' data-only="{}" aria-label="Ask only these: {}"></label>'
    ).format(entry.name, entry.title)


def draw_title(entry: Entry) -> Markup:
    if entry.documents:
        return Markup('<span dir="auto">{}</span> <small>{}</small>').format(
            entry.title, count(entry.documents, "document")
        )
    if not is_indexed(entry):
        return Markup('<span dir="auto">{}</span>').format(entry.title)
    return Markup('<a href="{}" dir="auto">{}</a>').format(address_of(entry.name), entry.title)


def draw_tools(entry: Entry) -> Markup:
    if entry.state == "leaving":
        return Markup()
    if not entry.removable:
        kind = "archive" if entry.file.lower().endswith(".zip") else "file of lines"
        why = f"Part of {entry.file or 'a file of lines'}; edit or remove that {kind} as a whole"
        return Markup(
            '<span class="fixed" title="{0}"><span class="unseen">{0}</span><i class="icon lock"></i></span>'
        ).format(why)
    button = Markup(
        '<button type="button" class="tool" data-do="{}" data-file="{}" aria-label="{} {}" title="{}">'
        '<i class="icon {}"></i></button>'
    )
    return button.format("replace", entry.file, "Replace", entry.title, "Replace", "replace") + button.format(
        "remove", entry.file, "Remove", entry.title, "Remove", "clear"
    )


def draw_date(seconds: float) -> Markup:
    if not seconds:
        return Markup()
    day = datetime.fromtimestamp(seconds)
    return Markup('<time datetime="{:%Y-%m-%dT%H:%M}">{} {:%b %Y}</time>').format(day, day.day, day)


def draw_counts(manifest: Mapping[str, Any]) -> Markup:
    """As the bar shows them."""
    return Markup('{}<span class="passages"> · {}</span>').format(
        count(manifest["documents"], "document"), count(manifest["passages"], "passage")
    )


def draw_behind(entries: Sequence[Entry]) -> Markup:
    """What the index does not know yet; nothing when it is up to date."""
    changed = sum(entry.state in {"waiting", "leaving"} and entry.file == entry.name for entry in entries)
    if not changed:
        return Markup()
    return Markup(
        "<p>{} changed since the index was built.</p>"
        '<button type="button" class="act" data-do="update">Update the index</button>'
    ).format(count(changed, "file"))


def draw_removals(removals: Sequence[Removal]) -> Markup:
    if not removals:
        return Markup()
    item = Markup(
        '<li><span><b dir="auto">{}</b> <small>{} {}</small></span>'
        '<button type="button" class="act plain" data-do="undo" data-undo="{}" aria-label="Restore {}">Restore</button></li>'
    )
    items = Markup().join(
        item.format(
            name_files(removal.files),
            "replaced" if removal.replaced else "removed",
            draw_date(removal.time),
            removal.change_id,
            name_files(removal.files),
        )
        for removal in removals[:FOUND]
    )
    return Markup(
        "<details><summary>Removed and replaced files ({:,}), kept for 30 days</summary><ul>{}</ul></details>"
    ).format(len(removals), items)


def name_files(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1:,} more"


def draw_news(change: Change, oversized: Sequence[UnreadFile] = ()) -> Markup:
    """What a change has done, with a button that takes it back where there is one."""
    refused = [*oversized, *change.refused]
    brought = draw_brought(change)
    told = [Markup('<div class="brought">{}</div>').format(brought)] if brought else []
    told += [
        draw_done(verb, names)
        for verb, names in (("Removed", change.removed), ("Already here, unchanged:", change.same))
        if names
    ]
    undo = Markup('<button type="button" class="act plain" data-do="undo" data-undo="{}">Undo</button>')
    told += [undo.format(change.undo)] if change.undo else []
    if refused:
        told.append(draw_refused(refused))
    return Markup().join(told)


def draw_done(verb: str, names: Sequence[str]) -> Markup:
    return Markup('<p>{} <b dir="auto">{}</b>.</p>').format(verb, name_files(names))


def draw_brought(change: Change, unread: Sequence[Entry] = ()) -> Markup:
    """The files that came. Those that could not be read are counted, with those in archives, not named."""
    came = set(change.files)
    lost = [entry for entry in unread if entry.file in came]
    named = {entry.name for entry in lost}
    told = [
        draw_done(verb, read)
        for verb, names in (("Added", change.added), ("Replaced", change.replaced))
        if (read := [name for name in names if name not in named])
    ]
    if lost:
        note = Markup(
            '<p>Of what came, {} could not be read: <a href="#documents//report">Reading report</a></p>'
        )
        told.append(note.format(count(len(lost), "file")))
    return Markup(" ").join(told)


def draw_refused(refused: Sequence[UnreadFile]) -> Markup:
    item = Markup('<li><b dir="auto">{}</b> {}</li>')
    items = Markup().join(item.format(one.path[:300], one.reason) for one in refused[:NAMED])
    more = Markup("<li>and {:,} more</li>").format(len(refused) - NAMED) if len(refused) > NAMED else ""
    return Markup('<div class="refused"><p>{} not taken:</p><ul>{}{}</ul></div>').format(
        count(len(refused), "file"), items, more
    )


def draw_clashes(names: Sequence[str]) -> Markup:
    one = len(names) == 1
    button = Markup('<button type="button" class="act {}" data-do="choose" data-choice="{}">{}</button>')
    return Markup(
        '<div class="clash"><p><b dir="auto">{}</b> {} here already, with other content.</p>{}{}{}</div>'
    ).format(
        name_files(names),
        "is" if one else "are",
        button.format("", "replace", "Replace it" if one else "Replace them"),
        button.format("plain", "keep", "Keep both"),
        button.format("plain", "skip", "Leave out"),
    )


def draw_problem(message: str) -> Markup:
    return Markup('<div class="refused"><p>{}</p></div>').format(message)


def draw_stage(build: Build) -> str:
    if build.cancelling:
        return "Cancelling …"
    stage = STAGES.get(build.stage, build.stage)
    if build.stage == "reading":
        return f"{stage} documents: {build.done:,} of about {build.total:,}{time_left(build.left)}"
    if build.stage == "embedding":
        return f"{stage}: {build.done:,} of {build.total:,} sentences and passages{time_left(build.left)}"
    return f"{stage} …"


def time_left(seconds: float | None) -> str:
    if seconds is None or seconds < 1:
        return ""
    if seconds < 90:
        return f", about {max(5, round(seconds / 5) * 5)} s left"
    return f", about {round(seconds / 60):,} min left"


def draw_end(build: Build) -> Markup:
    """What became of the last build."""
    if build.end == "done" and build.report:
        report = build.report
        unread = f"; {count(len(report.unread), 'file')} could not be read" if report.unread else ""
        return Markup("<p>The index is up to date: {}, {}{}.</p>").format(
            count(report.documents, "document"), count(report.passages, "passage"), unread
        )
    if build.end == "cancelled":
        return Markup("<p>Cancelled. The chat goes on with the documents as they were before.</p>")
    if build.end == "failed":
        return draw_problem(f"The index was not updated: {build.error}.")
    return Markup()


def draw_summary(unread: int) -> str:
    return f"Reading report · {count(unread, 'file')} not read" if unread else "Reading report"


def draw_report(report: ReadingReport, left_out: Mapping[str, str] = {}) -> Markup:
    """`left_out`: files that were left out on purpose, and the kind of each."""
    least, median, most = report.passages
    link = Markup('<a href="{}" dir="auto">{}</a>')
    findings: list[tuple[str, list[Markup]]] = [
        (
            "Not read",
            [Markup('<b dir="auto">{}</b> {}').format(item.path, item.reason) for item in report.unread],
        ),
        ("Pages without text", [Markup.escape(line) for line in report.textless]),
        ("Read with a warning", [Markup.escape(line) for line in report.warned]),
        (
            "Nearly the same",
            [
                Markup("{} repeats {}").format(*(link.format(address_of(doc_id), doc_id) for doc_id in pair))
                for pair in report.near_duplicates
            ],
        ),
        (
            "Damaged characters",
            [
                Markup("{}: {}").format(link.format(address_of(doc_id), doc_id), count(places, "place"))
                for doc_id, places in report.damaged
            ],
        ),
        ("Nothing to quote", [Markup.escape(doc_id) for doc_id in report.no_passages]),
    ]
    groups = Markup().join(draw_findings(name, found) for name, found in findings if found)
    fine = Markup('<p class="fine">Everything was read, and nothing repeats or is damaged.</p>')
    kinds = count_left_out(left_out)
    on_purpose = Markup("<p>Left out on purpose: {}.</p>").format(kinds) if kinds else ""
    return Markup("<p>{} read, {} not read; {:,} to {:,} passages each, typically {:g}.</p>{}{}").format(
        count(report.documents, "document"),
        count(len(report.unread), "file"),
        least,
        most,
        median,
        groups or fine,
        on_purpose,
    )


def draw_findings(name: str, found: Sequence[Markup]) -> Markup:
    items = Markup().join(Markup("<li>{}</li>").format(item) for item in found[:FOUND])
    more = Markup("<li>and {:,} more</li>").format(len(found) - FOUND) if len(found) > FOUND else ""
    return Markup("<h3>{} ({:,})</h3><ul>{}{}</ul>").format(name, len(found), items, more)


def draw_head(entry: Entry, source: str) -> Markup:
    """Title and facts above a document's text."""
    label, meaning = STATES.get(entry.state, ("", ""))
    facts: list[str | Markup] = [entry.kind]
    facts += [count(entry.pages, "page")] if entry.pages else []
    facts += [count(entry.passages, "passage")] if entry.passages else []
    facts += [draw_date(entry.date)] if entry.date else []
    if source.startswith(("https://", "http://")):
        link = Markup('<a href="{0}" target="_blank" rel="noopener noreferrer">{0}</a>')
        facts.append(link.format(source))
    else:
        facts.append(source or entry.name)
    places = Markup().join(Markup("<span>{}</span>").format(fact) for fact in facts)
    note = Markup('<p class="caveat">{}.</p>').format(
        (entry.reason and f"Not read: {entry.name} {entry.reason}") or meaning
    )
    return Markup(
        '<p class="back"><a href="#documents"><i class="icon previous"></i>All documents</a></p>'
        '<h2 tabindex="-1" dir="auto">{}</h2><p class="about">{}</p>{}'
    ).format(entry.title, places, note if label else "")
