//! Repositories that commands make or replace: the user's git runs programs that a repository names, so none that a
//! command left is in the workspace when nobody but the user uses it.
//!
//! Before a command everything that git would take for a repository is known. After it what is new is moved into the
//! program's own folder, and what was replaced is put back. The next command finds its own repositories in place, except
//! where the user's index has a gitlink: there the user's git would look by itself, from the top.

pub(crate) mod carry;
mod gitlinks;
mod journal;
mod judge;
pub(crate) mod look;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, symlink};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use self::carry::Carried;
use self::journal::Journal;
pub use self::journal::{Recovered, recover};
use self::look::{Found, Look, Seen, What};
use crate::beneath::{Root, open_dir};
use crate::fence::policy::any_path;
use crate::git_dirs;
use crate::roots::Roots;

/// Sentences for the human. A command may try everything.
const MOST_RESTORED: usize = 20;

/// A repository that commands made, out of the way of the user's git.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planted {
    /// What was moved, as commands see it: a `.git`, or the part that made a directory a repository. Absolute.
    #[serde(with = "any_path")]
    pub place: PathBuf,
    /// Where it is now.
    #[serde(with = "any_path")]
    pub kept: PathBuf,
    /// The user's index names the directory as another repository, so it is not even there for commands.
    at_gitlink: bool,
}

/// Whether commands may be running that nobody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Others {
    None,
    Running,
}

#[derive(Debug, Default)]
pub(crate) struct Repositories {
    journal: Option<Journal>,
    trees: Vec<Tree>,
    /// What is not in the workspace.
    aside: Vec<Planted>,
    /// Whether a command ran or runs since the last time that everything was as it may be.
    exposed: bool,
    /// Of what the model was told.
    said: BTreeSet<PathBuf>,
    closed: BTreeSet<PathBuf>,
    /// For the human, each once.
    restored: BTreeSet<String>,
    /// What was found before a command, for the notes of its result.
    unsaid: Vec<String>,
}

/// What a look after a command led to.
#[derive(Debug, Default)]
struct Done {
    planted: Vec<Planted>,
    sentences: Vec<String>,
}

/// One root that commands write to.
#[derive(Debug, Default)]
struct Tree {
    look: Look,
    known: Found,
}

impl Repositories {
    /// `folder`: the program's own for this session. `None`: what is moved aside stays beside its place, under a name that
    /// means nothing to git.
    pub(crate) fn new(folder: Option<PathBuf>) -> Repositories {
        Repositories { journal: folder.map(Journal::new), ..Repositories::default() }
    }

    /// Before a command. Returns the directories of git, and files that stand for one, that the user has: those that
    /// commands must not change.
    pub(crate) fn before(&mut self, roots: &Roots) -> Vec<PathBuf> {
        if self.exposed {
            // Something has been running since, so what is new may be its work.
            let notes = self.check(roots, Others::Running);
            self.unsaid.extend(notes);
        } else {
            self.adopt(roots);
        }
        let mut users = Vec::new();
        for (tree, root) in self.trees.iter().zip(roots.writable()) {
            users.extend(tree.known.iter().filter_map(|(path, what)| match what {
                What::Bare(_, pieces) if !pieces.is_repository() => None,
                // A link is compared afterwards: nothing can cover it.
                What::Link(_) | What::Other(_) => None,
                What::Dir(_) | What::File { .. } | What::Bare(..) => Some(root.real().join(path)),
            }));
        }
        self.exposed = true;
        users
    }

    /// Last before it starts: from here on a killed run leaves work for the next.
    pub(crate) fn begin(&mut self, roots: &Roots, guarded: &[PathBuf]) -> io::Result<()> {
        if let Some(journal) = &mut self.journal {
            let known = self.trees.iter().zip(roots.writable()).map(|(tree, root)| (root.real(), &tree.known));
            journal.begin(roots.workspace.real(), known, guarded, &self.aside)?;
        }
        self.lend(roots);
        Ok(())
    }

    /// Everything that is there is the user's: no command could have made it.
    fn adopt(&mut self, roots: &Roots) {
        self.trees.resize_with(roots.writable().count(), Tree::default);
        for (tree, root) in self.trees.iter_mut().zip(roots.writable()) {
            tree.known = tree.look.look(root, roots.own()).found;
            // What could not leave the workspace is still not the user's.
            tree.known.retain(|path, _| !is_kept(&self.aside, root, path));
        }
    }

