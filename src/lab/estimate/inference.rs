//! Estimates of prefill, decoding and whole requests: grids and systems that were not given are chosen here.

use super::{Answer, CONTEXT, EstimateError, OUTPUT, Question, SIDE_MIN, SYSTEMS_MAX, Task};
use crate::analytic::collective::groups_of;
use crate::analytic::decode::{self, Layout};
use crate::analytic::{Breakdown, FP16_BYTES, Heads, Prices, Shape, capacity, constants, prefill, regions, request};
use crate::hardware::DeviceSpec;
use crate::units::format;

/// A question about inference with what was chosen so far.
pub(super) struct Inference<'a> {
    prices: &'a Prices,
    shape: &'a Shape,
    question: Question<'a>,
    clock_hz: f64,
    systems: u64,
    batch: u64,
    prompt: u64,
    output: u64,
    /// Tokens in the cache of one request at its end.
    tokens: u64,
}

impl<'a> Inference<'a> {
    pub(super) fn new(prices: &'a Prices, shape: &'a Shape, question: Question<'a>) -> Result<Self, EstimateError> {
        let device = question.device;
        let most = device.fabric_columns.value.min(device.fabric_rows.value);
        for grid in [question.grid, question.decode_grid].into_iter().flatten() {
            if !(SIDE_MIN..=most).contains(&grid) {
                let (columns, rows) = (device.fabric_columns.value, device.fabric_rows.value);
                return Err(EstimateError::Grid { grid, title: device.title.clone(), columns, rows, most });
            }
            check_tile(shape, device, grid)?;
        }
        let (prompt, output) = (question.prompt.unwrap_or(CONTEXT), question.output.unwrap_or(OUTPUT));
        let tokens = match question.task {
            Task::Decode => question.context.unwrap_or(CONTEXT),
            Task::Generate => prompt + output,
            Task::Prefill | Task::Train => prompt,
        };
        let batch = question.batch.unwrap_or(1);
        let kept = tokens.saturating_mul(batch);
        let fewest = capacity::fewest_systems(device, shape, kept);
        let systems = question.systems.unwrap_or(fewest).min(SYSTEMS_MAX);
        if systems < fewest {
            return Err(EstimateError::TooLarge {
                model: shape.name.clone(),
                needed: format::bytes(capacity::needed_bytes(shape, kept)),
                systems,
                title: device.title.clone(),
                available: format::bytes(capacity::free_bytes(device, systems)),
                fewest,
            });
        }
        let clock_hz = question.clock_hz.unwrap_or(device.clock_run_hz.value);
        let mut asked = Self { prices, shape, question, clock_hz, systems, batch, prompt, output, tokens };
        if question.systems.is_none() && question.grid.or(question.decode_grid).is_none() {
            asked.add_systems_for_regions();
        }
        Ok(asked)
    }

    /// Regions are squares and waste some cores: adds systems until each layer has one, or keeps the fewest if twice as
    /// many would not do.
    fn add_systems_for_regions(&mut self) {
        let Question { device, task, .. } = self.question;
        let least = regions::smallest_side(device, self.shape, self.tokens.saturating_mul(self.batch));
        let fits = |systems: &u64| least <= regions::largest_side(device, self.shape, *systems);
        if matches!(task, Task::Decode | Task::Generate) {
            self.systems = (self.systems..=2 * self.systems).find(fits).unwrap_or(self.systems);
        }
    }

    pub(super) fn answer(self) -> Result<Answer, EstimateError> {
        let (task, batch) = (self.question.task, self.batch as f64);
        let mut parts = Breakdown::default();
        let prefill_grid = if task == Task::Decode { None } else { Some(self.prefill(&mut parts)?) };
        let decode = if task == Task::Prefill { None } else { Some(self.token()) };
        if let Some((layout, token, in_regions)) = &decode {
            let tokens = if task == Task::Decode { 1.0 } else { self.output as f64 };
            // Requests in regions follow each other layer by layer; on one grid each waits for the others.
            let together = if *in_regions { self.shape.layers as f64 } else { 1.0 };
            let requests = (batch / together).max(1.0);
            if task == Task::Generate {
                let cores = prefill_grid.unwrap_or(layout.cores);
                parts = parts.scaled(batch);
                parts.add("move", request::moved(self.shape, cores, layout.heads));
            }
            parts.merge(token, tokens * requests);
        } else {
            parts = parts.scaled(batch);
        }
        let seconds = parts.total() / self.clock_hz;
        let tokens = match task {
            Task::Prefill | Task::Train => self.prompt,
            Task::Decode => 1,
            Task::Generate => self.output,
        };
        let rate = tokens as f64 * batch / seconds;
        let regions = decode.as_ref().is_some_and(|(_, _, regions)| *regions);
        let cores = decode.as_ref().map(|(layout, _, _)| layout.cores);
        let device = self.question.device;
        let longest = [
            capacity::longest_context_shifting(device, self.shape, self.systems),
            capacity::longest_context_appending(
                device,
                self.shape,
                self.systems,
                cores.or(prefill_grid).unwrap_or(SIDE_MIN),
            ),
        ];
        Ok(Answer {
            task,
            systems: self.systems,
            clock_hz: self.clock_hz,
            prefill_grid,
            decode_grid: cores,
            regions,
            batch: self.batch,
            seconds,
            tokens_per_second: rate,
            tokens_per_second_per_request: rate / batch,
            samples_per_second: None,
            longest_context: Some(longest),
            plan: None,
            parts,
            assumptions: self.assumptions(regions),
        })
    }

