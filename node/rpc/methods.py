"""What each RPC method does: parsed parameters in, orders to the node, JSON out. Holds no state."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from node.bundle import bundle
from node.rpc.drill import drill
from node.rpc.ledger import ledger_methods
from node.rpc.loan import loan_methods
from node.rpc.proving import proving_methods
from node.rpc.server import Method
from node.rpc.table import (
    BackupParams,
    BundleParams,
    ClaimParams,
    ConnectParams,
    ContestParams,
    Nothing,
    PictureParams,
    ProposeParams,
    RejectParams,
    SlotParams,
    VaultParams,
    WaitParams,
    bind,
)
from node.rpc.vault import accept, claim, contest, propose
from node.view import show_vault, vault_line

if TYPE_CHECKING:
    from node.app import Node
    from node.daemon import Daemon


def methods(daemon: Daemon) -> list[Method]:
    """The table's methods, bound to one daemon."""
    node: Node = daemon.node

    async def info(_: Nothing) -> Any:
        return daemon.info()

    async def wait(params: WaitParams) -> Any:
        return await node.wait_quiet(params.height)

    async def stop(_: Nothing) -> Any:
        node.stop()
        return {"stopping": True}

    async def backup(params: BackupParams) -> Any:
        return await daemon.backup(Path(params.folder))

    async def address(_: Nothing) -> Any:
        return {"address": await daemon.new_address()}

    async def balance(_: Nothing) -> Any:
        return daemon.balance()

    async def coins(_: Nothing) -> Any:
        return daemon.coins()

    async def peers(_: Nothing) -> Any:
        return daemon.peer_list()

    async def connect(params: ConnectParams) -> Any:
        return await daemon.connect(params.identity, params.address)

    async def propose_(params: ProposeParams) -> Any:
        return await propose(node, params.proposal)

    async def accept_(params: VaultParams) -> Any:
        return await accept(node, params.id)

    async def reject(params: RejectParams) -> Any:
        return await node.order(params.id, "want_abort", value=params.reason.encode())

    async def listing(_: Nothing) -> Any:
        return [vault_line(vault, state) for vault, state in node.book.items()]

    async def show(params: VaultParams) -> Any:
        return await show_vault(node, node.find(params.id))

    async def claim_(params: ClaimParams) -> Any:
        return await claim(node, params)

    async def contest_(params: ContestParams) -> Any:
        return await contest(node, params)

    async def drill_(params: VaultParams) -> Any:
        return await drill(node, params.id)

    async def repay(params: SlotParams) -> Any:
        return await node.order(params.id, "want_repay", params.slot)

    async def release(params: SlotParams) -> Any:
        return await node.order(params.id, "want_release", params.slot)

    async def deadman(params: SlotParams) -> Any:
        return await node.order(params.id, "want_deadman", params.slot)

    async def refund(params: SlotParams) -> Any:
        return await node.order(params.id, "want_refund", params.slot)

    async def bundle_(params: BundleParams) -> Any:
        return await bundle(node, params.id, params.path)

    async def picture(params: PictureParams) -> Any:
        return {"picture": await node.picture(params.id, params.format)}

    async def policy(_: Nothing) -> Any:
        return daemon.show_policy()

    return bind(
        {
            "node.info": info,
            "node.wait": wait,
            "node.stop": stop,
            "node.backup": backup,
            "wallet.address": address,
            "wallet.balance": balance,
            "wallet.coins": coins,
            "peer.list": peers,
            "peer.connect": connect,
            "vault.propose": propose_,
            "vault.accept": accept_,
            "vault.reject": reject,
            "vault.list": listing,
            "vault.show": show,
            "vault.claim": claim_,
            "vault.contest": contest_,
            "vault.drill": drill_,
            "vault.repay": repay,
            "vault.release": release,
            "vault.deadman": deadman,
            "vault.refund": refund,
            "vault.bundle": bundle_,
            "vault.graph": picture,
            "policy.show": policy,
            **proving_methods(node.context.proving),
            **ledger_methods(daemon),
            **loan_methods(daemon),
        }
    )
