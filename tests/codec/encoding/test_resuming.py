"""What a run that goes on takes over."""

from __future__ import annotations

from codec.encoding.resuming import KeptGop
from codec.format.records import BaseRun, GopRecord


def test_a_restored_gop_gives_back_its_points_beyond_its_stored_steps() -> None:
    base = BaseRun(60.0, 1, "modelled", b"x" * 50)
    record = GopRecord(0, 0, 48, 0, 0, (), b"", b"", base, quality=0.15, probes=((0, 0.2), (12, 0.16)), restoration=5)
    probes = KeptGop(record, 8 * 90).probes
    assert [(probe.step, probe.quality) for probe in probes] == [(0, 0.2), (5, 0.15), (12, 0.16)]
    assert {probe.bits for probe in probes} == {400}
