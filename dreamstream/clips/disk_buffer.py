"""Pictures kept on disk, without loss, until they are wanted again."""

import tempfile
import weakref

import numpy as np

from dreamstream.errors import DreamstreamError
from dreamstream.frames import FloatImage


class DiskBuffer:
    """A list of float32 pictures of one shape in a nameless temporary file.

    The file goes when the list does, or the process, however it ends.

    Raises:
        DreamstreamError: There is no place for the file.
    """

    def __init__(self) -> None:
        try:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the list
        except OSError as error:
            raise _no_space(error) from error
        weakref.finalize(self, self._file.close)
        self._shape: tuple[int, ...] = ()
        self._count = 0

    def append(self, image: FloatImage) -> None:
        """Keep a picture.

        Args:
            image: (H, W, C) float32, of the shape of those before it.

        Raises:
            ValueError: It has another shape.
            DreamstreamError: There is no space for it.
        """
        if self._count and image.shape != self._shape:
            raise ValueError(f"image: its shape {image.shape} is not {self._shape}")
        self._write(self._count, image)
        self._count += 1

    def __setitem__(self, index: int, image: FloatImage) -> None:
        """Keep a picture in another's place, or behind the last one.

        Raises:
            IndexError: There is no such place.
            ValueError: It has another shape.
            DreamstreamError: There is no space for it.
        """
        if index == self._count:
            self.append(image)
            return
        if not 0 <= index < self._count:
            raise IndexError(f"there is no picture {index} among {self._count}")
        if image.shape != self._shape:
            raise ValueError(f"image: its shape {image.shape} is not {self._shape}")
        self._write(index, image)

    def _write(self, position: int, image: FloatImage) -> None:
        self._shape = image.shape
        try:
            self._file.seek(position * image.nbytes)
            self._file.write(np.ascontiguousarray(image, np.float32).data)
            self._file.flush()
        except OSError as error:
            raise _no_space(error) from error

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> FloatImage:
        """Return a picture, from the end where ``index`` is negative.

        Raises:
            IndexError: There is no such picture.
        """
        position = index + self._count if index < 0 else index
        if not 0 <= position < self._count:
            raise IndexError(f"there is no picture {index} among {self._count}")
        image = np.empty(self._shape, np.float32)
        self._file.seek(position * image.nbytes)
        self._file.readinto(image.data)
        return image


def _no_space(error: OSError) -> DreamstreamError:
    folder = tempfile.gettempdir()
    return DreamstreamError(
        f"keeping pictures in {folder} failed ({error.strerror}); free some space, or set TMPDIR"
    )
