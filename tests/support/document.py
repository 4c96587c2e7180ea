"""The commands of a document, as a reader finds them: indented blocks below headings."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def blocks(page: str, heading: str = "") -> list[str]:
    """The indented blocks of a page below a heading, or of all of it, in their order."""
    text = (ROOT / page).read_text()
    if heading:
        found = re.search(rf"^(#+) {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", text, re.MULTILINE | re.DOTALL)
        assert found, f"{page} has no heading {heading}"
        text = found[2]
    # A block is what is indented between blank lines; a list's lines are not.
    parts = re.findall(r"(?:\A|\n\n)((?: {4}.*\n|\n(?= {4}))+)", text + "\n")
    return [textwrap.dedent(part).strip("\n") for part in parts]


def in_sentences(page: str) -> list[str]:
    """What the sentences and tables of a page quote, but for the generated table of variables, in their order."""
    text = re.sub(r"^    .*$", "", (ROOT / page).read_text(), flags=re.MULTILINE)
    text = re.sub(r"<!-- variables -->.*?<!-- /variables -->", "", text, flags=re.DOTALL)
    return list(dict.fromkeys(" ".join(quoted.split()) for quoted in re.findall(r"`([^`]+)`", text)))
