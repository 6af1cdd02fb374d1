//! Counts against closed forms and published sizes, on every combination of switches, and graphs that hang together.

use super::*;
use crate::workload::graph::{OpKind, Reach, Tokens};

/// A block of attention and a dense part.
fn block(attention: Attention, feed_forward: FeedForward, place: Place, norm: NormKind) -> Block {
    let works = [Work::Attention(attention), Work::FeedForward(feed_forward)];
    Block::line(works.map(|work| Part::new(work, place, norm)).into())
}

/// GPT-2 small, from Radford et al. 2019, with so many blocks.
fn gpt2_of(layers: usize) -> TransformerShape {
    let attention = Attention { bias: Biases::ALL, ..Attention::plain(12, 64) };
    let feed_forward = FeedForward { width: 3072, gated: false, bias: true };
    let block = block(attention, feed_forward, Place::Before, NormKind::LayerNorm);
    let mut shape = TransformerShape::decoder(768, 50257, 1024, vec![block; layers]);
    shape.tables.as_mut().unwrap().positions = 1024;
    shape
}

fn gpt2() -> TransformerShape {
    gpt2_of(12)
}

/// The switches that change a count, on an odd-sized model of three blocks.
struct Variant {
    kv_heads: u64,
    positions: u64,
    norm: NormKind,
    place: Place,
    bias: Biases,
    ffn_bias: bool,
    head_bias: bool,
    gated: bool,
    tied: bool,
    ends: bool,
    mlm: bool,
    next_sentence: bool,
}

const H: u64 = 48;
const F: u64 = 130;
const Q: u64 = 60;
const V: u64 = 301;
const L: u64 = 3;

impl Variant {
    fn all() -> impl Iterator<Item = Self> {
        (0_u32..1 << 12).map(|bits| {
            let bit = |index: u32| bits >> index & 1 == 1;
            Self {
                kv_heads: if bit(0) { 2 } else { 6 },
                positions: if bit(1) { 77 } else { 0 },
                norm: if bit(3) { NormKind::LayerNorm } else { NormKind::RmsNorm },
                place: [Place::Before, Place::After, Place::Branch, Place::Around]
                    [usize::from(bit(4)) + 2 * usize::from(bit(2))],
                bias: Biases { qkv: bit(5), out: bit(6) },
                ffn_bias: bit(7),
                head_bias: bit(8),
                gated: bit(9),
                tied: bit(10),
                ends: bit(4),
                mlm: bit(11),
                next_sentence: bit(11) && bit(1),
            }
        })
    }

    fn shape(&self) -> TransformerShape {
        let attention = Attention { kv_heads: self.kv_heads, bias: self.bias, ..Attention::plain(6, 10) };
        let feed_forward = FeedForward { width: F, gated: self.gated, bias: self.ffn_bias };
        let block = block(attention, feed_forward, self.place, self.norm);
        let mut shape = TransformerShape::decoder(H, V, 40, vec![block; L as usize]);
        let tables = shape.tables.as_mut().unwrap();
        (tables.positions, tables.norm) = (self.positions, self.ends.then_some(self.norm));
        shape.final_norm = self.ends.then_some(self.norm);
        let transform = self.mlm.then_some(self.norm);
        shape.head = shape
            .head
            .with(|scores| (scores.tied, scores.bias, scores.transform) = (self.tied, self.head_bias, transform));
        shape.head.pooler =
            self.mlm.then_some(Pooler { classes: if self.next_sentence { 2 } else { 0 }, ..Pooler::NEXT_SENTENCE });
        shape
    }

    /// Parameters from the closed forms of the literature, written without looking at operators.
    fn closed_form(&self) -> u64 {
        let on = |flag: bool, n: u64| if flag { n } else { 0 };
        let kv = self.kv_heads * 10;
        let norm = H + on(self.norm == NormKind::LayerNorm, H);
        let attention = 2 * H * Q + 2 * H * kv + on(self.bias.qkv, Q + 2 * kv) + on(self.bias.out, H);
        let ffn = 2 * H * F + on(self.gated, H * F) + on(self.ffn_bias, F + H + on(self.gated, F));
        let tables = (V + self.positions) * H + on(!self.tied, V * H);
        let heads = on(self.head_bias, V)
            + on(self.mlm, H * H + H + norm)
            + on(self.mlm, H * H + H)
            + on(self.next_sentence, 2 * H + 2);
        let norms = if self.place == Place::Around { 4 } else { 2 };
        L * (attention + ffn + norms * norm) + tables + heads + on(self.ends, 2 * norm)
    }
}

#[test]
fn parameters_equal_the_closed_form() {
    for variant in Variant::all() {
        let shape = variant.shape();
        assert_eq!(shape.graph().unwrap().parameters(), variant.closed_form(), "{shape:?}");
    }
}

