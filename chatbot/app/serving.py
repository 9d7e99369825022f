"""The page on a port of this machine."""

from __future__ import annotations

import errno
import os
import socket
import time
import webbrowser
from collections.abc import Sequence
from importlib import resources
from importlib.metadata import PackageNotFoundError, version
from urllib.parse import quote as percent_encode

import gradio as gr

from chatbot.answer import Chatbot
from chatbot.app.guarding import guards
from chatbot.app.page import build_page
from chatbot.app.programs import give_json
from chatbot.collection import Collection
from chatbot.errors import ChatbotError, PortBusy
from chatbot.library import Limits
from chatbot.suggested import try_in_background


def serve(
    collections: Sequence[Collection],
    *,
    host: str = "127.0.0.1",
    port: int = 7860,
    open_browser: bool = False,
    mcp: bool = False,
) -> None:
    """Serve the page until it is interrupted. Raises PortBusy before anything else is done."""
    require_free_port(host, port)
    page = build_page(collections)
    launch(page, host, port, mcp=mcp)
    url = page_address(host, port)
    print(f"Footnote is ready: {url}", flush=True)
    if open_browser:
        webbrowser.open(url)
    stop = try_in_background([c.chatbot for c in collections if isinstance(c.chatbot, Chatbot)])
    try:
        _wait()
    except KeyboardInterrupt:
        stop.set()
        page.close(verbose=False)


def _wait() -> None:
    while True:
        time.sleep(3600)


def launch(page: gr.Blocks, host: str, port: int, *, mcp: bool = False) -> None:
    """Serve the page from a thread of its own, with `mcp` the tools too; `page.close()` ends it."""
    _reach_without_proxy(host)
    page.launch(
        app_kwargs={"middleware": guards(host)},
        server_name=host,
        server_port=port,
        prevent_thread_lock=True,
        quiet=True,
        share=False,
        inbrowser=False,
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=mcp,
        ssr_mode=False,
        max_file_size=Limits().file_bytes,
        theme=_theme(),
        head=_head(),
    )
    if mcp:
        give_json(page)


def require_mcp() -> None:
    """Raises ChatbotError where the package is missing that Gradio needs for its MCP server."""
    try:
        found = version("mcp")
    except PackageNotFoundError:
        found = "none"
    if not found.startswith("1."):
        raise ChatbotError(
            f"--mcp needs the package mcp, version 1 (found: {found}); run"
            ' python -m pip install -c scripts/constraints.txt "mcp>=1.21,<2" and start again'
        )


def require_free_port(host: str, port: int) -> None:
    if _can_bind(host, port):
        return
    free = next(other for other in range(max(port, 1023) + 1, 65_536) if _can_bind(host, other))
    raise PortBusy(f"port {port} is in use or not allowed; start again with --port {free}")


def _can_bind(host: str, port: int) -> bool:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        if os.name == "posix":  # elsewhere the option would allow a port in use
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


def page_address(host: str, port: int) -> str:
    if host in ("0.0.0.0", "::"):  # every interface; this one is open to the user
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _reach_without_proxy(host: str) -> None:
    # Gradio asks its own server whether it is up, and would ask through a proxy if one is set.
    for name in ("no_proxy", "NO_PROXY"):
        hosts = os.environ.get(name, "").split(",")
        os.environ[name] = ",".join(filter(None, dict.fromkeys([*hosts, "localhost", host])))


def _theme() -> gr.themes.Base:
    # Plain names are fonts of the reader's machine; Gradio's default would be fetched.
    theme = gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["monospace"])
    return theme.set(body_background_fill="#f4f2ee", body_background_fill_dark="#141619")


def _head() -> str:
    assets = resources.files("chatbot.app").joinpath("assets")
    files = {file.name: file.read_text(encoding="utf-8") for file in assets.iterdir() if file.is_file()}
    style, script = (
        "\n".join(files[name] for name in sorted(files, key=_own_first) if name.endswith(ending))
        for ending in (".css", ".js")
    )
    link = f'<link rel="icon" href="data:image/svg+xml,{percent_encode(files["page.svg"])}">'
    return f"{link}<style>{style}</style><script>{script}</script>"


def _own_first(name: str) -> tuple[bool, str]:
    return not name.startswith("page."), name  # the views' files build on the page's
