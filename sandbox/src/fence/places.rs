//! Where programs keep secrets outside of workspaces: a table, each row with its source. A name that is not there costs
//! nothing.

/// Some places of one program.
pub(super) struct Places {
    pub(super) names: &'static [&'static str],
    /// Who says that they hold secrets.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the reader of the table, and for its test"))]
    pub(super) source: &'static str,
}

const fn at(names: &'static [&'static str], source: &'static str) -> Places {
    Places { names, source }
}

/// Below a home directory.
pub(super) const IN_HOME: &[Places] = &[
    // Keys and logins.
    at(&[".ssh"], "ssh(1), FILES"),
    at(&[".gnupg"], "gpg(1), FILES"),
    at(&[".netrc", "_netrc", ".authinfo", ".authinfo.gpg"], "GNU inetutils, The .netrc file; GNU Emacs, auth-source"),
    at(&[".git-credentials", ".config/git/credentials"], "git-credential-store(1)"),
    at(&[".password-store", ".local/share/gopass"], "pass(1); gopass.pw"),
    at(&[".pgpass", ".pg_service.conf"], "postgresql.org, The Password File"),
    at(&[".my.cnf", ".mylogin.cnf"], "dev.mysql.com, Option files"),
    at(&[".vault-token"], "developer.hashicorp.com, vault login"),
    at(&[".config/sops", ".config/age"], "SOPS README; age(1)"),
    at(&[".local/share/keyrings", ".local/share/kwalletd", ".gnome2/keyrings"], "GNOME Keyring; KWallet"),
    at(&[".config/1Password", ".config/op"], "developer.1password.com, CLI"),
    at(&[".config/Bitwarden", ".config/Bitwarden CLI"], "bitwarden.com, CLI: data storage"),
    at(&[".config/keepassxc", ".config/KeePass"], "keepassxc.org"),
    at(&[".pki", ".step", ".local/share/mkcert"], "NSS; smallstep.com; github.com/FiloSottile/mkcert"),
    at(&[".acme.sh", ".config/letsencrypt", ".getssl", ".lego"], "github.com/acmesh-official/acme.sh; certbot(1)"),
    at(&[".android/adbkey", ".android/debug.keystore"], "developer.android.com, adb and app signing"),
    at(&[".config/rbw", ".local/share/rbw", ".lastpass", ".local/share/lpass"], "github.com/doy/rbw; lpass(1)"),
    at(
        &[".smbcredentials", ".cifs", ".config/remmina", ".local/share/remmina", ".vnc"],
        "mount.cifs(8); remmina.org; vncpasswd(1)",
    ),
    at(&[".config/filezilla", ".config/FileZilla"], "wiki.filezilla-project.org"),
    at(&[".subversion/auth"], "svnbook.red-bean.com, Caching credentials"),
    at(&[".config/syncthing", ".local/state/syncthing"], "docs.syncthing.net, Configuration: keys"),
    at(&[".config/wireguard", ".config/NetworkManager"], "wg(8); nmcli(1)"),
    at(&[".local/share/atuin"], "docs.atuin.sh, key"),
    // Clouds and clusters.
    at(&[".aws"], "docs.aws.amazon.com, Shared config and credentials files"),
    at(&[".azure"], "learn.microsoft.com, Azure CLI configuration"),
    at(&[".config/gcloud", ".boto"], "cloud.google.com, gcloud: configurations"),
    at(&[".s3cfg", ".mc", ".minio"], "s3cmd(1); min.io, mc"),
    at(&[".oci"], "docs.oracle.com, OCI CLI configuration"),
    at(&[".kube", ".config/k9s", ".minikube/profiles", ".config/k3d"], "kubernetes.io, Organizing cluster access"),
    at(
        &[".docker", ".config/containers/auth.json", ".dockercfg"],
        "docs.docker.com, docker login; containers-auth.json(5)",
    ),
    at(&[".databrickscfg"], "docs.databricks.com, CLI profiles"),
    at(&[".config/doctl"], "docs.digitalocean.com, doctl auth"),
    at(&[".config/hcloud"], "github.com/hetznercloud/cli"),
    at(
        &[".config/linode-cli", ".config/scw", ".config/civo", ".civo.json", ".vultr-cli.yaml", ".config/exoscale"],
        "each provider's CLI: configuration",
    ),
    at(&[".fly"], "fly.io, flyctl auth"),
    at(&[".config/rclone"], "rclone.org, config"),
    at(
        &[".terraform.d/credentials.tfrc.json", ".terraformrc", ".tofurc"],
        "developer.hashicorp.com, CLI configuration",
    ),
    at(&[".pulumi/credentials.json", ".pulumi/accounts.json"], "pulumi.com, pulumi login"),
    at(&[".local/share/com.vercel.cli", ".vercel"], "vercel.com, CLI: global options"),
    at(&[".config/netlify", ".netlify"], "docs.netlify.com, CLI"),
    at(&[".config/heroku", ".local/share/heroku"], "devcenter.heroku.com, CLI authentication"),
    at(&[".railway"], "docs.railway.com, CLI"),
    at(&[".config/.wrangler", ".wrangler"], "developers.cloudflare.com, wrangler login"),
    at(&[".cloudflared"], "developers.cloudflare.com, cloudflared"),
    at(&[".config/firebase", ".config/configstore/firebase-tools.json"], "firebase.google.com, CLI"),
    at(
        &[".config/supabase", ".supabase", ".config/planetscale", ".config/turso", ".config/neonctl", ".config/stripe"],
        "each service's CLI: login",
    ),
    at(&[".config/ngrok", ".ngrok2"], "ngrok.com, agent configuration"),
    at(
        &[".config/tailscale", ".config/doppler", ".doppler", ".infisical", ".config/infisical"],
        "docs.doppler.com; infisical.com, CLI",
    ),
    at(
        &[".snowsql", ".snowflake", ".config/snowflake", ".dbt/profiles.yml", ".bigqueryrc"],
        "docs.snowflake.com; docs.getdbt.com, profiles.yml",
    ),
    at(&[".ansible/vault", ".vault_pass", ".vault_pass.txt"], "docs.ansible.com, Managing vault passwords"),
    at(&[".chef", ".puppetlabs/etc/puppet/ssl"], "docs.chef.io, knife; puppet.com"),
    at(&[".sentryclirc", ".newrelic", ".config/datadog", ".datadog"], "docs.sentry.io, CLI configuration"),
    // Forges and package registries.
    at(
        &[
            ".config/gh",
            ".config/glab-cli",
            ".config/hub",
            ".config/tea",
            ".config/berg-cli",
            ".config/jira",
            ".config/.jira",
        ],
        "cli.github.com; gitlab.com, glab; gitea.com, tea",
    ),
    at(&[".npmrc", ".config/npm"], "docs.npmjs.com, npmrc: auth related configuration"),
    at(&[".yarnrc.yml"], "yarnpkg.com, Yarnrc"),
    at(&[".config/pnpm/rc"], "pnpm.io, .npmrc"),
    at(
        &[
            ".pypirc",
            ".config/pip/pip.conf",
            ".pip/pip.conf",
            ".config/pypoetry/auth.toml",
            ".local/share/uv/credentials",
        ],
        "packaging.python.org, .pypirc; pip.pypa.io; python-poetry.org; docs.astral.sh, uv auth",
    ),
    at(&[".continuum", ".config/binstar"], "docs.anaconda.org, anaconda-client"),
    at(
        &[".gem/credentials", ".local/share/gem/credentials", ".bundle/config"],
        "guides.rubygems.org; bundle-config(1)",
    ),
    at(&[".cargo/credentials", ".cargo/credentials.toml"], "Cargo book, config: credentials"),
    at(&[".config/composer/auth.json", ".composer/auth.json"], "getcomposer.org, auth.json"),
    at(&[".m2/settings.xml", ".m2/settings-security.xml"], "maven.apache.org, Settings: servers"),
    at(&[".gradle/gradle.properties"], "docs.gradle.org, Build environment"),
    at(
        &[".ivy2/.credentials", ".sbt/.credentials", ".config/coursier/credentials.properties"],
        "scala-sbt.org, Publishing: credentials",
    ),
    at(
        &[".nuget/NuGet/NuGet.Config", ".config/NuGet/NuGet.Config", ".microsoft/usersecrets"],
        "learn.microsoft.com, nuget.config; Secret Manager",
    ),
    at(&[".hex/hex.config", ".config/hex/hex.config"], "hex.pm, mix hex.user"),
    at(&[".config/helm/registry", ".config/helm/repositories.yaml"], "helm.sh, helm registry login"),
    at(
        &[".cache/huggingface/token", ".cache/huggingface/stored_tokens", ".huggingface/token"],
        "huggingface.co, HF_TOKEN_PATH",
    ),
    at(&[".kaggle", ".config/kaggle"], "kaggle.com, API credentials"),
    at(&[".config/wandb", ".comet.config", ".neptune_tokens"], "docs.wandb.ai, wandb login"),
    // Wallets.
    at(
        &[
            ".bitcoin",
            ".ethereum/keystore",
            ".config/solana/id.json",
            ".electrum",
            ".monero",
            ".foundry/keystores",
            ".near-credentials",
            ".aptos",
            ".sui/sui_config",
        ],
        "each wallet's manual: data directory",
    ),
    // Agents: ours, and the keys of the others.
    at(&[".config/agent", ".local/state/agent"], "this program"),
    at(
        &[".vibe", ".codex", ".claude", ".claude.json", ".gemini", ".qwen", ".pi", ".copilot", ".kiro", ".factory"],
        "each agent's manual: login",
    ),
    at(
        &[
            ".config/goose",
            ".local/share/opencode",
            ".config/opencode",
            ".local/share/crush",
            ".config/crush",
            ".local/share/amp",
            ".config/amp",
            ".continue",
            ".kilocode",
            ".cline",
        ],
        "each agent's manual: login",
    ),
    at(
        &[
            ".aider.conf.yml",
            ".config/openai",
            ".config/github-copilot",
            ".config/io.datasette.llm",
            ".mods",
            ".config/mods",
            ".config/zed",
            ".config/cursor",
            ".cursor",
            ".config/Cursor",
        ],
        "aider.chat; llm.datasette.io; each editor's manual",
    ),
    at(
        &[".config/Code/User/globalStorage", ".config/Code/Cookies", ".config/JetBrains"],
        "code.visualstudio.com, SecretStorage; jetbrains.com, passwords",
    ),
    // Browsers, mail and chat.
    at(
        &[
            ".mozilla",
            ".thunderbird",
            ".config/google-chrome",
            ".config/chromium",
            ".config/BraveSoftware",
            ".config/microsoft-edge",
            ".config/vivaldi",
            ".config/opera",
            ".librewolf",
            ".zen",
        ],
        "each browser's profile: cookies and passwords",
    ),
    at(&["snap/firefox", "snap/chromium", ".var/app"], "snapcraft.io and flatpak.org, data of programs"),
    at(
        &[
            ".config/Slack",
            ".config/discord",
            ".config/Signal",
            ".config/Element",
            ".local/share/TelegramDesktop",
            ".config/teams-for-linux",
            ".weechat",
            ".config/weechat",
            ".irssi",
        ],
        "each program's profile: cookies and keys",
    ),
    at(
        &[
            ".muttrc",
            ".mutt",
            ".config/mutt",
            ".config/neomutt",
            ".msmtprc",
            ".config/msmtp",
            ".mbsyncrc",
            ".offlineimaprc",
            ".fetchmailrc",
            ".config/aerc",
            ".config/himalaya",
        ],
        "each mail program's manual: passwords",
    ),
    at(&[".local/share/evolution", ".config/evolution", ".config/goa-1.0"], "GNOME Evolution; GNOME Online Accounts"),
    // What was typed.
    at(
        &[
            ".bash_history",
            ".zsh_history",
            ".local/share/zsh",
            ".histfile",
            ".local/share/fish/fish_history",
            ".ksh_history",
            ".sh_history",
        ],
        "bash(1), HISTFILE; zshparam(1); fish(1)",
    ),
    at(
        &[
            ".python_history",
            ".node_repl_history",
            ".psql_history",
            ".mysql_history",
            ".sqlite_history",
            ".rediscli_history",
            ".mongodb",
            ".dbshell",
            ".irb_history",
            ".lesshst",
            ".viminfo",
            ".local/state/nvim/shada",
            ".local/state/bash",
        ],
        "each program's manual: history",
    ),
    at(&[".env", ".envrc"], "dotenv README; direnv(1)"),
];

