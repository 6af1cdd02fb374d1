//! The embedded letters, once in the program: for the window and for pictures without one. SIL Open Font License 1.1.

/// `Inter`, R. Andersson.
pub static INTER: &[u8] = include_bytes!("../../assets/fonts/Inter-Regular.otf");
pub static INTER_MEDIUM: &[u8] = include_bytes!("../../assets/fonts/Inter-Medium.otf");
pub static INTER_SEMI_BOLD: &[u8] = include_bytes!("../../assets/fonts/Inter-SemiBold.otf");
/// `JetBrains Mono`, `JetBrains`.
pub static JETBRAINS_MONO: &[u8] = include_bytes!("../../assets/fonts/JetBrainsMono-Regular.ttf");
pub static JETBRAINS_MONO_MEDIUM: &[u8] = include_bytes!("../../assets/fonts/JetBrainsMono-Medium.ttf");
