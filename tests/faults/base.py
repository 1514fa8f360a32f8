"""What every case starts from and is held against: two versions of an index, built where nothing goes wrong.

``a`` is published in the store that cases copy; ``b`` is what they build, from other sources and with another seed, so
that every stage runs. The index comes twice: ``small`` has every stage, ``lite`` only those of the graph.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from artifacts.manifest import MANIFEST
from artifacts.publish import read_release
from artifacts.store import Store, object_name
from flows.run import run_build
from flows.settings import read_config
from serving.engine import Engine
from tests.small import write_small

INDEX = "small"
# Stages in the order they are built; the unsplit ones are all assembling.
STAGES = (
    *("graph", "graph.undirected", "fastrp", "ann.nodes", "powerwalk", "minhash", "lsh", "labels"),
    *("corpus", "tokens", "muvera", "ann.documents", "retriever", "link"),
)
UNSPLIT = ("graph", "graph.undirected", "corpus", "link")
SPLIT = tuple(stage for stage in STAGES if stage not in UNSPLIT)
LITE = ("graph", "graph.undirected", "fastrp", "ann.nodes", "powerwalk", "minhash", "lsh", "labels")
LITE_SPLIT = tuple(stage for stage in LITE if stage in SPLIT)
# Stage by stage through every word of the question: the answers of a version, as text.
QUESTIONS: Mapping[str, Any] = {
    "similar": lambda engine: engine.similar(["n001", "n017"], k=7),
    "ppr": lambda engine: engine.ppr([{"n001": 1.0, "n007": 0.5}], k=7),
    "community": lambda engine: engine.community(["n003"], size=20),
    "labels": lambda engine: engine.labels(["n001", "n017"], communities=3),
    "members": lambda engine: engine.members(0, k=20),
    "search": lambda engine: engine.search(["chess board", "audio player"], k=5),
}
Answers = dict[str, str]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """One index: where its store and configs are, and what is known of its two versions."""

    root: Path
    versions: Mapping[str, str]
    manifests: Mapping[str, str]
    answers: Mapping[str, Answers]

    @property
    def store(self) -> Path:
        """The store with version ``a``, to be copied."""
        return self.root / "a"

    @property
    def whole(self) -> Path:
        """A store with both versions, ``b`` served."""
        return self.root / "b"

    @property
    def config(self) -> Path:
        """The config of version ``b``."""
        return self.root / "sources_b" / "small.toml"


def make_base(root: Path, *, lite: bool) -> Base:
    """Build both versions below ``root``; what was built there before is taken as it is."""
    if not (root / "base.json").exists():
        shutil.rmtree(root, ignore_errors=True)
        before, after = write_small(root / "sources_a"), write_small(root / "sources_b")
        _change(after)
        if lite:
            for config in (before, after):
                _leave_out_documents(config)
        run_build(read_config(before), Store.create(root / "a"))
        shutil.copytree(root / "a", root / "b")
        run_build(read_config(after), Store.create(root / "b"))
        known = {
            "versions": {name: read_release(Store.open(root / name), INDEX).version for name in "ab"},
            "manifests": manifests(Store.open(root / "b")),
            "answers": {name: answers(Store.open(root / name)) for name in "ab"},
        }
        (root / "base.json").write_text(json.dumps(known))
    return Base(root=root, **json.loads((root / "base.json").read_text()))


def manifests(store: Store, index: str = INDEX) -> dict[str, str]:
    """Every manifest of the served version as text: it holds the checksum of every file."""
    release = read_release(store, index)
    return {
        stage: store.place.read(f"{object_name(name)}/{MANIFEST}").decode() for stage, name in release.stages.items()
    }


def answers(store: Store, index: str = INDEX) -> Answers:
    """What the served version answers to each question it was built for, as JSON."""
    engine = Engine.open(store, index)
    return {name: json.dumps(QUESTIONS[name](engine), sort_keys=True) for name in engine.questions}


def _change(config: Path) -> None:
    with (config.parent / "edges.tsv").open("a") as file:
        file.writelines(f"n{node:03d}\tlate{node % 3}\tstrong\n" for node in range(0, 60, 5))
    with (config.parent / "docs.jsonl").open("a") as file:
        file.writelines(
            json.dumps({"_id": f"late{number}", "title": "chess late", "text": "late game", "topic": "chess"}) + "\n"
            for number in range(3)
        )
    config.write_text(config.read_text().replace("n_walks = 20", "n_walks = 20\nseed = 3"))


def _leave_out_documents(config: Path) -> None:
    tables = config.read_text().split("\n[")
    kept = [table for table in tables if not table.startswith(("corpus]", "muvera]", "ann.documents]"))]
    config.write_text("\n[".join(kept))
