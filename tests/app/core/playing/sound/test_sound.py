"""Sound beside the pictures: heard through a device that a test holds in its hand, decoded from real files."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from app.core.playing.clock import FrameClock
from app.core.playing.sound.device import Fill, NoSoundError, Output, open_device
from app.core.playing.sound.sound import TOLERANCE, Find, Sound
from app.core.playing.times import TimesReader
from app.core.timing import Timing
from codec.arrays import Samples
from codec.decoding.sound import STEREO, SoundSource, sound_of_video
from codec.video.sound.alignment import Piece
from tests.support.films.ticking import FRAME_RATE, heard, ticking_clip

RATE = 48000
BLOCK = 480
LATENCY = 0.03
CLIP_SECONDS = 3.0
ENOUGH = 0.5


@dataclass
class Device:
    """An output that asks when the test says so, and keeps what it is given."""

    rate: int = RATE
    fill: Fill | None = None
    running: bool = False
    open: bool = False
    broken: bool = False

    def opener(self, fill: Fill) -> Output:
        self.fill, self.open = fill, True
        return self

    def start(self) -> None:
        if self.broken:
            raise NoSoundError("No sound: it has gone.")
        self.running = True

    def stop(self) -> None:
        self.running = False

    def close(self) -> None:
        self.running = self.open = False

    def pull(self) -> Samples:
        out = np.full((BLOCK, STEREO), np.nan, np.float32)
        assert self.fill is not None
        self.fill(out, LATENCY)
        assert np.isfinite(out).all()
        return out


@dataclass
class Hand:
    """A clock's hand that a test moves."""

    time: float = 0.0

    def __call__(self) -> float:
        return self.time


@dataclass
class Stage:
    """A clock, its hand, and a sound on a device."""

    qtbot: QtBot
    clock: FrameClock
    sound: Sound
    device: Device
    hand: Hand

    @property
    def time(self) -> float:
        return self.hand.time

    def load(self, find: Find) -> bool:
        """Whether there is something to hear."""
        with self.qtbot.waitSignal(self.sound.available_changed) as told:
            self.sound.load(find)
        assert told.args is not None
        return bool(told.args[0])

    def play(self) -> None:
        self.clock.play()
        self.qtbot.waitUntil(lambda: self.device.running)

    def listen(self, seconds: float, slower: float = 1.0) -> list[tuple[float, float]]:
        """(when it is heard, amplitude) of ticks while the hand moves; a slower device takes longer for a block."""
        began = self.time
        blocks = []
        while self.time < began + seconds:
            # What is heard never depends on how fast this machine decodes.
            self.qtbot.waitUntil(lambda: self.sound.ahead >= ENOUGH)
            blocks.append(self.device.pull()[:, 0])
            self.hand.time += slower * BLOCK / RATE
            self.clock.tick()
        return [(began + LATENCY + at * slower, level) for at, level in heard(np.concatenate(blocks), RATE)]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ticking_clip(tmp_path_factory.mktemp("sound") / "ticks.mp4", CLIP_SECONDS)


@pytest.fixture
def stage(qtbot: QtBot) -> Iterator[Stage]:
    device, hand = Device(), Hand()
    clock = FrameClock(hand)
    clock.set_video(round(CLIP_SECONDS * FRAME_RATE), Timing(Fraction(FRAME_RATE)))
    made = Stage(qtbot, clock, Sound(clock, device.opener), device, hand)
    yield made
    clock.pause()
    made.sound.close()
    assert not made.sound.isRunning()
    assert not device.open


def times(ticks: list[tuple[float, float]]) -> list[float]:
    return [at for at, _ in ticks]


def test_ticks_are_heard_when_their_frames_are_shown(stage: Stage, clip: Path) -> None:
    assert stage.load(partial(sound_of_video, clip, 0.0))
    stage.play()
    assert times(stage.listen(2.8)) == pytest.approx([0.5, 1, 1.5, 2, 2.5], abs=0.003)


