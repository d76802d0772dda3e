"""Figures of every frame, a line of JSON each."""

import contextlib
import json
import math
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO

from dreamstream.errors import SinkError, TargetError

if TYPE_CHECKING:
    from dreamstream.dream.report import FrameRecord


_LONGEST_LINE = 1 << 14
"""Bytes: a line has some hundreds."""


class StatsFile:
    """Writes a line for each frame, at once, so that a run can be watched.

    Args:
        path: The file to write.
        max_loss: The ceiling that stands in every line.
        overwrite: Replace an existing file.
        first: Index of the first frame to come of a run that follows an interrupted one.  That
            one's file goes on there: its lines of earlier frames stay.  None of another run.

    Raises:
        SinkError: The file exists, or can't be written.
    """

    def __init__(
        self,
        path: Path,
        max_loss: float | None,
        *,
        overwrite: bool = False,
        first: int | None = None,
    ) -> None:
        self._path, self._max_loss = path, max_loss
        self._file: TextIO | None = None
        follows = first is not None and path.is_file() and _is_statistics(path)
        self._kept = _length_before(path, first) if first is not None and follows else 0
        if path.exists() and not (overwrite or follows):
            raise TargetError(
                f"writing {path} failed: it exists; give another --stats file, or -y to replace it"
            )
        if path.is_dir() or not path.parent.is_dir():
            raise TargetError(
                f"writing {path} failed: {path.parent} is no folder, or it is one; give another "
                "--stats file"
            )

    def write(self, record: "FrameRecord") -> None:
        """Add a frame's line.

        Raises:
            SinkError: The system refuses.
        """
        try:
            if self._file is None:  # only now: a run that fails before it leaves no trace
                self._file = self._path.open("a", encoding="utf-8", buffering=1)
                self._file.truncate(self._kept)
            self._file.write(json.dumps(stats_of(record, self._max_loss)) + "\n")
        except OSError as error:
            raise SinkError(
                f"writing {self._path} failed ({error.strerror}); free some space, or give "
                "another --stats file"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):  # a full disk, of which write has told
                self._file.close()


def _is_statistics(path: Path) -> bool:
    """Return whether a file begins with the line of a run's first frame."""
    try:
        with path.open("rb") as file:
            line = json.loads(file.readline(_LONGEST_LINE))
        return bool(line["index"] == 0 and "residual_rms" in line)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _length_before(path: Path, first: int) -> int:
    """Measure, in bytes, a file's lines of frames before one; a torn line counts for nothing."""
    length = 0
    try:
        with path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n") or not json.loads(line)["index"] < first:
                    break
                length += len(line)
    except (OSError, ValueError, KeyError, TypeError):  # from here on it is none of ours
        return length
    return length


def _finite(value: float | None) -> float | None:
    """Return a number that JSON knows: it has no infinity and no NaN."""
    return value if value is not None and math.isfinite(value) else None


def stats_of(record: "FrameRecord", max_loss: float | None) -> dict[str, Any]:
    """Return a frame's figures by the names that the statistics file uses.

    Times are seconds; ``residual_rms`` is in levels of 255; ``steps`` counts by octave, smallest
    first; ``latency`` is null where nothing waits for the frame.
    """
    report = record.report
    return {
        "index": record.index,
        "time": float(record.time),
        "cut": report.cut,
        "flash": report.flash,
        "warm": report.warm,
        "steps": list(report.steps),
        "dropped_octaves": report.dropped_octaves,
        "source_loss": _finite(report.source_loss),
        "loss": _finite(report.loss),
        "max_loss": max_loss,
        "confidence": report.confidence,
        "residual_rms": report.residual_rms,
        "latency": record.latency,
        "dream_size": record.dream_size,
        "seconds": {
            "read": record.read_seconds,
            "flow": report.flow_seconds,
            "dream": report.dream_seconds,
            "write": record.write_seconds,
        },
        "wall": record.wall_seconds,
    }
