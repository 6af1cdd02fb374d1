//! What stands on the last block: scores for every token, a pooler on the first one, and the loss.

use super::NormKind;
use super::builder::Builder;
use crate::workload::graph::{OpId, OpKind, Tokens};

/// The heads of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Scores for every token.
    pub scores: Option<Scores>,
    /// What is made of the first token.
    pub pooler: Option<Pooler>,
    /// Further heads with layers of their own.
    pub towers: Vec<Tower>,
}

/// Dense layers with biases and pointwise functions between them, a norm, and prototypes to compare with (Caron et al.
/// 2021, arXiv:2104.14294, section 3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tower {
    pub name: &'static str,
    /// Outputs of each dense layer.
    pub widths: Vec<u64>,
    pub classes: u64,
    /// Whether the prototypes' lengths are trained beside their directions.
    pub lengths: bool,
    /// Whether it works on the first token alone.
    pub first: bool,
}

/// A projection of every token to classes, words of a vocabulary for instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scores {
    pub classes: u64,
    /// Whether it uses the token table of the embedding.
    pub tied: bool,
    pub bias: bool,
    /// BERT's masked-language-model transform with its bias, activation and this norm, in front of the projection.
    pub transform: Option<NormKind>,
    /// Width in front of the projection if it is not the hidden size; a projection without a bias leads to it.
    pub width: Option<u64>,
    /// Whether shift and scale of the last norm come from the condition of conditioned blocks.
    pub conditioned: bool,
}

/// What is made of the first token of a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pooler {
    /// Whether a dense layer of the hidden size and a pointwise function come first, as in BERT.
    pub dense: bool,
    /// Width of what is projected, in hidden sizes: more than one if further vectors are put beside the token.
    pub vectors: u64,
    /// Classes of the projection that follows; 0 if nothing reads the pooler.
    pub classes: u64,
    pub name: &'static str,
}

impl Head {
    /// A tied projection to the vocabulary.
    pub fn language(vocab: u64) -> Self {
        Self { scores: Some(Scores::plain(vocab)), pooler: None, towers: Vec::new() }
    }

    /// Nothing but a projection of the first token to classes.
    pub fn classifier(pooler: Pooler) -> Self {
        Self { scores: None, pooler: Some(pooler), towers: Vec::new() }
    }

    /// The same head with its scores changed, if it has any.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Scores)) -> Self {
        if let Some(scores) = &mut self.scores {
            change(scores);
        }
        self
    }
}

impl Scores {
    /// A tied projection without a bias.
    pub fn plain(classes: u64) -> Self {
        Self { classes, tied: true, bias: false, transform: None, width: None, conditioned: false }
    }
}

impl Pooler {
    /// BERT's: a dense layer, and the two classes of next-sentence prediction.
    pub const NEXT_SENTENCE: Self = Self { dense: true, vectors: 1, classes: 2, name: "nsp" };
}

impl Builder<'_> {
    /// All heads on the last operators of the stream; `table` owns the weights of tied scores.
    pub(super) fn head(&mut self, table: Option<OpId>, last: Vec<OpId>) {
        let mut losses = Vec::new();
        let mut classes = 0;
        if let Some(pooler) = self.shape.head.pooler {
            losses.extend(self.pooler(pooler, last.clone()));
            classes = pooler.classes;
        }
        for tower in &self.shape.head.towers {
            losses.push(self.tower(tower, last.clone()));
            classes = tower.classes;
        }
        if let Some(scores) = &self.shape.head.scores {
            losses.insert(0, self.scores(scores, table, last));
            classes = scores.classes;
        } else if self.shape.head.towers.iter().all(|tower| tower.first) {
            self.tokens = Tokens::FIRST;
        }
        self.push("loss", OpKind::Loss { width: classes.max(1) }, 0, losses);
    }

    fn pooler(&mut self, pooler: Pooler, mut input: Vec<OpId>) -> Option<OpId> {
        let hidden = self.hidden;
        let tokens = std::mem::replace(&mut self.tokens, Tokens::FIRST);
        if pooler.dense {
            let dense = self.matmul("pooler", (hidden, hidden), true, input);
            input = vec![self.activation("pooler.act", hidden, false, vec![dense])];
        }
        let wide = (pooler.vectors * hidden, pooler.classes);
        let classes = (pooler.classes > 0).then(|| self.matmul(pooler.name, wide, true, input));
        self.tokens = tokens;
        classes
    }

    fn tower(&mut self, tower: &Tower, mut input: Vec<OpId>) -> OpId {
        let Tower { name, ref widths, classes, lengths, first } = *tower;
        let tokens = self.tokens;
        if first {
            self.tokens = Tokens::FIRST;
        }
        let mut width = self.hidden;
        for (index, &next) in widths.iter().enumerate() {
            if index > 0 {
                input = vec![self.activation(&format!("{name}.act{index}"), width, false, input)];
            }
            input = vec![self.matmul(&format!("{name}.{}", index + 1), (width, next), true, input)];
            width = next;
        }
        let norm = self.inner_norm(&format!("{name}.norm"), width, 0, input[0]);
        let out = self.matmul(name, (width, classes), false, vec![norm]);
        self.ops[out.0 as usize].parameters += if lengths { classes } else { 0 };
        self.tokens = tokens;
        out
    }

    fn scores(&mut self, scores: &Scores, table: Option<OpId>, last: Vec<OpId>) -> OpId {
        let mut input = last;
        if scores.conditioned {
            let condition = self.condition.expect("a conditioned head has a condition");
            let tokens = std::mem::replace(&mut self.tokens, Tokens::FIRST);
            let shifts = self.matmul("head.cond", (self.hidden, 2 * self.hidden), true, vec![condition]);
            self.tokens = tokens;
            let kind = OpKind::Elementwise { width: self.hidden, operands: 3 };
            input = vec![self.push("head.shift", kind, 0, vec![input[0], shifts])];
        }
        let width = scores.width.unwrap_or(self.hidden);
        if let Some(norm) = scores.transform {
            let transform = self.matmul("mlm.transform", (self.hidden, width), true, input);
            let act = self.activation("mlm.act", width, false, vec![transform]);
            input = vec![self.inner_norm("mlm.norm", width, norm.parameters(width), act)];
        } else if width != self.hidden {
            input = vec![self.matmul("head.project", (self.hidden, width), false, input)];
        }
        let bias = if scores.bias { scores.classes } else { 0 };
        let owner = table.filter(|_| scores.tied);
        let owned = if owner.is_some() { 0 } else { width.saturating_mul(scores.classes) };
        let kind = OpKind::MatMul { k: width, n: scores.classes };
        let head = self.push("head", kind, owned.saturating_add(bias), input);
        self.ops[head.0 as usize].weights_of = owner;
        head
    }
}
