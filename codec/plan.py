"""Everything an encode settles before its first GOP: source, prior, metric, controller, and the file's header."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from codec.audio_track import header_of
from codec.base_choice import BaseChooser, QualityBase, RateBase
from codec.budget import BitrateController, SizeController
from codec.channel_choice import CODER_SPECS, coder_for
from codec.errors import SettingsError
from codec.events import Event, GopDone, Phase, Warned
from codec.gop_coder import GopCoder
from codec.metrics.base import Metric
from codec.metrics.catalog import metric, missing
from codec.priors.base import VideoPrior
from codec.priors.catalog import open_prior
from codec.quality import QualityController, RateControl
from codec.records import Colour, Header, Target
from codec.retarget import metric_kind
from codec.settings import Bitrate, EncodeSettings, Quality, Size
from codec.video import Audio, AudioMode, VideoInfo, VideoReader, coding_size, read_audio
from codec.video.timing import is_constant_rate

OPUS_BIT_RATE = 32_000
# Opus varies, and records have their own cost.
AUDIO_MARGIN = 1.15
FILE_OVERHEAD = 400


@dataclass(frozen=True)
class Plan:
    """What one encode is going to do; made once.

    Attributes:
        size: (width, height) at which GOPs are coded.
        base_chooser: None where there is no base layer.
        frames_total: an estimate, or None where the source doesn't say.
    """

    settings: EncodeSettings
    prior: VideoPrior
    size: tuple[int, int]
    header: Header
    gop_coder: GopCoder
    base_chooser: BaseChooser | None
    audio: Audio | None
    frames_total: int | None

    def unreachable_message(self, gop: GopDone) -> str:
        """One sentence for a GOP whose goal lies outside what its steps reach."""
        return f"GOP {gop.index} can't reach {self.settings.goal}; it stays at the nearest step, t* = {gop.t_star}."


def make_plan(source: Path, settings: EncodeSettings) -> Generator[Event, None, Plan]:
    """Look at the source, load what is needed, and settle everything else; yields what the user should know."""
    with VideoReader(source, start=settings.start, duration=settings.duration) as reader:
        info, origin = reader.info, reader.origin
    constant = is_constant_rate(source, info.frame_rate)
    yield Phase("loading the prior")
    prior = open_prior(settings.prior, settings.device, settings.dtype)
    yield from map(Warned, prior.notes)
    yield Phase("loading the metric")
    judge, note = _choose_metric(settings, prior)
    if note:
        yield Warned(note)
    size = coding_size(info, settings.short_side or prior.geometry.short_side, prior.geometry.size_multiple)
    audio = read_audio(source, origin, settings.duration, AudioMode(settings.audio))
    total = _frames_total(info, settings)
    controller, chooser = _controllers(settings, prior, judge, info, total, audio)
    header = _header(settings, prior, info, size, constant, audio, chooser is not None)
    coder = coder_for(header.coder)
    gop_coder = GopCoder(prior, coder, controller, judge, settings.seed, settings.keep_steps)
    yield Phase("coding")
    return Plan(settings, prior, size, header, gop_coder, chooser, audio, total)


def _choose_metric(settings: EncodeSettings, prior: VideoPrior) -> tuple[Metric | None, str | None]:
    """What the controller measures, and what the user should know about it."""
    if not isinstance(settings.goal, Quality):
        return None, None
    wanted = settings.goal.metric
    reason = missing(wanted)
    if reason is None:
        return metric(wanted, device=prior.device), None
    if wanted != "dists":
        raise SettingsError(reason)
    return metric("pocket-dists", device=prior.device), None


def _frames_total(info: VideoInfo, settings: EncodeSettings) -> int | None:
    if info.frame_count is None:
        return None
    left = max(1, info.frame_count - round(settings.start * info.frame_rate))
    if settings.duration is None:
        return left
    return max(1, min(left, round(settings.duration * info.frame_rate)))


def _controllers(
    settings: EncodeSettings,
    prior: VideoPrior,
    judge: Metric | None,
    info: VideoInfo,
    total: int | None,
    audio: Audio | None,
) -> tuple[RateControl, BaseChooser | None]:
    """The two knobs: t* per GOP, and the base level per segment where there is a base."""
    goal, rate = settings.goal, info.frame_rate
    based = settings.base == "av1" or (settings.base == "auto" and bool(prior.base_levels))
    if based and not prior.base_levels:
        raise SettingsError(f"The prior {prior.id} has no use for a base layer; choose --base none.")
    if isinstance(goal, Quality):
        assert judge is not None
        control = QualityController(goal.value, lower_is_better=judge.lower_is_better)
        return control, QualityBase(prior, judge, goal.value, rate) if based else None
    if isinstance(goal, Bitrate):
        per_frame = goal.bits_per_second / float(rate)
        return BitrateController(goal.bits_per_second, float(rate)), RateBase(prior, per_frame, rate) if based else None
    video_bits = _video_bits(goal, total, rate, audio)
    assert total is not None
    return SizeController(video_bits, total), RateBase(prior, video_bits / total, rate) if based else None


def _video_bits(goal: Size, total: int | None, rate: Fraction, audio: Audio | None) -> float:
    """What a file size leaves for the video."""
    if total is None:
        raise SettingsError("The source doesn't say how long it is, so no size can be kept; give --bitrate instead.")
    audio_rate = (audio.track.bit_rate or OPUS_BIT_RATE) if audio is not None else 0
    seconds = total / float(rate)
    left = 8 * (goal.bytes - FILE_OVERHEAD) - AUDIO_MARGIN * audio_rate * seconds
    if left <= 0:
        raise SettingsError(
            f"A size of {goal.bytes} bytes is used up by {seconds:.0f} s of audio; give a larger one or --audio none."
        )
    return left


def _header(
    settings: EncodeSettings,
    prior: VideoPrior,
    info: VideoInfo,
    size: tuple[int, int],
    constant: bool,
    audio: Audio | None,
    based: bool,
) -> Header:
    goal = settings.goal
    return Header(
        prior_id=prior.id,
        weights_hash=prior.weights_hash,
        dtype=prior.dtype,
        seed=settings.seed,
        coder=CODER_SPECS[settings.channel],
        schedule=prior.schedule.spec,
        source_width=info.width,
        source_height=info.height,
        coding_width=size[0],
        coding_height=size[1],
        frame_rate=info.frame_rate,
        time_base=info.time_base,
        variable_timing=not constant,
        colour=Colour(**vars(info.colour), bit_depth=info.bit_depth),
        overlap_mode=settings.overlap,
        gop_frames=settings.gop_frames or prior.geometry.gop_frames,
        overlap_frames=prior.geometry.overlap_frames,
        reuse=prior.reuse,
        base_codec="av1" if based else "none",
        target=_target(goal),
        audio=None if audio is None else header_of(audio.track),
        writer=f"freegvc {program_version()}",
    )


def _target(goal: Quality | Bitrate | Size) -> Target:
    if isinstance(goal, Quality):
        return Target(metric_kind(goal.metric), goal.value)
    return Target("bitrate", goal.bits_per_second / 1000) if isinstance(goal, Bitrate) else Target("size", goal.bytes)


def program_version() -> str:
    """The installed version."""
    try:
        return version("freegvc")
    except PackageNotFoundError:
        return "0"
