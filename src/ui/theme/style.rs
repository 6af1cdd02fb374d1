//! egui's style from the tokens.

use egui::style::{HandleShape, NumberFormatter, Selection, WidgetVisuals, Widgets};
use egui::{Color32, CornerRadius, Margin, Shadow, Stroke, Style, Visuals, vec2};

use super::{Palette, Tokens, Type};

/// The style of one theme.
pub(super) fn style(tokens: &Tokens, dark: bool) -> Style {
    let palette = if dark { &tokens.dark } else { &tokens.light };
    let mut style = Style { visuals: visuals(tokens, palette, dark), ..Style::default() };
    for kind in Type::ALL {
        style.text_styles.insert(kind.style(), kind.font());
    }
    style.text_styles.insert(egui::TextStyle::Button, Type::Body.font());
    style.drag_value_text_style = Type::Mono.style();
    style.number_formatter = NumberFormatter::new(|value, decimals| {
        let text = format!("{:.*}", *decimals.end(), value.abs());
        if value < 0.0 { format!("−{text}") } else { text }
    });
    style.animation_time = tokens.motion.panel_ms / 1000.0;

    let spacing = &mut style.spacing;
    spacing.item_spacing = vec2(tokens.spacing.sm, tokens.spacing.xs);
    spacing.button_padding = vec2(10.0, 3.0);
    spacing.indent = tokens.spacing.tree_indent;
    spacing.interact_size.y = tokens.spacing.control_height;
    spacing.icon_width = 14.0;
    spacing.icon_width_inner = 8.0;
    spacing.icon_spacing = 6.0;
    spacing.window_margin = Margin::same(12);
    spacing.menu_margin = Margin::same(4);
    spacing.slider_rail_height = 2.0;

    let interaction = &mut style.interaction;
    interaction.tooltip_delay = tokens.motion.tooltip_delay_ms / 1000.0;
    interaction.selectable_labels = false;
    style
}

fn visuals(tokens: &Tokens, palette: &Palette, dark: bool) -> Visuals {
    let control = CornerRadius::same(tokens.radius.control as u8);
    let mut visuals = if dark { Visuals::dark() } else { Visuals::light() };
    visuals.override_text_color = None;
    visuals.weak_text_color = Some(palette.text.tertiary);
    visuals.widgets = widgets(palette, control);
    visuals.selection = Selection { bg_fill: palette.accent.soft, stroke: Stroke::new(1.0, palette.accent.base) };
    visuals.hyperlink_color = palette.accent.base;
    visuals.warn_fg_color = palette.semantic.warn;
    visuals.error_fg_color = palette.semantic.error;
    visuals.panel_fill = palette.surface.panel;
    visuals.window_fill = palette.surface.raised;
    visuals.window_stroke = Stroke::new(1.0, palette.line.control);
    visuals.window_corner_radius = CornerRadius::same(tokens.radius.card as u8);
    visuals.menu_corner_radius = control;
    visuals.window_shadow = Shadow::NONE;
    visuals.popup_shadow = Shadow::NONE;
    visuals.extreme_bg_color = palette.surface.map;
    visuals.text_edit_bg_color = Some(palette.surface.raised);
    visuals.faint_bg_color = palette.surface.raised;
    visuals.code_bg_color = palette.surface.hover;
    visuals.striped = false;
    visuals.button_frame = true;
    visuals.indent_has_left_vline = false;
    visuals.slider_trailing_fill = true;
    visuals.handle_shape = HandleShape::Circle;
    visuals.disabled_alpha = 1.0;
    visuals
}

fn widgets(palette: &Palette, corner_radius: CornerRadius) -> Widgets {
    let state = |fill: Color32, edge: Color32| WidgetVisuals {
        bg_fill: fill,
        weak_bg_fill: fill,
        bg_stroke: Stroke::new(1.0, edge),
        corner_radius,
        fg_stroke: Stroke::new(1.0, palette.text.primary),
        expansion: 0.0,
    };
    Widgets {
        noninteractive: state(palette.surface.panel, palette.line.quiet),
        inactive: state(palette.surface.raised, palette.line.control),
        hovered: state(palette.surface.hover, palette.line.control),
        active: state(palette.surface.active, palette.accent.base),
        open: state(palette.surface.hover, palette.line.control),
    }
}