@pytest.mark.parametrize("slower", [1.05, 0.95])
def test_a_device_of_another_pace_is_kept_within_the_tolerance(stage: Stage, clip: Path, slower: float) -> None:
    assert stage.load(partial(sound_of_video, clip, 0.0))
    stage.play()
    ticks = times(stage.listen(2.8, slower))
    # A tick that a jump falls into is heard in part, or twice.
    for expected in (0.5, 1, 1.5, 2, 2.5):
        assert min(abs(at - expected) for at in ticks) <= TOLERANCE + BLOCK / RATE


def test_pause_and_steps_are_silent_and_a_jump_is_followed(stage: Stage, clip: Path) -> None:
    assert stage.load(partial(sound_of_video, clip, 0.0))
    stage.play()
    stage.listen(0.2)
    stage.clock.pause()
    stage.qtbot.waitUntil(lambda: not stage.device.running)
    stage.clock.step(1)
    assert not stage.device.running
    assert not stage.device.pull().any()
    stage.clock.play()
    stage.clock.seek(45)
    began = stage.time
    stage.qtbot.waitUntil(lambda: stage.device.running)
    assert times(stage.listen(1.0)) == pytest.approx([began + 2.0 - 45 / FRAME_RATE, began + 2.5 - 1.8], abs=0.003)


def test_a_loop_goes_back_with_the_pictures(stage: Stage, clip: Path) -> None:
    assert stage.load(partial(sound_of_video, clip, 0.0))
    stage.clock.seek(60)
    stage.play()
    ticks = stage.listen(1.4)
    # The end is reached after 0.6 s; the louder tick at 2.5 s, then the soft one at 0.5 s of the next round.
    assert times(ticks) == pytest.approx([0.1, 1.1], abs=0.03)
    assert ticks[0][1] > 1.5 * ticks[1][1]


def test_pictures_that_are_late_hold_the_sound(stage: Stage, clip: Path) -> None:
    assert stage.load(partial(sound_of_video, clip, 0.0))
    stage.play()
    stage.listen(0.3)
    stage.clock.ready = lambda _: False
    assert stage.listen(0.7) == []
    stage.clock.ready = lambda _: True
    began, frame = stage.time, stage.clock.frame
    ticks = times(stage.listen(1.0))
    assert ticks[0] == pytest.approx(began + 0.5 - frame / FRAME_RATE, abs=TOLERANCE)


def test_pictures_that_keep_being_late_are_silent(stage: Stage, clip: Path) -> None:
    assert stage.load(partial(sound_of_video, clip, 0.0))
    stage.play()
    stage.clock.ready = lambda frame: stage.time > 0.1 * frame  # ten frames a second
    assert stage.listen(2.0) == []
    stage.clock.ready = lambda _: True
    assert len(stage.listen(1.5)) >= 2


def test_volume_and_mute(stage: Stage, clip: Path) -> None:
    assert stage.load(partial(sound_of_video, clip, 0.0))
    stage.clock.seek(round(1.9 * FRAME_RATE))
    stage.play()
    ((_, full),) = stage.listen(0.3)
    stage.sound.set_volume(0.5, False)
    stage.clock.seek(round(1.9 * FRAME_RATE))
    ((_, half),) = stage.listen(0.3)
    assert half == pytest.approx(full / 4, rel=0.1)
    stage.sound.set_volume(1.0, True)
    stage.clock.seek(round(1.9 * FRAME_RATE))
    assert stage.listen(0.3) == []


def test_without_a_device_the_reason_is_told(qtbot: QtBot, clip: Path) -> None:
    def opener(_: Fill) -> Output:
        raise NoSoundError("No sound: this machine has no audio output.")

    sound, label = Sound(FrameClock(), opener), QLabel()
    sound.told.connect(label.setText)
    with qtbot.waitSignal(sound.available_changed) as available:
        sound.load(partial(sound_of_video, clip, 0.0))
    assert available.args == [False]
    assert label.text() == "No sound: this machine has no audio output."
    sound.close()
    assert not sound.isRunning()


