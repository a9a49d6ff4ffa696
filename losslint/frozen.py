"""Frozen dataclasses as those of `dataclasses`, each method of which is compiled when it is first called.

`dataclasses` compiles six for each class. Of the 350 classes of losslint and libcst a run makes
objects of few: it took a third of a run over one file.
"""

from __future__ import annotations

import dataclasses
from contextlib import contextmanager
from types import MemberDescriptorType

FIELDS = "__dataclass_fields__"
PARAMS = "__dataclass_params__"
ASKED = {"__init__": "init", "__repr__": "repr", "__eq__": "eq", "__hash__": "unsafe_hash"}
MANY = 5  # fields: more of them are set at once, for which an object takes more memory
NAMED = {"__doc__": " "}  # without a text, one is made of the signature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from dataclasses import dataclass as dataclass
    from dataclasses import replace as replace
    from typing import Any
else:

    def dataclass(cls: type | None = None, /, **options: Any) -> Any:
        """The decorator of `dataclasses`, which does more at once for all but plain frozen classes."""
        if cls is None:
            return lambda one: dataclass(one, **options)
        bases = [one.__dict__[PARAMS] for one in cls.__mro__[1:] if PARAMS in one.__dict__]
        is_plain = options in ({"frozen": True}, {"frozen": True, "eq": False})
        if not is_plain or not all(base.frozen for base in bases):
            return _plain(cls, **options)
        return _lazily(cls, bases, eq=options.get("eq", True))

    def replace(one: Any, /, **changes: Any) -> Any:
        """That of `dataclasses`, in a fifth of the time where nothing but the fields makes an object."""
        cls = type(one)
        names = _plainly_made.get(cls)
        if names is None:
            names = _plainly_made[cls] = _made_of(cls)
        if not names:
            return dataclasses.replace(one, **changes)
        known = one.__dict__
        # A dictionary that `copy` makes is slow to read from; more than fields were worked out since.
        fields = known if len(known) == len(names) else {name: known[name] for name in names}
        values = {**fields}
        values.update(changes)
        if len(values) > len(names):
            raise TypeError(f"{cls.__name__} has no field {next(reversed(values))!r}")
        made = object.__new__(cls)
        object.__setattr__(made, "__dict__", values)
        return made


_plain = dataclasses.dataclass
_plainly_made: dict[type, tuple[str, ...]] = {}
_waiting: list[Any] = []
_trusted: list[None] = []  # one for each that makes nodes which need no look


def _lazily(cls: Any, bases: list[Any], *, eq: bool) -> Any:
    own = cls.__dict__
    has_hash = own.get("__hash__") is not None or ("__hash__" in own and "__eq__" not in own)
    cls.__doc__ = cls.__doc__ or cls.__name__  # as above
    for base in bases:
        base.frozen = False
    try:
        _plain(init=False, repr=False, eq=False)(cls)
    finally:
        for base in bases:
            base.frozen = True
    params = cls.__dict__[PARAMS]
    params.init = params.repr = params.frozen = True
    params.eq = eq
    wanted = ["__init__", "__repr__", *(("__eq__",) if eq else ())]
    for name in wanted:
        if name not in own:
            setattr(cls, name, LATER[name])
    if eq and not has_hash:
        cls.__hash__ = LATER["__hash__"]
    cls.__setattr__ = _refuse_to_set
    cls.__delattr__ = _refuse_to_delete
    _waiting.append(cls)
    return cls


def _made_of(cls: Any) -> tuple[str, ...]:
    """The fields of a class that sets nothing else when an object is made; none of any other."""
    fields = dataclasses.fields(cls)
    if hasattr(cls, "__post_init__") or not all(one.init for one in fields):
        return ()
    return () if hasattr(cls, "__slots__") else tuple(one.name for one in fields)


def compile_waiting() -> None:
    """Compile what waits to be called, where nothing may be compiled any more."""
    for cls in _waiting:
        for name, method in LATER.items():
            if cls.__dict__.get(name) is method:
                setattr(cls, name, _compiled(cls, name))
    _waiting.clear()


