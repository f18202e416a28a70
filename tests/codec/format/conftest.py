"""What the tests of files share: the films of `tests.support.format_cases`, and where one is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import format_cases as cases


@pytest.fixture(params=cases.FILMS)
def film(request: pytest.FixtureRequest) -> cases.Film:
    return cases.FILMS[request.param]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "film.fgvc"
