"""Runs a module in the abstract and collects the totals that leave its functions.

Every method and function is run once with unknown arguments; calls into the
module are followed with the arguments at hand. What comes out is not a list of
bugs but of learned weights: a leaf that multiplies losses in some total, with
everything that the total does along it (`weights.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import libcst as cst

from losslint.model.classes import ClassFacts, decorators, lineage, runs_without_gradients
from losslint.model.module import Module
from losslint.model.names import dotted, statements
from losslint.ranges import arithmetic as ar
from losslint.ranges.binding import bind, target_name
from losslint.ranges.expressions import EXPRESSIONS
from losslint.ranges.indexing import turns_of
from losslint.ranges.keeping import CreatedWeight, created_weights
from losslint.ranges.losses import is_loss_like
from losslint.ranges.objects import Function, Instance, Object, Sequence
from losslint.ranges.recall import Calls
from losslint.ranges.run import (
    MAX_CALLS,
    MAX_PATHS,
    Env,
    Exhausted,
    Frame,
    Run,
    Unfollowed,
    has_leaves,
    unknown,
)
from losslint.ranges.statements import block
from losslint.ranges.totals import learned_weights, rectified_totals, weights_of
from losslint.ranges.value import Factor, Leaf, Origin, Value, factor_value, leaf_value, positive
from losslint.ranges.weights import LearnedWeight, RectifiedTotal


def subjects(module: Module) -> dict[type[Any], list[Any]]:
    """What the weighting rules look at in one module, by kind."""
    run = Evaluator(module)
    run.everything()
    weights = list(weights_of(run.sinks, run.manual))
    return {
        LearnedWeight: learned_weights(weights),
        CreatedWeight: created_weights(weights, run.instances, run.registered),
        RectifiedTotal: rectified_totals(run.rectified),
        Unfollowed: run.unfollowed,
    }


class Evaluator(Run):
    """A run over all of a module's functions."""

    def __init__(self, module: Module) -> None:
        super().__init__(module)
        self.expressions = EXPRESSIONS
        self.unfollowed: list[Unfollowed] = []
        self._instances: dict[str, Instance] = {}
        self.calls = Calls(self)

    def everything(self) -> None:
        """Run the module's own statements, then each function and method."""
        top = Frame("<module>")
        env = Env(top, self.globals)
        self._attempt("<module>", self.module.tree, lambda: self._module_body(env))
        self.globals.update(env.names)
        for facts in self.classes.values():
            self._methods(facts)
        self._attempt_pending()

    def _module_body(self, env: Env) -> None:
        paths = block(self, self.module.tree, env)
        for path in paths:
            for name, value in path.names.items():
                if name not in self.globals or has_leaves(value):
                    self.globals[name] = value

    def _attempt(self, name: str, node: cst.CSTNode, work: Callable[[], object]) -> None:
        """Do some work in full; where that takes too long, on one path and without its calls."""
        for self.max_calls, self.max_paths in ((MAX_CALLS, MAX_PATHS), (0, 1)):
            self.spent, self.depth, self.running, self.naming = 0, 0, [], None
            self.calls = Calls(self)
            try:
                work()
                return
            except Exhausted:
                continue
        self.unfollowed.append(Unfollowed(name, node))

    def _attempt_pending(self) -> None:
        for function, frame in self._drain():
            if isinstance(function.node, cst.FunctionDef):
                name, node = function.node.name.value, function.node
                self._attempt(name, node, partial(self._nested, function, frame))

    def _drain(self) -> Iterator[tuple[Function, Frame]]:
        seen: set[cst.CSTNode] = set()
        while self.pending:
            function, frame = self.pending.pop(0)
            if function.node not in seen:
                seen.add(function.node)
                yield function, frame

    def _nested(self, function: Function, outer: Frame) -> None:
        assert isinstance(function.node, cst.FunctionDef)
        self.function(function.node, {}, outer.instance, None, None, function)

    def _methods(self, facts: ClassFacts) -> None:
        for name, method in facts.methods.items():
            if name == "__init__":
                continue
            instance = self._known_instance(facts)
            if instance is None:
                return
            full = f"{facts.name}.{name}"
            self._attempt(full, method, partial(self.function, method, {}, instance, None))

    def _known_instance(self, facts: ClassFacts) -> Instance | None:
        made: list[Instance] = []
        self._attempt(facts.name, facts.node, lambda: made.append(self.instance(facts, "self")))
        return made[0] if made else None

    # --- what Run asks for ----------------------------------------------------------

    def instance(
        self, facts: ClassFacts, name: str, handed: dict[str, Object] | None = None
    ) -> Instance:
        """The one object that stands for all objects of a class, with its attributes set."""
        known = self._instances.get(facts.name)
        if known is not None and not handed:
            return known
        made = Instance(facts, name)
        self.instances.append(made)
        if not handed:
            self._instances[facts.name] = made
        self._class_attributes(made)
        for ancestor in lineage(facts, self.classes):
            if "__init__" in ancestor.methods:
                self.function(ancestor.methods["__init__"], handed or {}, made, None)
                break
        self._attributes_set_elsewhere(made)
        return made

    def _class_attributes(self, instance: Instance) -> None:
        env = Env(Frame(instance.facts.name))
        for statement in instance.facts.body():
            if isinstance(statement, cst.SimpleStatementLine):
                block(self, cst.IndentedBlock([statement]), env)
        instance.attributes.update(env.names)

    def _attributes_set_elsewhere(self, instance: Instance) -> None:
        """Attributes that no constructor sets, from the methods that do."""
        for facts in lineage(instance.facts, self.classes):
            for method in facts.methods.values():
                if method.name.value != "__init__":
                    self._from_method(instance, method)

    def _from_method(self, instance: Instance, method: cst.FunctionDef) -> None:
        frame, env = self._frame(method, {}, instance, None, None)
        for statement in statements(method.body):
            if not isinstance(statement, cst.SimpleStatementLine):
                continue
            for small in statement.body:
                if not isinstance(small, (cst.Assign, cst.AnnAssign)) or small.value is None:
                    continue
                target = small.targets[0].target if isinstance(small, cst.Assign) else small.target
                path = dotted(target) or ""
                own = path.partition(".")[2]
                if not path.startswith(f"{frame.self_name}.") or own in instance.attributes:
                    continue
                self.naming = target_name(target)
                value = self.evaluate(small.value, env)
                self.naming = None
                if not isinstance(value, Value) or any(
                    t.growth and len(t.steps) == 0 for t in value.terms
                ):
                    instance.attributes[own] = value

    def function(
        self,
        node: cst.FunctionDef,
        bound: dict[str, Object],
        owner: Instance | None,
        caller: Frame | None,
        of_class: str | None = None,
        closure: Function | None = None,
    ) -> list[Object]:
        """What a function returns for these arguments; those that are missing are unknown."""
        if node in self.running:
            return []

        def follow() -> list[Object]:
            frame, env = self._frame(node, bound, owner, closure, of_class)
            self.running.append(node)
            self.depth += caller is not None
            try:
                block(self, node.body, env)
            finally:
                self.running.pop()
                self.depth -= caller is not None
            return frame.returns

        if caller is None:
            return follow()
        return self.calls.returned(follow, node, bound, owner, of_class, closure)

    def _frame(
        self,
        node: cst.FunctionDef,
        bound: dict[str, Object],
        owner: Instance | None,
        closure: Function | None,
        of_class: str | None,
    ) -> tuple[Frame, Env]:
        order = lineage(owner.facts, self.classes) if owner is not None else []
        while of_class is not None and order and order[0].name != of_class:
            order.pop(0)
        scope = owner.facts.name if owner is not None else node.name.value
        frame = Frame(scope, owner, function=node.name.value, lineage=tuple(order))
        frame.max_paths = self.max_paths
        if closure is not None:
            frame.closure = closure.closure
        frame.without_gradient = int(runs_without_gradients(node))
        env = Env(frame)
        names = [*node.params.posonly_params, *node.params.params]
        if owner is not None and names and "staticmethod" not in decorators(node):
            if closure is None or (closure.owner is not None and not closure.closure):
                frame.self_name = names[0].name.value
                env.names[frame.self_name] = owner
                names = names[1:]
            else:
                frame.self_name = "self"
        setting = node.name.value == "__init__"
        for parameter in (*names, *node.params.kwonly_params):
            name = parameter.name.value
            env.names[name] = bound[name] if name in bound else self._argument(parameter, setting)
        star = node.params.star_arg
        if isinstance(star, cst.Param):
            name = star.name.value
            env.names[name] = bound.get(name) or _starred(name)
        return frame, env

    def _argument(self, parameter: cst.Param, setting: bool) -> Object:
        """An argument that nobody has passed: by its default, or by its name."""
        name = parameter.name.value
        if parameter.default is not None:
            env = Env(Frame("<default>"))
            default = self.evaluate(parameter.default, env)
            known = not _is_word(parameter.default)
            if known and not isinstance(default, Value):
                return default
            if known and isinstance(default, Value) and default.number is not None:
                return positive() if default.number > 0 else ar.constant_tensor()
        annotation = parameter.annotation.annotation if parameter.annotation else None
        if annotation is not None and self._is_parameter(annotation):
            return leaf_value(Leaf(name))
        if isinstance(annotation, cst.Name) and annotation.value in ("float", "int"):
            return positive()
        origin = Origin.SETTING if setting else Origin.ARGUMENT
        return factor_value(Factor(name, origin, hint=is_loss_like(name)))

    def _is_parameter(self, annotation: cst.BaseExpression) -> bool:
        """Whether an annotation says `nn.Parameter`, or a list of them."""
        if isinstance(annotation, cst.Subscript):
            inner = annotation.slice[-1].slice
            return isinstance(inner, cst.Index) and self._is_parameter(inner.value)
        name = self.names.qualified(annotation) or ""
        return name.startswith("torch.nn.") and name.rpartition(".")[2].startswith("Parameter")

    def returned(self, value: Object, node: cst.BaseExpression, env: Env) -> None:
        """Take note of what the outermost function returns."""
        if self.depth == 0:
            self.reach(value, node, "return", env)

    def turns(self, loops: cst.CompFor, env: Env) -> list[Env]:
        """The turns of the loops of a comprehension, from the outside in."""
        found: list[Env] = []
        for item in turns_of(self.evaluate(loops.iter, env), loops.iter):
            inner = env.copy()
            bind(self, loops.target, item, inner)
            if loops.inner_for_in is not None:
                found += self.turns(loops.inner_for_in, inner)
            else:
                found.append(inner)
        return found


def _starred(name: str) -> Object:
    factor = Factor(name, Origin.ARGUMENT, hint=is_loss_like(name), collection=True)
    return Sequence((factor_value(factor),), open=True)


def _is_word(node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.Name) and node.value in ("True", "False", "None")


__all__ = ["Evaluator", "subjects", "unknown"]
