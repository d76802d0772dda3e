"""What a film keeps on its way through, container by container and codec by codec."""

import subprocess
import sys
import textwrap
from fractions import Fraction
from pathlib import Path
from typing import Any

import clips
import films
import numpy as np
import pytest

from dreamstream._libraries import av
from dreamstream.config import MediaConfig
from dreamstream.frames import StreamInfo
from dreamstream.sinks import CODECS, codecs, open_sink
from dreamstream.sinks.codecs import HARDWARE
from dreamstream.sources import open_source

TABLE = [(suffix, name) for name, codec in CODECS.items() for suffix in codec.containers]
SUFFIXES = (".mp4", ".mov", ".mkv", ".webm")
BEST = {"crf": 4}


def copy(source: Path, target: Path, **options: Any) -> Path:
    media = MediaConfig(**options)
    with open_source(source, media) as frames, open_sink(target, frames.info, media) as sink:
        for frame in frames:
            sink.write(frame)
    return target


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return films.write_film(tmp_path_factory.mktemp("film") / "in.mp4")


@pytest.fixture(scope="module", params=TABLE, ids=lambda pair: f"{pair[1]}{pair[0]}")
def kept(
    request: pytest.FixtureRequest, film: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    suffix, codec = request.param
    options = BEST if CODECS[codec].crf is not None else {}
    return copy(film, tmp_path_factory.mktemp("kept") / f"o{suffix}", codec=codec, **options)


class TestEveryContainerAndCodec:
    def test_keeps_size_and_pixel_aspect(self, kept: Path) -> None:
        with av.open(str(kept)) as file:
            stream = file.streams.video[0]
            assert (stream.height, stream.width) == (films.HEIGHT, films.WIDTH)
            assert stream.sample_aspect_ratio == films.ASPECT

    def test_keeps_the_number_and_times_of_frames(self, kept: Path) -> None:
        assert clips.video_times(kept) == films.TIMES

    def test_keeps_colours_within_2_of_255(self, kept: Path) -> None:
        with open_source(kept) as source:
            for frame in source:
                difference = films.patches(frame.pixels) - films.patches(films.chart())
                assert np.abs(difference).max() <= 2

    def test_keeps_sound_in_its_place_within_a_millisecond(self, kept: Path) -> None:
        assert abs(films.sound_lag(kept)) <= films.MILLISECOND

    def test_keeps_subtitles(self, kept: Path) -> None:
        cues = films.cues_of(kept)
        assert [(cue.start, cue.end, cue.text) for cue in cues] == films.CUES

    def test_keeps_chapters(self, kept: Path) -> None:
        assert films.chapters_of(kept) == films.CHAPTERS

    def test_keeps_tags_and_languages(self, kept: Path) -> None:
        with av.open(str(kept)) as file:
            tags = {name.lower(): text for name, text in file.metadata.items()}
            assert films.TAGS.items() <= tags.items()
            streams = [file.streams.video[0], file.streams.audio[0], file.streams.subtitles[0]]
            told = [stream.metadata.get("language") for stream in streams]
            assert told == ["jpn", "ita", "spa"]
            titles = [one.metadata.get("title", one.metadata.get("name")) for one in streams]
            assert titles == ["the view", "the talk", None]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_trim_moves_and_cuts_sound_subtitles_and_chapters(
    film: Path, tmp_path: Path, suffix: str
) -> None:
    out = copy(film, tmp_path / f"o{suffix}", start=Fraction("0.4"), duration=Fraction("1.2"))
    assert clips.video_times(out)[0] == 0
    assert abs(films.sound_lag(out, Fraction("0.4"))) <= films.MILLISECOND
    assert [(cue.start, cue.end, cue.text) for cue in films.cues_of(out)] == [
        (0, Fraction("0.2"), "first"),
        (Fraction("0.7"), Fraction("1.2"), "second"),
    ]
    assert films.chapters_of(out) == [
        (0, Fraction("0.6"), "Dusk"),
        (Fraction("0.6"), Fraction("1.2"), "Dawn"),
    ]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_range_of_frames_cuts_subtitles_and_chapters(
    film: Path, tmp_path: Path, suffix: str
) -> None:
    out = copy(film, tmp_path / f"o{suffix}", frames=(5, 20))
    cues = [(Fraction(0), Fraction(2, 5), "first")]
    assert [(cue.start, cue.end, cue.text) for cue in films.cues_of(out)] == cues
    ((start, end, title),) = films.chapters_of(out)
    assert (start, title) == (Fraction(0), "Dusk")
    assert abs(end - Fraction(3, 5)) < Fraction(1, 20)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("text", ["subrip", "ass", "webvtt"])
def test_text_subtitles_reach_every_container(tmp_path: Path, suffix: str, text: str) -> None:
    film = films.write_film(tmp_path / "in.mkv", text=text)
    out = copy(film, tmp_path / f"o{suffix}")
    assert [(cue.start, cue.end, cue.text) for cue in films.cues_of(out)] == films.CUES


def test_matroska_keeps_the_form_of_its_subtitles(tmp_path: Path) -> None:
    film = films.write_film(tmp_path / "in.mkv", text="ass")
    with av.open(str(copy(film, tmp_path / "o.mkv"))) as file:
        context = file.streams.subtitles[0].codec_context
        assert context.codec.canonical_name == "ass"
        assert b"Style: Default,Arial" in (context.extradata or b"")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    "sound", ["aac", "libmp3lame", "ac3", "flac", "libopus", "pcm_s16le", "mp2"]
)
def test_sound_of_every_codec_stays_in_its_place(
    tmp_path: Path, suffix: str, sound: str, caplog: pytest.LogCaptureFixture
) -> None:
    film = films.write_film(tmp_path / "in.mkv", sound=sound, text=None, layout="stereo")
    assert abs(films.sound_lag(film)) <= films.MILLISECOND
    out = copy(film, tmp_path / f"o{suffix}")
    assert abs(films.sound_lag(out)) <= films.MILLISECOND
    with av.open(str(film)) as before, av.open(str(out)) as after:
        names = [one.streams.audio[0].codec_context.codec.canonical_name for one in (before, after)]
    assert (names[0] == names[1]) != ("encoded again" in caplog.text)


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_sound_encoded_anew_keeps_its_six_channels(
    tmp_path: Path, suffix: str, caplog: pytest.LogCaptureFixture
) -> None:
    film = films.write_film(tmp_path / "in.mkv", sound="pcm_s16le", text=None, layout="5.1")
    with av.open(str(copy(film, tmp_path / f"o{suffix}"))) as file:
        assert file.streams.audio[0].codec_context.channels == 6


