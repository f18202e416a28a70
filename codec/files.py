"""Writing files whole: under a name of their own until they are complete and on disk, then renamed over the old.

Whether a result may be written where the user wants it is told before any work is done.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from codec.errors import OutputError

# Of one name, on every file system in use but for a few encrypted ones.
_NAME_BYTES = 255
_TOKEN_BYTES = 4
_ANY_WRITE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def check_output(source: Path, output: Path) -> None:
    """Refuse an `output` that can't become a file of its own.

    A result is renamed over `output` when it is complete. A rename asks neither for the target's own rights nor what
    it is, so it would replace the source itself, a write-protected file or a device without a word.

    Raises:
        OutputError: it is the source, a folder, no ordinary file, write-protected, or its folder is missing or closed.
    """
    try:
        reason = _reason(source, output)
    except OSError as error:
        reason = f"can't be written: {error.strerror}; choose another place"
    if reason is not None:
        raise OutputError(f"{output} {reason}.")


def _reason(source: Path, output: Path) -> str | None:
    folder = output.parent
    if not folder.is_dir():
        return "can't be written, since its folder doesn't exist; create that or choose another place"
    if output.is_dir():
        return "is a folder; give the output a file name"
    if output.exists():
        if source.exists() and output.samefile(source):
            return "is the source itself; give the output another name"
        mode = output.stat().st_mode
        if not stat.S_ISREG(mode):
            return "is not an ordinary file; choose another name"
        if not mode & _ANY_WRITE:
            return "is write-protected; choose another name or allow writing"
    if not os.access(folder, os.W_OK | os.X_OK):
        return "can't be written, since its folder is write-protected; choose another place"
    return None


@contextlib.contextmanager
def sole_writer(path: Path) -> Iterator[None]:
    """Keep this machine's other processes from writing `path` too, until the block is left or this process ends.

    Two that write one part would leave a file of both, whole by its looks. Where nothing can be locked (on Windows, or
    without a folder for temporary files) work goes on as if alone.

    Raises:
        OutputError: another one writes it.
    """
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(_locked(_lock_of(path)))
        except BlockingIOError as error:
            raise OutputError(
                f"{path} is being written by another process; wait for it, or choose another name."
            ) from error
        except (OSError, ImportError):
            pass
        yield


def _lock_of(path: Path) -> Path:
    """Among this user's temporary files: beside the result one would lie there after a kill."""
    user = str(os.getuid()) if hasattr(os, "getuid") else ""
    name = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"freegvc-{user}-{name}.lock"


@contextlib.contextmanager
def _locked(lock: Path) -> Iterator[None]:
    """Hold a file that is there for nothing else.

    Raises:
        BlockingIOError: another process does.
        OSError, ImportError: nothing can be locked here.
    """
    import fcntl

    while True:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever held it until now may have removed it in between, and a third may hold what is there instead.
            if lock.exists() and os.path.samestat(os.fstat(handle), lock.stat()):
                break
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(handle)


def part_path(path: Path) -> Path:
    """Where `path` grows until it is finished: what another run can find again and go on with."""
    return path.with_name(_named(path, "", ".part"))


def own_part(path: Path) -> Path:
    """Where `path` grows under a hidden name that nothing else has: what no other run may touch or go on with."""
    return path.with_name(_own_name(path, secrets.token_hex(_TOKEN_BYTES)))


def remove_own_parts(path: Path) -> None:
    """Remove hidden parts of `path` that a killed process has left; for whoever knows that nobody writes it now."""
    token = "0" * 2 * _TOKEN_BYTES
    before = _own_name(path, token).removesuffix(f"{token}.part")
    like = re.compile(re.escape(before) + rf"[0-9a-f]{{{len(token)}}}\.part")
    with contextlib.suppress(OSError):
        for other in path.parent.iterdir():
            if like.fullmatch(other.name):
                other.unlink(missing_ok=True)


def _own_name(path: Path, token: str) -> str:
    return _named(path, ".", f".{token}.part")


def _named(path: Path, before: str, after: str) -> str:
    """A file's name with something around it; a long one is cut, and told from others cut alike by its hash."""
    name = path.name
    room = _NAME_BYTES - len(before + after)
    if len(os.fsencode(name)) > room:
        digest = hashlib.sha256(os.fsencode(name)).hexdigest()[:8]
        name = f"{os.fsencode(name)[: room - len(digest) - 1].decode(errors='ignore')}-{digest}"
    return before + name + after


def finish(part: Path, path: Path) -> None:
    """Give a complete part its name once all of it is on disk; what had that name is replaced.

    Raises:
        OSError: the system refuses; the part is still there.
    """
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    part.replace(path)
    _sync_folder(path.parent)


def append_line(path: Path, line: str) -> None:
    """Add a line to a file, behind one that was cut off too; it is on disk when this returns.

    Raises:
        OSError: it can't be written.
    """
    with path.open("ab+") as file:
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(size - 1)
        torn = size > 0 and file.read(1) != b"\n"
        file.write(b"\n" * torn + line.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def write_whole(path: Path, data: bytes, remedy: str = "choose another place") -> None:
    """Write a file, and its folders, that others see whole or not at all.

    Args:
        remedy: what the user can do besides freeing space, for the message of a refusal.

    Raises:
        OutputError: it can't be written.
    """
    part = own_part(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        finish(part, path)
    except OSError as error:
        # Where nothing can be written, often nothing can be removed either.
        with contextlib.suppress(OSError):
            part.unlink()
        raise OutputError(f"{path} can't be written ({error.strerror}); free some space or {remedy}.") from error


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty where there is none or it can't be read."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def write_json(path: Path, value: dict[str, Any], remedy: str = "choose another place") -> None:
    """`write_whole` of a JSON object."""
    write_whole(path, json.dumps(value, indent=1, sort_keys=True).encode(), remedy)


def _sync_folder(folder: Path) -> None:
    """Make a rename last, where the system knows folders as files and its file system can sync them."""
    if os.name != "posix":
        return
    # Some network drives refuse it (EINVAL); the file has its name by now, and nobody can do more.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
