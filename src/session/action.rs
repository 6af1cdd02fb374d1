//! Everything that a user can ask of a session, by family. Values are exact; what a mouse does is clamped where it is
//! read.

use std::path::PathBuf;

use crate::hardware::{Core, Rect};
use crate::session::ColourRange;
use crate::session::playback::{Speed, StepUnit};
use crate::sim::Layer;
use crate::workload::OpId;

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    File(FileAction),
    Time(TimeAction),
    View(ViewAction),
    Place(PlaceAction),
}

/// About documents and notices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileAction {
    /// Opens a scenario or a model, whichever the content is.
    Open(PathBuf),
    /// Opens a scenario that comes with the program.
    OpenShipped(&'static str),
    SaveAs(PathBuf),
    /// Runs the document again from the beginning.
    Restart,
    /// Dismisses a notice.
    Dismiss(usize),
}

/// About the playhead.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TimeAction {
    TogglePlay,
    /// Plays forwards or backwards.
    Play {
        reverse: bool,
    },
    Pause,
    /// Moves the playhead to a cycle.
    Seek(u64),
    /// Moves by so many step units, back if negative.
    Step(i32),
    Unit(StepUnit),
    Speed(Speed),
    /// Halves or doubles the speed.
    Faster {
        doubled: bool,
    },
    Start,
    End,
    /// Shows this stretch of time in the strips.
    Show {
        from: u64,
        to: u64,
    },
}

/// About what is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewAction {
    Show(Layer),
    NextLayer {
        back: bool,
    },
    Pin(Option<Core>),
    /// The cores that are drawn one by one, with their links; none while the map is farther away.
    CloseUp(Option<Rect>),
    Range(Layer, ColourRange),
}

/// About placing by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceAction {
    /// Starts a draft: kernels that the user pinned stay, the others leave the wafer.
    Begin,
    /// Takes a kernel in hand, one that is placed or not.
    Pick(OpId),
    /// Takes the next kernel that has no place.
    PickNext,
    /// Puts what is in hand back to where it was.
    PutBack,
    /// Takes what is in hand off the wafer, so that the compiler places it.
    TakeOff,
    Rotate,
    /// Places what is in hand with its north-west corner here, if that is legal.
    Drop(Core),
    Undo,
    Redo,
    /// Lets the compiler place the rest, and runs.
    FinishAndRun,
    /// Leaves the draft without changing the scenario.
    Abandon,
}
