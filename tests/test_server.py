"""The language server, spoken to over standard input and output by another's client."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import subprocess
import sys
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pygls.lsp.client import LanguageClient
from pygls.workspace import PositionCodec

from losslint import check_source, fix_source
from losslint.findings import Safety
from losslint.server.documents import Part

# What pygls' client asks of asyncio is out of date from Python 3.14 on.
pytestmark = pytest.mark.filterwarnings("ignore:.*iscoroutinefunction:DeprecationWarning")

LOSS = '''\
import torch
from torch import nn


class Weighting(nn.Module):
    def __init__(self):
        super().__init__()
        self.s = nn.Parameter(torch.zeros(2))

    def forward(self, losses):
        """🔥"""; note = "🔥🔥"; return (torch.exp(-self.s) * losses + self.s).sum()
'''
USE = "\n\ntotal = Weighting()(torch.rand(2))\n"
# LL101 on the last row of the class: its place in code points, and in UTF-16.
FOUND = next(f for f in check_source(LOSS + USE) if f.code == "LL101")
ROW = 10
LINE = LOSS.splitlines()[ROW]
FIXED = fix_source(LOSS + USE).text


def columns(encoding: str) -> tuple[int, int]:
    """Where the finding begins and ends in its line, counted as an encoding does."""
    unit = {"utf-8": 1, "utf-16-le": 2, "utf-32-le": 4}[encoding]
    start = (LOSS + USE).encode().rindex(b"\n", 0, FOUND.span.start) + 1
    line = (LOSS + USE).encode()[start : FOUND.span.end]
    both = line[: FOUND.span.start - start], line
    return tuple(len(part.decode().encode(encoding)) // unit for part in both)


FIXTURES = Path(__file__).parent.parent / "fixtures"
# Here LL101 stands on a row that ends inside of a string.
STRING = LINE.split(";")[-1].replace(" return", "        return") + ', """the rest\nof it"""'


# Two cells of a notebook; a fix in the second needs an import in the first.
BEGINNING = "import torch\n\ns = torch.zeros(2, requires_grad=True)"
TOTAL = '''\
def total(losses):
    """🔥"""; return (torch.exp(-s) * losses + s).sum()

total(torch.rand(2)).backward()'''
WHOLE = types.Range(types.Position(0, 0), types.Position(1_000, 0))


class Editor:
    """An editor with one window on a folder."""

    able: types.ServerCapabilities

    def __init__(self, folder: Path) -> None:
        self.at(folder)
        self.client = LanguageClient("an editor", "1")
        self.registered: list[str] = []
        self.refreshed = 0
        self._news = asyncio.Event()
        self._versions: defaultdict[str, int] = defaultdict(int)
        client = self.client

        @client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def publish(params: types.PublishDiagnosticsParams) -> None:
            self.shown[params.uri] = params
            self._news.set()

        @client.feature(types.WINDOW_SHOW_MESSAGE)
        def show(params: types.ShowMessageParams) -> None:
            self.messages.append(params.message)
            self._news.set()

        @client.feature(types.WINDOW_LOG_MESSAGE)
        def log(params: types.LogMessageParams) -> None:
            pass

        @client.feature(types.CLIENT_REGISTER_CAPABILITY)
        def register(params: types.RegistrationParams) -> None:
            self.registered += [one.method for one in params.registrations]
            self._news.set()

        @client.feature(types.WORKSPACE_DIAGNOSTIC_REFRESH)
        def refresh(params: None) -> None:
            self.refreshed += 1
            self._news.set()

    def at(self, folder: Path) -> None:
        """Work in another folder."""
        self.folder = folder
        self.shown: dict[str, types.PublishDiagnosticsParams] = {}
        self.messages: list[str] = []

    async def start(self, **capabilities: Any) -> None:
        await self.client.start_io(sys.executable, "-m", "losslint", "server", "--stdio")
        can = {
            "textDocument": {
                "codeAction": {"dataSupport": True, "resolveSupport": {"properties": ["edit"]}},
                "hover": {"contentFormat": ["markdown"]},
            },
            "notebookDocument": {"synchronization": {}},
            "workspace": {
                "didChangeWatchedFiles": {"dynamicRegistration": True},
                "workspaceEdit": {"documentChanges": True},
            },
        }
        for part, values in capabilities.items():
            can.setdefault(part, {}).update(values)
        uri = self.folder.as_uri()
        given = {
            "processId": None,
            "rootUri": uri,
            "capabilities": can,
            "workspaceFolders": [{"uri": uri, "name": "here"}],
        }
        params = self.client.protocol._converter.structure(given, types.InitializeParams)
        told = await self.client.initialize_async(params)
        self.client.initialized(types.InitializedParams())
        self.able = told.capabilities

    async def leave(self) -> int | None:
        await self.client.shutdown_async(None)
        self.client.exit(None)
        server = self.client._server
        await server.wait()
        await self.client.stop()
        assert await server.stderr.read() == b""
        return server.returncode

    async def until(self, is_so: Callable[[], Any]) -> None:
        """Wait until what the server sends makes something true."""
        while not is_so():
            self._news.clear()
            await self._news.wait()

    # --- texts ----------------------------------------------------------------------------

    def open(self, path: Path | str, text: str) -> str:
        uri = path.as_uri() if isinstance(path, Path) else path
        self._versions[uri] = 1
        item = types.TextDocumentItem(uri, "python", 1, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        return uri

    def change(self, uri: str, *changes: tuple[types.Range, str] | str) -> None:
        self._versions[uri] += 1
        made = [
            types.TextDocumentContentChangeWholeDocument(change)
            if isinstance(change, str)
            else types.TextDocumentContentChangePartial(change[0], change[1])
            for change in changes
        ]
        which = types.VersionedTextDocumentIdentifier(uri=uri, version=self._versions[uri])
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(which, made))

    def close(self, uri: str) -> None:
        del self._versions[uri]
        which = types.TextDocumentIdentifier(uri)
        self.client.text_document_did_close(types.DidCloseTextDocumentParams(which))

    def close_all(self) -> None:
        for uri in [*self._versions]:
            self.close(uri)

    def open_notebook(self, uri: str, texts: dict[str, str]) -> None:
        cells = [types.NotebookCell(types.NotebookCellKind.Code, cell) for cell in texts]
        items = [types.TextDocumentItem(cell, "python", 1, text) for cell, text in texts.items()]
        self._versions.update(dict.fromkeys(texts, 1))
        notebook = types.NotebookDocument(uri, "jupyter-notebook", 1, cells)
        params = types.DidOpenNotebookDocumentParams(notebook, items)
        self.client.notebook_document_did_open(params)

    def change_cells(self, uri: str, edits: dict[str, list[types.TextEdit]]) -> None:
        content = []
        for cell, each in edits.items():
            self._versions[cell] += 1
            which = types.VersionedTextDocumentIdentifier(uri=cell, version=self._versions[cell])
            made = [types.TextDocumentContentChangePartial(e.range, e.new_text) for e in each]
            content.append(types.NotebookDocumentCellContentChanges(which, made[::-1]))
        self._change_notebook(uri, types.NotebookDocumentCellChanges(text_content=content))

    def remove_cell(self, uri: str, at: int, cell: str) -> None:
        array = types.NotebookCellArrayChange(at, 1, [])
        closed = [types.TextDocumentIdentifier(cell)]
        structure = types.NotebookDocumentCellChangeStructure(array, [], closed)
        self._change_notebook(uri, types.NotebookDocumentCellChanges(structure))

    def _change_notebook(self, uri: str, cells: types.NotebookDocumentCellChanges) -> None:
        which = types.VersionedNotebookDocumentIdentifier(uri=uri, version=2)
        change = types.NotebookDocumentChangeEvent(cells=cells)
        params = types.DidChangeNotebookDocumentParams(which, change)
        self.client.notebook_document_did_change(params)

    def save(self, uri: str) -> None:
        which = types.TextDocumentIdentifier(uri)
        self.client.text_document_did_save(types.DidSaveTextDocumentParams(which))

    async def codes(self, uri: str) -> list[str]:
        """What is shown of a text as it is now."""
        found = await self.diagnostics(uri)
        return [str(one.code) for one in found]

    async def diagnostics(self, uri: str) -> list[types.Diagnostic]:
        version = self._versions[uri]
        await self.until(lambda: uri in self.shown and self.shown[uri].version == version)
        return list(self.shown[uri].diagnostics)

    # --- questions ------------------------------------------------------------------------

    async def actions(self, uri: str, at: types.Position, *only: str) -> list[types.CodeAction]:
        params = types.CodeActionParams(
            types.TextDocumentIdentifier(uri),
            types.Range(at, at),
            types.CodeActionContext([], only or None),
        )
        return list(await self.client.text_document_code_action_async(params) or ())

    async def edits(self, action: types.CodeAction) -> dict[str, list[types.TextEdit]]:
        """What an action changes, by URI."""
        action = await self.client.code_action_resolve_async(action)
        if action.edit is None:
            return {}
        for change in action.edit.document_changes:
            assert change.text_document.version == self._versions[change.text_document.uri]
        return {c.text_document.uri: list(c.edits) for c in action.edit.document_changes}

    async def hover(self, uri: str, row: int, column: int) -> str:
        where = types.TextDocumentIdentifier(uri)
        params = types.HoverParams(where, types.Position(row, column))
        found = await self.client.text_document_hover_async(params)
        return found.contents.value if found else ""


def applied(text: str, edits: list[types.TextEdit]) -> str:
    """A text with edits made as an editor makes them, that counts in UTF-16."""
    lines = text.encode("utf-16-le").split("\n".encode("utf-16-le"))

    def at(position: types.Position) -> int:
        before = sum(len(line) + 2 for line in lines[: position.line])
        return before + 2 * position.character

    data = text.encode("utf-16-le")
    for edit in sorted(edits, key=lambda e: at(e.range.start), reverse=True):
        start, end = at(edit.range.start), at(edit.range.end)
        data = data[:start] + edit.new_text.encode("utf-16-le") + data[end:]
    return data.decode("utf-16-le")


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture(scope="module")
def window(
    loop: asyncio.AbstractEventLoop, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Editor]:
    """An editor that stays, since a server takes a second to start."""
    editor = Editor(tmp_path_factory.mktemp("window"))
    loop.run_until_complete(editor.start())
    yield editor
    assert loop.run_until_complete(editor.leave()) == 0


def session(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run a test in a folder, in the window that stays open."""

    @functools.wraps(test)
    def run(tmp_path: Path, window: Editor, loop: asyncio.AbstractEventLoop) -> None:
        window.at(tmp_path)
        loop.run_until_complete(asyncio.wait_for(test(window), 20))
        window.close_all()

    del run.__wrapped__  # or pytest asks what `editor` is
    return run


