"""The machine's audio output, through PortAudio; the only file that knows of it."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any, Protocol

import numpy as np
from PySide6.QtCore import QCoreApplication

from codec.arrays import Samples
from codec.decoding.sound import STEREO

Fill = Callable[[Samples, float], None]
"""Writes the next samples into an array; the number says in how many seconds the first of them will be heard."""

_LONGEST_LATENCY = 2.0


class NoSoundError(Exception):
    """Why nothing can be heard; `str(error)` is one complete sentence for the user."""


class Output(Protocol):
    """An open audio output; while it runs, it asks for samples from a thread of its own.

    Attributes:
        rate: samples a second.
    """

    rate: int

    def start(self) -> None:
        """Begin to ask; raises NoSoundError where the device has gone."""
        ...

    def stop(self) -> None:
        """Stop at once; returns when no more samples are asked for."""
        ...

    def close(self) -> None:
        """Stop and let the device go."""
        ...


Opener = Callable[[Fill], Output]
"""Opens an output; raises NoSoundError where there is none."""


def open_device(fill: Fill) -> Output:
    """Open the system's default output; may take a second.

    Raises:
        NoSoundError: there is no library, no device, or it can't be used.
    """
    library = _library()
    try:
        device = library.query_devices(kind="output")
        return _Device(library, device, fill)
    except (library.PortAudioError, ValueError) as error:
        # The library says it by a code or, of a default device that isn't, in words.
        if not _outputs(library):
            raise NoSoundError(_tr("No sound: this machine has no audio output.")) from error
        raise NoSoundError(_tr("No sound: the audio output can't be opened ({}).").format(error)) from error


def _library() -> ModuleType:
    """PortAudio's binding, imported by name and late: it has no types, and importing it looks for devices."""
    try:
        return importlib.import_module("sounddevice")
    except ImportError as error:
        raise NoSoundError(_tr("No sound: the Python package sounddevice is missing; install it.")) from error
    except OSError as error:
        raise NoSoundError(
            _tr("No sound: the library PortAudio is missing; install it (on Debian: libportaudio2).")
        ) from error


def _outputs(library: Any) -> list[Any]:
    return [device for device in library.query_devices() if device["max_output_channels"] > 0]


class _Device:
    """See `Output`."""

    def __init__(self, library: Any, device: Any, fill: Fill) -> None:
        self.rate = int(device["default_samplerate"])
        self._fill, self._error = fill, library.PortAudioError
        self._stream = library.OutputStream(
            samplerate=self.rate,
            channels=min(STEREO, device["max_output_channels"]),
            dtype="float32",
            # A window that paints may hold its interpreter for some milliseconds.
            latency="high",
            callback=self._give,
        )

    def start(self) -> None:
        """See `Output.start`."""
        try:
            self._stream.start()
        except self._error as error:
            raise NoSoundError(_tr("No sound: the audio output has gone ({}).").format(error)) from error

    def stop(self) -> None:
        """See `Output.stop`."""
        self._stream.abort()

    def close(self) -> None:
        """See `Output.close`."""
        self._stream.close()

    def _give(self, out: Samples, count: int, times: Any, _: object) -> None:
        ahead = times.outputBufferDacTime - times.currentTime
        # Some systems leave these times out.
        if not 0 < ahead < _LONGEST_LATENCY:
            ahead = self._stream.latency
        if out.shape[1] == STEREO:
            self._fill(out, ahead)
            return
        both = np.empty((count, STEREO), np.float32)
        self._fill(both, ahead)
        out[:] = both.mean(axis=1, keepdims=True)


def _tr(text: str) -> str:
    return QCoreApplication.translate("Sound", text)
