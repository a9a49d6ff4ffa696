"""The law of every operation: a value inside goes in, and what torch makes of it comes out inside.

A range is closed, and NaN is in it only where its `nan` says so. torch may round
otherwise than the domain's bounds do: what comes out may lie a relative `ROUNDING`
beyond a bound, and below the smallest normal float64 anything counts as 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - as everyone writes it
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from losslint.ranges import ops, shapes
from losslint.ranges.interval import ANYTHING, Interval, point
from losslint.ranges.ops import OPERATIONS, Operation

torch.set_num_threads(1)

ROUNDING = 1e-12
# F.softplus is the identity above its threshold of 20, where log(1 + exp(20)) is 20 + 2.1e-9.
ROUNDINGS = {"softplus": 2e-10}
TINY = 2.3e-308

TORCH: dict[str, Callable[[Tensor], Tensor]] = {
    "neg": torch.neg,
    "exp": torch.exp,
    "expm1": torch.expm1,
    "log": torch.log,
    "log1p": torch.log1p,
    "sqrt": torch.sqrt,
    "reciprocal": torch.reciprocal,
    "abs": torch.abs,
    "square": torch.square,
    "softplus": F.softplus,
    "logsigmoid": F.logsigmoid,
    "sigmoid": torch.special.expit,
    "tanh": torch.tanh,
    "erf": torch.special.erf,
    "relu": F.relu,
    "elu": F.elu,
    "sin": torch.sin,
    "cos": torch.cos,
    "softmax": lambda x: F.softmax(x, dim=-1),
    "log_softmax": lambda x: F.log_softmax(x, dim=-1),
}
VECTORS = ["softmax", "log_softmax"]

EXPONENTS = [-3.0, -2.0, -1.5, -1.0, -0.5, 0.5, 1.0, 1.5, 2.0, 3.0]
CLAMPS: list[tuple[float | None, float | None]] = [
    (0.0, None),
    (None, 0.0),
    (-2.0, 5.0),
    (1.0, 1.0),
    (0.0, 6.0),
    (1e-8, None),
    (None, None),
]

ELEMENTWISE: dict[str, tuple[Operation, Callable[[Tensor], Tensor]]] = {
    **{name: (OPERATIONS[name], f) for name, f in TORCH.items() if name not in VECTORS},
    **{f"power({k})": (ops.power(k), lambda x, k=k: torch.pow(x, k)) for k in EXPONENTS},
    # -0.0 + 0.0 is 0.0: the domain knows but one zero, and torch's 1 / sqrt(-0.0) is -inf.
    "power(-0.5)": (ops.power(-0.5), lambda x: torch.pow(x + 0.0, -0.5)),
    "rsqrt": (ops.power(-0.5), lambda x: torch.rsqrt(x + 0.0)),
    **{
        f"clamp({lo}, {hi})": (
            ops.clamp(lo, hi),
            lambda x, lo=lo, hi=hi: x if lo is hi is None else torch.clamp(x, lo, hi),
        )
        for lo, hi in CLAMPS
    },
}

SPECIAL = [
    *(-math.inf, -1e308, -1e30, -709.7828, -705.0, -40.0, -2.0, -1.5, -1.0, -0.5, -1e-30),
    *(-1e-200, -5e-324, -0.0, 0.0, 5e-324, 1e-200, 1e-30, 1e-8, 0.5, 1.0, 1.5, 2.0, 5.5, 20.5),
    *(40.0, 709.781, 709.7828, 1e30, 1e200, 1e308, math.inf),
]
RANGES = [Interval(lo, hi) for lo, hi in product(SPECIAL, SPECIAL) if lo <= hi]

floats = st.sampled_from(SPECIAL) | st.floats(allow_nan=False) | st.floats(-50, 50)


@st.composite
def ranges_with_value(draw: st.DrawFn) -> tuple[Interval, float]:
    """A range, and a value of it, which is NaN in some of those that may be."""
    lo, value, hi = sorted(draw(st.tuples(floats, floats, floats)))
    nan = draw(st.booleans())
    return Interval(lo, hi, nan), draw(st.sampled_from([value, math.nan])) if nan else value


def lies_in(value: float, found: Interval, rounding: float = ROUNDING) -> bool:
    if math.isnan(value):
        return found.nan
    below = found.lo - (abs(found.lo) * rounding + TINY) if math.isfinite(found.lo) else found.lo
    above = found.hi + (abs(found.hi) * rounding + TINY) if math.isfinite(found.hi) else found.hi
    return below <= value <= above


def has_side(x: Interval, value: float) -> bool:
    """Whether a value lies on the side of 0 that its range is on.

    A range that touches 0 from above has a pole at +inf there: torch's 1 / -0.0 is
    none of its values.
    """
    sign = math.copysign(1, value)
    return value != 0 or x.lo < 0 < x.hi or x.lo == x.hi or (sign > 0) == (x.hi > 0)


def test_every_operation_has_a_twin_in_torch() -> None:
    assert set(TORCH) == set(OPERATIONS)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_an_operation_is_sound_on_every_special_value(name: str) -> None:
    operation, f = ELEMENTWISE[name]
    images = dict(zip(SPECIAL, f(torch.tensor(SPECIAL, dtype=torch.float64)).tolist(), strict=True))
    signed_zeros = f(torch.tensor([-0.0, 0.0], dtype=torch.float64)).tolist()
    rounding = ROUNDINGS.get(name, ROUNDING)

    for x in RANGES:
        found = operation.interval(x)
        for value in filter(x.__contains__, SPECIAL):
            if not has_side(x, value):
                continue
            image = signed_zeros[math.copysign(1, value) > 0] if value == 0 else images[value]
            assert lies_in(image, found, rounding), (x, value, image, found)


@pytest.mark.parametrize("name", ELEMENTWISE)
@settings(max_examples=60, deadline=None)
@given(ranges_with_value())
@example((ANYTHING, math.nan))
def test_an_operation_is_sound(name: str, drawn: tuple[Interval, float]) -> None:
    (operation, f), (x, value) = ELEMENTWISE[name], drawn
    if not has_side(x, value):
        return

    image = f(torch.tensor(value, dtype=torch.float64)).item()

    assert lies_in(image, operation.interval(x), ROUNDINGS.get(name, ROUNDING))


@pytest.mark.parametrize("name", VECTORS)
@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_share_of_special_values_is_sound(name: str, size: int) -> None:
    few = [-math.inf, -1e308, -1.0, -0.0, 0.0, 1.0, 1e308, math.inf]
    vectors = list(product(few, repeat=size))
    images = TORCH[name](torch.tensor(vectors, dtype=torch.float64)).tolist()

    for vector, image in zip(vectors, images, strict=True):
        found = OPERATIONS[name].interval(Interval(min(vector), max(vector)))
        assert all(lies_in(share, found) for share in image), (vector, image, found)


@pytest.mark.parametrize("name", VECTORS)
@settings(max_examples=60, deadline=None)
@given(st.lists(floats, min_size=1, max_size=5), st.booleans())
def test_a_share_is_sound(name: str, vector: list[float], nan: bool) -> None:
    x = Interval(min(vector), max(vector), nan)
    values = [*vector, math.nan] if nan else vector

    image = TORCH[name](torch.tensor(values, dtype=torch.float64)).tolist()

    assert all(lies_in(share, OPERATIONS[name].interval(x)) for share in image)


def test_a_product_is_sound_on_every_special_value() -> None:
    few = [-math.inf, -1e200, -1.0, -5e-324, -0.0, 0.0, 5e-324, 1.0, 1e200, math.inf]
    some = [Interval(lo, hi) for lo, hi in product(few, few) if lo <= hi]

    for x, y in product(some, some):
        found = shapes.multiply(x, y)
        for a, b in product(filter(x.__contains__, few), filter(y.__contains__, few)):
            assert lies_in(a * b, found), (x, y, a, b, found)


@settings(max_examples=200, deadline=None)
@given(ranges_with_value(), ranges_with_value())
def test_a_product_is_sound(left: tuple[Interval, float], right: tuple[Interval, float]) -> None:
    (x, a), (y, b) = left, right

    image = torch.mul(*torch.tensor([a, b], dtype=torch.float64)).item()

    assert lies_in(image, shapes.multiply(x, y))


@pytest.mark.parametrize(
    ("operation", "x", "expected"),
    [
        (OPERATIONS["exp"], Interval(-math.inf, 0), Interval(0, 1)),
        (OPERATIONS["softplus"], Interval(-math.inf, math.inf), Interval(0, math.inf)),
        (OPERATIONS["log"], Interval(1, math.inf), Interval(0, math.inf)),
        (OPERATIONS["reciprocal"], Interval(0, math.inf), Interval(0, math.inf)),
        (OPERATIONS["reciprocal"], Interval(-math.inf, -2), Interval(-0.5, 0)),
        (OPERATIONS["square"], Interval(-3, 2), Interval(0, 9)),
        (OPERATIONS["abs"], Interval(-3, -2), Interval(2, 3)),
        (OPERATIONS["relu"], Interval(-3, 2), Interval(0, 2)),
        (ops.clamp(-2, 5), Interval(-3, 2), Interval(-2, 2)),
        (ops.power(-2), Interval(-2, 1), Interval(0.25, math.inf)),
        (ops.power(3), Interval(-2, 1), Interval(-8, 1)),
        (ops.power(0), ANYTHING, Interval(1, 1)),
        (ops.power(1.5), Interval(0, 4), Interval(0, 8)),
    ],
)
def test_a_bound_is_no_wider_than_the_values(
    operation: Operation, x: Interval, expected: Interval
) -> None:
    assert operation.interval(x) == expected


@pytest.mark.parametrize(
    ("name", "x"),
    [
        ("log", Interval(-1, 2)),
        ("sqrt", Interval(-5e-324, 2)),
        ("log1p", Interval(-math.inf, -2)),
        ("power(1.5)", Interval(-1, 1)),
    ],
)
def test_leaving_the_domain_may_be_nan(name: str, x: Interval) -> None:
    assert ELEMENTWISE[name][0].interval(x).nan


@pytest.mark.parametrize("name", [n for n, (op, _) in ELEMENTWISE.items() if op.multiplicative])
@settings(max_examples=30, deadline=None)
@given(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6))
def test_a_multiplicative_operation_maps_products_to_products(
    name: str, a: float, b: float
) -> None:
    f = ELEMENTWISE[name][1]
    x, y = torch.tensor([a, b], dtype=torch.float64)

    assert f(x * y).item() == pytest.approx((f(x) * f(y)).item(), rel=ROUNDING)


def test_a_clamp_refuses_bounds_in_the_wrong_order() -> None:
    with pytest.raises(ValueError, match=r"clamp to \[2, 1\]"):
        ops.clamp(2, 1)


@pytest.mark.parametrize(("layer", "name"), ops.LAYERS.items())
def test_a_layer_of_torch_is_the_operation_that_it_is_named_for(layer: str, name: str) -> None:
    x = torch.tensor([-3.0, -1.0, 0.0, 0.5, 30.0], dtype=torch.float64)
    made: nn.Module = getattr(nn, layer)(**({"dim": -1} if name in VECTORS else {}))

    assert torch.equal(made(x), TORCH[name](x))


@pytest.mark.parametrize(
    ("spelling", "name"), [(s, n) for s, n in ops.SPELLINGS.items() if n in OPERATIONS]
)
def test_another_spelling_is_the_same_function(spelling: str, name: str) -> None:
    if spelling == "fabs":  # of math, not of torch
        assert math.fabs(-2.5) == 2.5
        return
    x = torch.tensor([-3.0, 0.0, 0.5], dtype=torch.float64)
    f = getattr(torch, spelling, None) or getattr(torch.special, spelling.removeprefix("special_"))

    assert torch.equal(f(x), TORCH[name](x))


# --- ranges ----------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(ranges_with_value(), ranges_with_value())
def test_a_join_holds_the_values_of_both(
    left: tuple[Interval, float], right: tuple[Interval, float]
) -> None:
    (x, a), (y, b) = left, right

    assert a in x.join(y)
    assert b in x.join(y)
    assert x.join(y) == y.join(x)
    assert x.join(x) == x


@settings(max_examples=200, deadline=None)
@given(ranges_with_value(), ranges_with_value(), ranges_with_value())
def test_a_join_needs_no_order(
    a: tuple[Interval, float], b: tuple[Interval, float], c: tuple[Interval, float]
) -> None:
    assert a[0].join(b[0]).join(c[0]) == a[0].join(b[0].join(c[0]))


@settings(max_examples=200, deadline=None)
@given(ranges_with_value(), ranges_with_value())
def test_widening_holds_the_values_of_both(
    left: tuple[Interval, float], right: tuple[Interval, float]
) -> None:
    (x, a), (y, b) = left, right

    assert a in x.widen(y)
    assert b in x.widen(y)


@settings(max_examples=100, deadline=None)
@given(ranges_with_value(), st.lists(ranges_with_value(), min_size=6, max_size=12))
def test_widening_ends(first: tuple[Interval, float], turns: list[tuple[Interval, float]]) -> None:
    seen = [first[0]]
    for later, _ in turns:
        seen.append(seen[-1].widen(later))

    assert len(dict.fromkeys(seen)) <= 4  # each bound moves once, and NaN comes once


def test_widening_keeps_what_does_not_move() -> None:
    assert Interval(0, 1).widen(Interval(0, 2)) == Interval(0, math.inf)
    assert Interval(0, 1).widen(Interval(0.5, 1)) == Interval(0, 1)


@pytest.mark.parametrize(("lo", "hi"), [(1, 0), (math.nan, 0), (0, math.nan)])
def test_a_range_without_values_is_refused(lo: float, hi: float) -> None:
    with pytest.raises(ValueError, match="empty interval"):
        Interval(lo, hi)


@pytest.mark.parametrize("value", [*SPECIAL, math.nan])
def test_a_point_holds_its_value(value: float) -> None:
    assert value in point(value)
