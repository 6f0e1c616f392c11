//! `agent ci`: a task for a robot, from an issue or a sentence to a patch or a pull request that a person wants to review,
//! or a truthful reason.
//!
//! The checkout is never touched: the work is done in a worktree of its own, fenced, unasked, without network, within
//! budgets. What comes out is scanned before it leaves; the model never meets a token.

mod change;
mod checks;
mod ci_files;
mod git;
mod ignore_files;
mod ignored;
mod logins;
mod origin;
mod outputs;
mod publish;
mod result;
pub(crate) mod secrets;
mod summary;
mod task;
mod words;
mod work;
mod worktree;

use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, anyhow};

use self::change::Author;
use self::origin::Origin;
use self::publish::Start;
pub(crate) use self::result::schema;
use self::result::{CiResult, Outcome};
use self::secrets::Scanner;
use self::task::Task;
use self::worktree::{Repository, Work, Worktree};
use crate::args::CiArgs;
use crate::config::Config;
use crate::hint::{Exit, Hint as _, Hinted};
use crate::screen::{Manner, Paint, Screen};
use crate::{events, paths, planted, reach, run};

/// What holds for the whole run.
struct Job<'a> {
    args: &'a CiArgs,
    author: Author,
    check_time: std::time::Duration,
    repository: Repository,
    config: Config,
    origin: Option<Origin>,
    scanner: Scanner,
    task: Task,
}

pub(crate) async fn ci(args: CiArgs) -> anyhow::Result<Exit> {
    let began = Instant::now();
    // Lines that stay: nobody sits there.
    let screen = Screen::new(Manner::Plain);
    if args.clean {
        tell(&screen, &worktree::sweep()?);
        return Ok(Exit::Finished);
    }
    outputs::check_stdout(&args)?;
    let _quiet = outputs::StopCommands::here();
    let mut result = CiResult::default();
    let done = carry_out(&args, &screen, &mut result).await;
    result.seconds = began.elapsed().as_secs_f64();
    if let Err(error) = &done {
        result.failed(error);
    }
    let scanner = Scanner::new(secrets::of_environment(&named(&args), &args.allow_secret), &[]);
    let scanner = done.as_ref().unwrap_or(&scanner);
    let written = outputs::write_pages(&args, &result, scanner);
    if let (Ok(_), Err(error)) = (&done, &written) {
        result.failed(error);
    }
    let written = written.and(outputs::write_result(&args, &result, scanner));
    if done.is_err() || written.is_err() {
        outputs::print_kept(&screen, &result);
    }
    done.and(written)?;
    outputs::print(&args, &screen, &result)?;
    Ok(Exit::of_code(result.exit_code))
}

/// From the arguments to the last request. The scanner knows what must be in no output.
async fn carry_out(args: &CiArgs, screen: &Screen, result: &mut CiResult) -> anyhow::Result<Scanner> {
    outputs::check_files(args)?;
    let author = Author::parse(&args.author)
        .ok_or_else(|| anyhow!("`{}` is not an author", args.author))
        .hint("write it like --author \"A Bot <bot@example.org>\"")?;
    let check_time = reach::time(&args.check_time)
        .ok_or_else(|| anyhow!("`{}` is not a duration", args.check_time))
        .hint("write it like 90s, 10m or 1h30m")?;
    let workspace = run::workspace(args.model.workspace.as_deref())?;
    let repository = Repository::find(&workspace)?;
    for sentence in planted::recover(&repository.root)? {
        screen.line(Paint::Yellow, &sentence);
    }
    match worktree::sweep() {
        Ok(swept) => tell(screen, &swept),
        Err(error) => screen.line(Paint::Yellow, &format!("cannot clean up after killed runs: {error:#}")),
    }
    let mut config = Config::for_ci(args, &repository.root)?;
    logins::check(&repository.git, &config.hide()?.paths)?;
    let ignored = ignored::find(&repository)?;
    config.hidden_paths = ignored.paths;
    result.notes.extend(ignored.note);
    let origin = match args.publishes() || args.issue.is_some() {
        true => Some(Origin::find(&repository, &args.forge)?),
        false => None,
    };
    let mut names = named(args);
    names.extend(config.key_variables());
    names.extend(origin.as_ref().map(|origin| origin.token_env().to_owned()));
    let secrets = secrets::of_environment(&names, &args.allow_secret);
    secrets.iter().for_each(|(_, value)| mask::hide(value));
    let scanner = Scanner::new(secrets, &args.allow_secret);
    let task = Task::read(args, origin.as_ref()).await?;
    result.issue = args.issue;
    let job = Job { args, author, check_time, repository, config, origin, scanner, task };
    job.carry_out(result).await?;
    Ok(job.scanner)
}

