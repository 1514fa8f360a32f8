"""Runs one command in this process and holds it to the promises about errors."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from artifacts.journal import JOURNAL
from purlieu.main import main

_PROGRESS = re.compile(r"[\w.]+ +\d+/\d+ parts(  [\d.:]+( s)?)?(  [\d.e+-]+ parts/s)?(  [\d.:]+( s)? left)?")
_WAITING = re.compile(r"waiting for .+")
_INTERNALS = ("Traceback", "Errno", "Warning", "pickle", "Error:", "site-packages", "object at 0x")


class Said(NamedTuple):
    """Exit code, standard output, and the one line of the error ("" when there was none)."""

    code: int
    out: str
    error: str


def said(capsys: pytest.CaptureFixture[str], *words: object) -> Said:
    """Run ``purlieu`` with ``words``; what it says on stderr must be progress, and at most one line of an error."""
    capsys.readouterr()
    try:
        code = main([str(word) for word in words])
    except SystemExit as stop:
        code = int(stop.code or 0)
    out, err = capsys.readouterr()
    errors = [line for line in err.splitlines() if line.startswith("purlieu: ")]
    others = [line for line in err.splitlines() if line not in errors]
    assert all(_PROGRESS.fullmatch(line) or _WAITING.fullmatch(line) for line in others), err
    assert len(errors) == (1 if code else 0), err
    if "--json" in words:
        json.loads(out)
    return Said(code, out, errors[0].removeprefix("purlieu: ") if errors else "")


def refused(capsys: pytest.CaptureFixture[str], code: int, *words: object) -> str:
    """The error's line of a command that must end with ``code``, with and without ``--json`` in its place."""
    got = said(capsys, *words)
    assert got.code == code, got
    assert not got.error.startswith("unexpected"), got.error
    assert not any(word in got.error for word in _INTERNALS), got.error
    assert got.error.count("; ") >= 1, got.error  # what is wrong; what to do
    if "--json" in words and words[0] != "verify":
        error = json.loads(got.out)["error"]
        assert error["message"] == got.error
        assert error["exit_code"] == code
    return got.error


def files(directory: Path) -> dict[str, bytes]:
    """Every file below ``directory`` with its bytes, but locks, what is still in work, and the journals of builds."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
        and path.relative_to(directory).parts[0] not in ("locks", "work", "trash")
        and path.name != JOURNAL
    }
