"""What the processor can do."""

import re
from pathlib import Path

_CPU_INFORMATION = Path("/proc/cpuinfo")


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
