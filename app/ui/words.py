"""Names and figures as they are written on screen."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

from app.core.playing.player import ORIGINAL, RESULT
from codec.peers.codecs import PEERS

DASH = "\u2013"


def side_label(name: str) -> str:
    """What a side of the player is called on screen."""
    names = {ORIGINAL: QT_TRANSLATE_NOOP("CompareView", "Original"), RESULT: "Free-GVC"}
    names |= {peer.name: peer.label for peer in PEERS.values()}
    return QCoreApplication.translate("CompareView", str(names.get(name, name)))


def human_bytes(count: float) -> str:
    """With a unit that keeps the number short."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.2f} GB"


def human_time(seconds: float) -> str:
    """Minutes and seconds, with hours where there are any."""
    total = round(seconds)
    hours, minutes = divmod(total // 60, 60)
    return f"{hours}:{minutes:02d}:{total % 60:02d}" if hours else f"{minutes}:{total % 60:02d}"


def short_path(path: Path) -> str:
    """A path as people write it: their own folder as a tilde."""
    home = Path.home()
    return f"~/{path.relative_to(home).as_posix()}" if path.is_relative_to(home) else str(path)


def human_range(low: float, high: float) -> str:
    """Two sizes, with one unit where they share it."""
    first, second = human_bytes(low), human_bytes(high)
    number, unit = first.rsplit(" ", 1)
    return f"{number if second.endswith(f' {unit}') else first}\u2013{second}"


def human_speed(times: float) -> str:
    """As a multiple of the video's own speed, to two digits where it is slow."""
    return f"{times:.2f} \u00d7" if times >= 0.1 else f"{times:.2g} \u00d7"
