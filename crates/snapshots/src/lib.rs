//! What a workspace's files were at each step, and the way back: contents by their digest, what changed and by whom,
//! and the pure planning of an undo.
//!
//! **Invariants:** nothing here opens a file of a workspace; `sandbox/` looks and restores. A content that is handed
//! out is the one that was kept: its digest is checked. An undo is planned only from a state that our own record says
//! we left; everything else is somebody's work, named and left.

mod digest;
mod history;
mod manifest;
mod objects;
mod plan;
mod prune;
mod state;

pub use crate::digest::Digest;
pub use crate::history::{History, Link, Note, net};
pub use crate::manifest::{Manifest, Seen, SeenDir, Stamp};
pub use crate::objects::{Lost, Objects, Unkept, decode_changes};
pub use crate::plan::{Merge, Plan, Planned, plan};
pub use crate::prune::{Bounds, prune};
pub use crate::state::{Changed, FileState};
