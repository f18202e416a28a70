"""One clock for a file whose timestamps jump: joined or wrapped streams go on where they stopped.

The rules are those of FFmpeg's command (fftools/ffmpeg_demux.c, `ts_discontinuity_detect`, its thresholds
`-dts_delta_threshold` and a tenth of a second backwards), with two differences that joined files need: what one stream
has bridged holds for another from the same place in the file on, not from the next packet that happens to be read; and
a stream that jumps ahead to where another one already is has paused, it has not jumped.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

LONGEST_PAUSE = Fraction(10)
"""Seconds that a stream of a format with discontinuities may leap ahead of all others."""
PICTURE_OVERLAP = Fraction(1, 10)
SOUND_OVERLAP = Fraction(1, 2)
"""Seconds by which decoding times may fall: more is a jump. Overlapping sound is cut, so it may fall further."""
# How far a stream's next packet may lie from where it is expected and still be said to go on.
_GOES_ON = Fraction(1, 50)
_LONGEST_STEP = Fraction(1)
# A stream that goes on as if nothing had happened joins what another has bridged after so many seconds.
_LATEST_JOIN = Fraction(2)


@dataclass(frozen=True)
class Stamp:
    """What the clock looks at of a packet.

    Attributes:
        stream: its number in the file.
        dts: decoding time, seconds, or None.
        duration: seconds, 0 where unknown.
        position: in the file, bytes, or None.
    """

    stream: int
    dts: Fraction | None
    duration: Fraction
    position: int | None = None


@dataclass
class _Course:
    """How far one stream has come, on the clock."""

    shift: Fraction
    last: Fraction | None = None
    expected: Fraction | None = None
    step: Fraction = Fraction(0)
    since_seam: Fraction = Fraction(0)


class Clock:
    """Turns the timestamps of a file's streams, packet by packet in the file's order, into one rising time.

    Attributes:
        bridges: the discontinuities found so far, in seconds on the clock.

    Args:
        discontinuous: whether the format's timestamps may leap ahead (AVFMT_TS_DISCONT: MPEG-TS, VOB, Ogg).
        pictures: number of the stream of pictures, if there is one.
    """

    def __init__(self, discontinuous: bool, pictures: int | None) -> None:
        self.bridges: list[Fraction] = []
        self._discontinuous = discontinuous
        self._pictures = pictures
        self._courses: dict[int, _Course] = {}
        self._shift = Fraction(0)
        self._seam: int | None = None
        self._reached: Fraction | None = None

    def shift(self, stamp: Stamp) -> Fraction:
        """Seconds to add to the packet's times."""
        course = self._courses.setdefault(stamp.stream, _Course(self._shift))
        if stamp.dts is None:
            return course.shift
        if course.shift != self._shift and self._joins(course, stamp.dts, stamp.position):
            self._join(stamp.stream, course, stamp.dts, stamp.position)
        if self._jumps(stamp.stream, course, stamp.dts + course.shift):
            self._bridge(course, stamp.dts, stamp.position)
        time = stamp.dts + course.shift
        if course.last is not None:
            course.since_seam += abs(time - course.last)
            course.step = max(Fraction(0), time - course.last)
        # Streams that tell no durations go on at their own pace.
        course.last, course.expected = time, time + (stamp.duration or min(course.step, _LONGEST_STEP))
        self._reached = time if self._reached is None else max(self._reached, time)
        return course.shift

    def _joins(self, course: _Course, dts: Fraction, position: int | None) -> bool:
        """Whether a stream is past the place at which another one jumped."""
        if course.expected is None:
            return True
        if None not in (position, self._seam) and position < self._seam:  # type: ignore[operator]
            return False
        own, joined = (abs(dts + shift - course.expected) for shift in (course.shift, self._shift))
        goes_on = own <= _GOES_ON < joined and course.since_seam < _LATEST_JOIN
        return not goes_on

    def _join(self, stream: int, course: _Course, dts: Fraction, position: int | None) -> None:
        """Take over what another stream has bridged. Pictures go on exactly where they stopped, and sound with them."""
        course.shift = self._shift
        if stream != self._pictures or course.expected is None:
            return
        off = dts + course.shift - course.expected
        if off and abs(off) <= PICTURE_OVERLAP:
            self._publish(course, course.shift - off, position)

    def _publish(self, course: _Course, shift: Fraction, position: int | None) -> None:
        course.shift = self._shift = shift
        self._seam = position
        for other in self._courses.values():
            other.since_seam = Fraction(0)

    def _jumps(self, stream: int, course: _Course, time: Fraction) -> bool:
        if course.last is None or course.expected is None:
            return self._discontinuous and self._reached is not None and abs(time - self._reached) > LONGEST_PAUSE
        if time < course.last:
            return course.last - time > (PICTURE_OVERLAP if stream == self._pictures else SOUND_OVERLAP)
        ahead = time - max(course.expected, self._reached or course.expected)
        return self._discontinuous and ahead > LONGEST_PAUSE

    def _bridge(self, course: _Course, dts: Fraction, position: int | None) -> None:
        """Let the stream go on where it is expected, and all others from here on with it."""
        expected = course.expected if course.expected is not None else self._reached or Fraction(0)
        self.bridges.append(expected)
        self._publish(course, expected - dts, position)
