//! One walk over the nodes of a file, in their order: shapes and constants are worked out, parameters are counted where
//! they are used first, and operators that make new numbers become drafts.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::{Draft, Drafts, Role};
use super::inputs::Sizes;
use super::model::{Declared, Model, Node, Numbers, Tensor, quoted};
use super::operators::{self, Meaning};
use super::value::{self, Call, Origin, Root, Shape, Value, product};
use super::{Unknown, fold, moves};
use crate::workload::graph::{Op, OpId, OpKind, Tokens};
use crate::workload::import::{ImportError, bounds};

/// What a walk found.
pub(super) struct Walked {
    pub(super) drafts: Drafts,
    /// Samples that the file computes at once, if it says so.
    pub(super) batch: u64,
}

/// Walks the graph.
///
/// # Errors
/// A node whose inputs nothing makes, or whose shapes do not fit together or are beyond the limits.
pub(super) fn walk(model: &Model, unknown: Unknown) -> Result<Walked, ImportError> {
    let mut walk = Walk::new(model, unknown)?;
    for node in &model.nodes {
        walk.node(node)?;
    }
    for output in &model.outputs {
        let value = walk.values.get(output.name.as_str());
        if let Some(draft) = value.and_then(Value::maker) {
            walk.drafts.list[draft as usize].is_output = true;
        }
    }
    walk.report_unknown()?;
    walk.drafts.warnings.splice(0..0, walk.sizes.warnings());
    Ok(Walked { drafts: walk.drafts, batch: walk.batch })
}

struct Walk<'a> {
    model: &'a Model,
    unknown: Unknown,
    values: BTreeMap<&'a str, Value>,
    /// Shapes that the exporter noted.
    notes: BTreeMap<&'a str, &'a Declared>,
    /// Every name that some node makes.
    made: BTreeSet<&'a str>,
    drafts: Drafts,
    names: BTreeSet<String>,
    /// Which draft owns each trained tensor.
    owners: BTreeMap<u32, OpId>,
    roots: u32,
    /// Unknown operators and how many of each there are.
    strangers: BTreeMap<String, u64>,
    sizes: Sizes,
    batch: u64,
}

impl<'a> Walk<'a> {
    fn new(model: &'a Model, unknown: Unknown) -> Result<Self, ImportError> {
        let declared = model.notes.iter().chain(&model.outputs);
        let mut walk = Self {
            model,
            unknown,
            values: BTreeMap::new(),
            notes: declared.map(|note| (note.name.as_str(), note)).collect(),
            made: BTreeSet::new(),
            drafts: Drafts::default(),
            names: BTreeSet::new(),
            owners: BTreeMap::new(),
            roots: 0,
            strangers: BTreeMap::new(),
            sizes: Sizes::default(),
            batch: 1,
        };
        for tensor in &model.initialisers {
            let value = walk.constant(tensor, &format!("initialiser {}", quoted(&tensor.name)))?;
            walk.values.insert(&tensor.name, value);
        }
        let mut batch = None;
        for input in &model.inputs {
            // Old files list their initialisers among the inputs.
            if !walk.values.contains_key(input.name.as_str()) {
                let shape = walk.sizes.shape(input)?;
                if shape.len() > 1 {
                    batch.get_or_insert(shape[0]);
                }
                let axis = if shape.len() > 3 { 1 } else { shape.len().saturating_sub(1) };
                walk.values.insert(&input.name, Value { shape, axis, origin: Origin::Input });
            }
        }
        walk.batch = batch.unwrap_or(1).max(1);
        for node in &model.nodes {
            for name in node.outputs.iter().filter(|name| !name.is_empty()) {
                if walk.values.contains_key(name.as_str()) || !walk.made.insert(name) {
                    let found = format!("{}, which is there already", quoted(name));
                    return Err(ImportError::onnx(&node.title(), "outputs with names of their own", &found));
                }
            }
        }
        Ok(walk)
    }

