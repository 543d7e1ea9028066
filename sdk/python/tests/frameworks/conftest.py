from __future__ import annotations

import pytest

from . import rigs


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes a rig runs on each one that can do what its marks ask for."""
    if "rig" not in metafunc.fixturenames:
        return
    needs = [mark.args[0] for mark in metafunc.definition.iter_markers("needs")]
    chosen = [rig for rig in map(rigs.rig, rigs.names()) if all(getattr(rig, need) for need in needs)]
    metafunc.parametrize("rig", chosen or [None], ids=[rig.name for rig in chosen] or ["none"])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that suits no rig here is not a skipped one: it runs where its frameworks are."""
    items[:] = [item for item in items if not item.name.endswith("[none]")]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(what): only on rigs of which this is true")
