"""What sound tells: when something begins, which bands sound, and that nothing lags."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from clips import pictures
from music import RATE, clicks, tone, write_music_clip, write_sound

from dreamstream.controls.beats import find_beats
from dreamstream.controls.planning import sound_range
from dreamstream.controls.sound import SMOOTHING, SoundTrack, smoothed
from dreamstream.controls.sound_analysis import HOP, MOMENTS, listen
from dreamstream.controls.sound_reading import RATE as HEARD_RATE
from dreamstream.controls.sound_reading import SoundRange, has_sound, read_sound
from dreamstream.errors import SourceError
from dreamstream.sources import open_source

SECONDS = 6.0
BEATS = np.arange(0.4, SECONDS - 0.2, 0.5)
FLUTTER = [Fraction(n, 1000) for n in range(0, 2000, 40)]
VARIABLE = [
    *FLUTTER,
    *(2 + Fraction(n, 30) for n in range(60)),
    *(4 + Fraction(n, 12) for n in range(24)),
]
"""25 frames a second, then 30, then 12."""


def constant(rate: Fraction) -> list[Fraction]:
    return [index / rate for index in range(int(SECONDS * rate))]


TIMES = {
    "24": (Fraction(24), constant(Fraction(24))),
    "25": (Fraction(25), constant(Fraction(25))),
    "29.97": (Fraction(30000, 1001), constant(Fraction(30000, 1001))),
    "variable": (Fraction(25), VARIABLE),
}


@pytest.mark.parametrize("name", TIMES)
@pytest.mark.parametrize("codec", ["pcm_s16le", "aac"])
def test_onset_and_beat_peak_within_a_frame_of_every_click(
    name: str, codec: str, tmp_path: Path
) -> None:
    rate, times = TIMES[name]
    frames = pictures(2, 16, 16) * (len(times) // 2 + 1)
    path = tmp_path / ("film.mov" if codec != "aac" else "film.mp4")
    write_music_clip(path, frames[: len(times)], times, clicks(BEATS, SECONDS), rate, codec)
    with open_source(path) as source:
        wanted = sound_range(None, source.info)
        moments = np.array([float(frame.time) for frame in source])
    assert wanted is not None
    track = SoundTrack.read(wanted)
    assert len(moments) == len(times)
    for feature in ("onset", "beat"):
        values = track.at(feature, moments)
        for beat in BEATS:
            near = np.flatnonzero(np.abs(moments - beat) < 0.2)
            peak = near[np.argmax(values[near])]
            right = int(np.searchsorted(moments, beat, "right")) - 1  # the frame that is shown
            assert peak - right in (0, 1), (feature, beat)
            assert values[peak] > 0.5
    quiet = track.at("beat", np.array([BEATS[0] + 0.25]))
    assert quiet[0] < 0.35


@pytest.mark.parametrize("bpm", [84, 100, 120, 150, 174])
def test_beats_are_found_in_their_tempo(bpm: float) -> None:
    beats = np.arange(0.33, 14.5, 60 / bpm)
    heard = listen([clicks(beats, 15)[::2]])
    found = SoundTrack(heard).beats
    assert len(found) == len(beats)
    assert np.abs(found - beats).max() < 0.02


def test_given_beats_a_minute_rule() -> None:
    heard = listen([clicks(np.arange(0.33, 14.5, 0.5), 15)[::2]])
    assert len(SoundTrack(heard, bpm=60).beats) == pytest.approx(15, abs=1)


def test_a_beat_stays_where_the_music_pauses() -> None:
    moments = [beat for beat in np.arange(0.5, 19, 0.5) if not 8 < beat < 9.6]
    found = SoundTrack(listen([clicks(moments, 20)[::2]])).beats
    assert np.abs(found - np.arange(0.5, 19, 0.5)).max() < 0.05


@pytest.mark.parametrize("sound", [np.zeros(48000, np.float32), tone(300, 4)[::2], np.zeros(0)])
def test_where_nothing_begins_there_is_no_beat(
    sound: "np.ndarray[tuple[int], np.dtype[np.float32]]",
) -> None:
    track = SoundTrack(listen([sound.astype(np.float32)]))
    times = np.linspace(0.5, 1.5, 40)
    assert not len(track.beats)
    assert not track.at("beat", times).any()
    assert track.at("onset", times).max() < 0.05


def test_noise_has_hardly_a_beat_and_never_fails() -> None:
    hiss = np.random.default_rng(1).standard_normal(30 * HEARD_RATE).astype(np.float32)
    found = find_beats(listen([0.1 * hiss]).flux)
    assert np.all(np.diff(found) > 0.1)


@pytest.mark.parametrize(("hertz", "band"), [(60, "bass"), (900, "mid"), (6000, "high")])
def test_a_tone_sounds_in_its_own_band(hertz: float, band: str) -> None:
    silence = np.zeros(RATE, np.float32)
    sound = np.concatenate([silence, tone(hertz, 1), silence])[::2]
    heard = listen([sound])
    for name, curve in heard.bands.items():
        level = float(curve[140:160].mean())
        assert (level > 0.2) if name == band else (level < 0.01), name
    track = SoundTrack(heard)
    assert track.at(band, np.array([0.5, 1.5])) == pytest.approx([0, 1], abs=0.02)
    assert track.at("loud", np.array([0.5, 1.5, 2.9, 9])) == pytest.approx([0, 1, 0, 0], abs=0.05)


def test_all_that_is_told_lies_between_0_and_1() -> None:
    rng = np.random.default_rng(2)
    sound = rng.standard_normal(8 * HEARD_RATE) * np.linspace(0, 0.5, 8 * HEARD_RATE)
    for causal in (False, True):
        track = SoundTrack(listen([sound.astype(np.float32)]), causal=causal)
        for name in SMOOTHING:
            values = track.at(name, np.arange(0, 8, 0.01))
            assert values.min() >= 0, name
            assert values.max() <= 1, name
            assert values.max() > 0.9 or name in ("onset", "beat"), name


def test_both_ways_a_peak_stays_where_it_is_and_one_way_nothing_comes_early() -> None:
    peaks = np.zeros(400, np.float32)
    peaks[[100, 250]] = 1
    by = SMOOTHING["bass"]
    both, one = smoothed(peaks, by, causal=False), smoothed(peaks, by, causal=True)
    assert both[100] == pytest.approx(1)
    assert both[99] > 0.5, "it rises before"
    assert both[101] > both[120] > both[150], "and falls after"
    assert not one[:100].any()
    assert int(np.argmax(one[:200])) <= 102


def test_blocks_make_no_difference() -> None:
    sound = clicks(BEATS, SECONDS)[::2]
    whole = listen([sound])
    parts = listen([sound[:1], sound[1:777], sound[777:50_000], sound[50_000:]])
    for name in ("loud", "flux", "low", "top"):
        np.testing.assert_allclose(getattr(whole, name), getattr(parts, name), atol=1e-6)
    assert len(whole.loud) == len(sound) // HOP + 1
    assert whole.seconds == pytest.approx(SECONDS, abs=1 / MOMENTS)


def test_long_sound_is_measured_in_parts() -> None:
    moments = np.arange(0.5, 60, 0.5)
    found = SoundTrack(listen([clicks(moments, 61)[::2]])).beats
    assert len(found) == len(moments)
    assert np.abs(found - moments).max() < 0.02


def test_a_begin_and_an_end_are_the_films(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "beats.wav", clicks([1.0, 2.0, 3.0], 5))
    samples = np.concatenate([*read_sound(SoundRange(path, Fraction(3, 2), Fraction(5, 2)))])
    assert len(samples) == HEARD_RATE
    first = int(np.argmax(np.abs(samples) > 0.1))
    assert first / HEARD_RATE == pytest.approx(0.5, abs=0.002)
    early = np.concatenate([*read_sound(SoundRange(path, Fraction(-1)))])
    assert int(np.argmax(np.abs(early) > 0.1)) / HEARD_RATE == pytest.approx(2, abs=0.002)


@pytest.mark.parametrize("suffix", [".flac", ".mp3", ".opus", ".m4a"])
def test_files_of_sound_begin_where_they_are_heard_to(suffix: str, tmp_path: Path) -> None:
    codec = {".flac": "flac", ".mp3": "libmp3lame", ".opus": "libopus", ".m4a": "aac"}[suffix]
    path = write_sound(tmp_path / f"beats{suffix}", clicks([1.0], 3), codec)
    samples = np.concatenate([*read_sound(SoundRange(path))])
    assert int(np.argmax(np.abs(samples) > 0.1)) / HEARD_RATE == pytest.approx(1, abs=0.005)


def test_a_file_without_sound_is_refused(tmp_path: Path, clip: Path) -> None:
    text = tmp_path / "text.wav"
    text.write_text("no sound at all")
    for path in (text, tmp_path / "missing.wav"):
        assert not has_sound(path)
        with pytest.raises(SourceError, match=f"reading the sound of .*{path.name} failed"):
            [*read_sound(SoundRange(path))]
    assert has_sound(clip)


def test_a_damaged_file_costs_its_damage_alone(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "beats.mp3", clicks(BEATS, SECONDS), "libmp3lame")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 900] = bytes(900)
    path.write_bytes(data)
    found = SoundTrack.read(SoundRange(path)).beats
    lost = 0.15  # seconds: an mp3 has no times, so that what follows the damage comes early
    assert all(np.abs(found - beat).min() < lost for beat in BEATS)
