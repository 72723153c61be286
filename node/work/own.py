"""This node's own secrets of one vault, as handles, all derived from two seeds.

* the long-lived seed: from the master seed and the vault's nonce. Personal key, hashlock preimages, digit secrets,
  garbling seeds. It can be made again from the backup of the master seed and the vault's facts.
* the ephemeral seed: random, in a file of its own until the presignatures are stored, then burnt. This node's share of G
  and its presigning nonces. Never in a backup.
"""

from __future__ import annotations

from dataclasses import dataclass

from native._native.keys import Secret, Seed


@dataclass(frozen=True, slots=True)
class Own:
    """Handles derived from the long-lived seed of one vault."""

    seed: Seed

    @property
    def personal(self) -> Secret:
        """The key called B, L, W_k or c in leaves; also of this party's bonds."""
        return self.seed.secret(b"personal")

    def hashlock_a(self) -> Seed:
        """a: shown by publishing Vault."""
        return self.seed.derive(b"hashlock a")

    def hashlock_r(self, slot: int) -> Seed:
        """R of a slot: shown to the borrower when it repays."""
        return self.seed.derive(b"hashlock r/%d" % slot)

    def hashlock_f(self, entry: int) -> Seed:
        """The preimage of a ticket of path B: shown to the liquidator when it has paid."""
        return self.seed.derive(b"hashlock f/%d" % entry)

    def digits(self, graph: int) -> Seed:
        """The digit secrets this party shows in a graph: those of its Assert, or of its Reveal."""
        return self.seed.derive(b"digits/%d" % graph)

    def pair(self, graph: int, challenger: int) -> Seed:
        """Everything random in the garbling of one graph between its claimant and one challenger."""
        return self.seed.derive(b"pair/%d/%d" % (graph, challenger))

    def reveal_key(self, graph: int, challenger: int) -> Secret:
        """K_k: the claimant's key for the digits of one challenger's Reveal, and for nothing else."""
        return self.seed.secret(b"reveal/%d/%d" % (graph, challenger))

    def presigning(self, graph: int, challenger: int) -> Seed:
        """What the nonces of K_k's presignatures are derived from."""
        return self.seed.derive(b"presignatures/%d/%d" % (graph, challenger))


def share_of_group(ephemeral: Seed) -> Secret:
    """This party's share of G."""
    return ephemeral.secret(b"musig")


def nonce_seed(ephemeral: Seed, part: int) -> Seed:
    """What the presigning nonces of one part are derived from."""
    return ephemeral.derive(b"nonces/%d" % part)
