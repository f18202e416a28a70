"""Names and figures as they are written on screen."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

from app.core.document import SourceFacts
from app.core.playing.player import ORIGINAL, OTHER, RESULT
from codec.arrays import Picture
from codec.peers.codecs import PEERS

DASH = "\u2013"
# By how much files may differ and still be of one size.
ALIKE = 0.1


def side_label(name: str) -> str:
    """What a side of the player is called on screen."""
    names = {
        ORIGINAL: QT_TRANSLATE_NOOP("CompareView", "Original"),
        RESULT: "Free-GVC",
        OTHER: QT_TRANSLATE_NOOP("CompareView", "Other file"),
    }
    names |= {peer.name: peer.label for peer in PEERS.values()}
    return QCoreApplication.translate("CompareView", str(names.get(name, name)))


def human_bytes(count: float) -> str:
    """With a unit that keeps the number short."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.2f} GB"


def bytes_beside(size: int, ours: int) -> str:
    """Another codec's bytes, marked where they aren't about as many as ours: its figure is then not of that size."""
    text = human_bytes(size)
    return f"{text} ({size / ours - 1:+.0%})" if ours and abs(size / ours - 1) >= ALIKE else text


def source_words(facts: SourceFacts, average: float | None = None) -> str:
    """A source in one line: "406\u00d7720, 30 fps, h264, 0:04, 4.13 MB".

    Args:
        average: frames a second where they come unevenly.
    """
    rate = f"{float(facts.rate):.4g} fps"
    if average is not None:
        rate = QCoreApplication.translate("CompareView", "{:.3g} fps on average").format(average)
    parts = [f"{facts.width}\u00d7{facts.height}", rate, facts.codec]
    if facts.audio:
        parts.append(facts.audio)
    if facts.seconds is not None:
        parts.append(human_time(facts.seconds))
    # A figure never parts from its unit at a line's end.
    return ", ".join(part.replace(" ", "\u00a0") for part in [*parts, human_bytes(facts.bytes)])


def human_time(seconds: float) -> str:
    """Minutes and seconds, with hours where there are any."""
    total = round(seconds)
    hours, minutes = divmod(total // 60, 60)
    return f"{hours}:{minutes:02d}:{total % 60:02d}" if hours else f"{minutes}:{total % 60:02d}"


def short_path(path: Path) -> str:
    """A path as people write it: their own folder as a tilde."""
    home = Path.home()
    return f"~/{path.relative_to(home).as_posix()}" if path.is_relative_to(home) else str(path)


def percent(share: float) -> str:
    """A share of work: nothing is 100 % while some of it is left."""
    return f"{min(99, int(100 * share))} %" if share < 1 else "100 %"


def human_range(low: float, high: float) -> str:
    """Two sizes, with one unit where they share it."""
    first, second = human_bytes(low), human_bytes(high)
    number, unit = first.rsplit(" ", 1)
    return f"{number if second.endswith(f' {unit}') else first}\u2013{second}"


def human_speed(times: float) -> str:
    """As a multiple of the video's own speed, to two digits where it is slow."""
    return f"{times:.2f} \u00d7" if times >= 0.1 else f"{times:.2g} \u00d7"


def pane_label(
    name: str,
    stored: Picture | None,
    size: tuple[int, int] | None,
    source: tuple[int, int] | None = None,
    title: str = "",
) -> str:
    """A side's name, the size it is stored at, and what was done to it: "Free-GVC 426\u00d7240, scaled".

    Args:
        size: (width, height) at which it is shown.
        source: (width, height) of the source, of which an original of another size was made.
        title: what it is called in place of its side's usual name.
    """
    label = title or side_label(name)
    if stored is None:
        return label
    height, width, _ = stored.shape
    text = f"{label} {width}\u00d7{height}"
    if size is not None and size != (width, height):
        return QCoreApplication.translate("CompareView", "{}, scaled").format(text)
    if name == ORIGINAL and source is not None and source != (width, height):
        return QCoreApplication.translate("CompareView", "{}, shrunk").format(text)
    return text
