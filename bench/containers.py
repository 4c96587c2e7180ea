"""Containers of the benchmark: labelled, and removed when their measurement ends, however it ends."""

from __future__ import annotations

import contextlib
import secrets
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import docker
from docker.errors import NotFound
from docker.types import Mount

from tests.support.lab import Box

LABEL: Final = "slipway.bench"
PORT: Final = 4000
MANAGEMENT_PORT: Final = 4001
CONFIG_PATH: Final = "/app/config.yaml"
CONFIG: Final = """\
model_list:
  - model_name: mock
    litellm_params:
      model: openai/mock
      api_key: none
      mock_response: mocked answer
litellm_settings:
  callbacks: [prometheus]
"""

# Scrapes come from the host.
NEEDED: Final = {"SLIPWAY_METRICS_AUTH": "off"}


@contextlib.contextmanager
def running(
    client: docker.DockerClient, image: str, command: Sequence[str], variables: Mapping[str, str] | None = None
) -> Iterator[Box]:
    """A container with the configuration of the benchmark, its two ports on free ports of 127.0.0.1."""
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as cleanup:
        config = Path(directory) / "config.yaml"
        config.write_text(CONFIG)
        # Readable for the container's foreign uid, whatever the umask is here.
        config.chmod(0o644)
        # Named first, so that a signal during the creation leaves nothing behind.
        name = f"slipway-bench-{secrets.token_hex(4)}"
        cleanup.callback(_remove, client, name)
        container = client.containers.create(
            image,
            command=list(command),
            name=name,
            labels={LABEL: ""},
            environment={**NEEDED, "LITELLM_MASTER_KEY": f"sk-{secrets.token_hex(24)}", **(variables or {})},
            mounts=[Mount(CONFIG_PATH, str(config), type="bind", read_only=True)],
            ports={f"{port}/tcp": ("127.0.0.1", 0) for port in (PORT, MANAGEMENT_PORT)},
            # Its probes would be processes that come and go while the others are counted.
            healthcheck={"test": ["NONE"]},
        )
        container.start()
        yield Box(container)


def _remove(client: docker.DockerClient, name: str) -> None:
    with contextlib.suppress(NotFound):
        client.containers.get(name).remove(force=True, v=True)
