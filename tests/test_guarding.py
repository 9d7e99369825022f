"""Who may ask: own page and programs pass, other sites and names that pose as this machine do not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from browsing import QUESTION, OpenPage, Served, free_port
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send
from test_programs import finished

from chatbot.app import build_page, launch
from chatbot.app.guarding import OtherSitesRefused, guards, is_own

FOREIGN = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "http://127.0.0.1"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]
BOUNDARY = "----geese"
UPLOAD = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="geese.md"\r\n\r\n'
    f"77 geese.\r\n--{BOUNDARY}--\r\n"
)
JSON, PLAIN = "application/json", "text/plain"  # a site may send the second without asking first
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"},
    },
}


@pytest.fixture(scope="module")
def url(served: Served) -> Iterator[str]:
    page, port = build_page(served.collections), free_port()
    launch(page, "127.0.0.1", port, mcp=True)
    yield f"http://127.0.0.1:{port}"
    page.close(verbose=False)


@pytest.fixture(scope="module")
def requests(url: str) -> dict[str, tuple[str, str, bytes]]:
    """What the page and programs send: path, type and body."""
    with urlopen(f"{url}/config") as reply:
        config = json.load(reply)
    ids = {c["props"].get("elem_id"): c["id"] for c in config["components"]}
    component = {"session_hash": "t", "component_id": ids["documents"], "fn_name": "build_state"}
    bodies: dict[str, tuple[str, str, Any]] = {
        "chat": ("run/ask", JSON, {"data": [QUESTION, [], "", []]}),
        "queue": ("queue/join", JSON, {"data": [], "fn_index": 0, "session_hash": "t"}),
        "server function": ("component_server", PLAIN, component | {"data": {"collection": "corpus"}}),
        "MCP": ("mcp/", JSON, INITIALIZE),
    }
    sent = {name: (path, kind, json.dumps(body).encode()) for name, (path, kind, body) in bodies.items()}
    return sent | {"upload": ("upload", f"multipart/form-data; boundary={BOUNDARY}", UPLOAD.encode())}


def status(url: str, request: tuple[str, str, bytes], headers: dict[str, str]) -> int:
    path, kind, body = request
    sent = {"Content-Type": kind, "Accept": "application/json, text/event-stream", **headers}
    try:
        with urlopen(Request(f"{url}/gradio_api/{path}", body, sent)) as reply:
            return int(reply.status)
    except HTTPError as error:
        return error.code


@pytest.mark.parametrize("foreign", FOREIGN, ids=str)
@pytest.mark.parametrize("name", ["chat", "queue", "server function", "MCP", "upload"])
def test_another_site_is_refused(
    url: str, requests: dict[str, tuple[str, str, bytes]], name: str, foreign: dict[str, str]
) -> None:
    assert status(url, requests[name], foreign) == 403


@pytest.mark.parametrize("name", ["chat", "server function", "MCP", "upload"])
def test_the_page_and_programs_pass(url: str, requests: dict[str, tuple[str, str, bytes]], name: str) -> None:
    port = url.rsplit(":", 1)[1]
    own = [
        {},  # curl, gradio_client, MCP clients
        {"Origin": url},
        {"Origin": url, "Sec-Fetch-Site": "same-origin"},
        {"Origin": f"http://localhost:{port}", "Host": f"localhost:{port}"},
        {"Origin": f"http://[::1]:{port}", "Host": f"[::1]:{port}"},
        {"Origin": "http://localhost:8080", "Host": "localhost:8080"},  # ssh -L 8080:localhost:7860
    ]
    assert [status(url, requests[name], headers) for headers in own] == [200] * len(own)


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:7860", ""]
)
@pytest.mark.parametrize("path", ["/", "/gradio_api/info", "/gradio_api/mcp/"])
def test_a_name_that_poses_as_this_machine_is_refused(url: str, path: str, host: str) -> None:
    with pytest.raises(HTTPError, match="400"):
        urlopen(Request(url + path, headers={"Host": host}))


def test_a_name_that_poses_as_this_machine_is_refused_even_as_its_own_site(
    url: str, requests: dict[str, tuple[str, str, bytes]]
) -> None:
    posing = {"Host": "evil.example", "Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"}
    assert status(url, requests["chat"], posing) == 400


def test_another_site_may_link_to_the_page(url: str) -> None:
    with urlopen(Request(url, headers={"Sec-Fetch-Site": "cross-site"})) as reply:
        assert reply.status == 200


def test_in_a_network_the_origin_has_to_be_the_host_whatever_it_is_called() -> None:
    assert is_own(Headers({"host": "my-machine:7860", "origin": "http://my-machine:7860"}))
    assert not is_own(Headers({"host": "my-machine:7860", "origin": "http://my-machine:7861"}))
    forwarded = {
        "host": "my-machine:7860",
        "origin": "http://evil.example",
        "x-forwarded-host": "evil.example",
    }
    assert not is_own(Headers(forwarded))
    renamed = {"host": "127.0.0.1:7860", "origin": "https://notes.example", "sec-fetch-site": "same-origin"}
    assert is_own(Headers(renamed))  # a proxy; only the browser can say same-origin


def test_names_are_checked_only_on_loopback() -> None:
    def checks(host: str) -> int:
        return len(guards(host))

    assert [checks(host) for host in ("127.0.0.1", "localhost", "::1", "127.0.0.2")] == [2, 2, 2, 2]
    assert [checks(host) for host in ("0.0.0.0", "::", "192.168.1.5", "my-machine")] == [1, 1, 1, 1]


def test_a_stream_passes_as_it_comes() -> None:
    sent: list[Message] = []

    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        for n in range(3):
            await send({"type": "http.response.body", "body": b"%d" % n, "more_body": n < 2})
            assert len(sent) == n + 1  # nobody holds it back

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "headers": [(b"host", b"a"), (b"origin", b"http://a")]}
    finished(OtherSitesRefused(stream)(scope, receive, send))
    assert [message["body"] for message in sent] == [b"0", b"1", b"2"]


@pytest.mark.browser
def test_a_browser_on_another_site_reaches_nothing(
    open_page: OpenPage, url: str, requests: dict[str, tuple[str, str, bytes]]
) -> None:
    page = open_page(url=url.replace("127.0.0.1", "localhost"))  # another site to the browser
    path, _, body = requests["server function"]
    ask = "([to, body]) => fetch(to, { method: 'POST', mode: 'no-cors', body }).then(() => 0)"
    for origin, code in ((url, 403), (url.replace("127.0.0.1", "localhost"), 200)):
        with page.expect_response(f"{origin}/gradio_api/{path}") as response:
            page.evaluate(ask, [f"{origin}/gradio_api/{path}", body.decode()])
        assert response.value.status == code
