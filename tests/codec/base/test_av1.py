"""The explicit layer: one packet per frame, exact pictures, and refusal of anything that isn't its own stream."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec.arrays import Picture
from codec.base.av1 import BaseDecoder, BaseEncoder, BaseFrame, encode_clip, encode_frames
from codec.base.level import StreamLevels
from codec.base.pictures import base_size, upsample
from codec.base.svt import trusted_library
from codec.errors import FormatError
from codec.format.limits import MAX_SEGMENT_FRAMES
from tests.support import ROOT, skips

RATE = Fraction(30)
WIDTH, HEIGHT = 96, 64


def _real_frames(path: Path, count: int) -> Picture:
    with av.open(path) as container:
        pictures = [
            frame.reformat(WIDTH, HEIGHT, format="rgb24", interpolation="AREA").to_ndarray()
            for frame, _ in zip(container.decode(video=0), range(count), strict=False)
        ]
    return np.stack(pictures).astype(np.uint8)


def _moving_square(count: int) -> Picture:
    frames = np.full((count, HEIGHT, WIDTH, 3), 60, np.uint8)
    for index, frame in enumerate(frames):
        frame[20:36, index % 80 : index % 80 + 16] = (200, 90, 30)
    return frames


def _encode(frames: Picture, crf: int = 50, scale: int = 1) -> list[BaseFrame]:
    return list(encode_frames(frames, crf, scale, RATE))


def _raw_units(frames: Picture) -> list[bytes]:
    """Temporal units as SVT-AV1 writes them, delimiters and sizes included."""
    encoder = av.CodecContext.create("libsvtav1", "w")
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    encoder.framerate, encoder.time_base = RATE, 1 / RATE
    encoder.options = {"svtav1-params": "lp=1", "preset": "10", "crf": "50"}
    packets = []
    for index, picture in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = index, 1 / RATE
        packets += encoder.encode(frame)
    return [bytes(packet) for packet in packets + encoder.encode(None)]


@pytest.fixture(scope="module")
def talking(data: Path) -> Picture:
    return _real_frames(data / "scene.mp4", 70)


@pytest.fixture(scope="module")
def coded_square() -> list[BaseFrame]:
    return _encode(_moving_square(40))


def test_each_frame_of_a_real_clip_has_one_packet_that_decodes_to_its_picture(talking: Picture) -> None:
    coded = _encode(talking)
    decoder = BaseDecoder(WIDTH, HEIGHT)
    assert len(coded) == len(talking)
    for frame in coded:
        np.testing.assert_array_equal(decoder.decode(frame.packet), frame.picture)


def test_pictures_come_in_presentation_order(talking: Picture) -> None:
    pictures = np.stack([frame.picture for frame in _encode(talking, crf=30)]).astype(np.float64)
    for index in range(1, len(talking) - 1):
        errors = [np.mean((pictures[index] - talking[other]) ** 2) for other in (0, index, len(talking) - 1)]
        assert errors[1] == min(errors)


def test_the_same_frames_give_the_same_packets(talking: Picture) -> None:
    assert [f.packet for f in _encode(talking[:40])] == [f.packet for f in _encode(talking[:40])]


def test_a_segment_is_one_keyframe_and_inter_frames_even_across_a_cut() -> None:
    rng = np.random.default_rng(1)
    scenes = [np.repeat(rng.integers(0, 255, (1, HEIGHT, WIDTH, 3), np.uint8), 60, axis=0) for _ in range(4)]
    coded = _encode(np.concatenate(scenes))
    assert len(coded) == MAX_SEGMENT_FRAMES
    sequence_headers = [frame.packet[0] >> 3 & 15 == 1 for frame in coded]
    assert sequence_headers == [True] + [False] * (MAX_SEGMENT_FRAMES - 1)


def test_a_segment_has_a_bounded_length() -> None:
    frame = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    with BaseEncoder(WIDTH, HEIGHT, StreamLevels.constant(63), 2, RATE) as encoder:
        for _ in range(MAX_SEGMENT_FRAMES):
            encoder.push(frame)
        with pytest.raises(ValueError, match="at most 240"):
            encoder.push(frame)


def test_a_higher_crf_costs_less_and_looks_worse(talking: Picture) -> None:
    fine, fine_pictures = encode_clip(talking, 30, 1, RATE)
    coarse, coarse_pictures = encode_clip(talking, 60, 1, RATE)
    assert coarse < fine / 2
    assert _psnr(talking, coarse_pictures) < _psnr(talking, fine_pictures) - 3
    assert _psnr(talking, fine_pictures) > 30


@pytest.mark.parametrize(("width", "height"), [(WIDTH, HEIGHT), (50, 38), (17, 33), (16, 16)])
@pytest.mark.parametrize("scale", [1, 2])
@pytest.mark.parametrize("count", [1, 3])
def test_small_odd_and_short_clips(width: int, height: int, scale: int, count: int) -> None:
    frames = _moving_square(count)[:, :height, :width]
    size, pictures = encode_clip(frames, 45, scale, RATE)
    assert size > 0
    assert pictures.shape == (count, *reversed(base_size(width, height, scale)), 3)
    assert upsample(pictures, width, height).shape == frames.shape


def test_clips_longer_than_a_segment_are_cut() -> None:
    frames = np.zeros((MAX_SEGMENT_FRAMES + 2, 16, 16, 3), np.uint8)
    assert encode_clip(frames, 63, 1, RATE)[1].shape == frames.shape


@pytest.mark.parametrize(
    "colour", [(0, 0, 0), (255, 255, 255), (128, 128, 128), (255, 0, 0), (0, 0, 255), (10, 200, 90)]
)
def test_flat_colours_survive(colour: tuple[int, int, int]) -> None:
    frames = np.full((1, 32, 32, 3), colour, np.uint8)
    _, pictures = encode_clip(frames, 10, 2, RATE)
    assert np.abs(upsample(pictures, 32, 32).astype(int) - frames).max() <= 2


def test_upsampling_is_pinned_to_the_bit() -> None:
    small = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(1, 4, 6, 3) * 3
    doubled = upsample(small, 12, 8)
    np.testing.assert_array_equal(doubled[0, 0, :, 0], [0, 0, 3, 7, 12, 16, 21, 25, 30, 35, 40, 42])


def test_upsampling_keeps_ramps_and_sharpens_edges_within_range() -> None:
    ramp = np.broadcast_to((np.arange(16, dtype=np.uint8) * 8)[None, None, :, None], (1, 16, 16, 3))
    inner = upsample(ramp, 32, 32)[0, 8, 4:-4, 0].astype(int)
    np.testing.assert_array_equal(np.diff(inner), np.full(len(inner) - 1, 4))
    edge = np.zeros((1, 8, 8, 3), np.uint8)
    edge[:, :, 4:] = 255
    assert set(upsample(edge, 16, 16)[0, 0, [0, 5, 6, 9, 10, 15], 0]) == {0, 255}


def test_upsampling_refuses_pictures_of_another_size() -> None:
    with pytest.raises(ValueError, match="no base of"):
        upsample(np.zeros((1, 10, 10, 3), np.uint8), 64, 64)


@settings(max_examples=60)
@given(data=st.binary(min_size=0, max_size=200))
def test_noise_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        BaseDecoder(WIDTH, HEIGHT).decode(data)


@settings(max_examples=60)
@given(data=st.data())
def test_flipped_bits_give_a_picture_or_a_refusal(data: st.DataObject, coded_square: list[BaseFrame]) -> None:
    victim = data.draw(st.integers(0, 5))
    position = data.draw(st.integers(0, len(coded_square[victim].packet) - 1))
    decoder = BaseDecoder(WIDTH, HEIGHT)
    try:
        for index, frame in enumerate(coded_square[:8]):
            packet = bytearray(frame.packet)
            if index == victim:
                packet[position] ^= data.draw(st.integers(1, 255))
            assert decoder.decode(bytes(packet)).shape == (HEIGHT, WIDTH, 3)
    except FormatError:
        pass


def test_a_segment_that_starts_in_the_middle_is_refused(coded_square: list[BaseFrame]) -> None:
    with pytest.raises(FormatError):
        BaseDecoder(WIDTH, HEIGHT).decode(coded_square[1].packet)


@pytest.mark.parametrize("size", [(WIDTH // 2, HEIGHT // 2), (HEIGHT, WIDTH), (WIDTH * 2, HEIGHT * 2)])
def test_a_stream_of_another_size_is_refused(coded_square: list[BaseFrame], size: tuple[int, int]) -> None:
    with pytest.raises(FormatError):
        BaseDecoder(*size).decode(coded_square[0].packet)


def test_packets_that_display_no_picture_or_several_are_refused() -> None:
    units = _raw_units(_moving_square(5))
    decoder = BaseDecoder(WIDTH, HEIGHT)
    decoder.decode(units[0])
    delimiter_and_hidden_frame = units[1][: 2 + 2 + units[1][3]]
    with pytest.raises(FormatError, match="displays 0 pictures"):
        decoder.decode(delimiter_and_hidden_frame)
    decoder = BaseDecoder(WIDTH, HEIGHT)
    decoder.decode(units[0] + units[1])
    with pytest.raises(FormatError, match="displays 2 pictures"):
        decoder.decode(units[2] + units[3])


def test_frames_of_another_shape_are_refused() -> None:
    encoder = BaseEncoder(WIDTH, HEIGHT, StreamLevels.constant(50), 1, RATE)
    with pytest.raises(ValueError, match="expected uint8"):
        encoder.push(np.zeros((WIDTH, HEIGHT, 3), np.uint8))


@pytest.mark.parametrize(("crf", "scale"), [(71, 1), (-1, 1), (50, 3)])
def test_settings_out_of_range_are_refused(crf: int, scale: int) -> None:
    with pytest.raises(ValueError, match="base layer"):
        BaseEncoder(WIDTH, HEIGHT, StreamLevels.constant(crf), scale, RATE)


def test_the_codecs_write_nothing_to_the_terminal() -> None:
    script = (
        "import numpy as np; from fractions import Fraction; from codec.base import av1 as b\n"
        "b.encode_clip(np.zeros((3, 32, 32, 3), np.uint8), 50, 1, Fraction(25))\n"
        "try: b.BaseDecoder(32, 32).decode(b'no video')\n"
        "except b.FormatError: pass\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def _psnr(reference: Picture, distorted: Picture) -> float:
    error = np.mean((reference.astype(np.float64) - distorted) ** 2)
    return float(10 * np.log10(255**2 / error))


@skips.linux_disk
def test_looking_at_the_library_leaves_no_thread_with_real_time_priority() -> None:
    trusted_library.cache_clear()
    trusted_library()
    policies = {os.sched_getscheduler(int(task.name)) for task in Path("/proc/self/task").iterdir()}
    assert os.SCHED_FIFO not in policies
