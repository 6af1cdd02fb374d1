//! Kernel library of the ISPD 2020 benchmark: size, time and memory of `conv`, `dblock` and `cblock` as functions of
//! their arguments, and all shapes that meet a target time.
//!
//! Formulas are those of the benchmark's description ("Example Benchmark", kernel library), in whole numbers: time in
//! ticks of which a whole number makes one unit, memory as a fraction that is compared by multiplying out.

use std::collections::BTreeMap;

use crate::compiler::floorplan::{Curve, Shapes};
use crate::workload::import::kgraph::{Layer, NodeKind};

/// One convolution inside a kernel, with its formal arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Conv {
    pub(super) height: u64,
    pub(super) width: u64,
    pub(super) filter_height: u64,
    pub(super) filter_width: u64,
    pub(super) features_in: u64,
    pub(super) features_out: u64,
    /// Product of both strides, by which time is divided.
    pub(super) stride: u64,
}

/// A kernel kind: its convolutions share the split of rows and columns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kernel {
    pub(super) kind: NodeKind,
    pub(super) convs: Vec<Conv>,
    /// Largest split of rows and columns: the formal H and W.
    pub(super) rows: u64,
    pub(super) columns: u64,
}

/// Execution arguments of a kernel: in how many parts each loop is split.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arguments {
    /// h′: parts of the rows.
    pub rows: u64,
    /// w′: parts of the columns.
    pub columns: u64,
    /// c′ and k′ of each convolution: parts of the features in and out.
    pub features: Vec<[u64; 2]>,
}

/// What the performance functions give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Performance {
    /// Cores across and down, not turned.
    pub width: u64,
    pub height: u64,
    /// Time in ticks.
    pub ticks: u64,
    /// Whether every convolution's memory is within the limit.
    pub fits: bool,
}

impl Kernel {
    /// The kernel of a node; `None` for the ends of the graph.
    pub fn of(kind: NodeKind) -> Option<Self> {
        let (NodeKind::Conv { height: rows, width: columns, .. }
        | NodeKind::DBlock { height: rows, width: columns, .. }
        | NodeKind::CBlock { height: rows, width: columns, .. }) = kind
        else {
            return None;
        };
        let conv = |Layer { input, shape }: Layer| Conv {
            height: input[0],
            width: input[1],
            filter_height: shape.window[0],
            filter_width: shape.window[1],
            features_in: shape.in_channels,
            features_out: shape.out_channels,
            stride: shape.stride[0] * shape.stride[1],
        };
        let convs = kind.convolutions().into_iter().map(conv).collect();
        Some(Self { kind, convs, rows, columns })
    }

    /// The formal arguments in the order of the performance functions.
    pub fn formal(&self) -> Vec<u64> {
        match self.kind {
            NodeKind::Input | NodeKind::Output => Vec::new(),
            NodeKind::Conv {
                height,
                width,
                filter_height,
                filter_width,
                features_in,
                features_out,
                stride_rows,
                stride_columns,
            } => {
                vec![height, width, filter_height, filter_width, features_in, features_out, stride_rows, stride_columns]
            }
            NodeKind::DBlock { height, width, features } | NodeKind::CBlock { height, width, features } => {
                vec![height, width, features]
            }
        }
    }

    /// Least number of ticks in a unit of time so that every time of this kernel is a whole number of ticks.
    pub fn ticks_per_unit(&self) -> u64 {
        self.convs.iter().map(|conv| conv.stride).fold(1, least_common_multiple)
    }

    /// Time of the kernel on the fewest cores, in units; `None` if it is too long to count.
    pub fn serial_time(&self) -> Option<u64> {
        let times = self.convs.iter().map(|conv| {
            let sides =
                [conv.height, conv.width, conv.features_in, conv.features_out, conv.filter_height, conv.filter_width];
            sides.into_iter().try_fold(1_u64, u64::checked_mul)
        });
        times.collect::<Option<Vec<u64>>>()?.into_iter().max()
    }

