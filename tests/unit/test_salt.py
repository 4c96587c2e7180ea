"""LiteLLM's ciphertexts without LiteLLM: recognized, opened, and put under another key with nothing else changed."""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Callable

import pytest

from slipway.database.salt.ciphers import MARK, Key, parse
from slipway.database.salt.places import PLACES, Certain, Place
from slipway.database.salt.rewrite import under
from tests.support.ciphers import gcm, xsalsa

OLD, NEW = "sk-old", "sk-new"


def opened(value: str, key: str) -> str | None:
    sealed = parse(value)
    assert sealed is not None
    plain = Key(key).open(sealed)
    return None if plain is None else plain.decode()


@pytest.mark.parametrize("encrypt", [xsalsa, gcm])
@pytest.mark.parametrize("text", ["", "sk-provider", "é" * 500])
def test_only_the_right_key_opens_a_value(encrypt: Callable[[str, str], str], text: str) -> None:
    value = encrypt(text, OLD)
    sealed = parse(value)
    assert sealed is not None
    assert sealed.likely
    assert opened(value, OLD) == text
    assert opened(value, NEW) is None


def test_a_marked_value_is_recognized() -> None:
    assert opened(MARK + xsalsa("x", OLD), OLD) == "x"


@pytest.mark.parametrize("text", ["", "openai/gpt-4o", "https://api.example.com/v1", "sk-1234567890", "true", "AAAA"])
def test_plain_settings_are_not_taken_for_ciphertexts(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    "text",
    [
        secrets.token_hex(64),
        secrets.token_hex(64).upper(),
        "0" * 64,
        base64.b64encode(json.dumps({"type": "oauth2", "access_token": "token" * 20}).encode()).decode(),
        f"https://example.com/{'long/' * 20}",
        f"{'words ' * 20}",
    ],
)
def test_long_plain_text_is_not_likely_a_ciphertext(text: str) -> None:
    """LiteLLM stored users' credentials in plain base64 once, and reads them still."""
    sealed = parse(text)
    assert sealed is None or not sealed.likely


def test_a_mark_alone_says_that_a_value_is_encrypted() -> None:
    for text in (f"{MARK}cut", "v2:gcm:cut", f"{MARK}{xsalsa('x', OLD)[:30]}"):
        sealed = parse(text)
        assert sealed is not None
        assert sealed.likely
        assert Key(OLD).open(sealed) is None
    assert parse(MARK) is None


def test_a_key_shows_nothing() -> None:
    assert "sk-" not in repr(Key("sk-secret"))
    assert Key(OLD) == Key(OLD) != Key(NEW)


def rotated(text: str) -> str:
    return under(Key(NEW), text, Key(OLD))


def test_a_rotated_value_keeps_cipher_mark_and_alphabet() -> None:
    for value in (xsalsa("secret", OLD), gcm("secret", OLD), MARK + xsalsa("secret", OLD), MARK + gcm("secret", OLD)):
        changed = rotated(value)
        assert opened(changed, NEW) == "secret"
        assert opened(changed, OLD) is None
        assert changed.startswith(MARK) == value.startswith(MARK)
        assert ("v2:gcm:" in changed) == ("v2:gcm:" in value)


def test_a_rotated_value_keeps_the_older_alphabet() -> None:
    value = next(
        standard
        for _ in range(1000)
        if set("+/") & set(standard := base64.b64encode(base64.urlsafe_b64decode(xsalsa("secret" * 20, OLD))).decode())
    )
    changed = rotated(value)
    assert opened(changed, NEW) == "secret" * 20
    assert not set("-_") & set(changed)


@pytest.mark.parametrize("text", ["", " ", "é" * 300, '"quoted" \\ and {"json": 1}', "v2:gcm:x", "line\nline"])
@pytest.mark.parametrize("encrypt", [xsalsa, gcm])
def test_any_content_survives(encrypt: Callable[[str, str], str], text: str) -> None:
    assert opened(rotated(encrypt(text, OLD)), NEW) == text


# What stands around a value, with VALUE in its place.
DOCUMENTS = [
    "VALUE",
    '"VALUE"',
    '{"api_key": "VALUE"}',
    '{ "b":1.10 ,"a" : [ "VALUE", {"deep": ["VALUE", null, true]}, 12345678901234567890.123456789, 1e400 ] }',
    '{"VALUE": "kept as a key", "same": "VALUE", "same": "VALUE"}',
    '{"caf\\u00e9": "VALUE", "escaped": "a\\"b\\\\ \\u0041 \\ud83d\\ude00", "other": "é"}',
    '{"half": "\\ud83d", "value": "VALUE"}',
    '{"number": ' + "9" * 5000 + ', "value": "VALUE"}',
    f"[{'[' * 50}" + '"VALUE"' + f"{']' * 50}]",
]


def nested(document: str, levels: int) -> str:
    for _ in range(levels):
        document = json.dumps({"text": document}, ensure_ascii=False)
    return document


@pytest.mark.parametrize("levels", [0, 1, 2])
@pytest.mark.parametrize("document", DOCUMENTS)
def test_everything_around_a_value_stays_to_the_letter(document: str, levels: int) -> None:
    value = xsalsa("secret", OLD)
    text = nested(document.replace("VALUE", value), levels)
    around = f"(.{{{len(value)}}})".join(re.escape(part) for part in text.split(value))
    found = re.fullmatch(around, rotated(text), re.DOTALL)
    assert found
    values = [each for each in found.groups() if each != value]
    assert len(values) == len(found.groups()) - ("a key" in document)
    assert {opened(each, NEW) for each in values} == {"secret"}


def test_what_the_old_key_does_not_open_stays() -> None:
    text = json.dumps({"new": xsalsa("a", NEW), "foreign": gcm("b", "sk-x"), "plain": "c" * 60, "cut": f"{MARK}cut"})
    assert rotated(text) == text


def certain(place: Place, text: str, depth: int) -> bool:
    sealed = parse(text)
    assert sealed is not None
    return place.is_certain(sealed, depth)


def test_what_is_certain_depends_on_the_place() -> None:
    """LiteLLM encrypts the strings of a model's parameters, not what is nested in them."""
    places = {place.holds: place for place in PLACES}
    value = xsalsa("x", OLD)
    assert certain(places["models"], value, 1)
    assert not certain(places["models"], value, 2)
    assert certain(places["identity assertions"], value, 0)
    assert not certain(places["settings"], value, 1)
    for place in PLACES:
        assert certain(place, MARK + value, 5)
        assert certain(place, gcm("x", OLD), 5)
        assert place.many <= (place.certain is Certain.DECLARED)
