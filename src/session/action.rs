//! Everything that a user can ask of a session, by family. Values are exact; what a mouse does is clamped where it is
//! read.

use std::path::PathBuf;

use crate::hardware::{Core, Rect};
use crate::session::ColourRange;
use crate::session::placing::{How, WatchAction, Wish};
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
    /// Saves; asks first if that would replace a file that is not what it was when it was opened here.
    SaveAs(PathBuf),
    /// Saves over whatever is there, after the user was asked.
    Overwrite(PathBuf),
    /// Asks for another path to save to.
    SaveElsewhere,
    /// Goes on with a draft that is offered.
    OpenDraft(String),
    /// Opens the saved file of a draft that is offered, and sets the draft aside.
    OpenSaved(String),
    /// Goes on with a draft that is offered, in a file of its own beside the saved one.
    KeepBoth(String),
    /// Keeps a draft without offering it again.
    SetAside(String),
    /// Goes on with a draft that was set aside.
    TakeUp(String),
    /// Opens another window, which is another process.
    NewWindow,
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
    /// Shows this wafer of the row, from 0; the last one if there are fewer.
    Wafer(u32),
    Pin(Option<Core>),
    /// The cores that are drawn one by one, with their links; none while the map is farther away.
    CloseUp(Option<Rect>),
    Range(Layer, ColourRange),
}

/// How what is in hand is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// If that is legal.
    Legal,
    /// Legal or not, as a draft.
    Anyway,
    /// If that is legal; then the same kernel of the next block is taken in hand.
    AndCopy,
}

/// About placing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceAction {
    /// Starts a draft: kernels that the user pinned stay, the others leave the wafer.
    Begin,
    /// By hand, watching, or together.
    How(How),
    /// Takes a kernel in hand, one that is placed or not.
    Pick(OpId),
    /// Takes the next kernel that has no place.
    PickNext,
    /// Puts what is in hand back to where it was.
    PutBack,
    /// Takes what is in hand off the wafer.
    TakeOff,
    Rotate,
    /// Gives what is in hand a width and a height.
    Shape(u32, u32),
    /// Makes it so many columns wider and rows higher, legal or not.
    Resize {
        dx: i32,
        dy: i32,
    },
    /// Gives it the next shape that is offered; far: one sixteenth of them further on, up to the last.
    NextShape {
        back: bool,
        far: bool,
    },
    /// Brings its north-west corner here.
    Hover(Core),
    /// Moves it by so many columns and rows.
    Move {
        dx: i32,
        dy: i32,
    },
    /// Moves it in one direction until it touches or lines up with something, or by a hundred cores.
    Slide {
        dx: i32,
        dy: i32,
    },
    /// Brings it to the next spot that was found for it.
    NextSpot {
        back: bool,
    },
    /// Places what is in hand where it is, or with its north-west corner at `at`.
    Drop {
        at: Option<Core>,
        manner: Manner,
    },
    /// Holds a kernel where it is while the compiler improves the rest, or lets it go.
    Hold(OpId),
    Undo,
    Redo,
    /// Goes to the draft as it was after so many steps.
    UndoTo(usize),
    /// About the list of decisions.
    Watch(WatchAction),
    /// Asks the compiler for a proposal.
    Ask(Wish),
    /// Takes the proposal over.
    Accept,
    /// Ends the search for a proposal, which is then the best so far.
    Enough,
    /// Keeps the draft as it is.
    Decline,
    /// Runs the draft, if nothing is wrong with it.
    Run,
    /// Leaves the draft without changing the scenario.
    Abandon,
}

impl PlaceAction {
    /// Places what is in hand where it is, if that is legal.
    pub const DROP: Self = Self::Drop { at: None, manner: Manner::Legal };

    /// Places what is in hand with its north-west corner at `corner`, if that is legal.
    pub fn drop_at(corner: Core) -> Self {
        Self::Drop { at: Some(corner), manner: Manner::Legal }
    }
}
