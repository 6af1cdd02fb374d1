//! The scenarios that come with the program, embedded so that it runs from any folder.

use crate::scenario::Scenario;
use crate::scenario::file::scenario;

/// One shipped scenario.
#[derive(Clone, Copy, Debug)]
pub struct Shipped {
    /// File name without its ending.
    pub name: &'static str,
    pub bytes: &'static [u8],
}

macro_rules! shipped {
    ($name:literal) => {
        Shipped { name: $name, bytes: include_bytes!(concat!("../../saves/", $name, ".ron")) }
    };
}

/// All shipped scenarios; the first one runs at launch.
pub const ALL: [Shipped; 6] = [
    shipped!("13b-streaming"),
    shipped!("1t-streaming"),
    shipped!("bert-base-resident"),
    shipped!("tiny-resident"),
    shipped!("13b-heavy-defects"),
    shipped!("llama-70b-does-not-fit"),
];

impl Shipped {
    /// The scenario.
    ///
    /// # Panics
    /// If the embedded file cannot be read, which the tests rule out.
    pub fn scenario(&self) -> Scenario {
        let read = scenario::read(self.bytes, self.name);
        read.unwrap_or_else(|error| panic!("shipped scenario {}: {error}", self.name)).scenario
    }
}

/// The scenario that runs at launch.
pub fn default_scenario() -> Scenario {
    ALL[0].scenario()
}
