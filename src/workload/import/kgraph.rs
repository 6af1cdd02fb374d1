//! Reader of `.kgraph` files, the kernel graphs of the ISPD 2020 placement benchmark: nodes with their formal
//! arguments, edges with the tensor they carry, and the problem statement in the first comment.
//!
//! What the arguments mean for cores is not known here; `compiler::benchmark` gives them a size and a time.

use std::collections::BTreeMap;

use thiserror::Error;

use super::value::shortened;
use crate::workload::graph::Convolution;

/// Most nodes that are read.
pub const NODES_MAX: usize = 20_000;
/// Most edges that are read.
pub const EDGES_MAX: usize = 200_000;
/// Largest value of one formal argument.
const ARGUMENT_MAX: u64 = 1 << 20;
/// Longest side of the area to place in, in cores.
const SIDE_MAX: u64 = 4_096;
/// Largest weight of the objective; larger ones would leave no digits for the rest of the score.
const WEIGHT_MAX: f64 = 1e6;

/// Why a file was not read: one sentence with the line, what was expected and what was found.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}{what}", .line.map(|line| format!("line {line}: ")).unwrap_or_default())]
pub struct KgraphError {
    /// Counted from 1; `None` where the whole file is meant.
    pub line: Option<usize>,
    pub what: String,
}

/// The area and the objective that a file asks for, with the benchmark's own values where it is silent.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// Name of the problem.
    pub test: Option<String>,
    /// Cores in a row of the area.
    pub width: u32,
    /// Cores in a column of the area.
    pub height: u32,
    /// `wdeltat`: price of a unit of the slowest kernel's time.
    pub time_weight: f64,
    /// `wlength`: price of a core of distance between the centres of connected kernels.
    pub wire_weight: f64,
    /// `wadapter`: price of an adapter.
    pub adapter_weight: f64,
    /// `memlimit`: elements that one core holds.
    pub memory_limit: u64,
}

impl Default for Statement {
    /// The 633 × 633 cores of the description; 24 576 elements of two bytes are its 48 KiB.
    fn default() -> Self {
        Self {
            test: None,
            width: 633,
            height: 633,
            time_weight: 1.0,
            wire_weight: 1.0,
            adapter_weight: 0.0,
            memory_limit: 24_576,
        }
    }
}

/// What a node is, with its formal arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeKind {
    /// Where the data enters; takes no cores.
    Input,
    /// Where the result leaves; takes no cores.
    Output,
    /// A convolution over `height` × `width` positions with stride (`stride_rows`, `stride_columns`).
    Conv {
        height: u64,
        width: u64,
        filter_height: u64,
        filter_width: u64,
        features_in: u64,
        features_out: u64,
        stride_rows: u64,
        stride_columns: u64,
    },
    /// A residual block of three convolutions.
    DBlock { height: u64, width: u64, features: u64 },
    /// A residual block of four convolutions that halves height and width.
    CBlock { height: u64, width: u64, features: u64 },
}

impl NodeKind {
    /// The word of the file format.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
            Self::Conv { .. } => "conv",
            Self::DBlock { .. } => "dblock",
            Self::CBlock { .. } => "cblock",
        }
    }

    /// Its convolutions as the description states them, those of a residual block's branch first; none for the ends.
    pub fn convolutions(&self) -> Vec<Layer> {
        let square = |input, side, in_channels, out_channels, stride| {
            Layer::new(input, [side; 2], [in_channels, out_channels], [stride; 2])
        };
        match *self {
            Self::Input | Self::Output => Vec::new(),
            Self::Conv {
                height,
                width,
                filter_height,
                filter_width,
                features_in,
                features_out,
                stride_rows,
                stride_columns,
            } => {
                let (window, features) = ([filter_height, filter_width], [features_in, features_out]);
                vec![Layer::new([height, width], window, features, [stride_rows, stride_columns])]
            }
            Self::DBlock { height, width, features } => {
                let (at, quarter) = ([height, width], features / 4);
                vec![
                    square(at, 1, features, quarter, 1),
                    square(at, 3, quarter, quarter, 1),
                    square(at, 1, quarter, features, 1),
                ]
            }
            Self::CBlock { height, width, features } => {
                let (at, low, half, quarter) = ([height, width], [height / 2, width / 2], features / 2, features / 4);
                vec![
                    square(at, 1, half, quarter, 1),
                    square(at, 3, quarter, quarter, 2),
                    square(low, 1, quarter, features, 1),
                    square(at, 1, half, features, 2),
                ]
            }
        }
    }

    /// Whether it has cores, other than the ends of the graph.
    pub fn is_kernel(&self) -> bool {
        !matches!(self, Self::Input | Self::Output)
    }
}

