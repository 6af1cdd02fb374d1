//! What is saved and loaded: the on-disk types of everything that is a file, kept apart from the types of the layers
//! below so that those can change without breaking anyone's files.

pub mod file;
