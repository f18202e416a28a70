"""The priors by name, and where each finds its weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import cast

from codec.errors import SettingsError
from codec.format.limits import MAX_SEGMENT_FRAMES
from codec.log import LOGGER
from codec.priors.base import C, Condition, VideoPrior
from codec.priors.computing import Computing, choose_device
from codec.priors.defaults import defaults_of
from codec.priors.diffusion import cogvideox, ltx, wan
from codec.priors.diffusion.loading import LoadedModels, ModelKind, load_models
from codec.priors.diffusion.video_model import DiffusionPrior, VideoModel
from codec.priors.gaussian import GaussianPrior
from codec.priors.pocket import PocketPrior, load_pocket
from codec.store import installed as store
from codec.store.manifest import MODELS

# What a process takes by itself with the pocket prior, and how many times a scene's pictures beside.
_PROCESS_BYTES, _SCENES = 800_000_000, 7

POCKET_WEIGHTS, RESTORER_WEIGHTS = "pocket.safetensors", "restorer.safetensors"


def _open_pocket(computing: Computing) -> PocketPrior:
    weights, restorer = (Path(str(files("resources") / name)) for name in (POCKET_WEIGHTS, RESTORER_WEIGHTS))
    return load_pocket(weights, restorer, computing)


def _open_gaussian(computing: Computing) -> GaussianPrior:
    """The reference prior without weights runs on the CPU in float32, whatever is asked for."""
    del computing
    return GaussianPrior()


def _open_diffusion(
    kind: ModelKind, model: Callable[[LoadedModels], VideoModel], computing: Computing
) -> DiffusionPrior:
    models = load_models(kind, store.folder_of(kind.name), computing.device, computing.dtype)
    return DiffusionPrior(kind.name, model(models), models)


Opener = Callable[[Computing], VideoPrior[C]]


def _opaque(opener: Opener[C]) -> Opener[Condition]:
    """The same, its condition a closed box: the codec gives each back to the prior that made it, and to no other."""
    return cast(Opener[Condition], opener)


PRIORS: Mapping[str, Opener[Condition]] = {
    "pocket": _opaque(_open_pocket),
    "gaussian": _opaque(_open_gaussian),
    wan.KIND.name: _opaque(partial(_open_diffusion, wan.KIND, wan.WanModel)),
    cogvideox.KIND.name: _opaque(partial(_open_diffusion, cogvideox.KIND, cogvideox.CogVideoXModel)),
    ltx.KIND.name: _opaque(partial(_open_diffusion, ltx.KIND, ltx.LtxModel)),
}


def open_prior(name: str, device: str, dtype: str, written_in: str = "auto") -> VideoPrior[Condition]:
    """Loads a prior onto a device.

    Args:
        device: "auto" takes a GPU where there is one.
        dtype: what the network computes in; "auto" is float32 on a CPU, bfloat16 on a GPU, but for pictures that
            nothing is made from again (see `Computing`).
        written_in: what "auto" is for a file that names it.

    Raises:
        PriorError: the prior is unknown, or its weights are missing or damaged.
        SettingsError: the device is not there, or the prior doesn't run in this number type.
    """
    defaults_of(name)
    if dtype == "float8" and name not in MODELS:
        raise SettingsError(f"The prior {name} is small enough without --dtype float8; leave that out.")
    computing = Computing.choose(device, dtype, written_in)
    LOGGER.info("opening the prior %s on %s in %s", name, computing.device, computing.dtype)
    return PRIORS[name](computing)


def memory_of_several(name: str, device: str, pixels: int) -> int | None:
    """Bytes that each of several processes takes which code scenes of such pictures, or decode them.

    None where one is enough for the machine: a large prior fills its memory, and a GPU does one thing after the other.

    Raises:
        SettingsError: the device is not there.
    """
    if name in MODELS or choose_device(device).type != "cpu":
        return None
    return _PROCESS_BYTES + _SCENES * MAX_SEGMENT_FRAMES * 3 * pixels
