from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path

import pytest

from app.core.comparing.kept import Comparison
from app.core.document import Document, SourceFacts
from app.ui.report import report, write_report
from app.ui.theme import DARK, LIGHT
from codec.errors import OutputError
from codec.events import GopDone
from codec.peers.events import PeerRow

GOPS = tuple(GopDone(n, 10 * n, 12, 3, 900 + n, 80, 0.125, (), 10 * n + 12, 32) for n in range(3))
NAME = "<b>holiday & sea.fgvc"
DOCUMENT = Document(None, Path(NAME), "", 0.0, 32, Fraction(10), (80, 64), gops=GOPS)
OURS = PeerRow("fgvc", "prior pocket", 4000, 0.03, {"dists": 0.15})
ROWS = (OURS, PeerRow("x265", "q 41", 4600, 0.03, {"dists": 0.31}), PeerRow("vvc", "q 50", 4000, 0.03, {"psnr": 30.0}))


class _Cells(HTMLParser):
    """The text of every cell, row by row, and the tags that were met."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: set[str] = set()
        self._in_cell = False
        self.feed(page)

    def handle_starttag(self, tag: str, _: object) -> None:
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        self._in_cell = tag in ("td", "th")

    def handle_endtag(self, tag: str) -> None:
        del tag
        self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.rows[-1].append(data)


def test_the_page_holds_every_gop_and_every_codec() -> None:
    over_a_base = replace(DOCUMENT, gops=tuple(replace(gop, crf=60.25) for gop in DOCUMENT.gops))
    frames = {"Original 80\u00d764": b"png", "Free-GVC 80\u00d764": b"png"}
    page = _Cells(report(over_a_base, Comparison(rows=ROWS), {"Plot": b"png"}, DARK, frames))
    assert [row[0] for row in page.rows[-3:]] == ["1", "2", "3"]
    assert page.rows[-1] == ["3", "2.00 s", "12", "CRF 60.25", "3", "902", "80", "0.1250"]
    assert ["HEVC (x265)", "q 41", "4.6 kB (+15%)", "0.0300", "0.3100"] in page.rows
    assert ["VVC", "q 50", "4.0 kB", "0.0300", "\u2013"] in page.rows
    assert {"img", "figure"} <= page.tags


def test_one_frame_is_not_called_both() -> None:
    frames = {"Original 80\u00d764": b"png", "Free-GVC 80\u00d764": b"png"}
    assert "A frame of both" in report(DOCUMENT, Comparison(), {}, DARK, frames)
    assert "A frame of both" not in report(DOCUMENT, Comparison(), {}, DARK, dict([*frames.items()][:1]))


def test_it_says_what_became_of_the_source_and_looks_like_its_pictures() -> None:
    facts = SourceFacts(Path("holiday.mp4"), 400_000, "h264", 80, 64, Fraction(10), 3.2, "aac")
    page = report(replace(DOCUMENT, source_facts=facts), Comparison(), {}, DARK, {})
    assert ["Source", "holiday.mp4: 80\u00d764, 10\u00a0fps, h264, aac, 0:03, 400\u00a0kB"] in _Cells(page).rows
    assert f"background:{DARK.panel}" in page
    assert f"background:{LIGHT.panel}" in report(DOCUMENT, Comparison(), {}, LIGHT, {})
    # One size of lettering.
    assert page.count("font-size:15px") == page.count("font-size:") == 1


def test_a_files_name_is_never_markup() -> None:
    assert "b" not in _Cells(report(DOCUMENT, Comparison(), {}, LIGHT, {})).tags


def test_it_is_written_whole_or_refused(tmp_path: Path) -> None:
    write_report(tmp_path / "report.html", DOCUMENT, Comparison(), {}, LIGHT, {})
    assert (tmp_path / "report.html").read_text("utf-8") == report(DOCUMENT, Comparison(), {}, LIGHT, {})
    with pytest.raises(OutputError, match="can't be written"):
        write_report(tmp_path / "report.html" / "report.html", DOCUMENT, Comparison(), {}, LIGHT, {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html"]
