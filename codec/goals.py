"""The metrics that an encode may aim at: one table, which settings, controllers, files and the window read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class GoalMetric:
    """A metric as a goal.

    Attributes:
        name: what the user types, and its name in `codec.metrics.catalog`.
        kind: what a file's header calls it (`codec.format.limits.TARGETS`).
        label: on screen and in tables.
        lower_is_better: True for distances.
        tolerance: how far from the target a GOP may be.
        usual: about what it says of a picture over a base at `USUAL_CRF`.
        per_halving: how much worse it looks over one of half the bits, about. A search begins with both.
        shrinks: the power of the picture's lines, as a multiple of `USUAL_LINES`, by which `usual` falls beyond them.
    """

    name: str
    kind: str
    label: str
    lower_is_better: bool
    tolerance: float
    usual: float
    per_halving: float
    shrinks: float = 0.0

    @property
    def perfect(self) -> float:
        """Of equal pictures."""
        return 0.0 if self.lower_is_better else 1.0

    def usual_at(self, lines: int) -> float:
        """`usual` of pictures with a shorter side of so many lines."""
        return self.usual / math.pow(max(lines, USUAL_LINES) / USUAL_LINES, self.shrinks)

    @property
    def asked_as(self) -> str:
        """The name of the goal that it was measured for."""
        return "dists" if self.name == ESTIMATE else self.name

    def miss(self, target: float, quality: float) -> float:
        """How much worse than `target`; negative where better."""
        return quality - target if self.lower_is_better else target - quality


USUAL_CRF = 60.0
USUAL_LINES = 240
"""Up to so many a metric is about as it is of the smallest pictures."""
ESTIMATE = "pocket-dists"
"""What an encode measured for DISTS while DISTS' own network didn't ship."""

GOAL_METRICS: Mapping[str, GoalMetric] = {
    goal.name: goal
    for goal in (
        # DISTS is 0.079 at 480 lines, where LPIPS is as it was (mean of the benchmarks' clips 10 and 14).
        GoalMetric("dists", "dists", "DISTS", True, 0.01, 0.145, 0.042, shrinks=0.87),
        GoalMetric("lpips", "lpips", "LPIPS", True, 0.01, 0.055, 0.04),
        GoalMetric("ms-ssim", "ms_ssim", "MS-SSIM", False, 0.01, 0.93, 0.025),
        # Not for the user to choose: between the steps of one restoration it ranks no better than chance (on foliage it
        # likes step 2 best where DISTS likes 12). Files hold it all the same.
        GoalMetric(ESTIMATE, "pocket_dists", "DISTS (estimated)", True, 0.01, 0.12, 0.05),
    )
}

QUALITY_METRICS = tuple(name for name in GOAL_METRICS if name != ESTIMATE)
"""What the user may name."""


def goal_of_kind(kind: str) -> GoalMetric | None:
    """The goal that a header's target names, or None where it is no metric."""
    return next((goal for goal in GOAL_METRICS.values() if goal.kind == kind), None)
