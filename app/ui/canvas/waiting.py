"""Why a side of the canvas has no picture, in words."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from app.core.jobs.job import State
from app.core.playing.playback import Decoding
from app.core.playing.player import OTHER, RESULT
from app.core.workspace import Workspace
from app.ui.canvas.sides import Wait


def why_empty(workspace: Workspace, name: str) -> Wait:
    """What a side waits for."""
    if workspace.player.is_over(name):
        return Wait(_tr("It has no frame here"))
    if workspace.player.is_unreadable(name):
        return Wait(_tr("It can't be read"))
    second = workspace.viewer.second
    if name == OTHER and second is not None:
        decoding = second.decoding
        return Wait(_tr("This frame can't be decoded")) if decoding is None else _while_decoding(decoding)
    if name != RESULT:
        return Wait(_tr("Reading"), working=True)
    decoding = workspace.playback.decoding
    if decoding is not None:
        return _while_decoding(decoding)
    document, session = workspace.document, workspace.session
    current = session.current
    if document is not None and current is not None and current.id == document.job_id:
        phase = session.progress.phase if session.progress is not None else ""
        if session.stopping:
            return Wait(_tr("Stopping"), working=True)
        paused = current.state is State.PAUSED
        return Wait(_tr("Paused") if paused else phase[:1].upper() + phase[1:] or _tr("Starting"), working=not paused)
    if document is not None and document.result is None:
        return Wait(_tr("Not coded yet"))
    return Wait(_tr("This frame can't be decoded"))


def _while_decoding(decoding: Decoding) -> Wait:
    if decoding.at is None:
        return Wait(_tr("Loading the model, to decode GOP {}").format(decoding.wanted + 1), working=True)
    if decoding.at < decoding.wanted:
        return Wait(_tr("Decoding GOP {}, on the way to {}").format(decoding.at + 1, decoding.wanted + 1), working=True)
    return Wait(_tr("Decoding GOP {}").format(decoding.wanted + 1), working=True)


def _tr(text: str) -> str:
    return QCoreApplication.translate("CompareView", text)
