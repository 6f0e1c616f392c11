//! Settings in layers: flags > `AGENT_*` > the repository (once trusted) > the user's file > defaults.

mod ci;
mod environment;
mod file;
mod flags;
mod hiding;
mod key;
mod profile;
mod rules;
mod session;

use std::path::{Path, PathBuf};
use std::time::Duration;

use agent::Mode;
use providers::{Address, Dialect, Effort};
use sandbox::{Network, NetworkError, OutsideGit};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use self::environment::from_environment;
pub(crate) use self::file::read_config;
use self::file::{parse, parse_table, read_optional};
pub(crate) use self::key::{MISTRAL_KEY, hide_usual_keys};
use crate::args::{ProgramArgs, WorkArgs};
use crate::hint::{Exit, Hint, Hinted};
use crate::screen::Manner;
use crate::{paths, reach};

/// One layer: what one place says. Unknown names are errors.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Layer {
    model: Option<String>,
    base_url: Option<String>,
    api_key_env: Option<String>,
    temperature: Option<f64>,
    /// How much the model thinks, see [`providers::Effort`].
    effort: Option<Effort>,
    /// How the model is spoken to, see [`providers::Profile`], where its name does not tell.
    profile: Option<String>,
    /// Who made the server's interface, where its address does not tell. Its former name is read too.
    #[serde(alias = "dialect")]
    provider: Option<Provider>,
    /// How long the first byte of an answer may take.
    first_byte_timeout: Option<String>,
    mode: Option<Mode>,
    sandbox: Option<Switch>,
    /// As `--network` takes it.
    network: Option<String>,
    /// Environment variables that commands get beyond the allow-list.
    pass: Option<Vec<String>>,
    /// Rules, see [`agent::Rule`]: those of all layers count.
    allow: Option<Vec<String>>,
    ask: Option<Vec<String>>,
    deny: Option<Vec<String>>,
    /// How long a program (`--input jsonl`) has to answer.
    approval_timeout: Option<String>,
    /// What `agent ci` runs before and after.
    checks: Option<Vec<String>>,
    /// Directories beside the workspace; `:ro` at the end: only to be read.
    add_dirs: Option<Vec<String>>,
    /// Files that are hidden beyond the built-in tables of secrets, and files that are not hidden.
    hide: Option<Vec<String>>,
    show: Option<Vec<String>>,
    /// Caches in which what commands write stays.
    keep: Option<Vec<String>>,
    /// Bounds on each command, by their names in `reach`.
    limit: Option<Table>,
    max_steps: Option<u32>,
    max_tokens: Option<u64>,
    max_cost: Option<f64>,
    max_time: Option<String>,
    /// USD per million tokens, for models that the built-in table lacks.
    price: Option<PriceLayer>,
    plain: Option<bool>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PriceLayer {
    input: f64,
    cached: Option<f64>,
    output: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Switch {
    On,
    Off,
}

/// Whose requests the server understands: a gateway in front of Mistral takes Mistral's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Provider {
    Mistral,
    Openai,
}

/// The names of all settings, in the order that `agent config` shows them.
const NAMES: [&str; 28] = [
    "model",
    "base_url",
    "api_key_env",
    "temperature",
    "effort",
    "profile",
    "provider",
    "first_byte_timeout",
    "mode",
    "sandbox",
    "network",
    "pass",
    "allow",
    "ask",
    "deny",
    "approval_timeout",
    "checks",
    "add_dirs",
    "hide",
    "show",
    "keep",
    "limit",
    "max_steps",
    "max_tokens",
    "max_cost",
    "max_time",
    "price",
    "plain",
];

/// Of these, what each layer says counts together.
const GATHERED: [&str; 5] = ["add_dirs", "hide", "show", "keep", "limit"];

/// What a repository may set. Nothing here sends the code or the key elsewhere, or lets a command do more.
/// `ask`, `deny` and `hide` only narrow, and checks run in the fence.
const REPOSITORY_NAMES: [&str; 11] = [
    "model",
    "temperature",
    "effort",
    "ask",
    "deny",
    "checks",
    "hide",
    "max_steps",
    "max_tokens",
    "max_cost",
    "max_time",
];

/// The layers, strongest first, each with the name of its place.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    layers: Vec<(String, Layer)>,
    /// What the human should know about it.
    pub(crate) notices: Vec<String>,
    /// A program on stdin is asked (`--input jsonl`).
    pub(crate) asks_program: bool,
    /// Whether commands may write to the repository of a workspace that is a worktree.
    pub(crate) outside_git: OutsideGit,
    /// Hidden from this run, beside what the layers say.
    pub(crate) hidden_paths: Vec<PathBuf>,
}

