//! What the ANALYTIC ruler says of one published measurement, in the unit of its source.

use crate::analytic::collective::{released_groups, scalar_all_reduce, two_phase_reduce};
use crate::analytic::decode::{self, Layout};
use crate::analytic::matrix::{Moves, Tile, gemm, gemv, gemv_by_chain, streaming_gemm};
use crate::analytic::{Heads, Prices, Shape, capacity, constants, prefill, regions, request, stencil, training};
use crate::hardware::DeviceSpec;
use crate::scenario::file::device;
use crate::scenario::file::published::{Pattern, Subject};
use crate::workload::{Graph, builtin};

/// A prediction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Predicted {
    /// In the unit of the measurement.
    pub value: f64,
    /// Whether it falls as the cycles rise: a rate.
    pub inverse: bool,
}

/// The shipped wafers.
pub struct Predictor {
    devices: Vec<DeviceSpec>,
}

impl Default for Predictor {
    fn default() -> Self {
        Self { devices: device::BUILTIN.iter().filter_map(|name| device::builtin(name)).collect() }
    }
}

impl Predictor {
    /// The fitted prices, which all wafers share.
    pub fn fitted(&self) -> [f64; 6] {
        self.devices.first().map_or([0.0; 6], |spec| Prices::new(spec).fitted())
    }

    fn device(&self, name: &str) -> Result<&DeviceSpec, String> {
        self.devices.iter().find(|spec| spec.name == name).ok_or_else(|| format!("there is no device {name}"))
    }

    /// The prediction for `subject` in `unit` with these fitted prices, or why there is none; `clock_ghz` replaces the
    /// clock of the device.
    pub fn predict(
        &self,
        subject: &Subject,
        unit: &str,
        clock_ghz: Option<f64>,
        fitted: [f64; 6],
    ) -> Result<Predicted, String> {
        let name = match subject {
            Subject::MeshGemm { .. } | Subject::Stencil { .. } | Subject::Service { .. } => "wse3",
            Subject::ScalarAllReduce { .. } => "wse1",
            Subject::Train { device, .. } => device,
            _ => "wse2",
        };
        let spec = self.device(name)?;
        let prices = &Prices::new(spec).with_fitted(fitted);
        let clock_hz = clock_ghz.map_or(spec.clock_run_hz.value, |ghz| ghz * 1e9);
        let wafer = Wafer { spec, prices, clock_hz };
        match subject {
            Subject::Decode { .. } | Subject::Prefill { .. } | Subject::Request { .. } => wafer.inference(subject),
            Subject::Service { .. } | Subject::Context { .. } => wafer.service(subject),
            Subject::Train { .. } | Subject::TrainingCompute { .. } => wafer.training(subject),
            Subject::Stencil { .. } | Subject::OneCellStencil { .. } => Ok(wafer.time(unit, wafer.stencil(subject))),
            Subject::ColumnStencil { radius, cells, iterations, .. } => {
                let cycles = stencil::column_iteration(prices, *radius, *cells) * *iterations as f64;
                Ok(wafer.time(unit, cycles))
            }
            Subject::ColumnStencilRate { radius, cells, cores } => {
                let cycles = stencil::column_iteration(prices, *radius, *cells);
                let flops = (2 * stencil::taps_in_a_box(*radius) * cells * cores) as f64;
                Ok(Predicted { value: flops * clock_hz / cycles / 1e12, inverse: true })
            }
            Subject::Unpredicted { why, .. } => Err(why.clone()),
            _ => wafer.kernel(subject, unit),
        }
    }
}

/// One device at one clock.
struct Wafer<'a> {
    spec: &'a DeviceSpec,
    prices: &'a Prices,
    clock_hz: f64,
}

fn graph(model: &str) -> Result<Graph, String> {
    builtin::graph(model).ok_or_else(|| format!("there is no model {model}"))
}

fn shape(model: &str) -> Result<Shape, String> {
    Shape::of(&graph(model)?).map_err(|error| error.to_string())
}

fn released(cores: u32) -> Layout {
    Layout { cores, groups: released_groups(cores), heads: Heads::FullWidth, fused: false }
}

