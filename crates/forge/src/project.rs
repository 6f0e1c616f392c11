//! Which project on which forge, found from the remote's URL and from flags. Pure.
//!
//! A user name or password in the remote's URL is never kept, and never repeated in an error.

use url::{Host, Url};

use crate::failure::Failure;

/// The forges that we speak to. Gitea is spoken to as Forgejo: the calls that we make are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    GitHub,
    GitLab,
    Forgejo,
}

impl std::str::FromStr for Kind {
    type Err = Failure;

    /// As `--forge` takes it.
    fn from_str(text: &str) -> Result<Kind, Failure> {
        match text.to_ascii_lowercase().as_str() {
            "github" => Ok(Kind::GitHub),
            "gitlab" => Ok(Kind::GitLab),
            "forgejo" | "gitea" => Ok(Kind::Forgejo),
            _ => Err(Failure::usage(format!("unknown forge `{text}`"), "use github, gitlab, forgejo or gitea")),
        }
    }
}

impl Kind {
    /// Its name, as people write it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::GitHub => "GitHub",
            Kind::GitLab => "GitLab",
            Kind::Forgejo => "Forgejo",
        }
    }

    /// What this forge calls a change that waits for review.
    pub fn change_name(self) -> &'static str {
        match self {
            Kind::GitHub | Kind::Forgejo => "pull request",
            Kind::GitLab => "merge request",
        }
    }

    /// The public forges by name, others by how such hosts are usually called.
    fn of_host(host: &str) -> Option<Kind> {
        let labels: Vec<&str> = host.split('.').collect();
        let is = |name: &str| labels.contains(&name);
        if host == "github.com" || host.ends_with(".ghe.com") || is("github") {
            Some(Kind::GitHub)
        } else if host == "gitlab.com" || is("gitlab") {
            Some(Kind::GitLab)
        } else if host == "codeberg.org" || is("forgejo") || is("gitea") {
            Some(Kind::Forgejo)
        } else {
            None
        }
    }

    fn api(self, base: &Url) -> Result<Url, Failure> {
        let host = base.host_str().unwrap_or_default();
        let url = match self {
            // Where each is: docs.github.com "Getting started with the REST API", and of GitHub Enterprise Server and
            // Enterprise Cloud with data residency; docs.gitlab.com/api/rest; the `basePath` of Forgejo's swagger.
            Kind::GitHub if host == "github.com" => "https://api.github.com".to_owned(),
            Kind::GitHub if host.ends_with(".ghe.com") => format!("https://api.{host}"),
            Kind::GitHub => format!("{}/api/v3", bare(base)),
            Kind::GitLab => format!("{}/api/v4", bare(base)),
            Kind::Forgejo => format!("{}/api/v1", bare(base)),
        };
        parse(&url)
    }
}

/// What the human says where the remote's URL does not tell.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--forge`.
    pub kind: Option<Kind>,
    /// `--forge-url`: where the forge's pages begin, such as `https://git.example.org` or `https://example.org/gitlab`.
    pub url: Option<String>,
}

/// One project on one forge. No part of it holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    pub kind: Kind,
    /// Where the REST API begins, without a slash at the end.
    pub api: Url,
    /// `owner/name`; on GitLab the groups between them too.
    pub path: String,
    /// Where git pushes to, over HTTPS whatever the remote's own scheme is, since a token is of no use to SSH.
    pub git: Url,
}

impl Project {
    /// Errors: a remote that is no forge's, a host of an unknown kind, a forge without TLS that is not on this machine.
    pub fn find(remote: &str, overrides: &Overrides) -> Result<Project, Failure> {
        let remote = Remote::parse(remote)?;
        let base = match &overrides.url {
            Some(url) => parse(url.trim().trim_end_matches('/'))?,
            None => remote.base.clone(),
        };
        let kind = overrides.kind.or_else(|| Kind::of_host(base.host_str()?)).ok_or_else(|| {
            Failure::usage(
                format!("unknown kind of forge: {}", base.host_str().unwrap_or_default()),
                "set it: --forge github, gitlab, forgejo or gitea",
            )
        })?;
        // A forge below a path has it in its remotes over HTTP, and not in those over SSH.
        let prefix = base.path().trim_matches('/');
        let path = remote.path.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/')).unwrap_or(&remote.path);
        let path = project_path(kind, path)?;
        let git = parse(&format!("{}/{path}.git", bare(&base)))?;
        Ok(Project { kind, api: kind.api(&base)?, path, git })
    }

