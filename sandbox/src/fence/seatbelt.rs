//! The same policy as a profile for macOS' `sandbox-exec -p PROFILE`.
//!
//! Untried: written from Apple's own profiles in /System/Library/Sandbox and
//! tested as text alone. Nothing starts it yet. What it cannot do as Linux
//! does: HOME is read-only instead of forgotten, and loopback is the Mac's.

use std::fmt::Write as _;
use std::path::Path;

use crate::fence::policy::Policy;
use crate::network::Network;

/// What every program needs to start. The rest is refused.
const BASE: &str = "\
(version 1)
(deny default)
(allow process-exec process-fork)
(allow signal process-info* (target same-sandbox))
(allow sysctl-read)
(allow ipc-posix-sem)
(allow mach-lookup
  (global-name \"com.apple.system.opendirectoryd.libinfo\")
  (global-name \"com.apple.system.logger\")
  (global-name \"com.apple.trustd.agent\"))
(allow pseudo-tty)
(allow file-ioctl (regex #\"^/dev/tty\"))
(allow file-write-data (literal \"/dev/null\") (literal \"/dev/zero\") (literal \"/dev/tty\") (regex #\"^/dev/ttys[0-9]\"))
";

/// git runs or follows these later, in repositories at every depth.
const GIT: &str = "(deny file-write* (regex #\"/\\.git/(.*/)?(hooks(/|$)|config$|config\\.worktree$|info/attributes$|commondir$|gitdir$)\"))\n";

/// `tmp`: a directory of the run, which `TMPDIR` names. `proxy`: the port of the way to `--network hosts=...`.
/// `None`: a path that a profile cannot say.
pub(crate) fn profile(policy: &Policy, tmp: &Path, proxy: Option<u16>) -> Option<String> {
    let mut profile = String::from(BASE);
    // The last rule that fits is the one that counts.
    profile.push_str("(allow file-read*)\n");
    for path in &policy.hidden {
        rule(&mut profile, "deny file-read* file-write*", path)?;
    }
    for path in &policy.readable {
        rule(&mut profile, "allow file-read*", path)?;
    }
    for path in policy.writable.iter().map(|path| &**path).chain([tmp]) {
        rule(&mut profile, "allow file-read* file-write*", path)?;
    }
    profile.push_str(GIT);
    match (&policy.network, proxy) {
        (Network::On, _) => profile.push_str("(allow network*)\n"),
        (Network::Hosts(_), Some(port)) => {
            writeln!(profile, "(allow network-outbound (remote ip \"localhost:{port}\"))").ok()?;
        }
        // Not even loopback: what listens there is the user's.
        (Network::Off | Network::Hosts(_), _) => profile.push_str("(deny network*)\n"),
    }
    Some(profile)
}

fn rule(profile: &mut String, what: &str, path: &Path) -> Option<()> {
    let path = path.to_str()?.replace('\\', "\\\\").replace('"', "\\\"");
    writeln!(profile, "({what} (subpath \"{path}\"))").ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fence::policy::{AnyPath, Namespaces};
    use crate::options::CommandLimits;

    fn profile_of(network: &str, writable: &str) -> Option<String> {
        let any = |path: &str| AnyPath::from(std::path::PathBuf::from(path));
        let policy = Policy {
            writable: vec![any(writable)],
            readable: vec![any("/Users/a/.ssh/shown")],
            scratch: vec![any("/Users/a")],
            hidden: vec![any("/Users/a/.ssh")],
            network: network.parse().unwrap(),
            limits: CommandLimits::default(),
            namespaces: Namespaces::Leave,
            git: crate::private_git::GitMounts::default(),
        };
        profile(&policy, Path::new("/private/tmp/run"), Some(8_000))
    }

    #[test]
    fn it_says_what_the_policy_says() {
        let profile = profile_of("off", "/Users/a/code").unwrap();
        let (base, rest) = profile.split_at(BASE.len());
        assert!(base.starts_with("(version 1)\n(deny default)\n"));
        let lines: Vec<&str> = rest.lines().collect();
        assert_eq!(lines.len(), 7, "{rest}");
        assert_eq!(
            lines[..5],
            [
                "(allow file-read*)",
                "(deny file-read* file-write* (subpath \"/Users/a/.ssh\"))",
                "(allow file-read* (subpath \"/Users/a/.ssh/shown\"))",
                "(allow file-read* file-write* (subpath \"/Users/a/code\"))",
                "(allow file-read* file-write* (subpath \"/private/tmp/run\"))",
            ]
        );
        assert!(lines[5].starts_with("(deny file-write* (regex ") && lines[5].contains("hooks"));
        assert_eq!(lines[6], "(deny network*)");
        // Every bracket is closed.
        assert_eq!(rest.matches('(').count(), rest.matches(')').count());
    }

    #[test]
    fn the_network_is_what_the_user_opened() {
        assert!(profile_of("on", "/w").unwrap().ends_with("(allow network*)\n"));
        let hosts = profile_of("hosts=a.example", "/w").unwrap();
        assert!(hosts.ends_with("(allow network-outbound (remote ip \"localhost:8000\"))\n"), "{hosts}");
    }

    #[test]
    fn a_path_cannot_end_its_string() {
        let profile = profile_of("off", "/w\") (allow network*) (\\").unwrap();
        assert!(profile.contains(r#"(subpath "/w\") (allow network*) (\\")"#), "{profile}");
    }
}
