"""The ledger's rules and commitments written a second time from docs/ledger.md alone: plain ints and dicts, no product code.

`judge` reads the witness of a transition, `judge_outcome` that of a claim (signatures aside): None, or the rule that is
broken. Numbers are ints, field elements ints, words of 32 bytes hex, as in the witness. Test only.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

from tests.models.poseidon import poseidon as slow_poseidon

VALUE = 10**12  # sats * (cents per BTC) * basis points in one cent
SATS, CENTS = 51, 56
EVENT_BITS = {
    "kind": 4, "slot": 4, "how": 4, "nonce": 32, "height": 32, "time": 32, "price": 40, "price_time": 32,
    "cents": 56, "maturity": 32, "last_record": 32, "version": 16,
}  # fmt: skip
TOTALS_BITS = {
    "height": 32, "time": 32, "price": 40, "price_time": 32, "marks": 32, "seq": 32, "index": 80, "cash": 64,
    "principal": 64,
}  # fmt: skip
USES = {
    0: "", 1: "height time", 2: "price price_time",
    3: "vault party lender s0 s1 s2 s3 s4 s5 s6 s7 cents maturity last_record version",
    4: "vault nonce slot s0 s1 s2 s3 s4 s5 s6 s7", 5: "vault nonce slot cents", 6: "vault nonce slot how template",
    7: "vault nonce cents", 8: "vault nonce slot cents party template", 9: "vault nonce slot cents template",
    10: "vault nonce slot how",
}  # fmt: skip


@lru_cache(maxsize=1 << 16)
def remembered(*words: int) -> int:
    return slow_poseidon(words)


def poseidon(words: list[int]) -> int:
    return remembered(*words)


class Broken(Exception):
    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


forgiven: set[str] = set()  # rules that a test switches off, to see that nothing else is broken


def need(holds: object, rule: str) -> None:
    if not holds and rule not in forgiven:
        raise Broken(rule)


# ---- money -----------------------------------------------------------------------------------------------------------
def up(top: int, bottom: int) -> int:
    return (top + bottom - 1) // bottom


def is_open(p: dict, slot: int) -> bool:
    return slot < 8 and p["open"] >> slot & 1 == 1


def collateral(p: dict) -> int:
    return sum(p["sats"][s] for s in range(8) if is_open(p, s))


def owed(g: dict, p: dict) -> int:
    return up(p["principal"] * int(g["index"]), int(p["index_open"]))


def is_fresh(r: dict, price: int, price_time: int, time: int) -> bool:
    return price > 0 and time <= price_time + r["max_price_age"]


def price_of(r: dict, sats: int, price: int) -> int:
    return up(sats * price * 10**4, (10**4 + r["bonus"]) * 10**8)


def sick(r: dict, sats: int, price: int, debt: int) -> bool:
    return sats * price * r["liquidation"] < debt * VALUE


def below(r: dict, sats: int, price: int, debt: int) -> bool:
    return sats * price * r["liquidation"] * 10**4 < r["target_health"] * debt * VALUE


# ---- one event: totals, the vault's position (None: none), the slot's record -----------------------------------------
def step(r: dict, g: dict, p: dict | None, old: dict | None, e: dict) -> tuple[dict, dict | None, dict | None]:
    """The next (totals, position, record of e's slot); the tree and the log are the caller's."""
    kind = e["kind"]
    need(kind <= 10, "kind")
    check_fields(e)
    if kind == 0:
        return g, p, old
    g = {**g, "seq": g["seq"] + 1}
    new = old
    if kind == 1:
        need(e["height"] > g["height"], "accrue.height")
        need(e["time"] >= g["time"], "accrue.time")
        g["index"] = int(g["index"]) + r["rate"] * (e["height"] - g["height"])
        need(g["index"] < 1 << 80, "accrue.index")
        g["height"], g["time"] = e["height"], e["time"]
    elif kind == 2:
        need(e["price"] > 0, "mark_price.price")
        need(e["price_time"] >= g["price_time"], "mark_price.order")
        need(e["price_time"] <= g["time"] + r["max_price_lead"], "mark_price.lead")
        g["price"], g["price_time"], g["marks"] = e["price"], e["price_time"], g["marks"] + 1
    elif kind == 3:
        need(p is None, "open.vacant")
        p = opened(r, g, e)
        g["principal"] += e["cents"]
    else:
        need(p is not None, "position.exists")
        need(e["nonce"] == p["nonce"], "position.nonce")
        before = p["principal"]
        p = {**p, "nonce": p["nonce"] + 1}
        need(p["nonce"] < 1 << 32, "range")
        if kind in (5, 7, 8, 9):
            need(owed(g, p) < 1 << CENTS, "range")
        new = CHANGE[kind](r, g, p, old, e)
        g["principal"] += p["principal"] - before
    for name, bits in TOTALS_BITS.items():
        need(0 <= int(g[name]) < 1 << bits, "range")
    return g, p, new


def check_fields(e: dict) -> None:
    values = {**{k: e[k] for k in EVENT_BITS}, **{f"s{i}": s for i, s in enumerate(e["sats"])}}
    for name, value in values.items():
        need(0 <= value < 1 << EVENT_BITS.get(name, SATS), "range")
    values |= {name: int(e[name], 16) for name in ("vault", "party", "lender", "template")}
    used = {"kind", *USES[e["kind"]].split()}
    need(all(value == 0 for name, value in values.items() if name not in used), "unused")


def opened(r: dict, g: dict, e: dict) -> dict:
    count = len([s for s in e["sats"] if s])
    need(count and 0 not in e["sats"][:count], "open.sats")
    need(e["cents"] > 0, "open.principal")
    need(e["version"] == r["version"], "open.version")
    need(is_fresh(r, g["price"], g["price_time"], g["time"]), "open.fresh")
    need(e["cents"] * VALUE <= sum(e["sats"]) * g["price"] * r["max_ltv"], "open.ltv")
    need(e["maturity"] > g["height"], "open.maturity")
    need(e["last_record"] > g["height"], "open.last_record")
    return {
        "sats": list(e["sats"]), "open": 2**count - 1, "principal": e["cents"], "nonce": 1, "opened": g["height"],
        "maturity": e["maturity"], "last_record": e["last_record"], "version": e["version"],
        "index_open": int(g["index"]), "tender_slot": 0, "tender_cents": 0, "tender_height": 0, "mark": 0,
        "owner": e["party"], "lender": e["lender"],
    }  # fmt: skip


def owes(g: dict, p: dict, cents: int) -> None:
    p["principal"], p["index_open"] = cents, int(g["index"])


def add_collateral(r: dict, g: dict, p: dict, old: dict | None, e: dict) -> dict | None:
    need(p["open"], "add_collateral.open")
    need(e["slot"] < 8 and p["sats"].index(0) == e["slot"] if 0 in p["sats"] else False, "add_collateral.slot")
    need(e["sats"][0] > 0 and not any(e["sats"][1:]), "add_collateral.sats")
    p["sats"] = [e["sats"][0] if s == e["slot"] else sats for s, sats in enumerate(p["sats"])]
    p["open"] += 1 << e["slot"]
    return old


def tender(r: dict, g: dict, p: dict, old: dict | None, e: dict) -> dict | None:
    need(p["tender_slot"] == 0, "tender.none")
    need(is_open(p, e["slot"]) and p["open"] >> e["slot"] == 1, "tender.slot")
    debt = owed(g, p)
    need(e["cents"] == up(debt * p["sats"][e["slot"]], collateral(p)), "tender.cents")
    need(g["height"] <= p["maturity"] + r["grace"], "tender.time")
    owes(g, p, debt - e["cents"])
    p["open"] -= 1 << e["slot"]
    p["tender_slot"], p["tender_cents"], p["tender_height"] = e["slot"] + 1, e["cents"], g["height"]
    g["cash"] += e["cents"]
    return old


def withdraw(r: dict, g: dict, p: dict, old: dict | None, e: dict) -> dict | None:
    need(p["tender_slot"] == e["slot"] + 1, "withdraw.slot")
    waited = g["height"] >= p["tender_height"] + r["tender_window"]
    need(e["how"] == 1 or (e["how"] == 2 and waited), "withdraw.how")
    cents = p["tender_cents"]
    p["tender_slot"] = p["tender_cents"] = p["tender_height"] = 0
    return record(g, p, e, collateral(p), p["owner"], 1, 0, cents, cents, 0)


def repay(r: dict, g: dict, p: dict, old: dict | None, e: dict) -> dict | None:
    need(p["open"], "repay.open")
    debt = owed(g, p)
    need(0 < e["cents"] <= debt, "repay.cents")
    owes(g, p, debt - e["cents"])
    return old


def liquidate(r: dict, g: dict, p: dict, old: dict | None, e: dict) -> dict | None:
    return seize(r, g, p, e, "liquidate")


def default(r: dict, g: dict, p: dict, old: dict | None, e: dict) -> dict | None:
    return seize(r, g, p, e, "default")


def seize(r: dict, g: dict, p: dict, e: dict, name: str) -> dict:
    lowest = (p["open"] & -p["open"]).bit_length() - 1
    need(p["open"] and e["slot"] == lowest, f"{name}.slot")
    need(is_fresh(r, g["price"], g["price_time"], g["time"]), f"{name}.fresh")
    debt, sats, paid = owed(g, p), collateral(p), e["cents"]
    need(debt > 0, f"{name}.debt")
    begun = sick(r, sats, g["price"], debt)
    if name == "liquidate":
        goes_on = p["mark"] == g["marks"] and below(r, sats, g["price"], debt)
        need(begun or goes_on, "liquidate.health")
    else:
        need(g["height"] > p["maturity"] + r["grace"], "default.maturity")
    need(g["height"] <= p["last_record"], f"{name}.last_record")
    need(paid == price_of(r, p["sats"][e["slot"]], g["price"]), f"{name}.cents")
    surplus = max(0, paid - debt)
    owes(g, p, max(0, debt - paid))
    p["open"] -= 1 << e["slot"]
    p["mark"] = g["marks"]
    g["cash"] += paid
    if name == "default":
        return record(g, p, e, sats, p["lender"], 2, 0, debt, paid, surplus)
    return record(g, p, e, sats, e["party"], 3, int(not begun), debt, paid, surplus)


def record(g: dict, p: dict, e: dict, sats: int, who: str, outcome: int, continued: int, debt: int, paid: int,
           surplus: int) -> dict:  # fmt: skip
    return {
        "claimant": who, "template": e["template"], "outcome": outcome, "continued": continued, "settled": 0,
        "height": g["height"], "price_time": g["price_time"], "time": g["time"], "seq": g["seq"],
        "sats": p["sats"][e["slot"]], "collateral": sats, "price": g["price"], "debt": debt, "paid": paid,
        "surplus": surplus,
    }  # fmt: skip


def close(r: dict, g: dict, p: dict, old: dict | None, e: dict) -> dict:
    need(e["slot"] < 8 and old is not None and old["settled"] == 0, "close.record")
    waited = g["height"] >= old["height"] + r["settle_window"]
    need(e["how"] in (1, 3) or (e["how"] == 2 and waited), "close.how")
    g["cash"] -= old["paid"]
    return {**old, "settled": e["how"]}


CHANGE = {4: add_collateral, 5: tender, 6: withdraw, 7: repay, 8: liquidate, 9: default, 10: close}


# ---- commitments -----------------------------------------------------------------------------------------------------
def tag(name: str) -> int:
    return int.from_bytes(f"bitvm3/{name}/1".encode(), "big")


def ident(word: str) -> int:
    return poseidon([tag("id"), int(word[:32], 16), int(word[32:], 16)])


def pack(*fields: tuple[int, int]) -> int:
    total = 0
    for value, bits in reversed(fields):
        total = (total << bits) + value
    return total


def number(word: str) -> int:
    return int(word, 16)


def pack_sats(sats: list[int]) -> list[int]:
    return [pack(*((s, SATS) for s in sats[i : i + 4])) for i in (0, 4)]


def hash_rules(r: dict) -> int:
    shorts = ("version", "max_ltv", "margin_call", "liquidation", "fast", "bonus", "target_health")
    longs = ("grace", "max_price_age", "max_price_lead")
    return poseidon([
        tag("rules"),
        pack(*((r[n], 16) for n in shorts), *((r[n], 32) for n in longs)),
        pack((r["rate"], 64), (r["tender_window"], 32), (r["settle_window"], 32)),
    ])  # fmt: skip


def hash_record(d: dict | None) -> int:
    if d is None:
        return 0
    bits = {"outcome": 4, "continued": 1, "settled": 2, "height": 32, "price_time": 32, "time": 32, "seq": 32,
            "sats": 51, "collateral": 54}  # fmt: skip
    first = pack(*((d[n], b) for n, b in bits.items()))
    second = pack((d["price"], 40), (d["debt"], 56), (d["paid"], 56), (d["surplus"], 56))
    return poseidon([tag("record"), number(d["claimant"]), number(d["template"]), first, second])


def hash_position(key: int, p: dict, records: list[int]) -> int:
    bits = {"principal": 56, "open": 8, "nonce": 32, "opened": 32, "maturity": 32, "last_record": 32, "version": 16}
    tender_ = {"tender_slot": 4, "tender_cents": 56, "tender_height": 32, "mark": 32}
    return poseidon([
        tag("position"), key, *pack_sats(p["sats"]), pack(*((p[n], b) for n, b in bits.items())),
        pack((int(p["index_open"]), 80), *((p[n], b) for n, b in tender_.items())),
        number(p["owner"]), number(p["lender"]), poseidon([tag("records"), *records]),
    ])  # fmt: skip


def hash_root(ledger: str, g: dict) -> int:
    first = pack(*((g[n], TOTALS_BITS[n]) for n in ("height", "time", "price", "price_time", "marks", "seq")))
    second = pack((int(g["index"]), 80), (g["cash"], 64), (g["principal"], 64))
    return poseidon([tag("root"), ident(ledger), number(g["tree"]), first, second, number(g["log"])])


def hash_log(before: int, e: dict) -> int:
    names = list(EVENT_BITS)
    e1, e2 = (pack(*((e[n], EVENT_BITS[n]) for n in part)) for part in (names[:8], names[8:]))
    vault = ident(e["vault"]) if e["kind"] >= 3 else 0
    ids = [number(e[n]) for n in ("party", "lender", "template")]
    return poseidon([tag("event"), before, e1, e2, *pack_sats(e["sats"]), vault, *ids])


def vault_key(ledger: str, vault: str) -> int:
    return poseidon([tag("vault"), ident(ledger), ident(vault)])


def climb(place: int, leaf: int, path: list[list[str]]) -> int:
    for siblings in path:
        children = [number(s) for s in siblings]
        children.insert(place % 4, leaf)
        leaf, place = poseidon(children), place // 4
    return leaf


def tree_root(leaves: dict[int, int]) -> int:
    """The root of the whole tree from its leaves by number."""
    empty, level = 0, dict(leaves)
    for _ in range(14):
        parents = {place // 4 for place in level}
        level = {q: poseidon([level.get(4 * q + d, empty) for d in range(4)]) for q in parents}
        empty = poseidon([empty] * 4)
    return level.get(0, empty)


# ---- judges ----------------------------------------------------------------------------------------------------------
def judge(witness: dict) -> dict:
    """{"root": hex} of the ledger after the batch, or {"rule": name}."""
    ledger, g = witness["ledger"], dict(witness["globals"])
    try:
        for s in witness["steps"]:
            g = judge_step(ledger, witness["rules"], g, s)
    except Broken as broken:
        return {"rule": broken.rule}
    return {"root": f"{hash_root(ledger, g):064x}"}


def judge_step(ledger: str, rules: dict, g: dict, s: dict) -> dict:
    e, p, records = s["event"], s["position"], [number(r) for r in s["records"]]
    need(e["kind"] <= 10, "kind")
    check_fields(e)
    if e["kind"] < 3:
        g, _, _ = step(rules, g, None, None, e)
    else:
        key, leaf, old = vault_key(ledger, e["vault"]), number(s["leaf"]), s["record"]
        place = key % 2**28
        need(climb(place, leaf, s["path"]) == number(g["tree"]), "path")
        if e["kind"] == 3:
            need(leaf == 0, "open.vacant")
            p, old, records = None, None, [0] * 8
        else:
            need(leaf != 0 and p is not None, "position.exists")
            need(hash_position(key, p, records) == leaf, "position.leaf")
        if e["kind"] == 10:
            need(e["slot"] < 8 and hash_record(old) == records[e["slot"]], "close.record")
        g, p, new = step(rules, g, p, old, e)
        if e["kind"] in (6, 8, 9, 10):
            records[e["slot"]] = hash_record(new)
        g["tree"] = f"{climb(place, hash_position(key, p, records), s['path']):064x}"
    if e["kind"]:
        g["log"] = f"{hash_log(number(g['log']), e):064x}"
    return g


def set_root(attestors: list[str], threshold: int) -> int:
    leaves = [poseidon([tag("attestor"), number(a[:64]), number(a[64:])]) for a in attestors] + [0] * 16
    branches = [poseidon(leaves[i : i + 4]) for i in (0, 4, 8, 12)]
    return poseidon([tag("set"), threshold, len(attestors), poseidon(branches)])


def checkpoint_digest(ledger: str, c: dict) -> int:
    numbers = [c["seq"], number(c["root"]), c["price"], c["price_time"], c["height"], c["time"]]
    return poseidon([tag("checkpoint"), ident(ledger), *numbers])


def outcome_x(w: dict) -> int:
    names = [ident(w["network"]), ident(w["ledger"]), ident(w["vault"]), w["slot"], w["action"]]
    claim = [ident(w["claimant"]), ident(w["template"])]
    return poseidon([tag("outcome"), *names, *claim, set_root(w["attestors"], w["threshold"]), hash_rules(w["rules"])])


def judge_outcome(w: dict, x: int, verify) -> dict:
    """{} or {"rule": name}; x the statement's public input, verify(key hex, digest, signature hex) -> bool."""
    try:
        outcome(w, x, verify)
    except Broken as broken:
        return {"rule": broken.rule}
    return {}


def outcome(w: dict, x: int, verify) -> None:
    r, g, p, d = w["rules"], w["globals"], w["position"], w["record"]
    indices = [index for index, _ in w["signatures"]]
    rising = all(a < b for a, b in pairwise(indices))
    need(rising and all(i < len(w["attestors"]) for i in indices), "outcome.signers")
    need(len(indices) >= w["threshold"], "outcome.threshold")
    digest = checkpoint_digest(w["ledger"], w["checkpoint"])
    need(all(verify(w["attestors"][i], digest, s) for i, s in w["signatures"]), "outcome.signature")
    need(hash_root(w["ledger"], g) == number(w["checkpoint"]["root"]), "outcome.root")
    records = [number(h) for h in w["records"]]
    key = vault_key(w["ledger"], w["vault"])
    need(climb(key % 2**28, hash_position(key, p, records), w["path"]) == number(g["tree"]), "outcome.path")
    claim = (w["action"], ident(w["claimant"]), ident(w["template"]))
    named = d and (d["outcome"], number(d["claimant"]), number(d["template"])) == claim
    need(w["slot"] < 8 and named and hash_record(d) == records[w["slot"]] != 0, "outcome.record")
    need(outcome_x(w) == x, "outcome.rules")
    if w["action"] == 1:
        need(d["paid"] >= d["debt"], "withdraw.paid")
        return
    name = {2: "default", 3: "liquidate"}[w["action"]]
    if w["action"] == 2:
        need(d["height"] > p["maturity"] + r["grace"], "default.maturity")
        need(d["debt"] > 0, "default.debt")
        need(p["tender_slot"] != w["slot"] + 1, "default.tender")
    else:
        goes_on = d["continued"] and below(r, d["collateral"], d["price"], d["debt"])
        need(sick(r, d["collateral"], d["price"], d["debt"]) or goes_on, "liquidate.health")
    need(is_fresh(r, d["price"], d["price_time"], d["time"]), f"{name}.fresh")
    need(d["paid"] == price_of(r, d["sats"], d["price"]), f"{name}.cents")
    need(d["surplus"] == d["paid"] - min(d["paid"], d["debt"]), f"{name}.surplus")
