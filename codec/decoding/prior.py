"""The prior that wrote a file, and how decoding it here differs."""

from __future__ import annotations

from collections.abc import Iterator

from codec.errors import PriorError
from codec.format.header import Header, Tiling
from codec.priors.base import Condition, VideoPrior
from codec.priors.catalog import open_prior
from codec.settings import DecodeSettings


def prior_for(header: Header, settings: DecodeSettings) -> VideoPrior[Condition]:
    """The prior that wrote a file, checked against its header; computes as the encoder did unless told otherwise.

    Raises:
        PriorError: it is unknown, missing, has other weights or another schedule.
    """
    prior = open_prior(header.prior_id, settings.device, settings.dtype, header.dtype)
    if prior.weights_hash != header.weights_hash:
        refusal = (
            f"The file was made with other weights of the prior {prior.id} "
            f"({header.weights_hash.hex()}, here {prior.weights_hash.hex()}); get those, or encode the source again."
        )
        # A prior loaded without its text encoder is another one; the note says how that came.
        raise PriorError(" ".join((refusal, *prior.notes)))
    if header.trajectory is not None and prior.schedule.spec != header.trajectory.schedule:
        raise PriorError(f"The file was made with another noise schedule of the prior {prior.id}; update this program.")
    return prior


def differences(header: Header, prior: VideoPrior[Condition]) -> Iterator[str]:
    """What this decode computes otherwise than the encoder did, as sentences."""
    if prior.dtype != header.dtype:
        yield (
            f"The file was made in {header.dtype} and is decoded in {prior.dtype}, so pictures may differ from what "
            f"the encoder measured; --dtype {header.dtype} avoids that."
        )
    if prior.tiling != header.tiling:
        yield (
            f"The encoder made pictures {_tiles(header.tiling)} and this device makes them {_tiles(prior.tiling)}, for "
            "want of memory on one of the two; they may differ slightly, most where tiles meet."
        )


def _tiles(tiling: Tiling | None) -> str:
    return "whole" if tiling is None else f"in tiles of {tiling.side} pixels, {tiling.stride} apart"
