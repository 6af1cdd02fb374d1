//! Seeded maps of dead cores, and the simple row shift that hides them from programs.
//!
//! The repair here moves the logical cores of a row east over dead ones, using the spare columns of each die, and
//! falls back on a spare row. It knows nothing of the reach of the repair links; that, and repairs that shift columns,
//! are left to a finer model.

use std::fmt;
use std::ops::RangeInclusive;

use crate::hardware::{Core, DeviceSpec, Geometry, Rect};
use crate::rng::Rng;
use crate::units::format::grouped;

/// Densities of point defects that [`DefectMap::random`] accepts, per mm². A mature process has about 0.001; the upper
/// end kills over a third of the cores of WSE-3 and bounds the time that a map takes.
pub const DENSITY_PER_MM2: RangeInclusive<f64> = 0.0..=10.0;

/// Which physical cores are dead, and where each logical core lives because of that.
///
/// Physical positions are `(column, row)`. Memory grows with rows and dead cores, not with cores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefectMap {
    geometry: Geometry,
    /// Dead physical cores, by row and then column, without repeats.
    dead: Vec<(u32, u32)>,
    /// Where each physical row begins in `dead`; one entry more than rows.
    row_starts: Vec<u32>,
    /// Where each logical row lives.
    rows: Vec<RowPlan>,
    /// For each logical row that needs it, how many of its cores live west of the end of each die column.
    cuts: Vec<u32>,
    dead_sites: Vec<Core>,
    outcome: RepairOutcome,
}

/// Where one logical row lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct RowPlan {
    /// Physical row.
    physical: u32,
    /// Logical columns that have a living core; those east of them are lost.
    placed: u32,
    /// Start of the row's cuts in `DefectMap::cuts`; `None` where the row has no dead core.
    cuts: Option<u32>,
}

/// What the repair of a map achieved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RepairOutcome {
    /// Dead physical cores.
    pub dead: u32,
    /// Logical rows that live in a spare row.
    pub rows_moved: u32,
    /// Logical rows that have fewer living cores than columns.
    pub rows_unrepairable: u32,
    /// Logical cores without a living physical core.
    pub lost: u32,
}

impl fmt::Display for RepairOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { dead, rows_moved: _, rows_unrepairable, lost } = *self;
        match (dead, rows_unrepairable) {
            (0, _) => f.write_str("no dead cores"),
            (_, 0) => write!(f, "{} dead, all repaired", grouped(dead.into())),
            (_, 1) => write!(f, "{} dead, 1 row unrepairable ({} lost)", grouped(dead.into()), grouped(lost.into())),
            (_, rows) => {
                let [dead, rows, lost] = [dead, rows, lost].map(|count| grouped(count.into()));
                write!(f, "{dead} dead, {rows} rows unrepairable ({lost} lost)")
            }
        }
    }
}

impl DefectMap {
    /// A wafer without defects.
    pub fn none(spec: &DeviceSpec) -> Self {
        Self::from_cores(spec, &[])
    }

    /// A wafer with random point defects of `density_per_mm2` over its whole square of silicon.
    ///
    /// Their number is Poisson distributed and their places are uniform over the physical cores, so the silicon of
    /// one core counts as the wafer's area over the cores made: 0.0476 mm² on WSE-3. Two points may hit one core. A
    /// density outside [`DENSITY_PER_MM2`] is taken as its nearer end; a reader of files refuses it first.
    pub fn random(spec: &DeviceSpec, seed: u64, density_per_mm2: f64) -> Self {
        // `max` turns a density that is not a number into zero.
        let density = density_per_mm2.max(*DENSITY_PER_MM2.start()).min(*DENSITY_PER_MM2.end());
        let geometry = Geometry::new(spec);
        let mut rng = Rng::substream(seed, "defects");
        let points = poisson(&mut rng, density * geometry.wafer_side_mm() * geometry.wafer_side_mm());
        let columns = geometry.physical_columns();
        let cores = columns * geometry.physical_rows();
        let dead: Vec<(u32, u32)> = (0..points)
            .map(|_| {
                let index = rng.below(cores);
                (index % columns, index / columns)
            })
            .collect();
        Self::from_cores(spec, &dead)
    }

