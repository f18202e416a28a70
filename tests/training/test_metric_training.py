"""The bundled metric's training: distortions, labels, losses, and an export that the program loads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from codec.metrics.base import to_unit_tensor
from codec.metrics.dists import load_dists_network
from codec.metrics.pocket_dists import PLAN, build_pocket_network, load_pocket_network
from training.metric.distortions import (
    FILTERS,
    MIXTURE,
    Distortion,
    Filter,
    Moment,
    recode,
)
from training.metric.teacher import CPU, label, write_pairs
from training.metric.train import (
    Lesson,
    Tensors,
    advance,
    begin,
    compare_lesson,
    export,
    layer_numbers,
    new_head,
    opened,
    save,
)


@pytest.fixture(scope="module")
def moment() -> Moment:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (6, 12, 16, 3), np.uint8)
    frames = coarse.repeat(8, axis=1).repeat(8, axis=2)
    return Moment(frames, 2, (frames[1], 255 - frames[2]), (frames[3],))


@pytest.mark.parametrize("change", FILTERS)
def test_every_filter_keeps_size_and_repeats_itself(change: Filter, moment: Moment) -> None:
    x = moment.picture.astype(np.float32)
    once, again = (change(x.copy(), np.random.default_rng(5)) for _ in range(2))
    assert once.shape == x.shape
    assert np.isfinite(once).all()
    assert np.array_equal(once, again)
    assert not np.array_equal(once, x)


@pytest.mark.parametrize("distortion", [distortion for distortion, _ in MIXTURE])
def test_every_distortion_returns_a_picture(distortion: Distortion, moment: Moment) -> None:
    once, again = (distortion(moment, np.random.default_rng(6)) for _ in range(2))
    assert once.shape == moment.picture.shape
    assert once.dtype == np.uint8
    assert np.array_equal(once, again)


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_recode_returns_every_frame(codec: str, moment: Moment) -> None:
    options = {"crf": "20", "threads": "1", "x265-params": "log-level=none:pools=none"}
    decoded = recode(moment.frames, codec, options if codec == "libx265" else {"crf": "20", "threads": "1"})
    assert decoded.shape == moment.frames.shape
    assert np.abs(decoded.astype(int) - moment.frames).mean() < 40


@pytest.fixture(scope="module")
def start() -> Tensors:
    """Random weights of the student's shapes."""
    generator, weights, fan = torch.Generator().manual_seed(4), {}, 3
    for number, channels in zip(layer_numbers(), (c for stage in PLAN for c in stage), strict=True):
        weights[f"{number}.weight"] = (2 / (9 * fan)) ** 0.5 * torch.randn(channels, fan, 3, 3, generator=generator)
        weights[f"{number}.bias"], fan = torch.zeros(channels), channels
    return weights | new_head(generator)


@pytest.fixture(scope="module")
def lesson() -> Lesson:
    generator = torch.Generator().manual_seed(5)
    return Lesson(torch.rand(4, 3, 64, 48, generator=generator), torch.tensor([[0.1, 0.2, 0.3]]))


def test_export_is_what_the_program_loads(tmp_path: Path, lesson: Lesson, start: Tensors) -> None:
    student = build_pocket_network(start)
    save_file(export(student), tmp_path / "pocket.safetensors")
    network = load_pocket_network(tmp_path / "pocket.safetensors")
    x, y = lesson.pictures[:1].expand(3, -1, -1, -1), lesson.pictures[1:]
    with torch.inference_mode():
        expected = student.head(compare_lesson(student, lesson)).flatten()
        assert network(x, y).tolist() == pytest.approx(expected.clamp_min(0).tolist(), abs=2e-3)
        assert network(y, y).tolist() == [0, 0, 0]


def test_labels_are_the_teachers_scores(networks: Path) -> None:
    teacher, rng = load_dists_network([networks]), np.random.default_rng(8)
    references, distorted = (rng.integers(0, 256, (2, *d, 40, 56, 3), np.uint8) for d in ((), (2,)))
    terms = label(teacher, references, distorted)
    x, y = (to_unit_tensor(p, CPU) for p in (references[1:], distorted[1, 1:]))
    with torch.inference_mode():
        assert terms.shape == (2, 2, 6, 2)
        assert terms[1, 1].sum().item() == pytest.approx(teacher(x, y).item(), abs=2e-3)


@pytest.mark.slow
def test_training_learns_a_lesson_and_resumes_where_it_was(tmp_path: Path, start: Tensors) -> None:
    rng = np.random.default_rng(9)
    reference, distorted = (rng.integers(0, 256, (1, *d, 48, 48, 3), np.uint8) for d in ((), (4,)))
    write_pairs(tmp_path / "a.safetensors", reference, distorted, torch.rand(1, 4, 6, 2) * 0.1, ["noise"])
    learner, paths = opened(tmp_path / "run", start), [tmp_path / "a.safetensors"]
    begin(learner, paths, seed=1)
    errors = [advance(learner, paths, 1e-4) for _ in range(5)]
    assert errors[-1] < 0.1
    save(learner, tmp_path / "run")
    resumed = opened(tmp_path / "run", start)
    assert resumed.iteration == 5
    assert advance(resumed, paths, 1e-4) == advance(learner, paths, 1e-4)
