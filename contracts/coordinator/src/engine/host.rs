//! What the rules need from the chain.

use piecework_interface::Sha256;

/// A contract's view of the chain during one call. NEAR implements it with host functions, tests in memory.
pub trait Host {
    /// The SHA-256 of this host.
    const SHA256: Sha256;

    /// Whether an ed25519 signature over a message is the key's.
    fn ed25519_verify(&self, signature: &[u8; 64], message: &[u8], public_key: &[u8; 32]) -> bool;
    /// Reads a record.
    fn read(&self, key: &[u8]) -> Option<Vec<u8>>;
    /// Writes a record.
    fn write(&mut self, key: &[u8], value: &[u8]);
    /// Removes a record.
    fn remove(&mut self, key: &[u8]);
    /// Removes a record and returns what it was.
    fn take(&mut self, key: &[u8]) -> Option<Vec<u8>>;
    /// Time of the block, nanoseconds since 1970.
    fn now_ns(&self) -> u64;
    /// Height of the block.
    fn height(&self) -> u64;
    /// Who calls. Never the signer: a relayed call is the user's.
    fn predecessor(&self) -> String;
    /// The contract's own account.
    fn current_account(&self) -> String;
    /// Attached deposit, yoctoNEAR.
    fn deposit(&self) -> u128;
    /// Random seed of this receipt and action.
    fn random_seed(&self) -> Vec<u8>;
    /// Gas that is left.
    fn gas_left(&self) -> u64;
    /// Writes a log line.
    fn log(&mut self, line: &str);
}
