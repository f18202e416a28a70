"""Reading video: counts, times, geometry and colour of real clips and of tiny files with every odd property."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition
from hypothesis import given
from hypothesis import strategies as st

from codec.errors import InputError
from codec.video import Colour, Orientation, VideoInfo, VideoReader, coding_size, probe
from tests.support import ROOT, skips
from tests.support.films.malformed import REFUSALS
from tests.support.films.synthetic import KR_KB, Picture, quadrants, set_display_matrix, write_video

REAL = {
    "03_carphone_qcif_talkinghead.mp4": (120, 193, 144),
    "06_static_camera_768x576_10fps.mp4": (120, 768, 576),
    "08_nasa_dark_cuts_2audio.mp4": (325, 320, 180),
    "10_dog_run_720p_audio.mp4": (289, 1280, 720),
    "13_bbb_trailer_cuts_titles_720p.mp4": (480, 1280, 720),
    "14_flower_leaves_720p.mp4": (240, 1280, 720),
    "16_sparks_10bit_pq_480x270.mp4": (5, 480, 270),
    "17_portrait_cups_406x720_audio.mp4": (120, 406, 720),
    "19_vfr_blocks_640x360.mkv": (84, 640, 360),
    "22_three_frames_bluesky_360p.mkv": (3, 640, 360),
}
MADE = {
    "scene.mp4": (120, 194, 144),
    "portrait.mp4": (120, 136, 240),
    "two_tracks.mp4": (75, 160, 90),
    "pq_10bit.mp4": (5, 240, 136),
    "variable.mkv": (84, 160, 90),
    "three_frames.mkv": (3, 160, 90),
}
UNEVEN = ("19_vfr_blocks_640x360.mkv", "variable.mkv")


def _read(path: Path, size: tuple[int, int] | None = None) -> tuple[VideoInfo, list[Picture], list[Fraction]]:
    with VideoReader(path, size=size) as reader:
        frames = list(reader.frames())
    return reader.info, [frame.pixels for frame in frames], [frame.pts for frame in frames]


def _packet_times(path: Path) -> list[Fraction]:
    """Presentation times of the default video stream, from the container alone."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        times = sorted(p.pts * p.time_base for p in container.demux(stream) if p.pts is not None)
    return [time - times[0] for time in times]


def _check_every_frame(path: Path, count: int, width: int, height: int) -> None:
    info, pictures, times = _read(path, size=(32, 16))
    assert (info.width, info.height, info.rotation) == (width, height, 0)
    assert times == _packet_times(path)
    assert len(pictures) == count
    assert {picture.shape for picture in pictures} == {(16, 32, 3)}
    if path.name not in UNEVEN:
        assert info.frame_count == count


@pytest.mark.parametrize("name", MADE)
def test_every_frame_comes_at_its_time(data: Path, name: str) -> None:
    _check_every_frame(data / name, *MADE[name])


@pytest.mark.parametrize("name", REAL)
def test_every_frame_of_a_real_clip_comes_at_its_time(clips: Path, name: str) -> None:
    _check_every_frame(clips / name, *REAL[name])


def test_frames_at_source_size_are_contiguous_and_vary(data: Path) -> None:
    info, pictures, _ = _read(data / "three_frames.mkv")
    assert all(p.shape == (info.height, info.width, 3) and p.flags.c_contiguous for p in pictures)
    assert np.std(pictures[0]) > 5


def test_tags_of_hdr_are_carried_and_not_tone_mapped(data: Path) -> None:
    info = probe(data / "pq_10bit.mp4")
    assert info.colour == Colour(primaries=9, transfer=16, matrix=9, range=1)
    assert info.bit_depth == 10


def test_the_default_tracks_are_taken(data: Path) -> None:
    info = probe(data / "two_tracks.mp4")
    assert (info.width, info.audio is not None and info.audio.sample_rate) == (160, 8000)
    assert info.has_audio
    assert not probe(data / "scene.mp4").has_audio


