"""A new release of LiteLLM: resolved, compared with the one that is locked, built, tested and measured."""
