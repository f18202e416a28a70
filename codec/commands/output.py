"""How the command shows events: a progress display for people, or one JSON object a line for programs."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import fields, is_dataclass
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from codec.base.level import BaseLevel
from codec.events import BaseChosen, Event, Finished, GopDone, Phase, PreviewReady, SizeChosen, StepCoded, Warned
from codec.format.header import Header
from codec.format.info import FileInfo, GopInfo
from codec.goals import GOAL_METRICS, goal_of_kind

if TYPE_CHECKING:
    from codec.commands.selftest import PartResult
    from codec.metrics.measure import Measurement
    from codec.peers.events import PeerRow

EVENT_NAMES = {
    Phase: "phase",
    Warned: "warning",
    SizeChosen: "size",
    StepCoded: "step",
    BaseChosen: "base",
    GopDone: "gop",
    PreviewReady: "preview",
    Finished: "finished",
}


def show(events: Iterator[Event], as_json: bool) -> None:
    """Run the engine by consuming its events; closes the generator on the way out, which cancels it."""
    try:
        (_show_json if as_json else _show_progress)(events)
    finally:
        close = getattr(events, "close", None)
        if close is not None:
            close()


def _show_json(events: Iterator[Event]) -> None:
    for event in events:
        if not isinstance(event, PreviewReady):
            print(json.dumps(event_to_json(event)), flush=True)


def event_to_json(event: Event) -> dict[str, Any]:
    """{"event": name, ...the event's fields}."""
    return {"event": EVENT_NAMES[type(event)], **to_json(event)}


def print_json(name: str, event: Any) -> None:
    """One line: {"event": name, ...the event's fields}."""
    print(json.dumps({"event": name, **to_json(event)}), flush=True)


def to_json(value: Any) -> Any:
    """Dataclasses, tuples, paths and fractions as JSON's own types; bytes in hexadecimal, what is no number null."""
    if isinstance(value, GopDone):
        # The curves follow from the points, and would make most of the line.
        curves = ("probes", "fit", "step_fit")
        plain = {f.name: to_json(getattr(value, f.name)) for f in fields(value) if f.name not in curves}
        return {**plain, "probes": len(value.probes), "points": to_json(value.probes)}
    if is_dataclass(value):
        return {f.name: to_json(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, dict):
        return {name: to_json(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Path | Fraction):
        return str(value)
    return value.name if isinstance(value, Enum) else value


def _show_progress(events: Iterator[Event]) -> None:
    console = Console(stderr=True, emoji=False)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[detail]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    finished: Finished | None = None
    size: SizeChosen | None = None
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("starting", total=None, detail="")
        for event in events:
            _draw(progress, task, event)
            finished = event if isinstance(event, Finished) else finished
            size = event if isinstance(event, SizeChosen) else size
    if finished is not None:
        print(summary(finished))
        if size is not None:
            print(size_words(size))


def _draw(progress: Progress, task: TaskID, event: Event) -> None:
    if isinstance(event, Phase):
        progress.update(task, description=event.stage.value, detail=event.detail)
        if event.done is not None:
            # What a GOP has told of the frames may lie a little further.
            progress.update(task, completed=max(event.done, progress.tasks[task].completed), total=1.0)
    elif isinstance(event, Warned):
        progress.console.print("Note:", event.message, style="yellow", markup=False, highlight=False, soft_wrap=True)
    elif isinstance(event, SizeChosen) and event.tried:
        # Before a long work begins that one might want otherwise.
        progress.console.print(size_words(event), markup=False, highlight=False, soft_wrap=True)
    elif isinstance(event, StepCoded):
        progress.update(task, detail=f"GOP {event.gop} · step {event.step}/{event.steps}")
    elif isinstance(event, GopDone):
        if event.frames_total:
            # A decode, or an encode without a base, tells no other share; the file is still to be finished.
            share = max(0.99 * event.frames_done / event.frames_total, progress.tasks[task].completed)
            progress.update(task, completed=share, total=1.0)
        level = "" if event.crf is None else f"CRF {event.crf:g} · "
        progress.update(task, detail=f"GOP {event.index} done · {level}t* {event.t_star} · {event.bits / 8000:.1f} kB")


def summary(done: Finished) -> str:
    """One line about a finished job."""
    parts = [f"{done.path}: {size_in_words(done.bytes)}, {done.frames} frames"]
    parts.append(
        f"{done.kbps:.1f} kbit/s video, {done.bpp:.4f} bit per pixel at {done.coding_width}x{done.coding_height}"
    )
    if done.audio_bytes:
        parts.append(f"{size_in_words(done.audio_bytes)} of it sound, {done.audio_kbps:.1f} kbit/s")
    sizes = (done.coding_width, done.coding_height), (done.source_width, done.source_height)
    parts += quality_words(done.metric, (done.quality, done.quality_at_source), sizes)
    return "; ".join(parts)


def size_words(chosen: SizeChosen) -> str:
    """Which coding size was chosen, and why."""
    return f"Coding size {chosen.width}x{chosen.height} (--short-side {chosen.short_side}): {chosen.reason}."


def quality_words(
    metric: str, qualities: tuple[float | None, float | None], sizes: tuple[tuple[int, int], tuple[int, int]]
) -> Iterator[str]:
    """A quality at coding size and one at the source's, as far as they are known; once where both sizes are one."""
    label = GOAL_METRICS[metric].label if metric else "quality"
    values = {size: quality for quality, size in zip(qualities, sizes, strict=True) if quality is not None}
    if values:
        yield f"{label} " + ", ".join(f"{value:.3f} at {width}x{height}" for (width, height), value in values.items())


def size_in_words(count: int) -> str:
    """Bytes, for people."""
    return f"{count} bytes" if count < 10_000 else f"{count / 1000:.1f} kB"


def show_info(info: FileInfo, as_json: bool) -> None:
    """Print a file's description."""
    if as_json:
        print(json.dumps(to_json(info)))
        return
    header = info.header
    sound = f"{size_in_words(info.audio_bytes)} sound, {info.audio_kbps:.1f} kbit/s" if info.audio_bytes else "no sound"
    print(f"{info.path}: {size_in_words(info.bytes)} ({sound}; {size_in_words(info.base_bytes)} base layer)")
    print(
        f"{info.frames} frames in {info.seconds:.4g} s, {header.source_width}x{header.source_height} coded at "
        f"{header.coding_width}x{header.coding_height}, {float(header.frame_rate):.5g} fps; "
        f"{info.kbps:.1f} kbit/s video, {info.bpp:.4f} bpp"
    )
    sent = "nothing sent" if header.trajectory is None else f"channel {header.trajectory.coder.id}"
    print(
        f"prior {header.prior_id} ({header.weights_hash.hex()}, {header.dtype}), {sent}, "
        f"overlap {header.overlap_mode}, base {header.base_codec}, written by {header.program}"
    )
    if header.tiling is not None:
        print(f"pictures made in tiles of {header.tiling.side} pixels, {header.tiling.stride} apart")
    measured = goal_of_kind(header.metric)
    sizes = (header.coding_width, header.coding_height), (header.source_width, header.source_height)
    for words in quality_words(measured.name if measured else "", (info.quality, info.quality_at_source), sizes):
        print(words)
    if not info.complete:
        print("The file is incomplete: encoding was stopped before the source's end.")
    columns = ("GOP", "frames", "level", "t*", "base", "implicit", _quality_label(header))
    print_table(columns, [_gop_row(gop) for gop in info.gops])
    for sentence in info.damage:
        print(sentence, file=sys.stderr)


def _gop_row(gop: GopInfo) -> tuple[str, ...]:
    return (
        str(gop.index),
        f"{gop.start_frame}-{gop.start_frame + gop.frames - 1}",
        "-" if gop.crf is None else str(BaseLevel(gop.crf, gop.scale)),
        f"{gop.t_star}/{gop.steps}",
        f"{gop.base_bits} bit",
        f"{gop.implicit_bits} bit",
        _figure(gop.quality),
    )


def _figure(value: float | None) -> str:
    """A table's figure; a dash where there is none, as of a temporal metric of one picture."""
    return "-" if value is None or math.isnan(value) else f"{value:.4f}"


def _quality_label(header: Header) -> str:
    goal = goal_of_kind(header.metric)
    return "quality" if goal is None else goal.label


@contextmanager
def counting(what: str) -> Iterator[Callable[[int], None]]:
    """Show how many frames are done so far, as often as the given function is told, where somebody watches."""
    console = Console(stderr=True, emoji=False)
    with console.status("0 frames") if console.is_terminal else nullcontext() as status:
        yield lambda count: status.update(f"{count} frames {what}") if status is not None else None


def show_measurement(result: Measurement, absent: Mapping[str, str], as_json: bool) -> None:
    """Print a measurement: means as a table, or all of it as JSON; `absent` says why a metric is not among them."""
    if as_json:
        metrics = {
            row.name: {
                "mean": row.mean,
                "lower_is_better": row.lower_is_better,
                "good": list(row.good),
                "frames": row.values.tolist(),
            }
            for row in result.results
        }
        size = {"width": result.width, "height": result.height}
        print(json.dumps(to_json({**size, "notes": result.notes, "absent": absent, "metrics": metrics})))
        return
    rows = [
        (
            row.name,
            _figure(row.mean),
            "lower" if row.lower_is_better else "higher",
            f"{row.good[0]:g} to {row.good[1]:g}",
        )
        for row in result.results
    ]
    print_table(("metric", "mean", "better is", "good"), rows)
    for note in (*result.notes, *absent.values()):
        print(note)


def show_comparison(rows: Iterable[PeerRow], metrics: Sequence[str], as_json: bool) -> None:
    """Print a comparison: a table when all is done, or a JSON object per codec as it gets ready."""
    if as_json:
        for row in rows:
            print(json.dumps(to_json(row)), flush=True)
        return
    lines = [
        (row.codec, row.setting, str(row.bytes), f"{row.bpp:.4f}", *(_figure(row.metrics[name]) for name in metrics))
        for row in rows
    ]
    print_table(("codec", "setting", "bytes", "bpp", *metrics), lines)


def show_parts(results: Iterable[PartResult]) -> list[str]:
    """Print a line per part of the self-test as it ends; the names of those that failed."""
    failed = []
    for result in results:
        print(f"{'ok    ' if result.passed else 'FAILED'}  {result.name}: {result.detail}", flush=True)
        failed += [] if result.passed else [result.name]
    return failed


def print_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns, the first to the left and all others to the right."""
    table = Table(box=None, pad_edge=False)
    for index, title in enumerate(titles):
        table.add_column(title, justify="left" if index == 0 else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    print_as_it_is(table, width=120)


def print_as_it_is(table: Table, width: int) -> None:
    """Print a table whose cells are no markup: a name may hold brackets.

    Args:
        width: in characters, where nobody's terminal has one.
    """
    Console(width=None if sys.stdout.isatty() else width, markup=False, emoji=False).print(table)
