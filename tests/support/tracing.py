"""How much memory a call keeps."""

import gc
import tracemalloc
from collections.abc import Callable


def kept_bytes(call: Callable[[], object], times: int) -> int:
    """Return the bytes that Python and numpy hold after so many calls and did not hold before."""
    gc.collect()
    tracemalloc.start()
    try:
        for _ in range(times):
            call()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