impl Wafer<'_> {
    fn rate(&self, count: u64, cycles: f64) -> Predicted {
        Predicted { value: count as f64 * self.clock_hz / cycles, inverse: true }
    }

    /// A time in the unit of the source.
    fn time(&self, unit: &str, cycles: f64) -> Predicted {
        let seconds = cycles / self.clock_hz;
        let value = match unit {
            "s" => seconds,
            "ms" => seconds * 1e3,
            "us" => seconds * 1e6,
            _ => cycles,
        };
        Predicted { value, inverse: false }
    }

    fn inference(&self, subject: &Subject) -> Result<Predicted, String> {
        match subject {
            Subject::Decode { model, grid, context } => {
                let shape = shape(model)?;
                let layer = decode::layer(self.prices, &shape, released(*grid), *context).total();
                Ok(self.rate(1, layer * shape.layers as f64))
            }
            Subject::Prefill { model, grid, prompt } => {
                let shape = shape(model)?;
                let layer = prefill::layer(self.prices, &shape, *grid, Heads::FullWidth, *prompt).total();
                Ok(self.rate(*prompt, layer * shape.layers as f64))
            }
            Subject::Request { model, prefill_grid, decode_grid, prompt, output } => {
                let asked = request::Request {
                    prompt: *prompt,
                    output: *output,
                    prefill_cores: *prefill_grid,
                    decode: released(*decode_grid),
                };
                let cycles = request::request(self.prices, &shape(model)?, asked).total();
                Ok(self.rate(*output, cycles))
            }
            _ => Err("no inference".to_owned()),
        }
    }

    fn service(&self, subject: &Subject) -> Result<Predicted, String> {
        match subject {
            Subject::Service { model, systems, context } => {
                let shape = shape(model)?;
                let side = regions::fastest_side(self.prices, self.spec, &shape, *systems, [*context, *context]);
                let side = side.ok_or_else(|| format!("{model} does not fit on {systems} wafers"))?;
                let token = regions::token(self.prices, &shape, side, *systems, *context, self.clock_hz);
                Ok(self.rate(1, token.total()))
            }
            Subject::Context { model, grid, shifting } => {
                let shape = shape(model)?;
                let tokens = if *shifting {
                    capacity::longest_context_shifting(self.spec, &shape, 1)
                } else {
                    capacity::longest_context_appending(self.spec, &shape, 1, *grid)
                };
                Ok(Predicted { value: tokens as f64, inverse: false })
            }
            _ => Err("no service".to_owned()),
        }
    }

    fn training(&self, subject: &Subject) -> Result<Predicted, String> {
        match subject {
            Subject::Train { model, batch, sequence, .. } => {
                let graph = graph(model)?;
                let (batch, sequence, clock_hz) = (*batch, *sequence, self.clock_hz);
                let job = training::Job { batch, sequence, systems: 1, clock_hz, sparsity: 0.0 };
                let step = training::step(self.prices, self.spec, &graph, job).map_err(|error| error.to_string())?;
                Ok(Predicted { value: batch as f64 / step.seconds, inverse: true })
            }
            Subject::TrainingCompute { model, tokens } => {
                let counted = graph(model)?;
                // As the source counts (Hoffmann et al. 2022, appendix F): the look-up of a token as a product with the
                // table, forward and twice backward. Graphs count none.
                let look_up = 6 * shape(model)?.head_weights();
                let flops = (counted.training_flops_per_token() + look_up) as f64 * tokens;
                Ok(Predicted { value: flops, inverse: false })
            }
            _ => Err("no training".to_owned()),
        }
    }

    fn stencil(&self, subject: &Subject) -> f64 {
        match subject {
            Subject::Stencil { pattern, radius, side, iterations } => {
                let pattern = match pattern {
                    Pattern::Star => stencil::Pattern::Star,
                    Pattern::Square => stencil::Pattern::Square,
                };
                stencil::iteration(self.prices, pattern, *radius, *side) * *iterations as f64
            }
            Subject::OneCellStencil { radius } => stencil::one_cell_iteration(self.prices, *radius),
            _ => f64::NAN,
        }
    }

    fn kernel(&self, subject: &Subject, unit: &str) -> Result<Predicted, String> {
        let prices = self.prices;
        let square = |size: u64, grid: u32| Tile::of(size, size, size, grid);
        // Timed by itself, a product has its call as well.
        let product = |size: u64, grid: u32| {
            gemv(prices, grid, released_groups(grid), square(size, grid)).total() + prices.gemm_call
        };
        Ok(match *subject {
            Subject::Gemv { size, grid } => self.time(unit, product(size, grid)),
            Subject::GemvSpeedup { size, grid } => {
                let chain = gemv_by_chain(prices, grid, square(size, grid)).total() + prices.gemm_call;
                Predicted { value: chain / product(size, grid), inverse: true }
            }
            Subject::GemvEnergyRatio { size, grid, gpus, gpu_milliseconds } => {
                let milliseconds = product(size, grid) / self.clock_hz * 1e3;
                let wafer = milliseconds * constants::WAFER_POWER_IN_GPUS.value;
                Predicted { value: gpu_milliseconds * gpus as f64 / wafer, inverse: true }
            }
            Subject::GemmEfficiency { size, grid } => {
                let tile = square(size, grid);
                let ideal = f64::from(grid) * (tile.m * tile.k * tile.n) as f64 / prices.lanes as f64;
                let cycles = gemm(prices, grid, tile, Moves::Aligned, 1.0).total() + prices.gemm_call;
                Predicted { value: 100.0 * ideal / cycles, inverse: true }
            }
            Subject::MeshGemm { grid, m, k, n, multiplies } => {
                let tile = Tile::of(m, k, n, grid);
                let cycles = gemm(prices, grid, tile, Moves::Aligned, f64::from(multiplies)).total();
                self.time(unit, cycles + prices.gemm_call)
            }
            Subject::TwoPhaseReduce { cores, group, words } => {
                self.time(unit, two_phase_reduce(prices, cores, group, words))
            }
            Subject::ScalarAllReduce { columns, rows } => self.time(unit, scalar_all_reduce(prices, columns, rows)),
            Subject::StreamingGemm { columns, rows, n, k, m } => {
                self.time(unit, streaming_gemm(prices, (n, k, m), (columns, rows)))
            }
            _ => return Err("no kernel of this ruler".to_owned()),
        })
    }
}

