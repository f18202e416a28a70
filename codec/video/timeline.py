"""When a clip's frames are shown: what an encode must know of them before its first one, read without their pixels.

Nominal rate, average rate and duration are three things: a recording of 25 frames a second that leaves out what doesn't
change may hold 50 frames in 92 seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, takewhile
from pathlib import Path

from codec.errors import SettingsError
from codec.video.container.decoding import declared_end
from codec.video.container.packets import Packets, only_decoding_times
from codec.video.container.source import open_source, seconds, select_audio, select_video
from codec.video.delivery import delivered, opened
from codec.video.presentation import Stamped, present
from codec.video.reader import VideoReader

# Containers round times to their own clock, Matroska's to milliseconds.
_ROUNDING = Fraction(1, 1000)
_NTSC = 1001
# MPEG's clock: what times are kept in where the file's own is too coarse for them, or needlessly fine.
_TICK = Fraction(1, 90_000)
# Pictures are stored out of order by less than this many.
_REORDERED = 16


@dataclass(frozen=True)
class Timeline:
    """A clip's times, in seconds.

    Attributes:
        origin: on the file's clock; `VideoReader.origin`.
        frames: how many there are.
        constant: whether frame n is shown n / nominal_rate after the first, up to a millisecond.
        nominal_rate: frames a second while the picture moves.
        duration: from the first frame's beginning to the last one's end.
        last_duration: of the last frame.
        time_base: seconds; times are multiples of it, or off by less than ten microseconds.
        interlaced: how many frames hold two fields of different times.
        notes: complete sentences on what was bridged or passed over.
    """

    origin: Fraction
    frames: int
    constant: bool
    nominal_rate: Fraction
    duration: Fraction
    last_duration: Fraction
    time_base: Fraction
    interlaced: int
    notes: tuple[str, ...]

    @property
    def average_rate(self) -> Fraction:
        """Frames a second over the whole clip, the time of the last one included."""
        return self.frames / self.duration


def read_timeline(path: Path, start: float = 0.0, duration: float | None = None) -> Timeline:
    """Decode a clip for its times.

    Raises:
        InputError: the file can't be read or is damaged.
        SettingsError: no frame begins within the clip.
    """
    with opened(lambda: VideoReader(path, start=start, duration=duration), path) as reader:
        showings = list(delivered(reader.showings(), path))
        notes = reader.notes
    if not showings:
        raise SettingsError("No frame begins within the duration asked for; give a longer one.")
    times = [showing.pts for showing in showings]
    rate = constant_rate(times, reader.info.frame_rate)
    last = showings[-1]
    return Timeline(
        origin=reader.origin,
        frames=len(times),
        constant=rate is not None,
        nominal_rate=rate or reader.info.frame_rate,
        duration=last.pts + last.duration,
        last_duration=last.duration,
        time_base=_time_base([*times, last.pts + last.duration], reader.info.time_base),
        interlaced=sum(showing.interlaced for showing in showings),
        notes=notes,
    )


def constant_rate(times: list[Fraction], declared: Fraction) -> Fraction | None:
    """The rate at which frames come evenly, up to a millisecond; None where they don't.

    `declared` where that fits, else the usual rate that does: whole or by 1001, else frames over time.
    """
    if len(times) < 2:
        return declared
    if times[-1] <= times[0]:
        # Broken timestamps, all the same.
        return None
    measured = (len(times) - 1) / (times[-1] - times[0])
    whole = Fraction(round(measured))
    ntsc = Fraction(1000 * round(measured * _NTSC / 1000), _NTSC)
    for rate in (declared, whole, ntsc, measured.limit_denominator(100_000)):
        if rate > 0 and all(abs(time - times[0] - number / rate) <= _ROUNDING for number, time in enumerate(times)):
            return rate
    return None


def is_constant_rate(path: Path, frame_rate: Fraction, looked_at: int | None = None) -> bool:
    """`constant_rate` told from packets, without decoding them: for playing, which must not wait.

    Args:
        looked_at: trust a file after so many packets; None reads them all.

    Raises:
        InputError: the file can't be opened.
    """
    packets = _read_packets(path, looked_at)
    times = packets.times
    if packets.damaged:
        # A damaged tail: the reader decides what to make of it; explicit times are always right.
        return False
    if looked_at is not None and len(times) > looked_at - _REORDERED:
        # Frames that belong between the last ones may not have come yet.
        times = times[:-_REORDERED]
    return len(times) < 2 or constant_rate(times, frame_rate) == frame_rate


@dataclass(frozen=True)
class FrameTimes:
    """When frames are shown, in seconds after the first.

    Attributes:
        starts: of each.
        end: of the last, which may be held for longer than others.
        even: whether all come at the rate that was expected, and the last is held no longer than others.
    """

    starts: tuple[float, ...]
    end: float
    even: bool


def shown_times(
    path: Path, frame_rate: Fraction, start: float = 0.0, stop: Callable[[], bool] = lambda: False
) -> FrameTimes | None:
    """When the frames of a clip are shown, by its packets; None where they tell nothing to rely on.

    The clip begins `start` seconds into the file, with the frame nearest to that, at 0, and goes to the file's end. Of
    a long file it may take a while: `stop` is asked at every packet.

    Raises:
        InputError: the file can't be opened.
    """
    packets, period = _read_packets(path, None, stop), 1 / frame_rate
    # Those that fall together are spread as a reader of the frames will do it.
    known = [*packets.times, *[None] * packets.untimed]
    stamped = (Stamped(None, time, None, Fraction(0)) for time in known)
    times = [shown.time for shown in present(stamped, period)]
    if stop() or not times:
        return None
    end = times[-1] + (packets.last_duration or period)
    if packets.declared_end is not None:
        end = max(end, packets.declared_end)
    held = len(times) > 1 and end - times[-1] > period * 3 / 2
    even = not held and constant_rate(times, frame_rate) == frame_rate
    if even and packets.damaged:
        # Where damage ended them there may be more.
        return None
    earliest = times[0] + seconds(start) - (period / 2 if start > 0 else 0)
    shown = [time for time in times if time >= earliest]
    if not shown:
        return None
    return FrameTimes(tuple(float(time - shown[0]) for time in shown), float(end - shown[0]), even)


@dataclass(frozen=True)
class _PacketTimes:
    """What a video's packets tell, in seconds on the file's clock.

    Attributes:
        times: in the order in which they are shown.
        untimed: how many pictures come after those and tell no time of their own.
        last_duration: of the one that is shown last; 0 where it doesn't say.
        declared_end: where the container says that it ends, apart from that.
        damaged: whether damage ended them.
    """

    times: list[Fraction]
    untimed: int
    last_duration: Fraction
    declared_end: Fraction | None
    damaged: bool


def _read_packets(path: Path, looked_at: int | None, stop: Callable[[], bool] = lambda: False) -> _PacketTimes:
    with open_source(path) as container:
        stream = select_video(container, path)
        packets = Packets(container, stream, select_audio(container, stream, path))
        guessed = only_decoding_times(container)
        found = [
            (packet.dts if guessed else packet.pts, packet.duration or 0, packet.time_base)
            for packet in takewhile(lambda _: not stop(), islice(packets.of(stream), looked_at))
            if packet.size
        ]
        shown = sorted((ticks * base, length * base) for ticks, length, base in found if ticks is not None)
        # A picture goes by the packet with which its decoder gives it out, which comes so many later; nothing comes
        # after the last ones.
        late = min(stream.codec_context.reorder_depth, len(shown)) if guessed else 0
        times = [time for time, _ in shown[late:]]
        # A raw stream tells no times at all.
        untimed = late if shown else len(found)
        whole = times and looked_at is None and not packets.clock.bridges
        end = declared_end(container, stream, times[-1]) if whole else None
        duration = Fraction(0) if not shown or guessed else shown[-1][1]
    return _PacketTimes(times, untimed, duration, end, packets.stopped is not None)


def _time_base(times: list[Fraction], declared: Fraction) -> Fraction:
    """The file's own where all times are multiples of it and it is no finer than helps anybody."""
    if declared >= _TICK and all((time / declared).denominator == 1 for time in times):
        return declared
    return _TICK
