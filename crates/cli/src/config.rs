//! Settings in layers: flags > `AGENT_*` > the repository (once trusted) > the user's file > defaults.

use std::path::Path;
use std::time::Duration;

use agent::Mode;
use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::args::{ModelArgs, NetworkArg, SandboxArg, WorkArgs};
use crate::hint::Hint;
use crate::paths;
use crate::screen::Manner;

/// One layer: what one place says. Unknown names are errors.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Layer {
    model: Option<String>,
    base_url: Option<String>,
    api_key_env: Option<String>,
    temperature: Option<f64>,
    dialect: Option<Dialect>,
    mode: Option<Mode>,
    sandbox: Option<Switch>,
    network: Option<Switch>,
    /// Environment variables that commands get beyond the allow-list.
    pass: Option<Vec<String>>,
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

/// How the server likes to be spoken to, where its address does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Dialect {
    Mistral,
    Openai,
}

/// Retired names answer with an error that names the replacement, see `providers::resolve`.
const DEFAULT_MODEL: &str = "devstral-medium-latest";

/// The names of all settings, in the order that `agent config` shows them.
const NAMES: [&str; 15] = [
    "model",
    "base_url",
    "api_key_env",
    "temperature",
    "dialect",
    "mode",
    "sandbox",
    "network",
    "pass",
    "max_steps",
    "max_tokens",
    "max_cost",
    "max_time",
    "price",
    "plain",
];

/// What a repository may set. Nothing here sends the code or the key elsewhere, or lets a command do more.
const REPOSITORY_NAMES: [&str; 6] = ["model", "temperature", "max_steps", "max_tokens", "max_cost", "max_time"];

/// The layers, strongest first, each with the name of its place.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    layers: Vec<(String, Layer)>,
    /// What the human should know about it.
    pub(crate) notices: Vec<String>,
}

impl Config {
    /// Errors are wrong configuration: exit code 2, with file and line.
    pub(crate) fn load(flags: Layer, workspace: &Path) -> anyhow::Result<Config> {
        Config::read(flags, workspace).hint("`agent config` shows what is set where")
    }

    fn read(flags: Layer, workspace: &Path) -> anyhow::Result<Config> {
        let mut config = Config { layers: vec![("flag".to_owned(), flags)], notices: Vec::new() };
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
        Config { layers: vec![("flag".to_owned(), flags), ("default".to_owned(), defaults())], notices: Vec::new() }
    }

    /// A repository's file counts once trusted, and only for [`REPOSITORY_NAMES`].
    fn add_repository(&mut self, workspace: &Path) -> anyhow::Result<()> {
        let path = paths::repository_config(workspace);
        let Some(text) = read_optional(&path)? else { return Ok(()) };
        if !paths::is_trusted(workspace, &text)? {
            self.notices.push(format!(
                "{} is not trusted and was left out; `agent config trust` lets it count",
                path.display()
            ));
            return Ok(());
        }
        let mut table: Table = parse_table(&text, &path)?;
        let refused: Vec<String> =
            table.keys().filter(|name| !REPOSITORY_NAMES.contains(&name.as_str())).cloned().collect();
        for name in &refused {
            table.remove(name);
            self.notices.push(format!("{}: a repository cannot set `{name}`; it was left out", path.display()));
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

    pub(crate) fn model(&self) -> String {
        self.pick(|layer| layer.model.clone()).unwrap_or_default()
    }

    /// Whether somebody chose the model, or it is the default.
    pub(crate) fn model_is_default(&self) -> bool {
        self.layers.iter().rev().skip(1).all(|(_, layer)| layer.model.is_none())
    }

    pub(crate) fn base_url(&self) -> Option<String> {
        self.pick(|layer| layer.base_url.clone())
    }

    pub(crate) fn api_key_env(&self) -> String {
        self.pick(|layer| layer.api_key_env.clone()).unwrap_or_default()
    }

    pub(crate) fn temperature(&self) -> Option<f64> {
        self.pick(|layer| layer.temperature)
    }

    pub(crate) fn dialect(&self, base_url: &str) -> providers::Dialect {
        match self.pick(|layer| layer.dialect) {
            Some(Dialect::Mistral) => providers::Dialect::Mistral,
            Some(Dialect::Openai) => providers::Dialect::OpenAiCompatible,
            None => providers::Dialect::of(base_url),
        }
    }

    pub(crate) fn mode(&self) -> Option<Mode> {
        self.pick(|layer| layer.mode)
    }

    pub(crate) fn sandbox(&self) -> Switch {
        self.pick(|layer| layer.sandbox).unwrap_or(Switch::On)
    }

    pub(crate) fn network(&self) -> Switch {
        self.pick(|layer| layer.network).unwrap_or(Switch::Off)
    }

    pub(crate) fn pass(&self) -> Vec<String> {
        self.pick(|layer| layer.pass.clone()).unwrap_or_default()
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
        let Some(text) = self.pick(|layer| layer.max_time.clone()) else { return Ok(None) };
        let seconds = text.parse::<u64>().ok().map(Duration::from_secs);
        let spelled = text.parse::<jiff::SignedDuration>().ok().and_then(|time| Duration::try_from(time).ok());
        match seconds.or(spelled) {
            Some(time) if !time.is_zero() => Ok(Some(time)),
            Some(_) | None => Err(anyhow::anyhow!("`{text}` is not a time")).hint("write it like 90s, 10m or 1h30m"),
        }
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
                let found = tables.iter().find_map(|(place, table)| Some((*place, table.get(*name)?)));
                match found {
                    Some((place, value)) => [(*name).to_owned(), value.to_string(), place.clone()],
                    None => [(*name).to_owned(), "(none)".to_owned(), "default".to_owned()],
                }
            })
            .collect()
    }
}

