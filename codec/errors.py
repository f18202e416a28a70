"""Every failure a user can meet. Each message says what happened, to which file, and what to do next."""

from __future__ import annotations

import sys


class FreeGvcError(Exception):
    """Base of all refusals; `str(error)` is one complete sentence for the user."""


class InputError(FreeGvcError):
    """The source video can't be read, or is refused at the edge."""


class TooSmallError(InputError):
    """A picture is smaller than a metric can judge."""


class OutputError(FreeGvcError):
    """The result can't be written: no permission, no space, no such folder."""


class FormatError(FreeGvcError):
    """A `.fgvc` file is damaged, truncated before its first GOP, or newer than this program."""


class PriorError(FreeGvcError):
    """A prior is unknown, its weights are missing, or they differ from those that wrote the file."""


class MissingModelError(PriorError):
    """The weights of the model `name` are not on this machine."""

    def __init__(self, message: str, name: str) -> None:
        super().__init__(message)
        self.name = name

    def __reduce__(self) -> tuple[type[MissingModelError], tuple[str, str]]:
        # By default an exception is pickled as if it took its message alone.
        return type(self), (str(self), self.name)


class SettingsError(FreeGvcError):
    """What the user asked for can't be combined or lies outside its range."""


class NotResumableError(SettingsError):
    """What an interrupted encode has left can't be gone on with: settings, weights or the program are others now."""


class MemoryShortError(FreeGvcError):
    """This machine has too little memory, of its own or of its GPU, for what was asked."""


class SystemRefusedError(FreeGvcError):
    """The operating system refused what it usually grants: a disk that has gone, a file that somebody moved away."""


class WorkerLostError(FreeGvcError):
    """The process or machine that did a part of the work died, however often that part was begun."""

    def __init__(self, attempts: int) -> None:
        super().__init__(
            f"The process at work died {attempts} times, most likely for want of memory; "
            "close other programs, or use a smaller short side or fewer jobs."
        )
        self.attempts = attempts

    def __reduce__(self) -> tuple[type[WorkerLostError], tuple[int]]:
        return type(self), (self.attempts,)


def refusal(error: BaseException) -> FreeGvcError | None:
    """What to tell the user of any exception; None where it is a defect of this program."""
    if isinstance(error, FreeGvcError):
        return error
    if isinstance(error, OSError):
        return SystemRefusedError(f"The system refused something: {error}; check names, rights and free space.")
    return out_of_memory(error)


def out_of_memory(error: BaseException) -> MemoryShortError | None:
    """What to tell the user of an exception that means so; None for any other."""
    # Not imported for this: where torch never ran, none of its errors can have been raised.
    torch = sys.modules.get("torch")
    known = (MemoryError,) if torch is None else (MemoryError, torch.OutOfMemoryError)
    # torch's allocator on a CPU has no class of its own, but says its name.
    if isinstance(error, known) or (isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)):
        return MemoryShortError(
            "There is not enough memory; choose a smaller short side, the CPU, or close other programs."
        )
    return None
