"""Encodes of several segments that are killed at random moments: is anything lost that was announced?

Run by `__main__.py`. What is killed is the command as a user starts it, in a forked process of its own that has
everything imported already; its lines of JSON, which announce each GOP, are read from its standard output. A moment is
drawn from the undisturbed run's time and found again by what had been told by then: by the clock alone, kills on a
machine that is busier than it was would all come early.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from bisect import bisect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from select import select
from typing import BinaryIO

import numpy as np
import torch

import codec.batch.run  # what commands import when they run, forks then have
import codec.encoder  # noqa: F401
from benchmarks.clips import write_source
from codec.batch.table import FILE, FileStatus, Table
from codec.cli import main
from codec.errors import FormatError
from codec.files import part_path
from codec.format.reader import BitstreamReader
from codec.format.records import GopRecord
from codec.priors.catalog import open_prior
from tests.data.make import scene

SCENES, SCENE_FRAMES, GOP_FRAMES = 3, 12, 8
WIDTH, HEIGHT = 64, 48
FILES = 3
"""Of a batch: one scene after the other, so that each has another cut."""
_ALWAYS = ("--short-side", str(HEIGHT), "--gop", str(GOP_FRAMES), "--audio", "none", "--threads", "1", "--json")
Gop = tuple[str, int]
"""The stem of its file's name, and its number there."""


@dataclass(frozen=True)
class KilledCommand:
    """A command that is killed.

    Attributes:
        name: of the command.
        goal: its arguments beside those that all have.
    """

    name: str
    goal: tuple[str, ...]

    def arguments(self, sources: Sequence[Path], folder: Path) -> list[str]:
        """The whole command line; goes on with what `folder` holds of an earlier run."""
        if self.name == "batch":
            return ["batch", *map(str, sources), "-o", str(folder), *self.goal, *_ALWAYS]
        output = folder / f"{sources[0].stem}.fgvc"
        resume = ["--resume"] if part_path(output).exists() else []
        return ["encode", str(sources[0]), "-o", str(output), *self.goal, *_ALWAYS, *resume]


MODES: Mapping[str, KilledCommand] = {
    "quality": KilledCommand("encode", ("--target", "0.15")),
    "bitrate": KilledCommand("encode", ("--bitrate", "20k")),
    "size": KilledCommand("encode", ("--size", "20k")),
    # The paper's own way: a trajectory of many steps a GOP, with the prior that needs no weights.
    "trajectory": KilledCommand("encode", ("--bitrate", "40k", "--prior", "gaussian", "--base", "none")),
    "batch": KilledCommand("batch", ("--target", "0.15")),
    "batch of two workers": KilledCommand("batch", ("--target", "0.15", "--jobs", "2")),
}


@dataclass(frozen=True)
class Course:
    """When a command told its lines: seconds since its start, and when it ended.

    Attributes:
        told: of each line.
    """

    told: tuple[float, ...]
    end: float


@dataclass(frozen=True)
class Moment:
    """A moment of a command's course: so many lines had been told, the last of them so many seconds before."""

    lines: int
    behind: float
    course: Course

    @classmethod
    def at(cls, seconds: float, course: Course) -> Moment:
        """That of an undisturbed course."""
        lines = bisect(course.told, seconds)
        return cls(lines, seconds - (course.told[lines - 1] if lines else 0.0), course)

    def left(self, told: Sequence[float], now: float) -> float | None:
        """Seconds until it comes in a run that is as fast as it has been so far; None while lines are missing.

        It has come where the line after it has been told.
        """
        if len(told) != self.lines:
            return None if len(told) < self.lines else 0.0
        if not self.lines:
            return self.behind - now
        begun = told[self.lines - 1]
        return begun + self.behind * begun / self.course.told[self.lines - 1] - now


@dataclass(frozen=True)
class Killed:
    """One command and what became of it.

    Attributes:
        kills: seconds after which each run was ended; the last run, which came to its end, is not among them.
        announced: GOPs told before each kill.
        kept: GOPs readable in the files and parts after each kill.
        lost: announced, but not readable.
        equal: whether the finished files are those of a command nobody disturbed.
        tidy: whether no file ever had its final name before it was whole, nothing but results was there in the end,
            and a batch's table named all of them.
    """

    mode: str
    number: int
    kills: tuple[float, ...]
    announced: tuple[int, ...]
    kept: tuple[int, ...]
    lost: int
    equal: bool
    tidy: bool


def make_sources(folder: Path) -> tuple[Path, ...]:
    """The films: scenes of two GOPs each, of which each film has one more or less than the next."""
    scenes = [list(scene(seed, WIDTH, HEIGHT, SCENE_FRAMES, SCENE_FRAMES / 24)) for seed in range(SCENES)]
    paths = tuple(folder / f"film{number}.mkv" for number in range(FILES))
    for number, path in enumerate(paths):
        pictures = [picture for part in scenes[: SCENES - number] for picture in part]
        write_source(np.stack(pictures), Fraction(24), path)
    return paths


