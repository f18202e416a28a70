"""Turn a training checkpoint into the weights that ship: fp16 safetensors that describe their own shape.

python -m training.pocket.export WORK/pocket.pt resources/pocket.safetensors
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors.torch import save_file

from codec.priors.pocket_net import PocketConfig


def export(checkpoint: Path, output: Path) -> None:
    """Write the averaged weights as fp16; the linear transform keeps fp32."""
    saved = torch.load(checkpoint, weights_only=True)
    config = PocketConfig().to_json()
    state = {
        name: (value if name.startswith("transform.") else value.half()).contiguous()
        for name, value in saved["average"].items()
    }
    metadata = {"config": config, "iterations": str(saved["iteration"]), "minutes": f"{saved['seconds'] / 60:.0f}"}
    save_file(state, output, metadata)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("output", type=Path)
    args = parser.parse_args()
    export(args.checkpoint, args.output)


if __name__ == "__main__":
    main()
