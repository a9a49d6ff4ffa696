"""What one file contributes to the project: plain data, so that it can be cached and joined."""

from __future__ import annotations

from dataclasses import field

from losslint.findings import Span
from losslint.frozen import dataclass
from losslint.source.text import Place

# What a flow comes from or leads to, by name: `value FILE x` for a variable of a file, `value "" x`
# for an attribute or what is imported, `of C` for an object of a class, `from f` for what a function
# returns, `into f 0`, `into f x` for what it is given, `beyond f` for what the function of some
# library makes of its arguments, `called ...` for an object of the class that some node holds.
Node = tuple[str, ...]
UNKNOWN: Node = ("unknown",)


@dataclass(frozen=True)
class Site:
    """Where something stands: its bytes, its place for people, the rows for a suppression."""

    span: Span
    place: Place
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Defined:
    """A class or function of the module's own level.

    `bases` are qualified names as far as imports tell; `leaves` the attributes that
    hold learnable parameters; `is_loss` says that it yields a loss by its base
    classes, or by its name and what it returns, `is_ordinal` that it counts how far
    classes lie apart.
    """

    name: str
    kind: str  # class, function
    site: Site
    body: Span
    bases: tuple[str, ...] = ()
    leaves: tuple[str, ...] = ()
    is_loss: bool = False
    is_decorated: bool = False
    is_ordinal: bool = False


@dataclass(frozen=True)
class Flow:
    """Whatever `sources` hold, `into` may hold; of those in `closed`, only the parameters."""

    into: Node
    sources: tuple[Node, ...]
    closed: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Built:
    """An object of a class is made: `cls` is the qualified name, or that of the module itself.

    `owner` and `scope` are the class and the function around, `target` the spelling that
    it is assigned to; `anew` says in what it is made again and again, and is empty if it is not.
    """

    cls: str
    site: Site
    owner: str
    scope: str
    target: str = ""
    anew: str = ""


@dataclass(frozen=True)
class Optimizer:
    """An optimizer, or what is handed to one later: `given` is where its parameters come from.

    `argument` is the span of the parameters, None where they are no single
    expression; `roots` are the spellings of what the parameters are taken from, as
    far as it is known; `decay` is the weight decay of the whole, None if it is not known.
    """

    name: str
    site: Site
    owner: str
    scope: str
    given: tuple[Node, ...]
    closed: tuple[Node, ...] = ()
    argument: Span | None = None
    text: str = ""
    roots: tuple[str, ...] = ()
    decay: float | None = None


@dataclass(frozen=True)
class CrossEntropy:
    """A call of a plain cross-entropy, or of what may be one: its target, the words of its names.

    `criterion` is the name that is called, empty for the function of torch. `order` says how
    the classes are made of a number; empty if they are not, as far as it is seen.
    """

    criterion: str
    target: str
    words: frozenset[str]
    site: Site
    order: str = ""


@dataclass(frozen=True)
class Weighing:
    """A learned weight that was found: the leaf, and the class or function around.

    `is_log_variance` says that it weighs by its exponential, `is_plain` that it is a tensor
    that no object holds.
    """

    scope: str
    leaf: str
    site: Site
    is_log_variance: bool
    is_plain: bool


@dataclass(frozen=True)
class FileFacts:
    """Everything that the project's rules ask of one file.

    `imports` are the names that it imports, each with the qualified name it stands for;
    `criteria` the names that it gives an `nn.CrossEntropyLoss`, `own` those of its classes
    and functions, methods too. `words` are strings that may name something: of registries,
    `__all__`. Of the modules in `searched` something is taken by a name that is computed;
    `stopped` are comments that held an `add_param_group`.
    """

    # No default is one of the class: what is left out by a class that inherits is asked for.
    path: str
    imports: tuple[tuple[str, str], ...] = field(default_factory=tuple)
    defined: tuple[Defined, ...] = field(default_factory=tuple)
    built: tuple[Built, ...] = field(default_factory=tuple)
    flows: tuple[Flow, ...] = field(default_factory=tuple)
    optimizers: tuple[Optimizer, ...] = field(default_factory=tuple)
    weighing: tuple[Weighing, ...] = field(default_factory=tuple)
    cross_entropies: tuple[CrossEntropy, ...] = field(default_factory=tuple)
    criteria: tuple[str, ...] = field(default_factory=tuple)
    own: frozenset[str] = field(default_factory=frozenset)
    words: frozenset[str] = field(default_factory=frozenset)
    searched: tuple[str, ...] = field(default_factory=tuple)
    stopped: tuple[tuple[str, Site], ...] = field(default_factory=tuple)
    is_test: bool = field(default_factory=bool)
