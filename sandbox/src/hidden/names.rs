//! Names of files that hold secrets in a repository: a table, each row with its source. Pure.

/// When a file of such a name is hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Always,
    /// Unless its name says that it is an example.
    Unless(&'static [&'static str]),
    /// If a line holds one of these, in lower case, and no variable in its place.
    Holding(&'static [&'static str]),
}

struct Row {
    /// Names in lower case; `*` stands for any characters.
    names: &'static [&'static str],
    when: When,
    /// Who says that such files hold secrets.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the reader of the table, and for its test"))]
    source: &'static str,
}

/// What a name alone tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Plain,
    Secret,
    /// Its content has to be asked: see [`holds`].
    Depends(&'static [&'static str]),
}

/// Parts of a name that mark what everybody may see.
const EXAMPLES: &[&str] =
    &["example", "examples", "sample", "template", "tmpl", "tpl", "dist", "default", "defaults", "schema", "vault"];
const PRIVATE_KEY: &[&str] = &["private key"];

const fn row(names: &'static [&'static str], when: When, source: &'static str) -> Row {
    Row { names, when, source }
}

const TABLE: &[Row] = &[
    row(
        &[".env", ".env.*", ".env-*", ".env_*", "*.env"],
        When::Unless(EXAMPLES),
        "dotenv README; docs.docker.com, env_file",
    ),
    row(&[".envrc"], When::Always, "direnv(1)"),
    row(&[".dev.vars", ".dev.vars.*"], When::Unless(EXAMPLES), "developers.cloudflare.com/workers, Secrets"),
    row(&["local.settings.json"], When::Always, "learn.microsoft.com, Azure Functions: local.settings.json"),
    row(&["secrets.toml"], When::Always, "docs.streamlit.io, secrets.toml"),
    row(
        &["secrets.yml", "secrets.yaml"],
        When::Always,
        "home-assistant.io, Storing secrets; Rails 5.1, config/secrets.yml",
    ),
    row(&["secrets.json"], When::Always, "learn.microsoft.com, ASP.NET Core: Secret Manager"),
    row(&[".secrets"], When::Always, "nektosact.com, Secrets"),
    // Keys by their usual names and kinds.
    row(&["id_rsa", "id_dsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk"], When::Always, "ssh(1), FILES"),
    row(&["ssh_host_*_key"], When::Always, "sshd(8), FILES"),
    row(&["*.pem", "*.crt", "*.cer"], When::Holding(PRIVATE_KEY), "RFC 7468, 10 and 11"),
    row(&["*.key"], When::Always, "nginx, ssl_certificate_key; guides.rubyonrails.org, config/master.key"),
    row(&["*.asc", "*.gpg", "*.pgp"], When::Holding(&["private key block"]), "RFC 9580, 6.2"),
    row(&["*.p8"], When::Always, "developer.apple.com, Creating API keys"),
    row(&["*.p12", "*.pfx"], When::Always, "RFC 7292 (PKCS #12)"),
    row(&["*.jks", "*.jceks", "*.bks", "*.keystore"], When::Always, "keytool(1); developer.android.com, Sign your app"),
    row(&["*.ppk"], When::Always, "PuTTY manual, appendix C"),
    row(&["*.kdbx", "*.kdb"], When::Always, "keepass.info, Database files"),
    row(&["*.keytab"], When::Always, "MIT Kerberos, keytab"),
    row(&["*.ovpn"], When::Holding(PRIVATE_KEY), "openvpn(8), inline files"),
    row(&["*.agekey", "keys.txt", "key.txt"], When::Holding(&["age-secret-key-"]), "age(1); SOPS README"),
    // Logins of tools, as they stand in a project.
    row(
        &[".npmrc"],
        When::Holding(&["_authtoken", "_auth", "_password"]),
        "docs.npmjs.com, npmrc: auth related configuration",
    ),
    row(&[".yarnrc.yml"], When::Holding(&["npmauthtoken", "npmauthident"]), "yarnpkg.com, Yarnrc"),
    row(&[".pypirc"], When::Holding(&["password", "token"]), "packaging.python.org, .pypirc"),
    row(&[".netrc", "_netrc"], When::Always, "GNU inetutils, The .netrc file"),
    row(&[".pgpass", "pgpass.conf"], When::Always, "postgresql.org, The Password File"),
    row(&[".my.cnf", ".mylogin.cnf"], When::Holding(&["password"]), "dev.mysql.com, Option files"),
    row(&[".htpasswd", ".htdigest"], When::Always, "htpasswd(1)"),
    row(&[".git-credentials"], When::Always, "git-credential-store(1)"),
    row(&[".dockercfg", ".dockerconfigjson"], When::Always, "kubernetes.io, Secrets: docker config"),
    row(&["nuget.config"], When::Holding(&["cleartextpassword", "\"password\""]), "learn.microsoft.com, nuget.config"),
    row(&["settings.xml"], When::Holding(&["<password>", "<passphrase>"]), "maven.apache.org, Settings: servers"),
    row(
        &["gradle.properties", "local.properties", "keystore.properties", "key.properties"],
        When::Holding(&["password", "token", "secret"]),
        "developer.android.com, Sign your app",
    ),
    row(
        &["auth.json"],
        When::Holding(&["http-basic", "oauth", "\"bearer\"", "gitlab-token"]),
        "getcomposer.org, auth.json",
    ),
    row(
        &["credentials.toml", "credentials.json", "credentials.yml", "credentials.yaml"],
        When::Always,
        "Cargo book, config: credentials; developers.google.com, OAuth desktop",
    ),
    row(
        &["credentials"],
        When::Holding(&["aws_secret_access_key"]),
        "docs.aws.amazon.com, Shared config and credentials files",
    ),
    row(&[".s3cfg", ".boto"], When::Always, "s3cmd(1); boto.readthedocs.io, Boto config"),
    row(&[".sentryclirc"], When::Holding(&["token"]), "docs.sentry.io, CLI configuration"),
    // Clouds and clusters.
    row(&["gha-creds-*.json"], When::Always, "github.com/google-github-actions/auth"),
    row(
        &[
            "*service-account*.json",
            "*service_account*.json",
            "*serviceaccount*.json",
            "application_default_credentials.json",
        ],
        When::Holding(&["private_key", "client_secret", "refresh_token"]),
        "cloud.google.com, Service account keys",
    ),
    row(&["client_secret*.json"], When::Always, "developers.google.com, OAuth 2.0"),
    row(&["*-firebase-adminsdk-*.json"], When::Always, "firebase.google.com, Admin SDK setup"),
    row(
        &["kubeconfig", "kubeconfig.yml", "kubeconfig.yaml", "*.kubeconfig"],
        When::Always,
        "kubernetes.io, Organizing cluster access",
    ),
    row(
        &["*.tfstate", "*.tfstate.*", "*.tfvars", "*.tfvars.json"],
        When::Unless(EXAMPLES),
        "github.com/github/gitignore, Terraform.gitignore",
    ),
    row(&[".terraformrc", "terraform.rc"], When::Holding(&["token"]), "developer.hashicorp.com, CLI configuration"),
    row(
        &[".vault-token", ".vault_pass", ".vault_pass.txt", "vault_pass.txt", ".vault_password"],
        When::Always,
        "docs.ansible.com, Managing vault passwords",
    ),
];

