"""What a file is said to hold: figures for any file that can be read, however senseless its times are."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings

from codec.errors import FormatError
from codec.format import framing, packing
from codec.format.header import Header
from codec.format.info import describe
from codec.format.reader import pack_file_header
from codec.format.records import GopRecord
from tests.support import format_cases as cases

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
SHORTEST = dataclasses.replace(cases.PLAIN, frame_rate=Fraction(2**31 - 1), time_base=Fraction(1, 2**31 - 1))


@in_one_folder
@given(header=cases.headers(), gop=cases.gops())
@example(header=SHORTEST, gop=cases.gop(0, 0, 1, 0, pts=(0,)))
def test_any_file_without_its_end_is_described(header: Header, gop: GopRecord, tmp_path: Path) -> None:
    # As far as a first record may lie.
    start = min(gop.start_frame, 4096)
    gop = dataclasses.replace(gop, start_frame=start, index=min(gop.index, start))
    base_codec = "none" if gop.base is None else "av1"
    header = dataclasses.replace(
        header, variable_timing=gop.pts is not None, base_codec=base_codec, trajectory=cases.PLAIN.trajectory
    )
    path = tmp_path / "any.fgvc"
    path.write_bytes(pack_file_header(header) + framing.frame(framing.GOP, packing.pack_gop(gop)))
    info = describe(path)
    assert info.frames == gop.end_frame
    assert info.seconds > 0
    assert all(math.isfinite(value) for value in (info.seconds, info.bpp, info.kbps, info.audio_kbps))


def test_a_first_frame_before_the_clip_is_refused(path: Path) -> None:
    header = dataclasses.replace(cases.PLAIN, frame_rate=Fraction(1), time_base=Fraction(1), variable_timing=True)
    gop = cases.gop(0, 0, 1, 0, pts=(0,))
    object.__setattr__(gop, "pts", (-1,))
    path.write_bytes(pack_file_header(header) + framing.frame(framing.GOP, packing.pack_gop(gop)))
    with pytest.raises(FormatError, match=r"film\.fgvc "):
        describe(path)
