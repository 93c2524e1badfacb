//! The engine of windlass: observes, locks and applies through ports; knows no SDK and no file system.

pub mod apply;
pub mod desire;
pub mod event;
pub mod fakes;
pub mod inputs;
pub mod judged;
pub mod observe;
pub mod outcome;
pub mod ports;
pub mod recipe;
pub mod secrets;
