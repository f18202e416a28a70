"""Downloads from a server that drops, ignores ranges, changes its mind, and sends short and wrong bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codec.errors import OutputError, PriorError
from codec.store.transfer import download as fetching
from codec.store.transfer.download import Wanted, fetch
from tests.support.hostile_server import Hub, serving

DATA = bytes(range(256)) * 40
FILE = "transformer/weights.safetensors"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    # Several reads per file, as a real one of gigabytes has.
    monkeypatch.setattr(fetching, "CHUNK", 1000)
    with serving({FILE: DATA}) as server:
        yield server


def _wanted(hub: Hub, hashed: bool = True) -> Wanted:
    url = f"{hub.url}/elsewhere/{FILE}"
    return Wanted(url, len(DATA), hashlib.sha256(DATA).hexdigest() if hashed else None)


def _get(hub: Hub, folder: Path, hashed: bool = True) -> tuple[bytes, list[float]]:
    waits: list[float] = []
    list(fetch(_wanted(hub, hashed), folder / "file", waits.append))
    assert sorted(path.name for path in folder.iterdir()) == ["file"]
    return (folder / "file").read_bytes(), waits


def _ranges(hub: Hub) -> list[str | None]:
    return [asked for _, _, asked in hub.asked]


def test_plain(hub: Hub, tmp_path: Path) -> None:
    data, waits = _get(hub, tmp_path)
    assert data == DATA
    assert waits == []
    assert _ranges(hub) == [None]


def test_goes_on_after_dropped_connections(hub: Hub, tmp_path: Path) -> None:
    hub.tricks[FILE] = ["drop 3000", "drop 2000"]
    data, waits = _get(hub, tmp_path)
    assert data == DATA
    assert _ranges(hub) == [None, "bytes=3000-", "bytes=5000-"]
    assert len(waits) == 2


def test_goes_on_after_a_restart_of_the_program(hub: Hub, tmp_path: Path) -> None:
    first = fetch(_wanted(hub), tmp_path / "file", lambda _: None)
    assert next(first) == 1000
    first.close()
    assert not (tmp_path / "file").exists()
    assert _get(hub, tmp_path)[0] == DATA
    assert _ranges(hub) == [None, "bytes=1000-"]


def test_range_ignored(hub: Hub, tmp_path: Path) -> None:
    hub.tricks[FILE] = ["drop 3000", "ignore range"]
    assert _get(hub, tmp_path)[0] == DATA


def test_another_range_than_asked_for(hub: Hub, tmp_path: Path) -> None:
    hub.tricks[FILE] = ["drop 3000", "other range"]
    assert _get(hub, tmp_path)[0] == DATA
    assert _ranges(hub) == [None, "bytes=3000-", None]


def test_another_version_is_fetched_from_its_start(hub: Hub, tmp_path: Path) -> None:
    first = fetch(_wanted(hub), tmp_path / "file", lambda _: None)
    next(first)
    first.close()
    part = tmp_path / "file.part"
    part.write_bytes(b"\xff" * part.stat().st_size)
    hub.etags[FILE] = "another"
    assert _get(hub, tmp_path)[0] == DATA
    assert _ranges(hub) == [None, "bytes=1000-"]


def test_part_of_another_file_is_not_used(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(b"x" * 500)
    (tmp_path / "file.part.json").write_text(json.dumps({"url": "elsewhere", "etag": '"a"'}), "utf-8")
    assert _get(hub, tmp_path)[0] == DATA
    assert _ranges(hub) == [None]


def test_spoilt_part_is_found_by_its_hash(hub: Hub, tmp_path: Path) -> None:
    first = fetch(_wanted(hub), tmp_path / "file", lambda _: None)
    next(first)
    first.close()
    part = tmp_path / "file.part"
    part.write_bytes(b"\xff" * part.stat().st_size)
    assert _get(hub, tmp_path)[0] == DATA
    assert _ranges(hub) == [None, "bytes=1000-", None]


def test_whole_part_needs_no_request(hub: Hub, tmp_path: Path) -> None:
    first = fetch(_wanted(hub), tmp_path / "file", lambda _: None)
    for count in first:
        if count == len(DATA):
            break
    first.close()
    assert (tmp_path / "file.part").stat().st_size == len(DATA)
    assert _get(hub, tmp_path)[0] == DATA
    assert len(hub.asked) == 1


def test_range_beyond_the_end(hub: Hub, tmp_path: Path) -> None:
    hub.tricks[FILE] = ["drop 3000", "416"]
    assert _get(hub, tmp_path)[0] == DATA
    assert _ranges(hub) == [None, "bytes=3000-", None]


def test_short_bodies(hub: Hub, tmp_path: Path) -> None:
    hub.tricks[FILE] = ["short 4000", "short 1", "short 0"]
    assert _get(hub, tmp_path)[0] == DATA


def test_short_body_of_unannounced_size(hub: Hub, tmp_path: Path) -> None:
    hub.tricks[FILE] = ["drop 4000"]
    list(fetch(Wanted(_wanted(hub).url, None, None), tmp_path / "file", lambda _: None))
    assert (tmp_path / "file").read_bytes() == DATA


@pytest.mark.parametrize("length", ["\u00b2", "9" * 5000, "-1"])
def test_a_length_that_is_none_is_not_said(hub: Hub, tmp_path: Path, length: str) -> None:
    hub.tricks[FILE] = [f"length {length}"]
    assert _get(hub, tmp_path)[0] == DATA


@pytest.mark.parametrize("trick", ["wrong", "long"])
def test_wrong_bytes_once(hub: Hub, tmp_path: Path, trick: str) -> None:
    hub.tricks[FILE] = [trick]
    assert _get(hub, tmp_path)[0] == DATA


@pytest.mark.parametrize("trick", ["wrong", "long"])
def test_wrong_bytes_always(hub: Hub, tmp_path: Path, trick: str) -> None:
    hub.tricks[FILE] = [trick] * 9
    with pytest.raises(PriorError, match="does not send what it announces"):
        _get(hub, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_server_errors_are_tried_again(hub: Hub, tmp_path: Path) -> None:
    hub.tricks[FILE] = ["500", "500"]
    data, waits = _get(hub, tmp_path)
    assert data == DATA
    assert waits == [2.0, 4.0]


def test_refusals_are_not(hub: Hub, tmp_path: Path) -> None:
    hub.tricks[FILE] = ["403"] * 2
    with pytest.raises(PriorError, match="403"):
        _get(hub, tmp_path)
    assert len(hub.asked) == 1


def test_gives_up_and_keeps_what_came(hub: Hub, tmp_path: Path) -> None:
    hub.tricks[FILE] = ["drop 3000", *["drop 0"] * 9]
    with pytest.raises(PriorError, match="kept"):
        _get(hub, tmp_path)
    assert (tmp_path / "file.part").read_bytes() == DATA[:3000]
    hub.tricks[FILE] = []
    assert _get(hub, tmp_path)[0] == DATA
    assert _ranges(hub)[-1] == "bytes=3000-"


def test_without_hash_a_part_needs_its_etag(hub: Hub, tmp_path: Path) -> None:
    hub.tricks[FILE] = ["drop 3000"]
    assert _get(hub, tmp_path, hashed=False)[0] == DATA
    assert _ranges(hub) == [None, "bytes=3000-"]


def test_nobody_there(tmp_path: Path) -> None:
    with serving({}) as gone:
        url = gone.url
    with pytest.raises(PriorError, match="can't be reached"):
        list(fetch(Wanted(f"{url}/a/b/resolve/main/x", 1, None), tmp_path / "x", lambda _: None))


def test_folder_that_cannot_be_written(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(OutputError, match="taken"):
        list(fetch(_wanted(hub), tmp_path / "taken" / "file", lambda _: None))


TRICKS = st.sampled_from(["drop 0", "drop 1", "drop 5000", "short 700", "ignore range", "other range", "416", "500"])


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tricks=st.lists(TRICKS, max_size=6))
def test_never_anything_but_the_file(hub: Hub, tmp_path_factory: pytest.TempPathFactory, tricks: list[str]) -> None:
    folder = tmp_path_factory.mktemp("download")
    hub.tricks[FILE] = list(tricks)
    try:
        list(fetch(_wanted(hub), folder / "file", lambda _: None))
    except PriorError:
        assert not (folder / "file").exists()
        return
    assert (folder / "file").read_bytes() == DATA
