//! Execution arguments with few adapters for kernels whose boxes are placed already.
//!
//! Several arguments may fit into one box within the target time. Which of them a kernel takes decides about adapters on
//! its edges and hardly about its wire, so it is left for last. Kernels without a circle among them get their best
//! arguments together, by dynamic programming from the leaves of their forest, while the others keep theirs; this is
//! repeated with other forests. Longer times leave more arguments to choose from and are tried while they can pay. The
//! search for the boxes knows nothing of adapters.

use std::collections::BTreeMap;

use super::kernels::ConvAt;
use super::{Arguments, Benchmark, Placed, Shaper, judge};
use crate::compiler::floorplan::{Floorplan, Objective};
use crate::hardware::Rect;
use crate::rng::Rng;

/// Target times that are tried, in percent more than the boxes were made for.
const LONGER: [u64; 8] = [0, 1, 2, 4, 6, 10, 15, 20];

/// Options of one box at most.
const OPTIONS_MAX: usize = 50_000;
/// Options that all rounds together look at, about; and rounds at most.
const WORK_MAX: usize = 1_500_000;
const ROUNDS_MAX: usize = 60;

/// Arguments as far as neighbours see them, and the box they need.
#[derive(Clone, Copy, Debug)]
struct Choice {
    /// h′ and w′.
    split: [u64; 2],
    /// c′ of the first convolution.
    taken: u64,
    /// k′ of the last convolution.
    held: u64,
    turned: bool,
    /// What a shifted centre may add to the score.
    price: f64,
}

impl Choice {
    /// How the tensor is split at one end of an edge.
    fn end(&self, producer: bool) -> [u64; 3] {
        [self.split[0], self.split[1], if producer { self.held } else { self.taken }]
    }
}

/// The best of `placed`, a placement with exactly the rectangles of `found`, and others with fewer adapters within them.
/// `ends` is asked before each target time whether to stop.
pub(super) fn fewer(
    benchmark: &Benchmark,
    placed: &[Placed],
    found: &Floorplan,
    objective: Objective,
    mut ends: impl FnMut() -> bool,
) -> Vec<Placed> {
    let statement = &benchmark.statement;
    let judged = |placed: &[Placed]| judge(benchmark, &placed.iter().cloned().map(Some).collect::<Vec<_>>());
    let mut least = judged(placed);
    let mut best = placed.to_vec();
    for percent in LONGER {
        let more = found.ticks * percent / 100;
        // All adapters together are worth no longer time than this, and nothing is where time is all that counts.
        let worth = statement.adapter_weight * least.adapters as f64;
        let dear = statement.time_weight * benchmark.time(more) >= worth || objective == Objective::Time;
        if (percent > 0 && dear) || ends() {
            break;
        }
        let mut tried = placed.to_vec();
        reduce(benchmark, &mut tried, &found.rects, found.ticks + more);
        let judgement = judged(&tried);
        if judgement.legal() && judgement.score < least.score {
            (least, best) = (judgement, tried);
        }
    }
    best
}

/// Gives every kernel arguments within its rectangle and `ticks` that keep wire and adapters low.
///
/// `placed` is a placement with exactly these rectangles; it stays where there are too many options.
fn reduce(benchmark: &Benchmark, placed: &mut [Placed], rects: &[Rect], ticks: u64) {
    let Some(mut field) = Field::new(benchmark, placed, rects, ticks) else { return };
    let total: usize = field.options.iter().map(Vec::len).sum();
    let mut rng = Rng::substream(0, "adapters");
    for _ in 0..(WORK_MAX / total.max(1)).clamp(1, ROUNDS_MAX) {
        field.improve(&mut rng);
    }
    for (part, (place, rect)) in placed.iter_mut().zip(rects).enumerate() {
        let Some(at) = field.taken[part] else { continue };
        let choice = field.options[part][at];
        let shaper = &benchmark.shapers[benchmark.parts[part].kind];
        let Some(arguments) = arguments(shaper, ticks, [rect.width, rect.height], choice) else { continue };
        *place = middle(benchmark, shaper, arguments, choice.turned, rect);
    }
}

