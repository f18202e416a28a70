"""What each task does, as a generator of what it tells. Torch is imported by those that need it, when they run."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any, get_args

from codec.decoding.retarget import step_choice
from codec.errors import FreeGvcError, SettingsError, TooSmallError
from codec.events import Event, Phase, PreviewReady, Stage, Warned
from codec.format.header import Header
from codec.format.reader import BitstreamReader, Damage, chain_of
from codec.format.records import AudioRecord, GopRecord
from codec.peers.events import Absent, Compared, PeerTrial
from codec.settings import DecodeSettings
from codec.store.tasks import StoreTask, carry_out
from codec.video import scaled_picture
from codec.worker.tasks import (
    Compare,
    Decode,
    Encode,
    Machine,
    Measure,
    Measured,
    Play,
    Reached,
    SaveSmaller,
    Survey,
    Task,
    Told,
)

if TYPE_CHECKING:
    from codec.metrics.base import Metric
    from codec.priors.base import Condition, VideoPrior

MEASURED = ("psnr", "ms-ssim", "dists", "lpips")
COMPARED = ("psnr", "ms-ssim", "dists")
JUDGED_FRAMES = 48


class Handlers:
    """The handler of every kind of task, and what they keep from one task to the next.

    Attributes:
        _prior: the last prior that Play loaded, by the header's and the machine's wishes.
        _judges: the metrics that Measure has loaded; every picture that rests is measured.
    """

    def __init__(self) -> None:
        self._prior: tuple[object, VideoPrior[Condition]] | None = None
        self._judges: dict[str, Metric] = {}
        self._of: Mapping[type, Callable[[Any], Iterator[Told]]] = {
            Encode: _encode,
            Decode: _decode,
            SaveSmaller: _save_smaller,
            Play: self._play,
            Measure: self._measure,
            Compare: _compare,
            Survey: _survey,
            **dict.fromkeys(get_args(StoreTask), carry_out),
        }

    def run(self, task: Task) -> Generator[Told, None, None]:
        """What the task tells; closing the generator cancels it."""
        yield from self._of[type(task)](task)

    def _play(self, task: Play) -> Iterator[Event | Reached]:
        from codec.decoding.chain import decode_records
        from codec.decoding.sink import Decoded
        from codec.trajectory.assembly import Pictures

        with BitstreamReader(task.source) as reader:
            yield Phase(Stage.LOADING)
            prior = self._prior_for(reader.header, task.settings)
            yield Phase(Stage.DECODING)
            choose = step_choice(task.settings.goal, reader.header)
            for item in decode_records(reader.header, prior, _from_chain(reader, task.first_frame), choose):
                if isinstance(item, Decoded):
                    yield Reached(item.record.index)
                elif isinstance(item, Pictures):
                    yield PreviewReady(item.gop, item.start_frame, item.frames)
                    if item.start_frame + len(item.frames) >= task.first_frame + task.frames:
                        return
                elif isinstance(item, Warned):
                    yield item

    def _prior_for(self, header: Header, settings: DecodeSettings) -> VideoPrior[Condition]:
        from codec.decoding.prior import prior_for

        # Of a trajectory only this is checked: files that differ in no more than their seed share a prior.
        schedule = None if header.trajectory is None else header.trajectory.schedule
        key = (header.prior_id, header.weights_hash, schedule, header.dtype, settings.device, settings.dtype)
        if self._prior is None or self._prior[0] != key:
            # Let go before the next one is loaded: no machine need hold two large ones.
            self._prior = None
            self._prior = (key, prior_for(header, settings))
        return self._prior[1]

    def _measure(self, task: Measure) -> Iterator[Measured]:
        height, width = task.distorted.shape[:2]
        pair = (scaled_picture(task.reference, width, height)[None], task.distorted[None])
        values: dict[str, float] = {}
        refusals: list[FreeGvcError] = []
        for name in task.metrics or MEASURED:
            try:
                values[name] = float(self._judge(name)(*pair)[0])
            except (SettingsError, TooSmallError) as error:
                refusals.append(error)
        if refusals and not values:
            raise refusals[0]
        yield Measured(task.frame, width, height, values)

    def _judge(self, name: str) -> Metric:
        """A metric, loaded once (raises what `metric` does while this machine lacks what it needs)."""
        from codec.metrics.catalog import metric

        if name not in self._judges:
            self._judges[name] = metric(name)
        return self._judges[name]


def _encode(task: Encode) -> Iterator[Event]:
    from codec.encoder import encode
    from codec.encoding.elsewhere import own_workers

    with own_workers(task.source, task.settings) as workers:
        yield from encode(task.source, task.output, task.settings, workers)


def _decode(task: Decode) -> Iterator[Event]:
    from codec.decoder import decode
    from codec.decoding.elsewhere import own_workers

    with own_workers(task.source, task.settings) as workers:
        yield from decode(task.source, task.output, task.settings, workers)


def _save_smaller(task: SaveSmaller) -> Iterator[Event]:
    from codec.decoding.smaller import save_smaller

    return save_smaller(task.source, task.output, task.settings)


def _from_chain(reader: BitstreamReader, frame: int) -> Iterator[GopRecord | AudioRecord | Damage]:
    """Records from the last chain that begins at or before `frame`; a chain can only be decoded from its start."""
    return reader.records(chain_of(reader.index(), frame))


def _compare(task: Compare) -> Iterator[PeerTrial | Compared | Absent | Warned]:
    from codec.metrics.catalog import ready
    from codec.peers.codecs import PEERS
    from codec.peers.compare import compare

    absent = {name: reason for name in task.peers if (reason := PEERS[name].missing()) is not None}
    yield from (Absent(name, reason) for name, reason in absent.items())
    metrics, _ = ready(COMPARED)
    names = [name for name in task.peers if name not in absent]
    yield from compare(task.source, task.coded, names, metrics, task.start, JUDGED_FRAMES, task.deinterlace)


def _survey(_: Survey) -> Iterator[Machine]:
    import torch

    from codec.priors.catalog import PRIORS

    if not torch.cuda.is_available():
        yield Machine(tuple(PRIORS), None, 0)
        return
    device = torch.cuda.get_device_properties(0)
    yield Machine(tuple(PRIORS), device.name, device.total_memory)
