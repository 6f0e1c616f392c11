//! Reads any edit a model writes, places its hunks in a file's text and applies them. Pure text: it never touches a
//! disk, and it never guesses: a hunk lands in the one place it can mean, or the whole file is refused with the reason.
//!
//! ```
//! let edits = patch::parse("--- a/greet.txt\n+++ b/greet.txt\n@@\n hello\n-wrold\n+world\n").unwrap();
//! let applied = patch::apply(&edits[0], Some("hello\nwrold\n")).unwrap();
//! assert_eq!(applied.after.as_deref(), Some("hello\nworld\n"));
//! ```
//!
//! Start reading at `edit.rs` (what an edit is), then `place.rs` (the ladder), then `apply.rs`.

mod apply;
mod choose;
mod closest;
mod edit;
mod elision;
mod fold;
mod judge;
mod note;
mod parse;
mod place;
mod refusal;
mod show;
mod splice;
mod text;
mod update;

pub use apply::{Applied, Place, apply};
pub use edit::{Action, FileEdit, Format, Hunk, Line};
pub use parse::{ParseError, parse};
pub use refusal::{Candidate, Difference, Refusal, Unplaced, Why};
pub use show::{context_around, unified};