@session
async def test_a_session_finds_explains_fixes_and_comes_out_clean(editor: Editor) -> None:
    assert editor.able.position_encoding == "utf-16"
    assert editor.able.code_action_provider.resolve_provider
    assert "source.fixAll.losslint" in editor.able.code_action_provider.code_action_kinds
    text = LOSS + USE
    uri = editor.open(editor.folder / "loss.py", text)

    # the place counts the characters beyond the first plane twice
    found = next(d for d in await editor.diagnostics(uri) if d.code == "LL101")
    start, end = columns("utf-16-le")
    assert found.range == types.Range(types.Position(ROW, start), types.Position(ROW, end))
    assert (found.severity, found.source) == (types.DiagnosticSeverity.Warning, "losslint")
    assert found.message == FOUND.message
    assert found.data["fix"] == {"title": FOUND.fix.title, "applicability": "safe"}

    shown = await editor.hover(uri, ROW, start)
    assert "LL101 unbounded_log_variance" in shown
    assert all(word in shown for word in ("## What it does", "## Fix safety"))
    assert await editor.hover(uri, 0, 0) == ""

    actions = await editor.actions(uri, found.range.start, "quickfix")
    fix, ignore = [a for a in actions if "(LL101)" in a.title]
    assert fix.is_preferred
    assert not ignore.is_preferred
    assert [*fix.diagnostics] == [found]
    edits = (await editor.edits(fix))[uri]
    fixed = applied(text, edits)
    compile(fixed, "fixed", "exec")
    assert "LL101" not in {f.code for f in check_source(fixed)}
    # as small as can be: what stands before it in the line is not touched
    assert min(edit.range.start.character for edit in edits) > LINE.index("return")

    editor.change(uri, *[(e.range, e.new_text) for e in reversed(edits)])
    assert "LL101" not in await editor.codes(uri)
    assert fixed == FIXED
    assert await editor.codes(uri) == [f.code for f in check_source(FIXED)]


