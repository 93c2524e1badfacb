//! The manifest: what a person wrote in `windlass.kdl`, read and resolved.
//!
//! [`model`] is the resolved workspace that everything after the language works on: no templates, no defaults left to apply.

pub mod model;
