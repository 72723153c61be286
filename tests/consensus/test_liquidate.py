"""Path B before Bitcoin Core's consensus engine: Vault with tickets, Liquidate, the ticket's two leaves.

Each has one valid spend; every mutation of one field of it is refused. Liquidate needs three things, and each of them alone
missing leaves nothing that could be sent: what t attestors attested, the lender's preimage, the liquidator's key.
"""

from __future__ import annotations

import itertools

import pytest
from msgspec.structs import asdict

from bitcoin_scripts.outputs import KEY_PATH, Output, anchor
from bitcoin_scripts.transaction import NO_DELAY, Input, Template, witness_stack
from native._native import signing
from native._native.keys import Secret
from tests.consensus.judge import accepts, mutations, valid_inputs
from tests.models import attest
from tests.models.bitcoin_tx import parse, sighash
from tests.models.secp256k1 import N
from tests.vault_kit import BORROWER, LENDER, attestation, attested_secret, attestor_secrets, fast_kit
from vault.fast import announced
from vault.faults import PresignedFault
from vault.presigned import finish

KIT = fast_kit()
ENTRIES = range(len(KIT.proposal.fast))
SUBSETS = list(itertools.combinations(range(3), 2))


def survivors(raw: bytes, template: Template) -> list[str]:
    tx, spent = parse(raw), list(template.prevouts)
    assert accepts(tx, spent)
    return [what for what, changed, coins in mutations(tx, spent) if accepts(changed, coins)]


@pytest.mark.parametrize("entry", [0, 3])
def test_liquidate_is_valid_and_every_single_field_mutation_is_refused(entry: int) -> None:
    assert survivors(KIT.liquidate(entry, chosen=(0, 1)), KIT.graph.templates[f"liquidate/{entry}"]) == []


def test_vault_with_tickets_is_valid_and_every_single_field_mutation_is_refused() -> None:
    template = KIT.graph.templates["vault"]
    assert [o.role for o in template.outputs] == ["vault/0", "vault/1", *(f"ticket/{f}" for f in ENTRIES), "anchor"]
    assert survivors(KIT.finish("vault"), template) == []


@pytest.mark.parametrize("chosen", SUBSETS)
@pytest.mark.parametrize("entry", ENTRIES)
def test_any_two_of_three_attestors_open_any_entry(entry: int, chosen: tuple[int, int]) -> None:
    template = KIT.graph.templates[f"liquidate/{entry}"]
    assert accepts(parse(KIT.liquidate(entry, chosen=chosen)), list(template.prevouts))


def test_the_product_signs_the_message_of_the_independent_model() -> None:
    for entry in ENTRIES:
        template, tx = KIT.graph.templates[f"liquidate/{entry}"], parse(KIT.liquidate(entry, chosen=(0, 2)))
        for index in KIT.graph.fast(entry):
            s = KIT.graph.signatures[index]
            assert (s.template, s.input, s.path) == (f"liquidate/{entry}", 0, KEY_PATH)
            assert sighash(tx, list(template.prevouts), 0, None, s.position) == s.message


def fill(entry: int, vault_signature: bytes, ticket: list[bytes]) -> list[bool]:
    """One verdict an input of a Liquidate with these pieces."""
    template = KIT.graph.templates[f"liquidate/{entry}"]
    coin, token = (item.spends for item in template.inputs)
    leaf = [token.leaf("use").script, token.control_block("use")]
    raw = template.signed([witness_stack(coin, KEY_PATH, [vault_signature]), [*ticket, *leaf]])
    return valid_inputs(parse(raw), list(template.prevouts))


def test_one_attestor_short_completes_nothing() -> None:
    """Every presignature completed with every scalar that one attestor's word gives: none is a signature."""
    loan, entry = KIT.proposal.loan, 0
    shown = {a.attestor: int.from_bytes(attestation(loan.ledger, a), "big") for a in announced(loan, entry)}
    ticket = [KIT.personal(2).sign(KIT.graph.templates["liquidate/0"].sighash(1)), KIT.h(0)]
    tries = 0
    for index, chosen in zip(KIT.graph.fast(entry), SUBSETS, strict=True):
        presignature = KIT.presigned.presignature(index)
        plain = [announced(loan, entry)[j] for j in chosen]
        weights = attest.weights(loan.ledger, [asdict(a) for a in plain])
        for place, j in enumerate(chosen):
            for scalar in (shown[j], weights[place] * shown[j] % N):
                guess = Secret.from_revealed(scalar.to_bytes(32, "big"))
                assert fill(entry, signing.complete(presignature, guess), ticket) == [False, True]
                tries += 1
        right = Secret.from_revealed(attested_secret(loan, entry, chosen))
        assert fill(entry, signing.complete(presignature, right), ticket) == [True, True]
    assert tries == 12


