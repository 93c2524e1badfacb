//! What the registries hold, and how it is kept.
//!
//! All changes are [`Event`]s: written to the journal first, applied to the state second. Nothing here knows
//! the API; refusals are decided by the callers.

mod blobs;
mod event;
mod journal;
mod manifest;
mod repository;
mod store;
mod upload;

pub(crate) use blobs::Blobs;
pub(crate) use event::Event;
pub(crate) use journal::JournalError;
pub(crate) use manifest::{ImageKind, Manifest, media};
#[cfg(test)]
pub(crate) use repository::Registry;
pub(crate) use repository::{
    ExclusionFilter, Image, ImageStatus, LifecyclePreview, Mutability, RegistrySettings,
    Repository, RepositorySettings, Scope, wildcard_matches,
};
pub(crate) use store::{Store, StoreGuard};
pub(crate) use upload::{Upload, Uploads};