impl Config {
    /// Errors are wrong configuration: exit code 2, with file and line.
    pub(crate) fn load(flags: Layer, workspace: &Path) -> anyhow::Result<Config> {
        let config = Config::read(flags, workspace).hint("`agent config` shows each setting and its source")?;
        for variable in config.key_variables() {
            mask::read_key(&variable);
        }
        config.rules()?;
        config.approval_timeout()?;
        config.first_byte_timeout()?;
        Ok(config)
    }

    /// The settings of a command that works.
    pub(crate) fn for_work(work: &WorkArgs, program: &ProgramArgs, workspace: &Path) -> anyhow::Result<Config> {
        let config = Config::load(Layer::of_work(work, program)?, workspace)?;
        Ok(Config { asks_program: program.input.is_some(), ..config })
    }

    fn read(flags: Layer, workspace: &Path) -> anyhow::Result<Config> {
        let mut config = Config::of_flags(flags);
        config.layers.push(("environment".to_owned(), from_environment()?));
        config.add_repository(workspace)?;
        let user = paths::user_config()?;
        if let Some(text) = read_optional(&user)? {
            config.layers.push((user.display().to_string(), parse(&text, &user)?));
        }
        config.layers.push(("default".to_owned(), defaults()));
        Ok(config)
    }

    /// Only these flags and the defaults.
    pub(crate) fn for_demo(flags: Layer) -> Config {
        let mut config = Config::of_flags(flags);
        config.layers.push(("default".to_owned(), defaults()));
        config
    }

    fn of_flags(flags: Layer) -> Config {
        Config {
            layers: vec![("flag".to_owned(), flags)],
            notices: Vec::new(),
            asks_program: false,
            outside_git: OutsideGit::default(),
            hidden_paths: Vec::new(),
        }
    }

    /// A repository's file counts once trusted, and only for [`REPOSITORY_NAMES`].
    fn add_repository(&mut self, workspace: &Path) -> anyhow::Result<()> {
        let path = paths::repository_config(workspace);
        let text = match read_optional(&path) {
            Ok(Some(text)) => text,
            Ok(None) => return Ok(()),
            // Whoever wrote the repository chose what is there; it holds nobody up.
            Err(error) => {
                self.notices.push(format!("{error:#}; ignored"));
                return Ok(());
            }
        };
        if !paths::is_trusted(workspace, &text)? {
            self.notices.push(format!("ignoring {}: not trusted; run `agent config trust` to use it", path.display()));
            return Ok(());
        }
        let mut table: Table = parse_table(&text, &path)?;
        let refused: Vec<String> =
            table.keys().filter(|name| !REPOSITORY_NAMES.contains(&name.as_str())).cloned().collect();
        for name in &refused {
            table.remove(name);
            self.notices.push(format!("{}: a repository cannot set `{name}`; ignored", path.display()));
        }
        let layer = Value::Table(table)
            .try_into()
            .map_err(|error: toml::de::Error| anyhow::anyhow!("{}: {}", path.display(), error.message()))?;
        self.layers.push((path.display().to_string(), layer));
        Ok(())
    }

    fn pick<T>(&self, field: impl Fn(&Layer) -> Option<T>) -> Option<T> {
        self.layers.iter().find_map(|(_, layer)| field(layer))
    }

    /// `None`: the server's list decides, see [`providers::choose`].
    pub(crate) fn model(&self) -> Option<String> {
        self.pick(|layer| layer.model.clone())
    }

    pub(crate) fn base_url(&self) -> Option<String> {
        self.pick(|layer| layer.base_url.clone())
    }

    pub(crate) fn temperature(&self) -> Option<f64> {
        self.pick(|layer| layer.temperature)
    }

    pub(crate) fn dialect(&self, address: &Address) -> Dialect {
        match self.pick(|layer| layer.provider) {
            Some(Provider::Mistral) => Dialect::Mistral,
            Some(Provider::Openai) => Dialect::OpenAiCompatible,
            None => Dialect::of(address),
        }
    }

    pub(crate) fn first_byte_timeout(&self) -> anyhow::Result<Option<Duration>> {
        self.pick(|layer| layer.first_byte_timeout.clone()).map(|text| duration(&text)).transpose()
    }

    pub(crate) fn mode(&self) -> Option<Mode> {
        self.pick(|layer| layer.mode)
    }

    pub(crate) fn sandbox(&self) -> Switch {
        self.pick(|layer| layer.sandbox).unwrap_or(Switch::On)
    }

