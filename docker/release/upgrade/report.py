"""What differs between two releases of LiteLLM, of what this repository relies on, as Markdown for a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from pending import Pending

Facts = Mapping[str, Any]
_SHOWN: Final = 40


def broken(facts: Facts) -> dict[str, str]:
    """Return the patches and fast paths that do not hold, each with why."""
    return {name: why for name, why in facts["changes"].items() if why}


def write(old: Facts, new: Facts, packages: Sequence[Pending], notes: Sequence[str] = ()) -> str:
    """Return the report. ``notes`` are lines on what was done with it: the build, the tests, the measurements."""
    parts = [f"# LiteLLM {old['litellm']} to {new['litellm']}", *_changes(new)]
    parts += _difference("Variables that it reads", old["variables"], new["variables"])
    for section in sorted({*old["keys"], *new["keys"]}):
        title = f"Keys of `{section or 'the config itself'}`"
        parts += _difference(title, old["keys"].get(section, []), new["keys"].get(section, []))
    parts += _difference("Callbacks", old["callbacks"], new["callbacks"])
    parts += _difference("Hosts that it asks", old["hosts"], new["hosts"])
    parts += _difference("Flags of its command", _pairs(old["flags"]), _pairs(new["flags"]))
    parts += _difference("Commands of Prisma", old["commands"], new["commands"])
    parts += _migrations(old["migrations"], new["migrations"])
    parts += _packages(packages)
    if notes:
        parts += ["## What was done with it", "\n".join(f"- {note}" for note in notes)]
    return "\n\n".join(parts) + "\n"


def _changes(new: Facts) -> Iterator[str]:
    missing = broken(new)
    yield "## Patches and fast paths"
    yield f"{len(new['changes']) - len(missing)} of {len(new['changes'])} hold." + (
        " The others have to be read again, and adapted or dropped:" if missing else ""
    )
    if missing:
        yield "\n".join(f"- `{name}`: {why}" for name, why in missing.items())


def _pairs(flags: Mapping[str, str]) -> list[str]:
    return [f"{name}: {told}" for name, told in flags.items()]


def _difference(title: str, old: Iterable[str], new: Iterable[str]) -> Iterator[str]:
    gone, come = sorted({*old} - {*new}), sorted({*new} - {*old})
    if gone or come:
        yield f"## {title}"
        yield "\n".join(f"- {word}: {_listed(names)}" for word, names in (("gone", gone), ("new", come)) if names)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:_SHOWN])
    return shown + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _migrations(old: Mapping[str, bool], new: Mapping[str, bool]) -> Iterator[str]:
    lines = [f"- gone: `{name}`" for name in sorted(old.keys() - new.keys())]
    for name in sorted(new.keys() - old.keys()):
        late = "" if name > max(old, default="") else ", older than the newest of before"
        lines.append(f"- new: `{name}`{', **takes something away**' if new[name] else ''}{late}")
    if lines:
        yield "## Migrations"
        yield "\n".join(lines)


def _packages(packages: Sequence[Pending]) -> Iterator[str]:
    if packages:
        yield "## Packages"
        rows = [f"| {each.package} | {each.locked or '-'} | {each.offered or '-'} |" for each in packages]
        yield "\n".join(["| | before | now |", "|---|---|---|", *rows])
