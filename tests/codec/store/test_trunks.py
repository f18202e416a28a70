"""Networks for exact DISTS, LPIPS and tLP: the trunk of a published classifier, where the metrics look for it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save, save_file
from safetensors.torch import save_file as save_torch_file

from codec import cli
from codec.errors import PriorError, SettingsError
from codec.metrics.networks import SHIPPED
from codec.metrics.trunks import default_folders, find_network
from codec.store.manifest import TRUNKS, WebFile
from codec.store.package import Transfer
from codec.store.paths import models_root
from codec.store.trunks import TrunkPackage
from tests.support.hostile_server import serving

VGG, ALEX = (TrunkPackage(TRUNKS[name]) for name in ("metric-vgg16", "metric-alexnet"))
LAYERS = {VGG.name: (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28), ALEX.name: (0, 3, 6, 8, 10)}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FREEGVC_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    return tmp_path / "home"


def published(trunk: TrunkPackage) -> dict[str, np.ndarray]:
    """As a publisher has it: the trunk under `features`, a classifier behind. Only the first layer has its shape."""
    tensors = {f"features.{n}.weight": np.full((2, 2, 3, 3), n, np.float32) for n in LAYERS[trunk.name]}
    tensors["features.0.weight"] = np.ones(trunk.spec.first_layer, np.float32)
    tensors |= {f"features.{n}.bias": np.zeros(2, np.float32) for n in LAYERS[trunk.name]}
    return {**tensors, "classifier.weight": np.zeros((100, 100), np.float32)}


def get(trunk: TrunkPackage) -> list[Transfer]:
    return list(trunk.get(False, lambda _: None))


def test_get_keeps_the_trunk_where_the_metrics_look(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving({"model.safetensors": save(published(VGG))}) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        hub.tricks["model.safetensors"] = ["drop 500"]
        transfers = get(VGG)
        assert transfers[-1].done == transfers[-1].total
        assert get(VGG) == []
    path = find_network(VGG.name, default_folders())
    assert path.is_relative_to(home)
    kept = load_file(path)
    assert set(kept) == {f"{n}.{what}" for n in LAYERS[VGG.name] for what in ("weight", "bias")}
    assert np.array_equal(kept["28.weight"], published(VGG)["features.28.weight"])
    assert not (models_root() / VGG.name).exists()
    assert list(VGG.verify()) == [(VGG.spec.file, True)]


def test_torchvisions_own_file_is_fetched_checked_and_read_without_running_it(tmp_path: Path) -> None:
    weights = {key: torch.from_numpy(value) for key, value in published(ALEX).items()}
    torch.save(weights, tmp_path / "alexnet.pth")
    data = (tmp_path / "alexnet.pth").read_bytes()
    with serving({"alexnet.pth": data}) as hub:
        source = WebFile(f"{hub.url}/elsewhere/alexnet.pth", len(data), hashlib.sha256(data).hexdigest())
        trunk = TrunkPackage(replace(ALEX.spec, source=source))
        hub.tricks["alexnet.pth"] = ["wrong", "drop 900"]
        assert get(trunk)[-1].done == len(data)
        assert trunk.place is not None
        assert np.array_equal(load_file(trunk.place)["10.weight"], published(ALEX)["features.10.weight"])
        trunk.remove()
        other = TrunkPackage(replace(ALEX.spec, source=replace(source, sha256="0" * 64)))
        with pytest.raises(PriorError, match="SHA-256 differs"):
            get(other)
    assert other.place is None


class _Runs:
    """What unpickling would run."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("ran",))


def test_a_file_of_torchs_format_that_would_run_something_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"features.0.weight": _Runs()}, tmp_path / "evil.pth")
    with pytest.raises(PriorError, match="can't be read as torch weights"):
        ALEX.add(tmp_path / "evil.pth")
    assert "ran" not in capsys.readouterr().out
    (tmp_path / "noise.pth").write_bytes(b"noise" * 100)
    with pytest.raises(PriorError, match="can't be read as torch weights"):
        ALEX.add(tmp_path / "noise.pth")


def test_nothing_is_fetched_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for trunk in (VGG, ALEX):
        with pytest.raises(SettingsError, match="HF_HUB_OFFLINE"):
            get(trunk)


