"""Every leaf and key path of the protocol before Bitcoin Core's consensus engine.

Each has one valid spend; every mutation of one field of it is refused. The list of spends is read off the graph, so a
new transaction or leaf is judged without a change here. That a delay has passed is judged by a chain, not by the script
check; here the script must refuse a sequence that promises less than the leaf's delay, however well it is signed.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from bitcoin_scripts import script
from bitcoin_scripts.faults import ScriptFault
from bitcoin_scripts.outputs import KEY_PATH, Leaf, Output, Sign, anchor
from bitcoin_scripts.transaction import NO_DELAY, Input, Template, witness_stack
from native._native import signing
from native._native.keys import Seed
from tests.consensus.judge import accepts, mutations, valid_inputs
from tests.models.bitcoin_tx import parse, sighash
from tests.vault_kit import BABE, SLOT, Kit, digest, graph_terms, kit, lending_kit, make_proposal
from vault.agreement import Engine

SMALL = kit()
KITS: dict[Engine, Kit] = {"core": SMALL, "babe": kit(engine="babe")}
ANSWERS = ("reveal", "refute", "no_payout", "stake_back")


def spends(vault: Kit) -> list[tuple[str, int | None]]:
    """Every transaction, Contest once for each challenger."""
    found: list[tuple[str, int | None]] = []
    for name, template in vault.graph.templates.items():
        paths = template.inputs[0].paths
        found += [(name, int(p.partition("/")[2])) for p in paths] if name.endswith("/contest") else [(name, None)]
    return found


def signed(vault: Kit, name: str, leaf: int | None):
    template = vault.graph.templates[name]
    return parse(vault.finish(name, leaf=leaf)), list(template.prevouts)


def every_path(vault: Kit) -> set[tuple[str, str]]:
    """(kind of output, path) of everything the graph creates, of the bonds and of the stakes."""
    outputs = {o.role: o for t in vault.graph.templates.values() for o in t.outputs}
    outputs |= {i.spends.role: i.spends for t in vault.graph.templates.values() for i in t.inputs}
    paths = set()
    for role, output in outputs.items():
        if isinstance(output, Output) and not role.endswith("burn"):
            paths |= {(role, leaf.name) for leaf in output.leaves}
    return paths


def kind(name: str) -> str:
    """0/reveal/1 -> reveal; the vault's own transactions are of no kind."""
    return name.split("/")[1] if name[0].isdigit() else ""


def judged() -> list[tuple[Engine, str, int | None]]:
    """Every spend of a vault of engine core, and those of graph 0 that are others with engine babe."""
    others = [n for n in KITS["babe"].graph.templates if n.startswith("0/") and kind(n) in ("assert", *ANSWERS)]
    return [*(("core", name, leaf) for name, leaf in spends(SMALL)), *(("babe", name, None) for name in others)]


@pytest.mark.parametrize(("engine", "name", "leaf"), judged())
def test_the_spend_is_valid_and_every_single_field_mutation_is_refused(
    engine: Engine, name: str, leaf: int | None
) -> None:
    tx, spent = signed(KITS[engine], name, leaf)
    assert accepts(tx, spent), name
    survivors = [what for what, changed, coins in mutations(tx, spent) if accepts(changed, coins)]
    assert survivors == []


@pytest.mark.parametrize("challengers", [0, 2, 3])
@pytest.mark.parametrize("engine", KITS)
def test_every_spend_is_valid_with_other_numbers_of_challengers(challengers: int, engine: Engine) -> None:
    vault = kit(challengers=challengers, engine=engine)
    for name, leaf in spends(vault):
        tx, spent = signed(vault, name, leaf)
        assert accepts(tx, spent), (name, leaf)


def test_every_spend_of_a_loan_is_valid_whoever_of_five_claims_which_of_two_slots() -> None:
    vault = lending_kit()
    for name, leaf in spends(vault):
        tx, spent = signed(vault, name, leaf)
        assert accepts(tx, spent), (name, leaf)


# Graph 2 is the first liquidator's claim of slot 0, graph 7 the second's of slot 1.
@pytest.mark.parametrize(
    ("name", "leaf"),
    [
        ("2/claim", None),
        ("2/contest", 3),
        ("7/contest", 0),
        ("2/assert", None),
        ("7/reveal/2", None),
        ("2/refute/4", None),
        ("2/no_payout/0", None),
        ("2/uncontested_payout", None),
        ("7/contested_payout", None),
    ],
)
def test_a_liquidation_is_valid_and_every_single_field_mutation_is_refused(name: str, leaf: int | None) -> None:
    tx, spent = signed(lending_kit(), name, leaf)
    assert accepts(tx, spent)
    assert [what for what, changed, coins in mutations(tx, spent, step=3) if accepts(changed, coins)] == []


