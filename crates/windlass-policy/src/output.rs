//! What was found, in the formats that people and programs read.

pub mod json;
pub mod text;
