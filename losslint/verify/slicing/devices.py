"""Code without its devices: everything is on the CPU, so that moves are nothing."""

from __future__ import annotations

import ast

from losslint.verify.slicing.surroundings import Surroundings

NOTE = "devices are left out: everything is on the CPU"
# What a device is spelled like where nothing else is known of it.
DEVICE_WORDS = ("device", "gpu", "rank", "cuda")
# Wrappers that give back what they are given.
WRAPPERS = ("DistributedDataParallel", "compile", "script")


class WithoutDevices(ast.NodeTransformer):
    """Rewrites copies in place. `local` are the names of the functions around."""

    def __init__(self, around: Surroundings, local: set[str]) -> None:
        self.around = around
        self.sentences: list[str] = []  # what is to be said of the statement at hand
        self.local = local
        self.grown: set[str] = set()  # names that something is added to in place

    def note(self, sentence: str) -> None:
        """Something to be said of the statement at hand, if it is kept."""
        self.sentences.append(sentence)

    def _seen(self, node: ast.expr) -> ast.expr:
        found = self.visit(node)
        assert isinstance(found, ast.expr)
        return found

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        """What was moved is no leaf, and may be added to: a copy then."""
        moved = node.value
        self.generic_visit(node)
        match node.targets, node.value:
            case [ast.Name(id=name)], ast.Call() as call if call is not moved:
                if name in self.grown and any(k.arg == "requires_grad" for k in call.keywords):
                    clone = ast.Call(ast.Attribute(call, "clone", ast.Load()), [], [])
                    node.value = ast.fix_missing_locations(ast.copy_location(clone, call))
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        """A device that is no CPU by its name is one."""
        if isinstance(node.value, str) and _is_cuda(node.value):
            return ast.copy_location(ast.Constant("cpu"), node)
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        """The same for one whose number is worked out."""
        first = node.values[0] if node.values else None
        if isinstance(first, ast.Constant) and str(first.value).startswith("cuda:"):
            return ast.copy_location(ast.Constant("cpu"), node)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """`torch.cuda.FloatTensor` is `torch.FloatTensor`."""
        self.generic_visit(node)
        match node.value:
            case ast.Attribute(value=ast.Name(id="torch") as torch, attr="cuda"):
                if node.attr.endswith("Tensor"):
                    node.value = torch
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Without moves, and without what says where a tensor is made."""
        match node.func:
            case ast.Attribute(value=base, attr="cuda") if not _is_torch(base):
                self.note(NOTE)
                return self._seen(base)
            case ast.Attribute(value=base, attr="to"):
                return self._moved(node, base)
            case ast.Attribute(value=base, attr="device") if _is_torch(base):
                return self._device(node)
            case ast.Attribute(attr=name) | ast.Name(id=name) if name in WRAPPERS:
                if node.args and self._is_of_torch(node.func):
                    return self._seen(node.args[0])
        if self._makes_tensors(node.func):
            node.keywords = [k for k in node.keywords if k.arg != "device"]
        self.generic_visit(node)
        return node

    def _moved(self, call: ast.Call, base: ast.expr) -> ast.AST:
        """`x.to(device)` is `x`; a type that it is brought to as well is kept."""
        args = [a for a in call.args if not _is_device(a) and not _is_switch(a)]
        keywords = [k for k in call.keywords if k.arg not in ("device", "non_blocking")]
        if len(args) + len(keywords) < len(call.args) + len(call.keywords):
            self.note(NOTE)
        if not args and not keywords:
            return self._seen(base)
        call.args, call.keywords = args, keywords
        self.generic_visit(call)
        return call

    def _device(self, call: ast.Call) -> ast.AST:
        constant = call.args and all(isinstance(a, ast.Constant) for a in call.args)
        if not constant:
            call.args, call.keywords = [ast.copy_location(ast.Constant("cpu"), call)], []
        self.generic_visit(call)
        return call

    def _makes_tensors(self, func: ast.expr) -> bool:
        if isinstance(func, ast.Attribute) and func.attr.startswith("new_"):
            return True
        return self._is_of_torch(func)

    def _is_of_torch(self, func: ast.expr) -> bool:
        """Whether the root of a name is an import of torch."""
        while isinstance(func, ast.Attribute):
            func = func.value
        if not isinstance(func, ast.Name) or func.id in self.local:
            return False
        return (self.around.path(func.id) or "").partition(".")[0] == "torch"


def _is_torch(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "torch"


def _is_cuda(text: str) -> bool:
    return text == "cuda" or (text.startswith("cuda:") and text[5:].isdigit())


def _is_switch(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, bool)


def _is_device(node: ast.expr) -> bool:
    """Whether an argument of `.to` is a device, by what it says or is called."""
    match node:
        case ast.Constant(value=str(text)):
            return _is_cuda(text) or text in ("cpu", "mps", "xpu")
        case ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]):
            return text.startswith("cuda")
        case ast.Call(func=ast.Attribute(attr=name)) | ast.Call(func=ast.Name(id=name)):
            return any(word in name.lower() for word in DEVICE_WORDS)
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return any(word in name.lower() for word in DEVICE_WORDS) or name == "dev"
        case ast.IfExp():
            return _is_device(node.body) or _is_device(node.orelse)
        case ast.Subscript():
            return _is_device(node.value)
        case ast.Constant(value=int()):
            return not _is_switch(node)
    return False