    pub(crate) fn owner(&self) -> &str {
        self.path.split('/').next().unwrap_or_default()
    }
}

/// A remote's URL, taken apart.
struct Remote {
    /// Scheme, host and port of its pages, as far as a remote tells.
    base: Url,
    path: String,
}

const HINT: &str = "a forge's remote looks like https://HOST/OWNER/NAME.git or git@HOST:OWNER/NAME.git";

impl Remote {
    fn parse(text: &str) -> Result<Remote, Failure> {
        let text = text.trim();
        let (base, path) = match (text.split_once("://"), text.split_once(':')) {
            (Some(_), _) => {
                let url = Url::parse(text).map_err(|_| Failure::usage("cannot parse the remote's URL", HINT))?;
                let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(no_forge)?;
                let base = match (url.scheme(), url.port()) {
                    // The port of SSH says nothing about that of the pages.
                    ("ssh" | "git+ssh" | "ssh+git" | "git", _) => format!("https://{host}"),
                    (scheme @ ("http" | "https"), None) => format!("{scheme}://{host}"),
                    (scheme @ ("http" | "https"), Some(port)) => format!("{scheme}://{host}:{port}"),
                    _ => return Err(no_forge()),
                };
                (base, url.path().to_owned())
            }
            // scp's way to write it: a colon before the first slash.
            (None, Some((host, path))) if !host.contains('/') => {
                let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
                (format!("https://{host}"), path.to_owned())
            }
            (None, _) => return Err(no_forge()),
        };
        let path = path.trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path).to_owned();
        let base = Url::parse(&base).map_err(|_| Failure::usage("cannot parse the remote's host", HINT))?;
        Ok(Remote { base, path })
    }
}

fn no_forge() -> Failure {
    Failure::usage("the remote is not on a forge: it names no host", HINT)
}

/// Checked, because it becomes part of URLs.
fn project_path(kind: Kind, path: &str) -> Result<String, Failure> {
    let parts: Vec<&str> = path.split('/').collect();
    let plain = |part: &&str| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'+' | b'~');
        !part.is_empty() && !matches!(*part, "." | "..") && part.bytes().all(known)
    };
    let deep = match kind {
        Kind::GitHub | Kind::Forgejo => parts.len() == 2,
        Kind::GitLab => parts.len() >= 2,
    };
    if deep && parts.iter().all(plain) {
        return Ok(path.to_owned());
    }
    Err(Failure::usage(format!("the remote names no project on {}", kind.name()), HINT))
}

