"""A source that stops delivering is given up; one that delivers is handed on as it is, and its thread ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import av
import pytest
from av.container.input import InputContainer
from av.packet import Packet

from codec.errors import InputError
from codec.video import AudioMode, delivery, read_audio
from codec.video.delivery import delivered
from codec.video.sound import track
from tests.support.codec_runs import film, run_encode
from tests.support.films.flashing import write_flashing

SOURCE = Path("film.mkv")

pytestmark = pytest.mark.usefixtures("no_thread_stays")


def test_items_come_in_order_and_once() -> None:
    assert list(delivered(iter(range(100)), SOURCE)) == list(range(100))
    assert list(delivered(iter(()), SOURCE)) == []


def test_a_source_that_stops_is_given_up() -> None:
    woken = threading.Event()

    def stopping() -> Iterator[int]:
        yield 1
        woken.wait()

    items = delivered(stopping(), SOURCE, patience=0.05)
    assert next(items) == 1
    with pytest.raises(InputError, match=r"film\.mkv has delivered nothing for 0\.05 s"):
        next(items)
    woken.set()
    for thread in threading.enumerate():
        if thread.name == "reading the source":
            thread.join()


def test_what_goes_wrong_there_goes_wrong_here() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise InputError("It is damaged.")

    items = delivered(failing(), SOURCE)
    assert next(items) == 1
    with pytest.raises(InputError, match="damaged"):
        next(items)


def test_no_more_is_read_than_a_few_ahead() -> None:
    read = []

    def counted() -> Iterator[int]:
        for number in range(1000):
            read.append(number)
            yield number

    items = delivered(counted(), SOURCE)
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    items.close()  # type: ignore[attr-defined]
    assert len(read) <= 6


class _Stalling:
    """What FFmpeg has opened, on a disk that goes away."""

    def __init__(self, container: InputContainer, woken: threading.Event) -> None:
        self._container = container
        self._woken = woken

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def demux(self, *streams: Any) -> Iterator[Packet[Any]]:
        for number, packet in enumerate(self._container.demux(*streams)):
            if number == 20:
                self._woken.wait()
            yield packet


@pytest.fixture
def stalled(monkeypatch: pytest.MonkeyPatch, no_thread_stays: None) -> Iterator[None]:
    """Files deliver twenty packets, and no more until the test is over."""
    del no_thread_stays  # which looks once this has ended
    woken = threading.Event()
    opened = av.open

    def stalling(file: Any, mode: str = "r", **more: Any) -> Any:
        container = opened(file, mode, **more)
        return _Stalling(container, woken) if mode == "r" else container

    monkeypatch.setattr(av, "open", stalling)
    yield
    woken.set()
    for thread in threading.enumerate():
        if thread.name == "reading the source":
            thread.join()


@pytest.mark.usefixtures("stalled")
def test_sound_that_never_comes_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_flashing(tmp_path / "in.mkv")
    monkeypatch.setattr(track, "OPENING_PATIENCE", 0.2)
    audio = read_audio(source, Fraction(0), None, AudioMode.OPUS)
    assert audio is not None
    with pytest.raises(InputError, match=r"in\.mkv has delivered nothing"):
        list(audio.packets)


@pytest.mark.usefixtures("stalled")
def test_an_encode_gives_a_dead_source_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = film(tmp_path / "in.mp4", 60)
    monkeypatch.setattr(delivery, "PATIENCE", 0.2)
    with pytest.raises(InputError, match="has delivered nothing"):
        run_encode(source, tmp_path / "a.fgvc")
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]
