"""A folder of secrets on the host, laid out and changed as the kubelet does."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

MOUNT = "/run/secrets"


def swap(folder: Path, secrets: Mapping[str, str | bytes], mode: int = 0o444) -> Path:
    """Put files with these names and contents into ``folder`` in one step: a link is renamed, as for a mounted Secret.

    A container whose uid is foreign reads them by their mode.
    """
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    real = folder / f"..version_{len(list(folder.glob('..version_*')))}"
    real.mkdir()
    real.chmod(0o755)
    for name, content in secrets.items():
        path = real / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)
    (folder / "..data_tmp").symlink_to(real.name)
    os.replace(folder / "..data_tmp", folder / "..data")
    links = {path.name for path in folder.iterdir() if path.is_symlink() and path.name != "..data"}
    for gone in links - secrets.keys():
        (folder / gone).unlink()
    for new in secrets.keys() - links:
        (folder / new).symlink_to(f"..data/{new}")
    return folder
