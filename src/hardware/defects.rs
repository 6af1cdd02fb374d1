//! Seeded maps of dead cores, and the simple row shift that hides them from programs.

/// Which physical cores are dead, and where each logical core lives because of that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefectMap {}

/// What the repair of a map achieved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepairOutcome {}
