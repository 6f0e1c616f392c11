//! Brings what commands did to the user's side: sees whether there is
//! anything, asks for what is new behind the fence, and has it carried out.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::private_git::ask::{Asker, quoted};
use crate::private_git::journal::Journal;
use crate::private_git::layout::View;
use crate::private_git::outside::{Git, Input};
use crate::private_git::plan::{self, Left, Plan, TooMuch};
use crate::private_git::ready::{Ready, Work};
use crate::private_git::repository::{Repository, changed, is_watched};
use crate::private_git::snapshot::{self, Snapshot};
use crate::private_git::states::{self, States};
use crate::private_git::take::{NotTaken, Real};
use crate::private_git::words::News;
use crate::private_git::{index, planted};

/// Of new objects at once.
const OBJECT_BYTES: u64 = 2 << 30;
const LISTING_BYTES: u64 = 512 << 20;
/// How often a user who works beside us makes us look again.
const TRIES: usize = 5;

/// What is wanted of one worktree besides its HEAD.
struct Worktree {
    view: PathBuf,
    /// What the commands' side has staged, if that changed.
    staged: Option<Vec<u8>>,
    states: Option<States>,
}

impl Repository {
    /// Returns what to say of it. `git`: `None` where there is none.
    pub(crate) async fn import(&mut self, asker: &Asker<'_>, git: Option<&Git>) -> News {
        let marks = self.private.marks(is_watched);
        let paths = match &self.private_seen {
            Some(seen) => changed(seen, &marks),
            None => marks.keys().cloned().collect(),
        };
        if paths.is_empty() {
            return News::default();
        }
        let mut news = self.private_news(&paths, asker).await;
        // What commands in the background do from here on is seen as a change the next time.
        self.private_seen = Some(marks);
        let is_data = |path: &PathBuf| {
            let in_view = |view: &View| path.strip_prefix(&view.inside).is_ok_and(is_data);
            // Refs are common to all worktrees.
            is_data(path) || self.place.views.iter().any(in_view)
        };
        if let (Some(git), true) = (git, paths.iter().any(is_data)) {
            match self.import_data(&paths, asker, git, &mut news).await {
                Ok(()) => {}
                Err(error) => {
                    news.failed(format!("{error}"));
                    // Tried again after the next command.
                    self.private_seen = None;
                }
            }
        }
        news
    }

    async fn import_data(
        &mut self,
        paths: &BTreeSet<PathBuf>,
        asker: &Asker<'_>,
        git: &Git,
        news: &mut News,
    ) -> io::Result<()> {
        let private = Snapshot::read(&self.private, &self.place.views);
        if private.is_broken(&self.base.snapshot) {
            news.failed("HEAD or its branch is gone there".to_owned());
            return self.remake(asker).await;
        }
        let mut worktrees = Vec::new();
        for view in self.place.views.clone() {
            let states = states::read(&self.private, &view.inside);
            let is_new = self.base.states.get(&view.inside) != Some(&states.files);
            let index = paths.contains(&view.inside.join("index"));
            let staged =
                if index && view.worktree.is_some() { Some(self.staged(&view.inside, asker).await?) } else { None };
            worktrees.push(Worktree { view: view.inside, staged, states: is_new.then_some(states) });
        }
        let real = Real { git: git.clone(), dir: self.place.dir.clone(), views: self.place.views.clone() };
        let mut stored = BTreeSet::new();
        for _ in 0..TRIES {
            let now = Snapshot::read(&self.real, &self.place.views);
            let elsewhere = snapshot::elsewhere(&self.real, &self.place.views);
            let plan = plan::plan(&self.base.snapshot, &private, &now, &self.base.made, &elsewhere);
            let plan =
                plan.map_err(|TooMuch(count)| io::Error::other(format!("{count} branches and tags changed at once")))?;
            let tips = match self.store(&plan, &worktrees, &mut stored, asker, &real).await {
                // A state may name what was pruned: it is worth less than the commits.
                Err(_) if worktrees.iter().any(|worktree| worktree.states.is_some()) => {
                    worktrees.iter_mut().for_each(|worktree| worktree.states = None);
                    self.store(&plan, &worktrees, &mut stored, asker, &real).await?
                }
                tips => tips?,
            };
            let work = Work {
                real: real.clone(),
                plan,
                now,
                tips,
                message: self.message(),
                journal: self.folder.join("journal.json"),
            };
            let mut merges = Vec::new();
            for worktree in worktrees.iter().filter(|worktree| !work.plan.contested.contains(&worktree.view)) {
                if let Some(staged) = &worktree.staged {
                    merges.push((
                        worktree.view.clone(),
                        self.merge(&worktree.view, staged, &mut stored, asker, &real).await?,
                    ));
                }
            }
            let (work, merges, result) = aside(move || {
                let result = work.carry_out(&merges);
                (work, merges, result)
            })
            .await?;
            match result {
                Ok(inodes) => return self.settle(work, &inodes, merges, &private, worktrees, news),
                Err(NotTaken::Stale) => {}
                Err(NotTaken::Busy) => return Err(io::Error::other("another git has locked the repository")),
                Err(NotTaken::Refused(error)) => return Err(error),
            }
        }
        Err(io::Error::other("the repository changes all the time"))
    }

