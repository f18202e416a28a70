"""Times rise strictly, whatever frames say of themselves, and good ones stay."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from codec.video.presentation import Stamped, present

FRAME = Fraction(1, 25)
stamps = st.none() | st.fractions(-100, 1000)


def shown(pts: list[Fraction | None], dts: list[Fraction | None] | None = None) -> list[Fraction]:
    dts = [None] * len(pts) if dts is None else dts
    frames = (Stamped(n, p, d, Fraction(0)) for n, (p, d) in enumerate(zip(pts, dts, strict=True)))
    made = list(present(frames, FRAME))
    assert [item.frame for item in made] == list(range(len(pts)))
    return [item.time for item in made]


@given(st.lists(st.tuples(stamps, stamps), max_size=80))
def test_every_frame_comes_once_and_later_than_the_one_before(
    raw: list[tuple[Fraction | None, Fraction | None]],
) -> None:
    times = shown([pts for pts, _ in raw], [dts for _, dts in raw])
    assert all(before < after for before, after in pairwise(times))


@given(st.lists(st.fractions(0, 1000), unique=True).map(sorted))
def test_rising_times_are_kept(times: list[Fraction]) -> None:
    assert shown(list(times)) == times


@given(st.integers(0, 10), st.integers(2, 10), st.integers(1, 10))
def test_missing_times_are_filled_between_known_ones(before: int, missing: int, after: int) -> None:
    known: list[Fraction | None] = [n * FRAME for n in range(before + missing + after)]
    holes = [None if before <= n < before + missing else time for n, time in enumerate(known)]
    assert shown(holes) == known


@given(st.integers(1, 8), st.integers(1, 6))
def test_doubled_times_are_spread_up_to_the_next(place: int, doubles: int) -> None:
    true = [n * FRAME for n in range(place + doubles + 4)]
    said = [true[place] if place <= n <= place + doubles else time for n, time in enumerate(true)]
    assert shown(list(said)) == true


def test_a_long_pause_after_a_doubled_time_is_no_reason_to_wait() -> None:
    assert shown([Fraction(0), Fraction(0), Fraction(10)]) == [0, FRAME, 10]


def test_decoding_times_are_believed_where_the_others_fall() -> None:
    # As AVI's are guessed: each a frame after its own packet, which pictures out of order make fall.
    pts = [Fraction(n) for n in (1, 3, 2, 4, 7, 6, 8, 5)]
    dts = [Fraction(n) for n in range(2, 10)]
    assert shown(list(pts), list(dts))[2:] == dts[2:]


def test_many_frames_without_times_need_not_be_held() -> None:
    frames = (Stamped(n, None, None, Fraction(0)) for n in range(1000))
    assert [item.time for item in present(frames, FRAME)] == [n * FRAME for n in range(1000)]
