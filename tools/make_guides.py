"""Draw the pictures that guide the dreams of the examples: daisies, and letters.

    python tools/make_guides.py [FOLDER]

They are drawn, not photographed, so that they may go with the program.
"""

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dreamstream._libraries import cv2

Picture = npt.NDArray[np.uint8]

SIDE = 224
WORDS = ("ABCD", "RSKE", "GXQM")
FLOWERS = ((62, 66, 50), (166, 58, 42), (150, 160, 58), (48, 172, 40))
"""Each one's centre and radius, in pixels."""

PETALS = 16


def letters() -> Picture:
    """Return black letters on white, (SIDE, SIDE, 3) uint8 RGB."""
    picture = np.full((SIDE, SIDE, 3), 255, np.uint8)
    for row, word in enumerate(WORDS):
        place = (4, 66 + 70 * row)
        cv2.putText(
            picture, word, place, cv2.FONT_HERSHEY_DUPLEX, 2.0, (20, 20, 20), 5, cv2.LINE_AA
        )
    return picture


def daisies() -> Picture:
    """Return white flowers on green, (SIDE, SIDE, 3) uint8 RGB."""
    generator = np.random.default_rng(3)
    grass = cv2.GaussianBlur(generator.normal(0, 1, (SIDE, SIDE)), (0, 0), 2)
    grass = 40 * grass / grass.std()
    picture = np.clip([40, 95, 30] + grass[..., None] * [0.5, 0.9, 0.4], 0, 255).astype(np.uint8)
    for flower in FLOWERS:
        _draw_flower(picture, *flower)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.7), np.uint8)


def _draw_flower(picture: Picture, x: int, y: int, radius: int) -> None:
    for petal in range(2 * PETALS):
        angle = 180 * petal / PETALS
        length = radius * (0.62 if petal % 2 else 0.58)
        middle = (
            round(x + 0.6 * length * np.cos(np.radians(angle))),
            round(y + 0.6 * length * np.sin(np.radians(angle))),
        )
        axes, shade = (round(length * 0.6), round(radius * 0.11)), 252 - 26 * (petal % 2)
        cv2.ellipse(picture, middle, axes, angle, 0, 360, (shade,) * 3, cv2.FILLED, cv2.LINE_AA)
        cv2.ellipse(picture, middle, axes, angle, 0, 360, (168, 172, 180), 1, cv2.LINE_AA)
    cv2.circle(picture, (x, y), round(0.26 * radius), (236, 186, 30), cv2.FILLED, cv2.LINE_AA)
    for ring, share in enumerate((0.2, 0.13, 0.06)):
        for dot in range(12 - 3 * ring):
            angle = 2 * np.pi * dot / (12 - 3 * ring)
            at = (
                round(x + share * radius * np.cos(angle)),
                round(y + share * radius * np.sin(angle)),
            )
            cv2.circle(picture, at, max(1, radius // 30), (190, 120, 10), cv2.FILLED, cv2.LINE_AA)


def main() -> None:
    """Write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", default="examples", type=Path)
    folder = parser.parse_args().folder
    for name, picture in {"letters": letters(), "daisies": daisies()}.items():
        cv2.imwrite(str(folder / f"{name}.png"), picture[..., ::-1])


if __name__ == "__main__":
    main()
