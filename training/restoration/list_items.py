"""Print what a folder of items was cut from, as docs/training-data.md lists it.

python -m training.restoration.list_items WORK/restoration
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from training.data.sources import shares
from training.restoration.item import Item


def table(items: dict[str, Item]) -> Iterator[str]:
    """Lines of a Markdown table, one for each repository and kind, by share; `items` by the name of their folders."""
    named = list(items.items())
    counts: Counter[tuple[str, str]] = Counter()
    drawn: defaultdict[tuple[str, str], float] = defaultdict(float)
    licences: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for (name, item), share in zip(named, shares([item.collection for _, item in named]), strict=True):
        key = item.collection.split()[-1], "photos" if name.startswith("image-") else "clips"
        counts[key] += 1
        drawn[key] += share
        licences[key].add(item.licence)
    yield "| repository | kind | items | share of draws | licence as the manifest says it |"
    yield "|---|---|---|---|---|"
    for key in sorted(counts, key=lambda key: (-drawn[key], key)):
        repository, kind = key
        yield f"| {repository} | {kind} | {counts[key]} | {drawn[key]:.1%} | {'; '.join(sorted(licences[key]))} |"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("items", type=Path)
    folder = parser.parse_args().items
    found = {path.parent.name: Item.read(path.parent) for path in sorted(folder.glob("*/item.json"))}
    print(f"{len(found)} items\n")
    print("\n".join(table(found)))


if __name__ == "__main__":
    main()
