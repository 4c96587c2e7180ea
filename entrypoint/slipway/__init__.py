"""Slipway: builds, hardens and launches images of the LiteLLM proxy."""

__version__ = "0.1.0"
