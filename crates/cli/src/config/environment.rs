//! The layer of the environment: `AGENT_MODEL` and so on, one variable for each setting.

use anyhow::{Context as _, bail};
use toml::{Table, Value};

use super::flags::limit_table;
use super::{Layer, NAMES};

/// `AGENT_MAX_STEPS=5` and so on, one variable for each name.
pub(super) fn from_environment() -> anyhow::Result<Layer> {
    let mut table = Table::new();
    for name in NAMES {
        let variable = format!("AGENT_{}", name.to_uppercase());
        let text = variable_of(&variable).or_else(|| former(name).and_then(variable_of));
        let Some(text) = text else { continue };
        let value = match name {
            "pass" | "add_dirs" | "hide" | "show" | "keep" | "allow" | "ask" | "deny" => {
                Value::Array(text.split(',').map(|name| Value::String(name.trim().to_owned())).collect())
            }
            "checks" => Value::Array(text.lines().map(|command| Value::String(command.trim().to_owned())).collect()),
            "limit" => Value::Table(limit_table(text.split(',')).with_context(|| variable.clone())?),
            "max_steps" | "max_tokens" => {
                Value::Integer(text.parse().with_context(|| format!("{variable}={text} is not a whole number"))?)
            }
            "max_cost" | "temperature" => {
                Value::Float(text.parse().with_context(|| format!("{variable}={text} is not a number"))?)
            }
            "plain" => Value::Boolean(text.parse().with_context(|| format!("{variable}={text} is not true or false"))?),
            "price" => bail!("{variable} is not supported; set `price` in the configuration file"),
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

/// A variable that is empty says nothing: CI systems set those whose value they do not know.
fn variable_of(name: &str) -> Option<String> {
    let text = std::env::var(name).ok()?.trim().to_owned();
    Some(text).filter(|text| !text.is_empty())
}

/// The variable that a setting had before it was renamed.
fn former(setting: &str) -> Option<&'static str> {
    (setting == "provider").then_some("AGENT_DIALECT")
}
