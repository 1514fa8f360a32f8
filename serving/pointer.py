"""The pointer of an index as a service follows it: whether it was replaced, and what it names."""

from __future__ import annotations

from collections.abc import Hashable

from artifacts.publish import CURRENT, current_version
from artifacts.store import Store, index_name
from foundation.errors import EngineError, InvalidParams, StoreUnavailable
from serving.opener import check_there


def stamp_of(store: Store, index: str) -> Hashable | None:
    """What changes whenever the pointer is replaced; None when there is no pointer.

    Raises
    ------
    StoreUnavailable
        It cannot be read, or the whole store is away.
    """
    try:
        found = store.place.stamp(f"{index_name(index)}/{CURRENT}")
    except InvalidParams:
        return None
    except OSError as error:
        what = f"the pointer of index {index} cannot be read ({getattr(error, 'strerror', None) or error})"
        fix = "check the disk and its permissions"
        raise StoreUnavailable(path=store.address, what=what, fix=fix) from None
    if found is None:
        check_there(store)  # an index that was unpublished is gone; one whose whole store is away is not
    return found


def pointed(store: Store, index: str) -> tuple[Hashable | None, str | None]:
    """The pointer's stamp, and the version it names by now; None when it cannot be read."""
    try:
        return stamp_of(store, index), current_version(store, index)  # in this order: a later change is seen
    except (EngineError, OSError):
        return None, None
