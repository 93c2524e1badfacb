//! Reports: one versioned document of a plan ([`wire`]) and the views that are written from it and from nothing else.
//!
//! Nothing is shown that the JSON does not hold. Views write no file and know no terminal; the width is handed to them.

mod age;
mod changes;
mod differ;
pub mod graph;
pub mod html;
pub mod json;
pub mod markdown;
mod markup;
pub mod matrix;
mod style;
mod summary;
pub mod text;
pub mod wire;

pub use differ::differences;
pub use html::render_html;
pub use json::render_json;
pub use markdown::{marker, render_markdown};
pub use text::{TextOptions, render_text};
pub use wire::Report;
