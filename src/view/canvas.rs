//! A picture in memory with the few strokes that it needs. Everything clips; nothing panics at the rim.

use ab_glyph::{Font as _, FontRef, PxScale, ScaleFont as _, point};

use super::fonts;
use super::ramp::Rgba;

/// A rectangle in pixels: left, top, right, bottom.
pub(super) type Box4 = [f32; 4];

/// Straight-alpha pixels, row by row.
pub(super) struct Canvas {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) pixels: Vec<Rgba>,
}

/// The letters of pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Letters {
    Text,
    Strong,
    Mono,
}

/// Where a line of text hangs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hang {
    Left,
    Centre,
    Right,
}

impl Canvas {
    /// An opaque picture of one colour.
    pub(super) fn new(width: usize, height: usize, colour: Rgba) -> Self {
        Self { width, height, pixels: vec![colour; width * height] }
    }

    /// Lays a colour over one pixel, `cover` of it in 0 to 1.
    fn blend(&mut self, x: i32, y: i32, colour: Rgba, cover: f32) {
        if x < 0 || y < 0 || x as usize >= self.width || y as usize >= self.height {
            return;
        }
        let pixel = &mut self.pixels[y as usize * self.width + x as usize];
        let alpha = f32::from(colour[3]) / 255.0 * cover.clamp(0.0, 1.0);
        for channel in 0..3 {
            let (below, above) = (f32::from(pixel[channel]), f32::from(colour[channel]));
            pixel[channel] = (below + (above - below) * alpha).round() as u8;
        }
    }

    /// Fills whole pixels.
    pub(super) fn fill(&mut self, [left, top, right, bottom]: Box4, colour: Rgba) {
        let clip = |at: f32, end: usize| (at.round().max(0.0) as usize).min(end) as i32;
        for y in clip(top, self.height)..clip(bottom, self.height) {
            for x in clip(left, self.width)..clip(right, self.width) {
                self.blend(x, y, colour, 1.0);
            }
        }
    }

    /// The four sides of a rectangle, `thick` pixels wide, inside it.
    pub(super) fn frame(&mut self, [left, top, right, bottom]: Box4, thick: f32, colour: Rgba) {
        self.fill([left, top, right, top + thick], colour);
        self.fill([left, bottom - thick, right, bottom], colour);
        self.fill([left, top + thick, left + thick, bottom - thick], colour);
        self.fill([right - thick, top + thick, right, bottom - thick], colour);
    }

    /// A square whose corners are cut off by `cut` pixels, smooth along the cuts.
    pub(super) fn octagon(&mut self, area: Box4, cut: f32, colour: Rgba) {
        let [left, top, right, bottom] = area;
        for y in top.floor() as i32..bottom.ceil() as i32 {
            for x in left.floor() as i32..right.ceil() as i32 {
                let (px, py) = (x as f32 + 0.5, y as f32 + 0.5);
                let aside = (px - left).min(right - px);
                let above = (py - top).min(bottom - py);
                // Distance to the nearest side or cut; half a pixel on either side of it is smoothed.
                let distance = aside.min(above).min((aside + above - cut) * std::f32::consts::FRAC_1_SQRT_2);
                self.blend(x, y, colour, distance + 0.5);
            }
        }
    }

    /// Copies `pixels` of `width` columns to a place.
    pub(super) fn paste(&mut self, at: [i32; 2], width: usize, pixels: &[Rgba]) {
        for (y, line) in (at[1]..).zip(pixels.chunks_exact(width.max(1))) {
            for (x, &colour) in (at[0]..).zip(line) {
                self.blend(x, y, colour, 1.0);
            }
        }
    }

    /// Writes a line whose baseline is at `at`; `size` is the height of an em in pixels. Returns its width.
    pub(super) fn write(
        &mut self,
        at: [f32; 2],
        hang: Hang,
        text: &str,
        (letters, size): (Letters, f32),
        colour: Rgba,
    ) -> f32 {
        let width = width(text, letters, size);
        let start = match hang {
            Hang::Left => at[0],
            Hang::Centre => at[0] - width / 2.0,
            Hang::Right => at[0] - width,
        };
        lay(text, letters, size, |font, glyph| {
            let mut glyph = glyph;
            glyph.position = point(glyph.position.x + start.round(), at[1].round());
            if let Some(outline) = font.outline_glyph(glyph) {
                let bounds = outline.px_bounds();
                outline.draw(|x, y, cover| {
                    self.blend(bounds.min.x as i32 + x as i32, bounds.min.y as i32 + y as i32, colour, cover);
                });
            }
        });
        width
    }
}

/// The width of a line in pixels.
pub(super) fn width(text: &str, letters: Letters, size: f32) -> f32 {
    lay(text, letters, size, |_, _| ())
}

/// Places the letters of a line from x = 0 and returns where it ends.
fn lay(text: &str, letters: Letters, size: f32, mut each: impl FnMut(&FontRef<'_>, ab_glyph::Glyph)) -> f32 {
    let file = match letters {
        Letters::Text => fonts::INTER,
        Letters::Strong => fonts::INTER_SEMI_BOLD,
        Letters::Mono => fonts::JETBRAINS_MONO,
    };
    // The files are part of the program and a test writes with each; without letters there would be no words.
    let Ok(font) = FontRef::try_from_slice(file) else { return 0.0 };
    let em = font.units_per_em().unwrap_or(1000.0);
    let scale = PxScale::from(size * font.height_unscaled() / em);
    let scaled = font.as_scaled(scale);
    let mut x = 0.0;
    let mut previous = None;
    for letter in text.chars() {
        let id = font.glyph_id(letter);
        x += previous.map_or(0.0, |previous| scaled.kern(previous, id));
        each(&font, id.with_scale_and_position(scale, point(x, 0.0)));
        x += scaled.h_advance(id);
        previous = Some(id);
    }
    x
}