    /// For the next command: what commands made is where they made it.
    fn lend(&mut self, roots: &Roots) {
        let mut stay = Vec::new();
        for planted in std::mem::take(&mut self.aside) {
            let root = roots.writable().find(|root| planted.place.starts_with(root.real()));
            let place = root.and_then(|root| Some((root, planted.place.strip_prefix(root.real()).ok()?)));
            let is_lent =
                place.is_some_and(|(root, path)| !planted.at_gitlink && bring(root, &planted.kept, path).is_ok());
            if !is_lent {
                stay.push(planted);
            }
        }
        self.aside = stay;
    }

    /// After a command, or at some moment while commands run. Moves aside, puts back, and says so for the model.
    pub(crate) fn check(&mut self, roots: &Roots, others: Others) -> Vec<String> {
        if !self.exposed {
            return Vec::new();
        }
        let Done { planted, sentences: new } = self.repair(roots);
        self.restored(&new);
        let mut sentences = std::mem::take(&mut self.unsaid);
        sentences.extend(new);
        let new = planted.into_iter().filter(|planted| self.said.insert(planted.place.clone()));
        sentences.extend(new.map(|planted| note(&roots.shown_in_its_root(&planted.place), planted.at_gitlink)));
        self.exposed = others == Others::Running;
        if let Some(journal) = &mut self.journal
            && let Err(error) = journal.checked(&self.aside, others)
        {
            sentences.push(format!("Cannot save the list of repositories that were moved: {error}."));
        }
        sentences
    }

    /// Makes everything what it may be.
    fn repair(&mut self, roots: &Roots) -> Done {
        let mut done = Done::default();
        // Most commands plant nothing, and an index may be large.
        let mut at_gitlinks = None;
        for (number, root) in roots.writable().enumerate() {
            let Some(tree) = self.trees.get_mut(number) else { continue };
            let Seen { mut found, closed } = tree.look.look(root, roots.own());
            found.retain(|path, _| !is_kept(&self.aside, root, path));
            let verdict = judge::judge(&tree.known, &found);
            tree.known = verdict.known;
            let shown = |path: &Path| roots.shown(root, path).display().to_string();
            for path in closed.into_iter().filter(|path| self.closed.insert(root.real().join(path))) {
                done.sentences.push(format!("Cannot search `{}` for git repositories.", shown(&path)));
            }
            for path in verdict.planted {
                let gitlinks = at_gitlinks.get_or_insert_with(|| gitlinks(roots));
                match move_aside(self.journal.as_mut(), root, &path, gitlinks) {
                    Ok(planted) => {
                        self.aside.push(planted.clone());
                        done.planted.push(planted);
                    }
                    Err(error) => {
                        let path = shown(&path);
                        done.sentences.push(format!(
                            "`{path}` makes a git repository, and moving it out of the workspace failed: {error}."
                        ));
                    }
                }
            }
            for (from, to) in verdict.back {
                let path = shown(&to);
                done.sentences.push(match bring(root, &root.real().join(&from), &to) {
                    Ok(()) => format!("Commands may not replace `{path}`: it was restored."),
                    Err(error) => format!("A command moved `{path}` away, and it could not be restored: {error}."),
                });
            }
            for (path, what) in verdict.restore {
                let written = write(root, &path, &what);
                let path = shown(&path);
                done.sentences.push(match written {
                    Ok(()) => format!("Commands may not change `{path}`: it was restored."),
                    Err(error) => format!("A command changed `{path}`, which could not be restored: {error}."),
                });
            }
        }
        done
    }

    /// What the process that watched a command restored of git's own files.
    pub(crate) fn restored(&mut self, sentences: &[String]) {
        let room = MOST_RESTORED.saturating_sub(self.restored.len());
        self.restored.extend(sentences.iter().take(room).cloned());
    }

    pub(crate) fn all_restored(&self) -> Vec<String> {
        self.restored.iter().cloned().collect()
    }

