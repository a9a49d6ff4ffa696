"""The names by which code is known to train, to test a loss, and to go by the best metric so far."""

from __future__ import annotations

import re
from functools import lru_cache
from os.path import isabs, relpath

# The method by which a framework gets the loss, by the name of the base class.
HANDED_OVER = {
    "LightningModule": "training_step",
    "Trainer": "compute_loss",
    "Seq2SeqTrainer": "compute_loss",
}
# What back-propagates, or is a step of a framework; and what asks for NaN and inf, or replaces
# them: of matter in a file that names a loss.
STEPS = frozenset("training_step validation_step compute_loss".split())
WORTH_A_WALK = STEPS | {"backward", "manual_backward"}
TESTS = frozenset("isfinite isnan isinf nan_to_num".split())

SAVES = re.compile(
    r"_*save(_\w*(model|checkpoint|ckpt|state|weights?|pretrained|network|best|snapshot)\w*)?"
    r"|saveModel|saveCheckpoint|\w*checkpoint"
)
BESTS = re.compile(r"best|lowest|highest|(^|_)(min|max)(imum)?(_|$)")

# What picks one of two, and whether a NaN among them is picked wherever it stands.
PICKS = {
    "min": False,
    "max": False,
    **dict.fromkeys(("numpy.minimum", "numpy.maximum", "torch.minimum", "torch.maximum"), True),
}

TEST_FILES = re.compile(
    r"(^|/)(tests?|testing|test_utils)/|(^|/)(test_[^/]*|[^/]*_tests?|conftest)\.py$"
)


@lru_cache(maxsize=1 << 14)
def last(path: str) -> str:
    """The last name of a path, in words: `val_loss` for `self.valLoss` or `losses['val_loss']`."""
    name = re.split(r"\[|\.", path)[-1].strip("]'\"_")
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


@lru_cache(maxsize=1 << 14)
def is_best(path: str) -> bool:
    """Whether the last name of a path says that it holds the best so far."""
    return BESTS.search(last(path)) is not None


def is_test_file(path: str) -> bool:
    """Whether a file holds tests, by its path as it was given: what is back-propagated there trains nothing."""
    name = path.replace("\\", "/")
    if isabs(name):
        near = relpath(name).replace("\\", "/")
        name = near if not near.startswith("..") else name.rpartition("/")[2]
    return TEST_FILES.search(name) is not None
