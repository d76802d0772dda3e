"""What the media process finds in files, and makes of them."""

from pathlib import Path

import clips
import pytest

from dreamstream._libraries import cv2
from dreamstream.errors import SourceError
from dreamstream.sources import open_source
from dreamstream.studio import media_process as media
from dreamstream.studio.pictures import read_frame


def shares() -> tuple[list[float], media.Tell]:
    told: list[float] = []
    return told, told.append


def test_a_film_and_a_photo_are_told_apart(clip: Path, tmp_path: Path) -> None:
    film = media.probe(clip)
    assert (film["kind"], film["width"], film["height"], film["rate"]) == ("film", 64, 48, 25.0)
    assert film["seconds"] == pytest.approx(1, abs=0.1)
    assert not film["plays"]  # 4:4:4, which not every browser shows
    photo = tmp_path / "a.png"
    cv2.imwrite(str(photo), clips.pictures(1)[0])
    assert media.probe(photo) == {
        **{"kind": "photo", "width": 64, "height": 48, "seconds": 0.0, "rate": 0.0, "frames": 1},
        "plays": True,
    }


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("empty.mp4", b""),
        ("noise.mp4", bytes(range(256)) * 64),
        ("text.jpg", b"<html><script>alert(1)</script></html>"),
        ("torn.png", b"\x89PNG\r\n\x1a\n" + bytes(64)),
    ],
)
def test_what_holds_no_pictures_is_refused(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(SourceError):
        media.probe(path)


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{secret}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{secret}'\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n",
    ],
    ids=["hls", "concat", "sdp"],
)
def test_a_playlist_reads_no_other_file(clip: Path, tmp_path: Path, text: str) -> None:
    path = tmp_path / "film.mp4"
    path.write_text(text.format(secret=clip))
    with pytest.raises(SourceError, match=r"film\.mp4"):
        media.probe(path)


def test_a_copy_plays_in_browsers(clip: Path, tmp_path: Path) -> None:
    told, tell = shares()
    media.copy(clip, tmp_path / "copy.mp4", tell)
    copied = media.probe(tmp_path / "copy.mp4")
    assert copied["plays"]
    assert copied["frames"] == 25
    assert told[-1] <= 1


def test_a_gif_holds_the_part(clip: Path, tmp_path: Path) -> None:
    media.gif(clip, tmp_path / "part.gif", 0.2, 0.4, 32, shares()[1])
    with open_source(tmp_path / "part.gif") as source:
        frames = list(source)
    assert frames[0].pixels.shape == (24, 32, 3)
    assert len(frames) == 5


def test_a_frame_past_the_end_is_the_last(clip: Path) -> None:
    with open_source(clip) as source:
        frames = [frame.pixels for frame in source]
    assert (read_frame(clip, 0.4) == frames[10]).all()
    assert (read_frame(clip, 9.0) == frames[-1]).all()
    assert media.frame(clip, 0.4, 32).startswith(b"\xff\xd8\xff")
