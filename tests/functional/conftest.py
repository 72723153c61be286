"""What the functional tests share: the two backends, and a stage with a chain and three daemons on it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from node.demo.processes import Backend, find_bitcoind
from node.demo.stage import Theatre
from tests.functional.lending import Ice, build
from tests.functional.plays import KNOWN

BACKENDS: tuple[Backend, ...] = ("sandbox", "bitcoind")
NO_BITCOIND = "no bitcoind: set BITVM3_BITCOIND to one (.ci/build_bitcoind.sh builds it) or put it on PATH"


@pytest.fixture(scope="session", autouse=True)
def _compile_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Dozens of processes of the same code start here: where Python may not keep bytecode, keep it in a folder of this run."""
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
        os.environ["PYTHONPYCACHEPREFIX"] = str(tmp_path_factory.mktemp("bytecode"))


@pytest.fixture(scope="session")
def ice(tmp_path_factory: pytest.TempPathFactory) -> Ice:
    """The world of the loans, stopped: set up once, copied by every scenario."""
    return asyncio.run(build(tmp_path_factory.mktemp("lending")))


@pytest.fixture(params=BACKENDS)
def chain_kind(request: pytest.FixtureRequest) -> Backend:
    """Both backends in turn."""
    if request.param == "bitcoind" and find_bitcoind() is None:
        pytest.skip(NO_BITCOIND)
    kind: Backend = request.param
    return kind


@pytest.fixture
async def theatre(chain_kind: Backend, tmp_path: Path) -> AsyncIterator[Theatre]:
    """A chain and three connected daemons with money, on each backend in turn."""
    stage = Theatre(tmp_path, chain_kind, known=KNOWN)
    try:
        await stage.open()
        yield stage
    finally:
        await stage.close()
