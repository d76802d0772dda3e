"""Where a host looks in on an ascent: before each step (loads no TensorFlow)."""

from collections.abc import Callable
from contextvars import ContextVar

CHECKPOINT: ContextVar[Callable[[], None] | None] = ContextVar("checkpoint", default=None)
"""Called before each step of this thread's ascents, where one is set.  It may wait, and what it
raises ends the ascent: the dreamer must be reset before it dreams again."""
