"""What a stage may take from the served version: its own artifact of then, and what that was made of.

Only an artifact made with equal parameters by equal code, from inputs that are still there, and whose every byte
still matches its checksum is offered. Nothing else could be told apart from the result of a full rebuild.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import final

from artifacts.manifest import Manifest, canonical
from artifacts.publish import Release, read_release
from artifacts.store import Store, object_name
from flows.planned import PlannedStage
from foundation.errors import EngineError

log = logging.getLogger("purlieu.refresh")


@final
class Served:
    """The served version of an index, as far as it can be read; ``release`` is None when there is none."""

    def __init__(self, store: Store | None, index: str) -> None:
        self._store = store
        self._intact: dict[str, bool] = {}
        self.release: Release | None = None
        if store is not None:
            try:
                self.release = read_release(store, index)
            except EngineError as error:
                log.info("nothing to refresh from: %s", error)

    def manifest(self, name: str) -> Manifest | None:
        """What a stage's artifact of then says of itself, if it was built and can be read."""
        artifact = self._artifact(name)
        try:
            return None if artifact is None or self._store is None else self._store.manifest(artifact)
        except EngineError:
            return None

    def previous(
        self, stage: PlannedStage, stages: Mapping[str, PlannedStage]
    ) -> tuple[dict[str, str], dict[str, str]]:
        """`Order.previous` and `Order.beside` of ``stage``; both empty when it has to compute everything."""
        manifest = self.manifest(stage.name)
        if not stage.stage.compares or manifest is None or not has_same_recipe(stage, manifest):
            return {}, {}
        before, beside = {"self": self._artifact(stage.name)}, {}
        for role in stage.stage.compares:
            now, then, made_of = stage, manifest, ""
            for step in role.split("."):
                now = stages[now.inputs[step]]
                made_of = then.inputs.get(step, "")
                older = self.manifest(now.name)
                if older is None or older.digest != made_of:
                    return {}, {}
                then = older
            before[role] = self._artifact(now.name)
            beside[role] = None if self._store is None else self._store.find(now.stage.kind, now.digest)
        found = {role: name for role, name in before.items() if name is not None}
        current = {role: name for role, name in beside.items() if name is not None}
        if len(found) < len(before) or len(current) < len(beside) or not all(map(self._is_intact, found.values())):
            return {}, {}
        return found, current

    def _artifact(self, stage: str) -> str | None:
        return None if self.release is None else self.release.stages.get(stage)

    def _is_intact(self, artifact: str) -> bool:
        """In a directory every byte is compared; what comes out of a bucket is compared when it is fetched."""
        assert self._store is not None  # there is an artifact
        if artifact not in self._intact:
            damage = self._store.place.damage(object_name(artifact), self._store.manifest(artifact), deep=False)
            if damage:
                log.warning("nothing is taken from a damaged artifact: %s", damage[0])
            self._intact[artifact] = not damage
        return self._intact[artifact]


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
