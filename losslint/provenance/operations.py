"""What torch makes of a tensor: what yields probabilities, and what keeps them what they are."""

from __future__ import annotations

from losslint.provenance.kinds import LOG_PROBABILITIES, PROBABILITIES, Kind

# By the last part of the name, as function of torch, torch.nn.functional or torch.special,
# and as method. The module classes are below.
MAKERS: dict[str, Kind] = {
    "softmax": Kind.SOFTMAX,
    "softmin": Kind.SOFTMAX,
    "sigmoid": Kind.SIGMOID,
    "sigmoid_": Kind.SIGMOID,
    "expit": Kind.SIGMOID,
    "log_softmax": Kind.LOG_SOFTMAX,
    "logsigmoid": Kind.LOG_SIGMOID,
}
FUNCTIONS = ("torch.", "torch.nn.functional.", "torch.special.")

MODULES: dict[str, Kind] = {
    "Softmax": Kind.SOFTMAX,
    "Softmin": Kind.SOFTMAX,
    "Softmax2d": Kind.SOFTMAX,
    "Sigmoid": Kind.SIGMOID,
    "LogSoftmax": Kind.LOG_SOFTMAX,
    "LogSigmoid": Kind.LOG_SIGMOID,
}

# Layers whose output can be any number, with the place of its size among their arguments.
UNBOUNDED: dict[str, tuple[int, str]] = {
    "Linear": (1, "out_features"),
    "LazyLinear": (0, "out_features"),
    "Bilinear": (2, "out_features"),
    **{f"{kind}{n}d": (1, "out_channels") for kind in ("Conv", "ConvTranspose") for n in (1, 2, 3)},
    **{
        f"Lazy{kind}{n}d": (0, "out_channels")
        for kind in ("Conv", "ConvTranspose")
        for n in (1, 2, 3)
    },
}
UNBOUNDED_FUNCTIONS = frozenset(
    "linear bilinear conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d".split()
)

# Keep every number, only perhaps in another place, type or device.
_MOVED = frozenset(
    "reshape reshape_as view view_as permute transpose t movedim moveaxis swapaxes swapdims flip"
    " squeeze squeeze_ unsqueeze unsqueeze_ flatten unflatten ravel expand expand_as repeat tile"
    " chunk split unbind narrow select index_select masked_select gather take take_along_dim roll"
    " cat concat concatenate stack hstack vstack dstack broadcast_to repeat_interleave"
    " atleast_1d atleast_2d atleast_3d pad_packed_sequence nan_to_num".split()
)
_SAME = frozenset(
    "contiguous to type type_as cuda cpu float double half bfloat16 detach detach_ clone data"
    " requires_grad_ retain_grad pin_memory as_subclass identity Variable as_tensor".split()
)
KEEPERS = _MOVED | _SAME

# Averages and samples: of probabilities they are some, and of logits anything; of logarithms
# neither the logarithm of a mean nor its mean is meant.
AVERAGES = frozenset(
    "mean interpolate upsample upsample_bilinear upsample_nearest grid_sample avg_pool1d avg_pool2d"
    " avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d dropout".split()
)
# These keep probabilities between 0 and 1, and bound what was unbounded.
BOUNDS = frozenset("clamp clamp_ clamp_min clamp_max clip clip_".split())

KEEPING_MODULES = frozenset(
    "Identity Dropout Dropout1d Dropout2d Dropout3d Flatten Unflatten".split()
)
AVERAGING_MODULES = frozenset(
    "Upsample UpsamplingBilinear2d UpsamplingNearest2d AvgPool1d AvgPool2d AvgPool3d"
    " AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d".split()
)
# What a module or tensor is wrapped in without becoming another.
WRAPPERS = frozenset(
    "to cuda cpu double float half bfloat16 train eval compile DataParallel DistributedDataParallel"
    " script requires_grad_ apply".split()
)
# The same numbers and the same number of classes.
SAME_SIZE = (
    _SAME | BOUNDS | {"dropout", "interpolate", "upsample", "Identity"} | {"log", "exp", "mul"}
)

_LOGARITHMS = {Kind.SOFTMAX: Kind.LOG_SOFTMAX, Kind.SIGMOID: Kind.LOG_SIGMOID}
_EXPONENTIALS = {logarithm: kind for kind, logarithm in _LOGARITHMS.items()}

TINY = 1e-3  # what is added to a probability against log(0), at most


def made(name: str) -> Kind | None:
    """The kind that a function or method of torch makes of any tensor."""
    return MAKERS.get(name)


def kept(name: str, kind: Kind) -> Kind:
    """What a function or method of torch makes of a tensor of this kind."""
    if name in KEEPERS:
        return kind
    if name in AVERAGES and kind not in LOG_PROBABILITIES:
        return kind
    if name in BOUNDS and kind in PROBABILITIES | LOG_PROBABILITIES:
        return kind
    if name in ("log", "log_"):
        return _LOGARITHMS.get(kind, Kind.UNKNOWN)
    if name in ("exp", "exp_"):
        return _EXPONENTIALS.get(kind, Kind.UNKNOWN)
    return Kind.UNKNOWN


def kept_by_module(name: str, kind: Kind) -> Kind:
    """What a module of torch.nn that makes nothing itself leaves a tensor."""
    if name in KEEPING_MODULES or (name in AVERAGING_MODULES and kind not in LOG_PROBABILITIES):
        return kind
    return Kind.UNKNOWN


def is_function(qualified: str) -> bool:
    """Whether this is a function of torch that works on tensors."""
    return qualified.rpartition(".")[0] + "." in FUNCTIONS
