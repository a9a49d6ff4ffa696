"""How the parameters of one more module join what an optimizer is given."""

from __future__ import annotations

import re

ALL_OF_ONE = re.compile(r"[\w.]+\.parameters\(\)")
LISTS = re.compile(r"list\([\w.]+\.parameters\(\)\)(?:\s*\+\s*list\([\w.]+\.parameters\(\)\))*")
KEY = re.compile(r"([\"'])params\1\s*:")


def with_parameters(text: str, holder: str) -> str | None:
    """The argument of an optimizer with the parameters of `holder` in it; None where it is too odd.

    `model.parameters()`, a sum of lists and a list of groups are known.
    """
    if ALL_OF_ONE.fullmatch(text):
        return f"[*{text}, *{holder}.parameters()]"
    if LISTS.fullmatch(text):
        return f"{text} + list({holder}.parameters())"
    key = KEY.search(text)
    if key is None or not (text.startswith("[") and text.endswith("]")):
        return None
    group = f"{{{key[1]}params{key[1]}: {holder}.parameters()}}"
    inner = text[1:-1]
    body = inner.rstrip()
    if "#" in body.rpartition("\n")[2]:
        return None  # the comma would stand in a comment
    between = inner[: len(inner) - len(inner.lstrip())] if "\n" in inner else " "
    comma = "" if body.endswith(",") else ","
    after = "," if body.endswith(",") else ""
    return f"[{body}{comma}{between}{group}{after}{inner[len(body) :]}]"
