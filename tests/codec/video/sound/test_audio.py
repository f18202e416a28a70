"""Audio beside the video: packets copied byte for byte, or Opus of the clip's own length."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

from codec.errors import InputError
from codec.format.records import AudioPacket
from codec.video import Audio, AudioMode, Colour, VideoReader, VideoWriter, probe, read_audio

WITH_AUDIO = ["portrait.mp4", "two_tracks.mp4"]
START = Fraction(0)


def _audio(path: Path, mode: AudioMode, origin: Fraction = START, duration: float | None = None) -> Audio:
    audio = read_audio(path, origin, duration, mode)
    assert audio is not None
    return audio


def _raw_packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        tracks = container.streams.audio
        chosen = next((track for track in tracks if track.disposition & Disposition.default), tracks[0])
        return [bytes(packet) for packet in container.demux(chosen) if packet.size]


def _mux(path: Path, audio: Audio) -> list[AudioPacket]:
    packets = list(audio.packets)
    black = np.zeros((32, 32, 3), np.uint8)
    settings = {"frame_rate": Fraction(25), "time_base": Fraction(1, 25), "colour": Colour()}
    with VideoWriter(path, 32, 32, **settings, audio=audio.track) as writer:
        writer.write(black, Fraction(0))
        for packet in packets:
            writer.write_audio(packet)
        writer.write(black, Fraction(1))
    return packets


def _samples(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        return np.concatenate([frame.to_ndarray() for frame in container.decode(stream)], axis=1)


def _tone(
    path: Path, codec: str, seconds: float, pauses: Sequence[tuple[float, float]] = (), rate: int = 48000
) -> Path:
    """A 440 Hz mono tone; within `pauses` (from, to) nothing is in the file at all."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        block = 1024
        for index in range(int(seconds * rate / block)):
            start = index * block
            if any(begin <= start / rate < end for begin, end in pauses):
                continue
            wave = np.sin(2 * np.pi * 440 * np.arange(start, start + block) / rate) * 8000
            frame = av.AudioFrame.from_ndarray(wave.astype(np.int16)[None], format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("name", WITH_AUDIO)
def test_copied_packets_are_the_files_own_bytes(data: Path, name: str) -> None:
    audio = _audio(data / name, AudioMode.COPY)
    packets = list(audio.packets)
    assert [packet.data for packet in packets] == _raw_packets(data / name)
    assert audio.track.codec == "aac"
    assert all(a.pts + a.duration == b.pts for a, b in pairwise(packets))


@pytest.mark.parametrize("extension", [".mp4", ".mov", ".mkv"])
def test_copied_audio_survives_the_writer(data: Path, tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"copy{extension}"
    source = data / "portrait.mp4"
    audio = _audio(source, AudioMode.COPY)
    packets = _mux(path, audio)
    assert _raw_packets(path) == [packet.data for packet in packets]
    again = _audio(path, AudioMode.COPY)
    assert (again.track.extradata, again.track.sample_rate) == (audio.track.extradata, audio.track.sample_rate)
    assert abs(next(again.packets).pts * again.track.time_base - packets[0].pts * audio.track.time_base) <= 1e-3
    np.testing.assert_array_equal(_samples(path)[:, -4096:], _samples(source)[:, -4096:])


@pytest.mark.parametrize("extension", [".mp4", ".mkv"])
@pytest.mark.parametrize("codec", ["libmp3lame", "flac", "ac3", "eac3", "libopus"])
def test_other_codecs_are_copied_too(tmp_path: Path, codec: str, extension: str) -> None:
    source = _tone(tmp_path / "source.mkv", codec, 1.0)
    path = tmp_path / f"copy{extension}"
    packets = _mux(path, _audio(source, AudioMode.COPY))
    # Opus in MP4 plays in few places, so it becomes AAC there.
    if (codec, extension) != ("libopus", ".mp4"):
        assert _raw_packets(path) == [packet.data for packet in packets]
    assert np.std(_samples(path).astype(float)) > 0


@pytest.mark.parametrize("name", WITH_AUDIO)
@pytest.mark.parametrize("duration", [2.0, 0.5])
def test_opus_lasts_as_long_as_the_clip(data: Path, tmp_path: Path, name: str, duration: float) -> None:
    path = tmp_path / "opus.mp4"
    audio = _audio(data / name, AudioMode.OPUS, Fraction(1), duration)
    packets = _mux(path, audio)
    assert audio.track.codec == "opus"
    end = (packets[-1].pts + packets[-1].duration) * audio.track.time_base
    assert abs(end - Fraction(duration)) < Fraction(1, 100)
    assert 0 <= _samples(path).shape[1] - duration * 48000 < 2880
    assert sum(len(packet.data) for packet in packets) * 8 / duration < 40_000


def test_opus_of_a_whole_file_lasts_as_long_as_its_audio(data: Path) -> None:
    path = data / "portrait.mp4"
    audio = _audio(path, AudioMode.OPUS)
    last = list(audio.packets)[-1]
    seconds = float((last.pts + last.duration) * audio.track.time_base)
    assert seconds == pytest.approx(len(_raw_packets(path)) * 1024 / 48000, abs=0.05)


def test_opus_keeps_the_sound_and_its_place(tmp_path: Path) -> None:
    source = _tone(tmp_path / "tone.mkv", "flac", 2.0, pauses=[(0.5, 1.0)])
    path = tmp_path / "opus.mp4"
    audio = _audio(source, AudioMode.OPUS)
    _mux(path, audio)
    assert (audio.track.layout, audio.track.bit_rate) == ("mono", 32_000)
    loudness = [float(np.std(part)) for part in np.array_split(_samples(path)[0], 8)]
    assert min(loudness[0], loudness[1], *loudness[4:]) > 10 * loudness[3]


def test_a_part_of_the_audio_begins_where_the_video_does(data: Path) -> None:
    path = data / "portrait.mp4"
    with VideoReader(path, size=(16, 32), start=1.0, duration=1.0) as reader:
        audio = _audio(path, AudioMode.COPY, reader.origin, 1.0)
    packets = list(audio.packets)
    seconds = [float(packet.pts * audio.track.time_base) for packet in packets]
    assert seconds[0] < seconds[1] <= 0 < seconds[2]
    assert 0.97 < seconds[-1] < 1.0
    whole = _raw_packets(path)
    first = whole.index(packets[0].data)
    assert [packet.data for packet in packets] == whole[first : first + len(packets)]


def test_no_audio_is_none(data: Path) -> None:
    silent = data / "scene.mp4"
    assert read_audio(silent, START, None, AudioMode.COPY) is None
    assert read_audio(silent, START, None, AudioMode.OPUS) is None
    assert read_audio(data / WITH_AUDIO[0], START, None, AudioMode.NONE) is None


def test_the_default_track_is_read(data: Path) -> None:
    assert _audio(data / "two_tracks.mp4", AudioMode.COPY).track.sample_rate == 8000


def test_a_codec_that_cannot_be_copied_is_refused_and_can_be_recoded(tmp_path: Path) -> None:
    source = _tone(tmp_path / "plain.mkv", "pcm_s16le", 0.5)
    with pytest.raises(InputError, match="choose Opus or no audio"):
        read_audio(source, START, None, AudioMode.COPY)
    assert len(list(_audio(source, AudioMode.OPUS).packets)) == 9


def test_a_track_is_taken_by_its_number(data: Path) -> None:
    path = data / "two_tracks.mp4"
    tracks = probe(path).audio_tracks
    assert len(tracks) == 2
    taken = [read_audio(path, START, None, AudioMode.COPY, number=number) for number in (1, 2, None)]
    first, second, default = (list(audio.packets) for audio in taken if audio is not None)
    assert first != second
    assert default in (first, second)
    with pytest.raises(InputError, match="has no audio track 3, but 2"):
        read_audio(path, START, None, AudioMode.COPY, number=3)