/// A URL that a token may be sent to: over TLS, or to this machine; without anything but scheme, host, port and path.
fn parse(text: &str) -> Result<Url, Failure> {
    let hint = "it looks like https://git.example.org";
    let mut url = Url::parse(text).map_err(|_| Failure::usage("cannot parse the forge's URL", hint))?;
    if url.host_str().is_none_or(str::is_empty) || !matches!(url.scheme(), "http" | "https") {
        return Err(Failure::usage("the forge's URL is not http:// or https://", hint));
    }
    if url.scheme() == "http" && !is_loopback(&url) {
        return Err(Failure::usage(
            format!("the token would go to {} without TLS", url.host_str().unwrap_or_default()),
            "pass the forge's https:// URL with --forge-url",
        ));
    }
    // All of these work for a URL that has a host.
    let _ = (url.set_username(""), url.set_password(None));
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

fn bare(url: &Url) -> &str {
    url.as_str().trim_end_matches('/')
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(remotes: &[&str], kind: &str, url: &str, expected: Expect) {
        let overrides = Overrides { kind: kind.parse().ok(), url: Some(url.to_owned()).filter(|url| !url.is_empty()) };
        let mut shown: Vec<String> = remotes
            .iter()
            .map(|remote| match Project::find(remote, &overrides) {
                Ok(Project { kind, api, path, git }) => format!("{} {path}\n{api}\n{git}\n", kind.name()),
                Err(failure) => format!("error: {failure}\nhint: {}\n", failure.hint.as_deref().unwrap_or_default()),
            })
            .collect();
        shown.dedup();
        expected.assert_eq(&shown.concat());
    }

    #[test]
    fn one_project_in_all_spellings() {
        let spellings = [
            "https://github.com/octo/hello.git",
            "https://github.com/octo/hello",
            "https://github.com/octo/hello/",
            "https://me:planted@github.com/octo/hello.git",
            "git@github.com:octo/hello.git",
            "github.com:octo/hello",
            "ssh://git@github.com/octo/hello.git",
            "ssh://git@github.com:22/octo/hello.git",
            "git://github.com/octo/hello.git",
        ];
        check(
            &spellings,
            "",
            "",
            expect![[r#"
                GitHub octo/hello
                https://api.github.com/
                https://github.com/octo/hello.git
            "#]],
        );
    }

    #[test]
    fn hosted_by_others() {
        check(
            &[
                "git@gitlab.com:group/sub/deep/name.git",
                "https://gitlab.example.org:8443/group/name.git",
                "https://codeberg.org/forgejo/forgejo",
                "https://octo.ghe.com/octo/hello",
            ],
            "",
            "",
            expect![[r#"
                GitLab group/sub/deep/name
                https://gitlab.com/api/v4
                https://gitlab.com/group/sub/deep/name.git
                GitLab group/name
                https://gitlab.example.org:8443/api/v4
                https://gitlab.example.org:8443/group/name.git
                Forgejo forgejo/forgejo
                https://codeberg.org/api/v1
                https://codeberg.org/forgejo/forgejo.git
                GitHub octo/hello
                https://api.octo.ghe.com/
                https://octo.ghe.com/octo/hello.git
            "#]],
        );
    }

    #[test]
    fn said_by_flags() {
        check(
            &["ssh://git@example.org:2222/a/b.git", "https://example.org/code/a/b.git"],
            "gitlab",
            "https://example.org/code/",
            expect![[r#"
                GitLab a/b
                https://example.org/code/api/v4
                https://example.org/code/a/b.git
            "#]],
        );
        check(
            &["git@git.example.org:a/b.git"],
            "github",
            "",
            expect![[r#"
                GitHub a/b
                https://git.example.org/api/v3
                https://git.example.org/a/b.git
            "#]],
        );
        check(
            &["https://me:planted@github.com/a/b"],
            "gitea",
            "http://me:planted@127.0.0.1:3000/?q=planted#planted",
            expect![[r#"
                Forgejo a/b
                http://127.0.0.1:3000/api/v1
                http://127.0.0.1:3000/a/b.git
            "#]],
        );
    }

    #[test]
    fn what_cannot_be_used() {
        check(
            &["/srv/git/b.git", "../b.git", "file:///srv/git/b.git"],
            "",
            "",
            expect![[r#"
                error: the remote is not on a forge: it names no host
                hint: a forge's remote looks like https://HOST/OWNER/NAME.git or git@HOST:OWNER/NAME.git
            "#]],
        );
        check(
            &["https://me:planted@git.example.org/a/b", "http://me:planted@github.com/a/b"],
            "",
            "",
            expect![[r#"
                error: unknown kind of forge: git.example.org
                hint: set it: --forge github, gitlab, forgejo or gitea
                error: the token would go to github.com without TLS
                hint: pass the forge's https:// URL with --forge-url
            "#]],
        );
        check(
            &["https://github.com/a", "https://github.com/a/b/c", "https://github.com/a/%2e%2e", "git@github.com:a/.."],
            "",
            "",
            expect![[r#"
                error: the remote names no project on GitHub
                hint: a forge's remote looks like https://HOST/OWNER/NAME.git or git@HOST:OWNER/NAME.git
            "#]],
        );
    }
}
