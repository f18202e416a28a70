"""One GOP through Wan2.1's 1.3B architecture with random weights: speed and memory, not quality.

    python -m benchmarks.networks.wan_shapes                # 832x480, 49 frames; wants a GPU with 24 GB
    python -m benchmarks.networks.wan_shapes --small        # the same code at a size that any CPU does in seconds

Random weights cost what trained ones cost, and early steps, which the lowest rates consist of, cost the same bits.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

import diffusers
import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.results import save
from codec.arrays import Frames
from codec.channel import ChannelCoder, CodedSample, StepKey
from codec.channel.choice import coder_for, spec_for
from codec.priors.base import Condition, VideoPrior
from codec.priors.computing import choose_device, choose_dtype
from codec.priors.diffusion import wan
from codec.priors.diffusion.loading import TORCH_DTYPES, LoadedModels
from codec.priors.diffusion.video_model import DiffusionPrior
from codec.trajectory.walk import Walk

T = TypeVar("T")

TRANSFORMER: dict[str, Any] = {
    "patch_size": (1, 2, 2),
    "num_attention_heads": 12,
    "attention_head_dim": 128,
    "in_channels": 16,
    "out_channels": 16,
    "text_dim": 4096,
    "freq_dim": 256,
    "ffn_dim": 8960,
    "num_layers": 30,
    "cross_attn_norm": True,
    "qk_norm": "rms_norm_across_heads",
    "rope_max_seq_len": 1024,
}
SMALL_TRANSFORMER = {**TRANSFORMER, "num_attention_heads": 2, "text_dim": 64, "ffn_dim": 512, "num_layers": 2}
SMALL_VAE = {"base_dim": 8, "num_res_blocks": 1}


@dataclass
class Stopwatch:
    """Seconds and calls per part; waits for the GPU before it looks."""

    device: torch.device
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    calls: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def time(self, part: str, work: Callable[[], T]) -> T:
        """Run `work` on the account of `part`."""
        self._wait()
        start = time.perf_counter()
        result = work()
        self._wait()
        self.seconds[part] += time.perf_counter() - start
        self.calls[part] += 1
        return result

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


class TimedModel:
    """`VideoModel` that keeps account of its parts."""

    def __init__(self, model: wan.WanModel, watch: Stopwatch) -> None:
        self.geometry, self.schedule = model.geometry, model.schedule
        self.model, self.watch = model, watch

    def to_latent(self, pixels: torch.Tensor) -> torch.Tensor:
        """See `VideoModel`."""
        return self.watch.time("VAE encoder", lambda: self.model.to_latent(pixels))

    def to_pixels(self, latent: torch.Tensor) -> torch.Tensor:
        """See `VideoModel`."""
        return self.watch.time("VAE decoder", lambda: self.model.to_pixels(latent))

    def posterior_mean(self, x: torch.Tensor, step: int) -> torch.Tensor:
        """See `VideoModel`."""
        return self.watch.time("transformer", lambda: self.model.posterior_mean(x, step))


@dataclass
class TimedCoder:
    """`ChannelCoder` that keeps account of itself."""

    coder: ChannelCoder
    watch: Stopwatch

    @property
    def name(self) -> str:
        """See `ChannelCoder`."""
        return self.coder.name

    def encode(self, mu: NDArray[np.float32], key: StepKey) -> CodedSample:
        """See `ChannelCoder`."""
        return self.watch.time("channel coder", lambda: self.coder.encode(mu, key))

    def decode(self, payload: bytes, count: int, key: StepKey) -> NDArray[np.float32]:
        """See `ChannelCoder`."""
        return self.watch.time("channel coder", lambda: self.coder.decode(payload, count, key))


def random_models(small: bool, device: torch.device, dtype: str) -> LoadedModels:
    """The architecture with weights as they are initialised."""
    torch.manual_seed(0)
    config = SMALL_TRANSFORMER if small else TRANSFORMER
    library: Any = diffusers
    with device:
        transformer = library.WanTransformer3DModel(**config).eval().requires_grad_(False)
        vae = library.AutoencoderKLWan(**(SMALL_VAE if small else {})).eval().requires_grad_(False)
        prompt = torch.zeros(512, config["text_dim"], dtype=TORCH_DTYPES[dtype])
    # As from_pretrained(dtype=...) leaves them.
    for name, parameter in transformer.named_parameters():
        if not set(transformer._keep_in_fp32_modules) & set(name.split(".")):
            parameter.data = parameter.data.to(TORCH_DTYPES[dtype])
    return LoadedModels(transformer, vae, prompt, device, dtype, bytes(8), (), None)


def run(prior: DiffusionPrior, watch: Stopwatch, frames: Frames, steps: int, report: Callable[[str], None]) -> int:
    """One GOP there and back; returns its bits."""
    count, height, width, _ = frames.shape
    condition = prior.prepare(None, count, height, width)
    coder = TimedCoder(coder_for(spec_for("trellis")), watch)
    walk = Walk(
        cast("VideoPrior[Condition]", prior),  # as `codec.priors.catalog` hands it out: whose condition is its own
        condition,
        prior.geometry.latent_shape(count, height, width),
        seed=0,
        gop=0,
        known=None,
        reuse=prior.reuse,
    )
    coded = walk.code(prior.encode(frames, condition), coder)
    states = [next(coded) for _ in range(steps)]
    walk.denoise(states[-1].state, steps)
    report("encode")
    *_, last = walk.replay([step.payload for step in states], coder)
    prior.decode(walk.denoise(last.state, steps), steps, condition)
    report("decode")
    return sum(8 * len(step.payload) for step in states)


def peak_memory(device: torch.device) -> str:
    """What the process needed at most."""
    if device.type == "cuda":
        return f"{torch.cuda.max_memory_allocated(device) / 2**30:.2f} GiB on {torch.cuda.get_device_name(device)}"
    # Kilobytes on Linux, bytes on macOS.
    unit = 1 if sys.platform == "darwin" else 1024
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30:.2f} GiB on the CPU"


def main() -> None:
    """Measure and print."""
    arguments = parse()
    device = choose_device(arguments.device)
    dtype = choose_dtype(device, arguments.dtype)
    models = random_models(arguments.small, device, dtype)
    frames, width, height = (17, 128, 96) if arguments.small else (arguments.frames, arguments.width, arguments.height)
    clip = np.random.default_rng(0).integers(0, 256, (frames, height, width, 3), dtype=np.uint8)
    watch = Stopwatch(device)
    prior = DiffusionPrior(wan.KIND.name, TimedModel(wan.WanModel(models), watch), models)
    own = frames - prior.geometry.overlap_frames
    print(f"{width}x{height}, {frames} frames of which {own} are new, {arguments.steps} steps, {dtype}, {device}")
    print(f"{sum(p.numel() for p in models.transformer.parameters()) / 1e6:.1f} M parameters in the transformer")

    passes: list[dict[str, object]] = []

    def report(pass_name: str) -> None:
        total = sum(watch.seconds.values())
        passes.append(
            {"pass": pass_name, "fps": own / total, "seconds": dict(watch.seconds), "calls": dict(watch.calls)}
        )
        print(f"{pass_name}: {own / total:.2f} fps ({total:.2f} s)")
        for part, seconds in watch.seconds.items():
            print(f"  {part:14s} {watch.calls[part]:3d} calls  {seconds:8.2f} s  {seconds / total:4.0%}")
        watch.seconds.clear()
        watch.calls.clear()

    for repetition in range(arguments.repeat):
        print(f"run {repetition + 1}" + (" (kernels and caches still cold)" if repetition == 0 else ""))
        bits = run(prior, watch, clip, arguments.steps, report)
    print(f"{bits} bits, {bits / (frames * width * height):.5f} bit per pixel; peak {peak_memory(device)}")
    about = {"frames": frames, "width": width, "height": height, "steps": arguments.steps, "dtype": dtype}
    figures = {**about, "peak": peak_memory(device), "bits": bits, "passes": passes}
    save("wan_shapes", figures, uses_weights=False, path=arguments.output)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, help="instead of benchmarks/results/wan_shapes.json")
    parser.add_argument("--small", action="store_true", help="a small model on a small clip")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--dtype", choices=("auto", "float32", "bfloat16"), default="auto")
    parser.add_argument("--frames", type=int, default=49)
    parser.add_argument("--width", type=int, default=832)
    parser.add_argument("--height", type=int, default=480)
    parser.add_argument("--steps", type=int, default=8, help="t*: trajectory steps coded and replayed")
    parser.add_argument("--repeat", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
