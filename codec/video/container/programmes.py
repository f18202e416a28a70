"""Which streams of an MPEG transport stream belong together: its tables PAT and PMT (ISO/IEC 13818-1, 2.4.4).

FFmpeg knows, but PyAV doesn't tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

# Tables are repeated at least twice a second; broadcasts carry less than this in that time.
_LOOKED_AT = 4_000_000
_SYNC = 0x47
# Plain, with a time code before (Blu-ray), with error correction behind.
_PACKETS = ((188, 0), (192, 4), (204, 0))
_PAT_PID, _PAT_TABLE, _PMT_TABLE = 0, 0, 2


def programme_of(path: Path, pid: int) -> frozenset[int] | None:
    """PIDs of the programme that the stream `pid` is in; None where the file's tables don't tell."""
    try:
        with path.open("rb") as file:
            data = file.read(_LOOKED_AT)
    except OSError:
        # FFmpeg, which has it open, says what is wrong with it.
        return None
    sections = list(_sections(data))
    tables = {pmt for table, number, body in sections if number == _PAT_PID for pmt in _maps(table, body)}
    for table, number, body in sections:
        if table == _PMT_TABLE and number in tables:
            members = frozenset(_members(body))
            if pid in members:
                return members
    return None


def _packets(data: bytes) -> Iterator[bytes]:
    for size, lead in _PACKETS:
        heads = data[lead : lead + 8 * size : size]
        if len(heads) > 1 and set(heads) == {_SYNC}:
            yield from (data[at + lead : at + lead + 188] for at in range(0, len(data) - 188 - lead + 1, size))
            return


def _sections(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(table id, PID, body behind the section's number) of the first section of every table."""
    growing: dict[int, bytearray] = {}
    for packet in _packets(data):
        if packet[0] != _SYNC or not packet[3] & 0x10:
            continue
        pid = (packet[1] & 0x1F) << 8 | packet[2]
        payload = packet[5 + packet[4] :] if packet[3] & 0x20 else packet[4:]
        if packet[1] & 0x40 and payload:
            growing[pid] = bytearray(payload[1 + payload[0] :])
        elif pid in growing:
            growing[pid] += payload
        section = growing.get(pid)
        # A PES packet begins with 00 00 01: it would be a table 0 of no length.
        if section is None or len(section) < 3 or section[0] not in (_PAT_TABLE, _PMT_TABLE) or not section[1] & 0x80:
            growing.pop(pid, None)
            continue
        length = 3 + ((section[1] & 0x0F) << 8 | section[2])
        if len(section) >= length:
            yield section[0], pid, bytes(section[8 : length - 4])
            del growing[pid]


def _maps(table: int, body: bytes) -> Iterator[int]:
    """PIDs of the programmes' maps."""
    if table == _PAT_TABLE:
        for at in range(0, len(body) - 3, 4):
            if body[at] or body[at + 1]:
                yield (body[at + 2] & 0x1F) << 8 | body[at + 3]


def _members(body: bytes) -> Iterator[int]:
    """PIDs of a programme's streams."""
    at = 4 + ((body[2] & 0x0F) << 8 | body[3]) if len(body) >= 4 else len(body)
    while at + 5 <= len(body):
        yield (body[at + 1] & 0x1F) << 8 | body[at + 2]
        at += 5 + ((body[at + 3] & 0x0F) << 8 | body[at + 4])