@session
async def test_a_notebook_is_one_module_in_cells(editor: Editor) -> None:
    notebook = (editor.folder / "train.ipynb").as_uri()
    first, magic, last = (f"vscode-notebook-cell:/train.ipynb#{n}" for n in "abc")
    texts = {first: BEGINNING, magic: "!pip list 🔥\n%time x = 1", last: TOTAL}
    editor.open_notebook(notebook, texts)
    assert await editor.codes(last) == ["LL105", "LL101"]
    assert await editor.codes(first) == []
    assert await editor.codes(magic) == []
    _weight, found = editor.shown[last].diagnostics
    column = len(TOTAL.split("\n")[1].split("+ s")[0]) + len("+ ") + 1  # the emoji takes two
    place = types.Range(types.Position(1, column), types.Position(1, column + 1))
    assert found.range == place
    assert "LL101 unbounded_log_variance" in await editor.hover(last, 1, column)
    assert await editor.hover(first, 0, 0) == ""

    # the plain kind would be run for each cell, and is not for notebooks
    assert await editor.actions(last, place.start, "source.fixAll") == []
    (all_fixes,) = await editor.actions(first, types.Position(0, 0), "notebook.source.fixAll")
    assert all_fixes.kind == "notebook.source.fixAll.losslint"
    fix, ignore = await editor.actions(last, place.start, "quickfix")
    floor = "F.softplus(s + 10.0)"
    fixed = TOTAL.replace("exp(-s)", f"exp(10.0 - {floor})").replace("+ s)", f"+ {floor})")
    imported = BEGINNING.replace("torch\n", "torch\nimport torch.nn.functional as F\n", 1)
    for action in (all_fixes, fix):
        edits = await editor.edits(action)
        made = {uri: applied(texts[uri], each) for uri, each in edits.items()}
        assert made == {first: imported, last: fixed}
    assert "[LL101]" in (await editor.edits(ignore))[last][0].new_text

    editor.change_cells(notebook, edits)
    await editor.until(lambda: not editor.shown[last].diagnostics)
    editor.change_cells(notebook, {last: [types.TextEdit(WHOLE, TOTAL)]})
    await editor.until(lambda: editor.shown[last].diagnostics)
    # without the cell that makes the parameter, nothing is known of it
    editor.remove_cell(notebook, 0, first)
    await editor.until(lambda: not editor.shown[last].diagnostics)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_places_are_counted_as_was_agreed(encoding: str) -> None:
    text = "a🔥é\r\n\r\f\u2028🔥b\n🔥"
    part = Part("file:///x.py", 1, text, PositionCodec(encoding).client_num_units)
    unit = {"utf-8": 1, "utf-16": 2, "utf-32": 4}[encoding]
    codec = encoding if unit == 1 else f"{encoding}-le"
    rows = [0, 5, 6, 11]  # of \r\n, \r and \n each ends a line, and nothing else does
    for index in range(len(text) + 1):
        if text[max(0, index - 1) : index + 1] == "\r\n":
            continue  # nobody can be there
        row = bisect_right(rows, index) - 1
        column = len(text[rows[row] : index].encode(codec)) // unit
        assert part.position(index) == types.Position(row, column)
        assert part.position_of_byte(len(text[:index].encode())) == types.Position(row, column)
        assert part.index(types.Position(row, column)) == index
    assert part.index(types.Position(0, 99)) == text.index("\r")
    assert part.index(types.Position(99, 0)) == part.index(types.Position(3, 99)) == len(text)


