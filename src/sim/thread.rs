//! The engine's own thread, and the one that draws frames from what it has done.
//!
//! The window sends commands through a bounded queue and never waits; it takes the latest snapshot and the latest
//! picture from one-slot hand-overs. A panic of the engine becomes an event that carries the command log.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::hardware::Rect;
use crate::sim::detail::{Detail, detail};
use crate::sim::engine::{Budget, Command, Engine, LogEntry, Progress};
use crate::sim::frame::{Frame, FrameRequest, Scene};
use crate::sim::metrics::{Strips, strips};
use crate::sim::trace::Trace;

/// Commands that may wait for the engine.
const COMMANDS_MAX: usize = 64;
/// Rare events that may wait for the window; there are a handful in a run.
const EVENTS_MAX: usize = 64;
/// Events that the engine executes before it looks for commands; well under 8 ms.
const EVENTS_PER_TURN: u32 = 2_000;
/// Snapshots are handed over no more often than this while the engine runs.
const SNAPSHOT_INTERVAL: Duration = Duration::from_millis(16);

/// Something that happens rarely.
#[derive(Clone, Debug)]
pub enum Event {
    /// The scenario is compiled; it may still be refused.
    Compiled(Arc<Scene>),
    /// The program cannot run, and why.
    Refused(String),
    /// The run has ended.
    Finished,
    /// The engine broke. The log repeats what led to it.
    Panicked { message: String, log: Vec<LogEntry> },
}

/// What an engine was told so far, readable from any thread, even after it broke.
#[derive(Clone, Debug, Default)]
pub struct CommandLog(Arc<Mutex<Vec<LogEntry>>>);

impl CommandLog {
    /// The commands, unless they are being written this very moment.
    pub fn peek(&self) -> Option<Vec<LogEntry>> {
        match self.0.try_lock() {
            Ok(log) => Some(log.clone()),
            Err(TryLockError::Poisoned(log)) => Some(log.into_inner().clone()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    fn set(&self, log: &[LogEntry]) {
        log.clone_into(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// What the engine has done so far.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub scene: Arc<Scene>,
    pub trace: Arc<Trace>,
}

/// What the window wants to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureRequest {
    pub frame: FrameRequest,
    /// Stretch of time and number of bins of the strips.
    pub strips: (u64, u64, usize),
    /// Cores whose links and SRAM are wanted, when they are large enough on the screen to show them.
    pub detail: Option<Rect>,
}

/// What the window sees.
#[derive(Clone, Debug)]
pub struct Picture {
    pub frame: Arc<Frame>,
    pub strips: Arc<Strips>,
    pub detail: Option<Arc<Detail>>,
    /// Time that the frame took.
    pub frame_time: Duration,
}

/// One slot in which the newest value replaces the one before it.
#[derive(Debug, Default)]
struct Latest<T> {
    slot: Mutex<Option<T>>,
    filled: Condvar,
}

impl<T> Latest<T> {
    fn new() -> Self {
        Self { slot: Mutex::new(None), filled: Condvar::new() }
    }

    fn put(&self, value: T) {
        *self.slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
        self.filled.notify_one();
    }

    fn take(&self) -> Option<T> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Waits up to `timeout` for a value.
    fn wait(&self, timeout: Duration) -> Option<T> {
        let slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut slot, _) = self
            .filled
            .wait_timeout_while(slot, timeout, |slot| slot.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        slot.take()
    }
}

/// What both threads share with the window.
#[derive(Debug)]
struct Shared {
    /// For the window.
    snapshot: Latest<Snapshot>,
    /// For the painter.
    painted: Latest<Snapshot>,
    request: Latest<PictureRequest>,
    picture: Latest<Picture>,
    stop: AtomicBool,
}

/// Something to call when there is news for the window.
#[derive(Clone)]
pub struct Waker(Arc<dyn Fn() + Send + Sync>);

impl Waker {
    /// Wakes by calling `wake`, from any thread.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(wake))
    }

    /// Says that there is news.
    pub fn wake(&self) {
        (self.0)();
    }
}

impl std::fmt::Debug for Waker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Waker")
    }
}

/// A running engine. Dropping it tells both threads to stop and waits for neither: a compilation under way ends first.
#[derive(Debug)]
pub struct EngineHandle {
    commands: Sender<Command>,
    events: Receiver<Event>,
    shared: Arc<Shared>,
    log: CommandLog,
}

impl EngineHandle {
    /// Starts an engine on the scene that `compile` makes on the engine's thread.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(compile: impl FnOnce() -> Scene + Send + 'static, waker: Waker) -> std::io::Result<Self> {
        Self::start_with_fault(compile, waker, None)
    }

