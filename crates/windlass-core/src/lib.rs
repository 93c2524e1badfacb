//! The core of windlass: language, rendering, fingerprints, plan and report.
//!
//! Pure and synchronous: no I/O, clock, environment or randomness. Core opens no file; it is handed texts and file lists.
//! Modules stand in reading order; a module imports only from modules before it.

pub mod name;

pub mod secret;

pub mod diag;

pub mod finding;

pub mod node;

pub mod format;

pub mod manifest;

pub mod pattern;

pub mod editor;

pub mod dockerfile;

pub mod shell;

pub mod context;

pub mod lock;

pub mod fingerprint;

pub mod desired;

pub mod observed;

pub mod oci;

pub mod plan;

pub mod report;

pub mod init;

pub mod iam;
