"""Configuration: where it is found, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from losslint.config import KEYS, ConfigError, Settings, find, load
from losslint.options import check_parser, settings_from

ALL_KEYS = """
[tool.losslint]
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
        fail_on="error",
        root=str(tmp_path),
        origin=str(path),
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


def test_a_file_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "losslint.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not TOML"):
        find(str(tmp_path))


def test_the_command_line_beats_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert from_command_line("--exclude", "gen/x.py,gen").exclude == ("/a/gen/x.py", "gen")


def test_a_named_file_must_be_there_and_have_a_table(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        from_command_line("--config", str(tmp_path / "losslint.toml"))
    path = write(tmp_path / "pyproject.toml", "[tool.ruff]\n")
    with pytest.raises(ConfigError, match=r"no \[tool.losslint\] table"):
        from_command_line("--config", str(path))
