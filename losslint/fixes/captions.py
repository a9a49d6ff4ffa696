"""What a component is called beside its total: `train/ce_loss` where that is `train/loss`."""

from __future__ import annotations

import re

from losslint.frozen import dataclass

_TOTAL = "total|sum|summed|combined|overall|full|joint|whole|all|objective|obj|cost"
_PHASE = """train|training|val|valid|validation|eval|test|dev|batch|step|iter|epoch|avg|average
    |mean|running|current|cur|smoothed|last|log|logs|metric|metrics""".replace("\n    ", "")

# `total_loss`, `Loss`, `losses sum`: the part of a name that says it is the total.
_LOSS = re.compile(
    rf"(?<![^\W_])(?:(?:{_TOTAL})[_ -]?)?loss(?:es)?(?:[_ -](?:{_TOTAL}))?(?![^\W_])", re.I
)
_ONLY_TOTAL = re.compile(rf"(?<![^\W_])(?:{_TOTAL}|tot)(?![^\W_])", re.I)
_ONLY_PHASE = re.compile(rf"(?:{_PHASE})", re.I)

# Between two values of one text. `:` is not among them: it stands behind a name.
_GAP = r"[\s,;|/·•-]+"
_CAPTION = re.compile(
    rf"(?P<name>(?:(?:(?:{_PHASE}|{_TOTAL}) )*[A-Za-z][\w/-]*))(?P<joint>\s*[:=]?\s*)$", re.I
)
_LEAD = re.compile(rf"(?P<before>.*?)(?P<gap>{_GAP})$", re.S)
_NEXT = re.compile(rf"({_GAP})[A-Za-z]")
_CLOSING = re.compile(r"[^\w\\:]*", re.S)

GAP = ", "  # where a text does not show how it separates its values


def renamed(name: str, label: str) -> str:
    """The name of a component: `name`, which is the total's, with `label` in place of the loss."""
    loss = _LOSS.search(name)
    if loss is None:
        return _relabelled(name, label)
    before, after = name[: loss.start()], name[loss.end() :]
    if after.startswith("/"):  # `Loss/train`: a group, which stays
        short = re.sub(r"(?i)_?loss$", "", label) or label
        group, rest = name[: loss.end() + 1], after[1:]
        return group + _relabelled(rest, short)
    separator = before[-1:] if before[-1:] in tuple(" -") else ""
    return before + (label.replace("_", separator) if separator else label) + after


def _relabelled(name: str, label: str) -> str:
    """The same where no word of `name` is the loss: `train` is kept, `total` and `err` are not."""
    total = _ONLY_TOTAL.search(name)
    if total is not None:
        return name[: total.start()] + label + name[total.end() :]
    group, slash, last = name.rpartition("/")
    phase, *_ = last.split("_")
    kept = f"{phase}_" if _ONLY_PHASE.fullmatch(phase) else ""
    return group + slash + kept + label


@dataclass(frozen=True)
class Caption:
    """How a text names a value: ` | loss: ` is the gap ` | `, the name `loss`, the joint `: `."""

    gap: str
    name: str
    joint: str

    def of(self, label: str) -> str:
        """What stands before the value of another loss."""
        return f"{self.gap}{renamed(self.name, label) if self.name else ''}{self.joint}"


def caption(before: str, after: str, *, first: bool) -> Caption | None:
    """The caption of the value between two pieces of text; None if it has no name.

    `first` says that no other value of the text stands before. The gap is the one
    to the value behind, or else before, if these are there to learn it from.
    """
    named = _CAPTION.search(before)
    if named is None:
        return None
    return Caption(gap(before[: named.start()], after, first=first), named["name"], named["joint"])


def gap(before: str, after: str, *, first: bool) -> str:
    """How a text separates its values, by what stands around one of them."""
    following = _NEXT.match(after)
    if following is not None:
        return following[1]
    leading = _LEAD.fullmatch(before)
    if leading is not None and not first and _CLOSING.fullmatch(leading["before"]):
        return leading["gap"]
    return GAP
