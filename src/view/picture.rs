//! A finished picture of the wafer for files and terminals without a window: outline, dies, data, kernels, dead cores,
//! legend and words. The caller writes it to a file.

use super::canvas::{Box4, Canvas, Hang, Letters, width};
use super::raster::{self, Window};
use super::{CoreMap, KernelOutline, LayerInfo, Rgba, WaferPlane};
use crate::hardware::Core;

/// The colours of the dark theme that a picture needs; a test of the theme holds them to the token file.
pub mod colours {
    use crate::view::Rgba;

    pub const GROUND: Rgba = [0x0A, 0x0C, 0x0F, 0xFF];
    pub const LINE: Rgba = [0x39, 0x42, 0x4C, 0xFF];
    pub const PRIMARY: Rgba = [0xE8, 0xEB, 0xEE, 0xFF];
    pub const SECONDARY: Rgba = [0xAE, 0xB6, 0xBF, 0xFF];
    pub const TERTIARY: Rgba = [0x87, 0x91, 0x9C, 0xFF];
    pub const RIM: Rgba = [0x1B, 0x21, 0x28, 0xFF];
    pub const EDGE: Rgba = [0x4A, 0x54, 0x5F, 0xFF];
    pub const DIE: Rgba = [0xFF, 0xFF, 0xFF, 0x29];
    pub const KERNEL: Rgba = [0xFF, 0xFF, 0xFF, 0x9E];
    pub const CASING: Rgba = [0x00, 0x00, 0x00, 0x59];
    pub const LABEL: Rgba = [0x0A, 0x0C, 0x0F, 0xD1];
    pub const LABEL_TEXT: Rgba = [0xF2, 0xF4, 0xF6, 0xFF];
    pub const DEFECT: Rgba = [0x7B, 0x84, 0x8E, 0xFF];
}

/// The largest side of a picture, in pixels.
pub const SIDE_MAX: u32 = 8_192;

/// What a picture shows.
pub struct PictureScene<'a> {
    pub map: CoreMap<'a>,
    pub plane: WaferPlane,
    pub layer: &'a LayerInfo,
    /// The values at the two ends of the colour map.
    pub range: (u8, u8),
    /// First logical column of each die from the second on.
    pub die_columns: &'a [u32],
    /// First logical row of each die from the second on.
    pub die_rows: &'a [u32],
    pub kernels: &'a [KernelOutline<'a>],
    pub dead: &'a [Core],
    /// One line above the wafer.
    pub title: &'a str,
    /// One quiet line below the title.
    pub subtitle: &'a str,
    /// Label and value of each row beside the wafer.
    pub facts: &'a [(&'a str, &'a str)],
}

/// Pixels ready for an encoder: 8 bits of red, green, blue and alpha, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    pub width: u32,
    pub height: u32,
    pub rgba: Vec<u8>,
}

/// Draws the scene into `width × height` pixels; each side is kept within 1 to [`SIDE_MAX`].
pub fn draw(scene: &PictureScene<'_>, size: [u32; 2]) -> Picture {
    let [width, height] = size.map(|side| side.clamp(1, SIDE_MAX));
    let mut canvas = Canvas::new(width as usize, height as usize, colours::GROUND);
    let place = Places::of([width as f32, height as f32]);
    words_above(&mut canvas, &place, scene);
    wafer(&mut canvas, &place, scene);
    let below = legend(&mut canvas, &place, scene);
    facts(&mut canvas, &place, scene, below);
    let rgba = canvas.pixels.into_iter().flatten().collect();
    Picture { width, height, rgba }
}

/// Where things go, in pixels.
struct Places {
    /// Pixels per point of a picture 1 280 wide and 800 high.
    unit: f32,
    margin: f32,
    /// The fabric's square.
    fabric: Box4,
    /// Left and right of the column beside it.
    column: [f32; 2],
}

