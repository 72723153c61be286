//! Addresses of the test networks.

use bitcoin::address::NetworkUnchecked;
use bitcoin::{Address, Network, Script};

use crate::TapscriptError;

/// Names as Terms and configuration have them. Mainnet is not among them.
const NETWORKS: [(&str, Network); 4] = [
    ("regtest", Network::Regtest),
    ("signet", Network::Signet),
    ("testnet", Network::Testnet),
    ("testnet4", Network::Testnet4),
];

fn network(name: &str) -> Result<Network, TapscriptError> {
    NETWORKS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|&(_, network)| network)
        .ok_or_else(|| TapscriptError::new("network", "regtest, signet, testnet or testnet4", name))
}

/// The address of a scriptPubKey.
pub fn address(script: &[u8], network_name: &str) -> Result<String, TapscriptError> {
    let network = network(network_name)?;
    Address::from_script(Script::from_bytes(script), network)
        .map(|address| address.to_string())
        .map_err(|error| TapscriptError::new("script", "one that has an address", error))
}

/// The scriptPubKey of an address of that network.
pub fn script(address: &str, network_name: &str) -> Result<Vec<u8>, TapscriptError> {
    let network = network(network_name)?;
    let expected = format!("an address of {network_name}");
    address
        .parse::<Address<NetworkUnchecked>>()
        .and_then(|address| address.require_network(network))
        .map(|address| address.script_pubkey().into_bytes())
        .map_err(|error| TapscriptError::new("address", expected, error))
}
