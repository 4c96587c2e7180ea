"""The parts of LiteLLM that fast-litellm replaces, and what proving and measuring each of them showed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# The release, or the line of releases, that the record below was made with; docs/decisions/0010-acceleration.md has the
# figures, and a test fails when the image has another, or when its self-test says something else.
RECORDED_WITH: Final = {"fast-litellm": "0.1.10", "litellm": "1.106"}


@dataclass(frozen=True, slots=True)
class Component:
    """One part.

    ``feature`` is its word in fast-litellm's flags, ``part`` the native class behind it, ``targets`` are the places in
    LiteLLM that it takes. ``pays`` says whether it was found both correct and faster; ``record`` says why.
    """

    name: str
    feature: str
    part: str
    targets: tuple[str, ...]
    pays: bool
    record: str

    @property
    def variable(self) -> str:
        """The flag that fast-litellm reads."""
        return f"LITELLM_RUST_{self.feature.upper()}"

    @property
    def alias(self) -> str:
        """The flag that its guide names, and that it does not read."""
        return f"FAST_LITELLM_{self.feature.upper()}"


COMPONENTS: Final = (
    Component(
        "router",
        "rust_routing",
        "AdvancedRouter",
        ("litellm.router.Router",),
        False,
        "its class lacks the methods of the one it replaces: no deployment can be added",
    ),
    Component(
        "token_counter",
        "rust_token_counting",
        "SimpleTokenCounter",
        ("litellm.utils.token_counter", "litellm.token_counter"),
        False,
        "it counts no tools, images and message overhead, and takes longer from a few hundred characters on",
    ),
    Component(
        "batch_token_counter",
        "batch_token_counting",
        "SimpleTokenCounter",
        ("litellm.utils.count_tokens_batch",),
        False,
        "LiteLLM has nothing that it could replace",
    ),
    Component(
        "rate_limiter",
        "rust_rate_limiting",
        "SimpleRateLimiter",
        ("litellm.SimpleRateLimiter",),
        False,
        "LiteLLM has nothing that it could replace",
    ),
    Component(
        "connection_pool",
        "rust_connection_pooling",
        "SimpleConnectionPool",
        ("litellm.SimpleConnectionPool",),
        False,
        "LiteLLM has nothing that it could replace",
    ),
)
BY_NAME: Final = {component.name: component for component in COMPONENTS}
