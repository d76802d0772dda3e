"""Backward optical flow, warping along it, and how far to trust it (pure; OpenCV and numpy)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

import numpy as np
import numpy.typing as npt

from dreamstream._libraries import cv2
from dreamstream.frames import FloatImage, Pixels

LONGEST_SIDE = 640
"""Flow is computed at most this large: what it serves is smooth, and its cost grows with pixels."""

SHORTEST_SIDE = 16
"""Below this OpenCV's flow has no pyramid; such frames count as still."""

CATMULL_ROM = 2 / 3
"""Share of OpenCV's cubic (a = -0.75) in the Catmull-Rom kernel; the rest is smoothstep (a = 0).
By itself OpenCV's amplifies detail when a picture is warped again and again, and moves it too far:
by 0.141 where 0.1 is asked for.  Catmull-Rom (a = -0.5) moves large forms exactly, and its gain is
at most 1."""

STEADY, SHARP = 0.0, 1.0
"""Sharpness of a warp that may go on for ever, and of one whose picture loses more than 2 % of its
strength each time: Lanczos4 has a gain of up to 1.02, and keeps fur that Catmull-Rom blurs."""

_INCONSISTENCY_SOFTNESS = 8.0
_PHOTOMETRIC_SLOPE = 25.0
_STRETCH_SLOPE, _USUAL_STRETCH = 6.0, 0.03
_DOUBT_OF_NOISE = 0.01
"""Doubt that is none: a sensor's noise of two levels of 255 makes 0.003 in every frame."""

_RELATIVE_TOLERANCE = 0.01
_ABSOLUTE_TOLERANCE = 0.5

_SQUARES = np.square(np.arange(256, dtype=np.float32) / np.float32(255))
"""Of a difference in levels, in [0, 1]."""

GreyPixels = npt.NDArray[np.uint8]

