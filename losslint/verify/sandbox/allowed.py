"""Which programs are run at all: an allow-list over their syntax.

The first line of defence, on this side of the worker: what a loss has no use for is
refused before anything runs. Modules can be used for what `permitted.py` permits of
them and cannot be handed around, so that what is asked of them stands in the text.
"""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator

from losslint.verify.sandbox.permitted import (
    ASSIGNED,
    ATTRIBUTES,
    BUILTINS,
    BY_NAME,
    DEFINED,
    METACLASSES,
    NAMES_OF_CLASS,
    READ,
    is_module,
    is_permitted,
)
from losslint.verify.sandbox.scopes import Place, places

MOST_CHARACTERS = 200_000

ASYNCHRONOUS = (ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.Await)


class Refused(Exception):
    """A program uses what it may not; the message says what, `row` where."""

    def __init__(self, node: ast.AST, what: str) -> None:
        super().__init__(what)
        self.row = getattr(node, "lineno", 1)


def refusal(text: str) -> str | None:
    """Why a program is not run, with the line of its text that stops it; None where it may be."""
    if len(text) > MOST_CHARACTERS:
        return f"the program is too long: {len(text)} characters"
    try:
        tree = ast.parse(text)
        _Program(tree).check()
    except Refused as problem:
        return f"{problem}: line {problem.row} of the program, {_line(text, problem.row)}"
    except (SyntaxError, ValueError) as problem:
        return f"the program is no Python: {problem}"
    except (RecursionError, MemoryError):
        return "the program is nested too deeply"
    return None


def _line(text: str, row: int) -> str:
    lines = text.splitlines()
    return f"`{lines[row - 1].strip()[:80]}`" if row <= len(lines) else ""


