"""Which modules a program may import."""

from __future__ import annotations

IMPORTABLE = frozenset(
    (
        "__future__",
        "abc",
        "collections",
        "dataclasses",
        "enum",
        "functools",
        "itertools",
        "math",
        "numbers",
        "numpy",
        "operator",
        "torch",
        "typing",
    )
)
# Of torch and numpy: what starts processes, reads files or compiles.
NOT_IMPORTABLE = frozenset(
    (
        "numpy.ctypeslib",
        "numpy.distutils",
        "numpy.f2py",
        "numpy.testing",
        "torch._dynamo",
        "torch._inductor",
        "torch.classes",
        "torch.compiler",
        "torch.distributed",
        "torch.export",
        "torch.hub",
        "torch.jit",
        "torch.multiprocessing",
        "torch.onnx",
        "torch.ops",
        "torch.package",
        "torch.profiler",
        "torch.utils",
    )
)


def is_importable(module: str) -> bool:
    """Whether a program may import this module, by its absolute name."""
    parts = module.split(".")
    prefixes = {".".join(parts[:n]) for n in range(1, len(parts) + 1)}
    return parts[0] in IMPORTABLE and not prefixes & NOT_IMPORTABLE
