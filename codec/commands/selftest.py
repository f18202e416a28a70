"""`freegvc selftest`: does this installation, or this packaged application, have all that it needs and does it work?

Every part runs the real code on a clip made on the spot; nothing is fetched and nothing stays on disk.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from codec.errors import FreeGvcError

WIDTH, HEIGHT, FRAMES, RATE = 96, 64, 25, 25
SOUND_RATE = 48000
# Looser than what the pocket prior gives on this clip: a broken one gives noise, below 12 dB.
LEAST_PSNR = 16.0
SHIPPED_FILES = (
    "pocket.safetensors",
    "restorer.safetensors",
    "style.qss",
    "icons/app.svg",
    "metrics/alexnet_features.safetensors",
    "metrics/dists_weights.safetensors",
    "metrics/lpips_lin_alex.safetensors",
    "metrics/lpips_lin_vgg.safetensors",
    "metrics/pocket_dists.safetensors",
    "metrics/vgg16_features.safetensors",
)


class PartFailedError(FreeGvcError):
    """A part ran and gave something else than it should."""


@dataclass(frozen=True)
class PartResult:
    """What came of one part; `detail` says what was seen, or what went wrong."""

    name: str
    passed: bool
    detail: str


def run(folder: Path) -> Iterator[PartResult]:
    """Run every part; `folder` is an empty one for their files."""
    for name, check in PARTS.items():
        try:
            yield PartResult(name, True, check(folder))
        except Exception as error:  # a part that lacks a library or a file may fail in any way
            yield PartResult(name, False, f"{type(error).__name__}: {error}")


def _resources(_: Path) -> str:
    from codec.channel.noise import gaussian_table

    lacking = [name for name in SHIPPED_FILES if not files("resources").joinpath(name).is_file()]
    _require(not lacking, f"not in this installation: {', '.join(lacking)}")
    return f"{len(SHIPPED_FILES)} files there, the noise table of {len(gaussian_table())} values intact"


def _entropy_coder(_: Path) -> str:
    import constriction

    model = constriction.stream.model.Uniform(1000)
    numbers = np.arange(1000, dtype=np.int32)[::-1].copy()
    encoder = constriction.stream.queue.RangeEncoder()
    encoder.encode(numbers, model)
    words = encoder.get_compressed()
    decoded = constriction.stream.queue.RangeDecoder(words).decode(model, len(numbers))
    _require(bool((decoded == numbers).all()), "numbers came back changed")
    return f"{len(numbers)} numbers in {4 * len(words)} bytes and back"


def _video(folder: Path) -> str:
    from codec.video import AudioMode, VideoReader, read_audio

    clip = write_clip(folder / "clip.mp4")
    with VideoReader(clip) as reader:
        frames = sum(1 for _ in reader.frames())
    audio = read_audio(clip, Fraction(0), None, AudioMode.COPY)
    packets = 0 if audio is None else sum(1 for _ in audio.packets)
    _require(frames == FRAMES and packets > 0, f"{frames} of {FRAMES} frames and {packets} audio packets read")
    return f"{frames} frames of H.264 and {packets} packets of AAC written and read"


def _round_trip(folder: Path) -> str:
    from codec.base.av1 import levels_may_change
    from codec.decoder import decode
    from codec.encoder import encode
    from codec.settings import DecodeSettings, EncodeSettings, Quality

    clip, coded, decoded = write_clip(folder / "in.mp4"), folder / "coded.fgvc", folder / "out.mkv"
    settings = EncodeSettings(goal=Quality(0.25), short_side=HEIGHT, base="av1", audio="opus", device="cpu")
    for _ in encode(clip, coded, settings):
        pass
    for _ in decode(coded, decoded, DecodeSettings(device="cpu")):
        pass
    quality = _psnr(clip, decoded)
    _require(_has_sound(decoded), "the sound is lost")
    _require(quality >= LEAST_PSNR, f"the pictures came back at {quality:.1f} dB")
    levels = "each GOP may have its own level" if levels_may_change() else "all GOPs of a scene share one level"
    return f"{FRAMES} frames and their sound in {coded.stat().st_size} bytes and back at {quality:.1f} dB; {levels}"


def _large_priors(folder: Path) -> str:
    import diffusers
    import torch

    from codec.priors.diffusion import wan
    from codec.priors.diffusion.loading import load_models
    from codec.priors.diffusion.video_model import DiffusionPrior
    from codec.store.manifest import MODELS
    from codec.store.paths import derived_folder

    classes = [getattr(diffusers, name) for spec in MODELS.values() for name in (spec.transformer, spec.vae)]
    save_tiny_wan(folder / "wan")
    try:
        models = load_models(wan.KIND, folder / "wan", torch.device("cpu"), "float32")
    finally:
        # What is remembered of a model's files; these are gone in a moment.
        shutil.rmtree(derived_folder(folder / "wan"), ignore_errors=True)
    prior = DiffusionPrior(wan.KIND.name, wan.WanModel(models), models)
    pictures = np.zeros((5, 32, 32, 3), np.uint8)
    condition = prior.prepare(None, *pictures.shape[:3])
    latent = prior.denoise(prior.encode(pictures, condition), 3, condition)
    _require(prior.decode(latent, 3, condition).shape == pictures.shape, "the tiny Wan model gave another shape")
    return f"diffusers {diffusers.__version__} with its {len(classes)} classes; a tiny random Wan model ran"


PARTS: Mapping[str, Callable[[Path], str]] = {
    "resources": _resources,
    "entropy coder": _entropy_coder,
    "video and sound": _video,
    "encode and decode": _round_trip,
    "large priors": _large_priors,
}


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise PartFailedError(otherwise)


def _psnr(reference: Path, distorted: Path) -> float:
    from codec.metrics.psnr import Psnr
    from codec.video import VideoReader

    clips: list[NDArray[np.uint8]] = []
    for path in (reference, distorted):
        with VideoReader(path) as reader:
            clips.append(np.stack([frame.pixels for frame in reader.frames()]))
    _require(clips[0].shape == clips[1].shape, f"{clips[0].shape} became {clips[1].shape}")
    return float(Psnr()(clips[0], clips[1]).mean())


def _has_sound(path: Path) -> bool:
    with av.open(str(path)) as container:
        return bool(container.streams.audio)


# --- What the parts work on ---------------------------------------------------------------------------------------


def write_clip(path: Path) -> Path:
    """A second of a drifting pattern with a 440 Hz tone: H.264 and AAC."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", RATE, options={"crf": "12", "preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        sound = container.add_stream("aac", SOUND_RATE, layout="mono")
        for number in range(FRAMES):
            container.mux(video.encode(VideoFrame.from_ndarray(_pattern(number), format="rgb24")))
        container.mux(video.encode(None))
        container.mux(sound.encode(_tone(FRAMES / RATE)))
        container.mux(sound.encode(None))
    return path


def _pattern(number: int) -> NDArray[np.uint8]:
    """Soft waves, uint8 (H, W, 3), that move by a pixel a frame."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    waves = [np.sin((x + number) / 9), np.sin(y / 7), np.sin((x + y - number) / 13)]
    return np.stack([(128 + 90 * wave).astype(np.uint8) for wave in waves], axis=-1)


def _tone(seconds: float) -> AudioFrame:
    times = np.arange(round(seconds * SOUND_RATE)) / SOUND_RATE
    samples = (0.3 * np.sin(2 * np.pi * 440 * times)).astype(np.float32)[None]
    frame = AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
    frame.sample_rate, frame.pts = SOUND_RATE, 0
    return frame


def save_tiny_wan(folder: Path) -> None:
    """Write a random Wan model of some kilobytes in diffusers' layout."""
    import diffusers

    classes: Any = diffusers
    classes.AutoencoderKLWan(
        base_dim=3, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True]
    ).save_pretrained(folder / "vae")
    classes.WanTransformer3DModel(
        patch_size=(1, 2, 2),
        num_attention_heads=2,
        attention_head_dim=12,
        in_channels=16,
        out_channels=16,
        text_dim=32,
        freq_dim=256,
        ffn_dim=32,
        num_layers=2,
        cross_attn_norm=True,
        qk_norm="rms_norm_across_heads",
        rope_max_seq_len=32,
    ).save_pretrained(folder / "transformer")
