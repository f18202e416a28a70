"""What commands print is what there is, whatever it is called."""

from __future__ import annotations

import pytest

from codec.commands.output import print_table


@pytest.mark.parametrize("name", ["film [x265].fgvc", "a[/b].fgvc", "[red]:smile:.fgvc"])
def test_a_name_with_brackets_is_no_markup(capsys: pytest.CaptureFixture[str], name: str) -> None:
    print_table(("file", "bytes"), [(name, "12")])
    assert capsys.readouterr().out.splitlines()[-1].split("  ")[0] == name
