//! near-workspaces tests of the contracts and of the whole system.
