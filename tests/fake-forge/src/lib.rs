//! A forge that is not there: GitHub, GitLab or Forgejo over real HTTP on loopback, with issues, comments, changes and a
//! real git server. It refuses what they refuse, fails the request that a test chooses, and keeps every request.
//! It never leaves 127.0.0.1.
//!
//! ```no_run
//! use fake_forge::{Config, FakeForge, Fault, Kind};
//!
//! let forge = FakeForge::spawn(Config::new(Kind::GitHub)).unwrap();
//! let issue = forge.add_issue("ann", "It is broken", "Mend it.");
//! forge.fail(3, Fault::DoneButLost);
//! // ... `agent ci --issue {issue} --forge github --forge-url {forge.url()}` ...
//! assert_eq!(forge.changes().len(), 1);
//! # let _ = issue;
//! ```
//!
//! Start reading at [`FakeForge`] (what a test says and sees), then `answer.rs` (what is asked, alike for all), then
//! `github.rs`, `gitlab.rs`, `forgejo.rs` (how each says it), then `git.rs`. `check_calls` beside this crate holds every
//! request and answer against the forges' official descriptions.

mod answer;
mod fault;
mod forgejo;
mod git;
mod github;
mod gitlab;
mod journal;
mod server;
mod state;

pub use fault::Fault;
pub use git::{bare_repository, protect};
pub use journal::Recorded;
pub use server::FakeForge;
pub use state::{Change, Comment, Config, Issue, Kind, On, Right};
