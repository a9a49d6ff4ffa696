"""Comments that hold a call which would hand parameters to an optimizer."""

from __future__ import annotations

import re
from collections.abc import Iterator

from losslint.findings import Span
from losslint.model.facts import Site
from losslint.source.text import Source

COMMENTED = re.compile(rb"#[^#\r\n]*add_param_group\(([^\r\n]*)")
PARAMETERS_OF = re.compile(r"\b([A-Za-z_]\w*)\.(?:named_)?parameters\(")


def stopped(source: Source) -> Iterator[tuple[str, Site]]:
    """Each such comment by the last name of what it takes the parameters of."""
    for found in COMMENTED.finditer(source.data):
        whose = PARAMETERS_OF.search(found[1].decode(errors="replace"))
        if whose:
            row = source.position(found.start())[0]
            yield whose[1], Site(Span(*found.span()), source.place(found.start()), (row,))
