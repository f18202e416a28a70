"""Small files of five containers, and thousands of damaged ones made from them, read to their ends.

Run as `python -m tests.support.films.mutations FOLDER FIRST COUNT`: reads that many mutations; each number is one for
ever. Whatever is not read is refused; a crash, a hang or a hunger for memory ends the process, and its last line says
where.
"""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from codec.errors import FreeGvcError
from codec.video import AudioMode, VideoReader, read_audio, read_timeline
from tests.support.films.flashing import beeping, frame_times, write_flashing

# Of computing, so that a busy machine is no hang, and of waiting.
SECONDS_EACH, SECONDS_WAITED = 30, 600
MEMORY = 4 << 30
# With a flash and a beep: nothing but black and silence is hardly coded at all.
SECONDS = 0.36
_KINDS = {
    "a.mp4": ("libx264", "aac"),
    "a.mkv": ("libx264", "flac"),
    "a.webm": ("libvpx-vp9", "libopus"),
    "a.ts": ("mpeg2video", "mp2"),
    "a.avi": ("mjpeg", "pcm_s16le"),
}


def originals(folder: Path) -> list[Path]:
    """One small file of each container: what is damaged is more often a header, and it is soon read."""
    times, sounds = frame_times(seconds=SECONDS), [(Fraction(0), beeping(SECONDS))]
    return [
        write_flashing(folder / name, times=times, pieces=sounds, codec=codec, sound=sound)
        for name, (codec, sound) in _KINDS.items()
    ]


def mutated(data: bytes, number: int) -> bytes:
    """The file with a few bytes changed, cut out, doubled or blanked, or its end cut off."""
    rng = np.random.default_rng(number)
    made = bytearray(data)
    for _ in range(int(rng.integers(1, 6))):
        # Headers lie at both ends; half of what is changed lies near one.
        near = int(rng.choice([len(made), min(len(made), 600)]))
        at = int(rng.integers(0, near)) if rng.random() < 0.7 else len(made) - 1 - int(rng.integers(0, near))
        length = int(rng.integers(1, 40))
        match int(rng.integers(0, 6)):
            case 0:
                made[at] ^= 1 << int(rng.integers(0, 8))
            case 1:
                made[at] = int(rng.choice([0, 1, 0x7F, 0x80, 0xFF, int(rng.integers(0, 256))]))
            case 2:
                del made[at : at + length]
            case 3:
                made[at:at] = made[at : at + length]
            case 4:
                made[at : at + length] = bytes(len(made[at : at + length]))
            case _:
                made[at : at + 4] = rng.bytes(4)
        if len(made) < 64:
            break
    if rng.random() < 0.1:
        del made[int(rng.integers(0, len(made))) :]
    return bytes(made)


def read_whole(path: Path) -> None:
    """All that an encode reads of a source."""
    with contextlib.suppress(FreeGvcError):
        timeline = read_timeline(path)
        with VideoReader(path, size=(16, 16), deinterlace=timeline.interlaced > 0) as reader:
            for _ in reader.frames():
                pass
    for mode in (AudioMode.OPUS, AudioMode.COPY):
        with contextlib.suppress(FreeGvcError):
            audio = read_audio(path, Fraction(0), None, mode, pictures_end=Fraction(1))
            for _ in audio.packets if audio is not None else ():
                pass


def mutations(sources: list[Path], first: int, count: int) -> Iterator[tuple[int, Path]]:
    """Numbered files, written one over the other."""
    kept = [(path, path.read_bytes()) for path in sources]
    for number in range(first, first + count):
        path, data = kept[number % len(kept)]
        damaged = path.with_name("damaged" + path.suffix)
        damaged.write_bytes(mutated(data, number))
        yield number, damaged


def main() -> None:
    folder, first, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for number, path in mutations(originals(folder), first, count):
        print(number, flush=True)
        if sys.platform != "win32":
            signal.setitimer(signal.ITIMER_PROF, SECONDS_EACH)
            signal.alarm(SECONDS_WAITED)
        read_whole(path)
    print("all read")


if __name__ == "__main__":
    main()
