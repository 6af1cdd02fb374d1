//! A time and the kinds of work that it is made of.

/// One kind of work and the cycles that it takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    /// One lower-case word: `hops`.
    pub name: &'static str,
    pub cycles: f64,
}

/// Cycles by kind of work, in the order in which they were first named.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Breakdown {
    parts: Vec<Part>,
}

impl Breakdown {
    /// Adds cycles to a part.
    pub fn add(&mut self, name: &'static str, cycles: f64) {
        match self.parts.iter_mut().find(|part| part.name == name) {
            Some(part) => part.cycles += cycles,
            None => self.parts.push(Part { name, cycles }),
        }
    }

    /// Adds every part of `other`, `times` over.
    pub fn merge(&mut self, other: &Self, times: f64) {
        for part in &other.parts {
            self.add(part.name, part.cycles * times);
        }
    }

    /// The same parts, each `times` as long.
    pub fn scaled(&self, times: f64) -> Self {
        let parts = self.parts.iter().map(|part| Part { cycles: part.cycles * times, ..*part }).collect();
        Self { parts }
    }

    /// Cycles of all parts.
    pub fn total(&self) -> f64 {
        self.parts.iter().map(|part| part.cycles).sum()
    }

    /// Cycles of one part; 0 if there is none of this name.
    pub fn cycles(&self, name: &str) -> f64 {
        self.parts.iter().filter(|part| part.name == name).map(|part| part.cycles).sum()
    }

    /// The parts in the order in which they were named.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The longest part, the first among equals.
    pub fn longest(&self) -> Option<Part> {
        let longer = |best: Option<Part>, part: &Part| match best {
            Some(held) if held.cycles >= part.cycles => Some(held),
            _ => Some(*part),
        };
        self.parts.iter().fold(None, longer)
    }

    /// What limits the result, in words: the longest part, its share of the time, and what that part is.
    pub fn limiter(&self) -> String {
        let Some(part) = self.longest() else { return "nothing is done".to_owned() };
        let share = crate::units::format::percent(part.cycles / self.total());
        format!("{}: {share} of the time", meaning(part.name))
    }
}

/// What a part is, for people.
pub fn meaning(name: &str) -> &str {
    match name {
        "gemv" => "multiply-adds of matrix-vector products",
        "fma" | "products" => "multiply-adds of matrix products",
        "vector" => "vector instructions outside matrix products",
        "scalar" => "software division, roots and exponentials",
        "hops" => "distance: hops along rows and columns in reductions and broadcasts",
        "stages" => "additions of reduction chains, one core after the other",
        "words" => "wavelets of reductions and broadcasts",
        "issue" => "issue of the instructions that reductions wait for",
        "loop" => "set-up of inner loops",
        "step" => "start and finish of the moves of each step of a matrix product",
        "wavelets" => "wavelets of shifted tiles",
        "align" => "alignment of left operands before a matrix product",
        "chains" => "reduction chains along rows",
        "move" => "moving weights from the layout of prefill to that of decoding",
        "head" => "projection to the vocabulary",
        "wafers" => "hops from wafer to wafer",
        "reduction" => "partial sums on their way along columns",
        "attention" => "attention scores and values",
        "elementwise" => "norms, activations and softmax",
        "fill" => "weights on their way across the wafer at the start of each operator",
        "stream" => "waiting for weights: input and output of the wafer",
        "optimizer" => "last gradients out, update, and first weights in between steps",
        _ => name,
    }
}
