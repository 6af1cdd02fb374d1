//! Damage: turns an entry of a corpus into something that nobody would write, the same for the same number every time.

use waferscope::rng::Rng;

/// Longest input that is made, in bytes; a few are a hundred times as long.
const BYTES_MAX: usize = 32 << 10;

/// Numbers that readers trip over, as text.
const NUMBERS: [&str; 24] = [
    "0",
    "-1",
    "1",
    "2",
    "3",
    "7",
    "255",
    "65535",
    "65536",
    "1048577",
    "2147483648",
    "4294967295",
    "4294967296",
    "9007199254740993",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775809",
    "1e308",
    "-1e308",
    "1e-320",
    "NaN",
    "inf",
    "0.1",
    "99999999999999999999999999999999999999999",
];

/// The same as varints of a binary file.
const VARINTS: [&[u8]; 8] = [
    &[0],
    &[1],
    &[0x7f],
    &[0xff, 0xff, 0x03],
    &[0xff, 0xff, 0xff, 0xff, 0x0f],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
];

/// Pieces of syntax, to be put anywhere and many times.
const OPENINGS: [&str; 12] =
    ["(", "[", "{", "{\"a\":", "a:\n ", "- ", "&a [*a, ", "Some(", "(a: ", "(*", "/*", "\"\\u{1f600}"];

/// Single pieces of syntax.
const MARKS: [&str; 16] =
    [")", "]", "}", ",", ":", "\"", "'", "\n", "\0", "\t", "#", "null", "true", "~", "\u{feff}", "\u{202e}"];

/// The numbered piece of damage to one entry of `corpus`.
pub(crate) fn mutated(corpus: &[Vec<u8>], reader: &str, index: u64) -> Vec<u8> {
    let mut rng = Rng::substream(index, reader);
    let mut bytes = pick(&mut rng, corpus).clone();
    // One in two is damaged once: what is broken in many places is refused at the first.
    let steps = [1, 1, 1, 1, 2, 2, 3, 6][rng.below(8) as usize];
    for _ in 0..steps {
        damage(&mut rng, corpus, &mut bytes);
    }
    let limit = if rng.below(4_096) == 0 { 100 * BYTES_MAX } else { BYTES_MAX };
    bytes.truncate(limit);
    bytes
}

fn pick<'a, T>(rng: &mut Rng, list: &'a [T]) -> &'a T {
    &list[rng.below(list.len() as u32) as usize]
}

/// A place in `bytes`, its end included.
fn place(rng: &mut Rng, bytes: &[u8]) -> usize {
    rng.below(bytes.len() as u32 + 1) as usize
}

/// A short stretch of `bytes`.
fn stretch(rng: &mut Rng, bytes: &[u8]) -> std::ops::Range<usize> {
    let from = place(rng, bytes);
    let length = rng.below(64) as usize;
    from..(from + length).min(bytes.len())
}

fn damage(rng: &mut Rng, corpus: &[Vec<u8>], bytes: &mut Vec<u8>) {
    match rng.below(18) {
        0 => {
            let at = place(rng, bytes);
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << rng.below(8);
            }
        }
        1 => {
            let at = place(rng, bytes);
            bytes.insert(at, rng.below(256) as u8);
        }
        2 => {
            let gone = stretch(rng, bytes);
            bytes.drain(gone);
        }
        3 => {
            let end = place(rng, bytes);
            bytes.truncate(end);
        }
        4 => splice(rng, corpus, bytes),
        5..=9 => number(rng, bytes),
        10 => line(rng, bytes),
        11 => field(rng, bytes),
        12 => nest(rng, bytes),
        13 => repeat(rng, bytes),
        14 => {
            let mark = *pick(rng, &MARKS);
            let at = place(rng, bytes);
            bytes.splice(at..at, mark.bytes());
        }
        _ => word(rng, corpus, bytes),
    }
}

/// The beginning of this with the end of another.
fn splice(rng: &mut Rng, corpus: &[Vec<u8>], bytes: &mut Vec<u8>) {
    let other = pick(rng, corpus);
    let (head, tail) = (place(rng, bytes), place(rng, other));
    bytes.truncate(head);
    bytes.extend_from_slice(&other[tail..]);
}

