"""A report of a finished file as one HTML page: what it is, what each GOP cost, the plots, other codecs beside it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QIODevice, QSaveFile

from app.core.document import Document
from app.core.peers import quality_of
from app.ui.words import DASH, human_bytes, human_time, side_label
from codec.peers.events import Row

_STYLE = (
    "body{font:15px/1.45 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f23}"
    "h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}img{max-width:100%}"
    "table{border-collapse:collapse}td,th{padding:.2rem .9rem .2rem 0;text-align:right;font-weight:400}"
    "th{color:#5b646d}td:first-child,th:first-child{text-align:left}"
)


def write_report(path: Path, document: Document, rows: Sequence[Row], pictures: Mapping[str, bytes]) -> None:
    """Write the page, whole or not at all.

    Args:
        rows: of a comparison with other codecs, or none.
        pictures: PNG by its caption.

    Raises:
        OSError: it can't be written.
    """
    file = QSaveFile(str(path))
    page = report(document, rows, pictures).encode()
    if not file.open(QIODevice.OpenModeFlag.WriteOnly) or file.write(page) != len(page) or not file.commit():
        raise OSError(0, file.errorString(), str(path))


def report(document: Document, rows: Sequence[Row], pictures: Mapping[str, bytes]) -> str:
    """The page. Names of files are text in it, never markup."""
    name = escape((document.result or document.source or Path()).name)
    parts = [f"<h1>{name}</h1>", _table((), _facts(document))]
    if rows:
        columns = (_tr("Codec"), _tr("Setting"), _tr("Size"), _tr("Bits per pixel"), "DISTS")
        parts += [f"<h2>{_tr('At the same size')}</h2>", _table(columns, map(_peer, rows))]
    for caption, png in pictures.items():
        data = b64encode(png).decode()
        parts.append(f'<h2>{escape(caption)}</h2><img alt="{escape(caption)}" src="data:image/png;base64,{data}">')
    titles = ("GOP", _tr("Starts at"), _tr("Frames"), "t*", _tr("Bits"), _tr("Base layer's"), "DISTS")
    parts += [f"<h2>{_tr('Groups of pictures')}</h2>", _table(titles, _gops(document))]
    head = f'<meta charset="utf-8"><title>{name}</title><style>{_STYLE}</style>'
    return f"<!doctype html><html><head>{head}</head><body>{''.join(parts)}</body></html>\n"


def _facts(document: Document) -> list[tuple[str, str]]:
    info = document.info
    facts = [(_tr("Length"), f"{human_time(float(document.count / document.rate))} ({document.count})")]
    if info is not None:
        header = info.header
        facts += [
            (_tr("Size"), f"{human_bytes(info.bytes)} ({info.bytes} B)"),
            (_tr("Of it audio"), human_bytes(info.audio_bytes)),
            (_tr("Of it the base layer"), human_bytes(info.base_bytes)),
            (_tr("Video bitrate"), f"{info.kbps:.1f} kbit/s, {info.bpp:.4f} bpp"),
            (
                _tr("Coded at"),
                f"{header.coding_width} \u00d7 {header.coding_height}, {float(header.frame_rate):.5g} fps",
            ),
            (_tr("Aimed at"), f"{header.target.kind} {header.target.value:.4g}"),
            (_tr("Prior"), f"{header.prior_id} ({header.weights_hash.hex()})"),
            (_tr("Written by"), header.writer),
        ]
    return facts


def _gops(document: Document) -> Iterable[tuple[str, ...]]:
    for gop in document.gops:
        start = f"{float(gop.start_frame / document.rate):.2f} s"
        quality = DASH if gop.quality is None else f"{gop.quality:.4f}"
        yield str(gop.index + 1), start, str(gop.frames), str(gop.t_star), str(gop.bits), str(gop.base_bits), quality


def _peer(row: Row) -> tuple[str, ...]:
    quality = quality_of(row)
    figure = DASH if quality is None else f"{quality:.4f}"
    return side_label(row.codec), row.setting, human_bytes(row.bytes), f"{row.bpp:.4f}", figure


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>" if titles else f"<table>{body}</table>"


def _tr(text: str) -> str:
    return QCoreApplication.translate("Report", text)
