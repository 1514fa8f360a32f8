"""A case on a disk that fills up: run as root of a mount namespace of its own.

Arguments: place, number and seed of the case, directory of its base, where to mount the disk. Prints what was found.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.faults.base import make_base
from tests.faults.cases import Case
from tests.faults.scene import BUILD_SECONDS, Scene


def mount(options: str, disk: str) -> None:
    """Mount the disk, or change its size."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", disk], check=True)


def main() -> None:
    """Fill the disk but for what the case leaves, build, make room, build again."""
    place, number, seed, root, disk = sys.argv[1:]
    base = make_base(Path(root), lite=False)
    mount("size=200m", disk)
    store = Path(disk) / "store"
    shutil.copytree(base.store, store)
    directory = Path(disk).parent / "inside"
    directory.mkdir()
    scene = Scene(Case("disk", place, int(number), int(seed)), base, directory, None, address=str(store))
    used = os.statvfs(disk)
    taken = (used.f_blocks - used.f_bfree) * used.f_frsize // 1024
    mount(f"remount,size={taken + int(place.split()[0])}k", disk)
    with scene.watched():
        code = scene.check_said(scene.build(), BUILD_SECONDS, 0, 1)
    if code:
        scene.expect("no space left (" in (scene.build_error or ""), f"said {scene.build_error}")
    scene.check_undisturbed()
    gc = scene.start("-m", "tests.faults.child", "gc", "--store", str(store))
    scene.check_said(gc, BUILD_SECONDS, 0)  # it is what the error tells to try
    scene.check_answers("after gc")
    mount("remount,size=200m", disk)
    scene.next_build()
    found = {"ended": scene.ended, "failures": scene.failures, "recovery": scene.recovery}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
