"""Models on this machine: fetched from a hub, added as a folder, found in Hugging Face's cache."""

from __future__ import annotations

import json
import re
import shutil
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import pytest

from codec import cli
from codec.errors import OutputError, PriorError, SettingsError
from codec.store import installed as store
from codec.store.fetch import get_model, licence_notice
from codec.store.layout import INDEX
from codec.store.manifest import MODELS, ModelSpec
from codec.store.package import Transfer
from tests.support.hostile_server import COMMIT, Hub, serving

NAME = "wan2.1-t2v-1.3b"
SHARDS = ("diffusion_pytorch_model-00001-of-00002.safetensors", "diffusion_pytorch_model-00002-of-00002.safetensors")


def _published() -> dict[str, bytes]:
    """A repository in diffusers' layout, one part sharded. What is inside the shards doesn't matter here."""
    spec = MODELS[NAME]
    index = {"weight_map": {"a": SHARDS[0], "b": SHARDS[1]}}
    return {
        "transformer/config.json": json.dumps({"_class_name": spec.transformer}).encode(),
        f"transformer/{INDEX}": json.dumps(index).encode(),
        f"transformer/{SHARDS[0]}": b"first" * 1000,
        f"transformer/{SHARDS[1]}": b"second" * 1000,
        "vae/config.json": json.dumps({"_class_name": spec.vae}).encode(),
        "vae/diffusion_pytorch_model.safetensors": b"vae" * 1000,
    }


def _write(folder: Path) -> Path:
    for path, data in _published().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREEGVC_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serving(_published()) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


def _get(name: str = NAME) -> list[Transfer]:
    return list(get_model(name, wait=lambda _: None))


def test_get_fetches_all_files_at_one_commit(hub: Hub) -> None:
    transfers = _get()
    folder = store.fetched_folder(NAME)
    assert store.find(NAME).origin == "fetched"
    assert {path: (folder / path).read_bytes() for path in hub.files} == hub.files
    record = json.loads((folder / store.RECORD).read_text("utf-8"))
    assert record["commit"] == MODELS[NAME].commit
    assert set(record["files"]) == set(hub.files)
    assert transfers[-1].done == transfers[-1].total == sum(map(len, hub.files.values()))
    assert [t.done for t in transfers] == sorted(t.done for t in transfers)
    assert all(intact for _, intact in store.verify(NAME))


def test_a_hub_that_answers_with_another_commit_is_refused(hub: Hub) -> None:
    hub.commit = COMMIT
    with pytest.raises(PriorError, match="answered with 0123"):
        _get()
    assert store.find(NAME).origin == "absent"


@pytest.mark.parametrize("spec", MODELS.values(), ids=MODELS)
def test_every_model_is_pinned(spec: ModelSpec) -> None:
    assert re.fullmatch("[0-9a-f]{40}", spec.commit)


def test_get_goes_on_where_it_was_closed(hub: Hub) -> None:
    paused = get_model(NAME, wait=lambda _: None)
    for transfer in paused:
        if transfer.file.endswith(SHARDS[0]):
            break
    paused.close()
    assert store.find(NAME).origin == "absent"
    asked = len(hub.asked)
    _get()
    again = [path for _, path, _ in hub.asked[asked:]]
    assert f"transformer/{INDEX}" not in again
    assert f"vae/{'diffusion_pytorch_model.safetensors'}" in again
    assert store.find(NAME).origin == "fetched"


def test_get_follows_a_renamed_repository(hub: Hub) -> None:
    hub.renamed = MODELS[NAME].repository
    _get()
    assert all(intact for _, intact in store.verify(NAME))


def test_get_survives_a_bad_line(hub: Hub) -> None:
    hub.tricks[f"transformer/{SHARDS[0]}"] = ["drop 100", "ignore range"]
    hub.tricks[f"transformer/{SHARDS[1]}"] = ["wrong"]
    hub.tricks["vae/config.json"] = ["500"]
    _get()
    assert all(intact for _, intact in store.verify(NAME))


