//! The application without a window: what the window and the command line both do with a scenario.

pub mod picture;
