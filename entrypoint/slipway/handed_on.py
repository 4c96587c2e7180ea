"""What a helper process gets of an environment that is full of secrets: what it needs, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from slipway.secrets import is_secret

# What decides which programs, packages and certificates are found, and how text and times look.
_PLAIN: Final = frozenset({"PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR"})
_PREFIXES: Final = ("LC_", "LD_", "PYTHON")


def essentials(
    environment: Mapping[str, str], *, names: Iterable[str] = (), prefixes: tuple[str, ...] = ()
) -> dict[str, str]:
    """Return what every program needs of ``environment``, with those of ``names`` and, unless secret, of ``prefixes``.

    A list of what is handed on, not of what is kept back: nobody can list the names that users give to secrets.
    """
    wanted = frozenset(names)
    return {
        name: value
        for name, value in environment.items()
        if name in wanted or ((name in _PLAIN or name.startswith((*_PREFIXES, *prefixes))) and not is_secret(name))
    }
