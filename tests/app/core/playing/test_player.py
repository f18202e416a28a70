from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPointF, QRectF, QSizeF
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.core.playing.clock import FrameClock
from app.core.playing.pictures.frame_store import FrameStore
from app.core.playing.pictures.original import OriginalReader
from app.core.playing.player import ORIGINAL, RESULT, Player
from app.core.timing import Timing
from app.ui.canvas.sides import difference
from app.ui.canvas.viewport import MAX_ZOOM, MIN_ZOOM, Viewport
from codec.events import PreviewReady
from codec.video import VideoReader
from tests.support import PATIENCE


class Hand:
    """A clock's hand that a test moves."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture(autouse=True)
def _application(qapp: QApplication) -> QApplication:
    """Timers need one."""
    return qapp


def running(count: int = 100) -> tuple[FrameClock, Hand]:
    hand = Hand()
    clock = FrameClock(hand)
    clock.set_video(count, Timing(Fraction(10)))
    clock.play()
    return clock, hand


def test_the_clock_shows_what_is_due_and_skips_what_was_late() -> None:
    clock, hand = running()
    hand.time = 0.31
    clock.tick()
    assert clock.frame == 3
    hand.time = 1.0
    clock.tick()
    assert clock.frame == 10
    clock.pause()


def test_the_clock_holds_for_a_frame_that_is_not_ready_and_then_goes_on_one_by_one() -> None:
    clock, hand = running()
    clock.ready = lambda frame: frame < 3
    hand.time = 5.0
    clock.tick()
    assert clock.frame == 0
    clock.ready = lambda _: True
    hand.time = 5.11
    clock.tick()
    assert clock.frame == 1
    clock.pause()


@pytest.mark.parametrize(("loop", "frame", "playing"), [(True, 0, True), (False, 9, False)])
def test_the_end_is_a_loop_or_a_stop(loop: bool, frame: int, playing: bool) -> None:
    clock, hand = running(10)
    clock.loop = loop
    hand.time = 1.2
    clock.tick()
    assert (clock.frame, clock.playing) == (frame, playing)
    clock.pause()


def test_steps_stay_inside_the_video() -> None:
    clock, _ = running(10)
    clock.step(-1)
    assert (clock.frame, clock.playing) == (0, False)
    clock.step(99)
    assert clock.frame == 9


@given(st.lists(st.integers(0, 60), min_size=1, max_size=80), st.integers(1, 9))
def test_the_store_keeps_its_limit_and_the_frames_near_the_playhead(numbers: list[int], room: int) -> None:
    store = FrameStore(limit=room * 12)
    for number in numbers:
        store.get(number)
        store.put(number, np.full((2, 2, 3), number, np.uint8))
        kept = store.get(number)
        assert kept is not None
        assert kept[0, 0, 0] == number
        assert len(store) <= room


def test_the_original_gives_the_same_frame_however_it_is_reached(qtbot: QtBot, data: Path) -> None:
    path = data / "scene.mp4"
    with VideoReader(path, size=(88, 72)) as reader:
        straight = [frame.pixels for _, frame in zip(range(80), reader.frames(), strict=False)]
    reader_thread = OriginalReader(path, (88, 72))
    reader_thread.start()
    try:
        # On, far on, back by one, and to the start: reading ahead, seeking, and stepping back.
        for number in (0, 5, 79, 78, 40, 1):
            qtbot.waitUntil(lambda n=number: reader_thread.frame(n) is not None, timeout=PATIENCE)  # type: ignore[misc]
            found = reader_thread.frame(number)
            assert found is not None
            assert (found == straight[number]).all()
    finally:
        reader_thread.close()


def test_variable_frame_rate_counts_frames_not_time(qtbot: QtBot, data: Path) -> None:
    path = data / "variable.mkv"
    with VideoReader(path, size=(64, 36)) as reader:
        straight = [frame.pixels for _, frame in zip(range(60), reader.frames(), strict=False)]
    reader_thread = OriginalReader(path, (64, 36))
    reader_thread.start()
    try:
        last = len(straight) - 1
        for number in (last, 2):
            qtbot.waitUntil(lambda n=number: reader_thread.frame(n) is not None, timeout=PATIENCE)  # type: ignore[misc]
            assert (reader_thread.frame(number) == straight[number]).all()  # type: ignore[union-attr]
    finally:
        reader_thread.close()


def test_the_player_asks_for_what_it_lacks_and_shows_what_comes(qtbot: QtBot) -> None:
    player = Player(FrameClock())
    player.clock.set_video(10, Timing(Fraction(10)))
    player.show_result(expected=True)
    with qtbot.waitSignal(player.missing) as missing:
        player.clock.seek(4)
    assert missing.args == [4]
    with qtbot.waitSignal(player.updated):
        player.take(PreviewReady(0, 3, np.arange(3 * 12, dtype=np.uint8).reshape(3, 2, 2, 3)))
    assert player.result is not None
    assert player.result[0, 0, 0] == 12


sizes = st.builds(QSizeF, st.floats(16, 4000), st.floats(16, 4000))
panes = st.builds(QRectF, st.floats(0, 500), st.floats(0, 500), st.floats(50, 3000), st.floats(50, 3000))


@given(sizes, panes)
def test_fitting_shows_the_whole_picture_centred(size: QSizeF, pane: QRectF) -> None:
    placed = Viewport().place(size, pane)
    assert pane.adjusted(-0.01, -0.01, 0.01, 0.01).contains(placed)
    assert placed.center().x() == pytest.approx(pane.center().x())


@given(sizes, panes, st.floats(0.1, 0.9), st.floats(0.1, 0.9), st.floats(0.5, 3))
def test_zoom_keeps_the_pixel_under_the_cursor(size: QSizeF, pane: QRectF, x: float, y: float, factor: float) -> None:
    start = Viewport()
    placed = start.place(size, pane)
    at = QPointF(placed.left() + x * placed.width(), placed.top() + y * placed.height())
    zoomed = start.zoomed(factor, at, size, pane)
    assert MIN_ZOOM <= zoomed.scale(size, pane) <= MAX_ZOOM
    after = zoomed.place(size, pane)
    free = 0 < zoomed.centre_x < 1 and 0 < zoomed.centre_y < 1
    if free:
        assert (at.x() - after.left()) / after.width() == pytest.approx(x, abs=1e-6)
        assert (at.y() - after.top()) / after.height() == pytest.approx(y, abs=1e-6)


def test_difference_is_amplified_and_clipped() -> None:
    a, b = np.full((1, 1, 3), 10, np.uint8), np.array([[[13, 0, 255]]], np.uint8)
    assert difference(a, b, 4).tolist() == [[[12, 40, 255]]]


def test_other_codecs_take_a_side_until_they_are_gone() -> None:
    player = Player(FrameClock())
    player.clock.set_video(3, Timing(Fraction(10)))
    frames = np.arange(3, dtype=np.uint8)[:, None, None, None] * np.ones((3, 4, 6, 3), np.uint8)
    player.show_others({"x265": frames[:2]})
    player.choose(RESULT, "x265")
    player.clock.seek(1)
    shown = player.picture("x265")
    assert shown is not None
    assert (shown == 1).all()
    player.clock.seek(2)
    assert player.exists("x265")
    assert player.picture("x265") is None
    player.choose(RESULT, "vvc")
    assert player.sides == (RESULT, RESULT)
    player.choose(RESULT, "x265")
    player.show_others({})
    assert player.sides == (ORIGINAL, RESULT)


def test_a_clock_keeps_to_the_times_of_frames_that_come_unevenly() -> None:
    hand = Hand()
    clock = FrameClock(hand)
    clock.set_video(5, Timing(Fraction(10), (0.0, 0.1, 0.5, 0.6, 0.7)))
    clock.play()
    for time, frame in ((0.05, 0), (0.15, 1), (0.45, 1), (0.55, 2), (0.65, 3)):
        hand.time = time
        clock.tick()
        assert clock.frame == frame, time
    clock.pause()
    assert [clock.seconds(frame) for frame in (0, 2, 4)] == [0.0, 0.5, 0.7]
    assert clock.seconds(5) == pytest.approx(0.8)
    assert [clock.frame_at(clock.seconds(frame)) for frame in range(7)] == list(range(7))


def test_a_clock_at_another_speed_and_in_a_range() -> None:
    clock, hand = running()
    clock.set_speed(Fraction(2))
    hand.time = 0.5
    clock.tick()
    assert clock.frame == 10
    clock.set_speed(Fraction(1, 4))
    hand.time = 1.4
    clock.tick()
    assert clock.frame == 12
    clock.set_speed(Fraction(1))
    clock.mark(10, 13)
    hand.time = 1.6
    clock.tick()
    assert clock.frame == 10
    clock.pause()
    clock.mark(5, 2)
    assert (clock.begin, clock.end) == (0, None)


def test_the_store_tells_what_it_has() -> None:
    store = FrameStore()
    for number in (3, 4, 9, 2):
        store.put(number, np.zeros((1, 1, 3), np.uint8))
    assert store.ranges() == [(2, 5), (9, 10)]


def test_a_bases_pictures_are_shown_until_the_finished_ones_come_and_never_after() -> None:
    player = Player(FrameClock())
    player.clock.set_video(4, Timing(Fraction(10)))
    player.show_result(expected=True)

    def take(value: int, provisional: bool, count: int = 2) -> None:
        frames = np.full((count, 2, 2, 3), value, np.uint8)
        player.take(PreviewReady(0, 0, frames, provisional=provisional))

    def shown() -> tuple[int, bool]:
        assert player.result is not None
        return int(player.result[0, 0, 0]), player.provisional

    take(1, provisional=True)
    assert shown() == (1, True)
    take(2, provisional=True)
    assert shown() == (2, True)
    take(3, provisional=False, count=1)
    assert shown() == (3, False)
    take(4, provisional=True)
    assert shown() == (3, False)
    player.clock.seek(1)
    assert shown() == (4, True)
