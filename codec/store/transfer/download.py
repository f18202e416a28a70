"""Get one large file over HTTP so that neither a dropped line nor a restart loses what is already here.

A file grows as NAME.part beside a note of what it is part of, and gets its name only when size and hash are right.

huggingface_hub's `http_get` (2.4.0) was tried in its place: it asks for no range by version, takes any range for the
one it asked for, keeps bytes beyond the end, doesn't try again after a server's error, and only another thread could
pause it. 15 of the 66 tests of the store against a hostile server failed; what mended them is what is here.
"""

from __future__ import annotations

import http.client
import os
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from codec.errors import OutputError, PriorError
from codec.files import finish, part_path, read_json, write_json
from codec.log import LOGGER
from codec.store.paths import MOVE_HOME
from codec.store.transfer.hashing import sha256

CHUNK = 1 << 20
TIMEOUT = 30.0
# Failures in a row without one new byte.
ATTEMPTS = 5
WAIT = 2.0
NETWORK_ERRORS = (urllib.error.URLError, http.client.HTTPException, ssl.SSLError, ConnectionError, TimeoutError)


@dataclass(frozen=True)
class Wanted:
    """A file as its publisher announces it.

    Attributes:
        size: bytes, or None where it isn't said.
        sha256: in hexadecimal, or None where it isn't said.
    """

    url: str
    size: int | None
    sha256: str | None


@dataclass(frozen=True)
class _Reply:
    """An answer: bytes `start` to `end` of the file (end None where it isn't said); `etag` names its version."""

    body: IO[bytes]
    start: int
    end: int | None
    etag: str | None


class _Restart(Exception):  # noqa: N818
    """What is here doesn't belong to what the server has now."""


class _Short(Exception):  # noqa: N818
    """The body ended before the file did."""


def fetch(wanted: Wanted, target: Path, wait: Callable[[float], None]) -> Iterator[int]:
    """Get a file, going on from what an earlier call left; yields bytes present as they grow.

    Closing the generator pauses: the part stays.

    Args:
        wait: called with seconds before each new attempt.

    Raises:
        PriorError: the server can't be reached or keeps sending something else.
        OutputError: the file can't be written.
    """
    part = _Part(target, wanted)
    failures, spoilt = 0, 0
    while True:
        before = part.size
        try:
            yield from part.grow()
            part.finish()
        except _Restart as error:
            # Once may be a new version at the server, or a bit that fell over; twice is a server to give up on.
            LOGGER.warning("%s begins anew: %s", wanted.url, error)
            part.discard()
            spoilt += 1
            if spoilt > 1:
                raise PriorError(f"{wanted.url} does not send what it announces ({error}); try again later.") from error
        except (*NETWORK_ERRORS, _Short) as error:
            failures = 1 if part.size > before else failures + 1
            if failures >= ATTEMPTS or _is_final(error):
                raise PriorError(_unreachable(wanted.url, error)) from error
            LOGGER.warning("%s, %d bytes here: %s; trying again", wanted.url, part.size, error or "it ended too early")
            wait(WAIT * failures)
        except OSError as error:
            raise OutputError(
                f"{target} can't be written ({error.strerror}); free some space and try again."
            ) from error
        else:
            return


def _is_final(error: Exception) -> bool:
    """Whether asking again can't help: the server understood and refused."""
    return isinstance(error, urllib.error.HTTPError) and 400 <= error.code < 500 and error.code not in (408, 425, 429)


