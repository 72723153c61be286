//! Taproot trees, sighashes, transactions as bytes, addresses, and the search of a block for what is watched.
//!
//! Promises that bytes are parsed whole (nothing may follow), that trees have one shape for a list of leaves, and that
//! txids and block hashes are in internal byte order. Does NOT judge: scripts are not run, blocks and transactions are
//! not validated, and any network but mainnet is served.

mod address;
mod error;
mod taproot;
mod transaction;
mod watch;

pub use address::{address, script};
pub use error::TapscriptError;
pub use taproot::{Spend, nums_key, taproot};
pub use transaction::{NO_CODE_SEPARATOR, sighashes, strip_witness, txid, weight};
pub use watch::{Found, Watch};

#[cfg(test)]
mod bip341_vectors;
