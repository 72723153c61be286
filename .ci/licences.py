"""Every dependency of the product, in both languages, has a licence from the allow-list. Works offline.

Python's come from the installed packages, Rust's from `cargo metadata`. Advisories need a network: not run here.
"""

import json
import re
import subprocess
import sys
from importlib import metadata

ALLOWED = {
    *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "ISC", "MIT", "MIT-0", "MITNFA"),
    *("MPL-2.0", "PSF-2.0", "Python-2.0", "Unicode-3.0", "Unlicense", "Zlib", "LLVM-exception"),
}
KNOWN = {
    # packages whose metadata says it in prose; looked up in their licence files
    "python-bitcoinlib": "LGPL-3.0-or-later, used as a library",
    "zeroconf": "LGPL-2.1-or-later, a library of libp2p",
    "atheris": "Apache-2.0",
}
PROSE = ("apache", "mit", "bsd", "isc", "mpl", "mozilla", "python software", "psf", "unlicense", "public domain", "cc0")
"""Words of an allowed licence in older metadata that names it in prose."""


def allowed(expression: str) -> bool:
    """An SPDX expression: every AND part needs one allowed OR part."""
    for part in re.split(r"\s+AND\s+", expression.replace("(", " ").replace(")", " ").replace("/", " OR ")):
        choices = [re.split(r"\s+WITH\s+", choice.strip())[0] for choice in re.split(r"\s+OR\s+", part)]
        if not any(choice in ALLOWED for choice in choices):
            return False
    return True


def rust() -> list[str]:
    """Crates with a licence outside the list."""
    command = [
        "cargo",
        "metadata",
        "--manifest-path",
        "native/Cargo.toml",
        "--format-version",
        "1",
        "--locked",
        "--offline",
    ]
    packages = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["packages"]
    return [f"{p['name']} {p['version']}: {p['license']}" for p in packages if not allowed(p["license"] or "none")]


def python() -> list[str]:
    """Installed packages that the product needs, directly or not, and the fuzzer, with a licence outside the list."""
    wanted, found = ["bitvm3-node", "atheris"], set()
    while wanted:
        name = wanted.pop()
        if name in found:
            continue
        found.add(name)
        try:
            requires = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # an extra or a marker of another platform
        wanted += [
            re.split(r"[^A-Za-z0-9_.-]", r)[0].lower().replace("_", "-") for r in requires if "extra ==" not in r
        ]
    return [f"{name}: {said}" for name in sorted(found) if name not in KNOWN and not (said := _licence(name))[1]]


def _licence(name: str) -> tuple[str, bool]:
    try:
        about = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return "not installed", True
    if about.get("License-Expression"):
        return about["License-Expression"], allowed(about["License-Expression"])
    classifiers = [c for c in about.get_all("Classifier") or [] if c.startswith("License ::")]
    text = " ".join([*(c.rpartition("::")[2] for c in classifiers), (about.get("License") or "")[:200]]).lower()
    return text[:100], any(word in text for word in PROSE) and "gpl" not in text.replace("lgpl", "")


def main() -> int:
    """Report and return the exit status."""
    wrong = [*rust(), *python()]
    for line in wrong:
        print(f"licence outside the allow-list: {line}", file=sys.stderr)
    print("licences: all allowed" if not wrong else "", "| advisories: not run (they need a network)")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
