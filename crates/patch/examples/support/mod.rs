//! The parts of the table: rows and the other appliers.

pub(crate) mod peers;
pub(crate) mod row;
