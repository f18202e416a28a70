"""What this is, in which version and on what terms."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from app.ui.theme import Theme, picture
from app.ui.widgets import label
from codec.version import program_version

_WIDTH = 460


class AboutWindow(QDialog):
    """Escape closes it."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("About Free-GVC"))
        icon = label("")
        icon.setPixmap(picture("app", theme.colours.accent, 48))
        text = label(
            self.tr(
                "Compresses video to extremely low bitrates with a video diffusion model, on this machine, after the "
                "paper Free-GVC (arXiv 2602.09868).\n\nThe code is under Apache-2.0. The weights that come along have "
                "terms of their own, which docs/credits.md lists; to be safe treat them as CC-BY-SA-4.0. A packaged "
                "application is under the GPL because of the x264 and x265 in it."
            )
        )
        text.setWordWrap(True)
        text.setFixedWidth(_WIDTH)
        close = QPushButton(self.tr("Close"))
        close.clicked.connect(self.hide)
        column = QVBoxLayout()
        column.addWidget(label(f"Free-GVC {program_version()}", "heading"))
        column.addWidget(text)
        column.addSpacing(8)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(close)
        column.addLayout(buttons)
        row = QHBoxLayout(self)
        row.setContentsMargins(18, 16, 18, 16)
        row.setSpacing(16)
        row.addWidget(icon)
        row.addLayout(column)
