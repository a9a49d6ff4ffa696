"""Programs reduced to what is learned: which statements stay, and what stands in for the rest."""

from __future__ import annotations

import pytest

from losslint.verify.programs import CannotSlice, Program
from losslint.verify.slicing import core
from losslint.verify.verdict import Slice


def reduced(text: str, *leaves: str, entry: str = "step") -> str:
    return core(Program(Slice.EXPRESSION, text, entry), leaves).text


def body(*lines: str, leaf: str = "s", parameters: str = "batch, model, s") -> list[str]:
    """What is left of the statements of a function, in which `leaf` is learned."""
    text = f"def step({parameters}):\n" + "".join(f"    {line}\n" for line in lines)
    return [line.strip() for line in reduced(text, leaf).splitlines()[1:]]


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("loss = model(batch).mean()", "loss = computed('loss')"),
        ("loss = 0.0", "loss = 0.0"),
        ("loss = 2 * batch['loss']", "loss = 2 * batch['loss']"),
        ("losses = []", "losses = []"),
        ("w = torch.exp(-s)", "w = torch.exp(-s)"),
        (
            "total = torch.exp(-s) * model(batch)",
            "total = torch.exp(-s) * computed('model(batch)')",
        ),
        ("a, b = model(batch)", "a = computed('a'); b = computed('b')"),
        ("a, b = batch", "a = computed('a'); b = computed('b')"),
        ("a, b = (batch, 1)", "a, b = (batch, 1)"),
        ("batch['loss'] = model(batch)", "batch = computed('batch')"),
        ("self.count = model(batch)", "self.count = computed('self.count')"),
        ("losses.append(model(batch))", "losses = computed('losses')"),
        ("losses.append(s + model(batch))", "losses.append(s + computed('model(batch)'))"),
    ],
)
def test_a_statement_is_kept_where_it_owes_something_to_what_is_learned(
    line: str, left: str
) -> None:
    assert body(line) == left.split("; ")


def test_what_is_learned_is_followed_from_name_to_name() -> None:
    assert body("w = torch.exp(-s)", "v = w + 1", "x = model(batch)", "return v * x") == [
        "w = torch.exp(-s)",
        "v = w + 1",
        "x = computed('x')",
        "return v * x",
    ]


def test_a_loop_over_data_is_what_it_binds() -> None:
    lines = ("for item in batch:", "    loss = model(item)", "return torch.exp(-s) * loss")

    assert body(*lines) == [
        "item = computed('item')",
        "loss = computed('loss')",
        "return torch.exp(-s) * loss",
    ]


def test_a_loop_over_what_is_learned_stays() -> None:
    lines = (
        "total = 0",
        "for w, item in zip(s, batch):",
        "    total += w * model(item)",
        "return total",
    )

    assert body(*lines) == [
        "total = 0",
        "for w, item in zip(s, batch):",
        "total += w * model(item)",  # the items are taken from one walk with the weights
        "return total",
    ]


def test_a_leaf_that_comes_out_of_what_is_not_known_is_made() -> None:
    assert body("prediction, s = model(batch)", parameters="batch, model") == [
        "prediction = computed('prediction')",
        "s = stand_in('s')",
    ]
    created = "s = torch.zeros(2, requires_grad=True)"
    assert body(created, parameters="batch, model") == [created]


METHODS = """
class Weighted(StandInModule):
    def __init__(self):
        super().__init__()
        self.s = nn.Parameter(torch.zeros(2))

    def forward(self, batch):
        losses = self.compute(batch)
        return self.combine(losses, batch)

    def compute(self, batch):
        return [self.net(one) for one in batch]

    def combine(self, losses, batch):
        scale = self.measure(batch)
        return self.scaled(torch.exp(-self.s), losses, scale)

    def scaled(self, weights, losses, scale):
        noise = self.measure(losses)
        return (weights * self.activation(losses)).sum() * scale + noise

    def measure(self, batch):
        return batch.mean()
"""


def test_methods_are_reduced_by_what_they_are_handed() -> None:
    assert reduced(METHODS, "self.s", entry="Weighted").split() == (
        """
class Weighted(StandInModule):

    def __init__(self):
        super().__init__()
        self.s = nn.Parameter(torch.zeros(2))

    def forward(self, batch):
        losses = computed('losses')
        return self.combine(losses, batch)

    def combine(self, losses, batch):
        scale = computed('scale')
        return self.scaled(torch.exp(-self.s), losses, scale)

    def scaled(self, weights, losses, scale):
        noise = computed('noise')
        return (weights * computed('self.activation(losses)')).sum() * scale + noise
""".split()
    )


def test_an_instance_of_a_class_that_learns_is_learned() -> None:
    text = (
        METHODS
        + "\nloss = Weighted()\nother = Other()\n\ndef step(batch):\n    return loss(batch)\n"
    )
    left = reduced(text, "self.s")

    assert "return loss(batch)" in left
    assert "other" not in left
    assert "def forward" in left


def test_what_returns_no_total_cannot_be_reduced() -> None:
    with pytest.raises(CannotSlice, match="`step` is no function of its own"):
        reduced("x = 1\n", "s")
