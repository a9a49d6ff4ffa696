"""A name is followed to its definition in the project's other files, and to nothing beyond them."""

from __future__ import annotations

import os
from pathlib import Path
from textwrap import dedent

import libcst as cst
import pytest

from losslint.config import Settings
from losslint.model import files as read_files
from losslint.model.elsewhere import MAX_BYTES, MAX_HOPS, MAX_READ, definition
from losslint.model.module import Module
from losslint.model.names import Names
from losslint.provenance.objects import Class
from losslint.source.text import Source
from losslint.training.callees import scope_of


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, the working directory, below a folder that is not its own."""
    root = tmp_path / "project"
    (root / ".git").mkdir(parents=True)
    monkeypatch.chdir(root)
    return root


def write(**files: str) -> None:
    """Files by their path, with `__` for `/`: `losses__dice`, and `losses__` for its `__init__`."""
    for name, text in files.items():
        path = Path(name.replace("__", "/") + ("__init__" if name.endswith("__") else ""))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".py").write_text(dedent(text))


def read(path: str) -> Module:
    return Module(Source.decode(path, Path(path).read_bytes()))


def found(path: str, spelling: str) -> str | None:
    """Where a spelling of the file at `path` is defined, as `losses/dice.py:1`."""
    module = read(path)
    node = cst.parse_expression(spelling)
    place = definition(module, Names(module.tree).qualified(node) or spelling)
    if place is None:
        return None
    assert place.node.name.value in place.module.source.text
    start = place.module.span(place.node).start
    row, _ = place.module.source.position(start)
    return f"{os.path.relpath(place.module.source.name)}:{row}"


@pytest.mark.parametrize(
    ("statement", "spelling"),
    [
        ("from losses import Dice", "Dice"),
        ("from losses import Dice as D", "D"),
        ("import losses", "losses.Dice"),
        ("import losses as criteria", "criteria.Dice"),
        ("def main():\n    from losses import Dice", "Dice"),
        ("from losses import *", "Dice"),
    ],
)
def test_scripts_beside_each_other(statement: str, spelling: str) -> None:
    write(train=statement, losses="import torch\nclass Dice: ...")
    assert found("train.py", spelling) == "losses.py:2"


@pytest.mark.parametrize(
    ("statement", "spelling"),
    [
        ("from network.criterion import Loss", "Loss"),
        ("from network import criterion", "criterion.Loss"),
        ("import network.criterion", "network.criterion.Loss"),
        ("import network.criterion as c", "c.Loss"),
    ],
)
@pytest.mark.parametrize("package", [True, False])
def test_a_module_of_a_package_with_or_without_init(
    statement: str, spelling: str, package: bool
) -> None:
    write(train=statement, network__criterion="class Loss: ...")
    if package:
        write(network__="")
    assert found("train.py", spelling) == "network/criterion.py:1"


@pytest.mark.parametrize(
    ("statement", "spelling", "place"),
    [
        ("from .losses import Dice", "Dice", "pkg/tasks/losses.py:1"),
        ("from . import losses", "losses.Dice", "pkg/tasks/losses.py:1"),
        ("from . import losses as l", "l.Dice", "pkg/tasks/losses.py:1"),
        ("from . import check", "check", "pkg/tasks/__init__.py:1"),
        ("from ..common import check", "check", "pkg/common.py:1"),
        ("from .. import common", "common.check", "pkg/common.py:1"),
        ("from ..other.deep import f", "f", "pkg/other/deep.py:1"),
        ("from pkg.common import check", "check", "pkg/common.py:1"),
        ("from ...outside import f", "f", None),
    ],
)
def test_relative_and_absolute_from_within_a_package(
    statement: str, spelling: str, place: str | None, project: Path
) -> None:
    (project.parent / "outside.py").write_text("def f(): ...")
    write(
        pkg__="",
        pkg__common="def check(x): ...",
        pkg__other__deep="def f(): ...",
        pkg__tasks__="def check(x): ...",
        pkg__tasks__losses="class Dice: ...",
        pkg__tasks__train=statement,
    )
    Path("setup.py").touch()
    assert found("pkg/tasks/train.py", spelling) == place


def test_a_package_s_init_is_in_the_package() -> None:
    write(losses__="from .dice import Dice", losses__dice="class Dice: ...")
    assert found("losses/__init__.py", "Dice") == "losses/dice.py:1"


@pytest.mark.parametrize(
    "init",
    [
        "from .dice import Dice",
        "from .dice import Soft as Dice",
        "from losses.dice import Dice",
        "from .dice import *",
        "from .other import *\nfrom .dice import *",
        "from . import dice\nfrom .middle import Dice",
    ],
)
def test_what_a_package_re_exports(init: str) -> None:
    write(
        train="from losses import Dice\nimport losses",
        losses__=init,
        losses__middle="from .dice import Dice",
        losses__dice="class Dice: ...\nclass Soft: ...",
        losses__other="from torch.nn import *\ndef f(): ...",
    )
    row = 2 if "Soft" in init else 1
    assert found("train.py", "Dice") == f"losses/dice.py:{row}"
    assert found("train.py", "losses.Dice") == f"losses/dice.py:{row}"


def test_a_module_that_a_package_re_exports_under_another_name() -> None:
    write(train="import losses", losses__="from . import _dice as dice")
    write(losses___dice="")
    Path("losses/_dice.py").write_text("class Dice: ...")
    assert found("train.py", "losses.dice.Dice") == "losses/_dice.py:1"


def test_a_function_hides_the_module_of_its_name() -> None:
    write(train="from losses import dice", losses__="from .dice import dice")
    write(losses__dice="def dice(x): ...")
    assert found("train.py", "dice") == "losses/dice.py:1"


def test_a_star_brings_no_private_name() -> None:
    write(train="from losses import _f", losses="from inner import *", inner="def _f(): ...")
    assert found("train.py", "_f") is None


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("def f(): ...\ndef f(): ...", 2),
        ("class f: ...\ndef f(): ...", 2),
        ("def f(): ...\ndef g():\n    def f(): ...", 1),
        ("class g:\n    def f(self): ...", None),
        ("if a:\n    def f(): ...\nelse:\n    def f(): ...", 4),
        ("if a:\n    pass\nelif b:\n    def f(): ...", 4),
        ("try:\n    import torch\n    def f(): ...\nexcept ImportError:\n    f = None", 3),
        ("try:\n    from torch import f\nexcept ImportError:\n    def f(): ...", 4),
        ("def f(): ...\ntry:\n    from fast import f\nexcept ImportError: pass", 1),
        ("with a:\n    def f(): ...", 2),
        ("@torch.no_grad()\ndef f(): ...", 2),
        ("async def f(): ...", 1),
        ("f = lambda x: x", None),
    ],
)
def test_which_definition_of_a_module_counts(text: str, row: int | None) -> None:
    write(train="from checks import f", checks=text)
    assert found("train.py", "f") == (row and f"checks.py:{row}")


def test_a_name_without_a_dot_is_one_of_the_module_itself() -> None:
    write(train="import os\nfrom checks import *\ndef f(): ...", checks="def f(): ...")
    assert found("train.py", "f") == "train.py:3"
    assert found("train.py", "os") is None


def test_the_nearest_folder_with_the_name_wins() -> None:
    write(tools__train="from checks import f, g, h, i")
    write(checks="def f(): ...\ndef g(): ...", tools__checks="def f(): ...")
    write(src__checks="def f(): ...\ndef h(): ...", tools__src__checks="def i(): ...")
    places = [found("tools/train.py", name) for name in "fghi"]
    assert places == [
        "tools/checks.py:1",
        "checks.py:2",
        "src/checks.py:2",
        "tools/src/checks.py:1",
    ]


def test_a_script_that_is_named_as_the_package_it_imports_from() -> None:
    write(tools__losses="from losses import Dice", losses__="class Dice: ...")
    assert found("tools/losses.py", "Dice") == "losses/__init__.py:1"


@pytest.mark.parametrize("marker", ["pyproject.toml", "setup.py", "setup.cfg"])
def test_nothing_above_the_project_is_seen(marker: str) -> None:
    write(checks="def f(): ...", inner__train="from checks import f")
    assert found("inner/train.py", "f") == "checks.py:1"
    Path("inner", marker).touch()
    assert found("inner/train.py", "f") is None


def test_an_unmarked_project_ends_six_folders_up(project: Path) -> None:
    (project / ".git").rmdir()
    write(checks="def f(): ...", a__b__c__d__e__f__train="from checks import f")
    write(a__b__c__d__e__f__g__train="from checks import f")
    assert found("a/b/c/d/e/f/train.py", "f") == "checks.py:1"
    assert found("a/b/c/d/e/f/g/train.py", "f") is None


def test_the_home_folder_is_no_project(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(checks="def f(): ...", train="from checks import f", inner__train="from checks import f")
    monkeypatch.setenv("HOME", str(project))
    monkeypatch.setenv("USERPROFILE", str(project))
    assert found("inner/train.py", "f") is None
    assert found("train.py", "f") is None


@pytest.mark.parametrize(
    "name", ["torch.nn.Linear", "numpy.sum", "os.path.join", "json", ".", "..x"]
)
def test_what_is_installed_is_not_looked_for(name: str) -> None:
    write(train="import torch")
    assert definition(read("train.py"), name) is None


@pytest.mark.parametrize("name", ["-", "<string>", "gone.py", "a\0b.py", ""])
def test_a_module_without_a_file_has_no_project(name: str) -> None:
    write(checks="def f(): ...")
    assert definition(Module(Source(name, "from checks import f")), "checks.f") is None


@pytest.mark.parametrize(
    "files",
    [
        {"a": "from b import f", "b": "from a import f"},
        {"a": "from a import f"},
        {"a": "from a import *"},
        {"a": "from b import *", "b": "from a import *\nfrom c import *", "c": "from b import *"},
        {"a__": "from .b import f", "a__b": "from . import f\nfrom .. import f\nfrom .b import f"},
    ],
)
def test_cycles_end(files: dict[str, str]) -> None:
    write(train="from a import f", **files)
    assert found("train.py", "f") is None


@pytest.mark.parametrize(("files", "most"), [(30, 30), (3 * MAX_READ, MAX_READ + 1)])
def test_stars_on_all_sides_are_read_once_and_so_many(
    files: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"m{number}" for number in range(files)]
    everything = "\n".join(f"from {name} import *" for name in names)
    write(train="from m0 import f", **dict.fromkeys(names, everything))
    read: list[str] = []
    parse = read_files.syntax_of
    monkeypatch.setattr(read_files, "syntax_of", lambda text: read.append(text) or parse(text))
    assert found("train.py", "f") is None
    assert 30 <= len(read) <= most


def test_only_the_file_of_a_definition_is_parsed_by_libcst(monkeypatch: pytest.MonkeyPatch) -> None:
    write(train="from a import f", a="from b import f", b="if 1:\n    def f(): ...\ndef f(x): ...")
    parsed: list[str] = []
    make = read_files.Module
    monkeypatch.setattr(read_files, "Module", lambda s, *t: parsed.append(s.name) or make(s, *t))
    assert found("train.py", "f") == "b.py:3"
    assert [os.path.basename(path) for path in parsed] == ["b.py"]


@pytest.mark.parametrize("files", [MAX_HOPS, MAX_HOPS + 1])
def test_a_chain_is_followed_so_far(files: int) -> None:
    chain = {f"m{number}": f"from m{number + 1} import f" for number in range(1, files)}
    write(train="from m1 import f", **{**chain, f"m{files}": "def f(): ..."})
    assert found("train.py", "f") == (f"m{files}.py:1" if files <= MAX_HOPS else None)


def test_a_changed_file_is_read_again_and_a_deleted_one_forgotten() -> None:
    write(train="from checks import f", checks="def f(): ...")
    assert found("train.py", "f") == "checks.py:1"
    write(checks="import os\n\ndef f(): ...")
    assert found("train.py", "f") == "checks.py:3"
    Path("checks.py").unlink()
    assert found("train.py", "f") is None


def test_a_file_is_parsed_once_and_only_if_it_holds_the_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(train="from checks import f, g", checks="from other import g\ndef f(): ...")
    write(other="def nothing(): ...")
    parsed: list[str] = []
    make = read_files.Module
    monkeypatch.setattr(read_files, "Module", lambda s, *t: parsed.append(s.name) or make(s, *t))
    module = read("train.py")
    first, second = definition(module, "checks.f"), definition(module, "checks.f")
    assert first is not None
    assert second is not None
    assert first.node is second.node
    assert definition(module, "checks.g") is None
    assert definition(module, "checks.h") is None
    assert [os.path.basename(name) for name in parsed] == ["checks.py"]


@pytest.mark.parametrize(
    "raw",
    [
        b"# \xe9\ndef f(): ...",
        b"# coding: nonsense\ndef f(): ...",
        b"\0def f(): ...",
        b"def f(: ...",
        b"def f(): ...\nx = " + b"(" * 5000 + b")" * 5000,
        b"def f(): ...\n" + b"#" * MAX_BYTES,
    ],
    ids=["not utf-8", "no encoding", "null", "syntax", "deep", "huge"],
)
def test_a_file_that_cannot_be_read_is_passed_by(raw: bytes) -> None:
    write(train="from checks import f")
    Path("checks.py").write_bytes(raw)
    assert found("train.py", "f") is None


def test_a_declared_encoding_and_a_byte_order_mark_are_read() -> None:
    write(train="from checks import f\nfrom others import g")
    Path("checks.py").write_bytes(b"# coding: latin-1\n# \xe9\ndef f(): ...")
    Path("others.py").write_bytes(b"\xef\xbb\xbfdef g(): ...\r\n")
    assert found("train.py", "f") == "checks.py:3"
    assert found("train.py", "g") == "others.py:1"


def test_only_regular_files_are_opened() -> None:
    write(train="from checks import f\nfrom folder import f as g")
    os.mkfifo("checks.py")
    Path("folder.py").mkdir()
    assert found("train.py", "f") is None
    assert found("train.py", "g") is None


def test_links_lead_nowhere_outside_the_project(project: Path) -> None:
    outside = project.parent / "project_outside"
    outside.mkdir()
    (outside / "checks.py").write_text("def f(): ...")
    write(train="from checks import f\nfrom linked.checks import f as g", inside="def f(): ...")
    Path("linked").symlink_to(outside)
    Path("checks.py").symlink_to(outside / "checks.py")
    assert found("train.py", "f") is None
    assert found("train.py", "g") is None
    Path("checks.py").unlink()
    Path("checks.py").symlink_to("inside.py")
    assert found("train.py", "f") == "inside.py:1"


def test_links_in_circles_end() -> None:
    write(train="from a.a.a import f\nfrom b import f as g")
    Path("a").symlink_to(".")
    Path("b.py").symlink_to("b.py")
    assert found("train.py", "f") is None
    assert found("train.py", "g") is None


def test_a_relative_import_through_a_link_beside_the_project_ends(project: Path) -> None:
    write(train="from ..link.checks import f", checks="from other import f", other="def f(): ...")
    (project.parent / "link").symlink_to(project)
    assert found("train.py", "f") == "other.py:1"


@pytest.mark.parametrize("absolute", [True, False])
@pytest.mark.parametrize("there", [".", "scripts", "../elsewhere"])
def test_the_working_directory_does_not_matter(
    absolute: bool, there: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(scripts__train="from losses.dice import Dice", losses__dice="class Dice: ...")
    (project.parent / "elsewhere").mkdir()
    monkeypatch.chdir(there)
    path = str(project / "scripts" / "train.py")
    place = definition(read(path if absolute else os.path.relpath(path)), "losses.dice.Dice")
    assert place is not None
    assert place.module.source.name == os.path.realpath(project / "losses" / "dice.py")


def test_a_definition_is_where_the_next_search_begins() -> None:
    write(train="from losses import Dice", losses__="from .dice import Dice")
    write(
        losses__dice="from .base import Base\nclass Dice(Base): ...", losses__base="class Base: ..."
    )
    dice = definition(read("train.py"), "losses.Dice")
    assert dice is not None
    base = definition(dice.module, ".base.Base")
    assert base is not None
    assert base.node.name.value == "Base"


@pytest.mark.parametrize(
    ("method", "file"), [("forward", ["nets.py"]), ("head", ["bases.py"]), ("tail", [])]
)
def test_a_base_is_parsed_only_where_it_may_give_what_is_asked(
    method: str, file: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(train="from nets import Net\nclass Mine(Net):\n    def step(self): self.tail()")
    write(nets="from bases import Base\nclass Net(Base):\n    def forward(self): self.tail()")
    write(bases="import torch\nclass Base(torch.nn.Module):\n    def head(self): ...")
    parsed: list[str] = []
    make = read_files.Module
    monkeypatch.setattr(read_files, "Module", lambda s, *t: parsed.append(s.name) or make(s, *t))
    scope = scope_of(read("train.py"))
    given = Class(scope, scope.classes["Mine"]).method(method)
    assert [os.path.basename(path) for path in parsed] == file
    assert (given is not None) == bool(file)


@pytest.mark.parametrize(
    ("body", "given"),
    [
        ("self.x = print(self.y, z.z)", "f x"),
        ("self.x.y = z.z", "f x y"),
        ("self.x[self.y] += z", "f x"),
        ("self.x.y.add_(z)", "f x y"),
        ("for self.x in y: del self.z", "f x z"),
        ("def x(): y.z: int = 2", "f x z"),
        ("with y as (self.x, z): ...", "f x"),
        ("self = x.y", None),
        ("self[x.y] = z", None),
    ],
)
def test_what_a_file_may_give_its_objects(body: str, given: str | None) -> None:
    raw = f"class A:\n    def f(self):\n        {body}\n".encode()
    names = "f x y z add_".split()
    found = {name for name in names if read_files.File("a.py", raw, Settings()).may_give(name)}
    spoken = {name for name in names if name.encode() in raw}
    assert found == (spoken if given is None else set(given.split()))


def test_bases_that_are_no_names_are_passed_by() -> None:
    write(train="from nets import Net\nclass Mine(Net): ...")
    write(nets="from bases import Base\nclass Net(Generic[T], made(), a[0].B, Base): ...")
    write(bases="class Base:\n    def head(self): ...")
    scope = scope_of(read("train.py"))
    assert Class(scope, scope.classes["Mine"]).method("head") is not None
