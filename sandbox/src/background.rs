//! Commands that are left running: servers and watchers. Each is read all the
//! time, so that it never waits for us, and none outlives the `Host`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use agent::{Background, Cancel, Ended, SandboxError};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::output::Output;
use crate::run::{self, Attended, End, Started};

/// At one time. Each has a pipe, a socket and a bounded part of its output in memory.
const MOST_RUNNING: usize = 8;
/// A program that has printed something and then nothing for so long has said what it had to say.
const QUIET: Duration = Duration::from_millis(300);
/// Nobody is kept waiting longer for a program that goes on printing, or never does.
const MOMENT: Duration = Duration::from_millis(1_500);

/// All commands that were left running, in the order of their ids. Dropped, it ends them.
#[derive(Debug, Default)]
pub(crate) struct Backgrounds {
    all: Mutex<Vec<Entry>>,
}

#[derive(Debug)]
struct Entry {
    shared: Arc<Shared>,
    /// Dropped to end the command.
    stop: Option<oneshot::Sender<()>>,
}

/// What the task that reads the output shares with whoever asks for it.
#[derive(Debug)]
struct Shared {
    command: String,
    began: Instant,
    state: Mutex<State>,
    news: Notify,
}

#[derive(Debug)]
struct State {
    output: Output,
    end: Option<Over>,
    /// Whether the model knows of the end.
    told: bool,
}

#[derive(Debug)]
struct Over {
    ended: Ended,
    at: Instant,
    notes: Vec<String>,
    stuck: bool,
    unwatched: bool,
    /// What was restored of git's own files.
    git: Vec<String>,
}

/// Whether the warden could be reached, see [`End::Stuck`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    Dead,
    Stuck,
}

impl Backgrounds {
    /// `Err`: there are too many already.
    pub(crate) fn check_room(&self) -> Result<(), SandboxError> {
        let running = self.running();
        if running < MOST_RUNNING {
            return Ok(());
        }
        Err(SandboxError::Blocked(format!("{running} background commands are already running. Stop one first.")))
    }

    pub(crate) fn are_running(&self) -> bool {
        self.running() != 0
    }

    fn running(&self) -> usize {
        self.lock().iter().filter(|entry| !entry.shared.has_ended()).count()
    }

    /// Takes a command on. Returns its id.
    pub(crate) fn add(&self, command: &str, started: Started, outputs: Option<PathBuf>) -> u32 {
        let (stop, stopped) = oneshot::channel::<()>();
        let state = State { output: Output::in_pieces(outputs), end: None, told: false };
        let shared = Arc::new(Shared {
            command: command.to_string(),
            began: Instant::now(),
            state: Mutex::new(state),
            news: Notify::new(),
        });
        let reader = Arc::clone(&shared);
        tokio::spawn(async move {
            // Dropped or sent, it is over.
            let attended = run::attend(started, |bytes| reader.print(bytes), async { drop(stopped.await) }).await;
            reader.end(attended);
        });
        let mut all = self.lock();
        all.push(Entry { shared, stop: Some(stop) });
        u32::try_from(all.len()).unwrap_or(u32::MAX)
    }

    /// The first moments of a command that was just added.
    pub(crate) async fn first_look(&self, id: u32, cancel: &Cancel) -> Result<Background, SandboxError> {
        self.read(id, MOMENT, cancel).await
    }

    /// What is new. Waits for something at most so long.
    pub(crate) async fn read(&self, id: u32, wait: Duration, cancel: &Cancel) -> Result<Background, SandboxError> {
        let shared = self.find(id)?;
        tokio::select! {
            biased;
            () = cancel.wait() => return Err(SandboxError::Cancelled),
            () = shared.settle(wait) => {}
        }
        Ok(shared.look(id))
    }

    /// Returns when it is dead, with all that it started.
    pub(crate) async fn stop(&self, id: u32) -> Result<(Background, Stop), SandboxError> {
        let shared = self.find(id)?;
        let stop = self.lock().get_mut(index(id)).and_then(|entry| entry.stop.take());
        drop(stop);
        let stopped = shared.dead().await;
        Ok((shared.look(id), stopped))
    }

