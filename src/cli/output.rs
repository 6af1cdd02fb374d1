//! What goes to the terminal: results to standard output, sentences to standard error, and no panic when a reader of
//! either has gone away.

use std::io::{self, Write};

use serde_json::{Value, json};

/// Where results go, and in which form.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    json: bool,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Prints a result: the object if JSON was asked for, else the text.
    ///
    /// # Errors
    /// If standard output cannot be written, other than by a reader that has seen enough.
    pub(super) fn result(&self, object: &Value, text: impl FnOnce() -> String) -> anyhow::Result<()> {
        let words = if self.json { format!("{object:#}\n") } else { text() };
        let mut out = io::stdout().lock();
        match out.write_all(words.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(anyhow::anyhow!("standard output: {error}")),
            _ => Ok(()),
        }
    }

    /// A remark that belongs to no result, on standard error.
    #[expect(clippy::unused_self, reason = "remarks and results are asked for in the same way")]
    pub(super) fn remark(&self, sentence: &str) {
        // Nobody is left to tell if standard error is closed.
        let _told = writeln!(io::stderr().lock(), "{sentence}").is_ok();
    }

    /// Why a verb failed: the sentence on standard error, and as an object where JSON is read.
    pub(super) fn failure(&self, error: &anyhow::Error) {
        let sentence = format!("{error:#}");
        self.remark(&sentence);
        if self.json {
            // The exit code says it too.
            let _printed = self.result(&json!({ "error": sentence }), String::new).is_ok();
        }
    }
}