fn defaults() -> Layer {
    Layer {
        model: Some(DEFAULT_MODEL.to_owned()),
        api_key_env: Some("MISTRAL_API_KEY".to_owned()),
        sandbox: Some(Switch::On),
        network: Some(Switch::Off),
        max_steps: Some(100),
        ..Layer::default()
    }
}

/// `AGENT_MAX_STEPS=5` and so on, one variable for each name.
fn from_environment() -> anyhow::Result<Layer> {
    let mut table = Table::new();
    for name in NAMES {
        let variable = format!("AGENT_{}", name.to_uppercase());
        let Ok(text) = std::env::var(&variable) else { continue };
        let value = match name {
            "pass" => Value::Array(text.split(',').map(|name| Value::String(name.trim().to_owned())).collect()),
            "max_steps" | "max_tokens" => {
                Value::Integer(text.parse().with_context(|| format!("{variable}={text} is not a whole number"))?)
            }
            "max_cost" | "temperature" => {
                Value::Float(text.parse().with_context(|| format!("{variable}={text} is not a number"))?)
            }
            "plain" => Value::Boolean(text.parse().with_context(|| format!("{variable}={text} is not true or false"))?),
            "price" => bail!("{variable} is not read; set `price` in the configuration file"),
            _ => Value::String(text.clone()),
        };
        let alone = Table::from_iter([(name.to_owned(), value.clone())]);
        if let Err(error) = Value::Table(alone).try_into::<Layer>() {
            bail!("{variable}={text}: {}", error.message());
        }
        table.insert(name.to_owned(), value);
    }
    Ok(Value::Table(table).try_into()?)
}

fn read_optional(path: &Path) -> anyhow::Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
}

fn parse(text: &str, path: &Path) -> anyhow::Result<Layer> {
    toml::from_str(text).map_err(|error| located(&error, text, path))
}

fn parse_table(text: &str, path: &Path) -> anyhow::Result<Table> {
    toml::from_str(text).map_err(|error| located(&error, text, path))
}

/// `FILE:LINE: what is wrong`.
fn located(error: &toml::de::Error, text: &str, path: &Path) -> anyhow::Error {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    anyhow::anyhow!("{}:{line}: {}", path.display(), error.message())
}

impl Layer {
    pub(crate) fn of_model(args: &ModelArgs) -> Layer {
        Layer {
            model: args.model.clone(),
            base_url: args.base_url.clone(),
            api_key_env: args.api_key_env.clone(),
            ..Layer::default()
        }
    }

    /// The demo: nothing of the user's may change what it shows.
    pub(crate) fn of_demo(base_url: String, sandbox: Option<SandboxArg>) -> Layer {
        Layer {
            model: Some(DEFAULT_MODEL.to_owned()),
            base_url: Some(base_url),
            // Not the user's key, whatever it is.
            api_key_env: Some("AGENT_DEMO_KEY".to_owned()),
            dialect: Some(Dialect::Mistral),
            mode: Some(Mode::Auto),
            sandbox: sandbox.map(Switch::from),
            ..Layer::default()
        }
    }

    pub(crate) fn of_work(args: &WorkArgs) -> Layer {
        let confirm = args.confirm.then_some(Mode::Confirm);
        Layer {
            mode: args.mode.map(Mode::from).or(confirm),
            sandbox: args.sandbox.map(Switch::from),
            network: args.network.map(Switch::from),
            max_steps: args.max_steps,
            max_tokens: args.max_tokens,
            max_cost: args.max_cost,
            max_time: args.max_time.clone(),
            plain: args.plain.then_some(true),
            ..Layer::of_model(&args.model)
        }
    }
}

impl From<SandboxArg> for Switch {
    fn from(sandbox: SandboxArg) -> Switch {
        match sandbox {
            SandboxArg::On => Switch::On,
            SandboxArg::Off => Switch::Off,
        }
    }
}

impl From<NetworkArg> for Switch {
    fn from(network: NetworkArg) -> Switch {
        match network {
            NetworkArg::On => Switch::On,
            NetworkArg::Off => Switch::Off,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let error = parse(text, Path::new("config.toml")).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
    }

    #[test]
    fn an_error_names_file_and_line() {
        check("model = \"m\"\nmodle = 1\n", "config.toml:2: unknown field `modle`");
        check("\n\nmax_steps = \"x\"\n", "config.toml:3: invalid type");
        check("model = \n", "config.toml:1:");
    }

    #[test]
    fn every_setting_has_its_row() {
        let table = Table::try_from(Layer {
            model: Some(String::new()),
            base_url: Some(String::new()),
            api_key_env: Some(String::new()),
            temperature: Some(0.0),
            dialect: Some(Dialect::Openai),
            mode: Some(Mode::Auto),
            sandbox: Some(Switch::On),
            network: Some(Switch::On),
            pass: Some(Vec::new()),
            max_steps: Some(1),
            max_tokens: Some(1),
            max_cost: Some(1.0),
            max_time: Some(String::new()),
            price: Some(PriceLayer { input: 1.0, cached: None, output: 1.0 }),
            plain: Some(true),
        })
        .unwrap();
        let mut names: Vec<&String> = table.keys().collect();
        names.sort();
        let mut expected = NAMES.to_vec();
        expected.sort_unstable();
        assert_eq!(names, expected);
    }
}
