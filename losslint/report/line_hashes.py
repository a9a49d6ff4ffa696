"""GitHub's own mark of a line, by which code scanning knows a finding again: `primaryLocationLineHash`.

It is made of the hundred characters from the start of the line on, without spaces and
tabs, as github/codeql-action makes it in src/fingerprints.ts. Another mark than its own
would be reported by its upload as inconsistent.
"""

from __future__ import annotations

import struct
from collections import Counter

from losslint.source.text import Source

LENGTH = 100
BASE = 37
WORD = (1 << 64) - 1
END = 0xFFFF  # what stands behind the last character


def line_hashes(source: Source) -> list[str]:
    """The mark of each line of a file, equal ones told apart by a count."""
    text = source.encode().decode(errors="replace")
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace(" ", "").replace("\t", "")
    data = text.encode("utf-16-le")
    units = [*struct.unpack(f"<{len(data) // 2}H", data), END]
    starts = [0, *(at + 1 for at, unit in enumerate(units) if unit == ord("\n"))]
    units += [0] * LENGTH
    seen: Counter[int] = Counter()
    marks = []
    for start in starts:
        value = 0
        for unit in units[start : start + LENGTH]:
            value = (value * BASE + unit) & WORD
        seen[value] += 1
        marks.append(f"{value:x}:{seen[value]}")
    return marks