/// Variables that put a part of HOME elsewhere.
pub(super) const MOVED: &[(&str, &str)] = &[
    (".config", "XDG_CONFIG_HOME"),
    (".local/share", "XDG_DATA_HOME"),
    (".local/state", "XDG_STATE_HOME"),
    (".cache", "XDG_CACHE_HOME"),
    (".cache/huggingface", "HF_HOME"),
    (".cargo", "CARGO_HOME"),
    (".gradle", "GRADLE_USER_HOME"),
    (".gnupg", "GNUPGHOME"),
    (".docker", "DOCKER_CONFIG"),
    (".m2", "MAVEN_CONFIG"),
];

/// Variables that name a file or a directory of secrets, or several with a `:` between them. Beside these, each
/// variable whose name says so, if it names a file: see `secrets::named`.
pub(super) const NAMING: &[(&str, &str)] = &[
    ("KUBECONFIG", "kubernetes.io, Organizing cluster access"),
    ("GOOGLE_APPLICATION_CREDENTIALS", "cloud.google.com, Application Default Credentials"),
    ("GOOGLE_GHA_CREDS_PATH", "github.com/google-github-actions/auth"),
    ("CLOUDSDK_CONFIG", "cloud.google.com, gcloud topic configurations"),
    ("CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE", "cloud.google.com, gcloud properties"),
    ("AWS_SHARED_CREDENTIALS_FILE", "docs.aws.amazon.com, Environment variables"),
    ("AWS_CONFIG_FILE", "docs.aws.amazon.com, Environment variables"),
    ("AZURE_CONFIG_DIR", "learn.microsoft.com, Azure CLI configuration"),
    ("OCI_CLI_CONFIG_FILE", "docs.oracle.com, OCI CLI environment variables"),
    ("DATABRICKS_CONFIG_FILE", "docs.databricks.com, Environment variables"),
    ("BOTO_CONFIG", "boto.readthedocs.io, Boto config"),
    ("DOCKER_CONFIG", "docs.docker.com, docker: environment variables"),
    ("REGISTRY_AUTH_FILE", "containers-auth.json(5)"),
    ("NETRC", "curl(1), --netrc; GNU inetutils"),
    ("PGPASSFILE", "postgresql.org, Environment Variables"),
    ("PGSERVICEFILE", "postgresql.org, Environment Variables"),
    ("NPM_CONFIG_USERCONFIG", "docs.npmjs.com, config: userconfig"),
    ("PIP_CONFIG_FILE", "pip.pypa.io, Configuration"),
    ("TF_CLI_CONFIG_FILE", "developer.hashicorp.com, Environment variables"),
    ("SOPS_AGE_KEY_FILE", "SOPS README"),
    ("PASSWORD_STORE_DIR", "pass(1)"),
    ("KRB5_KTNAME", "kerberos(7)"),
    ("KAGGLE_CONFIG_DIR", "kaggle.com, API"),
    ("HF_TOKEN_PATH", "huggingface.co, Environment variables"),
    ("SNOWFLAKE_HOME", "docs.snowflake.com, Connecting"),
    ("DBT_PROFILES_DIR", "docs.getdbt.com, profiles.yml"),
    ("HISTFILE", "bash(1)"),
];

