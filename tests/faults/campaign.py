"""Runs cases one after another and takes down what became of each."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from tests.faults.base import Base, make_base
from tests.faults.cases import Case, kind_of
from tests.faults.resources import Resources
from tests.faults.scene import Scene

# Those of the graph alone are cheaper; cases that are not about documents use them.
LITE = ("races", "bucket", "prefect")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a case: how its disturbed build ended, what was wrong, how long the next build took."""

    case: Case
    ended: str
    failures: tuple[str, ...]
    skipped: str
    recovery: float
    seconds: float


def run_cases(cases: Iterable[Case], scratch: Path) -> Iterator[Outcome]:
    """Run each case in a directory of its own below ``scratch``, which is removed unless something was wrong."""
    resources = Resources(scratch)
    bases: dict[bool, Base] = {}
    try:
        for number, case in enumerate(cases):
            lite = case.kind in LITE or case.place.startswith(("bucket", "prefect"))
            if lite not in bases:
                bases[lite] = make_base(scratch / ("lite" if lite else "whole"), lite=lite)
            yield run_case(case, bases[lite], scratch / f"case-{number}", resources)
    finally:
        resources.close()


def run_case(case: Case, base: Base, directory: Path, resources: Resources) -> Outcome:
    """Run one case."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    begun = time.monotonic()
    with contextlib.ExitStack() as stack:
        far = case.kind == "bucket" or case.place.startswith("bucket")
        address = stack.enter_context(resources.bucket(base)) if far else ""
        scene = Scene(case, base, directory, resources, address)
        try:
            kind_of(case.kind)[1](scene)
        except Exception as error:
            scene.fail(f"the case itself: {type(error).__name__}: {error}")
    if not scene.failures:
        shutil.rmtree(directory, ignore_errors=True)
    return Outcome(
        case=case,
        ended=scene.ended,
        failures=tuple(scene.failures),
        skipped=scene.skipped,
        recovery=scene.recovery,
        seconds=time.monotonic() - begun,
    )


def save_outcomes(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Write outcomes as JSON."""
    path.write_text(json.dumps([dataclasses.asdict(outcome) for outcome in outcomes], indent=1) + "\n")


def read_outcomes(path: Path) -> list[Outcome]:
    """What `save_outcomes` wrote."""
    return [
        Outcome(**{**entry, "case": Case(**entry["case"]), "failures": tuple(entry["failures"])})
        for entry in json.loads(path.read_text())
    ]