/// Of the last part of a path.
pub(crate) fn verdict(name: &str) -> Verdict {
    let lower;
    // Most names have no capitals, and a survey asks for thousands.
    let name = if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        lower = name.to_ascii_lowercase();
        &lower
    } else {
        name
    };
    let Some(row) = TABLE.iter().find(|row| row.names.iter().any(|pattern| fits(pattern, name))) else {
        return Verdict::Plain;
    };
    match row.when {
        When::Always => Verdict::Secret,
        When::Unless(marks) => {
            let is_example = name.split(|c: char| !c.is_alphanumeric()).any(|part| marks.contains(&part));
            // Types of a file that a bundler reads, not the file.
            if is_example || name.ends_with(".d.ts") { Verdict::Plain } else { Verdict::Secret }
        }
        When::Holding(marks) => Verdict::Depends(marks),
    }
}

/// Whether a file's beginning holds what [`Verdict::Depends`] asks for.
pub(crate) fn holds(marks: &[&str], head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head).to_lowercase();
    text.lines().any(|line| !line.contains("${") && marks.iter().any(|mark| line.contains(mark)))
}

fn fits(pattern: &str, name: &str) -> bool {
    let Some((begin, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(begin) else { return false };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return name.ends_with(part);
        }
        let Some(at) = name.find(part) else { return false };
        name = name.get(at + part.len()..).unwrap_or_default();
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(names: &[&str], expected: fn(Verdict) -> bool) {
        for name in names {
            assert!(expected(verdict(name)), "{name}: {:?}", verdict(name));
        }
    }

    #[test]
    fn secrets_by_their_names() {
        let secret = |verdict| verdict == Verdict::Secret;
        check(&[".env", ".ENV", ".env.local", ".env.production", "prod.env", ".envrc", ".env_backup"], secret);
        check(&["id_ed25519", "master.key", "server.key", "app.p12", "release.keystore", ".netrc"], secret);
        check(&["gha-creds-1a2b.json", "my-app-firebase-adminsdk-x1-2.json", "terraform.tfstate"], secret);
    }

    #[test]
    fn what_everybody_may_see() {
        let plain = |verdict| verdict == Verdict::Plain;
        check(&[".env.example", ".env.sample", ".env.template", ".env.dist", ".env.local.example"], plain);
        check(&["example.env", ".env.vault", ".env.d.ts", "environment.ts", ".environment", "id_rsa.pub"], plain);
        check(&["main.rs", "package.json", "key.rs", "README.md", "prod.tfvars.example"], plain);
    }

    #[test]
    fn some_are_told_by_their_content() {
        let marks = |name: &str| match verdict(name) {
            Verdict::Depends(marks) => marks,
            other => panic!("{name}: {other:?}"),
        };
        assert!(holds(marks(".npmrc"), b"registry=x\n//r/:_authToken=abc\n"));
        assert!(!holds(marks(".npmrc"), b"registry=x\n//r/:_authToken=${NPM_TOKEN}\n"));
        assert!(holds(marks("key.pem"), format!("-----BEGIN RSA {}-----", "PRIVATE KEY").as_bytes()));
        assert!(!holds(marks("cert.pem"), b"-----BEGIN CERTIFICATE-----"));
        assert!(holds(marks("my-service-account.json"), b"{\"private_key\": \"x\"}"));
    }

    #[test]
    fn every_row_has_a_source_and_small_letters() {
        for row in TABLE {
            assert!(!row.source.is_empty() && !row.names.is_empty());
            assert!(row.names.iter().all(|name| *name == name.to_lowercase()), "{:?}", row.names);
        }
    }
}
