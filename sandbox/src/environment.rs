//! Which variables a command sees: an allow-list, so that no key reaches it.

use std::ffi::{OsStr, OsString};

/// Passed on as they are.
const ALLOWED: &[&str] = &[
    // The user and the system.
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TERM",
    "TMPDIR",
    "TZ",
    "LANG",
    "LANGUAGE",
    "HOSTNAME",
    "CI",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_DATA_DIRS",
    "SOURCE_DATE_EPOCH",
    // Certificates: paths, not secrets.
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    // Who commits.
    "GIT_AUTHOR_NAME",
    "GIT_AUTHOR_EMAIL",
    "GIT_COMMITTER_NAME",
    "GIT_COMMITTER_EMAIL",
    // Compilers and linkers.
    "CC",
    "CXX",
    "AR",
    "LD",
    "CFLAGS",
    "CXXFLAGS",
    "CPPFLAGS",
    "LDFLAGS",
    "MAKEFLAGS",
    "CPATH",
    "LIBRARY_PATH",
    "LD_LIBRARY_PATH",
    "PKG_CONFIG_PATH",
    "CMAKE_PREFIX_PATH",
    // Rust.
    "CARGO_HOME",
    "CARGO_TARGET_DIR",
    "CARGO_BUILD_JOBS",
    "CARGO_NET_OFFLINE",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "RUSTFLAGS",
    "RUSTDOCFLAGS",
    "RUSTC_WRAPPER",
    "RUST_BACKTRACE",
    "RUST_LOG",
    // Go.
    "GOPATH",
    "GOROOT",
    "GOBIN",
    "GOCACHE",
    "GOMODCACHE",
    "GOFLAGS",
    "GOPROXY",
    "GOTOOLCHAIN",
    "CGO_ENABLED",
    // Python.
    "VIRTUAL_ENV",
    "PYTHONPATH",
    "PYTHONHOME",
    "PYENV_ROOT",
    "PYENV_VERSION",
    "CONDA_PREFIX",
    "CONDA_DEFAULT_ENV",
    "CONDA_EXE",
    "POETRY_HOME",
    "UV_CACHE_DIR",
    "UV_PYTHON",
    "PIP_CACHE_DIR",
    "PIP_NO_INDEX",
    "PIP_FIND_LINKS",
    // JavaScript.
    "NVM_DIR",
    "NVM_BIN",
    "NODE_PATH",
    "NODE_OPTIONS",
    "NODE_ENV",
    "PNPM_HOME",
    "VOLTA_HOME",
    "FNM_DIR",
    "BUN_INSTALL",
    "DENO_DIR",
    "COREPACK_HOME",
    "YARN_CACHE_FOLDER",
    // The JVM, .NET, Ruby, PHP, Android, and managers of many.
    "JAVA_HOME",
    "MAVEN_HOME",
    "M2_HOME",
    "GRADLE_HOME",
    "GRADLE_USER_HOME",
    "SDKMAN_DIR",
    "ANDROID_HOME",
    "ANDROID_SDK_ROOT",
    "DOTNET_ROOT",
    "GEM_HOME",
    "GEM_PATH",
    "RBENV_ROOT",
    "RBENV_VERSION",
    "COMPOSER_HOME",
    "ASDF_DIR",
    "ASDF_DATA_DIR",
    "MISE_DATA_DIR",
    "NIX_PATH",
    "NIX_PROFILES",
    "NIX_SSL_CERT_FILE",
];

/// Passed on unless the rest of the name looks like a secret.
const ALLOWED_PREFIX: &str = "LC_";

/// In capitals, anywhere in a name. Only `pass` lets such a variable through a prefix.
const SECRET: &[&str] = &["KEY", "TOKEN", "SECRET", "PASS", "CREDENTIAL", "AUTH", "COOKIE", "SESSION", "PRIVATE"];

