# Made by scripts/generate_sync.py from _async/__init__.py: change that file.
"""The synchronous client. ``_sync`` is generated from this package by scripts/generate_sync.py, except its runtime."""
