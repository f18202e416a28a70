"""One item to train the restorer on: a short window of a clip and of its AV1 bases. Needs no codec to be read."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

# AV1's blocks lie on it; windows and crops begin on it.
GRID = 8


@dataclass(frozen=True)
class Base:
    """One coded version of an item.

    Attributes:
        crf: of SVT-AV1.
        scale: 1, or 2 for half size.
        size: bytes of all its packets.
    """

    crf: float
    scale: int
    size: int


@dataclass(frozen=True)
class Item:
    """What item.json says.

    Attributes:
        source, licence, collection: from the manifest.
        width, height: of the coded pictures.
        first, top, left: where the kept window begins.
        frames, window_height, window_width: its size.
        bases: in the order of their files.
    """

    source: str
    licence: str
    collection: str
    width: int
    height: int
    first: int
    top: int
    left: int
    frames: int
    window_height: int
    window_width: int
    bases: tuple[Base, ...]

    @classmethod
    def read(cls, folder: Path) -> Item:
        """From FOLDER/item.json."""
        values = json.loads((folder / "item.json").read_text())
        return cls(**{**values, "bases": tuple(Base(**base) for base in values["bases"])})

    def write(self, folder: Path) -> None:
        """To FOLDER/item.json."""
        (folder / "item.json").write_text(self.to_json())

    def to_json(self) -> str:
        """As item.json holds it."""
        return json.dumps(asdict(self))


def joined(packets: list[bytes]) -> bytes:
    """Packets in one file, each after its length in 4 bytes."""
    return b"".join(len(packet).to_bytes(4, "little") + packet for packet in packets)


def parted(data: bytes) -> list[bytes]:
    """Inverse of `joined`."""
    packets, at = [], 0
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4], "little")
        packets.append(data[at + 4 : end])
        at = end
    return packets
