//! The strongest layer: what the flags say.

use agent::Mode;
use toml::{Table, Value};

use crate::args::{BoundArgs, ModelArgs, ProgramArgs, ProviderArg, SandboxArg, WorkArgs};
use crate::config::{Layer, Provider, Switch};
use crate::hint::Hint as _;

impl Layer {
    pub(crate) fn of_model(args: &ModelArgs) -> Layer {
        Layer {
            model: args.model.clone(),
            base_url: args.base_url.clone(),
            api_key_env: args.api_key_env.clone(),
            provider: args.provider.map(Provider::from),
            first_byte_timeout: args.first_byte_timeout.clone(),
            effort: args.effort,
            ..Layer::default()
        }
    }

    /// The demo: nothing of the user's may change what it shows.
    pub(crate) fn of_demo(base_url: String, sandbox: Option<SandboxArg>) -> Layer {
        Layer {
            base_url: Some(base_url),
            // Not the user's key, whatever it is.
            api_key_env: Some("AGENT_DEMO_KEY".to_owned()),
            provider: Some(Provider::Mistral),
            mode: Some(Mode::Auto),
            sandbox: sandbox.map(Switch::from),
            ..Layer::default()
        }
    }

    /// `Err`: a `--limit` without a value.
    pub(crate) fn of_work(args: &WorkArgs, program: &ProgramArgs) -> anyhow::Result<Layer> {
        let confirm = args.confirm.then_some(Mode::Confirm);
        Ok(Layer {
            mode: args.mode.map(Mode::from).or(confirm),
            sandbox: args.sandbox.map(Switch::from),
            allow: some(&args.allow),
            ask: some(&args.ask),
            approval_timeout: program.approval_timeout.clone(),
            plain: args.plain.then_some(true),
            ..Layer::of_bounds(&args.bounds, &args.model)?
        })
    }

    /// `Err`: a `--limit` without a value.
    pub(crate) fn of_bounds(args: &BoundArgs, model: &ModelArgs) -> anyhow::Result<Layer> {
        Ok(Layer {
            network: args.network.clone(),
            deny: some(&args.deny),
            add_dirs: some(&args.add_dir),
            show: some(&args.show),
            limit: Some(limit_table(args.limit.iter().map(String::as_str))?).filter(|limits| !limits.is_empty()),
            max_steps: args.max_steps,
            max_tokens: args.max_tokens,
            max_cost: args.max_cost,
            max_time: args.max_time.clone(),
            ..Layer::of_model(model)
        })
    }
}

impl From<ProviderArg> for Provider {
    fn from(provider: ProviderArg) -> Provider {
        match provider {
            ProviderArg::Mistral => Provider::Mistral,
            ProviderArg::Openai => Provider::Openai,
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

/// `None` where nothing was said, so that weaker layers count.
fn some(texts: &[String]) -> Option<Vec<String>> {
    (!texts.is_empty()).then(|| texts.to_vec())
}

/// `NAME=VALUE` each.
pub(super) fn limit_table<'a>(settings: impl Iterator<Item = &'a str>) -> anyhow::Result<Table> {
    let pair = |setting: &str| {
        let (name, value) = setting
            .split_once('=')
            .ok_or_else(|| anyhow::anyhow!("limit `{setting}` has no value"))
            .hint("write it like memory=8G")?;
        Ok((name.trim().to_owned(), Value::String(value.trim().to_owned())))
    };
    settings.map(pair).collect()
}
