"""Measurements of Slipway beside LiteLLM's own command, in the same image and the same run."""
