//! A NEP-141 token for test networks and first deployments.
