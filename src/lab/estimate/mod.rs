//! One prediction for one model on wafers, by the ANALYTIC ruler: what is not given is chosen, and what cannot be is
//! refused with the needed and the available amount and the ways out.

mod inference;

use thiserror::Error;

use crate::analytic::training::{self, Job, Plan, TrainingError};
use crate::analytic::{Breakdown, Prices, Shape, ShapeError};
use crate::hardware::DeviceSpec;
use crate::workload::Graph;
use inference::Inference;

/// Context of a decoded token, and length of a prompt, where none is given.
pub const CONTEXT: u64 = 2_048;

/// Tokens that a request puts out where it is not said.
pub const OUTPUT: u64 = 128;

/// Sequences of an optimizer step where neither the user nor the model's source says.
pub const TRAINING_BATCH: u64 = 256;

/// Most systems that a model is spread over.
pub const SYSTEMS_MAX: u64 = 1_000_000;

/// Smallest side of a grid that the kernels run on.
const SIDE_MIN: u32 = 2;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// One optimizer step by weight streaming.
    Train,
    /// One prompt, or one after the other.
    Prefill,
    /// One token of each request.
    Decode,
    /// Requests from the prompt to the last token.
    Generate,
}

impl Task {
    /// The word for it on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Prefill => "prefill",
            Self::Decode => "decode",
            Self::Generate => "generate",
        }
    }
}

/// A question; `None` is chosen.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    pub graph: &'a Graph,
    pub device: &'a DeviceSpec,
    pub task: Task,
    /// Fewest that hold the model, or one for training.
    pub systems: Option<u64>,
    /// Side of the square grid on which all layers run one after the other.
    pub grid: Option<u32>,
    /// The same for the decode part of a request, if it is another.
    pub decode_grid: Option<u32>,
    /// The device's run clock.
    pub clock_hz: Option<f64>,
    pub context: Option<u64>,
    pub prompt: Option<u64>,
    pub output: Option<u64>,
    /// Requests, or sequences of a step.
    pub batch: Option<u64>,
    /// Tokens of a training sequence.
    pub sequence: Option<u64>,
    /// Share of weights that are zero.
    pub sparsity: f64,
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub task: Task,
    pub systems: u64,
    pub clock_hz: f64,
    /// Side of the grid of prefill, and of decoding; for training, `None`: the whole wafer.
    pub prefill_grid: Option<u32>,
    pub decode_grid: Option<u32>,
    /// Whether each layer has a region of its own while decoding.
    pub regions: bool,
    /// Sequences, requests or prompts.
    pub batch: u64,
    /// Of a step, of all prompts, of one token of each request, or of all requests to their end.
    pub seconds: f64,
    /// Over all requests or sequences.
    pub tokens_per_second: f64,
    /// What one request sees, where it is another.
    pub tokens_per_second_per_request: f64,
    /// Sequences per second of training.
    pub samples_per_second: Option<f64>,
    /// Longest contexts of one request, shifting and appending; `None` for training.
    pub longest_context: Option<[u64; 2]>,
    pub plan: Option<Plan>,
    /// Cycles of what `seconds` covers.
    pub parts: Breakdown,
    pub assumptions: Vec<String>,
}

/// Why there is no answer: one sentence with ways out.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EstimateError {
    #[error(transparent)]
    Shape(#[from] ShapeError),
    #[error(transparent)]
    Training(#[from] TrainingError),
    #[error(
        "{model} needs {needed} for weights, keys and values in fp16, and {systems} {title} have {available} beside code: \
         --systems {fewest}, a shorter context or a smaller --batch would fit"
    )]
    TooLarge { model: String, needed: String, systems: u64, title: String, available: String, fewest: u64 },
    #[error(
        "one layer of {model} needs {needed} in each core of {grid}x{grid}, and a core has {available} beside code: a \
         --grid of at least {least}x{least} would fit"
    )]
    TileTooLarge { model: String, needed: String, grid: u32, available: String, least: u32 },
    #[error(
        "a grid of {grid}x{grid} needs {grid} columns and rows, and a {title} has {columns} x {rows}: a --grid from \
         {SIDE_MIN}x{SIDE_MIN} to {most}x{most} would fit"
    )]
    Grid { grid: u32, title: String, columns: u32, rows: u32, most: u32 },
    #[error(
        "{systems} systems need a batch of at least {systems} sequences, and it has {batch}: fewer --systems or a larger \
         --batch would do"
    )]
    BatchTooSmall { systems: u64, batch: u64 },
    #[error("{option} says nothing about --task {task}: leave it out")]
    Meaningless { option: &'static str, task: &'static str },
}

