//! What of a command's work becomes the user's: pure, from three states of the
//! same repository. `base` is what both sides had last, `private` what
//! commands made of it, `real` what the user made of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::private_git::refs::{self, Target};
use crate::private_git::snapshot::Snapshot;

/// More at once is no work that a person asked for.
const MOST_CHANGES: usize = 1_000;
const KEPT: &str = "refs/heads/agent/kept/";

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) refs: Vec<Move>,
    pub(crate) heads: Vec<HeadMove>,
    pub(crate) stash: StashMove,
    /// Worktrees whose user moved on while the command did: their index is left.
    pub(crate) contested: BTreeSet<PathBuf>,
    pub(crate) left: Vec<Left>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) name: String,
    pub(crate) old: Option<String>,
    pub(crate) new: Option<String>,
    /// The name that the command used, where the user's ref of that name moved too.
    pub(crate) kept_from: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HeadMove {
    pub(crate) view: PathBuf,
    pub(crate) old: Target,
    pub(crate) new: Target,
}

/// The list is one value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum StashMove {
    #[default]
    None,
    /// So many of the newest are taken off, then these are put on, the newest last.
    Replay { dropped: usize, stored: Vec<(String, String)> },
}

/// What stays on the commands' side.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Left {
    pub(crate) name: String,
    pub(crate) why: Why,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Why {
    /// git itself believes such refs.
    Kind,
    Namesake,
    CheckedOutElsewhere,
    /// It was the user's.
    Deleted,
    /// The user's moved, too, and there is no place beside it.
    Moved,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooMuch(pub(crate) usize);

impl Plan {
    /// Everything that must be in the user's object store before it is referred to.
    pub(crate) fn tips(&self) -> BTreeSet<String> {
        let refs = self.refs.iter().filter_map(|change| change.new.clone());
        let heads = self.heads.iter().filter_map(|head| match &head.new {
            Target::Id(id) => Some(id.clone()),
            Target::Name(_) => None,
        });
        let stored = match &self.stash {
            StashMove::None => &[][..],
            StashMove::Replay { stored, .. } => stored,
        };
        refs.chain(heads).chain(stored.iter().map(|(id, _)| id.clone())).collect()
    }
}

/// `made`: refs that commands made. `elsewhere`: branches of worktrees out of reach.
pub(crate) fn plan(
    base: &Snapshot,
    private: &Snapshot,
    real: &Snapshot,
    made: &BTreeSet<String>,
    elsewhere: &BTreeSet<String>,
) -> Result<Plan, TooMuch> {
    let mut plan = Plan::default();
    let names: BTreeSet<&String> = base.refs.keys().chain(private.refs.keys()).collect();
    let changed: Vec<&String> =
        names.into_iter().filter(|name| base.refs.get(*name) != private.refs.get(*name)).collect();
    if MOST_CHANGES < changed.len() {
        return Err(TooMuch(changed.len()));
    }
    // Which branch a worktree has on both sides: its index comes along.
    let common: BTreeSet<&str> =
        real.heads.iter().filter_map(|(view, head)| same_branch(head, private.heads.get(view))).collect();
    let switched = |(view, head): &(&PathBuf, &Target)| base.heads.get(*view) != Some(*head);
    let users: BTreeSet<&str> = real.heads.iter().filter(switched).filter_map(|(_, head)| branch(head)).collect();
    for name in changed {
        let mut leave = |why| plan.left.push(Left { name: name.clone(), why });
        let symbolic = |side: &Snapshot| matches!(side.refs.get(name), Some(Target::Name(_)));
        if !refs::is_importable(name) || [base, private, real].into_iter().any(symbolic) {
            leave(Why::Kind);
            continue;
        }
        let [was, now, is] = [base, private, real].map(|side| side.id(name));
        let hides = |other: String| real.refs.contains_key(&other) || private.refs.contains_key(&other);
        let under_the_user = users.contains(name.as_str()) && !common.contains(name.as_str());
        if now == is {
        } else if was.is_none() && refs::namesake(name).is_some_and(hides) {
            leave(Why::Namesake);
        } else if elsewhere.contains(name) {
            leave(Why::CheckedOutElsewhere);
        } else if now.is_none() && (!made.contains(name) || is != was) {
            leave(Why::Deleted);
        } else if is == was && !under_the_user {
            plan.refs.push(Move {
                name: name.clone(),
                old: is.map(str::to_owned),
                new: now.map(str::to_owned),
                kept_from: None,
            });
        } else if let Some(id) = now.filter(|_| name.starts_with("refs/heads/")) {
            plan.refs.extend(keep(name, id, real));
        } else {
            leave(Why::Moved);
        }
    }
    for (view, new) in &private.heads {
        move_head(view, new, base, private, real, elsewhere, &mut plan);
    }
    keep_what_is_under_the_user(private, real, &mut plan);
    contest(base, private, real, &mut plan);
    plan.stash = stash(base, private, real);
    Ok(plan)
}

fn branch(head: &Target) -> Option<&str> {
    match head {
        Target::Name(name) => Some(name),
        Target::Id(_) => None,
    }
}

fn same_branch<'t>(head: &'t Target, other: Option<&Target>) -> Option<&'t str> {
    if Some(head) == other { branch(head) } else { None }
}

/// Beside the user's branch. `None`: it is there already.
fn keep(name: &str, id: &str, real: &Snapshot) -> Option<Move> {
    let short = name.strip_prefix("refs/heads/").unwrap_or(name);
    let kept = free(&format!("{KEPT}{short}"), id, real);
    let is_new = real.id(&kept) != Some(id);
    is_new.then(|| Move { name: kept, old: None, new: Some(id.to_owned()), kept_from: Some(name.to_owned()) })
}

