"""The daemon's configuration: a TOML file, then environment variables over it.

Promises: every key is checked, unknown keys are refused, and an error names the key, what was expected, what came and
from where. Does NOT hold a secret (the passphrase stays in its own file; the chain's password is masked in texts).

Environment: BITVM3_NETWORK, BITVM3_DATADIR, BITVM3_RPC__PORT, BITVM3_P2P__PEERS (JSON) and so on, `__` for a table.
"""

from __future__ import annotations

import tomllib
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StrictInt,
    StrictStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from node.faults import LocalFault
from node.limits import PRODUCT, Limits

Port = Annotated[int, Field(ge=0, le=65535)]
Hex32 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Sats = Annotated[int, Field(ge=0, le=21_000_000 * 100_000_000)]

FILE_NAME = "bitvm3.toml"
_MAINNET = {"main", "mainnet", "bitcoin"}
_CHAIN_PORTS = {"regtest": 18443, "signet": 38332, "testnet": 18332, "testnet4": 48332}


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ChainConfig(_Table):
    """Bitcoin Core's RPC: `cookie` (a file) or `user` and `password`."""

    url: Annotated[str, Field(pattern=r"^https?://[^/\s@]+/?$")] | None = None
    cookie: Path | None = None
    user: str = ""
    password: SecretStr = SecretStr("")


class RpcConfig(_Table):
    """Our own RPC; loopback only. Port 0: any free one (clients find it in the data folder)."""

    host: str = "127.0.0.1"
    port: Port = 18730

    @field_validator("host")
    @classmethod
    def _loopback(cls, value: str) -> str:
        if not ip_address(value).is_loopback:
            raise ValueError("a loopback address (127.0.0.1 or ::1)")
        return value


class PeerConfig(_Table):
    """A node we know: its identity (x-only key) and its multiaddress."""

    identity: Hex32
    address: Annotated[str, Field(pattern=r"^/(ip4|ip6|dns|dns4|dns6)/[^/]+/tcp/\d+/p2p/\w+$")]


class P2pConfig(_Table):
    """Where peers reach us, and whom we connect to."""

    host: str = "127.0.0.1"
    port: Port = 18731
    peers: tuple[PeerConfig, ...] = ()

    @field_validator("host")
    @classmethod
    def _address(cls, value: str) -> str:
        ip_address(value)
        return value


class KnownBalance(_Table):
    """A sealed balance known out of band: the commitment of a graph, and what it hides."""

    commitment: Hex32
    balance: Sats


class PolicyConfig(_Table):
    """What the node does without asking its operator.

    `contest`: every claim, none, or those above a balance in `known`. `minimum_depth`: Terms with fewer confirmations
    before a secret is shown are refused. `reorg_bound`: a deeper reorg halts the vault with an alarm.
    `setup_patience_seconds`: a setup in which another party owes something and nothing came for that long is ended: a day,
    because operators accept by hand and bonds have to be buried.
    """

    contest: Literal["always", "never", "known"] = "known"
    known: tuple[KnownBalance, ...] = ()
    accept: Literal["manual", "auto"] = "manual"
    release: Literal["manual", "auto"] = "manual"
    minimum_depth: Annotated[int, Field(ge=1, le=144)] = 6
    reorg_bound: Annotated[int, Field(ge=6, le=1008)] = 100
    setup_patience_seconds: Annotated[int, Field(ge=5, le=604_800)] = 86_400


class QuotaConfig(_Table):
    """Disk use: bytes of all artifacts of this data folder."""

    artifact_bytes: Annotated[int, Field(ge=1024 * 1024)] = PRODUCT.artifact_quota_bytes


class ProvingConfig(_Table):
    """Where proving keys are kept. Several nodes of one owner on one network may share a folder."""

    folder: Path | None = None


SourceName = Annotated[str, Field(pattern="^[a-z0-9_-]{1,32}$")]
JsonPath = Annotated[tuple[StrictStr | StrictInt, ...], Field(max_length=8)]


class FilePrice(_Table):
    """A JSON file {"price": cents per BTC, "time": unix seconds} that another program replaces."""

    kind: Literal["file"]
    name: SourceName
    path: Path

    @field_validator("path")
    @classmethod
    def _expand(cls, value: Path) -> Path:
        return value.expanduser().absolute()


class HttpPrice(_Table):
    """A server that answers GET with JSON. `price` and `time` are paths of keys and positions into it."""

    kind: Literal["http"]
    name: SourceName
    url: Annotated[str, Field(pattern=r"^https?://[^/\s@]+(/\S*)?$", max_length=2000)]
    price: JsonPath
    time: JsonPath | None = None
    unit: Literal["dollars", "cents"] = "dollars"


