"""Builds on a disk of a few MiB that fills up: run by the tests as root of a namespace of its own.

Arguments: directory with sources and configs, directory to mount the disk on. Prints what happened as JSON.
"""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys

from purlieu.main import main

TELL = ("a.toml", "b.toml")


def mount(options: str, place: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], check=True)


def run(*words: str) -> tuple[int, str]:
    """Exit code and what was said on stderr."""
    err = io.StringIO()
    with contextlib.redirect_stderr(err), contextlib.redirect_stdout(io.StringIO()):
        code = main(words)
    return code, err.getvalue()


def tell(sources: str, place: str) -> dict[str, tuple[int, str]]:
    store = ("--store", f"{place}/store")
    small, large = (("build", f"{sources}/{name}", "--no-prefect", *store) for name in TELL)
    mount("size=2m", place)
    found = {"small": run(*small), "full": run(*large), "verify": run("verify", "g", *store)}
    mount("remount,ro,size=64m", place)
    found |= {"read_only": run(*large), "read_only_verify": run("verify", "g", *store)}
    mount("remount,rw,size=64m", place)
    return found | {"freed": run(*large), "verify_freed": run("verify", "g", *store)}


if __name__ == "__main__":
    print(json.dumps(tell(*sys.argv[1:])))  # noqa: T201  # the tests read it
