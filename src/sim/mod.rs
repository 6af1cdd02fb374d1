//! Time passes here.