def test_a_presignature_opens_with_its_own_subset_only() -> None:
    loan = KIT.proposal.loan
    secrets = [Secret.from_revealed(attested_secret(loan, 1, chosen)) for chosen in SUBSETS]
    message = KIT.graph.signatures[KIT.graph.fast(1).start].message
    key = KIT.graph.templates["liquidate/1"].inputs[0].spends.script_pubkey[2:]
    for at, index in enumerate(KIT.graph.fast(1)):
        completed = [signing.complete(KIT.presigned.presignature(index), secret) for secret in secrets]
        assert [signing.verify(key, message, each) for each in completed] == [i == at for i in range(3)]


def test_the_ticket_wants_the_lenders_preimage_and_the_liquidators_key() -> None:
    template = KIT.graph.templates["liquidate/0"]
    secret = Secret.from_revealed(attested_secret(KIT.proposal.loan, 0, (0, 1)))
    vault_signature = signing.complete(KIT.presigned.presignature(KIT.graph.fast(0).start), secret)
    message = template.sighash(1)
    own = KIT.personal(2).sign(message)
    assert fill(0, vault_signature, [own, KIT.h(0)]) == [True, True]
    for preimage in (KIT.h(1), KIT.r(0), KIT.a, KIT.h(0)[:31], KIT.h(0) + b"\0", b""):
        assert fill(0, vault_signature, [own, preimage]) == [True, False]
    for other in (BORROWER, LENDER, 3, 4):
        assert fill(0, vault_signature, [KIT.personal(other).sign(message), KIT.h(0)]) == [True, False]


@pytest.mark.parametrize(
    ("left_out", "named"),
    [("extra", "subsets of the attestors"), ("preimage", "the preimage"), ("personal", "the personal key of party 2")],
)
def test_without_one_of_the_three_nothing_is_finished(left_out: str, named: str) -> None:
    secret = Secret.from_revealed(attested_secret(KIT.proposal.loan, 0, (1, 2)))
    have = {"extra": secret, "preimage": KIT.h(0), "personal": KIT.personal(2)}
    finish(KIT.presigned, "liquidate/0", **have)
    wrong = {"extra": KIT.personal(2), "preimage": KIT.h(1), "personal": KIT.personal(3)}
    for replacement in (None, wrong[left_out]):
        with pytest.raises(PresignedFault, match=named):
            finish(KIT.presigned, "liquidate/0", **{**have, left_out: replacement})


def test_an_unused_ticket_goes_back_to_the_borrower_after_dead_man_and_every_mutation_is_refused() -> None:
    coin, dead_man = KIT.graph.templates["vault"], KIT.proposal.timelocks.dead_man
    spend = coin.spend("ticket/0", "unused")
    assert isinstance(spend.spends, Output)
    assert spend.delay == dead_man
    sweep = Template(name="sweep", inputs=(spend,), outputs=(anchor(),))
    piece = KIT.personal(BORROWER).sign(sweep.sighash(0))
    assert survivors(sweep.signed([witness_stack(spend.spends, "unused", [piece])]), sweep) == []
    for sequence in (dead_man - 1, 0, NO_DELAY):
        early = Input(txid=spend.txid, vout=spend.vout, sequence=sequence, spends=spend.spends, paths=spend.paths)
        hasty = Template(name="sweep", inputs=(early,), outputs=(anchor(),))
        piece = KIT.personal(BORROWER).sign(hasty.sighash(0))
        raw = hasty.signed([witness_stack(spend.spends, "unused", [piece])])
        assert not accepts(parse(raw), list(hasty.prevouts))


def test_the_attestors_keys_and_nonces_are_nobodys_in_the_vault() -> None:
    """Whoever attests signs nothing of the vault: no key of a leaf or of G is an attestor's."""
    theirs = {attest.x(secret) for j in range(3) for secret in attestor_secrets(j, 400_000, 3)}
    ours = {key for o in KIT.graph.templates["vault"].outputs for key in _keys(o)} | {KIT.graph.cast.group}
    assert not theirs & ours


def _keys(output: object) -> set[bytes]:
    if not isinstance(output, Output):
        return set()
    return {piece.key for leaf in output.leaves for piece in leaf.witness if hasattr(piece, "key")}
