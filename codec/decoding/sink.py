"""What a decode makes of decoded items: frames and audio in the output at their times, and events for the user."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from codec.errors import FormatError
from codec.events import Event, Finished, GopDone, PreviewReady, StepCoded, Warned
from codec.format.info import quality_of, seconds_shown, stored_gop
from codec.format.reader import BitstreamReader
from codec.format.records import AudioPacket, AudioRecord, GopRecord
from codec.goals import goal_of_kind
from codec.trajectory.assembly import Pictures
from codec.video import VideoWriter

# Twenty years: every container's clock holds that, and only a forged file says more.
MAX_SECONDS = 600_000_000
# A day, which MP4's 32 bits hold at 48 kHz: a longer hole in sound would be filled with silence for ever.
MAX_SILENCE = 86_400


@dataclass(frozen=True)
class Decoded:
    """A GOP's record was replayed: `sent` of its steps."""

    record: GopRecord
    sent: int


DecodedItem = Pictures | Decoded | StepCoded | Warned | AudioRecord


@dataclass
class Sink:
    """Puts decoded items into the output, each frame at its own time.

    Where frames were lost the last good one stays on screen, so that picture and sound stay together.
    """

    reader: BitstreamReader
    writer: VideoWriter
    audio: bool
    times: dict[int, Fraction] = field(default_factory=dict)
    last: Fraction | None = None
    written: int = 0
    heard: Fraction = Fraction(0)
    audio_bytes: int = 0
    skipped_bytes: int = 0
    done: list[GopDone] = field(default_factory=list)

    def take(self, item: DecodedItem) -> Iterator[Event]:
        """Write what is to be written and tell what is to be told."""
        if isinstance(item, Pictures):
            yield PreviewReady(item.gop, item.start_frame, item.frames)
            self._write(item)
        elif isinstance(item, AudioRecord):
            self._write_audio(item)
        elif isinstance(item, Decoded):
            self._note(item)
            yield self.done[-1]
        else:
            yield item

    def finish(self) -> None:
        """Refuse an empty result, and keep the last frame on screen for its time.

        Raises:
            FormatError: not one frame could be decoded.
        """
        if self.written == 0:
            raise FormatError(f"{self.reader.path} holds no frame that can be decoded; ask for the file again.")
        assert self.last is not None
        self.writer.hold(self._seconds(self.last))

    def _seconds(self, last: Fraction) -> Fraction:
        seconds = seconds_shown(self.reader.header, last, self.reader.end)
        return seconds if seconds <= MAX_SECONDS else last + 1 / self.reader.header.frame_rate

    def finished(self, output: Path) -> Finished:
        """The closing event; its sizes and rates are those of the `.fgvc` file, less the steps that were not played."""
        header, end = self.reader.header, self.reader.end
        size = self.reader.path.stat().st_size
        audio = self.audio_bytes if end is None else end.audio_bytes
        bits = 8 * (size - audio - self.skipped_bytes)
        seconds = float(self._seconds(self.last or Fraction(0)))
        measured = goal_of_kind(header.metric)
        return Finished(
            path=output,
            bytes=size,
            audio_bytes=audio,
            base_bytes=sum(gop.base_bits for gop in self.done) // 8,
            frames=self.written,
            bpp=bits / (self.written * header.coding_width * header.coding_height),
            kbps=bits / seconds / 1000,
            audio_kbps=8 * audio / seconds / 1000,
            source_width=header.source_width,
            source_height=header.source_height,
            coding_width=header.coding_width,
            coding_height=header.coding_height,
            metric="" if measured is None else measured.name,
            quality=quality_of(self.done),
            quality_at_source=None if end is None or self.skipped_bytes else end.quality_at_source,
            gops=tuple(self.done),
        )

    def _write(self, made: Pictures) -> None:
        for number, picture in enumerate(made.frames, made.start_frame):
            time = self._time(number)
            # A GOP's first frames have no times of their own where the GOP before it, which holds them, was lost. Of
            # those that fall into one tick of the video's clock, of which a second has 90,000, the first one is seen.
            if time is None or not self.writer.follows(time):
                continue
            self.writer.write(picture, time)
            self.last = time
            self.written += 1

    def _time(self, frame: int) -> Fraction | None:
        header = self.reader.header
        time = self.times.pop(frame, None) if header.variable_timing else frame / header.frame_rate
        if time is not None and not 0 <= time <= MAX_SECONDS:
            raise FormatError(f"{self.reader.path} shows frame {frame} at an impossible time; encode the source again.")
        return time

    def _note(self, item: Decoded) -> None:
        record = item.record
        end = self.reader.end
        self.skipped_bytes += sum(map(len, record.steps[item.sent :]))
        t_star = (record.restoration or 0) + item.sent
        self.done.append(stored_gop(item.record, t_star, None if end is None else end.frames))
        first = record.start_frame + record.overlap
        for number, ticks in enumerate(record.pts or (), first):
            self.times[number] = ticks * self.reader.header.time_base

    def _write_audio(self, record: AudioRecord) -> None:
        self.audio_bytes += sum(len(packet.data) for packet in record.packets)
        if self.audio:
            for packet in record.packets:
                self._check_heard(packet)
                self.writer.write_audio(packet)

    def _check_heard(self, packet: AudioPacket) -> None:
        assert self.reader.header.audio is not None
        time = packet.pts * self.reader.header.audio.time_base
        if time > MAX_SECONDS or time > self.heard + MAX_SILENCE:
            raise FormatError(
                f"{self.reader.path} holds sound at an impossible time; "
                "leave it out (--no-audio), or encode the source again."
            )
        self.heard = max(self.heard, time)