@session
async def test_what_is_checked_is_the_text_in_the_window(editor: Editor) -> None:
    path = editor.folder / "loss.py"
    path.write_text(LOSS + USE)
    # pygls would take a form feed for the end of a line, and change the next line but one
    text = ("\f\n# \u2028 \x85\n" + FIXED).replace("\n", "\r\n")
    uri = editor.open(path, text)
    assert await editor.codes(uri) == []

    row = text.replace("\r\n", "\n").split("\n").index(FIXED.split("\n")[ROW])
    fixed, broken = FIXED.split("\n")[ROW], LINE
    width = len(fixed.encode("utf-16-le")) // 2
    line = types.Range(types.Position(row, 0), types.Position(row, width))
    editor.change(uri, (line, broken))
    assert await editor.codes(uri) == ["LL105", "LL101"]
    fix, *_ = await editor.actions(uri, types.Position(row, columns("utf-16-le")[0]), "quickfix")
    edits = (await editor.edits(fix))[uri]
    assert applied(text.replace(fixed, broken), edits) == text

    # behind the end of a line is its end, behind the last line that of the text
    behind = types.Position(row, 10_000), types.Position(10_000, 0)
    editor.change(uri, (types.Range(behind[0], behind[0]), "  # noqa: LL101, LL105"))
    assert await editor.codes(uri) == []
    editor.change(uri, (types.Range(behind[1], behind[1]), "\r\nimport ("))
    assert await editor.codes(uri) == ["LL000"]
    editor.change(uri, "nothing = 1\n")
    assert await editor.codes(uri) == []
    assert path.read_text() == LOSS + USE