impl Places {
    fn of([width, height]: [f32; 2]) -> Self {
        let unit = (width / 1280.0).min(height / 800.0);
        let margin = 32.0 * unit;
        let (left, top) = (margin + 24.0 * unit, 108.0 * unit);
        let room = (width - left - 328.0 * unit).min(height - top - margin).floor().max(1.0);
        let fabric = [left.round(), top.round(), left.round() + room, top.round() + room];
        Self { unit, margin, fabric, column: [fabric[2] + 40.0 * unit, width - margin] }
    }

    fn size(&self, points: f32) -> f32 {
        points * self.unit
    }

    /// The pixels of a rectangle of cores.
    fn cells(&self, plane: &WaferPlane, [x0, y0, x1, y1]: [u32; 4]) -> Box4 {
        let side = self.fabric[2] - self.fabric[0];
        let x = |x: u32| (self.fabric[0] + side * x as f32 / plane.columns as f32).round();
        let y = |y: u32| (self.fabric[1] + side * y as f32 / plane.rows as f32).round();
        [x(x0), y(y0), x(x1), y(y1)]
    }
}

fn words_above(canvas: &mut Canvas, place: &Places, scene: &PictureScene<'_>) {
    let size = |points| place.size(points);
    let room = canvas.width as f32 - 2.0 * place.margin;
    let title = shortened(scene.title, (Letters::Strong, size(20.0)), room);
    canvas.write([place.margin, size(44.0)], Hang::Left, &title, (Letters::Strong, size(20.0)), colours::PRIMARY);
    let subtitle = shortened(scene.subtitle, (Letters::Text, size(13.0)), room);
    canvas.write([place.margin, size(66.0)], Hang::Left, &subtitle, (Letters::Text, size(13.0)), colours::TERTIARY);
}

fn wafer(canvas: &mut Canvas, place: &Places, scene: &PictureScene<'_>) {
    let [left, top, right, bottom] = place.fabric;
    let rim = place.size(8.0);
    // As much as hides no core of the fabric.
    let cut = 2.0 * rim - 1.0;
    let outer = [left - rim, top - rim, right + rim, bottom + rim];
    let line = place.size(1.0).max(1.0).round();
    canvas.octagon(outer, cut, colours::EDGE);
    canvas.octagon(
        [outer[0] + line, outer[1] + line, outer[2] - line, outer[3] - line],
        cut - line * 0.6,
        colours::RIM,
    );

    let side = (right - left) as usize;
    let whole = Window { left: 0.0, top: 0.0, right: scene.plane.columns.into(), bottom: scene.plane.rows.into() };
    let (mut values, mut pixels) = (Vec::new(), Vec::<Rgba>::new());
    raster::reduce(scene.map, whole, [side, side], scene.layer.reduction, &mut values);
    raster::recolour(&values, &scene.layer.table(scene.range), &mut pixels);
    canvas.paste([left as i32, top as i32], side, &pixels);

    for &x in scene.die_columns {
        let x = place.cells(&scene.plane, [x, 0, x, 0])[0];
        canvas.fill([x, top, x + line, bottom], colours::DIE);
    }
    for &y in scene.die_rows {
        let y = place.cells(&scene.plane, [0, y, 0, y])[1];
        canvas.fill([left, y, right, y + line], colours::DIE);
    }
    die_numbers(canvas, place, scene, rim);
    for kernel in scene.kernels {
        outline(canvas, place, scene, kernel);
    }
    for core in scene.dead {
        dead_core(canvas, place, scene, *core);
    }
    for kernel in scene.kernels {
        kernel_name(canvas, place, scene, kernel);
    }
}

