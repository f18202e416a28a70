"""All the evidence in one suite: this codec, its own base with nothing restored, SVT-AV1, x265 and VVC.

    python -m benchmarks.evidence CLIPS ROWS.jsonl [--clips 03 10] [--lines 144 240] [--ways fgvc x265]
        [--metrics dists lpips vmaf tof tlp] [--at-source] [--jobs 2] [--keep]

Each clip's first frames are read at every coding size that it has the lines for; that sequence is what every codec gets
and is judged against.
With --at-source pictures are scaled up to the source's size and judged there, so that each codec can choose the coding
size that suits it (the hull over --lines). A row is kept in ROWS.jsonl as soon as it is there and not measured again,
unless this codec's weights have changed since: the run takes hours, and can be ended at any time. --keep writes
benchmarks/results/evidence.json, of which the documents' tables are made; no clip is left out of it.

DISTS, LPIPS over VGG and block edges were trained for; LPIPS over AlexNet (`lpips`), VMAF, tOF, tLP and checkerboards
of single pixels were not.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from benchmarks.clips import CLIPS, clip_path
from benchmarks.evidence.judging import NETWORK_METRICS, EvidenceRow, append_row, read_rows
from benchmarks.evidence.report import figures, lines
from benchmarks.evidence.ways import WAYS
from benchmarks.evidence.work import Work, done
from benchmarks.results import save
from codec.video import coding_size, probe


def wanted(args: argparse.Namespace) -> Iterator[Work]:
    """All rows of the run."""
    judged_at = "source" if args.at_source else "coding"
    for clip in args.clips:
        info = probe(clip_path(args.folder, clip))
        for size in args.lines:
            if min(coding_size(info, size, 2)) < size:
                continue
            for name in args.ways:
                way = WAYS[name]
                reason = way.missing()
                if reason is not None:
                    raise SystemExit(reason)
                for setting in way.settings:
                    told = (args.folder, clip, name, size, judged_at, setting, args.frames, tuple(args.metrics))
                    yield Work(*told, way.weights)


def current(rows: Iterable[EvidenceRow], frames: int) -> list[EvidenceRow]:
    """Those of as many frames, and of today's weights where these have a part in them."""
    weights = {name: way.weights for name, way in WAYS.items()}
    return [row for row in rows if (row.asked or row.frames, row.weights) == (frames, weights.get(row.way))]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("rows", type=Path)
    parser.add_argument("--clips", nargs="+", default=CLIPS)
    parser.add_argument("--lines", type=int, nargs="+", default=(144, 240, 480))
    parser.add_argument("--ways", nargs="+", choices=tuple(WAYS), default=tuple(WAYS))
    parser.add_argument("--metrics", nargs="*", choices=NETWORK_METRICS, default=NETWORK_METRICS)
    parser.add_argument("--frames", type=int, default=96)
    parser.add_argument("--at-source", action="store_true")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--keep", action="store_true")
    args = parser.parse_args()
    known = {row.key for row in read_rows(args.rows)}
    todo = [work for work in wanted(args) if work.key not in known]
    with ProcessPoolExecutor(args.jobs, get_context("spawn")) as pool:
        for row in as_completed([pool.submit(done, work) for work in todo]):
            append_row(args.rows, row.result())
    rows = current(read_rows(args.rows), args.frames)
    print("\n".join(lines(rows)))
    if args.keep:
        save("evidence", figures(rows), uses_weights=True)


if __name__ == "__main__":
    main()
