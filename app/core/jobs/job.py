"""One job of the queue: what to do, with the settings as they were when it was added, and how far it came."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from app.core.files import SUFFIX, is_there, size_of
from codec.errors import SettingsError
from codec.files import part_path
from codec.settings import Bitrate, DecodeSettings, EncodeSettings, Goal, Quality, Size
from codec.worker.tasks import Decode, Encode, SaveSmaller

_GOALS: Mapping[str, type[Quality | Bitrate | Size]] = {"quality": Quality, "bitrate": Bitrate, "size": Size}


class State(StrEnum):
    """Where a job stands.

    STOPPING was told to stop, which it does at its next event. STOPPED left a playable file; INTERRUPTED can go on
    where it was. So can HALTED, which somebody has stopped and who alone lets it go on. STUCK
    has left something that can't be gone on with as things are.
    """

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    HALTED = "halted"
    STUCK = "stuck"


ACTIVE = (State.RUNNING, State.PAUSED, State.STOPPING)
FINISHED = (State.DONE, State.STOPPED, State.FAILED)
# Nothing of it was written yet, so that it may go elsewhere.
MOVABLE = (State.QUEUED, State.FAILED)


@dataclass(frozen=True)
class Job:
    """An encode, or what is made of its result: an export, or a smaller file.

    Attributes:
        share: of the frames that are done, 0 to 1.
        message: why it failed or stopped, or what of its goal it has missed, a complete sentence.
        warnings: what else one should know of it, complete sentences.
        bytes: of the output, once it is finished and as long as it is there.
    """

    source: Path
    output: Path
    settings: EncodeSettings | DecodeSettings
    state: State = State.QUEUED
    share: float = 0.0
    message: str = ""
    bytes: int | None = None
    id: str = field(default_factory=lambda: secrets.token_hex(6))
    warnings: tuple[str, ...] = ()

    @property
    def is_encode(self) -> bool:
        """Whether it codes a video."""
        return isinstance(self.settings, EncodeSettings)

    @property
    def saves_smaller(self) -> bool:
        """Whether it makes a .fgvc file of another."""
        return not self.is_encode and self.output.suffix.lower() == SUFFIX

    @property
    def part(self) -> Path:
        """What its output grows as until it is whole."""
        return part_path(self.output)

    def task(self) -> Encode | Decode | SaveSmaller:
        """What the engine is told."""
        if isinstance(self.settings, EncodeSettings):
            return Encode(self.source, self.output, self.settings)
        kind = SaveSmaller if self.saves_smaller else Decode
        return kind(self.source, self.output, self.settings)

    def interrupted(self) -> Job:
        """As it stands after the engine or the program has gone."""
        if self.state is State.STOPPING:
            return self.stopped()
        return replace(self, state=State.INTERRUPTED) if self.state in ACTIVE else self

    def stopped(self) -> Job:
        """As it stands where the engine has gone before it could tell of the stop."""
        left = self.is_encode and is_there(self.part)
        return self.ended(State.HALTED if left else State.STOPPED)

    def ended(self, state: State, message: str = "") -> Job:
        """As it stands at its end."""
        done = state is State.DONE
        # What an export has not made was there before.
        size = size_of(self.output) if self.is_encode or done else None
        return replace(self, state=state, message=message, bytes=size, share=1.0 if done else self.share)

    def looked_after(self) -> Job:
        """As it stands in another session: what was made of it may have gone meanwhile."""
        return self if self.bytes is None or is_there(self.output) else replace(self, bytes=None)

    def again(self, output: Path) -> Job:
        """Another job like this one, that waits."""
        settings = self.settings
        if isinstance(settings, EncodeSettings):
            settings = replace(settings, resume=False)
        return Job(self.source, output, settings)

    def renewed(self) -> Job:
        """Queued again: an encode that has left something goes on with it; what lies there of another never counts."""
        settings = self.settings
        if self.state is State.QUEUED:
            return self
        if isinstance(settings, EncodeSettings):
            stopped = self.state in (State.STOPPED, State.STUCK) and is_there(self.output)
            settings = replace(settings, resume=is_there(self.part) or stopped)
        return replace(self, settings=settings, state=State.QUEUED, message="", warnings=())

    def anew(self) -> Job:
        """Queued again, from the start: what it has left counts no more."""
        job, settings = self.renewed(), self.settings
        if isinstance(settings, EncodeSettings):
            settings = replace(settings, resume=False)
        return replace(job, settings=settings)


def to_json(job: Job) -> dict[str, Any]:
    """Plain values that `from_json` understands."""
    return {
        "id": job.id,
        "kind": "encode" if job.is_encode else "decode",
        "source": str(job.source),
        "output": str(job.output),
        "settings": settings_to_json(job.settings),
        "state": job.state.value,
        "share": job.share,
        "message": job.message,
        "bytes": job.bytes,
        "warnings": list(job.warnings),
    }


def from_json(data: Mapping[str, Any]) -> Job:
    """The job that `to_json` wrote.

    Raises:
        SettingsError: it is none.
    """
    try:
        return Job(
            source=Path(data["source"]),
            output=Path(data["output"]),
            settings=settings_from_json(data["kind"], data["settings"]),
            state=State(data["state"]),
            share=float(data["share"]),
            message=str(data["message"]),
            bytes=None if data["bytes"] is None else int(data["bytes"]),
            id=str(data["id"]),
            warnings=tuple(map(str, data.get("warnings", ()))),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise SettingsError("A job in the saved queue can't be read; add it again.") from error


def settings_to_json(settings: EncodeSettings | DecodeSettings) -> dict[str, Any]:
    """Plain values that `settings_from_json` understands."""
    values = {f.name: getattr(settings, f.name) for f in fields(settings)}
    return {**values, "goal": goal_to_json(settings.goal)}


def settings_from_json(kind: str, data: Mapping[str, Any]) -> EncodeSettings | DecodeSettings:
    """The settings that `settings_to_json` wrote; raises KeyError, TypeError or SettingsError where they are none."""
    values = {**data, "goal": goal_from_json(data["goal"])}
    return EncodeSettings(**values) if kind == "encode" else DecodeSettings(**values)


def goal_to_json(goal: Goal | None) -> dict[str, Any] | None:
    """A goal with its kind's name."""
    if goal is None:
        return None
    name = next(name for name, kind in _GOALS.items() if isinstance(goal, kind))
    return {"kind": name, **asdict(goal)}


def goal_from_json(data: Mapping[str, Any] | None) -> Any:
    """The goal that `goal_to_json` wrote; raises KeyError or TypeError where it is none."""
    if data is None:
        return None
    values = dict(data)
    return _GOALS[values.pop("kind")](**values)
