"""The object NetworkX calls: finds a function, says whether to run it, converts graphs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from purlieu.networkx_backend import graphs
from purlieu.networkx_backend.info import OFFERED

# Below this NetworkX answers within some milliseconds; the first call of a process loads compiled code for longer.
WORTHWHILE_NODES = 1000


class Backend:
    """The entry point ``networkx.backends``; every function of `info.OFFERED` is an attribute."""

    convert_from_nx = staticmethod(graphs.convert_from_nx)
    convert_to_nx = staticmethod(graphs.convert_to_nx)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in OFFERED:
            raise AttributeError(f"backend purlieu has no function {name!r}; it has {', '.join(OFFERED)}")
        function: Callable[..., Any] = getattr(import_module(OFFERED[name].module), name)
        return function

    def can_run(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool | str:
        """True, or the reason why a call with these arguments is left to NetworkX."""
        if name not in OFFERED:
            return "not offered"
        refuse = getattr(import_module(OFFERED[name].module), f"refuse_{name}")
        reason: str | None = refuse(*args, **kwargs)
        return True if reason is None else reason

    def should_run(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool | str:
        """True, or why not; asked before a graph is converted for a call that did not name the backend."""
        graph = args[0] if args else kwargs["G"]
        if len(graph) < WORTHWHILE_NODES:
            return f"{name} of fewer than {WORTHWHILE_NODES} nodes is answered sooner than compiled code is loaded"
        return True


backend = Backend()
