//! An embedded single-node NEAR chain, a drop-in for the neard sandbox binary.
