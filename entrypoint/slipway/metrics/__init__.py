"""Metrics that never lie: who writes which file, what is left of the dead, and how it is all shown."""
