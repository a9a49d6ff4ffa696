"""What a program that is run may use: of which module what, and which names.

Of torch and its functions all is permitted that is not listed or a submodule, of
anything else only what is listed. tests/test_verify_allowed.py holds the lists
against the modules.
"""

from __future__ import annotations

import re
from collections.abc import Mapping


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Names beyond Python's own that the worker provides.
PROVIDED = _words("stand_in computed missing StandInModule")

# Built-in functions that reach past the program, or into its own workings.
BUILTINS = _words(
    "open exec eval compile __import__ input globals locals vars breakpoint memoryview exit quit"
    " help copyright credits license __builtins__ __build_class__ __loader__ __spec__ __class__"
    " __annotations__ __file__ __package__"
)
# Called with a name of an attribute: only where it is known.
BY_NAME = _words("getattr setattr delattr")

# Attributes of any object that lead out: to frames and code, to modules, to files, and
# to torch's compiler.
ATTRIBUTES = _words(
    "gi_frame gi_code gi_yieldfrom cr_frame cr_code cr_await cr_origin ag_frame ag_code ag_await"
    " f_back f_builtins f_code f_globals f_locals f_trace f_generator tb_frame tb_next"
    " func_globals func_code func_closure mro _module _C os sys builtins subprocess importlib"
    " socket ctypes shutil pickle pathlib inspect gc marshal codecs posix nt signal threading"
    " multiprocessing from_file tofile dump dumps fromfile memmap format_map compile storage"
    " untyped_storage typed_storage share_memory share_memory_ _share_memory_ from_buffer"
)

# Special attributes that may be read or called, and special methods that may be defined.
READ = _words(
    "__init__ __name__ __qualname__ __doc__ __call__ __len__ __getitem__ __setitem__ __contains__"
    " __iter__ __next__ __enter__ __exit__ __repr__ __str__ __new__ __post_init__ __eq__ __hash__"
    " __float__ __int__ __version__ __add__ __mul__ __sub__ __truediv__ __neg__ __pow__"
    ""
)
# `__class__` is read for its name.
NAMES_OF_CLASS = _words("__name__ __qualname__")
DEFINED = READ | _words(
    "__delitem__ __bool__ __index__ __abs__ __pos__ __invert__ __floordiv__ __mod__ __matmul__"
    " __radd__ __rsub__ __rmul__ __rtruediv__ __rpow__ __rmatmul__ __iadd__ __isub__ __imul__"
    " __itruediv__ __lt__ __le__ __gt__ __ge__ __ne__ __and__ __or__ __xor__ __reversed__"
    " __format__ __round__ __complex__ __missing__"
)
ASSIGNED = _words("__slots__ __constants__ __all__ __version__ __author__")

METACLASSES = _words("abc.ABCMeta enum.EnumMeta")

CAMEL = re.compile(r"[A-Z]\w*")
LOWER = re.compile(r"[a-z][a-z0-9_]*")

# Of torch: what is no function of tensors. Its submodules are below, or refused.
NOT_OF_TORCH = _words(
    "accelerator amp ao autograd backends builtins classes compiler cpp cpu ctypes cuda distributed"
    " distributions export fft func functional functools futures fx glob hub importlib inspect jit"
    " library linalg masked math monitor mps mtia multiprocessing nested nn ops optim os overrides"
    " package platform profiler quantization quasirandom random return_types serialization signal"
    " sparse special storage sys testing textwrap threading torch torch_version types utils version"
    " warnings windows xpu"
    " compile cond fork wait while_loop from_dlpack to_dlpack from_file frombuffer load save"
    " get_device_module get_file_path import_ir_module import_ir_module_from_buffer parse_ir"
    " parse_schema parse_type_comment merge_type_from_type_comment unify_type_list"
    " init_num_threads set_num_threads set_num_interop_threads prepare_multiprocessing_environment"
    " default_generator thread_safe_generator classproperty set_printoptions"
    " profiler_allow_cudagraph_cupti_lazy_reinit_cuda12 inductor onnx compiled_with_cxx11_abi"
)
NOT_OF_FUNCTIONAL = _words("dataclasses grad importlib math np torch warnings")
CLASSES_OF_TORCH = _words(
    "Tensor FloatTensor DoubleTensor HalfTensor BFloat16Tensor LongTensor IntTensor ShortTensor"
    " CharTensor ByteTensor BoolTensor Size Generator"
)