class _Program:
    """The syntax of a program, checked node by node."""

    def __init__(self, tree: ast.Module) -> None:
        self.places = sorted(places(tree), key=lambda place: getattr(place.node, "lineno", 0))
        self.imported: dict[str, str] = {}
        for node, name, path in _imports(tree):
            if self.imported.setdefault(name, path) != path:
                raise Refused(node, f"`{name}` is imported from two places")
        # An exception holds the object that it is about: a module, it may be.
        self.sees_exceptions = any(
            (isinstance(place.node, ast.ExceptHandler) and place.node.name)
            or (isinstance(place.node, ast.FunctionDef) and place.node.name == "__exit__")
            for place in self.places
        )

    def check(self) -> None:
        """Raises Refused at the first thing that is not permitted."""
        for place in self.places:
            match place.node:
                case ast.Import() | ast.ImportFrom():
                    self.check_import(place.node)
                case ast.Name():
                    self.check_name(place, place.node)
                case ast.Attribute():
                    self.check_attribute(place, place.node)
                case ast.Call():
                    self.check_call(place, place.node)
                case ast.ClassDef():
                    self.check_class(place.node)
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    self.check_function(place.node)
                case ast.MatchClass():
                    for name in place.node.kwd_attrs:
                        self.expect_plain(place.node, name)
                case ast.Global() | ast.Nonlocal():
                    for name in place.node.names:
                        self.expect_bindable(place.node, name)
                case ast.arg():
                    self.expect_bindable(place.node, place.node.arg)
                case ast.ExceptHandler() | ast.MatchAs() | ast.MatchStar():
                    self.expect_bindable(place.node, place.node.name or "")
                case ast.MatchMapping():
                    self.expect_bindable(place.node, place.node.rest or "")
            if isinstance(place.node, ASYNCHRONOUS):
                raise Refused(place.node, "asynchronous code is not run")

    def check_import(self, node: ast.Import | ast.ImportFrom) -> None:
        """Permitted modules, and what is permitted of them by name."""
        for alias in node.names:
            if isinstance(node, ast.Import):
                path = alias.name
                fine = is_module(path) and is_permitted(path)
            else:
                path = f"{node.module}.{alias.name}"
                fine = node.level == 0 and alias.name != "*" and is_permitted(path)
            if not fine:
                raise Refused(node, f"`{path}` is not permitted")
            self.expect_bindable(node, (alias.asname or alias.name).split(".")[0])

    def check_name(self, place: Place, node: ast.Name) -> None:
        """No built-in function that reaches out, and no module as a value."""
        if not isinstance(node.ctx, ast.Load):
            if _is_special(node.id) and node.id not in ASSIGNED:
                raise Refused(node, f"`{node.id}` is not assigned to")
            if node.id in self.imported and isinstance(node.ctx, ast.Store):
                raise Refused(node, f"`{node.id}` is imported and assigned to")
            return
        if node.id in BUILTINS and node.id not in place.bound:
            raise Refused(node, f"`{node.id}` is not permitted")
        called = isinstance(place.parent, ast.Call) and place.parent.func is node
        if node.id in BY_NAME and not called:
            raise Refused(node, f"`{node.id}` is not handed around")
        if node.id == "type" and not called and not _names_a_type(place):
            raise Refused(node, "`type` is not handed around")
        path = self.imported.get(node.id)
        held = isinstance(place.parent, ast.Attribute)
        if path and is_module(path) and not held:
            asked = isinstance(place.parent, ast.Call) and place.parent.args[:1] == [node]
            if not (asked and _called(place.parent) in ("getattr", "hasattr")):
                raise Refused(node, f"the module `{node.id}` is not handed around")

    def check_attribute(self, place: Place, node: ast.Attribute) -> None:
        """Only permitted parts of modules, nothing that leads out of an object."""
        path = self.path(node)
        if path is not None:
            if not isinstance(node.ctx, ast.Load):
                raise Refused(node, f"`{path}` is not ours to change")
            if not is_permitted(path):
                raise Refused(node, f"`{path}` is not permitted")
            if is_module(path) and not isinstance(place.parent, ast.Attribute):
                raise Refused(node, f"the module `{path}` is not handed around")
        # Nor here, whatever the name means: a parameter may have it too.
        if node.attr == "__class__":
            if getattr(place.parent, "attr", "") not in NAMES_OF_CLASS:
                raise Refused(node, "`__class__` is read for its name only")
            return
        if node.attr == "format" and not _is_plain_format(place, node):
            raise Refused(node, "`format` is used on plain text in place only")
        if node.attr == "obj" and self.sees_exceptions:
            raise Refused(node, "what an exception is about is not read")
        self.expect_plain(node, node.attr)
        if not isinstance(node.ctx, ast.Load) and _is_special(node.attr):
            raise Refused(node, f"`{node.attr}` is not assigned to")

    def check_call(self, place: Place, node: ast.Call) -> None:
        """Attributes by name where the name is known; `type` to ask, not to make."""
        called = _called(node)
        if called == "type" and (len(node.args) != 1 or node.keywords):
            raise Refused(node, "`type` makes no classes here")
        if called not in BY_NAME:
            return
        if len(node.args) < 2 or node.keywords:
            raise Refused(node, f"`{called}` without a name")
        target, name = node.args[:2]
        start = _start(name)
        if start is None:
            raise Refused(node, f"`{called}` with a name that is not known")
        if isinstance(name, ast.Constant):
            stand = ast.copy_location(ast.Attribute(target, start, ast.Load()), node)
            if called in ("setattr", "delattr"):
                stand.ctx = ast.Store()
            self.check_attribute(Place(stand, (*place.above, node), place.bound), stand)
        elif self.root(target) in self.imported or any(
            bad.startswith(start) for bad in (*ATTRIBUTES, "obj", "format")
        ):
            raise Refused(node, f"`{called}` with a name that is not known")

    def check_class(self, node: ast.ClassDef) -> None:
        """No metaclasses but the known ones, no class keywords."""
        self.expect_bindable(node, node.name)
        if node.name in self.imported:
            raise Refused(node, f"`{node.name}` is imported and defined")
        for keyword in node.keywords:
            if keyword.arg != "metaclass" or self.path(keyword.value) not in METACLASSES:
                raise Refused(node, f"class keyword `{keyword.arg}`")
        for base in node.bases:
            if _spelled(base) == "type" or self.path(base) in METACLASSES:
                raise Refused(node, "metaclasses are not defined")

    def check_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Special methods that are known."""
        if _is_special(node.name) and node.name not in DEFINED:
            raise Refused(node, f"`{node.name}` is not defined here")
        if node.name in self.imported:
            raise Refused(node, f"`{node.name}` is imported and defined")

    def expect_plain(self, node: ast.AST, name: str) -> None:
        """No attribute that leads out of an object."""
        if (_is_special(name) and name not in READ) or name in ATTRIBUTES:
            raise Refused(node, f"`.{name}` is not permitted")

    def expect_bindable(self, node: ast.AST, name: str) -> None:
        """No special name."""
        if _is_special(name):
            raise Refused(node, f"`{name}` is not bound")

    def path(self, node: ast.AST) -> str | None:
        """The dotted path of something imported; None for anything else."""
        match node:
            case ast.Name():
                return self.imported.get(node.id)
            case ast.Attribute():
                above = self.path(node.value)
                return None if above is None else f"{above}.{node.attr}"
        return None

    def root(self, node: ast.AST) -> str:
        """The name that an expression starts from."""
        while isinstance(node, ast.Attribute):
            node = node.value
        return _spelled(node)


def _imports(tree: ast.Module) -> Iterator[tuple[ast.AST, str, str]]:
    """Each name that an import binds, with the import and the path that it stands for."""
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                for alias in node.names:
                    if alias.asname:
                        yield node, alias.asname, alias.name
                    else:
                        yield node, alias.name.split(".")[0], alias.name.split(".")[0]
            case ast.ImportFrom():
                for alias in node.names:
                    yield node, alias.asname or alias.name, f"{node.module}.{alias.name}"


def _is_special(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _spelled(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _called(node: ast.AST) -> str:
    return _spelled(node.func) if isinstance(node, ast.Call) else ""


def _names_a_type(place: Place) -> bool:
    """Whether `type` stands in an annotation, or is asked about with `isinstance`."""
    parent = place.parent
    if isinstance(parent, ast.Call):
        return _called(parent) in ("isinstance", "issubclass")
    return isinstance(parent, (ast.arg, ast.AnnAssign)) or (
        isinstance(parent, ast.Subscript) and parent.value is place.node
    )


def _start(name: ast.expr) -> str | None:
    """What the name of an attribute is or starts with; None where nothing is known of it."""
    match name:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]):
            return _known(text)
        case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Add()):
            return _known(text)
        case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mod()):
            return _known(text.partition("%")[0])
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="format")):
            return _known(text.partition("{")[0])
    return None


def _known(start: str) -> str | None:
    return start if start and not start.startswith("_") else None


def _is_plain_format(place: Place, node: ast.Attribute) -> bool:
    """Whether text in place is filled with values themselves, not with their attributes."""
    called = isinstance(place.parent, ast.Call) and place.parent.func is node
    if not called or not isinstance(node.value, ast.Constant) or type(node.value.value) is not str:
        return False
    fields = [part[1] for part in string.Formatter().parse(node.value.value) if part[1] is not None]
    nested = [part[2] for part in string.Formatter().parse(node.value.value) if part[2]]
    return not any(set(".[") & set(name) for name in fields) and not any("{" in n for n in nested)
