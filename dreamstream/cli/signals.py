"""Signals that stop the command, and a standard output whose reader has gone."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

_STOP_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
"""By name, since Windows lacks one."""


class Stopped(BaseException):
    """A signal asked the program to stop; not an Exception, so that nothing swallows it.

    Attributes:
        number: The signal's.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def stop_signals() -> Iterator[None]:
    """Turn the first stop signal into :class:`Stopped`; a second one ends the process at once."""

    def stop(number: int, _frame: Any) -> NoReturn:
        for each in numbers:
            signal.signal(each, signal.SIG_DFL)
        raise Stopped(number)

    known = [getattr(signal, name) for name in _STOP_SIGNALS if hasattr(signal, name)]
    # nohup and a shell's background jobs begin with some of them ignored, and so they stay
    numbers = [number for number in known if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def close_stdout() -> None:
    """Keep the interpreter from complaining, at its end, of a reader of stdout that has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
