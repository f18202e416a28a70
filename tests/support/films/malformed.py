"""Files that are no videos, or broken ones: what a user may drop on the window by mistake. Made on the spot."""

from __future__ import annotations

import struct
from pathlib import Path

import av
import numpy as np

from tests.support import DATA

# What the refusal of each must say.
REFUSALS = {
    "zero_bytes.mp4": "isn't a video",
    "text.mp4": "isn't a video",
    "truncated.mp4": "incomplete",
    "no_moov.mp4": "incomplete",
    "audio_only.mp4": "no video track",
    "png.mp4": "a picture, not a video",
    "scratched.mkv": "damaged at about",
    "100000x100000.y4m": "isn't a video",
    "no_frames.mp4": "no video frames",
    "ftyp_then_noise.mp4": "isn't a video",
}


def write_malformed(folder: Path) -> Path:
    """All of `REFUSALS` in `folder`."""
    whole, rng = (DATA / "scene.mp4").read_bytes(), np.random.default_rng(0)
    ftyp = whole[: whole.index(b"moov") - 4] if whole.index(b"moov") < whole.index(b"mdat") else whole[:32]
    made = {
        "zero_bytes.mp4": b"",
        "text.mp4": b"This is a letter, not a video.\n" * 200,
        "truncated.mp4": whole[: len(whole) * 6 // 10],
        "no_moov.mp4": whole[: whole.index(b"moov") - 4],
        "ftyp_then_noise.mp4": ftyp[:32] + rng.bytes(50_000),
        "100000x100000.y4m": b"YUV4MPEG2 W100000 H100000 F25:1 C420\nFRAME\n" + bytes(4096),
        "scratched.mkv": _scratched(folder / "scratched.mkv"),
    }
    for name, data in made.items():
        (folder / name).write_bytes(data)
    _write_sound(folder / "audio_only.mp4")
    _write_picture(folder / "png.mp4")
    _write_without_frames(folder / "no_frames.mp4")
    assert {path.name for path in folder.iterdir()} == set(REFUSALS)
    return folder


def _scratched(path: Path) -> bytes:
    """Matroska with noise in its middle."""
    with av.open(str(DATA / "scene.mp4")) as source, av.open(str(path), "w") as target:
        copied = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.size:
                packet.stream = copied
                target.mux(packet)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4000] = np.random.default_rng(1).bytes(4000)
    return bytes(data)


def _write_sound(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", 48_000, layout="mono")
        samples = np.sin(np.arange(48_000) / 20).astype(np.float32)[None] / 4
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        frame.sample_rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _write_picture(path: Path) -> None:
    picture = np.random.default_rng(2).integers(0, 256, (64, 96, 3), np.uint8)
    with av.open(str(path), "w", format="image2") as container:
        stream = container.add_stream("png", 1)
        stream.codec_context.width, stream.codec_context.height, stream.codec_context.pix_fmt = 96, 64, "rgb24"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


def _write_without_frames(path: Path) -> None:
    """An MP4 whose sample tables are empty: ftyp, and the moov of another file with the counts set to nothing."""
    data = bytearray((DATA / "scene.mp4").read_bytes())
    data = data[: data.index(b"mdat") - 4] + data[data.index(b"moov") - 4 :]
    for table, entries_at in ((b"stts", 8), (b"stss", 8), (b"ctts", 8), (b"stsc", 8), (b"stco", 8)):
        if table in data:
            at = data.index(table)
            data[at + entries_at : at + entries_at + 4] = struct.pack(">I", 0)
    at = data.index(b"stsz")
    data[at + 12 : at + 16] = struct.pack(">I", 0)
    path.write_bytes(bytes(data))