/// One convolution of a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Height and width of its input.
    pub input: [u64; 2],
    pub shape: Convolution,
}

impl Layer {
    fn new(input: [u64; 2], window: [u64; 2], [in_channels, out_channels]: [u64; 2], stride: [u64; 2]) -> Self {
        let output = [input[0].div_ceil(stride[0]), input[1].div_ceil(stride[1])];
        Self { input, shape: Convolution { in_channels, out_channels, groups: 1, window, stride, output } }
    }
}

/// A node with its name: the file's, or `k` and its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub id: u32,
    pub name: String,
    pub kind: NodeKind,
    /// Where it stands in the file, counted from 1.
    pub line: usize,
}

/// A connection between two nodes, by their position in [`KernelGraph::nodes`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    pub from: usize,
    pub to: usize,
    /// Sides of the tensor in elements.
    pub shape: Vec<u64>,
    pub line: usize,
}

/// A kernel graph as the file states it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KernelGraph {
    pub statement: Statement,
    pub nodes: Vec<Node>,
    pub edges: Vec<Edge>,
}

/// Reads a `.kgraph` file.
///
/// # Errors
/// One sentence that names the line, what was expected and what was found.
pub fn read(bytes: &[u8]) -> Result<KernelGraph, KgraphError> {
    let text = super::text(bytes).map_err(|error| KgraphError { line: None, what: error.to_string() })?;
    let mut reader = Reader::default();
    let mut comment = false;
    for (index, line) in text.lines().enumerate() {
        reader.line = index + 1;
        reader.mixed_line(line, &mut comment)?;
    }
    if comment {
        return Err(KgraphError { line: None, what: "expected *) at the end of a comment, found the end".to_owned() });
    }
    reader.finish()
}

/// Whether a text begins as such files do: with a comment in Pascal's manner, or with a numbered node.
pub(super) fn looks_like_kgraph(text: &str) -> bool {
    let start = text.trim_start();
    let words = ["input", "output", "conv", "dblock", "cblock"];
    start.starts_with("(*")
        || words.iter().any(|word| start.strip_prefix(word).is_some_and(|rest| rest.trim_start().starts_with('[')))
}

/// An end of an edge as written: word, number.
type End = (String, u32);

#[derive(Default)]
struct Reader {
    line: usize,
    graph: KernelGraph,
    index_of: BTreeMap<u32, usize>,
    names: BTreeMap<String, usize>,
    edges: Vec<(usize, End, End, Vec<u64>)>,
    stated: Vec<String>,
}

impl Reader {
    fn error(&self, what: impl Into<String>) -> KgraphError {
        KgraphError { line: Some(self.line), what: what.into() }
    }

    /// A line of which parts may be comment; `comment` says whether one is open.
    fn mixed_line(&mut self, line: &str, comment: &mut bool) -> Result<(), KgraphError> {
        let mut rest = line;
        let mut code = String::new();
        loop {
            let mark = if *comment { "*)" } else { "(*" };
            let (part, after) = rest.split_once(mark).map_or((rest, None), |(part, after)| (part, Some(after)));
            if *comment {
                self.remark(part)?;
            } else {
                code.push_str(part);
            }
            let Some(after) = after else { break };
            *comment = !*comment;
            rest = after;
        }
        let code = code.trim();
        if code.is_empty() {
            return Ok(());
        }
        if code.contains("->") { self.edge(code) } else { self.node(code) }
    }

    /// A line of a comment: a part of the problem statement if it has the form `key=value`.
    fn remark(&mut self, text: &str) -> Result<(), KgraphError> {
        let Some((key, value)) = text.split_once('=') else { return Ok(()) };
        let (key, value) = (key.trim(), value.trim());
        let statement = &mut self.graph.statement;
        let (whole, weight) = match key {
            "test" => {
                statement.test = Some(shortened(value));
                return Ok(());
            }
            "width" | "height" => (Some(SIDE_MAX), None),
            "memlimit" => (Some(1 << 40), None),
            "wdeltat" => (None, Some(&mut statement.time_weight)),
            "wlength" => (None, Some(&mut statement.wire_weight)),
            "wadapter" => (None, Some(&mut statement.adapter_weight)),
            _ => return Ok(()),
        };
        let line = self.line;
        let wrong = |expected: String| {
            let what = format!("{key}: expected {expected}, found \"{}\"", shortened(value));
            KgraphError { line: Some(line), what }
        };
        if self.stated.iter().any(|stated| stated == key) {
            return Err(wrong("it once".to_owned()));
        }
        self.stated.push(key.to_owned());
        if let Some(weight) = weight {
            let number = value.parse::<f64>().ok().filter(|number| (0.0..=WEIGHT_MAX).contains(number));
            *weight = number.ok_or_else(|| wrong(format!("a number from 0 to {WEIGHT_MAX}")))?;
        }
        if let Some(largest) = whole {
            let number = value.parse::<u64>().ok().filter(|number| (1..=largest).contains(number));
            let number = number.ok_or_else(|| wrong(format!("a whole number from 1 to {largest}")))?;
            match key {
                "width" => statement.width = number as u32,
                "height" => statement.height = number as u32,
                _ => statement.memory_limit = number,
            }
        }
        Ok(())
    }

