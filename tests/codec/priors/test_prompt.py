"""The streamed text encoder against transformers' own, and what is kept of it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from codec.errors import PriorError
from codec.priors.diffusion.prompt import PromptKind, empty_prompt, encode_empty

CONFIG = {
    "num_layers": 2,
    "num_heads": 2,
    "d_model": 8,
    "d_kv": 4,
    "d_ff": 12,
    "layer_norm_epsilon": 1e-6,
    "relative_attention_num_buckets": 32,
    "relative_attention_max_distance": 128,
}
# Last row of T5EncoderModel and UMT5EncoderModel (transformers 5.23.0) with the weights of `_save`, by tokens.
EXPECTED = {
    ("t5", 1): [-1.273221, -1.936422, 0.58095, -0.843234, -0.062606, 1.545018, 0.164151, 0.003236],
    ("t5", 20): [-1.290395, -1.866623, 0.571612, -1.013168, -0.082036, 1.535068, 0.12929, 0.064391],
    ("umt5", 1): [0.628847, -1.829003, 0.895171, 1.083885, -0.599639, 0.496322, 0.412326, -1.423466],
    ("umt5", 20): [0.609389, -1.877731, 0.927604, 0.991604, -0.641032, 0.532647, 0.397735, -1.396845],
}


def _shapes(kind: str) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {"shared.weight": (8, 8), "encoder.final_layer_norm.weight": (8,)}
    for layer in range(2):
        block = f"encoder.block.{layer}.layer"
        shapes |= {f"{block}.0.SelfAttention.{name}.weight": (8, 8) for name in "qkvo"}
        shapes |= {f"{block}.{part}.layer_norm.weight": (8,) for part in (0, 1)}
        shapes |= {f"{block}.1.DenseReluDense.{name}.weight": (12, 8) for name in ("wi_0", "wi_1")}
        shapes[f"{block}.1.DenseReluDense.wo.weight"] = (8, 12)
        if layer == 0 or kind == "umt5":
            shapes[f"{block}.0.SelfAttention.relative_attention_bias.weight"] = (32, 2)
    return shapes


def _save(folder: Path, kind: str) -> Path:
    """An encoder in two shards; each weight a sine of its place among the sorted names."""
    tensors = {}
    for index, (name, shape) in enumerate(sorted(_shapes(kind).items())):
        wave = torch.sin(torch.arange(math.prod(shape), dtype=torch.float64) * 0.7 + index) * 0.4
        tensors[name] = wave.float().view(shape) + (1.0 if "layer_norm" in name else 0.0)
    folder.mkdir(parents=True)
    names = sorted(tensors)
    for shard, part in enumerate((names[::2], names[1::2])):
        save_file({name: tensors[name] for name in part}, folder / f"model-0000{shard + 1}-of-00002.safetensors")
    (folder / "config.json").write_text(json.dumps(CONFIG), "utf-8")
    return folder


@pytest.mark.parametrize(("kind", "tokens"), EXPECTED)
def test_streaming_agrees_with_transformers(tmp_path: Path, kind: str, tokens: int) -> None:
    rows = encode_empty(_save(tmp_path / "text_encoder", kind), tokens)
    assert rows.shape == (tokens, 8)
    assert torch.allclose(rows[-1], torch.tensor(EXPECTED[kind, tokens]), atol=3e-6)


def test_prompt_is_filled_up_with_zeros_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREEGVC_HOME", str(tmp_path / "home"))
    encoder = _save(tmp_path / "model" / "text_encoder", "umt5")
    wan = PromptKind(rows=512, encoded=1, width_key="text_dim")
    first = empty_prompt(tmp_path / "model", wan, (512, 8))
    assert first is not None
    assert torch.allclose(first[0], torch.tensor(EXPECTED["umt5", 1]), atol=3e-6)
    assert not first[1:].any()
    for path in encoder.iterdir():
        path.unlink()
    again = empty_prompt(tmp_path / "model", wan, (512, 8))
    assert again is not None
    assert torch.equal(again, first)


def test_no_encoder_no_prompt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREEGVC_HOME", str(tmp_path / "home"))
    assert empty_prompt(tmp_path, PromptKind(16, 16, "text_dim"), (16, 8)) is None


def test_damaged_encoder_is_refused(tmp_path: Path) -> None:
    encoder = _save(tmp_path / "text_encoder", "t5")
    (encoder / "model-00002-of-00002.safetensors").write_bytes(b"not safetensors")
    with pytest.raises(PriorError, match="text encoder"):
        encode_empty(encoder, 1)
