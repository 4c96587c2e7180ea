"""Where the database is, worked out as LiteLLM's command does it (litellm/proxy/proxy_cli.py, run_server)."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from slipway.config_file import REFERENCE, section
from slipway.report import ExitCode, Refusal, refuse
from slipway.settings import parse_switch

SCHEMES: Final = ("postgresql", "postgres")
_TOKENS: Final = ("IAM_TOKEN_DB_AUTH", "AZURE_POSTGRESQL_AUTH")
_RESOLVE_SECONDS: Final = 120
_SHORTEST: Final = 4
_VERIFYING: Final = ("verify-ca", "verify-full")
_SSLMODES: Final = ("disable", "allow", "prefer", "require", *_VERIFYING)

# Variables may hold bytes that are no text.
_BYTES: Final = "surrogateescape"


@dataclass(frozen=True, slots=True)
class Address:
    """The database's URLs. ``direct`` leads past a pooler, for migrations; ``source`` says who named the database."""

    url: str
    direct: str | None
    source: str

    @property
    def schema(self) -> str:
        """The PostgreSQL schema of LiteLLM's tables, as Prisma's parameter names it."""
        return dict(parse_qsl(urlsplit(self.url).query)).get("schema") or "public"

    @property
    def named(self) -> str:
        """The variable whose URL migrations use."""
        return "DIRECT_URL" if self.direct else self.source

    def environment(self) -> dict[str, str]:
        """The variables for `prisma`, in Prisma's own notation."""
        urls = {"DATABASE_URL": _for_prisma(self.url)}
        if self.direct:
            urls["DIRECT_URL"] = _for_prisma(self.direct)
        return urls

    def scrub(self, text: str) -> str:
        """Return ``text`` without the passwords of either URL."""
        for url in (self.url, self.direct):
            password = urlsplit(url).password if url else None
            for form in {password, unquote(password)} if password else ():
                # One that stands in ordinary words would make the text unreadable.
                text = text.replace(form, "***") if len(form) >= _SHORTEST else text
        return text


def find(
    config: Mapping[str, object], environment: Mapping[str, str], *, supplied: bool = False, ask: bool = True
) -> Address | None:
    """Return where the database is, or None when none is configured.

    ``supplied`` says that a secret manager may know a variable that is not set; without ``ask`` it is not asked, and
    None returned where only it knows. Raises Refusal (65) for a URL that is
    no PostgreSQL URL, (66) when nobody can resolve what the config names.
    """
    url, named_by = _named(config, environment)
    if url is None:
        return None
    direct = environment.get("DIRECT_URL", "").strip() or None
    if url.startswith(REFERENCE) and not supplied:
        raise refuse(
            "database-url-unset",
            ExitCode.SECRET,
            f"The database's URL is to come from the {named_by}, which is not set.",
            f"Set {url.removeprefix(REFERENCE)}, or correct general_settings.database_url.",
        )
    if _needs_litellm(url, environment):
        if not ask:
            return None
        url, direct = _ask_litellm(named_by, environment)
    for candidate, place in ((url, named_by), (direct, "variable DIRECT_URL")):
        if candidate is not None:
            _validate(candidate, place)
    return Address(url, direct, named_by)


def is_known(config: Mapping[str, object], environment: Mapping[str, str]) -> bool:
    """Tell whether a URL is named and written somewhere, or none is."""
    url, _ = _named(config, environment)
    return url is None or not url.startswith(REFERENCE)


def source(config: Mapping[str, object], environment: Mapping[str, str]) -> str | None:
    """Say which variables or which key of the config file name the database, or None when none is configured."""
    url, named_by = _named(config, environment)
    return None if url is None else named_by


def _named(config: Mapping[str, object], environment: Mapping[str, str]) -> tuple[str | None, str]:
    written = section(config, "general_settings").get("database_url")
    if isinstance(written, str) and written.strip():
        name = written.removeprefix(REFERENCE) if written.startswith(REFERENCE) else None
        if name is None:
            return written.strip(), "general_settings.database_url"
        return environment.get(name) or written, f"variable {name}"
    if environment.get("DATABASE_URL", "").strip():
        return environment["DATABASE_URL"].strip(), "variable DATABASE_URL"
    return _assembled(environment), "variables DATABASE_HOST, DATABASE_USERNAME and DATABASE_NAME"


def _assembled(environment: Mapping[str, str]) -> str | None:
    host, name = environment.get("DATABASE_HOST"), environment.get("DATABASE_NAME")
    user = environment.get("DATABASE_USERNAME") or environment.get("DATABASE_USER")
    if not (host and user and name):
        return None
    password = environment.get("DATABASE_PASSWORD")
    login = _quoted(user) + (f":{_quoted(password)}" if password else "")
    certificate = environment.get("DATABASE_SSLROOTCERT")
    parameters = {
        "schema": environment.get("DATABASE_SCHEMA"),
        "sslmode": environment.get("DATABASE_SSLMODE") or ("verify-full" if certificate else None),
        "sslrootcert": certificate,
    }
    query = urlencode({key: value for key, value in parameters.items() if value}, errors=_BYTES)
    return f"postgresql://{login}@{host}/{_quoted(name)}" + (f"?{query}" if query else "")


