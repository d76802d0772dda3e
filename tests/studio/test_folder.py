"""What the studio may read and write."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dreamstream.studio import folder as folders
from dreamstream.studio.folder import Folder, FolderError


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    root = tmp_path / "films"
    root.mkdir()
    made = Folder(root)
    made.make()
    return made


async def pieces(*data: bytes) -> AsyncIterator[bytes]:
    for piece in data:
        yield piece


def receive(folder: Folder, name: str, *data: bytes, length: int | None = None) -> Path:
    return asyncio.run(folder.receive(name, length, pieces(*data)))


def test_a_file_is_found_by_its_name(folder: Folder) -> None:
    (folder.root / "sub").mkdir()
    (folder.root / "sub" / "a.mp4").write_bytes(b"x")
    assert folder.file("sub/a.mp4") == folder.root / "sub" / "a.mp4"


@pytest.mark.parametrize(
    "name", ["../secret.mp4", "/etc/passwd", "sub/../../secret.mp4", "", "a\0.mp4", "~/x", ".."]
)
def test_what_lies_outside_is_refused(folder: Folder, name: str) -> None:
    (folder.root.parent / "secret.mp4").write_bytes(b"x")
    with pytest.raises(FolderError, match="outside"):
        folder.file(name)


def test_links_lead_nowhere_outside(folder: Folder) -> None:
    outside = folder.root.parent / "secret.mp4"
    outside.write_bytes(b"x")
    (folder.root / "link.mp4").symlink_to(outside)
    (folder.root / "up").symlink_to(folder.root.parent)
    (folder.root / "round.mp4").symlink_to("round.mp4")
    for name in ("link.mp4", "up/secret.mp4"):
        with pytest.raises(FolderError, match="outside"):
            folder.file(name)
    with pytest.raises(FolderError):
        folder.file("round.mp4")
    assert not folder.entries()


def test_a_link_within_is_followed_and_a_pipe_is_no_file(folder: Folder) -> None:
    (folder.root / "a.mp4").write_bytes(b"x")
    (folder.root / "b.mp4").symlink_to("a.mp4")
    os.mkfifo(folder.root / "pipe.mp4")
    assert folder.file("b.mp4") == folder.root / "a.mp4"
    with pytest.raises(FolderError, match="no such file"):
        folder.file("pipe.mp4")


def test_a_link_in_the_work_folders_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    root = tmp_path / "films"
    root.mkdir()
    (root / folders.WORK).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FolderError, match="is a link"):
        Folder(root).make()


def test_films_and_photos_are_listed_newest_first(folder: Folder) -> None:
    for age, name in enumerate(("old.mp4", "new.JPG", "notes.txt", ".hidden.mp4")):
        (folder.root / name).write_bytes(b"x")
        os.utime(folder.root / name, (age, age))
    (folder.work / "dreams" / "a.part.mp4").write_bytes(b"x")
    assert [(entry.path, entry.kind) for entry in folder.entries()] == [
        ("new.JPG", "photo"),
        ("old.mp4", "film"),
    ]


def test_an_upload_comes_whole_under_a_free_name(folder: Folder) -> None:
    first = receive(folder, "My film.MP4", b"ab", b"cd", length=4)
    second = receive(folder, "My film.MP4", b"ef")
    assert first.read_bytes() == b"abcd"
    assert second.read_bytes() == b"ef"
    assert first.parent == second.parent == folder.work / "uploads"
    assert [first.name, second.name] == ["My film.mp4", "My film-2.mp4"]


@pytest.mark.parametrize(
    ("name", "data", "length", "status"),
    [
        ("a.mp4", b"", 0, 400),
        ("a.mp4", b"abc", 4, 400),
        ("a.mp4", b"abcde", 4, 400),
        ("a.html", b"<script>", None, 415),
        ("a", b"x", None, 415),
        ("a.mp4", b"x", 1 << 60, 507),
    ],
)
def test_a_bad_upload_leaves_nothing(
    folder: Folder, name: str, data: bytes, length: int | None, status: int
) -> None:
    with pytest.raises(FolderError, match=f"uploading {name} failed") as refused:
        receive(folder, name, data, length=length)
    assert refused.value.status == status
    assert not list((folder.work / "uploads").iterdir())


def test_an_endless_upload_ends_where_the_disk_is_full(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Disk:
        free = 10**9

    def filling(_path: Path) -> Disk:
        Disk.free -= 10**8
        return Disk()

    monkeypatch.setattr(shutil, "disk_usage", filling)

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(1000)

    with pytest.raises(FolderError, match="free some space"):
        asyncio.run(folder.receive("a.mp4", None, endless()))
    assert not list((folder.work / "uploads").iterdir())


@pytest.mark.parametrize("name", ["../../x.mp4", "..\\x.mp4", "/etc/x.mp4", "a/../x.mp4"])
def test_an_uploads_name_leads_nowhere(folder: Folder, name: str) -> None:
    assert receive(folder, name, b"x") == folder.work / "uploads" / "x.mp4"


def test_an_output_never_takes_anothers_name(folder: Folder) -> None:
    first = folder.new_output("sub/a.mov", "-eyes.mp4")
    assert first == folder.work / "dreams" / "a-eyes.mp4"
    first.with_name("a-eyes.part.mp4").write_bytes(b"x")
    assert folder.new_output("a.mov", "-eyes.mp4").name == "a-eyes-2.mp4"
