"""``purlieu serve`` and ``purlieu demo``."""

from __future__ import annotations

import argparse
from typing import Any

from purlieu.places import open_store


def add_parsers(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the commands' words."""
    serve = commands.add_parser("serve", parents=[common], help="answer over HTTP from every index of the store")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    serve.add_argument("--port", type=int, default=8321, help="port to listen on (default 8321)")
    serve.add_argument("--api-key-file", metavar="F", help="file with one API key per line; needed beyond loopback")
    serve.set_defaults(run=run_serve)


def run_serve(args: argparse.Namespace) -> dict[str, Any] | None:
    """Listen until interrupted."""
    from serving.server import serve

    serve(open_store(args), host=args.host, port=args.port, api_key_file=args.api_key_file)
    return None
