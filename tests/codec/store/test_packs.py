"""Packs for exact DISTS and LPIPS: the trunk of a published network, under the names the metrics look for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save, save_file

from codec import cli
from codec.errors import PriorError
from codec.metrics.networks import default_folders, find_network
from codec.store import packs as metric_packs
from codec.store.packs import PACKS, add_pack, get_pack, place_of, remove_pack, verify_pack
from tests.support.hostile_server import serving

VGG, ALEX = PACKS["metric-vgg16"], PACKS["metric-alexnet"]
VGG_LAYERS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("FREEGVC_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)


def _published() -> dict[str, np.ndarray]:
    """As a hub has it: the trunk under `features`, and a classifier behind it. Only the first layer's shape matters."""
    tensors = {f"features.{n}.weight": np.full((2, 2, 3, 3), n, np.float32) for n in VGG_LAYERS}
    tensors["features.0.weight"] = np.ones((64, 3, 3, 3), np.float32)
    tensors |= {f"features.{n}.bias": np.zeros(2, np.float32) for n in VGG_LAYERS}
    return {**tensors, "head.fc.weight": np.zeros((100, 100), np.float32)}


def test_get_keeps_the_trunk_where_the_metrics_look(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving({"model.safetensors": save(_published())}) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        hub.tricks["model.safetensors"] = ["drop 500"]
        transfers = list(get_pack(VGG, wait=lambda _: None))
        assert transfers[-1].done == transfers[-1].total
        assert list(get_pack(VGG)) == []
    path = find_network("vgg16_features", default_folders()[:1])
    kept = load_file(path)
    assert set(kept) == {f"{n}.{what}" for n in VGG_LAYERS for what in ("weight", "bias")}
    assert np.array_equal(kept["28.weight"], _published()["features.28.weight"])
    assert not (metric_packs.models_root() / VGG.name).exists()
    assert list(verify_pack(VGG)) == [(VGG.file, True)]


def test_add_takes_the_real_file(shared: Path) -> None:
    for spec in (VGG, ALEX):
        kept = load_file(add_pack(spec, shared / "models" / spec.file))
        original = load_file(shared / "models" / spec.file)
        assert set(kept) == set(original)
        assert all(np.array_equal(kept[key], original[key]) for key in kept)


def test_add_refuses_another_network(tmp_path: Path, shared: Path) -> None:
    with pytest.raises(PriorError, match="not the network"):
        add_pack(VGG, shared / "models" / ALEX.file)
    (tmp_path / "pickle.pth").write_bytes(b"\x80\x02}q\x00.")
    with pytest.raises(PriorError, match="safetensors"):
        add_pack(VGG, tmp_path / "pickle.pth")
    assert place_of(VGG) is None


def test_damage_and_removal(tmp_path: Path) -> None:
    save_file(_published(), tmp_path / "vgg.safetensors")
    path = add_pack(VGG, tmp_path / "vgg.safetensors")
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert list(verify_pack(VGG)) == [(VGG.file, False)]
    remove_pack(VGG)
    assert place_of(VGG) is None
    with pytest.raises(PriorError, match="nothing to remove"):
        remove_pack(VGG)
    with pytest.raises(PriorError, match="nothing to verify"):
        list(verify_pack(VGG))


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_file(_published(), tmp_path / "vgg.safetensors")
    assert cli.main(["models", "add", VGG.name, str(tmp_path / "vgg.safetensors")]) == 0
    assert cli.main(["models", "verify", VGG.name]) == 0
    assert cli.main(["models", "list"]) == 0
    assert VGG.name in capsys.readouterr().out
    assert cli.main(["models", "remove", VGG.name]) == 0
    assert cli.main(["models", "get", ALEX.name]) == 1
    assert "models add metric-alexnet" in capsys.readouterr().err
