"""``purlieu serve``, and ``purlieu key`` for the file of those who may ask."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from purlieu.places import open_store

if TYPE_CHECKING:
    from serving.limits import Limits


def add_parsers(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the commands' words."""
    serve = commands.add_parser("serve", parents=[common], help="answer over HTTP from every index of the store")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    serve.add_argument("--port", type=int, default=8321, help="port to listen on (default 8321)")
    serve.add_argument("--api-key-file", metavar="F", help="file with one API key per line; needed beyond loopback")
    serve.add_argument(
        "--also", action="append", default=[], metavar="DIR|URL", help="answer from this store too; may be repeated"
    )
    serve.add_argument("--workers", type=int, default=1, metavar="N", help="processes that answer (default 1)")
    serve.add_argument("--threads", type=int, metavar="N", help="questions at a time (default four more than cores)")
    serve.add_argument("--queue", type=int, metavar="N", help="questions that may wait; more get 429 (default 512)")
    serve.add_argument("--wait", type=float, metavar="SECONDS", help="longest wait, then 429 (default 5)")
    serve.add_argument("--time-limit", type=float, metavar="SECONDS", help="longest answer, then 504 (default 60)")
    serve.add_argument(
        "--batch", type=int, metavar="N", help="queries of waiting requests asked in one call (default 256; 1: none)"
    )
    serve.add_argument("--cache", metavar="SIZE", help="answers kept, such as 64MB; 0 keeps none (default 64MB)")
    serve.add_argument(
        "--cors-origin",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="let pages of this origin ask from a browser; may be repeated (default none)",
    )
    serve.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="without keys, answer under this name as well as localhost and addresses; may be repeated",
    )
    serve.add_argument(
        "--log", choices=("text", "json"), default="text", help="lines on stderr: text, or json with one a request"
    )
    serve.add_argument("--log-queries", action="store_true", help="with --log json, also what was asked")
    serve.set_defaults(run=run_serve)
    key = commands.add_parser(
        "key",
        parents=[common],
        help="make an API key and its line for a key file",
        description="Make an API key: the key itself, to be given away, and the line with its hash, for the file that "
        "serve --api-key-file names.",
    )
    key.add_argument("name", metavar="NAME", help="whose key it is, for the log")
    key.add_argument(
        "--scope", action="append", metavar="SCOPE", help="query (default) or admin; may be repeated", dest="scopes"
    )
    key.add_argument("--stdin", action="store_true", help="hash the key on standard input instead of making one")
    key.set_defaults(run=run_key)


def run_serve(args: argparse.Namespace) -> dict[str, Any] | None:
    """Listen until interrupted."""
    from serving.logs import Log
    from serving.server import serve

    serve(
        open_store(args),
        host=args.host,
        port=args.port,
        api_key_file=args.api_key_file,
        more_stores=[open_store(args, address) for address in args.also],
        limits=_limits(args),
        origins=args.cors_origin,
        hosts=args.allow_host,
        workers=args.workers,
        log=Log(args.log, contents=args.log_queries),
    )
    return None


def run_key(args: argparse.Namespace) -> dict[str, Any] | None:
    """Print a key and its line."""
    from serving.keys import hashed_line, new_key

    given = sys.stdin.readline().strip() if args.stdin else None
    key = new_key() if given is None else given
    line = hashed_line(args.name, args.scopes or ["query"], key)
    if args.json:
        return {"line": line} if args.stdin else {"key": key, "line": line}
    if not args.stdin:
        print(f"purlieu: the key, which is nowhere kept: {key}", file=sys.stderr)
    print(line)
    return None


def _limits(args: argparse.Namespace) -> Limits:
    from foundation.sizes import parse_size
    from serving.limits import Limits

    given = {
        "threads": args.threads,
        "queue": args.queue,
        "wait_seconds": args.wait,
        "seconds": args.time_limit,
        "batch": args.batch,
        "cache_bytes": None if args.cache is None else parse_size(args.cache),
    }
    return Limits(**{name: value for name, value in given.items() if value is not None})
