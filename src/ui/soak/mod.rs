//! A soak: the real window under seeded hands and keys at full speed, with what each frame cost its thread.
//!
//! `WAFERSCOPE_SOAK=120` soaks for so many seconds and ends the process: 0 if no frame took over [`FRAME_MAX`] of the
//! window's thread and memory did not grow, else 1, with one JSON object on standard output. `WAFERSCOPE_SOAK_FILES`
//! names files to drop on the window in turn, parted as in `PATH`. Frames count the processor time of the thread, so
//! that a busy machine fails nobody; what the driver takes to draw is counted apart.

mod hands;
mod record;

use std::time::{Duration, Instant};

use egui::{Context, RawInput, Ui};

use crate::session::memory;
use crate::ui::app::App;
use hands::Hands;
use record::Record;

/// Longest that one frame may take of the window's thread, without the driver.
const FRAME_MAX: Duration = Duration::from_millis(50);
/// How much more memory than in the warm-up may be held at any time after it, if the warm-up was a whole one. A short
/// one has not yet seen everything.
const GROWTH_MAX_PERCENT: f64 = 5.0;
const GROWTH_MAX_PERCENT_SHORT: f64 = 25.0;
/// Longest warm-up.
const WARM_UP_MAX: Duration = Duration::from_mins(5);

/// The application with somebody at it who never rests.
pub(super) struct Soak {
    app: App,
    hands: Hands,
    record: Record,
    begun: Instant,
    length: Duration,
    /// The thread's time when the frame began, and what logic and drawing took of it so far.
    frame: (Duration, Duration),
    second: u64,
}

/// How long to soak, if that is asked for.
pub(super) fn wanted() -> Option<Duration> {
    let seconds = std::env::var("WAFERSCOPE_SOAK").ok()?.parse::<f64>().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

impl Soak {
    pub(super) fn new(app: App, length: Duration) -> Self {
        let warm_up = (length / 3).min(WARM_UP_MAX);
        let record = Record::new(warm_up);
        let hands = Hands::new(warm_up);
        Self { app, hands, record, begun: Instant::now(), length, frame: (thread_time(), Duration::ZERO), second: 0 }
    }

    /// Adds the time that `work` takes of this thread to the frame.
    fn counted(&mut self, work: impl FnOnce(&mut App)) {
        let before = thread_time();
        work(&mut self.app);
        self.frame.1 += thread_time().saturating_sub(before);
    }

    /// Notes the frame that has ended and begins another.
    fn turn(&mut self) {
        let now = thread_time();
        let (began, ours) = self.frame;
        let rest = now.saturating_sub(began).saturating_sub(ours);
        let elapsed = self.begun.elapsed();
        self.record
            .frame(elapsed, ours, rest, || format!("{} in {}", self.hands.doing(), self.app.session.scenario().title));
        self.frame = (now, Duration::ZERO);
        if elapsed.as_secs() > self.second {
            self.second = elapsed.as_secs();
            self.record.memory(elapsed, memory::resident_bytes().unwrap_or(0));
        }
        if elapsed >= self.length {
            self.end();
        }
    }

    #[expect(clippy::print_stdout, reason = "the one object that a soak says")]
    // Closing politely would ask about changes, and has no exit code.
    fn end(&self) -> ! {
        let whole = self.length / 3 >= WARM_UP_MAX;
        let growth_max = if whole { GROWTH_MAX_PERCENT } else { GROWTH_MAX_PERCENT_SHORT };
        let passed = self.record.passes(FRAME_MAX, growth_max);
        println!("{}", self.record.object(passed, &self.hands.done()));
        std::process::exit(i32::from(!passed));
    }
}

impl eframe::App for Soak {
    fn raw_input_hook(&mut self, _ctx: &Context, input: &mut RawInput) {
        self.turn();
        let elapsed = self.begun.elapsed();
        if let Some(action) = self.hands.fill(elapsed, input) {
            self.app.session.apply(action);
        }
    }

    fn logic(&mut self, ctx: &Context, frame: &mut eframe::Frame) {
        self.counted(|app| app.logic(ctx, frame));
        ctx.request_repaint();
    }

    fn ui(&mut self, ui: &mut Ui, frame: &mut eframe::Frame) {
        self.counted(|app| app.ui(ui, frame));
    }
}

/// Processor time of this thread.
#[cfg(unix)]
fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Where the system does not tell the time of a thread: that of the wall.
#[cfg(not(unix))]
fn thread_time() -> Duration {
    use std::sync::OnceLock;
    static BEGUN: OnceLock<Instant> = OnceLock::new();
    BEGUN.get_or_init(Instant::now).elapsed()
}
