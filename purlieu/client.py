"""A service's index from another process: `Client`, and `AsyncClient` with the same methods to be awaited.

Both have the questions of `serving.engine.Engine`, take the same arguments and raise the same errors; answers are the
values of `purlieu.answers`. A request that was refused for the time being (429, 503), or that found nobody, is sent
again: asking changes nothing, so that is always safe.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Generic, ParamSpec, TypeVar, final, overload
from urllib.parse import quote

import httpx
import numpy as np
import orjson

from foundation.errors import InvalidParams, ServiceFailed
from purlieu import calls
from purlieu.calls import Call, error_of

RETRIES = 4
FIRST_WAIT = 0.2  # seconds before the second attempt, when the service does not say; then twice as long each time
LONGEST_WAIT = 60.0  # seconds that a service may ask to wait; one that asks for more is not asked again
_AGAIN = (429, 503)

P = ParamSpec("P")
T = TypeVar("T")


@final
class _Question(Generic[P, T]):
    """A method of both clients, typed for each: a question is written down once."""

    def __init__(self, make: Callable[P, Call[T]]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    @overload
    def __get__(self, client: None, owner: type) -> _Question[P, T]: ...
    @overload
    def __get__(self, client: Client, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: AsyncClient, owner: type) -> Callable[P, Awaitable[T]]: ...

    def __get__(self, client: Client | AsyncClient | None, owner: type) -> Any:
        if client is None:
            return self
        send, make = client.send, self._make

        def ask(*args: P.args, **kwargs: P.kwargs) -> Any:
            return send(make(*args, **kwargs))

        return ask


class _Questions:
    """The questions, for a client that can `send` them."""

    similar = _Question(calls.similar)
    ppr = _Question(calls.ppr)
    community = _Question(calls.community)
    labels = _Question(calls.labels)
    members = _Question(calls.members)
    search = _Question(calls.search)
    neighbourhood = _Question(calls.neighbourhood)
    related = _Question(calls.related)
    explain = _Question(calls.explain)
    nodes = _Question(calls.nodes)
    details = _Question(calls.details)


@final
class _Attempts:
    """One call over as many attempts as it takes."""

    def __init__(self, address: str, index: str, retries: int) -> None:
        self._address = address
        self._index = index
        self._left = retries
        self._wait = FIRST_WAIT

    def wait_after(self, response: httpx.Response) -> float | None:
        """Seconds until the next attempt; None when this answer stands."""
        if response.status_code not in _AGAIN or not self._left:
            return None
        asked = response.headers.get("retry-after", "")
        seconds = float(asked) if asked.isascii() and asked.isdigit() else 0.0
        return None if seconds > LONGEST_WAIT else self._next(seconds)

    def wait_for_nobody(self, error: httpx.TransportError) -> float:
        """Seconds until the next attempt, after one that got no answer; raises when there is none."""
        if not self._left or isinstance(error, httpx.ReadTimeout):  # it would take as long again
            what = f"no answer ({str(error) or type(error).__name__})"
            raise ServiceFailed(address=self._address, status=None, what=what) from None
        return self._next(0.0)

    def read(self, response: httpx.Response, call: Call[T]) -> T:
        """The answer, or the error it says."""
        try:
            document = orjson.loads(response.content)
            if response.is_success:
                return call.read(document)
        except (orjson.JSONDecodeError, KeyError, TypeError):
            document = None
        if not isinstance(document, dict):
            document = {"detail": "an answer that is not one of this service's"}
        raise error_of(self._address, self._index, response.status_code, document)

    def _next(self, at_least: float) -> float:
        self._left -= 1
        # Drawn from a range, so that those refused together do not come again together.
        wait = max(at_least, self._wait) * random.uniform(1.0, 1.5)
        self._wait *= 2
        return wait


class _Parts:
    """What both clients are told and send."""

    def __init__(self, address: str, index: str, api_key: str | None, retries: int) -> None:
        if not address.startswith(("http://", "https://")):
            raise InvalidParams(name="address", value=address, allowed="http://HOST:PORT or https://HOST")
        if isinstance(retries, bool) or retries < 0:
            raise InvalidParams(name="retries", value=retries, allowed="0 or more")
        self.address = address.rstrip("/")
        self.index = index
        self.retries = retries
        self.headers = {"Content-Type": "application/json"}
        if api_key is not None:
            self.headers["Authorization"] = f"Bearer {api_key}"

    def attempts(self) -> _Attempts:
        return _Attempts(self.address, self.index, self.retries)

    def request(self, call: Call[Any]) -> dict[str, Any]:
        """What httpx is asked."""
        below = f"/{call.path}" if call.path else ""
        url = f"{self.address}/v1/indexes/{quote(self.index, safe='')}{below}"
        if call.body is None:
            return {"method": "GET", "url": url, "params": call.params}
        # As bytes: httpx would write NaN, which is no JSON; here it is null, which the service refuses by name.
        return {"method": "POST", "url": url, "content": orjson.dumps(call.body, default=_plain)}


@final
class Client(_Questions):
    """One index of a service. Safe to share between threads; close it, or use it in a ``with``.

    Parameters
    ----------
    address : such as "http://127.0.0.1:8321"
    index : which of its indexes
    api_key : where the service wants one
    timeout : seconds for one attempt
    retries : attempts after the first, for what was refused for the time being

    Raises
    ------
    InvalidParams
    """

    def __init__(
        self, address: str, index: str, *, api_key: str | None = None, timeout: float = 60.0, retries: int = RETRIES
    ) -> None:
        self._parts = _Parts(address, index, api_key, retries)
        self._http = httpx.Client(headers=self._parts.headers, timeout=timeout)

    def send(self, call: Call[T]) -> T:
        """The answer to a call.

        Raises
        ------
        UnknownId, NotBuilt, InvalidQuery
            As an engine would.
        ServiceFailed
            When the service refuses or cannot be reached, after all retries.
        """
        attempts, request = self._parts.attempts(), self._parts.request(call)
        while True:
            try:
                response = self._http.request(**request)
            except httpx.TransportError as error:
                wait: float | None = attempts.wait_for_nobody(error)
            else:
                wait = attempts.wait_after(response)
                if wait is None:
                    return attempts.read(response, call)
            time.sleep(wait or 0.0)

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@final
class AsyncClient(_Questions):
    """As `Client`, to be awaited; for one event loop."""

    def __init__(
        self, address: str, index: str, *, api_key: str | None = None, timeout: float = 60.0, retries: int = RETRIES
    ) -> None:
        self._parts = _Parts(address, index, api_key, retries)
        self._http = httpx.AsyncClient(headers=self._parts.headers, timeout=timeout)

    async def send(self, call: Call[T]) -> T:
        """The answer to a call; raises as `Client.send` does."""
        attempts, request = self._parts.attempts(), self._parts.request(call)
        while True:
            try:
                response = await self._http.request(**request)
            except httpx.TransportError as error:
                wait: float | None = attempts.wait_for_nobody(error)
            else:
                wait = attempts.wait_after(response)
                if wait is None:
                    return attempts.read(response, call)
            await asyncio.sleep(wait or 0.0)

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _plain(value: object) -> object:
    """What orjson does not know: numbers of numpy."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(type(value).__name__)