/// What was measured, for people.
pub fn describe(subject: &Subject) -> String {
    match subject {
        Subject::Decode { model, grid, context } => format!("decode {model} on {grid}² at context {context}"),
        Subject::Prefill { model, grid, prompt } => format!("prefill {model} on {grid}², {prompt} tokens"),
        Subject::Request { model, prefill_grid, decode_grid, prompt, output } => {
            format!("{model}, {prompt} in on {prefill_grid}², {output} out on {decode_grid}²")
        }
        Subject::Context { model, shifting, .. } => {
            format!("longest context of {model}, {}", if *shifting { "shifting" } else { "appending" })
        }
        Subject::Gemv { size, grid } => format!("GEMV {size} on {grid}²"),
        Subject::GemvSpeedup { size, grid } => format!("GEMV {size} on {grid}² against one chain"),
        Subject::GemvEnergyRatio { size, gpus, .. } => format!("energy of {gpus} A100 over WSE-2, GEMV {size}"),
        Subject::GemmEfficiency { size, grid } => format!("share of peak, GEMM {size} on {grid}²"),
        Subject::MeshGemm { grid, m, k, multiplies, .. } => {
            format!("GEMM {m} × {k} × {k} on {grid}², multiply-adds × {multiplies}")
        }
        Subject::TwoPhaseReduce { cores, group, words } => {
            format!("reduce {words} words over {cores} cores in groups of {group}")
        }
        Subject::ScalarAllReduce { columns, rows } => format!("all-reduce of one value on {columns} × {rows}"),
        Subject::StreamingGemm { columns, rows, n, k, .. } => format!("GEMM {n} × {k} on {columns} × {rows}, fp32"),
        Subject::Stencil { pattern, radius, side, iterations } => {
            format!("{pattern:?} stencil, radius {radius}, {side}² cells a core, iterations {iterations}")
        }
        Subject::OneCellStencil { radius } => format!("stencil of radius {radius}, one cell a core"),
        Subject::ColumnStencil { radius, cells, .. } | Subject::ColumnStencilRate { radius, cells, .. } => {
            format!("stencil of radius {radius} in a box, {cells} cells a core")
        }
        Subject::Service { model, systems, .. } => format!("one user of {model} on {systems} CS-3"),
        Subject::Train { model, device, batch, .. } => format!("train {model} on {device}, batch {batch}"),
        Subject::TrainingCompute { model, .. } => format!("operations to train {model}"),
        Subject::Unpredicted { what, .. } => what.clone(),
    }
}
