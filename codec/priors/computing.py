"""Where a prior computes, and in which numbers."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from codec.errors import SettingsError


@dataclass(frozen=True)
class Computing:
    """What a prior is opened for.

    Attributes:
        dtype: number type of all that steers: the trajectory, and what is sent along it. A file's header names it, and
            a decoder follows.
        restoring: of pictures that nothing is made from again, and of how a controller looks at them. They may differ
            in a last bit from machine to machine (62 dB and more, never over one level of 255, measured on two clips),
            so they take what is fastest.
    """

    device: torch.device
    dtype: str
    restoring: str

    @classmethod
    def choose(cls, device: str, dtype: str, written_in: str = "auto") -> Computing:
        """What the user's words, "auto" among them, mean on this machine.

        Args:
            written_in: number type of the file that is decoded.

        Raises:
            SettingsError: the device is not there.
        """
        place = choose_device(device)
        number = choose_dtype(place, written_in if dtype == "auto" else dtype)
        quick = dtype == "auto" and has_bfloat16_units(place)
        return cls(place, number, "bfloat16" if quick else number)


def choose_device(device: str) -> torch.device:
    """The torch device for "auto", "cpu" or "cuda".

    Raises:
        SettingsError: there is no CUDA device.
    """
    available = torch.cuda.is_available()
    if device == "cuda" and not available:
        raise SettingsError("There is no CUDA device that torch can use; choose --device cpu, or install a CUDA build.")
    return torch.device("cuda" if available and device != "cpu" else "cpu")


def choose_dtype(device: torch.device, dtype: str) -> str:
    """What "auto" stands for on this device."""
    if dtype != "auto":
        return dtype
    return "float32" if device.type == "cpu" else "bfloat16"


def has_bfloat16_units(device: torch.device) -> bool:
    """Whether the device multiplies in bfloat16 by itself; elsewhere that is emulated, which is slower than float32."""
    if device.type != "cpu":
        return True
    able = torch.cpu.get_capabilities()
    return any(able.get(name, False) for name in ("avx512_bf16", "amx_bf16"))
