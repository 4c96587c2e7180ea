"""What runs is what was built: versions that must never run, files that Python runs unasked, files of packages.

Imports nothing of ours: image builds and slipway-add use it too.
"""
