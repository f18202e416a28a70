"""Load a video model's transformer and VAE from a folder in diffusers' layout, as its device's memory allows.

Only safetensors are read: a pickle could run code. Nothing here goes to the network.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor

from codec.errors import PriorError, out_of_memory
from codec.format.header import Tiling
from codec.priors.diffusion.prompt import PromptKind, empty_prompt
from codec.store.layout import check_folder
from codec.store.manifest import spec_of
from codec.store.paths import derived_folder
from codec.store.transfer.hashing import cached_hashes

TORCH_DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "float8": torch.bfloat16,
}
GIB = 2**30
# Allowances for activations at 832x480x49, not measurements: too large costs speed, too small an out-of-memory error.
WORKING_MEMORY, TILING_BELOW = 8 * GIB, 10 * GIB


@dataclass(frozen=True)
class ModelKind:
    """The prior `name`: its two parts as diffusers calls them, its empty prompt, its tiles where memory is short."""

    name: str
    prompt: PromptKind
    tiling: Tiling

    @property
    def transformer(self) -> str:
        """Class name of the transformer."""
        return spec_of(self.name).transformer

    @property
    def vae(self) -> str:
        """Class name of the VAE."""
        return spec_of(self.name).vae


@dataclass(frozen=True)
class LoadedModels:
    """A model on its device.

    Attributes:
        transformer, vae: diffusers' own modules in eval mode; the VAE in float32.
        prompt: (rows, width) of the empty prompt in the transformer's number type.
        dtype: what the transformer computes in, one of `codec.format.limits.STORED_DTYPES`.
        weights_hash: 8 bytes over all files read.
        notes: sentences about what was missing or made smaller.
        tiling: how the VAE is tiled, or None.
    """

    transformer: Any = field(repr=False)
    vae: Any = field(repr=False)
    prompt: Tensor = field(repr=False)
    device: torch.device
    dtype: str
    weights_hash: bytes
    notes: tuple[str, ...]
    tiling: Tiling | None


@dataclass(frozen=True)
class Tier:
    """How a model is fitted into a device's memory.

    Attributes:
        offload: blocks of the transformer wait in main memory; changes no number.
        tiled: the VAE works tile by tile; pictures differ slightly where tiles meet.
    """

    offload: bool
    tiled: bool


def choose_tier(memory: int | None, transformer_bytes: int) -> Tier:
    """The fastest tier for `memory` bytes free on a GPU (None: a CPU), what changes numbers last."""
    if memory is None:
        return Tier(offload=False, tiled=False)
    return Tier(offload=transformer_bytes + WORKING_MEMORY > memory, tiled=memory < TILING_BELOW)


def load_models(
    kind: ModelKind, folder: Path, device: torch.device, dtype: str, tier: Tier | None = None
) -> LoadedModels:
    """Load the model in `folder`.

    Args:
        dtype: of the transformer; "float8" stores float8_e4m3fn and computes in bfloat16.
        tier: how to fit it into memory; None chooses by what is free on the device.

    Raises:
        PriorError: something is missing, damaged or of another kind.
    """
    check_folder(kind.name, folder, kind.transformer, kind.vae)
    transformer = _load(kind.transformer, folder, "transformer", TORCH_DTYPES[dtype])
    tier = tier or choose_tier(_free_memory(device), _resident_bytes(transformer, dtype))
    shape = kind.prompt.shape(transformer.config)
    prompt = empty_prompt(folder, kind.prompt, shape)
    _place(transformer, device, dtype, tier)
    vae = _load(kind.vae, folder, "vae", torch.float32).to(device)
    if tier.tiled:
        _tile(vae, kind.tiling)
    return LoadedModels(
        transformer=transformer,
        vae=vae,
        prompt=(torch.zeros(shape) if prompt is None else prompt).to(device, TORCH_DTYPES[dtype]),
        device=device,
        dtype=dtype,
        weights_hash=_weights_hash(folder, prompt is not None),
        notes=tuple(_notes(kind, prompt, tier)),
        tiling=kind.tiling if tier.tiled else None,
    )


def _load(class_name: str, folder: Path, part: str, dtype: torch.dtype) -> Any:
    import diffusers

    try:
        model, info = getattr(diffusers, class_name).from_pretrained(
            str(folder),
            subfolder=part,
            dtype=dtype,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
        )
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        if out_of_memory(error) is not None:
            # Of which torch tells by the same exceptions; nobody need fetch gigabytes again for it.
            raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise PriorError(f"The weights in {folder / part} can't be read ({reason}); get the model again.") from error
    # diffusers only logs these, and leaves such weights as they happened to be initialised.
    lacking = sorted(info["missing_keys"])
    if lacking:
        raise PriorError(f"The weights in {folder / part} lack {lacking[0]} and perhaps more; get the model again.")
    return model.requires_grad_(False)


def _place(transformer: Any, device: torch.device, dtype: str, tier: Tier) -> None:
    if dtype == "float8":
        transformer.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=torch.bfloat16)
    if tier.offload:
        transformer.enable_group_offload(
            onload_device=device,
            offload_type="block_level",
            num_blocks_per_group=1,
            use_stream=device.type == "cuda",
        )
    else:
        transformer.to(device)


def _tile(vae: Any, tiling: Tiling) -> None:
    """diffusers' VAEs take either the distance between tiles or the share of a tile that overlaps the next."""
    sides = {"tile_sample_min_height": tiling.side, "tile_sample_min_width": tiling.side}
    if hasattr(vae, "tile_overlap_factor_height"):
        overlap = 1 - tiling.stride / tiling.side
        vae.enable_tiling(**sides, tile_overlap_factor_height=overlap, tile_overlap_factor_width=overlap)
    else:
        stride = tiling.stride
        vae.enable_tiling(**sides, tile_sample_stride_height=stride, tile_sample_stride_width=stride)


def _free_memory(device: torch.device) -> int | None:
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else None


def _resident_bytes(transformer: Any, dtype: str) -> int:
    """What the loaded weights will take on the device; float8 halves what is loaded as bfloat16."""
    loaded = sum(int(parameter.numel()) * int(parameter.element_size()) for parameter in transformer.parameters())
    return loaded // 2 if dtype == "float8" else loaded


def _weight_files(folder: Path) -> Iterator[Path]:
    for part in ("transformer", "vae"):
        yield folder / part / "config.json"
        yield from sorted((folder / part).glob("*.safetensors"))


def _weights_hash(folder: Path, prompted: bool) -> bytes:
    """Over each file's name and hash, and whether the empty prompt could be had: zeros give other numbers."""
    hashes = cached_hashes(list(_weight_files(folder)), derived_folder(folder) / "hashes.json")
    lines = [f"{path.relative_to(folder).as_posix()} {digest}" for path, digest in hashes.items()]
    text = "\n".join([*lines, f"prompt {'text' if prompted else 'zeros'}"])
    return hashlib.sha256(text.encode()).digest()[:8]


def _notes(kind: ModelKind, prompt: Tensor | None, tier: Tier) -> Iterator[str]:
    if prompt is None:
        yield (
            f"The empty prompt of {kind.name} is taken as zeros, since there is no text encoder beside its weights; "
            "a file made so only decodes the same way."
        )
    if tier.tiled:
        yield "There is little memory on the device, so pictures are made in tiles and may show faint borders."