@session
async def test_all_safe_fixes_are_those_of_the_command(editor: Editor) -> None:
    text = (FIXTURES / "unguarded_variance" / "bad.py").read_text()
    uri = editor.open(editor.folder / "bad.py", text)
    found = {f.fix.safety for f in check_source(text) if f.fix}
    assert found == {Safety.SAFE, Safety.UNSAFE}
    top = types.Position(0, 0)
    for asked in ("source", "source.fixAll", "source.fixAll.losslint"):
        (action,) = await editor.actions(uri, top, asked)
        assert action.kind == "source.fixAll.losslint"
    assert await editor.actions(uri, top, "source.fixAll.other", "notebook", "refactor") == []
    fixed = applied(text, (await editor.edits(action))[uri])
    (editor.folder / "bad.py").write_text(text)
    command = [sys.executable, "-m", "losslint", "--fix", "-q", "--no-cache", "."]
    subprocess.run(command, cwd=editor.folder, check=False, capture_output=True)
    assert fixed == (editor.folder / "bad.py").read_text()
    assert fixed != text

    unsafe = next(f for f in check_source(text) if f.fix and f.fix.safety is Safety.UNSAFE)
    row = text.encode()[: unsafe.span.start].count(b"\n")
    start = text.encode().rindex(b"\n", 0, unsafe.span.start) + 1
    actions = await editor.actions(uri, types.Position(row, unsafe.span.start - start), "quickfix")
    offered = next(a for a in actions if a.title.startswith(f"losslint ({unsafe.code}): "))
    assert offered.title.endswith(" (unsafe)")
    assert not offered.is_preferred

    # what the baseline knows is neither shown nor fixed
    (editor.folder / "bad.py").write_text(text)
    command[3:] = ["--write-baseline", "known.json", "-q", "--no-cache", "."]
    subprocess.run(command, cwd=editor.folder, check=False, capture_output=True)
    (editor.folder / "losslint.toml").write_text('baseline = "known.json"')
    editor.save(uri)
    await editor.until(lambda: not editor.shown[uri].diagnostics)
    assert await editor.actions(uri, top, "source.fixAll") == []


