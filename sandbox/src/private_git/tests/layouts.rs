//! Repositories of other shapes.
