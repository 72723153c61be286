"""The command line `bitvm3`: one command a method of the daemon's RPC, tables for people, `--json` for programs.

Promises: a fault is one line on standard error (whose, what, expected, came, what to do) and an exit status that tells
whether trying again helps. Does NOT hold state or rules: everything is the daemon's answer. `circuit run` and `init`
need no daemon.
"""

from __future__ import annotations

from node.cli.app import EXIT_STATUS, main, run

__all__ = ["EXIT_STATUS", "main", "run"]
