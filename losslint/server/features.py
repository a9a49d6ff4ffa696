"""What an editor can ask, and who answers; the start of the server."""

from __future__ import annotations

import os
import signal
import sys
import threading
from functools import partial
from typing import Any

from lsprotocol import types

from losslint.engine.fix import Unfit
from losslint.server.actions import KINDS, actions, carried_out
from losslint.server.changes import workspace_edit
from losslint.server.diagnostics import diagnostics
from losslint.server.documents import Workspace
from losslint.server.hovers import hovered
from losslint.server.session import Session

# What else there is in a project decides what is found in the files that are open.
WATCHED = ("**/{pyproject.toml,losslint.toml,.gitignore}", "**/*.{py,ipynb}")
STACK = 1 << 26  # bytes; that of a thread is small on some systems, and trees are deep


def serve() -> bool:
    """Talk with an editor over standard input and output until it leaves.

    Returns whether it took its leave. Nothing but the protocol goes to standard output.
    """
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    threading.stack_size(STACK)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # who waits for input would not hear of it
    session = made_ready(Session())
    session.start_io(sys.stdin.buffer, output)
    return session.is_shut_down


def made_ready(session: Session) -> Session:
    """The same session, with an answer to everything that an editor may ask."""
    _start_and_end(session)
    _texts(session)
    _configuration(session)
    _answers(session)
    return session


def _start_and_end(session: Session) -> None:
    @session.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        theirs = session.workspace
        session.protocol._workspace = Workspace(
            theirs.root_uri,
            workspace_folders=[*theirs.folders.values()],
            position_encoding=theirs.position_encoding,
        )

    @session.feature(types.INITIALIZED)
    def initialized(params: types.InitializedParams) -> None:
        if session.can("workspace.did_change_watched_files.dynamic_registration"):
            watchers = [types.FileSystemWatcher(pattern) for pattern in WATCHED]
            options = types.DidChangeWatchedFilesRegistrationOptions(watchers)
            method = types.WORKSPACE_DID_CHANGE_WATCHED_FILES
            registration = types.Registration("losslint-files", method, options)
            session.client_register_capability(types.RegistrationParams([registration]))

    @session.feature(types.SHUTDOWN)
    def shutdown(params: None) -> None:
        session.is_shut_down = True


def _texts(session: Session) -> None:
    for event in (
        types.TEXT_DOCUMENT_DID_OPEN,
        types.TEXT_DOCUMENT_DID_CLOSE,
        types.NOTEBOOK_DOCUMENT_DID_OPEN,
        types.NOTEBOOK_DOCUMENT_DID_CLOSE,
    ):
        session.feature(event)(lambda params: session.changed())
    for event in (types.TEXT_DOCUMENT_DID_CHANGE, types.NOTEBOOK_DOCUMENT_DID_CHANGE):
        session.feature(event)(lambda params: session.changed(typed=True))
    for event in (types.TEXT_DOCUMENT_DID_SAVE, types.NOTEBOOK_DOCUMENT_DID_SAVE):
        session.feature(event)(lambda params: session.changed(on_disk=True))


def _configuration(session: Session) -> None:
    """Settings are read anew for each check: whatever changed, a check is all that it takes."""
    for event in (
        types.WORKSPACE_DID_CHANGE_WATCHED_FILES,
        types.WORKSPACE_DID_CHANGE_CONFIGURATION,
        types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS,
    ):
        session.feature(event)(lambda params: session.changed(on_disk=True))


def _answers(session: Session) -> None:
    diagnosing = types.DiagnosticOptions(True, False, "losslint")
    acting = types.CodeActionOptions([*KINDS], resolve_provider=True)

    @session.feature(types.TEXT_DOCUMENT_DIAGNOSTIC, diagnosing)
    async def diagnostic(
        params: types.DocumentDiagnosticParams,
    ) -> types.RelatedFullDocumentDiagnosticReport:
        known = await session.of(params.text_document.uri)
        if known is None or known[0].is_notebook:  # the cells of a notebook are sent theirs
            return types.RelatedFullDocumentDiagnosticReport([])
        found = diagnostics(*known, session.opened)
        return types.RelatedFullDocumentDiagnosticReport(found[params.text_document.uri])

    @session.feature(types.TEXT_DOCUMENT_CODE_ACTION, acting)
    async def code_action(params: types.CodeActionParams) -> list[types.CodeAction]:
        known = await session.of(params.text_document.uri)
        if known is None:
            return []
        offered = list(actions(params, *known, session.opened))
        if session.resolves_edits:
            return offered
        return [action for action in offered if await _resolve(session, action)]

    @session.feature(types.CODE_ACTION_RESOLVE)
    async def resolve(action: types.CodeAction) -> types.CodeAction:
        await _resolve(session, action, tell=True)
        return action

    @session.feature(types.TEXT_DOCUMENT_HOVER)
    async def hover(params: types.HoverParams) -> types.Hover | None:
        known = await session.of(params.text_document.uri)
        if known is None:
            return None
        document, result = known
        formats = session.client_capabilities.text_document
        accepted = formats.hover.content_format if formats and formats.hover else None
        markdown = accepted is None or types.MarkupKind.Markdown in accepted
        offset = document.offset(params.text_document.uri, params.position)
        said = hovered(result, offset, "markdown" if markdown else "text")
        kind = types.MarkupKind.Markdown if markdown else types.MarkupKind.PlainText
        return types.Hover(types.MarkupContent(kind, said)) if said else None


async def _resolve(session: Session, action: types.CodeAction, *, tell: bool = False) -> bool:
    """Put the edit into an action. Returns whether there is one; why not is told if asked for."""
    data: dict[str, Any] = action.data or {}
    asked = (data.get("uri", ""), data.get("version"))
    known = await session.of(asked[0])
    try:
        if known is None or asked not in {(part.uri, part.version) for part in known[0].parts}:
            raise Unfit("the text is another by now")
        document, result = known
        after = await session.in_turn(partial(carried_out, data, result))
    except Unfit as why:
        if tell:
            session.warn(f"{action.title}: not done: {why}")
        return False
    versioned = session.can("workspace.workspace_edit.document_changes")
    action.edit = workspace_edit(document, after, versioned=versioned)
    return True
