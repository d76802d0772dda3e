"""Pictures kept on disk."""

import errno
import tempfile
from typing import Any

import numpy as np
import pytest

from dreamstream.clips.disk_buffer import DiskBuffer
from dreamstream.errors import DreamstreamError


def _picture(seed: int) -> Any:
    return np.random.default_rng(seed).standard_normal((5, 7, 3)).astype(np.float32)


def test_pictures_come_back_bit_by_bit_in_any_order() -> None:
    spill = DiskBuffer()
    for seed in range(4):
        spill.append(_picture(seed))
    assert len(spill) == 4
    for seed in (2, 0, 3, 1):
        np.testing.assert_array_equal(spill[seed], _picture(seed))
    np.testing.assert_array_equal(spill[-1], _picture(3))


def test_a_picture_may_be_added_after_one_was_read() -> None:
    spill = DiskBuffer()
    spill.append(_picture(0))
    spill.append(_picture(1))
    np.testing.assert_array_equal(spill[0], _picture(0))
    spill.append(_picture(2))
    np.testing.assert_array_equal(spill[2], _picture(2))


@pytest.mark.parametrize("index", [2, -3])
def test_a_picture_that_is_not_there_is_an_index_error(index: int) -> None:
    spill = DiskBuffer()
    spill.append(_picture(0))
    spill.append(_picture(1))
    with pytest.raises(IndexError, match="among 2"):
        spill[index]


def test_pictures_are_of_one_shape() -> None:
    spill = DiskBuffer()
    spill.append(_picture(0))
    with pytest.raises(ValueError, match="shape"):
        spill.append(_picture(1)[:4])


def test_the_file_is_closed_with_the_list() -> None:
    spill = DiskBuffer()
    file = spill._file
    del spill
    assert file.closed


def test_a_full_disk_is_told_in_a_line_with_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def seek(self, _: int) -> None: ...

        def close(self) -> None: ...

        def write(self, _: Any) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", Full)
    with pytest.raises(DreamstreamError, match="TMPDIR") as error:
        DiskBuffer().append(_picture(0))
    assert tempfile.gettempdir() in str(error.value)
