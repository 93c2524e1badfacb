//! Registries of base images (the [`windlass_engine::ports::Upstream`] port), and the HTTP client that all registry traffic shares.

mod auth;
pub(crate) mod connect;
pub(crate) mod problem;
mod reference;
pub(crate) mod transport;
mod upstream;

pub use connect::Network;
pub use upstream::UpstreamRegistries;
