"""Where Debian packages come from: the environment first, then this machine's own apt sources."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from packages import BaseError

_ONE_LINE = re.compile(r"^deb\s+(?:\[[^\]]*\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<components>.+)$")


@dataclass(frozen=True)
class Mirrors:
    """Addresses of the main and the security archive, without a slash at the end."""

    main: str
    security: str


def parse_sources(text: str) -> list[tuple[str, str]]:
    """Address and suite of every source of the component ``main``, from either of apt's two formats."""
    found: list[tuple[str, str]] = []
    for line in text.splitlines():
        match = _ONE_LINE.match(line.partition("#")[0].strip())
        if match and "main" in match["components"].split():
            found.append((match["uri"], match["suite"]))
    for stanza in re.split(r"\n\s*\n", re.sub(r"(?m)^#.*\n?", "", text)):
        fields = _fields(stanza)
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() == "no":
            continue
        if "main" in fields.get("components", "").split():
            found += [
                (uri, suite) for uri in fields.get("uris", "").split() for suite in fields.get("suites", "").split()
            ]
    return found


def _fields(stanza: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = ""
    for line in stanza.splitlines():
        if line[:1].isspace() and name:
            fields[name] += " " + line.strip()
        elif ":" in line:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()
    return fields


def pick(sources: list[tuple[str, str]], codename: str) -> Mirrors | None:
    """Debian's own two archives among the sources; anything a third party publishes is passed over."""
    main = security = ""
    for raw, suite in sources:
        uri = _first_of_list(raw).rstrip("/")
        # A snapshot's address ends in a time stamp behind the archive's name.
        archive = re.sub(r"/\d{8}T\d{6}Z$", "", urlsplit(uri).path).rpartition("/")[2]
        if archive == "debian" and suite in (codename, "stable"):
            main = main or uri
        elif archive in ("debian-security", "debian") and suite in (f"{codename}-security", "stable-security"):
            security = security or uri
    return Mirrors(main, security or security_of(main)) if main else None


def _first_of_list(uri: str) -> str:
    """Cloud images name a file with mirrors instead of a mirror: its first line counts."""
    scheme, _, rest = uri.partition(":")
    if scheme != "mirror+file":
        return uri
    try:
        lines = Path("/" + rest.lstrip("/")).read_text(encoding="utf-8").split("\n")
    except OSError:
        return ""
    return next((line.split()[0] for line in lines if line.strip() and not line.startswith("#")), "")


def security_of(main: str) -> str:
    """The security archive that mirrors usually keep beside the main one."""
    return re.sub(r"/debian(?=$|/\d{8}T\d{6}Z$)", "/debian-security", main)


def discover(environment: dict[str, str] | None = None, etc: Path = Path("/etc")) -> Mirrors:
    """The mirrors to use. DEBIAN_MIRROR and DEBIAN_SECURITY_MIRROR win over the files below ``etc``.

    Raises BaseError when neither names a Debian mirror.
    """
    environment = dict(os.environ) if environment is None else environment
    main = environment.get("DEBIAN_MIRROR", "").rstrip("/")
    security = environment.get("DEBIAN_SECURITY_MIRROR", "").rstrip("/")
    if main:
        return Mirrors(main, security or security_of(main))
    found = pick(_own_sources(etc), _codename(etc))
    if found is None:
        raise BaseError(
            "no Debian mirror is known",
            "DEBIAN_MIRROR is not set, and this machine's apt sources name none of Debian's",
            "set DEBIAN_MIRROR to the address of a mirror, up to and with its folder /debian",
        )
    return Mirrors(found.main, security or found.security)


def _codename(etc: Path) -> str:
    try:
        text = (etc / "os-release").read_text(encoding="utf-8")
    except OSError:
        return ""
    match = re.search(r'(?m)^VERSION_CODENAME="?([a-z]+)', text)
    return match[1] if match else ""


def _own_sources(etc: Path) -> list[tuple[str, str]]:
    folder = etc / "apt" / "sources.list.d"
    files = [etc / "apt" / "sources.list", *sorted(folder.glob("*.list")), *sorted(folder.glob("*.sources"))]
    return [source for file in files if file.is_file() for source in parse_sources(file.read_text(encoding="utf-8"))]
