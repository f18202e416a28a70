"""A Matroska file is damaged where its elements don't fit together, not where something else lies between packets."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codec.errors import InputError
from codec.video import probe, read_timeline
from codec.video.container.decoding import PictureSource
from codec.video.container.matroska import Structure
from tests.support.films.flashing import write_flashing


def sound(path: Path) -> bool:
    structure = Structure(path)
    try:
        return structure.sound_until(None)
    finally:
        structure.close()


@pytest.mark.parametrize("options", [{}, {"live": "1"}, {"cluster_time_limit": "200"}], ids=str)
def test_a_whole_file_is_sound(tmp_path: Path, options: dict[str, str]) -> None:
    assert sound(write_flashing(tmp_path / "a.mkv", options=options))


def test_a_file_that_was_cut_off_is_not(tmp_path: Path) -> None:
    path = write_flashing(tmp_path / "a.mkv")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    assert not sound(path)
    with pytest.raises(InputError, match="is damaged at about 1"):
        read_timeline(path)


def test_a_live_recording_that_nobody_finished_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = write_flashing(tmp_path / "a.mkv", options={"live": "1"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    assert sound(path)
    assert 30 < read_timeline(path).frames < 60


def test_lost_clusters_are_damage(tmp_path: Path) -> None:
    path = write_flashing(tmp_path / "a.mkv", options={"cluster_time_limit": "200"})
    data = bytearray(path.read_bytes())
    second = data.index(b"\x1f\x43\xb6\x75", data.index(b"\x1f\x43\xb6\x75") + 4)
    data[second + 12 : second + 200] = bytes(188)
    path.write_bytes(data)
    with pytest.raises(InputError, match="is damaged at about"):
        read_timeline(path)


@pytest.mark.timeout(60)
def test_a_forged_length_is_none(tmp_path: Path) -> None:
    path = write_flashing(tmp_path / "a.mkv")
    data = path.read_bytes()
    said = data.index(b"00:00:02.4")
    # Taken for a number it would have a billion digits.
    path.write_bytes(data[:said] + b"00:00:01e999999999" + data[said + 18 :])
    assert read_timeline(path).duration == pytest.approx(2.4, abs=0.05)


@pytest.mark.parametrize("said", ["\u00b2", "9" * 5000, "1e9", "-3"])
def test_a_count_of_frames_that_is_none_is_passed_over(tmp_path: Path, said: str) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", 25)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        stream.metadata["NUMBER_OF_FRAMES"] = said
        for _ in range(10):
            container.mux(stream.encode(av.VideoFrame(32, 32, "yuv420p")))
        container.mux(stream.encode(None))
    assert probe(path).frame_count == 10


def test_a_file_that_goes_away_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = write_flashing(tmp_path / "a.mkv")
    source = PictureSource(path)
    path.unlink()
    with pytest.raises(InputError, match="can no longer be read"):
        next(source.frames())
    source.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=400), st.integers(0, 500), st.booleans())
def test_no_bytes_lead_it_astray(tmp_path: Path, noise: bytes, position: int, behind_a_head: bool) -> None:
    path = tmp_path / "noise.mkv"
    path.write_bytes((b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\xff" if behind_a_head else b"") + noise)
    structure = Structure(path)
    try:
        first = structure.sound_until(position)
        assert structure.sound_until(None) <= first
    finally:
        structure.close()
