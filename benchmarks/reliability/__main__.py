"""Whether encodes survive being killed, and the program survives damaged files. Goes on where it stopped.

    python -m benchmarks.reliability [--kills 35] [--modes quality batch ...] [--mutants 100000] [--minutes 60]

Kills: encodes of several segments and batches of them, ended by SIGKILL at random moments once to three times, then
started again (kills.py). No GOP that was announced may be lost, and the files must be those of an undisturbed encode.
Mutants: damaged `.fgvc` files
through `info` and `decode` in one process, with a limit of memory and of time on it (mutants.py). Decoding elsewhere,
with other threads, number types and instruction sets, is `benchmarks/coding/portability.py`'s.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.clips import write_source
from benchmarks.reliability.kills import MODES, Killer
from benchmarks.reliability.mutants import MEMORY, SECONDS_EACH
from benchmarks.results import FOLDER, commit_here, load, save
from codec.encoder import encode
from codec.settings import Bitrate, EncodeSettings, Quality
from tests.data.make import scene

NAME = "reliability"
SHARE = 2000
"""Mutants of one process, so that memory that grows is seen and begins anew."""
# Three sources of mutants: steps without a base, steps over a base, a restoration by the pocket prior.
ORIGINALS = (
    EncodeSettings(prior="gaussian", base="none", goal=Bitrate(40_000), audio="none", gop_frames=8),
    EncodeSettings(prior="gaussian", base="av1", goal=Bitrate(60_000), audio="none", gop_frames=8, keep_steps=2),
    EncodeSettings(goal=Quality(0.2), audio="none", gop_frames=8),
)


def mutants(folder: Path, first: int, until: float, most: int) -> Iterator[dict[str, Any]]:
    """The outcome of mutant after mutant, in processes that are started anew when one dies."""
    number = first
    while number < most and time.monotonic() < until:
        size = min(SHARE, most - number)
        command = [sys.executable, "-m", "benchmarks.reliability.mutants", str(folder), str(number), str(size)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            assert child.stderr is not None
            begun = None
            for line in child.stdout:
                row = json.loads(line)
                begun = row.get("begin", None)
                if begun is None:
                    yield row
                    number = row["number"] + 1
            words = child.stderr.read()[-300:]
        if begun is not None:
            yield {"number": begun, "outcome": f"died: {child.returncode} {words}", "seconds": 0.0, "megabytes": 0}
            number = begun + 1
        elif child.returncode:
            raise RuntimeError(f"the process of mutants does not start: {words}")


def make_originals(folder: Path) -> None:
    """Three small files of two GOPs, one of which leans on the other."""
    write_source(np.stack(list(scene(1, 32, 32, 12, 0.6))), Fraction(20), folder / "source.mkv")
    for place, settings in enumerate(ORIGINALS):
        for _ in encode(folder / "source.mkv", folder / f"original-{place}.fgvc", settings):
            pass


def add(found: dict[str, Any], row: dict[str, Any]) -> None:
    """Count one mutant."""
    kind = row["outcome"].split(":")[0]
    found["next"] = row["number"] + 1
    found[kind] = found.get(kind, 0) + 1
    found["longest_seconds"] = max(found.get("longest_seconds", 0.0), row["seconds"])
    found["most_megabytes"] = max(found.get("most_megabytes", 0), row["megabytes"])
    if kind not in ("refused", "decoded"):
        found.setdefault("failures", []).append({"number": row["number"], "outcome": row["outcome"]})


def summary(figures: dict[str, Any]) -> Iterator[str]:
    """What was found, in words."""
    for mode in MODES:
        rows = [row for row in figures["kills"] if row["mode"] == mode]
        kills = _kills(rows, mode)
        lost, equal, tidy = (sum(row[name] for row in rows) for name in ("lost", "equal", "tidy"))
        yield f"{mode:20} {kills:3} kills of {len(rows)}: {lost} announced GOPs lost, {equal} equal, {tidy} tidy"
    yield json.dumps({key: value for key, value in figures["mutants"].items() if key != "failures"})
    yield from (f"  {row}" for row in figures["mutants"].get("failures", []))


def kept() -> dict[str, Any]:
    """What runs before this one have found."""
    found: dict[str, Any] = load(NAME).figures if (FOLDER / f"{NAME}.json").exists() else {}
    return {"limits": {"megabytes": MEMORY >> 20, "seconds": SECONDS_EACH}, "kills": [], "mutants": {}} | found


def keep(part: str, value: Any) -> None:
    """Replace one part, so that another process may be at the other."""
    save(NAME, kept() | {part: value}, uses_weights=False)


def kill_encodes(modes: Sequence[str], most: int, until: float) -> None:
    """Kill in turn until there were so many kills of each mode, or no time is left."""
    rows: list[dict[str, Any]] = kept()["kills"]
    done = {(row["mode"], row["number"]) for row in rows}
    with tempfile.TemporaryDirectory() as name:
        killer = Killer(Path(name))
        for number in count():
            wanted = [mode for mode in modes if _kills(rows, mode) < most]
            for mode in wanted:
                if time.monotonic() > until:
                    return
                killed = None if (mode, number) in done else killer.disturb(mode, number)
                if killed is not None:
                    rows.append(asdict(killed))
                    keep("kills", rows)
            if not wanted:
                return


def _kills(rows: Sequence[Mapping[str, Any]], mode: str) -> int:
    return sum(len(row["kills"]) for row in rows if row["mode"] == mode)


def read_mutants(most: int, until: float) -> None:
    """Read until there were so many mutants, or no time is left."""
    # Of their own commit: kills are often older.
    found: dict[str, Any] = {"commit": commit_here()} | kept()["mutants"]
    with tempfile.TemporaryDirectory() as name:
        make_originals(Path(name))
        for row in mutants(Path(name), found.get("next", 0), until, most):
            add(found, row)
            if row["number"] % 100 == 99:
                keep("mutants", found)
    keep("mutants", found)


def main() -> None:
    """Run as much as there is time for, and keep it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--kills", type=int, default=35, help="of each mode")
    parser.add_argument("--modes", nargs="+", choices=tuple(MODES), default=tuple(MODES), help="of what is killed")
    parser.add_argument("--mutants", type=int, default=100_000)
    parser.add_argument("--minutes", type=float, default=60.0, help="of each of the two")
    args = parser.parse_args()
    kill_encodes(args.modes, args.kills, time.monotonic() + 60 * args.minutes)
    read_mutants(args.mutants, time.monotonic() + 60 * args.minutes)
    print("\n".join(summary(kept())))


if __name__ == "__main__":
    main()
