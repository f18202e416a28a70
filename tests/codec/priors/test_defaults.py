"""What the window takes a prior to code at is what the prior says once it is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from codec.errors import PriorError
from codec.priors.catalog import PRIORS, open_prior
from codec.priors.defaults import DEFAULTS, defaults_of
from codec.store import installed as store
from codec.store.manifest import MODELS
from tests.support.tiny_models import save_tiny


@pytest.mark.parametrize("name", DEFAULTS)
def test_defaults_are_those_of_the_prior(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREEGVC_HOME", str(tmp_path / "home"))
    if name in MODELS:
        store.add(name, save_tiny(name, tmp_path / "model"))
    prior, own = open_prior(name, "cpu", "float32"), DEFAULTS[name]
    assert prior.restores == own.restores
    geometry = prior.geometry
    assert (geometry.gop_frames, geometry.overlap_frames) == (own.gop_frames, own.overlap_frames)


def test_every_prior_has_some_and_no_other_name_has() -> None:
    assert set(DEFAULTS) == set(PRIORS)
    with pytest.raises(PriorError, match="no prior named 'oracle'"):
        defaults_of("oracle")
