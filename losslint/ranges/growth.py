"""How fast a value grows as one parameter runs to one end of its range.

A growth is the leading term of the value, a monomial of a Hardy field:
`sign * coefficient * exp(rate * x) * x**power * log(x)**logs`, where `x` runs to
infinity: `x = |p|` as the parameter p runs to +inf or -inf, `x = 1/|p|` as it
runs to 0 from above or from below. Whether a total is bounded below, whether a
weight collapses and whether something holds a parameter back are statements
about these monomials, not about intervals.

Source: G. H. Hardy, "Orders of Infinity" (1910), on the ordering of
logarithmico-exponential functions.
"""

from __future__ import annotations

import math
from enum import Enum
from functools import lru_cache

from losslint.frozen import dataclass, replace


class End(Enum):
    """Where a parameter runs to."""

    PLUS = "+inf"
    MINUS = "-inf"
    ZERO_ABOVE = "0 from above"
    ZERO_BELOW = "0 from below"

    # There is one of each. `Enum` has the name hashed, by code of its own.
    __hash__ = object.__hash__


class Known(Enum):
    """What is known of a growth."""

    ORDER = "its order"
    NOTHING = "nothing"  # it may be of any order
    UNDEFINED = "undefined"  # NaN: the argument leaves an operation's domain

    __hash__ = object.__hash__


@dataclass(frozen=True)
class Growth:
    """A leading term. `sign` is 0 and `coefficient` None where not known.

    `rate` is only known up to its sign where `exact` is False.
    """

    sign: int = 1
    rate: float = 0.0
    power: float = 0.0
    logs: float = 0.0
    coefficient: float | None = None
    exact: bool = True
    known: Known = Known.ORDER

    @property
    def rank(self) -> tuple[float, float, float]:
        """What decides which of two growths leads."""
        return self.rate, self.power, self.logs

    def has_order(self) -> bool:
        """Whether the leading term is known."""
        return self.known is Known.ORDER

    def known_to_grow(self) -> bool:
        """Whether the magnitude certainly runs to infinity."""
        return self.has_order() and self.rank > (0.0, 0.0, 0.0)

    def known_to_decay(self) -> bool:
        """Whether the value certainly runs to 0."""
        return self.has_order() and self.rank < (0.0, 0.0, 0.0)

    def known_linear(self) -> bool:
        """Whether it grows like the parameter itself."""
        return self.has_order() and self.rank == (0.0, 1.0, 0.0)


ONE = Growth(coefficient=1.0)
UNKNOWN = Growth(sign=0, known=Known.NOTHING)
UNDEFINED = Growth(sign=0, known=Known.UNDEFINED)
# Something that runs to 0 faster than every exponential, so that any other term leads.
VANISHING = Growth(sign=0, rate=-math.inf)
# Something that runs to 0, nobody knows how fast: what is left of log(1 + exp(-x)).
FADING = Growth(sign=0, rate=-math.inf, exact=False)


@lru_cache(maxsize=1024)
def constant(value: float) -> Growth:
    """The growth of a number that does not depend on the parameter."""
    if value == 0:
        return VANISHING
    if math.isinf(value) or math.isnan(value):
        return replace(ONE, sign=_sign(value), coefficient=None)
    return Growth(_sign(value), coefficient=abs(value))


def limit(value: float) -> Growth:
    """The growth of what runs to this number: where that is 0, nobody knows how fast."""
    return FADING if value == 0 else constant(value)


def parameter(end: End) -> Growth:
    """The growth of the parameter itself at `end`."""
    power = 1.0 if end in (End.PLUS, End.MINUS) else -1.0
    sign = 1 if end in (End.PLUS, End.ZERO_ABOVE) else -1
    return Growth(sign, power=power, coefficient=1.0)


def multiply(a: Growth, b: Growth) -> Growth:
    """The growth of a product."""
    if a.known is not Known.ORDER or b.known is not Known.ORDER:
        return UNDEFINED if Known.UNDEFINED in (a.known, b.known) else UNKNOWN
    if b is ONE:
        return a
    sign = a.sign * b.sign
    if -math.inf in (a.rate, b.rate):
        small, other = (a, b) if (a.rate, a.exact) <= (b.rate, b.exact) else (b, a)
        if small.exact:
            return UNKNOWN if other.rate == math.inf else replace(VANISHING, sign=sign)
        if VANISHING.rank == other.rank and other.exact:
            return replace(VANISHING, sign=sign)
        return UNKNOWN if other.known_to_grow() else replace(FADING, sign=sign)
    exact = a.exact and b.exact
    if not exact and a.rate * b.rate < 0:
        return UNKNOWN
    return Growth(
        sign,
        _together(a.rate, b.rate),
        _together(a.power, b.power),
        _together(a.logs, b.logs),
        _times(a.coefficient, b.coefficient),
        exact,
    )


def invert(a: Growth) -> Growth:
    """The growth of `1 / a`."""
    if not a.has_order():
        return a
    if math.isinf(a.rate):
        return UNKNOWN if a.rate < 0 else replace(VANISHING, sign=a.sign)
    coefficient = 1 / a.coefficient if a.coefficient else None
    rate, power, logs = (0.0 - x for x in a.rank)  # which makes no -0.0
    return Growth(a.sign, rate, power, logs, coefficient, a.exact)


