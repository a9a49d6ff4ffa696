"""Configuration: where it is found, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from referencing import Registry, Resource

from losslint.cli import main
from losslint.config import ConfigError, Settings, find, load
from losslint.engine.selection import Selection
from losslint.keys import KEYS
from losslint.options import check_parser, settings_from
from losslint.report.configuration import schema, settings_toml
from losslint.rules import registry
from losslint.source.discover import discover

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ALL_KEYS = """
[tool.losslint]
extend = "base.toml"
select = ["LL1"]
ignore = ["LL105"]
extend-select = ["LL110"]
extend-ignore = ["dead_clamp"]
exclude = ["vendored"]
extend-exclude = ["*_pb2.py"]
force-exclude = true
respect-gitignore = false
log-variance-form = "softplus"
loss-validator = "project.checks:ensure_finite"
loss-check-interval = 10
loss-functions = ["project.losses.focal"]
monitor-functions = ["project.board.show"]
cache-dir = "caches/losslint"
baseline = "known.json"
output-format = "concise"
fail-on = "error"
[tool.losslint.per-file-ignores]
"tests/**" = ["LL1"]
"""


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def from_command_line(*arguments: str) -> Settings:
    options = check_parser().parse_args(arguments)
    return settings_from(options, options.paths or ["."])


def test_every_key_is_read(tmp_path: Path) -> None:
    base = write(tmp_path / "base.toml", "")
    path = write(tmp_path / "pyproject.toml", ALL_KEYS)
    settings = load(str(path))
    assert settings == Settings(
        select=("LL1",),
        ignore=("LL105",),
        extend_select=("LL110",),
        extend_ignore=("dead_clamp",),
        exclude=("vendored",),
        extend_exclude=("*_pb2.py",),
        per_file_ignores=(("tests/**", ("LL1",)),),
        force_exclude=True,
        respect_gitignore=False,
        log_variance_form="softplus",
        loss_validator="project.checks:ensure_finite",
        loss_check_interval=10,
        loss_functions=("project.losses.focal",),
        monitor_functions=("project.board.show",),
        cache_dir="caches/losslint",
        baseline="known.json",
        output_format="concise",
        fail_on="error",
        root=str(tmp_path),
        origin=str(path),
        extended=(str(base),),
    )
    assert all(f"{key} =" in ALL_KEYS or f".{key}]" in ALL_KEYS for key in KEYS)


def test_the_nearest_file_with_a_table_holds_and_files_do_not_mix(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", '[tool.losslint]\nselect = ["LL1"]\nforce-exclude = true\n')
    write(tmp_path / "a" / "pyproject.toml", "[tool.ruff]\n")
    write(tmp_path / "a" / "b" / "losslint.toml", 'select = ["LL2"]\n')
    (tmp_path / "a" / "b" / "c").mkdir()
    assert find(str(tmp_path / "a")).select == ("LL1",)
    below = find(str(tmp_path / "a" / "b" / "c"))
    assert (below.select, below.force_exclude) == (("LL2",), False)
    assert below.root == str(tmp_path / "a" / "b")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[tool.losslint]\nselct = []\n", "unknown key `selct`; did you mean `select`?"),
        ("[tool.losslint]\nlog_variance_form = 'floor'\n", "did you mean `log-variance-form`?"),
        ("[tool.losslint]\nselect = 'LL1'\n", "`select` must be a list of strings"),
        ("[tool.losslint]\nselect = [1]\n", "`select` must be a list of strings"),
        ("[tool.losslint]\nforce-exclude = 'yes'\n", "`force-exclude` must be true or false"),
        ("[tool.losslint]\nlog-variance-form = 'abs'\n", '"floor" or "softplus"'),
        ("[tool.losslint]\nloss-validator = 'checks.finite'\n", '"package.module:function"'),
        ("[tool.losslint]\nloss-validator = ':finite'\n", '"package.module:function"'),
        ("[tool.losslint]\nloss-validator = 'checks:a.b'\n", '"package.module:function"'),
        ("[tool.losslint]\nloss-validator = ''\n", '"package.module:function"'),
        ("[tool.losslint]\nloss-check-interval = 0\n", "must be a whole number from 1"),
        ("[tool.losslint]\nloss-check-interval = true\n", "must be a whole number from 1"),
        ("[tool.losslint]\nloss-check-interval = 2.5\n", "must be a whole number from 1"),
        ("[tool.losslint]\nmonitor-functions = 'log'\n", "`monitor-functions` must be a list"),
        ("[tool.losslint]\nper-file-ignores = []\n", "must be a table"),
        ("[tool.losslint.per-file-ignores]\nx = 'LL1'\n", "`per-file-ignores.x` must be a list"),
        ("[tool]\nlosslint = 3\n", "must be a table"),
        ("[tool.losslint\n", "not TOML"),
        ("[tool.losslint]\nselect = " + "[" * 2_000, "not TOML"),
        ("[tool.losslint]\nextend = 1\n", "`extend` must be a string"),
        ("[tool.losslint]\nextend = 'base.toml'\n", "`extend` leads to no file: "),
        ("[tool.losslint]\nextend = '.'\n", "`extend` leads to no file: "),
        ("[tool.losslint]\nextend = 'pyproject.toml'\n", "`extend` leads in a circle"),
    ],
)
def test_what_means_nothing_is_an_error_that_names_the_file(
    tmp_path: Path, text: str, says: str
) -> None:
    path = write(tmp_path / "pyproject.toml", text)
    with pytest.raises(ConfigError) as caught:
        find(str(tmp_path))
    assert str(path) in str(caught.value)
    assert says in str(caught.value)


def test_a_file_that_cannot_be_read_is_an_error_and_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "losslint.toml").mkdir()
    assert find(str(tmp_path)) == Settings()
    (tmp_path / "losslint.toml").rmdir()
    (tmp_path / "losslint.toml").symlink_to("nowhere.toml")
    with pytest.raises(ConfigError, match=r"losslint\.toml: No such file"):
        find(str(tmp_path))
    (tmp_path / "losslint.toml").unlink()
    (tmp_path / "losslint.toml").write_bytes(b"\xff\xfes\x00")
    with pytest.raises(ConfigError, match=r"losslint\.toml: not TOML: not UTF-8"):
        find(str(tmp_path))


def test_a_file_that_may_not_be_read_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:  # whoever runs the tests as root may read everything
        raise PermissionError(13, "Permission denied")

    write(tmp_path / "losslint.toml", "")
    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(ConfigError, match=r"losslint\.toml: Permission denied"):
        find(str(tmp_path))


def test_what_editors_on_windows_write_is_read(tmp_path: Path) -> None:
    text = b'\xef\xbb\xbfselect = ["LL1"]\r\nforce-exclude = true\r\n'
    (tmp_path / "losslint.toml").write_bytes(text)
    settings = find(str(tmp_path))
    assert (settings.select, settings.force_exclude) == (("LL1",), True)


def test_the_table_of_a_pyproject_in_a_losslint_toml_is_told_from_a_wrong_key(
    tmp_path: Path,
) -> None:
    write(tmp_path / "losslint.toml", "[tool.losslint]\nselect = []\n")
    with pytest.raises(ConfigError, match=r"without `\[tool.losslint\]`"):
        find(str(tmp_path))


def test_a_file_extends_others_as_ruff_does(tmp_path: Path) -> None:
    """Lists of rules and `extend-exclude` add up, unless `select` begins anew; the rest replaces."""
    write(
        tmp_path / "base.toml",
        'ignore = ["LL105"]\nextend-select = ["LL110"]\nexclude = ["a"]\nextend-exclude = ["b"]\n'
        'loss-functions = ["p.f"]\nforce-exclude = true\n[per-file-ignores]\n"x.py" = ["LL1"]\n',
    )
    write(
        tmp_path / "middle.toml",
        'extend = "base.toml"\nignore = ["LL106"]\nextend-exclude = ["c"]\n'
        'loss-functions = ["p.g"]\nforce-exclude = false\n[per-file-ignores]\n"y.py" = ["LL2"]\n',
    )
    write(tmp_path / "losslint.toml", 'extend = "middle.toml"\nextend-ignore = ["LL107"]\n')
    settings = find(str(tmp_path))
    assert settings == Settings(
        ignore=("LL105", "LL106"),
        extend_select=("LL110",),
        extend_ignore=("LL107",),
        exclude=("a",),
        extend_exclude=("b", "c"),
        loss_functions=("p.g",),
        per_file_ignores=(("y.py", ("LL2",)),),
        root=str(tmp_path),
        origin=str(tmp_path / "losslint.toml"),
        extended=(str(tmp_path / "middle.toml"), str(tmp_path / "base.toml")),
    )
    write(tmp_path / "losslint.toml", 'extend = "middle.toml"\nselect = ["LL1"]\n')
    settings = find(str(tmp_path))
    assert (settings.select, settings.ignore, settings.extend_select) == (("LL1",), (), ())


def test_what_a_file_extends_counts_from_its_own_folder(tmp_path: Path) -> None:
    shared = tmp_path / "sh[a]red"
    write(
        shared / "losslint.toml",
        'extend = "more/pyproject.toml"\ncache-dir = "cache"\nbaseline = "known.json"\n'
        'exclude = ["packages/*/gen/*", "!packages/*/gen/kept.py", "named.py"]\n',
    )
    write(
        shared / "more" / "pyproject.toml",
        '[tool.losslint]\nextend-exclude = ["/y.py", "packages/one/x.py", "**/z.py"]\n',
    )
    one = shared / "packages" / "one"
    write(one / "losslint.toml", 'extend = "../../losslint.toml"\nextend-exclude = ["own/x.py"]\n')
    for name in ("gen/a.py", "gen/kept.py", "own/x.py", "x.py", "y.py", "a/named.py", "own/gen.py"):
        write(one / name, "")
    settings = find(str(one))
    found = [os.path.relpath(file.path, one) for file in discover([one], settings)]
    assert found == ["gen/kept.py", "own/gen.py", "x.py", "y.py"]
    assert settings.cache_dir == str(shared / "cache")
    assert settings.baseline == str(shared / "known.json")
    assert [str(shared / "more" / "pyproject.toml")] == [*settings.extended[1:]]


def test_rules_are_ignored_by_globs_of_the_file_that_says_so(tmp_path: Path) -> None:
    write(tmp_path / "base.toml", "[per-file-ignores]\n'pack/*.py' = ['LL101']\n")
    write(tmp_path / "pack" / "losslint.toml", "extend = '../base.toml'\n")
    selection = Selection(registry.all_rules(), find(str(tmp_path / "pack")))

    def is_checked(path: Path) -> bool:
        return "LL101" in {rule.code for rule in selection.for_file(str(path))}

    assert not is_checked(tmp_path / "pack" / "x.py")
    assert is_checked(tmp_path / "pack" / "pack" / "x.py")
    assert is_checked(tmp_path / "x.py")


def test_what_is_extended_is_wrong_in_its_own_name(tmp_path: Path) -> None:
    write(tmp_path / "losslint.toml", "extend = 'b/pyproject.toml'\n")
    base = write(tmp_path / "b" / "pyproject.toml", "[tool.losslint]\nselct = []\n")
    with pytest.raises(ConfigError, match=f"^{base}: unknown key"):
        find(str(tmp_path))
    base.write_text("[tool.ruff]\n")
    with pytest.raises(ConfigError, match=f"^{base}: no .tool.losslint. table, and .*extends it"):
        find(str(tmp_path))


def test_an_unknown_rule_is_told_with_the_file_that_names_it(tmp_path: Path) -> None:
    base = write(tmp_path / "base.toml", "[per-file-ignores]\n'x.py' = ['LL1O1']\n")
    own = write(tmp_path / "losslint.toml", "extend = 'base.toml'\nextend-select = ['ALL']\n")
    rules = registry.all_rules()
    with pytest.raises(ConfigError, match=f"^{base}: unknown rule `LL1O1`; did you mean `LL1"):
        Selection(rules, find(str(tmp_path)))
    write(base, "")
    write(own, "ignore = ['LL000']\n")
    with pytest.raises(ConfigError, match=f"^{own}: `LL000` cannot be ignored"):
        Selection(rules, find(str(tmp_path)))
    write(own, "")
    with pytest.raises(ConfigError, match=r"^unknown rule `bad`"):
        Selection(rules, replace(find(str(tmp_path)), select=("bad",)))


def test_a_circle_is_told_with_everything_that_is_in_it(tmp_path: Path) -> None:
    write(tmp_path / "losslint.toml", 'extend = "b/c.toml"\n')
    write(tmp_path / "b" / "c.toml", 'extend = "../losslint.toml"\n')
    with pytest.raises(ConfigError) as caught:
        find(str(tmp_path))
    top, below = tmp_path / "losslint.toml", tmp_path / "b" / "c.toml"
    assert f"circle: {top} extends {below} extends {top}" in str(caught.value)


def test_home_and_the_environment_are_known_in_extend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "shared" / "base.toml", 'select = ["LL1"]\n')
    monkeypatch.setenv("SHARED", "shared")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    write(tmp_path / "a" / "losslint.toml", 'extend = "~/$SHARED/base.toml"\n')
    assert find(str(tmp_path / "a")).select == ("LL1",)


def test_the_command_line_beats_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "base.toml", "")
    write(tmp_path / "pyproject.toml", ALL_KEYS)
    monkeypatch.chdir(tmp_path)
    assert from_command_line("--select", "LL2,LL3").select == ("LL2", "LL3")
    assert from_command_line("--select", "LL105").ignore == ()
    assert from_command_line("--ignore", "LL2", "--ignore", "LL3").ignore == ("LL105", "LL2", "LL3")
    assert from_command_line("--extend-exclude", "x").extend_exclude == ("*_pb2.py", "x")
    assert from_command_line("--exclude", "x").exclude == ("x",)
    assert from_command_line().force_exclude is True
    assert from_command_line("--isolated") == Settings()


def test_the_folder_of_the_paths_decides_and_not_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "a" / "losslint.toml", 'select = ["LL1"]\n')
    write(tmp_path / "a" / "b" / "x.py", "")
    write(tmp_path / "a" / "c" / "x.py", "")
    monkeypatch.chdir(tmp_path)
    assert from_command_line("a/b/x.py", "a/c").select == ("LL1",)
    assert from_command_line(".").select == ()


def test_globs_of_the_command_line_count_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "losslint.toml", "")
    write(tmp_path / "a" / "x.py", "")
    monkeypatch.chdir(tmp_path / "a")
    for name in ("gen/x.py", "gen/y.py", "b/gen/x.py", "z.py"):
        write(tmp_path / "a" / name, "")
    settings = from_command_line("--exclude", "gen/x.py,z.py")
    found = [file.path for file in discover(["."], settings)]
    assert found == [os.path.join("b", "gen", "x.py"), os.path.join("gen", "y.py"), "x.py"]


def test_a_named_file_must_be_there_and_have_a_table(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        from_command_line("--config", str(tmp_path / "losslint.toml"))
    path = write(tmp_path / "pyproject.toml", "[tool.ruff]\n")
    with pytest.raises(ConfigError, match=r"no \[tool.losslint\] table"):
        from_command_line("--config", str(path))


def test_the_settings_that_are_shown_say_the_same_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "base.toml", 'extend-ignore = ["LL2"]\n')
    text = ALL_KEYS.replace("tests/**", 't\\"\\u007f\\U0001F600 # /**')
    origin = write(tmp_path / "pyproject.toml", text)
    shown = tmp_path / "losslint.toml"
    for arguments in ([], ["--isolated"]):
        shown.unlink(missing_ok=True)
        before = from_command_line(*arguments)
        assert main(["--show-settings", *arguments]) == 0
        out = capsys.readouterr().out
        again = load(str(write(shown, out)))
        same = {"root": str(tmp_path), "origin": str(shown), "extended": ()}
        assert again == Settings(**{**vars(before), **same})
    assert str(origin) in "\n".join(settings_toml(load(str(origin)) or Settings()))
    assert f"# which extends {tmp_path / 'base.toml'}" in "\n".join(
        settings_toml(load(str(origin)) or Settings())
    )


SCHEMA = json.loads(schema(registry.all_rules()))


def is_right_by_schema(table: object) -> bool:
    validator = jsonschema.Draft7Validator(SCHEMA)
    return bool(validator.is_valid(table))


def is_right(path: Path, text: str) -> bool:
    """Whether losslint takes a configuration, and knows every rule in it."""
    try:
        settings = load(str(write(path, text)))
        Selection(registry.all_rules(), settings or Settings())
    except ConfigError:
        return False
    return True


RULES = ["LL101", "unchecked_loss", "LL1", "L", "ALL", "LL000", "LL999", "loss", "", "all", "ll101"]
STRINGS = st.sampled_from(
    [*RULES, "a.b:c", "a:b", "a", "floor", "softplus", "1a:b", "a:b.c", "é:ß"]
)
VALUES = st.one_of(
    st.lists(st.sampled_from(RULES), max_size=3),
    STRINGS,
    st.booleans(),
    st.integers(-1, 2),
    st.just(2.5),
    st.dictionaries(st.sampled_from(["*.py", "a/"]), st.lists(st.sampled_from(RULES), max_size=2)),
    st.lists(st.one_of(STRINGS, st.integers(0, 1)), max_size=2),
)


def toml(table: dict[str, Any]) -> str:
    def value(of: object) -> str:
        if isinstance(of, dict):
            return "{" + ", ".join(f"{json.dumps(k)} = {value(v)}" for k, v in of.items()) + "}"
        if isinstance(of, list):
            return "[" + ", ".join(map(value, of)) + "]"
        return json.dumps(of, ensure_ascii=False)

    return "".join(f"{key} = {value(of)}\n" for key, of in table.items())


@given(
    table=st.dictionaries(
        st.sampled_from([*KEYS, "selct", "tool", "per_file_ignores"]).filter("extend".__ne__),
        VALUES,
        min_size=1,
        max_size=2,
    )
)
def test_editors_are_told_the_same_by_the_schema(
    tmp_path_factory: pytest.TempPathFactory, table: dict[str, Any]
) -> None:
    text = toml(table)
    assert tomllib.loads(text) == table
    assert is_right_by_schema(table) == is_right(tmp_path_factory.getbasetemp() / "x.toml", text)


@pytest.mark.parametrize("key", KEYS)
def test_the_schema_knows_a_right_value_and_a_wrong_one_of_each_key(key: str) -> None:
    right = tomllib.loads(ALL_KEYS)["tool"]["losslint"]
    assert is_right_by_schema({key: right[key]})
    assert not is_right_by_schema({key: {"x": 1}})


def test_the_schema_is_one_and_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    assert main(["--show-schema"]) == 0
    assert json.loads(capsys.readouterr().out) == SCHEMA


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (ALL_KEYS.replace("tool.losslint.", "").replace("[tool.losslint]", ""), ""),
        ("selct = []\n", "'selct' was unexpected"),
        ("ignore = ['LL000']\n", '"LL000" is not valid'),
        ("loss-check-interval = 0\n", "0 is less than the minimum of 1"),
    ],
)
def test_taplo_which_checks_toml_in_editors_goes_by_the_schema(
    tmp_path: Path, text: str, says: str
) -> None:
    write(tmp_path / "losslint.schema.json", json.dumps(SCHEMA))
    path = write(tmp_path / "losslint.toml", f"#:schema ./losslint.schema.json\n{text}")
    taplo = os.path.join(sysconfig.get_path("scripts"), "taplo")
    done = subprocess.run([taplo, "lint", path], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode == 0) == (says == "")
    assert says in done.stderr


def test_the_schema_of_pyproject_can_refer_to_it() -> None:
    """As that of SchemaStore refers to those of the tools."""
    reference = "https://json.schemastore.org/losslint.json"
    tools = {"losslint": {"$ref": reference}}
    registry = Registry().with_resource(reference, Resource.from_contents(SCHEMA))
    validator = jsonschema.Draft7Validator(
        {"$schema": SCHEMA["$schema"], "properties": {"tool": {"properties": tools}}},
        registry=registry,
    )
    assert validator.is_valid(tomllib.loads(f"[project]\nname = 'x'\n{ALL_KEYS}"))
    assert not validator.is_valid({"tool": {"losslint": {"select": ["LL999"]}}})
