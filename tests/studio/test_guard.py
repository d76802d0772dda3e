"""Who is refused."""

import asyncio
from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from dreamstream.studio.guard import Guard

PORT = 8765
OWN = f"127.0.0.1:{PORT}"


def answer(
    headers: dict[str, str],
    *,
    path: str = "/api/state",
    query: str = "",
    kind: str = "http",
    host: str = "127.0.0.1",
    token: str | None = None,
) -> list[dict[str, Any]]:
    """Send a request through a guard; return what comes back."""
    sent: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
        else:
            await PlainTextResponse("served")(scope, receive, send)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request" if kind == "http" else "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": kind,
        "method": "GET",
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    asyncio.run(Guard(app, host, PORT, token)(scope, receive, send))
    return sent


def status(headers: dict[str, str], **more: Any) -> int:
    return int(answer(headers, **more)[0]["status"])


@pytest.mark.parametrize("host", [OWN, f"localhost:{PORT}", f"[::1]:{PORT}"])
def test_this_machine_is_served(host: str) -> None:
    assert status({"host": host}) == 200
    assert status({"host": host, "origin": f"http://{host}"}) == 200


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", f"evil.example:{PORT}", "127.0.0.1:1", f"192.168.0.9:{PORT}", "a:b"],
)
def test_another_name_is_refused(host: str) -> None:
    assert status({"host": host}) == 403


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", f"http://localhost:{PORT}"]
)
def test_a_foreign_page_is_refused(origin: str) -> None:
    assert status({"host": OWN, "origin": origin}) == 403
    refused = answer({"host": OWN, "origin": origin}, kind="websocket", path="/ws")
    assert refused[0]["type"] == "websocket.close"


def test_what_another_site_embeds_is_refused() -> None:
    assert status({"host": OWN, "sec-fetch-site": "cross-site"}) == 403
    assert status({"host": OWN, "sec-fetch-site": "same-origin"}) == 200
    assert status({"host": OWN, "sec-fetch-site": "cross-site"}, path="/") == 200  # a link to it


def test_a_connection_names_its_page() -> None:
    assert answer({"host": OWN}, kind="websocket")[0]["type"] == "websocket.close"
    own = {"host": OWN, "origin": f"http://{OWN}"}
    assert answer(own, kind="websocket")[0]["type"] == "websocket.accept"


def test_beyond_this_machine_a_token_is_wanted() -> None:
    more: dict[str, Any] = {"host": "0.0.0.0", "token": "secret"}
    lan = {"host": f"192.168.0.9:{PORT}"}
    assert status(lan, **more) == 403
    assert status(lan, query="token=wrong", **more) == 403
    assert status({**lan, "cookie": f"dreamstream-{PORT}=wrong"}, **more) == 403
    assert status({**lan, "cookie": f"dreamstream-{PORT}=secret"}, **more) == 200
    assert status({**lan, "cookie": "=;=;"}, **more) == 403
    evil = {"host": f"evil.example:{PORT}", "cookie": f"dreamstream-{PORT}=secret"}
    assert status(evil, **more) == 403  # a name may be made to point here


def test_the_token_leaves_the_address_for_a_cookie() -> None:
    sent = answer(
        {"host": f"192.168.0.9:{PORT}"}, path="/", query="token=secret", host="::", token="secret"
    )
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    assert sent[0]["status"] == 303
    assert headers["location"] == "/"
    assert "secret" in headers["set-cookie"]
    assert "HttpOnly" in headers["set-cookie"]
    assert "SameSite=strict" in headers["set-cookie"]


def test_every_answer_forbids_other_sources() -> None:
    headers = {name.decode(): value.decode() for name, value in answer({"host": OWN})[0]["headers"]}
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
