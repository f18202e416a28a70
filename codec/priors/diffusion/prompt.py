"""The empty prompt as a video model's text encoder gives it, computed without ever loading that encoder whole.

A T5 encoder (Raffel et al. 2020; v1.1: gated GELU, no biases) is streamed layer by layer from its safetensors, so an
encoder of 20 GB needs memory for one layer, and only once per model.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from codec.errors import PriorError, out_of_memory
from codec.files import write_whole
from codec.store.paths import MOVE_HOME, derived_folder

CLOSING, PADDING = 1, 0
FILE = "empty_prompt.safetensors"


@dataclass(frozen=True)
class PromptKind:
    """How a family feeds its text encoder's output to its transformer.

    Attributes:
        rows: tokens that the transformer gets.
        encoded: of them, those the encoder sees (the closing token, then padding); the others are zeros.
        width_key, rows_key: the transformer's configuration names the width so, and the rows where it does.
    """

    rows: int
    encoded: int
    width_key: str
    rows_key: str | None = None

    def shape(self, config: Any) -> tuple[int, int]:
        """(rows, width) for a transformer of this configuration."""
        rows = self.rows if self.rows_key is None else int(config[self.rows_key])
        return rows, int(config[self.width_key])


def empty_prompt(folder: Path, kind: PromptKind, shape: tuple[int, int]) -> Tensor | None:
    """float32 `shape` (rows, width) of the empty prompt, or None where neither it nor a text encoder is there.

    Raises:
        PriorError: the model's text encoder can't be read.
    """
    derived = derived_folder(folder) / FILE
    for path in (derived, folder / FILE):
        stored = _stored(path, shape)
        if stored is not None:
            return stored
    encoder = folder / "text_encoder"
    if not (encoder / "config.json").is_file():
        return None
    rows = encode_empty(encoder, min(kind.encoded, shape[0]))
    if rows.shape[1] != shape[1]:
        raise PriorError(f"The text encoder in {encoder} does not belong to the model beside it; get the model again.")
    prompt = F.pad(rows, (0, 0, 0, shape[0] - len(rows)))
    write_whole(derived, save({"prompt": prompt}), MOVE_HOME)
    return prompt


def _stored(path: Path, shape: tuple[int, int]) -> Tensor | None:
    try:
        prompt = load_file(path)["prompt"].float()
    except (OSError, SafetensorError, KeyError):
        return None
    return prompt if tuple(prompt.shape) == shape else None


class _Weights:
    """Tensors by name over one or several safetensors files, read when asked for, as float32."""

    def __init__(self, folder: Path) -> None:
        self._where: dict[str, Path] = {}
        for path in sorted(folder.glob("*.safetensors")):
            with safe_open(path, "pt") as file:
                self._where.update(dict.fromkeys(file.keys(), path))

    def get(self, name: str) -> Tensor:
        with safe_open(self._where[name], "pt") as file:
            tensor: Tensor = file.get_tensor(name)
        return tensor.float()

    def row(self, name: str, index: int) -> Tensor:
        with safe_open(self._where[name], "pt") as file:
            tensor: Tensor = file.get_slice(name)[index : index + 1]
        return tensor.float()

    def __contains__(self, name: str) -> bool:
        return name in self._where


@torch.no_grad()
def encode_empty(folder: Path, tokens: int) -> Tensor:
    """What the T5 or UMT5 encoder in `folder` makes of "" padded to `tokens`, unmasked: float32 (tokens, width).

    Raises:
        PriorError: its files are missing, damaged, or of another kind.
    """
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        weights = _Weights(folder)
        embedding = "shared.weight" if "shared.weight" in weights else "encoder.embed_tokens.weight"
        x = torch.cat([weights.row(embedding, CLOSING), weights.row(embedding, PADDING).expand(tokens - 1, -1)])
        bias = None
        for layer in range(int(config["num_layers"])):
            block = f"encoder.block.{layer}.layer"
            bias = _position_bias(weights, block, config, tokens, bias)
            x = x + _attention(weights, block, config, x, bias)
            x = x + _feed_forward(weights, block, config, x)
        return _rms(x, weights.get("encoder.final_layer_norm.weight"), config)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        if out_of_memory(error) is not None:
            raise
        raise PriorError(f"The text encoder in {folder} can't be read ({error}); get the model again.") from error


def _rms(x: Tensor, weight: Tensor, config: dict[str, Any]) -> Tensor:
    scale = torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + float(config.get("layer_norm_epsilon", 1e-6)))
    return weight * (x * scale)


def _position_bias(
    weights: _Weights, block: str, config: dict[str, Any], tokens: int, previous: Tensor | None
) -> Tensor | None:
    """(heads, tokens, tokens): T5 learns one for all layers, UMT5 one for each."""
    name = f"{block}.0.SelfAttention.relative_attention_bias.weight"
    if name not in weights:
        return previous
    places = torch.arange(tokens)
    buckets = position_buckets(
        places[None] - places[:, None],
        int(config.get("relative_attention_num_buckets", 32)),
        int(config.get("relative_attention_max_distance", 128)),
    )
    return weights.get(name)[buckets].permute(2, 0, 1)


def position_buckets(offset: Tensor, buckets: int, farthest: int) -> Tensor:
    """Which of T5's `buckets` each offset (key - query) falls into: exact when near, logarithmic up to `farthest`."""
    half, exact = buckets // 2, buckets // 4
    distance = offset.abs()
    scaled = torch.log(distance.clamp(min=1).float() / exact) / math.log(farthest / exact) * (half - exact)
    far = (exact + scaled.long()).clamp(max=half - 1)
    return half * (offset > 0).long() + torch.where(distance < exact, distance, far)


def _attention(weights: _Weights, block: str, config: dict[str, Any], x: Tensor, bias: Tensor | None) -> Tensor:
    """Self-attention without scaling, as T5 has it."""
    part = f"{block}.0.SelfAttention"
    normed = _rms(x, weights.get(f"{block}.0.layer_norm.weight"), config)
    shape = (len(x), int(config["num_heads"]), -1)
    q, k, v = ((normed @ weights.get(f"{part}.{name}.weight").T).view(shape).transpose(0, 1) for name in "qkv")
    scores = q @ k.transpose(1, 2) if bias is None else q @ k.transpose(1, 2) + bias
    mixed = (scores.softmax(-1) @ v).transpose(0, 1).flatten(1)
    return mixed @ weights.get(f"{part}.o.weight").T


def _feed_forward(weights: _Weights, block: str, config: dict[str, Any], x: Tensor) -> Tensor:
    part = f"{block}.1.DenseReluDense"
    normed = _rms(x, weights.get(f"{block}.1.layer_norm.weight"), config)
    gate = F.gelu(normed @ weights.get(f"{part}.wi_0.weight").T, approximate="tanh")
    return (gate * (normed @ weights.get(f"{part}.wi_1.weight").T)) @ weights.get(f"{part}.wo.weight").T