@pytest.mark.parametrize("endpoint", ["foo", "ftp://hub.example", "http://", "https://[hub", "https://a hub"])
def test_a_mirror_that_is_no_address_is_refused(
    endpoint: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    assert cli.main(["models", "get", VGG.name]) == 1
    assert f"HF_ENDPOINT is {endpoint!r}" in capsys.readouterr().err


def test_what_alexnet_is_fetched_from_is_pinned() -> None:
    source = ALEX.spec.source
    assert isinstance(source, WebFile)
    # torchvision names a file by the first digits of its hash.
    assert f"-{source.sha256[:8]}.pth" in source.url


def test_a_network_that_was_never_fetched_is_the_one_that_ships(networks: Path) -> None:
    for trunk in (VGG, ALEX):
        assert find_network(trunk.name, default_folders()).is_relative_to(SHIPPED)
        trunk.add(networks / trunk.spec.file)
        assert find_network(trunk.name, default_folders()) == trunk.place


def test_add_takes_the_real_file(shared: Path) -> None:
    for trunk in (VGG, ALEX):
        trunk.add(shared / "models" / trunk.spec.file)
        assert trunk.place is not None
        kept, original = load_file(trunk.place), load_file(shared / "models" / trunk.spec.file)
        assert set(kept) == set(original)
        assert all(np.array_equal(kept[key], original[key]) for key in kept)


def test_add_refuses_another_network(tmp_path: Path) -> None:
    save_file(published(ALEX), tmp_path / "alexnet.safetensors")
    with pytest.raises(PriorError, match="not the network"):
        VGG.add(tmp_path / "alexnet.safetensors")
    (tmp_path / "pickle.bin").write_bytes(b"\x80\x02}q\x00.")
    with pytest.raises(PriorError, match="safetensors"):
        VGG.add(tmp_path / "pickle.bin")
    assert VGG.place is None


def test_add_refuses_the_trunk_that_ships_whose_scales_it_would_lose() -> None:
    for trunk in (VGG, ALEX):
        with pytest.raises(PriorError, match="whole numbers; give the published file"):
            trunk.add(SHIPPED / trunk.spec.file)
        assert trunk.place is None


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_add_takes_any_floating_point_and_keeps_float32(tmp_path: Path, dtype: torch.dtype) -> None:
    weights = {key: torch.from_numpy(value) for key, value in published(VGG).items()}
    save_torch_file({key: value.to(dtype) for key, value in weights.items()}, tmp_path / "vgg.safetensors")
    VGG.add(tmp_path / "vgg.safetensors")
    assert VGG.place is not None
    kept = load_file(VGG.place)
    assert all(np.array_equal(kept[key], weights[f"features.{key}"]) for key in kept)
    assert {array.dtype for array in kept.values()} == {np.dtype(np.float32)}


def test_damage_and_removal(tmp_path: Path) -> None:
    save_file(published(VGG), tmp_path / "vgg.safetensors")
    VGG.add(tmp_path / "vgg.safetensors")
    path = VGG.place
    assert path is not None
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert list(VGG.verify()) == [(VGG.spec.file, False)]
    with pytest.raises(PriorError, match="no file of"):
        VGG.discard(["other"])
    VGG.discard([VGG.spec.file])
    assert VGG.place is None
    with pytest.raises(PriorError, match="nothing to remove"):
        VGG.remove()
    with pytest.raises(PriorError, match="nothing to verify"):
        list(VGG.verify())


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_file(published(VGG), tmp_path / "vgg.safetensors")
    assert cli.main(["models", "add", VGG.name, str(tmp_path / "vgg.safetensors")]) == 0
    assert cli.main(["models", "verify", VGG.name]) == 0
    assert cli.main(["models", "list"]) == 0
    assert VGG.name in capsys.readouterr().out
    assert cli.main(["models", "remove", VGG.name]) == 0
    assert cli.main(["models", "get", VGG.name, "--text-encoder"]) == 1
    assert "no text encoder" in capsys.readouterr().err
    assert cli.main(["models", "remove", "pocket"]) == 1
    assert "comes with the program" in capsys.readouterr().err


def test_get_leaves_what_lies_beside_the_download(monkeypatch: pytest.MonkeyPatch) -> None:
    # Such as a file manager puts into every folder that it shows.
    stray = models_root() / VGG.name / ".DS_Store"
    stray.parent.mkdir(parents=True)
    stray.touch()
    with serving({"model.safetensors": save(published(VGG))}) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        get(VGG)
    assert VGG.place is not None
    assert list(stray.parent.iterdir()) == [stray]
