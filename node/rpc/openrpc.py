"""The OpenRPC document of a table of methods, from the parameter structs themselves: it cannot drift.

Does NOT describe results beyond "JSON with bytes as hex".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from node.rpc.table import Method

OPENRPC_VERSION = "1.3.2"


def document(methods: Iterable[Method], *, version: str) -> dict[str, Any]:
    """The document as JSON values; `version` is the node's."""
    known = list(methods)
    schemas, components = msgspec.json.schema_components(
        [method.params for method in known], ref_template="#/components/schemas/{name}"
    )
    del schemas  # one reference a method; the components hold what they refer to
    return {
        "openrpc": OPENRPC_VERSION,
        "info": {"title": "BitVM3 vault and challenge node", "version": version},
        "methods": [_method(method, components) for method in known],
        "components": {"schemas": components},
    }


def _method(method: Method, components: dict[str, Any]) -> dict[str, Any]:
    schema = components[method.params.__name__]
    required = set(schema.get("required", ()))
    return {
        "name": method.name,
        "summary": method.summary,
        "paramStructure": "either",
        "params": [
            {"name": name, "required": name in required, "schema": item}
            for name, item in schema.get("properties", {}).items()
        ],
        "result": {"name": "result", "schema": {"description": "JSON; bytes are lower-case hex"}},
    }
