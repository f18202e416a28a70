"""Each family against diffusers' own code: latents, predictions, and the KL identity on them."""

from __future__ import annotations

import ast
import importlib.util
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from diffusers import (
    AutoencoderKLCogVideoX,
    AutoencoderKLLTXVideo,
    AutoencoderKLWan,
    CogVideoXDDIMScheduler,
    FlowMatchEulerDiscreteScheduler,
    UniPCMultistepScheduler,
)

from codec.decoding.prior import differences
from codec.errors import PriorError, SettingsError
from codec.priors.catalog import open_prior
from codec.priors.diffusion import cogvideox, ltx, wan
from codec.priors.diffusion.loading import Tier, choose_tier, load_models
from codec.priors.diffusion.video_model import DiffusionPrior
from codec.store import installed as store
from tests.support.tiny_models import SAVERS, save_ltx, save_tiny

FAMILIES = list(SAVERS)
KINDS: dict[str, Any] = {
    "wan2.1-t2v-1.3b": (wan.KIND, wan.WanModel),
    "cogvideox-2b": (cogvideox.KIND, cogvideox.CogVideoXModel),
    "ltx-video-2b": (ltx.KIND, ltx.LtxModel),
}


@pytest.fixture(scope="module")
def priors(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Every family by name, found and loaded as the real ones are, and the folder each lies in."""
    root = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FREEGVC_HOME", str(root / "home"))
        made = {}
        for name in FAMILIES:
            store.add(name, save_tiny(name, root / name))
            made[name] = (open_prior(name, "cpu", "float32"), root / name)
        yield made


def _clip(frames: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (frames, height, width, 3), dtype=np.uint8)


def _source(module: str, name: str) -> Callable[..., Any]:
    """A method of a diffusers pipeline from its source: importing a pipeline needs transformers, which isn't here."""
    package = importlib.util.find_spec("diffusers")
    assert package is not None
    assert package.origin is not None
    text = (Path(package.origin).parent / "pipelines" / module).read_text("utf-8")
    node = next(n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef) and n.name == name)
    code = textwrap.dedent("\n".join(text.splitlines()[node.lineno - 1 : node.end_lineno]))
    scope: dict[str, Any] = {
        "torch": torch,
        "retrieve_latents": lambda output, *_, **__: output.latent_dist.mode(),
        "randn_tensor": lambda shape, **_: torch.zeros(shape),
    }
    exec(compile("from __future__ import annotations\n" + code, module, "exec"), scope)
    method: Callable[..., Any] = scope[name]
    return method


def _pixels(clip: np.ndarray) -> torch.Tensor:
    return (torch.from_numpy(clip).float() / 127.5 - 1).permute(3, 0, 1, 2)[None]


KEEP = SimpleNamespace(add_noise=lambda latents, *_: latents, init_noise_sigma=1.0)


def _wan_latent(folder: Path, clip: np.ndarray) -> torch.Tensor:
    vae = AutoencoderKLWan.from_pretrained(folder, subfolder="vae", local_files_only=True)
    pipeline = SimpleNamespace(vae=vae, vae_scale_factor_temporal=4, vae_scale_factor_spatial=8, scheduler=KEEP)
    prepare = _source("wan/pipeline_wan_video2video.py", "prepare_latents")
    return prepare(pipeline, _pixels(clip), dtype=torch.float32, device="cpu")


def _cogvideox_latent(folder: Path, clip: np.ndarray) -> torch.Tensor:
    vae = AutoencoderKLCogVideoX.from_pretrained(folder, subfolder="vae", local_files_only=True)
    pipeline = SimpleNamespace(
        vae=vae,
        vae_scale_factor_temporal=4,
        vae_scale_factor_spatial=8,
        vae_scaling_factor_image=vae.config.scaling_factor,
        scheduler=KEEP,
    )
    prepare = _source("cogvideo/pipeline_cogvideox_video2video.py", "prepare_latents")
    return prepare(pipeline, _pixels(clip), dtype=torch.float32, device="cpu").transpose(1, 2)


