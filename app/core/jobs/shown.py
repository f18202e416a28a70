"""What is looked at with a job, and with a file that a job makes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from app.core.document import Document, of_result, of_source
from app.core.files import is_there
from app.core.jobs.job import ACTIVE, Job, State
from codec.settings import EncodeSettings


def encode_of(result: Path, jobs: Iterable[Job]) -> Job | None:
    """The job that made a file."""
    return next((job for job in jobs if job.is_encode and job.output == result), None)


def document_of(job: Job, jobs: Iterable[Job]) -> Document:
    """What is looked at with one of `jobs`; raises FreeGvcError where its files can't be read."""
    settings = job.settings
    if not isinstance(settings, EncodeSettings):
        return _smaller(job, jobs) if _shows_output(job) else of_result(job.source)
    if _shows_output(job):
        return _beside_source(job.output, job.source, settings, job.id)
    if job.state is State.QUEUED:
        # All of it, so that another part can be chosen.
        settings = replace(settings, start=0.0, duration=None)
    return of_source(job.source, settings, job.id)


def document_of_file(path: Path, jobs: Iterable[Job]) -> Document:
    """A .fgvc file, whatever waits to replace it or to go on with it; one that is yet to come shows its job.

    Raises:
        FreeGvcError: it can't be read.
    """
    jobs = list(jobs)
    job = next((item for item in jobs if item.output == path), None)
    if job is None:
        return of_result(path)
    if _shows_output(job) or not is_there(path):
        return document_of(job, jobs)
    if isinstance(job.settings, EncodeSettings):
        return _beside_source(path, job.source, job.settings)
    return of_result(path)


def _shows_output(job: Job) -> bool:
    """Whether it has come to a file that can be looked at."""
    if job.is_encode:
        return job.state not in (*ACTIVE, State.QUEUED) and is_there(job.output)
    return job.saves_smaller and job.state is State.DONE


def _smaller(job: Job, jobs: Iterable[Job]) -> Document:
    """A smaller file stands beside the video that it comes from in the end."""
    encode = encode_of(job.source, jobs)
    if encode is None or not isinstance(encode.settings, EncodeSettings):
        return of_result(job.output, job_id=job.id)
    return _beside_source(job.output, encode.source, encode.settings, job.id)


def _beside_source(result: Path, source: Path, settings: EncodeSettings, job_id: str = "") -> Document:
    """A file beside the video that it comes from, read as the encode with these settings reads it."""
    document = of_result(result, source, settings.start, job_id)
    facts, info = document.source_facts, document.info
    if facts is not None and info is not None and info.complete and settings.duration is None:
        # What the source says of its length is often an estimate; now all of it was read.
        document = replace(document, source_facts=replace(facts, seconds=settings.start + info.seconds))
    return replace(document, audio_track=settings.audio_track, deinterlace=settings.deinterlace)