    /// Whether the arguments are within the formal ones: `1 ≤ h′ ≤ H` and so on.
    pub fn allows(&self, arguments: &Arguments) -> bool {
        let within = |part: u64, whole: u64| (1..=whole).contains(&part);
        within(arguments.rows, self.rows)
            && within(arguments.columns, self.columns)
            && arguments.features.len() == self.convs.len()
            && self.convs.iter().zip(&arguments.features).all(|(conv, &[parts_in, parts_out])| {
                within(parts_in, conv.features_in) && within(parts_out, conv.features_out)
            })
    }

    /// The performance functions, for arguments that [`Self::allows`]; times in ticks of which `per_unit` make a unit.
    pub fn perform(&self, arguments: &Arguments, per_unit: u64, memory_limit: u64) -> Performance {
        let split = arguments.rows * arguments.columns;
        let mut performance = Performance { width: 0, height: 0, ticks: 0, fits: true };
        for (conv, &[parts_in, parts_out]) in self.convs.iter().zip(&arguments.features) {
            let serial = conv.height.div_ceil(arguments.rows) * conv.width.div_ceil(arguments.columns);
            let ticks = serial
                * conv.features_in.div_ceil(parts_in)
                * conv.features_out.div_ceil(parts_out)
                * conv.filter_height
                * conv.filter_width
                * (per_unit / conv.stride);
            performance.height = performance.height.max(split * (parts_in + 1));
            performance.width += 3 * parts_out;
            performance.ticks = performance.ticks.max(ticks);
            performance.fits &= parts_out >= conv.least_parts_out(split, parts_in, memory_limit);
        }
        performance
    }

    /// The splits of rows and columns up to `most` parts of which none with as many parts is better for every
    /// convolution.
    fn splits(&self, most: u64) -> Vec<[u64; 2]> {
        /// Positions of each convolution on a core, and the split that gives them.
        type Timed = (Vec<u64>, [u64; 2]);
        let mut best: BTreeMap<u64, Vec<Timed>> = BTreeMap::new();
        for rows in 1..=self.rows.min(most) {
            for columns in 1..=self.columns.min(most / rows) {
                let positions = |conv: &Conv| conv.height.div_ceil(rows) * conv.width.div_ceil(columns);
                let times: Vec<u64> = self.convs.iter().map(positions).collect();
                let others = best.entry(rows * columns).or_default();
                let no_better = |a: &[u64], b: &[u64]| a.iter().zip(b).all(|(a, b)| a >= b);
                if !others.iter().any(|(other, _)| no_better(&times, other)) {
                    others.retain(|(other, _)| !no_better(other, &times));
                    others.push((times, [rows, columns]));
                }
            }
        }
        best.into_values().flatten().map(|(_, split)| split).collect()
    }
}

impl Conv {
    /// Whether [`Self::least_parts_out`] is at most k′, told without a division.
    fn fits(&self, split: u64, [parts_in, parts_out]: [u64; 2], memory_limit: u64) -> bool {
        let held = memory_limit.checked_mul(parts_in * split).and_then(|held| held.checked_mul(parts_out));
        let needed = self.features_out.checked_mul(self.held_for_one(split, parts_in));
        needed.zip(held).is_some_and(|(needed, held)| needed <= held)
    }

    /// `C·R·S·h′w′ + (W+S−1)(H+R−1)·c′`: what one feature out holds, times `c′·h′w′`.
    fn held_for_one(&self, split: u64, parts_in: u64) -> u64 {
        let halo = (self.width + self.filter_width - 1) * (self.height + self.filter_height - 1);
        self.features_in * self.filter_height * self.filter_width * split + halo * parts_in
    }

    /// Least k′ at which `C/c′·K/k′·R·S + (W+S−1)/w′·(H+R−1)/h′·K/k′` is within the limit, for `split` = h′w′.
    fn least_parts_out(&self, split: u64, parts_in: u64, memory_limit: u64) -> u64 {
        let needed = self.features_out.checked_mul(self.held_for_one(split, parts_in));
        let held = memory_limit.checked_mul(parts_in * split);
        match (needed, held) {
            (Some(needed), Some(held)) => needed.div_ceil(held).max(1),
            // More than any area holds, or a limit that nothing reaches.
            (None, Some(_)) => u64::MAX,
            (_, None) => 1,
        }
    }
}

