"""Everything an encode settles before its first GOP: source, prior, metric, controller, and the file's header."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

from codec.base.av1 import levels_may_change
from codec.base.pictures import base_size
from codec.channel.choice import spec_for
from codec.control.coding_size import CodingSize, Offers, offers
from codec.control.sent_steps.budget import BitrateController, SizeController
from codec.encoding.audio_feed import header_of
from codec.encoding.controllers import Budget, ChosenMetric, choose_metric, control_of
from codec.encoding.record_cost import SoundCost, file_overhead
from codec.encoding.segment_encoder import SegmentEncoder
from codec.encoding.sizing import SizeSearch
from codec.encoding.sound_rate import opus_rate
from codec.errors import InputError, SettingsError
from codec.events import Event, GopDone, Phase, Stage, Warned
from codec.format.header import ColourDescription, Header, Target, TrajectorySpec
from codec.format.limits import MAX_BIT_DEPTH, MAX_GOP_FRAMES, MAX_GOP_PIXELS, MAX_PIXELS, MAX_SIDE
from codec.goals import GOAL_METRICS
from codec.metrics.base import Metric
from codec.metrics.dists import SMALLEST
from codec.priors.base import Condition, VideoPrior
from codec.priors.catalog import open_prior
from codec.priors.defaults import defaults_of
from codec.settings import Bitrate, EncodeSettings, Goal, Quality, Size
from codec.version import program_version
from codec.video import (
    Audio,
    AudioMode,
    Timeline,
    VideoInfo,
    VideoReader,
    coding_size,
    holders,
    read_audio,
    read_timeline,
)
from codec.video.cutting import Cutter, largest_gop
from codec.video.delivery import opened
from codec.video.stills import Stills

# Header, end record and trailer, at the most.
FILE_OVERHEAD = 400
# Containers round durations to their own clock, Matroska's to milliseconds.
ROUNDING = Fraction(1, 1000)
# Of an average rate's denominator: exact to a microsecond in an hour.
MAX_DENOMINATOR = 1_000_000
ONE_LEVEL_NOTE = (
    "This installation's SVT-AV1 can't change its quantiser inside a stream, so all GOPs of a scene share one level of "
    "the base and some look better than asked; the wheels of PyAV 18 bring one that can."
)
# SVT-AV1 takes nothing smaller, and a base may be coded at half size.
SMALLEST_BASE = 4


@dataclass(frozen=True)
class Plan:
    """What one encode is going to do; made once.

    Attributes:
        size: (width, height) at which GOPs are coded.
        segments: codes one segment after the other.
        timeline: when the source's frames are shown.
        deinterlace: whether they are deinterlaced.
        pictures: of the source, one by one.
        metric: what is measured, or None.
    """

    settings: EncodeSettings
    size: tuple[int, int]
    segments: SegmentEncoder
    audio: Audio | None
    timeline: Timeline
    deinterlace: bool
    pictures: Stills
    metric: Metric | None

    @property
    def header(self) -> Header:
        """Of the file."""
        return self.segments.header

    @property
    def cutter(self) -> Cutter:
        """How frames become segments and GOPs."""
        return Cutter(self.header.gop_frames, self.header.overlap_frames)

    @property
    def frames_total(self) -> int:
        """How many frames there are to code."""
        return self.timeline.frames

    @property
    def last_duration(self) -> int:
        """Of the last frame, in the header's time base; 0 where it is what the frame rate says."""
        if _steady(self.timeline, self.header.frame_rate):
            return 0
        return round(self.timeline.last_duration / self.header.time_base)

    def unreachable_message(self, gop: GopDone) -> str:
        """One sentence for a GOP that misses its goal."""
        goal = _in_words(self.settings.goal)
        return f"GOP {gop.index} doesn't {goal}; it stays at the nearest that was found, t* = {gop.t_star}."


def make_plan(source: Path, settings: EncodeSettings) -> Generator[Event, None, Plan]:
    """Look at the source, load what is needed, and settle everything else; yields what the user should know."""
    info, timeline, deinterlace = yield from _look_at(source, settings)
    yield Phase(Stage.LOADING)
    prior = open_prior(settings.prior, settings.device, settings.dtype)
    yield from map(Warned, prior.notes)
    on_offer = _sizes(settings, prior, info, timeline)
    smallest = on_offer.within[0].size
    _check_gop(settings, prior, smallest)
    based = _wants_base(settings, prior, smallest)
    yield Phase(Stage.LOADING, "the metric")
    measured = choose_metric(settings, prior, based)
    if based and not levels_may_change():
        yield Warned(ONE_LEVEL_NOTE)
    if isinstance(settings.goal, Size):
        yield Phase(Stage.LOADING, "measuring the audio")
    open_audio = partial(_sound, source, settings, timeline)
    budget = _budget(settings.goal, timeline, open_audio)
    audio = open_audio()
    yield from map(Warned, _container_note(source, settings, audio))
    pictures = Stills(source, settings.start, timeline.origin, deinterlace)
    size = smallest
    if settings.short_side is None and measured is not None:
        chosen = yield from SizeSearch(pictures, timeline, measured, _aim(settings.goal, budget, timeline)).choose(
            on_offer
        )
        size = chosen.size
        _check_gop(settings, prior, size)
    header = _header(settings, prior, info, timeline, size, audio, based, measured)
    control = control_of(settings, prior, header, measured, budget)
    segments = SegmentEncoder.of(settings, prior, header, control, measured)
    yield Phase(Stage.CODING)
    judge = None if measured is None else measured.metric
    return Plan(settings, size, segments, audio, timeline, deinterlace, pictures, judge)


