"""Threads that do ahead of the dream, and behind it, what does not need it."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Generic, ParamSpec, Self, TypeVar

Item = TypeVar("Item")
Parameters = ParamSpec("Parameters")

AHEAD = 3
"""Items that are asked for before they are wanted, those in the making among them."""


@contextmanager
def one_thread(name: str) -> Iterator[Executor]:
    """Lend a thread that does one thing after another.

    At the end it finishes all that it was given, and is waited for, whatever the end is.
    """
    executor = ThreadPoolExecutor(1, name)
    try:
        try:
            yield executor
        finally:
            executor.shutdown()
    finally:
        executor.shutdown()  # again: a stop signal may have broken off the waiting


class Here(Executor):
    """Does at once, in the thread that asks, what it is asked for."""

    def submit(
        self,
        function: Callable[Parameters, Item],
        /,
        *arguments: Parameters.args,
        **options: Parameters.kwargs,
    ) -> Future[Item]:
        """Do it; what it raises is raised here."""
        future: Future[Item] = Future()
        future.set_result(function(*arguments, **options))
        return future


class Ahead(Generic[Item]):
    """Iterates in another thread, a few items ahead.

    An item is only asked for where there is room for it, so the thread never waits for a reader
    that may be gone.  What the iterator raises reaches the reader in its turn.

    Args:
        items: What is iterated; after an error it must end, as a generator does.
        thread: Where.
    """

    def __init__(self, items: Iterator[Item], thread: Executor) -> None:
        self._items, self._thread = items, thread
        self._coming: deque[Future[Item]] = deque()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Item:
        while len(self._coming) < AHEAD:
            self._coming.append(self._thread.submit(next, self._items))
        return self._coming.popleft().result()

    def close(self) -> None:
        """Take back what is asked for; at most the item in the making is still made."""
        for future in self._coming:
            future.cancel()
