"""Configuration: read, overridden by the environment, and every mistake named with its key."""

import tomllib
from pathlib import Path

import pytest

from node.config import Config, environment_keys, example, load
from node.faults import LocalFault
from node.limits import PRODUCT

IDENTITY = "ab" * 32
ADDRESS = "/ip4/127.0.0.1/tcp/3/p2p/12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5"
VALID = f"""
network = "regtest"
datadir = "/data"
[chain]
url = "http://127.0.0.1:18443"
cookie = "/data/.cookie"
[rpc]
port = 1
[p2p]
port = 2
peers = [{{ identity = "{IDENTITY}", address = "{ADDRESS}" }}]
[policy]
contest = "known"
release = "auto"
[[policy.known]]
commitment = "{IDENTITY}"
balance = 5
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "bitvm3.toml"
    path.write_text(text)
    return path


def test_a_full_file_is_read(tmp_path: Path) -> None:
    config = load(written(tmp_path, VALID))
    assert (config.network, config.datadir, config.chain_url) == ("regtest", Path("/data"), "http://127.0.0.1:18443")
    assert (config.rpc.port, config.p2p.port, config.p2p.peers[0].identity) == (1, 2, IDENTITY)
    assert (config.policy.contest, config.policy.release, config.policy.accept) == ("known", "auto", "manual")
    assert config.policy.known[0].balance == 5
    assert config.passphrase_path == Path("/data/passphrase")


def test_defaults_are_safe(tmp_path: Path) -> None:
    config = load(None)
    assert config.network == "regtest" and config.rpc.host == "127.0.0.1" and config.policy.accept == "manual"
    assert config.policy.minimum_depth == 6 and config.quota.artifact_bytes == PRODUCT.artifact_quota_bytes


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, VALID)
    monkeypatch.setenv("BITVM3_RPC__PORT", "99")
    monkeypatch.setenv("BITVM3_NETWORK", "signet")
    config = load(path)
    assert (config.rpc.port, config.network, config.p2p.port) == (99, "signet", 2)


@pytest.mark.parametrize(
    ("line", "changed", "named"),
    [
        ('network = "regtest"', 'network = "mainnet"', ("network", "audited", "'mainnet'")),
        ('network = "regtest"', 'network = "regtets"', ("network", "'regtest', 'signet'", "'regtets'")),
        ('network = "regtest"', 'netwrok = "regtest"', ("netwrok", "no such key", "'regtest'")),
        ("port = 1\n", "port = 65536\n", ("rpc.port", "less than or equal to 65535", "65536")),
        ("port = 1\n", "port = -1\n", ("rpc.port", "greater than or equal to 0", "-1")),
        ("port = 1\n", 'port = "x"\n', ("rpc.port", "valid integer", "'x'")),
        ("port = 1\n", 'port = 1\nhost = "0.0.0.0"\n', ("rpc.host", "loopback", "'0.0.0.0'")),
        ("port = 1\n", 'port = 1\nhost = "here"\n', ("rpc.host", "IPv4 or IPv6", "'here'")),
        ("port = 1\n", "port = 1\nprot = 1\n", ("rpc.prot", "no such key", "1")),
        (
            'contest = "known"',
            'contest = "sometimes"',
            ("policy.contest", "'always', 'never' or 'known'", "'sometimes'"),
        ),
        ('contest = "known"', "minimum_depth = 0", ("policy.minimum_depth", "greater than or equal to 1", "0")),
        ("balance = 5", "balance = -5", ("policy.known.0.balance", "greater than or equal to 0", "-5")),
        (f'commitment = "{IDENTITY}"', 'commitment = "abc"', ("policy.known.0.commitment", "pattern", "'abc'")),
        (f'identity = "{IDENTITY}"', 'identity = "AB"', ("p2p.peers.0.identity", "pattern", "'AB'")),
        ("/tcp/3/", "/udp/3/", ("p2p.peers.0.address", "pattern", "/udp/3/")),
        ('url = "http://127.0.0.1:18443"', 'url = "http://u:p@h/"', ("chain.url", "pattern", "http")),
    ],
)
def test_one_changed_line_is_refused_naming_key_expectation_and_value(
    tmp_path: Path, line: str, changed: str, named: tuple[str, ...]
) -> None:
    assert line in VALID
    with pytest.raises(LocalFault) as caught:
        load(written(tmp_path, VALID.replace(line, changed)))
    said = str(caught.value)
    assert all(name in said for name in named), said
    assert "bitvm3.toml" in said


def test_every_mistake_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(LocalFault, match=r"rpc\.port.*p2p\.port"):
        load(written(tmp_path, VALID.replace("port = 1\n", "port = -1\n").replace("port = 2\n", "port = -2\n")))


def test_a_wrong_environment_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BITVM3_RPC__PORT", "many")
    with pytest.raises(LocalFault, match="BITVM3_RPC__PORT"):
        load(None)
    monkeypatch.setenv("BITVM3_RPC__PORT", "1")
    monkeypatch.setenv("BITVM3_POLICY", "{not json")
    with pytest.raises(LocalFault, match="environment"):
        load(None)


def test_a_password_is_never_shown(tmp_path: Path) -> None:
    text = VALID.replace('cookie = "/data/.cookie"', 'user = "u"\npassword = "hunter2"')
    assert "hunter2" not in repr(load(written(tmp_path, text)))
    with pytest.raises(LocalFault) as caught:
        load(written(tmp_path, text.replace('"hunter2"', '["hunter2"]')))
    assert "hunter2" not in str(caught.value)


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(LocalFault, match="bitvm3 init"):
        load(tmp_path / "none.toml")


def test_a_file_at_the_limit_is_read_and_one_over_it_is_not(tmp_path: Path) -> None:
    most = PRODUCT.config_file_bytes
    load(written(tmp_path, VALID + "#" * (most - len(VALID))))
    with pytest.raises(LocalFault, match=f"at most {most} bytes"):
        load(written(tmp_path, VALID + "#" * (most - len(VALID) + 1)))


def test_the_example_is_valid_and_changes_nothing_but_network_and_folder(tmp_path: Path) -> None:
    text = example("signet", tmp_path)
    config = load(written(tmp_path, text))
    assert config == Config(network="signet", datadir=tmp_path)
    every = "\n".join(line.removeprefix("# ") for line in text.splitlines()[1:])
    keys = tomllib.loads(every)
    assert set(keys) == set(Config.model_fields)
    for table in ("chain", "rpc", "p2p", "policy", "quota"):
        assert set(keys[table]) == set(type(getattr(config, table)).model_fields)


def test_environment_names_follow_the_keys() -> None:
    assert {"BITVM3_NETWORK", "BITVM3_DATADIR", "BITVM3_POLICY"} <= environment_keys()
