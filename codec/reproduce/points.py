"""What was measured, kept as it comes, so that a run that stops goes on where it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from codec.errors import SettingsError
from codec.files import read_json, write_json

FILE = "points.json"


@dataclass(frozen=True)
class Point:
    """One codec at one setting on one sequence.

    Attributes:
        setting: what was asked of the codec: "dists 0.15", "q 38".
        bytes: of the whole `.fgvc` file, or of a peer's packets alone.
        bpp: bits per pixel of the sequence, at the size at which all are judged.
        metrics: name -> mean over the frames.
        encode_fps, decode_fps: None where the codec's own program doesn't tell.
        weights: hash of our prior's weights; empty for others.
    """

    sequence: str
    codec: str
    setting: str
    bytes: int
    bpp: float
    kbps: float
    metrics: dict[str, float]
    encode_fps: float | None = None
    decode_fps: float | None = None
    weights: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What is never computed twice."""
        return self.sequence, self.codec, self.setting


@dataclass
class Ledger:
    """The points of one results folder; each is on disk before the next begins.

    Attributes:
        conditions: what all of its points have in common, so that they can be compared.
    """

    folder: Path
    conditions: dict[str, Any]
    points: list[Point] = field(default_factory=list)

    @classmethod
    def open(cls, folder: Path, conditions: Mapping[str, Any]) -> Ledger:
        """Take up what `folder` holds.

        Raises:
            SettingsError: it was measured under other conditions, or can't be understood.
        """
        kept = read_json(folder / FILE)
        ledger = cls(folder, dict(conditions))
        if not kept:
            if (folder / FILE).exists():
                raise SettingsError(f"{folder / FILE} is damaged; move it away, or choose another results folder.")
            return ledger
        for name, value in ledger.conditions.items():
            before = kept.get("conditions", {}).get(name)
            if before != value:
                raise SettingsError(
                    f"{folder} holds results with {name} {before}, not {value}; choose another results folder."
                )
        try:
            ledger.points = [Point(**entry) for entry in kept["points"]]
        except (KeyError, TypeError) as error:
            raise SettingsError(f"{folder / FILE} is of another version; choose another results folder.") from error
        return ledger

    def has(self, sequence: str, codec: str, setting: str) -> bool:
        """Whether that point is there."""
        return (sequence, codec, setting) in {point.key for point in self.points}

    def check(self, codec: str, weights: str) -> None:
        """Refuse points that don't belong to the others of their codec.

        Raises:
            SettingsError: our prior has other weights by now.
        """
        if any(point.codec == codec and point.weights != weights for point in self.points):
            raise SettingsError(
                f"{self.folder} holds results of {codec} with other weights; choose another results folder."
            )

    def add(self, point: Point) -> None:
        """Keep a point.

        Raises:
            SettingsError: see `check`.
            OutputError: it can't be written.
        """
        self.check(point.codec, point.weights)
        self.points.append(point)
        write_json(
            self.folder / FILE, {"conditions": self.conditions, "points": [asdict(kept) for kept in self.points]}
        )
