"""Write the table of variables in README.md from slipway.settings: ``python docs/variables.py`` (make docs)."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
START, END = "<!-- variables -->", "<!-- /variables -->"
sys.path.insert(0, str(ROOT / "entrypoint"))

from slipway.settings import SETTINGS, Setting  # noqa: E402


def row(setting: Setting) -> str:
    """Return one line of the table."""
    default = str(setting.default)
    if setting.default is None or isinstance(setting.default, bool):
        default = {None: "", True: "on", False: "off"}[setting.default]
    meaning = setting.meaning
    if setting.choices:
        choices = (*setting.choices, *(f"{word}:N" for word in setting.percentages))
        meaning += f" ({', '.join(choices)})"
    if setting.aliases:
        meaning += f"; also {', '.join(f'`{alias}`' for alias in setting.aliases)}"
    if setting.config:
        meaning += f"; also `{'.'.join(setting.config)}` of the config file"
    flag = f"`{setting.flag}`" if setting.flag else ""
    return f"| `{setting.name}` | {flag} | {default} | {meaning} |"


def table() -> str:
    """Return the whole table."""
    return "\n".join(["| Variable | Flag | Default | Meaning |", "|---|---|---|---|", *map(row, SETTINGS)])


def rewritten(text: str) -> str:
    """Return README's text with the table in its place."""
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    README.write_text(rewritten(README.read_text()))