class Killer:
    """Disturbs encodes of the same films.

    Args:
        folder: for the films, the undisturbed results and those at work.
    """

    def __init__(self, folder: Path) -> None:
        torch.set_num_threads(1)
        open_prior("pocket", "cpu", "float32")  # what forks then find in the system's cache
        # Where a killed process leaves its temporary files.
        self._temporary = folder / "temporary"
        self._folder = folder
        self._sources = make_sources(folder)
        self._whole: dict[str, tuple[Mapping[str, bytes], Course]] = {}

    def disturb(self, mode: str, number: int) -> Killed | None:
        """Kill a command once or several times, then let it come to its end; None where it was always faster."""
        whole, course = self._undisturbed(mode)
        rng = random.Random(f"{mode} {number}")
        folder = self._new_folder(f"{mode}-{number}")
        kills, announced, kept = [], [], []
        lost, done, tidy = 0, False, True
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            after = rng.uniform(0, course.end)
            told, done, ran = self._run(mode, folder, Moment.at(after, course))
            if done:
                break
            found = _readable(folder)
            kills.append(round(ran.end, 3))
            announced.append(len(told))
            kept.append(len(found))
            lost += len(told - found)
            tidy &= all(map(_is_whole, folder.glob("*.fgvc")))
        if not kills:
            shutil.rmtree(folder)
            return None
        if not done:
            self._run(mode, folder, None)
        tidy &= _is_tidy(folder, whole)
        equal = _results(folder) == whole
        shutil.rmtree(folder)
        return Killed(mode, number, tuple(kills), tuple(announced), tuple(kept), lost, equal, tidy)

    def _new_folder(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir()
        return folder

    def _undisturbed(self, mode: str) -> tuple[Mapping[str, bytes], Course]:
        if mode not in self._whole:
            folder = self._new_folder(mode)
            _, _, course = self._run(mode, folder, None)
            self._whole[mode] = (_results(folder), course)
        return self._whole[mode]

    def _run(self, mode: str, folder: Path, moment: Moment | None) -> tuple[set[Gop], bool, Course]:
        """The GOPs that were announced, whether the command came to its end, and its course until then."""
        shutil.rmtree(self._temporary, ignore_errors=True)
        self._temporary.mkdir()
        ours, theirs = os.pipe()
        child = multiprocessing.get_context("fork").Process(
            target=_command, args=(MODES[mode].arguments(self._sources, folder), theirs, self._temporary)
        )
        child.start()
        os.close(theirs)
        with os.fdopen(ours, "rb", buffering=0) as pipe:
            heard = _Heard(pipe)
            heard.until(moment)
            if child.is_alive() and moment is not None:
                os.kill(child.pid or 0, signal.SIGKILL)
            course = heard.course()
            heard.until(None)
        child.join()
        if child.exitcode not in (0, -signal.SIGKILL):
            raise RuntimeError(f"an encode ({mode}) ended with {child.exitcode}")
        return set(_announced(heard.data, self._sources[0])), child.exitcode == 0, course


def _command(arguments: list[str], output: int, temporary: Path) -> None:
    os.dup2(output, sys.stdout.fileno())
    # For this process, which knows the usual place already, and for its workers.
    tempfile.tempdir = os.environ["TMPDIR"] = str(temporary)
    sys.exit(main(arguments))


class _Heard:
    """What comes through a pipe, and when."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe, self._began = pipe, time.monotonic()
        self._told: list[float] = []
        self.data = b""

    def course(self) -> Course:
        """So far."""
        return Course(tuple(self._told), self._now())

    def until(self, moment: Moment | None) -> None:
        """Listen until then, or to the pipe's end."""
        while True:
            left = None if moment is None else moment.left(self._told, self._now())
            if left is not None and left <= 0:
                return
            if select([self._pipe], [], [], left)[0]:
                data = self._pipe.read(1 << 16)
                if not data:
                    return
                self.data += data
                self._told += [self._now()] * data.count(b"\n")

    def _now(self) -> float:
        return time.monotonic() - self._began


def _announced(told: bytes, source: Path) -> Iterator[Gop]:
    """Of the lines that came as a whole. A single encode doesn't name its source."""
    for line in told.splitlines(keepends=True):
        event = json.loads(line) if line.endswith(b"\n") else {}
        if event.get("event") == "gop":
            yield Path(event.get("source", source)).stem, event["index"]


def _readable(folder: Path) -> set[Gop]:
    """GOPs that files and parts hold; none where one was killed before it had a header."""
    found = set[Gop]()
    for path in (*folder.glob("*.fgvc"), *folder.glob("*.part")):
        try:
            with BitstreamReader(path) as reader:
                gops = {located.item.index for located in reader.scan() if isinstance(located.item, GopRecord)}
        except FormatError:
            continue
        found |= {(path.name.split(".")[0], index) for index in gops}
    return found


def _is_whole(path: Path) -> bool:
    with BitstreamReader(path) as reader:
        return reader.end is not None and reader.end.complete


def _results(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.fgvc")}


def _is_tidy(folder: Path, whole: Mapping[str, bytes]) -> bool:
    """Results and a batch's table, and nothing else; every line of the table can be read."""
    names = {path.name for path in folder.iterdir()}
    if FILE not in names:
        return names == set(whole)
    table = Table.open(folder)
    lines = len((folder / FILE).read_text("utf-8").splitlines())
    done = {name for name, row in table.rows.items() if row.status == FileStatus.DONE and row.bytes == len(whole[name])}
    return names == {*whole, FILE} and done == set(whole) and lines == len(whole)
