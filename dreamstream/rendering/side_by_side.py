"""Source and dream side by side."""

import dataclasses

import numpy as np

from dreamstream.frames import Pixels, StreamInfo


def compared_info(info: StreamInfo) -> StreamInfo:
    """Describe the stream whose frames are source and dream side by side."""
    return dataclasses.replace(info, width=2 * info.width)


def side_by_side(source: Pixels, dream: Pixels) -> Pixels:
    """Join two (H, W, 3) pictures into one of (H, 2 W, 3), source on the left."""
    return np.concatenate([source, dream], axis=1)
