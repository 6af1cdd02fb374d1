//! Counts edits, so that a save that ends late knows what it covers, and a draft how much it holds.

/// Which document is open, how often its scenario and the layout under the hand were edited, and how much of that is
/// saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Edits {
    /// Documents that were opened before this one.
    document: u64,
    scenario: u64,
    layout: u64,
    scenario_saved: u64,
    layout_saved: u64,
}

impl Edits {
    /// Those of the next document, of which `unsaved` are not saved.
    pub(super) fn of_next_document(self, unsaved: u64) -> Self {
        Self { document: self.document + 1, scenario: unsaved, ..Self::default() }
    }

    /// The same of a document that has a layout under the hand, which holds the edits.
    pub(super) fn of_next_layout(self, unsaved: u64) -> Self {
        Self { document: self.document + 1, layout: unsaved, ..Self::default() }
    }

    /// Whether both are about the same document.
    pub(super) fn is_same_document(self, other: Self) -> bool {
        self.document == other.document
    }

    /// Whether the scenario is still what it was at `before`.
    pub(super) fn is_same_scenario(self, before: Self) -> bool {
        self.is_same_document(before) && self.scenario == before.scenario
    }

    /// Edits that are not saved.
    pub(super) fn unsaved(self) -> u64 {
        (self.scenario - self.scenario_saved) + (self.layout - self.layout_saved)
    }

    /// Edits of the layout that are not saved.
    pub(super) fn has_unsaved_layout(self) -> bool {
        self.layout > self.layout_saved
    }

    /// The scenario was edited.
    pub(super) fn edit_scenario(&mut self) {
        self.scenario += 1;
    }

    /// The layout was edited.
    pub(super) fn edit_layout(&mut self) {
        self.layout += 1;
    }

    /// The layout became part of the scenario and changed it: its edits are the scenario's now.
    pub(super) fn take_layout_over(&mut self) {
        self.scenario += (self.layout - self.layout_saved).max(1);
        self.layout_saved = self.layout;
    }

    /// The layout was given up.
    pub(super) fn forget_layout(&mut self) {
        self.layout_saved = self.layout;
    }

    /// What there was at `then` is saved.
    pub(super) fn save(&mut self, then: Self) {
        self.scenario_saved = self.scenario_saved.max(then.scenario.min(self.scenario));
        self.layout_saved = self.layout_saved.max(then.layout.min(self.layout));
    }
}

#[cfg(test)]
mod tests {
    use super::Edits;

    #[test]
    fn a_save_covers_what_was_there_when_it_began() {
        let mut edits = Edits::default().of_next_document(2);
        edits.edit_layout();
        let begun = edits;
        edits.edit_layout();
        edits.edit_scenario();
        assert_eq!(edits.unsaved(), 5);
        edits.save(begun);
        assert_eq!(edits.unsaved(), 2);
        // A layout that runs is part of the scenario; nothing is counted twice.
        edits.take_layout_over();
        assert_eq!((edits.unsaved(), edits.has_unsaved_layout()), (2, false));
        edits.save(begun);
        assert_eq!(edits.unsaved(), 2, "the same save tells nothing new");
        edits.edit_layout();
        edits.forget_layout();
        assert_eq!(edits.unsaved(), 2);
        assert!(!edits.of_next_document(0).is_same_document(edits));
    }
}
