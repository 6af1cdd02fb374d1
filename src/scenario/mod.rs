//! A scenario: everything that a run needs, so that it can be saved, sent to somebody and replayed to the cycle.
//!
//! The on-disk types are in [`mod@file`], apart from the types of the layers below, so that those can change without
//! breaking anyone's files. What happened when a scenario was last recorded is in [`replay`].

pub mod file;
pub mod library;
pub mod replay;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::compiler::{Job, Mapping, Placement, Search, Work, compile_longer};
use crate::hardware::{DefectMap, DeviceSpec, Rect};
use crate::sim::Scene;
use crate::workload::import::{self, ImportError};
use crate::workload::{Graph, OpId, builtin};

use file::FileError;
use replay::Recording;

/// Longest sequence of a run in tokens; some model files allow longer ones.
pub const SEQUENCE_MAX: u64 = 1 << 22;

/// Where a device or a model comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// One that the program ships, by name.
    BuiltIn(String),
    /// A file that was opened; its text travels with the scenario.
    Embedded { file_name: String, text: String },
}

/// How the wafer's defects are chosen.
#[derive(Clone, Debug, PartialEq)]
pub enum Defects {
    None,
    /// Random point defects, so many per square millimetre.
    Random {
        per_mm2: f64,
        seed: u64,
    },
}

/// A kernel that the user placed, named so that it survives changes of numbering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedKernel {
    pub block: Option<u32>,
    pub op: String,
    /// The wafer of the row.
    pub wafer: u32,
    pub rect: Rect,
}

/// Device, defects, model, mapping and workload, with what was recorded of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    pub title: String,
    /// The question that it answers, in one line.
    pub question: String,
    pub device: Source,
    pub model: Source,
    pub defects: Defects,
    pub job: Job,
    pub pinned: Vec<PinnedKernel>,
    pub recording: Option<Recording>,
}

/// Why a scenario cannot be turned into a scene.
#[derive(Debug, thiserror::Error)]
pub enum SceneError {
    #[error("device: expected one of {known}, found {}", file::quoted(.name))]
    UnknownDevice { name: String, known: String },
    #[error("model: expected one of {known}, found {}", file::quoted(.name))]
    UnknownModel { name: String, known: String },
    #[error(transparent)]
    Device(#[from] FileError),
    #[error("{file_name}: {error}")]
    Model { file_name: String, error: ImportError },
    #[error("pinned: expected an operator of the model, found {}", file::quoted(.op))]
    UnknownOperator { op: String },
}

/// The inputs of the compiler, read and checked; compiling them never fails.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub device: Arc<DeviceSpec>,
    pub graph: Arc<Graph>,
    pub defects: Defects,
    pub job: Job,
    pub pinned: Vec<Placement>,
}

impl Scenario {
    /// Reads device and model and finds the operators that are pinned.
    ///
    /// # Errors
    /// If one of them is unknown or unreadable.
    pub fn prepare(&self) -> Result<Prepared, SceneError> {
        let device = self.read_device()?;
        let mut graph = self.read_model()?;
        // Attention costs by the length that is run, not by the longest the model allows.
        graph.sequence = self.job.sequence;
        // Of operators with one name the first is meant.
        let mut named: BTreeMap<(Option<u32>, &str), OpId> = BTreeMap::new();
        if !self.pinned.is_empty() {
            for (id, op) in graph.iter() {
                named.entry((op.block, op.name.as_str())).or_insert(id);
            }
        }
        let pinned = self.pinned.iter().map(|kernel| {
            let op = named.get(&(kernel.block, kernel.op.as_str())).copied();
            let op = op.ok_or_else(|| SceneError::UnknownOperator { op: kernel.op.clone() })?;
            Ok(Placement { op, wafer: kernel.wafer, rect: kernel.rect })
        });
        let pinned = pinned.collect::<Result<Vec<_>, SceneError>>()?;
        let (device, graph) = (Arc::new(device), Arc::new(graph));
        Ok(Prepared { device, graph, defects: self.defects.clone(), job: self.job, pinned })
    }

    fn read_device(&self) -> Result<DeviceSpec, SceneError> {
        match &self.device {
            Source::BuiltIn(name) => file::device::builtin(name).ok_or_else(|| SceneError::UnknownDevice {
                name: name.clone(),
                known: file::device::BUILTIN.join(", "),
            }),
            Source::Embedded { file_name, text } => Ok(file::device::read(text.as_bytes(), file_name)?),
        }
    }

    fn read_model(&self) -> Result<Graph, SceneError> {
        match &self.model {
            Source::BuiltIn(name) => builtin::graph(name).ok_or_else(|| SceneError::UnknownModel {
                name: name.clone(),
                known: builtin::names().collect::<Vec<_>>().join(", "),
            }),
            Source::Embedded { file_name, text } => match import::read(text.as_bytes()) {
                Ok(imported) => {
                    let mut graph = imported.graph;
                    if graph.name.is_empty() {
                        graph.name.clone_from(file_name);
                    }
                    Ok(graph)
                }
                Err(error) => Err(SceneError::Model { file_name: file_name.clone(), error }),
            },
        }
    }

    /// A scenario for a model file: weight streaming on a WSE-3, one optimizer step of the file's batch, in sequences of
    /// the file's length or [`SEQUENCE_MAX`].
    pub fn for_model(file_name: &str, text: &str, graph: &Graph) -> Self {
        Self {
            title: format!("{}, {file_name}", graph.name),
            question: format!("How fast does {} train on one wafer?", graph.name),
            device: Source::BuiltIn(file::device::BUILTIN[0].to_owned()),
            model: Source::Embedded { file_name: file_name.to_owned(), text: text.to_owned() },
            defects: Defects::Random { per_mm2: 0.001, seed: 1 },
            job: Job {
                mapping: Mapping::Streaming,
                work: Work::Train,
                batch: graph.batch.unwrap_or(DEFAULT_BATCH).clamp(1, DEFAULT_BATCH),
                sequence: graph.sequence.clamp(1, SEQUENCE_MAX),
                systems: 1,
            },
            pinned: Vec::new(),
            recording: None,
        }
    }
}

/// Sequences of a run on a model file: one optimizer step of a real batch would be the same picture many times over.
pub const DEFAULT_BATCH: u64 = 32;

impl Prepared {
    /// Makes the defect map and compiles. Takes a second at most for the largest models.
    pub fn compile(&self) -> Scene {
        self.compile_longer(None)
    }

    /// The same with a longer search for a layout, if one is asked for.
    pub fn compile_longer(&self, search: Option<Search<'_>>) -> Scene {
        let defects = match self.defects {
            Defects::None => DefectMap::none(&self.device),
            Defects::Random { per_mm2, seed } => DefectMap::random(&self.device, seed, per_mm2),
        };
        let program = compile_longer(&self.graph, &self.device, &defects, &self.job, &self.pinned, search);
        Scene {
            device: Arc::clone(&self.device),
            defects: Arc::new(defects),
            graph: Arc::clone(&self.graph),
            program: Arc::new(program),
        }
    }

    /// The name under which an operator is pinned.
    pub fn pin(&self, op: OpId, rect: Rect) -> PinnedKernel {
        let owner = self.graph.op(op);
        PinnedKernel { block: owner.block, op: owner.name.clone(), wafer: 0, rect }
    }
}
