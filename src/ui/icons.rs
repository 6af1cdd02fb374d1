//! Icons as shapes: drawn on a grid of 16, strokes of 1.5, in the colour of the word beside them.
//!
//! Each icon is a list of strokes and fills; only play, step and dots are filled. Every use has a word or a tooltip.

use egui::{Color32, Painter, Pos2, Rect, Shape, Stroke, pos2};

/// An icon by what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    Wafer,
    Map,
    Place,
    Lab,
    Learn,
    Play,
    Pause,
    StepForward,
    StepBack,
    ToStart,
    ToEnd,
    Reverse,
    Loop,
    Search,
    Pin,
    Lock,
    Unlock,
    Check,
    Warning,
    Forbidden,
    Clock,
    Fit,
    Undo,
    Redo,
    Ruler,
    Pointer,
    Copy,
    Close,
    ChevronDown,
    ChevronLeft,
    ChevronRight,
    Folder,
    Save,
    Help,
    Flow,
    Analytic,
    Cycle,
    Flag,
    Plus,
    Dead,
    Dot,
    Hollow,
}

/// A stroke or a fill, in sixteenths of the icon's side.
enum Part {
    Line(&'static [(f32, f32)]),
    Closed(&'static [(f32, f32)]),
    /// A convex polygon.
    Fill(&'static [(f32, f32)]),
    Circle(f32, f32, f32),
    Disc(f32, f32, f32),
    /// Middle, radius, first and last angle in eighths of a turn, clockwise from the east.
    Arc(f32, f32, f32, f32, f32),
    /// Rounded rectangle by its corners.
    Frame(f32, f32, f32, f32),
}

use Part::{Arc, Circle, Closed, Disc, Fill, Frame, Line};

impl Icon {
    /// Every icon, for sheets and tests.
    pub const ALL: [Self; 42] = [
        Self::Wafer,
        Self::Map,
        Self::Place,
        Self::Lab,
        Self::Learn,
        Self::Play,
        Self::Pause,
        Self::StepForward,
        Self::StepBack,
        Self::ToStart,
        Self::ToEnd,
        Self::Reverse,
        Self::Loop,
        Self::Search,
        Self::Pin,
        Self::Lock,
        Self::Unlock,
        Self::Check,
        Self::Warning,
        Self::Forbidden,
        Self::Clock,
        Self::Fit,
        Self::Undo,
        Self::Redo,
        Self::Ruler,
        Self::Pointer,
        Self::Copy,
        Self::Close,
        Self::ChevronDown,
        Self::ChevronLeft,
        Self::ChevronRight,
        Self::Folder,
        Self::Save,
        Self::Help,
        Self::Flow,
        Self::Analytic,
        Self::Cycle,
        Self::Flag,
        Self::Plus,
        Self::Dead,
        Self::Dot,
        Self::Hollow,
    ];

    fn parts(self) -> &'static [Part] {
        match self {
            Self::Play
            | Self::Pause
            | Self::StepForward
            | Self::StepBack
            | Self::ToStart
            | Self::ToEnd
            | Self::Reverse
            | Self::Loop => self.transport(),
            Self::Wafer
            | Self::Map
            | Self::Place
            | Self::Lab
            | Self::Learn
            | Self::Flow
            | Self::Analytic
            | Self::Cycle => self.place_in_the_program(),
            Self::Check
            | Self::Warning
            | Self::Forbidden
            | Self::Clock
            | Self::Dead
            | Self::Dot
            | Self::Hollow
            | Self::Help
            | Self::Lock
            | Self::Unlock => self.state(),
            _ => self.tool(),
        }
    }

    fn transport(self) -> &'static [Part] {
        match self {
            Self::Play => &[Fill(&[(4.5, 2.5), (13.0, 8.0), (4.5, 13.5)])],
            Self::Pause => &[
                Fill(&[(4.5, 3.0), (6.5, 3.0), (6.5, 13.0), (4.5, 13.0)]),
                Fill(&[(9.5, 3.0), (11.5, 3.0), (11.5, 13.0), (9.5, 13.0)]),
            ],
            Self::StepForward => &[Fill(&[(3.5, 3.0), (10.5, 8.0), (3.5, 13.0)]), Line(&[(12.5, 3.0), (12.5, 13.0)])],
            Self::StepBack => &[Fill(&[(12.5, 3.0), (12.5, 13.0), (5.5, 8.0)]), Line(&[(3.5, 3.0), (3.5, 13.0)])],
            Self::ToStart => {
                &[Line(&[(7.5, 3.5), (3.0, 8.0), (7.5, 12.5)]), Line(&[(13.0, 3.5), (8.5, 8.0), (13.0, 12.5)])]
            }
            Self::ToEnd => {
                &[Line(&[(3.0, 3.5), (7.5, 8.0), (3.0, 12.5)]), Line(&[(8.5, 3.5), (13.0, 8.0), (8.5, 12.5)])]
            }
            Self::Reverse => &[Closed(&[(11.5, 3.0), (11.5, 13.0), (3.5, 8.0)])],
            _ => &[
                Line(&[(2.5, 8.0), (2.5, 5.0), (13.0, 5.0)]),
                Line(&[(10.8, 2.5), (13.3, 5.0), (10.8, 7.5)]),
                Line(&[(13.5, 8.0), (13.5, 11.0), (3.0, 11.0)]),
                Line(&[(5.2, 8.5), (2.7, 11.0), (5.2, 13.5)]),
            ],
        }
    }

    fn place_in_the_program(self) -> &'static [Part] {
        match self {
            Self::Wafer => &[
                Frame(2.0, 2.0, 14.0, 14.0),
                Line(&[(6.0, 2.0), (6.0, 14.0)]),
                Line(&[(10.0, 2.0), (10.0, 14.0)]),
                Line(&[(2.0, 6.0), (14.0, 6.0)]),
                Line(&[(2.0, 10.0), (14.0, 10.0)]),
            ],
            Self::Map => &[
                Closed(&[
                    (1.8, 4.2),
                    (6.0, 2.4),
                    (10.0, 4.2),
                    (14.2, 2.4),
                    (14.2, 11.8),
                    (10.0, 13.6),
                    (6.0, 11.8),
                    (1.8, 13.6),
                ]),
                Line(&[(6.0, 2.4), (6.0, 11.8)]),
                Line(&[(10.0, 4.2), (10.0, 13.6)]),
            ],
            Self::Place => &[
                Frame(2.0, 2.0, 7.0, 7.0),
                Frame(2.0, 9.5, 6.5, 14.0),
                Frame(9.5, 9.5, 14.0, 14.0),
                Line(&[(11.75, 2.0), (11.75, 7.0)]),
                Line(&[(9.25, 4.5), (14.25, 4.5)]),
            ],
            Self::Lab => &[
                Line(&[
                    (6.0, 2.0),
                    (6.0, 6.5),
                    (2.6, 13.0),
                    (3.4, 14.2),
                    (12.6, 14.2),
                    (13.4, 13.0),
                    (10.0, 6.5),
                    (10.0, 2.0),
                ]),
                Line(&[(4.8, 2.0), (11.2, 2.0)]),
                Line(&[(4.6, 10.0), (11.4, 10.0)]),
            ],
            Self::Learn => &[
                Closed(&[
                    (1.8, 3.0),
                    (6.2, 3.0),
                    (8.0, 4.4),
                    (9.8, 3.0),
                    (14.2, 3.0),
                    (14.2, 12.4),
                    (9.8, 12.4),
                    (8.0, 13.8),
                    (6.2, 12.4),
                    (1.8, 12.4),
                ]),
                Line(&[(8.0, 4.4), (8.0, 13.6)]),
            ],
            Self::Flow => &[
                Line(&[
                    (1.5, 6.5),
                    (3.0, 5.1),
                    (4.6, 4.8),
                    (6.2, 5.4),
                    (9.8, 7.4),
                    (11.4, 8.0),
                    (13.0, 7.7),
                    (14.5, 6.3),
                ]),
                Line(&[
                    (1.5, 10.7),
                    (3.0, 9.3),
                    (4.6, 9.0),
                    (6.2, 9.6),
                    (9.8, 11.6),
                    (11.4, 12.2),
                    (13.0, 11.9),
                    (14.5, 10.5),
                ]),
            ],
            Self::Analytic => &[
                Line(&[(2.5, 2.0), (2.5, 13.5), (14.0, 13.5)]),
                Line(&[(4.5, 11.0), (8.5, 9.8), (11.4, 7.2), (13.0, 3.5)]),
            ],
            _ => &[Line(&[
                (1.5, 11.5),
                (4.2, 11.5),
                (4.2, 4.5),
                (8.0, 4.5),
                (8.0, 11.5),
                (11.8, 11.5),
                (11.8, 4.5),
                (14.5, 4.5),
            ])],
        }
    }