/// Shapes with every kind of part and every kind of front.
fn exotic() -> Vec<TransformerShape> {
    let plain = |work| Part::new(work, Place::Before, NormKind::RmsNorm);
    let attention = Work::Attention(Attention {
        qk_norm: Some(QkNorm::Head(NormKind::RmsNorm)),
        gate: true,
        reach: Reach::Window(8),
        ..Attention::plain(6, 10)
    });
    let dense = Work::FeedForward(FeedForward { width: F, gated: true, bias: false });
    let latent = Work::Latent(Latent {
        heads: 6,
        query_rank: Some(20),
        kv_rank: 12,
        plain_dim: 8,
        rotary_dim: 4,
        value_dim: 6,
        bias: false,
        gate: 1,
        reach: Reach::Sequence,
        extra: 0,
    });
    let choice = Choice { experts: 8, chosen: 2 };
    let expert = FeedForward { width: 20, gated: true, bias: true };
    let experts = Work::Experts(Experts { shared: Some(expert), shared_gate: true, ..Experts::plain(choice, expert) });
    let mixture = Work::Attention(Attention { choice: Some(choice), kv_heads: 3, ..Attention::plain(6, 10) });
    let recurrence = |selected, low_rank| {
        Work::Recurrence(Recurrence {
            projected: 200,
            bias: false,
            convolved: Convolved { channels: 96, taps: 4, bias: true },
            selected,
            selected_norm: true,
            low_rank,
            width: 96,
            state: 16,
            scan_parameters: 96,
            gate_norm: Some(96),
        })
    };
    let side_by_side = |place| Block::parallel(vec![plain(attention.clone()), Part { place, ..plain(dense.clone()) }]);
    let cross = Work::Attention(Attention { cross: true, ..Attention::plain(6, 10) });
    let around = Part { place: Place::Around, scale: H, ..plain(dense.clone()) };
    let lines = [
        Block::line(vec![plain(attention.clone()), plain(dense.clone())]),
        Block::line(vec![plain(latent), plain(experts)]),
        Block::line(vec![plain(mixture), around]),
        Block::line(vec![plain(recurrence(Some(5), vec![])), Part { place: Place::Branch, ..plain(dense.clone()) }]),
        Block::line(vec![plain(recurrence(None, vec![(8, 96, false); 2]))]),
        side_by_side(Place::Shared),
        side_by_side(Place::Before),
        Block::line(vec![Part { place: Place::After, ..plain(attention.clone()) }]),
    ];
    let decoder = |blocks: Vec<Block>| TransformerShape::decoder(H, V, 40, blocks);
    let mut shapes: Vec<_> = lines.iter().map(|line| decoder(vec![line.clone(); 3])).collect();
    shapes.push(decoder(lines.to_vec()));
    let reading = Block::line(vec![plain(attention.clone()), plain(cross), plain(dense.clone())]);
    let given = Front::Given { positions: 9, width: 32 };
    shapes.push(TransformerShape { front: Some(given), ..decoder(vec![reading.clone(); 2]) });
    let encoder = Stack {
        tables: Tables::tokens(V),
        lends_table: true,
        positions: 24,
        blocks: vec![lines[0].clone(); 2],
        final_norm: Some(NormKind::RmsNorm),
    };
    shapes.push(TransformerShape { front: Some(Front::Encoder(encoder)), ..decoder(vec![reading; 2]) });
    let picture = Picture {
        channels: 3,
        patch: [4, 4],
        grid: [5, 6],
        bias: true,
        more_tokens: 1,
        rows: 32,
        norm: None,
        hidden: H,
        blocks: vec![],
        final_norm: None,
        projector: vec![],
        condition: None,
    };
    let seeing = Picture { hidden: 32, blocks: vec![lines[0].clone()], projector: vec![40, H], ..picture.clone() };
    shapes.push(TransformerShape { front: Some(Front::Picture(seeing)), ..decoder(vec![lines[0].clone(); 2]) });
    let alone = |picture, blocks, head| TransformerShape {
        tables: None,
        front: Some(Front::Picture(picture)),
        sequence: 1,
        unit: Unit::Sample,
        head,
        ..decoder(blocks)
    };
    let classes = Pooler { dense: false, vectors: 1, classes: 7, name: "classifier" };
    shapes.push(alone(picture.clone(), vec![lines[0].clone(); 2], Head::classifier(classes)));
    let tower = |name, first| Tower { name, widths: vec![20, 10], classes: 50, lengths: true, first };
    let towers = Head { scores: None, pooler: None, towers: vec![tower("one", true), tower("two", false)] };
    shapes.push(alone(picture.clone(), vec![lines[0].clone(); 2], towers));
    let conditioned = Block { conditioned: true, ..lines[0].clone() };
    let head = Head::language(48).with(|scores| (scores.tied, scores.conditioned) = (false, true));
    shapes.push(alone(Picture { condition: Some([11, 16]), ..picture }, vec![conditioned; 2], head));
    shapes
}

