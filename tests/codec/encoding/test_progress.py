"""What is told of several segments at a time."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from codec.encoding.progress import SharedProgress
from codec.events import Phase, Stage
from codec.parallel.units import Message, Returned, Told
from codec.video.cutting import Gop, Segment


def _segment(first: int) -> Segment:
    pixels = np.zeros((10, 2, 2, 3), np.uint8)
    return Segment(pixels, (Gop(0, first, 0, pixels, ()),))


def _phase(words: str, done: float) -> Phase:
    return Phase(Stage.CHOOSING, words, done)


def test_words_are_of_the_segment_whose_turn_is_next_and_shares_of_all() -> None:
    progress = SharedProgress(0, 20, 0.0, 1.0)
    list(progress.watch([_segment(0), _segment(10)]))

    def messages() -> Generator[Message, None, None]:
        yield Told(1, _phase("second", 0.2))
        yield Told(0, _phase("first", 0.4))
        yield Told(1, _phase("second, later", 0.6))
        yield Returned(0, None)
        yield Told(1, _phase("second, last", 0.8))

    told = [message.what for message in progress.placing(messages()) if isinstance(message, Told)]
    assert [phase.detail for phase in told] == ["second", "first", "first", "second, last"]
    assert [phase.done for phase in told] == [0.1, 0.3, 0.5, 0.9]