def test_a_claim_of_one_liquidator_does_not_open_to_the_signatures_of_another() -> None:
    """Equal claims of slot 0 by two liquidators: no witness of one fits the other."""
    vault = lending_kit()
    assert [(graph.slot, graph.outcome) for graph in vault.proposal.graphs[2:4]] == [(0, "liquidate")] * 2
    for kind_ in ("claim", "assert", "uncontested_payout", "contested_payout"):
        (tx, spent), (other, _) = (signed(vault, f"{g}/{kind_}", None) for g in (2, 3))
        for mine, theirs in zip(tx.inputs, other.inputs, strict=True):
            mine.witness = theirs.witness
        assert not any(valid_inputs(tx, spent)), kind_


def test_every_spend_is_valid_in_the_layout_of_the_withdrawal_circuit() -> None:
    vault = kit(digits=96, digit_bits=4)
    for name, leaf in spends(vault):
        tx, spent = signed(vault, name, leaf)
        assert accepts(tx, spent), (name, leaf)
    tx, spent = signed(vault, "0/assert", None)
    survivors = [what for what, changed, coins in mutations(tx, spent, step=24) if accepts(changed, coins)]
    assert survivors == []


@pytest.mark.parametrize(("digits", "digit_bits", "most"), [(128, 4, 5_300), (64, 8, 3_100)])
def test_a_dispute_about_a_proof_is_valid_and_small_in_both_layouts(digits: int, digit_bits: int, most: int) -> None:
    """Assert with one input, Reveal with two, Refute; their size with four challengers is a promise of the design."""
    graph = graph_terms(digits=digits, digit_bits=digit_bits, **BABE)
    proposal = make_proposal(graphs=(graph,), slots=(SLOT,), challengers=3)
    vault, size = Kit(proposal=proposal, name=f"point {digits}"), 0
    for name, inputs in (("0/assert", 1), ("0/reveal/1", 2), ("0/refute/1", 1)):
        template = vault.graph.templates[name]
        tx = parse(template.signed([sign_anew(vault, template, i) for i in range(inputs)]))
        assert accepts(tx, list(template.prevouts)), name
        size += -(-tx.weight // 4)
    assert len(vault.proposal.challengers(0)) == 4
    assert size <= most


@pytest.mark.parametrize("engine", KITS)
def test_every_leaf_is_spent_by_some_transaction_but_the_ones_swept_by_hand(engine: Engine) -> None:
    vault = KITS[engine]
    spent = {(i.spends.role, p) for t in vault.graph.templates.values() for i in t.inputs for p in i.paths}
    left = {(role.rpartition("/")[0].rpartition("/")[2], path) for role, path in every_path(vault) - spent}
    assert left == {("arena", "release")}


@pytest.mark.parametrize("engine", KITS)
def test_an_unused_arena_goes_back_to_the_claimant_and_every_mutation_is_refused(engine: Engine) -> None:
    vault = KITS[engine]
    asserted = vault.graph.templates["0/assert"]
    spend = asserted.spend("0/arena/1", "release")
    sweep = Template(name="sweep", inputs=(spend,), outputs=(anchor(),))
    raw = sweep.signed([stack(sweep, 0, "release", [vault.personal(0).sign(sweep.sighash(0))])])
    tx, spent = parse(raw), list(sweep.prevouts)
    assert accepts(tx, spent)
    assert [what for what, changed, coins in mutations(tx, spent) if accepts(changed, coins)] == []


def stack(template: Template, index: int, path: str, pieces: list[bytes]) -> list[bytes]:
    return witness_stack(template.inputs[index].spends, path, pieces)


def group_sign(vault: Kit, message: bytes, root: bytes | None) -> bytes:
    """A fresh signature of all parties together, over anything: what keys that were not deleted could do."""
    keys = vault.terms.musig_keys
    batch = signing.Presigning(keys, [(message, None, root)])
    seeds = [Seed.generate() for _ in keys]
    nonces = [batch.public_nonces(seed, vault.musig(i)) for i, seed in enumerate(seeds)]
    partials = [batch.sign(seed, vault.musig(i), nonces) for i, seed in enumerate(seeds)]
    return batch.aggregate(nonces, partials)[1:]


def sign_anew(vault: Kit, template: Template, index: int) -> list[bytes]:
    """The stack of input `index` of any template, freshly signed by whoever the leaf names; digits of no value."""
    path = template.inputs[index].path
    pairs = [(g, k) for g in range(len(vault.proposal.graphs)) for k in vault.proposal.challengers(g)]
    secrets = [vault.personal(i) for i in range(len(vault.proposal.parties))]
    secrets += [key for pair in pairs for key in (vault.lock(*pair), vault.reveal_key(*pair))]
    owners = {owner.xonly(): owner for owner in secrets}
    pieces = []
    for piece in template.inputs[index].spends.pieces(path):
        message = template.sighash(index, piece.position, path=path)
        if piece.key == vault.graph.cast.group:
            pieces.append(group_sign(vault, message, None))
        elif path == KEY_PATH:
            pieces.append(owners[piece.key].sign_key_path(message, None))
        else:
            pieces.append(owners[piece.key].sign(message))
    return stack(template, index, path, pieces)


DELAYED = [
    (engine, name, index)
    for engine, vault in KITS.items()
    for name, template in vault.graph.templates.items()
    for index, spent in enumerate(template.inputs)
    if spent.delay and (engine == "core" or kind(name) in ANSWERS)
]


@pytest.mark.parametrize(("engine", "name", "index"), DELAYED)
def test_a_sequence_below_the_delay_is_refused_by_the_script_however_well_signed(
    engine: Engine, name: str, index: int
) -> None:
    template = KITS[engine].graph.templates[name]
    delay = template.inputs[index].delay
    verdicts = {}
    for sequence in (delay, delay + 1, delay - 1, 0, NO_DELAY, delay | 1 << 31, delay | 1 << 22):
        inputs = list(template.inputs)
        inputs[index] = replace(inputs[index], sequence=sequence)
        changed = replace(template, inputs=tuple(inputs))
        witnesses = [sign_anew(KITS[engine], changed, i) if i == index else [] for i in range(len(inputs))]
        tx = parse(changed.signed(witnesses))
        verdicts[sequence] = valid_inputs(tx, list(template.prevouts))[index]
    accepted = {sequence for sequence, verdict in verdicts.items() if verdict}
    assert accepted == {delay, delay + 1}  # only the script looked at the sequence: every signature was right


def test_a_key_that_is_not_32_bytes_would_let_anyone_spend() -> None:
    """Why the script builder refuses such keys: the engine takes a 33-byte key as one of the future."""
    point = SMALL.personal(0).point()
    with pytest.raises(ScriptFault):
        script.check(point)
    broken = Leaf(name="open", script=b"\x21" + point + b"\xac", witness=(Sign(key=point[1:]),))
    sound = Leaf(name="shut", script=script.check(point[1:]), witness=(Sign(key=point[1:]),))
    for leaf, spendable in ((broken, True), (sound, False)):
        nums = SMALL.graph.plan.nums("test")
        output = Output(role="test", value=1_000, internal_key=nums, leaves=(leaf,))
        spend = Input(txid=digest("coin"), vout=0, sequence=NO_DELAY, spends=output, paths=(leaf.name,))
        template = Template(name="theft", inputs=(spend,), outputs=(anchor(),))
        junk = bytes(63) + b"\1"
        tx = parse(template.signed([stack(template, 0, leaf.name, [junk])]))
        # Core refuses the unknown key type by policy only, which a block does not ask.
        assert accepts(tx, list(template.prevouts)) is spendable


@pytest.mark.parametrize("engine", KITS)
def test_a_key_path_of_a_nums_output_has_no_signer(engine: Engine) -> None:
    """The personal keys and G, signing by key path for every NUMS output, are all refused."""
    vault = KITS[engine]
    last = ("0/disprove/1",) if engine == "core" else ("0/reveal/1", "0/refute/1", "0/no_payout/1")
    personal = {vault.personal(i).xonly() for i in range(3)}
    for name in ("refund/0", "0/no_assert", "0/contest", "0/contested_payout", *last):
        template = vault.graph.templates[name]
        for index, spent in enumerate(template.inputs):
            output = spent.spends
            if not isinstance(output, Output) or output.internal_key in personal | {vault.graph.cast.group}:
                continue
            message = template.sighash(index, path=KEY_PATH)
            forged = [vault.personal(i).sign_key_path(message, output.merkle_root) for i in range(3)]
            forged.append(group_sign(vault, message, output.merkle_root))
            for signature in forged:
                witnesses = [[signature] if i == index else [] for i in range(len(template.inputs))]
                tx = parse(template.signed(witnesses))
                assert not valid_inputs(tx, list(template.prevouts))[index]


@pytest.mark.parametrize("engine", KITS)
def test_the_product_signs_the_messages_of_the_independent_model(engine: Engine) -> None:
    vault = KITS[engine]
    for s in vault.graph.signatures:
        template = vault.graph.templates[s.template]
        spent = template.inputs[s.input].spends
        leaf = None if s.path == KEY_PATH else spent.leaf(s.path).script
        tx = parse(vault.finish(s.template))
        assert sighash(tx, list(template.prevouts), s.input, leaf, s.position) == s.message


def test_the_claimant_presigns_the_messages_of_the_independent_model_for_reveal() -> None:
    vault = KITS["babe"]
    for g, k in vault.graph.bound:
        template = vault.graph.templates[f"{g}/reveal/{k}"]
        leaf = template.inputs[0].spends.leaf("digits").script
        tx = parse(vault.finish(template.name))
        positions = [0xFFFFFFFF, *(3 * w + 2 for w in range(1, vault.proposal.graphs[g].digits))]
        wanted = [sighash(tx, list(template.prevouts), 0, leaf, position) for position in positions]
        assert vault.graph.reveal_messages(g, k)[0] == wanted
        assert len(set(wanted)) == len(wanted)
