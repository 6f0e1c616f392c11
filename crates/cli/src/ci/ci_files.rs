//! Files that a CI system, a package manager or a container build acts on by itself: whoever may change them runs
//! what they like on the machine that has the secrets. Pure.

/// Directories, at any depth.
const DIRECTORIES: &[&str] = &[
    ".github",
    ".gitlab",
    ".forgejo",
    ".gitea",
    ".circleci",
    ".buildkite",
    ".woodpecker",
    ".teamcity",
    ".azure-pipelines",
    ".tekton",
    ".husky",
    ".githooks",
    ".hooks",
    ".devcontainer",
    ".cargo",
    ".agent",
    ".ci",
];

/// File names, at any depth.
const NAMES: &[&str] = &[
    // CI.
    "action.yml",
    "action.yaml",
    "jenkinsfile",
    "azure-pipelines.yml",
    "bitbucket-pipelines.yml",
    "appveyor.yml",
    ".appveyor.yml",
    ".travis.yml",
    ".drone.yml",
    ".cirrus.yml",
    ".woodpecker.yml",
    ".woodpecker.yaml",
    "cloudbuild.yaml",
    "buildspec.yml",
    "codeowners",
    "dependabot.yml",
    "renovate.json",
    ".renovaterc",
    ".pre-commit-config.yaml",
    "lefthook.yml",
    ".lefthook.yml",
    // What git does by itself.
    ".gitattributes",
    ".gitmodules",
    ".lfsconfig",
    // Images.
    "containerfile",
    "docker-compose.yml",
    "docker-compose.yaml",
    "compose.yml",
    "compose.yaml",
    "vagrantfile",
    // Where packages come from, and which.
    "cargo.lock",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "bun.lock",
    "bun.lockb",
    "deno.lock",
    "poetry.lock",
    "uv.lock",
    "pdm.lock",
    "pipfile.lock",
    "gemfile.lock",
    "composer.lock",
    "go.sum",
    "flake.lock",
    "gradle.lockfile",
    "packages.lock.json",
    "mix.lock",
    "pubspec.lock",
    "package.resolved",
    "podfile.lock",
    ".npmrc",
    ".yarnrc",
    ".yarnrc.yml",
    ".pnpmfile.cjs",
    "pip.conf",
    ".envrc",
    "rust-toolchain",
    "rust-toolchain.toml",
];

/// What the name begins with.
const BEGINNINGS: &[&str] = &[".gitlab-ci", "dockerfile", "azure-pipelines"];

/// What the name ends with.
const ENDINGS: &[&str] = &[".dockerfile", ".gitlab-ci.yml"];

/// githooks(5); `core.hooksPath` can name any directory.
const GIT_HOOKS: &[&str] = &[
    "applypatch-msg",
    "pre-applypatch",
    "post-applypatch",
    "pre-commit",
    "pre-merge-commit",
    "prepare-commit-msg",
    "commit-msg",
    "post-commit",
    "pre-rebase",
    "post-checkout",
    "post-merge",
    "pre-push",
    "pre-receive",
    "post-receive",
    "post-update",
    "post-rewrite",
    "fsmonitor-watchman",
];

/// Whether such a file is at this path, from the root of the repository. A checkout may be on a file system that does
/// not tell capitals from small letters.
pub(crate) fn is_ci_file(path: &str) -> bool {
    let path = path.to_lowercase();
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", &path));
    let below = directory.split('/').any(|part| DIRECTORIES.contains(&part));
    // A directory of them can become a link or another repository.
    let is_one = DIRECTORIES.contains(&name) || NAMES.contains(&name);
    let looks = BEGINNINGS.iter().any(|begin| name.starts_with(begin)) || ENDINGS.iter().any(|end| name.ends_with(end));
    below || is_one || looks || GIT_HOOKS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_by_itself_is_known() {
        for path in [
            ".github/workflows/ci.yml",
            ".GitHub/Workflows/x.yml",
            ".github",
            "sub/.github/actions/a/action.yml",
            ".gitlab-ci.yml",
            "ci/build.gitlab-ci.yml",
            ".gitlab/x.yml",
            ".forgejo/workflows/a.yaml",
            ".gitea/workflows/a.yaml",
            "Dockerfile",
            "docker/Dockerfile.test",
            "a.dockerfile",
            "Cargo.lock",
            "web/package-lock.json",
            ".husky/pre-commit",
            "tools/hooks/pre-push",
            ".gitattributes",
            ".gitmodules",
            ".npmrc",
            ".cargo/config.toml",
            ".agent/config.toml",
            "Jenkinsfile",
        ] {
            assert!(is_ci_file(path), "{path}");
        }
        for path in
            ["src/main.rs", "docs/github.md", "Cargo.toml", "src/docker.rs", "github/x", "src/hooks/useThing.ts"]
        {
            assert!(!is_ci_file(path), "{path}");
        }
    }
}
