"""Stand-ins for what somebody's code needs and losslint has not.

A stand-in can be read, called, indexed, iterated, compared: whatever comes out is a
stand-in again. Where one meets a tensor in arithmetic, something has to have a
value. What was computed from the arguments of a loss, or returned by a call, is a
task loss then, 0 or more and sampled; what configures a loss is 1.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from losslint.frozen import dataclass
from losslint.verify.world import Unknown, World

# What leaves a loss the loss that it is: reductions, moves, changes of shape.
SAME = frozenset(
    "mean sum to float double half cpu cuda squeeze unsqueeze view reshape flatten contiguous"
    " clone type_as expand view_as requires_grad_ nanmean".split()
)
SIGNS = {"add": "+", "sub": "-", "mul": "*", "truediv": "/", "pow": "**"}
CUT = frozenset(("detach", "data", "item", "tolist", "numpy"))
ARITHMETIC = ("add", "sub", "mul", "truediv", "pow", "matmul", "mod", "floordiv", "and_", "or_")


class StandIn:
    """Something unknown, by the path on which it was come by.

    `computed` tells what came out of a call, or in as an argument, from what
    configures the code; `cut` what was detached from its graph; `scale` is the number
    above 0 that it has been multiplied by.
    """

    _world: World
    _path: str
    _computed: bool
    _cut: bool
    _scale: float

    def __init__(
        self,
        world: World,
        path: str,
        *,
        computed: bool = False,
        cut: bool = False,
        scale: float = 1.0,
    ) -> None:
        self.__dict__.update(_world=world, _path=path, _computed=computed, _cut=cut, _scale=scale)

    # --- what it is worth -----------------------------------------------------------------

    @property
    def computed(self) -> bool:
        """Whether it came of an argument or a call, and is no setting."""
        return self._computed

    @property
    def is_loss(self) -> bool:
        """Whether it has been a task loss already."""
        return self._path in self._world.sources

    def value(self, beside: Tensor | None = None) -> Tensor:
        """The tensor that it is taken for: a scalar, or as many as a vector beside it has."""
        if beside is not None and beside.dim() == 1 and len(beside) > 1 and self._computed:
            parts = [self[place] for place in range(len(beside))]
            return torch.stack(
                [part.value() if isinstance(part, StandIn) else part for part in parts]
            )
        if not self._computed:
            self._world.assume(f"`{self._path}` is 1")
            return torch.tensor(self._scale)
        loss = self._world.loss(self._path)
        loss = loss if self._scale == 1 else loss * self._scale
        return loss.detach() if self._cut else loss

    def derived(self, how: str, *others: object, computed: bool = False) -> StandIn:
        """What comes of it by some operation, together with others."""
        also = [other for other in others if isinstance(other, StandIn)]
        computed = computed or self._computed or any(other._computed for other in also)
        path = f"{_spelled(self)}{how}"[:200]
        return StandIn(self._world, path, computed=computed, cut=self._cut)

    def scaled(self, factor: float) -> StandIn:
        """It, times a number above 0."""
        return self._as(self._path, cut=self._cut, scale=self._scale * factor)

    def given_to(self, name: str, handed: Iterable[object]) -> StandIn:
        """What a function of torch makes of it, and of what else it is handed."""
        result = self.derived("", *handed)
        named = [one for one in handed if isinstance(one, (StandIn, Tensor, list, tuple))]
        result.__dict__["_path"] = f"{name}({', '.join(map(_spelled, named))})"[:200]
        return result

    # --- reading --------------------------------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        leaf = self._world.leaf(f"{self._path}.{name}")
        if leaf is not None:
            return leaf
        if name == "device":
            return torch.device("cpu")
        if name == "dtype":
            return torch.get_default_dtype()
        if name in ("ndim", "requires_grad", "training"):
            return self._world.truth()
        if name == "data":
            return self._as(self._path, cut=True, scale=self._scale)
        if name in SAME or name in CUT:
            return _Method(self, name)
        return self.derived(f".{name}")

    def __setattr__(self, name: str, value: object) -> None:
        pass

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        owner, _, method = self._path.rpartition(".")
        handed = [*args, *kwargs.values()]
        refuse_learned(f"{self._path}(...)", handed)
        if owner and method in ("keys", "items", "values"):
            return getattr(self._as(owner, cut=False), f"_{method}")()
        spelled = ", ".join(map(_spelled, handed))
        return self.derived(f"({spelled})", computed=True)

    def _as(self, path: str, *, cut: bool, scale: float = 1.0) -> StandIn:
        return StandIn(self._world, path, computed=self._computed, cut=cut, scale=scale)

    def _keys(self) -> tuple[str, ...]:
        return self._world.names()

    def _values(self) -> list[Any]:
        return [self[name] for name in self._world.names()]

    def _items(self) -> list[tuple[str, Any]]:
        return [(name, self[name]) for name in self._world.names()]

    def __getitem__(self, key: object) -> Any:
        if isinstance(key, int) and not isinstance(key, bool) and key >= 32:
            raise IndexError(key)  # whoever counts through it without end
        path = f"{self._path}[{_index(key)}]"[:200]
        leaf = self._world.leaf(path)
        return self._as(path, cut=self._cut, scale=self._scale) if leaf is None else leaf

    def entries(self) -> list[Any]:
        """As many of what it holds as there are tasks."""
        return [self[place] for place in range(self._world.size())]

    def __setitem__(self, key: object, value: object) -> None:
        pass

    def __delitem__(self, key: object) -> None:
        pass

    def __iter__(self) -> Iterator[Any]:
        if self._world.answers.names:
            return iter(self._world.names())
        return iter(self.entries())

    def __next__(self) -> Any:
        return self[0]

    def __len__(self) -> int:
        return self._world.size()

    def __contains__(self, key: object) -> bool:
        return self._world.truth()

    # --- numbers and conditions -----------------------------------------------------------

    def __index__(self) -> int:
        return self._world.size()

    __int__ = __index__

    def __float__(self) -> float:
        return 1.0

    def __bool__(self) -> bool:
        return self._world.truth()

    def __hash__(self) -> int:
        return hash(self._path)

    # A comparison is unknown too, and as true as anything unknown is.
    def __eq__(self, other: object) -> Any:
        return self.derived(" == ", other)

    def __ne__(self, other: object) -> Any:
        return self.derived(" != ", other)

    def _compared(self, other: object) -> Any:
        return self.derived(" <> ", other)

    __lt__ = __gt__ = __le__ = __ge__ = _compared

    def __enter__(self) -> StandIn:
        return self

    def __exit__(self, *problem: object) -> None:
        return None

    def __neg__(self) -> StandIn:
        return self.derived("-")

    def __abs__(self) -> StandIn:
        return self

    def __invert__(self) -> StandIn:
        return self.derived("~")

    def __format__(self, form: str) -> str:
        return self._path

    def __repr__(self) -> str:
        return f"<{self._path}>"

    @classmethod
    def __torch_function__(cls, *asked: object, **also: object) -> Any:
        """There for torch to let a stand-in through; `meeting.Meeting` sees to it first."""
        return NotImplemented


@dataclass(frozen=True)
class _Method:
    """A method of a stand-in that leaves it what it is, but for its graph perhaps."""

    owner: StandIn
    name: str

    def __call__(self, *_args: object, **_kwargs: object) -> Any:
        owner = self.owner
        if self.name in ("item", "tolist"):
            return 1.0
        cut = owner._cut or self.name in CUT
        return owner._as(owner._path, cut=cut, scale=owner._scale)


def _with_number(one: StandIn, name: str, number: float, *, turned: bool) -> Any:
    """A stand-in and a number: scaled by it, or something else again."""
    if name == "mul" and number == 0:
        return 0.0
    if number > 0 and (name == "mul" or (name == "truediv" and not turned)):
        return one.scaled(number if name == "mul" else 1 / number)
    sign = SIGNS.get(name, name)
    if turned:
        return one.given_to(f"{number:g} {sign} ", [one])
    return one.derived(f" {sign} {number:g}")


def _binary(name: str, *, turned: bool) -> Callable[[StandIn, Any], Any]:
    act: Callable[[Any, Any], Any] = getattr(operator, name)

    def operation(self: StandIn, other: Any) -> Any:
        if isinstance(other, Tensor):
            value = self.value(other)
            return act(other, value) if turned else act(value, other)
        if isinstance(other, (int, float)) and not isinstance(other, bool):
            return _with_number(self, name, float(other), turned=turned)
        if isinstance(other, StandIn):
            return self.derived(f" {SIGNS.get(name, name)} {_spelled(other)}", other)
        return NotImplemented

    return operation


for _name in ARITHMETIC:
    _short = _name.rstrip("_")
    setattr(StandIn, f"__{_short}__", _binary(_name, turned=False))
    setattr(StandIn, f"__r{_short}__", _binary(_name, turned=True))


def refuse_learned(name: str, handed: object) -> None:
    """Raise `Unknown` where something unknown gets what the parameters went into."""
    if any(one.requires_grad for one in tensors_in(handed)):
        raise Unknown(f"`{name}` is not known, and gets what is learned")


def tensors_in(value: object) -> Iterator[Tensor]:
    """The tensors in nested lists, tuples and dictionaries."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for entry in value.values():
            yield from tensors_in(entry)
    elif isinstance(value, (list, tuple)):
        for entry in value:
            yield from tensors_in(entry)


