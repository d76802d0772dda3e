"""The pages that are open, and what waits to be sent to each."""

import asyncio
import itertools
import json
from typing import Any

from starlette.websockets import WebSocket

Message = str | bytes


def packed(head: dict[str, Any], data: bytes) -> bytes:
    """Join a head and binary data: four bytes of the head's length, the head as JSON, the data."""
    text = json.dumps(head).encode()
    return len(text).to_bytes(4, "big") + text + data


class Client:
    """One page: what is newest of each kind waits for it, so that a slow one never piles up.

    Args:
        number: Its own.
        socket: Its connection.
    """

    def __init__(self, number: int, socket: WebSocket) -> None:
        self.number, self._socket = number, socket
        self._waiting: dict[Any, Message] = {}
        self._changed = asyncio.Event()

    def put(self, key: Any, message: Message) -> None:
        """Leave a message in place of an older one of the same key."""
        self._waiting.pop(key, None)
        self._waiting[key] = message
        self._changed.set()

    async def send_all(self) -> None:
        """Send what waits, for ever."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            while self._waiting:
                message = self._waiting.pop(next(iter(self._waiting)))
                if isinstance(message, str):
                    await self._socket.send_text(message)
                else:
                    await self._socket.send_bytes(message)


class Clients:
    """All pages."""

    def __init__(self) -> None:
        self._all: dict[int, Client] = {}
        self._numbers = itertools.count(1)

    def add(self, socket: WebSocket) -> Client:
        """Take in a page's connection."""
        client = Client(next(self._numbers), socket)
        self._all[client.number] = client
        return client

    def remove(self, client: Client) -> None:
        """Forget a page."""
        self._all.pop(client.number, None)

    def get(self, number: int) -> Client | None:
        """Return a page; None where it has gone."""
        return self._all.get(number)

    def tell_all(self, key: Any, message: dict[str, Any]) -> None:
        """Leave a message for every page."""
        text = json.dumps(message)
        for client in self._all.values():
            client.put(key, text)
