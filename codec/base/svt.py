"""SVT-AV1 by its own interface, for the one thing that FFmpeg's wrapper of it can't do: another quantiser from some
picture on, inside one stream and without a keyframe.

The library is the very one in PyAV's wheel. A picture may carry a RATE_CHANGE_EVENT (`EbPrivDataNode`, EbSvtAv1.h and
EbSvtAv1Enc.h of SVT-AV1 4.1): from that picture on the stream's quantiser is another. What the first CRF had beyond a
whole number, or beyond 63, stays added to every later one.

A C interface that is declared by hand holds for one version only, so `trusted_library` looks at the version and codes a
tiny clip both ways before anybody relies on it.
"""

from __future__ import annotations

import ctypes as c
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from codec.video.svt_av1 import leave_real_time

Planes = NDArray[np.uint8]
"""Planar 4:2:0, uint8 (h * 3 / 2, w)."""

VERSION = "v4.1"
_CONFIGURATION_BYTES = 1 << 15  # more than any version's EbSvtAv1EncConfiguration
_RATE_CHANGE_EVENT = 4
_SAME_BITRATE = 2_000_513  # the default, which stands for "unchanged"
_INVALID_PICTURE = 0xFF
_END_OF_STREAM = 1
_NOTHING_READY = 0x80002033
_SIGNAL = {
    "input-depth": 8,
    "color-primaries": 1,
    "transfer-characteristics": 1,
    "matrix-coefficients": 1,
    "color-range": 0,
}
_TEST_FRAMES = 8
_PATTERNS = ("libSvtAv1Enc*", "SvtAv1Enc*")


class _Header(c.Structure):
    """EbBufferHeaderType."""

    _fields_ = (
        ("size", c.c_uint32),
        ("p_buffer", c.c_void_p),
        ("n_filled_len", c.c_uint32),
        ("n_alloc_len", c.c_uint32),
        ("p_app_private", c.c_void_p),
        ("wrapper_ptr", c.c_void_p),
        ("n_tick_count", c.c_uint32),
        ("dts", c.c_int64),
        ("pts", c.c_int64),
        ("temporal_layer_index", c.c_uint8),
        ("qp", c.c_uint32),
        ("avg_qp", c.c_uint32),
        ("pic_type", c.c_uint32),
        ("luma_sse", c.c_uint64),
        ("cr_sse", c.c_uint64),
        ("cb_sse", c.c_uint64),
        ("flags", c.c_uint32),
        ("luma_ssim", c.c_double),
        ("cr_ssim", c.c_double),
        ("cb_ssim", c.c_double),
        ("metadata", c.c_void_p),
    )


class _Picture(c.Structure):
    """EbSvtIOFormat."""

    _fields_ = (
        ("luma", c.c_void_p),
        ("cb", c.c_void_p),
        ("cr", c.c_void_p),
        ("y_stride", c.c_uint32),
        ("cr_stride", c.c_uint32),
        ("cb_stride", c.c_uint32),
    )


class _Node(c.Structure):
    """EbPrivDataNode."""

    _fields_ = (("node_type", c.c_uint32), ("data", c.c_void_p), ("size", c.c_uint32), ("next", c.c_void_p))


class _Rate(c.Structure):
    """SvtAv1RateInfo."""

    _fields_ = (("seq_qp", c.c_uint32), ("target_bit_rate", c.c_uint32))


class SvtError(Exception):
    """A call of the library failed; never reaches a user."""


@dataclass(frozen=True)
class Library:
    """The loaded library."""

    handle: c.CDLL

    def call(self, name: str, *arguments: object) -> None:
        """Call a function that returns EbErrorType.

        Raises:
            SvtError: it returned an error.
        """
        code = getattr(self.handle, name)(*arguments) & 0xFFFFFFFF
        if code:
            raise SvtError(f"{name}: {code:#x}")


