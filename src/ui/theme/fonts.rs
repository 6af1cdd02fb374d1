//! Letters: `Inter` for words, `JetBrains Mono` for digits that line up or change, egui's own for whatever they lack.

use std::sync::Arc;

use egui::{FontData, FontDefinitions, FontFamily, FontId, TextStyle};

use super::tokens::TypeSize;
use crate::view::fonts;

/// Name in the token file and the letters.
fn files() -> [(&'static str, &'static [u8]); 5] {
    [
        ("text", fonts::INTER),
        ("text_medium", fonts::INTER_MEDIUM),
        ("text_strong", fonts::INTER_SEMI_BOLD),
        ("mono", fonts::JETBRAINS_MONO),
        ("mono_medium", fonts::JETBRAINS_MONO_MEDIUM),
    ]
}

/// The sizes of the type scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// The one number of a panel.
    Readout,
    /// The time of the transport.
    Time,
    /// A page's name.
    Display,
    Heading,
    /// Names of panels and cards.
    Title,
    /// Names, values in sentences.
    BodyStrong,
    Body,
    /// Notes, units, axes.
    Caption,
    /// Digits in columns.
    Mono,
    MonoSmall,
}

impl Type {
    pub const ALL: [Self; 10] = [
        Self::Readout,
        Self::Time,
        Self::Display,
        Self::Heading,
        Self::Title,
        Self::BodyStrong,
        Self::Body,
        Self::Caption,
        Self::Mono,
        Self::MonoSmall,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Readout => "readout",
            Self::Time => "time",
            Self::Display => "display",
            Self::Heading => "heading",
            Self::Title => "title",
            Self::BodyStrong => "body_strong",
            Self::Body => "body",
            Self::Caption => "caption",
            Self::Mono => "mono",
            Self::MonoSmall => "mono_small",
        }
    }

    fn token(self) -> &'static TypeSize {
        let scale = &super::tokens().type_scale;
        match self {
            Self::Readout => &scale.readout,
            Self::Time => &scale.time,
            Self::Display => &scale.display,
            Self::Heading => &scale.heading,
            Self::Title => &scale.title,
            Self::BodyStrong => &scale.body_strong,
            Self::Body => &scale.body,
            Self::Caption => &scale.caption,
            Self::Mono => &scale.mono,
            Self::MonoSmall => &scale.mono_small,
        }
    }

    /// The style under which egui knows it: its own names where it has one.
    pub fn style(self) -> TextStyle {
        match self {
            Self::Heading => TextStyle::Heading,
            Self::Body => TextStyle::Body,
            Self::Caption => TextStyle::Small,
            Self::Mono => TextStyle::Monospace,
            other => TextStyle::Name(other.name().into()),
        }
    }

    /// Family and size.
    pub fn font(self) -> FontId {
        let token = self.token();
        FontId::new(token.size, family(&token.family))
    }

    /// Height of a line in points.
    pub fn line(self) -> f32 {
        self.token().line
    }
}

fn family(name: &str) -> FontFamily {
    match name {
        "text" => FontFamily::Proportional,
        "mono" => FontFamily::Monospace,
        other => FontFamily::Name(other.into()),
    }
}

/// Each file as a family of its own, with egui's fonts behind it.
pub(super) fn definitions() -> FontDefinitions {
    let mut definitions = FontDefinitions::default();
    let behind = |family| definitions.families.get(&family).cloned().unwrap_or_default();
    let (words, digits) = (behind(FontFamily::Proportional), behind(FontFamily::Monospace));
    for (name, file) in files() {
        definitions.font_data.insert(name.to_owned(), Arc::new(FontData::from_static(file)));
        let mut stack = vec![name.to_owned()];
        stack.extend_from_slice(if name.starts_with("mono") { &digits } else { &words });
        definitions.families.insert(family(name), stack);
    }
    definitions
}
