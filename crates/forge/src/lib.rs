//! One project on GitHub, GitLab or Forgejo: reads its issues, pushes a branch, opens or refreshes its pull request. It
//! never opens a second one, never overwrites a commit that it did not push, and never lets the token out of its hands.
//!
//! Start reading at `forge.rs`; `push.rs` is the git side.
//!
//! The calls are our own, and few: ten paths of each REST API over the `reqwest` that the program has already. A client
//! library for each (octocrab, gitlab, forgejo-api) would bring three ways to retry, none of which looks whether a lost
//! POST happened, and megabytes of types for calls that we never make; the three forges would still not be alike.

mod answers;
mod failure;
mod forge;
mod http;
mod launch;
mod project;
mod push;
mod refusal;
mod rejected;
mod retry;
mod routes;
mod scratch;

pub use crate::answers::{Change, Comment, Issue};
pub use crate::failure::{Failure, FailureKind};
pub use crate::forge::{Forge, NewChange, Thread};
pub use crate::launch::launcher;
pub use crate::project::{Kind, Overrides, Project};
pub use crate::push::{How, Oid, Pushed, Remote, branches, fetch, push};
pub use crate::retry::Patience;
pub use crate::scratch::trusted_path;