/// The shapes of a kernel under a memory limit, all splits prepared.
#[derive(Clone, Debug)]
pub struct Shaper {
    pub(super) kernel: Kernel,
    splits: Vec<[u64; 2]>,
    /// ⌈C/c′⌉ of each convolution for every cap of c′, from 0, which is not used.
    rounds_in: Vec<Vec<u64>>,
    per_unit: u64,
    memory_limit: u64,
    /// Longest side of the area: longer boxes are of no use.
    side: u64,
}

impl Shaper {
    /// Prepares a kernel for an area whose longest side has `side` cores.
    pub fn new(kernel: Kernel, per_unit: u64, memory_limit: u64, side: u32) -> Self {
        // Beyond the area by as much as a search looks at.
        let side = u64::from(side) * 5 / 4 + 64;
        let splits = kernel.splits(side / 2);
        let rounds = |conv: &Conv| {
            let caps = 0..side.min(conv_caps(&kernel) + 1);
            caps.map(|cap| conv.features_in.div_ceil(cap.clamp(1, conv.features_in))).collect()
        };
        let rounds_in = kernel.convs.iter().map(rounds).collect();
        Self { kernel, splits, rounds_in, per_unit, memory_limit, side }
    }

    /// Calls `visit` with the arguments and the box of every shape that meets `ticks` and may be the narrowest at its
    /// height: for each split and each cap of the height, c′ as large as the cap allows and k′ as small as the time and
    /// the memory allow.
    fn each(&self, ticks: u64, side: u64, mut visit: impl FnMut([u64; 2], u64, [u64; 2])) {
        for &split in &self.splits {
            let product = split[0] * split[1];
            let largest_cap = (side / product).saturating_sub(1).min(conv_caps(&self.kernel));
            let tables: Option<Vec<ConvAt<'_>>> =
                self.kernel.convs.iter().map(|conv| self.conv_at(conv, split, ticks)).collect();
            let Some(tables) = tables else { continue };
            for cap in 1..=largest_cap {
                let mut width = 0;
                let mut height = 0;
                let mut possible = true;
                for (table, rounds) in tables.iter().zip(&self.rounds_in) {
                    let parts_in = cap.min(table.conv.features_in);
                    let Some(parts_out) = table.least_parts_out(parts_in, rounds[cap as usize]) else {
                        possible = false;
                        break;
                    };
                    width += 3 * parts_out;
                    height = height.max(product * (parts_in + 1));
                    if width > side {
                        possible = false;
                        break;
                    }
                }
                if possible {
                    visit(split, cap, [width, height]);
                }
            }
        }
    }

    /// Arguments whose box, turned or not, is exactly `size`, within `ticks`; and whether it is turned. Boxes wider than
    /// the least get the cores as further parts of the features.
    pub fn arguments(&self, ticks: u64, size: [u32; 2]) -> Option<(Arguments, bool)> {
        let [width, height] = size.map(u64::from);
        for (turned, [width, height]) in [(false, [width, height]), (true, [height, width])] {
            let mut found: Option<([u64; 2], u64, u64)> = None;
            self.each(ticks, self.side, |split, cap, [least, high]| {
                let grows = least <= width && (width - least).is_multiple_of(3);
                if high == height && grows && found.is_none_or(|found| least < found.2) {
                    found = Some((split, cap, least));
                }
            });
            let Some((split, cap, least)) = found else { continue };
            if let Some(arguments) = self.widened(ticks, split, cap, (width - least) / 3) {
                return Some((arguments, turned));
            }
        }
        None
    }

    /// A convolution of this kernel at a split and a target time; `None` if no c′ and k′ are fast enough.
    pub(super) fn conv_at<'c>(&self, conv: &'c Conv, split: [u64; 2], ticks: u64) -> Option<ConvAt<'c>> {
        ConvAt::new(conv, split, ticks, self.per_unit, self.memory_limit)
    }

    fn widened(&self, ticks: u64, split: [u64; 2], cap: u64, mut more: u64) -> Option<Arguments> {
        let mut features = Vec::with_capacity(self.kernel.convs.len());
        for conv in &self.kernel.convs {
            let parts_in = cap.min(conv.features_in);
            let least = self.conv_at(conv, split, ticks)?.least_for(parts_in)?;
            let added = more.min(conv.features_out - least);
            more -= added;
            features.push([parts_in, least + added]);
        }
        (more == 0).then_some(Arguments { rows: split[0], columns: split[1], features })
    }
}