    /// One prompt through all layers, and the side of the grid.
    fn prefill(&self, parts: &mut Breakdown) -> Result<u32, EstimateError> {
        let device = self.question.device;
        let layer = |side: u32| prefill::layer(self.prices, self.shape, side, Heads::FullWidth, self.prompt);
        let side = self.question.grid.unwrap_or_else(|| {
            let most = device.fabric_columns.value.min(device.fabric_rows.value);
            let least = least_side(self.shape, device).min(most);
            let sides = (least.max(SIDE_MIN)..=most).map(|side| (side, layer(side).total()));
            sides.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(most, |(side, _)| side)
        });
        check_tile(self.shape, device, side)?;
        parts.merge(&layer(side), self.shape.layers as f64);
        self.wafers(parts);
        Ok(side)
    }

    /// One token of one request through all layers: its layout, its parts, and whether layers have regions.
    fn token(&self) -> (Layout, Breakdown, bool) {
        let device = self.question.device;
        if let Some(cores) = self.question.decode_grid.or(self.question.grid) {
            return self.token_on(cores);
        }
        let kept = self.tokens.saturating_mul(self.batch);
        let sizes = [self.tokens, kept];
        match regions::fastest_side(self.prices, device, self.shape, self.systems, sizes) {
            Some(side) => {
                let token = regions::token(self.prices, self.shape, side, self.systems, self.tokens, self.clock_hz);
                (regions::layout(side), token, true)
            }
            // A model whose layers find no room side by side shares one grid.
            None => self.token_on(device.fabric_columns.value.min(device.fabric_rows.value)),
        }
    }

    /// One token with all layers one after the other on the same grid.
    fn token_on(&self, cores: u32) -> (Layout, Breakdown, bool) {
        let layout = Layout { cores, groups: groups_of(cores), heads: Heads::FullWidth, fused: false };
        let mut token = Breakdown::default();
        token.merge(&decode::layer(self.prices, self.shape, layout, self.tokens), self.shape.layers as f64);
        self.wafers(&mut token);
        (layout, token, false)
    }

    /// Hops to the other wafers, where layers are on several.
    fn wafers(&self, parts: &mut Breakdown) {
        if self.systems > 1 {
            parts.add("wafers", self.systems as f64 * constants::WAFER_HOP_SECONDS.value * self.clock_hz);
        }
    }

    fn assumptions(&self, in_regions: bool) -> Vec<String> {
        let mut said = vec![
            "kernels of WaferLLM (OSDI 2025) in fp16, widths padded to the grid; a division in software".to_owned(),
        ];
        if in_regions {
            said.push(
                "each layer decodes on a square region of its own, keys and values as narrow as the model has them; good \
                 to a quarter either way (assumed)"
                    .to_owned(),
            );
            if self.batch > 1 {
                said.push("up to one request a layer is under way without waiting for another".to_owned());
            }
        }
        if !in_regions || self.question.task == Task::Generate {
            let what = if in_regions { "prefill runs" } else { "all layers run" };
            said.push(format!(
                "{what} one layer after the other on one grid, keys and values as wide as the model; embedding and head are \
                 left out; that the grid's own SRAM holds one layer is all that is checked"
            ));
        }
        if self.question.task == Task::Generate {
            said.push("every token is priced at the context that the last one has".to_owned());
            said.push("weights move between the layouts at one wavelet a cycle and column (assumed)".to_owned());
        }
        if self.batch > 1 && !in_regions {
            said.push("requests wait for each other: kernels for several at once are not published".to_owned());
        }
        if self.systems > 1 {
            said.push("under 5 µs from wafer to wafer (second-hand)".to_owned());
        }
        said
    }
}

/// Smallest square whose cores hold one layer of weights beside their code.
fn least_side(shape: &Shape, device: &DeviceSpec) -> u32 {
    let bytes = (shape.layer_weights(Heads::FullWidth) * FP16_BYTES) as f64;
    (bytes / f64::from(free_per_core(device))).sqrt().ceil() as u32
}

fn free_per_core(device: &DeviceSpec) -> u32 {
    device.sram_bytes_per_core.value - device.code_bytes_per_core.value
}

fn check_tile(shape: &Shape, device: &DeviceSpec, grid: u32) -> Result<(), EstimateError> {
    let least = least_side(shape, device);
    if grid >= least {
        return Ok(());
    }
    let bytes = shape.layer_weights(Heads::FullWidth) * FP16_BYTES;
    Err(EstimateError::TileTooLarge {
        model: shape.name.clone(),
        needed: format::bytes(bytes / (u64::from(grid) * u64::from(grid))),
        grid,
        available: format::bytes(u64::from(free_per_core(device))),
        least,
    })
}