def _unreachable(url: str, error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"{url} answers {error.code} {error.reason}; check the address, or try again later."
    if isinstance(error, _Short):
        return f"{url} keeps ending too early; what came is kept, so try again later to go on from there."
    reason = getattr(error, "reason", error)
    return f"{url} can't be reached ({reason}); what came is kept, so try again later to go on from there."


class _Part:
    """NAME.part and NAME.part.json, which says which version of which file the part belongs to."""

    def __init__(self, target: Path, wanted: Wanted) -> None:
        self._target = target
        self._wanted = wanted
        self._path = part_path(target)
        self._note = target.with_name(target.name + ".part.json")

    @property
    def size(self) -> int:
        """Bytes that are here."""
        return self._path.stat().st_size if self._path.is_file() else 0

    def grow(self) -> Iterator[int]:
        """One request: append what the server sends.

        Raises:
            _Restart, _Short, OSError: see above.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        offset, etag = self._resumable()
        if offset and offset == self._wanted.size:
            return
        reply = self._ask(offset, etag)
        with reply.body, self._path.open("r+b" if reply.start else "wb") as file:
            file.seek(reply.start)
            if not reply.start:
                write_json(self._note, self._state(reply.etag), MOVE_HOME)
            yield from self._copy(reply, file)
            file.flush()
            os.fsync(file.fileno())
        whole = reply.end if self._wanted.size is None else self._wanted.size
        if whole is not None and self.size < whole:
            raise _Short

    def finish(self) -> None:
        """Give the file its name.

        Raises:
            _Restart: its size or hash is wrong.
        """
        if self._wanted.size is not None and self.size != self._wanted.size:
            raise _Restart(f"{self.size} bytes instead of {self._wanted.size}")
        if self._wanted.sha256 is not None and sha256(self._path) != self._wanted.sha256:
            raise _Restart("the SHA-256 differs")
        finish(self._path, self._target)
        self._note.unlink(missing_ok=True)

    def discard(self) -> None:
        """Begin anew."""
        self._path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def _state(self, etag: str | None) -> dict[str, object]:
        return {"url": self._wanted.url, "size": self._wanted.size, "sha256": self._wanted.sha256, "etag": etag}

    def _resumable(self) -> tuple[int, str | None]:
        """Where to go on, and the version's ETag; 0 where the part is of something else, or can't be told apart."""
        note = read_json(self._note)
        etag = note.get("etag")
        same = note == self._state(etag)
        # A weak ETag may stay while bytes change (RFC 9110, 13.1.5); with a hash to check in the end, that is found.
        named = isinstance(etag, str) and not etag.startswith("W/")
        if same and (named or self._wanted.sha256 is not None):
            return self.size, etag if named else None
        self.discard()
        return 0, None

    def _ask(self, offset: int, etag: str | None) -> _Reply:
        # A server that compresses would count its ranges and sizes in compressed bytes.
        request = urllib.request.Request(self._wanted.url, headers={"Accept-Encoding": "identity"})
        if offset:
            request.add_header("Range", f"bytes={offset}-")
            if etag is not None:
                request.add_header("If-Range", etag)
        try:
            answer = urllib.request.urlopen(request, timeout=TIMEOUT)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise _Restart("it has no more bytes to send") from error
            raise
        start = _start(answer.headers.get("Content-Range"), offset) if answer.status == 206 else 0
        length = byte_count(answer.headers.get("Content-Length"))
        return _Reply(answer, start, None if length is None else start + length, answer.headers.get("ETag"))

    def _copy(self, reply: _Reply, file: IO[bytes]) -> Iterator[int]:
        most = self._wanted.size
        count = reply.start
        while chunk := reply.body.read(CHUNK):
            count += len(chunk)
            if most is not None and count > most:
                raise _Restart(f"more than {most} bytes")
            file.write(chunk)
            yield count


def byte_count(header: str | None) -> int | None:
    """The number of bytes that a server's header tells; None where it is no number, or no disk's."""
    return int(header) if header is not None and re.fullmatch(r"[0-9]{1,16}", header) else None


def _start(content_range: str | None, offset: int) -> int:
    """The first byte of a 206 answer, which must be the one asked for."""
    match = re.match(r"bytes ([0-9]+)-", content_range or "")
    if match is None or byte_count(match[1]) != offset:
        raise _Restart(f"it sends {content_range or 'no range'} where byte {offset} was asked for")
    return offset
