"""What has been written of numbered pictures, so that a run knows its own ones again."""

import io
import os
from pathlib import Path

from dreamstream.journal.fingerprint import content_of
from dreamstream.journal.own_files import is_own, write_own
from dreamstream.journal.records import RecordLog
from dreamstream.journal.remains import PICTURE, PICTURES


class PictureLog:
    """Puts numbered pictures into their place, and keeps their names and contents' hashes.

    A picture is noted before it comes to its place: one that is there and not noted is another's.

    Args:
        folder: The journal's.
        resumes: Whether the folder's log is an interrupted run's, and is continued.
        follows: Whether there was an interrupted run, whose pictures may be replaced.
    """

    def __init__(self, folder: Path, resumes: bool, follows: bool = False) -> None:
        path = folder / PICTURES
        self._scratch = folder / PICTURE
        before = RecordLog.surviving(path) if resumes or follows else RecordLog(path)
        self._log = before if resumes else RecordLog(path)
        noted = (os.fsdecode(record).partition(" ") for record in before.records())
        self._contents = {name: content for content, _, name in noted}

    @property
    def is_empty(self) -> bool:
        """Whether neither this run nor the one before has written a picture."""
        return not self._contents

    def place(self, target: Path, data: bytes) -> None:
        """Write a picture so that a kill leaves what was there or the whole picture.

        Args:
            target: Its path; what is there is replaced.
            data: The file's bytes.

        Raises:
            OSError: The system refuses.
        """
        content = content_of(io.BytesIO(data), len(data))
        write_own(self._scratch, data)
        self._log.append(os.fsencode(f"{content} {target.name}"))
        self._contents[target.name] = content
        os.replace(self._scratch, target)

    def holds(self, path: Path) -> bool:
        """Return whether a file is a picture that this run, or the one before, has written."""
        noted = self._contents.get(path.name)
        if noted is None or not is_own(path):
            return False
        with path.open("rb") as file:
            return content_of(file, path.stat().st_size) == noted

    def close(self) -> None:
        """Close the log."""
        self._log.close()
