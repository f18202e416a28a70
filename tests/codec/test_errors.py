"""What exceptions of the libraries mean to a user."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from codec.errors import SettingsError, SystemRefusedError, out_of_memory, refusal

FAR_TOO_MUCH = 10**15


def _numpy() -> None:
    np.zeros(FAR_TOO_MUCH)


def _torch_on_a_cpu() -> None:
    torch.empty(FAR_TOO_MUCH)


def _torch_on_a_gpu() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")


@pytest.mark.parametrize("asks", [_numpy, _torch_on_a_cpu, _torch_on_a_gpu])
def test_too_little_memory_is_one_sentence_whoever_says_it(asks: object) -> None:
    assert callable(asks)
    with pytest.raises((MemoryError, RuntimeError)) as caught:
        asks()
    told = out_of_memory(caught.value)
    assert told is not None
    assert "smaller short side" in str(told)


@pytest.mark.parametrize("error", [RuntimeError("wrong memory format"), ValueError("memory"), KeyError("memory")])
def test_a_defect_that_speaks_of_memory_stays_a_defect(error: Exception) -> None:
    assert out_of_memory(error) is None


def test_whatever_is_no_defect_has_a_sentence() -> None:
    own = SettingsError("No.")
    assert refusal(own) is own
    gone = refusal(FileNotFoundError(2, "No such file or directory", "film.mp4"))
    assert isinstance(gone, SystemRefusedError)
    assert "film.mp4" in str(gone)
    assert refusal(MemoryError()) is not None
    assert refusal(RuntimeError("a bug")) is None
    assert refusal(KeyError("a bug")) is None