def _look_at(source: Path, settings: EncodeSettings) -> Generator[Event, None, tuple[VideoInfo, Timeline, bool]]:
    """What it is, when its frames are shown and whether they are deinterlaced.

    Raises:
        InputError: it can't be read, or its picture is too large.
    """
    with opened(lambda: VideoReader(source, start=settings.start), source) as reader:
        info = reader.info
    _check_picture(source, info)
    yield Phase(Stage.OPENING, "reading its times")
    timeline = read_timeline(source, settings.start, settings.duration)
    deinterlace = timeline.interlaced > 0 and settings.deinterlace == "auto"
    notes = *timeline.notes, *_interlaced_note(source, timeline, deinterlace), *_sound_note(source, info, settings)
    yield from map(Warned, notes)
    return info, timeline, deinterlace


def _sound(source: Path, settings: EncodeSettings, timeline: Timeline) -> Audio | None:
    """What goes into the file, from its first packet on; None where there is none."""
    mode = AudioMode(settings.audio)
    rate = opus_rate(settings, timeline.duration)
    return read_audio(source, timeline.origin, settings.duration, mode, rate, timeline.duration, settings.audio_track)


def _sizes(settings: EncodeSettings, prior: VideoPrior[Condition], info: VideoInfo, timeline: Timeline) -> Offers:
    """Those that may be coded at: what the user asked for, or what the prior offers; over no base its own only."""
    own = defaults_of(settings.prior)
    if settings.short_side is None and settings.base != "none" and prior.base_by_default:
        return offers(info, own, timeline.frames)
    side = settings.short_side or own.short_side
    return Offers((CodingSize(side, *coding_size(info, side, own.size_multiple)),))


def _aim(goal: Goal, budget: Budget | None, timeline: Timeline) -> Quality | float:
    """A quality, or bits a second."""
    if isinstance(goal, Quality):
        return goal
    assert budget is not None
    return budget.about / float(timeline.duration)


def _interlaced_note(source: Path, timeline: Timeline, deinterlace: bool) -> Iterator[str]:
    if deinterlace:
        yield f"{source.name} is interlaced and is deinterlaced by bwdif; --deinterlace off codes it as it is."
    elif timeline.interlaced:
        yield f"{source.name} is interlaced and is coded as it is; --deinterlace auto joins its fields."


def _sound_note(source: Path, info: VideoInfo, settings: EncodeSettings) -> Iterator[str]:
    if info.undecodable_audio and settings.audio != AudioMode.NONE:
        instead = "another track is taken" if info.has_audio else "there will be no sound"
        yield f"{source.name} has sound in a codec that can't be decoded here; {instead}."


def _container_note(source: Path, settings: EncodeSettings, audio: Audio | None) -> Iterator[str]:
    """Refuse, or tell where it can be written, audio that is carried as it is.

    Raises:
        InputError: no file that a decode writes can hold it.
    """
    if audio is None or settings.audio != AudioMode.COPY:
        return
    fitting, sound = holders(audio.track), f"{audio.track.codec} audio of {audio.track.sample_rate} Hz"
    if not fitting:
        raise InputError(f"No video file can hold the {sound} of {source} as it is; choose --audio opus or none.")
    if ".mp4" not in fitting:
        yield f"The {sound} doesn't fit into .mp4; decode to {' or '.join(fitting)}, or encode with --audio opus."


def _budget(goal: Goal, timeline: Timeline, open_audio: Callable[[], Audio | None]) -> Budget | None:
    """None where a quality is the goal."""
    if isinstance(goal, Quality):
        return None
    if isinstance(goal, Bitrate):
        rate = float(timeline.average_rate)
        per_frame = goal.bits_per_second / rate
        controller = BitrateController(goal.bits_per_second, rate)
        return Budget(per_frame * timeline.frames, lambda _, frames, __: per_frame * frames, controller)
    audio = open_audio()
    sound = None if audio is None else SoundCost.of(audio.packets, audio.track.time_base)
    about = _video_bits(goal, 0 if sound is None else sound.anyhow)

    def bits_of(header: Header, _: int, gops: int) -> float:
        heard = 0 if sound is None else sound.between(gops, header)
        return 8 * goal.bytes - file_overhead(header) - heard

    return Budget(about, bits_of, SizeController(about, timeline.frames))


