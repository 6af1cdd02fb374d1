//! Reader and writer of `.paint` files, the placements of the ISPD 2020 benchmark.
//!
//! Two lines for each kernel: `k1 = dblock( 56 56 256 4 4 8 8 8 8 64 16 )`, the formal arguments followed by the
//! execution arguments, and `k1 : place(0 148 R0)`, its north-west corner and rotation.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use thiserror::Error;

use super::{Arguments, Benchmark, Kernel, Placed};

/// Largest text that is read, in bytes.
pub const BYTES_MAX: usize = 16 << 20;

/// Why a placement was not read: one sentence with the line.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {what}")]
pub struct PaintError {
    /// Counted from 1.
    pub line: usize,
    pub what: String,
}

/// The text of a placement, in the order of the graph.
pub fn write(benchmark: &Benchmark, placed: &[Placed]) -> String {
    let mut text = String::new();
    for (part, place) in benchmark.parts.iter().zip(placed) {
        let kernel = &benchmark.shapers[part.kind].kernel;
        let name = &part.name;
        let numbers: Vec<String> =
            formal(kernel).iter().chain(&execution(&place.arguments)).map(|number| number.to_string()).collect();
        let rotation = if place.turned { "R90" } else { "R0" };
        let word = kernel.kind.word();
        let line = writeln!(text, "{name} = {word}( {} )", numbers.join(" "))
            .and_then(|()| writeln!(text, "{name} : place({} {} {rotation})", place.x, place.y));
        debug_assert!(line.is_ok(), "writing to a text cannot fail");
    }
    text
}

/// Formal arguments as the performance functions take them: a convolution whose strides are equal names them once.
fn formal(kernel: &Kernel) -> Vec<u64> {
    let mut formal = kernel.formal();
    if formal.len() == 8 && formal[6] == formal[7] {
        formal.pop();
    }
    formal
}

/// h′ w′, all c′, all k′.
fn execution(arguments: &Arguments) -> Vec<u64> {
    let parts_in = arguments.features.iter().map(|features| features[0]);
    let parts_out = arguments.features.iter().map(|features| features[1]);
    [arguments.rows, arguments.columns].into_iter().chain(parts_in).chain(parts_out).collect()
}

/// Reads a placement of the kernels of `benchmark`; a kernel without a place stays `None`.
///
/// # Errors
/// One sentence about the first line that does not follow the format or does not belong to the graph.
pub fn read(benchmark: &Benchmark, bytes: &[u8]) -> Result<Vec<Option<Placed>>, PaintError> {
    let whole = |what: &str| PaintError { line: 1, what: what.to_owned() };
    if bytes.len() > BYTES_MAX {
        return Err(whole("expected a text of at most 16 MiB, found more"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_error| whole("expected a text, found a binary file"))?;
    let part_of: BTreeMap<&str, usize> =
        benchmark.parts.iter().enumerate().map(|(index, part)| (part.name.as_str(), index)).collect();
    let mut arguments: Vec<Option<Arguments>> = vec![None; benchmark.parts.len()];
    let mut places: Vec<Option<(u32, u32, bool)>> = vec![None; benchmark.parts.len()];
    for (index, line) in text.lines().enumerate() {
        let fault = |what: String| PaintError { line: index + 1, what };
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let part = |name: &str| {
            let found = part_of.get(name.trim()).copied();
            found.ok_or_else(|| fault(format!("expected a kernel of the graph, found \"{}\"", short(name.trim()))))
        };
        if let Some((name, call)) = line.split_once('=') {
            let part = part(name)?;
            let kernel = &benchmark.shapers[benchmark.parts[part].kind].kernel;
            let read = instance(kernel, call).map_err(fault)?;
            if arguments[part].replace(read).is_some() {
                return Err(fault(format!("expected {} once, found its arguments twice", name.trim())));
            }
        } else if let Some((name, call)) = line.split_once(':') {
            let part = part(name)?;
            let read = place(call).map_err(fault)?;
            if places[part].replace(read).is_some() {
                return Err(fault(format!("expected {} once, found its place twice", name.trim())));
            }
        } else {
            let expected = "expected k1 = kernel( .. ) or k1 : place(x y R0)";
            return Err(fault(format!("{expected}, found \"{}\"", short(line))));
        }
    }
    let joined = arguments.into_iter().zip(places).map(|(arguments, place)| {
        let (x, y, turned) = place?;
        Some(Placed { arguments: arguments?, x, y, turned })
    });
    Ok(joined.collect())
}

/// The numbers between parentheses after `word`.
fn numbers<'a>(call: &'a str, word: &str) -> Result<Vec<&'a str>, String> {
    let inside = call.trim().strip_prefix(word).map(str::trim_start);
    let inside = inside.and_then(|rest| rest.strip_prefix('(')).and_then(|rest| rest.strip_suffix(')'));
    let inside = inside.ok_or_else(|| format!("expected {word}( .. ), found \"{}\"", short(call.trim())))?;
    Ok(inside.split_whitespace().collect())
}

fn instance(kernel: &Kernel, call: &str) -> Result<Arguments, String> {
    let words = numbers(call, kernel.kind.word())?;
    let read = words.iter().map(|word| word.parse::<u64>().ok().filter(|&number| number <= 1 << 20));
    let read: Option<Vec<u64>> = read.collect();
    let read = read.ok_or_else(|| format!("expected whole numbers up to {}, found others", 1 << 20))?;
    let executed = 2 + 2 * kernel.convs.len();
    // Another writer may name equal strides twice.
    let written = [formal(kernel), kernel.formal()];
    let given = written.iter().find(|formal| formal.len() + executed == read.len()).ok_or_else(|| {
        let expected = written[0].len() + executed;
        format!("expected {expected} numbers, found {}", read.len())
    })?;
    if !read.starts_with(given) {
        return Err(format!("expected the formal arguments {given:?} of the graph, found {:?}", &read[..given.len()]));
    }
    let execution = &read[given.len()..];
    let (parts_in, parts_out) = execution[2..].split_at(kernel.convs.len());
    let features = parts_in.iter().zip(parts_out).map(|(&parts_in, &parts_out)| [parts_in, parts_out]).collect();
    Ok(Arguments { rows: execution[0], columns: execution[1], features })
}

fn place(call: &str) -> Result<(u32, u32, bool), String> {
    let words = numbers(call, "place")?;
    let [x, y, rotation] = words[..] else {
        return Err(format!("expected place(x y R0), found {} words", words.len()));
    };
    let coordinate = |word: &str| word.parse::<u32>().ok().filter(|&at| at <= 1 << 20);
    let (Some(x), Some(y)) = (coordinate(x), coordinate(y)) else {
        return Err(format!("expected coordinates from 0 to {}, found \"{} {}\"", 1 << 20, short(x), short(y)));
    };
    let turned = match rotation {
        "R0" | "R180" => false,
        "R90" | "R270" => true,
        other => return Err(format!("expected R0, R90, R180 or R270, found \"{}\"", short(other))),
    };
    Ok((x, y, turned))
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}
