//! What was done to a draft, as labelled steps that can be taken back and done again.

use super::tally::Tally;
use crate::compiler::Author;
use crate::hardware::Rect;
use crate::workload::OpId;

/// Steps that are remembered; older ones can no longer be taken back.
pub const STEPS_MAX: usize = 1_000;

/// One kernel's way from one place to another; `None` is off the wafer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    pub op: OpId,
    pub from: Option<Rect>,
    pub to: Option<Rect>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub author: Author,
    /// What it did, as it reads after a verb: `move block 3 mlp.up`.
    pub label: String,
    pub changes: Vec<Change>,
    /// What the draft came to with it.
    pub after: Tally,
}

/// All steps, and how many of them are in effect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    entries: Vec<Entry>,
    at: usize,
}

impl History {
    /// The steps in order; those from [`Self::at`] on were taken back.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Number of steps in effect.
    pub fn at(&self) -> usize {
        self.at
    }

    /// What undo would take back.
    pub fn undone(&self) -> Option<&Entry> {
        self.entries.get(self.at.checked_sub(1)?)
    }

    /// What redo would do again.
    pub fn redone(&self) -> Option<&Entry> {
        self.entries.get(self.at)
    }

    pub(super) fn add(&mut self, author: Author, label: String, changes: Vec<Change>, after: Tally) {
        self.entries.truncate(self.at);
        if self.entries.len() == STEPS_MAX {
            self.entries.remove(0);
        }
        self.entries.push(Entry { author, label, changes, after });
        self.at = self.entries.len();
    }

    /// Goes one step back; its changes are to be reversed.
    pub(super) fn back(&mut self) -> Vec<Change> {
        let Some(entry) = self.undone() else { return Vec::new() };
        let changes = entry.changes.clone();
        self.at -= 1;
        changes
    }

    /// Goes one step forth; its changes are to be done.
    pub(super) fn forth(&mut self) -> Vec<Change> {
        let Some(entry) = self.redone() else { return Vec::new() };
        let changes = entry.changes.clone();
        self.at += 1;
        changes
    }
}