#[test]
fn operators_read_only_earlier_ones_and_only_the_loss_is_unread() {
    for shape in Variant::all().map(|variant| variant.shape()).chain(exotic()) {
        let graph = shape.graph().unwrap();
        let mut read = vec![false; graph.ops.len()];
        for (id, op) in graph.iter() {
            assert!(op.inputs.iter().all(|input| *input < id), "{} reads ahead", op.name);
            op.inputs.iter().for_each(|input| read[input.0 as usize] = true);
            let block = graph.iter().filter(|(_, other)| other.block == op.block && other.name == op.name);
            assert_eq!(block.count(), 1, "{} stands twice in {:?}", op.name, op.block);
        }
        let unread: Vec<_> = graph.iter().filter(|(id, _)| !read[id.0 as usize]).map(|(_, op)| &op.name).collect();
        // A pooler without a next-sentence head has no reader in pre-training.
        let idle = shape.head.pooler.is_some_and(|pooler| pooler.classes == 0);
        assert_eq!(unread, if idle { vec!["pooler.act", "loss"] } else { vec!["loss"] });
    }
}

/// What an operator takes in is what the ones before it hand on.
#[test]
fn products_are_as_wide_as_what_they_read() {
    for shape in exotic() {
        let graph = shape.graph().unwrap();
        for op in &graph.ops {
            let OpKind::MatMul { k, .. } = op.kind else { continue };
            let widths: Vec<_> = op.inputs.iter().map(|input| graph.op(*input).output_width()).collect();
            // A step size is made from a part of what was selected, keys and values from a part of what is narrow.
            let fits = widths.iter().all(|width| *width == k || *width > k && op.name == "ssm.step");
            assert!(fits, "{}: {k} from {widths:?}", op.name);
        }
    }
}

#[test]
fn gpt2_small_has_its_published_size_and_names() {
    let graph = gpt2().graph().unwrap();
    assert_eq!(graph.parameters(), 124_439_808);
    let names: Vec<_> = graph.ops.iter().filter(|op| op.block == Some(3)).map(|op| op.name.as_str()).collect();
    assert_eq!(names, ["ln1", "attn.qkv", "attn.score", "attn.out", "ln2", "mlp.up", "mlp.act", "mlp.down"]);
    let head = graph.find(None, "head").map(|id| graph.op(id)).unwrap();
    assert_eq!((head.parameters, head.weights_of), (0, graph.find(None, "embed")));
    assert_eq!(head.weight_elements(), 768 * 50257);
    // 2 operations for each weight that a token meets (Kaplan et al. 2020), plus attention and pointwise work.
    let weights = graph.parameters() - 1024 * 768;
    let flops = graph.forward_flops_per_token();
    assert!(flops > 2 * weights && flops < 3 * weights, "{flops}");
    assert_eq!(graph.training_flops_per_token(), 3 * flops);
}

#[test]
fn work_on_the_first_token_is_shared_by_its_sequence() {
    let mut with = gpt2();
    with.head.pooler = Some(Pooler::NEXT_SENTENCE);
    let extra =
        (with.graph().unwrap().forward_flops_per_token() - gpt2().graph().unwrap().forward_flops_per_token()) * 1024;
    let once = 2 * 768 * 768 + 5 * 768 + 2 * 768 * 2;
    assert!((once..once + 3 * 1024).contains(&extra), "{extra} against {once}");
}

#[test]
fn a_window_and_a_choice_cost_less_than_everything() {
    let flops = |attention: Attention| {
        let feed_forward = FeedForward { width: F, gated: false, bias: false };
        let block = block(attention, feed_forward, Place::Before, NormKind::RmsNorm);
        TransformerShape::decoder(H, V, 1000, vec![block]).graph().unwrap().forward_flops_per_token()
    };
    let whole = flops(Attention::plain(6, 10));
    let window = flops(Attention { reach: Reach::Window(100), ..Attention::plain(6, 10) });
    // Nine tenths of 1000 keys for six heads, four operations for each element of a head and five for the softmax.
    assert_eq!(whole - window, 900 * 6 * (4 * 10 + 5));
    let experts = |chosen| {
        let expert = FeedForward { width: F, gated: false, bias: false };
        let part = Work::Experts(Experts::plain(Choice { experts: 8, chosen }, expert));
        let block = Block::line(vec![Part::new(part, Place::Before, NormKind::RmsNorm)]);
        TransformerShape::decoder(H, V, 10, vec![block]).graph().unwrap()
    };
    assert_eq!(experts(1).parameters(), experts(4).parameters());
    // Two products and the activation between them for each expert more, and one addition of its output.
    let difference = experts(4).forward_flops_per_token() - experts(1).forward_flops_per_token();
    assert_eq!(difference, 3 * (4 * H * F + 5 * F) + 2 * H);
}

