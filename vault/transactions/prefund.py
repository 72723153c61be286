"""PreFund: the borrower's deposit, still refundable."""

from __future__ import annotations

from bitcoin_scripts import outputs
from bitcoin_scripts.outputs import AnyOutput, RawOutput
from bitcoin_scripts.transaction import Template, coin_input
from vault.plan import Plan


def prefund(plan: Plan) -> Template:
    """Wallet coins of B -> one prefund output a slot, change (when the plan has some), anchor.

    Published by B after everyone is `ready`. Its txid is known before it is signed: every input is segwit.
    """
    cast = plan.cast
    spent = [
        RawOutput(role=f"coin/{i}", value=coin.value, script_pubkey=coin.script_pubkey)
        for i, coin in enumerate(plan.coins)
    ]
    created: list[AnyOutput] = []
    for slot in range(len(plan.proposal.slots)):
        role = f"prefund/{slot}"
        created.append(
            outputs.prefund(
                role=role,
                value=plan.values[role],
                nums=plan.nums(role),
                group=cast.group,
                borrower=cast.personal[plan.proposal.borrower],
                hashlock_a=cast.hashlock_a,
                refund=plan.times.refund,
            )
        )
    if "change" in plan.values:
        change = outputs.destination(role="change", value=plan.values["change"], script_pubkey=cast.change_script)
        created.append(change)
    return Template(
        name="prefund",
        inputs=tuple(
            coin_input(txid=coin.txid, vout=coin.vout, spends=output)
            for coin, output in zip(plan.coins, spent, strict=True)
        ),
        outputs=(*created, outputs.anchor()),
    )
