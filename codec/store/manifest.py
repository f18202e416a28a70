"""The models and networks this program can use: where they are published, under which terms, and what they need.

A commit pins every byte of a repository. Those here are the ones that users of each model name in public (ten and more
independent projects each); sizes and hashes of single files are what the hub says at that commit, checked on arrival
and recorded beside the files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from codec.errors import PriorError

GB = 10**9


@dataclass(frozen=True)
class ModelSpec:
    """One video model on a hub, in diffusers' layout.

    Attributes:
        repository: owner/name on the hub.
        commit: the revision to fetch, 40 hexadecimal digits.
        licence, licence_url: shown before the first download.
        disk_bytes: what a download takes, about; of transformer and VAE alone.
        memory_bytes: what runs in bfloat16 without offloading need, about.
        transformer, vae: diffusers' class names that its config.json files must name.
    """

    name: str
    title: str
    repository: str
    commit: str
    licence: str
    licence_url: str
    disk_bytes: int
    memory_bytes: int
    transformer: str
    vae: str


MODELS: Mapping[str, ModelSpec] = {
    spec.name: spec
    for spec in (
        ModelSpec(
            name="wan2.1-t2v-1.3b",
            title="Wan2.1 text-to-video, 1.3 billion parameters",
            repository="Wan-AI/Wan2.1-T2V-1.3B-Diffusers",
            commit="0fad780a534b6463e45facd96134c9f345acfa5b",
            licence="Apache-2.0",
            licence_url="https://www.apache.org/licenses/LICENSE-2.0",
            disk_bytes=round(6.2 * GB),
            memory_bytes=round(3.4 * GB),
            transformer="WanTransformer3DModel",
            vae="AutoencoderKLWan",
        ),
        ModelSpec(
            name="cogvideox-2b",
            title="CogVideoX, 2 billion parameters",
            repository="zai-org/CogVideoX-2b",
            commit="1137dacfc2c9c012bed6a0793f4ecf2ca8e7ba01",
            licence="Apache-2.0",
            licence_url="https://www.apache.org/licenses/LICENSE-2.0",
            disk_bytes=round(4.3 * GB),
            memory_bytes=round(4.3 * GB),
            transformer="CogVideoXTransformer3DModel",
            vae="AutoencoderKLCogVideoX",
        ),
        ModelSpec(
            name="ltx-video-2b",
            title="LTX-Video, 2 billion parameters",
            repository="Lightricks/LTX-Video",
            commit="8984fa25007f376c1a299016d0957a37a2f797bb",
            licence="LTX-Video Open Weights License: its own terms, free of charge below a revenue limit",
            licence_url="https://huggingface.co/Lightricks/LTX-Video",
            disk_bytes=round(5.7 * GB),
            memory_bytes=round(5.7 * GB),
            transformer="LTXVideoTransformer3DModel",
            vae="AutoencoderKLLTXVideo",
        ),
    )
}


@dataclass(frozen=True)
class HubFile:
    """A file `path` of a hub's repository at a commit; the hub says its size and hash."""

    repository: str
    commit: str
    path: str = "model.safetensors"

    @property
    def origin(self) -> str:
        """For the record beside the file."""
        return f"{self.repository} at {self.commit}"


@dataclass(frozen=True)
class WebFile:
    """A file at an address of its own, with its size in bytes and its hash."""

    url: str
    size: int
    sha256: str

    @property
    def path(self) -> str:
        """That of the address."""
        return urlsplit(self.url).path

    @property
    def origin(self) -> str:
        """For the record beside the file."""
        return self.url


@dataclass(frozen=True)
class TrunkSpec:
    """The convolutions of a published classifier, under torchvision's layer numbers.

    Attributes:
        file: what it is called in the metrics' folder.
        source: the whole network; a trunk alone is published nowhere.
        first_layer: shape of the first convolution's weight, by which it is told from others.
        layers: how many convolutions it has.
        serves: the metrics that need it.
        download_bytes: of the published file.
        disk_bytes: of the trunk that is kept; 4 for each of its parameters.
    """

    name: str
    file: str
    source: HubFile | WebFile
    first_layer: tuple[int, ...]
    layers: int
    licence: str
    serves: str
    download_bytes: int
    disk_bytes: int


TRUNKS: Mapping[str, TrunkSpec] = {
    spec.name: spec
    for spec in (
        TrunkSpec(
            name="metric-vgg16",
            file="vgg16_features.safetensors",
            source=HubFile("timm/vgg16.tv_in1k", "b8d8aa2dd860af9233c8c67385a8097fd6c35d3f"),
            first_layer=(64, 3, 3, 3),
            layers=13,
            licence="BSD-3-Clause",
            serves="DISTS and LPIPS (VGG)",
            download_bytes=4 * 138_357_544,
            disk_bytes=4 * 14_714_688,
        ),
        TrunkSpec(
            name="metric-alexnet",
            file="alexnet_features.safetensors",
            # No project of standing publishes it as safetensors; this is torchvision's own file. Many projects pin it.
            source=WebFile(
                url="https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
                size=244_408_911,
                sha256="7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
            ),
            first_layer=(64, 3, 11, 11),
            layers=5,
            licence="BSD-3-Clause",
            serves="LPIPS (AlexNet) and tLP",
            download_bytes=244_408_911,
            disk_bytes=4 * 2_469_696,
        ),
    )
}


def spec_of(name: str) -> ModelSpec:
    """The model called `name`.

    Raises:
        PriorError: there is none.
    """
    if name not in MODELS:
        raise PriorError(f"There is no model named {name!r}; choose one of {', '.join(MODELS)}.")
    return MODELS[name]
