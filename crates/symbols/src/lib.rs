//! What source text defines and which names it uses, by tree-sitter: the symbols of a file, the one around a line, and a
//! map of a repository whose files are ranked by how much others use them. Pure: text in, text out.
//!
//! **Invariants:** no text makes it run longer than its caller allows, recurse, or keep more than the bounds below.

mod find;
mod index;
mod language;
mod map;
mod rank;
mod source;

pub use crate::find::{around, named};
pub use crate::index::{Index, Indexed, Mark};
pub use crate::language::Language;
pub use crate::map::{Focus, Map, map};
pub use crate::rank::{Ranks, rank};
pub use crate::source::{Kind, Name, Source, Symbol, read};