def find_library() -> Library | None:
    """The library of a known version that PyAV brought with it, or None.

    Wheels lay it beside the package (Linux, Windows: `av.libs`; macOS: `av/.dylibs`), a packaged application as well
    or at its own root.
    """
    package = Path(av.__file__).parent
    folders = [package.parent / "av.libs", package / ".dylibs", package.parent]
    folders += [Path(sys._MEIPASS)] if hasattr(sys, "_MEIPASS") else []
    for path in (path for folder in folders for pattern in _PATTERNS for path in sorted(folder.glob(pattern))):
        try:
            handle = c.CDLL(str(path))
            handle.svt_av1_get_version.restype = c.c_char_p
            version = handle.svt_av1_get_version().decode()
        except (OSError, AttributeError, UnicodeDecodeError):
            continue
        if version.startswith(VERSION):
            return Library(handle)
    return None


class SvtStream:
    """One stream of 8-bit 4:2:0 pictures, BT.709, limited range.

    Args:
        size: (width, height).
        frame_rate: only steers decisions.
        options: SVT-AV1's own names and values.

    Raises:
        SvtError: the library refuses a parameter, or can't start.
    """

    def __init__(
        self, library: Library, size: tuple[int, int], frame_rate: Fraction, options: Mapping[str, str]
    ) -> None:
        self._library = library
        self._component = c.c_void_p()
        configuration = c.create_string_buffer(_CONFIGURATION_BYTES)
        parameters = {**_SIGNAL, "width": size[0], "height": size[1], **options}
        parameters |= {"fps-num": frame_rate.numerator, "fps-denom": frame_rate.denominator}
        library.call("svt_av1_enc_init_handle", c.byref(self._component), configuration)
        try:
            for name, value in parameters.items():
                library.call("svt_av1_enc_parse_parameter", configuration, name.encode(), str(value).encode())
            library.call("svt_av1_enc_set_parameter", self._component, configuration)
            library.call("svt_av1_enc_init", self._component)
        except SvtError:
            self._forget()
            raise
        leave_real_time()

    def send(self, planes: Planes, pts: int, qp: int | None) -> None:
        """Hand over the next picture.

        Args:
            qp: the stream's quantiser from this picture on, 0 to 63; None leaves it.
        """
        height, width = planes.shape[0] * 2 // 3, planes.shape[1]
        flat = np.ascontiguousarray(planes).ravel()
        luma, chroma = width * height, width * height // 4
        address = flat.ctypes.data
        picture = _Picture(address, address + luma, address + luma + chroma, width, width // 2, width // 2)
        header = _Header(
            size=c.sizeof(_Header),
            p_buffer=c.addressof(picture),
            n_filled_len=flat.nbytes,
            pts=pts,
            pic_type=_INVALID_PICTURE,
        )
        # The library copies pictures and events before it returns; until then these hold what the pointers name.
        rate = _Rate(qp or 0, _SAME_BITRATE)
        node = _Node(_RATE_CHANGE_EVENT, c.addressof(rate), c.sizeof(rate), None)
        if qp is not None:
            header.p_app_private = c.addressof(node)
        self._library.call("svt_av1_enc_send_picture", self._component, c.byref(header))

    def end(self) -> None:
        """Say that there is no further picture."""
        header = _Header(size=c.sizeof(_Header), flags=_END_OF_STREAM, pic_type=_INVALID_PICTURE)
        self._library.call("svt_av1_enc_send_picture", self._component, c.byref(header))

    def packets(self, ended: bool) -> Iterator[tuple[int, bytes]]:
        """(pts, temporal unit) of what is ready; after `end` all that is left."""
        while True:
            found = c.POINTER(_Header)()
            code = self._library.handle.svt_av1_enc_get_packet(self._component, c.byref(found), c.c_uint8(ended))
            if code & 0xFFFFFFFF == _NOTHING_READY:
                return
            if code:
                raise SvtError(f"svt_av1_enc_get_packet: {code & 0xFFFFFFFF:#x}")
            packet = found.contents
            pts, data = packet.pts, c.string_at(packet.p_buffer, packet.n_filled_len)
            last = bool(packet.flags & _END_OF_STREAM)
            self._library.handle.svt_av1_enc_release_out_buffer(c.byref(found))
            if data:
                yield pts, data
            if last:
                return

    def close(self) -> None:
        """Free everything; a stream that has not ended is given up."""
        if self._component:
            self._library.handle.svt_av1_enc_deinit(self._component)
            self._forget()

    def _forget(self) -> None:
        self._library.handle.svt_av1_enc_deinit_handle(self._component)
        self._component = c.c_void_p()


class PyavStream:
    """The same stream through FFmpeg's wrapper, which knows one level only."""

    def __init__(self, size: tuple[int, int], frame_rate: Fraction, options: Mapping[str, str]) -> None:
        encoder = av.CodecContext.create("libsvtav1", "w")
        encoder.width, encoder.height = size
        encoder.pix_fmt = "yuv420p"
        encoder.framerate = frame_rate
        encoder.time_base = 1 / frame_rate
        encoder.color_range = 1
        encoder.colorspace = encoder.color_primaries = encoder.color_trc = 1
        values = ":".join(f"{name}={value}" for name, value in options.items() if name != "preset")
        encoder.options = {"preset": options["preset"], "svtav1-params": values}
        encoder.open()
        leave_real_time()
        self._encoder = encoder
        self._ready: list[tuple[int, bytes]] = []

    def send(self, planes: Planes, pts: int, qp: int | None) -> None:
        """As `SvtStream.send`; raises ValueError where another quantiser is asked for."""
        if qp is not None:
            raise ValueError("FFmpeg's wrapper of SVT-AV1 can't change the quantiser")
        frame = VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts = pts
        self._take(frame)

    def end(self) -> None:
        """As `SvtStream.end`."""
        self._take(None)

    def packets(self, ended: bool) -> Iterator[tuple[int, bytes]]:
        """As `SvtStream.packets`."""
        del ended
        ready, self._ready = self._ready, []
        yield from ready

    def close(self) -> None:
        """As `SvtStream.close`; FFmpeg frees an encoder that nobody holds."""
        self._ready = []

    def _take(self, frame: VideoFrame | None) -> None:
        self._ready += [(int(packet.pts or 0), bytes(packet)) for packet in self._encoder.encode(frame)]


@cache
def trusted_library() -> Library | None:
    """The library, if a tiny clip shows that it does what this module believes; None where levels can't change."""
    library = find_library()
    if library is None:
        return None
    try:
        return library if _agrees(library) else None
    except SvtError:
        return None


def _agrees(library: Library) -> bool:
    """Whether a tiny clip comes out as through PyAV, and otherwise from where another quantiser begins."""
    size, rate, options = (64, 64), Fraction(25), {"preset": "10", "crf": "40.25", "lp": "1", "keyint": "-1"}
    random = np.random.default_rng(1)
    pictures = [random.integers(16, 236, (96, 64), np.uint8) for _ in range(_TEST_FRAMES)]

    def coded(stream: SvtStream | PyavStream, change: Mapping[int, int]) -> list[tuple[int, bytes]]:
        packets: list[tuple[int, bytes]] = []
        with closing(stream):
            for pts, planes in enumerate(pictures):
                stream.send(planes, pts, change.get(pts))
                packets += stream.packets(ended=False)
            stream.end()
            packets += stream.packets(ended=True)
        return packets

    plain = coded(PyavStream(size, rate, options), {})
    same = coded(SvtStream(library, size, rate, options), {})
    changed = coded(SvtStream(library, size, rate, options), {_TEST_FRAMES // 2: 60})
    total = sum(len(data) for _, data in plain)
    return same == plain and len(changed) == len(plain) and 0 < sum(len(data) for _, data in changed) < total
