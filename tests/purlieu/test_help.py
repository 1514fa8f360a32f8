"""The command line's words: instant help, every command documented, one line for what is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from artifacts.store import Store
from purlieu.main import main, parser

ROOT = Path(__file__).parents[2]
HEAVY = (
    "numpy",
    "numba",
    "scipy",
    "networkx",
    "faiss",
    "polars",
    "dask",
    "distributed",
    "prefect",
    "fastapi",
    "pydantic",
    "rich",
    "matplotlib",
)
COMMANDS = (
    "build",
    "documents",
    "tune",
    "walks",
    "report",
    "deploy",
    "health",
    "ls",
    "show",
    "verify",
    "rollback",
    "gc",
    "query",
    "evaluate",
    "serve",
    "key",
    "mcp",
)


def test_help_loads_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "from purlieu.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print([m for m in sys.argv[1:] if m in sys.modules], file=sys.stderr)\n"
    )
    run = subprocess.run([sys.executable, "-P", "-c", script, *HEAVY], capture_output=True, text=True, check=True)
    assert run.stderr.strip() == "[]"
    assert all(command in run.stdout for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_a_place_in_the_docs(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    assert command in capsys.readouterr().out
    assert f"## purlieu {command}" in (ROOT / "docs" / "cli.md").read_text()


def test_every_option_is_in_the_docs() -> None:
    text = (ROOT / "docs" / "cli.md").read_text()
    missing = []
    pending = [parser()]
    while pending:
        for action in pending.pop()._actions:
            missing += [word for word in action.option_strings if word.startswith("--") and f"`{word}" not in text]
            if isinstance(action.choices, dict):
                pending += action.choices.values()
    assert set(missing) <= {"--help"}


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["biuld"], "did you mean 'build'?"),
        (["build"], "the following arguments are required: CONFIG.toml"),
        (["query", "debian", "similer"], "did you mean 'similar'?"),
        (["query", "debian", "search"], "one of the arguments --text --vectors is required"),
        (["gc", "--keep", "some"], "invalid int value: 'some'"),
    ],
)
def test_wrong_words_get_one_line_and_exit_code_2(
    words: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert text in error


@pytest.mark.parametrize("words", [["ls"], ["ls", "--json"]])
def test_a_reader_that_has_read_enough_ends_a_command_without_a_word(tmp_path: Path, words: list[str]) -> None:
    Store.create(tmp_path / "store")
    reader, writer = os.pipe()
    os.close(reader)  # whatever is written finds nobody
    try:
        command = [sys.executable, "-P", "-m", "purlieu.main", *words, "--store", str(tmp_path / "store")]
        done = subprocess.run(command, cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")
