"""How encodes scale: one worker against two, what an engine costs a unit, and a simulation of many nodes from that.

    python -m benchmarks.speed.scaling ../shared/data/clips [--scenes 8] [--frames 24] [--units 40] [--ray]

Measured: a film of some scenes, encoded by one and by two processes of one thread in one run, by the clock and by CPU
time. The latter tells what two free cores would do where this machine is busy with other things: the longest course of
one worker and of who reads and writes, all else being waited for. Then what a unit costs beyond its work, with the
pool and with Ray (--ray starts a cluster of one node on this machine; run it where nobody can reach that).

Simulated: films of 4 to 128 such scenes on two workers, and units of the measured lengths on up to 1,000 nodes, one
unit each at a time, with the assumptions named in `Assumed`.
"""

from __future__ import annotations

import argparse
import heapq
import math
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np
import torch

from benchmarks import results
from benchmarks.clips import read_clip, write_source
from codec.encoder import encode
from codec.parallel.cluster import Cluster
from codec.parallel.here import Here
from codec.parallel.pool import Pool
from codec.parallel.units import Message, Returned, Work, Workers, all_wanted
from codec.settings import EncodeSettings
from codec.video import VideoReader, scaled_picture
from codec.video.cutting import Cutter

CLIPS = ("03", "06", "10", "14")
WIDTH, HEIGHT = 426, 240
NODES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)
SCENES = (4, 8, 16, 32, 64, 128)
HOUR = 3600


@dataclass(frozen=True)
class Unit:
    """One scene's encode: frames, seconds by the clock and of one CPU, and which worker did it."""

    frames: int
    wall: float
    cpu: float
    worker: int


@dataclass
class Timed:
    """Workers whose units are timed where they run; a `Workers`."""

    workers: Workers
    units: list[Unit] = field(default_factory=list)

    @property
    def count(self) -> int:
        """See `Workers`."""
        return self.workers.count

    def run(
        self, work: Work, tasks: Iterable[Any], is_wanted: Callable[[int], bool] = all_wanted
    ) -> Generator[Message, None, None]:
        """See `Workers`."""
        with closing(self.workers.run(partial(_timed, work), tasks, is_wanted)) as messages:
            for message in messages:
                if isinstance(message, Returned):
                    self.units.append(message.value)
                    yield Returned(message.unit, None)
                else:
                    yield message


def _timed(work: Work, task: Any) -> Generator[Any, None, Unit]:
    import os

    wall, cpu = time.perf_counter(), time.process_time()
    yield from work(task)
    frames = len(task.segment.pixels)
    return Unit(frames, time.perf_counter() - wall, time.process_time() - cpu, os.getpid())


# --- Measured ------------------------------------------------------------------------------------------------------


def film(folder: Path, clips: Path, scenes: int, frames: int) -> tuple[Path, float]:
    """So many scenes of so many frames, lossless; and its seconds."""
    stretches = scenes // len(CLIPS)
    whole = [read_clip(clips, number, HEIGHT, stretches * frames)[0] for number in CLIPS]
    # Two stretches of one clip never follow each other, so that each scene is one.
    cut = [clip[first : first + frames] for first in range(0, stretches * frames, frames) for clip in whole]
    ordered = [scaled_picture(picture, WIDTH, HEIGHT) for scene in cut for picture in scene]
    write_source(np.stack(ordered), Fraction(25), folder / "film.mkv")
    return folder / "film.mkv", len(ordered) / 25


