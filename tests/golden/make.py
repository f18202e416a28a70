"""Writes the golden files of the newest format version; those of older ones stay as they are, and readable.

Run from the repository's root: python tests/golden/make.py
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from codec.format.packing import VERSION  # noqa: E402
from codec.format.reader import BitstreamReader  # noqa: E402
from tests.support import format_cases as cases  # noqa: E402

for name, film in cases.FILMS.items():
    path = HERE / f"{name}-{VERSION}.fgvc"
    size = len(cases.write(path, film, cases.QUALITIES_AT_SOURCE[name]))
    with BitstreamReader(path) as reader:
        parsed = {"header": film[0], "records": film[1], "end": reader.end}
    values = {key: cases.jsonable(value) for key, value in parsed.items()}
    path.with_suffix(".json").write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    print(path.name, size, "bytes")
