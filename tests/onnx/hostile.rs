//! Files that are wrong, by mistake or on purpose: one sentence each, soon, and little memory.

use std::io::{Cursor, Read, Result, Seek, SeekFrom};
use std::panic::catch_unwind;
use std::time::{Duration, Instant};

use waferscope::workload::import::onnx::{Unknown, read};
use waferscope::workload::import::{self, graph_text};

use super::encode::{Message, Net, Set, Size, weights};
use super::{refusal, refusal_of};

fn relu(net: Net) -> Net {
    net.node("Relu", &["x"], &["y"], &[]).output("y")
}

fn conv(input: &[i64], kernel: &[i64], settings: &[Set<'_>]) -> Net {
    let net = Net::new().known("x", input).weights("w", kernel);
    net.node("Conv", &["x", "w"], &["y"], settings).output("y")
}

#[test]
fn wrong_graphs_are_refused_with_their_place() {
    let input = || Net::new().known("x", &[1, 3, 8, 8]);
    let cases: Vec<(Net, &str)> = vec![
        (
            input().node("Relu", &["z"], &["y"], &[]).output("y"),
            "node \"n_y\" (Relu): expected inputs that earlier nodes make, found \"z\", which nothing makes",
        ),
        (
            input().node("Add", &["x", "b"], &["a"], &[]).node("Relu", &["a"], &["b"], &[]).output("b"),
            "which a later node makes (a cycle, or nodes out of order)",
        ),
        (input().node("Relu", &["x"], &["x"], &[]).output("x"), "\"x\", which is there already"),
        (relu(Net::new().known("x", &[1, 0, 8, 8])), "input \"x\": expected sizes of 1 or more, found 0"),
        (relu(Net::new().known("x", &[1, 1 << 20, 1 << 20, 1 << 20])), "2^40"),
        (relu(Net::new().known("x", &[i64::MAX, i64::MAX])), "2^40"),
        (relu(input().weights("w", &[-5])), "initialiser \"w\""),
        (relu(input().weights("w", &[1; 40])), "16 axes"),
        (conv(&[1, 3, 8, 8], &[5, 2, 3, 3], &[]), "weights for 3 channels in 1 groups"),
        (conv(&[1, 3, 8, 8], &[5, 3, 9, 9], &[]), "a window of at most 8 pixels"),
        (conv(&[1, 3, 8, 8], &[5, 3, 3, 3], &[Set::Int("group", 0)]), "1 group or more"),
        (conv(&[1, 3, 8, 8], &[5, 3, 3, 3], &[Set::Ints("strides", &[0, 1])]), "strides from 1"),
        (conv(&[1, 3, 8, 8], &[5, 3, 3, 3], &[Set::Ints("pads", &[-1, 0, 0, 0])]), "pads of 0 or more"),
        (conv(&[1, 3, 8, 8], &[0, 3, 3, 3], &[]), "weights"),
        (conv(&[1, 1 << 20, 1024, 1024], &[1 << 20, 1 << 20, 1, 1], &[]), "10^18 operations"),
        (input().node("Reshape", &["x", "x"], &["y"], &[]).output("y"), "known beforehand"),
        (input().ints("s", &[7, -1]).node("Reshape", &["x", "s"], &["y"], &[]).output("y"), "sizes for 192 elements"),
        (
            input().node("Transpose", &["x"], &["y"], &[Set::Ints("perm", &[0, 0, 1, 2])]).output("y"),
            "each of 4 axes once",
        ),
        (input().node("Gemm", &["x"], &["y"], &[]).output("y"), "an input 2"),
        (input().output("x"), "an output that its nodes compute"),
        (Net::new().input("x", &[Size::Open; 40]).output("x"), "16 axes"),
    ];
    for (net, words) in cases {
        let said = refusal(&net);
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn bytes_that_are_no_onnx_are_refused() {
    let cases: [(&[u8], &str); 7] = [
        (&[0x08, 0x08], "no graph"),
        (&[0x08], "byte 1"),
        (&[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "ten bytes"),
        (&[0x08, 0x01, 0x3a, 0x7f], "at most 0 bytes, found 127 bytes"),
        (&[0x08, 0x01, 0x0b], "wire type 3"),
        (&[0x08, 0x01, 0x00, 0x00], "field number 0"),
        (&[0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], "byte 11"),
    ];
    for (bytes, words) in cases {
        let said = refusal_of(bytes);
        assert!(said.contains(words), "{words}: {said}");
    }
}

/// A file of `length` bytes: a beginning, and nothing but zeros behind it. Counts what is read of it.
struct Sparse {
    start: Vec<u8>,
    length: u64,
    position: u64,
    read: u64,
}

impl Read for Sparse {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let count = (self.length.saturating_sub(self.position)).min(buffer.len() as u64) as usize;
        for (at, byte) in buffer[..count].iter_mut().enumerate() {
            *byte = self.start.get(self.position as usize + at).copied().unwrap_or(0);
        }
        self.position += count as u64;
        self.read += count as u64;
        Ok(count)
    }
}

impl Seek for Sparse {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        self.position = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::End(by) => self.length.saturating_add_signed(by),
            SeekFrom::Current(by) => self.position.saturating_add_signed(by),
        };
        Ok(self.position)
    }
}

#[test]
fn weights_are_stepped_over() {
    const WEIGHTS: u64 = 4 * 20_000 * 20_000;
    let tensor = weights("w", &[20_000, 20_000]).claim(9, WEIGHTS);
    let net = Net::new().known("x", &[1, 20_000]).node("MatMul", &["x", "w"], &["y"], &[]).output("y");
    // The tensor comes last, so that all lengths around it end with the file.
    let graph = net.graph().clone().claim(5, tensor.0.len() as u64 + WEIGHTS);
    let length = (graph.0.len() + tensor.0.len()) as u64 + WEIGHTS;
    let mut start = Message::default().int(1, 8).claim(7, length);
    start.0.extend([graph.0, tensor.0].concat());
    let length = start.0.len() as u64 + WEIGHTS;
    let mut file = Sparse { start: start.0, length, position: 0, read: 0 };
    let graph = read(&mut file, Unknown::default()).unwrap().graph;
    assert_eq!(graph.parameters(), 400_000_000);
    assert!(file.read < 100_000, "{} bytes of {length} were read", file.read);
    file.length = 3 << 30;
    assert!(read(&mut file, Unknown::default()).unwrap_err().to_string().contains("at most 2 GiB"));
}

#[test]
fn floods_end_soon() {
    let many = |count: usize, message: &Message, field: u64| {
        let one = Message::default().message(field, message);
        let graph = Message(one.0.repeat(count));
        Message::default().int(1, 8).message(7, &graph).0
    };
    let node = Message::default().text(1, "x").text(2, "y").text(4, "Relu");
    let mut wide = Net::new().known("x", &[1, 8]);
    let names: Vec<String> = (0..20_000).map(|index| format!("v{index}")).collect();
    for name in &names {
        wide = wide.node("Relu", &["x"], &[name], &[]);
    }
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let wide = wide.node("Sum", &all, &["y"], &[]).output("y");
    let mut nested = Message::default();
    for _ in 0..2_000 {
        nested = Message::default()
            .message(1, &super::encode::node("If", &[], &["y"], &[Set::Graph("then_branch", nested)]));
    }
    let cases = [
        ("a million nodes", many(1_000_000, &node, 1), "50 000 nodes"),
        ("empty names", many(1, &Message([0x0a, 0x00].repeat(4_000_000)), 1), "2 000 000 names"),
        ("sizes", many(1, &Message([0x08, 0x01].repeat(4_000_000)), 5), "16 axes"),
        ("declared sizes", many(1, &Message::default().text(1, "x"), 11), "a tensor with a shape"),
        ("nested graphs", Message::default().int(1, 8).message(7, &nested).0, "expected"),
    ];
    for (what, file, words) in cases {
        let begin = Instant::now();
        let said = refusal_of(&file);
        assert!(said.contains(words), "{what}: {said}");
        assert!(begin.elapsed() < Duration::from_secs(2), "{what} took {:?}", begin.elapsed());
    }
    let begin = Instant::now();
    assert_eq!(super::graph_of(&wide.file()).ops.len(), 20_001);
    assert!(begin.elapsed() < Duration::from_secs(2), "a wide graph took {:?}", begin.elapsed());
}

/// One tensor that everybody reads, and one operator that reads everybody, must not cost the square of their number.
#[test]
fn crowds_end_soon() {
    const CROWD: usize = 24_000;
    let names: Vec<[String; 2]> = (0..CROWD).map(|index| [format!("a{index}"), format!("b{index}")]).collect();
    let mut net = Net::new().known("x", &[1, 8]).node("Tanh", &["x"], &["t"], &[]);
    for [a, b] in &names {
        net = net.node("Tanh", &["t"], &[a], &[]).node("Mul", &[a, "t"], &[b], &[]);
    }
    let all: Vec<&str> = names.iter().map(|[_, b]| b.as_str()).collect();
    let mut sums = Net::new().known("x", &[1, 8]).weights("w", &[8, 8]);
    for [a, b] in &names {
        sums = sums.node("MatMul", &["x", "w"], &[a], &[]).node("Relu", &[a], &[b], &[]);
    }
    let files = [
        sums.node("Sum", &all, &["y"], &[]).output("y").file(),
        net.clone().node("Sum", &all, &["y"], &[]).output("y").file(),
        net.output("b0").file(),
    ];
    for file in files {
        let begin = Instant::now();
        let read = import::read_from(&mut Cursor::new(&file), Unknown::default());
        let time = begin.elapsed();
        assert!(read.is_ok() && time < Duration::from_secs(3), "{time:?}: {:?}", read.err());
    }
}

/// Whatever happens to a file, reading it ends in a graph whose text form is sound, or in one sentence.
#[test]
fn damaged_files_never_panic() {
    let whole = Net::new()
        .input("x", &[Size::Named("n"), Size::Of(3), Size::Of(9), Size::Of(9)])
        .weights("w", &[4, 3, 3, 3])
        .weights("f", &[36, 7])
        .ints("s", &[0, 9, -1])
        .ints("a", &[1])
        .node("Conv", &["x", "w"], &["c"], &[Set::Ints("strides", &[2, 2]), Set::Ints("pads", &[0, 0, 1, 1])])
        .node("Clip", &["c"], &["r"], &[])
        .node("Unsqueeze", &["r", "a"], &["u"], &[])
        .node("Squeeze", &["u", "a"], &["q"], &[])
        .node("Slice", &["q", "a", "s", "a"], &["l"], &[])
        .node("AveragePool", &["r"], &["p"], &[Set::Ints("kernel_shape", &[2, 2])])
        .node("Flatten", &["p"], &["k"], &[])
        .node("MatMul", &["k", "f"], &["m"], &[])
        .node("Softmax", &["m"], &["y"], &[])
        .output("y")
        .file();
    let damage = |file: Vec<u8>, what: &str| {
        let ended = catch_unwind(|| match import::read_from(&mut Cursor::new(&file), Unknown::default()) {
            Ok(imported) if imported.format == import::Format::Onnx => {
                let text = graph_text::write(&imported.graph);
                assert_eq!(import::read(text.as_bytes()).unwrap().graph, imported.graph);
            }
            Ok(_) => {}
            Err(error) => assert!(error.to_string().lines().count() == 1, "{error}"),
        });
        assert!(ended.is_ok(), "{what}");
    };
    for length in 0..whole.len() {
        damage(whole[..length].to_vec(), &format!("cut at {length}"));
    }
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut file = whole.clone();
            file[at] ^= 1 << bit;
            damage(file, &format!("bit {bit} of byte {at}"));
        }
        for byte in [0x00, 0x7f, 0xff] {
            let mut file = whole.clone();
            file[at] = byte;
            damage(file, &format!("byte {at} as {byte}"));
        }
    }
}
