//! One reader against many damaged inputs: what each costs, what it leaves in memory, and which one broke it.
//!
//! Time is the processor time of the thread, so that a busy machine fails nobody. An input is a function of its number
//! alone: what broke a reader is written to a file and can be run again by that number.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::mutate::mutated;

/// Longest that reading one input may take, in processor time.
const READ_MAX: Duration = Duration::from_secs(1);
/// Longest that reading, compiling, executing and drawing one may take together. The window has a thread of its own for
/// all but reading, and a model may have a hundred thousand operators.
const USED_MAX: Duration = Duration::from_secs(5);
/// Most memory that the process may have held at once, in bytes.
const MEMORY_MAX: u64 = 1 << 30;
/// An input that takes this long by the wall clock will not come back: the process is ended with its number.
const HANG: Duration = Duration::from_mins(2);

/// How many inputs a reader gets: `WAFERSCOPE_MUTATIONS`, or a number that suits a test.
fn wanted(few: u64) -> u64 {
    std::env::var("WAFERSCOPE_MUTATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(few)
}

/// The first number, to run one input again: `WAFERSCOPE_MUTATION_FROM`.
fn first() -> u64 {
    std::env::var("WAFERSCOPE_MUTATION_FROM").ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// What one input came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Refused,
    Read,
    /// Read, and what follows from it was done as well.
    Used,
}

/// Every entry of the corpus called `name`.
pub(crate) fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/corpus").join(name);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} is empty", folder.display());
    paths.into_iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Gives `read` so many damaged entries of `corpus`, `few` of them in a test, and fails on a panic, a hang, or too much
/// memory. `read` gets the input's number as well, by which it may choose what to do with it.
pub(crate) fn trial(name: &str, corpus: &[Vec<u8>], few: u64, read: impl Fn(&[u8], u64) -> Fate) {
    for (index, entry) in corpus.iter().enumerate() {
        let fate = read(entry, 0);
        assert_ne!(fate, Fate::Refused, "{name}: entry {index} of the corpus itself is refused");
    }
    run(name, few, |index| mutated(corpus, name, index), |input, index| read(input, index));
}

/// The same for inputs of any kind that `make` makes.
pub(crate) fn run<T>(name: &str, few: u64, make: impl Fn(u64) -> T, read: impl Fn(&T, u64) -> Fate)
where
    T: AsRef<[u8]>,
{
    let (from, count) = (first(), wanted(few));
    let watch = Watch::start(name);
    let begun = cpu_time();
    let (mut fates, mut slowest) = ([0_u64; 3], [(Duration::ZERO, from); 2]);
    for index in from..from + count {
        watch.at(index);
        let input = make(index);
        let before = cpu_time();
        let outcome = catch_unwind(AssertUnwindSafe(|| read(&input, index)));
        let spent = cpu_time().saturating_sub(before);
        let Ok(fate) = outcome else {
            panic!("{name}: input {index} broke it: {}", keep(name, index, input.as_ref()).display());
        };
        fates[fate as usize] += 1;
        let slowest = &mut slowest[usize::from(fate == Fate::Used)];
        if spent > slowest.0 {
            *slowest = (spent, index);
        }
        if spent > if fate == Fate::Used { USED_MAX } else { READ_MAX } {
            let kept = keep(name, index, input.as_ref());
            panic!("{name}: input {index} took {spent:?} of processor time: {}", kept.display());
        }
    }
    let seconds = cpu_time().saturating_sub(begun).as_secs_f64();
    let peak = peak_bytes();
    let [refused, read, used] = fates;
    println!(
        "{name}: {count} inputs, {refused} refused, {} read, {used} used, {seconds:.1} s, slowest read {:.1} ms (input \
         {}), slowest used {:.1} ms (input {}), peak memory {} MiB",
        read + used,
        slowest[0].0.as_secs_f64() * 1e3,
        slowest[0].1,
        slowest[1].0.as_secs_f64() * 1e3,
        slowest[1].1,
        peak >> 20,
    );
    assert!(peak < MEMORY_MAX, "{name}: {peak} bytes of memory at the peak");
}

/// Writes an input where it can be looked at.
fn keep(name: &str, index: u64, input: &[u8]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("mutation-{name}-{index}"));
    std::fs::write(&path, input).unwrap();
    path
}

/// Ends the process with the number of an input that never comes back.
struct Watch(Arc<AtomicU64>);

/// No input: the trial is over.
const OVER: u64 = u64::MAX;

impl Watch {
    fn start(name: &str) -> Self {
        let at = Arc::new(AtomicU64::new(0));
        let (seen, name) = (Arc::clone(&at), name.to_owned());
        let watch = move || {
            let mut last = (OVER, Duration::ZERO);
            let pause = Duration::from_millis(500);
            loop {
                std::thread::sleep(pause);
                let index = seen.load(Ordering::Relaxed);
                if index == OVER {
                    return;
                }
                last = if index == last.0 { (index, last.1 + pause) } else { (index, Duration::ZERO) };
                if last.1 > HANG {
                    println!("{name}: input {index} hangs");
                    std::process::abort();
                }
            }
        };
        drop(std::thread::Builder::new().name("watch".to_owned()).spawn(watch).unwrap());
        Self(at)
    }

    fn at(&self, index: u64) {
        self.0.store(index, Ordering::Relaxed);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.at(OVER);
    }
}

/// Processor time of this thread.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The most memory that this process has held, in bytes; 0 where the system does not say.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) << 10
}