# A module: what of it is permitted (words or a pattern), and what of that is not.
PERMITTED: Mapping[str, tuple[frozenset[str] | re.Pattern[str], frozenset[str]]] = {
    "torch": (LOWER, NOT_OF_TORCH),
    "torch.nn": (CAMEL, _words("DataParallel")),
    "torch.nn.functional": (LOWER, NOT_OF_FUNCTIONAL),
    "torch.nn.init": (LOWER, _words("math torch warnings")),
    "torch.nn.parameter": (_words("Parameter Buffer"), frozenset()),
    "torch.nn.modules": (CAMEL, _words("DataParallel")),
    "torch.nn.modules.loss": (CAMEL, _words("F Callable Optional Tensor")),
    "torch.nn.modules.module": (_words("Module"), frozenset()),
    "torch.nn.utils": (_words("clip_grad_norm_ clip_grad_value_"), frozenset()),
    "torch.autograd": (
        _words("grad Variable Function detect_anomaly set_detect_anomaly no_grad"),
        frozenset(),
    ),
    "torch.autograd.variable": (_words("Variable"), frozenset()),
    "torch.linalg": (LOWER, frozenset()),
    "torch.special": (LOWER, _words("torch")),
    "torch.fft": (LOWER, _words("torch")),
    "torch.distributions": (CAMEL, frozenset()),
    "torch.distributions.kl": (_words("kl_divergence"), frozenset()),
    "torch.amp": (_words("autocast custom_fwd custom_bwd"), frozenset()),
    "torch.cuda": (_words("is_available device_count"), frozenset()),
    "torch.cuda.amp": (_words("autocast custom_fwd custom_bwd"), frozenset()),
    "torch.types": (_words("Device Number"), frozenset()),
    "math": (LOWER, frozenset()),
    "itertools": (LOWER, frozenset()),
    "numbers": (CAMEL, frozenset()),
    "typing": (CAMEL, _words("ForwardRef")),
    "typing_extensions": (CAMEL, _words("ForwardRef")),
    "abc": (_words("ABC ABCMeta abstractmethod abstractproperty"), frozenset()),
    "collections": (
        _words("OrderedDict defaultdict deque Counter ChainMap namedtuple"),
        frozenset(),
    ),
    "collections.abc": (CAMEL, frozenset()),
    "contextlib": (_words("nullcontext contextmanager suppress"), frozenset()),
    "copy": (_words("copy deepcopy"), frozenset()),
    "dataclasses": (
        _words(
            "dataclass field fields asdict astuple replace is_dataclass InitVar KW_ONLY MISSING"
        ),
        frozenset(),
    ),
    "enum": (_words("Enum IntEnum Flag IntFlag EnumMeta auto unique"), frozenset()),
    "functools": (
        _words("reduce partial wraps lru_cache cache cached_property total_ordering"),
        frozenset(),
    ),
    "operator": (
        LOWER,
        _words("attrgetter methodcaller call"),
    ),
    "statistics": (_words("mean fmean median stdev variance"), frozenset()),
    "types": (_words("SimpleNamespace MappingProxyType"), frozenset()),
    "warnings": (_words("warn simplefilter filterwarnings catch_warnings"), frozenset()),
    "__future__": (LOWER, frozenset()),
    "numpy": (
        _words(
            "pi e inf nan newaxis euler_gamma abs absolute add all any arange argmax argmin argsort"
            " array asarray average bool_ broadcast_to ceil clip concatenate cos cumsum diag digitize divide"
            " dot dtype empty empty_like equal exp expand_dims expm1 eye finfo float16 float32 float64"
            " floating floor full full_like hstack iinfo int8 int16 int32 int64 integer isclose isfinite"
            " isinf isnan linspace log log10 log1p log2 logical_and logical_not logical_or logspace max"
            " maximum mean median meshgrid min minimum multiply ndarray nonzero number ones ones_like"
            " outer power prod ravel reshape round sign sin sqrt square squeeze stack std subtract sum"
            " tan tanh tile transpose uint8 unique var vstack where zeros zeros_like"
        ),
        frozenset(),
    ),
    "numpy.random": (
        _words("rand randn randint uniform normal choice seed permutation"),
        frozenset(),
    ),
    "numpy.linalg": (_words("norm"), frozenset()),
}
# Names that are permitted in a module whose pattern leaves them out.
ALSO: Mapping[str, frozenset[str]] = {
    "torch": CLASSES_OF_TORCH | _words("__version__"),
    "typing": _words("cast overload final runtime_checkable"),
    "typing_extensions": _words("cast overload final runtime_checkable"),
    "torch.distributions": _words("kl_divergence"),
    "numpy": _words("__version__"),
}


def is_module(path: str) -> bool:
    """Whether a dotted path is a permitted module, or leads to one."""
    return path in PERMITTED or any(name.startswith(path + ".") for name in PERMITTED)


def is_permitted(path: str) -> bool:
    """Whether a program may use this, by its dotted path, as "torch.nn.functional.softplus".

    What hangs on something permitted, as "torch.Tensor.sum", is permitted as far as
    it is no private name.
    """
    parts = path.split(".")
    known = next((n for n in range(len(parts), 0, -1) if ".".join(parts[:n]) in PERMITTED), 0)
    if not known:
        return is_module(path)
    module, rest = ".".join(parts[:known]), parts[known:]
    if not rest:
        return True
    permitted, refused = PERMITTED[module]
    name = rest[0]
    if is_module(f"{module}.{name}"):
        return len(rest) == 1
    if name not in ALSO.get(module, ()):
        if name in refused:
            return False
        fits = name in permitted if isinstance(permitted, frozenset) else permitted.fullmatch(name)
        if not fits:
            return False
    return not any(part.startswith("_") and part not in READ for part in rest[1:])
