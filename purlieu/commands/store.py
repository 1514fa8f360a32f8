"""``purlieu ls | show | verify | rollback | gc``: what is in a store, whether it is whole, which version is served."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from purlieu.places import open_store


def add_parsers(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the commands' words."""
    ls = commands.add_parser("ls", parents=[common], help="list indexes and their versions")
    ls.set_defaults(run=run_ls)
    show = commands.add_parser(
        "show", parents=[common], help="show one version: stages, sizes, counts, measured quality"
    )
    show.add_argument("index", metavar="INDEX[@VERSION]")
    show.set_defaults(run=run_show)
    verify = commands.add_parser("verify", parents=[common], help="check every file of a version against its checksum")
    verify.add_argument("index", metavar="INDEX[@VERSION]")
    verify.set_defaults(run=run_verify)
    rollback = commands.add_parser("rollback", parents=[common], help="serve an earlier version again")
    rollback.add_argument("index", metavar="INDEX")
    rollback.add_argument("version", metavar="VERSION")
    rollback.set_defaults(run=run_rollback)
    gc = commands.add_parser("gc", parents=[common], help="remove old versions and what nothing names any more")
    gc.add_argument(
        "--keep", type=int, default=2, metavar="N", help="versions to keep per index, newest first (default 2)"
    )
    gc.set_defaults(run=run_gc)


def split_version(text: str) -> tuple[str, str | None]:
    """``INDEX@VERSION`` into its halves."""
    index, _, version = text.partition("@")
    return index, version or None


def run_ls(args: argparse.Namespace) -> dict[str, Any] | None:
    """List what there is."""
    from artifacts.publish import current_version, readable_releases
    from artifacts.reports import is_withheld

    store = open_store(args)
    rows: list[dict[str, Any]] = []
    damaged: list[str] = []
    for index in store.index_names():
        served = current_version(store, index)
        found, bad = readable_releases(store, index)
        damaged += bad
        rows += [
            {
                "index": index,
                "version": release.version,
                "created": release.created,
                "bytes": release.n_bytes,
                "current": release.version == served,
                "withheld": release.version != served and is_withheld(store, index, release.version),
            }
            for release in found
        ]
    if damaged:
        args.exit_code = 4
        more = f" (and {len(damaged) - 1} more)" if len(damaged) > 1 else ""
        print(f"purlieu: {damaged[0]}{more}", file=sys.stderr)
    if args.json:
        return {"store": store.address, "versions": rows, "damaged": damaged}
    if not rows and not damaged:
        print(f"no index in {store.address}; build one with: purlieu build CONFIG.toml")
        return None
    from foundation.sizes import size_text
    from purlieu.tables import print_table

    table = [
        [
            row["index"],
            row["version"],
            row["created"],
            size_text(row["bytes"]),
            "served" if row["current"] else "withheld" if row["withheld"] else "",
        ]
        for row in rows
    ]
    print_table(["index", "version", "created", "size", ""], table)
    return None


def run_show(args: argparse.Namespace) -> dict[str, Any] | None:
    """Show one version."""
    from artifacts.publish import current_version, read_release
    from artifacts.reports import is_withheld
    from artifacts.store import object_name

    store = open_store(args)
    release = read_release(store, *split_version(args.index))
    manifests = {stage: store.manifest(name) for stage, name in release.stages.items()}
    current = current_version(store, release.index) == release.version
    document = {
        "index": release.index,
        "version": release.version,
        "created": release.created,
        "current": current,
        "withheld": not current and is_withheld(store, release.index, release.version),
        "bytes": release.n_bytes,
        "config": release.config,
        "stages": {
            stage: {
                "kind": manifest.kind,
                "digest": manifest.digest,
                "bytes": manifest.n_bytes,
                "params": manifest.params,
                "stats": manifest.stats,
                "measured": manifest.measured,
                "path": f"{store.address}/{object_name(release.stages[stage])}",
            }
            for stage, manifest in manifests.items()
        },
    }
    if args.json:
        return document
    from foundation.sizes import size_text
    from purlieu.tables import print_table

    state = ", served" if current else ", withheld by the quality gate" if document["withheld"] else ""
    print(f"{release.index}@{release.version}, built {release.created}{state}")
    rows = [[stage, m.kind, size_text(m.n_bytes), _counts(m.stats)] for stage, m in manifests.items()]
    print_table(["stage", "kind", "size", "counts"], rows)
    for stage, manifest in manifests.items():
        figures = {name: value for name, value in manifest.measured.items() if isinstance(value, int | float | str)}
        if figures:
            print(f"{stage}: {', '.join(f'{name} {value}' for name, value in figures.items())}")
    print(f"parameters and all findings: add --json; its build: purlieu report {release.index}@{release.version}")
    return None


def run_verify(args: argparse.Namespace) -> dict[str, Any] | None:
    """Recompute every checksum."""
    from artifacts.publish import damage, read_release

    store = open_store(args)
    release = read_release(store, *split_version(args.index))
    checked, bad = damage(store, release)
    if bad:
        args.exit_code = 4
        stage = bad[0].partition(":")[0]
        print(
            f"purlieu: {release.index}@{release.version}: {len(bad)} of {checked} files are damaged; "
            f"build again with --force {stage}, or rollback to another version",
            file=sys.stderr,
        )
    if args.json:
        return {"ok": not bad, "checked": checked, "bad": bad}
    for line in bad:
        print(line)
    if bad:
        return None
    print(f"{release.index}@{release.version}: {checked} files checked, all whole")
    return None


def run_rollback(args: argparse.Namespace) -> dict[str, Any] | None:
    """Point the index at an earlier version."""
    from artifacts.publish import current_version, damage, point_current, read_release
    from foundation.errors import ArtifactCorrupt

    store = open_store(args)
    release = read_release(store, args.index, args.version)
    before = current_version(store, args.index)
    with store.building(args.index):
        _, bad = damage(store, release)
        if bad:
            raise ArtifactCorrupt(path=f"{args.index}@{release.version}", what=bad[0], fix="choose another version")
        point_current(store, args.index, release.version)
    if args.json:
        return {"index": args.index, "version": release.version, "before": before}
    print(f"{args.index}: serving {release.version}, was {before}")
    return None


def run_gc(args: argparse.Namespace) -> dict[str, Any] | None:
    """Remove what is not needed."""
    from artifacts.publish import collect_garbage
    from foundation.errors import InvalidParams
    from foundation.sizes import size_text

    if args.keep < 1:
        raise InvalidParams(name="--keep", value=args.keep, allowed="at least 1")
    removed, freed = collect_garbage(open_store(args), args.keep)
    if args.json:
        return {"removed": removed, "bytes_freed": freed}
    items = "item" if len(removed) == 1 else "items"
    print(f"removed {len(removed):,} {items}, {size_text(freed)} freed")
    return None


def _counts(stats: Any) -> str:
    plain = {name: value for name, value in stats.items() if isinstance(value, int) and not isinstance(value, bool)}
    return ", ".join(f"{name} {value:,}" for name, value in plain.items())
