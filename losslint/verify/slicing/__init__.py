"""From the user's module and the place of a total to programs that can be run by themselves.

Syntax trees alone: nothing of the user's is imported or run here.
"""

from losslint.verify.programs import CannotSlice, Program, Total
from losslint.verify.slicing.core import core
from losslint.verify.slicing.expression import expression
from losslint.verify.slicing.places import qualname
from losslint.verify.slicing.whole import whole

__all__ = ["CannotSlice", "Program", "Total", "core", "expression", "qualname", "whole"]
