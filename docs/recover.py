"""What a party's backup gives to Bitcoin Core when this software is gone: keys, secrets and descriptors.

    python docs/recover.py keys master.sealed passphrase                  wallet descriptors only
    python docs/recover.py keys master.sealed passphrase --store store    and every vault's coins of this party
    python docs/recover.py preimage PSBT R                                a PSBT of one input, with the preimage r in it
    python docs/recover.py leaf PSBT SCRIPT CONTROL                       the same, with a leaf that no descriptor can say

Promise: imports nothing of this project, only public packages (blake3, cryptography, msgspec, PyNaCl, rocksdict), and the
formats stand in the code below. `keys` prints PRIVATE KEYS: run it offline. Does NOT sign, publish, or change a file.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import struct
from pathlib import Path
from typing import Any

import msgspec
from blake3 import blake3
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt as open_box

# ---- keys/master.sealed ----------------------------------------------------------------------------------------------
HEADER = struct.Struct(">8s16sII")  # magic, salt, KiB of memory, iterations; then version (1), nonce (24), box (48)


def master_seed(sealed: bytes, passphrase: bytes) -> bytes:
    """The 32 bytes that everything but ephemeral keys is derived from."""
    magic, salt, memory, iterations = HEADER.unpack_from(sealed)
    if magic != b"BVM3KEY1":
        raise SystemExit("this is not a sealed master seed")
    key = Argon2id(salt=salt, length=32, iterations=iterations, lanes=1, memory_cost=memory).derive(passphrase)
    box = sealed[HEADER.size :]
    return open_box(box[25:], b"bitvm3 2026 master seed v1", box[1:25], key)


def child(seed: bytes, path: bytes) -> bytes:
    """Another seed."""
    key = blake3(seed, derive_key_context="bitvm3 2026 seed child v1").digest()
    return blake3(path, key=key).digest()


def scalar(seed: bytes, path: bytes) -> bytes:
    """A private key: the first 32 bytes of the stream that are one."""
    key = blake3(seed, derive_key_context="bitvm3 2026 seed scalar v1").digest()
    stream = blake3(path, key=key).digest(length=1024)
    return next(s for i in range(0, 1024, 32) if 0 < int.from_bytes(s := stream[i : i + 32], "big") < N)


# ---- secp256k1, for public data only: nothing here is constant time -----------------------------------------------------
P, N = 2**256 - 2**32 - 977, 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)
H = bytes.fromhex("50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0")  # BIP341
Point = tuple[int, int] | None


def lift(point: bytes) -> Point:
    """A compressed point, or an x-only one (even y)."""
    prefix, x = (point[0], point[1:]) if len(point) == 33 else (2, point)
    n = int.from_bytes(x, "big")
    y = pow(n**3 + 7, (P + 1) // 4, P)
    return n, y if y % 2 == prefix % 2 else P - y


def add(a: Point, b: Point) -> Point:
    """The sum."""
    if a is None or b is None:
        return a or b
    if a[0] == b[0] and (a[1] + b[1]) % P == 0:
        return None
    slope = (3 * a[0] ** 2 * pow(2 * a[1], -1, P) if a == b else (b[1] - a[1]) * pow(b[0] - a[0], -1, P)) % P
    x = (slope**2 - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def times(k: int, point: Point) -> Point:
    """The multiple."""
    total: Point = None
    for bit in f"{k:b}":
        total = add(total, total)
        total = add(total, point) if bit == "1" else total
    return total


def x_only(point: Point) -> bytes:
    """32 bytes."""
    return (point or G)[0].to_bytes(32, "big")


def tagged(tag: str, data: bytes) -> bytes:
    """BIP340."""
    start = hashlib.sha256(tag.encode()).digest()
    return hashlib.sha256(start + start + data).digest()


def group_key(keys: list[bytes]) -> bytes:
    """BIP327 key aggregation in the order given."""
    listed = tagged("KeyAgg list", b"".join(keys))
    second = next((key for key in keys if key != keys[0]), None)
    total: Point = None
    for key in keys:
        factor = 1 if key == second else int.from_bytes(tagged("KeyAgg coefficient", listed + key), "big") % N
        total = add(total, times(factor, lift(key)))
    return x_only(total)


def nums(vault_id: bytes, role: str) -> bytes:
    """H + hash(vault id, role) * G: nobody's key."""
    factor = blake3(vault_id + role.encode(), derive_key_context="bitvm3 2026 nums key v1").digest()
    return x_only(add(lift(H), times(int.from_bytes(factor, "big"), G)))


