"""The settings panel at work: it shows the settings of what is open, and what is changed in it goes to the queue."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Slot

from app.core.jobs.job import State
from app.core.workspace import Workspace
from app.ui.canvas.transport import timecode
from app.ui.panels.settings import SettingsPanel
from app.ui.words import source_words
from codec.settings import EncodeSettings
from codec.worker.tasks import Machine


class Editing(QObject):
    """Keeps a panel in step with a workspace.

    Args:
        ask_name: asks the user for a name, by a title and what is to be named; "" where none was given.
    """

    def __init__(
        self, panel: SettingsPanel, workspace: Workspace, ask_name: Callable[[str, str], str], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._panel, self._workspace, self._ask_name = panel, workspace, ask_name
        workspace.viewer.opened.connect(self._show_source)
        workspace.viewer.times_known.connect(self._show_source)
        workspace.ended.connect(self._show_settings)
        workspace.machine.connect(self._know_machine)
        workspace.clock.range_changed.connect(self._show_range)
        queue = workspace.queue
        for changed in (queue.dataChanged, queue.rowsInserted, queue.rowsRemoved, queue.modelReset):
            changed.connect(self._follow)
        panel.changed.connect(self._edit)
        panel.keep_wanted.connect(self._keep_preset)
        panel.forget_wanted.connect(self._forget_preset)

    @Slot()
    def _show_source(self) -> None:
        document = self._workspace.document
        facts = None if document is None else document.source_facts
        if document is None or facts is None:
            self._panel.show_source("")
        else:
            words = source_words(facts, document.average_rate)
            self._panel.show_source(words, min(facts.width, facts.height), facts.tracks)
        self._show_settings()
        self._show_range()

    @Slot()
    def _show_settings(self) -> None:
        job = self._workspace.job
        settings = job.settings if job is not None else None
        if job is not None and isinstance(settings, EncodeSettings):
            self._panel.show_job(settings, job.state)
        else:
            self._panel.show_next()

    @Slot()
    def _show_range(self) -> None:
        clock, document = self._workspace.clock, self._workspace.document
        settings = self._workspace.job.settings if self._workspace.job is not None else None
        marked = (clock.begin, clock.end) != (0, None)
        begin, end = clock.begin, clock.count if clock.end is None else clock.end
        start = 0.0
        if document is not None and isinstance(settings, EncodeSettings) and self._is_settled:
            # It was decided what is encoded: what is played of that meanwhile is another thing.
            marked = settings.start > 0 or settings.duration is not None
            start, begin, end = document.start, 0, document.count
        times = f"{timecode(start + clock.seconds(begin))} \u2013 {timecode(start + clock.seconds(end))}"
        self._panel.show_range(times if marked else "")

    @property
    def _is_settled(self) -> bool:
        """Whether the open job's settings can't be changed any more."""
        return self._workspace.job is not None and self._workspace.job.state is not State.QUEUED

    @Slot()
    def _follow(self) -> None:
        self._panel.follow(self._workspace.job)

    @Slot(object)
    def _know_machine(self, machine: Machine) -> None:
        gpu = None if machine.gpu is None else f"{machine.gpu}, {machine.gpu_bytes / 2**30:.0f} GB"
        self._panel.set_machine(machine.priors, gpu)
        self._workspace.noted.emit(self.tr("Ready on {}").format(gpu or self.tr("the CPU")))

    @Slot()
    def _edit(self) -> None:
        self._workspace.orders.edit(self._panel.settings)

    @Slot()
    def _keep_preset(self) -> None:
        name = self._ask_name(self.tr("Keep these settings"), self.tr("Name"))
        if name:
            self._workspace.preferences.keep_preset(name, self._panel.settings)
            self._panel.show_presets(self._workspace.preferences.presets)

    @Slot(str)
    def _forget_preset(self, name: str) -> None:
        self._workspace.preferences.forget_preset(name)
        self._panel.show_presets(self._workspace.preferences.presets)
