"""Room for one value between two threads: what is late is replaced, never queued."""

import threading
from typing import Generic, TypeVar

_Value = TypeVar("_Value")


class Mailbox(Generic[_Value]):
    """Holds the newest value until it is taken."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._value: _Value | None = None
        self._closed = False

    def put(self, value: _Value) -> None:
        """Leave a value, in place of one that nobody took."""
        with self._changed:
            self._value = value
            self._changed.notify_all()

    def take(self, seconds: float = 0.0) -> _Value | None:
        """Take the value out.

        Args:
            seconds: How long to wait for one.

        Returns:
            The newest value; None where none came, or the slot was closed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._value is not None or self._closed, seconds)
            value, self._value = self._value, None
            return value

    def close(self) -> None:
        """Wake whoever waits; nobody waits from here on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