impl Job<'_> {
    async fn carry_out(&self, result: &mut CiResult) -> anyhow::Result<()> {
        let start = self.start().await?;
        result.base = Some(start.base.clone());
        result.notes.extend(start.notes.iter().cloned());
        if self.repository.has_changes() && self.args.base.is_none() {
            result.notes.push("uncommitted changes in the checkout are not included".to_owned());
        }
        let worktree = Worktree::add(&self.repository, &start.base, &session::Store::new_id())?;
        let carried = self.carry_out_in(&worktree, &start, result).await;
        // What the model did was paid for.
        if let (Err(_), Some(session), None) = (&carried, &result.session, &result.patch) {
            match worktree.rescue(session) {
                Work::Nothing => (),
                Work::Patch(patch) => result.patch = Some(patch.display().to_string()),
                left @ Work::Left(..) => result.notes.push(format!("this run ended abnormally; {left}")),
            }
        }
        carried
    }

    async fn carry_out_in(&self, worktree: &Worktree, start: &Start, result: &mut CiResult) -> anyhow::Result<()> {
        let Some(done) = self.work(worktree, result).await? else { return Ok(()) };
        let commit = change::commit(&worktree.git, &done.tree, &start.base, &self.author, &done.message)?;
        let mail = change::mail(&worktree.git, &commit)?;
        self.hand_over(&mail, &done, result)?;
        if result.outcome == Outcome::Changed && done.cancel.is_set() {
            let (_, exit, reason, hint) = events::finish(&events::stopped(&done.cancel));
            let outcome = if exit == Exit::Cancelled { Outcome::Cancelled } else { Outcome::LimitReached };
            result.ends(outcome, exit, reason.unwrap_or_else(|| "stopped".to_owned()), hint.unwrap_or_default());
        }
        if result.outcome != Outcome::Changed
            && !(result.outcome == Outcome::ChecksFailed && self.args.draft_on_failure)
        {
            return Ok(());
        }
        if self.args.commit || self.args.publishes() {
            self.publish(start, &commit, &done, result).await?;
        }
        Ok(())
    }

    /// Keeps the patch for `agent apply`, and writes it to where it was asked for unless it must not be seen.
    fn hand_over(&self, mail: &[u8], done: &work::Done, result: &mut CiResult) -> anyhow::Result<()> {
        let kept = keep(&done.session, mail)?;
        result.patch = Some(kept.display().to_string());
        if let (Some(path), false) = (&self.args.patch, result.outcome == Outcome::Withheld) {
            outputs::write_file(path, mail, &self.scanner)?;
            result.patch = Some(path.display().to_string());
        }
        Ok(())
    }
}

/// The variables that flags call secrets.
fn named(args: &CiArgs) -> Vec<String> {
    [&args.forge.token_env, &args.model.api_key_env].into_iter().flatten().cloned().collect()
}

impl CiResult {
    fn failed(&mut self, error: &anyhow::Error) {
        let hinted = error.downcast_ref::<Hinted>();
        let exit = hinted.map_or(Exit::Failed, |hinted| hinted.exit);
        self.outcome = if exit == Exit::Approval { Outcome::Refused } else { Outcome::Failed };
        self.exit_code = exit as i32;
        self.reason = Some(format!("{error:#}"));
        self.hint = hinted.and_then(|hinted| hinted.hint.clone());
    }
}

fn tell(screen: &Screen, swept: &[worktree::Swept]) {
    for run in swept {
        screen.line(Paint::Yellow, &format!("run {} was killed; {}", run.id, run.work));
    }
}

/// Keeps a patch in the state directory, for its owner's eyes.
fn keep(id: &str, patch: &[u8]) -> anyhow::Result<PathBuf> {
    let folder = paths::patches()?;
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let path = folder.join(format!("{id}.patch"));
    let mut file = std::fs::File::options().create(true).truncate(true).write(true).mode(0o600).open(&path)?;
    file.write_all(patch).and_then(|()| file.sync_all()).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

const MOST_PATCH_BYTES: u64 = 1 << 30;

/// What was kept of a session, if anything was.
pub(crate) fn kept(id: &str) -> anyhow::Result<Option<(PathBuf, Vec<u8>)>> {
    let path = paths::patches()?.join(format!("{id}.patch"));
    match sandbox::read_bounded(&path, MOST_PATCH_BYTES) {
        Ok(patch) => Ok(Some((path, patch))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Whether a path is `-`: standard output.
fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}