/// What we set, whatever the user has.
const SET: &[(&str, &str)] = &[
    // A pager waits for a key that nobody presses.
    ("PAGER", "cat"),
    ("GIT_PAGER", "cat"),
    ("MANPAGER", "cat"),
    // git fails at once instead of asking for a password, and takes the message it has instead of opening an editor.
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_EDITOR", "true"),
    // Escape sequences are tokens without a meaning to the model.
    ("NO_COLOR", "1"),
    ("TERM", "dumb"),
    // `__pycache__` in the workspace is litter in the user's `git status`. Compiled packages elsewhere are still read.
    ("PYTHONDONTWRITEBYTECODE", "1"),
];
// `CI` is not set: it stops watchers, but it also makes test runners refuse new snapshots and package managers refuse
// lock files that changed, and then the model sees other failures than the user.

/// The environment of a command, from ours: sorted, each name once.
pub(crate) fn allowed(ours: impl Iterator<Item = (OsString, OsString)>, pass: &[String]) -> Vec<(OsString, OsString)> {
    let mut theirs: Vec<(OsString, OsString)> = ours.filter(|(name, _)| is_allowed(name, pass)).collect();
    let kept = |name: &str, theirs: &[(OsString, OsString)]| theirs.iter().any(|(other, _)| other == name);
    for (name, value) in SET {
        if !pass.iter().any(|passed| passed == name) {
            theirs.retain(|(other, _)| other != name);
            theirs.push((name.into(), value.into()));
        }
    }
    if !kept("LANG", &theirs) && !kept("LC_ALL", &theirs) {
        // Else Python, git and others print `?` for every letter that is not ASCII.
        theirs.push(("LANG".into(), "C.UTF-8".into()));
    }
    theirs.sort();
    theirs.dedup_by(|one, two| one.0 == two.0);
    theirs
}

fn is_allowed(name: &OsStr, pass: &[String]) -> bool {
    let Some(name) = name.to_str() else { return false };
    if pass.iter().any(|passed| passed == name) || ALLOWED.contains(&name) {
        return true;
    }
    let upper = name.to_uppercase();
    name.starts_with(ALLOWED_PREFIX) && !SECRET.iter().any(|word| upper.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(ours: &[(&str, &str)], pass: &[&str], name: &str, expected: Option<&str>) {
        let ours = ours.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let pass: Vec<String> = pass.iter().map(|name| (*name).to_string()).collect();
        let theirs = allowed(ours, &pass);
        let value = theirs.iter().find(|(other, _)| other == name).map(|(_, value)| value.to_str().unwrap());
        assert_eq!(value, expected);
    }

    #[test]
    fn keys_do_not_pass() {
        for name in ["MISTRAL_API_KEY", "GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "SSH_AUTH_SOCK", "LC_API_KEY", "FOO"] {
            check(&[(name, "planted")], &[], name, None);
        }
    }

    #[test]
    fn toolchains_and_locale_pass() {
        check(&[("CARGO_HOME", "/c")], &[], "CARGO_HOME", Some("/c"));
        check(&[("LC_ALL", "de_DE.UTF-8")], &[], "LC_ALL", Some("de_DE.UTF-8"));
        check(&[("GIT_AUTHOR_NAME", "A")], &[], "GIT_AUTHOR_NAME", Some("A"));
    }

    #[test]
    fn the_user_can_name_more() {
        check(&[("DB_PASSWORD", "x")], &["DB_PASSWORD"], "DB_PASSWORD", Some("x"));
        check(&[("TERM", "xterm")], &["TERM"], "TERM", Some("xterm"));
        // By its whole name, and in no other way.
        for pattern in ["DB_*", "*", "DB_", "db_password", "DB_PASSWORD=x"] {
            check(&[("DB_PASSWORD", "x")], &[pattern], "DB_PASSWORD", None);
        }
    }

    #[test]
    fn nothing_waits_for_a_human() {
        check(&[("PAGER", "less"), ("TERM", "xterm-256color")], &[], "PAGER", Some("cat"));
        check(&[], &[], "GIT_TERMINAL_PROMPT", Some("0"));
        check(&[], &[], "LANG", Some("C.UTF-8"));
        check(&[("LANG", "fr_FR.UTF-8")], &[], "LANG", Some("fr_FR.UTF-8"));
    }
}