    /// A wafer on which exactly these physical `(column, row)` sites are dead. Order and repeats do not matter, and
    /// sites outside the physical array are ignored.
    pub fn from_cores(spec: &DeviceSpec, dead: &[(u32, u32)]) -> Self {
        let geometry = Geometry::new(spec);
        let (columns, rows) = (geometry.physical_columns(), geometry.physical_rows());
        let mut dead: Vec<(u32, u32)> = dead.iter().copied().filter(|&(x, y)| x < columns && y < rows).collect();
        dead.sort_unstable_by_key(|&(x, y)| (y, x));
        dead.dedup();
        let mut row_starts = vec![0; rows as usize + 1];
        for &(_, row) in &dead {
            row_starts[row as usize + 1] += 1;
        }
        for row in 0..rows as usize {
            row_starts[row + 1] += row_starts[row];
        }
        let dead_sites = dead.iter().filter_map(|&(x, y)| geometry.logical_at_nominal(x, y)).collect();
        let outcome = RepairOutcome { dead: dead.len() as u32, ..RepairOutcome::default() };
        let (plans, cuts) = (Vec::with_capacity(geometry.fabric_rows as usize), Vec::new());
        let mut map = Self { geometry, dead, row_starts, rows: plans, cuts, dead_sites, outcome };
        map.repair();
        map
    }

    /// The geometry that the map was made for.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Number of dead physical cores.
    pub fn dead_count(&self) -> usize {
        self.dead.len()
    }

    /// Dead physical cores as `(column, row)`, by row and then column.
    pub fn dead_physical(&self) -> &[(u32, u32)] {
        &self.dead
    }

    /// Logical cores whose nominal site is dead, by row and then column: where a map draws its crosses.
    pub fn dead_sites(&self) -> &[Core] {
        &self.dead_sites
    }

    /// Physical `(column, row)` of a logical core; `None` if it is lost or outside the fabric.
    pub fn physical_of(&self, core: Core) -> Option<(u32, u32)> {
        let plan = self.rows.get(core.y as usize)?;
        if core.x >= plan.placed {
            return None;
        }
        let Some(cuts) = plan.cuts else {
            let (column, _) = self.geometry.nominal_physical(core);
            return Some((column, plan.physical));
        };
        let cuts = &self.cuts[cuts as usize..][..self.geometry.die_columns as usize];
        let die = cuts.partition_point(|&cut| cut <= core.x);
        let west = if die == 0 { 0 } else { cuts[die - 1] };
        let first = die as u32 * self.geometry.die_core_columns;
        // The core takes living site number `core.x - west` of its die.
        let dead = self.dead_between(plan.physical, first, first + self.geometry.die_core_columns);
        Some((first + nth_living(dead, first, core.x - west), plan.physical))
    }

    /// Whether a core of the fabric has no living physical core, so that programs must avoid it.
    pub fn is_lost(&self, core: Core) -> bool {
        core.x < self.geometry.fabric_columns
            && self.rows.get(core.y as usize).is_some_and(|plan| core.x >= plan.placed)
    }

    /// How many columns of logical row `y`, counted from the west, have a living core; the rest are lost.
    pub fn placed_columns(&self, y: u32) -> u32 {
        self.rows.get(y as usize).map_or(0, |plan| plan.placed)
    }

    /// The first lost core inside `rect`, by row, if any.
    pub fn lost_in(&self, rect: &Rect) -> Option<Core> {
        let right = rect.right().min(self.geometry.fabric_columns);
        let mut rows = rect.y..rect.bottom().min(self.geometry.fabric_rows);
        rows.find_map(|y| {
            let x = rect.x.max(self.placed_columns(y));
            (x < right).then_some(Core { x, y })
        })
    }

    /// Number of logical cores without a living physical core.
    pub fn lost_count(&self) -> u64 {
        self.outcome.lost.into()
    }

    /// Physical columns by which a core lives east (positive) or west of its nominal site; 0 for a lost one.
    pub fn shifted(&self, core: Core) -> i32 {
        self.physical_of(core).map_or(0, |(column, _)| {
            let (nominal, _) = self.geometry.nominal_physical(core);
            column as i32 - nominal as i32
        })
    }

    /// Logical rows that live in a spare row.
    pub fn rows_moved(&self) -> u32 {
        self.outcome.rows_moved
    }

