"""Torture of the worker on a real broker, each scenario held against the pure engine: `make torture`.

Not collected by pytest; tests/integration/test_torture.py runs the short form.
"""
