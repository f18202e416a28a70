"""Which files a batch is about, and where each goes: folders and lists are opened, names stay apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from codec.errors import InputError

VIDEO_SUFFIXES = frozenset(
    (
        *(".mp4", ".m4v", ".mov", ".3gp", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".vob", ".ts", ".mts", ".m2ts"),
        *(".mxf", ".y4m", ".wmv", ".asf", ".flv", ".ogv"),
    )
)
"""What is taken out of folders; a file that is named is taken whatever it is called."""
LIST = ".txt"


@dataclass(frozen=True)
class BatchFile:
    """A source and the file that it becomes."""

    source: Path
    output: Path


def batch_files(named: Sequence[Path], folder: Path) -> tuple[BatchFile, ...]:
    """The files that are meant, each once, with outputs in `folder` that keep the sub-folders of a source's folder.

    Args:
        named: files, folders (with all below), and lists: text files (.txt) with a path a line, relative to the list,
            where empty lines and those that begin with # don't count.

    Raises:
        InputError: a list can't be read, or there is no video at all.
    """
    found: dict[Path, Path] = {}
    for path in named:
        for source, place in _opened(path):
            found.setdefault(source, place)
    if not found:
        raise InputError("There is no video in what was named; name files, folders of videos, or lists of them.")
    outputs = _outputs(found.values())
    return tuple(BatchFile(source, folder / output) for source, output in zip(found, outputs, strict=True))


def _opened(path: Path) -> Iterator[tuple[Path, Path]]:
    """Sources, each with its place among its like."""
    if path.is_dir():
        below = (file for file in sorted(path.rglob("*")) if file.suffix.lower() in VIDEO_SUFFIXES and file.is_file())
        yield from ((file, file.relative_to(path)) for file in below)
    elif path.suffix.lower() == LIST:
        for named in _listed(path):
            yield from _opened(named)
    else:
        yield path, Path(path.name)


def _listed(path: Path) -> Iterator[Path]:
    try:
        # Windows' editors begin a text with a mark that is no part of the first name.
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise InputError(f"{path} can't be read as a list of files; give a text file with a path a line.") from error
    for line in map(str.strip, lines):
        if line and not line.startswith("#") and Path(line).suffix.lower() != LIST:
            yield path.parent / line


def _outputs(places: Iterable[Path]) -> list[Path]:
    """clip.mp4 becomes clip.fgvc; where two would, the second keeps its suffix, and after that they are numbered."""
    taken: set[str] = set()
    outputs = []
    for place in places:
        output = next(output for output in _candidates(place) if str(output).casefold() not in taken)
        taken.add(str(output).casefold())
        outputs.append(output)
    return outputs


def _candidates(place: Path) -> Iterator[Path]:
    yield place.with_suffix(".fgvc")
    yield place.with_name(f"{place.name}.fgvc")
    number = 2
    while True:
        yield place.with_name(f"{place.name}-{number}.fgvc")
        number += 1
