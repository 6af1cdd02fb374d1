//! Colours, letters and spacing, read once from the embedded token file.
//!
//! Widgets name no colour of their own: they ask [`palette`] for the one of the theme in use.

mod fonts;
mod style;
mod tokens;

pub use fonts::Type;
pub use tokens::{Layout, Motion, Palette, Radius, Spacing, StrokeWidths, Tokens};

use std::sync::LazyLock;

static TOKENS: LazyLock<Tokens> = LazyLock::new(|| {
    let text = include_str!("../../../assets/theme/tokens.ron");
    #[expect(clippy::expect_used, reason = "the file is part of the program and a test reads it")]
    ron::from_str(text).expect("the embedded tokens are well formed")
});

/// All tokens.
pub fn tokens() -> &'static Tokens {
    &TOKENS
}

/// The colours of the theme in use.
pub fn palette(ui: &egui::Ui) -> &'static Palette {
    palette_of(ui.visuals())
}

/// The colours of the theme that `visuals` belong to.
pub fn palette_of(visuals: &egui::Visuals) -> &'static Palette {
    if visuals.dark_mode { &TOKENS.dark } else { &TOKENS.light }
}

/// Gives a window its letters and both themes. Called once, before the first frame.
pub fn install(ctx: &egui::Context) {
    ctx.set_fonts(fonts::definitions());
    ctx.set_style_of(egui::Theme::Dark, style::style(&TOKENS, true));
    ctx.set_style_of(egui::Theme::Light, style::style(&TOKENS, false));
}

/// A colour that data has, as the window knows it.
pub fn data_colour(colour: crate::view::Rgba) -> egui::Color32 {
    let [red, green, blue, alpha] = colour;
    #[expect(clippy::disallowed_methods, reason = "data colours come from view::ramp, which knows no toolkit")]
    egui::Color32::from_rgba_unmultiplied(red, green, blue, alpha)
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::Color32;

    fn contrast(a: Color32, b: Color32) -> f32 {
        let luminance = |colour: Color32| {
            let rgba = egui::Rgba::from(colour);
            0.2126 * rgba.r() + 0.7152 * rgba.g() + 0.0722 * rgba.b()
        };
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn every_text_reads_on_every_surface() {
        for palette in [&TOKENS.dark, &TOKENS.light] {
            let surfaces = [
                palette.surface.map,
                palette.surface.app,
                palette.surface.panel,
                palette.surface.raised,
                palette.surface.hover,
                palette.accent.soft,
            ];
            let texts = [
                palette.text.primary,
                palette.text.secondary,
                palette.text.tertiary,
                palette.semantic.ok,
                palette.semantic.warn,
                palette.semantic.error,
                palette.accent.base,
            ];
            for surface in surfaces {
                for text in texts {
                    assert!(contrast(text, surface) >= 4.45, "{text:?} on {surface:?}: {}", contrast(text, surface));
                }
            }
            assert!(contrast(palette.accent.on_base, palette.accent.base) >= 4.5);
        }
    }

    #[test]
    fn pictures_without_a_window_wear_the_dark_theme() {
        use crate::view::picture::colours;
        let dark = &TOKENS.dark;
        for (ours, token) in [
            (colours::GROUND, dark.surface.map),
            (colours::LINE, dark.line.control),
            (colours::PRIMARY, dark.text.primary),
            (colours::SECONDARY, dark.text.secondary),
            (colours::TERTIARY, dark.text.tertiary),
            (colours::RIM, dark.map.wafer_rim),
            (colours::EDGE, dark.map.wafer_edge),
            (colours::DIE, dark.map.die_line),
            (colours::KERNEL, dark.map.kernel_line),
            (colours::CASING, dark.map.kernel_casing),
            (colours::LABEL, dark.map.label_fill),
            (colours::LABEL_TEXT, dark.map.label_text),
            (colours::DEFECT, dark.map.defect),
        ] {
            assert_eq!(data_colour(ours), token);
        }
    }

    #[test]
    fn both_themes_have_all_letters() {
        let ctx = egui::Context::default();
        install(&ctx);
        for theme in [egui::Theme::Dark, egui::Theme::Light] {
            let style = ctx.style_of(theme);
            assert!(Type::ALL.iter().all(|kind| style.text_styles.contains_key(&kind.style())));
            assert_eq!(style.text_styles[&egui::TextStyle::Body], Type::Body.font());
        }
    }
}