impl Shapes for Shaper {
    fn curve(&self, ticks: u64, side: u32) -> Curve {
        let mut boxes = Vec::new();
        self.each(ticks, u64::from(side).min(self.side), |_, _, size| boxes.push(size.map(|side| side as u32)));
        Curve::of_boxes(boxes, side)
    }

    fn slowest_ticks(&self) -> u64 {
        let serial = self.kernel.convs.iter().map(|conv| {
            let sides =
                [conv.height, conv.width, conv.features_in, conv.features_out, conv.filter_height, conv.filter_width];
            sides.into_iter().product::<u64>() * (self.per_unit / conv.stride)
        });
        serial.max().unwrap_or(1)
    }

    fn alternatives(&self, ticks: u64, side: u32) -> Vec<[u32; 2]> {
        // The narrowest box of every exact height, and those one and two parts wider.
        let mut narrowest: BTreeMap<u64, u64> = BTreeMap::new();
        self.each(ticks, u64::from(side).min(self.side), |_, _, [width, height]| {
            let least = narrowest.entry(height).or_insert(width);
            *least = (*least).min(width);
        });
        let wider =
            narrowest.iter().flat_map(|(&height, &width)| [[width, height], [width + 3, height], [width + 6, height]]);
        let widest = 3 * self.kernel.convs.iter().map(|conv| conv.features_out).sum::<u64>();
        let fits = |size: &[u64; 2]| size[0] <= widest && size.iter().all(|&length| length <= u64::from(side));
        wider.filter(fits).map(|size| size.map(|length| length as u32)).collect()
    }
}

/// Largest cap of c′ that makes a difference.
fn conv_caps(kernel: &Kernel) -> u64 {
    kernel.convs.iter().map(|conv| conv.features_in).max().unwrap_or(1)
}

/// A convolution at a split of rows and columns and a target time.
pub(super) struct ConvAt<'c> {
    pub(super) conv: &'c Conv,
    split: u64,
    memory_limit: u64,
    /// How often the loops over the features may run, on each core, within the target time.
    quota: u64,
}

impl<'c> ConvAt<'c> {
    fn new(conv: &'c Conv, split: [u64; 2], ticks: u64, per_unit: u64, memory_limit: u64) -> Option<Self> {
        let positions = conv.height.div_ceil(split[0]) * conv.width.div_ceil(split[1]);
        let once = positions * conv.filter_height * conv.filter_width * (per_unit / conv.stride);
        let quota = ticks / once;
        (quota > 0).then_some(Self { conv, split: split[0] * split[1], memory_limit, quota })
    }

    /// Least k′ for a c′ that meets time and memory.
    pub(super) fn least_for(&self, parts_in: u64) -> Option<u64> {
        self.least_parts_out(parts_in, self.conv.features_in.div_ceil(parts_in))
    }

    /// The same; `rounds_in` is ⌈C/c′⌉.
    fn least_parts_out(&self, parts_in: u64, rounds_in: u64) -> Option<u64> {
        // ⌈K/k′⌉ may be at most this, which is to say K/k′ may.
        let quota = self.quota / rounds_in;
        if quota == 0 {
            return None;
        }
        let for_time = self.conv.features_out.div_ceil(quota);
        let least = if self.conv.fits(self.split, [parts_in, for_time], self.memory_limit) {
            for_time
        } else {
            for_time.max(self.conv.least_parts_out(self.split, parts_in, self.memory_limit))
        };
        (least <= self.conv.features_out).then_some(least)
    }
}

pub(super) fn least_common_multiple(a: u64, b: u64) -> u64 {
    let (mut x, mut y) = (a, b);
    while y > 0 {
        (x, y) = (y, x % y);
    }
    a / x * b
}
