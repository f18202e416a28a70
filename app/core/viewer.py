"""What is looked at and heard: the open document, its pictures, its sound and the clock that moves them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from app.core.document import Document
from app.core.engine import Engine
from app.core.jobs.progress import Progress
from app.core.playing.clock import FrameClock
from app.core.playing.pictures.original import OriginalReader
from app.core.playing.playback import Playback, Reel
from app.core.playing.player import ORIGINAL, OTHER, RESULT, Player
from app.core.playing.sound.device import Opener
from app.core.playing.sound.sound import Sound, sound_of
from app.core.playing.times import TimesReader
from app.core.settings.preferences import FULL_VOLUME, Preferences
from codec.events import PreviewReady
from codec.settings import Bitrate, DecodeSettings, Quality
from codec.video.timeline import FrameTimes


class Viewer(QObject):
    """Shows one document at a time.

    Attributes:
        opened: another document, or the same with more known of it.
        refused: why the open file or the one beside can't be shown, a sentence.
        warned: what is amiss with one of them, a sentence.
        model_missing: the name of a model whose weights one of them needs.
        reframed: places in the pictures mean nothing any more: others are shown, or the same at another size.
        gops_changed: the document has more GOPs.
        times_known: its frames were found to come unevenly, or to be more or fewer than its file says, which moves
            whatever is told in seconds.
    """

    opened = Signal()
    refused = Signal(str)
    warned = Signal(str)
    model_missing = Signal(str)
    reframed = Signal()
    gops_changed = Signal()
    times_known = Signal()

    def __init__(
        self,
        preferences: Preferences,
        make_engine: Callable[[], Engine],
        opener: Opener,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._preferences, self._make_engine = preferences, make_engine
        self._engine = make_engine()
        self.document: Document | None = None
        self.clock = FrameClock(parent=self)
        self.player = Player(self.clock, self)
        self.playback = Playback(self._engine, self.player, self)
        self.second: Playback | None = None
        self._second_engine: Engine | None = None
        self.sound = Sound(self.clock, opener, self)
        self.set_volume(preferences.volume, preferences.muted)
        self._times: TimesReader | None = None
        self.player.ended.connect(self._recount)
        self.player.beside.failed.connect(self.refused)
        self.playback.failed.connect(self.refused)
        self.playback.warned.connect(self.warned)
        self.playback.model_missing.connect(self.model_missing)

    def close(self) -> None:
        """Stop everything."""
        self._read_times(None)
        self._end_second()
        self.player.close()
        self.sound.close()
        self._engine.shut_down()

    @Slot(int, bool)
    def set_volume(self, percent: int, muted: bool) -> None:
        """How loud the sound is from now on, and at the next start."""
        self._preferences.volume, self._preferences.muted = percent, muted
        self.sound.set_volume(percent / FULL_VOLUME, muted)

    def show(self, document: Document, running: bool = False) -> None:
        """Look at a document; `running` says that it is being encoded."""
        self.document = document
        self.show_beside(None)
        self._show_sizes()
        self.reframed.emit()
        self._show_original()
        self.clock.set_video(document.count, document.timing)
        self._read_times(document)
        self.sound.load(sound_of(document))
        self.player.waits_for_result = document.result is not None
        if document.result is not None:
            self.retarget(None)
        else:
            self.playback.load(None)
            self.player.show_result(expected=running)
        self.opened.emit()
        self.gops_changed.emit()

    def adopt(self, document: Document) -> None:
        """The encode on show has become a file; frames that came with it stay, and why its bases are as they are."""
        told = () if self.document is None else self.document.bases
        self.document = document = replace(document, bases=told)
        self.player.waits_for_result = document.result is not None
        if document.result is not None:
            self._read_times(None)
            self.clock.set_timing(document.timing)
            self.playback.adopt(_reel(document, DecodeSettings()))
        self._show_sizes()
        self.clock.count = document.count
        self.clock.seek(self.clock.frame)
        self.opened.emit()
        self.gops_changed.emit()

    def show_beside(self, other: Document | None) -> None:
        """Put another file beside the open one, frame for frame; None takes it away."""
        beside, document = self.player.beside, self.document
        self._end_second()
        if other is None or document is None:
            beside.close()
            self.player.choose(ORIGINAL, RESULT)
            return
        source = other.source if other.result is None else None
        reader = None if source is None else OriginalReader(source, None, other.start, self, other.deinterlace)
        beside.open((other.result or other.source or Path()).name, other.count, reader)
        if other.result is not None:
            self._second_engine = self._make_engine()
            self.second = Playback(self._second_engine, beside, self)
            self.second.failed.connect(self.refused)
            self.second.warned.connect(self.warned)
            self.second.model_missing.connect(self.model_missing)
            self.second.changed.connect(self.player.updated)
            self.second.load(_reel(other, DecodeSettings()))
        self.player.choose(*((OTHER, RESULT) if document.result is not None else (ORIGINAL, OTHER)))

    def _end_second(self) -> None:
        if self.second is not None and self._second_engine is not None:
            self._second_engine.shut_down()
            self._second_engine.deleteLater()
            self.second.deleteLater()
            self.second = self._second_engine = None

    def hear(self, track: int | None) -> None:
        """Another of the source's sound tracks."""
        if self.document is not None and self.document.audio_track != track:
            self.document = replace(self.document, audio_track=track)
            self.sound.load(sound_of(self.document))

    def begin(self) -> None:
        """The document's encode has begun: pictures will come."""
        self.player.show_result(expected=True)
        self.opened.emit()

    def retarget(self, goal: Quality | Bitrate | None) -> None:
        """Play the file as it would look at `goal`."""
        if self.document is not None and self.document.result is not None:
            self.playback.load(_reel(self.document, DecodeSettings(goal=goal)))

    @property
    def at_coding_size(self) -> bool:
        """Whether both sides are compared at coding size, and not at the source's own."""
        return self._preferences.at_coding_size

    @at_coding_size.setter
    def at_coding_size(self, on: bool) -> None:
        self._preferences.at_coding_size = on
        if self.document is not None:
            self._show_sizes()
            self._show_original()
            self.player.updated.emit()

    def take_progress(self, progress: Progress) -> None:
        """The document's encode has come further."""
        document = self.document
        if document is None or len(progress.gops) == len(document.gops):
            return
        count = max(document.count, progress.frames_done)
        self.document = replace(document, gops=progress.gops, bases=progress.bases, count=count)
        self.clock.extend(self.document.count)
        self.gops_changed.emit()

    def take_pictures(self, pictures: PreviewReady) -> None:
        """The document's encode has made pictures."""
        document = self.document
        height, width = pictures.frames.shape[1:3]
        if document is not None and document.size != (width, height):
            self.document = replace(document, size=(width, height))
            self._show_sizes()
            if self.at_coding_size:
                self._show_original()
        self.player.take(pictures)

    def _show_sizes(self) -> None:
        document = self.document
        assert document is not None
        before = self.player.size
        self.player.size = document.size if self.at_coding_size else document.full_size
        self.player.source_size = document.source_size
        if self.player.size != before:
            self.reframed.emit()

    def _show_original(self) -> None:
        document, reader = self.document, None
        if document is not None and document.source is not None:
            size = document.size if self.at_coding_size else None
            reader = OriginalReader(document.source, size, document.start, self, document.deinterlace)
        self.player.show_original(reader)

    def _read_times(self, document: Document | None) -> None:
        """Of a source, in the background; a file of ours has told its own."""
        if self._times is not None:
            self._times.close()
            self._times.deleteLater()
            self._times = None
        if document is not None and document.source is not None and document.result is None:
            self._times = TimesReader(document.source, document.rate, document.start, self)
            self._times.known.connect(self._take_times)
            self._times.counted.connect(self._take_count)
            self._times.start()

    @Slot(object)
    def _take_times(self, times: FrameTimes) -> None:
        # One that was closed may still have had something to say.
        if self.sender() is self._times and self.document is not None:
            self.document = replace(self.document, times=times.starts, end=times.end)
            self.clock.set_timing(self.document.timing)
            if not self._recount(len(times.starts)):
                self.times_known.emit()

    @Slot(int)
    def _take_count(self, count: int) -> None:
        if self.sender() is self._times:
            self._recount(count)

    @Slot(int)
    def _recount(self, count: int) -> bool:
        """Until the source's times are known or it was read to its end, its length is what the file says.

        Returns whether it is another.
        """
        document = self.document
        if document is None or document.result is not None or count < 1 or count == document.count:
            return False
        if count > document.count and document.cut:
            return False
        facts = document.source_facts
        if facts is not None and not document.cut:
            facts = replace(facts, seconds=document.start + document.seconds(count))
        self.document = replace(document, count=count, source_facts=facts)
        self.clock.recount(count)
        self.times_known.emit()
        return True


def _reel(document: Document, settings: DecodeSettings) -> Reel:
    assert document.result is not None
    width, height = document.size
    gops = tuple(gop.start_frame for gop in document.gops)
    return Reel(document.result, settings, width * height * 3, gops or (0,), document.chains or (0,))
