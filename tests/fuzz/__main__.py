"""`python -m tests.fuzz`: every target for a bounded time, guided by coverage (atheris, libFuzzer).

Promises exit status 0 when nothing was found, also where atheris is not installed (which it says), and 1 with the input of
each finding otherwise. One forked process a target, so that one finding ends one target only.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, NoReturn

from tests.fuzz.seeds import slug, sow

PACKAGES = ["node", "challenge", "vault", "circuits", "snark", "bitcoin_scripts"]
INPUT_SECONDS = 25
"""Of the clock: the processor's time of an input is bounded by `judge`, this ends what hangs."""
MEMORY_MIB = 4096
_RUNS = re.compile(rb"Done (\d+) runs|stat::number_of_executed_units:\s+(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A target at work in a process of its own."""

    name: str
    log: Path
    began: float


def main() -> int:
    """The command."""
    options = _options()
    try:
        import atheris
    except ImportError:
        print("fuzz: atheris is not installed for this Python: nothing was run (`make test` mutates without coverage)")
        return 0
    with atheris.instrument_imports(include=PACKAGES):
        from tests.fuzz.table import TARGETS
    names = [name for name in TARGETS if all(word in name for word in options.words)]
    with tempfile.TemporaryDirectory(prefix="fuzz") as scratch:
        corpus, findings = options.corpus or Path(scratch) / "corpus", Path(tempfile.gettempdir()) / "bitvm3-findings"
        findings.mkdir(exist_ok=True)
        todo, running, found = names[::-1], {}, []
        while todo or running:
            while todo and len(running) < options.jobs:
                name = todo.pop()
                log = Path(scratch) / f"{slug(name)}.log"
                running[_begin(atheris, TARGETS[name], corpus, findings, log, options)] = Job(
                    name=name, log=log, began=time.monotonic()
                )
            pid, status = os.wait()
            job = running.pop(pid)
            _report(job, os.waitstatus_to_exitcode(status))
            if status:
                found.append(job.name)
    print(f"fuzz: {len(names)} targets, {len(found)} with findings{''.join(f', {name}' for name in found)}")
    return 1 if found else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("words", nargs="*", help="only targets whose name has all of these")
    parser.add_argument("--seconds", type=int, required=True, help="for each target")
    parser.add_argument("--seed", type=int, default=0, help="of libFuzzer's choices; 0: another one each time")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="targets at a time")
    parser.add_argument("--corpus", type=Path, help="a folder that keeps what was learned for the next run")
    return parser.parse_args()


def _begin(atheris: Any, target: Any, corpus: Path, findings: Path, log: Path, options: argparse.Namespace) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        handle = os.open(log, os.O_CREAT | os.O_WRONLY, 0o600)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        _search(atheris, target, corpus / slug(target.name), findings, options)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(70)  # `Fuzz` ends the process itself


def _search(atheris: Any, target: Any, corpus: Path, findings: Path, options: argparse.Namespace) -> NoReturn:
    from tests.fuzz.mutate import mutant
    from tests.fuzz.target import judge

    seeds = sow(target, corpus)

    def change(data: bytes, size: int, number: int) -> bytes:
        chance = Random(number)
        if chance.random() < 0.5:
            return bytes(atheris.Mutate(data, size))
        return mutant(data, seeds, chance)[:size]

    arguments = [
        *("fuzz", str(corpus), f"-max_total_time={options.seconds}", f"-seed={options.seed}"),
        *(f"-max_len={target.most}", f"-timeout={INPUT_SECONDS}", f"-rss_limit_mb={MEMORY_MIB}"),
        *("-print_final_stats=1", "-verbosity=0", f"-artifact_prefix={findings}/{slug(target.name)}-"),
    ]
    atheris.Setup(arguments, lambda raw: judge(target, raw), custom_mutator=change)
    atheris.Fuzz()
    os._exit(0)


def _report(job: Job, status: int) -> None:
    raw = job.log.read_bytes()
    runs = max((int(a or b) for a, b in _RUNS.findall(raw)), default=0)
    print(
        f"{job.name:44} {runs:8} runs {time.monotonic() - job.began:6.1f} s{'' if status == 0 else f'  FOUND ({status})'}",
        flush=True,
    )
    if status:
        lines = [line[:2000] for line in raw.decode(errors="replace").splitlines() if "INFO: Instr" not in line]
        print("\n".join(lines[-40:]), flush=True)


if __name__ == "__main__":
    sys.exit(main())
