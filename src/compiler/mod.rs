//! Graph and device to program.
