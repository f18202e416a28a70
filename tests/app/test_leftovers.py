"""The guard of this folder's tests finds what it is there for."""

from __future__ import annotations

from PySide6.QtCore import QObject, QThread, QTimer
from PySide6.QtWidgets import QApplication

from tests.support.leftovers import at_work


class Idler(QThread):
    """Runs until it is told to end."""

    def run(self) -> None:
        self.exec()


def test_a_thread_and_a_timer_that_were_left_are_found(qapp: QApplication) -> None:
    assert not at_work(qapp)
    holder, idler = QObject(), Idler()
    # Below no widget, and none of a window's.
    timer = QTimer(holder, interval=100_000)
    timer.start()
    idler.start()
    assert at_work(qapp) == [idler, timer]
    idler.quit()
    idler.wait()
    timer.stop()
    assert not at_work(qapp)