    /// Whether the launcher lost a warden of these since this was asked last: it may be dying itself.
    pub(crate) fn take_unwatched(&self) -> bool {
        let take =
            |entry: &Entry| entry.shared.lock().end.as_mut().is_some_and(|over| std::mem::take(&mut over.unwatched));
        // All of them: one launcher had them all.
        self.lock().iter().filter(|entry| take(entry)).count() != 0
    }

    /// What was restored of git's own files at the ends of these since this was asked last.
    pub(crate) fn take_git(&self) -> Vec<String> {
        let take = |entry: &Entry| entry.shared.lock().end.as_mut().map(|over| std::mem::take(&mut over.git));
        self.lock().iter().filter_map(take).flatten().collect()
    }

    /// Ends all that still run.
    pub(crate) async fn stop_all(&self) -> Stop {
        let count = self.lock().len();
        let mut all = Stop::Dead;
        for id in (1..).take(count) {
            if let Ok((_, Stop::Stuck)) = self.stop(id).await {
                all = Stop::Stuck;
            }
        }
        all
    }

    /// A line for each command that ended by itself and whose end nobody has read yet.
    pub(crate) fn obituaries(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (id, entry) in (1..).zip(self.lock().iter()) {
            let mut state = entry.shared.lock();
            if state.end.is_some() && !state.told {
                state.told = true;
                let command = entry.shared.command.lines().next().unwrap_or_default();
                let command: String = command.chars().take(60).collect();
                lines.push(format!("Background command {id} (`{command}`) has ended; `read_output` shows how."));
            }
        }
        lines
    }

    fn find(&self, id: u32) -> Result<Arc<Shared>, SandboxError> {
        let all = self.lock();
        all.get(index(id)).map(|entry| Arc::clone(&entry.shared)).ok_or(SandboxError::NoSuchCommand(id))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ids count from 1; the wrapped one of 0 is nobody's.
fn index(id: u32) -> usize {
    usize::try_from(id.wrapping_sub(1)).unwrap_or(usize::MAX)
}

impl Shared {
    fn print(&self, bytes: &[u8]) {
        self.lock().output.push(bytes);
        self.news.notify_one();
    }

    fn end(&self, attended: Attended<()>) {
        let git = attended.end.git().to_vec();
        let (stuck, unwatched) = (matches!(attended.end, End::Stuck), matches!(attended.end, End::Unwatched));
        let (ended, notes) = run::verdict(attended.end)
            .unwrap_or_else(|error| (Ended::Signalled(libc::SIGKILL), vec![error.to_string()]));
        let ended = attended.cut.map_or(ended, |()| Ended::Stopped);
        let mut state = self.lock();
        state.output.end();
        state.end = Some(Over { ended, at: Instant::now(), notes, stuck, unwatched, git });
        drop(state);
        self.news.notify_one();
    }

    fn has_ended(&self) -> bool {
        self.lock().end.is_some()
    }

    /// Until it has ended, or has printed something and is quiet, or `wait` is over.
    async fn settle(&self, wait: Duration) {
        let mut deadline = Instant::now() + wait;
        let mut printing = false;
        loop {
            let (ended, printed) = {
                let state = self.lock();
                (state.end.is_some(), 0 < state.output.total_bytes())
            };
            if ended {
                return;
            }
            if printed && !printing {
                printing = true;
                deadline = deadline.min(Instant::now() + MOMENT);
            }
            let until = if printed { deadline.min(Instant::now() + QUIET) } else { deadline };
            if tokio::time::timeout_at(until, self.news.notified()).await.is_err() {
                return;
            }
        }
    }

    async fn dead(&self) -> Stop {
        loop {
            if let Some(over) = &self.lock().end {
                return if over.stuck { Stop::Stuck } else { Stop::Dead };
            }
            self.news.notified().await;
        }
    }

    fn look(&self, id: u32) -> Background {
        let mut state = self.lock();
        let output = state.output.take().text;
        state.told |= state.end.is_some();
        let end = state.end.as_ref();
        Background {
            id,
            ended: end.map(|over| over.ended),
            ran_for: end.map_or_else(Instant::now, |over| over.at).duration_since(self.began),
            output,
            notes: end.map(|over| over.notes.clone()).unwrap_or_default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
