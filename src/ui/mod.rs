//! The window's parts on egui: colours and letters, icons, small widgets, and the painter of the map.
//!
//! Everything draws plain data and reports what the hand did; nothing here computes results or keeps documents.

pub mod icons;
pub mod map;
pub mod theme;
pub mod widgets;
