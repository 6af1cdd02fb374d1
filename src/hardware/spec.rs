//! The figures of one device, each with its source and how far it can be trusted.
//!
//! Values come from a device file (`assets/devices/*.ron` or the user's own, read by `scenario::file::device`); this
//! module only names them, derives totals from them and leaves time and work to others.

use crate::units::format;

/// Operations that the maker's "AI" peak counts for each dense one.
///
/// Derived: 125 PFLOP/s (Cerebras, WSE-3, 2024) over 15.6 PFLOP/s dense (the analysts of `SemiAnalysis`, 2024) is 8.0; 62.5 over
/// 7.5 PFLOP/s (Cerebras, Andromeda, 2022) is 8.3 on WSE-2. The cores skip zeros, so the factor is a best case.
pub const SPARSE_FACTOR: f64 = 8.0;

/// How far a value can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Read in the maker's or the measuring author's own text.
    Published,
    /// Read as a quotation in somebody else's text.
    SecondHand,
    /// Arithmetic on published values.
    Derived,
    /// Fitted to published measurements, which the source names.
    Fitted,
    /// Our assumption, for want of anything better.
    Assumed,
}

impl Mark {
    /// The word that stands beside the value on the screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::SecondHand => "second-hand",
            Self::Derived => "derived",
            Self::Fitted => "fitted",
            Self::Assumed => "assumed",
        }
    }
}

/// A value with its unit and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sourced<T> {
    pub value: T,
    pub unit: String,
    pub mark: Mark,
    /// Text, table or arithmetic that gives the value.
    pub source: String,
}

/// A wafer and the system around it. Lengths in millimetres, counts per wafer unless the name says otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceSpec {
    /// Short name, as given to `--device`: `wse3`.
    pub name: String,
    /// Name for people: `WSE-3`.
    pub title: String,
    /// The system that houses it: `CS-3`.
    pub system: String,
    pub wafer_side_mm: Sourced<f64>,
    pub die_columns: Sourced<u32>,
    pub die_rows: Sourced<u32>,
    pub die_core_columns: Sourced<u32>,
    pub die_core_rows: Sourced<u32>,
    pub fabric_columns: Sourced<u32>,
    pub fabric_rows: Sourced<u32>,
    pub cores_marketed: Sourced<u64>,
    pub sram_bytes_per_core: Sourced<u32>,
    pub sram_banks: Sourced<u32>,
    pub sram_read_bytes_per_cycle: Sourced<u32>,
    pub sram_write_bytes_per_cycle: Sourced<u32>,
    pub cache_bytes_per_core: Sourced<u32>,
    /// fp16 multiply-adds a core can start per cycle on operands from SRAM and fabric.
    pub simd_fp16_lanes: Sourced<u32>,
    /// fp16 multiply-adds per cycle behind the advertised peak.
    pub fmac_fp16_per_cycle: Sourced<u32>,
    pub fmac_fp32_per_cycle: Sourced<u32>,
    /// Clock for times: what machines were timed at.
    pub clock_run_hz: Sourced<f64>,
    /// Clock behind the advertised peaks.
    pub clock_spec_hz: Sourced<f64>,
    pub router_ports: Sourced<u32>,
    pub link_bits: Sourced<u32>,
    pub hop_cycles: Sourced<u32>,
    pub ramp_cycles: Sourced<u32>,
    /// Colours that a router can route, each a static route of its own.
    pub colours: Sourced<u32>,
    /// Those of them that copies to and from the host take at every router.
    pub colours_reserved: Sourced<u32>,
    pub input_queues: Sourced<u32>,
    pub output_queues: Sourced<u32>,
    pub io_bytes_per_second: Sourced<f64>,
    /// Places on the wafer's edge where data enter.
    pub io_ports: Sourced<u32>,
    pub system_power_w: Sourced<f64>,
    /// `o`: issue of one vector instruction.
    pub vector_issue_cycles: Sourced<f64>,
    /// `c_k`: one descriptor set-up with its mapped loop.
    pub loop_setup_cycles: Sourced<f64>,
    /// Core-cycles per element of a norm or an activation, for a unit two elements wide.
    pub elementwise_cycles: Sourced<f64>,
    /// Softmax work per attention score, likewise.
    pub softmax_cycles: Sourced<f64>,
    /// Program and stack of one core.
    pub code_bytes_per_core: Sourced<u32>,
    /// SRAM of each core for streamed weights that wait for their turn, and as much for gradients that wait to leave.
    pub staging_bytes_per_core: Sourced<u32>,
    /// Streamed weights of a block stay for its backward pass if that costs no core more than this.
    pub held_weight_bytes_per_core: Sourced<u32>,
    /// Attention works through the keys in blocks of at most this many.
    pub attention_key_block: Sourced<u32>,
    /// Time of the first byte from one wafer to the next in a row.
    pub wafer_link_seconds: Sourced<f64>,
    /// Totals as published, to hold ours against.
    pub published: PublishedTotals,
}

/// Totals that the maker gives; ours are computed and the difference is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishedTotals {
    pub sram_bytes: Sourced<f64>,
    pub sram_bytes_per_second: Sourced<f64>,
    pub fabric_bits_per_second: Sourced<f64>,
    /// fp16 operations per second, dense; `None` where none was published.
    pub dense_flops: Option<Sourced<f64>>,
    /// fp16 operations per second with sparsity counted; `None` where none was published.
    pub sparse_flops: Option<Sourced<f64>>,
}

