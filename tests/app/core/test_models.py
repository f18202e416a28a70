"""The models dialog over a real child process and a hub on this machine that misbehaves."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot
from safetensors.numpy import save

from app.core.engine import Engine
from app.core.models import Models, Standing
from app.ui.dialogs.model_card import ModelCard
from app.ui.dialogs.models_dialog import ModelsDialog
from app.ui.theme import Theme
from codec.store import fetch as model_fetch
from codec.store.manifest import MODELS
from tests.support import PATIENCE
from tests.support.hostile_server import Hub, serving
from tests.support.windows import labels

NAME, PACK = "wan2.1-t2v-1.3b", "metric-vgg16"
WEIGHTS = "vae/diffusion_pytorch_model.safetensors"
LARGE = 3 << 20
VGG_LAYERS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)


def _published() -> dict[str, bytes]:
    spec = MODELS[NAME]
    trunk = {f"features.{n}.weight": np.ones((64, 3, 3, 3) if n == 0 else (1,), np.float32) for n in VGG_LAYERS}
    trunk |= {f"features.{n}.bias": np.zeros(2, np.float32) for n in VGG_LAYERS}
    return {
        "transformer/config.json": json.dumps({"_class_name": spec.transformer}).encode(),
        "transformer/diffusion_pytorch_model.safetensors": b"transformer" * 1000,
        "vae/config.json": json.dumps({"_class_name": spec.vae}).encode(),
        WEIGHTS: bytes(LARGE),
        "model.safetensors": save(trunk),
    }


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    monkeypatch.setenv("FREEGVC_HOME", str(folder))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    return folder


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serving(_published()) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


@pytest.fixture
def store_engine() -> Iterator[Engine]:
    made = Engine(warm=False)
    yield made
    made.shut_down()


@pytest.fixture
def dialog(qtbot: QtBot, qapp: QApplication, hub: Hub, store_engine: Engine) -> Iterator[ModelsDialog]:
    # The child inherits the hub's address when it starts.
    del hub
    theme = Theme(qapp, "dark")
    made = _open(qtbot, store_engine)
    yield made
    made.close()
    theme.deleteLater()


def _open(qtbot: QtBot, engine: Engine) -> ModelsDialog:
    made = ModelsDialog(Models(engine, engine))
    qtbot.addWidget(made)
    made.show()
    qtbot.waitUntil(lambda: NAME in made.cards and not made.models.busy, timeout=PATIENCE)
    return made


def press(qtbot: QtBot, dialog: ModelsDialog, name: str, *buttons: str) -> ModelCard:
    """Click buttons of a card one after the other and wait until all is done."""
    for button in buttons:
        # A card that has just been made is shown with the next turn of the event loop.
        qtbot.waitUntil(dialog.cards[name].button(button).isVisible, timeout=PATIENCE)
        dialog.cards[name].button(button).click()
    qtbot.waitUntil(lambda: not dialog.models.busy, timeout=PATIENCE)
    return dialog.cards[name]


def test_every_model_is_listed_with_what_it_needs(dialog: ModelsDialog) -> None:
    assert list(dialog.cards) == ["pocket", *MODELS, PACK, "metric-alexnet"]
    for name, spec in MODELS.items():
        card = dialog.cards[name]
        assert "Not here" in labels(card)
        assert spec.licence in card.facts_label.text()
        assert "GB on disk" in card.facts_label.text()
        assert "GB of memory" in card.facts_label.text()
    assert "Comes with the program" in labels(dialog.cards["pocket"])
    assert not any(dialog.cards["pocket"].button(name).isVisible() for name in ("get", "remove", "add", "verify"))
    assert dialog.cards["metric-alexnet"].button("get").isVisible()
    assert "free" in dialog.place.text()


def test_the_licence_is_shown_once_before_the_first_download(
    qtbot: QtBot, dialog: ModelsDialog, hub: Hub, home: Path
) -> None:
    card = dialog.cards[NAME]
    card.button("get").click()
    assert "Apache-2.0" in card.question.text()
    card.button("no").click()
    assert not card.question.isVisible()
    assert hub.asked == []
    card = press(qtbot, dialog, NAME, "get", "yes")
    assert "On this machine" in labels(card)
    assert (home / "models" / NAME / WEIGHTS).stat().st_size == LARGE
    press(qtbot, dialog, NAME, "remove", "yes")
    assert "Not here" in labels(card)
    card.button("get").click()
    assert not card.question.isVisible()
    qtbot.waitUntil(lambda: not dialog.models.busy, timeout=PATIENCE)
    assert "On this machine" in labels(card)


def test_a_download_that_hangs_is_paused_and_goes_on_after_a_restart(
    qtbot: QtBot, dialog: ModelsDialog, store_engine: Engine, hub: Hub
) -> None:
    store_engine.grace.setInterval(100)
    held = 2 << 20
    hub.tricks[WEIGHTS] = [f"hold {held}"]
    models, card = dialog.models, dialog.cards[NAME]
    card.button("get").click()
    card.button("yes").click()
    qtbot.waitUntil(lambda: _done(models) >= held, timeout=PATIENCE)
    assert card.bar.value() > 0
    assert "MB of" in card.progress.text()
    press(qtbot, dialog, NAME, "pause")
    assert any(text.startswith("Paused, 2.1 MB") for text in labels(card))
    assert not card.message
    dialog.close()

    again = Engine(warm=False)
    other = _open(qtbot, again)
    assert other.cards[NAME].button("get").text() == "Resume"
    card = press(qtbot, other, NAME, "get")
    assert "On this machine" in labels(card)
    assert [asked for _, path, asked in hub.asked if path == WEIGHTS] == [None, f"bytes={held}-"]
    other.close()
    again.shut_down()


def _done(models: Models) -> int:
    transfer = models.entry(NAME).transfer
    return 0 if transfer is None else transfer.done


def test_damage_is_told_and_mended(qtbot: QtBot, dialog: ModelsDialog, hub: Hub, home: Path) -> None:
    press(qtbot, dialog, NAME, "get", "yes")
    card = press(qtbot, dialog, NAME, "verify")
    assert card.message == "All 4 files are what was fetched."
    victim = home / "models" / NAME / WEIGHTS
    victim.write_bytes(bytes(LARGE - 1) + b"x")
    card = press(qtbot, dialog, NAME, "verify")
    assert card.message == f"1 of 4 files are damaged: {WEIGHTS}"
    assert "Damaged" in labels(card)
    asked = len(hub.asked)
    press(qtbot, dialog, NAME, "get")
    assert [path for _, path, _ in hub.asked[asked:]] == [WEIGHTS]
    assert press(qtbot, dialog, NAME, "verify").message == "All 4 files are what was fetched."


def test_a_metrics_network_too(qtbot: QtBot, dialog: ModelsDialog, hub: Hub, home: Path) -> None:
    hub.tricks["model.safetensors"] = ["drop 500", "wrong"]
    card = press(qtbot, dialog, PACK, "get")
    assert {"On this machine", f"{PACK} is ready."} <= set(labels(card))
    assert list((home / "metrics").glob("vgg16*"))
    card = press(qtbot, dialog, PACK, "verify")
    assert card.message == "All 1 files are what was fetched."
    assert "Not here" in labels(press(qtbot, dialog, PACK, "remove", "yes"))


def test_a_refusal_is_told_in_its_card(qtbot: QtBot, dialog: ModelsDialog, hub: Hub) -> None:
    hub.tricks["transformer/config.json"] = ["403"]
    card = press(qtbot, dialog, NAME, "get", "yes")
    assert "answers 403" in card.message
    assert card.message_label.objectName() == "warning"
    assert card.button("get").isVisible()


def test_too_little_space_is_refused_with_numbers(qtbot: QtBot, dialog: ModelsDialog, hub: Hub, home: Path) -> None:
    free = shutil.disk_usage(home.parent).free
    hub.announced[WEIGHTS] = free * 2
    card = press(qtbot, dialog, NAME, "get", "yes")
    needed = (free * 2 + model_fetch.MARGIN) / 1e9
    assert f"needs {needed:.1f} GB more in" in card.message
    assert "GB are free" in card.message
    assert not any(path == WEIGHTS for _, path, _ in hub.asked)


def test_a_folder_of_ones_own(
    qtbot: QtBot, dialog: ModelsDialog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mine"
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(folder))
    folder.mkdir()
    card = press(qtbot, dialog, NAME, "add")
    assert "no readable" in card.message
    for path, data in _published().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    card = press(qtbot, dialog, NAME, "add")
    assert "In your folder" in labels(card)
    assert not card.button("verify").isVisible()
    assert "Not here" in labels(press(qtbot, dialog, NAME, "remove", "yes"))
    assert (folder / WEIGHTS).exists()


def test_the_second_download_waits_for_the_first(qtbot: QtBot, dialog: ModelsDialog, hub: Hub) -> None:
    hub.tricks[WEIGHTS] = [f"hold {2 << 20}"]
    for name in ("get", "yes"):
        dialog.cards[NAME].button(name).click()
    qtbot.waitUntil(lambda: _done(dialog.models) > 0, timeout=PATIENCE)
    dialog.cards[PACK].button("get").click()
    assert dialog.models.entry(PACK).standing is Standing.WAITING
    hub.go.set()
    qtbot.waitUntil(lambda: not dialog.models.busy, timeout=PATIENCE)
    assert all("On this machine" in labels(dialog.cards[name]) for name in (PACK, NAME))


def test_neither_the_dialog_nor_its_child_imports_torch() -> None:
    code = (
        "import sys, app.ui.dialogs.models_dialog\n"
        "from codec.store.tasks import ListModels, carry_out\n"
        "rows = list(carry_out(ListModels()))\n"
        "sys.exit('torch' in sys.modules or not rows)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