    fn fresh_root(&mut self, elements: u64) -> Option<Root> {
        // A single number is a scale or an epsilon, not something that is trained.
        (elements > 1).then(|| {
            self.roots += 1;
            Root { id: self.roots, elements }
        })
    }

    /// A tensor of the file as a constant.
    fn constant(&mut self, tensor: &Tensor, place: &str) -> Result<Value, ImportError> {
        let shape: Option<Shape> = tensor.sizes.iter().map(|&size| u64::try_from(size).ok()).collect();
        let shape = shape.ok_or_else(|| {
            let found = format!("{:?}", tensor.sizes);
            ImportError::onnx(place, "sizes of 0 or more", &found)
        })?;
        value::check(&shape).map_err(|(expected, found)| ImportError::onnx(place, &expected, &found))?;
        let root = if tensor.is_trainable() { self.fresh_root(product(&shape)) } else { None };
        Ok(Self::held(shape, tensor.numbers.clone(), root))
    }

    fn held(shape: Shape, numbers: Option<Numbers>, root: Option<Root>) -> Value {
        let axis = shape.len().saturating_sub(1);
        Value { shape, axis, origin: Origin::Constant { numbers, root } }
    }

    fn node(&mut self, node: &'a Node) -> Result<(), ImportError> {
        let (op_type, places) = operators::canonical(&node.op_type);
        self.take_weights(node, op_type);
        let mut given: Vec<Option<Value>> = Vec::with_capacity(node.inputs.len().min(8));
        for name in &node.inputs {
            given.push(match self.values.get(name.as_str()) {
                Some(value) => Some(value.clone()),
                None if name.is_empty() => None,
                None => return Err(value::dangling(node, name, self.made.contains(name.as_str()))),
            });
        }
        let inputs = match places {
            Some(places) => places.iter().map(|&place| given.get(place).and_then(Option::as_ref)).collect(),
            None => given.iter().map(Option::as_ref).collect(),
        };
        let call = Call { node, inputs, opset: self.model.opset };
        let outputs = self.outputs(&call, op_type)?;
        for (name, value) in node.outputs.iter().zip(outputs).filter(|(name, _)| !name.is_empty()) {
            value::check(&value.shape).map_err(|(expected, found)| call.fault(&expected, &found))?;
            self.values.insert(name, value);
        }
        // Outputs that nobody described have no shape; whoever reads one says so.
        Ok(())
    }

    /// Weights that the file takes as an input of the graph are weights all the same.
    fn take_weights(&mut self, node: &Node, op_type: &str) {
        let slots = match op_type {
            "Conv" | "ConvTranspose" => 1..3,
            "BatchNormalization" => 1..5,
            _ => return,
        };
        for name in node.inputs.iter().enumerate().filter(|(slot, _)| slots.contains(slot)).map(|(_, name)| name) {
            let Some(value) = self.values.get(name.as_str()) else { continue };
            if value.origin == Origin::Input {
                let root = self.fresh_root(value.elements());
                if let Some(value) = self.values.get_mut(name.as_str()) {
                    value.origin = Origin::Constant { numbers: None, root };
                }
            }
        }
    }

    fn outputs(&mut self, call: &Call<'_>, op_type: &str) -> Result<Vec<Value>, ImportError> {
        if let Some(value) = self.source(call, op_type)? {
            return Ok(vec![value]);
        }
        let standard = call.node.is_standard() || call.node.domain.contains("microsoft");
        let moved = if standard { moves::shapes(call) } else { Ok(None) };
        let moved = match moved {
            Err(error) => Some(self.noted(call).ok_or(error)?),
            Ok(moved) => moved,
        };
        let frozen = call.inputs.iter().flatten().all(|value| value.is_constant()) && !call.inputs.is_empty();
        if let Some(shapes) = moved {
            let table = call.given(0).is_some_and(Value::is_constant);
            return match call.given(0) {
                Some(from) if frozen || !table => Ok(Self::moved(call, from, shapes, frozen)),
                _ => self.looked_up(call, shapes),
            };
        }
        let meaning = if standard { operators::meaning(call, op_type, self.batch)? } else { None };
        match meaning {
            Some(meaning) if frozen => Ok(Self::folded(call, meaning.shapes)),
            Some(meaning) => self.emit(call, meaning),
            None => self.stranger(call, frozen),
        }
    }

