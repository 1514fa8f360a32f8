"""What the README shows, works: its commands on the index it talks about, its Python, its config."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from artifacts.store import Store
from flows.settings import parse_config
from purlieu.main import main

README = (Path(__file__).parents[1] / "README.md").read_text()
COMMANDS = re.findall(r"(?m)^\$ purlieu (.+)$", README)
PYTHON = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


def test_the_readme_shows_commands_and_python() -> None:
    assert len(COMMANDS) >= 3
    assert len(PYTHON) == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_answers(command: str, debian_store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*shlex.split(command), "--store", str(debian_store.root)]) == 0
    assert capsys.readouterr().out.count("\n") > 3


@pytest.mark.parametrize("block", PYTHON, ids=["engine", "algorithms"])
def test_the_python_runs(block: str, debian_store: Store) -> None:
    exec(block.replace("purlieu-store", str(debian_store.root)), {})


def test_the_config_is_accepted(tmp_path: Path) -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", README, flags=re.DOTALL)
    assert parse_config(tomllib.loads(block), "README.md", tmp_path).name == "shop"
