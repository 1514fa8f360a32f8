"""A bit flipped, a file cut or missing: in what is served, in what a build finds cached, in what is half built."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

from artifacts.publish import current_version, damage, read_release
from artifacts.store import object_name
from foundation.errors import EngineError
from serving.engine import Engine
from tests.faults.base import INDEX, QUESTIONS, SPLIT, STAGES
from tests.faults.scene import BUILD_SECONDS, Scene

DAMAGES = ("flip", "cut", "missing")


def places() -> Iterator[str]:
    """``served WHAT, DAMAGE``; ``cached STAGE, DAMAGE``; ``half-built STAGE, DAMAGE``."""
    damages = itertools.cycle(DAMAGES)
    for stage in STAGES:
        yield f"served {stage}, {next(damages)}"
        yield f"served {stage} manifest, {next(damages)}"
    for what in ("release", "CURRENT", "store.json"):
        yield from (f"served {what}, {how}" for how in DAMAGES)
    for stage in ("graph", "graph.undirected", "fastrp", "minhash", "corpus", "tokens", "muvera", "ann.documents"):
        yield f"cached {stage}, {next(damages)}"
    for stage in SPLIT:
        yield f"half-built {stage}, {next(damages)}"


def run(scene: Scene) -> None:
    """Damage one file, look who notices, build."""
    what, _, how = scene.case.place.partition(", ")
    where, _, which = what.partition(" ")
    if where == "served":
        _served(scene, which, how)
    elif where == "cached":
        _cached(scene, which, how)
    else:
        _half_built(scene, which, how)


def _served(scene: Scene, which: str, how: str) -> None:
    stage, _, manifest = which.partition(" ")
    root = Path(scene.address)
    if which == "release":
        victim = root / "indexes" / INDEX / "versions" / f"{scene.base.versions['a']}.json"
    elif which == "CURRENT":
        victim = root / "indexes" / INDEX / "CURRENT"
    elif which == "store.json":
        victim = root / "store.json"
    else:
        directory = root / object_name(scene.artifact(stage, version="a"))
        victim = directory / "manifest.json" if manifest else _some_file(scene, directory)
    before = victim.read_bytes()
    _damage(scene, victim, how)
    wrong = 0
    for question, ask in QUESTIONS.items():
        try:
            found = json.dumps(ask(Engine.open(scene.open(), INDEX)), sort_keys=True)
            wrong += found != scene.base.answers["a"][question]
        except EngineError:
            wrong += 1
        except Exception as error:
            scene.fail(f"{question} ended with {type(error).__name__}: {error}")
    named = _verified(scene)
    names = (str(victim), str(victim.parent), f"version {victim.stem!r}")
    scene.expect(any(name in named for name in names), f"verify does not name it: {named or 'all whole'}")
    scene.ended = f"{'some' if wrong else 'all'} answers as before; verify names it"
    if which == "store.json" and how != "missing":  # no build can go on; the error says to restore the file
        victim.write_bytes(before)
    scene.next_build()


def _verified(scene: Scene) -> str:
    """What `verify` says about the served version: "" when it finds nothing."""
    try:
        store = scene.open()
        if current_version(store, INDEX) is None:
            return f"{store.address}/indexes/{INDEX}/CURRENT is not there"
        return " | ".join(damage(store, read_release(store, INDEX))[1])
    except EngineError as error:
        return str(error)


def _cached(scene: Scene, stage: str, how: str) -> None:
    scene.prefill(STAGES[: STAGES.index(stage) + 1])
    victim = _some_file(scene, Path(scene.address) / object_name(scene.artifact(stage)))
    _damage(scene, victim, how)
    with scene.watched():
        child = scene.build()
        code = scene.check_said(child, BUILD_SECONDS, 0, 4)
    scene.check_undisturbed()
    force: tuple[str, ...] = ()
    if code == 4:
        scene.expect(str(victim) in child.error(), f"does not name the damaged file: {child.error()}")
        scene.expect(f"--force {stage}" in child.error(), f"does not say what to do: {child.error()}")
        force = (stage,)
    scene.next_build(force=force)


def _half_built(scene: Scene, stage: str, how: str) -> None:
    scene.prefill_before(stage)
    scene.fault("kill", "assemble", stage)
    scene.check_said(scene.build(), BUILD_SECONDS, -9)
    parts = sorted((Path(scene.address) / "work").glob("*/parts/*"))
    scene.expect(parts, "no finished partitions")
    for part in scene.random.sample(parts, min(2, len(parts))):
        _damage(scene, _some_file(scene, part), how)
    scene.check_undisturbed()
    scene.next_build()


def _some_file(scene: Scene, directory: Path) -> Path:
    files = [path for path in sorted(directory.iterdir()) if path.name != "manifest.json"]
    return scene.random.choice(files)


def _damage(scene: Scene, victim: Path, how: str) -> None:
    data = bytearray(victim.read_bytes())
    if how == "missing":
        victim.unlink()
    elif how == "cut":
        victim.write_bytes(data[: scene.random.randrange(len(data))])
    else:
        data[scene.random.randrange(len(data))] ^= 1 << scene.random.randrange(8)
        victim.write_bytes(data)
