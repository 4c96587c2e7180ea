"""The salt key: whether it opens what the database holds, and how that is put under another.

LiteLLM encrypts credentials with LITELLM_SALT_KEY, or with the master key when that is not set, and returns nothing for
a value that it cannot decrypt (litellm/proxy/common_utils/encrypt_decrypt_utils.py): models lose their API keys, one
request at a time. Both of its ciphers are authenticated, so a key that opens a value is certainly the right one.
"""

from slipway.database.salt.verdict import ACKNOWLEDGED, UNTRIED, VARIABLE, judge

__all__ = ["ACKNOWLEDGED", "UNTRIED", "VARIABLE", "judge"]