@session
async def test_a_suppression_joins_the_one_that_is_there(editor: Editor) -> None:
    text = LOSS + USE
    uri = editor.open(editor.folder / "loss.py", text)
    for code in ("LL105", "LL101"):
        found = next(d for d in await editor.diagnostics(uri) if d.code == code)
        actions = await editor.actions(uri, found.range.start)
        ignore = next(a for a in actions if a.title == f"losslint ({code}): Ignore on this line")
        text = applied(text, (await editor.edits(ignore))[uri])
        editor.change(uri, text)
    assert text.splitlines()[ROW] == f"{LINE}  # losslint: ignore[LL105, LL101]"
    assert await editor.codes(uri) == []

    column = len(text.splitlines()[ROW].encode("utf-16-le")) // 2 - len("L101]")
    assert "LL101 unbounded_log_variance" in await editor.hover(uri, ROW, column)
    assert "LL105" not in (await editor.hover(uri, ROW, column)).split("\n")[0]

    # where the row ends in a string, the comment goes to the end of the statement
    text = text.replace(f"{LINE}  # losslint: ignore[LL105, LL101]", STRING)
    editor.change(uri, text)
    found = next(d for d in await editor.diagnostics(uri) if d.code == "LL101")
    actions = await editor.actions(uri, found.range.start)
    ignore = next(a for a in actions if a.title == "losslint (LL101): Ignore on this line")
    text = applied(text, (await editor.edits(ignore))[uri])
    assert 'of it"""  # losslint: ignore[LL101]\n' in text
    editor.change(uri, text)
    assert "LL101" not in await editor.codes(uri)


@session
async def test_each_document_has_the_nearest_configuration(editor: Editor) -> None:
    folder = editor.folder
    (folder / "inner").mkdir()
    (folder / "losslint.toml").write_text('ignore = ["LL105"]\n')
    outer = editor.open(folder / "loss.py", LOSS + USE)
    inner = editor.open(folder / "inner" / "loss.py", LOSS + USE)
    assert await editor.codes(outer) == ["LL101"]
    assert await editor.codes(inner) == ["LL101"]
    await editor.until(lambda: editor.registered)
    assert editor.registered == ["workspace/didChangeWatchedFiles"]

    def saved(path: Path, text: str) -> None:
        path.write_text(text)
        change = types.FileEvent(path.as_uri(), types.FileChangeType.Changed)
        params = types.DidChangeWatchedFilesParams([change])
        editor.client.workspace_did_change_watched_files(params)

    saved(folder / "inner" / "pyproject.toml", '[tool.losslint]\nselect = ["LL105"]\n')
    await editor.until(lambda: [d.code for d in editor.shown[inner].diagnostics] == ["LL105"])
    assert await editor.codes(outer) == ["LL101"]

    # what cannot be used is told once; what held before still does
    saved(folder / "inner" / "pyproject.toml", '[tool.losslint]\nselect = ["LL1O5"]\n')
    await editor.until(lambda: editor.messages)
    editor.change(inner, LOSS + USE + "# more\n")
    assert await editor.codes(inner) == ["LL105"]
    assert len(editor.messages) == 1
    assert "unknown rule `LL1O5`; did you mean `LL105`?" in editor.messages[0]

    saved(folder / "losslint.toml", 'exclude = ["loss.py"]\n')
    (folder / "inner" / "pyproject.toml").unlink()
    editor.client.workspace_did_change_configuration(types.DidChangeConfigurationParams({}))
    await editor.until(lambda: not editor.shown[outer].diagnostics)
    await editor.until(lambda: not editor.shown[inner].diagnostics)
    assert len(editor.messages) == 1


