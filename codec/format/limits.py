"""What a `.fgvc` file may hold at all: its tables of names, its largest numbers, and the checks of a value for them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from codec.format.wire import require

# A name is stored as its position here: append, never reorder.
STORED_DTYPES = ("float32", "bfloat16", "float16", "float8")
CODERS = ("trellis", "greedy", "pfr")
SCHEDULES = ("flow", "vp")
OVERLAP_MODES = ("plain", "guided")
BASE_CODECS = ("none", "av1")
BASE_PACKINGS = ("plain", "modelled")
TARGETS = ("steps", "dists", "lpips", "ms_ssim", "psnr", "bitrate", "size")

METRICS = ("none", "dists", "lpips", "ms_ssim", "psnr", "pocket_dists")

MAX_SIDE = 8192
MAX_PIXELS = 2**25
MAX_FRAMES = 2**31 - 1
MAX_GOP_FRAMES = 1024
# Of one GOP, all its frames together: 64 frames of 2560x1600. Latents and pictures of two GOPs are held at once.
MAX_GOP_PIXELS = 2**28
# Frames that one keyframe of the base serves.
MAX_SEGMENT_FRAMES = 240
MAX_REUSE = 255
MAX_LEVELS = 256
MAX_LEVEL = 65535
MAX_CODER_PARAMS = 8
MAX_PROBES = 16
MAX_PACKETS = 2048
MAX_NAME = 64
MAX_EXTRADATA = 2**16
WEIGHTS_HASH_BYTES = 8
MAX_RATIO = 2**31 - 1
MAX_BIT_DEPTH = 16
MAX_CRF = 70
CRF_UNIT = 4  # a base's constant rate factor goes in quarters
# The restoration of a base: the step that shows all of it, and the last one there is.
WHOLE_RESTORATION = 8
MAX_RESTORATION = 12


def check_name(value: str, known: Sequence[str], what: str) -> None:
    """Refuse a name that its table doesn't know."""
    require(value in known, f"the {what} {value!r} is none of {', '.join(known)}")


def check_short(value: str, what: str) -> None:
    """Refuse a free name that is empty or longer than MAX_NAME bytes."""
    require(0 < len(value.encode()) <= MAX_NAME, f"{what} is empty or longer than {MAX_NAME} bytes")


def check_ratio(value: Fraction, what: str) -> None:
    """Refuse a ratio that isn't positive, or whose terms are too large."""
    fits = 0 < value.numerator <= MAX_RATIO and value.denominator <= MAX_RATIO
    require(fits, f"{what} is {value}")
