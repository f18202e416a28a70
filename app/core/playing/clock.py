"""One integer frame clock: where both sides are, and where the sound should be."""

from __future__ import annotations

import time
from collections.abc import Callable
from fractions import Fraction

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from app.core.timing import Timing

SPEEDS = (Fraction(1, 4), Fraction(1, 2), Fraction(1), Fraction(2), Fraction(4))


class FrameClock(QObject):
    """Counts frames at a rate, holding where the next one isn't ready.

    Attributes:
        speed: one of SPEEDS.
        begin, end: playing stays in frames begin <= n < end, or goes through all where `end` is None.
        range_changed: `begin` or `end` are others.
        marked: the user has set them; `range_changed` has told before.
        speed_changed: `speed` was set.
        changed: the number of the frame to show.
        playing_changed: whether it runs.
        held: it waits for a frame that is due.
        now: its time in seconds, of which only differences mean something; may be called from any thread.
        ready: asked before a frame is shown while playing.
    """

    changed = Signal(int)
    playing_changed = Signal(bool)
    held = Signal()
    range_changed = Signal()
    marked = Signal()
    speed_changed = Signal()

    def __init__(self, now: Callable[[], float] = time.monotonic, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.now = now
        self.frame = 0
        self.count = 0
        self.loop = True
        self._timing = Timing(Fraction(25))
        self.speed = Fraction(1)
        self.begin = 0
        self.end: int | None = None
        self.ready: Callable[[int], bool] = lambda _: True
        self._origin: tuple[float, int] = (0.0, 0)
        self._timer = QTimer(self, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.tick)

    @property
    def playing(self) -> bool:
        """Whether it runs."""
        return self._timer.isActive()

    @property
    def origin(self) -> tuple[float, int]:
        """(time, frame) it counts from: while it runs, it is `rate` frames further each second after that."""
        return self._origin

    @property
    def rate(self) -> Fraction:
        """Frames a second, of those whose times aren't known."""
        return self._timing.rate

    def set_video(self, count: int, timing: Timing) -> None:
        """Take another video's length and when its frames are shown; stops at its first one."""
        self.pause()
        self.count, self._timing = count, timing
        self.begin, self.end = 0, None
        self.seek(0)

    def mark(self, begin: int, end: int | None) -> None:
        """The user wants frames from `begin` up to but not including `end` only; (0, None) is all."""
        self.show_range(begin, end)
        self.marked.emit()

    def show_range(self, begin: int, end: int | None) -> None:
        """Play a range as `mark` does, that is known already."""
        self.begin, self.end = (begin, end) if end is None or begin < end else (0, None)
        self.range_changed.emit()

    def set_speed(self, speed: Fraction) -> None:
        """Run at one of SPEEDS from here on."""
        self.speed = speed
        self._origin = (self.now(), self.frame)
        self.speed_changed.emit()
        self.playing_changed.emit(self.playing)

    def set_timing(self, timing: Timing) -> None:
        """The same video's times have become known."""
        self._timing = timing
        self._origin = (self.now(), self.frame)
        self.playing_changed.emit(self.playing)

    def seconds(self, frame: int) -> float:
        """When a frame is shown, in seconds after the first."""
        return self._timing.seconds(frame)

    def frame_at(self, seconds: float) -> int:
        """The frame that is on show then."""
        return self._timing.frame_at(seconds)

    def extend(self, count: int) -> None:
        """The same video has become longer."""
        self.count = max(self.count, count)

    def recount(self, count: int) -> None:
        """The same video has turned out shorter or longer; a range that was marked stays where it was."""
        self.count = count
        if self.playing and self.frame < count:
            self.changed.emit(self.frame)
        else:
            self.seek(self.frame)

    def play(self) -> None:
        """Run, from the start again where it stood at the end."""
        if self.count < 2 or self.playing:
            return
        if not self.begin <= self.frame < self._last:
            self.seek(self.begin)
        self._origin = (self.now(), self.frame)
        self._timer.start(max(1, int(500 / self.rate)))
        self.playing_changed.emit(True)

    @property
    def _last(self) -> int:
        """The last frame that is played."""
        return (self.count if self.end is None else min(self.end, self.count)) - 1

    def pause(self) -> None:
        """Stand still."""
        if self.playing:
            self._timer.stop()
            self.playing_changed.emit(False)

    def toggle(self) -> None:
        """Run or stand still."""
        (self.pause if self.playing else self.play)()

    def step(self, by: int) -> None:
        """Stand still, `by` frames further or back."""
        self.pause()
        self.seek(self.frame + by)

    def seek(self, frame: int) -> None:
        """Show a frame, the nearest there is."""
        self.frame = min(max(frame, 0), max(0, self.count - 1))
        self._origin = (self.now(), self.frame)
        self.changed.emit(self.frame)

    @Slot()
    def tick(self) -> None:
        """Show what is due."""
        began, first = self._origin
        due = self.frame_at(self.seconds(first) + (self.now() - began) * float(self.speed))
        if due <= self.frame:
            return
        if due > self._last:
            if not self.loop:
                self.step(self._last - self.frame)
                return
            due = self.begin
            self._origin = (self.now(), due)
        if not self.ready(due):
            # Wait here, and go on one by one rather than leap once it comes.
            self._origin = (self.now(), self.frame)
            self.held.emit()
            return
        self.frame = due
        self.changed.emit(due)
