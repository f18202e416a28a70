"""A track's packets as they are kept, decoded."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.packet import Packet

from codec.format.records import AudioPacket
from codec.video.sound.samples import decoded
from codec.video.sound.track import AudioTrack


class TrackDecoder:
    """Decodes the packets of a track in their order, from any of them on; one of `COPYABLE`'s codecs."""

    def __init__(self, track: AudioTrack) -> None:
        context = av.CodecContext.create(track.codec, "r")
        assert isinstance(context, AudioCodecContext)
        context.extradata = track.extradata or None
        # Packets' times count what a codec needs to start; left to itself the decoder drops it and says nothing.
        context.options = {"flags2": "+skip_manual"}
        context.sample_rate, context.layout = track.sample_rate, track.layout
        self._context, self._time_base = context, track.time_base

    def take(self, packet: AudioPacket) -> Sequence[AudioFrame]:
        """What a packet gives; nothing where it is bad."""
        coded = Packet(packet.data)
        coded.pts = coded.dts = packet.pts
        coded.duration, coded.time_base = packet.duration, self._time_base
        return decoded(partial(self._context.decode, coded))

    def finish(self) -> Sequence[AudioFrame]:
        """What is left."""
        return decoded(partial(self._context.decode, None))