    async fn staged(&self, view: &Path, asker: &Asker<'_>) -> io::Result<Vec<u8>> {
        let dir = quoted(&self.place.dir.join(view));
        asker.ask(&format!("g {dir} ls-files --stage -z"), LISTING_BYTES).await
    }

    /// Everything that will be referred to, into the user's store. Returns what that is.
    async fn store(
        &self,
        plan: &Plan,
        worktrees: &[Worktree],
        stored: &mut BTreeSet<String>,
        asker: &Asker<'_>,
        real: &Real,
    ) -> io::Result<Vec<String>> {
        let states =
            worktrees.iter().filter_map(|worktree| worktree.states.as_ref()).flat_map(|states| states.ids.clone());
        let tips: BTreeSet<String> = plan.tips().into_iter().chain(states).collect();
        let known: BTreeSet<&str> =
            self.base.snapshot.refs.keys().filter_map(|name| self.base.snapshot.id(name)).collect();
        let new: Vec<String> =
            tips.iter().filter(|id| !known.contains(id.as_str()) && !stored.contains(*id)).cloned().collect();
        if !new.is_empty() {
            let heads = self.base.snapshot.heads.values().filter_map(|head| self.base.snapshot.resolve(head));
            let not: BTreeSet<&str> = known.into_iter().chain(heads).collect();
            self.fetch(&new, &not, asker, real).await?;
            let known: Vec<String> = not.into_iter().map(str::to_owned).collect();
            let (work, ids, worktree) = (real.clone(), new.clone(), self.worktree());
            aside(move || planted::refuse(&work.git, &work.dir, &ids, &known, worktree.as_deref())).await??;
            stored.extend(new);
        }
        Ok(tips.into_iter().collect())
    }

    /// Objects behind `ids` that are not behind `not`, made into a pack behind the fence and judged outside of it.
    async fn fetch(&self, ids: &[String], not: &BTreeSet<&str>, asker: &Asker<'_>, real: &Real) -> io::Result<()> {
        let wanted = ids.iter().cloned().chain(not.iter().map(|id| format!("^{id}"))).map(|line| line + "\n");
        fs::write(self.folder.join("ask/pack"), wanted.collect::<String>())?;
        let path = self.folder.join("pack");
        let mut file = File::create(&path)?;
        let ask = quoted(&self.inside().join("ask/pack"));
        let dir = quoted(&self.place.dir);
        let script = format!("g {dir} pack-objects --revs --thin --local --stdout -q --missing=allow-any < {ask}");
        asker.ask_into(&script, OBJECT_BYTES, &mut file).await?;
        drop(file);
        let real = real.clone();
        let kept = path.clone();
        let result = aside(move || real.store(&path)).await?;
        fs::remove_file(kept)?;
        result
    }

    /// What is new in the index, ready to be written, and with every blob in the user's store.
    async fn merge(
        &self,
        view: &Path,
        staged: &[u8],
        stored: &mut BTreeSet<String>,
        asker: &Asker<'_>,
        real: &Real,
    ) -> io::Result<Ready> {
        let (kept_index, kept_listing) = (self.kept_index(view), self.kept_listing(view));
        let (work, inside, staged) = (real.clone(), view.to_owned(), staged.to_vec());
        let mut found = planted::repositories(&index::names(&staged), self.worktree().as_deref());
        if !found.is_empty() {
            let (work, folder) = (real.clone(), real.dir.join(view));
            let listed = aside(move || work.git.run(&folder, &["ls-files", "--stage", "-z"], Input::None)).await??;
            let known = planted::repositories(&index::names(&listed), None);
            found.retain(|dir| !known.contains(dir));
            planted::not_taken(&found)?;
        }
        let ready = aside(move || Ready::new(&work, &inside, &staged, &kept_index, &kept_listing)).await??;
        let blobs: Vec<String> = ready.merge.blobs.iter().filter(|blob| !stored.contains(*blob)).cloned().collect();
        let work = real.clone();
        let missing = aside(move || work.missing(&blobs)).await??;
        if !missing.is_empty() {
            self.fetch(&missing, &BTreeSet::new(), asker, real).await?;
            let (work, again) = (real.clone(), missing.clone());
            if !aside(move || work.missing(&again)).await??.is_empty() {
                return Err(io::Error::other("a staged file has no content"));
            }
            stored.extend(missing);
        }
        Ok(ready)
    }

