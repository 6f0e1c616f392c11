//! What is above a workspace that is a directory of a repository: the AGENTS.md files on the way up to the repository's
//! root, and its branch. Only for our own look at the start; no tool of the model reaches there.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use agent::{Above, Guidance, SandboxError};
use rustix::fs::OFlags;

use crate::beneath::{Root, regular};

/// Of one AGENTS.md: what is longer is not guidance.
const MOST_BYTES: u64 = 1 << 20;
const FILE_NAME: &str = "AGENTS.md";

/// `workspace`: absolute, without links.
pub(crate) fn look(workspace: &Path) -> Above {
    let mut above = Above::default();
    let has_git = |dir: &&Path| dir.join(".git").symlink_metadata().is_ok();
    let Some(top) = workspace.ancestors().find(has_git).filter(|top| *top != workspace) else { return above };
    // As git does (safe.directory): what another user put above us, such as in /tmp, does not speak to our model.
    if !is_ours(top) || !is_ours(&top.join(".git")) {
        return above;
    }
    let Ok(root) = Root::open(top) else { return above };
    above.head = read(&root, Path::new(".git/HEAD")).ok().flatten();
    let mut dirs: Vec<&Path> = workspace.ancestors().skip(1).take_while(|dir| dir.starts_with(top)).collect();
    dirs.reverse();
    for dir in dirs {
        let Ok(inside) = dir.strip_prefix(top) else { continue };
        let place = dir.join(FILE_NAME).display().to_string();
        match read(&root, &inside.join(FILE_NAME)) {
            Ok(Some(text)) => above.guidance.push(Guidance { place, text }),
            Ok(None) => {}
            Err(error) => above.trouble.push(format!("{place} was not read: {error}")),
        }
    }
    above
}

fn is_ours(path: &Path) -> bool {
    let own = rustix::process::getuid().as_raw();
    path.symlink_metadata().is_ok_and(|metadata| metadata.uid() == own)
}

/// `None`: it is not there.
fn read(root: &Root, path: &Path) -> Result<Option<String>, SandboxError> {
    let file = match root.open_file(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY) {
        Ok(file) => file,
        Err(SandboxError::NotFound(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let bytes = u64::try_from(regular(path, &file)?.st_size).unwrap_or(0);
    if MOST_BYTES < bytes {
        return Err(SandboxError::TooLarge { path: path.to_path_buf(), bytes, max_bytes: MOST_BYTES });
    }
    let mut text = Vec::new();
    File::from(file)
        .take(MOST_BYTES)
        .read_to_end(&mut text)
        .map_err(|source| SandboxError::Io { path: path.to_path_buf(), source })?;
    Ok(Some(String::from_utf8_lossy(&text).into_owned()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::testing::ODD_FILES;

    fn repository() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let top = fs::canonicalize(folder.path()).unwrap();
        fs::create_dir_all(top.join("repo/.git")).unwrap();
        fs::create_dir_all(top.join("repo/pkg/deep")).unwrap();
        fs::write(top.join("repo/.git/HEAD"), "ref: refs/heads/main\n").unwrap();
        fs::write(top.join("AGENTS.md"), "above").unwrap();
        (folder, top.join("repo"))
    }

    #[test]
    fn each_level_from_the_repositorys_root_down_is_read() {
        let (_folder, repo) = repository();
        fs::write(repo.join("AGENTS.md"), "root").unwrap();
        fs::write(repo.join("pkg/AGENTS.md"), "pkg").unwrap();
        fs::write(repo.join("pkg/deep/AGENTS.md"), "the workspace's own").unwrap();
        let above = look(&repo.join("pkg/deep"));
        let texts: Vec<&str> = above.guidance.iter().map(|guidance| guidance.text.as_str()).collect();
        assert_eq!((texts, above.head.as_deref()), (vec!["root", "pkg"], Some("ref: refs/heads/main\n")));
        assert_eq!(above.guidance[0].place, repo.join("AGENTS.md").display().to_string());
        assert_eq!(look(&repo), Above::default());
    }

    #[test]
    fn what_leads_out_or_is_not_a_file_is_left_out_and_said() {
        let (_folder, repo) = repository();
        std::os::unix::fs::symlink("../AGENTS.md", repo.join("AGENTS.md")).unwrap();
        let above = look(&repo.join("pkg"));
        assert_eq!((above.guidance.len(), above.trouble.len()), (0, 1), "{above:?}");
        for (kind, make) in ODD_FILES {
            let (_folder, repo) = repository();
            make(&repo.join("AGENTS.md"));
            fs::remove_file(repo.join(".git/HEAD")).unwrap();
            make(&repo.join(".git/HEAD"));
            let above = look(&repo.join("pkg"));
            assert_eq!((above.guidance.len(), above.trouble.len(), above.head), (0, 1, None), "{kind}");
        }
    }
}
