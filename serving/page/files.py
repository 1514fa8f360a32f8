"""Serves the page: the files of ``built``, read once, under names that change with their content.

Nothing is looked up in the file system by a name that was asked for.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import final

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

BUILT = Path(__file__).parent / "built"
START = "index.html"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
# Scripts, styles and requests from this service alone, nothing inline, no frame around the page.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

# Not in the description of the API: these answers are for browsers.
router = APIRouter(include_in_schema=False)


@final
@dataclass(frozen=True, slots=True)
class _File:
    plain: bytes
    packed: bytes
    media_type: str
    tag: str


@cache
def _files() -> dict[str, _File]:
    files = {}
    for path in sorted(BUILT.iterdir()):
        if path.suffix in TYPES:
            plain = path.read_bytes()
            tag = f'W/"{hashlib.sha256(plain).hexdigest()[:20]}"'
            files[path.name] = _File(plain, gzip.compress(plain, 6, mtime=0), TYPES[path.suffix], tag)
    return files


@router.get("/")
def page(request: Request) -> Response:
    """The page; a browser asks each time whether it changed."""
    return _answer(request, START, "no-cache")


@router.get("/assets/{name}")
def asset(request: Request, name: str) -> Response:
    """A file the page loads; its name changes with its content, so it is kept for good."""
    if name == START or name not in _files():
        raise HTTPException(404)
    return _answer(request, name, "public, max-age=31536000, immutable")


def _answer(request: Request, name: str, cache_control: str) -> Response:
    file = _files()[name]
    headers = HEADERS | {"Cache-Control": cache_control, "ETag": file.tag, "Vary": "Accept-Encoding"}
    if file.tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    packed = "gzip" in request.headers.get("accept-encoding", "")
    if packed:
        headers["Content-Encoding"] = "gzip"
    return Response(file.packed if packed else file.plain, headers=headers, media_type=file.media_type)
