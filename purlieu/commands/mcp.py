"""``purlieu mcp``: an index for language-model applications."""

from __future__ import annotations

import argparse
from typing import Any

from purlieu.places import open_store


def add_parsers(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command's words."""
    sub = commands.add_parser(
        "mcp",
        parents=[common],
        help="offer an index to language-model applications over stdin and stdout",
        description="Speak the Model Context Protocol on standard input and output: the questions INDEX was built for "
        "are its tools. Needs the extra: pip install 'purlieu[mcp]'.",
    )
    sub.add_argument("index", metavar="INDEX", help="name of the index")
    sub.set_defaults(run=run)


def run(args: argparse.Namespace) -> dict[str, Any] | None:
    """Answer until standard input ends."""
    from purlieu.mcp_server import make_server
    from serving.catalog import Catalog

    catalog = Catalog(open_store(args))
    try:
        make_server(args.index, lambda: catalog.ask(args.index).result().engine).run("stdio")
    finally:
        catalog.close()
    return None
