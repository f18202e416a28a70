"""What each prior codes at unless the user says otherwise. Without torch: the window asks before any is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from codec.errors import PriorError


@dataclass(frozen=True)
class CodingDefaults:
    """A prior's own choice.

    Attributes:
        short_side: coding size, the shorter side in pixels; sides are multiples of `size_multiple`.
        short_sides: all that it may be coded at unasked, rising; a large model knows the one it was trained at.
        gop_frames, overlap_frames: GOP length and overlap.
        restores: whether it restores a base in steps that cost no bits; then none are sent over a base.
    """

    short_side: int
    short_sides: tuple[int, ...]
    size_multiple: int
    gop_frames: int
    overlap_frames: int
    restores: bool = False


DEFAULTS: Mapping[str, CodingDefaults] = {
    "pocket": CodingDefaults(240, (144, 240, 360, 480, 720), 2, 48, 4, restores=True),
    "gaussian": CodingDefaults(64, (64,), 2, 16, 2),
    "wan2.1-t2v-1.3b": CodingDefaults(480, (480,), 16, 49, 5),
    "cogvideox-2b": CodingDefaults(480, (480,), 16, 48, 4),
    "ltx-video-2b": CodingDefaults(512, (512,), 32, 49, 9),
}


def defaults_of(prior: str) -> CodingDefaults:
    """Those of the prior called `prior`.

    Raises:
        PriorError: this program has none of that name.
    """
    if prior not in DEFAULTS:
        raise PriorError(
            f"This program has no prior named {prior!r}; it knows {', '.join(sorted(DEFAULTS))}. A newer one may."
        )
    return DEFAULTS[prior]
