//! Models that come with the program, as small Hugging Face configurations in `assets/models/`.
//!
//! Shapes are the published ones; the source of each stands in its entry. They go through the same reader as a file of
//! the user's, so that there is one way to count.

use super::graph::Graph;
use super::import;

/// One built-in model.
#[derive(Clone, Copy, Debug)]
pub struct Builtin {
    /// Name on the command line and in scenarios: `cerebras-gpt-13b`.
    pub name: &'static str,
    /// Name for people: `Cerebras-GPT 13B`.
    pub title: &'static str,
    /// Where its shape was published.
    pub source: &'static str,
    /// Sequences in one published optimizer step, where the source gives one number.
    pub batch: Option<u64>,
    /// Its configuration.
    pub bytes: &'static [u8],
}

macro_rules! builtin {
    ($name:literal, $title:literal, $source:expr, $batch:expr) => {
        Builtin {
            name: $name,
            title: $title,
            source: $source,
            batch: $batch,
            bytes: include_bytes!(concat!("../../assets/models/", $name, ".json")),
        }
    };
}

const CEREBRAS_GPT: &str = "Dey et al. 2023, Cerebras-GPT, arXiv:2304.03208, table 1";
const BERT: &str = "Devlin et al. 2019, BERT, arXiv:1810.04805, sections 3 and A.2; vocabulary of the released files";
const LLAMA_2: &str = "Touvron et al. 2023, Llama 2, arXiv:2307.09288, table 1; widths of the released files";
const LLAMA_3: &str =
    "Llama Team 2024, The Llama 3 Herd of Models, arXiv:2407.21783, table 3; vocabulary of the released files";
const GPT_3: &str = "Brown et al. 2020, Language Models are Few-Shot Learners, arXiv:2005.14165, table 2.1";
const MEGATRON: &str =
    "Narayanan et al. 2021, Efficient Large-Scale Language Model Training, arXiv:2104.04473, table 1";
const TEACHING: &str = "chosen for this program, small enough to follow every operator";

/// All built-in models, families together, small ones first.
pub const ALL: [Builtin; 17] = [
    builtin!("tiny", "Tiny transformer", TEACHING, Some(8)),
    builtin!("cerebras-gpt-111m", "Cerebras-GPT 111M", CEREBRAS_GPT, Some(120)),
    builtin!("cerebras-gpt-256m", "Cerebras-GPT 256M", CEREBRAS_GPT, Some(264)),
    builtin!("cerebras-gpt-590m", "Cerebras-GPT 590M", CEREBRAS_GPT, Some(264)),
    builtin!("cerebras-gpt-1.3b", "Cerebras-GPT 1.3B", CEREBRAS_GPT, Some(528)),
    builtin!("cerebras-gpt-2.7b", "Cerebras-GPT 2.7B", CEREBRAS_GPT, Some(528)),
    builtin!("cerebras-gpt-6.7b", "Cerebras-GPT 6.7B", CEREBRAS_GPT, Some(1_040)),
    // The batch grew from 720 to 1 080 sequences during the run; the first is given.
    builtin!("cerebras-gpt-13b", "Cerebras-GPT 13B", CEREBRAS_GPT, Some(720)),
    builtin!("bert-base", "BERT base", BERT, Some(256)),
    builtin!("bert-large", "BERT large", BERT, Some(256)),
    builtin!("llama-2-7b", "Llama 2 7B", LLAMA_2, None),
    builtin!("llama-2-13b", "Llama 2 13B", LLAMA_2, None),
    builtin!("llama-3-8b", "Llama 3 8B", LLAMA_3, None),
    builtin!("llama-3-70b", "Llama 3 70B", LLAMA_3, None),
    builtin!("llama-3-405b", "Llama 3 405B", LLAMA_3, None),
    builtin!("gpt-3-175b", "GPT-3 175B", GPT_3, None),
    builtin!("gpt-1t", "GPT 1T", MEGATRON, Some(3_072)),
];

impl Builtin {
    /// The operator graph.
    ///
    /// # Panics
    /// If the embedded configuration cannot be read, which the tests rule out for each of them.
    pub fn graph(&self) -> Graph {
        let read = import::read(self.bytes);
        let mut graph = read.unwrap_or_else(|error| panic!("built-in model {}: {error}", self.name)).graph;
        self.title.clone_into(&mut graph.name);
        graph.batch = self.batch;
        graph
    }
}

/// The built-in model of this name.
pub fn find(name: &str) -> Option<&'static Builtin> {
    ALL.iter().find(|model| model.name == name)
}

/// The names of all built-in models.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|model| model.name)
}

/// The name for people of a built-in model.
pub fn title(name: &str) -> Option<&'static str> {
    find(name).map(|model| model.title)
}

/// The configuration of a built-in model, as [`import::read`] takes it.
pub fn bytes(name: &str) -> Option<&'static [u8]> {
    find(name).map(|model| model.bytes)
}

/// The operator graph of a built-in model.
pub fn graph(name: &str) -> Option<Graph> {
    find(name).map(Builtin::graph)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_sizes_equal_the_published_ones() {
        // Llama: parameters of the released checkpoints. BERT: of the released pre-training checkpoints.
        for (name, parameters) in [
            ("llama-2-7b", 6_738_415_616),
            ("llama-2-13b", 13_015_864_320),
            ("llama-3-8b", 8_030_261_248),
            ("llama-3-70b", 70_553_706_496),
            ("llama-3-405b", 405_853_388_800),
            ("bert-base", 110_106_428),
            ("bert-large", 336_226_108),
        ] {
            assert_eq!(graph(name).unwrap().parameters(), parameters, "{name}");
        }
    }

    #[test]
    fn nominal_sizes_are_met_within_two_per_cent() {
        for (name, nominal) in [
            ("cerebras-gpt-111m", 111e6),
            ("cerebras-gpt-256m", 256e6),
            ("cerebras-gpt-590m", 590e6),
            ("cerebras-gpt-1.3b", 1.316e9),
            ("cerebras-gpt-2.7b", 2.65e9),
            ("cerebras-gpt-6.7b", 6.66e9),
            ("cerebras-gpt-13b", 12.9e9),
            ("bert-base", 110e6),
            ("bert-large", 340e6),
            ("gpt-3-175b", 175e9),
            ("gpt-1t", 1008e9),
        ] {
            let counted = graph(name).unwrap().parameters() as f64;
            assert!((counted / nominal - 1.0).abs() < 0.02, "{name}: {counted} against {nominal}");
        }
    }

    #[test]
    fn every_model_is_read_without_a_warning_under_its_own_name() {
        for model in &ALL {
            let graph = model.graph();
            assert_eq!(graph.warnings, Vec::<String>::new(), "{}", model.name);
            assert_eq!(graph.name, model.title);
            assert_eq!(names().filter(|name| *name == model.name).count(), 1);
        }
        assert!(graph("gpt-5").is_none());
    }

    #[test]
    fn sequences_are_those_of_the_papers() {
        for (name, sequence) in [("tiny", 128), ("cerebras-gpt-13b", 2048), ("bert-base", 512), ("llama-3-8b", 8192)] {
            assert_eq!(graph(name).unwrap().sequence, sequence, "{name}");
        }
    }
}
