"""The search for a budget's levels over synthetic curves: what it takes, and that all segments get their share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.control.base_levels.base_level import Ladder
from codec.control.base_levels.budget_search import BudgetSearch, Look
from codec.errors import SettingsError
from tests.support.generators import run_to_end
from tests.support.synthetic_base import GopCurve, Searched, coder_of, searched, segment_of

FINEST, COARSEST = 12.0, 68.0
OVERHEAD = 80  # bits a GOP


@dataclass(frozen=True)
class Video:
    """Segments of so many GOPs, each with its curve."""

    counts: Sequence[int]
    curves: Sequence[GopCurve]
    trial_dearer: float = 1.07

    def bits(self, crf: float) -> int:
        """All of it at one level, records included."""
        return sum(curve.at(crf)[1] + OVERHEAD for curve in self.curves)

    def coded_within(self, total: float) -> list[Searched]:
        coder = coder_of(self.curves, 0.145, trial_dearer=self.trial_dearer)
        look = Look(coder, Ladder({1: (FINEST, COARSEST)}), lambda segment: OVERHEAD * len(segment.gops))
        firsts = [sum(self.counts[:number]) for number in range(len(self.counts))]
        segments = [segment_of(count, first) for count, first in zip(self.counts, firsts, strict=True)]
        search = BudgetSearch(look, lambda _, __: total, 1.0)
        search.foresee([run_to_end(look.at(segment))[1] for segment in segments])
        done = [searched(search.choose(segment)) for segment in segments]
        with pytest.raises(SettingsError):
            searched(search.choose(segments[0]))
        return done


def taken(done: Sequence[Searched]) -> int:
    return sum(one.bits + OVERHEAD * len(one.gops) for one in done)


@st.composite
def videos(draw: st.DrawFn) -> Video:
    counts = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    pace = draw(st.floats(0.9, 1.1))
    curve = st.builds(
        GopCurve,
        st.floats(0.1, 0.2),
        st.floats(3e3, 3e4),
        st.floats(0.035, 0.05),
        st.floats(0.95, 1.05).map(pace.__mul__),
    )
    curves = draw(st.lists(curve, min_size=sum(counts), max_size=sum(counts)))
    return Video(counts, curves, draw(st.floats(1.0, 1.12)))


@given(videos(), st.floats(45, 66))
def test_a_budget_is_filled_and_not_exceeded_by_a_search_that_ends_soon_and_tells_why(video: Video, crf: float) -> None:
    total = video.bits(crf)
    done = video.coded_within(total)
    # A quarter of a CRF, the least that there is between two levels, is 8 % of the bits at 62.
    assert 0.91 * total <= taken(done) <= total
    assert all(gop.verdict is not None and gop.verdict.reachable for gop in done[-1].gops)
    for one in done:
        assert one.shares == sorted(one.shares)
        assert one.shares[-1] < 1.0
        assert one.chosen.reason.endswith(".")
        levels = [trial.crfs for trial in one.chosen.tried[1:]]
        # The same levels give the same bits.
        assert len(levels) == len(set(levels)) <= 6


@pytest.mark.parametrize("crf", [52.0, 62.5, 64.5, 66.0])
def test_all_segments_look_alike(crf: float) -> None:
    curves = [GopCurve(quality, bits, 0.042) for quality, bits in ((0.12, 9e3), (0.12, 3e3), (0.16, 2e4), (0.14, 4e3))]
    video = Video([2, 1, 1], curves)
    qualities = [max(one.chosen.chosen.qualities) for one in video.coded_within(video.bits(crf))]
    assert max(qualities) - min(qualities) < 0.03


@given(videos(), st.floats(0.1, 0.99))
def test_what_no_level_reaches_is_told(video: Video, share: float) -> None:
    done = video.coded_within(share * video.bits(COARSEST))
    assert {crf for one in done for crf in one.crfs} == {COARSEST}
    assert not any(gop.verdict is None or gop.verdict.reachable for gop in done[-1].gops)


def test_more_than_the_finest_level_takes_is_left_over() -> None:
    video = Video([2, 2], [GopCurve(0.15, 5e3, 0.04)] * 4)
    done = video.coded_within(3 * video.bits(FINEST))
    assert {crf for one in done for crf in one.crfs} == {FINEST}
