"""From the text of a program to a weighting that torch can be asked about.

A loss that can be built and takes nothing but its losses is called as it stands
(`calling.py`). For any other one, stand-ins are handed over, in one world after
another, until its total depends on what it learns and on a loss.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field, replace
from typing import Any

import torch
from torch import Tensor, nn

from losslint.frozen import dataclass
from losslint.verify.calling import weighting_of
from losslint.verify.held import Held, Namespace, default_type
from losslint.verify.meeting import Meeting
from losslint.verify.stand_ins import StandIn, StandInModule, tensors_in
from losslint.verify.weighting import Weighting, point
from losslint.verify.world import Answers, Unknown, World, every_answer

# More learned numbers than these are no task weights.
MOST_PARAMETERS = 64

# Arguments whose annotation says what they are.
PLAIN: Mapping[object, object] = {
    kind if spelled else kind.__name__: value
    for kind, value in ((float, 1.0), (str, "mean"), (bool, True))
    for spelled in (True, False)
}


@dataclass(frozen=True)
class Runnable:
    """A self-contained text, and what in it computes the total.

    `entry` names a class or a function of `text`; of a class, `method` is called
    ("" for the module itself). With `whole`, it is tried without stand-ins too.
    `leaves` are the spelled names of what is learned, each with its start where known.
    """

    text: str
    entry: str
    method: str
    whole: bool
    leaves: Mapping[str, float | None]


@dataclass(frozen=True)
class Way:
    """One way to run a program, to be gone again with another version of it.

    `answers` is None where nothing has to be made up. `sources` are the names of
    its task losses; those of `still` count for nothing, and have that value. The
    total are the `outputs` of the tensors that come out, added up.
    """

    answers: Answers | None = None
    sources: tuple[str, ...] = ()
    still: Mapping[int, float] = field(default_factory=dict)
    outputs: tuple[int, ...] = ()


@dataclass(frozen=True)
class Loaded:
    """A program that runs: its weighting, how it is called, and what was assumed."""

    weighting: Weighting
    way: Way
    call: str
    assumes: tuple[str, ...] = ()


def ways(program: Runnable) -> Iterator[Loaded | str]:
    """All ways in which a program runs, the plainest first; for each that fails, why."""
    said: set[str] = set()
    plain: tuple[Answers | None, ...] = (None,) if program.whole else ()
    for answers in (*plain, *every_answer()):
        try:
            if answers is None:
                yield _as_it_stands(program)
            else:
                yield from _explored(program, answers)
        except Exception as problem:  # whatever code raises when called wrongly
            why = f"{type(problem).__name__}: {problem}"[:200]
            if why not in said:
                said.add(why)
                yield why


def load(program: Runnable, way: Way) -> Loaded:
    """A program, run one way.

    Raises:
        Exception: whatever the code raises, `CannotCallError` or `Unknown`.
    """
    if way.answers is None:
        return _as_it_stands(program)
    stage = _Stage(program, way.answers, way.sources)
    if len(stage.world.sources) != len(way.sources):
        raise Unknown("it takes other task losses than before")
    return stage.loaded(way)


def _as_it_stands(program: Runnable) -> Loaded:
    torch.manual_seed(0)
    with default_type(torch.float64):
        weighting = weighting_of(_executed(program, World())[program.entry])
    _expect_few(weighting)
    _expect_losses(weighting)
    return Loaded(weighting, Way(), "called as it stands, with scalar task losses")


def _expect_losses(weighting: Weighting) -> None:
    """Raise `Unknown` unless the total grows with each loss: a prediction is none."""
    ones = torch.ones(weighting.tasks, dtype=torch.float64)
    for losses in (
        torch.linspace(0.5, 1.5, weighting.tasks, dtype=torch.float64),
        ones,
        1e-3 * ones,
    ):
        near = [weighting.at(weighting.start + off, losses).weights for off in (0.0, 0.25)]
        if not any(bool((weights > 0).all()) for weights in near):
            raise Unknown("what it takes are no task losses: the total does not grow with each")


def _explored(program: Runnable, answers: Answers) -> Iterator[Loaded]:
    """A program in a world: each of its outputs that may be the total, and all of them together."""
    stage = _Stage(program, answers, ())
    problem: Exception | None = Unknown("no tensor comes out")
    # Each by itself, then a loss in its parts, which the caller adds up.
    together = [tuple(stage.outputs)] if len(stage.outputs) > 1 else []
    for outputs in [(output,) for output in stage.outputs] + together:
        try:
            yield stage.explored(outputs)
            problem = None
        except Unknown as why:
            problem = problem and why
    if problem is not None:
        raise problem


def _still(weighting: Weighting) -> dict[int, float]:
    """The task losses that are no task losses of this total, each with its value.

    Raises:
        Unknown: none is, or the total does not depend on what is learned.
    """
    losses = point(weighting, [0.5 + 0.25 * task for task in range(weighting.tasks)])
    near = [weighting.at(weighting.start + off, losses) for off in (0.0, 0.25)]
    if not any(bool(one.pulls.any()) for one in near):
        raise Unknown("the total does not depend on what is learned")
    weights = torch.stack([one.weights for one in near])
    still = {
        task: 0.0 if bool((column < 0).any()) else 1.0
        for task, column in enumerate(weights.T)
        if not bool((column > 0).any()) or bool((column < 0).any())
    }
    if len(still) == weighting.tasks:
        raise Unknown("the total does not depend on a task loss")
    return still


def _expect_few(weighting: Weighting) -> None:
    if len(weighting.start) > MOST_PARAMETERS:
        raise Unknown(f"it learns {len(weighting.start)} numbers: too many for task weights")


@dataclass(frozen=True)
class _Learned:
    """An argument that is learned, by its name: each call has it anew."""

    name: str


def _now(argument: object, world: World) -> object:
    return world.leaf(argument.name) if isinstance(argument, _Learned) else argument


class _Stage:
    """A program set up in a world, and asked once for what it needs of it."""

    def __init__(self, program: Runnable, answers: Answers, sources: tuple[str, ...]) -> None:
        torch.manual_seed(0)
        self.answers = answers
        self.world = World(answers, program.leaves)
        with default_type(torch.float64), Meeting():
            namespace = _executed(program, self.world)
            entry = namespace[program.entry]
            owner = _built(entry, self.world) if isinstance(entry, type) else None
            if isinstance(owner, nn.Module):
                _switch_on(owner, self.world)
            self.world.keys = _keys(owner)
            function = _function(entry if owner is None else owner, program.method)
            self.arguments = _arguments(function, self.world)
            # The first call creates whatever is created when it is asked for.
            self.world.sources = {name: place for place, name in enumerate(sources)}
            found = list(tensors_in(function(*self._handed())))
            made = self.world.made and answers.vectors
            self.outputs = [
                place
                for place, one in enumerate(found)
                if one.requires_grad and (one.numel() == 1 or not made)
            ]
        # Handed over within the call: by then what is learned has been swapped.
        self.held = _held(lambda: function(*self._handed()), owner, namespace, self.world)
        self.held.learn_only(_named(program.leaves))
        if not self.held.learned():
            raise Unknown("nothing in it is learned")

    def explored(self, outputs: tuple[int, ...]) -> Loaded:
        """The program run so that these outputs are the total.

        Raises:
            Unknown: they depend on nothing that is learned, or on no task loss.
        """
        way = Way(self.answers, tuple(self.world.sources), outputs=outputs)
        weighting = self.weighting(way)
        _expect_few(weighting)
        return self.loaded(replace(way, still=_still(weighting)))

    def loaded(self, way: Way) -> Loaded:
        """The program run this way."""
        losses = [name for place, name in enumerate(way.sources) if place not in way.still]
        for place, value in way.still.items():
            self.world.assume(f"`{way.sources[place]}` stays at {value:g}")
        call = f"called with stand-ins; task losses: {', '.join(losses)}"
        return Loaded(self.weighting(way), way, call, tuple(self.world.assumptions))

    def weighting(self, way: Way) -> Weighting:
        """The total of the task losses that count, the others standing still."""
        count = len(way.sources)
        used = [place for place in range(count) if place not in way.still]

        def call(run: Callable[..., object], losses: Tensor) -> object:
            every = torch.ones(count, dtype=losses.dtype)
            for place, value in way.still.items():
                every[place] = value
            every[used] = losses
            self.world.losses = every
            with Meeting():
                return run()

        def total(result: object) -> Tensor:
            found = list(tensors_in(result))
            parts = [found[place].sum() for place in way.outputs]
            return parts[0] if len(parts) == 1 else torch.stack(parts).sum()

        def others(result: object) -> tuple[Tensor, ...]:
            found = enumerate(tensors_in(result))
            return tuple(one.detach() for place, one in found if place not in way.outputs)

        return self.held.weighting(len(used), call, total, others)

    def _handed(self) -> list[object]:
        return [_now(argument, self.world) for argument in self.arguments]


def _executed(program: Runnable, world: World) -> dict[str, Any]:
    """The names that a program defines."""
    module = type("StandInModule", (StandInModule,), {"world": world})

    def stand_in(name: str) -> object:
        leaf = world.leaf(name)
        return StandIn(world, name) if leaf is None else leaf

    def missing(problem: Exception, name: str) -> object:
        leaf = world.leaf(name)
        if leaf is not None:
            return leaf
        world.assume(f"`{name}` is not known: {type(problem).__name__}: {problem}"[:200])
        return StandIn(world, name)

    namespace: dict[str, Any] = {
        "__name__": "user",
        "stand_in": stand_in,
        "computed": lambda name: StandIn(world, name, computed=True),
        "missing": missing,
        "StandInModule": module,
    }
    exec(compile(program.text, "<user>", "exec"), namespace)
    return namespace


def _built(kind: type, world: World) -> object:
    """An instance of a class, with stand-ins for the arguments that it must have."""
    required = [
        argument
        for argument in inspect.signature(kind).parameters.values()
        if argument.default is argument.empty
        and argument.kind not in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD)
    ]
    given = {one.name: _argument(one, world, computed=False) for one in required}
    return kind(**{name: _now(value, world) for name, value in given.items()})


def _function(entry: Any, method: str) -> Callable[..., object]:
    if method:
        entry = getattr(entry, method)
    function: Callable[..., object] = entry.forward if isinstance(entry, nn.Module) else entry
    return function


def _arguments(function: Callable[..., object], world: World) -> list[object]:
    """What is handed to a function, in order: the arguments that it must have."""
    handed: list[object] = []
    for argument in inspect.signature(function).parameters.values():
        if argument.kind is argument.VAR_POSITIONAL:
            handed += StandIn(world, argument.name, computed=True).entries()
        elif argument.kind in (argument.VAR_KEYWORD, argument.KEYWORD_ONLY):
            break
        elif argument.default is argument.empty or argument.name in world.leaves:
            handed.append(_argument(argument, world, computed=True))
        else:
            handed.append(argument.default)
    return handed


def _argument(argument: inspect.Parameter, world: World, *, computed: bool) -> object:
    if argument.name in world.leaves:
        return _Learned(argument.name)
    if argument.annotation in (int, "int"):
        return world.answers.tasks
    if argument.annotation in PLAIN:
        return PLAIN[argument.annotation]
    return StandIn(world, argument.name, computed=computed)


def _keys(owner: object) -> tuple[str, ...]:
    """The names that the parameters of a module are kept under, where a dict keeps them."""
    for module in owner.modules() if isinstance(owner, nn.Module) else ():
        if isinstance(module, nn.ParameterDict):
            return tuple(module.keys())
    return ()


def _switch_on(module: nn.Module, world: World) -> None:
    """Let what is known to be learned be so, whatever the defaults of its module say."""
    chosen = _named(world.leaves)
    for name, parameter in module.named_parameters():
        if chosen(name) and not parameter.requires_grad:
            parameter.requires_grad_(True)
            world.assume(f"`{name}` is learned")


def _named(leaves: Mapping[str, float | None]) -> Callable[[str], bool]:
    """Whether a tensor of a module, or of the program, is one of these leaves or a part of one."""
    plain = {leaf.removeprefix("self.").partition("[")[0] for leaf in leaves}
    return lambda name: any(
        name == leaf or name.startswith((f"{leaf}.", f"{leaf}[")) for leaf in (*plain, *leaves)
    )


def _held(
    function: Callable[..., object], owner: object, namespace: dict[str, Any], world: World
) -> Held:
    modules = [value for value in namespace.values() if isinstance(value, nn.Module)]
    spaces = [Namespace(world.made, dict(world.made)), Namespace(namespace, dict(namespace))]
    if isinstance(owner, nn.Module):
        modules.insert(0, owner)
        loose = {k: v for k, v in vars(owner).items() if k not in vars(nn.Module())}
        spaces.append(Namespace(vars(owner), loose))
    elif owner is not None:
        spaces.append(Namespace(vars(owner), dict(vars(owner))))
    return Held(function, inspect.signature(function), modules, spaces)