class ManualPrice(_Table):
    """What the operator says with `bitvm3 attestor price`."""

    kind: Literal["manual"]
    name: SourceName


PriceSource = Annotated[FilePrice | HttpPrice | ManualPrice, Field(discriminator="kind")]


class PricesConfig(_Table):
    """Where an attestor has its price from, and when the sources make one (node/prices/quote.py).

    `minimum`: by default more than half of the sources. `spread` in basis points of the median.
    """

    sources: tuple[PriceSource, ...] = ()
    minimum: Annotated[int, Field(ge=1)] | None = None
    fresh_seconds: Annotated[int, Field(ge=1, le=86400)] = 600
    lead_seconds: Annotated[int, Field(ge=0, le=7200)] = 60
    spread: Annotated[int, Field(ge=0, le=10_000)] = 200

    @field_validator("sources")
    @classmethod
    def _names(cls, value: tuple[PriceSource, ...]) -> tuple[PriceSource, ...]:
        if len({source.name for source in value}) != len(value) or len(value) > PRODUCT.price_sources:
            raise ValueError(f"at most {PRODUCT.price_sources} sources, each with a name of its own")
        return value

    @model_validator(mode="after")
    def _possible(self) -> PricesConfig:
        if self.sources and self.needed > len(self.sources):
            raise ValueError(f"prices.minimum of at most the {len(self.sources)} sources")
        return self

    @property
    def needed(self) -> int:
        """How many sources have to agree."""
        return self.minimum if self.minimum is not None else len(self.sources) // 2 + 1


class LedgerConfig(_Table):
    """`trusted_keys`: ids of the verifying keys whose transition proofs this node believes; on regtest any key is."""

    trusted_keys: tuple[Hex32, ...] = ()


class AttestorConfig(_Table):
    """What an attestor of this node signs by itself, and how far a marked price may be from its own.

    `policy`: auto signs what passes every check, manual waits for `bitvm3 attestor approve`. `tolerance`: basis points of
    the own median. `price_age`: own medians are remembered for so many seconds; an older marked price cannot be compared.
    `time_tolerance`: seconds between the median time past of a height on our chain and in an event: a reorg moves it a little.
    `coins`: checked compares every event of a position with the coins behind it (docs/lending.md); unlinked takes the keeper's
    word for them.
    """

    policy: Literal["manual", "auto"] = "manual"
    tolerance: Annotated[int, Field(ge=0, le=2000)] = 100
    price_age: Annotated[int, Field(ge=1, le=86400)] = 900
    time_tolerance: Annotated[int, Field(ge=0, le=7200)] = 600
    coins: Literal["checked", "unlinked"] = "checked"


class KeeperConfig(_Table):
    """What the keeper of a ledger with registered loans posts by itself (docs/lending.md).

    `automatic`: on follows coins, windows and prices; off posts nothing. `accrue_blocks`: blocks after which interest runs on
    when nothing else is posted. `mark_seconds`: a price that has not moved is marked again with what is posted after so long.
    """

    automatic: Literal["on", "off"] = "on"
    accrue_blocks: Annotated[int, Field(ge=1, le=1008)] = 6
    mark_seconds: Annotated[int, Field(ge=1, le=86400)] = 1800


Act = Literal["off", "dry-run", "auto"]


class LendingConfig(_Table):
    """What this node does by itself as a party of loans (node/lending/wishes.py), and the most it spends on it.

    `dry-run` says what would be done, and why, and does nothing. A day is 144 blocks. `margin`: basis points that a coin must be
    worth more than it costs, at the own median price. The ceilings hold for every transaction of this node and its child.
    """

    lend: Act = "dry-run"
    take: Act = "dry-run"
    default: Act = "dry-run"
    liquidate: Act = "dry-run"
    tender: Literal["manual", "auto-at-maturity"] = "manual"
    release: Literal["manual", "auto"] = "auto"
    dead_man: Literal["manual", "auto"] = "manual"
    max_cents_a_day: Annotated[int, Field(ge=0, lt=1 << 56)] = 1_000_000
    max_slots_a_day: Annotated[int, Field(ge=0, le=10_000)] = 4
    margin: Annotated[int, Field(ge=0, le=10_000)] = 100
    contests_a_day: Annotated[int, Field(ge=0, le=10_000)] = 144
    fee_ceiling_rate: Annotated[int, Field(ge=1, le=10_000)] = 500
    fee_ceiling_sats: Annotated[int, Field(ge=1_000, le=100_000_000)] = 1_000_000
    poll_seconds: Annotated[float, Field(ge=0.05, le=600)] = 2.0


