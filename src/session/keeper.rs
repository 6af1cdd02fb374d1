//! Autosave: a thread that keeps one window's draft on the disk, so that no frame waits for it.
//!
//! The window leaves orders and goes on; of several contents that wait, the newest is written. What could not be written
//! is said once and tried again every twenty seconds. A slot is made with the first edit, so a window without any leaves
//! nothing behind.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};

use crate::scenario::file::draft::{self, DraftFile};
use crate::scenario::file::{FileError, MAX_BYTES};
use crate::session::drafts::Slot;
use crate::session::storage::Storage;
use crate::session::{clock, crash, jobs};
use crate::sim::thread::Waker;

/// A draft is written again this often while the disk refuses it.
const INTERVAL: Duration = Duration::from_secs(20);

/// How long the end of a session waits for the last order; a disk that takes longer is broken.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the thread is asked to do.
#[derive(Debug)]
enum Order {
    /// Write this, stamped with the time.
    Keep(Box<DraftFile>),
    /// What was kept is saved, or given up in so many words.
    Discard,
    /// Keep what is there, but do not offer it.
    SetAside,
    /// Go on with a draft that is there.
    Adopt(Slot),
}

/// What the window and the thread share.
#[derive(Debug, Default)]
struct Desk {
    orders: Vec<Order>,
    /// Orders given and orders done, so that one can know that all is on the disk.
    given: u64,
    done: u64,
    trouble: Option<String>,
    /// Whether nothing waits to be tried again.
    written: bool,
    closed: bool,
}

#[derive(Debug, Default)]
struct Shared {
    desk: Mutex<Desk>,
    changed: Condvar,
}

impl Shared {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps the draft of one window.
#[derive(Debug)]
pub(super) struct Keeper {
    shared: Arc<Shared>,
    ended: Receiver<()>,
}

impl Keeper {
    /// Starts the thread. `None` if the system gives none.
    pub(super) fn start(storage: Storage, waker: Waker) -> Option<Self> {
        let shared = Arc::new(Shared::default());
        let (ending, ended) = bounded(1);
        let thread =
            Thread { shared: Arc::clone(&shared), storage, waker: waker.clone(), slot: None, has_draft: false };
        let work = move || {
            thread.run();
            // A window that no longer waits needs no answer.
            let _told = ending.try_send(()).is_ok();
        };
        jobs::on_a_thread("drafts", waker, work).then_some(Self { shared, ended })
    }

    /// Keeps `file`, instead of what was kept before.
    pub(super) fn keep(&self, file: DraftFile) {
        self.give(Order::Keep(Box::new(file)));
    }

    /// Removes the draft.
    pub(super) fn discard(&self) {
        self.give(Order::Discard);
    }

    /// Keeps the draft without offering it at the next start.
    pub(super) fn set_aside(&self) {
        self.give(Order::SetAside);
    }

    /// Goes on with a draft that was found.
    pub(super) fn adopt(&self, slot: Slot) {
        self.give(Order::Adopt(slot));
    }

    fn give(&self, order: Order) {
        let mut desk = self.shared.desk();
        desk.given += 1;
        // What was not written yet and is replaced need not be written.
        if matches!(order, Order::Keep(_) | Order::Discard) && matches!(desk.orders.last(), Some(Order::Keep(_))) {
            desk.orders.pop();
            desk.done += 1;
        }
        desk.orders.push(order);
        self.shared.changed.notify_all();
    }

    /// Whether everything that was ordered is on the disk.
    pub(super) fn is_idle(&self) -> bool {
        let desk = self.shared.desk();
        desk.done == desk.given
    }

    /// Whether what was to be kept is on the disk, and not only tried.
    pub(super) fn is_written(&self) -> bool {
        self.shared.desk().written
    }

