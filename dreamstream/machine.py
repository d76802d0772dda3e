"""What this machine has: its processor and its memory."""

import math
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_CPU_INFORMATION = Path("/proc/cpuinfo")

_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def machine_memory() -> float:
    """Return the bytes of memory that this machine has, or this container may take.

    What is free would say more, but changes: equal runs must do alike, and so give equal dreams.
    """
    return min([_physical_memory(), *_container_limits()])


def _physical_memory() -> float:
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):  # not on Windows
        return math.inf


def _container_limits() -> Iterator[float]:
    for path in map(Path, _CGROUP_LIMITS):
        try:
            text = path.read_text().strip()
        except OSError:
            continue
        if text.isdecimal():
            yield float(text)


def processor_flags(information: Path = _CPU_INFORMATION) -> frozenset[str]:
    """Return what the processor can do, as Linux names it; nothing where the system doesn't tell.

    Args:
        information: Linux's description of the processors.
    """
    try:
        text = information.read_text()
    except OSError:
        return frozenset()
    flags = re.search(r"^flags\s*:(.*)$", text, re.MULTILINE)
    return frozenset(flags[1].split()) if flags else frozenset()


@contextmanager
def ordinary_threads() -> Iterator[None]:
    """Give threads that are made real-time meanwhile the ordinary scheduling of all others.

    For root, SVT-AV1 runs its own threads and the one that opens it at the highest real-time
    priority, for good (``pthread_setschedparam`` in its EbThreads.c): all else would wait.
    """
    if not hasattr(os, "sched_setscheduler"):  # not on macOS or Windows
        yield
        return
    before = _real_time_threads()
    try:
        yield
    finally:
        for thread in _real_time_threads() - before:
            with suppress(OSError):  # it has ended
                os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))


def _real_time_threads() -> set[int]:
    found = set()
    for task in Path("/proc/self/task").glob("*"):
        with suppress(OSError):
            if os.sched_getscheduler(int(task.name)) in (os.SCHED_FIFO, os.SCHED_RR):
                found.add(int(task.name))
    return found
