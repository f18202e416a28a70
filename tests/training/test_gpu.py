"""What travels to a borrowed machine arrives there whole, and the whole run goes through in a clean folder (opt-in)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from codec.base.av1 import encode_clip, encode_frames
from codec.base.pictures import upsample, yuv_to_rgb
from tests.support import skips
from training.gpu.dav1d import Dav1d
from training.gpu.pack import dav1d_library, pack
from training.gpu.unpack import unpack
from training.restoration.item import Base, Item, joined, parted

ROOT = Path(__file__).parents[2]
DRY_RUN = "FREEGVC_GPU_DRY_RUN"


def clip(frames: int, height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(4)
    coarse = rng.integers(0, 255, (height // 8 + 4, width // 8 + 4, 1), np.uint8).repeat(3, 2)
    fine = coarse.repeat(8, 0).repeat(8, 1)
    return np.stack([fine[t : t + height, 2 * t : 2 * t + width] for t in range(frames)])


def library() -> Path:
    try:
        return dav1d_library()
    except (StopIteration, OSError):
        pytest.skip(skips.NO_DAV1D)


@pytest.mark.parametrize("scale", [1, 2])
def test_bases_are_the_same_pictures_without_pyav(scale: int) -> None:
    frames = clip(5, 96, 128)
    _, expected = encode_clip(frames, 50, scale, Fraction(25), 8)
    packets = [frame.packet for frame in encode_frames(frames, 50, scale, Fraction(25), 8)]
    shown = np.stack([yuv_to_rgb(planes) for planes in Dav1d(library()).decode(packets)])
    assert np.array_equal(shown, expected)


def test_bytes_that_are_no_video_are_refused() -> None:
    with pytest.raises(ValueError, match="dav1d"):
        list(Dav1d(library()).decode([b"no video"]))


def test_packets_part_as_they_were_joined() -> None:
    packets = [b"one", b"", b"three" * 100]
    assert parted(joined(packets)) == packets


def write_item(folder: Path) -> None:
    folder.mkdir(parents=True)
    frames = clip(10, 98, 130)
    bases = []
    for index, (crf, scale) in enumerate(((60, 1), (50, 2))):
        coded = list(encode_frames(frames, crf, scale, Fraction(25), 8))
        (folder / f"base{index}.av1").write_bytes(joined([frame.packet for frame in coded]))
        shown = upsample(np.stack([frame.picture for frame in coded]), 130, 98)
        np.save(folder / f"base{index}.npy", shown[2:, 8:88, 16:112])
        bases.append(Base(crf, scale, 0))
    np.save(folder / "source.npy", frames[2:, 8:88, 16:112])
    Item("a b", "CC0", "a b", 130, 98, 2, 8, 16, 8, 80, 96, tuple(bases)).write(folder)


def test_a_pack_keeps_its_limit_and_unpacks_to_the_same_bases(tmp_path: Path) -> None:
    library()
    for number in range(3):
        write_item(tmp_path / "items" / f"item-{number}")
    assert pack(tmp_path / "items", tmp_path / "whole.zip", 1 << 30, 24) == 3
    whole = (tmp_path / "whole.zip").stat().st_size
    assert pack(tmp_path / "items", tmp_path / "pack.zip", whole - 1000, 24) == 2
    assert (tmp_path / "pack.zip").stat().st_size <= whole - 1000
    assert unpack(tmp_path / "pack.zip", tmp_path / "work") == 2
    (first, _) = sorted((tmp_path / "work" / "items").iterdir())
    original = tmp_path / "items" / first.name
    for name in ("base0.npy", "base1.npy"):
        assert np.array_equal(np.load(first / name), np.load(original / name))
    source, coded = (np.load(f / "source.npy").astype(int) for f in (original, first))
    assert source.shape == coded.shape
    assert np.abs(source - coded).mean() < 8


@pytest.mark.skipif(not os.environ.get(DRY_RUN), reason=skips.DRY_RUN)
def test_dry_run_in_a_folder_that_holds_only_what_travels(shared: Path, tmp_path: Path) -> None:
    from training.restoration.make_items import make, plans

    for plan in [plan for plan in plans(shared / "data" / "train") if not plan.origin.is_photo][:5]:
        make(plan, tmp_path / "items" / plan.name)
    pack(tmp_path / "items", tmp_path / "pack.zip", 12 << 20, 24)
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    checkout = tmp_path / "checkout"
    for name in listed.decode().strip("\0").split("\0"):
        if (ROOT / name).is_file():
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            (checkout / name).write_bytes((ROOT / name).read_bytes())
    # What a borrowed machine has not got.
    absent = tmp_path / "absent"
    for name in ("av", "constriction", "diffusers", "PySide6"):
        (absent / name).mkdir(parents=True)
        (absent / name / "__init__.py").write_text(f"raise ImportError('{name} is not there')\n")
    run = ["bash", "training/gpu/run.sh", str(tmp_path / "pack.zip"), str(tmp_path / "out"), "--device", "cpu"]
    environment = {**os.environ, "PYTHON": sys.executable, "PYTHONPATH": str(absent)}
    subprocess.run([*run, "--minutes", "2", "--rows", "2"], cwd=checkout, env=environment, check=True)
    lines = [json.loads(line) for line in (tmp_path / "out" / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["iteration"] >= 50
    for file in (tmp_path / "out").iterdir():
        assert file.stat().st_size <= 16 << 20
    assert (tmp_path / "out" / "restorer.safetensors").exists()
    assert len(list((tmp_path / "out").iterdir())) <= 8
