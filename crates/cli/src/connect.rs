//! From settings to a model that answers: which server, which key, which model.

use std::rc::Rc;
use std::time::Duration;

use agent::{AnyTool, ChatErrorKind, Price};
use providers::{
    ChatCompletions, ChatConfig, Dialect, Edits, Effort, ModelCard, Profile, RepoMap, RetryBudget, Server, ServerConfig,
};
use secrecy::SecretString;

use crate::config::Config;
use crate::effort;
use crate::hint::{Exit, Hinted};

/// A model, ready to be asked.
pub(crate) struct Connected {
    pub(crate) client: ChatCompletions,
    pub(crate) model: String,
    pub(crate) base_url: String,
    pub(crate) price: Option<Price>,
    /// Of the model's window.
    pub(crate) context_tokens: Option<u64>,
    pub(crate) profile: &'static Profile,
    /// As it is sent.
    pub(crate) effort: Option<Effort>,
    pub(crate) notices: Vec<String>,
}

impl Connected {
    /// What the model is offered.
    pub(crate) fn tools(&self) -> &'static [&'static dyn AnyTool] {
        match (self.profile.edits, self.profile.repo_map) {
            (Edits::Diff, RepoMap::Offered) => tools::TOOLS,
            (Edits::Diff, RepoMap::NotOffered) => tools::TOOLS_WITHOUT_MAP,
            (Edits::WholeFile, _) => tools::WHOLE_FILE_TOOLS,
        }
    }
}

/// How long the list of models may take before it is done without.
const LIST_TIMEOUT: Duration = Duration::from_secs(10);

/// The server of the settings. Without a key for Mistral, local servers that answer are named in the hint.
pub(crate) async fn server(config: &Config) -> anyhow::Result<Rc<Server>> {
    let api_key_env = config.api_key_env();
    let key = match std::env::var(&api_key_env) {
        Ok(key) if !key.trim().is_empty() => Some(SecretString::from(key.trim().to_owned())),
        Ok(_) | Err(_) => None,
    };
    if key.is_none() && config.base_url().is_none() {
        return Err(Hinted::new(
            Exit::Usage,
            format!("no API key: {api_key_env} is not set"),
            Some(without_key(&api_key_env).await),
        )
        .into());
    }
    let defaults = ServerConfig::default();
    let base_url = config.base_url().unwrap_or(defaults.base_url);
    let server = ServerConfig { base_url, api_key: key, api_key_env, ..ServerConfig::default() };
    Ok(Rc::new(Server::new(server).map_err(chat_error)?))
}

async fn without_key(api_key_env: &str) -> String {
    let mut hint = format!("export {api_key_env}=... (from console.mistral.ai), or try it without a key: agent demo");
    for local in providers::local_servers(providers::LOCAL_SERVERS).await {
        let model = local.models.first().map(|model| format!(" --model {model}")).unwrap_or_default();
        hint.push_str(&format!(
            "\n      {} is running on this machine: add --base-url {}{model}",
            local.name, local.base_url
        ));
    }
    hint
}

/// The price. Errors: there is a budget in money (USD), and nothing says when it is spent.
fn enough(price: Option<Price>, budget: Option<f64>, model: &str) -> anyhow::Result<Option<Price>> {
    if budget.is_none() || price.is_some() {
        return Ok(price);
    }
    let hint = "set `price = { input = ..., output = ... }` (USD per million tokens) in the configuration".to_owned();
    let message = format!("--max-cost needs a price, and none is known for {model}");
    Err(Hinted::new(Exit::Usage, message, Some(hint)).into())
}

