"""What papers report for test sets that people reproduce: quoted by source, shown beside our figures, never merged."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class PublishedRate:
    """BD-rates of one codec against the table's anchor, percent; None where the source gives none."""

    codec: str
    lpips: float | None
    dists: float | None


@dataclass(frozen=True)
class PublishedTable:
    """One table of a paper.

    Attributes:
        sequences: the set's, as their files are usually called; by them a run is recognised.
        anchor: whose bits the percentages are of.
    """

    title: str
    source: str
    anchor: str
    sequences: tuple[str, ...]
    rates: tuple[PublishedRate, ...]


_VORTEC = "arXiv 2609.02291, table 3"
TABLES = (
    PublishedTable(
        "HEVC class C, 480p",
        _VORTEC,
        "VoRTeC",
        ("BasketballDrill", "BQMall", "PartyScene", "RaceHorses"),
        (
            PublishedRate("Free-GVC", -41.4, -44.2),
            PublishedRate("VoRTeC+", -30.9, -47.6),
            PublishedRate("GLC-Video", 39.8, 90.5),
            PublishedRate("S2VC", 113.9, 80.9),
            PublishedRate("DCVC-RT", 319.0, None),
            PublishedRate("VTM", 293.0, None),
        ),
    ),
    PublishedTable(
        "UVG, 1080p",
        _VORTEC,
        "VoRTeC",
        ("Beauty", "Bosphorus", "HoneyBee", "Jockey", "ReadySteadyGo", "ShakeNDry", "YachtRide"),
        (PublishedRate("Free-GVC", 58.6, 4.9),),
    ),
)


def tables_for(sequences: Sequence[str]) -> Iterator[PublishedTable]:
    """Those of sets from which at least one of `sequences` (names, folders before them allowed) is."""
    names = [_plain(name.rpartition("/")[2]) for name in sequences]
    for table in TABLES:
        if any(name.startswith(_plain(known)) for name in names for known in table.sequences):
            yield table


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
