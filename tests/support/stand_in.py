"""Stands in for the learned codecs' test_video.py: takes their arguments, writes what they write, codes nothing well.

Copied into a folder as test_video.py and run there as users' checkouts are. A picture is coarsened by its quality, and
its stream is as long as its quality says. Only what the real scripts do with names and arguments is imitated:
DCVC-RT (microsoft/DCVC, test_video.py), DCVC-FM (DCVC-family/DCVC-FM), GLC-Video (jzyustc/GLC, test_video.py).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

FAMILY = "FAMILY"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    quality = "qp" if FAMILY == "dcvc-rt" else "q_indexes"
    for flag in ("--model_path_i", "--model_path_p", "--force_root_path", "--stream_path"):
        parser.add_argument(flag)
    for flag in ("--test_config", "--output_path"):
        parser.add_argument(flag, required=True)
    for side in "ip":
        parser.add_argument(f"--{quality}_{side}", dest=f"qualities_{side}", type=int, nargs="+")
    for flag in (
        "--rate_num",
        "--force_frame_num",
        "--force_intra_period",
        "--reset_interval",
        "--worker",
        "--verbose",
    ):
        parser.add_argument(flag, type=int, default=-1)
    for flag in ("--cuda", "--save_decoded_frame", "--calc_ssim", "--force_intra"):
        parser.add_argument(flag, type=_boolean, default=False)
    if FAMILY != "glc-video":
        parser.add_argument("--write_stream", type=_boolean, default=False)
    parser.add_argument("--force_zero_thres", type=float)
    return parser.parse_args()


def _boolean(text: str) -> bool:
    return text.lower() in ("yes", "y", "true", "t", "1")


def _coarsen(data: bytes, quality: int) -> bytes:
    step = 1 + (63 - quality) // 4
    return bytes(min(255, value - value % step + step // 2) for value in data)


def _yuv(source: Path, size: dict[str, int], quality: int, streams: Path, seq: str) -> None:
    path = source / seq
    if path.suffix != ".yuv":
        path = path.with_name(path.name + ".yuv")
    data = path.read_bytes()
    assert len(data) == size["frames"] * size["width"] * size["height"] * 3 // 2
    stream = streams / f"{seq}_q{quality}.bin"
    stream.write_bytes(bytes(100 + 10 * quality))
    record = str(stream).replace(".bin", ".yuv")
    if FAMILY == "dcvc-rt":
        record = record.replace(".yuv", f"_{8 * stream.stat().st_size * 30 // size['frames'] // 1000}kbps.yuv")
    Path(record).write_bytes(_coarsen(data, quality))


def _png(source: Path, size: dict[str, int], quality: int, streams: Path, seq: str) -> None:
    from PIL import Image

    made = streams / f"{seq}_q{quality}"
    made.mkdir(parents=True)
    for number in range(1, size["frames"] + 1):
        picture = Image.open(source / seq / f"im{number:05d}.png").convert("RGB")
        assert picture.size == (size["width"], size["height"])
        coarse = Image.frombytes("RGB", picture.size, _coarsen(picture.tobytes(), quality))
        coarse.save(made / f"im{number:05d}.png")


def main() -> None:
    arguments = _arguments()
    assert Path(arguments.model_path_i).is_file()
    assert Path(arguments.model_path_p).is_file()
    assert len(arguments.qualities_i) == len(arguments.qualities_p) == arguments.rate_num
    if arguments.cuda:
        sys.exit("RuntimeError: Found no NVIDIA driver on your system.")
    config = json.loads(Path(arguments.test_config).read_text("utf-8"))
    result: dict[str, dict[str, dict[str, object]]] = {}
    for dataset, test in config["test_classes"].items():
        assert test["src_type"] == ("png" if FAMILY == "glc-video" else "yuv420")
        streams = Path(arguments.stream_path) / dataset
        streams.mkdir(parents=True)
        for seq, size in test["sequences"].items():
            assert size["intra_period"] != 0
            result.setdefault(dataset, {})[seq] = {}
            for index, quality in enumerate(arguments.qualities_i):
                source = Path(config["root_path"]) / test["base_path"]
                (_png if FAMILY == "glc-video" else _yuv)(source, size, quality, streams, seq)
                rate = 8 * (100 + 10 * quality) / (size["width"] * size["height"] * size["frames"])
                result[dataset][seq][f"{index:03d}"] = {"ave_all_frame_bpp": rate, "rate_idx": index}
    Path(arguments.output_path).write_text(json.dumps(result), "utf-8")
    print("Test finished")


if __name__ == "__main__":
    main()
