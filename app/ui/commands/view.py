"""The menu View: how pictures are compared and what of the window is shown."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from app.core.playing.player import ORIGINAL, OTHER, RESULT
from app.ui.actions import Entry
from app.ui.canvas.sides import Mode
from app.ui.layout import PANELS

if TYPE_CHECKING:
    from app.ui.main_window import MainWindow

ZOOMS = {4: 1.0, 6: 2.0, 7: 4.0, 8: 8.0, 9: 16.0}


class ViewCommands(QObject):
    """See the module."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window, self._workspace, self._view = window, window.workspace, window.view

    def entries(self) -> list[Entry]:
        """In the menu's order."""
        return [*self._ways(), *self._shifts(), *self._sizes(), *self._measures(), *self._panels()]

    def _ways(self) -> list[Entry]:
        view = self._view

        def mode(name: Mode, text: str, *keys: str) -> Entry:
            # A second time leads back to both side by side.
            return Entry(
                name.value, "view", text, partial(view.toggle_mode, name), keys=keys, on=lambda: view.mode is name
            )

        def side(place: int, name: str, text: str) -> Entry:
            hide = partial(view.toggle_side, place)
            return Entry(name, "view", text, hide, keys=(str(place),), on=lambda: view.hidden == {place})

        return [
            mode(Mode.SIDE, self.tr("Side by side"), "B"),
            mode(Mode.WIPE, self.tr("Wipe"), "W"),
            mode(Mode.DIFFERENCE, self.tr("Difference"), "0"),
            Entry("gain", "view", self.tr("Amplify the difference"), view.next_gain, keys=("G",)),
            Entry("swap", "view", self.tr("Swap sides"), view.swap, keys=("S",)),
            Entry("other", "view", self.tr("The original, or the other file"), self._exchange, self._has_other, ("X",)),
            side(1, "hide first", self.tr("Hide the first side")),
            side(2, "hide second", self.tr("Hide the second side")),
        ]

    def _shifts(self) -> list[Entry]:
        player, when = self._workspace.player, self._has_pair
        return [
            Entry("ahead", "view", self.tr("Compared file a frame ahead"), partial(player.shift, 1), when, ("+", "=")),
            Entry("behind", "view", self.tr("Compared file a frame behind"), partial(player.shift, -1), when, ("-",)),
            Entry(
                "in step", "view", self.tr("Compared file in step again"), self._unshift, self._is_shifted, ("Shift+X",)
            ),
        ]

    def _sizes(self) -> list[Entry]:
        view = self._view
        one = Entry("zoom 4", "view", self.tr("One to one"), partial(view.set_zoom, 1.0), keys=("4",))
        fit = Entry("fit", "view", self.tr("Fit into the window"), partial(view.set_zoom, None), keys=("5",))
        closer = [
            Entry(f"zoom {key}", "view", f"{zoom:.0f} \u00d7", partial(view.set_zoom, zoom), keys=(str(key),))
            for key, zoom in ZOOMS.items()
            if zoom > 1
        ]
        size = Entry(
            "coding size",
            "view",
            self.tr("Compare at coding size"),
            self._toggle_size,
            keys=("C",),
            on=lambda: self._workspace.viewer.at_coding_size,
        )
        return [one, fit, *closer, size]

    def _measures(self) -> list[Entry]:
        metrics = self._workspace.frame_metrics
        return [
            Entry("measure", "view", self.tr("Measure this frame"), metrics.measure, self._has_both, ("M",)),
            Entry("whole", "view", self.tr("Measure the whole picture"), self._whole, self._has_region, ("Escape",)),
        ]

    def _panels(self) -> list[Entry]:
        window = self._window
        names = {
            "queue": self.tr("Queue"),
            "settings": self.tr("Settings"),
            "plots": self.tr("Plots"),
            "filmstrip": self.tr("Filmstrip"),
        }
        panels = [
            Entry(
                name,
                "view",
                names[name],
                partial(window.layout_.toggle, name),
                keys=(f"Ctrl+{number}",),
                on=partial(window.layout_.is_shown, name),
            )
            for number, name in enumerate(PANELS, 1)
        ]
        full = Entry(
            "full screen", "view", self.tr("Full screen"), self._toggle_full, keys=("F11",), on=window.isFullScreen
        )
        return [*panels, full]

    def _has_both(self) -> bool:
        player = self._workspace.player
        return player.has_original and (player.has_result or bool(player.beside.name))

    def _has_pair(self) -> bool:
        player = self._workspace.player
        return sum((player.has_original, player.has_result, bool(player.beside.name))) > 1

    def _has_other(self) -> bool:
        player = self._workspace.player
        return bool(player.beside.name) and player.has_original and player.has_result

    def _is_shifted(self) -> bool:
        return self._workspace.player.shifted != 0

    def _has_region(self) -> bool:
        return self._view.region is not None

    def _exchange(self) -> None:
        player = self._workspace.player
        player.choose(ORIGINAL if player.sides[0] == OTHER else OTHER, RESULT)

    def _unshift(self) -> None:
        self._workspace.player.shift(-self._workspace.player.shifted)

    def _whole(self) -> None:
        self._view.choose_region(None)

    def _toggle_size(self) -> None:
        self._workspace.viewer.at_coding_size = not self._workspace.viewer.at_coding_size

    def _toggle_full(self) -> None:
        if self._window.isFullScreen():
            self._window.showNormal()
        else:
            self._window.showFullScreen()