def test_a_second_get_asks_for_no_bytes(hub: Hub) -> None:
    _get()
    asked = len(hub.asked)
    _get()
    assert len(hub.asked) == asked


@pytest.mark.usefixtures("hub")
def test_damage_is_found_and_mended() -> None:
    _get()
    victim = store.fetched_folder(NAME) / "transformer" / SHARDS[1]
    victim.write_bytes(victim.read_bytes()[:-1] + b"x")
    assert [path for path, intact in store.verify(NAME) if not intact] == [f"transformer/{SHARDS[1]}"]
    victim.unlink()
    _get()
    assert all(intact for _, intact in store.verify(NAME))


def test_too_little_space_is_told_with_numbers(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")(10**9, 10**9, 5 * 10**7)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(OutputError, match=r"needs 0\.3 GB more .* 0\.1 GB are free"):
        _get()
    assert not any(path.endswith(".safetensors") for _, path, _ in hub.asked)


def test_offline_fetches_nothing(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(SettingsError, match="HF_HUB_OFFLINE"):
        _get()
    assert hub.asked == []


def test_another_endpoint_with_a_slash_at_its_end(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub.url + "/")
    _get()
    assert all(intact for _, intact in store.verify(NAME))


@pytest.mark.parametrize("shard", ["../../evil.safetensors", "/tmp/evil.safetensors", "evil.bin", ".safetensors"])
def test_an_index_cannot_lead_outside(hub: Hub, shard: str) -> None:
    hub.files[f"transformer/{INDEX}"] = json.dumps({"weight_map": {"a": shard}}).encode()
    with pytest.raises(PriorError, match="no shards"):
        _get()


def test_a_repository_without_the_files(hub: Hub) -> None:
    del hub.files["vae/diffusion_pytorch_model.safetensors"]
    with pytest.raises(PriorError, match=r"has no vae/diffusion_pytorch_model\.safetensors"):
        _get()


@pytest.mark.usefixtures("hub")
def test_remove_deletes_what_was_fetched() -> None:
    _get()
    store.remove(NAME)
    assert store.find(NAME).origin == "absent"
    assert not store.fetched_folder(NAME).exists()
    with pytest.raises(PriorError, match="nothing to remove"):
        store.remove(NAME)


@pytest.mark.usefixtures("hub")
def test_remove_deletes_a_paused_download_too() -> None:
    paused = get_model(NAME, wait=lambda _: None)
    next(transfer for transfer in paused if transfer.file.endswith(SHARDS[0]))
    paused.close()
    assert list(store.fetched_folder(NAME).rglob("*.part"))
    store.remove(NAME)
    assert not store.fetched_folder(NAME).exists()


def test_add_uses_a_folder_where_it_is_and_remove_leaves_it(tmp_path: Path) -> None:
    folder = _write(tmp_path / "mine")
    store.add(NAME, folder)
    assert store.folder_of(NAME) == folder
    with pytest.raises(PriorError, match="not fetched by this program"):
        list(store.verify(NAME))
    store.remove(NAME)
    assert (folder / "vae" / "config.json").is_file()
    with pytest.raises(PriorError, match="models get"):
        store.folder_of(NAME)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "vae" / "config.json").unlink(), "no readable"),
        (lambda folder: (folder / "vae" / "config.json").write_text("{", "utf-8"), "no readable"),
        (lambda folder: (folder / "vae" / "config.json").write_text('{"_class_name": "X"}', "utf-8"), "names X"),
        (lambda folder: (folder / "vae" / "diffusion_pytorch_model.safetensors").unlink(), "no .safetensors"),
        (lambda folder: (folder / "transformer" / SHARDS[1]).unlink(), "lacks"),
        (lambda folder: (folder / "transformer" / INDEX).write_text('{"weight_map": ["a"]}', "utf-8"), "no index"),
        (lambda folder: (folder / "transformer" / INDEX).write_text('{"weight_map": {"a": 1}}', "utf-8"), "no index"),
    ],
)
def test_add_refuses_what_is_no_such_model(tmp_path: Path, spoil: object, message: str) -> None:
    folder = _write(tmp_path / "mine")
    assert callable(spoil)
    spoil(folder)
    with pytest.raises(PriorError, match=message):
        store.add(NAME, folder)
    assert store.find(NAME).origin == "absent"


