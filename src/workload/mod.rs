//! What must be computed: operator graphs with shapes, parameters, operations and bytes, and the readers that make
//! them from model files. Knows nothing of wafers or time.

pub mod graph;
pub mod transformer;

pub mod import;

pub mod builtin;

pub use graph::{Convolution, Fusion, Graph, Op, OpId, OpKind, Product, Reach, Tokens, Unit};
pub use import::{Format, ImportError, Imported};
pub use transformer::TransformerShape;
