//! The shape of the token file.

use egui::Color32;
use serde::{Deserialize, Deserializer, de::Error as _};

fn colour<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Color32, D::Error> {
    let text = String::deserialize(deserializer)?;
    Color32::from_hex(&text).map_err(|_error| {
        D::Error::custom(format!("a colour should read \"#RRGGBB\" or \"#RRGGBBAA\", found \"{text}\""))
    })
}

/// A struct whose fields are all colours.
macro_rules! colours {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_doc])* #[serde(deserialize_with = "colour")] pub $field: Color32,)+
        }
    };
}

/// A struct whose fields are all lengths in points or times in milliseconds.
macro_rules! measures {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: f32,)+
        }
    };
}

/// The whole file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tokens {
    pub dark: Palette,
    pub light: Palette,
    pub spacing: Spacing,
    pub layout: Layout,
    pub radius: Radius,
    pub stroke: StrokeWidths,
    pub type_scale: TypeScale,
    pub motion: Motion,
}

/// The colours of one theme.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Palette {
    pub surface: Surface,
    pub line: Line,
    pub text: Text,
    pub accent: Accent,
    pub semantic: Semantic,
    pub map: MapColours,
}

colours!(
    /// Fills, from the darkest to the lightest of the dark theme.
    Surface { map, app, panel, raised, hover, active }
);
colours!(
    /// Lines.
    Line { quiet, control, strong }
);
colours!(
    /// Words and numbers: names, labels, units and notes, what cannot be used.
    Text { primary, secondary, tertiary, disabled }
);
colours!(
    /// What can be acted on. Never on data.
    Accent { base, hover, pressed, soft, on_base }
);
colours!(
    /// States, each with a quiet fill; always beside an icon and a word.
    Semantic { ok, ok_soft, warn, warn_soft, error, error_soft, info, info_soft, mute, mute_soft }
);
colours!(
    /// What is drawn on and around the wafer.
    MapColours {
        wafer_rim, wafer_edge, die_line, kernel_line, kernel_casing, label_fill, label_text, overflow, no_data_a,
        no_data_b, defect, slot_gap, slot, slot_track,
    }
);
measures!(
    /// Distances between things and heights of rows, in points.
    Spacing {
        unit, xs, sm, md, lg, xl, xxl, panel_padding, row_height, row_height_compact, control_height, chip_height,
        tree_indent, icon, icon_small, icon_rail,
    }
);
measures!(
    /// Sizes of the window's parts, in points.
    Layout {
        title_bar, rail, left_pane, inspector, map_header, timeline, status_bar, gutter, transport, overview, ruler,
        strip, strip_gap, phase_lane,
    }
);
measures!(
    /// Radii of corners, in points.
    Radius { tick, control, card }
);
measures!(
    /// Widths of lines, in points.
    StrokeWidths {
        hairline, icon, focus, active_mark, halo_outer, halo_inner, kernel, kernel_casing, ghost, ghost_casing,
    }
);
measures!(
    /// Durations in milliseconds; all 0 with reduced motion.
    Motion { panel_ms, camera_ms, shake_ms, tooltip_delay_ms, speed_readout_ms, busy_bar_after_ms }
);

/// One size of letters.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypeSize {
    pub size: f32,
    pub line: f32,
    pub family: String,
}

/// All sizes of letters.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypeScale {
    pub readout: TypeSize,
    pub time: TypeSize,
    pub display: TypeSize,
    pub heading: TypeSize,
    pub title: TypeSize,
    pub body_strong: TypeSize,
    pub body: TypeSize,
    pub caption: TypeSize,
    pub mono: TypeSize,
    pub mono_small: TypeSize,
}
