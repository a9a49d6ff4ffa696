"""The loss functions of torch and the lower bound of what each returns for legal input."""

from __future__ import annotations

import re
from functools import lru_cache
from math import inf

# By the name in torch.nn.functional. -inf: negative by its meaning, whatever the input.
# Sources: the formulas of the PyTorch documentation, torch.nn.functional.
LOWER_BOUNDS: dict[str, float] = {
    "cross_entropy": 0.0,
    "nll_loss": 0.0,  # of log-probabilities, as it is meant to be called
    "mse_loss": 0.0,
    "l1_loss": 0.0,
    "smooth_l1_loss": 0.0,
    "huber_loss": 0.0,
    "binary_cross_entropy": 0.0,
    "binary_cross_entropy_with_logits": 0.0,
    "margin_ranking_loss": 0.0,
    "triplet_margin_loss": 0.0,
    "triplet_margin_with_distance_loss": 0.0,
    "multi_margin_loss": 0.0,
    "multilabel_margin_loss": 0.0,
    "multilabel_soft_margin_loss": 0.0,
    "soft_margin_loss": 0.0,
    "cosine_embedding_loss": 0.0,
    "ctc_loss": 0.0,
    "sigmoid_focal_loss": 0.0,
    "gaussian_nll_loss": -inf,
    "poisson_nll_loss": -inf,
    "hinge_embedding_loss": 0.0,  # of distances
    "kl_div": 0.0,  # of normalised input, as it is meant to be called
}

# Distributions of torch that have a density: its logarithm may have either sign.
# Source: the PyTorch documentation, torch.distributions.
DENSITIES = frozenset(
    "Beta Cauchy Chi2 Dirichlet Exponential FisherSnedecor Gamma Gumbel HalfCauchy HalfNormal"
    " InverseGamma Kumaraswamy Laplace LogNormal LowRankMultivariateNormal MultivariateNormal"
    " Normal Pareto StudentT Uniform VonMises Weibull".split()
)

_CLASSES = {
    "CrossEntropyLoss": "cross_entropy",
    "NLLLoss": "nll_loss",
    "NLLLoss2d": "nll_loss",
    "MSELoss": "mse_loss",
    "L1Loss": "l1_loss",
    "SmoothL1Loss": "smooth_l1_loss",
    "HuberLoss": "huber_loss",
    "BCELoss": "binary_cross_entropy",
    "BCEWithLogitsLoss": "binary_cross_entropy_with_logits",
    "MarginRankingLoss": "margin_ranking_loss",
    "TripletMarginLoss": "triplet_margin_loss",
    "TripletMarginWithDistanceLoss": "triplet_margin_with_distance_loss",
    "MultiMarginLoss": "multi_margin_loss",
    "MultiLabelMarginLoss": "multilabel_margin_loss",
    "MultiLabelSoftMarginLoss": "multilabel_soft_margin_loss",
    "SoftMarginLoss": "soft_margin_loss",
    "CosineEmbeddingLoss": "cosine_embedding_loss",
    "CTCLoss": "ctc_loss",
    "GaussianNLLLoss": "gaussian_nll_loss",
    "PoissonNLLLoss": "poisson_nll_loss",
    "HingeEmbeddingLoss": "hinge_embedding_loss",
    "KLDivLoss": "kl_div",
}

_LOSS_LIKE = re.compile(
    r"(?:^|[^a-z])(?:loss(?:es)?|criterions?|criteria|crit|nll|bce|mse)(?:$|[^a-z])|(?:loss(?:es)?|criterion)(?:_?fns?|_?func)?$"
)


def lower_bound(qualified: str) -> float | None:
    """The lower bound of a loss of torch, by its qualified name; None if it is none."""
    if not qualified.startswith(("torch.nn.", "torchvision.ops.")):
        return None
    last = qualified.rpartition(".")[2]
    return LOWER_BOUNDS.get(_CLASSES.get(last, last))


def is_signed_by_element(qualified: str) -> bool:
    """Whether the elements of a loss may be negative, and only their sum has the bound."""
    last = qualified.rpartition(".")[2]
    return _CLASSES.get(last, last) == "kl_div"


def is_density(qualified: str) -> bool:
    """Whether this is a distribution of torch that has a density."""
    last = qualified.rpartition(".")[2]
    return qualified.startswith("torch.distributions.") and last in DENSITIES


def is_log_density(qualified: str) -> bool:
    """Whether this is the method that gives the logarithm of such a density."""
    base, _, last = qualified.rpartition(".")
    return last == "log_prob" and is_density(base)


@lru_cache(maxsize=8192)
def is_loss_like(name: str) -> bool:
    """Whether a name says that it holds a loss. Evidence only where nothing else is known."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return _LOSS_LIKE.search(words) is not None


def names_loss(name: str) -> bool:
    """Whether a name is that of a loss of torch, or says that it holds a loss."""
    return name in LOWER_BOUNDS or is_loss_like(name)