#[test]
fn latent_attention_has_the_parameters_of_its_paper() {
    // DeepSeek-V2 (arXiv:2405.04434, section 3.1.2): one block's attention, without norms.
    let latent = Latent {
        heads: 128,
        query_rank: Some(1536),
        kv_rank: 512,
        plain_dim: 128,
        rotary_dim: 64,
        value_dim: 128,
        bias: false,
        gate: 0,
        reach: Reach::Sequence,
        extra: 0,
    };
    let block = Block::line(vec![Part::new(Work::Latent(latent), Place::Before, NormKind::Plain)]);
    let graph = TransformerShape::decoder(5120, 1, 10, vec![block]).graph().unwrap();
    let found: u64 = graph.ops.iter().filter(|op| op.name.starts_with("attn")).map(|op| op.parameters).sum();
    let queries = 5120 * 1536 + 1536 + 1536 * 128 * 192;
    let values = 5120 * (512 + 64) + 512 + 512 * 128 * (128 + 128);
    assert_eq!(found, queries + values + 128 * 128 * 5120);
}

#[test]
fn an_encoder_runs_over_its_own_positions_and_lends_its_table() {
    let shapes = exotic();
    let shape = shapes.iter().find(|shape| matches!(shape.front, Some(Front::Encoder(_)))).unwrap();
    let graph = shape.graph().unwrap();
    let table = graph.find(None, "enc.embed").unwrap();
    let borrowed = graph.op(graph.find(None, "embed").unwrap());
    assert_eq!((borrowed.parameters, borrowed.weights_of), (0, Some(table)));
    assert_eq!(graph.op(graph.find(None, "head").unwrap()).weights_of, Some(table));
    let inside = graph.op(graph.find(Some(0), "enc.attn.qkv").unwrap());
    assert_eq!(inside.tokens, Tokens::Count(24));
    let keys = graph.op(graph.find(Some(2), "cross.kv").unwrap());
    assert_eq!(keys.tokens, Tokens::Count(24));
    let score = graph.op(graph.find(Some(2), "cross.score").unwrap());
    assert!(matches!(score.kind, OpKind::Attention { reach: Reach::Memory(24), .. }));
}

#[test]
fn absurd_sizes_are_refused_in_one_sentence() {
    let refused = |shape: TransformerShape, part: &str| {
        let sentence = shape.graph().unwrap_err().to_string();
        assert!(sentence.contains(part), "{sentence}");
    };
    let with = |change: fn(&mut TransformerShape)| {
        let mut shape = gpt2_of(1);
        change(&mut shape);
        shape
    };
    fn attention(shape: &mut TransformerShape) -> &mut Attention {
        let Work::Attention(attention) = &mut shape.blocks[0].parts[0].work else { panic!("attention comes first") };
        attention
    }
    refused(gpt2_of(10_001), "layers: expected a whole number from 1 to 10000");
    refused(gpt2_of(0), "layers");
    refused(with(|shape| shape.hidden = 0), "hidden size");
    refused(with(|shape| shape.tables = Some(Tables::tokens(u64::MAX))), "found 18446744073709551615");
    refused(with(|shape| attention(shape).kv_heads = 5), "12 heads can be divided by, found 5");
    refused(with(|shape| attention(shape).cross = true), "a memory for it to look at, found none");
    refused(with(|shape| shape.tables = None), "a table of tokens or a picture, found none");
    refused(with(|shape| shape.head.scores = None), "scores or classes, found none");
    let wide = FeedForward { width: WIDTH_MAX, gated: true, bias: true };
    let choice = Choice { experts: HEADS_MAX, chosen: HEADS_MAX };
    for work in [Work::FeedForward(wide), Work::Experts(Experts::plain(choice, wide))] {
        let part = Part::new(work, Place::Before, NormKind::RmsNorm);
        let blocks = vec![Block::line(vec![part]); 10_000];
        refused(TransformerShape::decoder(WIDTH_MAX, WIDTH_MAX, 8, blocks), "the sizes together");
    }
    let heads = Attention { kv_heads: 1, ..Attention::plain(HEADS_MAX, HEADS_MAX) };
    let part = Part::new(Work::Attention(heads), Place::Before, NormKind::RmsNorm);
    let blocks = vec![Block::line(vec![part]); 1_000];
    refused(TransformerShape::decoder(1, 1, WIDTH_MAX, blocks), "operations for one token");
}
