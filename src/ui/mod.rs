//! The window on egui: colours and letters, icons, small widgets, the painter of the map, and the panels around it.
//!
//! Panels draw a session and report what the hand did as actions; nothing here computes results or keeps documents.

pub mod app;
pub mod files;
pub mod icons;
mod keys;
mod layout;
pub mod map;
mod panels;
mod soak;
pub mod theme;
pub mod widgets;
pub mod window;