def test_hugging_faces_cache_is_found(tmp_path: Path) -> None:
    repository = MODELS[NAME].repository.replace("/", "--")
    folder = _write(tmp_path / "cache" / f"models--{repository}" / "snapshots" / COMMIT)
    assert store.find(NAME) == store.Installed(MODELS[NAME], "cache", folder)


@pytest.mark.parametrize(("variable", "inside"), [("HF_HOME", "hub"), ("XDG_CACHE_HOME", "huggingface/hub")])
def test_caches_of_other_variables_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, inside: str
) -> None:
    for other in ("HF_HUB_CACHE", "HF_HOME"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(variable, str(tmp_path / "elsewhere"))
    repository = MODELS[NAME].repository.replace("/", "--")
    folder = tmp_path / "elsewhere" / inside / f"models--{repository}" / "snapshots" / COMMIT
    assert store.find(NAME).origin == "absent"
    # As the cache has them: links to blobs.
    blobs = _write(tmp_path / "blobs")
    for path in _published():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).symlink_to(blobs / path)
    assert store.find(NAME) == store.Installed(MODELS[NAME], "cache", folder)
    with pytest.raises(PriorError, match="nothing to remove"):
        store.remove(NAME)
    assert (folder / "vae" / "config.json").is_file()


def test_a_snapshot_that_lacks_weights_is_passed_over(tmp_path: Path) -> None:
    repository = MODELS[NAME].repository.replace("/", "--")
    folder = _write(tmp_path / "cache" / f"models--{repository}" / "snapshots" / COMMIT)
    (folder / "transformer" / SHARDS[1]).unlink()
    assert store.find(NAME).origin == "absent"


def test_licence_is_told_once() -> None:
    first = licence_notice("ltx-video-2b")
    assert first is not None
    assert MODELS["ltx-video-2b"].licence in first
    assert licence_notice("ltx-video-2b") is None
    assert licence_notice(NAME) is not None


def test_unknown_model() -> None:
    with pytest.raises(PriorError, match="no model named"):
        store.find("wan3")


def test_command(hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["models", "get", NAME, "--json"]) == 0
    shown = capsys.readouterr()
    assert "Apache-2.0" in shown.err
    *_, last, note = map(json.loads, shown.out.splitlines())
    assert (last["event"], last["name"], last["done"]) == ("transfer", NAME, sum(map(len, hub.files.values())))
    assert note == {"event": "note", "name": NAME, "message": f"{NAME} is ready."}
    assert cli.main(["models", "verify", NAME]) == 0
    assert cli.main(["models", "list", "--json"]) == 0
    listed = {row["name"]: row for row in json.loads(capsys.readouterr().out.splitlines()[-1])["rows"]}
    assert listed[NAME]["origin"] == "fetched"
    assert listed["cogvideox-2b"]["origin"] == "absent"
    assert cli.main(["models", "remove", NAME]) == 0
    assert cli.main(["models", "add", NAME, str(tmp_path / "nowhere")]) == 1
    assert "nowhere" in capsys.readouterr().err
    assert cli.main(["models", "add", NAME, str(_write(tmp_path / "mine"))]) == 0
    assert cli.main(["models", "list"]) == 0
    assert NAME in capsys.readouterr().out


def test_verify_command_fails_on_damage(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["models", "get", NAME]) == 0
    (store.fetched_folder(NAME) / "vae" / "config.json").write_bytes(hub.files["vae/config.json"] + b" ")
    assert cli.main(["models", "verify", NAME]) == 1
    shown = capsys.readouterr()
    assert "DAMAGED vae/config.json" in shown.out
    assert "models get" in shown.err