    /// What went wrong since the last call.
    pub(super) fn trouble(&self) -> Option<String> {
        self.shared.desk().trouble.take()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.shared.desk().closed = true;
        self.shared.changed.notify_all();
        // The last edit is worth a moment; a window that closes must not hang on a broken disk.
        let _ended = self.ended.recv_timeout(PATIENCE).is_ok();
    }
}

struct Thread {
    shared: Arc<Shared>,
    storage: Storage,
    waker: Waker,
    slot: Option<Slot>,
    /// Whether the slot has a file.
    has_draft: bool,
}

impl Thread {
    fn run(mut self) {
        let mut unwritten: Option<Box<DraftFile>> = None;
        loop {
            let (orders, closed) = self.wait(unwritten.is_some());
            let count = orders.len() as u64;
            let retry = orders.is_empty();
            for order in orders {
                match order {
                    Order::Keep(file) => unwritten = Some(file),
                    other => {
                        // What stands before it in the queue is done before it.
                        self.write(&mut unwritten, false);
                        unwritten = None;
                        self.obey(other);
                    }
                }
            }
            self.write(&mut unwritten, retry);
            let mut desk = self.shared.desk();
            desk.done += count;
            desk.written = unwritten.is_none();
            drop(desk);
            if retry {
                self.waker.wake();
            }
            if closed {
                return self.leave();
            }
        }
    }

    /// Waits for orders, or for the time to try again.
    fn wait(&self, unwritten: bool) -> (Vec<Order>, bool) {
        let mut desk = self.shared.desk();
        while desk.orders.is_empty() && !desk.closed {
            if unwritten {
                let waited = self.shared.changed.wait_timeout(desk, INTERVAL).unwrap_or_else(PoisonError::into_inner);
                desk = waited.0;
                if waited.1.timed_out() {
                    break;
                }
            } else {
                desk = self.shared.changed.wait(desk).unwrap_or_else(PoisonError::into_inner);
            }
        }
        (std::mem::take(&mut desk.orders), desk.closed)
    }

    fn obey(&mut self, order: Order) {
        let has_draft = std::mem::take(&mut self.has_draft);
        let slot = self.slot.take();
        crash::note_draft(None);
        match (order, slot) {
            (Order::SetAside, Some(slot)) if has_draft => slot.set_aside(),
            (Order::Adopt(found), slot) => {
                if let Some(slot) = slot {
                    slot.discard();
                }
                crash::note_draft(Some(found.path()));
                self.slot = Some(found);
                self.has_draft = true;
            }
            (_, Some(slot)) => slot.discard(),
            (_, None) => {}
        }
    }

    /// Writes what is to be kept. On failure it stays to be tried again; that is told once.
    fn write(&mut self, unwritten: &mut Option<Box<DraftFile>>, retry: bool) {
        let Some(file) = unwritten.as_mut() else { return };
        file.kept_unix_seconds = clock::now_unix_seconds();
        let slot = match self.slot.take() {
            Some(slot) => Ok(slot),
            None => Slot::new(&self.storage.drafts()),
        };
        let written = slot.and_then(|slot| {
            let path = slot.path();
            self.slot = Some(slot);
            let text = draft::write(file);
            if text.len() > MAX_BYTES {
                let message = format!("a draft of {} MiB could not be opened again; at most 64 can", text.len() >> 20);
                return Err(FileError::whole(&path.display().to_string(), message));
            }
            self.storage.write(&path, text.as_bytes()).map(|()| path)
        });
        match written {
            Ok(path) => {
                self.has_draft = true;
                crash::note_draft(Some(path));
                *unwritten = None;
            }
            Err(error) if !retry => {
                self.shared.desk().trouble = Some(error.to_string());
                self.waker.wake();
            }
            Err(_told_before) => {}
        }
    }

    /// The end of the session: an empty slot is removed, a draft stays for the next start.
    fn leave(self) {
        if let Some(slot) = self.slot.filter(|_| !self.has_draft) {
            slot.discard();
        }
    }
}