    /// Operators that make constants out of nothing, or out of a shape alone.
    fn source(&mut self, call: &Call<'_>, op_type: &str) -> Result<Option<Value>, ImportError> {
        let node = call.node;
        let ints = |list: Vec<i64>, shape: Shape| Self::held(shape, Some(Numbers::Ints(list.into())), None);
        Ok(Some(match op_type {
            "Constant" => match (node.tensor("value"), node.int("value_int"), node.ints("value_ints")) {
                (Some(tensor), _, _) => self.constant(tensor, &node.title())?,
                (None, Some(number), _) => ints(vec![number], Vec::new()),
                (None, None, Some(list)) => ints(list.to_vec(), vec![list.len() as u64]),
                _ => {
                    let reals = node.real("value_float").map(|number| vec![number]);
                    let list = reals.or_else(|| node.reals("value_floats").map(<[f32]>::to_vec)).unwrap_or_default();
                    let shape = if node.real("value_float").is_some() { Vec::new() } else { vec![list.len() as u64] };
                    Self::held(shape, Some(Numbers::Reals(list.into())), None)
                }
            },
            "Shape" => {
                let shape = call.shape(0)?;
                let count = shape.len() as i64;
                let bound = |name: &str, default: i64| {
                    let at = node.int(name).unwrap_or(default);
                    (if at < 0 { at.saturating_add(count) } else { at }).clamp(0, count) as usize
                };
                let (start, end) = (bound("start", 0), bound("end", count));
                let list: Vec<i64> = shape[start..end.max(start)].iter().map(|&size| size as i64).collect();
                let length = list.len() as u64;
                ints(list, vec![length])
            }
            "Size" => ints(vec![call.input(0)?.elements() as i64], Vec::new()),
            "ConstantOfShape" => self.filled(call)?,
            "Range" => match (call.input(0)?.ints(), call.input(1)?.ints(), call.input(2)?.ints()) {
                (Some(start), Some(limit), Some(step))
                    if !start.is_empty() && !limit.is_empty() && !step.is_empty() =>
                {
                    let room = i128::from(limit[0]) - i128::from(start[0]);
                    let step = i128::from(step[0]);
                    let count = if step == 0 { 0 } else { (room / step + i128::from(room % step != 0)).max(0) };
                    let shape = call.checked(vec![u64::try_from(count).unwrap_or(u64::MAX)])?;
                    let numbers = fold::numbers(call, &shape);
                    Self::held(shape, numbers, None)
                }
                _ => return Err(call.fault("limits that are known beforehand", "limits that are computed")),
            },
            _ => return Ok(None),
        }))
    }

    fn filled(&mut self, call: &Call<'_>) -> Result<Value, ImportError> {
        let Some(sizes) = call.input(0)?.ints() else {
            let noted = self.noted(call).and_then(|shapes| shapes.into_iter().next());
            let shape =
                noted.ok_or_else(|| call.fault("sizes that are known beforehand", "sizes that are computed"))?;
            return Ok(Self::held(shape, None, None));
        };
        let shape: Option<Shape> = sizes.iter().map(|&size| u64::try_from(size).ok()).collect();
        let shape = call.checked(shape.ok_or_else(|| call.fault("sizes of 0 or more", &format!("{sizes:?}")))?)?;
        let tensor = call.node.tensor("value");
        let root = if tensor.is_none_or(Tensor::is_trainable) { self.fresh_root(product(&shape)) } else { None };
        let numbers = match tensor.and_then(|tensor| tensor.numbers.as_ref()) {
            Some(Numbers::Ints(list)) if product(&shape) <= super::model::NUMBERS_MAX as u64 => {
                list.first().map(|&number| Numbers::Ints(vec![number; product(&shape) as usize].into()))
            }
            _ => None,
        };
        Ok(Self::held(shape, numbers, root))
    }

