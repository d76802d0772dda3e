"""Writes ICC profiles: primaries and tone curves, as cameras and editors do."""

import struct
from collections.abc import Mapping, Sequence

DISPLAY_P3 = (
    (0.51512, 0.24120, -0.00105),
    (0.29198, 0.69225, 0.04189),
    (0.15710, 0.06657, 0.78407),
)
"""XYZ under D50 of Display P3's red, green and blue (Apple's profile)."""

SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))

SRGB_CURVE = (3, (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045))


def fixed(*numbers: float) -> bytes:
    return struct.pack(f">{len(numbers)}i", *(round(number * 65536) for number in numbers))


def formula(kind: int, numbers: Sequence[float]) -> bytes:
    return b"para" + bytes(4) + struct.pack(">HH", kind, 0) + fixed(*numbers)


def table(*values: int) -> bytes:
    return b"curv" + bytes(4) + struct.pack(f">I{len(values)}H", len(values), *values)


def icc(tags: Mapping[str, bytes], space: bytes = b"RGB ") -> bytes:
    """Put tags together."""
    tags = {"cprt": b"text" + bytes(4) + bytes(range(64)), **tags}  # libpng wants some length
    begin = 128 + 4 + 12 * len(tags)
    listed, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        listed += struct.pack(">4sII", name.encode(), begin + len(body), len(data))
        body += data
    size = begin + len(body)
    head = struct.pack(">I4sI4s4s4s", size, bytes(4), 0x04300000, b"mntr", space, b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + fixed(0.9642, 1, 0.8249)
    return head.ljust(128, b"\0") + listed + body


def rgb(
    primaries: Sequence[Sequence[float]] = DISPLAY_P3, curve: bytes = formula(*SRGB_CURVE)
) -> bytes:
    """Write a profile of three primaries and one curve."""
    tags = {
        f"{channel}XYZ": b"XYZ " + bytes(4) + fixed(*primary)
        for channel, primary in zip("rgb", primaries, strict=True)
    }
    return icc(tags | {f"{channel}TRC": curve for channel in "rgb"})
