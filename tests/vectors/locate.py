"""Where the external vectors and the reference models lie: BITVM3_VECTORS, or ../shared/vectors beside the repository.

Promises a skip with its reason, never a silent pass, when a file is not there.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(os.environ.get("BITVM3_VECTORS") or Path(__file__).parents[2].parent / "shared" / "vectors")


def vector(name: str) -> Path:
    """The vector file of that path below the folder; skips the test (or module) without it."""
    return _existing(FOLDER / name, "BITVM3_VECTORS")


def json_vector(name: str) -> Any:
    """The parsed JSON file of that path below the folder."""
    return json.loads(vector(name).read_text())


def reference(name: str) -> Path:
    """The file of that name in the reference folder, which lies beside the vectors."""
    return _existing(FOLDER.parent / "reference" / name, "BITVM3_VECTORS beside a folder `reference`")


def _existing(path: Path, setting: str) -> Path:
    if not path.exists():
        pytest.skip(f"no {path.name} in {path.parent}: set {setting}", allow_module_level=True)
    return path
