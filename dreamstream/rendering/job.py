"""What is to be dreamed: one input into one output."""

import os
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from dreamstream.config import ControlConfig, DreamConfig, MediaConfig
from dreamstream.controls.program import read_schedules


@dataclass(frozen=True, kw_only=True)
class Job:
    """One input to dream into one output.

    Attributes:
        source: A file, a folder or a pattern of pictures, a URL, ``-`` for standard input, or
            ``camera[:N]``.
        output: A file, a pattern of numbered pictures, a folder (one that is there, or a name with
            a slash at its end) in which the output is named after the source, or ``-`` for
            standard output; None is a window.
        dream: How to dream.
        media: How to read and write.
        controls: What changes over time.
        preview: Seconds at which a single frame is wanted; None is the whole stream.

    Raises:
        ValueError: A schedule is wrong; the message marks the place.
    """

    source: str
    output: str | None = None
    dream: DreamConfig = field(default_factory=DreamConfig)
    media: MediaConfig = field(default_factory=MediaConfig)
    controls: ControlConfig = field(default_factory=ControlConfig)
    preview: Fraction | None = None

    def __post_init__(self) -> None:
        read_schedules(self.controls.schedule)
        if self.preview is not None:
            one = replace(self.media, start=self.preview, duration=None, frames=(0, 1))
            object.__setattr__(self, "media", one)

    @property
    def into_folder(self) -> bool:
        """Whether the output is named after the source, in the folder ``output``."""
        return self.output is not None and is_folder(self.output)


def is_folder(output: str) -> bool:
    """Whether an output is a folder, be it one that is yet to be made."""
    return output.endswith(("/", os.sep)) or Path(output).is_dir()


def flag_of(field: str) -> str:
    """Return the command's flag for a configuration field."""
    return "--" + field.replace("_", "-")