    /// What the repair achieved; its `Display` says so in words.
    pub fn outcome(&self) -> RepairOutcome {
        self.outcome
    }

    /// Gives every logical row a physical one, and its cores living sites there.
    fn repair(&mut self) {
        let geometry = self.geometry;
        for die_row in 0..geometry.die_rows {
            let logical = geometry.die_first_row(die_row)..geometry.die_first_row(die_row + 1);
            let first = die_row * geometry.die_core_rows;
            let mut spares = (first + logical.end - logical.start)..(first + geometry.die_core_rows);
            for y in logical.clone() {
                let nominal = first + y - logical.start;
                let mut physical = nominal;
                if self.living_in(nominal) < geometry.fabric_columns {
                    // Take the next spare row that has enough living cores; poor ones are skipped for good.
                    if let Some(spare) = spares.find(|&row| self.living_in(row) >= geometry.fabric_columns) {
                        physical = spare;
                        self.outcome.rows_moved += 1;
                    }
                }
                self.place_row(physical);
            }
        }
    }

    /// Living cores of a physical row.
    fn living_in(&self, physical: u32) -> u32 {
        self.geometry.physical_columns() - self.dead_in(physical).len() as u32
    }

    /// Dead cores of a physical row, west to east.
    fn dead_in(&self, physical: u32) -> &[(u32, u32)] {
        let row = physical as usize;
        &self.dead[self.row_starts[row] as usize..self.row_starts[row + 1] as usize]
    }

    /// Dead cores of a physical row in columns `from..to`.
    fn dead_between(&self, physical: u32, from: u32, to: u32) -> &[(u32, u32)] {
        let dead = self.dead_in(physical);
        let start = dead.partition_point(|&(column, _)| column < from);
        let end = dead.partition_point(|&(column, _)| column < to);
        &dead[start..end]
    }

    /// Plans the next logical row onto a physical one.
    ///
    /// Each die keeps its own logical columns if its living cores suffice; the rest moves on to the next die east.
    /// Only what would fall off the east edge is taken back into free spares further west.
    fn place_row(&mut self, physical: u32) {
        let geometry = self.geometry;
        if self.dead_in(physical).is_empty() {
            self.rows.push(RowPlan { physical, placed: geometry.fabric_columns, cuts: None });
            return;
        }
        let placed = geometry.fabric_columns.min(self.living_in(physical));
        let start = self.cuts.len();
        let mut living_east = self.living_in(physical);
        let mut cut = 0;
        for die in 0..geometry.die_columns {
            let first = die * geometry.die_core_columns;
            let dead = self.dead_between(physical, first, first + geometry.die_core_columns).len() as u32;
            let living = geometry.die_core_columns - dead;
            living_east -= living;
            // No further than the living cores reach, no less than what the dies to the east cannot hold.
            let own = geometry.die_first_column(die + 1).min(placed).min(cut + living);
            cut = own.max(placed.saturating_sub(living_east));
            self.cuts.push(cut);
        }
        self.rows.push(RowPlan { physical, placed, cuts: Some(start as u32) });
        let lost = geometry.fabric_columns - placed;
        self.outcome.lost += lost;
        self.outcome.rows_unrepairable += u32::from(lost > 0);
    }
}

/// Offset from column `first` of living site number `index` of a die whose dead sites are given, west to east.
fn nth_living(dead: &[(u32, u32)], first: u32, index: u32) -> u32 {
    // Dead site number `i` has `column - first - i` living ones to its west.
    let (mut low, mut high) = (0, dead.len());
    while low < high {
        let middle = low.midpoint(high);
        if dead[middle].0 - first - middle as u32 <= index {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    index + low as u32
}

/// A Poisson distributed number, exact for any mean: Knuth's product of uniform numbers ("The Art of Computer
/// Programming", volume 2, section 3.4.1), taken in portions whose `exp` does not underflow. Time grows with the mean.
fn poisson(rng: &mut Rng, mean: f64) -> u64 {
    const PORTION: f64 = 256.0;
    let mut left = mean;
    let mut count = 0;
    while left > 0.0 {
        let limit = libm::exp(-left.min(PORTION));
        let mut product = rng.unit();
        while product > limit {
            count += 1;
            product *= rng.unit();
        }
        left -= PORTION;
    }
    count
}