/// The stretches of `bytes` that `is` holds for.
fn runs(bytes: &[u8], is: impl Fn(u8) -> bool) -> Vec<std::ops::Range<usize>> {
    let mut found: Vec<std::ops::Range<usize>> = Vec::new();
    for (at, &byte) in bytes.iter().enumerate() {
        if !is(byte) {
            continue;
        }
        match found.last_mut() {
            Some(run) if run.end == at => run.end += 1,
            _ => found.push(at..at + 1),
        }
    }
    found
}

/// Another number for one that is there, or a varint for a byte of a binary file.
fn number(rng: &mut Rng, bytes: &mut Vec<u8>) {
    let binary = bytes.contains(&0) || std::str::from_utf8(bytes).is_err();
    if binary && rng.below(2) == 0 {
        let at = place(rng, bytes);
        let end = (at + 1).min(bytes.len());
        let varint = *pick(rng, &VARINTS);
        bytes.splice(at..end, varint.iter().copied());
        return;
    }
    let numbers = runs(bytes, |byte| byte.is_ascii_digit() || byte == b'.');
    if numbers.is_empty() {
        return;
    }
    let run = pick(rng, &numbers).clone();
    let new = match rng.below(3) {
        0 => rng.below(300).to_string(),
        1 => {
            let old = String::from_utf8_lossy(&bytes[run.clone()]).parse::<u64>().unwrap_or(1);
            let factor = [2, 3, 10, 1_000, 1 << 20][rng.below(5) as usize];
            if rng.below(2) == 0 { old.saturating_mul(factor) } else { old / factor }.to_string()
        }
        _ => (*pick(rng, &NUMBERS)).to_owned(),
    };
    bytes.splice(run, new.bytes());
}

/// A line twice, away, or elsewhere.
fn line(rng: &mut Rng, bytes: &mut Vec<u8>) {
    let lines = runs(bytes, |byte| byte != b'\n');
    if lines.is_empty() {
        return;
    }
    let chosen = pick(rng, &lines).clone();
    let text = bytes[chosen.clone()].to_vec();
    match rng.below(3) {
        0 => drop(bytes.drain(chosen.start..(chosen.end + 1).min(bytes.len()))),
        1 => drop(bytes.splice(chosen.end..chosen.end, [&b"\n"[..], &text].concat())),
        _ => {
            let target = pick(rng, &lines).end;
            bytes.splice(target..target, [&b"\n"[..], &text].concat());
        }
    }
}

/// What stands between two commas twice, or away.
fn field(rng: &mut Rng, bytes: &mut Vec<u8>) {
    let fields = runs(bytes, |byte| byte != b',');
    if fields.is_empty() {
        return;
    }
    let chosen = pick(rng, &fields).clone();
    if rng.below(2) == 0 {
        bytes.drain(chosen.start..(chosen.end + 1).min(bytes.len()));
    } else {
        let text = [&b","[..], &bytes[chosen.clone()]].concat();
        bytes.splice(chosen.end..chosen.end, text);
    }
}

/// Many openings of something.
fn nest(rng: &mut Rng, bytes: &mut Vec<u8>) {
    let opening = *pick(rng, &OPENINGS);
    let times = if rng.below(64) == 0 { 100_000 } else { 1 + rng.below(200) as usize };
    let at = place(rng, bytes);
    bytes.splice(at..at, opening.repeat(times).into_bytes());
}

/// A stretch many times.
fn repeat(rng: &mut Rng, bytes: &mut Vec<u8>) {
    let chosen = stretch(rng, bytes);
    let times = if rng.below(64) == 0 { 2_000 } else { 2 + rng.below(30) as usize };
    let text = bytes[chosen.clone()].repeat(times);
    bytes.splice(chosen, text);
}

/// A word of any entry for a word of this one.
fn word(rng: &mut Rng, corpus: &[Vec<u8>], bytes: &mut Vec<u8>) {
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    let other = pick(rng, corpus);
    let (here, there) = (runs(bytes, letters), runs(other, letters));
    if here.is_empty() || there.is_empty() {
        return;
    }
    let new = other[pick(rng, &there).clone()].to_vec();
    let old = pick(rng, &here).clone();
    bytes.splice(old, new);
}