/// Finds the model on the server and makes a client for it.
pub(crate) async fn connect(config: &Config, session: &str) -> anyhow::Result<Connected> {
    let server = server(config).await?;
    let mut notices = Vec::new();
    let dialect = config.dialect(server.base_url());
    let cards = match tokio::time::timeout(LIST_TIMEOUT, server.models()).await {
        Ok(Ok(cards)) => cards,
        // Wrong keys and servers that are not there are said now; a server without a list may still chat.
        Ok(Err(error)) if matches!(error.kind, ChatErrorKind::Key | ChatErrorKind::Unreachable) => {
            return Err(chat_error(error));
        }
        Ok(Err(error)) => {
            notices.push(format!("cannot list the server's models: {error}"));
            Vec::new()
        }
        Err(_) => {
            notices.push("the server took too long to list its models".to_owned());
            Vec::new()
        }
    };
    let (model, card) = choose(config, dialect, &cards, &mut notices)?;
    let names: Vec<&str> =
        [Some(model.as_str()), card.as_ref().map(|card| card.id.as_str())].into_iter().flatten().collect();
    let known = match config.price() {
        Some(price) => Some(price),
        None if server.is_local() => Some(Price { input: 0.0, cached: 0.0, output: 0.0 }),
        None => names.iter().find_map(|name| providers::price(name)),
    };
    let price = enough(known, config.limits().cost_usd, &model)?;
    let of_model = || card.as_ref().map_or_else(|| Profile::of(&model), Profile::of_card);
    let profile = config.profile()?.unwrap_or_else(of_model);
    let (effort, note) = effort::choose(config.effort(), profile, dialect, &model);
    notices.extend(note);
    let card_temperature = card.as_ref().and_then(|card| card.default_temperature);
    let temperature = Some(effort::temperature(config, card_temperature, profile, effort));
    let chat = ChatConfig {
        model: model.clone(),
        temperature,
        effort,
        thoughts: profile.thoughts,
        strict_tools: profile.strict_tools,
        text_calls: profile.text_calls,
        // What the human says of the temperature holds for all of it.
        anew_temperature: profile.anew_temperature.filter(|_| config.temperature().is_none()),
        session: session.to_owned(),
        dialect,
        retry: RetryBudget::default(),
        longest_pause: profile.longest_pause,
        reply_bounds: profile.reply_bounds,
        system_role: profile.system_role,
        replacement: card.as_ref().and_then(|card| card.replacement.clone()),
    };
    let context_tokens = card.as_ref().and_then(|card| card.max_context_length).or(profile.context_tokens);
    let base_url = server.base_url().to_owned();
    Ok(Connected {
        client: ChatCompletions::new(server, chat),
        model,
        base_url,
        price,
        context_tokens,
        profile,
        effort,
        notices,
    })
}

/// The wanted model, or on somebody's own server the only one it has.
fn choose(
    config: &Config,
    dialect: Dialect,
    cards: &[ModelCard],
    notices: &mut Vec<String>,
) -> anyhow::Result<(String, Option<ModelCard>)> {
    let wanted = config.model();
    match (dialect, cards) {
        (_, []) => return Ok((wanted, None)),
        (Dialect::OpenAiCompatible, [only]) if config.model_is_default() => {
            notices.push(format!("using {}, the only model on this server", only.id));
            return Ok((only.id.clone(), Some(only.clone())));
        }
        (Dialect::Mistral | Dialect::OpenAiCompatible, _) => (),
    }
    let card = providers::resolve(&wanted, cards).map_err(chat_error)?;
    notices.extend(card.notice());
    Ok((wanted, Some(card.clone())))
}

/// A failure of the model's side, with its hint and exit code.
pub(crate) fn chat_error(error: agent::ChatError) -> anyhow::Error {
    let (exit, hint) = chat_error_parts(&error);
    Hinted::new(exit, error.message, hint).into()
}

pub(crate) fn chat_error_parts(error: &agent::ChatError) -> (Exit, Option<String>) {
    let exit = match error.kind {
        ChatErrorKind::Key | ChatErrorKind::Model => Exit::Usage,
        ChatErrorKind::ContextFull => Exit::Limit,
        ChatErrorKind::Refused | ChatErrorKind::Unreachable => Exit::Failed,
    };
    (exit, error.hint.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_in_money_needs_a_price() {
        let free = Some(Price { input: 0.0, cached: 0.0, output: 0.0 });
        assert_eq!(enough(free, Some(2.0), "m").unwrap(), free);
        assert_eq!(enough(None, None, "m").unwrap(), None);
        let error = enough(None, Some(2.0), "m").unwrap_err();
        assert_eq!(error.downcast_ref::<Hinted>().unwrap().exit, Exit::Usage);
    }
}
