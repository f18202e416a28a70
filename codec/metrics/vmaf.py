"""VMAF by libvmaf, through an ffmpeg that has it (Netflix, model vmaf_v0.6.1)."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from codec.arrays import Frames
from codec.errors import SettingsError
from codec.metrics.base import Values, check_pair

FILTER = "[0:v]format=yuv420p[d];[1:v]format=yuv420p[r];[d][r]libvmaf=log_fmt=json:log_path=vmaf.json"
"""The log's name is relative: a path inside a filter would need escaping that differs between systems."""


def find_ffmpeg() -> Path:
    """An ffmpeg with libvmaf: the one on PATH, else that of the package imageio-ffmpeg.

    Raises:
        SettingsError: neither is there, or what is there lacks libvmaf.
    """
    candidates = [path for path in (shutil.which("ffmpeg"), _packaged_ffmpeg()) if path]
    for path in candidates:
        listing = subprocess.run([path, "-hide_banner", "-filters"], capture_output=True, text=True, check=False)
        if " libvmaf " in listing.stdout:
            return Path(path)
    found = f"{' and '.join(candidates)} lack libvmaf" if candidates else "there is no ffmpeg"
    raise SettingsError(
        f"The metric vmaf needs an ffmpeg with libvmaf, but {found}; install one with: "
        "pip install 'freegvc[metrics]', or leave vmaf out."
    )


def _packaged_ffmpeg() -> str | None:
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):  # RuntimeError: the package came without a binary for this system
        return None


@dataclass(frozen=True)
class Vmaf:
    """VMAF per frame, 0 to 100. Judges luma as yuv420p; the first frame of a call counts as standing still."""

    ffmpeg: Path

    name: ClassVar[str] = "vmaf"
    lower_is_better: ClassVar[bool] = False
    good: ClassVar[tuple[float, float]] = (80.0, 100.0)
    context: ClassVar[int] = 0

    @classmethod
    def load(cls) -> Vmaf:
        """Find the ffmpeg (raises SettingsError where there is none)."""
        return cls(find_ffmpeg())

    def __call__(self, reference: Frames, distorted: Frames) -> Values:
        """VMAF per frame, (T,); see `Metric`.

        Raises:
            SettingsError: ffmpeg failed; the message holds its last line.
        """
        check_pair(reference, distorted, self.name, smallest=16)
        with tempfile.TemporaryDirectory(prefix="freegvc-vmaf-") as folder:
            reference.tofile(Path(folder) / "reference.rgb")
            distorted.tofile(Path(folder) / "distorted.rgb")
            self._run(Path(folder), *reference.shape[1:3])
            log = json.loads((Path(folder) / "vmaf.json").read_text())
        return np.array([frame["metrics"]["vmaf"] for frame in log["frames"]], np.float64)

    def _run(self, folder: Path, height: int, width: int) -> None:
        raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-i"]
        command = [str(self.ffmpeg), "-v", "error", "-nostdin", *raw, "distorted.rgb", *raw, "reference.rgb"]
        command += ["-lavfi", FILTER, "-f", "null", "-"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise SettingsError(f"ffmpeg could not compute VMAF ({reason}); leave vmaf out or try another ffmpeg.")