/// Answers a question.
///
/// # Errors
/// If the model is of another kind or does not fit.
pub fn estimate(question: Question<'_>) -> Result<Answer, EstimateError> {
    refuse_meaningless(&question)?;
    let prices = Prices::new(question.device);
    if question.task == Task::Train {
        return train(&prices, &question);
    }
    let shape = Shape::of(question.graph)?;
    Inference::new(&prices, &shape, question)?.answer()
}

/// Options that would be ignored are refused: an answer that does not depend on them would mislead.
fn refuse_meaningless(question: &Question<'_>) -> Result<(), EstimateError> {
    let (train, task) = (question.task == Task::Train, question.task);
    let given = [
        ("--grid", question.grid.is_some() && train),
        ("--decode-grid", question.decode_grid.is_some() && task != Task::Generate),
        ("--context", question.context.is_some() && task != Task::Decode),
        ("--prompt", question.prompt.is_some() && (train || task == Task::Decode)),
        ("--output", question.output.is_some() && task != Task::Generate),
        ("--seq", question.sequence.is_some() && !train),
        ("--sparsity", question.sparsity > 0.0 && !train),
    ];
    match given.into_iter().find(|(_, wrong)| *wrong) {
        Some((option, _)) => Err(EstimateError::Meaningless { option, task: task.word() }),
        None => Ok(()),
    }
}

fn train(prices: &Prices, question: &Question<'_>) -> Result<Answer, EstimateError> {
    let Question { graph, device, .. } = *question;
    let clock_hz = question.clock_hz.unwrap_or(device.clock_run_hz.value);
    let batch = question.batch.or(graph.batch).unwrap_or(TRAINING_BATCH);
    let sequence = question.sequence.unwrap_or(graph.sequence);
    let systems = question.systems.unwrap_or(1);
    if batch < systems {
        return Err(EstimateError::BatchTooSmall { systems, batch });
    }
    let graph = Graph { sequence, ..graph.clone() };
    let job = Job { batch, sequence, systems, clock_hz, sparsity: question.sparsity };
    let step = training::step(prices, device, &graph, job)?;
    let rate = batch as f64 / step.seconds;
    Ok(Answer {
        task: Task::Train,
        systems,
        clock_hz,
        prefill_grid: None,
        decode_grid: None,
        regions: false,
        batch,
        seconds: step.seconds,
        tokens_per_second: rate * sequence as f64,
        tokens_per_second_per_request: rate * sequence as f64,
        samples_per_second: Some(rate),
        longest_context: None,
        plan: Some(step.plan),
        parts: step.parts,
        assumptions: training_assumptions(&graph, job),
    })
}

fn training_assumptions(graph: &Graph, job: Job) -> Vec<String> {
    let mut said = vec![
        "fp16 activations and weights on the wafer, 32 bits a parameter each way (published)".to_owned(),
        "micro-batch, lanes and recomputation give the shortest step that fits; SRAM is counted in total, not core by core"
            .to_owned(),
        "attention is dense: masked scores are computed like the others; scores are not stored".to_owned(),
        "between two steps the last gradients leave, 12 bytes of optimizer state a parameter are read, and the first \
         weights come in, all at the speed of the link and hidden by nothing (assumed)"
            .to_owned(),
        "the input pipeline is never waited for: small models are bound by it in practice".to_owned(),
    ];
    if job.systems > 1 {
        said.push("summing gradients over the systems takes no time".to_owned());
    }
    if job.sparsity > 0.0 {
        said.push(
            "zero weights neither stream nor multiply, and have no gradient; the rest is spread evenly".to_owned(),
        );
    }
    if training::masked(graph) {
        said.push("the masked-language-model head works on 15 % of the tokens".to_owned());
    }
    said
}
