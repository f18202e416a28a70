"""Colours, style sheet and icons; light or dark as the system is, or as the user asks."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from string import Template

from PySide6.QtCore import QByteArray, QObject, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

ICON_SIZE = 20
_SHARPNESS = 2  # icons are drawn at twice their size, for screens of high density


@dataclass(frozen=True)
class Colours:
    """One look. `canvas` is the neutral grey around video, the same in both."""

    back: str
    panel: str
    raised: str
    line: str
    text: str
    muted: str
    faint: str
    accent: str
    accent_hover: str
    on_accent: str
    warn: str
    prior: str
    sound: str
    canvas: str = "#232323"


DARK = Colours(
    back="#17191c",
    panel="#1f2226",
    raised="#2a2e33",
    line="#353a40",
    text="#e8eaed",
    muted="#9ba3ac",
    faint="#626a73",
    accent="#2fbf9f",
    accent_hover="#45d3b3",
    on_accent="#0b1512",
    warn="#e0a33a",
    prior="#4f8fd6",
    sound="#a87fd1",
)
LIGHT = Colours(
    back="#f1f3f4",
    panel="#ffffff",
    raised="#eceff1",
    line="#d3d8dc",
    text="#1b1f23",
    muted="#5b646d",
    faint="#9aa3ab",
    accent="#0a8a72",
    accent_hover="#0c9d82",
    on_accent="#ffffff",
    warn="#b26a00",
    prior="#2f6fb5",
    sound="#8a5cb8",
)


class Theme(QObject):
    """The look in use.

    Attributes:
        changed: the colours are others now; whoever paints paints again.
    """

    changed = Signal()

    def __init__(self, application: QApplication, mode: str = "system") -> None:
        super().__init__(application)
        self._application = application
        self._mode = mode
        application.styleHints().colorSchemeChanged.connect(self._follow)
        application.setStyle("Fusion")
        self._apply()

    @property
    def mode(self) -> str:
        """One of MODES."""
        return self._mode

    @property
    def colours(self) -> Colours:
        """What to paint with."""
        dark = self._application.styleHints().colorScheme() is Qt.ColorScheme.Dark
        return DARK if self._mode == "dark" or (self._mode == "system" and dark) else LIGHT

    def set_mode(self, mode: str) -> None:
        """Take one of MODES."""
        self._mode = mode
        self._apply()

    def icon(self, name: str, on_accent: bool = False) -> QIcon:
        """The icon resources/icons/`name`.svg in the text's colour, or to stand on the accent."""
        icon = QIcon()
        icon.addPixmap(_drawn(name, self.colours.on_accent if on_accent else self.colours.text))
        icon.addPixmap(_drawn(name, self.colours.faint), QIcon.Mode.Disabled)
        return icon

    @Slot()
    def _follow(self) -> None:
        self._apply()

    def _apply(self) -> None:
        colours = self.colours
        self._application.setPalette(_palette(colours))
        resources = files("resources")
        style = Template((resources / "style.qss").read_text("utf-8"))
        icons = Path(str(resources / "icons")).as_posix()
        self._application.setStyleSheet(style.substitute(asdict(colours), icons=icons))
        self.changed.emit()


def picture(name: str, colour: str, size: int) -> QPixmap:
    """An icon as a pixmap of `size` logical pixels."""
    return _drawn(name, colour, size)


def _drawn(name: str, colour: str, size: int = ICON_SIZE) -> QPixmap:
    svg = (files("resources") / "icons" / f"{name}.svg").read_text("utf-8").replace("#000", colour)
    pixmap = QPixmap(QSize(size, size) * _SHARPNESS)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    QSvgRenderer(QByteArray(svg.encode())).render(painter, QRectF(pixmap.rect()))
    painter.end()
    pixmap.setDevicePixelRatio(_SHARPNESS)
    return pixmap


def _palette(colours: Colours) -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    for name, colour in {
        role.Window: colours.back,
        role.Base: colours.panel,
        role.AlternateBase: colours.raised,
        role.Button: colours.raised,
        role.WindowText: colours.text,
        role.Text: colours.text,
        role.ButtonText: colours.text,
        role.ToolTipBase: colours.panel,
        role.ToolTipText: colours.text,
        role.PlaceholderText: colours.muted,
        role.Highlight: colours.accent,
        role.HighlightedText: colours.on_accent,
        role.Link: colours.accent,
        role.Mid: colours.line,
    }.items():
        palette.setColor(name, QColor(colour))
    palette.setColor(QPalette.ColorGroup.Disabled, role.Text, QColor(colours.faint))
    palette.setColor(QPalette.ColorGroup.Disabled, role.WindowText, QColor(colours.faint))
    return palette
