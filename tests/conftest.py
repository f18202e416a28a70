"""What all tests share: the clips, the networks, markers by what a test needs, and which skips are allowed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from tests.support import DATA, ROOT
from tests.support.films.malformed import write_malformed
from tests.support.networks import write_networks
from tests.support.skips import ALLOWED, NO_SHARED

SHARED_VARIABLE = "FREEGVC_SHARED"
"""Names the folder of real clips and networks; without it, `shared` beside the checkout is taken where there is one."""
LISTED_SKIPS = "FREEGVC_LISTED_SKIPS"
"""Set to 1, a skip for a reason that tests/support/skips.py doesn't list fails."""


# No test looks at the clock: a busy machine is no reason to fail.
settings.register_profile("freegvc", parent=settings(), deadline=None)
settings.load_profile("freegvc")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by what they ask for: real clips and networks, or Qt."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if "shared" in fixtures:
            item.add_marker("shared")
        if "qapp" in fixtures:
            item.add_marker("window")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> pytest.TestReport:
    """A skip that nobody listed is a failure where `LISTED_SKIPS` says so."""
    report: pytest.TestReport = yield
    if report.skipped and os.environ.get(LISTED_SKIPS) == "1" and isinstance(report.longrepr, tuple):
        reason = str(report.longrepr[2]).removeprefix("Skipped: ")
        if reason not in ALLOWED:
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} was skipped for a reason that is not listed: {reason}"
    return report


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    # Two OpenMP threads spin against each other on a shared two-core machine and run slower than one.
    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test finds, or touches, models that are on this machine."""
    os.environ["FREEGVC_HOME"] = str(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real clips and networks that developers and CI have beside the checkout."""
    named = os.environ.get(SHARED_VARIABLE)
    path = Path(named) if named else ROOT.parent / "shared"
    if named and not path.is_dir():
        pytest.fail(f"{SHARED_VARIABLE} names {path}, which is no folder")
    if not path.is_dir():
        pytest.skip(NO_SHARED)
    return path


@pytest.fixture(scope="session")
def clips(shared: Path) -> Path:
    """Real clips: for what must be seen on real footage."""
    return shared / "data" / "clips"


@pytest.fixture(scope="session")
def models(shared: Path) -> Path:
    """The real VGG16 and AlexNet: for what depends on what they have learnt."""
    return shared / "models"


@pytest.fixture(scope="session")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """VGG16 and AlexNet as the metrics want them, but with random weights: for what any weights show."""
    return write_networks(tmp_path_factory.mktemp("networks"))


@pytest.fixture(scope="session")
def data() -> Path:
    """Small clips that are checked in."""
    return DATA


@pytest.fixture(scope="session")
def malformed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Broken files and files that are no videos."""
    return write_malformed(tmp_path_factory.mktemp("malformed"))
