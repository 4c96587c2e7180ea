"""Which host LiteLLM asks for a provider: it is called, and the name that it wants to look up is written down.

Nothing leaves the machine: names are not resolved and sockets not connected while it is asked.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FrameType
from typing import Any, Final

# Only a call that waits for something takes so long, on a busy machine too: a host that is missed is missing.
_SECONDS: Final = 30
_ADDRESS: Final = ("_API_BASE", "_BASE_URL", "_BASE", "_ENDPOINT", "_HOST", "_URL")
# Of the machine and of clouds: not what a call is for.
_OTHERS: Final = frozenset({"169.254.169.254", "metadata.google.internal"})
_MARK: Final = ".invalid"
# What clients fall back to for a provider that has no address of its own, and part of the names of whose it is.
_FALLBACKS: Final = {"api.openai.com:443": "openai", "api.cohere.com:443": "cohere"}
Call = Callable[[str], object]


class Late(BaseException):
    """A call that took too long; no library takes it for a failure that it may go on after."""


class Recorder:
    """What is looked up, and which variables are read, while LiteLLM is asked."""

    def __init__(self) -> None:
        self.hosts: set[str] = set()
        self.read: set[str] = set()
        self._reading: Any = os._Environ.__getitem__

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Let no call leave this process."""
        verify, look_up, connect = ssl.SSLContext.load_verify_locations, socket.getaddrinfo, socket.socket.connect
        changes: Mapping[tuple[Any, str], tuple[Any, Any]] = {
            (socket, "getaddrinfo"): (self._look_up, look_up),
            # As functions: a class gives its object to them only.
            (socket.socket, "connect"): (lambda _, address: self._connect(address), connect),
            (os._Environ, "__getitem__"): (lambda environment, name: self._get(environment, name), self._reading),
            # Each client would read some hundred certificates, for nothing.
            (ssl.SSLContext, "load_verify_locations"): (lambda *_, **__: None, verify),
        }
        before = signal.signal(signal.SIGALRM, _late)
        level = logging.root.manager.disable
        logging.disable(logging.CRITICAL)
        for (owner, name), (own, _) in changes.items():
            setattr(owner, name, own)
        try:
            yield
        finally:
            for (owner, name), (_, theirs) in changes.items():
                setattr(owner, name, theirs)
            logging.disable(level)
            signal.signal(signal.SIGALRM, before)

    def ask(self, call: Call, model: str) -> set[str]:
        """Return ``host:port`` of each host that a call wants to reach."""
        self.hosts.clear()
        self.read.clear()
        signal.setitimer(signal.ITIMER_REAL, _SECONDS)
        # It fails in whatever way it does: there is no network.
        with (
            contextlib.suppress(Exception, Late, SystemExit),
            open(os.devnull, "w") as nowhere,
            contextlib.redirect_stdout(nowhere),
            contextlib.redirect_stderr(nowhere),
        ):
            call(model)
        signal.setitimer(signal.ITIMER_REAL, 0)
        return set(self.hosts)

    def variables(self, call: Call, model: str) -> list[str]:
        """Return the variables that move the call that was asked last to another host, the one that wins first."""
        candidates = {name for name in self.read if name.endswith(_ADDRESS) and name not in os.environ}
        found: list[str] = []
        while candidates:
            with _set({name: f"https://{_marked(name)}/v1" for name in candidates}):
                asked = {host.partition(":")[0] for host in self.ask(call, model)}
            won = sorted(name for name in candidates if _marked(name) in asked)
            found += won
            candidates -= set(won)
            if not won:
                break
        return found

    def _get(self, environment: Any, name: Any) -> Any:
        self.read.add(name if isinstance(name, str) else os.fsdecode(name))
        return self._reading(environment, name)

    def _look_up(self, host: Any, port: Any, *_: object, **__: object) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        if name not in _OTHERS:
            self.hosts.add(f"{name}:{port}")
        raise socket.gaierror(socket.EAI_NONAME, "there is no network")

    def _connect(self, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in _OTHERS:
            self.hosts.add(f"{address[0]}:{address[1]}")
        raise OSError("there is no network")


def providers(
    names: Sequence[str], calls: Mapping[str, Call], models: Mapping[tuple[str, str], str]
) -> dict[str, dict[str, list[str]]]:
    """Return the hosts of each provider and the variables that name another.

    ``calls`` are the kinds of call; ``models`` is a model of each provider and kind, where LiteLLM knows one.
    """
    recorder = Recorder()
    found: dict[str, dict[str, list[str]]] = {}
    first = next(iter(calls))
    with recorder.watching():
        for name in names:
            asked: set[str] = set()
            variables: list[str] = []
            for kind, call in calls.items():
                model = models.get((name, kind))
                if model is None and kind != first and asked:
                    continue
                model = model or f"{name}/x"
                hosts = {host for host in recorder.ask(call, model) if _belongs(host, name)}
                if hosts - asked or kind == first:
                    variables += [each for each in recorder.variables(call, model) if each not in variables]
                asked |= hosts
            if asked or variables:
                found[name] = {"hosts": sorted(asked), "variables": variables}
    return found


def _belongs(host: str, provider: str) -> bool:
    return _FALLBACKS.get(host, "") in provider


def _marked(name: str) -> str:
    return f"{name.lower().replace('_', '-')}{_MARK}"


@contextlib.contextmanager
def _set(variables: Mapping[str, str]) -> Iterator[None]:
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            os.environ.pop(name, None)


def _late(_: int, __: FrameType | None) -> None:
    raise Late