    /// The same; with a cycle, the engine panics once it has come that far, to try out what is done about that.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start_with_fault(
        compile: impl FnOnce() -> Scene + Send + 'static,
        waker: Waker,
        fault_cycle: Option<u64>,
    ) -> std::io::Result<Self> {
        let (commands, command_queue) = bounded(COMMANDS_MAX);
        let (event_queue, events) = bounded(EVENTS_MAX);
        let painter_events = event_queue.clone();
        let shared = Arc::new(Shared {
            snapshot: Latest::new(),
            painted: Latest::new(),
            request: Latest::new(),
            picture: Latest::new(),
            stop: AtomicBool::new(false),
        });
        let log = CommandLog::default();
        let engine = {
            let (shared, waker, log) = (Arc::clone(&shared), waker.clone(), log.clone());
            let turn = EngineThread { commands: command_queue, events: event_queue, shared, waker, log, fault_cycle };
            std::thread::Builder::new().name("engine".to_owned()).spawn(move || turn.run(compile))?
        };
        let painter = {
            let shared = Arc::clone(&shared);
            let paint = move || {
                if let Err(payload) = catch_unwind(AssertUnwindSafe(|| paint(&shared, &waker))) {
                    // The window reads events every frame; if it is gone, so is the need to tell.
                    let event = Event::Panicked { message: message_of(payload.as_ref()), log: Vec::new() };
                    let _told = painter_events.try_send(event).is_ok();
                    waker.wake();
                }
            };
            std::thread::Builder::new().name("painter".to_owned()).spawn(paint)?
        };
        drop((engine, painter));
        Ok(Self { commands, events, shared, log })
    }

    /// Hands a command to the engine without waiting. Returns whether there was room.
    pub fn send(&self, command: Command) -> bool {
        self.commands.try_send(command).is_ok()
    }

    /// What the engine was told, for a report if it breaks.
    pub fn log(&self) -> CommandLog {
        self.log.clone()
    }

    /// The next rare event, if there is one.
    pub fn event(&self) -> Option<Event> {
        self.events.try_recv().ok()
    }

    /// The newest snapshot since the last call.
    pub fn snapshot(&self) -> Option<Snapshot> {
        self.shared.snapshot.take()
    }

    /// Asks for a picture; a newer request replaces one that was not yet served.
    pub fn request(&self, request: PictureRequest) {
        self.shared.request.put(request);
    }

    /// The newest picture since the last call.
    pub fn picture(&self) -> Option<Picture> {
        self.shared.picture.take()
    }
}

impl Drop for EngineHandle {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        // The engine may be waiting for a command: closing the queue would need the sender moved out, a hold wakes it.
        let _woken = self.commands.try_send(Command::Hold).is_ok();
        self.shared.request.filled.notify_all();
    }
}

struct EngineThread {
    commands: Receiver<Command>,
    events: Sender<Event>,
    shared: Arc<Shared>,
    waker: Waker,
    log: CommandLog,
    fault_cycle: Option<u64>,
}

impl EngineThread {
    fn run(self, compile: impl FnOnce() -> Scene) {
        let outcome = catch_unwind(AssertUnwindSafe(|| self.work(compile)));
        if let Err(payload) = outcome {
            let message = message_of(payload.as_ref());
            let log = self.log.peek().unwrap_or_default();
            self.tell(Event::Panicked { message, log });
        }
    }