/// One total of ours held against the maker's.
#[derive(Clone, Debug, PartialEq)]
pub struct TotalCheck {
    /// What is compared: `SRAM bandwidth`.
    pub name: &'static str,
    /// `run clock`, `spec clock`, or `any clock` where time plays no part.
    pub clock: &'static str,
    /// Computed from the figures of the device, over the cores of its fabric.
    pub ours: f64,
    /// As published.
    pub published: f64,
    /// Unit of both.
    pub unit: String,
    /// Where the published value stands.
    pub source: String,
}

impl TotalCheck {
    fn new(name: &'static str, clock: &'static str, ours: f64, published: &Sourced<f64>) -> Self {
        let Sourced { value, unit, mark: _, source } = published;
        Self { name, clock, ours, published: *value, unit: unit.clone(), source: source.clone() }
    }

    /// How much ours is above the published total, as a share of it: 0.1 is 10 % more.
    pub fn difference(&self) -> f64 {
        self.ours / self.published - 1.0
    }

    /// The comparison in words: `dense fp16 peak at spec clock: 15.8 PFLOP/s, published 15.6 PFLOP/s, +1.1 %`.
    pub fn sentence(&self) -> String {
        let sign = if self.difference() < 0.0 { "−" } else { "+" };
        format!(
            "{} at {}: {}{}, published {}{}, {sign}{}",
            self.name,
            self.clock,
            format::prefixed(self.ours),
            self.unit,
            format::prefixed(self.published),
            self.unit,
            format::percent(self.difference().abs())
        )
    }
}

impl DeviceSpec {
    /// Cores of the logical fabric, the ones a program can use.
    pub fn fabric_cores(&self) -> u64 {
        u64::from(self.fabric_columns.value) * u64::from(self.fabric_rows.value)
    }

    /// Columns of cores that were made.
    pub fn physical_columns(&self) -> u32 {
        self.die_columns.value * self.die_core_columns.value
    }

    /// Rows of cores that were made.
    pub fn physical_rows(&self) -> u32 {
        self.die_rows.value * self.die_core_rows.value
    }

    /// Cores that were made.
    pub fn physical_cores(&self) -> u64 {
        u64::from(self.physical_columns()) * u64::from(self.physical_rows())
    }

    /// SRAM of the fabric's cores in bytes.
    pub fn sram_total_bytes(&self) -> u64 {
        self.fabric_cores() * u64::from(self.sram_bytes_per_core.value)
    }

    /// Dense fp16 operations per second of the fabric's cores at `clock_hz` (two per multiply-add).
    pub fn dense_peak_flops(&self, clock_hz: f64) -> f64 {
        self.fabric_cores() as f64 * f64::from(self.fmac_fp16_per_cycle.value) * 2.0 * clock_hz
    }

    /// SRAM bytes per second of the fabric's cores at `clock_hz`, reads and writes together.
    pub fn sram_bandwidth(&self, clock_hz: f64) -> f64 {
        let per_cycle = self.sram_read_bytes_per_cycle.value + self.sram_write_bytes_per_cycle.value;
        self.fabric_cores() as f64 * f64::from(per_cycle) * clock_hz
    }

    /// Fabric bits per second at `clock_hz`: four links a core, both directions.
    pub fn fabric_bandwidth_bits(&self, clock_hz: f64) -> f64 {
        self.fabric_cores() as f64 * 4.0 * 2.0 * f64::from(self.link_bits.value) * clock_hz
    }

    /// fp16 operations per second at `clock_hz` as the maker's "AI" peak counts them, skipped zeros included.
    pub fn sparse_peak_flops(&self, clock_hz: f64) -> f64 {
        self.dense_peak_flops(clock_hz) * SPARSE_FACTOR
    }

    /// Our totals beside the published ones, those that depend on the clock once at each clock.
    pub fn totals(&self) -> Vec<TotalCheck> {
        let published = &self.published;
        let mut checks =
            vec![TotalCheck::new("SRAM", "any clock", self.sram_total_bytes() as f64, &published.sram_bytes)];
        for (clock, hz) in [("run clock", self.clock_run_hz.value), ("spec clock", self.clock_spec_hz.value)] {
            let bandwidth = &published.sram_bytes_per_second;
            checks.push(TotalCheck::new("SRAM bandwidth", clock, self.sram_bandwidth(hz), bandwidth));
            let fabric = &published.fabric_bits_per_second;
            checks.push(TotalCheck::new("fabric bandwidth", clock, self.fabric_bandwidth_bits(hz), fabric));
            if let Some(dense) = &published.dense_flops {
                checks.push(TotalCheck::new("dense fp16 peak", clock, self.dense_peak_flops(hz), dense));
            }
            if let Some(sparse) = &published.sparse_flops {
                checks.push(TotalCheck::new("sparse fp16 peak", clock, self.sparse_peak_flops(hz), sparse));
            }
        }
        checks
    }

    /// Bytes that enter or leave the wafer per clock cycle, each way.
    pub fn io_bytes_per_cycle(&self) -> f64 {
        self.io_bytes_per_second.value / self.clock_run_hz.value
    }
}
