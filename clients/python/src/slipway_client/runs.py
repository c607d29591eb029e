"""Starts, follows and cancels runs, by the `slipway` command: a plan is made of TypeScript, which it bundles."""

import json
import math
import os
import shutil
import subprocess
from typing import Any, Dict, List, Mapping, NoReturn, Optional, Sequence

from .errors import error_class



class Run:
    """A run that was started: it goes on whatever becomes of this process."""

    def __init__(self, run_id: str, *, project: Optional[str] = None, command: Optional[Sequence[str]] = None) -> None:
        self.run_id = run_id
        self._project = project
        self._command = command

    def wait(self, timeout: Optional[float] = None) -> Mapping[str, Any]:
        """Follows it to its end.

        :param timeout: seconds, whole ones
        :returns: the document of the run, docs/cli.md: `status`, `model`, `metrics`, `gates`, …
        :raises GateFailed, RolledBack, …: the error of a run that did not succeed; WaitTimedOut, and it goes on
        """
        limit = [] if timeout is None else ["--timeout", f"{max(1, math.ceil(timeout))}s"]
        return _slipway(["wait", self.run_id, *limit], self._project, self._command, self.run_id)

    def cancel(self) -> None:
        """Asks it to stop: finished steps are kept, and the champion stays."""
        _slipway(["cancel", self.run_id], self._project, self._command, self.run_id)

    def __repr__(self) -> str:
        return f"Run({self.run_id!r})"


def start_run(
    pipeline: str,
    *,
    project: Optional[str] = None,
    set: Optional[Mapping[str, object]] = None,
    arguments: Sequence[str] = (),
    command: Optional[Sequence[str]] = None,
) -> Run:
    """Starts a run, and does not wait for it.

    :param project: folder of the project; the current one by default
    :param set: parameters to change
    :param arguments: more of `slipway run`: `["--as-of", "2026-01-01"]`
    :param command: how Slipway is called; by default `slipway` of the project, or of the PATH
    :raises Invalid, DataContractBroken, …: what the command ends with when nothing is started
    """
    settings = [part for name, value in (set or {}).items() for part in ("--set", f"{name}={value}")]
    document = _slipway(["run", pipeline, *settings, *arguments], project, command, None)
    return Run(document["runId"], project=project, command=command)


def _slipway(
    arguments: List[str], project: Optional[str], command: Optional[Sequence[str]], run_id: Optional[str]
) -> Dict[str, Any]:
    """Runs a command, which prints one JSON document. What it says on its way goes to standard error."""
    done = subprocess.run([*_command(project, command), *arguments, "--json"], cwd=project, stdout=subprocess.PIPE)
    try:
        document: Dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        document = {}
    if done.returncode != 0 or not document:
        _fail(document, done.returncode, document.get("runId") or run_id)
    return document


def _command(project: Optional[str], command: Optional[Sequence[str]]) -> Sequence[str]:
    if command is not None:
        return command
    here = os.path.join(project or ".", "node_modules", ".bin", "slipway")
    found = os.path.abspath(here) if os.path.exists(here) else shutil.which("slipway")
    if found is None:
        raise FileNotFoundError("no `slipway` in the project's node_modules or on the PATH: npm ci, or give command")
    return [found]


def _fail(document: Mapping[str, Any], exit_code: int, run_id: Optional[str]) -> NoReturn:
    told: Mapping[str, Any] = document.get("error") or {}
    code = str(told.get("code") or ("CANCELLED" if document.get("status") == "cancelled" else "INTERNAL"))
    message = str(told.get("message") or f"slipway ended with exit code {exit_code}")
    error = error_class(code, exit_code)(
        code, message, next=told.get("next"), run_id=run_id, step=told.get("step")
    )
    error.exit_code = exit_code if exit_code > 0 else error.exit_code
    raise error
