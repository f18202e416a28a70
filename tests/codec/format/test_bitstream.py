"""The container on real files: written, read, sought, cut, damaged, resumed."""

from __future__ import annotations

import dataclasses
import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from codec.errors import FormatError, InputError, NotResumableError, OutputError
from codec.files import part_path
from codec.format import framing, packing
from codec.format.header import Header, Target
from codec.format.reader import SIGNATURE, BitstreamReader, Damage, chain_of, pack_file_header
from codec.format.records import AudioPacket, AudioRecord, BaseRun, GopRecord
from codec.format.writer import BitstreamWriter, ResumePoint
from tests.support import GOLDEN, skips
from tests.support import format_cases as cases

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("golden", sorted(GOLDEN.glob("*.fgvc")), ids=lambda golden: golden.stem)
def test_golden_files_of_every_version_are_read(golden: Path) -> None:
    with BitstreamReader(golden) as reader:
        assert golden.stem.endswith(f"-{reader.version}")
        found = {"header": reader.header, "records": tuple(reader.records()), "end": reader.end}
    expected = json.loads(golden.with_suffix(".json").read_text(encoding="utf-8"))
    assert {key: cases.jsonable(value) for key, value in found.items()} == expected


@pytest.mark.parametrize("name", cases.FILMS)
def test_golden_files_are_written_to_the_byte(name: str, path: Path) -> None:
    golden = GOLDEN / f"{name}-{packing.VERSION}.fgvc"
    assert cases.write(path, cases.FILMS[name], cases.QUALITIES_AT_SOURCE[name]) == golden.read_bytes()


def test_a_film_comes_back(film: cases.Film, path: Path) -> None:
    cases.write(path, film)
    assert not part_path(path).exists()
    with BitstreamReader(path) as reader:
        assert reader.header == film[0]
        assert tuple(reader.records()) == film[1]
        assert reader.end is not None
        assert reader.end.complete
        assert [next(reader.records(entry)) for entry in reader.index()] == [
            item for item in film[1] if isinstance(item, GopRecord)
        ]


@settings(in_one_folder, max_examples=25)  # each waits for the disk four times
@given(header=cases.headers(), gop=cases.gops())
def test_any_film_comes_back(header: Header, gop: GopRecord, tmp_path: Path) -> None:
    gop = dataclasses.replace(gop, index=0, start_frame=0, overlap=0, base=None, restoration=None, probes=(), pts=None)
    header = dataclasses.replace(header, variable_timing=False, trajectory=cases.PLAIN.trajectory)
    cases.write(tmp_path / "any.fgvc", (header, (gop,)))
    assert cases.read(tmp_path / "any.fgvc") == [gop]


def test_the_end_record_adds_up(path: Path) -> None:
    header, items = cases.FILMS["full"]
    cases.write(path, (header, items))
    with BitstreamReader(path) as reader:
        end = reader.end
    assert end is not None
    assert end.frames == 14
    assert end.base_bytes == sum(item.base_bits for item in items if isinstance(item, GopRecord)) // 8
    audio = [framing.frame(framing.AUDIO, packing.pack_audio(i)) for i in items if isinstance(i, AudioRecord)]
    assert end.audio_bytes == sum(map(len, audio))
    assert [(entry.start_frame, entry.chain_start) for entry in end.index] == [
        (0, True),
        (3, False),
        (7, True),
        (10, False),
    ]


def test_the_smallest_gops_are_indexed_too(path: Path) -> None:
    items = tuple(cases.gop(n, n, 1, 0, steps=(), sent=0) for n in range(100))
    cases.write(path, (cases.PLAIN, items))
    with BitstreamReader(path) as reader:
        assert reader.end is not None
        assert [next(reader.records(entry)) for entry in reader.end.index] == list(items)


