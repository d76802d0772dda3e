"""Who may ask the studio: this machine's own browser, on the studio's own page.

A page of another site can send requests to 127.0.0.1 too, and a name of another site's can be made
to point here (DNS rebinding).  So the host's name, the page's origin and, beyond this machine, a
token are checked before anything else is looked at.
"""

import hmac
import ipaddress
import socket
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}

_REFUSED_SOCKET = 4403
"""Code with which a WebSocket is closed that may not be opened."""


class Guard:
    """Refuses what does not come from the studio's own page.

    Args:
        app: What is guarded.
        host: The address that the server listens at.
        port: Its port.
        token: What must be known beyond this machine; None where no one else can connect.
    """

    def __init__(self, app: ASGIApp, host: str, port: int, token: str | None) -> None:
        self._app, self._host, self._port, self._token = app, host, port, token
        self._cookie = f"dreamstream-{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        problem = self._problem(scope, headers)
        if problem is not None:
            await _refuse(problem, scope, receive, send)
        elif self._brings_token(scope):
            await self._keep_token(scope, receive, send)
        else:
            await self._app(scope, receive, _with_headers(send))

    def _problem(self, scope: Scope, headers: Headers) -> str | None:
        if not self._is_own_host(headers.get("host", "")):
            return "the address is not the studio's own"
        origin = headers.get("origin")
        if origin is None and scope["type"] == "websocket":
            return "a connection must come from the studio's page"
        if origin is not None and urlsplit(origin).netloc != headers.get("host"):
            return f"a page of {origin} may not use the studio"
        if headers.get("sec-fetch-site") in ("cross-site", "same-site") and scope["path"] != "/":
            return "another site's page may not use the studio"
        if self._token is not None and not self._is_known(scope, headers):
            return "the token is missing; open the address that the studio has printed"
        return None

    def _is_own_host(self, given: str) -> bool:
        try:
            parts = urlsplit(f"//{given}")
            name, port = parts.hostname or "", parts.port or 80
        except ValueError:
            return False
        if port != self._port:
            return False
        if name in _LOOPBACK or name == self._host:
            return True
        return self._token is not None and (_is_address(name) or name == socket.gethostname())

    def _is_known(self, scope: Scope, headers: Headers) -> bool:
        given = [_query_token(scope)]
        try:
            cookies = SimpleCookie(headers.get("cookie", ""))
            given += [cookies[self._cookie].value] if self._cookie in cookies else []
        except CookieError:
            pass
        wanted = (self._token or "").encode()
        return any(hmac.compare_digest(each.encode(), wanted) for each in given)

    def _brings_token(self, scope: Scope) -> bool:
        return scope["type"] == "http" and scope["path"] == "/" and bool(_query_token(scope))

    async def _keep_token(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take the token out of the address, where a screen or a history would show it."""
        response = RedirectResponse("/", 303)
        if self._token is not None:
            response.set_cookie(self._cookie, self._token, httponly=True, samesite="strict")
        await response(scope, receive, _with_headers(send))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _query_token(scope: Scope) -> str:
    query: bytes = scope.get("query_string", b"")
    return parse_qs(query.decode("latin-1")).get("token", [""])[0]


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sent


async def _refuse(problem: str, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": _REFUSED_SOCKET, "reason": problem})
        return
    await PlainTextResponse(f"refused: {problem}", 403)(scope, receive, _with_headers(send))
