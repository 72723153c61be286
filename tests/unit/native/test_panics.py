"""A panic of native code, a bug by definition, is an ordinary error in Python: what calls goes on with the next call."""

import re
from pathlib import Path

import pytest

from native import NativeError
from native._native import panics
from node.rpc.client import RpcClient, RpcError
from node.rpc.server import Server
from node.rpc.table import Method, Nothing
from node.rpc.wire import INTERNAL_ERROR

SOURCES = Path(__file__).parents[3] / "native/crates/python/src"
FUNNEL = re.compile(r"\b(run|caught|value|guarded|self\.change)\(")
EXPORTED = re.compile(r"((?:    )?#\[[^\n]*\n)*(    )?(?:pub )?fn (\w+)[^{]*\{(.*?)\n(?(2)    )\}", re.DOTALL)
SHOWS = {
    # functions that hand out a field, a constant or a refusal: nothing in them can panic
    *("__reduce_ex__", "__repr__", "__len__", "digit_points", "output_points", "reveal", "limits", "paths"),
    "cancel",
}


def test_a_panic_is_a_native_error_and_the_next_call_works(capfd: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        with pytest.raises(NativeError, match="native code: expected no panic, got asked for"):
            panics()
    assert "panicked at" in capfd.readouterr().err, "an operator finds the place in the daemon's standard error"


async def test_a_daemon_whose_method_panics_goes_on(tmp_path: Path) -> None:
    async def panic(_: Nothing) -> object:
        return panics()

    async def well(_: Nothing) -> object:
        return "well"

    methods = [Method(name=call.__name__, params=Nothing, handler=call, summary="") for call in (panic, well)]
    server = await Server.start(
        host="127.0.0.1", port=0, folder=tmp_path, methods=methods, version="0", exposition=bytes
    )
    async with RpcClient.from_datadir(tmp_path) as client:
        for _ in range(2):
            with pytest.raises(RpcError) as refused:
                await client.call("panic")
            assert refused.value.code == INTERNAL_ERROR
            assert await client.call("well") == "well"
    await server.stop()


def exported(source: str) -> list[tuple[str, str]]:
    """(name, body) of every function and method that Python can call and that is no getter."""
    found = []
    for block in re.findall(r"#\[pyfunction\]\n.*?\n\}", source, re.DOTALL):
        found += [(match[3], match[4]) for match in EXPORTED.finditer(block)]
    for block in re.findall(r"#\[pymethods\]\nimpl.*?\n\}", source, re.DOTALL):
        found += [(match[3], match[4]) for match in EXPORTED.finditer(block) if "#[getter]" not in match[0]]
    return found


@pytest.mark.parametrize("path", sorted(SOURCES.glob("*.rs")), ids=lambda path: path.stem)
def test_every_exported_function_works_inside_the_funnel(path: Path) -> None:
    source = path.read_text()
    assert source.count("#[pyfunction]") <= len(exported(source))
    outside = [
        name
        for name, body in exported(source)
        if name not in SHOWS and not FUNNEL.search(body) and "default()" not in body
    ]
    assert outside == [], f"{path.name}: do the work inside error::run, caught or value"
