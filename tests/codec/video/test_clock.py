"""One rising time whatever timestamps do: jumps, wraps, pauses, and streams that cross a seam one after the other."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from codec.video.clock import LONGEST_PAUSE, Clock, Stamp

PICTURE, SOUND = 0, 1
FRAME, BLOCK = Fraction(1, 25), Fraction(1024, 48000)


def recording(seconds: int, begin: Fraction = Fraction(0)) -> list[Stamp]:
    """Pictures and sound as a muxer interleaves them, each packet at a position of its own."""
    pictures = [Stamp(PICTURE, begin + n * FRAME, FRAME) for n in range(int(seconds / FRAME))]
    sound = [Stamp(SOUND, begin + n * BLOCK, BLOCK) for n in range(int(seconds / BLOCK))]
    ordered = sorted(pictures + sound, key=lambda stamp: (stamp.dts, stamp.stream))
    return [replace(stamp, position=index) for index, stamp in enumerate(ordered)]


def joined(*parts: list[Stamp]) -> list[Stamp]:
    return [replace(stamp, position=index) for index, stamp in enumerate(itertools.chain(*parts))]


def times(clock: Clock, stamps: list[Stamp]) -> dict[int, list[Fraction]]:
    """On the clock, stream by stream."""
    made: dict[int, list[Fraction]] = {PICTURE: [], SOUND: []}
    for stamp in stamps:
        shift = clock.shift(stamp)
        if stamp.dts is not None:
            made[stamp.stream].append(stamp.dts + shift)
    return made


def assert_even(found: list[Fraction], step: Fraction, within: Fraction) -> None:
    for index, time in enumerate(found):
        assert abs(time - found[0] - index * step) <= within


begins = st.fractions(0, 100_000).map(lambda value: round(value * 90000) / Fraction(90000))


@given(begins, st.booleans())
def test_a_whole_recording_is_left_as_it_is(begin: Fraction, discontinuous: bool) -> None:
    clock = Clock(discontinuous, PICTURE)
    made = times(clock, recording(3, begin))
    assert not clock.bridges
    assert made[PICTURE] == [begin + n * FRAME for n in range(75)]


@given(st.lists(begins, min_size=2, max_size=4))
def test_joined_recordings_go_on_without_a_gap(starts: list[Fraction]) -> None:
    clock = Clock(True, PICTURE)
    made = times(clock, joined(*(recording(2, start) for start in starts)))
    forward = [after - before - 2 for before, after in itertools.pairwise(starts)]
    # A jump ahead of less than ten seconds is a pause, one back of less than the overlap is none either.
    if all(jump > LONGEST_PAUSE or jump < -3 for jump in forward):
        assert_even(made[PICTURE], FRAME, 2 * BLOCK * len(starts))
        assert_even(made[SOUND], BLOCK, 2 * BLOCK * len(starts))
        assert len(clock.bridges) == len(starts) - 1


@given(st.integers(0, 12), st.fractions(4, 100))
def test_sound_that_crosses_a_seam_late_goes_on_before_it(late: int, jump: Fraction) -> None:
    first, second = recording(4, jump), recording(2)
    # The last packets of the first part's sound come out behind the first pictures of the second.
    held = [stamp for stamp in first if stamp.stream == SOUND][len([s for s in first if s.stream == SOUND]) - late :]
    mixed = [stamp for stamp in first if stamp not in held]
    stamps = joined(mixed, second[:1], held, second[1:])
    made = times(Clock(True, PICTURE), stamps)
    assert_even(made[SOUND], BLOCK, 2 * BLOCK)
    assert_even(made[PICTURE], FRAME, 2 * BLOCK)


def test_a_wrap_of_33_bits_is_no_event() -> None:
    wrap = Fraction(2**33, 90000)
    stamps = [replace(s, dts=s.dts - wrap if s.dts >= wrap else s.dts) for s in recording(4, wrap - 2)]  # type: ignore[operator]
    made = times(Clock(True, PICTURE), stamps)
    assert_even(made[PICTURE], FRAME, Fraction(1, 90000))
    assert_even(made[SOUND], BLOCK, 2 * BLOCK)


@given(st.integers(1, 3600))
def test_a_picture_that_stays_while_the_sound_goes_on_is_no_jump(pause: int) -> None:
    sound = [Stamp(SOUND, Fraction(second), Fraction(1), second) for second in range(pause + 1)]
    pictures = [Stamp(PICTURE, Fraction(0), FRAME, 0), Stamp(PICTURE, Fraction(pause), FRAME, pause)]
    clock = Clock(True, PICTURE)
    made = times(clock, [pictures[0], *sound, pictures[1]])
    assert not clock.bridges
    assert made[PICTURE] == [0, pause]


@given(st.fractions(0, 40), st.booleans())
def test_where_the_format_knows_no_jumps_ahead_a_gap_is_kept(gap: Fraction, discontinuous: bool) -> None:
    clock = Clock(discontinuous, PICTURE)
    made = times(clock, joined(recording(1), recording(1, 1 + gap)))
    kept = not discontinuous or gap <= LONGEST_PAUSE
    assert bool(clock.bridges) is not kept
    assert (made[PICTURE][25] == 1 + gap) is (kept or gap == 0)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.none() | st.fractions(-(10**6), 10**6), st.fractions(0, 10)), max_size=60)
)
def test_no_timestamps_make_the_picture_fall_back_far(raw: list[tuple[int, Fraction | None, Fraction]]) -> None:
    clock = Clock(True, PICTURE)
    stamps = [Stamp(stream, dts, duration, index) for index, (stream, dts, duration) in enumerate(raw)]
    reached: Fraction | None = None
    for stamp in stamps:
        shift = clock.shift(stamp)
        if stamp.stream == PICTURE and stamp.dts is not None:
            time = stamp.dts + shift
            assert reached is None or time >= reached - Fraction(1, 10)
            reached = time


def test_packets_without_decoding_times_take_what_was_bridged() -> None:
    clock = Clock(True, PICTURE)
    for stamp in joined(recording(4, Fraction(100)), recording(1)):
        clock.shift(stamp)
    shift = clock.shift(Stamp(PICTURE, None, FRAME, 10**6))
    assert abs(shift - 104) < 2 * BLOCK
