"""Proofs beside the loop: a queue of one, because a proof takes every core there is.

Promises: the loop never waits for a proof; every proof that is handed out was verified under its key for its public input; a
job that fails or is cancelled leaves the queue working. Does NOT survive a crash: whoever wants a proof asks again.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal

import structlog

from node.faults import Fault, LocalFault, PeerFault, Unavailable
from node.limits import PRODUCT, Limits
from node.proving.folder import KeyFolder, KeyLine
from node.proving.statements import Statement
from snark.formats import Format
from snark.proving import Cancelled, Progress, ProvingKey
from snark.statements import proves

__all__ = ["Job", "Proved", "Proving"]

log = structlog.get_logger()

_TICK_SECONDS = 1.0
"""How often a running job tells how far it is."""

State = Literal["waiting", "running", "done", "failed", "cancelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """A verified proof (arkworks, compressed), the public input x it proves (32 bytes), and the id of the verifying key."""

    proof: bytes
    x: bytes
    key: bytes


@dataclass(slots=True, kw_only=True)
class Job:
    """One proof on its way. `fault` says why it ended without one."""

    id: int
    line: KeyLine
    purpose: str
    progress: Progress = field(default_factory=Progress)
    state: State = "waiting"
    proved: Proved | None = None
    fault: Fault | None = None
    work: Future[Proved] = field(default_factory=Future)

    def shown(self) -> dict[str, Any]:
        """As JSON values."""
        running = self.state == "running"
        proved = self.proved
        return {
            "job": self.id,
            "statement": self.line.statement.label,
            "key": self.line.key.hex(),
            "purpose": self.purpose,
            "state": self.state,
            "stage": self.progress.stage if running else "",
            "done": self.progress.done if running else 1.0 if proved else 0.0,
            "fault": str(self.fault) if self.fault else "",
            "proof": proved.proof.hex() if proved else "",
            "x": proved.x.hex() if proved else "",
        }


class Proving:
    """The queue and the keys. Make it inside a running loop; `close` it."""

    def __init__(
        self,
        folder: KeyFolder,
        *,
        tell: Callable[[str, Any], None] = lambda event, value: None,
        limits: Limits = PRODUCT,
    ) -> None:
        """`tell` hears ("proof", job) at every change of a job's state."""
        self.folder, self.tell = folder, tell
        self._limits = limits
        self._threads = ThreadPoolExecutor(1, "proving")  # its queue is the queue
        self._jobs: OrderedDict[int, Job] = OrderedDict()
        self._ends: dict[int, asyncio.Future[Proved]] = {}
        self._loaded: OrderedDict[bytes, ProvingKey] = OrderedDict()  # touched by the one thread only
        self._number = 0

    # ---- keys --------------------------------------------------------------------------------------------------------

    def keys(self) -> tuple[KeyLine, ...]:
        """The keys that can be used here."""
        return self.folder.keys()

    def key(self, key: bytes) -> KeyLine:
        """By the verifying key's id. Raises LocalFault, with what to do, when it is not here."""
        return self.folder.key(key)

    def key_of(self, label: str) -> KeyLine:
        """By the statement's label. Raises LocalFault, with what to do, when it is not here."""
        return self.folder.key_of(Statement.parse(label))

    # ---- jobs --------------------------------------------------------------------------------------------------------

    async def prove(self, key: bytes, witness: bytes, purpose: str) -> Proved:
        """A proof under a key of this node; cancelling the caller cancels it.

        Args:
            key: the verifying key's id.
            witness: JSON (docs/ledger.md names the rules it has to satisfy).
            purpose: a few words for whoever looks at the queue.

        Raises:
            LocalFault: no such key, a bad key file, or a witness that breaks a rule: `came` names it.
            Unavailable: the queue is full, or the job was cancelled.
        """
        job = self.submit(self.key(key), witness, purpose)
        try:
            return await asyncio.shield(self._ends[job.id])
        except asyncio.CancelledError:
            self._cancel(job)
            raise

    def submit(self, line: KeyLine, witness: bytes, purpose: str) -> Job:
        """Queue a proof without waiting for it. Raises LocalFault (too large a witness), Unavailable (the queue is full)."""
        if len(witness) > self._limits.witness_bytes:
            raise LocalFault(
                what="witness", expected=f"at most {self._limits.witness_bytes} bytes", came=f"{len(witness)} bytes"
            )
        if len(self._ends) >= self._limits.proofs_waiting:
            raise Unavailable(
                what="proof queue",
                expected=f"fewer than {self._limits.proofs_waiting} proofs waiting",
                came=f"{len(self._ends)}",
                todo="Ask again when some are done; `bitvm3 proof jobs` shows them.",
            )
        self._number += 1
        job = Job(id=self._number, line=line, purpose=purpose)
        loop = asyncio.get_running_loop()
        self._jobs[job.id] = job
        end = self._ends[job.id] = loop.create_future()
        end.add_done_callback(_seen)
        job.work = self._threads.submit(self._work, job, witness, loop)
        job.work.add_done_callback(lambda ended: loop.call_soon_threadsafe(self._ended, job, ended))
        self._forget()
        self.tell("proof", job.shown())
        return job

    def jobs(self) -> list[Job]:
        """Waiting, running and the last ended ones, oldest first."""
        return list(self._jobs.values())

    def job(self, number: int) -> Job:
        """One job. Raises LocalFault when it is not known (any more)."""
        job = self._jobs.get(number)
        if job is None:
            raise LocalFault(
                what=f"proof job {number}",
                expected=f"one of the last {self._limits.proofs_remembered} since the daemon started",
                came="none",
                todo="`bitvm3 proof jobs` lists them.",
            )
        return job

    def cancel(self, number: int) -> Job:
        """Ask a job to end; one that has ended stays as it is. Raises LocalFault when it is not known."""
        job = self.job(number)
        self._cancel(job)
        return job

    async def close(self) -> None:
        """Cancel every job and wait for the thread."""
        for job in list(self._jobs.values()):
            self._cancel(job)
        await asyncio.to_thread(self._threads.shutdown)
        await asyncio.sleep(0)  # the last job's end is told

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _cancel(self, job: Job) -> None:
        if not job.work.cancel():  # it has begun, or ended
            job.progress.cancel()

    def _work(self, job: Job, witness: bytes, loop: asyncio.AbstractEventLoop) -> Proved:
        """In the thread: one proof from key to verified bytes."""
        loop.call_soon_threadsafe(self._begun, job, loop)
        key = self._load(job.line)
        assignment, x = job.line.statement.assign(witness)
        proof = key.prove(assignment, job.progress)
        if not proves(key.verifying, x, proof):
            raise LocalFault(
                what=f"proof under {job.line.stem}.zkey",
                expected="a valid one",
                came="one that does not verify",
                todo="The key or this machine's memory is damaged: compare the key with a copy.",
            )
        return Proved(proof=proof.handle.encode(Format.ARKWORKS.value), x=x, key=job.line.key)

    def _load(self, line: KeyLine) -> ProvingKey:
        """The key, from memory when it is among the last used."""
        loaded = self._loaded.pop(line.key, None)
        if loaded is None:
            while len(self._loaded) >= self._limits.proving_keys_loaded:
                self._loaded.popitem(last=False)
            loaded = self.folder.load(line)
        self._loaded[line.key] = loaded
        return loaded

    def _begun(self, job: Job, loop: asyncio.AbstractEventLoop) -> None:
        job.state = "running"  # a job's state changes on the loop only
        self._tick(job, loop)

    def _tick(self, job: Job, loop: asyncio.AbstractEventLoop) -> None:
        if job.state == "running":
            self.tell("proof", job.shown())
            loop.call_later(_TICK_SECONDS, self._tick, job, loop)

    def _ended(self, job: Job, ended: Future[Proved]) -> None:
        """On the loop: the thread is through with a job, or never began."""
        if ended.cancelled():
            self._finish(job, None, _cancelled(job))
            return
        error = ended.exception()
        match error:
            case None:
                self._finish(job, ended.result(), None)
            case LocalFault() | PeerFault() | Unavailable():
                self._finish(job, None, error)
            case Cancelled():
                self._finish(job, None, _cancelled(job))
            case _:
                log.error("a proof failed", job=job.id, statement=job.line.statement.label, exc_info=error)
                came = str(error)[:300] or type(error).__name__
                self._finish(job, None, LocalFault(what=f"proof {job.id}", expected="a proof", came=came))

    def _finish(self, job: Job, proved: Proved | None, fault: Fault | None) -> None:
        job.proved, job.fault = proved, fault
        job.state = "done" if proved else "cancelled" if isinstance(fault, Unavailable) else "failed"
        end = self._ends.pop(job.id)
        if proved is not None:
            end.set_result(proved)
        elif fault is not None:
            end.set_exception(fault)
        self.tell("proof", job.shown())

    def _forget(self) -> None:
        ended = [number for number, job in self._jobs.items() if number not in self._ends]
        for number in ended[: max(0, len(ended) - self._limits.proofs_remembered)]:
            del self._jobs[number]


def _cancelled(job: Job) -> Unavailable:
    return Unavailable(what=f"proof {job.id}", expected="to go on", came="it was cancelled")


def _seen(end: asyncio.Future[Proved]) -> None:
    """Nobody has to wait for a job: its fault is kept in it."""
    if not end.cancelled():
        end.exception()
