//! Opens the native window.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::session::{Action, FileAction, NoticeKind, Opening, Storage, crash, storage};
use crate::ui::app::App;
use crate::ui::soak::{self, Soak};

/// Size of the window at first, in points.
const SIZE: [f32; 2] = [1440.0, 900.0];
/// The smallest size that the system may give it.
const SIZE_MIN: [f32; 2] = [480.0, 320.0];

/// Why there is no window, and what would help.
#[derive(Debug, thiserror::Error)]
#[error("no window can be opened here: {what} ({reason}); {help}")]
pub struct NoWindow {
    what: &'static str,
    help: &'static str,
    /// What the system said, in short.
    reason: String,
}

/// What the system says, what that means, and what would help. Drivers are the commonest cause and stand for the rest.
const REASONS: [(&str, &str, &str); 4] = [
    ("xkbcommon", "the keyboard's library is missing", "on Debian and Ubuntu it is the package libxkbcommon-x11-0"),
    (
        "xlib's shared libraries",
        "libraries of the X Window System are missing",
        "on Debian and Ubuntu they are the packages libx11-xcb1, libxcursor1, libxi6 and libxrandr2",
    ),
    ("connection", "the display does not answer", "DISPLAY or WAYLAND_DISPLAY names it"),
    (
        "",
        "no usable driver for OpenGL 2.1 or newer",
        "on Debian and Ubuntu the package libgl1-mesa-dri has one, with libgl1 and libegl1",
    ),
];

impl NoWindow {
    fn because(said: &str) -> Self {
        let found = REASONS.iter().find(|(sign, ..)| said.contains(sign));
        let (_, what, help) = *found.unwrap_or(&REASONS[REASONS.len() - 1]);
        // Libraries put paths of their own sources and whole structures around what they have to say.
        let last = said.rsplit("Error: ").next().and_then(|said| said.rsplit(": ").next()).unwrap_or(said);
        let reason = last.replace('\n', " ").trim_end_matches('.').to_owned();
        Self { what, help, reason }
    }
}

/// Opens the window and returns when it is closed.
///
/// # Errors
/// If the system gives no window or no OpenGL.
pub fn open(opening: Opening) -> Result<(), NoWindow> {
    let viewport = egui::ViewportBuilder::default()
        .with_title("Waferscope")
        .with_app_id("waferscope")
        .with_inner_size(SIZE)
        .with_min_inner_size(SIZE_MIN)
        .with_drag_and_drop(true);
    let options = eframe::NativeOptions { viewport, renderer: eframe::Renderer::Glow, ..Default::default() };
    // Libraries of the desktop that are missing are met with panics; until there is a window they become a sentence.
    let is_open = Arc::new(AtomicBool::new(false));
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_before_there_is_a_window| {}));
    let opened = Arc::clone(&is_open);
    let create: eframe::AppCreator<'_> = Box::new(move |creation| {
        opened.store(true, Ordering::Relaxed);
        std::panic::set_hook(hook);
        let mut app = App::new(&creation.egui_ctx, opening);
        keep(&mut app);
        Ok(match soak::wanted() {
            Some(length) => Box::new(Soak::new(app, length)),
            None => Box::new(app),
        })
    });
    let run = AssertUnwindSafe(|| eframe::run_native("waferscope", options, create));
    match catch_unwind(run) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => {
            if !is_open.load(Ordering::Relaxed) {
                drop(std::panic::take_hook());
            }
            Err(NoWindow::because(&error.to_string()))
        }
        Err(panic) if is_open.load(Ordering::Relaxed) => resume_unwind(panic),
        Err(panic) => {
            drop(std::panic::take_hook());
            let said = panic.downcast_ref::<&str>().map(|words| (*words).to_owned());
            let said = said.or_else(|| panic.downcast_ref::<String>().cloned());
            Err(NoWindow::because(&said.unwrap_or_else(|| "without a reason".to_owned())))
        }
    }
}

/// Keeps drafts and crash reports of the window from now on.
fn keep(app: &mut App) {
    if let Some(storage) = Storage::of_this_user() {
        crash::install_hook(storage.clone());
        app.session.keep_in(storage);
    } else {
        let words =
            format!("This system names no folder for the state of programs; {} may name one.", storage::VARIABLE);
        app.session.tell(NoticeKind::Warning, "No drafts are kept", &words);
    }
    if let Some(cycle) = fault_cycle() {
        app.session.engine_fault_cycle = Some(cycle);
        app.session.apply(Action::File(FileAction::Restart));
    }
}

/// The cycle at which the first engine is to break: `WAFERSCOPE_INJECT=engine-panic@1000`, to try out what then happens.
fn fault_cycle() -> Option<u64> {
    let wish = std::env::var("WAFERSCOPE_INJECT").ok()?;
    wish.strip_prefix("engine-panic@")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::NoWindow;

    #[test]
    fn what_the_system_says_becomes_a_sentence_that_names_a_package() {
        for (said, sentence) in [
            (
                "glutin error: [a7] GLXBadFBConfig",
                "no window can be opened here: no usable driver for OpenGL 2.1 or newer ([a7] GLXBadFBConfig); on Debian and \
                 Ubuntu the package libgl1-mesa-dri has one, with libgl1 and libegl1",
            ),
            (
                "Found no glutin configs matching the template: ConfigTemplate { api: None }. Error: not found",
                "no window can be opened here: no usable driver for OpenGL 2.1 or newer (not found); on Debian and Ubuntu the \
                 package libgl1-mesa-dri has one, with libgl1 and libegl1",
            ),
            (
                "Library libxkbcommon-x11.so could not be loaded.",
                "no window can be opened here: the keyboard's library is missing (Library libxkbcommon-x11.so could not be \
                 loaded); on Debian and Ubuntu it is the package libxkbcommon-x11-0",
            ),
            (
                "winit EventLoopError: os error at winit/linux/mod.rs:788: Failed to open connection to X server",
                "no window can be opened here: the display does not answer (Failed to open connection to X server); DISPLAY \
                 or WAYLAND_DISPLAY names it",
            ),
        ] {
            assert_eq!(NoWindow::because(said).to_string(), sentence);
        }
    }
}
