"""Tables of a configuration become parameters, and whatever is wrong an error with the file and the key."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, final, get_args, get_type_hints

import pydantic

from flows.overrides import Override
from foundation.errors import EngineError, InvalidConfig, InvalidParams

T = TypeVar("T")
Table = dict[str, Any]


@final
class ConfigReader:
    """Turns tables into parameters, and whatever is wrong into an error with the file and the key."""

    def __init__(self, path: str, base: Path, overrides: Sequence[Override] = ()) -> None:
        self._path = path
        self._base = base
        self._overrides = overrides

    def error(self, key: str, what: str, fix: str) -> InvalidConfig:
        """That ``key`` is wrong, where it was found: in the file, or the last ``--set`` that decides it."""
        found = (f"--set {override.text}" for override in reversed(self._overrides) if override.decides(key))
        return InvalidConfig(path=next(found, self._path), key=key, what=what, fix=fix)

    def at(self, key: str) -> _At:
        """Errors of parameters raised inside become errors of this key."""
        return _At(self, lambda _: key)

    def within(self, table: str) -> _At:
        """Errors of parameters raised inside become errors of the keys of this table that they name."""
        return _At(self, lambda name: f"{table}.{name}")

    def table(self, raw: Table, key: str) -> Table:
        value = raw.get(key, {})
        if not isinstance(value, dict):
            raise self.error(key, "a value where a table is needed", f"write [{key}]")
        return value

    def known(self, table: Table, key: str, allowed: Sequence[str]) -> None:
        for name in table:
            if name not in allowed:
                close = difflib.get_close_matches(name, allowed, n=1, cutoff=0.5)
                dotted = f"{key}.{name}" if key else name
                fix = f"did you mean {close[0]!r}?" if close else f"known are: {', '.join(sorted(allowed))}"
                raise self.error(dotted, "unknown key", fix)

    def resolve(self, source: str) -> str:
        return source if "://" in source else str((self._base / source).absolute())

    def source(self, table: Table, key: str, name: str = "source") -> str:
        value = table.pop(name, None)
        if not isinstance(value, str) or not value:
            raise self.error(f"{key}.{name}", "missing or not a string", "name a file or a URL")
        return self.resolve(value)

    def choice(self, table: Table, key: str, name: str, allowed: Sequence[str], default: str) -> str:
        value = table.pop(name, default)
        if value not in allowed:
            raise self.error(f"{key}.{name}", f"{value!r} is not known", f"use one of {', '.join(allowed)}")
        return str(value)

    def flag(self, table: Table, key: str, name: str) -> bool:
        value = table.pop(name, False)
        if not isinstance(value, bool):
            raise self.error(f"{key}.{name}", f"{value!r} cannot be used", "allowed: true or false")
        return value

    def params(self, cls: type[T], table: object, key: str, extra: Sequence[str] = ()) -> T:
        """``table`` as an instance of the dataclass ``cls``."""
        if not isinstance(table, dict):
            raise self.error(key, "a value where a table is needed", f"write [{key}]")
        names = [f.name for f in dataclasses.fields(cls)]  # type: ignore[arg-type]  # T is a dataclass
        self.known(table, key, [*names, *extra])
        hints = get_type_hints(cls)
        for name, value in table.items():
            if isinstance(value, bool) and bool not in (hints.get(name), *get_args(hints.get(name))):
                fix = "true and false are for keys that are switched on or off"  # else they count as 1 and 0
                raise self.error(f"{key}.{name}", f"{str(value).lower()} cannot be used", fix)
        try:
            return pydantic.TypeAdapter(cls).validate_python(table)
        except pydantic.ValidationError as error:
            raise self._explained(error, key) from None
        except InvalidParams as error:
            raise self.error(
                f"{key}.{error.name}", f"{error.value!r} cannot be used", f"allowed: {error.allowed}"
            ) from None
        except EngineError as error:
            raise self.error(key, str(error), "mend that table") from None

    def split(self, table: Table, key: str, *classes: type[Any], extra: Sequence[str] = ()) -> tuple[Any, ...]:
        """One table shared by several dataclasses: each takes the keys it has fields for."""
        fields = [{f.name for f in dataclasses.fields(cls)} for cls in classes]
        self.known(table, key, sorted(set().union(*fields) | set(extra)))
        return tuple(
            self.params(cls, {name: value for name, value in table.items() if name in names}, key)
            for cls, names in zip(classes, fields, strict=True)
        )

    def _explained(self, error: pydantic.ValidationError, key: str) -> InvalidConfig:
        first = error.errors(include_url=False)[0]
        cause = first.get("ctx", {}).get("error")
        if isinstance(cause, InvalidParams):
            return self.error(f"{key}.{cause.name}", f"{cause.value!r} cannot be used", f"allowed: {cause.allowed}")
        dotted = ".".join([key, *(str(part) for part in first["loc"][:1])])
        if first["type"] == "missing":
            return self.error(dotted, "missing", "add it")
        allowed = (
            first["msg"].partition(",")[0] if first["type"].endswith(("_parsing", "_from_float")) else first["msg"]
        )
        allowed = allowed.removeprefix("Input should be ").replace("a valid tuple", "a list, in brackets")
        return self.error(dotted, f"{first['input']!r} cannot be used", f"allowed: {allowed}")


@final
class _At:
    """Errors of parameters raised inside become errors of the key that ``key_of`` makes of the parameter's name."""

    def __init__(self, reader: ConfigReader, key_of: Callable[[str], str]) -> None:
        self._reader, self._key_of = reader, key_of

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> Literal[False]:
        if isinstance(error, InvalidParams):
            key = self._key_of(error.name)
            raise self._reader.error(key, f"{error.value!r} cannot be used", f"allowed: {error.allowed}") from None
        return False
