"""The menu Encode: the queue and what it works on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from app.core.jobs.job import FINISHED, MOVABLE, State
from app.ui.actions import Entry

if TYPE_CHECKING:
    from app.core.jobs.session import Session
    from app.ui.dialogs.trials_window import TrialsWindow
    from app.ui.main_window import MainWindow

# Side by side they tell a user what to ask for: close, balanced, small, as the presets have them.
TRIED_TARGETS = (0.07, 0.12, 0.18)


class EncodeCommands(QObject):
    """See the module."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window, self._workspace = window, window.workspace
        self.trials_window: TrialsWindow | None = None

    def entries(self) -> list[Entry]:
        """In the menu's order."""
        workspace, start = self._workspace, self._workspace.orders.start_queue
        return [
            Entry("start", "encode", self.tr("Start"), start, self._waits, ("Ctrl+Return",), "compress"),
            Entry("trial", "encode", self.tr("Try one GOP here"), self._try, self._has_source, ("T",), "play"),
            Entry(
                "trials", "encode", self.tr("Try three targets here"), self._try_three, self._has_source, ("Shift+T",)
            ),
            Entry("pause", "encode", self._pause_text, self._pause, self._runs, ("P",), "pause"),
            Entry("stop", "encode", self.tr("Stop"), self._stop, self._runs, ("Ctrl+.",), "stop"),
            Entry(
                "again",
                "encode",
                self.tr("Encode again with other settings"),
                workspace.again,
                self._can_again,
                ("Ctrl+D",),
            ),
            Entry("save as", "encode", self.tr("Save the result as"), self._save_as, self._may_move, ("Ctrl+Shift+S",)),
            Entry("clear", "encode", self.tr("Clear finished"), workspace.queue.clear_finished, self._any_finished),
            Entry(
                "peers",
                "encode",
                self.tr("Compare with x265, AV1, VVC"),
                self._compare,
                self._can_compare,
                ("Ctrl+K",),
            ),
        ]

    # --- When -------------------------------------------------------------------------------------------------------

    def _waits(self) -> bool:
        waits = any(job.state in (State.QUEUED, State.INTERRUPTED) for job in self._workspace.queue)
        return waits and not self._workspace.session.going

    def _has_source(self) -> bool:
        document = self._workspace.document
        return document is not None and document.source is not None

    def _can_again(self) -> bool:
        job = self._workspace.job
        return self._has_source() and (job is None or job.state is not State.QUEUED)

    def _may_move(self) -> bool:
        job = self._workspace.job
        return job is not None and job.state in MOVABLE

    def _runs(self) -> bool:
        return self._at_work is not None and not self._at_work.stopping

    def _any_finished(self) -> bool:
        return any(job.state in FINISHED for job in self._workspace.queue)

    def _can_compare(self) -> bool:
        document = self._workspace.document
        both = document is not None and document.result is not None and document.source is not None
        return both and not self._workspace.peers.running

    # --- What -------------------------------------------------------------------------------------------------------

    @property
    def _at_work(self) -> Session | None:
        """The lane that is held or stopped: the chosen job's, else one that works."""
        working = [session for session in self._workspace.sessions if session.current is not None]
        chosen = self._window.queue_panel.job
        return next((session for session in working if session.current == chosen), working[0] if working else None)

    def _pause(self) -> None:
        if self._at_work is not None:
            self._at_work.pause()

    def _stop(self) -> None:
        if self._at_work is not None:
            self._at_work.cancel()

    def _pause_text(self) -> str:
        job = None if self._at_work is None else self._at_work.current
        return self.tr("Continue") if job is not None and job.state is State.PAUSED else self.tr("Pause")

    def _save_as(self) -> None:
        self._window.commands.file.dialogs.save_result_as()

    def _compare(self) -> None:
        self._workspace.compare_peers()
        # It may lie further down than the side column shows.
        self._window.reveal(self._window.peers)

    def _try(self) -> None:
        self._workspace.try_here(self._window.settings.settings)

    def _try_three(self) -> None:
        from app.ui.dialogs.trials_window import TrialsWindow

        workspace, document = self._workspace, self._workspace.document
        if document is None:
            return
        self.close()
        workspace.trials.start(document, self._window.settings.settings, workspace.clock.frame, TRIED_TARGETS)
        seconds = document.seconds(document.count)
        self.trials_window = TrialsWindow(workspace.trials, seconds, self._window.theme, self._window)
        self.trials_window.chosen.connect(self._window.settings.aim_at)
        self.trials_window.finished.connect(self._forget_trials)
        self.trials_window.show()

    def close(self) -> None:
        """Close what was opened over the window."""
        if self.trials_window is not None:
            self.trials_window.close()
            self.trials_window = None

    @Slot()
    def _forget_trials(self) -> None:
        self.trials_window = None