_DIS_PRESETS: Mapping[str, int] = MappingProxyType(
    {"fast": cv2.DISOPTICAL_FLOW_PRESET_FAST, "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM}
)


class Flow(Protocol):
    """Tells how the picture moved between two frames."""

    def backward(self, current: Pixels, previous: Pixels) -> FloatImage:
        """Return the flow from a frame to the one before it.

        Args:
            current: (H, W, 3) uint8 RGB.
            previous: (H, W, 3) uint8 RGB.

        Returns:
            (H, W, 2) float32 (dx, dy) in pixels of the frames given.  With the frames changed over
            it is the forward flow.
        """
        ...


def make_flow(quality: str) -> Flow:
    """Make the flow that an option names: ``fast``, ``medium`` or ``off``."""
    return NoFlow() if quality == "off" else FlowEstimator(quality)


class NoFlow:
    """Takes the camera and the world to stand still."""

    def backward(self, current: Pixels, previous: Pixels) -> FloatImage:
        """Return a field of zeros; see :meth:`Flow.backward`."""
        return np.zeros((*current.shape[:2], 2), np.float32)


class FlowEstimator:
    """Dense flow between two frames, by DIS (Kroeger et al. 2016, in OpenCV).

    Args:
        quality: ``fast`` or ``medium``, DIS's own presets.
    """

    def __init__(self, quality: str = "medium") -> None:
        self._dis = cv2.DISOpticalFlow.create(_DIS_PRESETS[quality])

    def backward(self, current: Pixels, previous: Pixels) -> FloatImage:
        """Estimate the flow from a frame to the one before it; see :meth:`Flow.backward`."""
        height, width = current.shape[:2]
        if min(height, width) < SHORTEST_SIDE:
            return NoFlow().backward(current, previous)
        now, before = _small_grey(current), _small_grey(previous)
        backward = self._dis.calc(now, before, None)  # type: ignore[call-overload]
        return enlarge_flow(backward, (height, width))


def _small_grey(pixels: Pixels) -> GreyPixels:
    height, width = pixels.shape[:2]
    ratio = max(1.0, max(height, width) / LONGEST_SIDE)
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    if ratio > 1:
        size = (max(SHORTEST_SIDE, round(width / ratio)), max(SHORTEST_SIDE, round(height / ratio)))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    return np.asarray(grey, np.uint8)


def enlarge_flow(flow: FloatImage, size: tuple[int, int]) -> FloatImage:
    """Resample a flow field and stretch its vectors to the new size."""
    height, width = flow.shape[:2]
    if (height, width) == size:
        return flow
    resized = cv2.resize(flow, size[::-1], interpolation=cv2.INTER_LINEAR)
    stretch = np.array([size[1] / width, size[0] / height], np.float32)
    return np.multiply(resized, stretch, dtype=np.float32)


def warp(image: FloatImage, backward_flow: FloatImage, sharpness: float = STEADY) -> FloatImage:
    """Sample the previous image at x + backward_flow.

    Args:
        image: (H, W) or (H, W, C) float32, of the previous frame.
        backward_flow: (H, W, 2) float32 pixels (dx, dy): current frame to previous frame.
        sharpness: From STEADY, the Catmull-Rom kernel, to SHARP, Lanczos4.

    Returns:
        The image as it lies in the current frame; beyond the border its edge is repeated.  Zero
        flow gives back the image, a whole number of pixels shifts it exactly.
    """
    x, y = sample_positions(backward_flow)
    if sharpness >= SHARP:
        return _sample(image, x, y, cv2.INTER_LANCZOS4)
    steady = _catmull_rom(image, x, y)
    if sharpness <= STEADY:
        return steady
    sharp = _sample(image, x, y, cv2.INTER_LANCZOS4)
    return np.asarray(steady + np.float32(sharpness) * (sharp - steady), np.float32)


def _catmull_rom(image: FloatImage, x: FloatImage, y: FloatImage) -> FloatImage:
    """Interpolate by Catmull-Rom: kernels of cubic convolution are linear in their parameter."""
    cubic = _sample(image, x, y, cv2.INTER_CUBIC)
    smooth = _sample(image, _smoothstep(x), _smoothstep(y), cv2.INTER_LINEAR)
    return np.asarray(smooth + np.float32(CATMULL_ROM) * (cubic - smooth), np.float32)


def _smoothstep(position: FloatImage) -> FloatImage:
    """Bend positions between pixels, so that linear interpolation there becomes cubic's a = 0."""
    whole = np.floor(position)
    part = position - whole
    return np.asarray(whole + part * part * (3 - 2 * part), np.float32)


def _sample(image: FloatImage, x: FloatImage, y: FloatImage, kernel: int) -> FloatImage:
    sampled = cv2.remap(image, x, y, kernel, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(sampled, np.float32)


def sample_positions(backward_flow: FloatImage) -> tuple[FloatImage, FloatImage]:
    """Return the (H, W) columns and rows, in pixels, at which a warp samples."""
    height, width = backward_flow.shape[:2]
    columns = np.arange(width, dtype=np.float32)[None, :] + backward_flow[..., 0]
    rows = np.arange(height, dtype=np.float32)[:, None] + backward_flow[..., 1]
    return columns, rows


def squared_lengths(field: FloatImage) -> FloatImage:
    """Return the sum of the squares over the channels, (H, W) float32.

    By OpenCV: numpy's sum over an axis so short takes several times as long.

    Args:
        field: (H, W, C) float32.
    """
    weights = np.ones((1, field.shape[2]), np.float32)
    return np.asarray(cv2.transform(cv2.multiply(field, field), weights), np.float32)


def density(backward_flow: FloatImage) -> FloatImage:
    """Return how much of the previous frame each pixel has for its own.

    Args:
        backward_flow: (H, W, 2) float32 pixels: current frame to previous frame.

    Returns:
        (H, W) float32, the area there of a pixel here: 1 where the picture only moves, less where
        it is stretched, negative where it is folded.
    """
    x, y = (np.asarray(part, np.float32) for part in cv2.split(backward_flow))
    area = (1 + _slope(x, 1, 0)) * (1 + _slope(y, 0, 1)) - _slope(y, 1, 0) * _slope(x, 0, 1)
    return np.asarray(area, np.float32)


def _slope(part: FloatImage, along: int, down: int) -> FloatImage:
    return np.asarray(cv2.Sobel(part, cv2.CV_32F, along, down, ksize=1, scale=0.5), np.float32)


def estimate_confidence(backward_flow: FloatImage, current: Pixels, previous: Pixels) -> FloatImage:
    """Return how far the value that a warp brings may be trusted.

    exp(s (0.01 - 25 p)), at most 1, inside the previous frame and 0 outside, where p is the mean
    squared difference of the colours, in [0, 1].  Ruder et al. 2016 ("Artistic style transfer for
    videos") cut where the ways there and back disagree; a soft weight that the steps then mend kept
    moving things dreamed where a hard one left them bare.  And the way back told nothing that
    colours and stretch don't: with it plain ground, whose flow is noise both ways, was dreamed
    again in every frame (E_rel of a film .034 instead of .027; ghosts of a sprite .04 instead of
    -.01).

    s = 1 + 6 (0.97 - d), in [1, 7], where d is how much of the previous frame a pixel has for its
    own: behind what moves a smooth flow stretches the little that was there over what has come into
    sight, and only the colours tell.  (So does a zoom of more than 1.5 % a frame, a little.)

    Args:
        backward_flow: (H, W, 2) float32 pixels: current frame to previous frame.
        current: (H, W, 3) uint8 RGB.
        previous: (H, W, 3) uint8 RGB.

    Returns:
        (H, W) float32 in [0, 1]; 0 where occluded.
    """
    x, y = sample_positions(backward_flow)
    warped = cv2.remap(previous, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    squares = cv2.LUT(cv2.absdiff(current, warped), _SQUARES)
    photometric = cv2.transform(squares, np.full((1, 3), 1 / 3, np.float32))
    stretch = np.clip(1 - _USUAL_STRETCH - density(backward_flow), 0, 1)
    doubt = np.maximum(_PHOTOMETRIC_SLOPE * photometric - _DOUBT_OF_NOISE, 0)
    confidence = cv2.exp(-doubt * (1 + _STRETCH_SLOPE * stretch))
    height, width = confidence.shape
    inside = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
    return np.where(inside, confidence, np.float32(0))


def consistency(backward_flow: FloatImage, forward_flow: FloatImage) -> FloatImage:
    """Return how well the way to the previous frame and the way back from there agree.

    exp(-e / 8t), where e is the squared distance between a pixel and the end of its way there and
    back, and t = 0.01 (squared lengths of both ways) + 0.5 the tolerance of Ruder et al. 2016.

    Args:
        backward_flow: (H, W, 2) float32 pixels: current frame to previous frame.
        forward_flow: (H, W, 2) float32 pixels: previous frame to current frame.

    Returns:
        (H, W) float32 in [0, 1].
    """
    x, y = sample_positions(backward_flow)
    sampled = cv2.remap(forward_flow, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    returning = np.asarray(sampled, np.float32)
    lengths = squared_lengths(backward_flow) + squared_lengths(returning)
    tolerance = _RELATIVE_TOLERANCE * lengths + _ABSOLUTE_TOLERANCE
    astray = squared_lengths(backward_flow + returning) / tolerance
    return np.exp(-astray / np.float32(_INCONSISTENCY_SOFTNESS))


def mean_doubt(
    flow: Flow, current: Pixels, previous: Pixels, backward_flow: FloatImage, confidence: FloatImage
) -> float:
    """Return how little the flow explains a frame by the one before it, looking both ways.

    Args:
        flow: Estimated the backward flow.
        current: (H, W, 3) uint8 RGB.
        previous: (H, W, 3) uint8 RGB.
        backward_flow: (H, W, 2) float32 pixels: current frame to previous frame.
        confidence: (H, W) float32 in [0, 1], of :func:`confidence`.

    Returns:
        Mean of 1 - confidence x consistency, in [0, 1].
    """
    agreement = consistency(backward_flow, flow.backward(previous, current))
    return float(np.mean(1 - confidence * agreement))
