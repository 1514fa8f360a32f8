"""``purlieu health INDEX``: is it kept fresh? For people, and for monitoring by its exit code."""

from __future__ import annotations

import argparse
import re
import sys
from typing import Any

from purlieu.places import open_store

UNITS = {"": 1.0, "s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def add_parsers(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command's words."""
    sub = commands.add_parser(
        "health",
        parents=[common],
        help="when the last build succeeded, and how old what is served is",
        description="Exit code 0 when INDEX is healthy, 1 when it is not: nothing is published, the last build "
        "failed, or none succeeded within --max-age.",
    )
    sub.add_argument("index", metavar="INDEX")
    sub.add_argument(
        "--max-age",
        type=duration,
        metavar="AGE",
        help="how long ago the last successful build may have ended, e.g. 26h, 90min, 2d",
    )
    sub.set_defaults(run=run)


def duration(text: str) -> float:
    """Seconds from a number and a unit."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|min|m|h|d)?", text.strip())
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration such as 26h, 90min or 2d")
    return float(found[1]) * UNITS[found[2] or ""]


def run(args: argparse.Namespace) -> dict[str, Any] | None:
    """Say how the index does."""
    from artifacts.health import health, in_words

    found = health(open_store(args), args.index, max_age=args.max_age)
    if found.why:
        args.exit_code = 1
        print(f"purlieu: {found.index} is not healthy: {'; '.join(found.why)}", file=sys.stderr)
    if args.json:
        return found.to_json()
    if found.version_age is not None:
        print(f"{found.index}: serving {found.version}, published {in_words(found.version_age)} ago")
    else:
        print(f"{found.index}: nothing is served")
    if found.success is not None and found.success_age is not None:
        took = in_words(found.success.seconds)
        print(
            f"last build that succeeded: {found.success.outcome}, ended {in_words(found.success_age)} ago, took {took}"
        )
    else:
        print("last build that succeeded: none is known")
    if found.failed_since:
        print(f"failed since then: {found.failed_since}")
    if found.last is not None and found.last.error is not None:
        print(f"last build: {found.last.outcome}: {found.last.error}")
    if found.running is not None:
        begun = found.running
        print(f"running now: process {begun.pid} on {begun.host}, since {begun.started}")
    return None
