"""Some hundreds of what `make fuzz` does by the ten thousand: the service keeps to its own description."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.serving.fuzz import fuzz, served


@pytest.mark.timeout(600)
def test_every_answer_is_as_the_description_has_it(tmp_path: Path) -> None:
    pytest.importorskip("schemathesis")
    with served(tmp_path) as address:
        found = fuzz(address, tmp_path, examples=5)
    assert found.code == 0, found.said[-4000:]
    assert found.cases >= 500
    assert "unexpected" not in (tmp_path / "server.log").read_text()