def _video_bits(goal: Size, sound: int) -> float:
    """What a file size leaves for the video beside so many bits of sound, however the video is cut."""
    left = 8 * (goal.bytes - FILE_OVERHEAD) - sound
    if left > 0:
        return left
    if sound:
        raise SettingsError(
            f"A file of {goal.bytes} bytes has no room for {sound // 8} bytes of audio and a video; "
            "give a larger --size or choose --audio none."
        )
    raise SettingsError(f"A file of {goal.bytes} bytes has no room for a video; give a larger --size.")


def _wants_base(settings: EncodeSettings, prior: VideoPrior[Condition], size: tuple[int, int]) -> bool:
    # A budget's levels are chosen by DISTS, which sees no smaller picture; a quality names what can judge it.
    judged = isinstance(settings.goal, Quality) or min(size) >= SMALLEST
    fits = judged and min(base_size(*size, 2)) >= SMALLEST_BASE
    if settings.base != "av1":
        return settings.base == "auto" and prior.base_by_default and fits
    if not prior.base_levels:
        raise SettingsError(f"The prior {prior.id} has no use for a base layer; choose --base none.")
    if not fits:
        raise SettingsError(f"A picture of {size[0]}x{size[1]} is too small for a base layer; choose --base none.")
    return True


def _check_picture(source: Path, info: VideoInfo) -> None:
    if max(info.width, info.height) > MAX_SIDE or info.width * info.height > MAX_PIXELS:
        raise InputError(
            f"{source} has a picture of {info.width}x{info.height}; a .fgvc file holds at most {MAX_SIDE} a side and "
            f"{MAX_PIXELS // 1_000_000} megapixels, so scale it down first."
        )


def _check_gop(settings: EncodeSettings, prior: VideoPrior[Condition], size: tuple[int, int]) -> None:
    frames = settings.gop_frames or prior.geometry.gop_frames
    shortest = prior.geometry.overlap_frames + 1
    if not shortest <= frames <= MAX_GOP_FRAMES:
        raise SettingsError(
            f"GOPs of the prior {prior.id} have {shortest} to {MAX_GOP_FRAMES} frames, not {frames}; change --gop."
        )
    most = largest_gop(frames, prior.geometry.overlap_frames)
    if most * size[0] * size[1] > MAX_GOP_PIXELS:
        raise SettingsError(
            f"A GOP of {most} frames of {size[0]}x{size[1]} is too large; give a smaller --short-side or --gop."
        )


def _in_words(goal: Goal) -> str:
    if isinstance(goal, Quality):
        return f"reach {GOAL_METRICS[goal.metric].label} {goal.value:g}"
    if isinstance(goal, Bitrate):
        return f"stay within {goal.bits_per_second / 1000:g} kbit/s"
    return f"stay within its share of {goal.bytes} bytes"


def _header(
    settings: EncodeSettings,
    prior: VideoPrior[Condition],
    info: VideoInfo,
    timeline: Timeline,
    size: tuple[int, int],
    audio: Audio | None,
    based: bool,
    measured: ChosenMetric | None,
) -> Header:
    goal = settings.goal
    average = timeline.average_rate.limit_denominator(MAX_DENOMINATOR)
    rate = timeline.nominal_rate if timeline.constant else average
    return Header(
        prior_id=prior.id,
        weights_hash=prior.weights_hash,
        dtype=prior.dtype,
        trajectory=None if based and prior.restores else _trajectory(settings, prior),
        source_width=info.width,
        source_height=info.height,
        coding_width=size[0],
        coding_height=size[1],
        frame_rate=rate,
        # Nothing is told in it where every frame lasts as long as the rate says.
        time_base=1 / rate if _steady(timeline, rate) else timeline.time_base,
        variable_timing=not timeline.constant,
        # Samples in floating point have 32, of which the file knows no more than that they are deep.
        colour=ColourDescription(**vars(info.colour), bit_depth=min(info.bit_depth, MAX_BIT_DEPTH)),
        overlap_mode=settings.overlap,
        gop_frames=settings.gop_frames or prior.geometry.gop_frames,
        overlap_frames=prior.geometry.overlap_frames,
        base_codec="av1" if based else "none",
        target=Target.of(goal),
        metric="none" if measured is None else measured.goal.kind,
        audio=None if audio is None else header_of(audio.track),
        writer=program_version(),
        tiling=prior.tiling,
    )


def _steady(timeline: Timeline, rate: Fraction) -> bool:
    """Whether all frames, the last one too, are shown for as long as the rate says."""
    return timeline.constant and abs(timeline.last_duration - 1 / rate) <= ROUNDING


def _trajectory(settings: EncodeSettings, prior: VideoPrior[Condition]) -> TrajectorySpec:
    return TrajectorySpec(settings.seed, spec_for(settings.channel), prior.schedule.spec, prior.reuse)