    pub(crate) fn network(&self) -> anyhow::Result<Network> {
        let text = self.pick(|layer| layer.network.clone()).unwrap_or_default();
        text.parse().map_err(|error: NetworkError| {
            Hinted::new(Exit::Usage, format!("network: {error}"), Some(error.hint().to_owned())).into()
        })
    }

    pub(crate) fn pass(&self) -> Vec<String> {
        self.pick(|layer| layer.pass.clone()).unwrap_or_default()
    }

    fn gather(&self, field: impl Fn(&Layer) -> Option<&Vec<String>>) -> Vec<String> {
        self.layers.iter().filter_map(|(_, layer)| field(layer)).flatten().cloned().collect()
    }

    pub(crate) fn add_dirs(&self) -> Vec<String> {
        self.gather(|layer| layer.add_dirs.as_ref())
    }

    pub(crate) fn keep(&self) -> Vec<String> {
        self.gather(|layer| layer.keep.as_ref())
    }

    /// Names and values, the stronger ones last.
    pub(crate) fn limit(&self) -> impl Iterator<Item = (&str, String)> {
        let tables = self.layers.iter().rev().filter_map(|(_, layer)| layer.limit.as_ref());
        tables.flatten().map(|(name, value)| match value {
            Value::String(text) => (name.as_str(), text.clone()),
            other => (name.as_str(), other.to_string()),
        })
    }

    pub(crate) fn limits(&self) -> agent::Limits {
        agent::Limits {
            steps: self.pick(|layer| layer.max_steps),
            tokens: self.pick(|layer| layer.max_tokens),
            cost_usd: self.pick(|layer| layer.max_cost),
            context_tokens: None,
        }
    }

    pub(crate) fn max_time(&self) -> anyhow::Result<Option<Duration>> {
        self.pick(|layer| layer.max_time.clone()).map(|text| duration(&text)).transpose()
    }

    pub(crate) fn approval_timeout(&self) -> anyhow::Result<Duration> {
        duration(&self.pick(|layer| layer.approval_timeout.clone()).unwrap_or_default())
    }

    pub(crate) fn price(&self) -> Option<agent::Price> {
        let price = self.pick(|layer| layer.price)?;
        Some(agent::Price { input: price.input, cached: price.cached.unwrap_or(price.input), output: price.output })
    }

    pub(crate) fn manner(&self) -> Manner {
        if self.pick(|layer| layer.plain) == Some(true) { Manner::Plain } else { Manner::Moving }
    }

    /// The same with another model.
    pub(crate) fn with_model(&self, model: &str) -> Config {
        let mut config = self.clone();
        if let Some((_, strongest)) = config.layers.first_mut() {
            strongest.model = Some(model.to_owned());
        }
        config
    }

    /// Each setting's name, value and place, for `agent config`.
    pub(crate) fn table(&self) -> Vec<[String; 3]> {
        let tables: Vec<(&String, Table)> =
            self.layers.iter().map(|(place, layer)| (place, Table::try_from(layer).unwrap_or_default())).collect();
        NAMES
            .iter()
            .map(|name| {
                let mut found = tables.iter().filter_map(|(place, table)| Some((place.as_str(), table.get(*name)?)));
                let most = if GATHERED.contains(name) { usize::MAX } else { 1 };
                let (places, values): (Vec<&str>, Vec<String>) =
                    found.by_ref().take(most).map(|(place, value)| (place, value.to_string())).unzip();
                match values.is_empty() {
                    false => [(*name).to_owned(), values.join(" + "), places.join(" + ")],
                    true => [(*name).to_owned(), unset(name).to_owned(), "default".to_owned()],
                }
            })
            .collect()
    }
}

/// What holds for a setting that nobody set and that has no one value.
fn unset(name: &str) -> &'static str {
    match name {
        "model" => "(the first of a table that the server lists)",
        "base_url" => "(Mistral's API)",
        "api_key_env" => "(MISTRAL_API_KEY, for Mistral and this machine)",
        "provider" => "(inferred from the URL)",
        "first_byte_timeout" => "(5m, on this machine 30m)",
        _ => "(none)",
    }
}

fn defaults() -> Layer {
    Layer {
        sandbox: Some(Switch::On),
        network: Some("off".to_owned()),
        approval_timeout: Some("5m".to_owned()),
        max_steps: Some(100),
        ..Layer::default()
    }
}

fn duration(text: &str) -> anyhow::Result<Duration> {
    reach::time(text)
        .ok_or_else(|| anyhow::anyhow!("`{text}` is not a duration"))
        .hint("write it like 90s, 10m or 1h30m")
}

#[cfg(test)]
mod tests;