def _ltx_latent(folder: Path, clip: np.ndarray) -> torch.Tensor:
    vae = AutoencoderKLLTXVideo.from_pretrained(folder, subfolder="vae", local_files_only=True)
    normalise = _source("ltx/pipeline_ltx_image2video.py", "_normalize_latents")
    mode = vae.encode(_pixels(clip)).latent_dist.mode()
    return normalise(mode, vae.latents_mean, vae.latents_std, vae.config.scaling_factor)


LATENTS = dict(zip(FAMILIES, (_wan_latent, _cogvideox_latent, _ltx_latent), strict=True))
WHOLE_FRAMES = dict(zip(FAMILIES, (9, 16, 9), strict=True))


@pytest.mark.parametrize("name", FAMILIES)
def test_latent_is_the_pipelines_own(priors: Any, name: str) -> None:
    prior, folder = priors[name]
    clip = _clip(WHOLE_FRAMES[name], 64, 96)
    ours = prior.encode(clip, prior.prepare(None, *clip.shape[:3]))
    with torch.no_grad():
        assert torch.allclose(ours, LATENTS[name](folder, clip)[0], atol=1e-5)


def _scheduler_x0(name: str, x: torch.Tensor, output: torch.Tensor, step: int, prior: DiffusionPrior) -> torch.Tensor:
    """x0_hat as the family's published scheduler computes it of the transformer's output."""
    if name == "cogvideox-2b":
        scheduler = CogVideoXDDIMScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            prediction_type="v_prediction",
            rescale_betas_zero_snr=True,
            snr_shift_scale=3.0,
            timestep_spacing="trailing",
            clip_sample=False,
            set_alpha_to_one=True,
        )
        scheduler.set_timesteps(50)
        return scheduler.step(output, round(prior.schedule.timesteps[step]), x).pred_original_sample
    sigma = prior.schedule.sigmas[step]
    if name == "ltx-video-2b":
        euler = FlowMatchEulerDiscreteScheduler()
        # A step to sigma 0 lands on the prediction of the clean sample.
        euler.set_timesteps(sigmas=[sigma])
        return euler.step(output, euler.timesteps[0], x).prev_sample
    unipc = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0)
    unipc.set_timesteps(10)
    unipc.sigmas[0] = sigma
    # Otherwise `step` sets it, which also needs the steps before.
    unipc._step_index = 0  # noqa: SLF001
    return unipc.convert_model_output(output, sample=x)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("step", [0, 9, 28])
def test_prediction_is_the_schedulers_own(priors: Any, name: str, step: int) -> None:
    kind, model = KINDS[name]
    models = load_models(kind, priors[name][1], torch.device("cpu"), "float32")
    prior = DiffusionPrior(name, model(models), models)
    condition = prior.prepare(None, WHOLE_FRAMES[name], 64, 64)
    shape = prior.geometry.latent_shape(WHOLE_FRAMES[name], 64, 64)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    outputs: list[torch.Tensor] = []
    handle = models.transformer.register_forward_hook(lambda _m, _a, result: outputs.append(result[0]))
    ours = prior.denoise(x, step, condition)
    handle.remove()
    output = outputs[0]
    if name == "cogvideox-2b":
        output = output.transpose(1, 2)
    if name == "ltx-video-2b":
        output = output.transpose(1, 2).reshape(1, *shape)
    assert torch.allclose(ours, _scheduler_x0(name, x[None], output, step, prior)[0], atol=1e-5)


def test_cogvideox_table_is_the_published_one() -> None:
    scheduler = CogVideoXDDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        rescale_betas_zero_snr=True,
        snr_shift_scale=3.0,
    )
    assert np.allclose(cogvideox.alphas_cumprod(), scheduler.alphas_cumprod.numpy(), atol=1e-6)
    assert cogvideox.alphas_cumprod()[-1] == 0.0