    /// `kind[ID]` at the beginning of `text`, and what follows.
    fn head<'a>(&self, text: &'a str) -> Result<(End, &'a str), KgraphError> {
        let form = || self.error(format!("expected a node such as conv[3], found \"{}\"", shortened(text)));
        let (word, rest) = text.split_once('[').ok_or_else(form)?;
        let (number, rest) = rest.split_once(']').ok_or_else(form)?;
        let number = number.trim().parse().ok().ok_or_else(form)?;
        let word = word.trim();
        if !["input", "output", "conv", "dblock", "cblock"].contains(&word) {
            let expected = "expected conv, dblock, cblock, input or output";
            return Err(self.error(format!("{expected}, found \"{}\"", shortened(word))));
        }
        Ok(((word.to_owned(), number), rest))
    }

    fn node(&mut self, text: &str) -> Result<(), KgraphError> {
        let ((word, id), rest) = self.head(text)?;
        let fields = self.fields(rest)?;
        let mut name = format!("k{id}");
        let mut arguments: BTreeMap<String, u64> = BTreeMap::new();
        for (key, value) in fields {
            if key == "name" {
                name = self.name(&value)?;
            } else if key != "n" {
                let key = key.to_ascii_uppercase();
                let number = value.parse::<u64>().ok().filter(|number| (1..=ARGUMENT_MAX).contains(number));
                let Some(number) = number else {
                    let (key, found) = (shortened(&key), shortened(&value));
                    let expected = format!("expected a whole number from 1 to {ARGUMENT_MAX}");
                    return Err(self.error(format!("{word}[{id}] {key}: {expected}, found \"{found}\"")));
                };
                if arguments.insert(key.clone(), number).is_some() {
                    let key = shortened(&key);
                    return Err(self.error(format!("{word}[{id}] {key}: expected once, found twice")));
                }
            }
        }
        let kind = self.kind(&word, id, &arguments)?;
        if self.graph.nodes.len() == NODES_MAX {
            return Err(self.error(format!("expected at most {NODES_MAX} nodes, found more")));
        }
        let index = self.graph.nodes.len();
        if self.index_of.insert(id, index).is_some() {
            return Err(self.error(format!("expected the number {id} once, found a second node with it")));
        }
        if self.names.insert(name.clone(), index).is_some() {
            return Err(self.error(format!("expected the name '{name}' once, found a second node with it")));
        }
        self.graph.nodes.push(Node { id, name, kind, line: self.line });
        Ok(())
    }

    /// `key=value` pairs; a value may be in quotes or a list in brackets.
    fn fields(&self, text: &str) -> Result<Vec<(String, String)>, KgraphError> {
        let mut fields = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let form = || self.error(format!("expected key=value, found \"{}\"", shortened(rest)));
            let (key, after) = rest.split_once('=').ok_or_else(form)?;
            let after = after.trim_start();
            let close = match after.chars().next() {
                Some('\'') => Some('\''),
                Some('[') => Some(']'),
                _ => None,
            };
            let (value, tail) = match close {
                Some(close) => after[1..].split_once(close).ok_or_else(form)?,
                None => after.split_once(char::is_whitespace).unwrap_or((after, "")),
            };
            fields.push((key.trim().to_owned(), value.to_owned()));
            rest = tail.trim_start();
        }
        Ok(fields)
    }

    /// A name that a placement file can hold.
    fn name(&self, text: &str) -> Result<String, KgraphError> {
        let fits = |c: char| c.is_ascii_alphanumeric() || "_.-/".contains(c);
        if text.is_empty() || text.len() > 64 || !text.chars().all(fits) {
            let expected = "name: expected 1 to 64 letters, digits, _, -, . or /";
            return Err(self.error(format!("{expected}, found \"{}\"", shortened(text))));
        }
        Ok(text.to_owned())
    }

    fn kind(&self, word: &str, id: u32, arguments: &BTreeMap<String, u64>) -> Result<NodeKind, KgraphError> {
        let known: &[&str] = match word {
            "conv" => &["H", "W", "R", "S", "C", "K", "T", "U"],
            "dblock" | "cblock" => &["H", "W", "F"],
            _ => return Ok(if word == "input" { NodeKind::Input } else { NodeKind::Output }),
        };
        if let Some(key) = arguments.keys().find(|key| !known.contains(&key.as_str())) {
            let expected = format!("expected {}", known.join(", "));
            return Err(self.error(format!("{word}[{id}]: {expected}, found \"{}\"", shortened(key))));
        }
        let value = |key: &str| {
            let found = arguments.get(key).copied();
            found.ok_or_else(|| self.error(format!("{word}[{id}] {key}: expected a whole number, found nothing")))
        };
        let (height, width) = (value("H")?, value("W")?);
        if word == "conv" {
            let stride_rows = arguments.get("T").copied().unwrap_or(1);
            return Ok(NodeKind::Conv {
                height,
                width,
                filter_height: value("R")?,
                filter_width: value("S")?,
                features_in: value("C")?,
                features_out: value("K")?,
                stride_rows,
                // The description has one stride for both axes.
                stride_columns: arguments.get("U").copied().unwrap_or(stride_rows),
            });
        }
        let features = value("F")?;
        let block = format!("{word}[{id}]");
        if !features.is_multiple_of(4) {
            return Err(self.error(format!("{block} f: expected a multiple of 4, found {features}")));
        }
        if word == "dblock" {
            return Ok(NodeKind::DBlock { height, width, features });
        }
        if !height.is_multiple_of(2) || !width.is_multiple_of(2) {
            return Err(self.error(format!("{block} h and w: expected even numbers, found {height} and {width}")));
        }
        Ok(NodeKind::CBlock { height, width, features })
    }

    fn edge(&mut self, text: &str) -> Result<(), KgraphError> {
        let form = |reader: &Self| {
            let expected = "expected an edge such as conv[1]:y -> conv[2]:x, shape:[7][7][64]";
            reader.error(format!("{expected}, found \"{}\"", shortened(text)))
        };
        let (left, right) = text.split_once("->").ok_or_else(|| form(self))?;
        let (from, port) = self.head(left)?;
        if !port.trim_start().starts_with(':') {
            return Err(form(self));
        }
        let (to, rest) = self.head(right)?;
        let mut shape = Vec::new();
        if let Some((_, list)) = rest.split_once("shape:") {
            let sides =
                list.trim().strip_prefix('[').and_then(|list| list.strip_suffix(']')).ok_or_else(|| form(self))?;
            for side in sides.split("][") {
                let side = side.trim().parse::<u64>().ok().filter(|side| (1..=ARGUMENT_MAX).contains(side));
                shape.push(side.ok_or_else(|| form(self))?);
            }
        } else if !rest.trim_start().starts_with(':') {
            return Err(form(self));
        }
        if self.edges.len() == EDGES_MAX {
            return Err(self.error(format!("expected at most {EDGES_MAX} edges, found more")));
        }
        self.edges.push((self.line, from, to, shape));
        Ok(())
    }

    /// Joins edges with nodes once all lines are read, since either may come first.
    fn finish(mut self) -> Result<KernelGraph, KgraphError> {
        if !self.graph.nodes.iter().any(|node| node.kind.is_kernel()) {
            let what = "expected at least one conv, dblock or cblock, found none".to_owned();
            return Err(KgraphError { line: None, what });
        }
        for (line, from, to, shape) in std::mem::take(&mut self.edges) {
            self.line = line;
            let (from, to) = (self.end(&from)?, self.end(&to)?);
            if from == to {
                return Err(self.error("expected an edge between two nodes, found one from a node to itself"));
            }
            self.graph.edges.push(Edge { from, to, shape, line });
        }
        super::kernel_graph::order(&self.graph)?;
        Ok(self.graph)
    }

    fn end(&self, (word, id): &End) -> Result<usize, KgraphError> {
        let Some(&index) = self.index_of.get(id) else {
            return Err(self.error(format!("expected a node that is defined, found {word}[{id}]")));
        };
        let defined = self.graph.nodes[index].kind.word();
        if defined != word {
            return Err(self.error(format!("expected {defined}[{id}] as defined, found {word}[{id}]")));
        }
        Ok(index)
    }
}