    fn worktree(&self) -> Option<PathBuf> {
        self.place.views.first().and_then(|view| view.worktree.clone())
    }

    /// The line for the user's logs: what the command's own git wrote last.
    fn message(&self) -> String {
        let mut messages =
            self.place.views.iter().filter_map(|view| snapshot::last_message(&self.private, &view.inside));
        messages.next_back().unwrap_or_else(|| "agent".to_owned())
    }

    fn settle(
        &mut self,
        work: Work,
        inodes: &[u64],
        merges: Vec<(PathBuf, Ready)>,
        private: &Snapshot,
        worktrees: Vec<Worktree>,
        news: &mut News,
    ) -> io::Result<()> {
        // Before anything is read: what the user does from here on is seen as a change.
        let marks = self.real.marks(is_watched);
        let after = Snapshot::read(&self.real, &self.place.views);
        news.moved(&work.plan, &self.base.snapshot, private);
        news.left(work.plan.left.iter().filter(|left| self.said.insert(Left::clone(left))));
        for change in &work.plan.refs {
            match (&change.new, &change.old) {
                (Some(_), None) => self.base.made.insert(change.name.clone()),
                (None, _) => self.base.made.remove(&change.name),
                (Some(_), Some(_)) => false,
            };
        }
        let mut follow =
            !work.plan.contested.is_empty() || work.plan.refs.iter().any(|change| change.kept_from.is_some());
        for (view, ready) in merges {
            news.staged(&ready.merge);
            follow |= !ready.merge.contested.is_empty();
            self.keep_staged(&view, &ready)?;
        }
        for worktree in worktrees {
            if let Some(states) = worktree.states.filter(|_| !work.plan.contested.contains(&worktree.view)) {
                self.take_states(&worktree.view, states, news)?;
            }
        }
        self.base.snapshot = plan::settle(&self.base.snapshot, private, &after);
        self.save()?;
        if follow {
            return self.follow(&work.plan);
        }
        if self
            .real_seen
            .as_ref()
            .is_some_and(|seen| changed(seen, &marks).iter().all(|path| work.made(path, &marks, inodes)))
            && work.is_all(&after)
        {
            self.real_seen = Some(marks);
        }
        Ok(())
    }

    /// Only where the user's are as both sides had them.
    fn take_states(&mut self, view: &Path, states: States, news: &mut News) -> io::Result<()> {
        let was = self.base.states.get(view).cloned().unwrap_or_default();
        if states::read(&self.real, view).files != was {
            return Ok(());
        }
        news.dropped_lines(states.dropped);
        for (path, bytes) in &states.files {
            if was.get(path) != Some(bytes) {
                self.real.write(&view.join(path), bytes, 0o644)?;
            }
        }
        for path in states::names().filter(|path| !states.files.contains_key(path)) {
            let is_above = states.files.keys().any(|other| other.starts_with(&path));
            let was_there = was.keys().any(|other| other.starts_with(&path));
            if was_there && !is_above {
                // A folder with something else in it stays.
                let _ = self.real.remove(&view.join(path));
            }
        }
        self.base.states.insert(view.to_owned(), states.files);
        Ok(())
    }

    fn keep_staged(&self, view: &Path, ready: &Ready) -> io::Result<()> {
        fs::write(self.kept_listing(view), &ready.after)?;
        // The file that has just become the user's index, if all of it did: one of the same bytes need not be listed.
        let (new, kept) = (self.kept_index(view).with_extension("new"), self.kept_index(view));
        let whole = ready.merge.contested.is_empty() && ready.merge.gitlinks.is_empty();
        match fs::rename(&new, &kept) {
            Ok(()) if whole => Ok(()),
            Ok(()) => fs::remove_file(kept),
            Err(error) if error.kind() == io::ErrorKind::NotFound && whole => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Journal::remove(&kept),
            Err(error) => Err(error),
        }
    }
}

/// Whether git keeps data under this name that may come to the user.
fn is_data(path: &Path) -> bool {
    let first = path.iter().next().and_then(|first| first.to_str()).unwrap_or_default();
    ["HEAD", "index", "packed-refs", "refs"].contains(&first)
        || path.starts_with("logs/refs/stash")
        || states::names().any(|state| path == state || path.starts_with(&state))
}

/// Away from the thread that reads what commands print, and Ctrl-C.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)
}