/// Readable by root alone, which a command may be.
pub(super) const IN_SYSTEM: &[Places] = &[
    at(&["/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-"], "shadow(5), gshadow(5)"),
    at(&["/etc/sudoers", "/etc/sudoers.d"], "sudoers(5)"),
    at(
        &["/etc/ssh/ssh_host_rsa_key", "/etc/ssh/ssh_host_ecdsa_key", "/etc/ssh/ssh_host_ed25519_key"],
        "sshd(8), FILES",
    ),
    at(
        &[
            "/etc/krb5.keytab",
            "/etc/ssl/private",
            "/etc/letsencrypt",
            "/etc/wireguard",
            "/etc/NetworkManager/system-connections",
        ],
        "kerberos(7); Debian, ssl-cert; certbot(1); wg-quick(8); nm-settings-keyfile(5)",
    ),
    at(
        &["/etc/kubernetes", "/etc/rancher", "/etc/docker/key.json", "/etc/gitlab-runner"],
        "kubernetes.io, kubeadm; docs.k3s.io; docs.gitlab.com, Runner",
    ),
    at(
        &["/var/lib/docker", "/var/lib/containerd", "/var/lib/kubelet"],
        "docs.docker.com; containerd.io; kubernetes.io, kubelet",
    ),
    // Control sockets outside /run, which is hidden as a whole.
    at(
        &["/var/lib/lxd/unix.socket", "/var/snap/lxd/common/lxd/unix.socket", "/var/lib/incus/unix.socket"],
        "linuxcontainers.org",
    ),
];
