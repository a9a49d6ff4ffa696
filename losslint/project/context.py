"""What a place of the code stands in: its class, its function, the loop around."""

from __future__ import annotations

import ast

from losslint.frozen import dataclass, replace
from losslint.model.trees import children

# Methods that run once a step, so that what they make is made anew.
STEPS = frozenset("forward training_step compute_loss".split())
BACKWARD = frozenset(("backward", "manual_backward"))


@dataclass(frozen=True)
class Context:
    """What a node stands in."""

    cls: str = ""
    function: str = ""
    statement: ast.stmt | None = None
    loop: ast.stmt | None = None
    condition: bool = False
    scope: ast.AST | None = None  # the function around, or the module

    def at(self, statement: ast.stmt) -> Context:
        """The same at another statement."""
        return Context(self.cls, self.function, statement, self.loop, self.condition, self.scope)


def anew(context: Context, target: str) -> str:
    """In what an object is made again and again; empty if it is kept, or made under a condition."""
    if context.condition or target.startswith("self."):
        return ""
    if context.loop is not None and _trains(context.loop):
        return "the loop that trains"
    return f"`{context.function}`" if context.cls and context.function in STEPS else ""


def _trains(loop: ast.stmt) -> bool:
    """Whether a loop back-propagates in its own turns, and not in those of a loop inside."""
    stack: list[ast.AST] = [*getattr(loop, "body", ())]
    while stack:
        node = stack.pop()
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in BACKWARD
        ):
            return True
        if not isinstance(node, (ast.For, ast.AsyncFor, ast.While, ast.FunctionDef, ast.Lambda)):
            stack += children(node)
    return False


def inside(node: ast.AST, name: str, context: Context) -> Context:
    """What a part of a node stands in, by the field that holds it, if the node stands in `context`."""
    match node:
        case ast.ClassDef():
            return Context(node.name, statement=context.statement, scope=node)
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return Context(context.cls, node.name, context.statement, scope=node)
        case ast.For() | ast.AsyncFor() | ast.While() if name == "body":
            return replace(context, loop=node, condition=False)
        case ast.If() | ast.IfExp() | ast.Try() if name != "test":
            return replace(context, condition=True)
    return context
