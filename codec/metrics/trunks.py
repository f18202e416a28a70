"""Where VGG16 and AlexNet lie: they ship in 8 bits, and a user may have fetched them in full precision."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from codec.metrics.networks import SHIPPED
from codec.store.manifest import TRUNKS
from codec.store.paths import metrics_folder


def default_folders() -> tuple[Path, ...]:
    """Where trunks are looked for unless a caller says otherwise: what `freegvc models get` and `add` keep."""
    return (metrics_folder(),)


def find_network(name: str, folders: Sequence[Path]) -> Path:
    """The file of the network that the store calls `name` ("metric-vgg16"): the first in `folders`, else what ships."""
    file = TRUNKS[name].file
    return next((path for folder in folders if (path := folder / file).is_file()), SHIPPED / file)