fn die_numbers(canvas: &mut Canvas, place: &Places, scene: &PictureScene<'_>, rim: f32) {
    let letters = (Letters::Mono, place.size(11.0));
    let middles = |starts: &[u32], end: u32| {
        let firsts: Vec<u32> = std::iter::once(0).chain(starts.iter().copied()).collect();
        let ends = starts.iter().copied().chain(std::iter::once(end));
        firsts.into_iter().zip(ends).map(|(first, end)| u32::midpoint(first, end)).collect::<Vec<_>>()
    };
    for (index, x) in middles(scene.die_columns, scene.plane.columns).into_iter().enumerate() {
        let at = [place.cells(&scene.plane, [x, 0, x, 0])[0], place.fabric[1] - rim - place.size(6.0)];
        canvas.write(at, Hang::Centre, &index.to_string(), letters, colours::TERTIARY);
    }
    for (index, y) in middles(scene.die_rows, scene.plane.rows).into_iter().enumerate() {
        let y = place.cells(&scene.plane, [0, y, 0, y])[1] + place.size(4.0);
        let at = [place.fabric[0] - rim - place.size(6.0), y];
        canvas.write(at, Hang::Right, &index.to_string(), letters, colours::TERTIARY);
    }
}

fn outline(canvas: &mut Canvas, place: &Places, scene: &PictureScene<'_>, kernel: &KernelOutline<'_>) {
    let rect = &kernel.rect;
    let area = place.cells(&scene.plane, [rect.x, rect.y, rect.right(), rect.bottom()]);
    let [left, top, right, bottom] = area;
    let line = place.size(1.0).max(1.0).round();
    if right - left < 3.0 * line || bottom - top < 3.0 * line {
        return;
    }
    canvas.frame([left + line, top + line, right - line, bottom - line], line, colours::CASING);
    canvas.frame(area, line, if kernel.running { colours::LABEL_TEXT } else { colours::KERNEL });
}

fn kernel_name(canvas: &mut Canvas, place: &Places, scene: &PictureScene<'_>, kernel: &KernelOutline<'_>) {
    let rect = &kernel.rect;
    let [left, top, right, bottom] = place.cells(&scene.plane, [rect.x, rect.y, rect.right(), rect.bottom()]);
    let size = |points| place.size(points);
    let letters = (Letters::Strong, size(12.0));
    let name = shortened(kernel.name, letters, right - left - size(20.0));
    if name.chars().count() < 4.min(kernel.name.chars().count()) || bottom - top < size(28.0) {
        return;
    }
    let wide = width(&name, letters.0, letters.1);
    let corner = [left + size(5.0), top + size(5.0)];
    canvas.fill([corner[0], corner[1], corner[0] + wide + size(10.0), corner[1] + size(19.0)], colours::LABEL);
    let baseline = [corner[0] + size(5.0), corner[1] + size(13.5)];
    canvas.write(baseline, Hang::Left, &name, letters, colours::LABEL_TEXT);
}

fn dead_core(canvas: &mut Canvas, place: &Places, scene: &PictureScene<'_>, core: Core) {
    let [left, top, right, bottom] = place.cells(&scene.plane, [core.x, core.y, core.x + 1, core.y + 1]);
    let half = (place.size(5.0).max(5.0) / 2.0).floor();
    let middle = [f32::midpoint(left, right).floor(), f32::midpoint(top, bottom).floor()];
    let mark = |grow: f32| [middle[0] - grow, middle[1] - grow, middle[0] + grow + 1.0, middle[1] + grow + 1.0];
    canvas.fill(mark(half), [0, 0, 0, 255]);
    canvas.fill(mark((half - place.size(1.0).max(1.0).round()).max(0.0)), colours::DEFECT);
}

