//! Colour tables: one colour for each of the 256 values that a layer can hold.
//!
//! Only maps whose lightness rises steadily and that read alike with and without colour vision deficiencies are here;
//! categories always come with a word beside the colour.

/// Red, green, blue, alpha; straight alpha, sRGB.
pub type Rgba = [u8; 4];

/// One colour for each value.
pub type Table = [Rgba; 256];

/// A colour map by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ramp {
    /// Utilisation and distances. S. van der Walt and N. Smith, matplotlib, CC0.
    Viridis,
    /// SRAM. J. Nuñez, C. Anderton and R. Renslow, PLOS ONE 13(7), 2018.
    Cividis,
    /// Traffic and queues. S. van der Walt and N. Smith, matplotlib, CC0.
    Magma,
    /// Kinds of things. M. Okabe and K. Ito, "Color Universal Design", 2008, with a grey for black.
    Categorical,
}

/// Okabe-Ito in order of use: orange, sky, green, pink, vermilion, yellow, blue, grey.
pub const CATEGORICAL: [Rgba; 8] = [
    opaque(0xE69F00),
    opaque(0x56B4E9),
    opaque(0x009E73),
    opaque(0xCC79A7),
    opaque(0xD55E00),
    opaque(0xF0E442),
    opaque(0x0072B2),
    opaque(0x999999),
];

static VIRIDIS: Table =
    gradient(&[0x440154, 0x482878, 0x3E4989, 0x31688E, 0x26828E, 0x1F9E89, 0x35B779, 0x6ECE58, 0xB5DE2B, 0xFDE725]);
static CIVIDIS: Table =
    gradient(&[0x00224E, 0x123570, 0x3B496C, 0x575D6D, 0x707173, 0x8A8678, 0xA59C74, 0xC3B369, 0xE1CC55, 0xFEE838]);
static MAGMA: Table =
    gradient(&[0x000004, 0x180F3D, 0x440F76, 0x721F81, 0x9E2F7F, 0xCD4071, 0xF1605D, 0xFD9668, 0xFECA8D, 0xFCFDBF]);
static CATEGORIES: Table = repeated(&CATEGORICAL);

impl Ramp {
    /// The colours of the values 0 to 255; categories repeat after eight.
    pub fn table(self) -> &'static Table {
        match self {
            Self::Viridis => &VIRIDIS,
            Self::Cividis => &CIVIDIS,
            Self::Magma => &MAGMA,
            Self::Categorical => &CATEGORIES,
        }
    }

    /// The colour of one value.
    pub fn colour(self, value: u8) -> Rgba {
        self.table()[usize::from(value)]
    }

    /// The colours when `low..=high` fills the whole map: what lies outside takes the colour of the nearer end.
    /// Categories have no range and ignore it.
    pub fn ranged(self, low: u8, high: u8) -> Table {
        let table = self.table();
        if self == Self::Categorical {
            return *table;
        }
        let span = (i32::from(high) - i32::from(low)).max(1);
        std::array::from_fn(|value| {
            let inside = (value as i32 - i32::from(low)).clamp(0, span);
            table[((inside * 255 + span / 2) / span) as usize]
        })
    }
}

/// The colour of a link in use, 0 to 255 of its capacity: the map for traffic from 18 % on, since its lowest colours
/// would vanish on the dark surface around a core.
pub fn link_colour(used: u8) -> Rgba {
    const FLOOR: u32 = 46;
    Ramp::Magma.colour((FLOOR + u32::from(used) * (255 - FLOOR) / 255) as u8)
}

const fn opaque(rgb: u32) -> Rgba {
    [(rgb >> 16) as u8, (rgb >> 8) as u8, rgb as u8, 255]
}

/// Linear interpolation in sRGB between ten evenly spaced stops, rounded to the nearest level.
const fn gradient(stops: &[u32; 10]) -> Table {
    let mut table = [[0; 4]; 256];
    let mut value = 0;
    while value < 256 {
        // In 255ths of a stop's distance: value / 255 of nine distances.
        let at = value * 9;
        let index = if at >= 9 * 255 { 8 } else { at / 255 };
        let part = at - index * 255;
        let from = opaque(stops[index]);
        let to = opaque(stops[index + 1]);
        let mut channel = 0;
        while channel < 4 {
            let mixed = from[channel] as usize * (255 - part) + to[channel] as usize * part;
            table[value][channel] = ((mixed + 127) / 255) as u8;
            channel += 1;
        }
        value += 1;
    }
    table
}

const fn repeated(colours: &[Rgba; 8]) -> Table {
    let mut table = [[0; 4]; 256];
    let mut value = 0;
    while value < 256 {
        table[value] = colours[value % 8];
        value += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance(colour: Rgba) -> f64 {
        let linear = |channel: u8| {
            let c = f64::from(channel) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(colour[0]) + 0.7152 * linear(colour[1]) + 0.0722 * linear(colour[2])
    }

    #[test]
    fn sequential_maps_end_at_their_stops_and_brighten_steadily() {
        assert_eq!(Ramp::Viridis.colour(0), [0x44, 0x01, 0x54, 255]);
        assert_eq!(Ramp::Viridis.colour(255), [0xFD, 0xE7, 0x25, 255]);
        for ramp in [Ramp::Viridis, Ramp::Cividis, Ramp::Magma] {
            let falls = ramp.table().windows(2).filter(|pair| luminance(pair[1]) < luminance(pair[0]) - 2e-3).count();
            assert_eq!(falls, 0, "{ramp:?} darkens somewhere");
        }
    }

    #[test]
    fn a_range_stretches_the_map_and_clips_to_its_ends() {
        let table = Ramp::Viridis.ranged(100, 150);
        assert_eq!(table[0], Ramp::Viridis.colour(0));
        assert_eq!(table[100], Ramp::Viridis.colour(0));
        assert_eq!(table[125], Ramp::Viridis.colour(128));
        assert_eq!(table[150], Ramp::Viridis.colour(255));
        assert_eq!(table[255], Ramp::Viridis.colour(255));
        assert_eq!(&Ramp::Magma.ranged(0, 255), Ramp::Magma.table());
        // An empty range is a step, not a division by zero.
        assert_eq!(Ramp::Viridis.ranged(255, 255)[254], Ramp::Viridis.colour(0));
    }
}