    /// Shapes that the exporter noted for all outputs of a node.
    fn noted(&self, call: &Call<'_>) -> Option<Vec<Shape>> {
        let mut shapes = Vec::with_capacity(call.node.outputs.len().min(8));
        for name in &call.node.outputs {
            let note = self.notes.get(name.as_str())?;
            shapes.push(self.sizes.known(note)?);
        }
        (!shapes.is_empty()).then_some(shapes)
    }

    /// The same numbers in another shape.
    fn moved(call: &Call<'_>, from: &Value, shapes: Vec<Shape>, frozen: bool) -> Vec<Value> {
        if frozen {
            return Self::folded(call, shapes);
        }
        let view = |shape: Shape| {
            let axis = moves::axis(call, from, &shape);
            Value { shape, axis, origin: from.origin.clone() }
        };
        shapes.into_iter().map(view).collect()
    }

    /// Constants computed from constants: a parameter stays the parameter that it is made of.
    fn folded(call: &Call<'_>, shapes: Vec<Shape>) -> Vec<Value> {
        let root = call.inputs.iter().flatten().filter_map(|value| value.root()).max_by_key(|root| root.elements);
        let lone = call.node.outputs.len() == 1;
        let held = |shape: Shape| {
            let numbers = if lone { fold::numbers(call, &shape) } else { None };
            Self::held(shape, numbers, root)
        };
        shapes.into_iter().map(held).collect()
    }

    /// Rows of a constant table at places that are computed.
    fn looked_up(&mut self, call: &Call<'_>, shapes: Vec<Shape>) -> Result<Vec<Value>, ImportError> {
        let (table, places) = (call.input(0)?, call.given(1));
        let shape = shapes.into_iter().next().unwrap_or_default();
        let axis = shape.len().saturating_sub(1);
        let rows = table.shape.first().copied().unwrap_or(1);
        let width = shape.last().copied().unwrap_or(1);
        // Tables of a network's own numbers, not of learned ones, cost the same and own nothing.
        let kind = OpKind::Embedding { rows, width: width.max(1) };
        let indices = places.map_or(1, |value| value.elements());
        let tokens = Tokens::Count(indices.div_ceil(self.batch).max(1));
        let role = Role::Other;
        self.emit(call, Meaning { shapes: vec![shape], axis, kind, tokens, role, weights: vec![0] })
    }

    /// Makes a draft.
    fn emit(&mut self, call: &Call<'_>, meaning: Meaning) -> Result<Vec<Value>, ImportError> {
        let Meaning { shapes, axis, kind, tokens, role, weights } = meaning;
        for shape in &shapes {
            value::check(shape).map_err(|(expected, found)| call.fault(&expected, &found))?;
        }
        let id = self.drafts.list.len() as u32;
        let mut seen = BTreeSet::new();
        let makers = call.inputs.iter().flatten().filter_map(|value| value.maker());
        let inputs = makers.filter(|&maker| seen.insert(maker)).map(OpId).collect();
        let (parameters, weights_of) = self.own(call, &weights, OpId(id));
        let op = Op { name: self.name(call.node), block: None, kind, parameters, weights_of, tokens, inputs };
        if bounds::operations(&op) > u128::from(crate::workload::transformer::FLOPS_PER_TOKEN_MAX) {
            return Err(call.fault("at most 10^18 operations", "more"));
        }
        let op_type = crate::workload::import::value::shortened(&call.node.op_type);
        let empty = shapes.first().is_none_or(|shape| product(shape) == 0);
        let values = |origin: Origin| {
            let value =
                |shape: Shape| Value { axis: axis.min(shape.len().saturating_sub(1)), shape, origin: origin.clone() };
            shapes.iter().cloned().map(value).collect()
        };
        if empty {
            // A cache with nothing in it yet: nothing is computed.
            return Ok(values(Origin::Input));
        }
        self.drafts.list.push(Draft { op, role, op_type, is_output: false, gone: false, into: None });
        Ok(values(Origin::Made(id)))
    }

