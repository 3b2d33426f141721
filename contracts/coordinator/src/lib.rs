//! The Piecework coordinator contract.
