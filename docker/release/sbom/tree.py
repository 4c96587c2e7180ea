"""The files of an image, as a container of it has them."""

from __future__ import annotations

import hashlib
import posixpath
import subprocess
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

# Others' `docker create` makes them; they are in no layer.
_ENGINES = {"/.dockerenv", "/dev/console", "/etc/hostname", "/etc/hosts", "/etc/mtab", "/etc/resolv.conf"}
_READ = ("/var/lib/dpkg/", "/usr/share/doc/", "/usr/lib/os-release")
_READ_ENDS = (".dist-info/METADATA", ".dist-info/RECORD")


@dataclass(frozen=True)
class Tree:
    """Every path that is no directory: the SHA-256 of files, where links lead, and what lists of packages say."""

    files: Mapping[str, str]
    links: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)

    def __iter__(self) -> Iterator[str]:
        yield from sorted({*self.files, *self.links})

    def below(self, folder: str, end: str = "") -> Iterator[str]:
        """Yield the paths of texts below a folder that end like this, in order."""
        yield from sorted(path for path in self.texts if path.startswith(folder) and path.endswith(end))

    def real(self, path: str) -> str:
        """Return a path without links among its folders, as merged /usr has them."""
        place = "/"
        for part in path.strip("/").split("/"):
            place = posixpath.join(place, part)
            if place in self.links and place != path:
                place = posixpath.normpath(posixpath.join(posixpath.dirname(place), self.links[place]))
        return place


def of_image(image: str, engine: Sequence[str]) -> Tree:
    """Read an image by a container of it that is never started. Raises subprocess.CalledProcessError."""
    made = subprocess.run([*engine, "create", image], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    try:
        with subprocess.Popen([*engine, "export", made], stdout=subprocess.PIPE) as process:
            assert process.stdout
            with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
                return _read(archive)
    finally:
        subprocess.run([*engine, "rm", "--force", made], check=True, stdout=subprocess.DEVNULL)


def _read(archive: Iterable[tarfile.TarInfo]) -> Tree:
    assert isinstance(archive, tarfile.TarFile)
    files: dict[str, str] = {}
    links: dict[str, str] = {}
    texts: dict[str, str] = {}
    for member in archive:
        path = "/" + member.name.removeprefix("./").strip("/")
        if path in _ENGINES or path.startswith(("/proc/", "/sys/", "/dev/")):
            continue
        if member.issym():
            links[path] = member.linkname
        elif member.islnk():
            files[path] = files["/" + member.linkname.removeprefix("./").strip("/")]
        elif member.isreg():
            found = archive.extractfile(member)
            assert found is not None
            content = found.read()
            files[path] = hashlib.sha256(content).hexdigest()
            if path.startswith(_READ) or path.endswith(_READ_ENDS):
                texts[path] = content.decode(errors="replace")
    return Tree(files, links, texts)
