//! windlass-backends.