    /// Counts the parameters that a draft is the first to use, and finds the owner of weights that another one owns.
    fn own(&mut self, call: &Call<'_>, weights: &[usize], id: OpId) -> (u64, Option<OpId>) {
        let (mut parameters, mut weights_of) = (0_u64, None);
        for (at, root) in weights.iter().enumerate().filter_map(|(at, &slot)| Some((at, call.given(slot)?.root()?))) {
            match self.owners.get(&root.id) {
                Some(&owner) if owner != id && at == 0 => weights_of = Some(owner),
                Some(_) => {}
                None => {
                    self.owners.insert(root.id, id);
                    parameters = parameters.saturating_add(root.elements);
                }
            }
        }
        (parameters, weights_of)
    }

    /// A name that no other operator has.
    fn name(&mut self, node: &Node) -> String {
        let own = Some(&node.name).filter(|name| !name.is_empty() && !self.names.contains(*name));
        let name = own.or(node.outputs.first()).cloned().unwrap_or_default();
        let name = if name.is_empty() || self.names.contains(&name) {
            format!("{} {}", node.op_type, self.drafts.list.len())
        } else {
            name
        };
        self.names.insert(name.clone());
        name
    }

    /// An operator that nobody knows.
    fn stranger(&mut self, call: &Call<'_>, frozen: bool) -> Result<Vec<Value>, ImportError> {
        let node = call.node;
        let known_by = if node.is_standard() { String::new() } else { format!("{}.", node.domain) };
        let name = crate::workload::import::value::shortened(&format!("{known_by}{}", node.op_type));
        if !frozen {
            *self.strangers.entry(name).or_default() += 1;
        }
        let leader = call.inputs.iter().copied().flatten().find(|value| !value.is_constant());
        let shapes = self.noted(call).or_else(|| {
            let like = leader.or(call.given(0))?;
            Some(vec![like.shape.clone(); node.outputs.len()])
        });
        let Some(shapes) = shapes else {
            return Err(call.fault("an operator that is known, or a shape for its result", "neither"));
        };
        if frozen || leader.is_none() && call.inputs.is_empty() {
            return Ok(Self::folded(call, shapes));
        }
        if let (Unknown::Skip, Some(from)) = (self.unknown, leader) {
            return Ok(Self::moved(call, from, shapes, false));
        }
        let active = call.inputs.iter().flatten().filter(|value| !value.is_constant()).count();
        let like = leader.map_or(0, |value| value.axis);
        let first = shapes.first().cloned().unwrap_or_default();
        let mut meaning = operators::elementwise(first, like, active.max(1) as u64, self.batch);
        meaning.shapes = shapes;
        meaning.weights = (0..call.inputs.len()).collect();
        self.emit(call, meaning)
    }

    fn report_unknown(&mut self) -> Result<(), ImportError> {
        if self.strangers.is_empty() {
            return Ok(());
        }
        const NAMED_MAX: usize = 12;
        let mut named: Vec<String> =
            self.strangers.iter().take(NAMED_MAX).map(|(name, count)| format!("{count} × {name}")).collect();
        if self.strangers.len() > NAMED_MAX {
            named.push(format!("{} more", self.strangers.len() - NAMED_MAX));
        }
        let named = named.join(", ");
        let done = match self.unknown {
            Unknown::Stop => return Err(ImportError::onnx("the graph", "operators that are known", &named)),
            Unknown::Skip => "passed over, as if their result were their first input",
            Unknown::Elementwise => "counted as one operation an element",
        };
        self.drafts.warnings.push(format!("operators that are not known: {named}; {done}"));
        Ok(())
    }
}
