"""AAC as transport streams carry it: a header before each packet (ADTS), which other containers keep once.

ISO/IEC 14496-3, 1.A.3.2 (ADTS) and 1.6.2.1 (AudioSpecificConfig).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from av.audio.stream import AudioStream
from av.packet import Packet

from codec.errors import InputError

_HEAD, _CHECKED_HEAD = 7, 9


def unwrapped(packets: Iterator[Packet[AudioStream]], path: Path) -> tuple[Iterator[Packet[AudioStream]], bytes]:
    """The packets without their headers, and the configuration that replaces these.

    Raises:
        InputError: here or while iterating; the packets have no such headers, or the configuration changes.
    """
    sized = (packet for packet in packets if packet.size)
    first = next(sized, None)
    if first is None:
        return iter(()), b""
    config = _config(bytes(first), path)
    return (_bare(packet, config, path) for packet in itertools.chain([first], sized)), config


def _bare(packet: Packet[AudioStream], config: bytes, path: Path) -> Packet[AudioStream]:
    data = bytes(packet)
    if _config(data, path) != config:
        raise InputError(
            f"The AAC sound of {path} changes in mid-stream, so it can't be carried unchanged; choose Opus."
        )
    bare = cast("Packet[AudioStream]", Packet(data[_HEAD if data[1] & 1 else _CHECKED_HEAD :]))
    bare.pts, bare.dts, bare.duration, bare.time_base = packet.pts, packet.dts, packet.duration, packet.time_base
    return bare


def _config(data: bytes, path: Path) -> bytes:
    """AudioSpecificConfig: object type (5 bits), sampling frequency index (4), channel configuration (4)."""
    if len(data) < _HEAD or data[0] != 0xFF or data[1] & 0xF6 != 0xF0:
        raise InputError(f"The AAC sound of {path} is in a form that can't be carried unchanged; choose Opus.")
    kind = (data[2] >> 6) + 1
    rate = data[2] >> 2 & 0x0F
    channels = (data[2] & 1) << 2 | data[3] >> 6
    if not channels:
        raise InputError(
            f"The AAC sound of {path} tells its channels in a way that can't be carried unchanged; choose Opus."
        )
    return (kind << 11 | rate << 7 | channels << 3).to_bytes(2, "big")