# ---- scripts that are no descriptors ---------------------------------------------------------------------------------
def push(data: bytes) -> bytes:
    """Of at most 75 bytes."""
    return bytes([len(data)]) + data


def number(value: int) -> bytes:
    """A minimal push of a script number."""
    if value <= 16:
        return bytes([0x50 + value])
    return push(value.to_bytes(value.bit_length() // 8 + 1, "little"))


def digit_leaf(first: bytes, key: bytes, digits: int) -> bytes:
    """<first> CHECKSIGVERIFY <key> (TUCK CHECKSIGVERIFY CODESEPARATOR) x (digits - 1) CHECKSIG."""
    return push(first) + b"\xad" + push(key) + b"\x7d\xad\xab" * (digits - 1) + b"\xac"


def after_leaf(key: bytes, delay: int) -> bytes:
    """<key> CHECKSIGVERIFY <delay> CHECKSEQUENCEVERIFY."""
    return push(key) + b"\xad" + number(delay) + b"\xb2"


def leaf_hash(script: bytes) -> bytes:
    """BIP341, leaf version 0xc0."""
    size = bytes([len(script)]) if len(script) < 0xFD else b"\xfd" + len(script).to_bytes(2, "little")
    return tagged("TapLeaf", b"\xc0" + size + script)


def two_leaves(internal: bytes, mine: bytes, other: bytes) -> tuple[bytes, bytes]:
    """The output's script, and the control block for `mine`, of a tree of two leaves."""
    root = tagged("TapBranch", b"".join(sorted((leaf_hash(mine), leaf_hash(other)))))
    tweak = int.from_bytes(tagged("TapTweak", internal + root), "big")
    output = add(lift(internal), times(tweak, G))
    odd = output[1] % 2 if output else 0
    return b"\x51\x20" + x_only(output), bytes([0xC0 | odd]) + internal + leaf_hash(other)


# ---- what Bitcoin Core reads -----------------------------------------------------------------------------------------
def base58check(data: bytes) -> str:
    """As in private keys and extended keys."""
    data += hashlib.sha256(hashlib.sha256(data).digest()).digest()[:4]
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def wif(key: bytes) -> str:
    """A private key of a test network."""
    return base58check(b"\xef" + key + b"\x01")


def wallet_descriptors(seed: bytes) -> list[str]:
    """Receive and change addresses of the built-in wallet (BIP86, test networks)."""
    digest = hmac.digest(b"Bitcoin seed", child(seed, b"wallet"), "sha512")
    root = base58check(bytes.fromhex("04358394") + bytes(9) + digest[32:] + b"\0" + digest[:32])
    return [f"tr({root}/86h/1h/0h/{change}/*)" for change in (0, 1)]


def checksum(descriptor: str) -> str:
    """BIP380."""
    symbols = "0123456789()[],'/*abcdefgh@:$%{}IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~ijklmnopqrstuvwxyzABCDEFGH`#\"\\ "
    state, groups = 1, [0]
    values: list[int] = []
    for n, letter in enumerate(descriptor):
        at = symbols.index(letter)
        values.append(at & 31)
        groups[0] = groups[0] * 3 + (at >> 5)
        if n % 3 == 2:
            values.append(groups[0])
            groups[0] = 0
    if len(descriptor) % 3:
        values.append(groups[0])
    for value in [*values, *[0] * 8]:
        top, state = state >> 35, (state & 0x7FFFFFFFF) << 5 ^ value
        for bit, term in enumerate((0xF5DEE51989, 0xA9FDCA3312, 0x1BAB10E32D, 0x3706B1677A, 0x644D626FFD)):
            state ^= term if top >> bit & 1 else 0
    letters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
    return "#" + "".join(letters[(state ^ 1) >> 5 * (7 - n) & 31] for n in range(8))


# ---- vaults ----------------------------------------------------------------------------------------------------------
def read_vaults(folder: Path) -> list[dict[str, Any]]:
    """The states in a store (a RocksDB folder), as they were written: MessagePack maps."""
    import rocksdict

    options = rocksdict.Options(raw_mode=True)
    names = rocksdict.Rdict.list_cf(str(folder), options)
    every = {name: rocksdict.Options(raw_mode=True) for name in names}
    database = rocksdict.Rdict(
        str(folder), options, column_families=every, access_type=rocksdict.AccessType.read_only()
    )
    blobs = database.get_column_family("blobs")
    states = [msgspec.msgpack.decode(raw) for _, raw in database.get_column_family("vaults").items()]
    found = [state for state in states if "funded" in state["facts"]]
    for state in found:
        named = {name: raw for name, raw in state["facts"].items() if name.split("/")[0] in ("points", "answers")}
        bodies = {name: blobs.get(raw) for name, raw in named.items()}
        state["locks"] = {name: dict(msgspec.msgpack.decode(body)[1]) for name, body in bodies.items() if body}
    return found


def terms_of(state: dict[str, Any]) -> dict[str, Any] | None:
    """Proposal and keys of all parties; None before everyone has stated them."""
    found = [state["facts"].get(f"keys/{p}") for p in range(len(state["proposal"]["parties"]))]
    if None in found:
        return None
    return {"proposal": state["proposal"], "keys": [msgspec.msgpack.decode(raw) for raw in found]}


def own_seed(seed: bytes, nonce: bytes) -> bytes:
    """This party's seed of the vault in which it stated this nonce."""
    return child(seed, b"vault/" + nonce)


def vault_lines(
    seed: bytes, terms: dict[str, Any], me: int, locks: dict[str, dict[int, bytes]]
) -> list[tuple[str, str]]:
    """(what, descriptor or secret) of everything that this party can take by itself.

    `locks`: of `points/g` the point of each challenger, of `answers/g/k` that of challenger k.
    """
    proposal, keys = terms["proposal"], terms["keys"]
    own = own_seed(seed, keys[me]["nonce"])
    personal = wif(scalar(own, b"personal"))
    roles = [party["role"] for party in proposal["parties"]]
    lines = [("bonds and stakes not played with, and nothing else of this key path", f"tr({personal})")]
    vault_id = blake3(msgspec.msgpack.encode(terms), derive_key_context="bitvm3 2026 vault id v1").digest()
    group = group_key([each["musig"] for each in keys]).hex()
    lender, times_ = keys[roles.index("lender")], proposal["timelocks"]
    for slot, value in enumerate(proposal["slots"]):
        if roles[me] == "lender":
            secret = child(own, b"hashlock r/%d" % slot).hex()
            lines.append((f"r of slot {slot}, for the borrower that has repaid", secret))
        if roles[me] != "borrower":
            continue
        into = f"and_v(v:sha256({keys[me]['hashlock_a'].hex()}),pk({group}))"
        back = f"and_v(v:pk({personal}),older({times_['refund']}))"
        lines.append((f"Refund of slot {slot}", f"tr({nums(vault_id, f'prefund/{slot}').hex()},{{{into},{back}}})"))
        repaid = f"and_v(v:sha256({lender['hashlocks_r'][slot].hex()}),pk({personal}))"
        alone = f"and_v(v:pk({personal}),older({times_['dead_man']}))"
        lines.append((f"Repay (with r) and DeadMan of slot {slot}, {value} sat", f"tr({group},{{{repaid},{alone}}})"))
    for g, graph in enumerate(proposal["graphs"]):
        if graph["engine"] == "babe":
            lines += _babe_lines(terms, me, g, locks, vault_id=vault_id, group=group, personal=personal)
    return lines


def _babe_lines(
    terms: dict[str, Any],
    me: int,
    g: int,
    locks: dict[str, dict[int, bytes]],
    *,
    vault_id: bytes,
    group: str,
    personal: str,
) -> list[tuple[str, str]]:
    """A challenger's stake behind its Reveal, a claimant's arenas that nobody used."""
    proposal, keys = terms["proposal"], terms["keys"]
    graph, times_ = proposal["graphs"][g], proposal["timelocks"]
    claimant = graph["claimant"]
    own: bytes = keys[claimant]["personal"]
    if me != claimant and f"answers/{g}/{me}" in locks:
        lock = locks[f"answers/{g}/{me}"][me][1:].hex()
        refute = f"and_v(v:pk({own.hex()}),pk({lock}))"
        timeout = f"and_v(v:pk({group}),older({times_['refute']}))"
        back = f"and_v(v:pk({personal}),older({times_['refute'] + times_['margin']}))"
        tree = f"{{{{{refute},{timeout}}},{back}}}"
        what = f"StakeBack of graph {g}, once payout is spent: {graph['stake']} sat"
        return [(what, f"tr({nums(vault_id, f'{g}/refute/{me}').hex()},{tree})")]
    lines = []
    for k, key in sorted(locks.get(f"points/{g}", {}).items()) if me == claimant else ():
        release = after_leaf(own, times_["bond_release"])
        digits = digit_leaf(keys[k]["personal"], key[1:], graph["digits"])
        script, control = two_leaves(nums(vault_id, f"{g}/arena/{k}"), release, digits)
        lines.append((f"unused arena of challenger {k} in graph {g}", f"raw({script.hex()})"))
        lines.append((f"its leaf, SCRIPT CONTROL, for arena {k} of graph {g}", f"{release.hex()} {control.hex()}"))
    return lines


def with_preimage(psbt: str, preimage: bytes) -> str:
    """The PSBT (of one input) with PSBT_IN_SHA256 (BIP174)."""
    return _with_entry(psbt, b"\x21\x0b" + hashlib.sha256(preimage).digest() + bytes([len(preimage)]) + preimage)


def with_leaf(psbt: str, script: bytes, control: bytes) -> str:
    """The PSBT (of one input) with PSBT_IN_TAP_LEAF_SCRIPT (BIP371)."""
    return _with_entry(psbt, push(b"\x15" + control) + push(script + b"\xc0"))


def _with_entry(psbt: str, entry: bytes) -> str:
    """The PSBT with this entry in front of its only input's map."""
    raw, at = base64.b64decode(psbt), 5
    while raw[at]:  # the global map: length and key, length and value
        for _ in ("key", "value"):
            size = raw[at]
            width = {0xFD: 2, 0xFE: 4}.get(size, 0)
            at += 1 + width + (int.from_bytes(raw[at + 1 : at + 1 + width], "little") if width else size)
    at += 1
    return base64.b64encode(raw[:at] + entry + raw[at:]).decode()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    keys = commands.add_parser("keys", help="print descriptors and secrets")
    keys.add_argument("master", type=Path, help="keys/master.sealed of the backup")
    keys.add_argument("passphrase", type=Path, help="the file with its passphrase")
    keys.add_argument("--store", type=Path, help="the folder `store` of the backup")
    keys.set_defaults(run=lambda o: print_keys(o.master, o.passphrase, o.store))
    shown = commands.add_parser("preimage", help="put r into a PSBT")
    shown.add_argument("psbt")
    shown.add_argument("preimage", type=bytes.fromhex)
    shown.set_defaults(run=lambda o: print(with_preimage(o.psbt, o.preimage)))
    leaf = commands.add_parser("leaf", help="put a leaf into a PSBT")
    leaf.add_argument("psbt")
    leaf.add_argument("script", type=bytes.fromhex)
    leaf.add_argument("control", type=bytes.fromhex)
    leaf.set_defaults(run=lambda o: print(with_leaf(o.psbt, o.script, o.control)))
    options = parser.parse_args()
    options.run(options)


def print_keys(master: Path, passphrase: Path, store: Path | None) -> None:
    """Everything that this party can take by itself."""
    seed = master_seed(master.read_bytes(), passphrase.read_bytes().removesuffix(b"\n").removesuffix(b"\r"))
    for descriptor in wallet_descriptors(seed):
        print(f"wallet\n    {descriptor}{checksum(descriptor)}")
    for state in read_vaults(store) if store else []:
        terms = terms_of(state)
        if terms is None:
            own = own_seed(seed, msgspec.msgpack.decode(state["facts"]["funded"])[0])
            text = f"tr({wif(scalar(own, b'personal'))})"
            print(f"a vault that ended before its keys: bonds and stakes\n    {text}{checksum(text)}")
            continue
        print(f"vault of {sum(terms['proposal']['slots'])} sat, party {state['me']}")
        for what, text in vault_lines(seed, terms, state["me"], state["locks"]):
            print(f"  {what}\n    {text}{checksum(text) if text.startswith(('tr(', 'raw(')) else ''}")


if __name__ == "__main__":
    main()
