"""The channel coders by the names users type (`codec.settings.CHANNELS`) and by what a file's header says."""

from __future__ import annotations

from codec.channel import ChannelCoder, coder
from codec.format.header import CoderSpec
from codec.settings import CHANNELS


def spec_for(channel: str) -> CoderSpec:
    """What a header says of the coder that users call `channel`."""
    kind, *parameters = CHANNELS[channel].split("-")
    return CoderSpec(kind, tuple(map(int, parameters)))


def coder_for(spec: CoderSpec) -> ChannelCoder:
    """The coder that a header names.

    Raises:
        FormatError: this version knows none of that name and parameters.
    """
    return coder("-".join([spec.id, *map(str, spec.params)]))
