//! The time by the clock of the file system.

use std::path::Path;

use rustix::fs::{Mode, OFlags};
use snapshots::Stamp;

use crate::beneath::Root;
use crate::state;

/// What time it is for the files. Only they say, for a file server, a virtual machine and a clock that was set have
/// other clocks than we do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    pub(crate) now_ns: i64,
    /// Of the file system whose clock it is.
    dev: u64,
}

impl Clock {
    /// `at_least_ns`: asked where the file system does not say.
    pub(crate) fn of(root: &Root, at_least_ns: impl FnOnce() -> i64) -> Clock {
        let probe = root.open_walked_dir(Path::new("")).and_then(|dir| {
            // It never has a name, so nobody sees it.
            let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
            let file = rustix::fs::openat(&dir, ".", flags, Mode::from_raw_mode(0o600))?;
            Ok(rustix::fs::fstat(file)?)
        });
        match probe {
            Ok(stat) => Clock { now_ns: state::changed_ns(&stat), dev: stat.st_dev },
            Err(_) => Clock { now_ns: at_least_ns(), dev: 0 },
        }
    }

    /// Whether something with this stamp may have been made since the last look. In doubt it was.
    pub(crate) fn may_be_since(&self, since_ns: i64, stamp: &Stamp) -> bool {
        let was_set_back = self.now_ns < since_ns;
        let is_elsewhere = self.dev != 0 && self.dev != stamp.dev;
        let tick_ns = state::tick_ns(stamp.mtime_ns, stamp.ctime_ns);
        was_set_back || is_elsewhere || since_ns.saturating_sub(tick_ns) <= stamp.ctime_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[track_caller]
    fn check(now_ns: i64, ctime_ns: i64, expected: bool) {
        let stamp = Stamp { dev: 7, ctime_ns, mtime_ns: ctime_ns, ..Stamp::default() };
        assert_eq!(
            Clock { now_ns, dev: 7 }.may_be_since(1_000 * SECOND + 500, &stamp),
            expected,
            "{now_ns} {ctime_ns}"
        );
    }

    #[test]
    fn what_is_older_than_the_last_look_was_there() {
        let now = 1_010 * SECOND;
        check(now, 1_005 * SECOND + 1, true);
        check(now, 1_000 * SECOND - 1, true);
        check(now, 999 * SECOND + 1, false);
        // Whole seconds: 2.1 s of doubt.
        check(now, 997 * SECOND, false);
        check(now, 998 * SECOND, true);
    }

    #[test]
    fn in_doubt_it_is_new() {
        // The clock was set back.
        check(900 * SECOND, 800 * SECOND + 1, true);
        // Another file system has another clock.
        let stamp = Stamp { dev: 8, ctime_ns: 1, ..Stamp::default() };
        assert!(Clock { now_ns: 5, dev: 7 }.may_be_since(4, &stamp));
    }

    #[test]
    fn files_have_their_own_clock() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::open(folder.path()).unwrap();
        let before = Clock::of(&root, || panic!("the file system says it")).now_ns;
        std::fs::write(folder.path().join("a"), "").unwrap();
        let stat = root.stat_walked(Path::new("a")).unwrap();
        assert!(before <= state::changed_ns(&stat));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "the probe has no name");
    }
}