    fn state(self) -> &'static [Part] {
        match self {
            Self::Check => &[Line(&[(3.0, 8.5), (6.3, 11.8), (13.0, 4.6)])],
            Self::Warning => &[
                Closed(&[(8.0, 2.2), (14.4, 13.4), (1.6, 13.4)]),
                Line(&[(8.0, 6.2), (8.0, 9.4)]),
                Disc(8.0, 11.4, 0.9),
            ],
            Self::Forbidden => &[Circle(8.0, 8.0, 6.0), Line(&[(3.8, 3.8), (12.2, 12.2)])],
            Self::Clock => &[Circle(8.0, 8.0, 6.0), Line(&[(8.0, 4.5), (8.0, 8.2), (10.6, 9.8)])],
            Self::Dead => {
                &[Frame(2.0, 2.0, 14.0, 14.0), Line(&[(4.5, 4.5), (11.5, 11.5)]), Line(&[(11.5, 4.5), (4.5, 11.5)])]
            }
            Self::Dot => &[Disc(8.0, 8.0, 3.5)],
            Self::Hollow => &[Circle(8.0, 8.0, 4.0)],
            Self::Help => &[
                Circle(8.0, 8.0, 6.2),
                Line(&[(6.0, 6.4), (6.4, 5.2), (7.6, 4.6), (8.9, 4.8), (9.8, 5.8), (9.6, 7.0), (8.4, 7.8), (8.0, 9.2)]),
                Disc(8.0, 11.3, 0.9),
            ],
            Self::Lock => &[
                Frame(3.0, 7.0, 13.0, 14.0),
                Line(&[(5.2, 7.0), (5.2, 5.0)]),
                Arc(8.0, 5.0, 2.8, 4.0, 8.0),
                Line(&[(10.8, 5.0), (10.8, 7.0)]),
            ],
            _ => &[Frame(3.0, 7.0, 13.0, 14.0), Line(&[(5.2, 7.0), (5.2, 4.4)]), Arc(8.0, 4.4, 2.8, 4.0, 7.4)],
        }
    }

    fn tool(self) -> &'static [Part] {
        match self {
            Self::Search => &[Circle(7.0, 7.0, 4.6), Line(&[(10.4, 10.4), (14.0, 14.0)])],
            Self::Pin => &[
                Closed(&[(5.6, 2.0), (10.4, 2.0), (10.0, 6.6), (12.4, 9.4), (3.6, 9.4), (6.0, 6.6)]),
                Line(&[(8.0, 9.4), (8.0, 14.4)]),
            ],
            Self::Fit => &[
                Line(&[(2.5, 6.0), (2.5, 2.5), (6.0, 2.5)]),
                Line(&[(10.0, 2.5), (13.5, 2.5), (13.5, 6.0)]),
                Line(&[(13.5, 10.0), (13.5, 13.5), (10.0, 13.5)]),
                Line(&[(6.0, 13.5), (2.5, 13.5), (2.5, 10.0)]),
            ],
            Self::Undo => &[
                Line(&[(5.5, 2.5), (2.5, 5.5), (5.5, 8.5)]),
                Line(&[(2.5, 5.5), (9.5, 5.5)]),
                Arc(9.5, 9.25, 3.75, 6.0, 10.0),
                Line(&[(9.5, 13.0), (6.0, 13.0)]),
            ],
            Self::Redo => &[
                Line(&[(10.5, 2.5), (13.5, 5.5), (10.5, 8.5)]),
                Line(&[(13.5, 5.5), (6.5, 5.5)]),
                Arc(6.5, 9.25, 3.75, 2.0, 6.0),
                Line(&[(6.5, 13.0), (10.0, 13.0)]),
            ],
            Self::Ruler => &[
                Closed(&[(10.6, 1.8), (14.2, 5.4), (5.4, 14.2), (1.8, 10.6)]),
                Line(&[(8.4, 4.0), (10.0, 5.6)]),
                Line(&[(6.2, 6.2), (7.8, 7.8)]),
                Line(&[(4.0, 8.4), (5.6, 10.0)]),
            ],
            Self::Pointer => {
                &[Closed(&[(4.0, 2.0), (12.6, 8.4), (8.6, 9.0), (10.6, 13.4), (8.6, 14.2), (6.7, 9.9), (4.0, 12.6)])]
            }
            Self::Copy => &[
                Frame(2.0, 2.0, 10.0, 10.0),
                Line(&[(6.0, 12.5), (6.0, 14.0), (14.0, 14.0), (14.0, 6.0), (12.5, 6.0)]),
            ],
            Self::Close => &[Line(&[(3.5, 3.5), (12.5, 12.5)]), Line(&[(12.5, 3.5), (3.5, 12.5)])],
            Self::ChevronDown => &[Line(&[(4.0, 6.0), (8.0, 10.0), (12.0, 6.0)])],
            Self::ChevronLeft => &[Line(&[(10.0, 4.0), (6.0, 8.0), (10.0, 12.0)])],
            Self::ChevronRight => &[Line(&[(6.0, 4.0), (10.0, 8.0), (6.0, 12.0)])],
            Self::Folder => &[Closed(&[(1.8, 3.2), (6.2, 3.2), (7.8, 5.2), (14.2, 5.2), (14.2, 13.0), (1.8, 13.0)])],
            Self::Save => &[
                Closed(&[(2.2, 2.2), (11.2, 2.2), (13.8, 4.8), (13.8, 13.8), (2.2, 13.8)]),
                Line(&[(5.0, 2.4), (5.0, 5.8), (10.0, 5.8), (10.0, 2.4)]),
                Line(&[(4.8, 13.6), (4.8, 9.2), (11.2, 9.2), (11.2, 13.6)]),
            ],
            Self::Flag => &[Line(&[(3.5, 14.0), (3.5, 2.5), (12.5, 2.5), (10.6, 5.5), (12.5, 8.5), (3.5, 8.5)])],
            _ => &[Line(&[(8.0, 2.5), (8.0, 13.5)]), Line(&[(2.5, 8.0), (13.5, 8.0)])],
        }
    }

    /// Draws the icon into the square in the middle of `rect`, as large as fits.
    pub fn paint(self, painter: &Painter, rect: Rect, colour: Color32) {
        let side = rect.width().min(rect.height());
        let corner = rect.center() - egui::vec2(side / 2.0, side / 2.0);
        let scale = side / 16.0;
        let at = |x: f32, y: f32| pos2(corner.x + x * scale, corner.y + y * scale);
        let points = |list: &[(f32, f32)]| list.iter().map(|&(x, y)| at(x, y)).collect::<Vec<Pos2>>();
        // Small icons keep a stroke that can be seen, large ones do not become heavy.
        let stroke = Stroke::new((super::theme::tokens().stroke.icon * scale).clamp(1.1, 1.75), colour);
        for part in self.parts() {
            painter.add(match *part {
                Line(list) => Shape::line(points(list), stroke),
                Closed(list) => Shape::closed_line(points(list), stroke),
                Fill(list) => Shape::convex_polygon(points(list), colour, Stroke::NONE),
                Circle(x, y, radius) => Shape::circle_stroke(at(x, y), radius * scale, stroke),
                Disc(x, y, radius) => Shape::circle_filled(at(x, y), radius * scale, colour),
                Arc(x, y, radius, from, to) => {
                    let point = |step: u8| {
                        let angle = (from + (to - from) * f32::from(step) / 12.0) * std::f32::consts::FRAC_PI_4;
                        at(x + radius * angle.cos(), y + radius * angle.sin())
                    };
                    Shape::line((0..=12).map(point).collect(), stroke)
                }
                Frame(left, top, right, bottom) => {
                    let frame = Rect::from_min_max(at(left, top), at(right, bottom));
                    Shape::rect_stroke(frame, 1.5 * scale, stroke, egui::StrokeKind::Middle)
                }
            });
        }
    }

    /// Draws the icon with sides of `size` points around `centre`.
    pub fn paint_at(self, painter: &Painter, centre: Pos2, size: f32, colour: Color32) {
        self.paint(painter, Rect::from_center_size(centre, egui::vec2(size, size)), colour);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_icon_has_parts_within_its_grid() {
        for icon in Icon::ALL {
            assert!(!icon.parts().is_empty(), "{icon:?}");
            for part in icon.parts() {
                if let Line(list) | Closed(list) | Fill(list) = part {
                    assert!(
                        list.iter().all(|&(x, y)| (1.0..=15.0).contains(&x) && (1.0..=15.0).contains(&y)),
                        "{icon:?}"
                    );
                }
            }
        }
    }
}
