//! The journal replayed: the mirror's rows, and nothing else, from log lines and reveal arguments.