def test_a_device_that_goes_away_is_told_and_tried_again(stage: Stage, clip: Path) -> None:
    assert stage.load(partial(sound_of_video, clip, 0.0))
    stage.device.broken = True
    label = QLabel()
    stage.sound.told.connect(label.setText)
    with stage.qtbot.waitSignal(stage.sound.available_changed) as available:
        stage.clock.play()
    assert available.args == [False]
    assert label.text() == "No sound: it has gone."
    assert not stage.device.open
    stage.clock.pause()
    stage.device.broken = False
    assert stage.load(partial(sound_of_video, clip, 0.0))


@dataclass
class Held:
    """A source that gives nothing before it may."""

    source: SoundSource
    may: Event

    def read(self, at: Fraction, rate: int) -> Iterator[Piece]:
        self.may.wait()
        yield from self.source.read(at, rate)


def test_how_much_can_be_heard_is_told(stage: Stage, clip: Path) -> None:
    source, may = sound_of_video(clip, 0.0), Event()
    assert source is not None
    assert stage.sound.ahead == math.inf
    assert stage.load(lambda: Held(source, may))
    before = stage.sound.ahead
    may.set()
    assert before == 0
    stage.qtbot.waitUntil(lambda: stage.sound.ahead == math.inf)


def test_what_has_no_sound_lets_the_device_go(stage: Stage, clip: Path) -> None:
    assert stage.load(partial(sound_of_video, clip, 0.0))
    stage.play()
    assert not stage.load(lambda: None)
    assert not stage.device.open


def test_a_source_that_cannot_be_read_is_told(stage: Stage, tmp_path: Path) -> None:
    label = QLabel()
    stage.sound.told.connect(label.setText)
    assert not stage.load(partial(sound_of_video, tmp_path / "gone.mp4", 0.0))
    assert "gone.mp4" in label.text()


def test_the_real_device_opens_or_says_why_not() -> None:
    said = "No sound: not yet."
    try:
        output = open_device(lambda out, _: out.fill(0))
        output.start()
        output.close()
    except NoSoundError as error:
        said = str(error)
    assert said.startswith("No sound: ")
    assert said.endswith(".")


def test_a_missing_library_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(NoSoundError, match="package sounddevice is missing"):
        open_device(lambda out, _: out.fill(0))


def test_one_dropped_frame_leaves_the_sound_and_both_stay_in_step(stage: Stage, tmp_path: Path) -> None:
    # The eleventh frame is missing, and all that follow come when they would have come with it.
    times = [40 * number + (40 if number > 10 else 0) for number in range(74)]
    clip = ticking_clip(tmp_path / "a.mkv", 74 / FRAME_RATE, times=times, sound_seconds=3.0)
    reader = TimesReader(clip, Fraction(FRAME_RATE), 0.0)
    with stage.qtbot.waitSignal(reader.known) as known:
        reader.start()
    reader.close()
    stage.clock.set_video(74, Timing(Fraction(FRAME_RATE), known.args[0].starts, known.args[0].end))
    assert stage.load(partial(sound_of_video, clip, 0.0))
    stage.play()
    ticks = stage.listen(2.6)
    assert [at for at, _ in ticks] == pytest.approx([0.5, 1, 1.5, 2, 2.5], abs=0.003)
    # At 2.6 s the 64th picture is on show, which an even clock would have shown at 2.56 s.
    assert stage.clock.frame == 64


def test_even_frames_need_no_times(qtbot: QtBot, clip: Path) -> None:
    reader = TimesReader(clip, Fraction(FRAME_RATE), 0.0)
    told: list[object] = []
    reader.known.connect(told.append)
    reader.start()
    qtbot.waitUntil(reader.isFinished)
    assert not told
