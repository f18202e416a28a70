"""The store of models behind the dialog: one task at a time in a child process, the others wait. No widgets."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal, Slot

from app.core.engine import Engine
from codec.store.package import ModelRow
from codec.store.tasks import (
    AddModel,
    Checked,
    GetModel,
    ListModels,
    MendModel,
    ModelList,
    RemoveModel,
    StoreNoted,
    StoreTask,
    Transferred,
    VerifyModel,
)
from codec.worker.tasks import Outcome, Settled


class Standing(StrEnum):
    """What a model is doing."""

    IDLE = "idle"
    WAITING = "waiting"
    FETCHING = "fetching"
    CHECKING = "checking"
    CHANGING = "changing"
    PAUSING = "pausing"


@dataclass(frozen=True)
class ModelEntry:
    """One model in the dialog.

    Attributes:
        transfer: of the download that runs; `speed` in bytes a second, None until it is known.
        checked: how many files were hashed again.
        damaged: those that are not what was fetched.
        message: what was done or why not; `refused` says which of the two.
    """

    row: ModelRow
    standing: Standing = Standing.IDLE
    transfer: Transferred | None = None
    speed: float | None = None
    checked: int = 0
    damaged: tuple[str, ...] = ()
    message: str = ""
    refused: bool = False

    @property
    def here(self) -> bool:
        """Whether it can be used."""
        return self.row.origin != "absent"

    @property
    def paused(self) -> bool:
        """Whether a download can be gone on with."""
        return self.row.partial_bytes > 0

    @property
    def seconds_left(self) -> float | None:
        """Of the download at its speed."""
        if self.transfer is None or not self.speed:
            return None
        return max(0.0, (self.transfer.total - self.transfer.done) / self.speed)


_STANDINGS: dict[type, Standing] = {
    GetModel: Standing.FETCHING,
    MendModel: Standing.FETCHING,
    VerifyModel: Standing.CHECKING,
    AddModel: Standing.CHANGING,
    RemoveModel: Standing.CHANGING,
}


class Models(QObject):
    """Every model, and what is done to it.

    Attributes:
        listed: the rows are known, or others.
        changed: the name of a model whose entry has changed.
    """

    listed = Signal()
    changed = Signal(str)

    def __init__(
        self, engine: Engine, parent: QObject | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(parent)
        self._engine, self._now = engine, now
        self._entries: dict[str, ModelEntry] = {}
        self._waiting: list[StoreTask] = []
        self._task: StoreTask | None = None
        self._began: tuple[float, int] | None = None
        self.root = Path()
        self.free_bytes = 0
        engine.told.connect(self._take)
        engine.settled.connect(self._settled)
        engine.crashed.connect(self._crashed)

    @property
    def entries(self) -> tuple[ModelEntry, ...]:
        """All of them, in the order of the list; empty until it has come."""
        return tuple(self._entries.values())

    def entry(self, name: str) -> ModelEntry:
        """One of them."""
        return self._entries[name]

    @property
    def busy(self) -> bool:
        """Whether something is done or waits."""
        return self._task is not None or bool(self._waiting)

    def refresh(self) -> None:
        """Look again what is here."""
        self._do(ListModels())

    def get(self, name: str) -> None:
        """Fetch a model, or go on with it; damaged files are fetched again."""
        damaged = self._entries[name].damaged
        self._do(MendModel(name, damaged) if damaged else GetModel(name))

    def verify(self, name: str) -> None:
        """Hash its files again."""
        self._do(VerifyModel(name))

    def add(self, name: str, place: Path) -> None:
        """Use what the user has."""
        self._do(AddModel(name, place))

    def remove(self, name: str) -> None:
        """Delete what was fetched, or forget the user's folder."""
        self._do(RemoveModel(name))

    def pause(self, name: str) -> None:
        """Stop what is done to a model, or let it wait no longer; what was fetched stays."""
        waiting = [task for task in self._waiting if _name(task) == name]
        for task in waiting:
            self._waiting.remove(task)
        if waiting:
            self._change(name, standing=Standing.IDLE)
        elif self._task is not None and _name(self._task) == name:
            self._change(name, standing=Standing.PAUSING)
            self._engine.cancel()

    def _do(self, task: StoreTask) -> None:
        name = _name(task)
        if name and self._entries[name].standing is not Standing.IDLE:
            return
        self._waiting.append(task)
        if name:
            self._change(name, standing=Standing.WAITING, message="", refused=False, transfer=None, speed=None)
        self._start_next()

    def _start_next(self) -> None:
        if self._task is not None or self._engine.busy or not self._waiting:
            return
        self._task = self._waiting.pop(0)
        self._began = None
        self._engine.submit(self._task)
        if name := _name(self._task):
            self._change(name, standing=_STANDINGS[type(self._task)], checked=0, damaged=())

    # --- What the child tells ---------------------------------------------------------------------------------------

    @Slot(object)
    def _take(self, messages: tuple[object, ...]) -> None:
        for message in messages:
            if isinstance(message, ModelList):
                self._list(message)
            elif isinstance(message, Transferred):
                self._change(message.name, transfer=message, speed=self._speed(message))
            elif isinstance(message, Checked):
                entry = self._entries[message.name]
                damaged = entry.damaged if message.intact else (*entry.damaged, message.file)
                self._change(message.name, checked=entry.checked + 1, damaged=damaged)
            elif isinstance(message, StoreNoted):
                self._change(message.name, message=message.message)

    def _list(self, found: ModelList) -> None:
        self.root, self.free_bytes = found.root, found.free_bytes
        known = self._entries
        self._entries = {row.name: replace(known.get(row.name, ModelEntry(row)), row=row) for row in found.rows}
        self.listed.emit()

    def _speed(self, transfer: Transferred) -> float | None:
        """Bytes a second since this run of the download began; what was there before doesn't count."""
        if self._began is None:
            self._began = (self._now(), transfer.done)
        since, first = self._began
        seconds = self._now() - since
        return (transfer.done - first) / seconds if seconds > 0 and transfer.done > first else None

    @Slot(object)
    def _settled(self, settled: Settled) -> None:
        task, self._task = self._task, None
        name = "" if task is None else _name(task)
        if name:
            refused = settled.outcome in (Outcome.REFUSED, Outcome.FAILED)
            message = settled.message or self._verdict(task)
            self._change(name, standing=Standing.IDLE, transfer=None, message=message, refused=refused)
        self._look_again(name)

    def _verdict(self, task: StoreTask | None) -> str:
        """What is left to say of a task that came to its end."""
        entry = self._entries[_name(task)]
        if not isinstance(task, VerifyModel) or not entry.checked:
            return entry.message
        if entry.damaged:
            return self.tr("{} of {} files are damaged: {}").format(
                len(entry.damaged), entry.checked, ", ".join(entry.damaged)
            )
        return self.tr("All {} files are what was fetched.").format(entry.checked)

    @Slot(str)
    def _crashed(self, message: str) -> None:
        task, self._task = self._task, None
        name = "" if task is None else _name(task)
        if name:
            # A download that hangs is paused by ending its process; what came is on disk.
            paused = self._entries[name].standing is Standing.PAUSING
            self._change(
                name, standing=Standing.IDLE, transfer=None, message="" if paused else message, refused=not paused
            )
        self._look_again(name)

    def _look_again(self, name: str) -> None:
        if name:
            self._waiting.insert(0, ListModels())
        self._start_next()

    def _change(self, name: str, **changes: Any) -> None:
        self._entries[name] = replace(self._entries[name], **changes)
        self.changed.emit(name)


def _name(task: StoreTask | None) -> str:
    """The model that a task is about; "" for a list of all."""
    return getattr(task, "name", "")
