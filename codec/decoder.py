"""`.fgvc` to frames, whole or from any chain of GOPs on.

record -> base pictures -> replay of the trajectory to t* -> clean latent -> overlap fused with the next GOP's ->
frames, which are written while the next ones are made. Holds two GOPs, and pieces of a third, at a time.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path

from codec.decoding.chain import decode_records
from codec.decoding.elsewhere import chains, decode_elsewhere
from codec.decoding.prior import differences, prior_for
from codec.decoding.retarget import StepChoice, has_spare_steps, step_choice
from codec.decoding.sink import DecodedItem, Sink
from codec.decoding.sound import track_of
from codec.events import Event, Phase, Stage, Warned
from codec.files import check_output
from codec.format.reader import BitstreamReader
from codec.parallel.ahead import ahead
from codec.parallel.units import Workers
from codec.priors.base import Condition, VideoPrior
from codec.settings import DecodeSettings
from codec.video import Colour, VideoWriter


def decode(source: Path, output: Path, settings: DecodeSettings, workers: Workers | None = None) -> Iterator[Event]:
    """Decode the file `source` into the video `output`; closing the generator leaves nothing behind.

    A truncated or damaged file gives all GOPs that are whole, and says what is lost.

    Args:
        workers: decode chains on them, several at a time, for the same pictures as without.

    Raises:
        InputError: the file can't be opened.
        FormatError: it is no `.fgvc` file, or holds no whole GOP.
        PriorError: the prior that wrote it is missing or differs.
        OutputError: the video can't be written.
        SettingsError: the file can't be re-targeted to this goal.
    """
    check_output(source, output)
    yield Phase(Stage.OPENING)
    with BitstreamReader(source) as reader:
        choose = step_choice(settings.goal, reader.header)
        if settings.goal is not None and not has_spare_steps(reader):
            yield Warned(
                f"{source.name} is played as it is: it holds no steps that could be left out for a lower goal."
            )
        # Before the prior is loaded, so that an output that can't be written is refused at once.
        with _open_writer(output, reader, settings) as writer:
            yield Phase(Stage.LOADING)
            prior = prior_for(reader.header, settings)
            yield from map(Warned, (*prior.notes, *differences(reader.header, prior)))
            yield Phase(Stage.DECODING)
            sink = Sink(reader, writer, settings.audio)
            items = _items(reader, prior, settings, choose, workers)
            # Pictures are written while the next ones are made.
            with closing(ahead(items, "making pictures")) as made:
                for item in made:
                    yield from sink.take(item)
            sink.finish()
        yield sink.finished(output)


def _items(
    reader: BitstreamReader,
    prior: VideoPrior[Condition],
    settings: DecodeSettings,
    choose: StepChoice,
    workers: Workers | None,
) -> Generator[DecodedItem, None, None]:
    """All of the file, chain after chain; by workers where there are some, and more than one chain for them."""
    tasks = chains(reader, settings)
    if workers is None or len(tasks) == 1:
        return decode_records(reader.header, prior, reader.records(), choose)
    return decode_elsewhere(tasks, workers)


def _open_writer(output: Path, reader: BitstreamReader, settings: DecodeSettings) -> VideoWriter:
    header = reader.header
    colour = header.colour
    return VideoWriter(
        output,
        header.source_width,
        header.source_height,
        frame_rate=header.frame_rate,
        time_base=header.time_base if header.variable_timing else 1 / header.frame_rate,
        colour=Colour(colour.primaries, colour.transfer, colour.matrix, colour.range),
        audio=track_of(reader.path, header.audio) if header.audio is not None and settings.audio else None,
    )
