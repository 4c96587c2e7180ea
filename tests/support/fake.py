"""The fake provider as a container, seen from a test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.support.lab import Box, Lab, Spec, wait_until

PORT = 8080
SCRIPT = Path(__file__).with_name("provider.py")


@dataclass(frozen=True)
class Provider:
    box: Box
    url: str

    def holds(self, word: str) -> bool:
        """True while a request steered by hold=`word` waits inside the provider."""
        return word in httpx.get(f"{self.url}/seen", timeout=10).json()["held"]

    def requests(self, model: str) -> int:
        """How many requests for `model` arrived."""
        return int(httpx.get(f"{self.url}/seen", timeout=10).json()["requests"].get(model, 0))

    def keys(self) -> list[str]:
        """The keys that completions were asked for with, in their order."""
        found: list[str] = httpx.get(f"{self.url}/seen", timeout=10).json()["keys"]
        return found

    def release(self, word: str) -> None:
        httpx.post(f"{self.url}/release/{word}", timeout=10).raise_for_status()

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/v1/models", timeout=5).status_code == 200
        except httpx.TransportError:
            return False


def start(lab: Lab, network: str, alias: str = "provider") -> Provider:
    """Start the provider on `network`, under a name."""
    box = lab.start(
        Spec(
            command=("python", "/srv/provider.py", str(PORT)),
            files={"/srv/provider.py": SCRIPT},
            ports=(PORT,),
            network=network,
            alias=alias,
        )
    )
    provider = Provider(box, f"http://127.0.0.1:{box.port(PORT)}")
    wait_until(f"the provider; its log: {box.logs()}", provider.answers, 60)
    return provider
