//! How much context fits beside the weights, and how many wafers a model needs.

use super::shape::Shape;
use crate::hardware::DeviceSpec;

/// SRAM of `systems` wafers in bytes, without what each core keeps for program and stack.
pub fn free_bytes(device: &DeviceSpec, systems: u64) -> u64 {
    let free = u64::from(device.sram_bytes_per_core.value - device.code_bytes_per_core.value);
    device.fabric_cores() * free * systems
}

/// Longest context if keys and values shift from row to row, so that all rows fill evenly (`WaferLLM`, OSDI 2025,
/// section 4): what is left beside the weights, over the bytes of one token.
pub fn longest_context_shifting(device: &DeviceSpec, shape: &Shape, systems: u64) -> u64 {
    let left = free_bytes(device, systems).saturating_sub(shape.weight_bytes());
    left / shape.kv_bytes_per_token().max(1)
}

/// The same if every token is appended to one row of a grid `cores` high.
pub fn longest_context_appending(device: &DeviceSpec, shape: &Shape, systems: u64, cores: u32) -> u64 {
    longest_context_shifting(device, shape, systems) / u64::from(cores.max(1))
}

/// Bytes for the weights, and keys and values of `tokens` tokens of all requests together.
pub fn needed_bytes(shape: &Shape, tokens: u64) -> u64 {
    shape.weight_bytes().saturating_add(shape.kv_bytes_per_token().saturating_mul(tokens))
}

/// Fewest wafers that hold the weights, keys and values of `tokens` tokens, and the code.
pub fn fewest_systems(device: &DeviceSpec, shape: &Shape, tokens: u64) -> u64 {
    needed_bytes(shape, tokens).div_ceil(free_bytes(device, 1).max(1)).max(1)
}
