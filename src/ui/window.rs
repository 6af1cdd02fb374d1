//! Opens the native window.

use crate::session::Opening;
use crate::ui::app::App;
use crate::ui::soak::{self, Soak};

/// Size of the window at first, in points.
const SIZE: [f32; 2] = [1440.0, 900.0];
/// The smallest size that the system may give it.
const SIZE_MIN: [f32; 2] = [480.0, 320.0];

/// Why there is no window.
#[derive(Debug, thiserror::Error)]
#[error(
    "no window can be opened here ({reason}); OpenGL 2.1 or newer is needed, on Debian and Ubuntu for example the \
     package libgl1-mesa-dri"
)]
pub struct NoWindow {
    reason: String,
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
    let create: eframe::AppCreator<'_> = Box::new(|creation| {
        let app = App::new(&creation.egui_ctx, opening);
        Ok(match soak::wanted() {
            Some(length) => Box::new(Soak::new(app, length)),
            None => Box::new(app),
        })
    });
    eframe::run_native("waferscope", options, create).map_err(|error| NoWindow { reason: error.to_string() })
}
