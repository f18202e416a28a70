"""The window on a real display (Xvfb) with real mouse events (xdotool), and a real drop from another program."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support import ROOT, skips

TOOLS = ("Xvfb", "xdotool")
MISSING = [tool for tool in TOOLS if shutil.which(tool) is None]
LINUX = sys.platform.startswith("linux")
pytestmark = [
    pytest.mark.skipif(not LINUX, reason=skips.OTHER_SCREEN),
    pytest.mark.skipif(LINUX and bool(MISSING), reason=f"not on this machine: {', '.join(MISSING)}"),
]
# Wide enough for both programs side by side.
SCREEN = "1600x900x24"


class Screen:
    """A display; `mouse` does what xdotool's words say."""

    def __init__(self, number: str) -> None:
        self.environment = {**os.environ, "DISPLAY": f":{number}", "QT_QPA_PLATFORM": "xcb"}

    def mouse(self, *words: object) -> None:
        subprocess.run(["xdotool", *map(str, words)], env=self.environment, check=True)

    def press(self, at: list[int]) -> None:
        """Press the left button there."""
        self.mouse("mousemove", *at, "mousedown", 1)

    def move(self, start: list[int], end: list[int]) -> None:
        """Move in a few steps, as a hand does."""
        for step in range(1, 6):
            self.mouse("mousemove", *(round(a + (b - a) * step / 5) for a, b in zip(start, end, strict=True)))

    def release(self) -> None:
        """Let the button go."""
        self.mouse("mouseup", 1)


class Program:
    """One of tests/support/on_screen.py; `wait` reads what it tells."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def wait(self, name: str) -> dict[str, Any]:
        """The next line that tells `name`."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said: dict[str, Any] = json.loads(line)
            if name in said:
                return said
        pytest.fail(f"the program ended without telling {name}")


@pytest.fixture
def screen() -> Iterator[Screen]:
    command = ["Xvfb", "-displayfd", "1", "-screen", "0", SCREEN, "-nolisten", "tcp"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        number = server.stdout.readline().strip()
        if not number:
            pytest.skip("Xvfb does not start on this machine")
        yield Screen(number)
        server.terminate()


@contextmanager
def running(screen: Screen, kind: str, path: Path) -> Iterator[Program]:
    script = ROOT / "tests" / "support" / "on_screen.py"
    environment = {**screen.environment, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(script), kind, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        try:
            yield Program(process)
        finally:
            process.terminate()


def drop(screen: Screen, source: Program, start: list[int], window: Program, end: list[int]) -> None:
    """Drag from one program to the other; again where the button was let go before the two had agreed on it."""
    for _ in range(5):
        screen.press(start)
        screen.move(start, [start[0] - 40, start[1] + 40])
        source.wait("dragging")
        screen.move([start[0] - 40, start[1] + 40], end)
        window.wait("entered")
        screen.release()
        if source.wait("dropped")["dropped"]:
            return
    pytest.fail("no drop was accepted")


def test_a_real_drop_a_real_slider_and_a_real_wipe(screen: Screen, short_clip: Path, tmp_path: Path) -> None:
    with running(screen, "window", tmp_path) as window, running(screen, "source", short_clip) as source:
        shown, start = window.wait("handle"), source.wait("source")["source"]
        x, y, end = shown["handle"]
        screen.press([x, y])
        screen.move([x, y], [end, y])
        while window.wait("slider")["slider"] < shown["most"]:
            pass
        screen.release()

        drop(screen, source, start, window, shown["view"])
        opened = window.wait("opened")
        assert opened["opened"] == str(short_clip)

        line, width = opened["line"], opened["view"]
        screen.press(line)
        screen.move(line, [line[0] - width // 4, line[1]])
        wipes = [window.wait("wipe")["wipe"]]
        while wipes[-1] > 0.26:
            wipes.append(window.wait("wipe")["wipe"])
        screen.release()
        assert wipes[0] <= 0.5
        assert wipes[-1] == pytest.approx(0.25, abs=0.01)
