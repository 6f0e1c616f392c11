//! Where a conversation happens: the workspace behind its fence, and the mode. Ready before any model is.

use std::rc::Rc;

use agent::ApprovalPolicy;
use sandbox::Host;

use crate::config::Switch;
use crate::conversation::Plan;
use crate::planted;
use crate::setup::{check_writable, choose_mode, open_host};

/// Where a conversation happens: behind which fence, and how freely.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) id: String,
    pub(crate) host: Rc<Host>,
    pub(crate) fenced: bool,
    /// Whether nobody needs to be asked: the fence holds, or somebody said in so many words that there is none.
    pub(crate) may_be_auto: bool,
    /// Its mode switch is shared with whoever changes the mode.
    pub(crate) policy: ApprovalPolicy,
    /// What the human should know of it.
    pub(crate) notices: Vec<String>,
}

impl Place {
    pub(crate) async fn prepare(plan: &Plan, id: &str) -> anyhow::Result<Place> {
        let notices = planted::recover(&plan.root)?;
        let host = open_host(&plan.root, &plan.config, Some(id))?;
        let fenced = host.fence().await.holds();
        let mode = choose_mode(&plan.config, fenced, plan.output)?;
        check_writable(&plan.root, mode)?;
        let may_be_auto = fenced || plan.config.sandbox() == Switch::Off;
        let policy = ApprovalPolicy::with_rules(mode, plan.config.rules()?);
        Ok(Place { id: id.to_owned(), host: Rc::new(host), fenced, may_be_auto, policy, notices })
    }
}
