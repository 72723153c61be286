"""python -m benches [--json] [SUBJECT ...]: runs the subjects (all of them without a name) and prints one table.

A subject is a module of this folder with `run() -> {figure: {value, unit, baseline, ratio}}`; `--json` prints
{subject: {figure: {...}}}. Figures come from this machine in this run: compare by ratio.
"""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys

from rich.console import Console
from rich.table import Table

import benches

Figures = dict[str, dict[str, float | str]]


def subjects() -> list[str]:
    """The modules of this folder, in order of name."""
    return sorted(module.name for module in pkgutil.iter_modules(benches.__path__) if not module.name.startswith("_"))


def _print_table(results: dict[str, Figures]) -> None:
    table = Table("subject", "figure")
    for column in ("value", "unit", "baseline", "ratio"):
        table.add_column(column, justify="left" if column == "unit" else "right")
    for subject, figures in results.items():
        for name, figure in figures.items():
            table.add_row(subject, name, *(str(figure[key]) for key in ("value", "unit", "baseline", "ratio")))
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def main(arguments: list[str]) -> int:
    """Runs the subjects that were asked for; 2 when one is unknown."""
    known = subjects()
    parser = argparse.ArgumentParser(prog="python -m benches", description="Measures, on this machine, in this run.")
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=", ".join(known))
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.subjects) - set(known))
    if unknown:
        sys.stderr.write(f"SUBJECT: expected {', '.join(known)}, got {', '.join(unknown)}\n")
        return 2
    results: dict[str, Figures] = {}
    for subject in options.subjects or known:
        sys.stderr.write(f"{subject} ...\n")
        results[subject] = importlib.import_module(f"benches.{subject}").run()
    if options.json:
        print(json.dumps(results, indent=2))
    else:
        _print_table(results)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
