//! The git directories of commands are private: copies in the state folder,
//! mounted over the real ones. Inside, all of git works as outside. After a
//! command its *data* (commits, branches, tags, HEAD, what is staged, stashes,
//! unfinished merges) is brought to the user's side; what git obeys
//! (configuration, hooks, attributes, pointers to elsewhere) never is.
//!
//! Start at [`PrivateGit::after`]. `make.rs` has what a copy consists of,
//! `plan.rs` what is taken, `take.rs` how, `refresh.rs` the way back.

mod ask;
mod dir;
mod folder;
mod import;
mod index;
mod journal;
mod layout;
mod make;
mod named;
mod outside;
mod plan;
mod planted;
mod ready;
mod refresh;
mod refs;
mod repository;
mod snapshot;
mod states;
mod take;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::fence::policy::AnyPath;
pub(crate) use crate::private_git::ask::{Asker, LONGEST};
use crate::private_git::dir::{Dir, Marks};
use crate::private_git::folder::Folder;
#[cfg(test)]
pub(crate) use crate::private_git::journal::Base;
pub(crate) use crate::private_git::layout::outside;
use crate::private_git::outside::Git;
use crate::private_git::repository::Repository;

/// Directories that nobody may move while commands run.
const MOST_PINS: usize = 64;

/// What changed in git, for the user at the end of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GitAccount {
    /// In the user's repository: `main +2`, `new tag v9`, `HEAD now on topic`.
    pub moved: Vec<String>,
    /// In the sandbox alone: settings, hooks, remotes. Gone with the run.
    pub private: Vec<String>,
    /// What could not be taken, and where it is.
    pub notes: Vec<String>,
}

/// For the launcher: what is mounted where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GitMounts {
    pub(crate) repositories: Vec<GitMount>,
    /// Pinned by a mount of themselves.
    pub(crate) pinned: Vec<AnyPath>,
    /// Private directories over what must stay empty for the user: path, and what is mounted there.
    pub(crate) covered: Vec<(AnyPath, AnyPath)>,
    /// Object stores that repositories borrow from.
    pub(crate) borrowed: Vec<AnyPath>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GitMount {
    /// The user's git directory, in whose place commands have `private`.
    pub(crate) at: AnyPath,
    pub(crate) private: AnyPath,
    pub(crate) ask: AnyPath,
    /// In it commands see the real one as `real`, and our questions as `ask`.
    pub(crate) inside: AnyPath,
}

/// Whether commands' commits become the user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Importing {
    Data,
    Nothing,
}

#[derive(Debug)]
pub(crate) struct PrivateGit {
    git: Option<Git>,
    repositories: Vec<Repository>,
    mounts: GitMounts,
    /// Files of the workspace that the user's git obeys.
    guarded: Vec<PathBuf>,
    importing: Importing,
    /// Folders of the workspace that git obeys: where, and the copy that commands have, as it was made.
    copies: Vec<(PathBuf, Dir, Marks)>,
    /// What could not be taken.
    notes: Vec<String>,
    workspace: PathBuf,
    /// Removed at the end; after a kill the next run finds it.
    folder: Folder,
}

/// What there is to know before the first command.
pub(crate) struct Ground<'a> {
    pub(crate) workspace: &'a Path,
    /// Git directories, and files that stand for one, at every depth.
    pub(crate) found: &'a [PathBuf],
    /// Where commands may write.
    pub(crate) writable: Vec<PathBuf>,
    /// Where private directories are kept.
    pub(crate) state: PathBuf,
    pub(crate) importing: Importing,
}

