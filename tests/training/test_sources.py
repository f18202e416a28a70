"""What is trained on: licences, and no source more than a third."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from training.data.sources import LARGEST_SHARE, Origin, read_manifest, shares, wanted
from training.pocket.prepare import plans
from training.restoration.item import Item
from training.restoration.list_items import table


@pytest.mark.parametrize(
    ("licence", "allowed"),
    [
        ("CC-BY-4.0 (repo LICENSE)", True),
        ("MIT (repo LICENSE)", True),
        ("CC-BY-SA-4.0 (Cloudinary CID22)", False),
        ("CC-BY / CC-BY-SA (debian/copyright)", False),
        ("CC-BY-SA / GPL-2+ (debian/copyright)", False),
        ("permissive (README), LICENSE.md CC-BY-SA-2.5; no per-file licence", False),
    ],
)
def test_share_alike_and_copyleft_are_left_out(licence: str, allowed: bool) -> None:
    assert wanted(Origin(Path("video/001.mp4"), "github a/b c.mp4", licence)) is allowed


def test_films_that_the_judging_clips_come_from_are_left_out() -> None:
    assert not wanted(Origin(Path("video/001.mp4"), "github a/b big_buck_bunny.mp4", "CC-BY-3.0"))


@pytest.mark.parametrize("sizes", [{"a": 1000, "b": 10, "c": 10, "d": 1}, {"a": 400, "b": 300, "c": 1}, {"a": 5}])
def test_no_collection_makes_up_more_than_a_third(sizes: dict[str, int]) -> None:
    collections = [name for name, size in sizes.items() for _ in range(size)]
    total = Counter[str]()
    drawn = shares(collections)
    for name, share in zip(collections, drawn, strict=True):
        total[name] += share
    assert sum(drawn) == pytest.approx(1)
    if len(sizes) >= 1 / LARGEST_SHARE:
        assert max(total.values()) <= LARGEST_SHARE + 1e-6


def test_the_manifest_names_files_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "video").mkdir()
    (tmp_path / "video" / "001.mp4").touch()
    rows = ["file\tkind\tsource\tlicence", "video/001.mp4\tvideo\tgithub a/b c\tMIT", "video/2.mp4\tvideo\tx y\tMIT"]
    (tmp_path / "manifest.tsv").write_text("\n".join(rows) + "\n")
    (origin,) = read_manifest(tmp_path)
    assert (origin.collection, origin.is_photo) == ("github a/b", False)


def test_the_pocket_prior_sees_nothing_that_is_left_out(tmp_path: Path) -> None:
    rows = ["file\tkind\tsource\tlicence"]
    for folder, ending in (("video", "mp4"), ("image", "png")):
        (tmp_path / folder).mkdir()
        for number, licence in enumerate(["MIT", "CC-BY-SA-4.0", "GPL-2+"]):
            (tmp_path / folder / f"{number}.{ending}").touch()
            rows.append(f"{folder}/{number}.{ending}\t{folder}\tgithub a/b c\t{licence}")
    (tmp_path / "manifest.tsv").write_text("\n".join(rows) + "\n")
    assert {plan.path.name for plan in plans(tmp_path, 5, 5)} == {"0.mp4", "0.png"}


def test_items_are_listed_by_repository_with_their_share() -> None:
    def item(repository: str, licence: str) -> Item:
        return Item(f"github {repository} x", licence, f"github {repository}", 96, 64, 0, 0, 0, 8, 64, 96, ())

    items = {"video-001-0": item("a/b", "MIT"), "image-002-0": item("a/b", "CC0"), "video-003-0": item("c/d", "MIT")}
    lines = list(table(items))[2:]
    assert lines == [
        "| c/d | clips | 1 | 41.4% | MIT |",
        "| a/b | clips | 1 | 29.3% | MIT |",
        "| a/b | photos | 1 | 29.3% | CC0 |",
    ]
