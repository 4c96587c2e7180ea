"""Who may scrape: whoever is inside the container, and whoever shows the token."""

from __future__ import annotations

import hmac
import re
from pathlib import Path
from typing import Final

_SCHEME: Final = "bearer"
# A token is guessed one scrape at a time, but for years.
SHORTEST: Final = 16
_TOKEN: Final = re.compile(rb"[\x21-\x7e]{%d,}" % SHORTEST)


def is_token(text: bytes) -> bool:
    """Whether it is long enough, and a header can carry it."""
    return _TOKEN.fullmatch(text) is not None


class Guard:
    """Compares what a scrape shows with the token in a file, read each time: an orchestrator renews it there.

    ``token_file`` is None where there is none; ``open`` lets everybody scrape.
    """

    def __init__(self, token_file: str | None, *, open: bool) -> None:
        self._file = Path(token_file) if token_file else None
        self._open = open

    def admits(self, authorization: str, *, local: bool) -> bool:
        """Whether a scrape with this header may see the metrics; ``local`` says that it comes from loopback."""
        if self._open or local:
            return True
        scheme, _, shown = authorization.partition(" ")
        if scheme.lower() != _SCHEME:
            return False
        try:
            token = self._file.read_bytes().strip() if self._file else b""
        except OSError:
            return False
        # One that is being written may be there in part.
        return is_token(token) and hmac.compare_digest(shown.strip().encode(), token)
