"""What a class asks of those it inherits from, where these are stood in for."""

from __future__ import annotations

import ast

from losslint.verify.slicing.family import Family, is_super

INIT = "__init__"

# What a stand-in for a base has, being a module of torch.
OF_MODULES = frozenset(
    (
        "__call__ __getattr__ __init__ __setattr__ add_module apply buffers children cpu "
        "double eval extra_repr float forward half modules named_buffers named_children "
        "named_modules named_parameters parameters register_buffer register_module "
        "register_parameter requires_grad_ state_dict load_state_dict to train type zero_grad"
    ).split()
)


def is_super_init(node: ast.stmt) -> bool:
    """Whether a statement constructs what the class inherits."""
    match node:
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr="__init__"))):
            return True
    return False


def constructed(body: list[ast.stmt], *, stands_in: bool) -> list[ast.stmt]:
    """The body of a constructor, calling that of a base that stands in without arguments."""
    if not stands_in:
        return body
    if not any(is_super_init(node) for node in body):
        return [_plain_init(), *body]
    return [_plain_init() if is_super_init(node) else node for node in body]


def without_unknown_supers(
    node: ast.FunctionDef, family: Family, owner: ast.ClassDef
) -> ast.FunctionDef:
    """A method that asks stand-ins for what no base is known to have."""
    found = _Supers(family, owner).visit(node)
    assert isinstance(found, ast.FunctionDef)
    return found


def _plain_init() -> ast.stmt:
    return ast.parse("super().__init__()").body[0]


class _Supers(ast.NodeTransformer):
    def __init__(self, family: Family, owner: ast.ClassDef) -> None:
        self.family = family
        self.owner = owner

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        if not is_super(node.value) or node.attr in OF_MODULES:
            return node
        if self.family.method(node.attr, behind=self.owner) is not None:
            return node
        made = ast.parse(f"stand_in('super().{node.attr}')", mode="eval").body
        return ast.fix_missing_locations(ast.copy_location(made, node))
