"""Why a test may be skipped. CI fails on any other reason: a skip that nobody thought of hides what isn't tested."""

from __future__ import annotations

import os
import sys

import pytest

NO_SHARED = "no ../shared folder with the real clips and networks beside this checkout"
ROOT_MAY_WRITE = "root may write to a read-only folder"
POSIX_LIMITS = "limits of memory, files and signals are POSIX's"
LINUX_DISK = "only Linux has a disk that is always full"
OTHER_SCREEN = "Xvfb and xdotool are Linux's"
NO_ENCODER = "no ffmpeg with this encoder on this machine"
NO_DAV1D = "this build of PyAV brings no dav1d of its own"
NO_SVT = "PyAV's wheel brings no SVT-AV1 4.1 here"
NO_RAY = "Ray isn't installed (the extra freegvc[cluster])"
NO_NAMESPACE = "no network namespace of its own can be made here, and a cluster must be alone in its tests"
CLUSTER_RUN = "takes minutes; set FREEGVC_CLUSTER_TESTS=1"
DRY_RUN = "takes minutes; set FREEGVC_GPU_DRY_RUN=1"
_ELSEWHERE = (
    frozenset()
    if sys.platform.startswith("linux")
    else frozenset({LINUX_DISK, OTHER_SCREEN, NO_ENCODER, NO_DAV1D, NO_SVT})
)
ALLOWED = (
    frozenset({NO_SHARED, ROOT_MAY_WRITE, DRY_RUN, NO_RAY, NO_NAMESPACE, CLUSTER_RUN})
    | _ELSEWHERE
    | (frozenset() if os.name == "posix" else {POSIX_LIMITS})
)

posix = pytest.mark.skipif(os.name != "posix", reason=POSIX_LIMITS)
linux_disk = pytest.mark.skipif(not sys.platform.startswith("linux"), reason=LINUX_DISK)
not_root = pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason=ROOT_MAY_WRITE)
