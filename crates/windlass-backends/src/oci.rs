//! Registries of base images (the [`windlass_engine::ports::Upstream`] port), and the HTTP client that all of windlass's registry traffic shares.

pub mod connect;
pub(crate) mod problem;
pub(crate) mod transport;
