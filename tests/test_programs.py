"""What programs may do: in Python, through Gradio's API and as MCP tools, each with its real client."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from browsing import CORPUS, QUESTION, SMALL_CORPUS, Served, free_port
from conftest import ROOT
from gradio_client import Client
from gradio_client.exceptions import AppError
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, Tool
from test_collections import CARGO, OTHER, ship_collection

import chatbot
from chatbot import __main__ as commands
from chatbot.app import build_page, launch, programs, serving
from chatbot.app.programs import Programs
from chatbot.errors import ChatbotError, QuestionError

T = TypeVar("T")
FOUR = {"ask", "search", "verify", "list_documents"}
HOME = "http://127.0.0.1:7860"  # where the README finds it


@pytest.fixture(scope="module")
def url(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Two collections for programs, MCP included."""
    page = build_page([served.collections[0], ship_collection(served, tmp_path_factory)])
    port = free_port()
    launch(page, "127.0.0.1", port, mcp=True)
    yield f"http://127.0.0.1:{port}"
    page.close(verbose=False)


@pytest.fixture(scope="module")
def client(url: str) -> Client:
    return Client(url, verbose=False)


def readme(language: str) -> list[str]:
    """The blocks of that language in the README's section."""
    section = (ROOT / "README.md").read_text("utf-8").split("\n## For programs\n")[1].split("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


def run_python(code: str, folder: Path) -> str:
    ran = subprocess.run(
        [sys.executable, "-W", "error::FutureWarning", "-c", code],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


# ---- Python


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = run_python(
        "import sys, chatbot; print(sys.modules.keys() & {'torch', 'numpy', 'faiss', 'gradio'})", ROOT
    )
    assert heavy.strip() == "set()"


@pytest.mark.slow
def test_three_lines_of_python_answer(served: Served) -> None:
    [three_lines] = (code for code in readme("python") if "open_chatbot" in code)
    said = run_python(three_lines, served.collections[0].corpus.parent)  # has corpus/ and index/
    assert "8 August 1945" in said
    assert "[1]" in said


@pytest.mark.slow
def test_a_missing_or_stale_index_is_built(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "oaks.md").write_text("An oak can live for a thousand years.\n", "utf-8")
    first = chatbot.open_chatbot(corpus, tmp_path / "index").answer("How long can an oak live?")
    assert [cited.doc_id for cited in first.citations] == ["oaks.md"]
    (corpus / "louise.md").write_text("The barque Louise carried 340 tons of salt.\n", "utf-8")
    bot = chatbot.open_chatbot(str(corpus), str(tmp_path / "index"))
    assert bot.index.manifest["documents"] == 2
    assert "salt" in bot.answer("What did the barque Louise carry?").text


# ---- Gradio's API


def test_only_the_four_are_public(url: str) -> None:
    with urlopen(f"{url}/gradio_api/info") as reply:
        info = json.load(reply)
    assert info["named_endpoints"].keys() == {f"/{name}" for name in FOUR}
    assert info["unnamed_endpoints"] == {}
    assert all(endpoint["description"] for endpoint in info["named_endpoints"].values())


def test_ask_returns_the_json_of_the_command_line(
    client: Client, served: Served, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "_open", lambda options: served.collections[0].chatbot)
    assert commands.main(["ask", "--json", QUESTION]) == 0
    printed = json.loads(capsys.readouterr().out)
    asked = client.predict(QUESTION, api_name="/ask")
    assert printed.pop("milliseconds").keys() == asked.pop("milliseconds").keys()
    assert asked == printed
    assert asked["status"] == "answered"


def test_ask_takes_history_another_collection_and_documents(client: Client) -> None:
    followed = client.predict("What did he say about mediation?", history=[QUESTION], api_name="/ask")
    assert "Molotov" in followed["standalone_question"]
    elsewhere = client.predict(CARGO, collection=OTHER, api_name="/ask")
    assert elsewhere["citations"][0]["doc_id"] == "louise.md"
    only = "articles/hiroshima.md"
    limited = client.predict(QUESTION, only=[only], api_name="/ask")
    assert (limited["only"], {hit["doc_id"] for hit in limited["hits"]}) == ([only], {only})
    here = client.predict(CARGO, api_name="/ask")
    assert "louise.md" not in {hit["doc_id"] for hit in here["hits"]}


def test_search_returns_passages_best_first(client: Client, served: Served) -> None:
    hits = client.predict("Yalta agreement", limit=3, api_name="/search")
    assert [hit["rank"] for hit in hits] == [1, 2, 3]
    assert hits[0]["score"] >= hits[1]["score"] >= hits[2]["score"]
    document = served.collections[0].chatbot.index.document(hits[0]["doc_id"])
    assert document.text[hits[0]["start"] : hits[0]["end"]] == hits[0]["text"]
    assert hits[0].keys() >= {"title", "section", "source", "page", "why"}
    assert len(client.predict("Yalta agreement", api_name="/search")) == 10


def test_search_looks_in_chosen_documents_alone(client: Client, url: str) -> None:
    only = ["articles/kwantung-army-1945.md", "articles/nagasaki.md"]
    hits = client.predict("Soviet attack", limit=100, only=only, api_name="/search")
    assert sorted({hit["doc_id"] for hit in hits}) == only
    assert len(client.predict("Soviet attack", limit=100, api_name="/search")) > len(hits)
    called = call_tool(url, "search", {"query": "Soviet attack", "limit": 100, "only": only})
    assert json.loads(told(called)) == hits


def test_verify_tells_a_true_quote_from_a_false_one(client: Client) -> None:
    answer = client.predict(QUESTION, api_name="/ask")
    assert {verdict["state"] for verdict in client.predict(answer, api_name="/verify")} == {"valid"}
    answer["citations"][0]["quote"] = "Japan declared war on the Soviet Union."
    changed = client.predict(answer, api_name="/verify")[0]
    assert (changed["number"], changed["state"]) == (1, "changed")
    gone = client.predict(answer, collection=OTHER, api_name="/verify")
    assert {verdict["state"] for verdict in gone} == {"gone"}


def test_list_documents_names_documents_and_collections(client: Client) -> None:
    listed = client.predict(api_name="/list_documents")
    assert (listed["collection"], listed["collections"]) == ("corpus", ["corpus", OTHER])
    assert {f"articles/{name}" for name in SMALL_CORPUS} < {d["doc_id"] for d in listed["documents"]}
    [louise] = client.predict(collection=OTHER, api_name="/list_documents")["documents"]
    assert (louise["doc_id"], louise["title"], louise["pages"]) == ("louise.md", "The barque Louise", None)


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("ask", {"question": "  "}, "Please type a question."),
        ("ask", {"question": "x" * 2_001}, "Your question has 2,001 characters; please shorten it to 2,000."),
        ("ask", {"question": 3}, "the question must be text"),
        ("ask", {"question": "Who?", "history": "Why?"}, "history must be a list of texts"),
        ("ask", {"question": "Who?", "history": [1]}, "history must be a list of texts"),
        ("ask", {"question": "Who?", "history": ["Why?"] * 101}, "history has at most 100 questions"),
        ("ask", {"question": "Who?", "collection": "x"}, f"no such collection; there are corpus, {OTHER}"),
        ("ask", {"question": "Who?", "only": "louise.md"}, "only must be a list of texts"),
        ("ask", {"question": "Who?", "only": ["louise.md"]}, "no document 'louise.md' in the index"),
        ("search", {"query": "Yalta", "limit": 101}, "limit must be a whole number from 1 to 100"),
        ("search", {"query": "Yalta", "limit": 0}, "limit must be a whole number from 1 to 100"),
        ("search", {"query": "Yalta", "limit": True}, "limit must be a whole number from 1 to 100"),
        ("search", {"query": ""}, "Please type a question."),
        ("search", {"query": "Yalta", "only": [1]}, "only must be a list of texts"),
        ("search", {"query": "Yalta", "only": ["louise.md"]}, "no document 'louise.md' in the index"),
        ("search", {"query": "Yalta", "only": [str(n) for n in range(1_001)]}, "1,001 documents are chosen"),
        ("verify", {"answer": []}, "answer must be what ask returned"),
        ("verify", {"answer": {"citations": [{}]}}, "a citation lacks 'number'"),
        ("verify", {"answer": {"citations": [{}] * 101}}, "more than 100 citations"),
    ],
)
def test_what_is_wrong_is_told_to_the_program(
    client: Client, name: str, arguments: dict[str, Any], told: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(AppError, match=re.escape(told)):
        client.predict(**arguments, api_name=f"/{name}")
    assert "Traceback" not in capfd.readouterr().err


def test_a_number_that_is_none_is_refused(served: Served) -> None:
    endless = {"citations": [{"number": float("inf"), "doc_id": "a", "quote": "a", "start": 0, "end": 1}]}
    with pytest.raises(QuestionError, match="no whole number"):
        Programs({"a": served.collections[0]}).verify(endless)


def test_the_readmes_client_runs(url: str) -> None:
    [code] = (code for code in readme("python") if "gradio_client" in code)
    said = run_python(code.replace(HOME, url), ROOT)
    assert "answered 8 August 1945" in said
    assert "1 valid" in said
    assert "{'articles/kwantung-army-1945.md'}" in said
    assert "articles/hiroshima.md" in said


def run_plain_request(start: str, url: str) -> str:
    """What the README's block of curl that starts so prints."""
    if not shutil.which("curl"):
        pytest.skip("no curl on this machine")
    [command] = (code for code in readme("sh") if code.startswith(start))
    ran = subprocess.run(["bash", "-c", command.replace(HOME, url)], capture_output=True, timeout=60)
    return ran.stdout.decode()


def test_the_readmes_plain_request_gives_every_value(url: str) -> None:
    [answer] = json.loads(run_plain_request("curl", url))["data"]
    assert answer["status"] == "answered"


def test_the_readmes_two_plain_requests_leave_out_what_has_a_default(url: str) -> None:
    event, _, data = run_plain_request("event=", url).strip().partition("\ndata: ")
    [answer] = json.loads(data)
    assert (event, answer["status"]) == ("event: complete", "answered")


# ---- who may ask


def test_documents_are_not_served_as_files(url: str) -> None:
    with pytest.raises(HTTPError, match="403"):
        urlopen(f"{url}/gradio_api/file={CORPUS / 'articles' / SMALL_CORPUS[0]}")


# ---- MCP


@asynccontextmanager
async def connect(url: str) -> AsyncIterator[ClientSession]:
    address = f"{url}/gradio_api/mcp/"
    async with streamable_http_client(address) as (read, write, _), ClientSession(read, write) as session:
        assert (await session.initialize()).serverInfo.name == "Footnote"
        yield session


def finished(coroutine: Coroutine[Any, Any, T]) -> T:
    """What it returns, from a thread of its own: the browser of other tests runs a loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def call_tool(url: str, name: str, arguments: dict[str, Any]) -> CallToolResult:
    async def call() -> CallToolResult:
        async with connect(url) as session:
            return await session.call_tool(name, arguments)

    return finished(call())


def told(result: CallToolResult) -> str:
    [content] = result.content
    assert content.type == "text"
    return content.text


def test_the_tools_are_the_four_with_descriptions_of_every_argument(url: str) -> None:
    async def list_tools() -> list[Tool]:
        async with connect(url) as session:
            assert (await session.list_resources()).resources == []
            assert (await session.list_prompts()).prompts == []
            return (await session.list_tools()).tools

    tools = {tool.name: tool for tool in finished(list_tools())}
    assert tools.keys() == FOUR
    for tool in tools.values():
        assert tool.description
        assert len(tool.description) > 60
        assert all(argument["description"] for argument in tool.inputSchema["properties"].values())
    assert tools["ask"].inputSchema["required"] == ["question"]
    assert tools["search"].inputSchema["properties"]["limit"]["default"] == 10


def test_tools_answer_in_json_as_the_api_does(url: str, client: Client) -> None:
    answer = json.loads(told(call_tool(url, "ask", {"question": QUESTION})))
    same = client.predict(QUESTION, api_name="/ask")
    del answer["milliseconds"], same["milliseconds"]
    assert answer == same
    hits = json.loads(told(call_tool(url, "search", {"query": "Yalta agreement", "limit": 2})))
    assert hits == client.predict("Yalta agreement", limit=2, api_name="/search")
    assert json.loads(told(call_tool(url, "verify", {"answer": answer})))[0]["state"] == "valid"
    listed = json.loads(told(call_tool(url, "list_documents", {"collection": OTHER})))
    assert [document["doc_id"] for document in listed["documents"]] == ["louise.md"]


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("ask", {"question": ""}, "Please type a question."),
        ("ask", {}, "'question' is a required property"),
        ("search", {"query": "Yalta", "limit": 101}, "limit must be a whole number from 1 to 100"),
        ("search", {"query": "Yalta", "limit": "many"}, "'many' is not of type 'integer'"),
        ("list_documents", {"collection": "x"}, "there is no such collection"),
        ("clear", {}, "Unknown tool"),
    ],
)
def test_tools_tell_what_is_wrong(url: str, name: str, arguments: dict[str, Any], message: str) -> None:
    result = call_tool(url, name, arguments)
    assert result.isError
    assert message in told(result)


def test_the_readmes_mcp_client_runs(url: str) -> None:
    [code] = (code for code in readme("python") if "ClientSession" in code)
    answer = json.loads(run_python(code.replace(HOME, url), ROOT))
    assert answer["short_answer"] == "8 August 1945"


def test_without_the_option_there_is_no_mcp_server(served: Served) -> None:
    with pytest.raises(HTTPError, match=r"40[45]"):
        urlopen(Request(f"{served.url}/gradio_api/mcp/", b"{}", {"Content-Type": "application/json"}))


@pytest.mark.parametrize("found", [None, "2.3.0"])
def test_a_missing_package_is_told_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, found: str | None
) -> None:
    def version(name: str) -> str:
        if found is None:
            raise serving.PackageNotFoundError(name)
        return found

    monkeypatch.setattr(serving, "version", version)
    with pytest.raises(ChatbotError, match=r"pip install -c scripts/constraints.txt \"mcp>=1.21,<2\""):
        serving.require_mcp()


def test_a_server_that_did_not_start_is_told(served: Served) -> None:
    page = build_page(served.collections)
    page.mcp_error = "broken package"
    with pytest.raises(ChatbotError, match="the MCP server did not start: broken package"):
        programs.give_json(page)
