"""The command ``purlieu``: parses words, calls one command, turns errors into one line and an exit code.

Nothing heavy is imported here or at the top of the command files: ``purlieu --help`` must be instant.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from foundation import errors
from purlieu.commands import build, deploy, documents, evaluate, health, mcp, query, report, serve, store, tune, walks

EXIT_CODES: tuple[tuple[type[errors.EngineError], int], ...] = (
    (errors.InvalidParams, 2),
    (errors.InvalidConfig, 2),
    (errors.InvalidQuery, 2),
    (errors.MissingExtra, 2),
    (errors.InvalidInput, 3),
    (errors.SourceUnavailable, 3),
    (errors.UnknownId, 3),
    (errors.NotBuilt, 3),
    (errors.ArtifactMissing, 4),
    (errors.ArtifactCorrupt, 4),
    (errors.ArtifactVersion, 4),
)
COMMANDS = (build, documents, tune, walks, report, deploy, health, store, query, evaluate, serve, mcp)
DESCRIPTION = "What is near this? Builds versioned indexes over graphs and corpora, and answers from them."


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with the words in one line."""

    def error(self, message: str) -> NoReturn:
        words = message.split("'")
        if "invalid choice" in message and len(words) > 3:
            close = difflib.get_close_matches(words[1], words[3::2], n=1)
            if close:
                message = f"{message.split(' (choose')[0]}; did you mean {close[0]!r}?"
        print(f"purlieu: {message}; see {self.prog} --help", file=sys.stderr)
        raise SystemExit(2)


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--store",
        default=os.environ.get("PURLIEU_STORE", "purlieu-store"),
        metavar="DIR|URL",
        help="where indexes live (default ./purlieu-store, or PURLIEU_STORE)",
    )
    common.add_argument("--json", action="store_true", help="one JSON document on stdout, nothing else there")
    common.add_argument("--debug", action="store_true", help="show the traceback of an error")
    common.set_defaults(exit_code=0)
    top = _Parser(prog="purlieu", description=DESCRIPTION)
    top.add_argument("--version", action="version", version=f"purlieu {_version()}")
    commands = top.add_subparsers(
        title="commands", dest="command", required=True, metavar="COMMAND", parser_class=_Parser
    )
    for module in COMMANDS:
        module.add_parsers(commands, common)
    return top


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    args = parser().parse_args(words)
    try:
        return _run(args)
    except BrokenPipeError:  # who read it has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _run(args: argparse.Namespace) -> int:
    try:
        with _terminable():
            document = args.run(args)
    except errors.EngineError as error:
        return _failed(args, error, _exit_code(error))
    except KeyboardInterrupt:
        print("purlieu: interrupted; finished partitions are kept, run the same command again", file=sys.stderr)
        return 1
    except BrokenPipeError:
        raise
    except Exception as error:
        return _failed(args, error, 1)
    if args.json and document is not None:
        _print_json(document)
    return int(args.exit_code)


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends a command as SIGINT does: by unwinding, so that locks are let go and workers end with it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: object) -> None:  # noqa: ARG001  # the signature of a handler
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _exit_code(error: errors.EngineError) -> int:
    return next((code for kind, code in EXIT_CODES if isinstance(error, kind)), 1)


def _failed(args: argparse.Namespace, error: Exception, code: int) -> int:
    if args.debug:
        import traceback

        traceback.print_exception(error)
    known = isinstance(error, errors.EngineError)
    said = " ".join(str(error).splitlines())  # other blanks are as they are in the ids and paths it names
    text = said if known else f"unexpected {type(error).__name__}: {said}; run again with --debug"
    print(f"purlieu: {text}", file=sys.stderr)
    if args.json:
        _print_json({"error": {"type": type(error).__name__, "message": text, "exit_code": code}})
    return code


def _print_json(document: Any) -> None:
    print(json.dumps(document, allow_nan=False), flush=True)


def _version() -> str:
    from importlib.metadata import version

    return version("purlieu")


if __name__ == "__main__":
    raise SystemExit(main())
