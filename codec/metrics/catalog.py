"""Every metric by the name the user types."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from codec.errors import SettingsError
from codec.log import LOGGER
from codec.metrics.base import Metric
from codec.metrics.dists import Dists
from codec.metrics.lpips import Lpips
from codec.metrics.ms_ssim import MsSsim
from codec.metrics.pocket_dists import PocketDists
from codec.metrics.psnr import Psnr
from codec.metrics.temporal.tlp import Tlp
from codec.metrics.temporal.tof import Tof
from codec.metrics.trunks import default_folders
from codec.metrics.vmaf import Vmaf

Loader = Callable[[Sequence[Path], torch.device, str], Metric]

LOADERS: dict[str, Loader] = {
    "pocket-dists": lambda _, device, __: PocketDists.load(device),
    "dists": Dists.load,
    "lpips": lambda folders, device, _: Lpips.load("alex", folders, device),
    "lpips-vgg": lambda folders, device, _: Lpips.load("vgg", folders, device),
    "psnr": lambda *_: Psnr(),
    "ms-ssim": lambda _, device, __: MsSsim(device),
    "tof": lambda *_: Tof.load(),
    "tlp": lambda folders, device, _: Tlp.load(folders, device),
    "vmaf": lambda *_: Vmaf.load(),
}
NAMES = tuple(LOADERS)


def metric(
    name: str,
    folders: Sequence[Path] | None = None,
    device: str | torch.device = "cpu",
    dtype: str = "float32",
) -> Metric:
    """Load a metric, ready to call.

    Args:
        name: one of `NAMES`.
        folders: where VGG16 and AlexNet are looked for before those that ship; by default `trunks.default_folders()`.
        device: where its network runs.
        dtype: "float32", or "bfloat16" where a quick estimate will do: DISTS of 0.15 then is off by up to 0.0005; all
            others stay in float32.

    Raises:
        SettingsError: no such metric, its weights are damaged, or what else it needs (ffmpeg, OpenCV) is missing.
    """
    if name not in LOADERS:
        raise SettingsError(f"There is no metric {name!r}; choose one of {', '.join(NAMES)}.")
    LOGGER.info("loading the metric %s on %s", name, device)
    return LOADERS[name](default_folders() if folders is None else folders, torch.device(device), dtype)


def ready(
    names: Sequence[str], folders: Sequence[Path] | None = None, device: str | torch.device = "cpu"
) -> tuple[list[Metric], dict[str, str]]:
    """Those of the named metrics that can run here, loaded; and why each other one can't, as one sentence."""
    loaded, absent = [], {}
    for name in names:
        try:
            loaded.append(metric(name, folders, device))
        except SettingsError as error:
            absent[name] = str(error)
    return loaded, absent
