"""A video through `freegvc encode` and `freegvc decode`, as a user runs them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from codec.cli import main

TINY = ["--prior", "gaussian", "--base", "none", "--bitrate", "200k", "--short-side", "32", "--channel", "greedy"]


@dataclass(frozen=True)
class Made:
    """The decoded video and what the encode said on the way."""

    coded: Path
    decoded: Path
    notes: list[str]


def through(
    source: Path, folder: Path, capsys: pytest.CaptureFixture[str], *more: str, extension: str = ".mkv"
) -> Made:
    """Encode and decode; fails where a command does, or prints what is no note."""
    coded, decoded = folder / f"{source.name}.fgvc", folder / f"{source.name}.decoded{extension}"
    capsys.readouterr()
    assert main(["encode", str(source), "-o", str(coded), *TINY, *more]) == 0, capsys.readouterr().err
    said = capsys.readouterr().err.splitlines()
    assert all(line.startswith("Note: ") and line.endswith(".") for line in said), said
    assert main(["decode", str(coded), "-o", str(decoded)]) == 0, capsys.readouterr().err
    assert capsys.readouterr().err == ""
    return Made(coded, decoded, [line.removeprefix("Note: ") for line in said])


def refused(capsys: pytest.CaptureFixture[str], *command: object) -> str:
    """The one sentence with which a command refuses."""
    capsys.readouterr()
    assert main([str(part) for part in command]) == 1
    said = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("Note: ")]
    assert len(said) == 1
    assert said[0].endswith("."), said[0]
    return said[0]