@session
async def test_the_rules_of_the_project_see_what_is_not_saved(editor: Editor) -> None:
    project = FIXTURES / "unoptimized_loss_parameters" / "bad"
    texts = {path.name: path.read_text() for path in project.glob("*.py")}
    for name, text in texts.items():
        (editor.folder / name).write_text(text)
    (editor.folder / "pyproject.toml").write_text("")
    losses = editor.open(editor.folder / "losses.py", texts["losses.py"])
    (found,) = await editor.diagnostics(losses)
    assert (found.code, found.severity) == ("LL107", types.DiagnosticSeverity.Error)
    other = found.related_information[0].location
    assert other.uri == (editor.folder / "train.py").as_uri()
    assert other.range.start == types.Position(9, 16)

    # of two places in files that are open, the finding has the better one
    train = editor.open(editor.folder / "train.py", texts["train.py"])
    assert await editor.codes(train) == ["LL107"]
    assert list(editor.shown[losses].diagnostics) == []
    # the parameters are gone from the other file, but nobody saved it
    editor.change(losses, texts["losses.py"].replace("nn.Parameter(", "("))
    await editor.until(lambda: not editor.shown[train].diagnostics)
    editor.change(losses, texts["losses.py"])
    await editor.until(lambda: editor.shown[train].diagnostics)
    editor.close(train)
    editor.close(losses)
    await editor.until(lambda: not editor.shown[train].diagnostics)


def test_an_editor_that_asks_is_sent_nothing(
    tmp_path: Path, loop: asyncio.AbstractEventLoop
) -> None:
    async def ask(editor: Editor) -> None:
        await editor.start(
            general={"positionEncodings": ["utf-8", "utf-16"]},
            textDocument={"diagnostic": {}, "hover": {"contentFormat": ["plaintext"]}},
            workspace={"diagnostics": {"refreshSupport": True}},
        )
        assert editor.able.position_encoding == "utf-8"
        assert editor.able.diagnostic_provider.inter_file_dependencies
        uri = editor.open(editor.folder / "loss.py", LOSS + USE)
        params = types.DocumentDiagnosticParams(types.TextDocumentIdentifier(uri))

        async def asked() -> list[types.Diagnostic]:
            report = await editor.client.text_document_diagnostic_async(params)
            assert report.kind == "full"
            return report.items

        _, found = await asked()
        start, end = columns("utf-8")
        assert (found.code, found.range.start.character) == ("LL101", start)
        assert found.range.end.character == end
        for number in range(50):
            editor.change(uri, LOSS + USE + "#" * number)
        editor.change(uri, FIXED)
        assert not await asked()  # and not what was found in any text before
        assert editor.shown == {}
        # it is told to ask again where something is found in a text that did not change
        project = FIXTURES / "unoptimized_loss_parameters" / "bad"
        for path in project.glob("*.py"):
            (editor.folder / path.name).write_text(path.read_text())
        losses = editor.folder / "losses.py"
        params.text_document.uri = editor.open(losses, losses.read_text())
        assert [one.code for one in await asked()] == ["LL107"]
        (editor.folder / "losslint.toml").write_text('ignore = ["LL107"]')
        editor.save(uri)
        await editor.until(lambda: editor.refreshed)
        assert not await asked()
        editor.change(uri, LOSS + USE)
        shown = await editor.hover(uri, ROW, start)
        assert shown.startswith("LL101 unbounded_log_variance (warning)\n\nnothing bounds `self.s`")
        assert await editor.leave() == 0

    loop.run_until_complete(asyncio.wait_for(ask(Editor(tmp_path)), 20))


# A check that takes its time, prints, and breaks for one file.
BROKEN = """\
import sys, time
from losslint import cli
from losslint.server import checking

def member(self, source, member=checking.Run.member):
    print("noise")
    time.sleep(0.3)
    if "crash" in source.name:
        raise ZeroDivisionError("of a rule")
    return member(self, source)

checking.Run.member = member
sys.exit(cli.main(["server"]))
"""


