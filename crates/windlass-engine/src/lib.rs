//! windlass-engine.