def speed_up(source: Path, folder: Path) -> dict[str, Any]:
    """One worker and two, one after the other; each worker has opened its networks before."""
    found: dict[str, Any] = {}
    for count in (1, 2):
        with Pool(count) as pool:
            for _ in encode(source, folder / "warm.fgvc", EncodeSettings(duration=1.0, audio="none"), pool):
                pass
            timed = Timed(pool)
            wall, cpu = time.perf_counter(), time.process_time()
            for _ in encode(source, folder / f"{count}.fgvc", EncodeSettings(audio="none"), timed):
                pass
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        busy: Counter[int] = Counter()
        for unit in timed.units:
            busy[unit.worker] += unit.cpu  # type: ignore[assignment]  # a Counter of seconds
        course = max(max(busy.values()), cpu)
        found[str(count)] = {
            "wall_s": wall,
            "driver_cpu_s": cpu,
            "workers_cpu_s": sorted(busy.values()),
            "longest_course_cpu_s": course,
            "units": [asdict(unit) for unit in timed.units],
        }
    assert (folder / "1.fgvc").read_bytes() == (folder / "2.fgvc").read_bytes()
    one, two = found["1"], found["2"]
    found["speed_up_by_the_clock"] = one["wall_s"] / two["wall_s"]
    found["speed_up_by_cpu_time"] = one["longest_course_cpu_s"] / two["longest_course_cpu_s"]
    return found


def reading(source: Path) -> float:
    """Frames a second of one CPU that are read, scaled and cut: what feeds the workers of one file."""
    cpu = time.process_time()
    with VideoReader(source, size=(WIDTH, HEIGHT)) as reader:
        frames = sum(len(segment.pixels) for segment in Cutter(48, 4).cut(reader.frames()))
    return frames / (time.process_time() - cpu)


def small(task: Any) -> Generator[str, None, int]:
    """A unit without work, which tells one thing."""
    yield "something"
    return len(task)


def overheads(count: int, ray: bool) -> dict[str, dict[str, float]]:
    """Seconds a unit costs beside its work: without anything to carry, and with a segment of 240 pictures."""
    segment = np.zeros((240, HEIGHT, WIDTH, 3), np.uint8)
    found = {}
    for name, opened in (("here", nullcontext(Here())), ("pool", Pool(1)), ("ray", _ray() if ray else None)):
        if opened is None:
            continue
        with opened as workers:
            list(workers.run(small, [b""]))
            found[name] = {"empty_s": _per_unit(workers, [b""] * count), "segment_s": _per_unit(workers, [segment] * 5)}
    return found


def _per_unit(workers: Workers, tasks: list[Any]) -> float:
    began = time.perf_counter()
    list(workers.run(small, tasks))
    return (time.perf_counter() - began) / len(tasks)