/// The command has left a branch that the user's worktree stays on: it is not moved without the files.
fn keep_what_is_under_the_user(private: &Snapshot, real: &Snapshot, plan: &mut Plan) {
    for (view, head) in &real.heads {
        let moves = plan.heads.iter().any(|head| head.view == *view);
        let Some(branch) = branch(head).filter(|_| !moves && private.heads.get(view) != Some(head)) else { continue };
        let Some(at) = plan.refs.iter().position(|change| change.name == branch) else { continue };
        let change = plan.refs.remove(at);
        match change.new {
            Some(id) => plan.refs.extend(keep(branch, &id, real)),
            None => plan.left.push(Left { name: change.name, why: Why::Moved }),
        }
    }
}

/// A name that nothing of the user's has.
fn free(wanted: &str, id: &str, real: &Snapshot) -> String {
    let numbered = (2..1_000).map(|number| format!("{wanted}-{number}"));
    let mut all = std::iter::once(wanted.to_owned()).chain(numbered);
    let is_free = |name: &String| !real.refs.contains_key(name) || real.id(name) == Some(id);
    all.find(is_free).unwrap_or_else(|| format!("{wanted}-{id}"))
}

fn move_head(
    view: &Path,
    new: &Target,
    base: &Snapshot,
    private: &Snapshot,
    real: &Snapshot,
    elsewhere: &BTreeSet<String>,
    plan: &mut Plan,
) {
    let (was, is) = (base.heads.get(view), real.heads.get(view));
    let (Some(was), Some(is)) = (was, is) else { return };
    if new == was || new == is {
        return;
    }
    let fits = match new {
        Target::Id(_) => true,
        Target::Name(branch) => {
            let taken = plan.refs.iter().any(|change| change.name == *branch && change.new.is_some());
            let there = real.id(branch).is_some() && real.id(branch) == private.id(branch);
            let unborn = !real.refs.contains_key(branch) && !private.refs.contains_key(branch);
            let free = !elsewhere.contains(branch)
                && !real.heads.iter().any(|(other, head)| other != view && Some(head) == Some(new));
            branch.starts_with("refs/heads/") && refs::is_importable(branch) && free && (taken || there || unborn)
        }
    };
    if is == was && fits {
        plan.heads.push(HeadMove { view: view.to_owned(), old: is.clone(), new: new.clone() });
    } else if let Target::Id(id) = new
        && !private.refs.values().any(|other| other == new)
    {
        // Of a detached HEAD nothing else would be left.
        plan.refs.extend(keep("HEAD", id, real));
    }
}

/// Where the command moved to a commit that the user's worktree is not at afterwards.
fn contest(base: &Snapshot, private: &Snapshot, real: &Snapshot, plan: &mut Plan) {
    for view in private.heads.keys() {
        if private.commit(view) == base.commit(view) && private.heads.get(view) == base.heads.get(view) {
            continue;
        }
        let head =
            plan.heads.iter().find(|head| head.view == *view).map(|head| &head.new).or_else(|| real.heads.get(view));
        let after = head.and_then(|head| match head {
            Target::Id(id) => Some(id.as_str()),
            Target::Name(name) => match plan.refs.iter().find(|change| change.name == *name) {
                Some(change) => change.new.as_deref(),
                None => real.id(name),
            },
        });
        if after != private.commit(view) {
            plan.contested.insert(view.clone());
        }
    }
}

fn stash(base: &Snapshot, private: &Snapshot, real: &Snapshot) -> StashMove {
    let ids = |side: &Snapshot| side.stash.iter().map(|one| one.id.clone()).collect::<Vec<String>>();
    let [was, now, is] = [base, private, real].map(ids);
    if was == now || now == is || is != was || MOST_CHANGES < now.len() {
        return StashMove::None;
    }
    let kept = was.iter().rev().zip(now.iter().rev()).take_while(|(one, other)| one == other).count();
    let new = private.stash.iter().take(now.len() - kept).rev();
    let stored = new.map(|one| (one.id.clone(), one.message.clone())).collect();
    StashMove::Replay { dropped: was.len() - kept, stored }
}

/// What both sides have after it: where they still differ, what they had last.
pub(crate) fn settle(base: &Snapshot, private: &Snapshot, real: &Snapshot) -> Snapshot {
    let agree = |was: &BTreeMap<String, Target>| {
        let names: BTreeSet<&String> = was.keys().chain(private.refs.keys()).chain(real.refs.keys()).collect();
        let value = |name: &String| match (private.refs.get(name), real.refs.get(name)) {
            (one, other) if one == other => one.cloned(),
            _ => was.get(name).cloned(),
        };
        names.into_iter().filter_map(|name| Some((name.clone(), value(name)?))).collect()
    };
    let head = |(view, was): (&PathBuf, &Target)| match (private.heads.get(view), real.heads.get(view)) {
        (Some(one), Some(other)) if one == other => (view.clone(), one.clone()),
        _ => (view.clone(), was.clone()),
    };
    let same_stash = private.stash.iter().map(|one| &one.id).eq(real.stash.iter().map(|one| &one.id));
    Snapshot {
        refs: agree(&base.refs),
        heads: base.heads.iter().map(head).collect(),
        stash: if same_stash { real.stash.clone() } else { base.stash.clone() },
    }
}

#[cfg(test)]
mod tests;