def ten_seconds(header: Header, base: bool) -> tuple[cases.Film, int]:
    """160 frames of 832x480 at 0.005 bpp in GOPs of 48, 24 steps each; and the bytes of payload in it."""
    steps = tuple(bytes(round(165 * 1.07**n)) for n in range(24 if not base else 12))
    items = []
    for number, start in enumerate((0, 44, 88, 132)):
        frames, overlap = min(48, 160 - start), 4 if number else 0
        more = {"base": BaseRun(60, 2, "modelled", bytes(84 * (frames - overlap)))} if base else {}
        probes = ((11, 0.15),) if number else ((6, 0.3), (9, 0.2), (11, 0.15))
        gop = cases.gop(number, start, frames, overlap, steps=steps, sent=len(steps), quality=0.125, probes=probes)
        items.append(dataclasses.replace(gop, **more))
    payload = sum(gop.prefix_bits()[-1] // 8 for gop in items)
    return (header, tuple(items)), payload


def test_a_film_at_very_low_rate_spends_one_percent_on_the_container(path: Path) -> None:
    film, payload = ten_seconds(cases.PLAIN, base=False)
    budget = 0.005 * 832 * 480 * 160 / 8
    size = len(cases.write(path, film))
    packed = [len(packing.pack_gop(gop)) - gop.prefix_bits()[-1] // 8 for gop in film[1]]
    print(f"container: {size - payload} of {budget:.0f} bytes; header {len(pack_file_header(film[0]))}, GOPs {packed}")
    assert 0.9 * budget < payload < budget
    assert size - payload <= 0.01 * budget


def test_with_a_base_layer_too(path: Path) -> None:
    film, payload = ten_seconds(dataclasses.replace(cases.PLAIN, base_codec="av1"), base=True)
    assert len(cases.write(path, film)) - payload <= 0.01 * 0.005 * 832 * 480 * 160 / 8


def test_every_record_is_on_disk_when_its_call_returns(film: cases.Film, path: Path) -> None:
    with BitstreamWriter(path, film[0]) as writer:
        for number, item in enumerate(film[1]):
            cases.append(writer, (item,))
            items = cases.read(part_path(path))
            assert tuple(items[:-1]) == film[1][: number + 1]
            assert isinstance(items[-1], Damage)
    assert not path.exists()


def test_abort_leaves_nothing(film: cases.Film, path: Path) -> None:
    with BitstreamWriter(path, film[0]) as writer:
        writer.abort()
    assert list(path.parent.iterdir()) == []


def test_records_of_a_later_version_are_passed_over_where_they_may_be(path: Path) -> None:
    _, items = cases.FILMS["plain"]
    record = framing.frame(framing.GOP, packing.pack_gop(items[0]))
    later = framing.frame(framing.SKIPPABLE | 5, b"news")
    path.write_bytes(pack_file_header(cases.PLAIN) + later + record)
    assert [type(item) for item in cases.read(path)] == [GopRecord, Damage]
    path.write_bytes(pack_file_header(cases.PLAIN) + framing.frame(5, b"news") + record)
    damage = cases.read(path)[0]
    assert isinstance(damage, Damage)
    assert "newer version" in damage.message


def test_a_part_of_an_older_version_is_not_resumed(path: Path) -> None:
    begun = (GOLDEN / "plain-1.fgvc").read_bytes()[:-8]
    part_path(path).write_bytes(begun)
    with pytest.raises(NotResumableError, match="older version"):
        BitstreamWriter.resume(path, cases.PLAIN)
    assert part_path(path).read_bytes() == begun


def test_a_file_of_a_later_version_is_refused_by_both_numbers(path: Path) -> None:
    data = cases.write(path, cases.FILMS["plain"])
    later = packing.VERSION + 1
    path.write_bytes(SIGNATURE + bytes([later]) + data[len(SIGNATURE) + 1 :])
    with pytest.raises(FormatError, match=rf"version {later} .* up to version {packing.VERSION}; update"):
        BitstreamReader(path)


def test_foreign_files_are_refused(malformed: Path, tmp_path: Path) -> None:
    for foreign in malformed.iterdir():
        with pytest.raises(FormatError, match="not a Free-GVC file"):
            BitstreamReader(foreign)
    with pytest.raises(InputError, match="can't be opened"):
        BitstreamReader(tmp_path / "nowhere.fgvc")
    with pytest.raises(InputError, match="can't be opened"):
        BitstreamReader(tmp_path)


def test_the_writer_refuses_what_does_not_follow(path: Path) -> None:
    with BitstreamWriter(path, cases.PLAIN) as writer:
        with pytest.raises(FormatError, match="GOP 1 is given where GOP 0 is next"):
            writer.append_gop(cases.gop(1, 44, 48, 4))
        writer.append_gop(cases.gop(0, 0, 48, 0))
        with pytest.raises(FormatError, match="starts at frame 40, not at 44"):
            writer.append_gop(cases.gop(1, 40, 48, 4))
        with pytest.raises(FormatError, match="audio"):
            writer.append_audio(AudioRecord((AudioPacket(0, 1, b""),)))


def test_a_kill_anywhere_can_be_resumed_to_the_same_file(film: cases.Film, path: Path) -> None:
    data = cases.write(path, film)
    path.unlink()
    header, items = film
    for cut in range(len(pack_file_header(header)), len(data), 7):
        part_path(path).write_bytes(data[:cut])
        writer, point = BitstreamWriter.resume(path, header)
        kept = [n for n, item in enumerate(items) if isinstance(item, GopRecord)][point.gop :]
        with writer:
            after = items[kept[0] :] if kept else ()
            heard = [item for item in after if isinstance(item, AudioRecord)]
            assert all(point.audio_pts is None or item.packets[0].pts > point.audio_pts for item in heard)
            cases.append(writer, tuple(item for item in after if item in heard or isinstance(item, GopRecord)))
            writer.finish()
        assert cases.indices(cases.read(path)) == cases.indices(list(items))
        path.unlink()


def test_resume_goes_back_to_where_a_chain_starts(path: Path) -> None:
    header, items = cases.FILMS["full"]
    for count, expected in ((1, (0, 0, None)), (3, (0, 0, None)), (5, (2, 7, 2048 + 1024 - 1)), (6, (2, 7, 3071))):
        with BitstreamWriter(path, header) as writer:
            cases.append(writer, items[:count])
        writer, point = BitstreamWriter.resume(path, header)
        writer.close()
        assert point == ResumePoint(*expected)


def test_resume_keeps_every_gop_that_needs_no_other(path: Path) -> None:
    header, items = cases.FILMS["plain"]
    with BitstreamWriter(path, header) as writer:
        cases.append(writer, items[:2])
        writer.finish(complete=False)
    with BitstreamReader(path) as reader:
        assert reader.end is not None
        assert not reader.end.complete
    stopped = path.read_bytes()
    writer, point = BitstreamWriter.resume(path, header)
    assert point == ResumePoint(2, 92, None)
    # It stays playable until there is a better one.
    assert path.read_bytes() == stopped
    with writer:
        cases.append(writer, items[2:])
        writer.finish()
    assert path.read_bytes() == cases.write(path.with_name("whole.fgvc"), (header, items))


def test_resume_refuses_what_it_can_not_go_on_with(path: Path) -> None:
    header, items = cases.FILMS["plain"]
    with pytest.raises(OutputError, match="no unfinished"):
        BitstreamWriter.resume(path, header)
    cases.write(path, (header, items))
    with pytest.raises(OutputError, match="is complete"):
        BitstreamWriter.resume(path, header)
    BitstreamWriter(path, header).close()
    assert header.trajectory is not None
    other = dataclasses.replace(
        header, trajectory=dataclasses.replace(header.trajectory, seed=8), frame_rate=Fraction(25)
    )
    with pytest.raises(NotResumableError, match="another seed, frame rate;"):
        BitstreamWriter.resume(path, other)
    others = dataclasses.replace(header, weights_hash=bytes(8), writer="freegvc 9")
    with pytest.raises(NotResumableError, match="another version of the prior's weights, version of this program;"):
        BitstreamWriter.resume(path, others)
    part_path(path).write_bytes(b"something else, as long as a header")
    with pytest.raises(NotResumableError, match="is damaged"):
        BitstreamWriter.resume(path, header)
    odd = dataclasses.replace(header, target=Target("dists", 0.1))
    BitstreamWriter(path, odd).close()
    BitstreamWriter.resume(path, odd)[0].close()


def test_a_place_that_can_not_be_written_is_named(path: Path) -> None:
    with pytest.raises(OutputError, match=r"film\.fgvc can't be written: .*; choose"):
        BitstreamWriter(path / "film.fgvc", cases.PLAIN)


@skips.linux_disk
def test_a_full_disk_is_named(path: Path) -> None:
    part_path(path).symlink_to("/dev/full")
    with pytest.raises(OutputError, match="the disk is full; free some space"):
        BitstreamWriter(path, cases.PLAIN)


@skips.posix
def test_a_record_that_does_not_fit_leaves_no_half_of_itself(path: Path) -> None:
    import resource

    header, items = cases.FILMS["plain"]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with BitstreamWriter(path, header) as writer:
        cases.append(writer, items[:1])
        size = part_path(path).stat().st_size
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, hard))
            with pytest.raises(OutputError, match="can't be written"):
                cases.append(writer, items[1:])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert part_path(path).stat().st_size == size
        cases.append(writer, items[1:])
        writer.finish()
    assert path.read_bytes() == cases.write(path.with_name("whole.fgvc"), (header, items))


def test_reading_from_a_gop_on_looks_at_nothing_before_it(path: Path) -> None:
    data = bytearray(cases.write(path, cases.FILMS["full"]))
    with BitstreamReader(path) as reader:
        whole, index = tuple(reader.records()), reader.index()
    entry = chain_of(index, 8)
    assert entry == index[2]
    data[index[0].offset : entry.offset] = bytes(entry.offset - index[0].offset)
    path.write_bytes(data)
    with BitstreamReader(path) as reader:
        assert tuple(reader.records(entry)) == whole[-2:]
