"""What a change of a JSON Schema would break for those who read or keep older documents.

Within a topic's major version a field may be added if it may be absent, an enum may gain words, a
limit may be lifted. Nothing else: old records are read again, and partners read ours by the files
that were published (`schemas/published/`, one file a topic as it was first released).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

Schema = dict[str, Any]

LOWER: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems")
UPPER: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
SAME: Final = ("type", "format", "pattern", "const")


def breaks(old: Schema, new: Schema) -> list[str]:
    """Each break as `where: what`; empty if everything that fitted `old` fits `new`."""
    return list(_compare(old, new, old, new, ""))


def _compare(old: Schema, new: Schema, olds: Schema, news: Schema, at: str) -> Iterator[str]:
    old, new = _resolved(old, olds), _resolved(new, news)
    if "anyOf" in old or "anyOf" in new:
        yield from _alternatives(old, new, olds, news, at)
        return
    yield from _values(old, new, at)
    yield from _limits(old, new, at)
    yield from _fields(old, new, olds, news, at)
    for name in ("items", "additionalProperties"):
        if isinstance(old.get(name), dict) and isinstance(new.get(name), dict):
            yield from _compare(old[name], new[name], olds, news, f"{at}[]")


def _resolved(schema: Schema, root: Schema) -> Schema:
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    return schema


def _alternatives(old: Schema, new: Schema, olds: Schema, news: Schema, at: str) -> Iterator[str]:
    """Every old alternative must still fit one of the new ones."""
    offered = new.get("anyOf", [new])
    for one in old.get("anyOf", [old]):
        found = [list(_compare(one, other, olds, news, at)) for other in offered]
        if all(found):
            yield min(found, key=len)[0]


def _values(old: Schema, new: Schema, at: str) -> Iterator[str]:
    for name in SAME:
        if new.get(name) is not None and new[name] != old.get(name):
            yield f"{at}: {name} was {old.get(name)}, is {new[name]}"
    if "enum" in new:
        gone = [word for word in old.get("enum", ()) if word not in new["enum"]]
        if "enum" not in old:
            yield f"{at}: any value was allowed, now only {new['enum']}"
        elif gone:
            yield f"{at}: {', '.join(map(str, gone))} no longer allowed"


def _limits(old: Schema, new: Schema, at: str) -> Iterator[str]:
    for names, tighter in ((LOWER, max), (UPPER, min)):
        for name in names:
            before, after = old.get(name), new.get(name)
            tightened = before is None or tighter(before, after) != before if after else False
            if after is not None and tightened and after != before:
                yield f"{at}: {name} was {before}, is {after}"


def _fields(old: Schema, new: Schema, olds: Schema, news: Schema, at: str) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    for name, schema in before.items():
        if name not in after:
            yield f"{at}.{name}: gone, and its readers miss it"
        else:
            yield from _compare(schema, after[name], olds, news, f"{at}.{name}")
    for name in new.get("required", ()):
        if name not in old.get("required", ()):
            yield f"{at}.{name}: required now, and older documents lack it"
