"""Thousands of damaged `.fgvc` files, each described and decoded by the process that this module is.

Run by `__main__.py` as `python -m benchmarks.reliability.mutants FOLDER FIRST COUNT`; each number is one mutation for
ever. A line of JSON is written before each and one behind it, so whoever watches knows which of them ended the process.
"""

from __future__ import annotations

import json
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from unittest.mock import patch

import torch

from codec.decoder import decode
from codec.errors import FreeGvcError
from codec.format import framing, packing
from codec.format.framing import RecordFile
from codec.format.info import describe
from codec.format.reader import SIGNATURE
from codec.format.wire import Cursor, varint
from codec.priors.catalog import PRIORS
from codec.settings import DecodeSettings

# Of computing, so that a busy machine is no hang, and of waiting; and of address space, of which torch alone maps two.
SECONDS_EACH, SECONDS_WAITED = 30, 600
MEMORY = 4 << 30


def mutant(data: bytes, number: int) -> bytes:
    """A damaged file: every second one with checksums that are right again, which lets damage reach the parsers."""
    rng = random.Random(number)
    return _sealed(data, rng) if number % 2 else _edited(data, rng, rng.randint(1, 5))


def _edited(data: bytes, rng: random.Random, times: int) -> bytes:
    """A few bytes changed, cut out, doubled, blanked or invented."""
    made = bytearray(data)
    for _ in range(times):
        if not made:
            break
        at, length = rng.randrange(len(made)), rng.randint(1, 40)
        match rng.randrange(6):
            case 0:
                made[at] ^= 1 << rng.randrange(8)
            case 1:
                made[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
            case 2:
                del made[at : at + length]
            case 3:
                made[at:at] = made[at : at + length]
            case 4:
                made[at : at + length] = bytes(len(made[at : at + length]))
            case _:
                made[at : at + 8] = varint(rng.choice((2**7, 2**14, 2**31 - 1, 2**63, rng.randrange(2**20))))
    if rng.random() < 0.1:
        del made[rng.randrange(len(made) + 1) :]
    return bytes(made)


def _sealed(data: bytes, rng: random.Random) -> bytes:
    """The header or one record edited, with its length and checksums as they should be."""
    parts = list(_parts(data))
    which = rng.randrange(len(parts))
    kind, payload = parts[which]
    parts[which] = (kind, _edited(payload, rng, rng.randint(1, 3)))
    if rng.random() < 0.1:
        parts[1:] = rng.sample(parts[1:], len(parts) - 1)
    return SIGNATURE + b"".join(_header(part) if kind == 0 else framing.frame(kind, part) for kind, part in parts)


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The header's payload as type 0, then every record's."""
    cursor = Cursor(data[len(SIGNATURE) :])
    cursor.byte()
    header = cursor.blob(len(data))
    yield 0, header
    offset = len(data) - cursor.left + 4
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        records = RecordFile(file)
        while (found := records.at(offset)) is not None:
            yield found.type, records.payload(found)
            offset = found.end


def _header(payload: bytes) -> bytes:
    body = bytes([packing.VERSION]) + varint(len(payload)) + payload
    return body + zlib.crc32(body).to_bytes(4, "little")


def outcome(path: Path, output: Path) -> str:
    """What `info` and `decode` make of a file."""
    try:
        describe(path)
        for _ in decode(path, output, DecodeSettings(dtype="float32")):
            pass
    except FreeGvcError:
        return "refused"
    except Exception:
        return "error: " + traceback.format_exc(limit=-2).replace("\n", " | ")
    return "decoded"


def main() -> None:
    """One process's share."""
    # Opened once, as by the window's engine: reading the same weights again and again took half of the time.
    with patch.dict(PRIORS, {name: cache(opener) for name, opener in PRIORS.items()}):
        read(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))


def read(folder: Path, first: int, count: int) -> None:
    """Mutants `first` to `first + count`, of the originals in `folder`."""
    torch.set_num_threads(1)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    kept = [path.read_bytes() for path in sorted(folder.glob("original-*.fgvc"))]
    path, output = folder / "mutant.fgvc", folder / "mutant.mkv"
    for number in range(first, first + count):
        path.write_bytes(mutant(kept[number // 2 % len(kept)], number))
        output.unlink(missing_ok=True)
        print(json.dumps({"begin": number}), flush=True)
        signal.setitimer(signal.ITIMER_PROF, SECONDS_EACH)
        signal.alarm(SECONDS_WAITED)
        begin = time.process_time()
        said = outcome(path, output)
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        row = {"number": number, "outcome": said, "seconds": time.process_time() - begin, "megabytes": used}
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
