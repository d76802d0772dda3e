"""Tags, languages, dispositions and chapters, as the source has them."""

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from dreamstream._libraries import av

_OF_THE_FILE = re.compile(
    r"encoder|major_brand|minor_version|compatible_brands|rotate|timecode|vendor_id|duration.*"
    r"|bps.*|number_of_(frames|bytes).*|_statistics_.*",
    re.IGNORECASE,
)
"""Tags that tell of the old file's bytes and are wrong for the new one."""

_OF_MP4 = ("handler_name", "name")
"""Tags of an mp4's streams: its own form of a title, and who may play it."""

_UNKNOWN_LANGUAGE = "und"

_MAC_LANGUAGES = {
    "deu": "ger",
    "ell": "gre",
    "fre": "fra",
    "isl": "ice",
    "nld": "dut",
    "swe": "sve",
    "zho": "chi",
}
"""Languages that .mov knows by other names (FFmpeg's movenc table); it drops what it doesn't."""

_CHAPTER_BASE = Fraction(1, 1_000_000)
"""Unit of chapter times, in seconds."""


def copy_file_tags(
    source: "av.container.InputContainer", output: "av.container.OutputContainer"
) -> None:
    """Copy a file's tags to a file to be, whose header is not written yet."""
    output.metadata.update(_kept(source.metadata))


def copy_chapters(
    source: "av.container.InputContainer",
    output: "av.container.OutputContainer",
    begin: Fraction,
    length: Fraction | None,
) -> None:
    """Copy a file's chapters as far as they lie in a span.

    FFmpeg takes them before the header or, if there are none by then, before the end; an mp4 tells
    late ones in the form that Apple's players don't know.

    Args:
        source: The file.
        output: The file to be.
        begin: Time in the source's own clock, in seconds, of the output's time 0.
        length: Seconds that are kept; None is all.
    """
    output.set_chapters(list(_chapters(source.chapters(), begin, length)))


def copy_stream_tags(source: "av.stream.Stream", target: "av.stream.Stream", suffix: str) -> None:
    """Copy a stream's tags, language among them, and its dispositions."""
    tags = _kept(source.metadata)
    title = tags.get("title", tags.get("name"))
    for name in _OF_MP4:
        tags.pop(name, None)
    if title:
        tags["title"] = title
    language = tags.pop("language", _UNKNOWN_LANGUAGE)
    if language != _UNKNOWN_LANGUAGE:
        tags["language"] = _MAC_LANGUAGES.get(language, language) if suffix == ".mov" else language
    target.metadata.update(tags)
    target.disposition = source.disposition


def _kept(tags: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in tags.items() if not _OF_THE_FILE.fullmatch(name)}


def _chapters(chapters: list[Any], begin: Fraction, length: Fraction | None) -> Iterator[Any]:
    """Move chapters to a span and cut them to it."""
    for chapter in chapters:
        base = chapter["time_base"] or _CHAPTER_BASE
        start, end = chapter["start"] * base - begin, chapter["end"] * base - begin
        if length is not None:
            end = min(end, length)
        start = max(start, Fraction(0))
        if start < end:
            yield {
                "id": chapter["id"],
                "start": round(start / _CHAPTER_BASE),
                "end": round(end / _CHAPTER_BASE),
                "time_base": _CHAPTER_BASE,
                "metadata": chapter["metadata"],
            }
