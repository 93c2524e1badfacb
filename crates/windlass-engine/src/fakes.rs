//! Registry and builder in memory, for tests of everything above the ports.
//!
//! Both follow a [`Script`]: it logs every call, makes chosen calls fail, lets something happen before one, and can stop the world at
//! the n-th call, as a kill would. A fake answers nothing that the real service would refuse: immutable tags stay, manifests need their
//! blobs, images need their repository.

mod builder;
mod registry;
mod script;

pub use builder::{FAKE_BUILDER, MemBuilder};
pub use registry::{MemRegistry, MemRepository};
pub use script::{Call, Operation, Script, StopAt};
