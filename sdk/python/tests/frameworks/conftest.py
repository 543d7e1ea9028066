from __future__ import annotations

import pytest

from . import rigs


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes a rig runs on each one that can do what its marks ask for."""
    if "rig" not in metafunc.fixturenames:
        return
    needs = [mark.args[0] for mark in metafunc.definition.iter_markers("needs")]
    chosen = [rig for rig in map(rigs.rig, rigs.names()) if all(getattr(rig, need) for need in needs)]
    metafunc.parametrize("rig", chosen, ids=[rig.name for rig in chosen])


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(what): only on rigs of which this is true")
