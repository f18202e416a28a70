"""Where an encode's time goes: how much of it each room takes, with and without a base layer.

    python -m benchmarks.speed.encode_time CLIPS [--clips 03 10] [--seconds 2] [--lines 144]

One thread. Every call into a room is timed from outside, so the shares are of one and the same run; what is left over
is reading, scaling, alignment and writing. SVT-AV1 has threads of its own: of the base layer only what is waited for.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import wraps
from pathlib import Path
from types import FunctionType
from typing import Any

import torch

from benchmarks.clips import clip_path
from benchmarks.results import save
from codec.base.av1 import BaseEncoder, BaseReader
from codec.channel.trellis import TrellisCoder
from codec.encoder import encode
from codec.events import Finished
from codec.metrics.dists import Dists
from codec.metrics.pocket_dists import PocketDists
from codec.priors.pocket import PocketPrior
from codec.settings import EncodeSettings, Quality

Seconds = dict[str, float]
# The base and the target of each row; without a base the lowest rates that the pocket prior has, and its highest.
RUNS = (("auto", 0.15), ("auto", 0.1), ("none", 0.35), ("none", 0.3), ("none", 0.2))
ROOMS = ("networks", "metric", "base layer", "channel")
_END = object()


@dataclass(frozen=True)
class TimedRow:
    """One encode; `shares` of its time by room."""

    clip: str
    base: str
    target: float
    bpp: float
    t_star: float
    fps: float
    shares: dict[str, float]


@dataclass
class Room:
    """What is counted towards one room: calls, and what they hand out to be called or gone through later."""

    name: str
    spent: Seconds

    @contextmanager
    def counting(self, owner: type, method: str) -> Iterator[None]:
        """Count all calls of a method, for as long as the context lasts."""
        original: Callable[..., Any] = getattr(owner, method)
        setattr(owner, method, self.counted(original))
        try:
            yield
        finally:
            setattr(owner, method, original)

    def counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """The same, counted."""

        @wraps(call)
        def counting(*args: Any, **kwargs: Any) -> Any:
            with self._clock():
                made = call(*args, **kwargs)
            if isinstance(made, Generator):
                return self._stepped(made)
            return self.counted(made) if isinstance(made, FunctionType) else made

        return counting

    def _stepped(self, made: Generator[Any, None, Any]) -> Iterator[Any]:
        while True:
            with self._clock():
                item = next(made, _END)
            if item is _END:
                return
            yield item

    @contextmanager
    def _clock(self) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.spent[self.name] += time.perf_counter() - start


def rooms() -> tuple[tuple[type, str, str], ...]:
    """(class, method, room): no method listed here calls another."""
    networks = ((PocketPrior, name, "networks") for name in ("prepare", "restore", "encode", "denoise", "preview"))
    base = ((BaseEncoder, "push"), (BaseEncoder, "finish"), (BaseReader, "read"))
    judges = ((Dists, "__call__"), (Dists, "against"), (PocketDists, "__call__"))
    return (
        *networks,
        *((*one, "base layer") for one in base),
        (TrellisCoder, "encode", "channel"),
        *((*one, "metric") for one in judges),
    )


def run(path: Path, settings: EncodeSettings) -> tuple[Finished, Seconds]:
    """Encode a clip; the result and the seconds of every room, `total` included."""
    spent: Seconds = defaultdict(float)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        for owner, method, room in rooms():
            stack.enter_context(Room(room, spent).counting(owner, method))
        start = time.perf_counter()
        *_, last = encode(path, Path(folder) / "clip.fgvc", settings)
        spent["total"] = time.perf_counter() - start
    assert isinstance(last, Finished)
    return last, spent


def row(clip: str, base: str, target: float, finished: Finished, spent: Seconds) -> TimedRow:
    """What is kept of one encode."""
    depth = sum(gop.t_star for gop in finished.gops) / len(finished.gops)
    shares = {room: spent[room] / spent["total"] for room in ROOMS}
    return TimedRow(clip, base, target, finished.bpp, depth, finished.frames / spent["total"], shares)


def line(row: TimedRow) -> str:
    """One line of the table."""
    shares = " ".join(f"{share:11.1%}" for share in row.shares.values())
    return f"{row.clip:28} {row.base:5} {row.target:6.2f} {row.bpp:7.4f} {row.t_star:7.1f} {row.fps:6.2f} {shares}"


def main() -> None:
    """Print the table, and keep it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", nargs="+", default=["03", "10"])
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--lines", type=int, default=144)
    args = parser.parse_args()
    torch.set_num_threads(1)
    columns = " ".join(f"{room:>11}" for room in ROOMS)
    print(f"{'clip':28} {'base':5} {'target':>6} {'bpp':>7} {'mean t*':>7} {'fps':>6} {columns}")
    found: list[TimedRow] = []
    for path in (clip_path(args.folder, number) for number in args.clips):
        for base, target in RUNS:
            settings = EncodeSettings(
                goal=Quality(target), base=base, short_side=args.lines, duration=args.seconds, audio="none"
            )
            found.append(row(path.stem[:28], base, target, *run(path, settings)))
            print(line(found[-1]), flush=True)
    save("encode_time", {"lines": args.lines, "rows": [asdict(one) for one in found]}, uses_weights=True)


if __name__ == "__main__":
    main()
