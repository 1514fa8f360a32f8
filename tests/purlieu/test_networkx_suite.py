"""NetworkX's own tests of the functions offered pass with the backend switched on."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import networkx as nx
import pytest

from purlieu.networkx_backend.info import OFFERED

NETWORKX = Path(nx.__file__).parent
TESTS_OF = {
    "pagerank": "algorithms/link_analysis/tests/test_pagerank.py",
    "core_number": "algorithms/tests/test_core.py",
    "triangles": "algorithms/tests/test_cluster.py",
    "transitivity": "algorithms/tests/test_cluster.py",
    "clustering": "algorithms/tests/test_cluster.py",
}
# Functions that leave some arguments of these tests to NetworkX.
PARTLY = {"triangles", "clustering"}


def test_every_function_offered_has_tests_of_networkx() -> None:
    assert set(TESTS_OF) == set(OFFERED)


@pytest.mark.parametrize("path", sorted({*TESTS_OF.values(), "utils/tests/test_backends.py"}))
def test_networkx_tests_pass_and_run_here(path: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    # A settings file of its own: pytest would find the one of this project above `.venv`.
    (settings := tmp_path / "pytest.ini").write_text("[pytest]\n")
    run = subprocess.run(
        [
            sys.executable, "-P", "-m", "pytest", str(NETWORKX / path), "-q", "-p", "no:cacheprovider",
            "-c", str(settings), f"--confcutdir={NETWORKX}", f"--log-file={log}", "--log-file-level=DEBUG",
            "--import-mode=importlib",
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "NETWORKX_TEST_BACKEND": "purlieu",
            "NETWORKX_FALLBACK_TO_NX": "True",
        },
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    assert re.search(r"\b\d+ passed", run.stdout)
    assert not re.search(r"\b\d+ (failed|error)", run.stdout)
    said = log.read_text()
    for name, tests in TESTS_OF.items():
        if tests == path:
            assert said.count(f"Using backend 'purlieu' for call to '{name}'") >= 5
            assert name in PARTLY or f"instead of 'purlieu' backend for call to '{name}'" not in said
            assert not re.search(r"\b\d+ (xfailed|skipped)", run.stdout)
