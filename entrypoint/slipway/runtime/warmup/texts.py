"""Text that Python compiles while the proxy is imported, compiled when the image was built.

Annotations written as strings, the methods of dataclasses and named tuples, and regular expressions: about 7,000 small
compilations at each start, always of the same texts. The store maps each text to what compiling it gave.
"""

from __future__ import annotations

import _sre
import collections
import dataclasses
import marshal
import re
import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType
from typing import Any, Final

from slipway.runtime.change import Unfit, expect
from slipway.runtime.warmup.store import Store

_FORWARD_REF: Final = "d451fed7f246"
_ADD_FNS: Final = "c58384153694"
_RE_COMPILE: Final = "fa6762b1a7c8"
_Pattern = tuple[int, tuple[int, ...], int, dict[str, int], tuple[str | None, ...]]


@contextmanager
def compiled_texts(store: Store) -> Iterator[None]:
    """Compile from the store; when it records, compile and add to it. Raises Unfit."""
    builder: Any = getattr(dataclasses, "_FuncBuilder", None)
    if builder is None:
        raise Unfit("dataclasses has no _FuncBuilder")
    expect(typing.ForwardRef.__init__, _FORWARD_REF)
    expect(builder.add_fns_to_class, _ADD_FNS)

    def code(text: str, mode: str) -> CodeType:
        known = store.texts.get((mode, text))
        if known is not None:
            return typing.cast(CodeType, marshal.loads(known))
        compiled = compile(text, "<string>", mode, dont_inherit=True)
        if store.records:
            # Version 2 has no references between objects, so that equal code has equal bytes.
            store.texts[mode, text] = marshal.dumps(compiled, 2)
        return compiled

    def compile_expression(text: str, filename: str, mode: str) -> CodeType:
        return code(text, mode)

    def execute(text: str, globals: dict[str, Any], locals: dict[str, Any]) -> None:
        exec(code(text, "exec"), globals, locals)

    def evaluate(text: str, globals: dict[str, Any]) -> Any:
        return eval(code(text, "eval"), globals)

    # A module's own name of a builtin comes first.
    replaced: tuple[tuple[Any, str, Callable[..., Any]], ...] = (
        (typing, "compile", compile_expression),
        (dataclasses, "exec", execute),
        (collections, "eval", evaluate),
    )
    for module, name, replacement in replaced:
        setattr(module, name, replacement)
    try:
        yield
    finally:
        for module, name, _ in replaced:
            delattr(module, name)


@contextmanager
def compiled_patterns(store: Store) -> Iterator[None]:
    """Take regular expressions from the store; when it records, compile and add to it. Raises Unfit."""
    compiler: Any = getattr(re, "_compiler")  # noqa: B009  # typeshed does not have it
    original = compiler.compile
    expect(original, _RE_COMPILE)
    native: Any = _sre

    def compile_pattern(pattern: Any, flags: int = 0) -> Any:
        if not isinstance(pattern, (str, bytes)) or flags & re.DEBUG:
            return original(pattern, flags)
        known = store.patterns.get((pattern, int(flags)))
        if known is None:
            known = _parsed(compiler, pattern, flags)
            if store.records:
                store.patterns[pattern, int(flags)] = known
        combined, code, groups, names, positions = known
        return native.compile(pattern, combined, list(code), groups, names, positions)

    compiler.compile = compile_pattern
    try:
        yield
    finally:
        compiler.compile = original


def _parsed(compiler: Any, pattern: str | bytes, flags: int) -> _Pattern:
    tree = compiler._parser.parse(pattern, flags)
    names: dict[str, int] = tree.state.groupdict
    positions: list[str | None] = [None] * tree.state.groups
    for name, position in names.items():
        positions[position] = name
    code = tuple(int(word) for word in compiler._code(tree, flags))
    return int(flags | tree.state.flags), code, tree.state.groups - 1, dict(names), tuple(positions)
