"""Narrow panels, which large graphs get, give the bytes of wide ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from artifacts.manifest import MANIFEST
from artifacts.store import Store
from flows.run import run_build
from flows.settings import read_config
from flows.stages import fastrp
from tests.small import write_small


@pytest.mark.parametrize("mode", ["paper", "gds"])
def test_bytes_do_not_depend_on_the_width_of_panels(tmp_path: Path, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    config = read_config(write_small(tmp_path / "small"), [f"fastrp.mode={mode}"])
    manifests = []
    for n_bytes, n_panels in ((fastrp.PANEL_BYTES, 2), (300 * 4 * 32, 4), (1, 8)):
        monkeypatch.setattr(fastrp, "PANEL_BYTES", n_bytes)
        store = Store.create(tmp_path / f"store-{n_panels}")
        report = run_build(config, store, only=["fastrp"])
        (stage,) = (stage for stage in report.stages if stage.name == "fastrp")
        assert stage.n_parts == n_panels * (3 if mode == "gds" else 1)
        manifests.append((store.objects / stage.artifact / MANIFEST).read_text())
    assert manifests[0] == manifests[1] == manifests[2]
