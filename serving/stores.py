"""Several stores served as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import final

from artifacts.publish import Release
from artifacts.store import Store
from foundation.errors import InvalidParams, StoreUnavailable, UnknownId
from serving.catalog import Catalog, silent
from serving.opener import Opener, Served, check_there, open_engine
from serving.slot import State


@final
class Catalogs:
    """The indexes of all ``stores``; of two with the same name that of the store named first.

    Safe to share between threads. What the methods do is what those of `serving.catalog.Catalog` do.

    Raises
    ------
    InvalidParams
        No store, or one named twice.
    """

    def __init__(
        self,
        stores: Sequence[Store],
        opener: Opener = open_engine,
        *,
        look_seconds: float | None = None,
        log: Callable[[str], None] = silent,
    ) -> None:
        addresses = [store.address for store in stores]
        if not addresses or len(set(addresses)) < len(addresses):
            allowed = "one store or several different ones"
            raise InvalidParams(name="stores", value=", ".join(addresses), allowed=allowed)
        self._stores = tuple(stores)
        self._catalogs = [Catalog(store, opener, look_seconds=look_seconds, log=log) for store in stores]
        self._owners: dict[str, Catalog] = {}

    def ask(self, index: str) -> Future[Served]:
        """What serves ``index`` now."""
        owner = self._owners.get(index)
        if owner is not None:
            try:
                return owner.ask(index)
            except UnknownId:  # unpublished: another store may have one of that name
                self._owners.pop(index, None)
        return self._found(index)

    def look(self, *, at_once: bool = False) -> None:
        """Look at every index there is, in every store."""
        for catalog in self._catalogs:
            catalog.look(at_once=at_once)
        self._owners = {state.index: catalog for catalog, state in reversed(self._states())}

    def states(self) -> list[State]:
        """Of every index that was looked at and answers, by name."""
        return [state for _, state in self._first()]

    def states_by_store(self) -> list[tuple[Store, State]]:
        """As `states`, each with the store that has the index."""
        stores = dict(zip(map(id, self._catalogs), self._stores, strict=True))
        return [(stores[id(catalog)], state) for catalog, state in self._first()]

    def releases(self, index: str) -> list[Release]:
        """The versions of an index that can be read, newest first."""
        owner = self._owners.get(index)
        return [] if owner is None else owner.releases(index)

    def check_stores(self) -> None:
        """Look whether every store is there.

        Raises
        ------
        StoreUnavailable
        """
        for store in self._stores:
            check_there(store)

    def close(self) -> None:
        """Begin no more openings."""
        for catalog in self._catalogs:
            catalog.close()

    def _found(self, index: str) -> Future[Served]:
        nowhere: UnknownId | StoreUnavailable | None = None
        for catalog in self._catalogs:
            try:
                answer = catalog.ask(index)
            except StoreUnavailable as error:
                nowhere = error  # it may be there
            except UnknownId as error:
                if nowhere is None or (isinstance(nowhere, UnknownId) and not nowhere.nearest):
                    nowhere = error
            else:
                self._owners[index] = catalog
                return answer
        raise nowhere or UnknownId(kind="index", id=index, where="this store")

    def _states(self) -> list[tuple[Catalog, State]]:
        return [(catalog, state) for catalog in self._catalogs for state in catalog.states()]

    def _first(self) -> list[tuple[Catalog, State]]:
        found: dict[str, tuple[Catalog, State]] = {}
        for catalog, state in self._states():
            found.setdefault(state.index, (catalog, state))
        return [found[index] for index in sorted(found)]
