"""A real clip through each family, encode -> file -> decode, with tiny random weights."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from codec import cli
from codec.decoder import decode
from codec.encoder import encode
from codec.errors import PriorError
from codec.events import Event, PreviewReady, StepCoded, Warned
from codec.format.reader import BitstreamReader
from codec.format.records import GopRecord
from codec.priors.diffusion import loading
from codec.priors.diffusion.loading import Tier
from codec.settings import Bitrate, DecodeSettings, EncodeSettings
from codec.store import installed as store
from codec.video import VideoReader
from tests.support import ROOT
from tests.support.tiny_models import SAVERS, save_tiny

# Two GOPs that overlap by whole latent slots, and a tail of odd length.
GOP_FRAMES = {"wan2.1-t2v-1.3b": 17, "cogvideox-2b": 16, "ltx-video-2b": 17}
CLIP = "scene.mp4"
SECONDS = 0.8
ZEROS = "zeros"


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREEGVC_HOME", str(tmp_path / "home"))


def _settings(name: str, overlap: str = "guided") -> EncodeSettings:
    return EncodeSettings(
        prior=name,
        goal=Bitrate(30_000),
        duration=SECONDS,
        short_side=48,
        gop_frames=GOP_FRAMES[name],
        overlap=overlap,
        audio="none",
        device="cpu",
        preview=True,
    )


def _pictures(events: list[Event]) -> np.ndarray:
    return np.concatenate(
        [event.frames for event in events if isinstance(event, PreviewReady) and not event.provisional]
    )


@pytest.mark.parametrize("name", SAVERS)
def test_decoder_makes_the_pictures_that_the_encoder_saw(name: str, data: Path, tmp_path: Path) -> None:
    store.add(name, save_tiny(name, tmp_path / "model"))
    coded, shown = tmp_path / "out.fgvc", tmp_path / "out.mp4"
    encoded = list(encode(data / CLIP, coded, _settings(name)))
    decoded = list(decode(coded, shown, DecodeSettings(device="cpu")))
    seen, made = _pictures(encoded), _pictures(decoded)
    assert np.array_equal(seen, made)
    assert len({event.gop for event in decoded if isinstance(event, PreviewReady)}) == 2
    assert sum(isinstance(event, StepCoded) for event in decoded) > 0
    assert all(ZEROS in event.message for event in decoded if isinstance(event, Warned))
    with VideoReader(shown) as reader:
        assert sum(1 for _ in reader.frames()) == len(made)


@pytest.mark.slow
def test_another_process_decodes_the_same(data: Path, tmp_path: Path) -> None:
    """All families in one other process, since it takes seconds to start."""
    for name in SAVERS:
        store.add(name, save_tiny(name, tmp_path / name / "model"))
        coded = tmp_path / name / "out.fgvc"
        list(encode(data / CLIP, coded, _settings(name, overlap="plain")))
        list(decode(coded, tmp_path / name / "here.mkv", DecodeSettings(device="cpu")))
    options = ["--device", "cpu", "--threads", "1", "--json"]
    commands = [
        ["decode", str(tmp_path / name / "out.fgvc"), "-o", str(tmp_path / name / "there.mkv"), *options]
        for name in SAVERS
    ]
    script = f"from codec.cli import main\nassert [main(command) for command in {commands!r}] == [0, 0, 0]"
    result = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=True,
    )
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert [event["event"] for event in events].count("finished") == len(SAVERS)
    for name in SAVERS:
        with VideoReader(tmp_path / name / "here.mkv") as here, VideoReader(tmp_path / name / "there.mkv") as there:
            for ours, theirs in zip(here.frames(), there.frames(), strict=True):
                assert np.array_equal(ours.pixels, theirs.pixels)


def test_another_number_type_is_told(data: Path, tmp_path: Path) -> None:
    name = "ltx-video-2b"
    store.add(name, save_tiny(name, tmp_path / "model"))
    coded = tmp_path / "out.fgvc"
    list(encode(data / CLIP, coded, _settings(name)))
    events = list(decode(coded, tmp_path / "out.mp4", DecodeSettings(device="cpu", dtype="bfloat16")))
    warnings = [event.message for event in events if isinstance(event, Warned)]
    assert any("--dtype float32" in message for message in warnings)


def test_tiles_are_in_the_file_and_a_decoder_without_says_so(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "ltx-video-2b"
    store.add(name, save_tiny(name, tmp_path / "model"))
    coded = tmp_path / "out.fgvc"
    with monkeypatch.context() as patch:
        patch.setattr(loading, "choose_tier", lambda *_: Tier(offload=False, tiled=True))
        list(encode(data / CLIP, coded, dataclasses.replace(_settings(name), duration=0.3)))
    assert cli.main(["info", str(coded)]) == 0
    assert "tiles of 512 pixels, 384 apart" in capsys.readouterr().out
    events = list(decode(coded, tmp_path / "out.mp4", DecodeSettings(device="cpu")))
    assert any("in tiles of 512 pixels" in event.message for event in events if isinstance(event, Warned))


def test_base_opens_the_trajectory_where_it_is_asked_for(data: Path, tmp_path: Path) -> None:
    name = "ltx-video-2b"
    store.add(name, save_tiny(name, tmp_path / "model"))
    coded = tmp_path / "out.fgvc"
    settings = dataclasses.replace(_settings(name), goal=Bitrate(200_000), base="av1")
    encoded = list(encode(data / CLIP, coded, settings))
    decoded = list(decode(coded, tmp_path / "out.mp4", DecodeSettings(device="cpu")))
    assert np.array_equal(_pictures(encoded), _pictures(decoded))
    with BitstreamReader(coded) as reader:
        gops = [record for record in reader.records() if isinstance(record, GopRecord)]
    for gop in gops:
        assert gop.base is not None
        # The first steps are the noised base: they cost nothing.
        assert gop.steps[0] == b""


def test_no_base_unless_asked_for(data: Path, tmp_path: Path) -> None:
    name = "ltx-video-2b"
    store.add(name, save_tiny(name, tmp_path / "model"))
    list(encode(data / CLIP, tmp_path / "out.fgvc", _settings(name)))
    with BitstreamReader(tmp_path / "out.fgvc") as reader:
        assert reader.header.base_codec == "none"


def test_added_folder_serves_the_command(data: Path, tmp_path: Path) -> None:
    name = "ltx-video-2b"
    folder = save_tiny(name, tmp_path / "model")
    assert cli.main(["models", "add", name, str(folder)]) == 0
    coded = tmp_path / "out.fgvc"
    source = ["encode", str(data / CLIP), "-o", str(coded), "--prior", name, "--duration", "0.4"]
    assert cli.main([*source, "--bitrate", "20k", "--short-side", "64", "--audio", "none", "--device", "cpu"]) == 0
    with BitstreamReader(coded) as reader:
        assert reader.header.prior_id == name


def test_file_made_with_a_prompt_is_refused_without_one(data: Path, tmp_path: Path) -> None:
    name = "ltx-video-2b"
    folder = save_tiny(name, tmp_path / "model")
    store.add(name, folder)
    prompt = folder / "empty_prompt.safetensors"
    save_file({"prompt": torch.ones(128, 32)}, prompt)
    coded = tmp_path / "out.fgvc"
    settings = dataclasses.replace(_settings(name), duration=0.3)
    events = list(encode(data / CLIP, coded, settings))
    assert not any(isinstance(event, Warned) and ZEROS in event.message for event in events)
    prompt.unlink()
    with pytest.raises(PriorError, match=r"other weights.*zeros"):
        list(decode(coded, tmp_path / "out.mp4", DecodeSettings(device="cpu")))
