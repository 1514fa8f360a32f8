"""Commands as they stand in files, held against the programs they name."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
from collections.abc import Sequence

import prefect.settings

from purlieu.main import parser

PROGRAMS = {"prefect": "prefect", "dask": "dask"}


def check_command(words: Sequence[str]) -> None:
    """Every word of a command exists: subcommands and options are in the program's own help."""
    program, *rest = words
    if program == "purlieu":
        parser().parse_args(rest)
        return
    assert program in PROGRAMS, f"unknown program {program}"
    depth = next(i for i, word in enumerate(rest) if word.startswith("-") or "://" in word)
    text = help_of(program, *rest[:depth])
    for option in (word for word in rest if re.fullmatch(r"--[a-z-]+", word)):
        assert re.search(rf"(?<![\w-]){option}(?![\w-])", text), f"{program} {' '.join(rest[:depth])} has no {option}"


@functools.cache
def help_of(*words: str) -> str:
    """What ``PROGRAM SUBCOMMAND … --help`` prints; fails if there is no such subcommand."""
    program, *subcommands = words
    run = subprocess.run(
        [sys.executable, "-P", "-m", PROGRAMS[program], *subcommands, "--help"],
        env=os.environ | {"NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, f"{' '.join(words)}: {run.stdout}{run.stderr}"
    assert subcommands[-1] in run.stdout
    return run.stdout


def check_environment(names: Sequence[str]) -> None:
    """A variable for Prefect is one that Prefect knows."""
    for name in names:
        assert not name.startswith("PREFECT_") or hasattr(prefect.settings, name), f"Prefect has no setting {name}"