def test_dispositions_are_kept(film: Path, tmp_path: Path) -> None:
    with av.open(str(copy(film, tmp_path / "o.mkv"))) as file, av.open(str(film)) as before:
        for one, other in zip(file.streams, before.streams, strict=False):
            assert one.disposition == other.disposition


def test_subtitles_without_sound_are_kept(film: Path, tmp_path: Path) -> None:
    silent = films.write_film(tmp_path / "in.mp4", sound=None)
    out = copy(silent, tmp_path / "o.mp4")
    assert [cue.text for cue in films.cues_of(out)] == ["first", "second"]
    assert films.chapters_of(out) == films.CHAPTERS


def test_words_that_come_late_do_not_hold_a_killed_mp4_back(tmp_path: Path) -> None:
    """FFmpeg writes a fragmented file's index when every stream has begun."""
    film = films.write_film(tmp_path / "in.mp4", sound=None)
    code = f"""
        import itertools
        from dataclasses import replace
        from fractions import Fraction
        from dreamstream.frames import Frame, SoundSpan
        from dreamstream.sinks import open_sink
        from dreamstream.sources import open_source
        with open_source({str(film)!r}) as source:
            info, frame = source.info, next(source)
        late = SoundSpan(source.info.path, Fraction(-100))
        info = replace(info, rate=Fraction(25), time_base=Fraction(1, 25), sound=late)
        with open_sink({str(tmp_path / "o.mp4")!r}, info) as sink:
            for index in itertools.count():
                sink.write(Frame(frame.pixels, Fraction(index, 25), index))
                if index == 350:
                    print("written", flush=True)
    """
    with av.open(str(film)) as file:
        assert file.streams.subtitles
    command = [sys.executable, "-c", textwrap.dedent(code)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        process.kill()
    assert len(clips.video_times(tmp_path / "o.part.mp4")) >= 200


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_cues_keep_their_times_wherever_fragments_end(tmp_path: Path, suffix: str) -> None:
    """FFmpeg ends a cue by itself, counts it twice at a fragment's end, and then aborts."""
    spans = [(300, 700), (1900, 3200), (3300, 3950), (3950, 4100), (5500, 5900)]
    words = tmp_path / "in.srt"
    words.write_text(
        "\n".join(
            f"{number}\n00:00:{begin / 1000:06.3f} --> 00:00:{end / 1000:06.3f}\nword\n"
            for number, (begin, end) in enumerate(spans)
        ).replace(".", ",")
    )
    code = f"""
        from fractions import Fraction
        from pathlib import Path
        import numpy as np
        from dreamstream.frames import Frame, SoundSpan, StreamInfo
        from dreamstream.sinks import open_sink
        rate, words = Fraction(10), SoundSpan(Path({str(words)!r}), Fraction(0))
        info = StreamInfo(48, 64, rate=rate, time_base=Fraction(1, 10240), sound=words)
        for seconds in (4, 6):
            with open_sink(Path({str(tmp_path)!r}) / f"{{seconds}}{suffix}", info) as sink:
                for index in range(10 * seconds):
                    pixels = np.full((48, 64, 3), 4 * index, np.uint8)
                    sink.write(Frame(pixels, index / rate, index))
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for seconds in (4, 6):
        cues = films.cues_of(tmp_path / f"{seconds}{suffix}")
        assert [(round(1000 * cue.start), round(1000 * cue.end)) for cue in cues] == spans


@pytest.mark.parametrize("codec", list(HARDWARE))
def test_hardware_that_is_not_there_gives_way_to_software_with_a_notice(
    tmp_path: Path, codec: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codecs, "_works", lambda *_: False)
    info = StreamInfo(48, 64, clips.RATE, Fraction(1, 25))
    suffix = ".webm" if codec.startswith("vp9") else ".mp4"
    assert codecs.choose_codec(codec, suffix, info) is CODECS[HARDWARE[codec]]
    assert f"codec {codec} does not work here" in caplog.text


def test_a_hardware_encoder_makes_a_film_wherever_it_is_asked_for(
    film: Path, tmp_path: Path
) -> None:
    out = copy(film, tmp_path / "o.mp4", codec="h264_nvenc", crf=20)
    assert clips.video_times(out) == films.TIMES
