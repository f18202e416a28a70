"""Prints how much of the engine one default encode runs through: `python -m tests.coverage_of_an_encode`.

A line that neither this nor a refusal needs is a line that somebody keeps for nothing.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import coverage

from tests.support import ROOT, SAMPLE


def main() -> None:
    """Encode a second of the sample with the default settings, and print the report."""
    measured = coverage.Coverage(source_pkgs=["codec"], branch=True, data_file=None)
    measured.start()
    # Imported while it is measured, so that definitions count as run.
    from codec.cli import main as freegvc

    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "sample.fgvc"
        code = freegvc(["encode", str(SAMPLE), "-o", str(output), "--duration", "1", "--short-side", "96"])
    measured.stop()
    assert code == 0, "the default encode failed"
    measured.report(skip_empty=True, sort="Cover", omit=[str(ROOT / "codec" / "reproduce" / "*")])


if __name__ == "__main__":
    main()
