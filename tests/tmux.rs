//! A terminal to sit at: tmux with a socket of its own, keys typed, screens read as text.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{World, binary};

/// Longer than the slowest machine needs; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(300);

/// What stands before the exit code, once the program has ended.
const ENDED: &str = "[ended with ";

pub(crate) struct Terminal {
    socket: String,
    workspace: String,
}

impl Terminal {
    /// Starts `agent` on a screen of `size` columns and rows. `None`, and a notice, where there is no tmux.
    pub(crate) fn open(world: &World, arguments: &[&str], size: (u16, u16), env: &[(&str, &str)]) -> Option<Terminal> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        if Command::new("tmux").arg("-V").output().is_err() {
            crate::support::skip("no tmux to make a terminal with");
            return None;
        }
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let socket = format!("house-{}-{number}", std::process::id());
        let workspace = world.workspace().display().to_string();
        let terminal = Terminal { socket, workspace };
        let mut command = world.command(&[]);
        let command = command.env("TERM", "screen-256color").env("LANG", "C.UTF-8").envs(env.iter().copied());
        let (columns, rows) = (size.0.to_string(), size.1.to_string());
        let mut tmux = terminal.tmux();
        tmux.args(["-u", "-f", "/dev/null", "start-server", ";", "set", "-g", "status", "off"]);
        tmux.args([";", "new-session", "-d", "-x", &columns, "-y", &rows]);
        tmux.arg("-c").arg(world.workspace()).args(["env", "-i"]);
        for (name, value) in command.get_envs() {
            tmux.arg(format!("{}={}", name.to_str().unwrap(), value.unwrap().to_str().unwrap()));
        }
        // The screen stays when the program has ended, however soon that is. tmux itself sometimes misses an end.
        let stays = format!("\"$@\"; printf '\\n{ENDED}%s]' $?; exec sleep 1000");
        tmux.args(["sh", "-c", &stays, "sh"]).arg(binary()).args(arguments);
        let started = tmux.output().unwrap();
        assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
        Some(terminal)
    }

    fn tmux(&self) -> Command {
        let mut tmux = Command::new("tmux");
        tmux.args(["-L", &self.socket]).env_remove("TMUX");
        tmux
    }

    fn tell(&self, arguments: &[&str]) -> String {
        let told = self.tmux().args(arguments).output().unwrap();
        assert!(told.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&told.stderr));
        String::from_utf8(told.stdout).unwrap()
    }

    pub(crate) fn type_text(&self, text: &str) {
        self.tell(&["send-keys", "-l", "--", text]);
    }

    /// By tmux's names: `Enter`, `Escape`, `BTab`, `C-c`, `M-Enter`.
    pub(crate) fn press(&self, key: &str) {
        self.tell(&["send-keys", key]);
    }

    pub(crate) fn say(&self, line: &str) {
        self.type_text(line);
        self.press("Enter");
    }

    /// As a terminal pastes: in one piece, marked as such.
    pub(crate) fn paste(&self, text: &str) {
        self.tell(&["set-buffer", "--", text]);
        self.tell(&["paste-buffer", "-p", "-d"]);
    }

    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        self.tell(&["resize-window", "-x", &columns.to_string(), "-y", &rows.to_string()]);
    }

    /// The screen and what has scrolled away, as they are now.
    pub(crate) fn screen(&self) -> String {
        let screen = self.everything();
        let rows: Vec<&str> = screen.split(ENDED).next().unwrap().lines().map(str::trim_end).collect();
        self.masked(rows.join("\n").trim_end())
    }

    fn everything(&self) -> String {
        self.tell(&["capture-pane", "-p", "-S", "-"])
    }

    /// With its colours, as escapes.
    pub(crate) fn painted(&self) -> String {
        self.tell(&["capture-pane", "-p", "-e"])
    }

    /// Row and column of the cursor.
    pub(crate) fn cursor(&self) -> String {
        self.tell(&["display-message", "-p", "#{cursor_y},#{cursor_x}"]).trim().to_owned()
    }

    #[track_caller]
    pub(crate) fn wait_until(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        let began = Instant::now();
        loop {
            let screen = self.screen();
            if is_so(&screen) {
                return screen;
            }
            assert!(began.elapsed() < PATIENCE, "never: {what}\n{screen}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until the text stands somewhere, and gives the screen.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str) -> String {
        self.wait_until(text, |screen| screen.contains(text))
    }

    /// Waits for the end of the program; its exit code.
    #[track_caller]
    pub(crate) fn wait_for_end(&self) -> i32 {
        let code = |all: &str| -> Option<i32> { all.split_once(ENDED)?.1.split_once(']')?.0.parse().ok() };
        let began = Instant::now();
        loop {
            if let Some(code) = code(&self.everything()) {
                return code;
            }
            assert!(began.elapsed() < PATIENCE, "it does not end:\n{}", self.screen());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// What differs from run to run: the folder, times, counts of tokens, ids.
    fn masked(&self, screen: &str) -> String {
        let mut screen = screen.replace(&self.workspace, "WORKSPACE");
        let ports: Vec<String> = screen.split("127.0.0.1:").skip(1).map(digits).collect();
        for port in ports {
            screen = screen.replace(&format!("127.0.0.1:{port}"), "127.0.0.1:PORT");
        }
        screen.lines().map(mask).collect::<Vec<String>>().join("\n")
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.tmux().arg("kill-server").output();
    }
}

fn digits(text: &str) -> String {
    text.chars().take_while(char::is_ascii_digit).collect()
}

/// Numbers before ` s` and ` tokens` become `#`, and so do ids; a spinner is always the same.
fn mask(line: &str) -> String {
    let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    for index in 0..words.len() {
        let next =
            words.get(index + 1).map(|word| word.trim_matches(|letter: char| !letter.is_alphabetic()).to_owned());
        let is_number = words[index].parse::<f64>().is_ok();
        let is_count = is_number && matches!(next.as_deref(), Some("s" | "tokens" | "in" | "out" | "cached"));
        let is_id = words[index].len() == 36 && words[index].matches('-').count() == 4;
        if is_count || is_id {
            words[index] = "#".to_owned();
        }
        if words[index].chars().all(|letter| "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏".contains(letter)) && !words[index].is_empty()
        {
            words[index] = "*".to_owned();
        }
    }
    words.join(" ")
}
