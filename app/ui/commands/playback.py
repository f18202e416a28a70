"""The menu Playback: where the clock goes and how fast."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from app.core.playing.clock import SPEEDS
from app.ui.actions import Entry

if TYPE_CHECKING:
    from app.ui.main_window import MainWindow

_STRIDE = 10


class PlaybackCommands(QObject):
    """See the module."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window, self._workspace, self._clock = window, window.workspace, window.workspace.clock

    def entries(self) -> list[Entry]:
        """In the menu's order."""
        clock, step = self._clock, self._step

        def entry(name: str, text: str, do: object, *keys: str) -> Entry:
            return Entry(name, "playback", text, do, self._has_frames, keys)  # type: ignore[arg-type]

        return [
            entry("play", self.tr("Play or pause"), clock.toggle, "Space"),
            entry("back", self.tr("One frame back"), partial(step, -1), "Left", "A"),
            entry("forward", self.tr("One frame on"), partial(step, 1), "Right", "D"),
            entry("back 10", self.tr("Ten frames back"), partial(step, -_STRIDE), "Shift+Left", "Shift+A"),
            entry("forward 10", self.tr("Ten frames on"), partial(step, _STRIDE), "Shift+Right", "Shift+D"),
            entry("gop back", self.tr("Start of this GOP, or of the one before"), self._gop_back, "["),
            entry("gop forward", self.tr("Start of the next GOP"), self._gop_forward, "]"),
            entry("spike", self.tr("Next GOP that stands out"), self._next_spike, "N"),
            entry("first", self.tr("First frame"), self._first, "Home"),
            entry("last", self.tr("Last frame"), self._last, "End"),
            entry("go to", self.tr("Go to time"), self._go_to, "Ctrl+G"),
            entry("slower", self.tr("Slower"), partial(self._change_speed, -1), "J"),
            entry("still", self.tr("Pause, at normal speed"), self._still, "K"),
            entry("faster", self.tr("Play, or faster"), self._faster, "L"),
            entry("in", self.tr("Range begins here"), self._mark_in, "I"),
            entry("out", self.tr("Range ends here"), self._mark_out, "O"),
            Entry("unmark", "playback", self.tr("Forget the range"), self._unmark, self._is_marked, ("Shift+I",)),
            Entry("loop", "playback", self.tr("Play in a loop"), self._toggle_loop, keys=("Ctrl+L",), on=self._loops),
            Entry("mute", "playback", self.tr("Mute"), self._window.volume.mute.toggle, keys=("Shift+M",)),
        ]

    def _has_frames(self) -> bool:
        return self._clock.count > 0

    def _is_marked(self) -> bool:
        return (self._clock.begin, self._clock.end) != (0, None)

    def _loops(self) -> bool:
        return self._clock.loop

    def _step(self, by: int) -> None:
        self._clock.step(by)

    def _first(self) -> None:
        self._clock.step(-self._clock.count)

    def _last(self) -> None:
        self._clock.step(self._clock.count)

    def _starts(self) -> list[int]:
        document = self._workspace.document
        return [gop.start_frame for gop in document.gops] if document is not None else []

    def _gop_back(self) -> None:
        starts = self._starts()
        place = bisect_left(starts, self._clock.frame) - 1
        self._clock.pause()
        self._clock.seek(starts[place] if place >= 0 else 0)

    def _gop_forward(self) -> None:
        starts = self._starts()
        place = bisect_right(starts, self._clock.frame)
        self._clock.pause()
        self._clock.seek(starts[place] if place < len(starts) else self._clock.count - 1)

    def _next_spike(self) -> None:
        frame = self._window.plots.trajectory.next_spike(self._clock.frame)
        if frame is not None:
            self._clock.seek(frame)

    def _go_to(self) -> None:
        seconds = self._window.commands.file.dialogs.ask_time(self._clock.seconds(self._clock.frame))
        if seconds is not None:
            self._clock.pause()
            self._clock.seek(self._clock.frame_at(seconds))

    def _change_speed(self, by: int) -> None:
        place = SPEEDS.index(self._clock.speed) + by
        self._clock.set_speed(SPEEDS[min(max(place, 0), len(SPEEDS) - 1)])

    def _still(self) -> None:
        self._clock.pause()
        self._clock.set_speed(SPEEDS[len(SPEEDS) // 2])

    def _faster(self) -> None:
        if self._clock.playing:
            self._change_speed(1)
        else:
            self._clock.play()

    def _mark_in(self) -> None:
        end = self._clock.end
        self._clock.mark(self._clock.frame, end if end is not None and end > self._clock.frame else None)

    def _mark_out(self) -> None:
        end = self._clock.frame + 1
        self._clock.mark(self._clock.begin if self._clock.begin < end else 0, end)

    def _unmark(self) -> None:
        self._clock.mark(0, None)

    def _toggle_loop(self) -> None:
        self._clock.loop = not self._clock.loop
        self._window.transport.refresh()
