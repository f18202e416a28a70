"""Single pictures of a source, at its own size: what coded pictures are compared with in the end."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from codec.arrays import Picture
from codec.errors import InputError
from codec.video.delivery import delivered, opened
from codec.video.reader import VideoReader

# Seconds that are read before the picture: deinterlacing looks back.
_EARLIER = Fraction(1, 5)


@dataclass(frozen=True)
class Stills:
    """The pictures of a clip, each read by itself, so that nothing is held: the file is opened anew and sought in.

    Attributes:
        start, origin: of the clip: seconds after the file's first frame, and its first frame's on the file's clock
            (`VideoReader.origin`).
        deinterlace: as the clip is read.
    """

    path: Path
    start: float
    origin: Fraction
    deinterlace: bool

    def at(self, time: Fraction) -> Picture:
        """The picture shown nearest to `time`, seconds after the clip's first one: uint8 (H, W, 3).

        Raises:
            InputError: the file can't be read there any more.
        """
        best: tuple[Fraction, Picture] | None = None
        with self.read_from(time - _EARLIER) as reader, closing(delivered(reader.frames(), self.path)) as frames:
            for frame in frames:
                away = reader.origin + frame.pts - self.origin - time
                if best is None or abs(away) < best[0]:
                    best = abs(away), frame.pixels
                if away >= 0:
                    break
        if best is None:
            raise InputError(f"{self.path} shows nothing {float(time):.3f} s into the clip any more; was it changed?")
        return best[1]

    def read_from(self, time: Fraction, size: tuple[int, int] | None = None) -> VideoReader:
        """The clip from `time` on, at a (width, height) or its own."""
        start = max(0.0, self.start + float(time))
        return opened(lambda: VideoReader(self.path, size=size, start=start, deinterlace=self.deinterlace), self.path)
