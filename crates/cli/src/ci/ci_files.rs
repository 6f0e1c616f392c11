//! Files that a CI system, a package manager or a container build acts on by itself: whoever may change them runs
//! what they like on the machine that has the secrets. Pure.

/// Names with a leading dot that nothing runs or follows: they say what is ignored, how text is laid out, or nothing.
/// All others are configuration of some tool (CI, editors, agents, package managers), and new tools come every month:
/// so what is harmless is listed, not what is not.
const HARMLESS_DOT_NAMES: &[&str] = &[
    ".gitignore",
    ".gitkeep",
    ".keep",
    ".mailmap",
    ".ignore",
    ".rgignore",
    ".dockerignore",
    ".npmignore",
    ".eslintignore",
    ".prettierignore",
    ".helmignore",
    ".gcloudignore",
    ".vercelignore",
    ".hgignore",
    ".nojekyll",
    ".editorconfig",
    ".prettierrc",
    ".prettierrc.json",
    ".prettierrc.yaml",
    ".prettierrc.yml",
    ".prettierrc.toml",
    ".clang-format",
    ".rustfmt.toml",
    ".clippy.toml",
    ".markdownlint.json",
    ".markdownlint.yaml",
    ".yamllint",
    ".env.example",
    ".env.sample",
    ".env.template",
    // Directories of notes and prose.
    ".changeset",
    ".changes",
    ".changelog",
];

/// Directories without a leading dot, at any depth.
const DIRECTORIES: &[&str] = &["gitlab-ci"];

/// File names, at any depth.
const NAMES: &[&str] = &[
    // CI.
    "action.yml",
    "action.yaml",
    "jenkinsfile",
    "azure-pipelines.yml",
    "bitbucket-pipelines.yml",
    "appveyor.yml",
    "cloudbuild.yaml",
    "cloudbuild.yml",
    "buildspec.yml",
    "codefresh.yml",
    "wercker.yml",
    "codeowners",
    "dependabot.yml",
    "renovate.json",
    "renovate.json5",
    "lefthook.yml",
    "lefthook.yaml",
    "lefthook.toml",
    "lefthook.json",
    // Deployments that follow a push.
    "netlify.toml",
    "vercel.json",
    "now.json",
    "fly.toml",
    "render.yaml",
    "railway.json",
    "railway.toml",
    "heroku.yml",
    "procfile",
    "app.yaml",
    "wrangler.toml",
    "skaffold.yaml",
    "tiltfile",
    // Images and builds in containers.
    "containerfile",
    "earthfile",
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
    "gradle-wrapper.properties",
    "gradle-wrapper.jar",
    "maven-wrapper.properties",
    "maven-wrapper.jar",
    "pip.conf",
    "uv.toml",
    "bunfig.toml",
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
    let configures = |part: &str| part.starts_with('.') && part != "." && !HARMLESS_DOT_NAMES.contains(&part);
    let below = directory.split('/').any(|part| configures(part) || DIRECTORIES.contains(&part));
    // A directory of them can become a link or another repository.
    let is_one = configures(name) || DIRECTORIES.contains(&name) || NAMES.contains(&name);
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
            ".cargo/config.toml",
            ".agent/config.toml",
            "Jenkinsfile",
            ".semaphore/semaphore.yml",
            "codefresh.yml",
            "gitlab-ci/build.yml",
            ".gitlab-ci/build.yml",
            ".mvn/extensions.xml",
            "gradle/wrapper/gradle-wrapper.properties",
            ".yarn/releases/yarn.cjs",
            ".pnp.cjs",
            ".releaserc",
            "Earthfile",
            ".envrc.local",
            ".vscode/tasks.json",
            ".claude/settings.json",
            ".mcp.json",
            ".bazelrc",
            "sub/.a-tool-of-tomorrow.toml",
        ] {
            assert!(is_ci_file(path), "{path}");
        }
        for path in [
            "src/main.rs",
            "docs/github.md",
            "Cargo.toml",
            "src/docker.rs",
            "github/x",
            "src/hooks/useThing.ts",
            ".gitignore",
            "sub/.gitkeep",
            ".editorconfig",
            ".env.example",
            ".changeset/brave-cats.md",
            "a.b/c.d",
        ] {
            assert!(!is_ci_file(path), "{path}");
        }
    }
}
