//! What commands cannot read although the user can: one table, and how it is
//! found on this machine.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Below a home directory. A name that is not there costs nothing.
const IN_HOME: &[&str] = &[
    // Keys and logins.
    ".ssh",
    ".gnupg",
    ".netrc",
    ".git-credentials",
    ".config/git/credentials",
    ".password-store",
    ".pgpass",
    ".my.cnf",
    ".vault-token",
    ".config/sops",
    ".config/age",
    ".local/share/keyrings",
    ".local/share/kwalletd",
    ".config/1Password",
    ".config/Bitwarden",
    ".config/keepassxc",
    ".config/op",
    // Clouds and clusters.
    ".aws",
    ".azure",
    ".config/gcloud",
    ".boto",
    ".s3cfg",
    ".oci",
    ".kube",
    ".docker",
    ".config/containers/auth.json",
    ".databrickscfg",
    ".config/doctl",
    ".fly",
    ".config/rclone",
    ".terraform.d/credentials.tfrc.json",
    ".terraformrc",
    // Forges and package registries.
    ".config/gh",
    ".config/glab-cli",
    ".config/hub",
    ".npmrc",
    ".yarnrc.yml",
    ".pypirc",
    ".gem/credentials",
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".config/composer/auth.json",
    ".composer/auth.json",
    // Agents: ours, and the keys of the others.
    ".config/agent",
    ".local/state/agent",
    ".vibe",
    ".codex",
    ".claude",
    ".claude.json",
    ".gemini",
    ".config/goose",
    ".local/share/opencode",
    ".config/opencode",
    ".aider.conf.yml",
    ".config/openai",
    ".config/github-copilot",
    // Browsers and mail.
    ".mozilla",
    ".thunderbird",
    ".config/google-chrome",
    ".config/chromium",
    ".config/BraveSoftware",
    ".config/microsoft-edge",
    ".config/vivaldi",
    ".config/opera",
    "snap/firefox",
    "snap/chromium",
    ".var/app",
    // What was typed.
    ".bash_history",
    ".zsh_history",
    ".local/share/fish/fish_history",
    ".python_history",
    ".node_repl_history",
    ".psql_history",
    ".mysql_history",
    ".sqlite_history",
    ".env",
    ".envrc",
];

/// Variables that put a part of HOME elsewhere.
const MOVED: &[(&str, &str)] = &[
    (".config", "XDG_CONFIG_HOME"),
    (".local/share", "XDG_DATA_HOME"),
    (".local/state", "XDG_STATE_HOME"),
    (".cargo", "CARGO_HOME"),
    (".gnupg", "GNUPGHOME"),
    (".docker", "DOCKER_CONFIG"),
];

/// Readable by root alone, which a command may be.
const IN_SYSTEM: &[&str] = &[
    "/etc/shadow",
    "/etc/shadow-",
    "/etc/gshadow",
    "/etc/gshadow-",
    "/etc/sudoers",
    "/etc/sudoers.d",
    "/etc/ssh/ssh_host_rsa_key",
    "/etc/ssh/ssh_host_ecdsa_key",
    "/etc/ssh/ssh_host_ed25519_key",
    "/etc/krb5.keytab",
    "/etc/ssl/private",
    "/var/lib/docker",
    "/var/lib/containerd",
    "/var/lib/kubelet",
    // Control sockets outside /run, which is hidden as a whole.
    "/var/lib/lxd/unix.socket",
    "/var/snap/lxd/common/lxd/unix.socket",
    "/var/lib/incus/unix.socket",
];

/// Settings with keys in them, as projects keep them beside their code.
const DOT_ENV: &[&str] =
    &[".env", ".env.local", ".env.development", ".env.test", ".env.staging", ".env.production", ".env.prod", ".envrc"];
/// Directories that are looked through for [`DOT_ENV`]: a home with more has them in some other order of its own.
const MOST_NEIGHBOURS: usize = 2_000;