/// A kernel in the middle of its rectangle.
fn middle(benchmark: &Benchmark, shaper: &Shaper, arguments: Arguments, turned: bool, rect: &Rect) -> Placed {
    let limit = benchmark.statement.memory_limit;
    let performance = shaper.kernel.perform(&arguments, benchmark.ticks_per_unit, limit);
    let [width, height] = sides([performance.width, performance.height], turned);
    let (x, y) = (rect.x + (rect.width - width as u32) / 2, rect.y + (rect.height - height as u32) / 2);
    Placed { arguments, x, y, turned }
}

fn sides([width, height]: [u64; 2], turned: bool) -> [u64; 2] {
    if turned { [height, width] } else { [width, height] }
}

/// Calls `visit` with all splits of rows and columns that fit below `height`, and the convolutions at the target time.
fn each_split(shaper: &Shaper, ticks: u64, height: u64, mut visit: impl FnMut([u64; 2], u64, &[ConvAt<'_>])) {
    let kernel = &shaper.kernel;
    for rows in 1..=kernel.rows.min(height / 2) {
        for columns in 1..=kernel.columns.min(height / 2 / rows) {
            let split = [rows, columns];
            let tables: Option<Vec<ConvAt<'_>>> =
                kernel.convs.iter().map(|conv| shaper.conv_at(conv, split, ticks)).collect();
            if let Some(tables) = tables {
                visit(split, height / (rows * columns) - 1, &tables);
            }
        }
    }
}

/// Least k′ of all convolutions but the first if their c′ are as large as `cap` allows.
fn later_parts(tables: &[ConvAt<'_>], cap: u64) -> Option<Vec<u64>> {
    tables[1..].iter().map(|table| table.least_for(cap.min(table.conv.features_in))).collect()
}

/// All choices for a box of `size`, of equal ones that which moves the centre least.
fn options(shaper: &Shaper, ticks: u64, size: [u32; 2], shift_price: f64) -> Vec<Choice> {
    let mut found: BTreeMap<([u64; 2], u64, u64), Choice> = BTreeMap::new();
    for turned in [false, true] {
        let [width, height] = sides(size.map(u64::from), turned);
        each_split(shaper, ticks, height, |split, cap, tables| {
            let Some(later) = later_parts(tables, cap) else { return };
            let (first, last) = (&tables[0], &tables[tables.len() - 1]);
            let others: u64 = later.iter().sum();
            for taken in 1..=cap.min(first.conv.features_in) {
                let Some(least) = first.least_for(taken) else { continue };
                let Some(more) = (width / 3).checked_sub(least + others) else { continue };
                let held = later.last().copied().unwrap_or(least);
                let high = tables[1..].iter().map(|table| cap.min(table.conv.features_in)).fold(taken, u64::max);
                for held in held..=(held + more).min(last.conv.features_out) {
                    let wide = 3 * (least + others + held - later.last().copied().unwrap_or(least));
                    let odd = (width - wide) % 2 + (height - split[0] * split[1] * (high + 1)) % 2;
                    let choice = Choice { split, taken, held, turned, price: odd as f64 * shift_price };
                    if found.len() >= OPTIONS_MAX {
                        return;
                    }
                    let known = found.entry((split, taken, held)).or_insert(choice);
                    if choice.price < known.price {
                        *known = choice;
                    }
                }
            }
        });
    }
    found.into_values().collect()
}

/// The whole arguments of a choice.
fn arguments(shaper: &Shaper, ticks: u64, size: [u32; 2], choice: Choice) -> Option<Arguments> {
    let [_, height] = sides(size.map(u64::from), choice.turned);
    let cap = height / (choice.split[0] * choice.split[1]) - 1;
    let convs = &shaper.kernel.convs;
    let mut features = Vec::with_capacity(convs.len());
    for (at, conv) in convs.iter().enumerate() {
        let parts_in = if at == 0 { choice.taken } else { cap.min(conv.features_in) };
        let least = shaper.conv_at(conv, choice.split, ticks)?.least_for(parts_in)?;
        features.push([parts_in, if at + 1 == convs.len() { choice.held } else { least }]);
    }
    Some(Arguments { rows: choice.split[0], columns: choice.split[1], features })
}

/// An edge as one of its ends sees it: the other end, and whether this one is the producer.
type Side = (usize, bool);

/// All kernels with their options and what they take.
struct Field {
    options: Vec<Vec<Choice>>,
    /// Option that a kernel takes; `None` where its arguments are none of the options.
    taken: Vec<Option<usize>>,
    sides: Vec<Vec<Side>>,
    adapter_price: f64,
}

/// Best options of a part of the forest by what its root shows towards its parent.
struct Message {
    /// Cost and option of the root.
    by_end: BTreeMap<[u64; 3], (f64, usize)>,
    any: (f64, usize),
}

impl Field {
    fn new(benchmark: &Benchmark, placed: &[Placed], rects: &[Rect], ticks: u64) -> Option<Self> {
        let statement = &benchmark.statement;
        let mut sides = vec![Vec::new(); placed.len()];
        for &[from, to] in &benchmark.edges {
            sides[from].push((to, true));
            sides[to].push((from, false));
        }
        let mut known: BTreeMap<(usize, [u32; 2], usize), Vec<Choice>> = BTreeMap::new();
        let mut all = Vec::with_capacity(placed.len());
        let mut taken = Vec::with_capacity(placed.len());
        let mut total = 0;
        for (part, (place, rect)) in placed.iter().zip(rects).enumerate() {
            let kind = benchmark.parts[part].kind;
            let (size, degree) = ([rect.width, rect.height], sides[part].len());
            let shift_price = 0.5 * statement.wire_weight * degree as f64;
            let options = known
                .entry((kind, size, degree))
                .or_insert_with(|| options(&benchmark.shapers[kind], ticks, size, shift_price))
                .clone();
            total += options.len();
            if total > WORK_MAX {
                return None;
            }
            let arguments = &place.arguments;
            let split = [arguments.rows, arguments.columns];
            let (first, last) = (arguments.features.first()?[0], arguments.features.last()?[1]);
            let now = |choice: &Choice| choice.split == split && choice.taken == first && choice.held == last;
            taken.push(options.iter().position(now));
            all.push(options);
        }
        Some(Self { options: all, taken, sides, adapter_price: statement.adapter_weight })
    }

    /// Gives the kernels of a random forest their best options.
    fn improve(&mut self, rng: &mut Rng) {
        let free = self.forest(rng);
        let mut seen = vec![false; free.len()];
        for root in 0..free.len() {
            if free[root] && !seen[root] {
                self.improve_tree(root, &free, &mut seen);
            }
        }
    }

    /// Kernels among which there is no circle of edges.
    fn forest(&self, rng: &mut Rng) -> Vec<bool> {
        let count = self.options.len();
        let mut order: Vec<usize> = (0..count).collect();
        for last in (1..count).rev() {
            order.swap(last, rng.below(last as u32 + 1) as usize);
        }
        let mut group: Vec<usize> = (0..count).collect();
        let mut free = vec![false; count];
        for part in order {
            let mut touched: Vec<usize> =
                self.sides[part].iter().filter(|side| free[side.0]).map(|side| side.0).collect();
            for other in &mut touched {
                *other = root(&mut group, *other);
            }
            touched.sort_unstable();
            let circle = touched.windows(2).any(|pair| pair[0] == pair[1]);
            // Without the option it has, a kernel cannot be compared with.
            if !circle && self.taken[part].is_some() {
                free[part] = true;
                for other in touched {
                    group[other] = part;
                }
            }
        }
        free
    }

    fn improve_tree(&mut self, root: usize, free: &[bool], seen: &mut [bool]) {
        // Each kernel after its parent, with the edge towards it as the parent sees it.
        let mut order: Vec<(usize, Option<Side>)> = vec![(root, None)];
        seen[root] = true;
        let mut next = 0;
        while let Some(&(part, _)) = order.get(next) {
            next += 1;
            for &(other, producer) in &self.sides[part] {
                if free[other] && !std::mem::replace(&mut seen[other], true) {
                    order.push((other, Some((part, producer))));
                }
            }
        }
        let mut messages: BTreeMap<usize, Message> = BTreeMap::new();
        for &(part, above) in order.iter().rev() {
            let message = self.message(part, above, free, &messages);
            messages.insert(part, message);
        }
        for &(part, above) in &order {
            let message = &messages[&part];
            let best = match above.and_then(|(parent, producer)| Some((self.choice(parent)?, producer))) {
                None => message.any.1,
                Some((parent, producer)) => message.under(parent.end(producer), self.adapter_price).1,
            };
            self.taken[part] = Some(best);
        }
    }

    fn choice(&self, part: usize) -> Option<Choice> {
        Some(self.options[part][self.taken[part]?])
    }

    fn message(&self, part: usize, above: Option<Side>, free: &[bool], messages: &BTreeMap<usize, Message>) -> Message {
        let mut message = Message { by_end: BTreeMap::new(), any: (f64::INFINITY, 0) };
        for (index, option) in self.options[part].iter().enumerate() {
            let mut cost = option.price;
            for &(other, producer) in &self.sides[part] {
                let end = option.end(producer);
                if let Some(below) = messages.get(&other).filter(|_| free[other]) {
                    cost += below.under(end, self.adapter_price).0;
                } else if above.is_none_or(|(parent, _)| parent != other) {
                    let fixed = self.choice(other).map(|other| other.end(!producer));
                    cost += if fixed == Some(end) { 0.0 } else { self.adapter_price };
                }
            }
            if cost < message.any.0 {
                message.any = (cost, index);
            }
            if let Some((_, parent_produces)) = above {
                let known = message.by_end.entry(option.end(!parent_produces)).or_insert((cost, index));
                if cost < known.0 {
                    *known = (cost, index);
                }
            }
        }
        message
    }
}

impl Message {
    /// Least cost below a parent that shows `end`, and the option of the child then.
    fn under(&self, end: [u64; 3], adapter_price: f64) -> (f64, usize) {
        let apart = (self.any.0 + adapter_price, self.any.1);
        self.by_end.get(&end).copied().filter(|alike| alike.0 <= apart.0).unwrap_or(apart)
    }
}

/// The representative of a group, with shorter ways left behind.
fn root(group: &mut [usize], mut part: usize) -> usize {
    while group[part] != part {
        group[part] = group[group[part]];
        part = group[part];
    }
    part
}

#[cfg(test)]
mod tests {
    use super::reduce;
    use crate::compiler::benchmark::{Benchmark, Placed, judge};
    use crate::compiler::floorplan::{self, Budget, Objective};
    use crate::workload::import::kgraph;

    /// A chain with a detour: three of its kernels are a circle.
    const GRAPH: &[u8] = b"(*\nwidth=64\nheight=60\nwlength=2\nwadapter=50\n*)
conv[1] H=8 W=8 R=1 S=1 C=16 K=32 T=1 U=1 name='a'
conv[2] H=8 W=8 R=3 S=3 C=32 K=32 T=1 U=1 name='b'
conv[3] H=8 W=8 R=1 S=1 C=32 K=64 T=1 U=1 name='c'
dblock[4] f=64 h=8 w=8 name='d'
conv[1]:y -> conv[2]:x, shape:[8][8][32]
conv[2]:y -> conv[3]:x, shape:[8][8][32]
conv[1]:y -> conv[3]:x, shape:[8][8][32]
conv[3]:y -> dblock[4]:x, shape:[8][8][64]
";

    #[test]
    fn with_time_to_spare_adapters_vanish_and_rectangles_hold() {
        let benchmark = Benchmark::new(&kgraph::read(GRAPH).expect("a graph")).expect("kernels that fit");
        let problem = benchmark.problem(Objective::Score);
        let found = floorplan::solve(&problem, Budget::Moves(2_000), 1, &mut |_| 0.0).expect("a floorplan");
        let kinds = benchmark.parts.iter().map(|part| part.kind);
        let place = |(kind, rect)| benchmark.placed(kind, rect, found.ticks).expect("arguments");
        let mut placed: Vec<Placed> = kinds.zip(&found.rects).map(place).collect();
        let judged = |placed: &[Placed]| judge(&benchmark, &placed.iter().cloned().map(Some).collect::<Vec<_>>());
        let before = judged(&placed);
        reduce(&benchmark, &mut placed, &found.rects, 4 * found.ticks);
        let after = judged(&placed);
        assert_eq!(after.faults, []);
        assert!(after.adapters < before.adapters, "{before:?} {after:?}");
        assert!(after.max_ticks <= 4 * found.ticks, "{after:?}");
        for (index, (place, rect)) in placed.iter().zip(&found.rects).enumerate() {
            let now = place.rect(&benchmark, benchmark.parts[index].kind);
            assert_eq!(now.intersection(rect), Some(now), "{now:?} left {rect:?}");
        }
    }
}
