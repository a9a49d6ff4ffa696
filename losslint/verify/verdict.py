"""What came of running a loss in torch: the words of `losslint verify`, plain data.

Everything here is frozen, picklable and free of torch: it is made beside torch in
a process of its own, and read where torch may not be installed.
"""

from __future__ import annotations

from enum import Enum

from losslint.frozen import dataclass


class Status(Enum):
    """The verdict on a loss, and nothing softer."""

    VERIFIED = "verified"  # every property that is owed holds, and the defect showed before
    REFUTED = "refuted"  # a property fails; its counter-example is shown
    NOT_RUNNABLE = "not runnable"  # why is said


class Slice(Enum):
    """What of the user's code was run."""

    WHOLE = "whole"  # the class or function as it stands, built and called
    EXPRESSION = "expression"  # the statements that compute the total, the rest stood in for


@dataclass(frozen=True)
class Result:
    """One property: whether it holds, with the figures or the counter-example to show.

    `holds` is None where the property could not be judged; `why` says why not.
    """

    name: str
    holds: bool | None
    why: str

    def __str__(self) -> str:
        said = {True: "holds", False: "fails", None: "not judged"}[self.holds]
        return f"{self.name}: {said}, {self.why}"


@dataclass(frozen=True)
class Line:
    """One quantity over another: `y` over `x`, of one length.

    inf and NaN are left as they are; `name` says what the line stands for, as
    "task losses of 1".
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True)
class Along:
    """What a total does along one learned parameter, the others at their start.

    `total` and `gradient` (of the total by this parameter) share their x, the
    values of the parameter. All task losses are 1. `solved` is the total where
    they are 0, on the same x.
    """

    parameter: str
    total: Line
    gradient: Line
    solved: Line | None = None


@dataclass(frozen=True)
class Witness:
    """The point that shows the defect: where, and what the total is there.

    `parameters` [P] and `losses` [tasks] are where the total was asked for.
    """

    parameters: tuple[float, ...]
    losses: tuple[float, ...]
    total: float


@dataclass(frozen=True)
class Figures:
    """What one version of a loss does, to be drawn.

    `along`: one for each learned parameter (at most four). The rest is there only
    when asked for: `totals`, total over the first parameter, a line for each of
    several task losses; `together`, the same with all parameters moved alike, where
    what moves one depends on the others; `weights`, weight of the looked-at task over
    its loss once the parameters have settled (log-log); `descent`, 2,000 steps of
    Adam at fixed task losses, a line for the total and one for each parameter, over
    the step.
    """

    along: tuple[Along, ...] = ()
    totals: tuple[Line, ...] = ()
    together: tuple[Line, ...] = ()
    weights: Line | None = None
    descent: tuple[Line, ...] = ()
    witness: Witness | None = None


@dataclass(frozen=True)
class Version:
    """One version of a loss under every property, and what it does."""

    results: tuple[Result, ...] = ()
    figures: Figures = Figures()
    program: str = ""  # the text that was run

    @property
    def failed(self) -> tuple[Result, ...]:
        """The properties that do not hold, each with its counter-example."""
        return tuple(result for result in self.results if result.holds is False)


@dataclass(frozen=True)
class Verdict:
    """What torch says of one loss, before and after its fix.

    `qualname` is the class or function of the loss in `path`, `row` its line there, from 1;
    `codes` are the rules that find something in it, `safety` that of the fix that was
    tried ("safe", "unsafe", or "" where there is none: then `after` is None and the verdict is on the code as
    it stands). `why` says in a sentence what decided. `assumes` are the things that
    stood in for what the code needs and losslint has not. `gradient_difference` is
    the largest relative difference of gradients in the working range.
    """

    path: str
    qualname: str
    row: int
    status: Status
    why: str
    codes: tuple[str, ...] = ()
    safety: str = ""
    slice: Slice | None = None
    call: str = ""
    assumes: tuple[str, ...] = ()
    before: Version | None = None
    after: Version | None = None
    gradient_difference: float | None = None
    seconds: float = 0.0