/// Every path of the tables that exists, and `more`. Absolute, without links. `variable`: of the agent's own
/// environment.
pub(crate) fn hidden(
    workspace: &Path,
    home: Option<&Path>,
    more: &[PathBuf],
    variable: impl Fn(&str) -> Option<OsString>,
) -> Vec<PathBuf> {
    let homes = homes(home);
    let in_homes = homes.iter().flat_map(|home| IN_HOME.iter().map(|name| home.join(name)));
    let moved = MOVED.iter().filter_map(|(place, name)| Some((*place, PathBuf::from(variable(name)?))));
    let moved = moved.flat_map(|(place, to)| {
        let below = IN_HOME.iter().filter_map(move |name| Path::new(name).strip_prefix(place).ok());
        below.map(move |rest| to.join(rest))
    });
    let in_system = IN_SYSTEM.iter().map(PathBuf::from);
    // `join` leaves an absolute path as it is.
    let named = more.iter().map(|path| home.unwrap_or(Path::new("/")).join(path));
    let found = in_homes.chain(moved).chain(in_system).chain(named).chain(dot_envs(workspace, home));
    // What a link leads to is hidden, and so the link leads to nothing.
    let mut found: Vec<PathBuf> = found.filter_map(|path| std::fs::canonicalize(path).ok()).collect();
    found.sort();
    found.dedup();
    // In a hidden directory all is hidden.
    let mut top: Vec<PathBuf> = Vec::new();
    for path in found {
        if !top.iter().any(|above| path.starts_with(above)) && !workspace.starts_with(&path) {
            top.push(path);
        }
    }
    top
}

/// Of others only where we could look into them, that is, as root.
fn homes(home: Option<&Path>) -> Vec<PathBuf> {
    let mut homes: Vec<PathBuf> = home.into_iter().map(Path::to_path_buf).collect();
    homes.push(PathBuf::from("/root"));
    homes.extend(std::fs::read_dir("/home").into_iter().flatten().flatten().map(|entry| entry.path()));
    homes
}

/// Of the projects beside the workspace and beside its parents. Its own are its own.
fn dot_envs(workspace: &Path, home: Option<&Path>) -> Vec<PathBuf> {
    let above = workspace.ancestors().skip(1).take_while(|dir| Some(*dir) != home.and_then(Path::parent));
    let above: Vec<&Path> = above.filter(|dir| dir.components().count() > 1).collect();
    let beside = above.iter().flat_map(std::fs::read_dir).flatten().flatten();
    let beside = beside.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path());
    let dirs = above.iter().map(|dir| dir.to_path_buf()).chain(beside.take(MOST_NEIGHBOURS));
    let others = dirs.filter(|dir| dir != workspace);
    others.flat_map(|dir| DOT_ENV.iter().map(move |name| dir.join(name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_hidden_once() {
        let folder = tempfile::tempdir().unwrap();
        let home = std::fs::canonicalize(folder.path()).unwrap();
        for dir in [".ssh", "real-aws", "code/mine", "code/other", "code/none", ".config/gh"] {
            std::fs::create_dir_all(home.join(dir)).unwrap();
        }
        for file in [".ssh/id_ed25519", "code/mine/.env", "code/other/.env", "code/other/.env.example", "tool.key"] {
            std::fs::write(home.join(file), "x").unwrap();
        }
        std::os::unix::fs::symlink("real-aws", home.join(".aws")).unwrap();
        let more = ["tool.key".into(), home.join(".ssh/id_ed25519")];
        let found = hidden(&home.join("code/mine"), Some(&home), &more, |_| None);
        let found: Vec<&Path> = found.iter().filter_map(|path| path.strip_prefix(&home).ok()).collect();
        assert_eq!(found, [".config/gh", ".ssh", "code/other/.env", "real-aws", "tool.key"].map(Path::new));
    }

    #[test]
    fn what_a_variable_moved_is_hidden_there() {
        let folder = tempfile::tempdir().unwrap();
        let at = std::fs::canonicalize(folder.path()).unwrap();
        std::fs::create_dir_all(at.join("state/agent")).unwrap();
        std::fs::create_dir_all(at.join("keys")).unwrap();
        let variable = |name: &str| match name {
            "XDG_STATE_HOME" => Some(at.join("state").into()),
            "GNUPGHOME" => Some(at.join("keys").into()),
            _ => None,
        };
        let found = hidden(&at.join("workspace"), None, &[], variable);
        assert!(found.contains(&at.join("state/agent")) && found.contains(&at.join("keys")), "{found:?}");
    }

    #[test]
    fn the_workspace_is_never_hidden() {
        let folder = tempfile::tempdir().unwrap();
        let home = std::fs::canonicalize(folder.path()).unwrap();
        std::fs::create_dir_all(home.join(".codex/project")).unwrap();
        assert!(!hidden(&home.join(".codex/project"), Some(&home), &[], |_| None).contains(&home.join(".codex")));
    }
}
