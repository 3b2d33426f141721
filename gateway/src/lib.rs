//! HTTP API, streams and web pages over the mirror.
