from __future__ import annotations

import posixpath
import zipfile
from typing import Any
from urllib.parse import unquote, urldefrag

from chatbot.formats.archive import open_package, read_member
from chatbot.formats.content import Content, Part, Unreadable, tidy
from chatbot.formats.encoding import decode
from chatbot.formats.html import block_parts, parse

_FONTS_ONLY = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"


def read_epub(data: bytes) -> Content:
    """Chapters in reading order; one that is missing or damaged is named in the warnings."""
    with open_package(data) as archive:
        _refuse_protection(archive)
        package = _package_path(archive)
        root = _xml(read_member(archive, package))
        parts: list[Part] = []
        warnings: list[str] = []
        for chapter in _chapters(root, posixpath.dirname(package)):
            try:
                parts += block_parts(parse(decode(read_member(archive, chapter))[0]))
            except (Unreadable, UnicodeError) as error:
                warnings.append(f"chapter {chapter} {error}")
    title = root.findtext(".//{*}metadata/{*}title") or ""
    return Content(tuple(parts), tidy(title), warnings=tuple(warnings))


def _xml(data: bytes) -> Any:
    from lxml import etree  # type: ignore[import-untyped]

    try:
        return etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError as error:
        raise Unreadable(f"is damaged ({error})") from error


def _refuse_protection(archive: zipfile.ZipFile) -> None:
    if _ENCRYPTION not in archive.namelist():
        return
    methods = _xml(read_member(archive, _ENCRYPTION)).iterfind(".//{*}EncryptionMethod")
    if any(method.get("Algorithm") not in _FONTS_ONLY for method in methods):
        raise Unreadable("is protected against copying (DRM)")


def _package_path(archive: zipfile.ZipFile) -> str:
    rootfile = _xml(read_member(archive, _CONTAINER)).find(".//{*}rootfile")
    if rootfile is None or not rootfile.get("full-path"):
        raise Unreadable(f"is damaged ({_CONTAINER} names no package)")
    return str(rootfile.get("full-path"))


def _chapters(package: Any, folder: str) -> list[str]:
    items = {
        item.get("id"): item
        for item in package.iterfind(".//{*}manifest/{*}item")
        if "html" in (item.get("media-type") or "") and "nav" not in (item.get("properties") or "").split()
    }
    order = [reference.get("idref") for reference in package.iterfind(".//{*}spine/{*}itemref")]
    paths = (unquote(urldefrag(items[name].get("href") or "").url) for name in order if name in items)
    return [posixpath.normpath(posixpath.join(folder, path)) for path in paths]