    /// In its place, when it is dead.
    pub(crate) fn restore_guarded(&mut self) -> Vec<String> {
        let sentences = self.journal.as_ref().map(Journal::restore_guarded).unwrap_or_default();
        self.restored(&sentences);
        sentences
    }

    /// What commands made and is not in the workspace now.
    pub(crate) fn planted(&self) -> &[Planted] {
        &self.aside
    }

    pub(crate) fn discard(&mut self) {
        for planted in std::mem::take(&mut self.aside) {
            let is_dir = planted.kept.symlink_metadata().is_ok_and(|meta| meta.is_dir());
            // Litter, where it cannot be removed.
            let _ = if is_dir { std::fs::remove_dir_all(&planted.kept) } else { std::fs::remove_file(&planted.kept) };
        }
        self.end();
    }

    /// Nothing runs any more, and all was said.
    pub(crate) fn end(&mut self) {
        if let (Some(journal), false) = (&mut self.journal, self.exposed) {
            journal.end();
        }
    }
}

fn move_aside(journal: Option<&mut Journal>, root: &Root, path: &Path, gitlinks: &[PathBuf]) -> io::Result<Planted> {
    let place = root.real().join(path);
    let (dir, name) = parent(root, path)?;
    let kept = match journal {
        None => place.with_file_name(carry::rename_beside(&dir, name)?),
        Some(journal) => {
            let (folder, free) = journal.free_place()?;
            match carry::carry(&dir, name, &open_dir(folder)?, OsStr::new(&free))? {
                Carried::There => folder.join(free),
                Carried::Left(name) => place.with_file_name(name),
            }
        }
    };
    let at_gitlink = gitlinks.iter().any(|gitlink| place.parent() == Some(gitlink));
    Ok(Planted { place, kept, at_gitlink })
}

/// Whether a path is that of something that was moved aside, and no further than beside its place.
fn is_kept(aside: &[Planted], root: &Root, path: &Path) -> bool {
    aside.iter().any(|planted| planted.kept == root.real().join(path))
}

fn note(shown: &Path, at_gitlink: bool) -> String {
    let made = format!("`{}` makes a git repository, so it was moved out of the workspace", shown.display());
    if at_gitlink {
        format!("{made}: git expects a submodule there. The user can put it back after the run.")
    } else {
        format!(
            "{made}. It is there again for your next commands, and the user decides after the run whether to keep it."
        )
    }
}

/// Of the repository that the workspace is or is in.
fn gitlinks(roots: &Roots) -> Vec<PathBuf> {
    let Some((top, git)) = git_dirs::own(roots.workspace.real()) else { return Vec::new() };
    gitlinks::of(&git).into_iter().map(|path| top.join(path)).collect()
}

fn parent<'p>(root: &Root, path: &'p Path) -> io::Result<(OwnedFd, &'p OsStr)> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    Ok((root.open_walked_dir(path.parent().unwrap_or(Path::new("")))?, name))
}

/// To its place, if nothing else is there.
fn bring(root: &Root, kept: &Path, path: &Path) -> io::Result<()> {
    let from = open_dir(kept.parent().ok_or(io::ErrorKind::InvalidInput)?)?;
    let name = kept.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let (to, new_name) = parent(root, path)?;
    match carry::carry(&from, name, &to, new_name)? {
        Carried::There => Ok(()),
        Carried::Left(left) => {
            // So that it is found where it is expected.
            rustix::fs::renameat(&from, &left, &from, name)?;
            Err(io::Error::other("it could not be copied"))
        }
    }
}

/// A `.git` file or link, as it was. Nothing is there: what was has been moved aside.
fn write(root: &Root, path: &Path, what: &What) -> io::Result<()> {
    let (dir, name) = parent(root, path)?;
    let place = Path::new(&format!("/proc/self/fd/{}", dir.as_raw_fd())).join(name);
    match what {
        What::File { bytes, mode } => {
            let mut file = std::fs::File::options().write(true).create_new(true).mode(*mode).open(place)?;
            io::Write::write_all(&mut file, bytes)
        }
        What::Link(target) => symlink(target, place),
        What::Dir(_) | What::Other(_) | What::Bare(..) => Ok(()),
    }
}

fn make_folder(folder: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(test)]
mod tests;
