"""What a running job tells, gathered into the figures that people look at. No Qt, no clock of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction

from codec.events import BaseChosen, Event, GopDone, Phase, SizeChosen, Stage, StepCoded

MIN_GOPS_FOR_FORECAST = 2
_WORK = (Stage.LOOKING_AHEAD, Stage.CHOOSING, Stage.CODING, Stage.DECODING)
_SPREAD = 2.0  # standard errors on either side
_LEAST_SPREAD = 0.05
# Of so little of the work nobody knows its pace.
_LEAST_SHARE = 0.005


@dataclass(frozen=True)
class Forecast:
    """Bytes of the finished file, from `low` to `high`."""

    low: int
    high: int


@dataclass(frozen=True)
class Progress:
    """A running job at one moment.

    Attributes:
        frame_rate: of the source, frames a second.
        expected: frames of the whole job where the caller knows better than the events.
        stage, detail: what the engine is at; `phase` is both in one line.
        told: the share of the whole work that the engine has told last, 0 to 1; None where it tells none.
        first_told: (time, share) when it told for the first time, for how fast the work goes.
        bases: every segment's base as it was chosen.
        size: at which size the engine has chosen to code; None where the user has.
        started: when work on the pictures began, on the caller's monotonic clock in seconds.
        now: time of the last event on that clock.
        first_frame: frames that were there before this run (of a resumed job).
    """

    frame_rate: Fraction
    expected: int | None = None
    stage: Stage | None = None
    detail: str = ""
    told: float | None = None
    first_told: tuple[float, float] | None = None
    step: int = 0
    steps: int = 0
    gop: int | None = None
    gops: tuple[GopDone, ...] = ()
    bases: tuple[BaseChosen, ...] = ()
    size: SizeChosen | None = None
    started: float | None = None
    now: float = 0.0
    first_frame: int = 0

    def after(self, event: Event, now: float) -> Progress:
        """The progress once `event` has happened at time `now`."""
        current = replace(self, now=now)
        if isinstance(event, Phase):
            return current._in_phase(event)
        if isinstance(event, StepCoded):
            return replace(current, stage=Stage.CODING, detail="", gop=event.gop, step=event.step, steps=event.steps)
        if isinstance(event, SizeChosen):
            return replace(current, size=event)
        if isinstance(event, BaseChosen):
            return replace(current, bases=(*self.bases, event))
        if isinstance(event, GopDone):
            first = self.first_frame if self.gops else event.start_frame
            return replace(current, gops=(*self.gops, event), first_frame=first)
        return current

    def _in_phase(self, phase: Phase) -> Progress:
        started = self.now if phase.stage in _WORK and self.started is None else self.started
        # A share that falls back, since the length was an estimate, is kept where it was.
        told = self.told if phase.done is None else max(self.told or 0.0, phase.done)
        first = (self.now, told) if self.first_told is None and told is not None else self.first_told
        return replace(
            self, stage=phase.stage, detail=phase.detail, started=started, told=told, first_told=first, step=0, steps=0
        )

    @property
    def phase(self) -> str:
        """What the engine is at, in one line."""
        if self.stage is None:
            return ""
        return f"{self.stage.value}: {self.detail}" if self.detail else self.stage.value

    @property
    def frames_done(self) -> int:
        """Source frames that are finished, earlier runs included."""
        return self.gops[-1].frames_done if self.gops else 0

    @property
    def frames_total(self) -> int | None:
        """All frames, where the source says."""
        told = self.gops[-1].frames_total if self.gops else None
        return told or self.expected

    @property
    def share(self) -> float:
        """Of the whole work that is done, 0 to 1: as the engine tells it, else of the frames."""
        # Never all of it: the file is still to be finished.
        frames = min(0.99, self.frames_done / self.frames_total) if self.frames_total else 0.0
        return frames if self.told is None else min(0.99, self.told)

    @property
    def speed(self) -> float | None:
        """Seconds of video per second of work, of this run."""
        if not self.gops or self.started is None or self.now <= self.started:
            return None
        return float((self.frames_done - self.first_frame) / self.frame_rate) / (self.now - self.started)

    @property
    def seconds_left(self) -> float | None:
        """Until the end, at the pace of this run so far; None before it has one."""
        if self.told is not None and self.first_told is not None:
            began, before = self.first_told
            if self.told - before < _LEAST_SHARE or self.now <= began:
                return None
            return (1 - self.told) * (self.now - began) / (self.told - before)
        if not self.frames_total or not self.speed:
            return None
        return max(0.0, float((self.frames_total - self.frames_done) / self.frame_rate) / self.speed)

    @property
    def bits(self) -> int:
        """Video bits of this run's GOPs."""
        return sum(gop.bits for gop in self.gops)

    @property
    def kbps(self) -> float | None:
        """Video kilobits a second so far."""
        frames = self.frames_done - self.first_frame
        return self.bits * float(self.frame_rate) / frames / 1000 if frames > 0 else None

    def forecast(self, bytes_so_far: int) -> Forecast | None:
        """The finished file's size, from the file so far and how unevenly its GOPs cost; None while little is known.

        The mean cost of the frames to come is taken to lie within two standard errors of the mean so far, and never
        closer than 5 %.
        """
        if len(self.gops) < MIN_GOPS_FOR_FORECAST or not self.frames_total:
            return None
        rates = _bits_per_frame(self.gops, self.first_frame)
        mean = sum(rates) / len(rates)
        variance = sum((rate - mean) ** 2 for rate in rates) / (len(rates) - 1)
        spread = max(_LEAST_SPREAD, _SPREAD * math.sqrt(variance / len(rates)) / mean) if mean else _LEAST_SPREAD
        to_come = bytes_so_far * (self.frames_total - self.frames_done) / self.frames_done
        return Forecast(
            low=bytes_so_far + round(to_come * max(0.0, 1 - spread)), high=bytes_so_far + round(to_come * (1 + spread))
        )


def _bits_per_frame(gops: tuple[GopDone, ...], first_frame: int) -> list[float]:
    """Of each GOP's own frames, those not shared with the one before."""
    before, rates = first_frame, []
    for gop in gops:
        rates.append(gop.bits / max(1, gop.frames_done - before))
        before = gop.frames_done
    return rates
