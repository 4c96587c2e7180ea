"""The salt key against values as LiteLLM encrypts them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from slipway.database import salt
from tests.support.ciphers import gcm, xsalsa


@pytest.mark.parametrize("encrypt", [xsalsa, gcm])
@pytest.mark.parametrize("text", ["", "sk-provider", "é" * 500])
def test_only_the_right_key_opens_a_value(encrypt: Callable[[str, str], str], text: str) -> None:
    value = encrypt(text, "sk-salt")
    assert salt.looks_encrypted(value)
    assert salt.opens(value, "sk-salt")
    assert not salt.opens(value, "sk-other")


def test_a_marked_value_is_recognized() -> None:
    assert salt.looks_encrypted("litellm_enc::" + xsalsa("x", "k"))


@pytest.mark.parametrize("text", ["", "openai/gpt-4o", "https://api.example.com/v1", "sk-1234567890", "true", "AAAA"])
def test_plain_settings_are_not_taken_for_ciphertexts(text: str) -> None:
    assert not salt.looks_encrypted(text)
    assert not salt.opens(text, "sk-salt")