    fn work(&self, compile: impl FnOnce() -> Scene) {
        let scene = Arc::new(compile());
        self.tell(Event::Compiled(Arc::clone(&scene)));
        let mut engine = match Engine::new(Arc::clone(&scene.program)) {
            Ok(engine) => engine,
            Err(refusal) => {
                self.publish(&scene, &Trace { tracks: Vec::new(), sram: Vec::new(), edge: 0, finished: false });
                return self.tell(Event::Refused(refusal.to_string()));
            }
        };
        self.publish(&scene, engine.trace());
        let mut published = Instant::now();
        let mut progress = Progress::AtTarget;
        let mut told = false;
        while !self.shared.stop.load(Ordering::Relaxed) {
            // With nothing to do, wait for a command; otherwise only look.
            let command = if progress == Progress::Running {
                self.commands.try_recv().ok()
            } else {
                match self.commands.recv() {
                    Ok(command) => Some(command),
                    Err(_) => return,
                }
            };
            if let Some(command) = command {
                engine.apply(command);
                self.log.set(engine.log());
            }
            let before = engine.trace().edge;
            // One that is to break does so at its cycle, not up to a turn later.
            let events = if self.fault_cycle.is_some() { 1 } else { EVENTS_PER_TURN };
            progress = engine.advance(Budget { events });
            let edge = engine.trace().edge;
            let breaks = self.fault_cycle.is_some_and(|cycle| edge >= cycle);
            let due = published.elapsed() >= SNAPSHOT_INTERVAL;
            if edge > before && (due || breaks || progress != Progress::Running) {
                self.publish(&scene, engine.trace());
                published = Instant::now();
            }
            assert!(!breaks, "a fault was injected at cycle {edge}");
            if progress == Progress::Finished && !told {
                told = true;
                self.tell(Event::Finished);
            }
        }
    }

    fn publish(&self, scene: &Arc<Scene>, trace: &Trace) {
        let snapshot = Snapshot { scene: Arc::clone(scene), trace: Arc::new(trace.clone()) };
        self.shared.painted.put(snapshot.clone());
        self.shared.snapshot.put(snapshot);
        self.waker.wake();
    }

    fn tell(&self, event: Event) {
        // The window reads events every frame; if it is gone, so is the need to tell.
        let _told = self.events.try_send(event).is_ok();
        self.waker.wake();
    }
}

/// What a panic said.
fn message_of(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().cloned();
    let text = text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    text.unwrap_or_else(|| "it stopped without a message".to_owned())
}

/// Draws the newest request from the newest snapshot until told to stop.
fn paint(shared: &Shared, waker: &Waker) {
    const PATIENCE: Duration = Duration::from_millis(50);
    let mut snapshot: Option<Snapshot> = None;
    let mut unserved: Option<PictureRequest> = None;
    while !shared.stop.load(Ordering::Relaxed) {
        if let Some(request) = shared.request.wait(PATIENCE) {
            unserved = Some(request);
        }
        if let Some(newer) = shared.painted.take() {
            snapshot = Some(newer);
        }
        let (Some(request), Some(snapshot)) = (unserved, &snapshot) else { continue };
        unserved = None;
        let begun = Instant::now();
        let frame = snapshot.scene.frame(&snapshot.trace, request.frame);
        let frame_time = begun.elapsed();
        let (from, to, bins) = request.strips;
        let strips = strips(&snapshot.scene, &snapshot.trace, from, to, bins);
        let detail = request
            .detail
            .map(|window| detail(&snapshot.scene, &snapshot.trace, request.frame.wafer, window, request.frame.time));
        shared.picture.put(Picture {
            frame: Arc::new(frame),
            strips: Arc::new(strips),
            detail: detail.map(Arc::new),
            frame_time,
        });
        waker.wake();
    }
}
