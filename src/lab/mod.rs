//! Questions that are asked of wafers as a whole, and of this program itself.

pub mod bench;