impl PrivateGit {
    /// Before the first command. `None`: there is no repository.
    pub(crate) fn make(ground: &Ground<'_>) -> io::Result<Option<PrivateGit>> {
        let outside = layout::outside(ground.workspace);
        let places = layout::places(ground.found, outside.as_ref(), &ground.writable);
        let git = Git::find(&ground.writable);
        let named = match (&git, places.first()) {
            (Some(git), Some(_)) => named::named(git, &places, &ground.writable),
            _ => named::Named::default(),
        };
        if places.is_empty() {
            return Ok(None);
        }
        let folder = Folder::make(&ground.state, ground.workspace)?;
        let mut repositories = Vec::new();
        for (number, place) in places.iter().enumerate() {
            let inner = places.iter().filter_map(|other| other.dir.strip_prefix(&place.dir).ok());
            let inner: Vec<PathBuf> =
                inner.filter(|path| !path.as_os_str().is_empty()).map(Path::to_path_buf).collect();
            repositories.push(Repository::make(place.clone(), folder.path().join(number.to_string()), number, &inner)?);
        }
        let mut made = PrivateGit::of(git, repositories, ground.importing, ground.workspace, folder);
        made.mounts.pinned = pins(ground, &places).into_iter().map(AnyPath::from).collect();
        let folders = named.folders.into_iter().chain(made.empty_submodules());
        for (number, path) in folders.enumerate().collect::<Vec<(usize, PathBuf)>>() {
            let private = made.folder.path().join(format!("folder-{number}"));
            named::copy(&path, &private)?;
            let copy = Dir::open(&private)?;
            let marks = copy.marks(|_| true);
            made.copies.push((path.clone(), copy, marks));
            made.mounts.covered.push((path.into(), private.into()));
        }
        made.guarded = named.files;
        Ok(Some(made))
    }

    /// What killed runs in this workspace left, to be imported before anything else.
    pub(crate) fn adopt(ground: &Ground<'_>) -> Vec<PrivateGit> {
        let git = Git::find(&ground.writable);
        let adopt = |mut folder: Folder| {
            let paths = (0..).map(|number| folder.path().join(number.to_string())).take_while(|path| path.is_dir());
            let mut repositories = Vec::new();
            for (number, path) in paths.enumerate().collect::<Vec<(usize, PathBuf)>>() {
                match Repository::adopt(path.clone(), number) {
                    Ok(repository) => repositories.push(repository),
                    // The user's side is not there, perhaps for now: what was done for it is.
                    Err(_) if path.join("base.json").exists() => folder.keep(),
                    // Killed before it was whole, so no command ran in it.
                    Err(_) => {}
                }
            }
            PrivateGit::of(git.clone(), repositories, ground.importing, ground.workspace, folder)
        };
        Folder::abandoned(&ground.state, ground.workspace).into_iter().map(adopt).collect()
    }

    fn of(
        git: Option<Git>,
        repositories: Vec<Repository>,
        importing: Importing,
        workspace: &Path,
        folder: Folder,
    ) -> PrivateGit {
        let mount = |repository: &Repository| GitMount {
            at: repository.place.dir.clone().into(),
            private: repository.folder.join("git").into(),
            ask: repository.folder.join("ask").into(),
            inside: repository.inside().into(),
        };
        let borrowed =
            repositories.iter().flat_map(|repository| make::borrowed(&repository.place.dir)).map(AnyPath::from);
        let (borrowed, repositories_mounts) = (borrowed.collect(), repositories.iter().map(mount).collect());
        let mounts = GitMounts { repositories: repositories_mounts, borrowed, ..GitMounts::default() };
        let (guarded, copies, notes, workspace) = (Vec::new(), Vec::new(), Vec::new(), workspace.to_owned());
        PrivateGit { git, repositories, mounts, guarded, importing, copies, notes, workspace, folder }
    }

    pub(crate) fn add_notes(&mut self, notes: Vec<String>) {
        self.notes.extend(notes);
    }

    pub(crate) fn mounts(&self) -> &GitMounts {
        &self.mounts
    }

    /// Of `found`, what a command's warden guards by itself, with the files that the user's configuration names.
    pub(crate) fn guarded(&self, found: &[PathBuf]) -> Vec<PathBuf> {
        let is_ours = |path: &PathBuf| self.repositories.iter().any(|repository| repository.place.dir == *path);
        found.iter().filter(|path| !is_ours(path)).chain(&self.guarded).cloned().collect()
    }

    /// Right before a command.
    pub(crate) async fn before(&mut self, asker: &Asker<'_>) -> Vec<String> {
        let mut notes = self.after(asker).await;
        if self.importing == Importing::Nothing {
            return notes;
        }
        for repository in &mut self.repositories {
            if let Err(error) = repository.refresh() {
                notes.push(format!("git: changes made outside the sandbox are not seen in it: {error}."));
            }
        }
        notes
    }

