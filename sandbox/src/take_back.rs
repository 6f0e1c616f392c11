//! An undo from its plan to what is written. The caller tells the session file in between.

use std::cell::RefCell;

use agent::SandboxError;
use snapshots::{Changed, FileState, Link, Merge, Objects, Plan, Planned, Unkept, plan};

use crate::files::{Content, Files};

/// What an undo would do.
#[derive(Debug)]
pub struct TakeBack {
    pub plan: Plan,
    /// Each path from what it is to what it will be; equal where it is left.
    pub changes: Vec<Changed>,
    set: Vec<(Changed, Option<Content>)>,
}

impl Files {
    /// Looks at the paths of `links` and thinks through how to take them back. What is there now is kept, for a redo.
    /// `begun`: what an undo that died half-way was about to do; what it did counts as part of this one.
    pub fn plan_back(
        &self,
        links: &[Link],
        merge: Merge,
        begun: &[Changed],
        objects: &mut Objects,
    ) -> Result<TakeBack, Unkept> {
        let shared = RefCell::new(&mut *objects);
        let plan = plan(
            links,
            merge,
            |path| self.state(path, &mut shared.borrow_mut()),
            |digest| {
                let mut objects = shared.borrow_mut();
                // What was just looked at may still be on its way.
                objects.flush().ok()?;
                objects.get(digest).ok()
            },
        );
        let mut back = TakeBack { plan: Plan::new(), changes: Vec::new(), set: Vec::new() };
        for planned in &plan {
            let change = match planned {
                Planned::Restore(change) => change.clone(),
                Planned::Merge { path, now, text, mode } => {
                    let (digest, bytes) = (objects.keep(text)?, text.len() as u64);
                    let after = Some(FileState::File { digest, bytes, mode: *mode });
                    Changed { path: path.clone(), before: Some(now.clone()), after }
                }
                Planned::Left { path, now, .. } => {
                    Changed { path: path.clone(), before: now.clone(), after: now.clone() }
                }
                Planned::Already(path) => {
                    let now = self.state(path, objects);
                    back.changes.extend(begun.iter().filter(|done| done.path == *path && done.after == now).cloned());
                    continue;
                }
            };
            if change.before != change.after {
                let content = match (&change.after, planned) {
                    (_, Planned::Merge { text, .. }) => Some(text.clone()),
                    (Some(FileState::File { digest, .. }), _) => objects.get(digest).ok(),
                    (_, _) => None,
                };
                back.set.push((change.clone(), content));
            }
            back.changes.push(change);
        }
        back.plan = plan;
        Ok(back)
    }

    /// Does it: all paths or none. Returns the directories that stay because something is in them.
    pub fn take_back(
        &self,
        back: &TakeBack,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Vec<std::path::PathBuf>, SandboxError> {
        self.restore(&back.set, progress)
    }
}

#[cfg(test)]
mod tests;
