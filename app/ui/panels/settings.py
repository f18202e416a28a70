"""What a job is made with: that of the open video while it waits, and every video's to come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QComboBox, QFormLayout, QLabel, QSlider, QWidget

from app.core.jobs.job import Job, State
from app.core.settings.presets import Preset, built_in, of_any_video
from app.ui.panels.goal import GoalEditor
from app.ui.widgets import ignore_wheel, label
from app.ui.words import human_bytes
from codec.events import SizeChosen
from codec.priors.defaults import defaults_of
from codec.settings import AUDIO_MODES, DEVICES, EncodeSettings, Quality
from codec.store.manifest import MODELS
from codec.video import AudioInfo

SHORT_SIDES = (64, 96, 144, 240, 360, 480, 720)
DEFAULT_PRIOR = "pocket"


class SettingsPanel(QWidget):
    """Widgets over one EncodeSettings.

    Attributes:
        changed: the user has changed something.
        keep_wanted: the settings are to be kept as a preset.
        forget_wanted: the name of a preset of the user's own.
    """

    changed = Signal()
    keep_wanted = Signal()
    forget_wanted = Signal(str)

    def __init__(
        self, settings: EncodeSettings, presets: tuple[Preset, ...] = (), parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._base = self._next = settings
        self._presets: tuple[Preset, ...] = (*built_in(), *presets)
        self.preset, self.prior, self._device, self.side, self._audio, self.track = (QComboBox() for _ in range(6))
        self.goal = GoalEditor()
        self._subject = label("", "muted")
        self._subject.setWordWrap(True)
        self._source, self._range = label("", ""), label("", "muted")
        self._source.setWordWrap(True)
        self._fill()
        self._lay_out()
        self._name()
        ignore_wheel(*self._boxes)
        self.show_settings(settings)
        self.show_presets(presets)
        self._show_state(None)
        self.show_range("")
        self._connect()

    @property
    def _boxes(self) -> tuple[QComboBox, ...]:
        return self.preset, self.prior, self._device, self.side, self._audio, self.track

    @property
    def slider(self) -> QSlider:
        """The target quality."""
        return self.goal.slider

    @property
    def settings(self) -> EncodeSettings:
        """As the widgets say; what they don't show stays as it was given."""
        return replace(
            self._base,
            goal=self.goal.goal,
            prior=self.prior.currentData(),
            device=self._device.currentData(),
            short_side=self.side.currentData(),
            audio=self._audio.currentData(),
            audio_track=self.track.currentData(),
        )

    def show_settings(self, settings: EncodeSettings) -> None:
        """Set the widgets."""
        self._base = settings
        self.blockSignals(True)
        self.goal.show_goal(settings.goal)
        if settings.short_side is not None and self.side.findData(settings.short_side) < 0:
            self.side.addItem(self.tr("{} pixels").format(settings.short_side), settings.short_side)
        if self.prior.findData(settings.prior) < 0:
            self.prior.addItem(prior_words(settings.prior), settings.prior)
        if settings.audio_track is not None and self.track.findData(settings.audio_track) < 0:
            self.track.addItem(str(settings.audio_track), settings.audio_track)
        for box, value in (
            (self.prior, settings.prior),
            (self._device, settings.device),
            (self.side, settings.short_side),
            (self._audio, settings.audio),
            (self.track, settings.audio_track),
        ):
            box.setCurrentIndex(max(0, box.findData(value)))
        self.blockSignals(False)
        self._name_own_side()
        self._show_preset()

    def _name_own_side(self) -> None:
        sides = defaults_of(self.prior.currentData()).short_sides
        words = self.tr("As the prior likes ({})") if len(sides) == 1 else self.tr("Automatic ({} to {})")
        self.side.setItemText(0, words.format(*sides[:: max(1, len(sides) - 1)]))

    @Slot(float)
    def aim_at(self, target: float) -> None:
        """Take a quality by DISTS, as if the user had set it."""
        self.goal.show_goal(Quality(target))
        self._note()

    def show_job(self, settings: EncodeSettings, state: State) -> None:
        """Show a job's settings; only one that waits can be changed."""
        self.show_settings(settings)
        self._show_state(state)

    def show_size(self, chosen: SizeChosen) -> None:
        """At which size the engine codes, and why."""
        text = self.tr("As it is being encoded, at {} lines: {}.").format(chosen.short_side, chosen.reason)
        if self._subject.text() != text:
            self._subject.setText(text)

    def show_next(self) -> None:
        """Nothing with a job is open: what videos to come are made with."""
        self.show_settings(self._next)
        self._show_state(None)

    def follow(self, job: Job | None) -> None:
        """The open job has come to another state."""
        self._show_state(job.state if job is not None and job.is_encode else None)

    def set_machine(self, priors: tuple[str, ...], device: str | None) -> None:
        """Offer what the engine has found: its priors, and the GPU's name where there is one."""
        current = self.prior.currentData()
        self.prior.blockSignals(True)
        self.prior.clear()
        for name in priors:
            # The others are tests' and benchmarks'.
            if name in MODELS or name in (DEFAULT_PRIOR, current):
                self.prior.addItem(prior_words(name), name)
        self.prior.setCurrentIndex(max(0, self.prior.findData(current)))
        self.prior.blockSignals(False)
        self._device.setItemText(self._device.findData("cuda"), device or self.tr("GPU (none found)"))

    def show_presets(self, own: tuple[Preset, ...]) -> None:
        """Offer these besides those that come with the program."""
        self._presets = (*built_in(), *own)
        self.preset.blockSignals(True)
        self.preset.clear()
        for preset in self._presets:
            self.preset.addItem(preset.name if preset.own else self.tr(preset.name), preset)
        self.preset.insertSeparator(self.preset.count())
        self.preset.addItem(self.tr("Keep these settings"), "keep")
        for preset in own:
            self.preset.addItem(self.tr("Remove \u201c{}\u201d").format(preset.name), preset.name)
        self.preset.setPlaceholderText(self.tr("As set below"))
        self.preset.blockSignals(False)
        self._show_preset()

    def _show_preset(self) -> None:
        settings = self.settings
        fitting = [place for place, preset in enumerate(self._presets) if preset.fits(settings)]
        self.preset.blockSignals(True)
        # The user's own come last, and say more than those that only have a goal.
        self.preset.setCurrentIndex(fitting[-1] if fitting else -1)
        self.preset.blockSignals(False)

    def _show_state(self, state: State | None) -> None:
        waits = state in (None, State.QUEUED)
        words = {
            None: self.tr("For videos to come."),
            State.QUEUED: self.tr("Of this video, which waits, and of those to come."),
            State.RUNNING: self.tr("As it is being encoded."),
            State.PAUSED: self.tr("As it is being encoded."),
            State.STOPPING: self.tr("As it is being encoded."),
        }
        self._subject.setText(
            words.get(state, self.tr("As it was encoded; Ctrl+D encodes it again with other settings."))
        )
        for widget in (self.goal, self.goal.mode, *self._boxes):
            widget.setEnabled(waits)

    def show_source(self, text: str, short_side: int | None = None, tracks: Sequence[AudioInfo] = ()) -> None:
        """What the open video is, its shorter side in pixels, and its sound."""
        self._source.setText(text)
        self._source.setVisible(bool(text))
        self._show_tracks(tracks)
        names = {side: self.tr("{} pixels").format(side) for side in SHORT_SIDES}
        if short_side is not None:
            own = max(SHORT_SIDES[0], short_side - short_side % 2)
            names[own] = self.tr("As the source ({})").format(own)
        chosen = self.side.currentData()
        if chosen is not None:
            names.setdefault(chosen, self.tr("{} pixels").format(chosen))
        self.side.blockSignals(True)
        while self.side.count() > 1:
            self.side.removeItem(1)
        for side, name in sorted(names.items()):
            self.side.addItem(name, side)
        self.side.setCurrentIndex(max(0, self.side.findData(chosen)))
        self.side.blockSignals(False)

    def _show_tracks(self, tracks: Sequence[AudioInfo]) -> None:
        """Offer the source's sound tracks, where there is a choice."""
        chosen = self.track.currentData()
        self.track.blockSignals(True)
        self.track.clear()
        self.track.addItem(self.tr("The default one"), None)
        for number, track in enumerate(tracks, 1):
            self.track.addItem(track_words(number, track), number)
        self.track.setCurrentIndex(max(0, self.track.findData(chosen)))
        self.track.blockSignals(False)
        self._form.setRowVisible(self.track, len(tracks) > 1)

    def show_range(self, text: str) -> None:
        """Which part of the video is taken; "" for all of it."""
        self._range.setText(text or self.tr("All; I and O mark a part"))

    def _fill(self) -> None:
        self.prior.addItem(prior_words(DEFAULT_PRIOR), DEFAULT_PRIOR)
        names = {"auto": self.tr("Automatic"), "cpu": self.tr("CPU"), "cuda": self.tr("GPU")}
        for device in DEVICES:
            self._device.addItem(names[device], device)
        self.track.addItem("", None)
        self.side.addItem("", None)
        for side in SHORT_SIDES:
            self.side.addItem(self.tr("{} pixels").format(side), side)
        names = {
            "opus": self.tr("Opus, re-encoded"),
            "copy": self.tr("Copy unchanged"),
            "none": self.tr("Leave out"),
        }
        for mode in AUDIO_MODES:
            self._audio.addItem(names[mode], mode)

    def _lay_out(self) -> None:
        self._form = form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setVerticalSpacing(6)
        form.setHorizontalSpacing(8)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(self._source)
        form.addRow(self._subject)
        self._source.hide()
        form.addRow(_caption(self.tr("Preset")), self.preset)
        form.addRow(_caption(self.tr("Aim at")), self.goal.mode)
        form.addRow(self.goal)
        for text, field in (
            (self.tr("Prior"), self.prior),
            (self.tr("Device"), self._device),
            (self.tr("Short side"), self.side),
            (self.tr("Audio"), self._audio),
            (self.tr("Track"), self.track),
            (self.tr("Range"), self._range),
        ):
            form.addRow(_caption(text), field)
        form.setRowVisible(self.track, False)
        for box in self._boxes:
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(8)

    def _name(self) -> None:
        for widget, name in (
            (self.preset, self.tr("Settings under a name")),
            (self.prior, self.tr("Prior: the model that redraws the video")),
            (self._device, self.tr("Device")),
            (self.side, self.tr("Coding size: the shorter side")),
            (self._audio, self.tr("Audio")),
            (self.track, self.tr("Which of the source's sound tracks")),
        ):
            widget.setAccessibleName(name)
            widget.setToolTip(name)

    def _connect(self) -> None:
        self.goal.changed.connect(self._note)
        for box in self._boxes[1:]:
            box.currentIndexChanged.connect(self._note)
        self.preset.activated.connect(self._choose_preset)

    @Slot()
    def _note(self) -> None:
        # Shown, not chosen.
        if self.signalsBlocked():
            return
        self._name_own_side()
        self._next = of_any_video(self.settings)
        self._show_preset()
        self.changed.emit()

    @Slot()
    def _choose_preset(self) -> None:
        chosen = self.preset.currentData()
        self._show_preset()
        if isinstance(chosen, Preset):
            self.show_settings(chosen.applied(self.settings))
            self._note()
        elif chosen == "keep":
            self.keep_wanted.emit()
        elif isinstance(chosen, str):
            self.forget_wanted.emit(chosen)


def track_words(number: int, track: AudioInfo) -> str:
    """A sound track as people tell it from others: "2: deu, Commentary, aac stereo"."""
    parts = [part for part in (track.language, track.title) if part and part != "und"]
    return f"{number}: {', '.join([*parts, f'{track.codec} {track.layout}'])}"


def prior_words(name: str) -> str:
    """A prior's name, and what it needs."""
    spec = MODELS.get(name)
    if spec is None:
        return {DEFAULT_PRIOR: "Pocket (comes along)"}.get(name, name)
    title = spec.title.split(",")[0].split(" text")[0]
    return f"{title} ({human_bytes(spec.disk_bytes)}, GPU)"


def _caption(text: str) -> QLabel:
    made = label(text, "muted")
    made.setMinimumHeight(28)
    return made