    /// After a command, and whenever one in the background may have done something. Returns what to say of it.
    pub(crate) async fn after(&mut self, asker: &Asker<'_>) -> Vec<String> {
        let mut notes = Vec::new();
        if self.importing == Importing::Nothing {
            return notes;
        }
        // The inner first: a commit of the outer may refer to one of a submodule.
        for repository in self.repositories.iter_mut().rev() {
            let news = if repository.is_in_place() {
                repository.import(asker, self.git.as_ref()).await
            } else {
                let mut news = words::News::default();
                news.failed(format!("{} was moved outside the sandbox", repository.shown(&self.workspace)));
                news
            };
            repository.moved.add(&news);
            for (kind, names) in &news.private {
                repository.stayed.entry(*kind).or_default().extend(names.iter().cloned());
            }
            self.notes.extend(news.notes.iter().filter(|note| !self.notes.contains(note)).cloned().collect::<Vec<_>>());
            notes.extend(news.into_notes());
        }
        notes
    }

    /// At the end of a run.
    pub(crate) fn account(&self) -> GitAccount {
        let mut account = GitAccount { notes: self.notes.clone(), ..GitAccount::default() };
        for repository in &self.repositories {
            let shown = repository.shown(&self.workspace);
            let named = |text: String| if shown == ".git" { text } else { format!("{shown}: {text}") };
            let count = |old: &str, new: &str| {
                let range = format!("{old}...{new}");
                let args = ["rev-list", "--left-right", "--count", &range];
                let answer = self.git.as_ref()?.run(&repository.place.dir, &args, outside::Input::None).ok()?;
                let answer = String::from_utf8(answer).ok()?;
                let (gone, added) = answer.trim().split_once('\t')?;
                Some((gone.parse().ok()?, added.parse().ok()?))
            };
            account.moved.extend(repository.moved.words(count).into_iter().map(named));
            account.private.extend(words::private(&repository.stayed).into_iter().map(named));
        }
        for (path, copy, marks) in &self.copies {
            let now = copy.marks(|_| true);
            if !repository::changed(marks, &now).is_empty() {
                let path = path.strip_prefix(&self.workspace).unwrap_or(path);
                account.private.push(path.display().to_string());
            }
        }
        account
    }

    /// The private directories stay for the next run to look at: something in them could not be taken.
    fn is_settled(&self) -> bool {
        self.importing == Importing::Nothing
            || self.repositories.iter().all(|repository| repository.private_seen.is_some())
    }

    #[cfg(test)]
    pub(crate) fn base(&self) -> Vec<Base> {
        self.repositories.iter().map(|repository| repository.base.clone()).collect()
    }

    #[cfg(test)]
    pub(crate) fn forget(&mut self, base: Vec<Base>) {
        for (repository, base) in self.repositories.iter_mut().zip(base) {
            repository.base = base;
            (repository.private_seen, repository.real_seen) = (None, None);
        }
    }

    /// Paths of submodules that nobody has checked out: what is made there must not be met by the user's git.
    fn empty_submodules(&self) -> Vec<PathBuf> {
        let Some(git) = &self.git else { return Vec::new() };
        let links = self.repositories.iter().flat_map(|repository| {
            repository.place.views.iter().filter_map(|view| view.worktree.as_ref()).flat_map(|worktree| {
                named::gitlinks(git, &repository.place.dir, worktree).into_iter().map(|path| worktree.join(path))
            })
        });
        let is_empty = |path: &PathBuf| {
            let real = std::fs::canonicalize(path).is_ok_and(|real| real == *path && real.starts_with(&self.workspace));
            real && std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
        };
        links.filter(is_empty).take(MOST_PINS).collect()
    }
}

impl Drop for PrivateGit {
    fn drop(&mut self) {
        if !self.is_settled() {
            self.folder.keep();
        }
    }
}

/// Every directory on the way from where commands may write down to a repository in it.
fn pins(ground: &Ground<'_>, places: &[layout::Place]) -> Vec<PathBuf> {
    let mut pins = BTreeSet::new();
    for path in ground
        .found
        .iter()
        .filter(|path| !places.iter().any(|place| path.starts_with(&place.dir) && **path != place.dir))
    {
        let Some(root) = ground.writable.iter().find(|root| path.starts_with(root)) else { continue };
        let parents = path.ancestors().skip(1).take_while(|parent| parent != root);
        pins.extend(parents.filter(|parent| parent.starts_with(root)).map(Path::to_path_buf));
    }
    pins.into_iter().take(MOST_PINS).collect()
}