def raise_to(a: Growth, exponent: float) -> Growth:
    """The growth of `a ** exponent`; undefined for a negative base and no whole exponent."""
    if exponent == 0:
        return ONE
    if not a.has_order():
        return a
    whole = float(exponent).is_integer()
    if a.sign <= 0 and not whole:
        return UNDEFINED if a.sign < 0 else UNKNOWN
    sign = 1 if whole and exponent % 2 == 0 else a.sign
    if exponent < 0:
        return invert(raise_to(a, -exponent))
    if math.isinf(a.rate):
        return replace(a, sign=sign)
    try:
        coefficient = None if a.coefficient is None else a.coefficient**exponent
    except OverflowError:
        coefficient = None
    rate, power, logs = (_rounded(x * exponent) for x in a.rank)
    return Growth(sign, rate, power, logs, coefficient, a.exact)


def exponential(a: Growth) -> Growth:
    """The growth of `exp(a)`, as far as the leading term of `a` tells.

    Known limit: what grows slower than it is lost, so that `exp(x + log(x))` is
    taken for `exp(x)`.
    """
    if not a.has_order():
        return a
    if not a.known_to_grow():
        if a.rank == (0.0, 0.0, 0.0) and a.coefficient is not None and a.sign:
            return constant(_exp(a.sign * a.coefficient))
        return replace(ONE, coefficient=1.0 if a.known_to_decay() else None)
    if a.sign == 0:
        return UNKNOWN
    if a.rank == (0.0, 1.0, 0.0):
        rate = a.sign * (1.0 if a.coefficient is None else _rounded(a.coefficient))
        return Growth(rate=rate, exact=a.coefficient is not None)
    if a.rank == (0.0, 0.0, 1.0):
        return UNKNOWN if a.coefficient is None else Growth(power=a.sign * _rounded(a.coefficient))
    if a.rank > (0.0, 1.0, 0.0):
        return replace(VANISHING, sign=1) if a.sign < 0 else Growth(rate=math.inf, exact=False)
    return UNKNOWN


def logarithm(a: Growth) -> Growth:
    """The growth of `log(a)`; undefined where `a` is known not to be positive."""
    if not a.has_order():
        return a
    if a.sign < 0:
        return UNDEFINED
    if a.sign == 0 or math.isinf(a.rate):
        return UNKNOWN
    if a.rate:
        coefficient = abs(a.rate) if a.exact else None
        return Growth(_sign(a.rate), power=1.0, coefficient=coefficient)
    if a.power:
        return Growth(_sign(a.power), logs=1.0, coefficient=abs(a.power))
    if a.logs:
        return UNKNOWN
    if a.coefficient is None:
        return Growth(sign=0)
    return limit(math.log(a.coefficient))


def add(*terms: Growth) -> Growth:
    """The growth of a sum: the leading term's, where none can cancel it or outgrow it."""
    kinds = {term.known for term in terms}
    if kinds != {Known.ORDER}:
        return UNDEFINED if Known.UNDEFINED in kinds else UNKNOWN
    top = max(terms, key=lambda term: (term.rank, not term.exact))
    leading = [term for term in terms if term.rank == top.rank]
    unclear = [term for term in terms if not _comparable(term, top)]
    if len(leading) == 1 and not unclear:
        return top
    signs = {term.sign for term in leading + unclear}
    same = len(signs) == 1 and 0 not in signs
    if unclear:
        found = FADING if top.known_to_decay() else replace(top, coefficient=None, exact=False)
        return replace(found, sign=top.sign) if same else _cancelled(top)
    if same:
        coefficient: float | None = 0.0
        for term in leading:
            coefficient = _plus(coefficient, term.coefficient)
        return replace(top, coefficient=coefficient, exact=all(t.exact for t in leading))
    sizes = [_times(term.sign, term.coefficient) for term in leading]
    if top.exact and 0 not in signs and None not in sizes:
        known = [size for size in sizes if size is not None]
        total = sum(known)
        if abs(total) > 1e-9 * sum(map(abs, known)):
            return replace(top, sign=_sign(total), coefficient=abs(total))
    return _cancelled(top)


def _comparable(a: Growth, b: Growth) -> bool:
    """Whether it is known which of two growths leads, or that they are of one rank."""
    if a is b or (a.exact and b.exact):
        return True
    if FADING.rank == a.rank == b.rank:
        return False
    for fading, other in ((a, b), (b, a)):
        if fading.rank == FADING.rank and not fading.exact:
            return not other.known_to_decay()
    return math.isinf(a.rate) != math.isinf(b.rate) or a.rate * b.rate <= 0


def _cancelled(top: Growth) -> Growth:
    """What is left of terms that may cancel: it may be of any lower order."""
    if top.exact and top.rank == VANISHING.rank:
        return VANISHING
    return FADING if top.known_to_decay() else UNKNOWN


def _together(a: float, b: float) -> float:
    """The sum of two exponents, 0 where rounding alone is left of it."""
    return 0.0 if math.isclose(a, -b, rel_tol=1e-12) else _rounded(a + b)


def _rounded(exponent: float) -> float:
    """An exponent such that 0.1 + 0.2 and 0.3 are of one rank."""
    if exponent % 1 == 0 and abs(exponent) < 1e12:
        return float(exponent)
    return float(f"{exponent:.12g}")


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


def _exp(value: float) -> float:
    return math.inf if value > 709.78 else math.exp(value)


def _times(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a * b


def _plus(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a + b
