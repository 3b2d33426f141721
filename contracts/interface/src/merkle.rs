//! The manifest's Merkle tree and the Merkle mountain range of a batch's results.