def _ray() -> Cluster:
    from ray.cluster_utils import Cluster as Nodes

    nodes = Nodes(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    return Cluster(nodes.address, gpu=False, home={})


# --- Simulated -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Assumed:
    """What the simulation takes for granted; nothing of it was measured.

    Attributes:
        network: bytes a second that one machine sends or receives.
        weights: bytes that every node gets once; nodes that have them pass them on.
        start_s: until a new worker has imported everything and opened its networks.
        slow_share, slow_factor: of units that take so many times as long (a busy neighbour, a hot CPU).
        spread: standard deviation of a unit's length, in logarithm, beside that.
    """

    network: float = 1.25e9
    weights: float = 24e6
    start_s: float = 8.0
    slow_share: float = 0.01
    slow_factor: float = 3.0
    spread: float = 0.1


@dataclass(frozen=True)
class Load:
    """What is to be done: units of `cpu_s` seconds and `bytes` to carry, of which one is ready every `every_s`."""

    count: int
    cpu_s: float
    bytes: float
    every_s: float


def makespan(load: Load, nodes: int, assumed: Assumed, seed: int) -> float:
    """Seconds until all units are done: each goes to the node that is free first, when it is ready and has arrived."""
    chance = random.Random(seed)
    arrival = assumed.weights / assumed.network * (1 + math.log2(nodes)) + assumed.start_s
    free = [arrival] * nodes
    sent = end = 0.0
    for number in range(load.count):
        ready = (number + 1) * load.every_s
        node = heapq.heappop(free)
        # One machine sends all of it, one after the other.
        sent = max(sent, ready) + load.bytes / assumed.network
        length = load.cpu_s * math.exp(chance.gauss(0.0, assumed.spread))
        length *= assumed.slow_factor if chance.random() < assumed.slow_share else 1.0
        done = max(node, sent) + length
        heapq.heappush(free, done)
        end = max(end, done)
    return end


def simulate(load: Load, assumed: Assumed) -> list[dict[str, float]]:
    """By nodes: seconds (median of 9), speed-up against one node, and efficiency."""
    times = {nodes: median(makespan(load, nodes, assumed, seed) for seed in range(9)) for nodes in NODES}
    return [
        {"nodes": nodes, "seconds": seconds, "speed_up": times[1] / seconds, "efficiency": times[1] / seconds / nodes}
        for nodes, seconds in times.items()
    ]


def two_workers(units: Sequence[float], driver_s: float) -> dict[str, float]:
    """Speed-up at two free workers by the number of a film's scenes: what the last scene's end leaves of 2.

    Median of 99 films of scenes drawn from the measured ones, each dealt to who is free first.

    Args:
        units: CPU seconds of scenes.
        driver_s: of who reads and writes, a scene, which is taken to overlap with nothing.
    """
    chance = random.Random(1)
    found = {}
    for scenes in SCENES:
        speed_ups = []
        for _ in range(99):
            free = [0.0, 0.0]
            for length in (lengths := chance.choices(units, k=scenes)):
                heapq.heapreplace(free, free[0] + length)
            speed_ups.append((sum(lengths) + scenes * driver_s) / (max(free) + scenes * driver_s))
        found[str(scenes)] = median(speed_ups)
    return found


def loads(cpu_per_frame: float, read_fps: float) -> dict[str, Load]:
    """An hour's film of scenes of 120 frames by one reader; and a thousand clips of ten seconds, read by who codes."""
    pixels = 120 * WIDTH * HEIGHT * 3
    return {
        "one film of an hour, 25 fps": Load(HOUR * 25 // 120, 120 * cpu_per_frame, pixels, 120 / read_fps),
        "10,000 clips of 10 s": Load(10_000, 250 * (cpu_per_frame + 1 / read_fps), 2e6, 0.0),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, help="the folder of shared clips")
    parser.add_argument("--scenes", type=int, default=8, help="a multiple of four (default: 8)")
    parser.add_argument("--frames", type=int, default=24, help="of each scene (default: 24)")
    parser.add_argument("--units", type=int, default=40, help="without work, to measure what a unit costs")
    parser.add_argument("--ray", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    # Before what takes long: whether there is a Ray that starts is known at once.
    overhead = overheads(arguments.units, arguments.ray)
    with tempfile.TemporaryDirectory() as name:
        source, seconds = film(Path(name), arguments.clips, arguments.scenes, arguments.frames)
        measured = speed_up(source, Path(name))
        read_fps = reading(source)
    units = [unit for count in ("1", "2") for unit in measured[count]["units"]]
    cpu_per_frame = fmean(unit["cpu"] / unit["frames"] for unit in units)
    driver_s = measured["2"]["driver_cpu_s"] / arguments.scenes
    core_s = (measured["1"]["workers_cpu_s"][0] + measured["1"]["driver_cpu_s"]) / seconds
    figures = {
        "measured": {
            **measured,
            "film_s": seconds,
            "cpu_s_per_frame": cpu_per_frame,
            "read_fps": read_fps,
            "core_hours_per_hour": core_s,
            "overhead": overhead,
        },
        "assumed": asdict(Assumed()),
        "simulated": {name: simulate(load, Assumed()) for name, load in loads(cpu_per_frame, read_fps).items()},
        "two_workers_by_scenes": two_workers([unit["cpu"] for unit in units], driver_s),
    }
    print(results.save("scaling", figures, uses_weights=True))


if __name__ == "__main__":
    main()
