"""The channel coders by the names users type and by what a file's header says."""

from __future__ import annotations

from collections.abc import Mapping

from codec.channel import ChannelCoder, coder
from codec.format.records import CoderSpec

CODER_SPECS: Mapping[str, CoderSpec] = {
    "trellis": CoderSpec("trellis", (4, 9)),
    "trellis-best": CoderSpec("trellis", (4, 16)),
    "greedy": CoderSpec("greedy"),
    "pfr": CoderSpec("pfr"),
}


def coder_for(spec: CoderSpec) -> ChannelCoder:
    """The coder that a header names.

    Raises:
        FormatError: this version knows none of that name and parameters.
    """
    return coder("-".join([spec.id, *map(str, spec.params)]))