@pytest.mark.parametrize(("start", "duration", "count"), [(2.0, 1.0, 30), (1.01, 0.5, 15), (3.96, None, 1)])
def test_a_part_begins_at_the_nearest_frame(data: Path, start: float, duration: float | None, count: int) -> None:
    path = data / "portrait.mp4"
    whole = _packet_times(path)
    with VideoReader(path, size=(32, 16), start=start, duration=duration) as reader:
        times = [frame.pts for frame in reader.frames()]
    assert len(times) == count
    assert times[0] == 0
    assert reader.origin == min(whole, key=lambda time: abs(time - Fraction(start)))


def test_a_part_shows_the_same_pictures_as_the_whole(data: Path) -> None:
    path = data / "scene.mp4"
    _, whole, _ = _read(path)
    with VideoReader(path, start=2.0, duration=0.2) as reader:
        part = [frame.pixels for frame in reader.frames()]
    np.testing.assert_array_equal(part, whole[60:66])


@pytest.mark.parametrize("extension", [".ts", ".y4m", ".mkv", ".mp4"])
def test_a_part_of_any_container_begins_where_it_should(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"plain{extension}"
    pictures = [np.full((32, 32, 3), 20 + 8 * index, np.uint8) for index in range(25)]
    if extension == ".y4m":
        planes = b"".join(b"FRAME\n" + bytes([20 + 8 * index]) * 32 * 32 for index in range(25))
        path.write_bytes(b"YUV4MPEG2 W32 H32 F25:1 Cmono\n" + planes)
    else:
        write_video(path, pictures)
    with VideoReader(path, start=0.5, duration=0.2) as reader:
        part = [(frame.pixels.mean(), frame.pts) for frame in reader.frames()]
    _, whole, times = _read(path)
    first = 12 if abs(times[12] - Fraction(1, 2)) <= abs(times[13] - Fraction(1, 2)) else 13
    assert [mean for mean, _ in part] == [picture.mean() for picture in whole[first : first + 5]]
    assert part[0][1] == 0


def test_a_start_after_the_end_is_refused(data: Path) -> None:
    with pytest.raises(InputError, match="ends before 20 s"):
        VideoReader(data / "scene.mp4", start=20)


def _refusal(path: Path) -> str:
    """The one sentence by which a file is refused."""
    with pytest.raises(InputError) as refusal:
        _read(path, size=(32, 16))
    sentence = str(refusal.value)
    assert path.name in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize("name", REFUSALS)
def test_malformed_files_are_refused_in_one_sentence(malformed: Path, name: str) -> None:
    assert REFUSALS[name] in _refusal(malformed / name)


def test_malformed_files_that_people_had_are_refused_in_one_sentence(shared: Path) -> None:
    files = sorted((shared / "data" / "malformed").iterdir())
    assert len(files) >= 10
    for path in files:
        _refusal(path)


@skips.posix
def test_malformed_files_need_little_memory_and_print_nothing(malformed: Path) -> None:
    script = (
        "import resource, pathlib, sys\n"
        "from codec.video import VideoReader\n"
        "from codec.errors import InputError\n"
        "resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))\n"
        "for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):\n"
        "    try: list(VideoReader(path, size=(32, 16)).frames())\n"
        "    except InputError: print(path.name)\n"
    )
    command = [sys.executable, "-c", script, str(malformed)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == sorted(REFUSALS)
    assert done.stderr == ""


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file"):
        probe(tmp_path / "absent.mp4")
    with pytest.raises(InputError, match="is a folder"):
        probe(tmp_path)


def test_a_huge_declared_picture_is_refused_by_its_size(tmp_path: Path) -> None:
    path = tmp_path / "wide.y4m"
    path.write_bytes(b"YUV4MPEG2 W20000 H10 F25:1 C444\nFRAME\n" + bytes(20000 * 10 * 3))
    with pytest.raises(InputError, match="20000x10"):
        probe(path)


def test_a_matroska_file_that_was_cut_off_is_refused(data: Path, tmp_path: Path) -> None:
    whole = (data / "variable.mkv").read_bytes()
    path = tmp_path / "cut.mkv"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"damaged at about 1\.4 s"):
        _read(path, size=(32, 16))


def test_damage_the_decoder_would_conceal_is_refused(data: Path, tmp_path: Path) -> None:
    scratched = bytearray((data / "scene.mp4").read_bytes())
    scratched[len(scratched) // 2 : len(scratched) // 2 + 3000] = np.random.default_rng(0).bytes(3000)
    path = tmp_path / "scratched.mp4"
    path.write_bytes(bytes(scratched))
    with pytest.raises(InputError, match=r"damaged at about 1\.5 s"):
        _read(path)
    with VideoReader(path, duration=1.5) as reader:
        assert len(list(reader.frames())) == 45


@pytest.mark.parametrize("matrix", KR_KB)
@pytest.mark.parametrize("colour_range", [1, 2])
def test_the_files_own_matrix_and_range_are_undone(tmp_path: Path, matrix: int, colour_range: int) -> None:
    source = quadrants(64, 48)
    path = write_video(tmp_path / "colour.mp4", [source], matrix=matrix, colour_range=colour_range)
    info, pictures, _ = _read(path)
    assert (info.colour.matrix, info.colour.range) == (matrix, colour_range)
    assert np.abs(pictures[0][4:-4, 4:-4].astype(int) - source[4:-4, 4:-4]).mean() < 2


def test_unspecified_colour_is_read_as_players_guess_it() -> None:
    assert Colour().matrix_for(720, 576) == 6
    assert Colour().matrix_for(1280, 720) == 1
    assert Colour(matrix=9).matrix_for(64, 64) == 9


# Upright picture -> stored picture, and the display matrix that turns it back.
TURNS = {
    0: (0, (1, 0, 0, 1)),
    90: (1, (0, 1, -1, 0)),
    180: (2, (-1, 0, 0, -1)),
    270: (3, (0, -1, 1, 0)),
}


@pytest.mark.parametrize("degrees", TURNS)
def test_rotated_recordings_come_upright(tmp_path: Path, degrees: int) -> None:
    quarter_turns, matrix = TURNS[degrees]
    upright = quadrants(64, 32)
    path = write_video(tmp_path / "turned.mp4", [np.rot90(upright, quarter_turns)])
    set_display_matrix(path, *matrix)
    info, pictures, _ = _read(path)
    assert (info.width, info.height, info.rotation) == (64, 32, degrees)
    assert np.abs(pictures[0].astype(int) - upright).mean() < 4
    _, small, _ = _read(path, size=(32, 16))
    assert np.abs(small[0].astype(int) - upright[::2, ::2]).mean() < 12


def test_a_mirrored_recording_comes_upright(tmp_path: Path) -> None:
    upright = quadrants(64, 32)
    path = write_video(tmp_path / "mirrored.mp4", [upright[:, ::-1]])
    set_display_matrix(path, -1, 0, 0, 1)
    assert np.abs(_read(path)[1][0].astype(int) - upright).mean() < 4


@given(transposed=st.booleans(), mirrored_x=st.booleans(), mirrored_y=st.booleans())
def test_orientation_is_what_its_matrix_says(transposed: bool, mirrored_x: bool, mirrored_y: bool) -> None:
    x, y = (-65536 if mirrored_x else 65536), (-65536 if mirrored_y else 65536)
    entries = [0, y, 0, x, 0] if transposed else [x, 0, 0, 0, y]
    matrix = np.array([*entries, 0, 0, 0, 1 << 30], np.int32).tobytes()
    assert Orientation.from_display_matrix(matrix) == Orientation(transposed, mirrored_x, mirrored_y)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("size", [(33, 17), (16, 16), (48, 2)])
def test_short_and_odd_sized_files(tmp_path: Path, count: int, size: tuple[int, int]) -> None:
    path = write_video(tmp_path / "odd.mp4", [quadrants(*size)] * count)
    info, pictures, times = _read(path)
    assert (info.width, info.height) == size
    assert times == [index * Fraction(1, 25) for index in range(count)]
    assert pictures[-1].shape == (size[1], size[0], 3)


@pytest.mark.parametrize("extension", [".mp4", ".mkv"])
def test_uneven_times_are_kept_and_begin_at_zero(tmp_path: Path, extension: str) -> None:
    uneven = [5000, 5040, 5200, 5201, 5900]
    path = write_video(tmp_path / f"vfr{extension}", [quadrants(32, 32)] * 5, times=uneven)
    _, _, times = _read(path)
    assert times == [Fraction(time - 5000, 1000) for time in uneven]


def test_missing_times_are_one_frame_period_apart(tmp_path: Path) -> None:
    path = write_video(tmp_path / "raw.h264", [quadrants(32, 32)] * 4, muxer="h264")
    _, _, times = _read(path)
    assert len(times) == 4
    assert len({b - a for a, b in pairwise(times)}) == 1
    assert times[1] > 0


def test_a_doubled_time_delays_no_later_frame(tmp_path: Path) -> None:
    path = tmp_path / "doubled.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", 25)
        context = stream.codec_context
        context.width, context.height, context.pix_fmt, context.color_range = 32, 32, "yuvj420p", 2
        context.time_base = Fraction(1, 1000)
        for time in (0, 40, 80):
            frame = av.VideoFrame.from_ndarray(quadrants(32, 32), format="rgb24").reformat(format="yuvj420p")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            for packet in stream.encode(frame):
                packet.pts = packet.dts = 0 if time == 40 else time
                container.mux(packet)
    _, _, times = _read(path)
    assert times == [0, Fraction(40, 1000), Fraction(80, 1000)]


@pytest.mark.parametrize(("aspect", "shown"), [(Fraction(2), (64, 32)), (Fraction(1, 2), (32, 64))])
def test_pixels_are_made_square(tmp_path: Path, aspect: Fraction, shown: tuple[int, int]) -> None:
    path = write_video(tmp_path / "anamorphic.mp4", [quadrants(32, 32)], aspect=aspect)
    info, pictures, _ = _read(path)
    assert (info.width, info.height) == shown
    assert np.abs(pictures[0].astype(int) - quadrants(*shown)).mean() < 8


def test_a_gif_is_a_video(tmp_path: Path) -> None:
    path = tmp_path / "moving.gif"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("gif", 10)
        stream.codec_context.width, stream.codec_context.height, stream.codec_context.pix_fmt = 32, 32, "rgb8"
        for shift in range(3):
            frame = av.VideoFrame.from_ndarray(np.roll(quadrants(32, 32), shift, 1), format="rgb24")
            container.mux(stream.encode(frame.reformat(format="rgb8")))
        container.mux(stream.encode(None))
    assert len(_read(path)[1]) == 3


def test_cover_art_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as container:
        cover = container.add_stream("png", 1)
        cover.codec_context.width, cover.codec_context.height, cover.codec_context.pix_fmt = 32, 32, "rgb24"
        cover.disposition = Disposition.attached_pic
        container.mux(cover.encode(av.VideoFrame.from_ndarray(quadrants(32, 32), format="rgb24")))
        container.mux(cover.encode(None))
    with pytest.raises(InputError, match="no video track"):
        probe(path)


def _info(width: int, height: int) -> VideoInfo:
    rate = Fraction(25)
    return VideoInfo(width, height, Orientation(), rate, 1 / rate, None, None, Colour(), 8, None)


@given(
    width=st.integers(1, 8192),
    height=st.integers(1, 8192),
    short_side=st.integers(16, 1080),
    multiple=st.sampled_from([2, 8, 16, 32]),
)
def test_coding_size_is_a_multiple_and_never_scales_up(width: int, height: int, short_side: int, multiple: int) -> None:
    coded = coding_size(_info(width, height), short_side, multiple)
    for side, source in zip(coded, (width, height), strict=True):
        assert side % multiple == 0
        assert multiple <= side < max(source, 1) + multiple
    assert min(coded) <= short_side + multiple


@pytest.mark.parametrize(
    ("size", "expected"),
    [((1280, 720), (256, 144)), ((406, 720), (144, 256)), ((193, 144), (192, 144)), ((9, 5), (16, 16))],
)
def test_coding_sizes_of_common_videos(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert coding_size(_info(*size), 144, 16) == expected


def test_closing_releases_the_file(tmp_path: Path) -> None:
    path = write_video(tmp_path / "short.mp4", [quadrants(32, 32)])
    with VideoReader(path) as reader:
        next(reader.frames())
    handles = Path("/proc/self/fd")
    if handles.is_dir():
        assert str(path) not in {str(handle.readlink()) for handle in handles.iterdir() if handle.is_symlink()}
