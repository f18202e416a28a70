"""Checkouts of learned codecs whose script is the stand-in, and the TOML files that name them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.support import ROOT

STAND_IN = ROOT / "tests" / "support" / "stand_in.py"


def checkout(folder: Path, family: str) -> Path:
    """A checkout of `family` with its two checkpoints."""
    folder.mkdir(parents=True)
    text = STAND_IN.read_text("utf-8").replace('FAMILY = "FAMILY"', f'FAMILY = "{family}"')
    (folder / "test_video.py").write_text(text, "utf-8")
    for name in ("image.pth.tar", "video.pth.tar"):
        (folder / name).write_bytes(b"")
    return folder


def write_toml(path: Path, family: str, folder: Path, **more: object) -> Path:
    """The user's TOML file for one codec; JSON's strings, numbers and lists are TOML's too."""
    entries = {
        "checkout": str(folder),
        "python": sys.executable,
        "image_weights": "image.pth.tar",
        "video_weights": "video.pth.tar",
        "arguments": ["--cuda", "0"],
        **more,
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in entries.items() if value is not None]
    path.write_text("\n".join([f"[{family}]", *lines]) + "\n", "utf-8")
    return path
