"""The statements that compute a total; everything else is stood in for."""

from __future__ import annotations

import ast

from losslint.verify.programs import Program, Total
from losslint.verify.slicing.methods import of_method
from losslint.verify.slicing.places import place_of
from losslint.verify.slicing.steps import of_function
from losslint.verify.slicing.surroundings import surroundings


def expression(tree: ast.Module, total: Total) -> Program:
    """The class with the one method that ends with the total, or a function `step` that does.

    Raises:
        CannotSlice: there is no expression in this place.
    """
    place = place_of(tree, total)
    around = surroundings(tree)
    if place.owner is not None and place.functions:
        return of_method(place, around, total)
    return of_function(place, around, total)
