//! The agent itself: the loop, its vocabulary, and the one door to the machine.
//!
//! **Invariant:** nothing in this crate touches the network, the file system, a
//! process, the terminal or the clock. It reaches them through four traits:
//! [`ChatClient`] (the model), [`Sandbox`] (the machine), [`Frontend`] (the
//! human) and [`Journal`] (the session file).

// In suggested reading order.
mod agent_loop;
mod arguments;
mod ask_model;
mod beginning;
mod block;
mod breaker;
mod cancel;
mod chat;
mod clip;
mod compact;
mod counted;
mod draft;
mod edited;
mod effect;
mod fresh_start;
mod frontend;
mod guidance;
mod journal;
mod limits;
mod nudge;
mod outline;
mod policy;
mod prompt;
mod repair;
mod schema;
mod seen_files;
mod spelling;
mod survey;
mod test_files;
mod tool;
mod transcript;
mod unproductive;
mod workspace;

pub use crate::agent_loop::{Agent, AgentError, Finish, run_task};
pub use crate::arguments::Arguments;
pub use crate::ask_model::ask_aside;
pub use crate::cancel::{Cancel, Stop};
pub use crate::chat::{
    ChatClient, ChatError, ChatErrorKind, ChatEvent, ChatRequest, ChatStream, FinishReason, RawCall, Reply, Thoughts,
    Usage,
};
pub use crate::clip::Clipped;
pub use crate::compact::{Condensed, compact};
pub use crate::counted::{counted, plural};
pub use crate::effect::{
    Background, Change, Effect, Ended, FileMode, Found, FoundFile, FoundLine, HIDDEN_MARK, LineKind, Listed, Listing,
    Observation, Permit, Programs, Ran, RepoMap, Sandbox, SandboxError,
};
pub use crate::frontend::{AgentEvent, Answer, Frontend, Question};
pub use crate::journal::{Journal, JournalError};
pub use crate::limits::{Limit, Limits, Price, Spent, estimate_tokens};
pub use crate::nudge::Supervision;
pub use crate::policy::{ApprovalPolicy, Mode, ModeSwitch, Offer, Rule, Rules, Verdict, commands_of};
pub use crate::prompt::{Facts, opening};
pub use crate::seen_files::{LineRange, SeenFile, SeenFiles};
pub use crate::survey::{Above, GitLook, Guidance, Survey, survey};
pub use crate::tool::{AnyTool, Tool, ToolCall, ToolError, ToolOutcome, ToolSpec};
pub use crate::transcript::{Entry, Transcript, Turn};
pub use crate::workspace::{Workspace, list_by_hand, run_by_hand};
