"""``make bench``: every benchmark, one after the other, each beside its peers. Name some to run only those."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    wanted = sys.argv[1:]
    names = [path.stem for path in sorted(HERE.glob("bench_*.py"))]
    unknown = [name for name in wanted if f"bench_{name}" not in names]
    if unknown:
        known = ", ".join(name.removeprefix("bench_") for name in names)
        sys.exit(f"no benchmark {', '.join(unknown)}; there are {known}")
    for name in names:
        if not wanted or name.removeprefix("bench_") in wanted:
            print(f"\n== {name.removeprefix('bench_')}", flush=True)
            sys.argv = [name]
            runpy.run_path(str(HERE / f"{name}.py"), run_name="__main__")


main()
