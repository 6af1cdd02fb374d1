//! Saving: what goes into the file, and what is asked before another file gives way.

use std::path::PathBuf;
use std::sync::Arc;

use crate::hardware::Rect;
use crate::scenario::file::store::{Disk, Expected, Writer};
use crate::scenario::{PinnedKernel, Scenario};
use crate::session::jobs::{Save, Saved};
use crate::session::{FileAction, Notice, NoticeKind, Session, Topic};
use crate::workload::OpId;

impl Session {
    /// The scenario with the layout under the hand, legal or not: what saving writes.
    pub fn contents(&self) -> Scenario {
        let mut scenario = self.document.scenario.clone();
        if let Some(pinned) = self.unsaved_layout()
            && scenario.pinned != pinned
        {
            scenario.pinned = pinned;
            // What was recorded belongs to another layout.
            scenario.recording = None;
        }
        scenario
    }

    /// The layout under the hand, if it was edited since it was saved.
    fn unsaved_layout(&self) -> Option<Vec<PinnedKernel>> {
        let draft = self.draft.as_ref().filter(|_| self.edits.has_unsaved_layout())?;
        Some(self.pinned(&draft.layout()))
    }

    /// A layout by the names of its operators.
    pub(super) fn pinned(&self, layout: &[(OpId, Rect)]) -> Vec<PinnedKernel> {
        let Some(prepared) = &self.prepared else { return Vec::new() };
        layout.iter().map(|&(op, rect)| prepared.pin(op, rect)).collect()
    }

    /// Saves; asks first if a file that is not known would be replaced.
    pub(super) fn save_as(&mut self, path: PathBuf) {
        let own = self.document.path.as_ref() == Some(&path);
        let known = self.document.content_hash.filter(|_| own);
        self.save(path, known.map_or(Expected::Nothing, Expected::Content));
    }

    /// Saves over whatever is there.
    pub(super) fn overwrite(&mut self, path: PathBuf) {
        self.answered(&Topic::Overwrite);
        self.save(path, Expected::Anything);
    }

    fn save(&mut self, path: PathBuf, expected: Expected) {
        let writer: Arc<dyn Writer> = self
            .keeping
            .storage
            .as_ref()
            .map_or_else(|| Arc::new(Disk) as Arc<dyn Writer>, |storage| Arc::clone(&storage.writer));
        let untouchable = self.document.path.clone().filter(|_| self.document.read_only);
        let scenario = Box::new(self.contents());
        self.jobs.save(Save { path, scenario, edits: self.edits, expected, untouchable, writer });
    }

    /// Notes what is on the disk now. The document may have been edited or replaced since.
    pub(super) fn saved(&mut self, saved: Saved) {
        self.remember(&saved.path);
        self.answered(&Topic::Overwrite);
        self.told_of_both(&saved.path);
        if !self.edits.is_same_document(saved.edits) {
            return;
        }
        let copied = self.document.read_only;
        self.document.saved(&saved.path, saved.content_hash);
        let scenario = &mut self.document.scenario;
        if self.edits.is_same_scenario(saved.edits) && scenario.pinned != saved.pinned {
            // The layout under the hand was saved with it.
            scenario.pinned = saved.pinned;
            scenario.recording = None;
        }
        self.edits.save(saved.edits);
        self.document.changed = self.edits.unsaved() > 0;
        if copied {
            let words = "The copy has the format of this version, without what only the newer Waferscope knows. The file \
                         that was opened is as it was.";
            self.tell(NoticeKind::Info, "Saved as a copy", words);
        }
    }

    /// Asks what to do about a file that is in the way.
    pub(super) fn ask_to_overwrite(&mut self, path: PathBuf) {
        self.answered(&Topic::Overwrite);
        let (title, text) = if self.document.path.as_ref() == Some(&path) {
            let what = "was changed by another window or program after it was read here. It is as they left it; nothing \
                        was saved.";
            ("The file has changed", format!("{} {what}", path.display()))
        } else {
            ("There is such a file already", format!("{} was not overwritten; nothing was saved.", path.display()))
        };
        self.notify(Notice {
            kind: NoticeKind::Warning,
            title: title.to_owned(),
            text,
            topic: Topic::Overwrite,
            choices: vec![("Save as…", FileAction::SaveElsewhere), ("Overwrite it", FileAction::Overwrite(path))],
        });
    }
}
