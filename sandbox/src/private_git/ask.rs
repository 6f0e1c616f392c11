//! Questions to the commands' side, asked behind the same fence as a command:
//! git that runs there obeys configuration of a command's making. What comes
//! back is data, bounded in bytes and time.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::keeper::Keeper;
use crate::protocol::Report;
use crate::run::{self, End, Errand};

/// What all answers are read with: `g GIT_DIRECTORY ...` runs git there.
const PRELUDE: &str = "unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_CONFIG_PARAMETERS GIT_CONFIG_COUNT; \
    export GIT_OPTIONAL_LOCKS=0 GIT_NO_LAZY_FETCH=1 GIT_TERMINAL_PROMPT=0 LC_ALL=C; \
    g() { git -c core.hooksPath=/dev/null -c core.fsmonitor=false -c gc.auto=0 --git-dir=\"$@\" 2>/dev/null; }; ";

/// Longer, and nothing is taken.
pub(crate) const LONGEST: Duration = Duration::from_secs(60);

pub(crate) struct Asker<'a> {
    pub(crate) keeper: &'a Keeper,
    pub(crate) shell: &'a Path,
    pub(crate) directory: &'a Path,
    pub(crate) longest: Duration,
    /// As for commands.
    pub(crate) hidden: Vec<PathBuf>,
    pub(crate) roots: Vec<PathBuf>,
}

impl Asker<'_> {
    /// What `script` prints.
    pub(crate) async fn ask(&self, script: &str, most: u64) -> io::Result<Vec<u8>> {
        let mut answer = Vec::new();
        self.pour(script, most, |bytes| {
            answer.extend_from_slice(bytes);
            Ok(())
        })
        .await?;
        Ok(answer)
    }

    /// Into a file of ours.
    pub(crate) async fn ask_into(&self, script: &str, most: u64, file: &mut File) -> io::Result<()> {
        self.pour(script, most, |bytes| file.write_all(bytes)).await
    }

    async fn pour(&self, script: &str, most: u64, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let command = format!("{PRELUDE}{script}");
        let roots: Vec<&Path> = self.roots.iter().map(PathBuf::as_path).collect();
        let errand = Errand {
            shell: self.shell,
            command: &command,
            directory: self.directory,
            git: &[],
            // What the command left in the private directory may run here too.
            hidden: &self.hidden,
            roots: &roots,
            path: None,
        };
        let started = run::start(self.keeper, &errand).await?;
        let too_much = tokio::sync::Notify::new();
        let (mut left, mut failed) = (most, None);
        let print = |bytes: &[u8]| {
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            let taken = if failed.is_some() {
                Ok(())
            } else if left < length {
                Err(io::Error::other("it has more to say than is read"))
            } else {
                left -= length;
                take(bytes)
            };
            if let Err(error) = taken {
                failed = Some(error);
                too_much.notify_one();
            }
        };
        let over = async {
            tokio::select! {
                () = tokio::time::sleep(self.longest) => "it took too long",
                () = too_much.notified() => "it has more to say than is read",
            }
        };
        let attended = run::attend(started, print, over).await;
        if let Some(error) = failed {
            return Err(error);
        }
        match (attended.cut, attended.end) {
            (Some(why), _) => Err(io::Error::other(why)),
            (None, End::Reported(Report::Exited { code: 0, .. })) => Ok(()),
            (None, End::Reported(Report::Failed(why))) => Err(io::Error::other(why)),
            (None, End::Reported(_) | End::Unwatched | End::Stuck) => Err(io::Error::other("git there gave no answer")),
        }
    }
}

/// For the shell, whatever is in it.
pub(crate) fn quoted(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\'', "'\\''"))
}
