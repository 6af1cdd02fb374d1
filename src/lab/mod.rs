//! Questions that are asked of wafers as a whole, and of this program itself.

pub mod accuracy;
pub mod bench;
pub mod estimate;
pub mod fit;
pub mod predict;