def _index(key: object) -> str:
    """What stands between the brackets."""
    if isinstance(key, tuple):
        return ", ".join(map(_index, key))
    if isinstance(key, slice):
        ends = (key.start, key.stop) if key.step is None else (key.start, key.stop, key.step)
        return ":".join("" if end is None else _index(end) for end in ends)
    if key is None or key is Ellipsis or isinstance(key, (str, int)):
        return repr(key)
    return _spelled(key)


def _spelled(value: object) -> str:
    if isinstance(value, (str, int, float)):
        return repr(value)
    if isinstance(value, StandIn):
        return value._path if value._scale == 1 else f"{value._scale:g} * {value._path}"
    return type(value).__name__


class StandInModule(nn.Module):
    """A module whose base class is not known: it takes anything, and has whatever is asked for."""

    world = World()

    def __init__(self, *_args: object, **_kwargs: object) -> None:
        super().__init__()

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name.startswith("__") or self.__dict__.get("_registers"):
                raise
            leaf = self.world.leaf(f"self.{name}")
            return StandIn(self.world, f"self.{name}") if leaf is None else leaf

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, StandIn):  # whatever has been registered under this name
            for kept in (self._parameters, self._buffers, self._modules):
                kept.pop(name, None)
        super().__setattr__(name, value)

    def register_parameter(self, name: str, param: nn.Parameter | None) -> None:
        """As any module does it: it must not be found to have everything already."""
        self.__dict__["_registers"] = True
        super().register_parameter(name, param)
        self.__dict__["_registers"] = False

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """The same, for a tensor that is not learned."""
        self.__dict__["_registers"] = True
        super().register_buffer(name, tensor, persistent)
        self.__dict__["_registers"] = False

    def forward(self, *_args: object, **_kwargs: object) -> Any:
        """What a base class that is not known returns."""
        return StandIn(self.world, "super().forward", computed=True)