class Config(BaseSettings):
    """Everything the daemon is told. Make one with `load`."""

    model_config = SettingsConfigDict(
        env_prefix="BITVM3_", env_nested_delimiter="__", extra="forbid", frozen=True, validate_default=True
    )

    network: Literal["regtest", "signet", "testnet", "testnet4"] = "regtest"
    datadir: Path = Path("~/.bitvm3")
    passphrase_file: Path | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    chain: ChainConfig = ChainConfig()
    rpc: RpcConfig = RpcConfig()
    p2p: P2pConfig = P2pConfig()
    policy: PolicyConfig = PolicyConfig()
    ledger: LedgerConfig = LedgerConfig()
    attestor: AttestorConfig = AttestorConfig()
    keeper: KeeperConfig = KeeperConfig()
    lending: LendingConfig = LendingConfig()
    quota: QuotaConfig = QuotaConfig()
    prices: PricesConfig = PricesConfig()
    proving: ProvingConfig = ProvingConfig()

    @field_validator("network", mode="before")
    @classmethod
    def _no_mainnet(cls, value: object) -> object:
        if isinstance(value, str) and value in _MAINNET:
            raise ValueError("regtest, signet, testnet or testnet4: mainnet is refused until this software is audited")
        return value

    @field_validator("datadir")
    @classmethod
    def _expand(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @property
    def chain_url(self) -> str:
        """The chain's RPC address; by default this network's usual port on this machine."""
        return self.chain.url or f"http://127.0.0.1:{_CHAIN_PORTS[self.network]}"

    @property
    def passphrase_path(self) -> Path:
        """The passphrase file; by default `passphrase` in the data folder."""
        return (self.passphrase_file or self.datadir / "passphrase").expanduser()

    @property
    def proving_path(self) -> Path:
        """The key folder; by default `proving` in the data folder."""
        return (self.proving.folder or self.datadir / "proving").expanduser().absolute()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over file; nothing else is read."""
        return env_settings, init_settings


def load(path: Path | None, *, limits: Limits = PRODUCT) -> Config:
    """Read the file (None: environment and defaults only).

    Raises:
        LocalFault: the file is missing, too long or no TOML, or a key is unknown or wrong; every problem is named.
    """
    values = {} if path is None else _read(path, limits)
    try:
        return Config(**values)
    except ValidationError as error:
        raise _fault(path, error) from error
    except ValueError as error:  # an environment variable of a table that is no JSON
        raise LocalFault(
            what="environment", expected="JSON for tables and lists", came=str(error)[:300], todo="Correct it."
        ) from error


def _read(path: Path, limits: Limits) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            raw = file.read(limits.config_file_bytes + 1)
    except OSError as error:
        raise LocalFault(
            what=f"configuration file {path}",
            expected="a readable file",
            came=str(error),
            todo="`bitvm3 init` writes one.",
        ) from error
    if len(raw) > limits.config_file_bytes:
        raise LocalFault(
            what=f"configuration file {path}", expected=f"at most {limits.config_file_bytes} bytes", came="more"
        )
    try:
        return tomllib.loads(raw.decode())
    except (ValueError, RecursionError) as error:  # no TOML, no text, or a number of thousands of digits
        raise LocalFault(
            what=f"configuration file {path}", expected="TOML", came=str(error)[:300], todo="Correct that line."
        ) from error


def _fault(path: Path | None, error: ValidationError) -> LocalFault:
    """All problems in one fault: keys in `what`, and for each what was expected and what came."""
    problems = error.errors(include_url=False, include_context=False)
    keys = [".".join(str(part) for part in problem["loc"]) or "configuration" for problem in problems]
    expected = "; ".join(f"{key}: {_expected(problem)}" for key, problem in zip(keys, problems, strict=True))
    came = "; ".join(f"{key}: {_came(problem)}" for key, problem in zip(keys, problems, strict=True))
    where = str(path) if path is not None else "the environment"
    return LocalFault(
        what=f"configuration, {', '.join(keys)}",
        expected=expected,
        came=came,
        todo=f"Correct {where} (or the environment variable BITVM3_{keys[0].upper().replace('.', '__')}).",
    )


def _expected(problem: Any) -> str:
    if problem["type"] == "extra_forbidden":
        return "no such key"
    message = str(problem["msg"])
    return message.removeprefix("Value error, ").removeprefix("Input should be ")


def _came(problem: Any) -> str:
    value = problem.get("input")
    if "password" in problem["loc"]:
        return "something else"
    match value:
        case dict():
            return "a table"
        case list() | tuple():
            return "a list"
        case _:
            return repr(value)[:120]


def environment_keys() -> set[str]:
    """Top-level environment variables that `load` reads, for the documentation."""
    return {f"{EnvSettingsSource(Config).env_prefix}{name.upper()}" for name in Config.model_fields}


def example(network: str, datadir: Path) -> str:
    """The file that `bitvm3 init` writes: every table with its defaults, as comments where a default serves."""
    return f"""# BitVM3 node. Every key is optional except where a comment says otherwise; environment variables win.
network = "{network}"
datadir = "{datadir}"
# passphrase_file = "{datadir}/passphrase"
# log_level = "info"                     # debug, info, warning, error

[chain]                                  # Bitcoin Core v28 or newer, or this package's sandbox
# url = "http://127.0.0.1:{_CHAIN_PORTS.get(network, 18443)}"
# cookie = "/path/to/.cookie"            # or user and password
# user = ""
# password = ""

[rpc]                                    # loopback only
# host = "127.0.0.1"
# port = 18730

[p2p]
# host = "127.0.0.1"                     # the address peers reach
# port = 18731
# peers = [ {{ identity = "<64 hex>", address = "/ip4/HOST/tcp/PORT/p2p/PEER-ID" }} ]

[policy]
# contest = "known"                      # always, never, known
# accept = "manual"                      # auto: accept every proposal that names this node and passes the checks
# release = "manual"                     # auto: show r of a slot to the borrower when asked
# minimum_depth = 6                      # confirmations before a secret is shown; Terms below are refused
# reorg_bound = 100                      # blocks; a deeper reorg halts the vault with an alarm
# setup_patience_seconds = 86400         # a setup that waits this long for another party's word is ended, naming it
# [[policy.known]]                       # a sealed balance known out of band
# commitment = "<64 hex>"
# balance = 0

[quota]
# artifact_bytes = {PRODUCT.artifact_quota_bytes}

[ledger]
# trusted_keys = []                      # verifying keys of ceremonies, by id (64 hex); needed to open a ledger off regtest

[attestor]
# policy = "manual"                      # auto: sign every checkpoint that passes every check
# tolerance = 100                        # basis points between a marked price and our own median
# price_age = 900                        # seconds; an older marked price cannot be compared: approve it by hand
# time_tolerance = 600                   # seconds between an event's time and the median time past on our chain
# coins = "checked"                      # unlinked: sign events of positions without looking at the coins behind them

[keeper]                                 # of a ledger with loans
# automatic = "on"                       # off: post nothing by itself
# accrue_blocks = 6
# mark_seconds = 1800

[lending]                                # what this node does by itself as a party of loans; a day is 144 blocks
# lend = "dry-run"                       # lender: lock the principal. off, dry-run (say it, do nothing), auto
# take = "dry-run"                       # borrower: take the loan when the deposit is buried
# default = "dry-run"                    # lender: pay for a coin after maturity and grace
# liquidate = "dry-run"                  # liquidator: pay for a coin of an unhealthy loan
# tender = "manual"                      # borrower: auto-at-maturity repays slot after slot
# release = "auto"                       # lender: show r when our own final checkpoint proves the tender
# dead_man = "manual"                    # borrower: auto takes the coins home when everybody is gone
# max_cents_a_day = 1000000              # for liquidations and defaults together
# max_slots_a_day = 4
# margin = 100                           # basis points that a coin must be worth more than it costs, at our own price
# contests_a_day = 144                   # of claims in loans; what is over it is not contested, with an alarm
# fee_ceiling_rate = 500                 # sat/vB, and sats, that any transaction of this node and its child may pay
# fee_ceiling_sats = 1000000
# poll_seconds = 2.0                     # between two looks at the keeper; every block is a look too

[proving]
# folder = "{datadir}/proving"           # of the proving keys; `bitvm3 setup` fills it

[prices]                                 # for attestors: the median of these sources
# minimum = 1                            # sources that must be fresh and agree; by default more than half
# fresh_seconds = 600
# lead_seconds = 60                      # how far ahead of the clock a source may be
# spread = 200                           # basis points from the median; who is farther off is left out
# [[prices.sources]]
# kind = "http"                          # or file (path = FILE), or manual
# name = "one"
# url = "https://HOST/price"
# price = ["data", "amount"]             # keys, and positions in lists
# unit = "dollars"                       # or cents
"""
