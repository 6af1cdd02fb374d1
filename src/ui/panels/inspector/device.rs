//! The figures of the device, each with its unit, how far it can be trusted, and its source as tooltip.

use egui::Ui;

use super::parts::{fact_row, note, split_prefix};
use crate::hardware::spec::{PublishedTotals, Sourced};
use crate::hardware::{DeviceSpec, TotalCheck};
use crate::units::format;

/// Draws all figures, then our totals beside the published ones.
pub(super) fn show(ui: &mut Ui, device: &DeviceSpec) {
    figures(ui, device);
    note(ui, "Totals of ours beside the published ones");
    for check in device.totals() {
        total(ui, &check);
    }
}

fn row<T>(ui: &mut Ui, name: &str, sourced: &Sourced<T>, value: f64) {
    let Sourced { value: _, unit, mark, source } = sourced;
    // A prefix belongs to the unit; counts of cores and bytes stay whole.
    let (digits, prefix) = if value.abs() >= 1e7 { split_prefix(value) } else { (plain(value), String::new()) };
    let origin = format!("{name}: {} {unit}, {}\n{source}", plain(value), mark.word());
    fact_row(ui, name, &digits, &format!("{prefix}{unit}, {}", mark.word()), &origin);
}

/// Whole numbers whole, others with three digits.
fn plain(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 9e15 {
        format::grouped(value.abs() as u64)
    } else {
        format::three_digits(value)
    }
}

fn figures(ui: &mut Ui, device: &DeviceSpec) {
    // Every field, so that a new one cannot be forgotten here.
    let DeviceSpec {
        name: _,
        title: _,
        system: _,
        wafer_side_mm,
        die_columns,
        die_rows,
        die_core_columns,
        die_core_rows,
        fabric_columns,
        fabric_rows,
        cores_marketed,
        sram_bytes_per_core,
        sram_banks,
        sram_read_bytes_per_cycle,
        sram_write_bytes_per_cycle,
        cache_bytes_per_core,
        simd_fp16_lanes,
        fmac_fp16_per_cycle,
        fmac_fp32_per_cycle,
        clock_run_hz,
        clock_spec_hz,
        router_ports,
        link_bits,
        hop_cycles,
        ramp_cycles,
        colours,
        colours_reserved,
        input_queues,
        output_queues,
        io_bytes_per_second,
        io_ports,
        system_power_w,
        vector_issue_cycles,
        loop_setup_cycles,
        elementwise_cycles,
        softmax_cycles,
        code_bytes_per_core,
        staging_bytes_per_core,
        held_weight_bytes_per_core,
        attention_key_block,
        wafer_link_seconds,
        published,
    } = device;
    let counts = [
        ("Die columns", die_columns),
        ("Die rows", die_rows),
        ("Columns a die", die_core_columns),
        ("Rows a die", die_core_rows),
        ("Fabric columns", fabric_columns),
        ("Fabric rows", fabric_rows),
        ("SRAM a core", sram_bytes_per_core),
        ("SRAM banks", sram_banks),
        ("SRAM reads", sram_read_bytes_per_cycle),
        ("SRAM writes", sram_write_bytes_per_cycle),
        ("Cache a core", cache_bytes_per_core),
        ("fp16 lanes", simd_fp16_lanes),
        ("fp16 at peak", fmac_fp16_per_cycle),
        ("fp32 at peak", fmac_fp32_per_cycle),
        ("Router ports", router_ports),
        ("Link width", link_bits),
        ("One hop", hop_cycles),
        ("Ramp", ramp_cycles),
        ("Colours", colours),
        ("Host's colours", colours_reserved),
        ("Input queues", input_queues),
        ("Output queues", output_queues),
        ("In and out ports", io_ports),
        ("Program, stack", code_bytes_per_core),
        ("Staging a core", staging_bytes_per_core),
        ("Held weights", held_weight_bytes_per_core),
        ("Key block", attention_key_block),
    ];
    let rates = [
        ("Wafer side", wafer_side_mm),
        ("Run clock", clock_run_hz),
        ("Spec clock", clock_spec_hz),
        ("In and out", io_bytes_per_second),
        ("System power", system_power_w),
        ("Wafer to wafer", wafer_link_seconds),
        ("Vector issue", vector_issue_cycles),
        ("Loop set-up", loop_setup_cycles),
        ("Elementwise", elementwise_cycles),
        ("Softmax", softmax_cycles),
    ];
    for (name, sourced) in rates {
        row(ui, name, sourced, sourced.value);
    }
    row(ui, "Cores marketed", cores_marketed, cores_marketed.value as f64);
    for (name, sourced) in counts {
        row(ui, name, sourced, f64::from(sourced.value));
    }
    published_totals(ui, published);
}

fn published_totals(ui: &mut Ui, published: &PublishedTotals) {
    let PublishedTotals { sram_bytes, sram_bytes_per_second, fabric_bits_per_second, dense_flops, sparse_flops } =
        published;
    let totals = [
        ("SRAM", Some(sram_bytes)),
        ("SRAM bandwidth", Some(sram_bytes_per_second)),
        ("Fabric", Some(fabric_bits_per_second)),
        ("Dense fp16", dense_flops.as_ref()),
        ("Sparse fp16", sparse_flops.as_ref()),
    ];
    note(ui, "Published totals");
    for (name, sourced) in totals {
        if let Some(sourced) = sourced {
            row(ui, name, sourced, sourced.value);
        }
    }
}

fn total(ui: &mut Ui, check: &TotalCheck) {
    let sign = if check.difference() < 0.0 { "−" } else { "+" };
    let name = format!("{}, {}", check.name, check.clock);
    let difference = format!("{sign}{}", format::percent(check.difference().abs()));
    let origin = format!("{}\n{}", check.sentence(), check.source);
    fact_row(ui, &name, &difference, "", &origin);
}