def _quoted(text: str) -> str:
    return quote(text, safe="", errors=_BYTES)


def _needs_litellm(url: str, environment: Mapping[str, str]) -> bool:
    """Tell whether only LiteLLM can know the URL: a token instead of a password, a secret manager, AWS KMS."""
    if any(parse_switch(environment.get(name, "")) for name in _TOKENS):
        return True
    return url.startswith(REFERENCE) or environment.get("USE_AWS_KMS") == "True"


def _ask_litellm(source: str, environment: Mapping[str, str]) -> tuple[str, str | None]:
    # A process of its own: it takes seconds and hundreds of megabytes, which this one shall not keep.
    command = [sys.executable, "-P", "-m", "slipway.runtime.upstream_setup"]
    why = f"no answer in {_RESOLVE_SECONDS} s"
    urls: dict[str, str] = {}
    with contextlib.suppress(subprocess.TimeoutExpired, ValueError):
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=_RESOLVE_SECONDS, check=False
        )
        why = f"exit code {done.returncode}" if done.returncode else "it knows of none"
        urls = json.loads((done.stdout.splitlines() or ["{}"])[-1])
        why = urls.get("error", why)
    if not urls.get("DATABASE_URL"):
        raise refuse(
            "database-url-unresolved",
            ExitCode.SECRET,
            f"The database's URL ({source}) could not be resolved through LiteLLM, as a token, a secret manager or AWS "
            f"KMS needs: {why}.",
            "Check the credentials it needs; `litellm --skip_server_startup` shows its own words.",
        )
    return urls["DATABASE_URL"], urls.get("DIRECT_URL")


def _validate(url: str, place: str) -> None:
    """Refuse what the driver would misread: its own message would repeat parts of the password."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.lower() not in SCHEMES:
        raise _error(
            "database-url-scheme",
            f"The URL in {place} does not begin with postgresql://.",
            "Name a PostgreSQL database: postgresql://USER:PASSWORD@HOST:PORT/NAME.",
            "LiteLLM runs on no other kind.",
        )
    if misread := unencoded(url):
        raise _error("database-url-encoding", f"The URL in {place} cannot be read: {misread}.", ENCODING)
    hosts = _hosts(urlsplit(url).netloc)
    if len(hosts) > 1:
        raise _error(
            "database-url-hosts", f"The URL in {place} names several hosts.", "Keep one.", "Prisma's engine takes one."
        )
    port = hosts[0].rpartition(":")[2] if _has_port(hosts[0]) else ""
    if port and not (port.isdecimal() and 0 < int(port) < 65536):
        raise _error(
            "database-url-port", f"The port of the URL in {place} is not a number from 1 to 65535.", "Correct the port."
        )
    if not urlsplit(url).path.strip("/") or "/" not in rest:
        raise _error("database-url-name", f"The URL in {place} names no database.", "End it with /NAME.")
    mode = dict(parse_qsl(urlsplit(url).query)).get("sslmode", _SSLMODES[0])
    if mode not in _SSLMODES:
        fix = f"It is one of {', '.join(_SSLMODES)}."
        raise _error("database-url-sslmode", f"The URL in {place} holds an unknown sslmode.", fix)


ENCODING: Final = (
    "Percent-encode the user name and the password: "
    "python3 -c 'import urllib.parse; print(urllib.parse.quote(input(), safe=\"\"))'; "
    "or set DATABASE_HOST, DATABASE_USERNAME, DATABASE_PASSWORD and DATABASE_NAME instead, as they are."
)


def unencoded(url: str) -> str | None:
    """Say what in a URL looks like a password that nobody encoded, or None."""
    rest = url.partition("://")[2]
    try:
        parts = urlsplit(url)
    except ValueError:
        return "it holds a bracket or a character that must be percent-encoded"
    if "@" not in parts.netloc and "@" in rest:
        return "a / ? or # stands before the @, so the password ends too early"
    if parts.netloc.count("@") > 1:
        return "it holds more than one @ before the host"
    if re.search(r"%(?![0-9a-fA-F]{2})", parts.netloc.rpartition("@")[0]):
        return "a % in the user name or password is not followed by two hexadecimal digits"
    if any(character.isspace() for character in url):
        return "it holds a blank"
    if not url.isprintable():
        return "it holds control characters, or bytes that are no text"
    return None


def _hosts(netloc: str) -> list[str]:
    return netloc.rpartition("@")[2].split(",")


def _has_port(host: str) -> bool:
    # The colons of an IPv6 address stand in brackets.
    return ":" in host.rpartition("]")[2]


def _for_prisma(url: str) -> str:
    """Return ``url`` with libpq's certificate parameters in Prisma's words, as LiteLLM translates them."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    root = query.pop("sslrootcert", None)
    if root is None and query.get("sslmode") not in _VERIFYING:
        return url
    if query.get("sslmode") in _VERIFYING:
        query["sslmode"] = "require"
    if root is not None:
        query.setdefault("sslcert", root)
    query.setdefault("sslaccept", "strict")
    return parts._replace(query=urlencode(query)).geturl()


def _error(id: str, what: str, fix: str, why: str = "") -> Refusal:
    return refuse(id, ExitCode.CONFIG, what, fix, why)
