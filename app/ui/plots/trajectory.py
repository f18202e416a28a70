"""t* and the base's level of each GOP over time, with bits on a second axis; a control as much as a picture."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from html import escape
from itertools import pairwise
from pathlib import Path

import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt, Signal, Slot
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from app.core.timing import Timing
from app.ui.plots.style import behind, legend, place_over, png_bytes, save_csv, save_png, still_plot, style_axis
from app.ui.theme import Theme
from app.ui.widgets import label, tooltip
from codec.events import GopDone
from codec.goals import GoalMetric

NOTHING = Timing(Fraction(25))
SPIKE = 1.3  # times the median's bits per frame


def own_frames(gops: Sequence[GopDone]) -> list[int]:
    """Frames of each GOP that the one before didn't bring."""
    starts = [gop.frames_done - gop.frames for gop in gops[:1]] + [gop.frames_done for gop in gops[:-1]]
    return [max(1, gop.frames_done - start) for gop, start in zip(gops, starts, strict=True)]


def next_spike(gops: Sequence[GopDone], frame: int) -> int | None:
    """First frame of the next GOP after `frame`, around the end, that costs clearly more than most or has a higher t*.

    None where no GOP stands out.
    """
    rates = [gop.bits / frames for gop, frames in zip(gops, own_frames(gops), strict=True)]
    if not rates:
        return None
    usual, usual_t = sorted(rates)[len(rates) // 2], sorted(gop.t_star for gop in gops)[len(gops) // 2]
    spikes = [
        gop.start_frame
        for gop, rate in zip(gops, rates, strict=True)
        if rate > SPIKE * usual or gop.t_star > SPIKE * max(usual_t, 1)
    ]
    return next((start for start in spikes if start > frame), spikes[0] if spikes else None)


def table(gops: Sequence[GopDone], timing: Timing) -> Iterator[Sequence[object]]:
    """One row per GOP, below its titles."""
    knobs, costs = ("t_star", "base_crf", "base_scale"), ("bits", "base_bits")
    yield ("gop", "start_seconds", "frames", *knobs, *costs, "quality", "missed")
    for gop in gops:
        start, scale = f"{timing.seconds(gop.start_frame):.4f}", None if gop.crf is None else gop.scale
        figures = gop.t_star, gop.crf, scale, gop.bits, gop.base_bits
        yield (gop.index, start, gop.frames, *figures, gop.quality, int(gop.missed))


@dataclass(frozen=True)
class Spans:
    """Where GOPs lie in time, seconds: GOP n from edges[n] to edges[n + 1]."""

    edges: tuple[float, ...]

    @classmethod
    def of(cls, gops: Sequence[GopDone], timing: Timing) -> Spans:
        """Of GOPs in order, each from where the one before ends."""
        if not gops:
            return cls(())
        first = gops[0].frames_done - own_frames(gops)[0]
        return cls(tuple(timing.seconds(edge) for edge in (first, *(gop.frames_done for gop in gops))))

    @property
    def centres(self) -> list[float]:
        """Midst of each."""
        return [(a + b) / 2 for a, b in pairwise(self.edges)]

    @property
    def widths(self) -> list[float]:
        """Of the bars, with a gap between them."""
        return [0.9 * (b - a) for a, b in pairwise(self.edges)]


class TrajectoryPlot(QWidget):
    """Bars of bits (base, prior and sound upon each other) behind a line of t* and one of the base's level.

    Attributes:
        seeked: the frame that was clicked on.
    """

    seeked = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._gops: tuple[GopDone, ...] = ()
        self._timing, self._audio, self._frame = NOTHING, 0.0, 0
        self._metric: GoalMetric | None = None
        self._plot = still_plot()
        self.item = self._plot.getPlotItem()
        self._bits_view, self._level_view = behind(self.item, -10), behind(self.item, -5)
        for view in (self._bits_view, self._level_view):
            view.setXLink(self.item)
        self.item.showAxis("right")
        self.item.getAxis("right").linkToView(self._bits_view)
        self.bars = [pg.BarGraphItem(x=[], y0=[], height=[], width=1) for _ in range(3)]
        for bars in self.bars:
            self._bits_view.addItem(bars)
        self.levels = pg.PlotDataItem(connect="finite")
        self._level_view.addItem(self.levels)
        self._line = self.item.plot(stepMode="center", x=[0, 1], y=[0])
        self.missed = self.item.plot([], [], pen=None, symbol="t", symbolSize=11)
        self._cursor, self._empty = pg.InfiniteLine(angle=90), pg.TextItem(anchor=(0.5, 0.5))
        for over in (self._cursor, self._empty):
            self.item.addItem(over, ignoreBounds=True)
        self._caption = label("", "muted")
        self._caption.setTextFormat(Qt.TextFormat.RichText)
        # Cut off where the plot is narrow, rather than make it wider.
        self._caption.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self._caption)
        layout.addWidget(self._plot)
        self.setAccessibleName(
            self.tr("t*, base level and bits of each group of pictures over time; click to go there")
        )
        self.item.vb.sigResized.connect(self._follow_size)
        self.item.scene().sigMouseClicked.connect(self._click)
        theme.changed.connect(self._restyle)
        self._restyle()
        self.show_gops((), NOTHING)

    @property
    def gops(self) -> tuple[GopDone, ...]:
        """What is shown."""
        return self._gops

    @property
    def caption(self) -> str:
        """What is known of the GOP under the playhead."""
        places = [place for place, gop in enumerate(self._gops) if gop.start_frame <= self._frame]
        if not places:
            return ""
        gop = self._gops[places[-1]]
        parts = [self.tr("GOP {}: t\u2605 {}").format(gop.index + 1, gop.t_star)]
        if gop.crf is not None:
            level = self.tr("base CRF {:g}") if gop.scale == 1 else self.tr("base CRF {:g}, half size")
            parts.append(level.format(gop.crf))
        told = _kilo(gop.bits, gop.base_bits, gop.sent_bits)
        parts.append(self.tr("{:.1f} kbit: base {:.1f}, prior {:.1f}").format(*told))
        if gop.quality is not None:
            name = "" if self._metric is None else f"{self._metric.label} "
            parts.append(f"{name}{gop.quality:.3f}" + (self.tr(", target missed") if gop.missed else ""))
        return "  \u00b7  ".join(parts)

    def show_gops(
        self,
        gops: Sequence[GopDone],
        timing: Timing,
        audio_bits_per_frame: float = 0.0,
        metric: GoalMetric | None = None,
    ) -> None:
        """Show these, of a video whose frames come so, with as many bits of sound; `metric` is what judged them."""
        self._gops, self._timing, self._audio = tuple(gops), timing, audio_bits_per_frame
        self._metric = metric
        spans = Spans.of(gops, timing)
        self._line.setData(x=spans.edges or [0, 1], y=[gop.t_star for gop in gops] or [0])
        self._line.setVisible(bool(gops))
        highest = self._stack(spans)
        self._draw_levels(spans)
        missed = [place for place, gop in enumerate(gops) if gop.missed]
        self.missed.setData([spans.centres[n] for n in missed], [gops[n].t_star for n in missed])
        self.item.setXRange(spans.edges[0] if gops else 0.0, spans.edges[-1] if gops else 1.0, padding=0.01)
        self.item.setYRange(0, max([4, *(gop.t_star for gop in gops)]) * 1.1, padding=0)
        self._bits_view.setYRange(0, max(1.0, highest) * 1.15, padding=0)
        for axis in ("left", "right", "bottom"):
            self.item.getAxis(axis).setStyle(showValues=bool(gops))
        self._cursor.setVisible(bool(gops))
        self._empty.setVisible(not gops)
        self._empty.setPos(0.5, 2.2)
        self._describe()

    def _stack(self, spans: Spans) -> float:
        """Base, prior and sound of each GOP upon each other; returns the highest bar."""
        frames = own_frames(self._gops)
        base = [gop.base_bits / 1000 for gop in self._gops]
        prior = [gop.sent_bits / 1000 for gop in self._gops]
        sound = [self._audio * count / 1000 for count in frames]
        begin = [0.0] * len(base)
        for bars, heights in zip(self.bars, (base, prior, sound), strict=True):
            bars.setOpts(x=spans.centres, y0=begin, height=heights, width=spans.widths)
            begin = [a + b for a, b in zip(begin, heights, strict=True)]
        return max(begin, default=0.0)

    def _draw_levels(self, spans: Spans) -> None:
        """A level as a line over each GOP's time, broken where there is none."""
        xs: list[float] = []
        ys: list[float] = []
        for (begin, end), gop in zip(pairwise(spans.edges), self._gops, strict=True):
            level = math.nan if gop.crf is None else gop.crf
            xs += [begin, end]
            ys += [level, level]
        self.levels.setData(xs, ys)
        known = [gop.crf for gop in self._gops if gop.crf is not None]
        low, high = (min(known), max(known)) if known else (0.0, 1.0)
        # In the upper half, where the bars seldom are; a coarser base lies higher.
        self._level_view.setYRange(low - (high - low) - 4, high + 0.5 * (high - low) + 3, padding=0)

    def next_spike(self, frame: int) -> int | None:
        """See the function of this name."""
        return next_spike(self._gops, frame)

    @Slot(int)
    def show_frame(self, frame: int) -> None:
        """Move the cursor, and tell of the GOP under it."""
        self._frame = frame
        self._cursor.setPos(self._timing.seconds(frame))
        self._describe()

    def export_png(self, path: Path) -> None:
        """Write the plot as a picture; raises OutputError where that fails."""
        save_png(self.item, path)

    def png(self) -> bytes:
        """The plot as a PNG file's bytes."""
        return png_bytes(self.item)

    def export_csv(self, path: Path) -> None:
        """Write the figures behind it; raises OutputError where that fails."""
        save_csv(table(self._gops, self._timing), path)

    def seek_at(self, scene_point: QPointF) -> None:
        """Go to the time under a point of the plot."""
        if self._gops and self.item.sceneBoundingRect().contains(scene_point):
            seconds = self.item.vb.mapSceneToView(scene_point).x()
            self.seeked.emit(max(0, self._timing.frame_at(seconds)))

    def _describe(self) -> None:
        """The legend, and behind it the GOP under the playhead."""
        colours = self._theme.colours
        keys = [(colours.accent, self.tr("t\u2605")), (colours.text, self.tr("base level (CRF)"))]
        keys += [(colours.faint, self.tr("base")), (colours.prior, self.tr("prior"))]
        if self._audio:
            keys.append((colours.sound, self.tr("sound")))
        if any(gop.missed for gop in self._gops):
            keys.append((colours.warn, self.tr("target missed")))
        told = f"&nbsp;&nbsp;&nbsp;&nbsp;{escape(self.caption)}" if self._gops else ""
        self._caption.setText(legend(keys) + told)
        self._caption.setToolTip(tooltip(self.caption))

    @Slot(object)
    def _click(self, event: object) -> None:
        self.seek_at(event.scenePos())  # type: ignore[attr-defined]

    @Slot()
    def _follow_size(self) -> None:
        place_over(self.item, self._bits_view, self._level_view)

    @Slot()
    def _restyle(self) -> None:
        colours = self._theme.colours
        self._empty.setText(self.tr("Appears with the first coded group of pictures"), color=colours.faint)
        self._plot.setBackground(colours.panel)
        for name, text in (
            ("left", self.tr("t* (steps)")),
            ("right", self.tr("kbit per GOP")),
            ("bottom", self.tr("seconds")),
        ):
            style_axis(self.item, name, text, colours)
        self._line.setPen(pg.mkPen(colours.accent, width=2.5))
        self.levels.setPen(pg.mkPen(colours.text, width=1.5, style=Qt.PenStyle.DashLine))
        for bars, colour in zip(self.bars, (colours.faint, colours.prior, colours.sound), strict=True):
            bars.setOpts(brush=colour, pen=None)
        self.missed.setSymbolBrush(colours.warn)
        self.missed.setSymbolPen(None)
        self._cursor.setPen(pg.mkPen(colours.text, width=1, style=Qt.PenStyle.DashLine))
        self._describe()


def _kilo(*bits: int) -> tuple[float, ...]:
    return tuple(count / 1000 for count in bits)
