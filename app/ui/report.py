"""A report of a finished file as one HTML page: what it was and is, how it looks, what each GOP cost, plots."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path
from string import Template

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QImage

from app.core.comparing.kept import Comparison
from app.core.comparing.peers import OURS, quality_of
from app.core.document import Document, SourceFacts
from app.ui.plots.style import SHARPNESS
from app.ui.theme import Colours
from app.ui.words import DASH, bytes_beside, human_bytes, human_time, side_label, source_words
from codec.base.level import BaseLevel
from codec.files import write_whole
from codec.format.info import FileInfo
from codec.peers.events import PeerRow

# The page's lettering over that of the plots on screen.
_LETTERING = 15 / 12
# One size of lettering; headings differ by weight. Pictures and page have the colours of one theme.
_STYLE = Template(
    "body{font:15px/1.45 system-ui,sans-serif;max-width:68rem;margin:2rem auto;padding:0 1rem;"
    "color:$text;background:$panel}"
    "h1,h2{font-size:15px;font-weight:650;margin:2rem 0 .5rem}h1{margin-top:0}img{max-width:100%}"
    "table{border-collapse:collapse}td,th{padding:.2rem .9rem .2rem 0;text-align:right;font-weight:400}"
    "th{color:$muted}td:first-child,th:first-child{text-align:left}"
    "figure{display:inline-block;width:calc(50% - .5rem);margin:0 .25rem 0 0;vertical-align:top}"
    "figcaption{color:$muted}"
)


def write_report(
    path: Path,
    document: Document,
    comparison: Comparison,
    pictures: Mapping[str, bytes],
    colours: Colours,
    frames: Mapping[str, bytes],
    warnings: Sequence[str] = (),
) -> None:
    """Write the page, whole or not at all.

    Args:
        comparison: with other codecs, as far as there is one.
        pictures: plots, PNG by caption.
        frames: of one moment, side by side, PNG by caption.
        warnings: what else one should know of the file, sentences.

    Raises:
        OutputError: it can't be written.
    """
    write_whole(path, report(document, comparison, pictures, colours, frames, warnings).encode())


def report(
    document: Document,
    comparison: Comparison,
    pictures: Mapping[str, bytes],
    colours: Colours,
    frames: Mapping[str, bytes],
    warnings: Sequence[str] = (),
) -> str:
    """The page. Names of files are text in it, never markup."""
    name = escape((document.result or document.source or Path()).name)
    parts = [f"<h1>{name}</h1>", _table((), _facts(document)), *_sentences(warnings)]
    if frames:
        figures = "".join(
            f"<figure>{_image(caption, png)}{_caption(caption)}</figure>" for caption, png in frames.items()
        )
        # The other one may not have been decoded yet.
        heading = _tr("A frame of both") if len(frames) > 1 else _tr("A frame")
        parts.append(f"<h2>{heading}</h2>{figures}")
    parts += _at_the_same_size(comparison)
    for caption, png in pictures.items():
        # At one scale, so that the lettering of all has one size.
        width = round(QImage.fromData(png).width() / SHARPNESS * _LETTERING)
        parts.append(f"<h2>{escape(caption)}</h2>{_image(caption, png, width)}")
    label = _tr("Quality") if document.metric is None else document.metric.label
    titles = ("GOP", _tr("Starts at"), _tr("Frames"), _tr("Level"), "t*", _tr("Bits"), _tr("Base layer's"), label)
    parts += [f"<h2>{_tr('Groups of pictures')}</h2>", _table(titles, _gops(document))]
    style = _STYLE.substitute(asdict(colours))
    head = f'<meta charset="utf-8"><title>{name}</title><style>{style}</style>'
    return f"<!doctype html><html><head>{head}</head><body>{''.join(parts)}</body></html>\n"


def _at_the_same_size(comparison: Comparison) -> list[str]:
    rows = comparison.rows
    if not rows:
        return []
    columns = (_tr("Codec"), _tr("Setting"), _tr("Size"), _tr("Bits per pixel"), "DISTS")
    ours = next((row.bytes for row in rows if row.codec == OURS), 0)
    table = _table(columns, (_peer(row, ours) for row in rows))
    return [f"<h2>{_tr('At the same size')}</h2>", table, *_sentences(comparison.warnings)]


def _sentences(sentences: Iterable[str]) -> Iterator[str]:
    return (f"<p>{escape(sentence)}</p>" for sentence in sentences)


def _image(caption: str, png: bytes, width: int = 0) -> str:
    """As wide as it is, or `width` CSS pixels."""
    size = f' width="{width}"' if width else ""
    return f'<img alt="{escape(caption)}"{size} src="data:image/png;base64,{b64encode(png).decode()}">'


def _caption(text: str) -> str:
    return f"<figcaption>{escape(text)}</figcaption>"


def _facts(document: Document) -> list[tuple[str, str]]:
    info, facts = document.info, []
    source = document.source_facts
    if source is not None:
        facts.append((_tr("Source"), f"{source.path.name}: {source_words(source, document.average_rate)}"))
    seconds = document.seconds(document.count)
    facts.append((_tr("Length"), _tr("{}, {} frames").format(human_time(seconds), document.count)))
    if info is None:
        return facts
    header = info.header
    facts.append((_tr("Size"), f"{human_bytes(info.bytes)} ({info.bytes} B)"))
    if source is not None:
        facts.append((_tr("Ratio"), _ratio(source, info.bytes, seconds)))
    return [
        *facts,
        (_tr("Of it audio"), f"{human_bytes(info.audio_bytes)}, {info.audio_kbps:.1f} kbit/s"),
        (_tr("Of it the base layer"), human_bytes(info.base_bytes)),
        (_tr("Video bitrate"), f"{info.kbps:.1f} kbit/s, {info.bpp:.4f} bpp"),
        (_tr("Coded at"), f"{header.coding_width} \u00d7 {header.coding_height}, {float(header.frame_rate):.5g} fps"),
        (_tr("Shown at"), f"{header.source_width} \u00d7 {header.source_height}"),
        *_qualities(document, info),
        (_tr("Aimed at"), f"{header.target.kind} {header.target.value:.4g}"),
        (_tr("Prior"), f"{header.prior_id} ({header.weights_hash.hex()})"),
        (_tr("Written by"), header.program),
    ]


def _qualities(document: Document, info: FileInfo) -> Iterator[tuple[str, str]]:
    """At the coding size, and at the size that people see."""
    label = "" if document.metric is None else document.metric.label
    for words, value in ((_tr("{} as coded"), info.quality), (_tr("{} as shown"), info.quality_at_source)):
        if value is not None:
            yield words.format(label), f"{value:.3f}"


def _ratio(source: SourceFacts, size: int, seconds: float) -> str:
    """How many times smaller; of a part of the source, by its share of the time."""
    share = min(1.0, seconds / source.seconds) if source.seconds else 1.0
    text = _tr("{:.0f} times smaller").format(source.bytes * share / size)
    return text if share > 0.99 else _tr("{} (than {:.0%} of the source)").format(text, share)


def _gops(document: Document) -> Iterable[tuple[str, ...]]:
    for gop in document.gops:
        start = f"{document.seconds(gop.start_frame):.2f} s"
        quality = DASH if gop.quality is None else f"{gop.quality:.4f}"
        level = DASH if gop.crf is None else str(BaseLevel(gop.crf, gop.scale))
        numbers = str(gop.frames), level, str(gop.t_star), str(gop.bits), str(gop.base_bits)
        yield str(gop.index + 1), start, *numbers, quality


def _peer(row: PeerRow, ours: int) -> tuple[str, ...]:
    quality = quality_of(row)
    figure = DASH if quality is None else f"{quality:.4f}"
    return side_label(row.codec), row.setting, bytes_beside(row.bytes, ours), f"{row.bpp:.4f}", figure


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>" if titles else f"<table>{body}</table>"


def _tr(text: str) -> str:
    return QCoreApplication.translate("Report", text)
