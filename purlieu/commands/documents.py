"""``purlieu documents``: add documents to a built index and remove them from it, in seconds."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from foundation.errors import InvalidInput, InvalidParams
from purlieu.places import open_store

WAIT_SECONDS = 60.0


def add_parsers(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command's words."""
    documents = commands.add_parser("documents", help="add documents to a built index, or remove them")
    actions = documents.add_subparsers(title="actions", dest="action", required=True, metavar="ACTION")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--wait",
        type=float,
        default=WAIT_SECONDS,
        metavar="SECONDS",
        help="how long to wait while another process changes the index (default 60)",
    )
    add = actions.add_parser(
        "add",
        parents=[common, shared],
        help="add documents, or replace those of the same ids",
        description="Publish a version with the documents of FILE, JSON lines as the index's source has them.",
    )
    add.add_argument("index", metavar="INDEX")
    add.add_argument("file", metavar="FILE.jsonl")
    add.set_defaults(run=run_add)
    remove = actions.add_parser("remove", parents=[common, shared], help="remove documents by their ids")
    remove.add_argument("index", metavar="INDEX")
    remove.add_argument("ids", nargs="*", metavar="ID")
    remove.add_argument("--file", metavar="FILE", help="read ids from a file as well, one on each line")
    remove.add_argument("--missing-ok", action="store_true", help="pass over ids that are not there")
    remove.set_defaults(run=run_remove)


def run_add(args: argparse.Namespace) -> dict[str, Any]:
    """Add, and say what came of it."""
    from flows.console import ConsoleProgress
    from flows.documents import add_documents

    report = add_documents(
        open_store(args),
        args.index,
        args.file,
        wait=_seconds(args),
        on_wait=_say_waiting,
        progress=ConsoleProgress(),
    )
    return _told(args, report.to_json())


def run_remove(args: argparse.Namespace) -> dict[str, Any]:
    """Remove, and say what came of it."""
    from flows.console import ConsoleProgress
    from flows.documents import remove_documents

    ids = [*args.ids, *(_lines(args.file) if args.file else ())]
    if not ids:
        raise InvalidParams(name="ID", value="none", allowed="ids, or --file with one on each line")
    report = remove_documents(
        open_store(args),
        args.index,
        ids,
        missing_ok=args.missing_ok,
        wait=_seconds(args),
        on_wait=_say_waiting,
        progress=ConsoleProgress(),
    )
    return _told(args, report.to_json())


def _seconds(args: argparse.Namespace) -> float:
    if not args.wait >= 0:
        raise InvalidParams(name="--wait", value=args.wait, allowed="0 or more seconds")
    return float(args.wait)


def _lines(path: str) -> list[str]:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        what = f"cannot be read ({getattr(error, 'strerror', None) or 'not UTF-8 text'})"
        raise InvalidInput(source=path, what=what, fix="name a file with one id on each line") from None
    return [line.strip() for line in text.splitlines() if line.strip()]


def _say_waiting(holder: str) -> None:
    print(f"waiting for {holder}", file=sys.stderr, flush=True)


def _told(args: argparse.Namespace, report: dict[str, Any]) -> dict[str, Any]:
    if args.json:
        return report
    name = f"{report['index']}@{report['version']}"
    if report["unchanged"]:
        print(f"{name} has it all already: nothing was changed")
        return report
    print(
        f"published {name} in {report['seconds']:.1f} s: {report['added']:,} added ({report['replaced']:,} of them "
        f"replaced another), {report['removed']:,} removed, {report['n_docs']:,} documents"
    )
    waiting = f"{report['carried']:,} added and {report['removed_since']:,} removed documents"
    print(f"{waiting} wait for the next build, which takes them in; segments: {report['segments']}")
    return report