class Wire:
    """The bytes between an editor and a server."""

    def __init__(self, server: subprocess.Popen[bytes]) -> None:
        self.server = server

    def send(self, method: str, params: Any, number: int | None = None) -> None:
        message = {"jsonrpc": "2.0", "method": method, "params": params}
        self.send_bytes(json.dumps(message | ({"id": number} if number else {})).encode())

    def send_bytes(self, body: bytes) -> None:
        self.server.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.server.stdin.flush()

    def until(self, is_it: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """The first message of a kind; whatever else is on the wire is no message and fails."""
        while True:
            length = self.server.stdout.readline()
            assert length.startswith(b"Content-Length: ")
            assert self.server.stdout.readline().startswith(b"Content-Type: ")
            assert self.server.stdout.readline() == b"\r\n"
            message: dict[str, Any] = json.loads(self.server.stdout.read(int(length[16:])))
            if is_it(message):
                return message

    def open(self, uri: str) -> None:
        item = {"uri": uri, "languageId": "python", "version": 1, "text": LOSS + USE}
        self.send("textDocument/didOpen", {"textDocument": item})

    def codes(self, uri: str) -> list[str]:
        """What is said of a text next."""
        said = self.until(lambda m: m.get("params", {}).get("uri") == uri)
        return [one["code"] for one in said["params"]["diagnostics"]]


def test_nothing_takes_the_server_down(tmp_path: Path) -> None:
    command = [sys.executable, "-c", BROKEN]
    new = "untitled:Untitled-1"
    with subprocess.Popen(command, stdin=-1, stdout=-1, stderr=-1, cwd=tmp_path) as server:
        wire = Wire(server)
        wire.send("initialize", {"processId": None, "rootUri": None, "capabilities": {}}, 1)
        wire.until(lambda m: m.get("id") == 1)
        wire.send_bytes(b"this is no JSON")
        wire.send("initialized", {})
        wire.send("no/such", {"method": 1})
        wire.send("no/suchRequest", {}, 2)
        assert wire.until(lambda m: m.get("id") == 2)["error"]["code"] == -32601
        wire.open(new)
        # who calls a question off hears so, and the check goes on
        start = {"line": 0, "character": 0}
        wire.send("textDocument/hover", {"textDocument": {"uri": new}, "position": start}, 3)
        wire.send("$/cancelRequest", {"id": 3})
        assert wire.until(lambda m: m.get("id") == 3)["error"]["code"] == -32800
        assert wire.codes(new) == ["LL105", "LL101"]
        # who cannot ask for the edit later gets it at once, and in the older form
        where = {"start": {"line": ROW, "character": columns("utf-16-le")[0]}}
        where["end"] = where["start"]
        asked = {"textDocument": {"uri": new}, "range": where, "context": {"diagnostics": []}}
        wire.send("textDocument/codeAction", asked, 4)
        fix, *_ = wire.until(lambda m: m.get("id") == 4)["result"]
        (edit,) = fix["edit"]["changes"][new]
        assert "nn.functional.softplus" in edit["newText"]
        crash = (tmp_path / "crash.py").as_uri()
        wire.open(crash)
        assert wire.codes(crash) == ["LL000"]
        wire.open((tmp_path / "beside.py").as_uri())
        assert wire.codes((tmp_path / "beside.py").as_uri()) == ["LL105", "LL101"]
        for version, text in enumerate(["\ud800 = '\0'", LOSS], start=2):
            which = {"uri": new, "version": version}
            changed = {"textDocument": which, "contentChanges": [{"text": text}]}
            wire.send("textDocument/didChange", changed)
            assert wire.codes(new) == (["LL000"] if version == 2 else ["LL105", "LL101"])
        # one that leaves without a word is no editor to be content with
        wire.send("exit", None)
        assert server.wait(10) == 1
        assert b"noise" in server.stderr.read()


def test_without_its_extra_the_server_says_what_to_install(tmp_path: Path) -> None:
    for name in ("lsprotocol", "pygls"):
        (tmp_path / f"{name}.py").write_text("raise ModuleNotFoundError(name=__name__)")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    command = [sys.executable, "-m", "losslint", "server"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("losslint: error: no ")
    assert "pip install 'torch-losslint[lsp]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1
