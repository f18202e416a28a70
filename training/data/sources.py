"""Which clips and photos a network may be trained on, and how often each source is drawn.

The weights are given away under the project's own licence, so nothing under a share-alike or copyleft licence is
taken; no source (a repository, or a photo collection) makes up more than a third of what is drawn.
"""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

UNWANTED_LICENCES = ("CC-BY-SA", "GPL")
# Footage of films and test pictures that the clips the project is judged on may have been cut from, too.
UNWANTED_NAMES = ("bunny", "bbb", "rabbit", "flower", "carphone", "foreman", "nasa")
LARGEST_SHARE = 1 / 3


@dataclass(frozen=True)
class Origin:
    """One row of the data set's manifest.tsv.

    Attributes:
        path: the file, below the data folder.
        source: where it came from, e.g. "github owner/name file".
        licence: as the manifest says it.
    """

    path: Path
    source: str
    licence: str

    @property
    def collection(self) -> str:
        """What shares are counted by: the first two words of `source` (site, repository)."""
        return " ".join(self.source.split()[:2])

    @property
    def is_photo(self) -> bool:
        """A still picture; a camera move makes a clip of it."""
        return self.path.parent.name == "image"


def wanted(origin: Origin) -> bool:
    """Whether its licence and its contents allow training on it."""
    free = not any(word in origin.licence for word in UNWANTED_LICENCES)
    return free and not any(word in origin.source.lower() for word in UNWANTED_NAMES)


def read_manifest(data: Path) -> list[Origin]:
    """All wanted files that DATA/manifest.tsv lists, in its order."""
    with (data / "manifest.tsv").open(newline="") as file:
        rows = [
            Origin(data / row["file"], row["source"], row["licence"]) for row in csv.DictReader(file, delimiter="\t")
        ]
    return [origin for origin in rows if wanted(origin) and origin.path.exists()]


def shares(collections: list[str]) -> list[float]:
    """How often each item is to be drawn, summing to 1, given the collection each belongs to.

    A collection weighs as the square root of its size, at most LARGEST_SHARE; its items share that alike.
    """
    sizes = Counter(collections)
    weights = {name: size**0.5 for name, size in sizes.items()}
    while len(weights) >= 1 / LARGEST_SHARE:
        total = sum(weights.values())
        largest = max(weights, key=lambda name: weights[name])
        if weights[largest] <= LARGEST_SHARE * total * (1 + 1e-9):
            break
        weights[largest] = (total - weights[largest]) * LARGEST_SHARE / (1 - LARGEST_SHARE)
    total = sum(weights.values())
    return [weights[name] / total / sizes[name] for name in collections]
