"""Figures and help, drawn over a picture (pure; OpenCV)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dreamstream._libraries import cv2
from dreamstream.frames import Pixels

_TEXT_SHARE, _LEAST_TEXT = 1 / 26, 10
"""Height of the letters as a share of the picture's, and its least in pixels."""

_WHITE, _GREY, _RED, _AMBER = (245, 245, 245), (170, 175, 180), (235, 60, 50), (250, 190, 80)
_SHADE = 0.42
"""How much of the picture stays under a panel."""

_REGULAR, _BOLD = 420, 640
"""Weights of OpenCV's own variable font."""

_NEAR_CEILING = 0.9
"""Share of max_loss from which the bar of the loss turns amber."""


@dataclass(frozen=True, slots=True)
class Readout:
    """What the overlay tells.

    Attributes:
        rate: Frames shown a second.
        latency: Seconds from capture to screen.
        side: Longest side of the dream size, in pixels; 0 while no network is loaded.
        loss: Of the last frame that the network looked at; None before.
        max_loss: Its ceiling; None is none.
        look: Preset or layers, by name.
        strength: As :attr:`DreamConfig.strength`; the viewer may change it.
        recording: Seconds recorded; None while nothing is.
        message: What has just happened; "" for nothing.
    """

    rate: float = 0.0
    latency: float = 0.0
    side: int = 0
    loss: float | None = None
    max_loss: float | None = None
    look: str = ""
    strength: float = 1.0
    recording: float | None = None
    message: str = ""


def draw_figures(pixels: Pixels, readout: Readout) -> Pixels:
    """Draw the figures along the lower edge.

    Args:
        pixels: (H, W, 3) uint8 RGB; it stays as it is.
        readout: What to tell.
    """
    canvas = _Canvas(pixels)
    text, line = canvas.text, canvas.line
    rows = _wrapped(canvas, _cells(readout), canvas.width - 2 * text)
    canvas.shade(canvas.height - (len(rows) * line + text), canvas.height)
    for place, cells in enumerate(rows):
        left, base = text, canvas.height - text - (len(rows) - 1 - place) * line
        for words, colour in cells:
            left = canvas.write(words, left, base, colour) + text
    if readout.loss is not None and readout.max_loss:
        _draw_bar(canvas, readout.loss / readout.max_loss)
    return canvas.pixels


def draw_notice(pixels: Pixels, message: str, recording: float | None = None) -> Pixels:
    """Draw what has just happened, and the light of a recording, along the upper edge."""
    canvas = _Canvas(pixels)
    text = canvas.text
    if message:
        canvas.shade(0, canvas.line + text // 2)
        canvas.write(message, text, canvas.line, _WHITE)
    if recording is not None:
        words = f"{int(recording) // 60}:{int(recording) % 60:02d}"
        left = canvas.width - text - canvas.measure(words)
        canvas.write(words, left, canvas.line, _WHITE, _BOLD)
        canvas.dot(left - text, canvas.line - text // 3, text // 3, _RED)
    return canvas.pixels


def draw_help(pixels: Pixels, lines: Sequence[tuple[str, str]]) -> Pixels:
    """Draw a table of keys over the middle."""
    canvas = _Canvas(pixels, most_lines=len(lines) + 2)
    text, line = canvas.text, canvas.line
    top = (canvas.height - len(lines) * line) // 2
    widest = max(canvas.measure(shown, _BOLD) for shown, _ in lines)
    canvas.shade(max(0, top - text // 2), min(canvas.height, top + len(lines) * line + text // 2))
    for place, (shown, words) in enumerate(lines):
        base = top + place * line + text
        canvas.write(shown, text, base, _AMBER, _BOLD)
        canvas.write(words, 2 * text + widest, base, _WHITE)
    return canvas.pixels


def _cells(readout: Readout) -> list[tuple[str, tuple[int, int, int]]]:
    """Return the figures, each with its colour."""
    figures = [f"{readout.rate:.0f} frames/s", f"{1000 * readout.latency:.0f} ms"]
    if not readout.side:
        return [*((figure, _WHITE) for figure in figures), ("waking up ...", _AMBER)]
    figures.append(f"dream {readout.side} px")
    if readout.loss is not None:
        ceiling = "" if readout.max_loss is None else f" of {readout.max_loss:g}"
        figures.append(f"loss {readout.loss:.3g}{ceiling}")
    look = readout.look if readout.strength == 1 else f"{readout.look} x {readout.strength:.3g}"
    return [*((figure, _WHITE) for figure in figures), (look, _GREY)]


def _wrapped(
    canvas: "_Canvas", cells: list[tuple[str, tuple[int, int, int]]], width: int
) -> list[list[tuple[str, tuple[int, int, int]]]]:
    """Break cells into rows that fit."""
    rows: list[list[tuple[str, tuple[int, int, int]]]] = [[]]
    used = 0
    for cell in cells:
        wide = canvas.measure(cell[0])
        if rows[-1] and used + wide > width:
            rows.append([])
            used = 0
        rows[-1].append(cell)
        used += wide + canvas.text
    return rows


def _draw_bar(canvas: "_Canvas", share: float) -> None:
    """Draw the loss as a bar along the very edge, whose whole width is the ceiling."""
    thick = max(2, canvas.text // 5)
    colour = _AMBER if share >= _NEAR_CEILING else _WHITE
    canvas.bar(canvas.height - thick, round(min(share, 1.0) * canvas.width), thick, colour)


class _Canvas:
    """A copy of a picture that one can write on."""

    def __init__(self, pixels: Pixels, most_lines: int = 0) -> None:
        self.pixels = pixels.copy()
        self.height, self.width = pixels.shape[:2]
        self.text = max(_LEAST_TEXT, round(min(self.height, 0.6 * self.width) * _TEXT_SHARE))
        if most_lines:
            self.text = max(6, min(self.text, int(self.height / (1.5 * most_lines))))
        self.line = round(1.5 * self.text)
        self._font = cv2.FontFace("sans")

    def measure(self, words: str, weight: int = _REGULAR) -> int:
        """Return how wide words are, in pixels."""
        size = (self.width, self.height)
        box = cv2.getTextSize(size, words, (0, 0), self._font, self.text, weight)
        return int(box[2])

    def write(
        self,
        words: str,
        left: int,
        base: int,
        colour: tuple[int, int, int],
        weight: int = _REGULAR,
    ) -> int:
        """Write words on a base line; return where they end."""
        cv2.putText(self.pixels, words, (left, base), colour, self._font, self.text, weight)
        return left + self.measure(words, weight)

    def shade(self, top: int, bottom: int) -> None:
        """Darken a band."""
        band = self.pixels[max(0, top) : bottom]
        band[:] = cv2.convertScaleAbs(band, alpha=_SHADE)

    def dot(self, x: int, y: int, radius: int, colour: tuple[int, int, int]) -> None:
        """Draw a filled circle."""
        cv2.circle(self.pixels, (x, y), radius, colour, cv2.FILLED, cv2.LINE_AA)

    def bar(self, top: int, width: int, height: int, colour: tuple[int, int, int]) -> None:
        """Fill a rectangle from the left edge."""
        self.pixels[top : top + height, :width] = np.array(colour, np.uint8)
