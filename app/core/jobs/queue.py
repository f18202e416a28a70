"""Jobs as a Qt model, saved on every change that a restart should know of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QDir,
    QIODevice,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSaveFile,
    Qt,
    Signal,
)

from app.core.jobs.job import ACTIVE, FINISHED, Job, from_json, to_json
from codec.errors import OutputError, SettingsError
from codec.files import write_json

JOB_ROLE = Qt.ItemDataRole.UserRole
Index = QModelIndex | QPersistentModelIndex


class JobQueue(QAbstractListModel):
    """The queue in its order; `path` is where it is kept.

    Attributes:
        unreadable: told when a saved queue could not be read, with a sentence.
        unsaved: told when it could not be saved, with a sentence.
    """

    unreadable = Signal(str)
    unsaved = Signal(str)

    def __init__(self, path: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._path = path
        self._jobs: list[Job] = []

    def __iter__(self) -> Iterator[Job]:
        return iter(self._jobs)

    def __len__(self) -> int:
        return len(self._jobs)

    def __bool__(self) -> bool:
        # Without this an empty queue would be false, like an empty list.
        return True

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802
        """See Qt."""
        return 0 if parent.isValid() else len(self._jobs)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The job itself for JOB_ROLE; else a text that screen readers can tell."""
        if not index.isValid():
            return None
        job = self._jobs[index.row()]
        if role == JOB_ROLE:
            return job
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{job.output.name}: {job.state.value}, {job.share:.0%}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return "\n".join((job.message or f"{job.source} \u2192 {job.output}", *job.warnings))
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Jobs can be dragged; they drop between jobs, never on one."""
        if not index.isValid():
            return Qt.ItemFlag.ItemIsDropEnabled
        return super().flags(index) | Qt.ItemFlag.ItemIsDragEnabled

    def supportedDropActions(self) -> Qt.DropAction:  # noqa: N802
        """They are moved."""
        return Qt.DropAction.MoveAction

    def moveRows(  # noqa: N802
        self, source: Index, row: int, count: int, target: Index, before: int
    ) -> bool:
        """Move one job in front of another; what a view asks for where one was dropped."""
        if count != 1 or source.isValid() or target.isValid() or not 0 <= row < len(self._jobs):
            return False
        to = before - (before > row)
        self.move(self._jobs[row].id, to - row)
        return to != row

    def load(self) -> None:
        """Read what was saved; what ran then counts as interrupted."""
        try:
            items = list(json.loads(self._path.read_text("utf-8"))["jobs"])
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError):
            self.unreadable.emit(self._put_aside())
            return
        jobs, bad = [], []
        for item in items:
            try:
                jobs.append(from_json(item).interrupted().looked_after())
            except SettingsError:
                bad.append(item)
        self.beginResetModel()
        self._jobs = jobs
        self.endResetModel()
        if bad:
            self.unreadable.emit(self._keep_aside(bad))

    @property
    def _aside(self) -> Path:
        return self._path.with_suffix(".unreadable.json")

    def _put_aside(self) -> str:
        """Keep a queue that can't be read under another name; what to tell the user."""
        try:
            self._path.replace(self._aside)
        except OSError as error:
            return f"The saved queue {self._path} can't be read ({error.strerror}); check its rights, or remove it."
        return f"The saved queue could not be read; it was kept as {self._aside} and a new one begun."

    def _keep_aside(self, bad: list[Any]) -> str:
        """Keep jobs that can't be read, which the next save leaves out; what to tell the user."""
        text = f"{len(bad)} of the saved jobs could not be read"
        try:
            write_json(self._aside, {"jobs": bad}, remedy="check the rights there")
        except OutputError as error:
            return f"{text}, and can't be kept: {error}"
        self._save()
        return f"{text}; the others are here, and what was saved of these is kept in {self._aside}."

    def get(self, job_id: str) -> Job | None:
        """The job of that id."""
        return next((job for job in self._jobs if job.id == job_id), None)

    def row_of(self, job_id: str) -> int:
        """Its row, or -1."""
        return next((row for row, job in enumerate(self._jobs) if job.id == job_id), -1)

    def add(self, job: Job) -> None:
        """Append a job."""
        row = len(self._jobs)
        self.beginInsertRows(QModelIndex(), row, row)
        self._jobs.append(job)
        self.endInsertRows()
        self._save()

    def remove(self, job_id: str) -> bool:
        """Take a job out; one that runs stays. Returns whether it went."""
        row = self.row_of(job_id)
        if row < 0 or self._jobs[row].state in ACTIVE:
            return False
        self.beginRemoveRows(QModelIndex(), row, row)
        del self._jobs[row]
        self.endRemoveRows()
        self._save()
        return True

    def move(self, job_id: str, by: int) -> None:
        """Move a job up (negative) or down, as far as the queue reaches."""
        row = self.row_of(job_id)
        to = min(max(row + by, 0), len(self._jobs) - 1)
        if row < 0 or to == row:
            return
        self.beginMoveRows(QModelIndex(), row, row, QModelIndex(), to + (to > row))
        self._jobs.insert(to, self._jobs.pop(row))
        self.endMoveRows()
        self._save()

    def update(self, job_id: str, **changes: Any) -> None:
        """Replace fields of a job; mere progress is shown but not saved."""
        row = self.row_of(job_id)
        if row < 0:
            return
        self._jobs[row] = replace(self._jobs[row], **changes)
        self._changed(row, save=set(changes) != {"share"})

    def renew(self, job_id: str, anew: bool = False) -> None:
        """Queue a job again, to go on where it was or to begin anew."""
        row = self.row_of(job_id)
        if row >= 0 and self._jobs[row].state not in ACTIVE:
            job = self._jobs[row]
            self._jobs[row] = job.anew() if anew else job.renewed()
            self._changed(row, save=True)

    def clear_finished(self) -> None:
        """Take out what is done, stopped or failed; files stay."""
        for job in list(self._jobs):
            if job.state in FINISHED:
                self.remove(job.id)

    def _changed(self, row: int, save: bool) -> None:
        index = self.index(row)
        self.dataChanged.emit(index, index)
        if save:
            self._save()

    def _save(self) -> None:
        text = json.dumps({"jobs": [to_json(job) for job in self._jobs]}, indent=1)
        QDir().mkpath(str(self._path.parent))
        # Whole or not at all: what was saved before stays until the new text is on disk.
        file = QSaveFile(str(self._path))
        written = file.open(QIODevice.OpenModeFlag.WriteOnly) and file.write(text.encode()) >= 0 and file.commit()
        if not written:
            self.unsaved.emit(
                f"The queue could not be saved as {self._path} ({file.errorString()}); free some space there."
            )
