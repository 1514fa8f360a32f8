"""Asking again: what the network or the disk refused once may work a moment later; bad data never will."""

from __future__ import annotations

import errno
import re
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from foundation.errors import EngineError, SourceUnavailable, StoreUnavailable

T = TypeVar("T")
PAUSES = (0.1, 0.5, 2.0)  # seconds between tries
_NEVER = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM}


def may_pass(error: BaseException) -> bool:
    """Whether the same request may work later: the disk or the network, but not what our own errors explain."""
    if isinstance(error, SourceUnavailable):
        return True
    if isinstance(error, EngineError):
        return False
    if isinstance(
        error, FileNotFoundError | FileExistsError | PermissionError | IsADirectoryError | NotADirectoryError
    ):
        return False
    if isinstance(error, OSError):
        return error.errno not in _NEVER
    # Client libraries of object stores have trees of their own: a lost connection, a cut answer, a server that is busy.
    return type(error).__module__.partition(".")[0] in ("botocore", "aiobotocore", "aiohttp") and not _is_credentials(
        error
    )


def patiently(address: str, request: Callable[[], T], pauses: Sequence[float] = PAUSES) -> T:
    """The request's answer, asked for again after each of ``pauses`` while it fails in a way that may pass.

    Raises
    ------
    FileNotFoundError, FileExistsError
        As the request raised them.
    StoreUnavailable
        Anything else, naming ``address``.
    """
    try:
        return tried(request, pauses)[0]
    except (EngineError, FileNotFoundError, FileExistsError):
        raise
    except Exception as error:
        raise _refused(address, error) from None


def tried(make: Callable[[], T], pauses: Sequence[float] = PAUSES) -> tuple[T, int]:
    """What ``make`` returns, called again after each of ``pauses`` while it fails in a way that may pass, and
    the number of calls.

    The last error is raised as it came.
    """
    for n_tries, pause in enumerate((*pauses, None), start=1):
        try:
            return make(), n_tries
        except Exception as error:
            if pause is None or not may_pass(error):
                raise
        time.sleep(pause)
    raise AssertionError("the last try returns or raises")


def _is_credentials(error: BaseException) -> bool:
    return "Credential" in type(error).__name__ or "Token" in type(error).__name__


def _refused(address: str, error: Exception) -> StoreUnavailable:
    said = re.sub(r"\[Errno \d+\] ", "", " ".join((str(error) or type(error).__name__).split()))
    if _is_credentials(error):
        return StoreUnavailable(
            path=address,
            what=f"no credentials ({said})",
            fix="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
        )
    if isinstance(error, PermissionError):
        return StoreUnavailable(
            path=address, what=f"not allowed ({said})", fix="check the credentials and their rights"
        )
    return StoreUnavailable(path=address, what=f"not reachable ({said})", fix="check the address, then run again")
