"""AV1 packets to pictures by dav1d alone, through ctypes: a borrowed machine has no PyAV, but runs its library."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Planes = NDArray[np.uint8]
"""One 4:2:0 picture, (h * 3 / 2, w): luma, then both chroma planes."""

# More than dav1d's structures need, in any version.
ROOM = 4096


class _Picture(ctypes.Structure):
    """The beginning of Dav1dPicture."""

    _fields_ = (
        ("headers", ctypes.c_void_p * 2),
        ("data", ctypes.c_void_p * 3),
        ("stride", ctypes.c_ssize_t * 2),
        ("width", ctypes.c_int),
        ("height", ctypes.c_int),
        ("layout", ctypes.c_int),
        ("bits", ctypes.c_int),
        ("rest", ctypes.c_uint8 * ROOM),
    )


class Dav1d:
    """The library at `path`."""

    def __init__(self, path: Path) -> None:
        self._library = ctypes.CDLL(str(path))
        self._library.dav1d_data_create.restype = ctypes.c_void_p
        self._library.dav1d_data_create.argtypes = [ctypes.c_void_p, ctypes.c_size_t]

    def decode(self, packets: Iterable[bytes]) -> Iterator[Planes]:
        """The pictures of one stream, one a packet.

        Raises:
            ValueError: dav1d refuses a packet, or a packet shows no 8-bit 4:2:0 picture.
        """
        context = ctypes.c_void_p()
        settings = (ctypes.c_int * ROOM)()
        self._library.dav1d_default_settings(settings)
        # The first two fields: threads, frames of delay.
        settings[0], settings[1] = 1, 1
        if self._library.dav1d_open(ctypes.byref(context), settings):
            raise ValueError("dav1d did not open")
        try:
            for packet in packets:
                yield self._one(context, packet)
        finally:
            self._library.dav1d_close(ctypes.byref(context))

    def _one(self, context: ctypes.c_void_p, packet: bytes) -> Planes:
        data = (ctypes.c_uint8 * ROOM)()
        ctypes.memmove(self._library.dav1d_data_create(data, len(packet)), packet, len(packet))
        picture = _Picture()
        sent = self._library.dav1d_send_data(context, data)
        if sent or self._library.dav1d_get_picture(context, ctypes.byref(picture)):
            raise ValueError("dav1d shows no picture for a packet")
        planes = _copied(picture)
        self._library.dav1d_picture_unref(ctypes.byref(picture))
        return planes


def _copied(picture: _Picture) -> Planes:
    if (picture.layout, picture.bits) != (1, 8):
        raise ValueError("the picture is not 8-bit 4:2:0")
    parts = []
    for plane, address in enumerate(picture.data):
        half = plane > 0
        height, width = (side // 2 if half else side for side in (picture.height, picture.width))
        stride = picture.stride[half]
        buffer = (ctypes.c_uint8 * (stride * height)).from_address(address)
        parts.append(np.frombuffer(buffer, np.uint8).reshape(height, stride)[:, :width].ravel())
    return np.concatenate(parts).reshape(picture.height * 3 // 2, picture.width)