def _later(name: str) -> Callable[..., Any]:
    """A method that makes itself, for the class that it is of, and then is called."""

    def method(self: Any, *arguments: Any, **named: Any) -> Any:
        owner = next(one for one in type(self).__mro__ if one.__dict__.get(name) is method)
        setattr(owner, name, _compiled(owner, name))
        return getattr(owner, name)(self, *arguments, **named)

    return method


LATER = {name: _later(name) for name in ASKED}


def _compiled(cls: Any, name: str) -> Any:
    """A method as `dataclasses` makes it for a class of the same fields."""
    if name == "__init__":
        method = _initializer(cls)
    else:
        options: Any = {"init": False, "repr": False, "eq": False, ASKED[name]: True}
        fields = [(one.name, one.type, _copied(one)) for one in dataclasses.fields(cls)]
        made = dataclasses.make_dataclass(cls.__name__, fields, namespace=NAMED, **options)
        method = made.__dict__[name]
    method.__qualname__ = f"{cls.__qualname__}.{name}"
    return method


def _copied(one: dataclasses.Field[Any]) -> Any:
    names = ("default", "default_factory", "init", "repr", "hash", "compare", "kw_only")
    return dataclasses.field(**{name: getattr(one, name) for name in names})


def _initializer(cls: Any) -> Any:
    """Of `dataclasses` it could be had only with two more methods that nobody calls."""
    around: dict[str, Any] = {"_put": object.__setattr__, "_made": object()}
    given: dict[bool, list[str]] = {False: [], True: []}
    body: list[str] = []
    others: dict[str, str] = {}  # the fields that have no slot
    for one in dataclasses.fields(cls):
        value, default = one.name, ""
        if one.default is not dataclasses.MISSING:
            around[f"_of_{one.name}"] = one.default
            default = f"=_of_{one.name}"
        elif one.default_factory is not dataclasses.MISSING:
            around[f"_of_{one.name}"] = one.default_factory
            default = "=_made"
            value = f"_of_{one.name}() if {one.name} is _made else {one.name}"
        if one.init:
            given[bool(one.kw_only)].append(one.name + default)
        elif default:
            value = f"_of_{one.name}" + "()" * (default == "=_made")
        else:
            continue
        slot = getattr(cls, one.name, None)
        if isinstance(slot, MemberDescriptorType):  # by its own, in two thirds of the time
            around[f"_put_{one.name}"] = slot.__set__
            body.append(f"_put_{one.name}(self, {value})")
        else:
            others[one.name] = value
    if len(others) > MANY:
        every = ", ".join(f"{name!r}: {value}" for name, value in others.items())
        body.append(f"_put(self, '__dict__', {{{every}}})")
    else:
        body += [f"_put(self, {name!r}, {value})" for name, value in others.items()]
    if hasattr(cls, "__post_init__"):
        around["_trusted"] = _trusted if cls.__module__.startswith("libcst.") else ()
        body.append("_trusted or self.__post_init__()")
    stars = ["*"] if given[True] else []
    head = ", ".join(["self", *given[False], *stars, *given[True]])
    exec(f"def __init__({head}):\n " + "\n ".join(body or ["pass"]), around)
    return around["__init__"]


def _refuse_to_set(self: Any, name: str, value: Any) -> None:
    if _is_field(self, name):
        raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
    object.__setattr__(self, name, value)


def _refuse_to_delete(self: Any, name: str) -> None:
    if _is_field(self, name):
        raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
    object.__delattr__(self, name)


def _is_field(self: Any, name: str) -> bool:
    return FIELDS in type(self).__dict__ or name in getattr(self, FIELDS)


@contextmanager
def swiftly() -> Iterator[None]:
    """Let what is imported inside make its frozen dataclasses this way."""
    dataclasses.dataclass = dataclass
    try:
        yield
    finally:
        dataclasses.dataclass = _plain


@contextmanager
def unvalidated() -> Iterator[None]:
    """Let libcst's parser make nodes: each is looked at otherwise whether it can stand where it does.

    That is a sixth of the time that it takes to parse, for what CPython has parsed before.
    """
    _trusted.append(None)
    try:
        yield
    finally:
        _trusted.pop()
