"""Which version of the program this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def program_version() -> str:
    """As it was installed; "unknown" where it runs without having been."""
    try:
        return version("freegvc")
    except PackageNotFoundError:
        return "unknown"
