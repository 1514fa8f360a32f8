"""API keys: read from a file that holds their hashes, with what each is for; compared in constant time.

A line of the file is ``NAME SCOPES sha256:HEX``, as ``purlieu key`` writes it, or a bare key, for queries. Keys that
`new_key` makes are random numbers of 256 bits: of such a number a plain SHA-256 gives nothing away, and a slow or
salted hash would only make requests slow.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import final

from foundation.errors import InvalidInput, InvalidParams

SCOPES = ("query", "admin")
LOOK_SECONDS = 1.0  # between two looks at the file: how long a key that was taken out may still be good
SHORTEST = 20  # characters of a key that is not ours: what is shorter can be guessed from its hash

_NAME = re.compile(r"[\w.@-]{1,64}", re.ASCII)
_HASH = re.compile(r"sha256:[0-9a-f]{64}")


@final
@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a key: not the key."""

    name: str
    scopes: frozenset[str]
    digest: bytes


def new_key() -> str:
    """A key nobody can guess."""
    return secrets.token_urlsafe(32)


def hashed_line(name: str, scopes: Iterable[str], key: str) -> str:
    """The line of a key file for ``key``.

    Raises
    ------
    InvalidParams
        A name or a scope that cannot stand there, or a key that could be guessed from its hash.
    """
    if not _NAME.fullmatch(name):
        raise InvalidParams(name="NAME", value=name, allowed="1 to 64 letters, digits and . _ @ -")
    asked = sorted(set(scopes), key=lambda scope: SCOPES.index(scope) if scope in SCOPES else -1)
    if not asked or asked[0] not in SCOPES:
        raise InvalidParams(name="--scope", value=asked[0] if asked else "", allowed=", ".join(SCOPES))
    if len(key) < SHORTEST or not _is_sendable(key):
        allowed = f"{SHORTEST} or more ASCII characters without blanks, or leave it out for a new one"
        raise InvalidParams(name="key", value=f"<{len(key)} characters>", allowed=allowed)
    return f"{name} {','.join(asked)} sha256:{_digest(key).hex()}"


def plain_keys(keys: Iterable[str]) -> tuple[Key, ...]:
    """Keys without names, for queries."""
    return tuple(Key("", frozenset({"query"}), _digest(key)) for key in sorted(set(keys)))


def read_keys(path: str | Path) -> tuple[Key, ...]:
    """The keys of a file; blank lines and lines that start with "#" are left out.

    Raises
    ------
    InvalidInput
        No such file, no key in it, or a line that is neither a key nor the hash of one. The line itself is not told.
    """
    source = str(path)
    try:
        lines = Path(path).read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        what = f"the key file cannot be read ({getattr(error, 'strerror', None) or 'it is no text'})"
        raise InvalidInput(source=source, what=what, fix="name a text file with one key per line") from None
    keys: dict[bytes, Key] = {}
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        key = _parsed(words)
        if isinstance(key, str):
            raise InvalidInput(source=source, line=number, what=key, fix="write one key per line, as purlieu key does")
        keys.setdefault(key.digest, key)
    if not keys:
        raise InvalidInput(source=source, what="no key in the file", fix="write one key per line")
    return tuple(keys.values())


@final
class KeyRing:
    """The keys that are good now: those given, or those of a file that is read again when it changes.

    A file that can no longer be used leaves the keys as they were; ``problem`` then says why, and ``log`` is told.
    """

    def __init__(
        self,
        keys: Iterable[Key],
        path: Path | None = None,
        stamp: tuple[int, int, int] | None = None,
        log: Callable[[str], None] | None = None,
    ) -> None:
        self._keys = tuple(keys)
        self._path = path
        self._log = log
        self._stamp = stamp  # of the file that was read
        self._next_look = time.monotonic() + LOOK_SECONDS
        self._lock = threading.Lock()
        self.problem: str | None = None
        if not self._keys:
            raise InvalidParams(name="api_keys", value=set(), allowed="at least one key, or None for no keys")

    @classmethod
    def of_file(cls, path: Path | str, log: Callable[[str], None] | None = None) -> KeyRing:
        """The keys of a file, now and whenever it changes.

        Raises
        ------
        InvalidInput
            As `read_keys`.
        """
        stamp = _stamp(Path(path))  # first: what is written after it is seen as a change
        return cls(read_keys(path), Path(path), stamp, log)

    def find(self, given: str) -> Key | None:
        """The key that ``given`` is, if it is one; takes the same time whichever it is."""
        self._follow()
        digest, found = _digest(given), None
        for key in self._keys:  # with all, always: when it is found must not show
            if hmac.compare_digest(digest, key.digest):
                found = key
        return found

    def look(self) -> None:
        """Read the file again if it changed, whenever it was looked at last."""
        with self._lock:
            self._next_look = 0.0
        self._follow()

    def __len__(self) -> int:
        return len(self._keys)

    def _follow(self) -> None:
        now = time.monotonic()
        if self._path is None or now < self._next_look:
            return
        with self._lock:
            if now < self._next_look:
                return
            self._next_look = now + LOOK_SECONDS
            stamp = _stamp(self._path)
            if stamp == self._stamp:
                return
            self._stamp = stamp
            try:
                self._keys, self.problem = read_keys(self._path), None
                said = f"{len(self._keys)} API keys read again"
            except InvalidInput as error:
                where = "" if error.line is None else f"line {error.line}: "
                self.problem = f"{where}{error.what}"
                said = f"the API keys stay as they were: {error}"
        if self._log is not None:
            self._log(said)


def _parsed(words: list[str]) -> Key | str:
    """The key of a line, or what is wrong with it."""
    if len(words) == 1:
        if words[0].startswith("sha256:"):
            return "the hash of a key without its name and scopes"
        if not _is_sendable(words[0]):
            return "a key with characters outside ASCII"
        return plain_keys(words)[0]
    if len(words) != 3:
        return "neither a key nor NAME SCOPES sha256:HEX"
    name, scopes, digest = words
    if not _HASH.fullmatch(digest):
        return "neither a key nor NAME SCOPES sha256:HEX"
    if not _NAME.fullmatch(name):
        return "a name with other than letters, digits and . _ @ -"
    unknown = set(scopes.split(",")) - set(SCOPES)
    if unknown:
        return f"an unknown scope; known are {', '.join(SCOPES)}"
    return Key(name, frozenset(scopes.split(",")), bytes.fromhex(digest.removeprefix("sha256:")))


def _is_sendable(key: str) -> bool:
    return all("!" <= character <= "~" for character in key)


def _digest(key: str) -> bytes:
    # Digests are equally long, so the time to compare does not tell how long a key is.
    return hashlib.sha256(key.encode()).digest()


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
