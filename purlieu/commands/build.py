"""``purlieu build``."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from foundation.errors import InvalidParams, ServerUnavailable

DETOUR_SECONDS = 5.0  # Prefect's share of a run above which the shorter way is pointed out


def add_parsers(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command's words."""
    sub = commands.add_parser(
        "build",
        parents=[common],
        help="build what a config declares, and publish it",
        description="Build what CONFIG.toml declares and publish it as one version. What exists already is reused.",
    )
    sub.add_argument("config", metavar="CONFIG.toml")
    sub.add_argument(
        "--set", dest="overrides", action="append", default=[], metavar="KEY.PATH=VALUE", help="change one key"
    )
    sub.add_argument(
        "--only", nargs="+", action="extend", default=[], metavar="STAGE", help="build these stages, publish nothing"
    )
    sub.add_argument("--force", nargs="+", action="extend", default=[], metavar="STAGE", help="build these stages anew")
    sub.add_argument(
        "--dry-run", action="store_true", help="show stages, what is cached, and an estimate; build nothing"
    )
    sub.add_argument("--workers", type=int, metavar="N", help="partitions computed at a time")
    sub.add_argument("--scheduler", metavar="ADDRESS", help="use an existing Dask cluster, e.g. tcp://host:8786")
    sub.add_argument(
        "--discard-added", action="store_true", help="forget documents that were added or removed since the last build"
    )
    sub.add_argument("--no-prefect", action="store_true", help="run the same stages with no Prefect at all")
    sub.set_defaults(run=run)


def run(args: argparse.Namespace) -> dict[str, Any] | None:
    """Build, and say what was done."""
    overrides = list(args.overrides)
    if args.workers is not None:
        if args.workers < 1:
            raise InvalidParams(name="--workers", value=args.workers, allowed="at least 1")
        overrides.append(f"runtime.workers={args.workers}")
    if args.scheduler is not None:
        overrides.append(f"runtime.scheduler={json.dumps(args.scheduler)}")
    if args.dry_run:
        return _dry_run(args, overrides)
    if args.no_prefect:
        document = _plain(args, overrides)
    else:
        document = _with_prefect(args, overrides)
    if not args.json:
        _print_report(document)
    return document


def _plain(args: argparse.Namespace, overrides: list[str]) -> dict[str, Any]:
    from flows.console import ConsoleProgress
    from flows.run import create_store, run_build
    from flows.settings import read_config

    config = read_config(args.config, overrides)
    report = run_build(
        config,
        create_store(args.store, config),
        only=args.only,
        force=args.force,
        wait=config.runtime.lock_wait,
        on_wait=lambda holder: print(f"waiting for {holder}", file=sys.stderr, flush=True),
        progress=ConsoleProgress(),
        say=lambda note: print(f"note: {note}", file=sys.stderr, flush=True),
        discard_added=args.discard_added,
    )
    return report.to_json()


def _with_prefect(args: argparse.Namespace, overrides: list[str]) -> dict[str, Any]:
    from flows.server import check_api

    url = os.environ.get("PREFECT_API_URL")
    embedded = not url
    if url:  # before anything large is imported, which takes a busy machine longer than the answer may
        check_api(url, otherwise=", or build with --no-prefect")
    from flows.settings import read_config

    read_config(args.config, overrides)  # a wrong config is refused before a server is started
    for name, value in {
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "90",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        # The server keeps every log line; the terminal has our own progress and the one line of an error.
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
        "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",
    }.items():
        os.environ.setdefault(name, value)
    if embedded:
        print("starting Prefect's embedded server (PREFECT_API_URL is not set)", file=sys.stderr, flush=True)
    begun = time.perf_counter()
    import logging

    import httpx

    logging.raiseExceptions = False  # log lines the server does not take any more are no news for the terminal
    from flows.build import build

    try:
        document: dict[str, Any] = build(  # type: ignore[assignment]  # only runs of a schedule are ever skipped
            config=str(Path(args.config).absolute()),
            store=str(Path(args.store).absolute()) if "://" not in args.store else args.store,
            overrides=overrides,
            only=args.only,
            force=args.force,
            discard_added=args.discard_added,
        )
    except httpx.TransportError as error:
        said = str(error).partition("] ")[2] or str(error) or type(error).__name__  # without the number of the error
        what = f"it was lost while the flow ran ({said})"
        fix = "what was built is kept: start it and run again, or build with --no-prefect"
        raise ServerUnavailable(address=url or "embedded", what=what, fix=fix) from None
    seconds = time.perf_counter() - begun
    extra = seconds - document["seconds"]
    if extra > DETOUR_SECONDS and extra > 0.1 * seconds:
        print(
            f"note: Prefect took {extra:.0f} s of {seconds:.0f} s; --no-prefect runs the same stages without it",
            file=sys.stderr,
        )
    return document


def _dry_run(args: argparse.Namespace, overrides: list[str]) -> dict[str, Any] | None:
    from flows.estimate import estimate_build
    from flows.settings import read_config

    document = estimate_build(
        read_config(args.config, overrides),
        args.store,
        only=args.only,
        force=args.force,
        discard_added=args.discard_added,
    )
    if args.json:
        return document
    from foundation.sizes import size_text
    from purlieu.tables import print_table

    print(f"{document['index']}@{document['version']}: nothing is built by --dry-run")
    for note in document["notes"]:
        print(f"note: {note}")
    rows = [
        [
            stage["name"],
            "cached" if stage["cached"] else "to build",
            "" if stage["cached"] else size_text(stage["memory"]),
            size_text(stage["disk"]),
            "" if stage["cached"] else f"{stage['seconds']:.1f} s",
            "" if stage["cached"] else stage["why"],
        ]
        for stage in document["stages"]
    ]
    print_table(["stage", "state", "memory", "disk", "time", "why"], rows)
    total = document["total"]
    memory, disk = size_text(total["memory"]), size_text(total["disk"])
    print(f"in all: {memory} of memory, {disk} more on disk, about {total['seconds']:.0f} s")
    return None


def _print_report(document: dict[str, Any]) -> None:
    from foundation.sizes import size_text
    from purlieu.tables import print_table

    name = f"{document['index']}@{document['version']}"
    if document["unchanged"]:
        print(f"{name} is up to date: all {len(document['stages'])} stages were cached, nothing was computed")
        return
    rows = [
        [
            stage["name"],
            "cached" if stage["cached"] else f"{stage['seconds']:.2f} s",
            size_text(stage["bytes"]),
            ""
            if stage["cached"]
            else f"{stage['parts']}" + (f" ({stage['parts_reused']} reused)" if stage["parts_reused"] else ""),
            "" if stage["cached"] else stage["why"],
        ]
        for stage in document["stages"]
    ]
    print_table(["stage", "time", "size", "partitions", "why"], rows)
    for stage, found in document["measured"].items():
        figures = ", ".join(f"{key} {value}" for key, value in found.items() if isinstance(value, int | float | str))
        print(f"{stage}: {figures}")
    if document["published"]:
        print(f"published {name} in {document['seconds']:.1f} s; its report: purlieu report {name}")
    else:
        print(f"built in {document['seconds']:.1f} s; nothing was published, since --only left stages out")
