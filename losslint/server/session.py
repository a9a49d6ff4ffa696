"""One session with an editor: what is open, what came of it, and what the editor has been told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from lsprotocol import types
from pygls.capabilities import get_capability
from pygls.lsp.server import LanguageServer

from losslint import __version__
from losslint.engine.check import crashed
from losslint.server.checking import Checker, Outcome, Result
from losslint.server.diagnostics import Opened, diagnostics
from losslint.server.documents import Document, Workspace

Answer = TypeVar("Answer")

# The cells in Python of what Jupyter runs.
PYTHON = [types.NotebookCellLanguage("python")]
NOTEBOOKS = types.NotebookDocumentSyncOptions(
    [
        types.NotebookDocumentFilterWithNotebook("jupyter-notebook", PYTHON),
        types.NotebookDocumentFilterWithNotebook("interactive", PYTHON),
    ],
    save=True,
)
# The version of a text, and what was found in it.
Shown = tuple[int | None, list[types.Diagnostic]]

SECONDS_STILL = 0.15  # between two strokes of a key there is less


class Session(LanguageServer):
    """Checks what is open in a thread of its own, and never twice at a time.

    Whoever asks gets what came of the texts as they are; what changes meanwhile is checked
    when the first check is done.
    """

    def __init__(self) -> None:
        super().__init__("losslint", __version__, notebook_document_sync=NOTEBOOKS)
        self.is_shut_down = False
        self._worker = ThreadPoolExecutor(1, "losslint")
        self._checker = Checker()
        self._opened: Opened = {}
        self._shown: dict[str, Shown] = {}
        self._told: frozenset[str] = frozenset()
        self._state, self._checked = 0, 0  # how often anything changed, and of which we know
        self._is_stale = False  # whether files on disk changed
        self._running: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    # --- what the editor can do -----------------------------------------------------------

    def can(self, capability: str) -> bool:
        """Whether the editor says that it can do something."""
        return bool(get_capability(self.client_capabilities, capability))

    @property
    def pulls(self) -> bool:
        """Whether the editor asks for diagnostics of files, and so need not be sent any."""
        return get_capability(self.client_capabilities, "text_document.diagnostic") is not None

    @property
    def resolves_edits(self) -> bool:
        """Whether the editor asks for the edit of an action when somebody chooses that."""
        properties = "text_document.code_action.resolve_support.properties"
        return "edit" in (get_capability(self.client_capabilities, properties) or ())

    # --- checking -------------------------------------------------------------------------

    def changed(self, *, on_disk: bool = False, typed: bool = False) -> None:
        """Take note that texts have changed, or files; while somebody types, wait with the check."""
        self._state += 1
        self._is_stale |= on_disk
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(SECONDS_STILL if typed else 0, self._look)

    def _look(self) -> None:
        self._looking = asyncio.ensure_future(self.up_to_date())

    async def up_to_date(self) -> None:
        """Wait until what is known is true of the texts as they are."""
        while self._checked != self._state:
            if self._running is None:
                self._running = asyncio.ensure_future(self._check())
            # Whoever asks may be called off; the check goes on.
            await asyncio.shield(self._running)

    async def of(self, uri: str) -> tuple[Document, Result] | None:
        """The document that a text is part of, and what came of it; None if it is not checked."""
        await self.up_to_date()
        for document, result in self._opened.values():
            if result is not None and any(part.uri == uri for part in document.parts):
                return document, result
        return None

    @property
    def opened(self) -> Opened:
        """What came of everything that was open when it was last looked at."""
        return self._opened

    async def in_turn(self, work: Callable[[], Answer]) -> Answer:
        """Do what takes long: in the thread that checks, one after the other."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)

    async def _check(self) -> None:
        state, again = self._state, self._is_stale
        self._is_stale = False
        try:
            documents = list(self._workspace().documents())
            check = partial(self._checker.outcome, documents, again=again)
            outcome = await self.in_turn(check)
            self._opened = {d.uri: (d, outcome.results.get(d.uri)) for d in documents}
            self._tell(outcome)
            if state == self._state:
                moved = self._publish()
                if moved and self.can("workspace.diagnostics.refresh_support"):
                    self.workspace_diagnostic_refresh(None)
        except Exception as problem:  # no error takes the server down
            self.log("\n".join(crashed("checking", problem).evidence))
        finally:
            self._checked, self._running = state, None

    def _workspace(self) -> Workspace:
        workspace = self.workspace
        assert isinstance(workspace, Workspace)
        return workspace

    # --- telling --------------------------------------------------------------------------

    def log(self, message: str) -> None:
        """Write to the log that the editor keeps."""
        self.window_log_message(types.LogMessageParams(types.MessageType.Error, message))

    def warn(self, message: str) -> None:
        """Show the user what did not go as asked."""
        self.window_show_message(types.ShowMessageParams(types.MessageType.Warning, message))

    def _tell(self, outcome: Outcome) -> None:
        """Show each problem of the configuration once, for as long as it stays."""
        for problem in outcome.problems:
            if problem not in self._told:
                self.log(problem)
                message = f"losslint: {problem}"
                error = types.MessageType.Error
                self.window_show_message(types.ShowMessageParams(error, message))
        self._told = frozenset(outcome.problems)

    def _publish(self) -> bool:
        """Send the diagnostics that the editor does not ask for, where they have changed.

        Which cells an editor asks for is left open: those of notebooks are always sent. Returns
        whether others are found than before in a text that it asks for, and that is the same.
        """
        shown: dict[str, Shown] = {}
        moved = False
        for document, result in self._opened.values():
            said = diagnostics(document, result, self._opened)
            for part in document.parts:
                before, now = self._shown.get(part.uri), (part.version, said[part.uri])
                shown[part.uri] = now
                if self.pulls and not document.is_notebook:
                    moved |= before is not None and before[0] == now[0] and before != now
                elif before != now:
                    params = types.PublishDiagnosticsParams(part.uri, now[1], now[0])
                    self.text_document_publish_diagnostics(params)
        for uri in self._shown.keys() - shown.keys():
            self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))
        self._shown = shown
        return moved
