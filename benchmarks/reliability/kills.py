"""Encodes of several segments that are killed at random moments: is anything lost that was announced?

Run by `__main__.py`. Each encode is a forked process of its own that has everything imported already, is ended by
SIGKILL, and has told its GOPs through a pipe as they were announced.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import torch

from benchmarks.clips import write_source
from codec.encoder import encode
from codec.events import GopDone
from codec.files import part_path
from codec.format.reader import BitstreamReader
from codec.format.records import GopRecord
from codec.priors.catalog import open_prior
from codec.settings import Bitrate, EncodeSettings, Quality, Size
from tests.data.make import scene

SCENES, SCENE_FRAMES, GOP_FRAMES = 3, 12, 8
WIDTH, HEIGHT = 64, 48
_PLAIN = EncodeSettings(short_side=HEIGHT, audio="none", gop_frames=GOP_FRAMES)
MODES: Mapping[str, EncodeSettings] = {
    "quality": replace(_PLAIN, goal=Quality(0.15)),
    "bitrate": replace(_PLAIN, goal=Bitrate(20_000)),
    "size": replace(_PLAIN, goal=Size(20_000)),
    # The paper's own way: a trajectory of many steps a GOP, with the prior that needs no weights.
    "trajectory": replace(_PLAIN, goal=Bitrate(40_000), prior="gaussian", base="none"),
}


@dataclass(frozen=True)
class Killed:
    """One encode and what became of it.

    Attributes:
        kills: seconds after which each run was ended; the last run, which came to its end, is not among them.
        announced: GOPs told before each kill.
        kept: GOPs readable in the part after each kill.
        lost: announced, but not readable.
        equal: whether the finished file is that of an encode nobody disturbed.
    """

    mode: str
    number: int
    kills: tuple[float, ...]
    announced: tuple[int, ...]
    kept: tuple[int, ...]
    lost: int
    equal: bool


def make_source(path: Path) -> Path:
    """Four scenes, of two GOPs each."""
    pictures = [
        picture for seed in range(SCENES) for picture in scene(seed, WIDTH, HEIGHT, SCENE_FRAMES, SCENE_FRAMES / 24)
    ]
    write_source(np.stack(pictures), Fraction(24), path)
    return path


class Killer:
    """Disturbs encodes of one source.

    Args:
        folder: for the source, the undisturbed results and those at work.
    """

    def __init__(self, folder: Path) -> None:
        torch.set_num_threads(1)
        open_prior("pocket", "cpu", "float32")  # what forks then find in the system's cache
        self._folder = folder
        self._source = make_source(folder / "source.mkv")
        self._whole: dict[str, tuple[bytes, float]] = {}

    def disturb(self, mode: str, number: int) -> Killed | None:
        """Kill an encode once or several times, then let it come to its end; None where it was always faster."""
        whole, seconds = self._undisturbed(mode)
        rng = random.Random(f"{mode} {number}")
        output = self._folder / f"{mode}-{number}.fgvc"
        kills, announced, kept = [], [], []
        lost, done = 0, False
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            after = rng.uniform(0, seconds)
            told, done = self._run(mode, output, after, resume=bool(kills))
            if done:
                break
            found = _readable(part_path(output))
            kills.append(round(after, 3))
            announced.append(len(told))
            kept.append(len(found))
            lost += len(told - found)
        if not kills:
            output.unlink()
            return None
        if not done:
            self._run(mode, output, None, resume=True)
        equal = output.read_bytes() == whole
        output.unlink()
        return Killed(mode, number, tuple(kills), tuple(announced), tuple(kept), lost, equal)

    def _undisturbed(self, mode: str) -> tuple[bytes, float]:
        if mode not in self._whole:
            output = self._folder / f"{mode}.fgvc"
            begin = time.monotonic()
            self._run(mode, output, None, resume=False)
            self._whole[mode] = (output.read_bytes(), time.monotonic() - begin)
        return self._whole[mode]

    def _run(self, mode: str, output: Path, kill_after: float | None, resume: bool) -> tuple[set[int], bool]:
        """The GOPs that were announced, and whether the encode came to its end."""
        settings = replace(MODES[mode], resume=resume and part_path(output).exists())
        ours, theirs = multiprocessing.Pipe(duplex=False)
        child = multiprocessing.get_context("fork").Process(
            target=_encode, args=(self._source, output, settings, theirs)
        )
        child.start()
        theirs.close()
        told = set[int]()
        until = None if kill_after is None else time.monotonic() + kill_after
        try:
            while until is None or time.monotonic() < until:
                if ours.poll(None if until is None else max(0.0, until - time.monotonic())):
                    told.add(ours.recv())
            os.kill(child.pid or 0, signal.SIGKILL)
            while True:
                told.add(ours.recv())
        except EOFError:
            pass
        child.join()
        if child.exitcode not in (0, -signal.SIGKILL):
            raise RuntimeError(f"an encode ({mode}) ended with {child.exitcode}")
        return told, child.exitcode == 0


def _encode(source: Path, output: Path, settings: EncodeSettings, told: Connection) -> None:
    for event in encode(source, output, settings):
        if isinstance(event, GopDone):
            told.send(event.index)


def _readable(part: Path) -> set[int]:
    """GOPs that a part holds; none where it was killed before there was a file with a header."""
    if not part.exists() or part.stat().st_size == 0:
        return set()
    with BitstreamReader(part) as reader:
        return {found.item.index for found in reader.scan() if isinstance(found.item, GopRecord)}
