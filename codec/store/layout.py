"""What a folder in diffusers' layout must hold to serve as a model; read without torch."""

from __future__ import annotations

from pathlib import Path

from codec.errors import PriorError
from codec.files import read_json

INDEX = "diffusion_pytorch_model.safetensors.index.json"


def check_folder(name: str, folder: Path, transformer: str, vae: str) -> None:
    """Refuse a folder that doesn't hold the model `name`.

    Args:
        transformer, vae: the class names that its two config.json files must give.

    Raises:
        PriorError: a part, its configuration or a weight file is missing, or it names another class.
    """
    for part, wanted in (("transformer", transformer), ("vae", vae)):
        path = folder / part / "config.json"
        found = read_json(path).get("_class_name")
        if found is None:
            raise PriorError(
                f"There is no readable {path}, so this is no {name} in diffusers' layout; give its top folder."
            )
        if found != wanted:
            raise PriorError(f"{path} names {found}, but {name} needs {wanted}; choose another folder.")
        _check_weights(folder / part)


def _check_weights(part: Path) -> None:
    if not any(part.glob("*.safetensors")):
        raise PriorError(f"{part} holds no .safetensors file; get the weights in that format.")
    named = read_json(part / INDEX).get("weight_map", {})
    if not isinstance(named, dict) or not all(isinstance(shard, str) for shard in named.values()):
        raise PriorError(f"{part / INDEX} is no index of weights; get the model again.")
    lacking = sorted(shard for shard in set(named.values()) if not (part / shard).is_file())
    if lacking:
        raise PriorError(f"{part} lacks {lacking[0]}, which its index names; get the model again.")
