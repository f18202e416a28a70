"""The sound beside the pictures.

It follows the frame clock, not the other way round: pictures that are still being decoded hold that clock, and sound
that led would run away from them. The device asks for samples and says when they will be heard; they are those of the
place where the clock will be then. Both clocks run alike for minutes, so samples follow on from one another until the
two are `TOLERANCE` apart, and jump to their place then.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from threading import Condition

import numpy as np
from PySide6.QtCore import QObject, QThread, Signal, Slot

from app.core.document import Document
from app.core.playing.clock import FrameClock
from app.core.playing.sound.device import NoSoundError, Opener, Output, open_device
from codec.arrays import Samples
from codec.decoding.sound import SoundSource, blocks, sound_of_coded, sound_of_video
from codec.errors import FreeGvcError

TOLERANCE = 0.04
BLOCKS_PER_SECOND = 2
AHEAD, KEPT = 6, 60
# Where frames keep being late, scraps of sound between them are worse than none.
QUIET_AFTER_HOLDS = 0.5
# A wave that begins in its midst clicks.
_FADE = 0.005

Find = Callable[[], SoundSource | None]


@dataclass(frozen=True)
class Cue:
    """Where the clock is, so that another thread can tell where it will be.

    Attributes:
        runs: whether it moves.
        began, seconds: it stood at `seconds` of the clip at the time `began`.
        quiet_until: no sound before that time.
    """

    runs: bool = False
    began: float = 0.0
    seconds: float = 0.0
    quiet_until: float = 0.0

    def at(self, time: float) -> float:
        """Seconds of the clip."""
        return self.seconds + (time - self.began if self.runs else 0.0)


def sound_of(document: Document) -> Find:
    """How to find what is to be heard with a document: its source's sound, else the file's own."""
    if document.source is not None:
        return partial(sound_of_video, document.source, document.start, document.audio_track)
    return partial(sound_of_coded, document.result or Path())


class Sound(QThread):
    """Plays beside a clock. The thread finds, decodes and opens the device; the device's own thread takes samples.

    Attributes:
        told: why there is no sound, a sentence; "" where there is some, or none to expect.
        available_changed: whether there is something to hear and a way to hear it.
    """

    told = Signal(str)
    available_changed = Signal(bool)

    def __init__(self, clock: FrameClock, opener: Opener = open_device, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._clock, self._opener = clock, opener
        self._wake = Condition()
        self._closing = False
        self._find: Find | None = None
        self._source: SoundSource | None = None
        self._output: Output | None = None
        self._sounds = False
        self._cue = Cue()
        self._playing = False
        self._held_at = -math.inf
        self._holding = False
        self._gain = 1.0
        self._stock: dict[int, Samples] = {}
        self._end: int | None = None
        self._reading: tuple[int, Iterator[Samples]] | None = None
        self._next: int | None = None
        clock.changed.connect(self._follow)
        clock.playing_changed.connect(self._follow)
        clock.held.connect(self._hold)

    # --- The window's thread ----------------------------------------------------------------------------------------

    def load(self, find: Find) -> None:
        """Play what `find` gives, called in the thread; what played before is forgotten."""
        with self._wake:
            self._find = find
            self._source = None
            self._wake.notify()
        if not self.isRunning():
            self.start()

    def set_volume(self, volume: float, muted: bool) -> None:
        """Loudness from 0 to 1; hearing is about logarithmic, so the square of it scales the wave."""
        self._gain = 0.0 if muted else volume**2

    @property
    def ahead(self) -> float:
        """Seconds of sound that can be heard from where the clock is; infinite where no more is being decoded."""
        with self._wake:
            missing = self._missing()
            here = self._cue.at(self._clock.now())
        return math.inf if missing is None else max(0.0, missing / BLOCKS_PER_SECOND - here)

    def close(self) -> None:
        """End the thread and let the device go."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self.wait()

    @Slot()
    def _follow(self) -> None:
        began, frame = self._clock.origin
        self._holding = False
        self._playing = self._clock.playing
        # Slower or faster it would be another voice.
        runs = self._playing and self._clock.speed == 1
        self._set(replace(self._cue, runs=runs, began=began, seconds=self._clock.seconds(frame)))

    @Slot()
    def _hold(self) -> None:
        now, quiet = self._clock.now(), self._cue.quiet_until
        if not self._holding and now - self._held_at < QUIET_AFTER_HOLDS:
            quiet = now + QUIET_AFTER_HOLDS
        self._holding, self._held_at = True, now
        at = self._clock.seconds(self._clock.frame)
        self._set(replace(self._cue, runs=False, seconds=at, quiet_until=quiet))

    def _set(self, cue: Cue) -> None:
        with self._wake:
            self._cue = cue
            self._wake.notify()

    # --- The thread -------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """The thread."""
        while (task := self._next_task()) is not None:
            task()
        self._let_go()

    def _next_task(self) -> Callable[[], None] | None:
        """Waits for something to do; None at the end of the thread."""
        with self._wake:
            while not self._closing:
                if self._find is not None:
                    return self._open
                missing = self._missing()
                if missing is not None:
                    return partial(self._read, missing)
                if self._output is not None and self._playing != self._sounds:
                    return self._stop if self._sounds else self._start
                self._wake.wait()
        return None

    def _missing(self) -> int | None:
        if self._source is None or self._output is None:
            return None
        here = max(0, int(self._cue.at(self._clock.now()) * BLOCKS_PER_SECOND))
        last = here + AHEAD if self._end is None else min(here + AHEAD, self._end)
        return next((number for number in range(here, last) if number not in self._stock), None)

    def _open(self) -> None:
        with self._wake:
            find, self._find = self._find, None
        self._silence()
        assert find is not None
        reason, source = "", None
        try:
            source = find()
            if source is not None and self._output is None:
                self._output = self._opener(self.fill)
        except (FreeGvcError, NoSoundError, OSError) as error:
            reason, source = self._reason(error), None
        if source is None:
            self._let_go()
        with self._wake:
            # Another one may have been asked for meanwhile.
            self._source = source if self._find is None else None
        self._tell(reason, source is not None)

    def _silence(self) -> None:
        """Stop, and forget the source before."""
        if self._sounds:
            self._stop()
        self._stock, self._end, self._reading, self._next = {}, None, None, None

    def _read(self, number: int) -> None:
        source, output = self._source, self._output
        if source is None or output is None:
            return
        size = output.rate // BLOCKS_PER_SECOND
        if self._reading is None or self._reading[0] != number:
            pieces = source.read(Fraction(number * size, output.rate), output.rate)
            self._reading = (number, blocks(pieces, number, size))
        try:
            wave = next(self._reading[1], None)
        except (FreeGvcError, OSError) as error:
            wave = None
            self.told.emit(self._reason(error))
        if wave is None:
            self._end = number
            return
        self._stock[number] = wave
        self._reading = (number + 1, self._reading[1])
        if len(self._stock) > KEPT:
            del self._stock[max(self._stock, key=lambda kept: abs(kept - number))]

    def _start(self) -> None:
        output = self._output
        assert output is not None
        self._next = None
        try:
            output.start()
            self._sounds = True
        except NoSoundError as error:
            self._let_go()
            self._source = None
            self._tell(str(error), False)

    def _stop(self) -> None:
        self._sounds = False
        if self._output is not None:
            self._output.stop()

    def _let_go(self) -> None:
        output, self._output, self._sounds = self._output, None, False
        if output is not None:
            output.close()

    def _reason(self, error: Exception) -> str:
        """A sentence; the system's own are none."""
        return (
            self.tr("No sound: it can't be read any more ({}).").format(error.strerror)
            if isinstance(error, OSError)
            else str(error)
        )

    def _tell(self, reason: str, available: bool) -> None:
        self.told.emit(reason)
        self.available_changed.emit(available)

    # --- The device's thread ----------------------------------------------------------------------------------------

    def fill(self, out: Samples, ahead: float) -> None:
        """See `sound_device.Fill`; silence wherever there is nothing."""
        cue, output = self._cue, self._output
        out[:] = 0
        if output is None:
            return
        rate, heard = output.rate, self._clock.now() + ahead
        if not cue.runs or heard < cue.quiet_until:
            self._next = None
            return
        due = round(cue.at(heard) * rate)
        jumps = self._next is None or abs(due - self._next) > TOLERANCE * rate
        first = due if jumps or self._next is None else self._next
        self._copy(out, first)
        if jumps:
            fade = min(len(out), round(_FADE * rate))
            out[:fade] *= np.linspace(0, 1, fade, dtype=np.float32)[:, None]
        out *= self._gain
        self._next = first + len(out)

    def _copy(self, out: Samples, first: int) -> None:
        """Samples from number `first` on, as far as they are in stock."""
        assert self._output is not None
        size = self._output.rate // BLOCKS_PER_SECOND
        done = max(0, -first)
        while done < len(out):
            number, skip = divmod(first + done, size)
            count = min(len(out) - done, size - skip)
            block = self._stock.get(number)
            if block is not None:
                out[done : done + count] = block[skip : skip + count]
            done += count
