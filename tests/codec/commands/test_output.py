"""What commands print is what there is, whatever it is called."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.progress import Progress

from codec.commands.output import _draw, print_table
from codec.events import Event, GopDone, Phase, Stage


@pytest.mark.parametrize("name", ["film [x265].fgvc", "a[/b].fgvc", "[red]:smile:.fgvc"])
def test_a_name_with_brackets_is_no_markup(capsys: pytest.CaptureFixture[str], name: str) -> None:
    print_table(("file", "bytes"), [(name, "12")])
    assert capsys.readouterr().out.splitlines()[-1].split("  ")[0] == name


def _gop(index: int, frames_done: int) -> GopDone:
    return GopDone(index, 50 * index, 50, 8, 900, 800, 0.15, (), frames_done, 100)


def test_what_is_shown_of_the_work_never_falls() -> None:
    events: list[Event] = [
        Phase(Stage.CHOOSING, "coding", 0.47),
        _gop(0, 50),
        Phase(Stage.CHOOSING, "trying", 0.485),
        Phase(Stage.CHOOSING, "coding", 0.95),
        _gop(1, 100),
        Phase(Stage.FINISHING, "", 0.97),
        Phase(Stage.FINISHING, "comparing", 0.98),
    ]
    progress = Progress(console=Console(file=io.StringIO()))
    task = progress.add_task("starting", total=None, detail="")
    shares = []
    for event in events:
        _draw(progress, task, event)
        shares.append(progress.tasks[0].completed)
    assert shares == sorted(shares)
    assert shares[-1] < 1.0
