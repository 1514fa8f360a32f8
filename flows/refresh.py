"""What a stage may take from the served version: its own artifact of then, and what that was made of.

Only an artifact made with equal parameters by equal code, from inputs that are still there, and whose every byte
still matches its checksum is offered. Nothing else could be told apart from the result of a full rebuild.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import final

from artifacts.artifact import Artifact
from artifacts.manifest import Manifest, canonical, read_manifest
from artifacts.publish import Release, read_release
from artifacts.store import Store
from flows.plan import PlannedStage
from foundation.errors import EngineError

log = logging.getLogger("purlieu.refresh")


@final
class Served:
    """The served version of an index, as far as it can be read; ``release`` is None when there is none."""

    def __init__(self, store: Store | None, index: str) -> None:
        self._store = store
        self._intact: dict[Path, bool] = {}
        self.release: Release | None = None
        if store is not None:
            try:
                self.release = read_release(store, index)
            except EngineError as error:
                log.info("nothing to refresh from: %s", error)

    def manifest(self, name: str) -> Manifest | None:
        """What a stage's artifact of then says of itself, if it was built and can be read."""
        path = self._path(name)
        try:
            return None if path is None else read_manifest(path)
        except EngineError:
            return None

    def previous(
        self, stage: PlannedStage, stages: Mapping[str, PlannedStage]
    ) -> tuple[dict[str, Path], dict[str, Path]]:
        """`Job.previous` and `Job.beside` of ``stage``; both empty when it has to compute everything."""
        manifest = self.manifest(stage.name)
        if not stage.stage.compares or manifest is None or not has_same_recipe(stage, manifest):
            return {}, {}
        before, beside = {"self": self._path(stage.name)}, {}
        for role in stage.stage.compares:
            now, then, made_of = stage, manifest, ""
            for step in role.split("."):
                now = stages[now.inputs[step]]
                made_of = then.inputs.get(step, "")
                older = self.manifest(now.name)
                if older is None or older.digest != made_of:
                    return {}, {}
                then = older
            before[role] = self._path(now.name)
            beside[role] = None if self._store is None else self._store.find(now.stage.kind, now.digest)
        found = {role: path for role, path in before.items() if path is not None}
        current = {role: path for role, path in beside.items() if path is not None}
        if len(found) < len(before) or len(current) < len(beside) or not all(map(self._is_intact, found.values())):
            return {}, {}
        return found, current

    def _path(self, name: str) -> Path | None:
        if self._store is None or self.release is None or name not in self.release.stages:
            return None
        return self._store.objects / self.release.stages[name]

    def _is_intact(self, path: Path) -> bool:
        if path not in self._intact:
            damage = Artifact(path, read_manifest(path)).damage()
            if damage:
                log.warning("nothing is taken from a damaged artifact: %s", damage[0])
            self._intact[path] = not damage
        return self._intact[path]


def has_same_recipe(stage: PlannedStage, manifest: Manifest) -> bool:
    """Whether an artifact was made as ``stage`` would be made now, whatever it was made of."""
    return has_same_code(stage, manifest) and canonical(stage.params) == canonical(manifest.params)


def has_same_code(stage: PlannedStage, manifest: Manifest) -> bool:
    made = stage.stage
    return (made.kind, made.kind_version, made.code_version) == (
        manifest.kind,
        manifest.kind_version,
        manifest.code_version,
    )
