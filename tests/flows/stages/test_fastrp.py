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
    config = read_config(write_small(tmp_path / "small"), [f"fastrp.mode={mode}", "fastrp.dim=200"])
    manifests = []
    for width, n_panels in ((256, 1), (128, 2), (64, 4)):
        monkeypatch.setattr(fastrp, "PANEL", width)
        store = Store.create(tmp_path / f"store-{n_panels}")
        report = run_build(config, store, only=["fastrp"])
        (stage,) = (stage for stage in report.stages if stage.name == "fastrp")
        assert stage.n_parts == n_panels * (3 if mode == "gds" else 1)
        manifests.append((store.objects / stage.artifact / MANIFEST).read_text())
    assert manifests[0] == manifests[1] == manifests[2]
