"""A finished file made smaller without coding again: the last steps of its GOPs are left out, or its sound.

No network is needed, and nothing is decoded: a record's steps are a ladder, of which any beginning decodes.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path

from codec.decoding.retarget import StepChoice, sent_quality, step_choice
from codec.errors import FormatError, SettingsError
from codec.events import Event, GopDone, Phase, Stage, Warned
from codec.files import check_output, sole_writer
from codec.format.header import Header, Target
from codec.format.info import finished, stored_gop
from codec.format.limits import MAX_PROBES
from codec.format.reader import BitstreamReader, Damage
from codec.format.records import EndRecord, GopRecord
from codec.format.writer import BitstreamWriter
from codec.settings import DecodeSettings


def save_smaller(source: Path, output: Path, settings: DecodeSettings) -> Iterator[Event]:
    """Write `output`, a `.fgvc` file that plays as `source` would at `settings`; closing the generator leaves nothing.

    Raises:
        InputError: the source can't be opened.
        FormatError: it is no `.fgvc` file, or has lost a GOP.
        OutputError: the result can't be written.
        SettingsError: it can't be re-targeted to this goal, or nothing can be left out for it.
    """
    check_output(source, output)
    yield Phase(Stage.OPENING)
    with sole_writer(output), BitstreamReader(source) as reader:
        if reader.version == 1 and reader.header.base_codec != "none":
            raise SettingsError(
                f"{source} is in version 1 of the format, whose base isn't written any more; encode its source again."
            )
        # Without a goal every step stays, those that were kept beyond the encoder's choice too.
        choose = None if settings.goal is None else step_choice(settings.goal, reader.header)
        with BitstreamWriter(output, _header(reader.header, settings)) as writer:
            try:
                done = yield from _copy(reader, writer, choose, settings.audio)
                yield Phase(Stage.FINISHING)
                _end(writer, reader.end, same_pictures=choose is None)
            except BaseException:
                writer.abort()
                raise
    yield finished(output, done)


def _end(writer: BitstreamWriter, end: EndRecord | None, same_pictures: bool) -> None:
    if end is None:
        writer.finish(complete=False)
        return
    quality = end.quality_at_source if same_pictures else None
    writer.finish(complete=end.complete, last_duration=end.last_duration, quality_at_source=quality)


def _header(header: Header, settings: DecodeSettings) -> Header:
    target = header.target if settings.goal is None else Target.of(settings.goal)
    return replace(header, target=target, audio=header.audio if settings.audio else None)


def _copy(
    reader: BitstreamReader, writer: BitstreamWriter, choose: StepChoice | None, audio: bool
) -> Generator[Event, None, tuple[GopDone, ...]]:
    """Records with what is wanted of them."""
    done: list[GopDone] = []
    left_out = 0
    for record in reader.records():
        if isinstance(record, GopRecord):
            if record.index != len(done):
                raise FormatError(
                    f"{reader.path} has lost GOP {len(done)}; only of a whole file is a smaller one made."
                )
            shorter = record if choose is None else shortened(record, choose(record))
            left_out += sum(map(len, record.steps)) - sum(map(len, shorter.steps))
            writer.append_gop(shorter)
            done.append(stored_gop(shorter, shorter.t_star, None if reader.end is None else reader.end.frames))
            yield done[-1]
        elif isinstance(record, Damage):
            yield Warned(record.message)
        elif audio:
            writer.append_audio(record)
        else:
            left_out += sum(len(packet.data) for packet in record.packets)
    if reader.end is not None and len(done) != len(reader.end.index):
        raise FormatError(f"{reader.path} has lost GOP {len(done)}; only of a whole file is a smaller one made.")
    if not left_out:
        raise SettingsError(f"Nothing of {reader.path} can be left out for this goal; encode its source again.")
    return tuple(done)


def shortened(record: GopRecord, sent: int) -> GopRecord:
    """A GOP with its first `sent` steps only.

    Where that is not where its encoder stopped, nothing is known of the latent state there.
    """
    known = sent == record.sent
    qualities = sent_quality(record)
    shorter = replace(
        record,
        sent=sent,
        steps=record.steps[:sent],
        z_hash=record.z_hash if known else b"",
        fingerprint=record.fingerprint if known else b"",
        quality=None,
        probes=(),
    )
    before = tuple(point for point in record.measured() if point[0] < shorter.t_star)
    return replace(shorter, quality=qualities.get(sent), probes=before[-MAX_PROBES:])
