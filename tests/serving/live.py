"""A server of this process on a free loopback port, and answers held against its own description."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from jsonschema import Draft202012Validator

PROBLEM = "application/problem+json"


@contextlib.contextmanager
def running(app: FastAPI) -> Iterator[str]:
    """Serve ``app`` from a thread; yields its address."""
    config = uvicorn.Config(app, port=0, log_config=None, log_level="critical", ws="none", timeout_graceful_shutdown=5)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started)
        host, port = server.servers[0].sockets[0].getsockname()[:2]
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join(20)
    assert not thread.is_alive()


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for what must become true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.005)


class Api:
    """A client that checks every answer: declared status, declared content type, a body that fits its schema."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.document: dict[str, Any] = client.get("/openapi.json").json()

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self._checked(self.client.get(path, **more))

    def post(self, path: str, body: Any = None, **more: Any) -> httpx.Response:
        return self._checked(self.client.post(path, **({"json": body} | more)))

    def problem(self, response: httpx.Response, status: int) -> dict[str, Any]:
        """The problem in a response that must be one."""
        assert response.status_code == status, response.text
        assert response.headers["content-type"] == PROBLEM
        found: dict[str, Any] = response.json()
        assert found["status"] == status
        assert found["detail"]
        return found

    def _checked(self, response: httpx.Response) -> httpx.Response:
        operation = self._operation(response.request.method.lower(), response.request.url.path)
        if operation is None:
            self.validate({"$ref": "#/components/schemas/Problem"}, self.problem(response, response.status_code))
            return response
        declared = operation["responses"][str(response.status_code)]["content"]
        kind = response.headers["content-type"]
        schema = declared[kind.partition(";")[0]]["schema"]
        self.validate(schema, response.json() if "json" in kind else response.text)
        return response

    def _operation(self, method: str, path: str) -> dict[str, Any] | None:
        for template, operations in self.document["paths"].items():
            if method in operations and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
                found: dict[str, Any] = operations[method]
                return found
        return None

    def validate(self, schema: dict[str, Any], instance: Any) -> None:
        """Hold ``instance`` against a schema of the description."""
        Draft202012Validator({**schema, "components": self.document["components"]}).validate(instance)
