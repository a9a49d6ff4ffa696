"""The losses of torch for classes, by the names of their functions and of their classes."""

from __future__ import annotations

# By the name in torch.nn.functional: its arguments, then those of the class. Beside input and target.
ARGUMENTS: dict[str, tuple[str, ...]] = {
    "cross_entropy": (
        "weight", "size_average", "ignore_index", "reduce", "reduction", "label_smoothing",
    ),
    "nll_loss": ("weight", "size_average", "ignore_index", "reduce", "reduction"),
    "binary_cross_entropy": ("weight", "size_average", "reduce", "reduction"),
    "binary_cross_entropy_with_logits": (
        "weight", "size_average", "reduce", "reduction", "pos_weight",
    ),
    "kl_div": ("size_average", "reduce", "reduction", "log_target"),
}  # fmt: skip
CLASSES = {
    "CrossEntropyLoss": "cross_entropy",
    "CrossEntropyLoss2d": "cross_entropy",
    "NLLLoss": "nll_loss",
    "NLLLoss2d": "nll_loss",
    "BCELoss": "binary_cross_entropy",
    "BCEWithLogitsLoss": "binary_cross_entropy_with_logits",
    "KLDivLoss": "kl_div",
}
