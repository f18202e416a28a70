"""What the user is told of a job's end, where it is another than was meant."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from app.core.jobs.job import Job, State
from app.core.notice import Notice, Remedy
from codec.settings import Size


def notice_of_end(job: Job) -> Notice | None:
    """Why it failed or was interrupted, or by how much it misses its size; what else is off the queue shows."""
    if not job.message:
        return None
    name = job.output.name
    message = job.message if name in job.message else f"{name}: {job.message}"
    if job.state is State.INTERRUPTED:
        return Notice(message, Remedy.RESUME, job.id)
    if job.state is State.STUCK:
        return Notice(message, Remedy.ANEW, job.id)
    told = job.state is State.FAILED or isinstance(job.settings.goal, Size)
    return Notice(message) if told else None


def notice_of_crash(job: Job, message: str) -> Notice:
    """The engine was lost at it."""
    safe = _tr("What is done is safe on disk.") if job.is_encode else _tr("Nothing of it is kept: it begins anew.")
    text = _tr("{} was interrupted. {} {}").format(job.output.name, message, safe)
    return Notice(text, Remedy.RESUME, job.id)


def _tr(text: str) -> str:
    return QCoreApplication.translate("Notice", text)
