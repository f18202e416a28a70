"""Adaptive Quality Control: how many steps of each GOP are worth sending.

One coding pass gives every prefix of a GOP's steps with its exact bits; measuring a prefix costs a decode and the
metric, never another encode. A controller is asked once per GOP: `begin` opens a search, which names the prefixes to
measure and then decides. Pure arithmetic: it knows neither pictures nor networks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from codec.control.sent_steps.prefixes import MeasuredPrefixes, PrefixHistory
from codec.control.sent_steps.surrogate import Surrogate, estimate
from codec.errors import SettingsError
from codec.events import Fit, Probe

_FIRST_PROBES = 3
_CORRECTIONS = 2
_TELLING_SHARE = 0.05  # of the most bits: spending less says little about what more would bring


@dataclass(frozen=True)
class Decision:
    """What a search came to.

    Attributes:
        step: how many steps to send, t*.
        bits: what that prefix costs.
        quality: of that prefix, measured or predicted; None where the controller measures nothing.
        measured: whether `quality` was.
        reachable: False where no prefix meets the target (or fits the budget), and `step` is the nearest.
        probes: what was measured, in this order.
        fit: the curve behind the choice, where its slope is known.
    """

    step: int
    bits: int
    quality: float | None
    measured: bool
    reachable: bool
    probes: tuple[Probe, ...]
    fit: Fit | None = None


class GopSearch(Protocol):
    """The choice of one GOP's prefix."""

    def next_probe(self) -> int | None:
        """The prefix to measure now; None where enough is known."""
        ...

    def observe(self, step: int, quality: float) -> None:
        """Tell what was measured at a prefix."""
        ...

    def wants_more(self, most_bits: float) -> bool:
        """Whether a longer prefix than any so far, of at most `most_bits`, might be the better choice."""
        ...

    def extend(self, bits: Sequence[int]) -> None:
        """The trajectory was coded deeper: `bits` as in `RateControl.begin`, longer than before."""
        ...

    def decision(self) -> Decision:
        """The choice, from what is known so far."""
        ...


class RateControl(Protocol):
    """Chooses a prefix for GOP after GOP."""

    def begin(self, bits: Sequence[int], frames: int) -> GopSearch:
        """Open the search for the next GOP.

        Args:
            bits: cost of sending 0, 1, 2, ... steps, base layer included; never falling.
            frames: frames the GOP adds to the video, its overlap not counted.
        """
        ...

    def new_scene(self) -> None:
        """The next GOP starts a new scene."""
        ...


class QualityController:
    """Holds a metric at its target with as few bits as it takes; a RateControl.

    Args:
        target: of the metric.
        tolerance: how far from the target a measured prefix is accepted without another probe.
        lower_is_better: the metric's direction.

    Raises:
        SettingsError: the target is not a number or the tolerance is not positive.
    """

    def __init__(self, target: float, tolerance: float = 0.01, lower_is_better: bool = True) -> None:
        if not (math.isfinite(target) and tolerance > 0):
            raise SettingsError(
                f"A target of {target} +- {tolerance} can't be aimed at; give a number and a tolerance."
            )
        self.aim = Aim(target, tolerance, lower_is_better)
        self._history = PrefixHistory(tolerance)
        self._last: QualitySearch | None = None

    def begin(self, bits: Sequence[int], frames: int) -> QualitySearch:
        """See RateControl."""
        self._learn()
        self._last = QualitySearch(self.aim, self._history.begin(bits, frames), self._history.is_empty)
        return self._last

    def new_scene(self) -> None:
        """See RateControl."""
        self._last = None
        self._history.new_scene()

    def _learn(self) -> None:
        if self._last is not None:
            self._last.teach(self._history)
        self._last = None


@dataclass(frozen=True)
class Aim:
    """A target and what it means to meet it."""

    target: float
    tolerance: float
    lower_is_better: bool

    def miss(self, quality: float) -> float:
        """How much worse than the target; negative where better."""
        return quality - self.target if self.lower_is_better else self.target - quality