/// Draws the legend and returns where it ends.
fn legend(canvas: &mut Canvas, place: &Places, scene: &PictureScene<'_>) -> f32 {
    let size = |points| place.size(points);
    let [left, right] = place.column;
    let top = place.fabric[1];
    let layer = scene.layer;
    let whole = [0, 0, scene.plane.columns, scene.plane.rows];
    let counts = raster::histogram(scene.map, whole);
    let wide = canvas.write(
        [left, top + size(12.0)],
        Hang::Left,
        &layer.title,
        (Letters::Strong, size(14.0)),
        colours::PRIMARY,
    );
    let unit = [left + wide + size(6.0), top + size(12.0)];
    canvas.write(unit, Hang::Left, layer.unit, (Letters::Text, size(13.0)), colours::TERTIARY);
    let side = f64::from(place.fabric[2] - place.fabric[0]);
    let note = layer.pixel_note([f64::from(scene.plane.columns) / side, f64::from(scene.plane.rows) / side]);
    canvas.write([left, top + size(30.0)], Hang::Left, &note, (Letters::Text, size(12.0)), colours::TERTIARY);
    let mut y = top + size(48.0);
    if layer.is_categorical() {
        let total = f64::from(counts.iter().sum::<u32>().max(1));
        for (category, &count) in layer.categories.iter().zip(&counts).take(8) {
            canvas.fill([left, y, left + size(10.0), y + size(10.0)], category.colour);
            let baseline = y + size(9.5);
            canvas.write(
                [left + size(18.0), baseline],
                Hang::Left,
                &category.name,
                (Letters::Text, size(12.0)),
                colours::SECONDARY,
            );
            let share = crate::units::format::percent(f64::from(count) / total);
            canvas.write([right, baseline], Hang::Right, &share, (Letters::Mono, size(12.0)), colours::PRIMARY);
            y += size(20.0);
        }
    } else {
        y = ramp(canvas, place, scene, &counts, y);
    }
    let dead = format!("{} dead", crate::units::format::grouped(scene.dead.len() as u64));
    let mark = [left, y + size(4.0), left + size(9.0).max(5.0), y + size(4.0) + size(9.0).max(5.0)];
    canvas.fill(mark, [0, 0, 0, 255]);
    let inner = size(1.0).max(1.0).round();
    canvas.fill([mark[0] + inner, mark[1] + inner, mark[2] - inner, mark[3] - inner], colours::DEFECT);
    canvas.write(
        [left + size(18.0), y + size(13.0)],
        Hang::Left,
        &dead,
        (Letters::Text, size(12.0)),
        colours::SECONDARY,
    );
    y + size(32.0)
}

/// Histogram, bar of colours and the ends of the range; returns where they end.
fn ramp(canvas: &mut Canvas, place: &Places, scene: &PictureScene<'_>, counts: &[u32; 256], top: f32) -> f32 {
    let size = |points| place.size(points);
    let [left, right] = place.column;
    let table = scene.layer.table(scene.range);
    // What lies beyond the ends of the range has their colours and is counted there.
    let (low, high) = (usize::from(scene.range.0), usize::from(scene.range.1.max(scene.range.0)));
    let mut bins = vec![0_u32; high - low + 1];
    for (value, &count) in counts.iter().enumerate() {
        bins[value.clamp(low, high) - low] += count;
    }
    let most = bins.iter().copied().max().unwrap_or(1).max(1) as f32;
    let (base, tall) = (top + size(48.0), size(48.0));
    let x = |bin: usize| left + (right - left) * bin as f32 / bins.len() as f32;
    for (bin, (&count, &colour)) in bins.iter().zip(&table[low..]).enumerate() {
        if count > 0 {
            // Square roots, so that few cores beside many are seen.
            let tall = ((count as f32 / most).sqrt() * tall).max(1.0);
            canvas.fill([x(bin), base - tall, x(bin + 1), base], colour);
        }
        canvas.fill([x(bin), base + size(2.0), x(bin + 1), base + size(14.0)], colour);
    }
    let total: u64 = counts.iter().map(|&count| u64::from(count)).sum();
    let sum: u64 = counts.iter().zip(0_u64..).map(|(&count, value)| u64::from(count) * value).sum();
    let mean = format!("mean {}", scene.layer.words(sum as f64 / total.max(1) as f64));
    let words = |value: u8| scene.layer.words(f64::from(value));
    let baseline = base + size(30.0);
    let letters = (Letters::Mono, size(12.0));
    canvas.write([left, baseline], Hang::Left, &words(scene.range.0), letters, colours::PRIMARY);
    canvas.write([f32::midpoint(left, right), baseline], Hang::Centre, &mean, letters, colours::TERTIARY);
    canvas.write([right, baseline], Hang::Right, &words(scene.range.1), letters, colours::PRIMARY);
    base + size(42.0)
}