@pytest.mark.parametrize("name", FAMILIES)
def test_kl_identity(priors: Any, name: str) -> None:
    prior, _ = priors[name]
    clip = _clip(WHOLE_FRAMES[name], 64, 64)
    condition = prior.prepare(None, *clip.shape[:3])
    latent = prior.encode(clip, condition)
    noise = torch.randn(latent.shape, generator=torch.Generator().manual_seed(0))
    schedule = prior.schedule
    for step in (0, 5, 20):
        clean = prior.denoise(schedule.alphas[step] * latent + schedule.sigmas[step] * noise, step, condition)
        error = (latent - clean).double().square().sum().item()
        c = schedule.coefficients(step)
        by_shift = 0.5 * (c.c_0 / c.std) ** 2 * error
        assert by_shift == pytest.approx(0.5 * (schedule.snrs[step + 1] - schedule.snrs[step]) * error, rel=1e-9)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize(("frames", "height", "width"), [(1, 64, 64), (7, 70, 66), (13, 32, 48)])
def test_any_size_is_padded_and_cropped(priors: Any, name: str, frames: int, height: int, width: int) -> None:
    prior, _ = priors[name]
    clip = _clip(frames, height, width)
    condition = prior.prepare(None, frames, height, width)
    latent = prior.encode(clip, condition)
    assert latent.shape == prior.geometry.latent_shape(frames, height, width)
    assert prior.denoise(latent, 3, condition).shape == latent.shape
    pictures = prior.decode(latent, 3, condition)
    assert pictures.shape == clip.shape
    assert np.array_equal(prior.preview(latent, 3, condition, [0, frames - 1]), pictures[[0, frames - 1]])


def test_noise_inside_the_ltx_decoder_is_the_same_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREEGVC_HOME", str(tmp_path / "home"))
    save_ltx(tmp_path / "ltx", timestep_conditioning=True)
    store.add("ltx-video-2b", tmp_path / "ltx")
    prior = open_prior("ltx-video-2b", "cpu", "float32")
    condition = prior.prepare(None, 9, 64, 64)
    latent = prior.encode(_clip(9, 64, 64), condition)
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = prior.decode(latent, 3, condition)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    assert np.array_equal(prior.decode(latent, 3, condition), first)


def test_hash_tells_weights_apart(priors: Any) -> None:
    prior, folder = priors["wan2.1-t2v-1.3b"]
    assert open_prior("wan2.1-t2v-1.3b", "cpu", "float32").weights_hash == prior.weights_hash
    weights = folder / "vae" / "diffusion_pytorch_model.safetensors"
    original = weights.read_bytes()
    try:
        weights.write_bytes(original[:-1] + bytes([original[-1] ^ 1]))
        assert open_prior("wan2.1-t2v-1.3b", "cpu", "float32").weights_hash != prior.weights_hash
    finally:
        weights.write_bytes(original)


def test_number_types(priors: Any) -> None:
    prior, _ = priors["wan2.1-t2v-1.3b"]
    condition = prior.prepare(None, 5, 32, 32)
    x = torch.randn(prior.geometry.latent_shape(5, 32, 32), generator=torch.Generator().manual_seed(0))
    exact = prior.denoise(x, 5, condition)
    for dtype in ("bfloat16", "float8"):
        other = open_prior("wan2.1-t2v-1.3b", "cpu", dtype)
        assert other.dtype == dtype
        rounded = other.denoise(x, 5, condition)
        assert rounded.dtype == torch.float32
        assert 0 < (rounded - exact).abs().max() < 0.3


def test_float8_is_for_large_priors_only() -> None:
    with pytest.raises(SettingsError, match="float8"):
        open_prior("gaussian", "cpu", "float8")


def test_weights_that_lack_a_tensor_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREEGVC_HOME", str(tmp_path / "home"))
    folder = save_tiny("wan2.1-t2v-1.3b", tmp_path / "wan")
    model = diffusers.WanTransformer3DModel.from_pretrained(folder, subfolder="transformer", local_files_only=True)
    state = {name: tensor for name, tensor in model.state_dict().items() if not name.startswith("proj_out")}
    model.save_pretrained(folder / "transformer", state_dict=state)
    from safetensors.torch import save_file

    save_file(state, folder / "transformer" / "diffusion_pytorch_model.safetensors", {"format": "pt"})
    store.add("wan2.1-t2v-1.3b", folder)
    with pytest.raises(PriorError, match="lack proj_out"):
        open_prior("wan2.1-t2v-1.3b", "cpu", "float32")