class QualitySearch:
    """Search for the earliest prefix that meets the target; a GopSearch.

    Args:
        is_first: nothing is known of this scene's curve yet.
    """

    def __init__(self, aim: Aim, prefixes: MeasuredPrefixes, is_first: bool) -> None:
        self._aim = aim
        self._prefixes = prefixes
        self._is_first = is_first
        self._allow_probes()

    @property
    def _bits(self) -> tuple[int, ...]:
        return self._prefixes.bits

    @property
    def _measured(self) -> Mapping[int, float]:
        return self._prefixes.measured

    def extend(self, bits: Sequence[int]) -> None:
        """See GopSearch. Each extension may be probed as a new ladder is."""
        self._prefixes.extend(bits)
        self._allow_probes()

    def _allow_probes(self) -> None:
        self._first = _first_probes(self._bits) if self._is_first else ()
        self._most = len(self._measured) + _CORRECTIONS + (_FIRST_PROBES if self._is_first else 1)

    def wants_more(self, most_bits: float) -> bool:
        """See GopSearch. True where the gain per bit so far would meet the target in time."""
        if self.decision().reachable:
            return False
        if len(self._measured) < 2:
            return self._bits[-1] < most_bits
        first, last = min(self._measured), max(self._measured)
        spent = self._bits[last] - self._bits[first]
        if spent < _TELLING_SHARE * most_bits:
            return True
        missing = self._aim.miss(self._measured[last])
        gain = self._aim.miss(self._measured[first]) - missing
        return gain > 0 and self._bits[last] + spent * missing / gain <= most_bits

    def next_probe(self) -> int | None:
        """See GopSearch."""
        for step in self._first:
            if step not in self._measured:
                return step
        candidate = self._pick()
        if self._first and len(self._measured) < min(_FIRST_PROBES, len(self._bits)):
            return candidate if self._is_between(candidate) else self._middle()
        if candidate in self._measured or len(self._measured) >= self._most:
            return None
        return candidate

    def observe(self, step: int, quality: float) -> None:
        """See GopSearch.

        Raises:
            ValueError: there is no such prefix, or the quality is not a number.
        """
        self._prefixes.observe(step, quality)

    def decision(self) -> Decision:
        """See GopSearch."""
        step = self._pick()
        quality = self._prefixes.qualities()[step]
        return Decision(
            step=step,
            bits=self._bits[step],
            quality=quality,
            measured=step in self._measured,
            reachable=self._aim.miss(quality) <= self._aim.tolerance,
            probes=tuple(Probe(probed, self._bits[probed], value) for probed, value in self._measured.items()),
            fit=self._prefixes.fit(),
        )

    def teach(self, history: PrefixHistory) -> None:
        """The GOP was sent as decided."""
        if self._measured:
            history.learn(self._prefixes, self._pick())

    def _pick(self) -> int:
        return pick(self._aim, self._prefixes.qualities(), self._measured)

    def _is_between(self, step: int) -> bool:
        """Whether the target lies between the ends of the ladder, and this prefix too."""
        low, high = (self._aim.miss(self._measured[end]) for end in self._first)
        return high <= 0 < low and step not in self._measured

    def _middle(self) -> int:
        free = [step for step in range(len(self._bits)) if step not in self._measured]
        return free[len(free) // 2]


def _first_probes(bits: tuple[int, ...]) -> tuple[int, ...]:
    """The ends of the ladder: without a base layer nothing can be learnt from the prefix without any bits."""
    last = len(bits) - 1
    low = 0 if bits[0] > 0 else min(last, max(1, last // 8))
    return (low, last)


def pick(aim: Aim, qualities: Sequence[float], measured: Mapping[int, float]) -> int:
    """The prefix to send.

    A measured one within the tolerance, the earliest of them; else the earliest that is expected to meet the target;
    else, where none does, the earliest that is as good as the best to half the tolerance: what brings no visible gain
    is not worth its bits.
    """
    misses = [aim.miss(quality) for quality in qualities]
    for step in sorted(measured):
        if abs(misses[step]) <= aim.tolerance:
            return step
    for step, miss in enumerate(misses):
        # A prediction is allowed half of what a measurement is: it is wrong by some of the rest.
        if miss <= aim.tolerance * (1.0 if step in measured else 0.5):
            return step
    best = min(misses)
    return next(step for step, miss in enumerate(misses) if miss <= best + aim.tolerance / 2)


def retarget(measured: Mapping[int, float], bits: Sequence[int], aim: Aim) -> int:
    """The prefix of a finished GOP to decode for another target, from the points that its record holds.

    Never one before the earliest measured, about which nothing is known.

    Args:
        measured: quality by prefix; without any the whole GOP is kept.
        bits: cost of each stored prefix.
    """
    if not measured:
        return len(bits) - 1
    first = min(measured)
    rates = [count / max(bits[-1], 1) for count in bits]
    curve = Surrogate().fit([(rates[step], quality) for step, quality in measured.items()])
    later = estimate(rates, measured, curve, None)[first:]
    return first + pick(aim, later, {step - first: quality for step, quality in measured.items()})
