"""The allow-list: ordinary losses pass, and what it permits of a module leads nowhere else."""

from __future__ import annotations

import importlib
import types
from pathlib import Path

import pytest
import torch

from losslint.verify.sandbox.allowed import refusal
from losslint.verify.sandbox.permitted import ALSO, PERMITTED, is_permitted

FIXTURES = sorted((Path(__file__).parents[1] / "fixtures").glob("*/*.py"))
# Where a file of fixtures goes beyond losses: it trains, saves, logs or reads its arguments.
TRAINING = (
    "torch.optim torch.save torch.load torch.cuda.empty_cache torch.nn.DataParallel torch._assert"
    " torch.utils logging argparse sys os random tqdm wandb lightning pytorch_lightning transformers"
    " accelerate project"
)


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_file_of_losses_passes_unless_it_trains(path: Path) -> None:
    refused = refusal(path.read_text())
    assert refused is None or refused.startswith(tuple(f"`{one}" for one in TRAINING.split()))


def test_most_files_of_losses_pass() -> None:
    assert sum(refusal(path.read_text()) is None for path in FIXTURES) >= 50


PASSES = [
    "def total(input, vars): return (input * vars).sum()",
    "def total(self, i): return getattr(self, f'log_var_{i}') + getattr(self, 'w_%d' % i)",
    "def total(self, i): return getattr(self, 's_{}'.format(i)) + getattr(self, 's_' + str(i))",
    "import torch.nn.functional as F\ndef total(x, kind): return getattr(F, 'softplus')(x)",
    "import torch\ncuda = torch.cuda.is_available()\nif hasattr(torch, 'inf'): pass",
    "class A:\n    def __init__(self): self.__weight = 1\n    def get(self): return self.__weight",
    "class A:\n    def name(self): return self.__class__.__name__ + type(self).__name__",
    "squares = [dir for dir in range(3)]",
    "text = 'task {}: {:.2f} {name}'.format(1, 2.0, name='x')",
    "from abc import ABC, ABCMeta, abstractmethod\nclass A(metaclass=ABCMeta): pass",
    "from dataclasses import dataclass, field\n@dataclass(frozen=True)\nclass A:\n    x: int = 1",
    "from typing import NamedTuple\nclass A(NamedTuple):\n    x: int",
    "import numpy as np\ndef start(n): return np.log(np.full(n, 0.5, dtype=np.float32))",
    "try:\n    x = stand_in('x')\nexcept Exception as problem:\n    x = missing(problem, 'x')",
    "class A(StandInModule):\n    def forward(self, x): return x",
    "def f(x):\n    match x:\n        case {'a': a}: return a\n        case [b, *_]: return b",
    "from torch import nn, Tensor\nclass A(nn.Module):\n    @torch.no_grad()\n    def f(self): self.s.data.clamp_(-5, 5)",
]


@pytest.mark.parametrize("text", PASSES)
def test_ordinary_code_passes(text: str) -> None:
    assert refusal(text) is None


# Beyond the break-outs of test_verify_sandbox.py: the text, and what the refusal names.
REFUSED = [
    ("def f(open=open): return open('x')", "`open`"),
    ("lambda eval=eval: eval", "`eval`"),
    ("x = [open for open in [open]]", "`open`"),
    ("def o():\n open = 1\n class A:\n  open = open\n", "line 4"),
    ("def o(open):\n def i():\n  global open\n  return open('x')", "line 4"),
    ("exec = 1\nexec('x')", "`exec`"),
    ("import torch\ndef f(torch): return torch.gi_frame", "`.gi_frame`"),
    ("import torch\ndef f():\n import math as torch\ntorch.load('x')", "from two places"),
    ("import torch\ntry: torch.no\nexcept AttributeError as e: e.obj.load('x')", "exception"),
    ("class A:\n def __exit__(self, kind, e, tb): e.obj.load('x')", "exception"),
    ("'{0.__class__}'.format(1)", "`format`"),
    ("'{0[a]}'.format(1)", "`format`"),
    ("'{:{0.a}}'.format(1)", "`format`"),
    ("str.format('{0.a}', 1)", "`format`"),
    ("f = 'x'.format", "`format`"),
    ("'{a}'.format_map({})", "`.format_map`"),
    ("getattr(1, '__class__')", "`__class__`"),
    ("getattr(1, name)", "not known"),
    ("getattr(1, f'__{name}__')", "not known"),
    ("getattr(x, f'gi_{name}')", "not known"),
    ("getattr(x, 'gi_' + name)", "not known"),
    ("import torch\ngetattr(torch, 'load')", "`torch.load`"),
    ("import torch\ngetattr(torch, f'l{name}')", "not known"),
    ("import torch\nsetattr(torch, 'exp', 1)", "`torch.exp`"),
    ("import torch\nsetattr(torch.Tensor, 'exp', 1)", "`torch.Tensor.exp`"),
    ("g = getattr", "`getattr`"),
    ("map(getattr, [x], ['a'])", "`getattr`"),
    ("import torch\nt = torch", "handed around"),
    ("import torch\nf(torch.nn)", "handed around"),
    ("from torch import nn\nx = [nn]", "handed around"),
    ("match 1:\n case object(__class__=c): pass", "`.__class__`"),
    ("class A:\n __match_args__ = ('__globals__',)", "`__match_args__`"),
    ("class A:\n __module__ = 'os'", "`__module__`"),
    ("import torch\ntorch.autograd.grad = f", "not ours to change"),
    ("import torch\ndel torch.exp", "not ours to change"),
    ("import torch\nfor torch.exp in [1]: pass", "not ours to change"),
    ("import torch.nn.functional as F\nF.softmax = f", "not ours to change"),
    ("import torch.nn.functional as F\nF.torch.load('x')", "`torch.nn.functional.torch.load`"),
    ("import torch\ntorch.os.system('x')", "`torch.os.system`"),
    ("import torch\ntorch._C", "`torch._C`"),
    ("import torch\ntorch.UntypedStorage.from_file('x')", "Storage"),
    ("import torch\ntorch.Tensor._make_subclass", "_make_subclass"),
    ("from torch import *", "`torch.*`"),
    ("from . import x", "not permitted"),
    ("from torch import load as exp", "`torch.load`"),
    ("import numpy as np\nnp.load('x')", "`numpy.load`"),
    ("import numpy as np\nx = np.ones(1).dump('x')", "`.dump`"),
    ("import numpy as np\nnp.core", "`numpy.core`"),
    ("from typing import get_type_hints", "get_type_hints"),
    ("from typing import ForwardRef", "ForwardRef"),
    ("from operator import attrgetter", "attrgetter"),
    ("from functools import singledispatch", "singledispatch"),
    ("from dataclasses import make_dataclass", "make_dataclass"),
    ("@eval\nclass A: pass", "`eval`"),
    ("class A(type): pass", "metaclasses"),
    ("class A(metaclass=M): pass", "`metaclass`"),
    ("class A(x=1): pass", "class keyword"),
    ("type('A', (), {})", "`type`"),
    ("t = type", "`type`"),
    ("class A:\n def __reduce__(self): return 1", "`__reduce__`"),
    ("class A:\n def __init_subclass__(cls): pass", "`__init_subclass__`"),
    ("class A:\n def __torch_function__(self): pass", "`__torch_function__`"),
    ("class A:\n def __del__(self): pass", "`__del__`"),
    ("async def f(): pass", "asynchronous"),
    ("f'{().__class__.__mro__}'", "__"),
    ("x.__dict__", "`.__dict__`"),
    ("x.__init__.__globals__", "`.__globals__`"),
    ("e.__traceback__.tb_frame", "`."),
    ("model.compile()", "`.compile`"),
    ("global __builtins__", "`__builtins__`"),
    ("__builtins__", "`__builtins__`"),
    ("(" * 300 + ")" * 300, "no Python"),
    ("+".join("1" * 50_000), "too deeply"),
    ("x" * 200_001, "too long"),
    ("\0", "no Python"),
    ("def f(:", "no Python"),
]


