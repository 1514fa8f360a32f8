"""``purlieu report``: what a build said of the version it made."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from purlieu.places import open_store


def add_parsers(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command's words."""
    sub = commands.add_parser(
        "report",
        parents=[common],
        help="print the report of a version, or write it as HTML",
        description="Print the report that the build of a version left, as Markdown, or write it as one HTML file.",
    )
    sub.add_argument("index", metavar="INDEX[@VERSION]")
    sub.add_argument("--html", metavar="FILE", help="write the report with its plots to FILE, which needs no network")
    sub.set_defaults(run=run)


def run(args: argparse.Namespace) -> dict[str, Any] | None:
    """Hand out one form of the report."""
    from artifacts.publish import read_release
    from artifacts.reports import read_facts, read_report
    from purlieu.commands.store import split_version

    store = open_store(args)
    release = read_release(store, *split_version(args.index))
    name = (store, release.index, release.version)
    if args.html is not None:
        from artifacts.disk import explained

        page, target = read_report(*name, "html"), Path(args.html)
        with explained(target):
            try:
                target.write_text(page, encoding="utf-8")
            except (FileNotFoundError, IsADirectoryError) as error:
                from foundation.errors import InvalidParams

                raise InvalidParams(
                    name="--html", value=args.html, allowed="a file in a directory that exists"
                ) from error
    if args.json:
        return read_facts(*name)
    if args.html is None:
        print(read_report(*name, "md"), end="")
    else:
        print(f"wrote {args.html}")
    return None
