"""Who may ask: the page itself and programs, but no other site that the reader has open."""

from __future__ import annotations

from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

READING = {"GET", "HEAD", "OPTIONS"}


def guards(host: str) -> list[Middleware]:
    """What every request to a server at `host` has to pass, whatever its route."""
    others = Middleware(OtherSitesRefused)
    return [_loopback_names(host), others] if _is_loopback(host) else [others]


class OtherSitesRefused:
    """Refuses what may change something when a browser sends it from another site.

    It hands `receive` and `send` on, so that streams pass as they come.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self.app if _may_pass(scope) else _refusal
        await app(scope, receive, send)


_refusal = PlainTextResponse("Other sites may not do this; only Footnote's own page and programs.", 403)


def _may_pass(scope: Scope) -> bool:
    if scope["type"] not in {"http", "websocket"}:  # the server's own start and end
        return True
    return scope.get("method") in READING or is_own(Headers(scope=scope))


def is_own(headers: Headers) -> bool:
    """Whether a request comes from a program or from the page that the server gave.

    Sec-Fetch-Site is the browser's own word, true also behind a proxy that names another host. Browsers
    leave it out on plain HTTP in a network, but not Origin (Valsorda, "Cross-Site Request Forgery", 2025).
    Programs send neither.
    """
    if site := headers.get("sec-fetch-site"):
        return site in {"same-origin", "none"}
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2] == headers.get("host")


def _loopback_names(host: str) -> Middleware:
    """Requests for this machine by name, through any port of it: a tunnel may have another.

    A page from elsewhere can have its own host name resolve to 127.0.0.1 (DNS rebinding).
    """
    named = f"[{host}]" if ":" in host else host
    hosts = ["localhost", "127.0.0.1", "[::1]", named]
    return Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:  # a name
        return False
