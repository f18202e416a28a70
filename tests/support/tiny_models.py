"""Random models of each family, a few kilobytes small, saved as the real ones are published."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKLCogVideoX,
    AutoencoderKLLTXVideo,
    CogVideoXTransformer3DModel,
    LTXVideoTransformer3DModel,
)

from codec.commands.selftest import save_tiny_wan


def save_cogvideox(folder: Path) -> None:
    AutoencoderKLCogVideoX(
        block_out_channels=(8, 8, 8, 8),
        latent_channels=4,
        layers_per_block=1,
        norm_num_groups=2,
        temporal_compression_ratio=4,
    ).save_pretrained(folder / "vae")
    CogVideoXTransformer3DModel(
        num_attention_heads=4,
        attention_head_dim=16,
        in_channels=4,
        out_channels=4,
        time_embed_dim=2,
        text_embed_dim=32,
        num_layers=1,
        sample_width=8,
        sample_height=8,
        sample_frames=17,
        patch_size=2,
        temporal_compression_ratio=4,
        max_text_seq_length=16,
        use_rotary_positional_embeddings=False,
    ).save_pretrained(folder / "transformer")


def save_ltx(folder: Path, timestep_conditioning: bool = False) -> None:
    AutoencoderKLLTXVideo(
        latent_channels=8,
        block_out_channels=(8,) * 4,
        decoder_block_out_channels=(8,) * 4,
        layers_per_block=(1,) * 5,
        decoder_layers_per_block=(1,) * 5,
        spatio_temporal_scaling=(True, True, True, False),
        decoder_spatio_temporal_scaling=(True, True, True, False),
        decoder_inject_noise=(timestep_conditioning,) * 5,
        upsample_residual=(False,) * 4,
        upsample_factor=(1,) * 4,
        timestep_conditioning=timestep_conditioning,
        patch_size=4,
        patch_size_t=1,
        encoder_causal=True,
        decoder_causal=False,
    ).save_pretrained(folder / "vae")
    LTXVideoTransformer3DModel(
        in_channels=8,
        out_channels=8,
        num_attention_heads=4,
        attention_head_dim=8,
        cross_attention_dim=32,
        num_layers=1,
        caption_channels=32,
    ).save_pretrained(folder / "transformer")


SAVERS: dict[str, Callable[[Path], None]] = {
    "wan2.1-t2v-1.3b": save_tiny_wan,
    "cogvideox-2b": save_cogvideox,
    "ltx-video-2b": save_ltx,
}


def save_tiny(name: str, folder: Path) -> Path:
    """A folder in diffusers' layout with random weights of the family behind the prior `name`."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        SAVERS[name](folder)
    return folder
