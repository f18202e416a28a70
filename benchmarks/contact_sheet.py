"""One frame of each clip as it was, as we code it, and as VVC and SVT-AV1 do in no more bytes.

    python -m benchmarks.contact_sheet CLIPS docs/contact-sheet.png [--clips 03 10 14 17] [--target 0.18]

Rows are clips; below each picture stand bits per pixel of the whole clip and DISTS of that frame. Peers are counted by
their packets alone.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import torch
from PIL import Image, ImageDraw

from benchmarks.clips import Clip, decoded, read_clip, write_source
from codec.encoder import encode
from codec.events import Finished
from codec.metrics.base import Metric
from codec.metrics.catalog import metric
from codec.peers.codecs import PEERS, at_size
from codec.settings import EncodeSettings, Quality

FRAMES, SHOWN = 96, 61
CAPTION = 16
ZOOM = 2


def versions(frames: Clip, rate: Fraction, target: float) -> Iterator[tuple[str, int, Clip]]:
    """(name, bytes, frames) of ours, then of the peers within those bytes."""
    with tempfile.TemporaryDirectory() as name:
        source, coded = Path(name) / "source.mkv", Path(name) / "coded.fgvc"
        write_source(frames, rate, source)
        settings = EncodeSettings(goal=Quality(target), short_side=min(frames.shape[1:3]), audio="none")
        done = next(event for event in encode(source, coded, settings) if isinstance(event, Finished))
        yield "Free-GVC", done.bytes, decoded(coded, Path(name) / "out.mkv")
    for peer in ("vvc", "svtav1"):
        quantiser, made = at_size(PEERS[peer], frames, rate, done.bytes)
        yield f"{peer} crf {quantiser}", made.bytes, made.frames


def cell(name: str, picture: Clip, caption: str) -> Image.Image:
    """A picture with its caption below."""
    image = Image.fromarray(picture)
    image = image.resize((ZOOM * image.width, ZOOM * image.height), Image.Resampling.LANCZOS)
    framed = Image.new("RGB", (image.width, image.height + CAPTION), "#202020")
    framed.paste(image)
    ImageDraw.Draw(framed).text((4, image.height + 2), f"{name}  {caption}", fill="white")
    return framed


def row(frames: Clip, rate: Fraction, target: float, judge: Metric) -> Image.Image:
    """All versions of one clip, side by side."""
    shown = min(SHOWN, len(frames) - 1)
    cells = [cell("original", frames[shown], f"{len(frames)} frames")]
    for name, size, made in versions(frames, rate, target):
        value = float(judge(frames[shown : shown + 1], made[shown : shown + 1])[0])
        cells.append(cell(name, made[shown], f"{8 * size / frames[..., 0].size:.4f} bpp  DISTS {value:.3f}"))
    return joined(cells, horizontally=True)


def joined(images: list[Image.Image], horizontally: bool) -> Image.Image:
    """Images in a row or a column."""
    widths, heights = [image.width for image in images], [image.height for image in images]
    size = (sum(widths), max(heights)) if horizontally else (max(widths), sum(heights))
    sheet, position = Image.new("RGB", size, "#202020"), 0
    for image in images:
        sheet.paste(image, (position, 0) if horizontally else (0, position))
        position += image.width if horizontally else image.height
    return sheet


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--clips", nargs="*", default=["03", "10", "14", "17"])
    parser.add_argument("--target", type=float, default=0.18)
    parser.add_argument("--short-side", type=int, default=144)
    args = parser.parse_args()
    torch.set_num_threads(1)
    judge = metric("dists")
    clips = [read_clip(args.folder, clip, args.short_side, FRAMES) for clip in args.clips]
    rows = [row(frames, rate, args.target, judge) for frames, rate in clips]
    joined(rows, horizontally=False).save(args.output, optimize=True)


if __name__ == "__main__":
    main()