@pytest.mark.parametrize(("text", "said"), REFUSED, ids=lambda part: part[:40])
def test_what_reaches_out_is_refused(text: str, said: str) -> None:
    refused = refusal(text)
    assert refused is not None
    assert said in refused


@pytest.mark.parametrize("name", sorted(set(PERMITTED) - {"typing_extensions"}))
def test_a_permitted_module_permits_no_other_module(name: str) -> None:
    module = importlib.import_module(name)
    led_to = [
        f"{name}.{part}"
        for part, value in vars(module).items()
        if isinstance(value, types.ModuleType) and is_permitted(f"{name}.{part}")
    ]
    assert [path for path in led_to if path not in PERMITTED] == []


def test_of_torch_only_functions_of_tensors_and_what_was_looked_at() -> None:
    looked_at = set(REST.split())
    functions = dir(torch._C._VariableFunctions)
    plain = (torch.dtype, torch.layout, torch.memory_format, torch.qscheme, float, type(None))
    unknown = [
        name
        for name in dir(torch)
        if is_permitted(f"torch.{name}")
        and f"torch.{name}" not in PERMITTED
        and name not in ALSO["torch"] | looked_at
        and name not in functions
        and not isinstance(getattr(torch, name), plain)
    ]
    assert unknown == []


# Read one by one: they set or tell how torch computes, and reach nothing else.
REST = """
are_deterministic_algorithms_enabled autocast autocast_decrement_nesting autocast_increment_nesting
broadcast_shapes clear_autocast_cache device dtype eig enable_grad finfo get_autocast_cpu_dtype
get_autocast_dtype get_autocast_gpu_dtype get_autocast_ipu_dtype get_autocast_xla_dtype
get_default_device get_default_dtype get_deterministic_debug_mode get_float32_matmul_precision
get_num_interop_threads get_num_threads get_rng_state has_lapack has_mkl has_openmp has_spectral
iinfo inference_mode initial_seed is_anomaly_check_nan_enabled is_anomaly_enabled
is_autocast_cache_enabled is_autocast_cpu_enabled is_autocast_enabled is_autocast_ipu_enabled
is_autocast_xla_enabled is_deterministic_algorithms_warn_only_enabled is_grad_enabled
is_inference_mode_enabled is_storage is_tensor is_warn_always_enabled layout lobpcg lstsq lu
no_grad manual_seed matrix_rank memory_format pca_lowrank qscheme quantized_gru quantized_lstm seed
set_anomaly_enabled set_autocast_cache_enabled set_autocast_cpu_dtype set_autocast_cpu_enabled
set_autocast_dtype set_autocast_enabled set_autocast_gpu_dtype set_autocast_ipu_dtype
set_autocast_ipu_enabled set_autocast_xla_dtype set_autocast_xla_enabled set_default_device
set_default_dtype set_default_tensor_type set_deterministic_debug_mode
set_float32_matmul_precision set_flush_denormal set_grad_enabled set_rng_state set_warn_always
solve svd_lowrank sym_float sym_fresh_size sym_int sym_ite sym_max sym_min sym_not sym_sqrt
sym_sum symeig typename unique unravel_index use_deterministic_algorithms vmap
"""