@pytest.mark.parametrize(
    ("memory", "expected"),
    [(None, Tier(False, False)), (24, Tier(False, False)), (11, Tier(True, False)), (6, Tier(True, True))],
)
def test_what_changes_numbers_comes_last(memory: int | None, expected: Tier) -> None:
    assert choose_tier(None if memory is None else memory * 2**30, 4 * 2**30) == expected


def test_want_of_memory_is_not_blamed_on_the_weights(priors: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, _ = KINDS["wan2.1-t2v-1.3b"]

    def short(*_: object, **__: object) -> None:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(getattr(diffusers, kind.transformer), "from_pretrained", short)
    with pytest.raises(RuntimeError, match="DefaultCPUAllocator"):
        load_models(kind, priors[kind.name][1], torch.device("cpu"), "float32")


@pytest.mark.parametrize("name", FAMILIES)
def test_offloading_changes_no_number_and_tiling_is_told(priors: Any, name: str) -> None:
    prior, folder = priors[name]
    kind, model = KINDS[name]
    cpu = torch.device("cpu")
    offloaded = load_models(kind, folder, cpu, "float32", Tier(offload=True, tiled=False))
    assert offloaded.tiling is None
    assert len(offloaded.notes) == len(prior.notes)
    other = DiffusionPrior(name, model(offloaded), offloaded)
    x = torch.randn(prior.geometry.latent_shape(9, 64, 64), generator=torch.Generator().manual_seed(0))
    condition = prior.prepare(None, 9, 64, 64)
    assert torch.equal(other.denoise(x, 5, condition), prior.denoise(x, 5, condition))
    tiled = load_models(kind, folder, cpu, "float32", Tier(offload=False, tiled=True))
    assert tiled.tiling == kind.tiling
    assert any("tiles" in note for note in tiled.notes)


def test_tiles_have_the_geometry_that_the_header_says(priors: Any) -> None:
    for name, (kind, model) in KINDS.items():
        tiled = load_models(kind, priors[name][1], torch.device("cpu"), "float32", Tier(offload=False, tiled=True))
        side, cell = kind.tiling.side, model(tiled).geometry.spatial_stride
        assert kind.tiling.side % cell == kind.tiling.stride % cell == 0
        assert tiled.vae.use_tiling
        assert tiled.vae.tile_sample_min_height == tiled.vae.tile_sample_min_width == side
        if name == "cogvideox-2b":
            assert int(side * (1 - tiled.vae.tile_overlap_factor_height)) == kind.tiling.stride
        else:
            assert tiled.vae.tile_sample_stride_height == kind.tiling.stride


def test_tiled_pictures_differ_a_little_and_the_decoder_says_so(priors: Any) -> None:
    prior, folder = priors["wan2.1-t2v-1.3b"]
    kind, model = KINDS["wan2.1-t2v-1.3b"]
    loaded = load_models(kind, folder, torch.device("cpu"), "float32", Tier(offload=False, tiled=True))
    tiled = DiffusionPrior("wan2.1-t2v-1.3b", model(loaded), loaded)
    clip = _clip(1, 64, 320)
    condition = prior.prepare(None, *clip.shape[:3])
    latent = prior.encode(clip, condition)
    whole, pieces = (p.decode(latent, 3, condition).astype(int) for p in (prior, tiled))
    assert not np.array_equal(whole, pieces)
    assert np.abs(whole - pieces).mean() < 1
    header: Any = SimpleNamespace(dtype="float32", tiling=None)
    assert list(differences(header, prior)) == []
    assert "in tiles of 256 pixels" in next(differences(header, tiled))
    header.tiling = kind.tiling
    assert list(differences(header, tiled)) == []
