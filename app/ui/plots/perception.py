"""Rate and perception as the controller sees them: what it measured of a GOP, its curves over both knobs, its goal.

Over bits, on the axis below, runs the curve of the base's level (or of the steps sent); over the steps of the
restoration, on the axis above, the one that t* was chosen by. Other codecs of the same size, where they were asked for,
are points beside them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyqtgraph as pg
from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from app.core.comparing.peers import Mark
from app.ui.plots.style import behind, legend, place_over, png_bytes, save_csv, save_png, still_plot, style_axis
from app.ui.theme import Theme
from app.ui.widgets import label, tooltip
from codec.base.level import BaseLevel
from codec.events import BaseChosen, GopDone
from codec.format.limits import MAX_RESTORATION
from codec.goals import GOAL_METRICS, GoalMetric

_ESTIMATED = " (estimated)"
# Of the marks' whole range of quality: names of such neighbours would touch.
_NEAR = 0.15


def table(gops: Sequence[GopDone], marks: Sequence[Mark]) -> Iterator[Sequence[object]]:
    """What was chosen, measured and fitted of every GOP, and the other codecs, below its titles; one row per point."""
    yield ("point", "gop", "step", "bits", "quality", "base_crf")
    for gop in gops:
        yield ("chosen", gop.index, gop.t_star, gop.bits, gop.quality, gop.crf)
        for probe in gop.probes:
            crf = gop.crf if probe.crf is None else probe.crf
            yield ("measured", gop.index, probe.step, probe.bits, probe.quality, crf)
        if gop.fit is not None:
            for bits, quality in gop.fit.points:
                yield (f"{gop.fit.form} fit", gop.index, "", f"{bits:.0f}", f"{quality:.5f}", "")
        if gop.step_fit is not None:
            for step, quality in gop.step_fit.points:
                yield (f"{gop.step_fit.form} fit over steps", gop.index, f"{step:g}", "", f"{quality:.5f}", "")
    for mark in marks:
        yield (mark.name, "", "", f"{mark.bits:.0f}", f"{mark.quality:.5f}", "")


def name_places(marks: Sequence[Mark]) -> list[tuple[Mark, tuple[float, float]]]:
    """Each mark with the anchor of its name, so that those of about one quality don't lie on each other.

    Of marks at one height the left one's name stands to its left and the right one's to its right, others above; that
    of the largest file, which lies at the plot's edge, never reaches beyond it.
    """
    order = sorted(marks, key=lambda mark: mark.quality)
    near = _NEAR * (order[-1].quality - order[0].quality) if order else 0.0
    rows: list[list[Mark]] = []
    for mark in order:
        if rows and mark.quality - rows[-1][-1].quality <= near:
            rows[-1].append(mark)
        else:
            rows.append([mark])
    furthest = max(marks, key=lambda mark: mark.bits) if len(marks) > 1 else None
    placed = []
    for row in rows:
        row.sort(key=lambda mark: mark.bits)
        for place, mark in enumerate(row):
            anchor = (0.5, 1.0)
            if mark is furthest:
                anchor = (1.0, 0.5) if len(row) == 1 else (1.0, 0.0)
            elif place == len(row) - 1:
                anchor = (0.0, 0.5)
            elif place == 0:
                anchor = (1.0, 0.5)
            placed.append((mark, anchor))
    return placed


class PerceptionPlot(QWidget):
    """One GOP's points and curves in front of the points at which all GOPs came to rest."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._gops: tuple[GopDone, ...] = ()
        self._bases: tuple[BaseChosen, ...] = ()
        self.marks: tuple[Mark, ...] = ()
        self._focus = -1
        self._goal: float | None = None
        self._budget: float | None = None
        self._metric = GOAL_METRICS["dists"]
        self._plot = still_plot()
        self.item = self._plot.getPlotItem()
        # The topmost figure of the axis reaches beyond it.
        self.item.layout.setContentsMargins(1, 8, 1, 1)
        self._add_over_bits()
        self._add_over_steps()
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
            self.tr("Measured quality against kilobits and steps, with the fitted curves and the goal; lower is better")
        )
        theme.changed.connect(self._restyle)
        self._restyle()
        self.show_gops((), None)

    def _add_over_bits(self) -> None:
        """What lies on the axis below: those added later cover those before."""
        self.rest = self._points("d", 8)
        self.curve = self.item.plot([], [])
        self.probes = self._points("o", 7)
        self._tried = self._points("o", 6)
        self._missed = self._points("t", 11)
        self._chosen = self._points("d", 12)
        self.others = self._points("t1", 10)
        self._names: list[pg.TextItem] = []
        self.target, self.budget = pg.InfiniteLine(angle=0), pg.InfiniteLine(angle=90)
        self._empty = pg.TextItem(anchor=(0.5, 0.5))
        for one in (self.target, self.budget, self._empty):
            self.item.addItem(one, ignoreBounds=True)

    def _add_over_steps(self) -> None:
        """What lies on the axis above, behind all else and at the same height."""
        self._steps = behind(self.item, -5)
        self._steps.setYLink(self.item)
        self._steps.setXRange(0, MAX_RESTORATION, padding=0.02)
        self.step_curve, self.step_points = pg.PlotDataItem(), pg.PlotDataItem(pen=None, symbol="o", symbolSize=6)
        for one in (self.step_curve, self.step_points):
            self._steps.addItem(one)
        self.item.getAxis("top").linkToView(self._steps)
        self.item.vb.sigResized.connect(self._follow_size)

    def _points(self, symbol: str, size: int) -> pg.PlotDataItem:
        return self.item.plot([], [], pen=None, symbol=symbol, symbolSize=size)

    @property
    def caption(self) -> str:
        """Which GOP is shown, by which forms it is fitted, and why the level of its base is what it is."""
        gop = self._gop
        if gop is None:
            return ""
        forms = [fit.form for fit in (gop.fit, gop.step_fit) if fit is not None]
        name = ": ".join((self.tr("GOP {}").format(gop.index + 1), *((", ".join(forms),) if forms else ())))
        bases = (base for base in self._bases if base.first_gop <= gop.index)
        last = max(bases, key=lambda base: base.first_gop, default=None)
        return name if last is None else "\n".join((name, *self._tried_words(last, gop.index)))

    def _tried_words(self, base: BaseChosen, gop: int) -> Iterator[str]:
        """A line for each coding of a GOP's base, and why no other followed."""
        place = gop - base.first_gop
        for trial in base.tried:
            level, quality = BaseLevel(trial.crfs[place], trial.scale), trial.qualities[place]
            words = self.tr("{} was tried: {} {}") if trial is base.tried[0] else self.tr("{} was coded: {} {}")
            yield words.format(level, self._metric.label, f"{quality:.3f}")
        yield base.reason

    @property
    def _is_estimated(self) -> bool:
        return self._metric.label.endswith(_ESTIMATED)

    @property
    def keys(self) -> list[tuple[str, str]]:
        """(colour, words) of what is there."""
        colours, gop = self._theme.colours, self._gop
        found = []
        if gop is not None:
            over = self.tr("over the base's level") if gop.crf is not None else self.tr("over bits")
            found += [(colours.accent, over)] if gop.fit is not None else []
            found += [(colours.prior, self.tr("over t\u2605"))] if gop.step_fit is not None else []
            found.append((colours.text, self.tr("estimated") if self._is_estimated else self.tr("measured")))
        if any(other.missed for other in self._gops):
            found.append((colours.warn, self.tr("target missed")))
        return found

    def show_gops(
        self,
        gops: Sequence[GopDone],
        target: float | None,
        metric: GoalMetric | None = None,
        budget: float | None = None,
        bases: Sequence[BaseChosen] = (),
    ) -> None:
        """Show the newest GOP's points and curves, and every GOP's choice.

        Args:
            target: the quality aimed at; no line without one.
            budget: bits that a GOP may cost on average, where a rate or a size is aimed at.
            bases: what was tried for the GOPs' levels and why it ended, where that is known.
        """
        self._bases = tuple(bases)
        self._metric = metric or GOAL_METRICS["dists"]
        self._name_axis()
        self._gops = tuple(gop for gop in gops if gop.quality is not None)
        self._goal, self._budget = target, budget
        self._focus = len(self._gops) - 1
        self._draw()

    @Slot(int)
    def show_frame(self, frame: int) -> None:
        """Show the points and the curve of the GOP that brings this frame."""
        places = [place for place, gop in enumerate(self._gops) if gop.start_frame <= frame]
        focus = places[-1] if places else 0
        if self._gops and focus != self._focus:
            self._focus = focus
            self._draw()

    def show_marks(self, marks: Sequence[Mark]) -> None:
        """Show whole files beside the GOPs."""
        self.marks = tuple(marks)
        self._draw()

    def export_png(self, path: Path) -> None:
        """Write the plot as a picture; raises OutputError where that fails."""
        save_png(self.item, path)

    def png(self) -> bytes:
        """The plot as a PNG file's bytes."""
        return png_bytes(self.item)

    def export_csv(self, path: Path) -> None:
        """Write the figures behind it; raises OutputError where that fails."""
        save_csv(table(self._gops, self.marks), path)

    @property
    def _gop(self) -> GopDone | None:
        return self._gops[self._focus] if self._gops else None

    def _draw(self) -> None:
        gop = self._gop
        probes = sorted(gop.probes, key=lambda probe: probe.bits) if gop is not None else []
        fit = gop.fit.points if gop is not None and gop.fit is not None else ()
        # Those of the base as it is now, and those of levels that were tried on the way to it.
        final = [probe for probe in probes if probe.crf is None]
        tried = [probe for probe in probes if probe.crf is not None]
        for points, shown in ((self.probes, final), (self._tried, tried)):
            points.setData([probe.bits / 1000 for probe in shown], [probe.quality for probe in shown])
        missed = [other for other in self._gops if other.missed]
        self._missed.setData([other.bits / 1000 for other in missed], [other.quality for other in missed])
        self.curve.setData([bits / 1000 for bits, _ in fit], [quality for _, quality in fit])
        self.rest.setData([other.bits / 1000 for other in self._gops], [other.quality for other in self._gops])
        chosen = [] if gop is None else [gop]
        self._chosen.setData([one.bits / 1000 for one in chosen], [one.quality for one in chosen])
        self.others.setData([mark.bits / 1000 for mark in self.marks], [mark.quality for mark in self.marks])
        self._draw_steps(gop)
        self._name_marks()
        self._fit_range([probe.quality for probe in probes])
        name = "" if gop is None else self.tr("GOP {}").format(gop.index + 1) + "&nbsp;&nbsp; "
        self._caption.setText(name + legend(self.keys))
        self._caption.setToolTip(tooltip(self.caption))

    def _draw_steps(self, gop: GopDone | None) -> None:
        """Quality over the restoration's steps, with what was measured at more than one of them."""
        fit = () if gop is None or gop.step_fit is None else gop.step_fit.points
        probes = () if gop is None or not fit else gop.probes
        self.step_curve.setData([step for step, _ in fit], [quality for _, quality in fit])
        self.step_points.setData([probe.step for probe in probes], [probe.quality for probe in probes])
        self.item.showAxis("top", bool(fit))

    def _fit_range(self, qualities: list[float]) -> None:
        """The measured decides what is visible, not how far the curve runs."""
        qualities = qualities + [gop.quality for gop in self._gops if gop.quality is not None]
        qualities += [mark.quality for mark in self.marks]
        if self._goal is not None:
            self.target.setValue(self._goal)
            qualities.append(self._goal)
        if self._budget is not None:
            self.budget.setValue(self._budget / 1000)
        low, high = (min(qualities), max(qualities)) if qualities else (0.0, 0.4)
        margin = max(0.01, 0.15 * (high - low))
        self.item.setYRange(max(0.0, low - margin), high + margin, padding=0)
        anything = bool(self._gops or self.marks)
        for axis in ("left", "bottom"):
            self.item.getAxis(axis).setStyle(showValues=anything)
        if anything:
            self.item.enableAutoRange(axis="x")
        else:
            self.item.setXRange(0, 1, padding=0)
        self.target.setVisible(self._goal is not None and anything)
        self.budget.setVisible(self._budget is not None and anything)
        self._empty.setVisible(not anything)
        self._empty.setPos(0.5, (max(0.0, low - margin) + high + margin) / 2)

    def _name_marks(self) -> None:
        for name in self._names:
            self.item.removeItem(name)
        placed = name_places(self.marks)
        colour = self._theme.colours.text
        self._names = [pg.TextItem(mark.name, colour, anchor=anchor) for mark, anchor in placed]
        for name, (mark, _) in zip(self._names, placed, strict=True):
            self.item.addItem(name, ignoreBounds=True)
            name.setPos(mark.bits / 1000, mark.quality)

    def _name_axis(self) -> None:
        arrow = "\u2193" if self._metric.lower_is_better else "\u2191"
        # As short as the axis is: the legend says that it is an estimate.
        text = f"{self._metric.label.removesuffix(_ESTIMATED)} {arrow}"
        style_axis(self.item, "left", text, self._theme.colours)

    @Slot()
    def _follow_size(self) -> None:
        place_over(self.item, self._steps)

    @Slot()
    def _restyle(self) -> None:
        colours = self._theme.colours
        self._empty.setText(self.tr("Appears once quality was measured"), color=colours.faint)
        self._plot.setBackground(colours.panel)
        self._name_axis()
        style_axis(self.item, "bottom", self.tr("kbit of a GOP \u2190 smaller"), colours)
        self.curve.setPen(pg.mkPen(colours.accent, width=2))
        style_axis(self.item, "top", "", colours)
        self.step_curve.setPen(pg.mkPen(colours.prior, width=2))
        for line in (self.target, self.budget):
            line.setPen(pg.mkPen(colours.warn, width=1.5, style=Qt.PenStyle.DashLine))
        for points, colour in (
            (self.rest, colours.faint),
            (self.probes, colours.text),
            (self._tried, colours.muted),
            (self._missed, colours.warn),
            (self._chosen, colours.accent),
            (self.others, colours.warn),
            (self.step_points, colours.prior),
        ):
            points.setSymbolBrush(colour)
            points.setSymbolPen(None)
        self._draw()
