"""A disk that is full after so many KiB: a tmpfs in a mount namespace of the case's own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from tests.faults.processes import ROOT
from tests.faults.scene import BUILD_SECONDS, Scene

FREE_KIB = (0, 4, 16, 64, 150, 300, 500, 800, 1_200, 2_000, 6_000, 10_000, 14_000, 20_000)


def places() -> Iterator[str]:
    """``N KiB free``."""
    yield from (f"{free} KiB free" for free in FREE_KIB)


def run(scene: Scene) -> None:
    """Do all of it inside the namespace: nobody else sees that disk."""
    disk = scene.directory / "disk"
    disk.mkdir()
    alone = ["unshare", "--map-root-user", "--mount"]
    try:
        subprocess.run([*alone, "mount", "-t", "tmpfs", "tmpfs", str(disk)], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        scene.skipped = "no disk can be mounted here"
        return
    case = scene.case
    told = subprocess.run(
        [
            *(*alone, sys.executable, "-P", "-m", "tests.faults.small_disk", case.place, str(case.number)),
            *(str(case.seed), str(scene.base.root), str(disk)),
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=2 * BUILD_SECONDS,
    )
    if told.returncode:
        scene.fail(f"in the namespace: {told.stderr[-800:]}")
        return
    found: dict[str, Any] = json.loads(told.stdout.splitlines()[-1])
    scene.ended, scene.recovery = found["ended"], found["recovery"]
    scene.failures += found["failures"]