fn facts(canvas: &mut Canvas, place: &Places, scene: &PictureScene<'_>, mut y: f32) {
    let size = |points| place.size(points);
    let [left, right] = place.column;
    for (label, value) in scene.facts {
        if y + size(24.0) > place.fabric[3] {
            break;
        }
        canvas.fill([left, y, right, y + size(1.0).max(1.0)], colours::LINE);
        let baseline = y + size(16.5);
        let letters = (Letters::Mono, size(12.0));
        let label_wide =
            canvas.write([left, baseline], Hang::Left, label, (Letters::Text, size(12.0)), colours::SECONDARY);
        let value = shortened(value, letters, right - left - label_wide - size(12.0));
        canvas.write([right, baseline], Hang::Right, &value, letters, colours::PRIMARY);
        y += size(24.0);
    }
}

/// The text, without its end where it is wider than `room`.
fn shortened(text: &str, (letters, size): (Letters, f32), room: f32) -> String {
    if width(text, letters, size) <= room {
        return text.to_owned();
    }
    let mut kept: Vec<char> = text.chars().collect();
    while kept.pop().is_some() {
        let shorter: String = kept.iter().collect::<String>().trim_end().to_owned() + "…";
        if width(&shorter, letters, size) <= room {
            return shorter;
        }
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hardware::Rect;

    fn scene_at(size: [u32; 2]) -> Picture {
        let values: Vec<u8> = (0..60 * 90).map(|index| if index % 60 < 30 { 255 } else { 0 }).collect();
        let layer = LayerInfo::utilisation();
        let rect = Rect { x: 2, y: 3, width: 30, height: 40 };
        draw(
            &PictureScene {
                map: CoreMap::new(&values, 60, 90).unwrap(),
                plane: WaferPlane::square(60, 90, 215.0),
                layer: &layer,
                range: (0, 255),
                die_columns: &[30],
                die_rows: &[45],
                kernels: &[KernelOutline { rect, name: "mlp.up", running: true }],
                dead: &[Core { x: 59, y: 89 }],
                title: "A title that is longer than any small picture could ever hold",
                subtitle: "",
                facts: &[("Time", "134.5 ms")],
            },
            size,
        )
    }

    #[test]
    fn the_picture_shows_the_data_where_it_belongs() {
        let picture = scene_at([1280, 800]);
        assert_eq!(picture.rgba.len(), 1280 * 800 * 4);
        let at = |x: usize, y: usize| &picture.rgba[(y * 1280 + x) * 4..][..4];
        let place = Places::of([1280.0, 800.0]);
        let [x, y, ..] = place.cells(&WaferPlane::square(60, 90, 215.0), [15, 60, 16, 61]);
        assert_eq!(at(x as usize, y as usize), LayerInfo::utilisation().ramp.colour(255));
        let [x, y, ..] = place.cells(&WaferPlane::square(60, 90, 215.0), [45, 60, 46, 61]);
        assert_eq!(at(x as usize, y as usize), LayerInfo::utilisation().ramp.colour(0));
        assert_eq!(at(1279, 799), colours::GROUND);
    }

    #[test]
    fn every_size_draws_and_each_font_writes() {
        for size in [[1, 1], [7, 300], [300, 7], [120, 90], [640, 360]] {
            let picture = scene_at(size);
            assert_eq!(picture.rgba.len(), (size[0] * size[1] * 4) as usize);
            assert!(picture.rgba.chunks(4).all(|pixel| pixel[3] == 255));
        }
        for letters in [Letters::Text, Letters::Strong, Letters::Mono] {
            assert!(width("896 112 µs × ± −", letters, 12.0) > 60.0, "{letters:?}");
        }
        let words = shortened("a rather long title", (Letters::Text, 12.0), 60.0);
        assert!(words.ends_with('…') && width(&words, Letters::Text, 12.0) <= 60.0);
    }
}
