"""What a growth says of large arguments, torch computes.

A claim is checked along a ladder of arguments: where torch neither underflows nor
overflows, the logarithm of its value must come to that of the claimed monomial.
Where a growth is not known, nothing is claimed and nothing is checked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise, permutations, product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_ranges_ops import ELEMENTWISE, TORCH
from torch import Tensor

from losslint.ranges import growth as g
from losslint.ranges import ops
from losslint.ranges.growth import End, Growth, Known

torch.set_num_threads(1)

# How far x runs: fine while exponentials fit into a float64, then by leaps.
LADDER = torch.tensor(
    [*range(4, 40, 4), *range(40, 700, 20), *(10.0**k for k in range(3, 301, 3))],
    dtype=torch.float64,
)
CLOSE = 0.02  # of logarithms, at the far end of what torch can compute
SLOW = 0.05  # of constants: 1 / sqrt(log(1e300)) is still 0.038


def along(end: End) -> Tensor:
    """The parameter on its way to `end`."""
    return {
        End.PLUS: LADDER,
        End.MINUS: -LADDER,
        End.ZERO_ABOVE: 1 / LADDER,
        End.ZERO_BELOW: -1 / LADDER,
    }[end]


def normal(values: Tensor) -> Tensor:
    """Without the subnormal numbers, which are too coarse to show a coefficient."""
    return torch.where(values.abs() < 1e-300, torch.copysign(values * 0, values), values)


@dataclass(frozen=True)
class Made:
    """An expression of one parameter: what the domain says, and what torch does."""

    growth: Callable[[End], Growth]
    value: Callable[[Tensor], Tensor]

    def through(self, name: str) -> Made:
        operation, f = OPERATIONS[name]
        return Made(
            lambda end: operation.growth(self.growth(end)), lambda p: normal(f(self.value(p)))
        )

    def __mul__(self, other: Made) -> Made:
        return Made(
            lambda end: g.multiply(self.growth(end), other.growth(end)),
            lambda p: self.value(p) * other.value(p),
        )

    def __add__(self, other: Made) -> Made:
        return Made(
            lambda end: g.add(self.growth(end), other.growth(end)),
            lambda p: self.value(p) + other.value(p),
        )


def number(value: float) -> Made:
    return Made(lambda _: g.constant(value), lambda p: torch.full_like(p, value))


# No float64 is large enough for 1 / log(x) to get down to the clamp at 1e-8.
OPERATIONS = {k: v for k, v in ELEMENTWISE.items() if k != "clamp(1e-08, None)"}
LEAF = Made(g.parameter, lambda p: p)
ARGUMENTS = {
    "s": LEAF,
    "-s": LEAF.through("neg"),
    "2 * s": number(2) * LEAF,
    "-0.3 * s": number(-0.3) * LEAF,
    "s**2": LEAF.through("square"),
    "-s**2": LEAF.through("square").through("neg"),
    "s**3": LEAF.through("power(3.0)"),
    "1 / s": LEAF.through("reciprocal"),
    "s + 3": LEAF + number(3),
    "exp(s)": LEAF.through("exp"),
    "exp(-2 * s)": (number(-2) * LEAF).through("exp"),
    "-exp(s)": LEAF.through("exp").through("neg"),
    "-exp(s**2)": LEAF.through("square").through("exp").through("neg"),
    "exp(-s**2)": LEAF.through("square").through("neg").through("exp"),
    "s * exp(s)": LEAF * LEAF.through("exp"),
    "log(s)": LEAF.through("log"),
    "-log(s)": LEAF.through("log").through("neg"),
    "s * log(s)": LEAF * LEAF.through("log"),
    "1 + s**2": number(1) + LEAF.through("square"),
    "1 + exp(s)": number(1) + LEAF.through("exp"),
    "softplus(s)": LEAF.through("softplus"),
    "sqrt(s)": LEAF.through("sqrt"),
    "3": number(3.0),
    "-2": number(-2.0),
    "0": number(0.0),
}


def steps(values: Tensor) -> Iterator[tuple[float, float]]:
    """Argument and value, wherever the value is neither underflown, overflown nor NaN."""
    for x, value in zip(LADDER.tolist(), values.tolist(), strict=True):
        if math.isfinite(value) and abs(value) > 1e-300:
            yield x, value


def log_of(claim: Growth, x: float) -> float:
    """The logarithm of the claimed monomial."""
    size = 0.0 if claim.coefficient is None else math.log(claim.coefficient)
    return size + claim.rate * x + claim.power * math.log(x) + claim.logs * math.log(math.log(x))


def check(claim: Growth, values: Tensor) -> None:
    """Hold what is claimed against what torch computed along the ladder."""
    if claim.known is Known.NOTHING:
        return
    early = values[2:6]  # x from 12 to 24: far enough, and before exp(x**2) overflows
    if claim.known is Known.UNDEFINED:
        assert early.isnan().all(), "claimed to be NaN"
        return
    assert not early.isnan().any(), "claimed to be a number"
    measured = list(steps(values))
    if claim.rank == (0, 0, 0):
        check_constant(claim, values[values.isfinite()])
        return
    if math.isinf(claim.rate) or not claim.exact:
        check_direction(claim, measured, values[~values.isnan()])
    elif len(measured) > 5:
        check_order(claim, measured)
    if claim.sign and measured:
        assert {math.copysign(1, v) for _, v in measured[-5:]} == {claim.sign}, "sign"


def check_constant(claim: Growth, values: Tensor) -> None:
    if not len(values):
        return
    before, last = values[-3].item(), values[-1].item()
    assert last == pytest.approx(before, rel=1e-3, abs=1e-3), "claimed to settle"
    if claim.sign:
        assert last * claim.sign > 0, "sign"
        if claim.coefficient is not None:
            assert abs(last) == pytest.approx(claim.coefficient, rel=SLOW), "coefficient"


def check_direction(claim: Growth, measured: list[tuple[float, float]], values: Tensor) -> None:
    last = abs(values[-1].item())
    if claim.known_to_grow():
        assert last > 1e6, "claimed to grow"
        return
    assert last < 1e-6, "claimed to decay"
    if claim.exact and len(measured) > 5:
        rates = [math.log(abs(value)) / x for x, value in measured]
        assert rates[-1] < 1.3 * rates[2] < 0, "claimed to vanish faster than exponentials"


def check_order(claim: Growth, measured: list[tuple[float, float]]) -> None:
    off = [math.log(abs(value)) - log_of(claim, x) for x, value in measured]
    if claim.coefficient is None:  # then the distance to the monomial must settle
        off = [b - a for a, b in pairwise(off)]
    assert abs(off[-1]) < CLOSE, f"off by {off[-1]:.3g} at x = {measured[-1][0]:g}"


@pytest.mark.parametrize("end", End)
@pytest.mark.parametrize("argument", ARGUMENTS)
def test_an_argument_grows_as_claimed(argument: str, end: End) -> None:
    made = ARGUMENTS[argument]

    check(made.growth(end), made.value(along(end)))


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("argument", ARGUMENTS)
def test_an_operation_grows_as_claimed(name: str, argument: str) -> None:
    made = ARGUMENTS[argument].through(name)
    for end in End:
        check(made.growth(end), made.value(along(end)))


FEW = ["s", "-0.3 * s", "s**2", "1 / s", "exp(s)", "-exp(-s)", "log(s)", "log1p(exp(s))", "-2", "0"]
ARGUMENTS["-exp(-s)"] = LEAF.through("neg").through("exp").through("neg")
ARGUMENTS["log1p(exp(s))"] = LEAF.through("exp").through("log1p")


@pytest.mark.parametrize("right", FEW)
@pytest.mark.parametrize("left", FEW)
def test_sums_and_products_grow_as_claimed(left: str, right: str) -> None:
    for made in (ARGUMENTS[left] + ARGUMENTS[right], ARGUMENTS[left] * ARGUMENTS[right]):
        for end in End:
            check(made.growth(end), made.value(along(end)))


@pytest.mark.parametrize("outer", OPERATIONS)
def test_operations_of_operations_grow_as_claimed(outer: str) -> None:
    for argument, inner, end in product(FEW, OPERATIONS, End):
        made = ARGUMENTS[argument].through(inner)
        claim, values = made.through(outer).growth(end), made.through(outer).value(along(end))
        if claim == g.UNDEFINED and made.growth(end).rate == -math.inf:
            continue  # it is 0 before torch can see its sign
        check(claim, values)


@pytest.mark.parametrize("name", OPERATIONS)
def test_where_an_operation_is_flat_nothing_learns(name: str) -> None:
    operation, f = OPERATIONS[name]
    for made, end in product(ARGUMENTS.values(), End):
        if not operation.flat(made.growth(end)):
            continue
        argument = made.value(along(end))[-60:].requires_grad_()
        f(argument).sum().backward()

        assert argument.grad is not None
        assert torch.equal(argument.grad, torch.zeros_like(argument))


@pytest.mark.parametrize(
    ("name", "end", "flat"),
    [
        ("relu", End.MINUS, True),
        ("relu", End.PLUS, False),
        ("clamp(-2.0, 5.0)", End.MINUS, True),
        ("clamp(-2.0, 5.0)", End.PLUS, True),
        ("clamp(0.0, None)", End.PLUS, False),
        ("clamp(None, 0.0)", End.MINUS, False),
        ("softplus", End.MINUS, False),
        ("elu", End.MINUS, False),
        ("abs", End.MINUS, False),
    ],
)
def test_only_cut_off_ends_are_flat(name: str, end: End, flat: bool) -> None:
    assert OPERATIONS[name][0].flat(g.parameter(end)) is flat


# --- shares of a whole ------------------------------------------------------------------


def entries(name: str, end: End, size: int) -> Tensor:
    """softmax or log_softmax of logits of which the first alone runs to `end`."""
    logits = torch.zeros(len(LADDER), size, dtype=torch.float64)
    logits[:, 0] = along(end)
    return TORCH[name](logits)


@pytest.mark.parametrize("size", [2, 3, 8])
@pytest.mark.parametrize("end", End)
def test_log_softmax_falls_whichever_way_one_logit_runs(end: End, size: int) -> None:
    claim = ops.OPERATIONS["log_softmax"].growth(g.parameter(end))
    found = entries("log_softmax", end, size)

    check(claim, found.sum(dim=1))
    check(claim, found.amin(dim=1))
    assert claim.coefficient is None  # of the sum, it depends on the size


@pytest.mark.parametrize("size", [2, 3, 8])
@pytest.mark.parametrize("end", End)
def test_softmax_stays_a_share(end: End, size: int) -> None:
    claim = ops.OPERATIONS["softmax"].growth(g.parameter(end))
    found = entries("softmax", end, size)

    assert claim.rank == (0, 0, 0)
    check(claim, found.amax(dim=1))


@pytest.mark.parametrize("end", [End.PLUS, End.MINUS])
@pytest.mark.parametrize("name", ["sin", "cos"])
def test_nothing_is_claimed_of_what_swings(name: str, end: End) -> None:
    assert OPERATIONS[name][0].growth(g.parameter(end)) == g.UNKNOWN


# --- the algebra of growths --------------------------------------------------------------

exponents = st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0])
monomials = st.builds(
    Growth,
    sign=st.sampled_from([-1, 1]),
    rate=exponents,
    power=exponents,
    logs=exponents,
    coefficient=st.sampled_from([0.25, 0.5, 1.0, 2.0, 3.0]),
)
growths = (
    monomials
    | st.builds(
        Growth,
        sign=st.sampled_from([-1, 0, 1]),
        rate=exponents,
        power=exponents,
        coefficient=st.none(),
        exact=st.booleans(),
    )
    | st.sampled_from([g.UNKNOWN, g.UNDEFINED, g.VANISHING, g.FADING, g.ONE, g.constant(-3)])
)


@settings(max_examples=300, deadline=None)
@given(st.lists(growths, min_size=2, max_size=4))
def test_the_order_of_summands_does_not_matter(terms: list[Growth]) -> None:
    sums = {claims(g.add(*order)) for order in permutations(terms)}

    assert len(sums) == 1


@settings(max_examples=200, deadline=None)
@given(growths, growths)
def test_the_order_of_factors_does_not_matter(a: Growth, b: Growth) -> None:
    assert claims(g.multiply(a, b)) == claims(g.multiply(b, a))


def claims(a: Growth) -> object:
    """What a growth says, but for the last digits of its coefficient and of unclear rates."""
    size = None if a.coefficient is None else round(a.coefficient, 9)
    return a.known, a.sign, a.rank if a.exact else a.known_to_grow(), size, a.exact


@settings(max_examples=300, deadline=None)
@given(monomials, monomials)
def test_the_leading_summand_wins(a: Growth, b: Growth) -> None:
    total = g.add(a, b)
    if a.rank != b.rank:
        assert total == max(a, b, key=lambda term: term.rank)
    elif a.sign == b.sign:
        assert a.coefficient is not None
        assert b.coefficient is not None
        assert total.sign == a.sign
        assert total.rank == a.rank
        assert total.coefficient == a.coefficient + b.coefficient


@settings(max_examples=200, deadline=None)
@given(monomials)
def test_what_cancels_has_no_known_sign(a: Growth) -> None:
    total = g.add(a, g.multiply(a, g.constant(-1)))

    assert total.sign == 0
    assert not total.known_to_grow()
    assert total.known_to_decay() == a.known_to_decay()


@settings(max_examples=200, deadline=None)
@given(monomials, monomials)
def test_products_and_quotients_undo_each_other(a: Growth, b: Growth) -> None:
    back = g.multiply(g.multiply(a, b), g.invert(b))

    assert (back.sign, back.rank) == (a.sign, a.rank)
    assert back.coefficient == pytest.approx(a.coefficient)
    assert g.invert(g.invert(a)).rank == a.rank


@settings(max_examples=100, deadline=None)
@given(monomials, st.sampled_from([1, 2, 3]))
def test_a_power_is_a_repeated_product(a: Growth, times: int) -> None:
    product_ = reduce(g.multiply, [a] * times)

    assert g.raise_to(a, times) == product_
    assert g.raise_to(a, -times) == g.invert(product_)


@settings(max_examples=100, deadline=None)
@given(growths, growths)
def test_nan_stays_nan(a: Growth, b: Growth) -> None:
    assert g.add(a, g.UNDEFINED, b) == g.UNDEFINED
    assert g.multiply(g.UNDEFINED, a) == g.UNDEFINED
    assert g.exponential(g.UNDEFINED) == g.logarithm(g.UNDEFINED) == g.UNDEFINED


def exp_times(rate: float) -> Growth:
    return g.exponential(g.multiply(g.parameter(End.PLUS), g.constant(rate)))


UNCLEAR = g.exponential(g.multiply(g.parameter(End.PLUS), Growth(coefficient=None)))  # exp(c * x)


@pytest.mark.parametrize(
    ("total", "expected"),
    [
        pytest.param(g.add(UNCLEAR, g.multiply(exp_times(2), g.constant(-1))), g.UNKNOWN, id="exp(c x) - exp(2 x), c may be 3"),
        pytest.param(g.add(g.exponential(g.raise_to(g.parameter(End.PLUS), 3)), g.multiply(g.multiply(g.parameter(End.PLUS), g.exponential(g.raise_to(g.parameter(End.PLUS), 2))), g.constant(-1))), g.UNKNOWN, id="exp(x^3) - x exp(x^2)"),
        pytest.param(g.multiply(g.exponential(g.raise_to(g.parameter(End.MINUS), 3)), g.exponential(g.raise_to(g.parameter(End.PLUS), 2))), g.UNKNOWN, id="exp(-x^3) exp(x^2)"),
        pytest.param(g.multiply(g.logarithm(g.add(g.ONE, exp_times(-1))), exp_times(2)), g.UNKNOWN, id="log(1 + exp(-x)) exp(2 x)"),
        pytest.param(g.add(g.logarithm(g.add(g.ONE, exp_times(-1))), g.multiply(exp_times(-2), g.constant(-1))), g.FADING, id="log(1 + exp(-x)) - exp(-2 x)"),
        pytest.param(g.add(g.multiply(exp_times(0.1), exp_times(0.2)), g.multiply(exp_times(0.3), g.constant(-1))), g.UNKNOWN, id="0.1 + 0.2 is 0.3"),
        pytest.param(g.multiply(g.multiply(exp_times(0.1), exp_times(0.2)), exp_times(-0.3)).rank, (0, 0, 0), id="0.1 + 0.2 - 0.3 is 0"),
        pytest.param(g.add(g.constant(1e12), g.constant(0.1e12), g.constant(-0.7e12), g.constant(-0.4e12)), g.UNKNOWN, id="rounding has no sign"),
        pytest.param(g.raise_to(g.UNDEFINED, 0), g.ONE, id="nan**0 is 1"),
        pytest.param(g.raise_to(g.parameter(End.MINUS), 0.5), g.UNDEFINED, id="sqrt(-x)"),
        pytest.param(g.logarithm(g.parameter(End.ZERO_BELOW)), g.UNDEFINED, id="log(-1/x)"),
    ],
)  # fmt: skip
def test_growth_claims_no_more_than_it_knows(total: object, expected: object) -> None:
    assert total == expected
