"""A file's pictures, decoded: from its start, or from a keyframe before a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from av.container.input import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from codec.errors import InputError
from codec.video.container.matroska import Structure
from codec.video.container.packets import Packets, has_discontinuities, has_times, only_decoding_times
from codec.video.container.source import open_source, select_audio, select_video
from codec.video.presentation import Stamped

# Packets held while looking for the keyframe before a time: a film without any is decoded from its start.
_LONGEST_WAIT = 1000
# No picture is said to stay on screen for longer: a forged length would make a file of years.
_LONGEST_HOLD = 86_400
_CLOCK_TIME = re.compile(r"([0-9]{1,6}):([0-9]{1,2}):([0-9]{1,2}(?:\.[0-9]{1,12})?)")


class PictureSource:
    """Decodes a file's pictures and refuses damage: concealed pictures would be coded as if they were the source.

    Attributes:
        container, video: as FFmpeg opened them.

    Raises:
        InputError: here or while iterating; the file can't be read, or a decoder or the container says it is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.container = open_source(path)
        self._structure: Structure | None = None
        self._incomplete: Fraction | None = None
        self._reached: Fraction | None = None
        try:
            self.video = select_video(self.container, path)
            self._audio = select_audio(self.container, self.video, path)
        except BaseException:
            self.container.close()
            raise
        self._packets = Packets(self.container, self.video, self._audio)

    @property
    def can_seek(self) -> bool:
        """Whether a time leads to one place in the file."""
        return has_times(self.container) and not has_discontinuities(self.container)

    def frames(self, skip_until: Fraction | None = None) -> Iterator[Stamped[VideoFrame]]:
        """Frames from the file's start on, or from a keyframe at or before a time on the file's clock."""
        packets = self._checked(self._packets.of(self.video))
        return self._decoded(packets if skip_until is None else _from_keyframe(packets, skip_until))

    def frames_from(self, time: Fraction) -> Iterator[Stamped[VideoFrame]]:
        """The same by the file's index; FFmpegError where it has none."""
        self.container.seek(int(time / (self.video.time_base or 1)), stream=self.video)
        self._packets = Packets(self.container, self.video, self._audio)
        return self.frames()

    def declared_end(self) -> Fraction | None:
        """Where the last picture ends on the file's clock, if the container says so apart from its packets."""
        if self._reached is None or self._packets.clock.bridges:
            return None
        return declared_end(self.container, self.video, self._reached)

    def notes(self, origin: Fraction) -> tuple[str, ...]:
        """What the user should know of how the file was read; times count from `origin`."""
        said = []
        bridges = self._packets.clock.bridges
        if bridges:
            times = "once" if len(bridges) == 1 else f"{len(bridges)} times"
            at = max(Fraction(0), bridges[0] - origin)
            said.append(
                f"The timestamps of {self._path.name} jump {times}, first at {float(at):.1f} s; "
                "it is read as one recording without a gap."
            )
        if self._incomplete is not None:
            at = max(Fraction(0), self._incomplete - origin)
            said.append(
                f"{self._path.name} lacks transport packets at about {float(at):.1f} s; "
                "its decoder finds nothing wrong there, so it is coded."
            )
        return tuple(said)

    def close(self) -> None:
        """Releases the file, unless a read of it never returns."""
        if self._packets.reading:
            return
        if self._structure is not None:
            self._structure.close()
        self.container.close()

    def _decoded(self, packets: Iterator[Packet[VideoStream]]) -> Iterator[Stamped[VideoFrame]]:
        base = self.video.time_base or Fraction(1)
        guessed = only_decoding_times(self.container)
        shown: Fraction | None = None
        try:
            for packet in packets:
                for frame in packet.decode():
                    if frame.is_corrupt:
                        raise self._damaged(shown)
                    pts, dts = (None if ticks is None else ticks * base for ticks in (frame.pts, frame.dts))
                    shown = dts if pts is None else pts
                    yield Stamped(frame, pts, dts, Fraction(0) if guessed else (frame.duration or 0) * base)
        except FFmpegError as error:
            raise self._damaged(shown) from error

    def _checked(self, packets: Iterator[Packet[VideoStream]]) -> Iterator[Packet[VideoStream]]:
        """The packets, as long as the container holds together."""
        for packet in packets:
            self._check_structure(packet)
            if packet.is_corrupt:
                self._note_incomplete()
            if packet.pts is not None:
                time = packet.pts * packet.time_base
                self._reached = time if self._reached is None else max(self._reached, time)
            yield packet
        if self._packets.stopped is not None:
            raise self._damaged(self._reached) from self._packets.stopped

    def _note_incomplete(self) -> None:
        """A transport stream's counter is off, as where two are joined; in other formats the file ends too early."""
        if not has_discontinuities(self.container):
            raise self._damaged(self._reached)
        if self._incomplete is None:
            self._incomplete = self._reached or Fraction(0)

    def _check_structure(self, packet: Packet[VideoStream]) -> None:
        if "matroska" not in self.container.format.name:
            return
        try:
            if self._structure is None:
                self._structure = Structure(self._path, packet.pos or 0)
            whole = self._structure.sound_until(packet.pos if packet.size else None)
        except OSError as error:
            # Moved, deleted or unmounted while it is read: FFmpeg still holds what it opened.
            raise InputError(
                f"{self._path} can no longer be read ({error.strerror}); leave it where it is until its work is done."
            ) from error
        if not whole:
            raise self._damaged(self._reached)

    def _damaged(self, reached: Fraction | None) -> InputError:
        begin = (self.video.start_time or 0) * (self.video.time_base or 0)
        time = float((begin if reached is None else reached) - begin)
        return InputError(
            f"{self._path} is damaged at about {time:.1f} s; get an intact copy, "
            "or code only the part before it by giving a duration."
        )


def _from_keyframe(packets: Iterator[Packet[VideoStream]], time: Fraction) -> Iterator[Packet[VideoStream]]:
    """Packets from the last keyframe on that is shown at or before `time`, found without decoding."""
    held: list[Packet[VideoStream]] = []
    for packet in packets:
        shown = None if packet.pts is None else packet.pts * packet.time_base
        if packet.is_keyframe and shown is not None and shown <= time:
            held.clear()
        held.append(packet)
        if len(held) > _LONGEST_WAIT or packet.size == 0 or (shown is not None and shown > time):
            break
    yield from held
    yield from packets


def declared_end(container: InputContainer, video: VideoStream, reached: Fraction) -> Fraction | None:
    """Where the last picture, shown at `reached`, ends on the file's clock, if a container says so by itself.

    Matroska keeps no duration of a video's packets, but the track's length (a tag that FFmpeg and mkvmerge write) or
    the whole file's, which is the picture's where there is nothing else.
    """
    if "matroska" not in container.format.name or not container.duration:
        return None
    whole = Fraction(container.duration, 1_000_000)
    said = [value for key, value in video.metadata.items() if key.split("-")[0] == "DURATION"]
    end = _clock_time(said[0]) if said else None
    if end is None and len(container.streams) == 1:
        end = whole
    return None if end is None or end - reached > _LONGEST_HOLD else min(end, whole)


def _clock_time(text: str) -> Fraction | None:
    """Seconds of "HH:MM:SS.fraction"; None of anything else, such as a number whose exponent fills all memory."""
    found = _CLOCK_TIME.fullmatch(text)
    return None if found is None else int(found[1]) * 3600 + int(found[2]) * 60 + Fraction(found[3])
