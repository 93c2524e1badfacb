//! Adapters of the engine's ports: the only crate that names AWS or bollard.

pub mod docker;
