//! From settings to a model that answers: which server, which key, which model.

use std::rc::Rc;
use std::time::Duration;

use agent::{AnyTool, ChatError, ChatErrorKind, Price};
use providers::{
    Address, ChatCompletions, ChatConfig, Choice, Dialect, Edits, Effort, ListOf, ModelCard, Profile, RepoMap,
    RetryBudget, Server, ServerConfig,
};
use secrecy::SecretString;

use crate::config::{Config, MISTRAL_KEY};
use crate::effort;
use crate::hint::{Exit, Hinted};

/// A model, ready to be asked.
pub(crate) struct Connected {
    pub(crate) client: ChatCompletions,
    pub(crate) model: String,
    /// Why this model, if the human named none.
    pub(crate) reason: Option<String>,
    /// As a session file keeps it.
    pub(crate) base_url: String,
    /// The variable whose key the server gets.
    pub(crate) api_key_env: Option<String>,
    pub(crate) price: Option<Price>,
    /// Of the model's window.
    pub(crate) context_tokens: Option<u64>,
    pub(crate) profile: &'static Profile,
    /// As it is sent.
    pub(crate) effort: Option<Effort>,
    pub(crate) notices: Vec<String>,
    /// Why there is no list of models.
    pub(crate) unlisted: Option<ChatError>,
    pub(crate) list_of: ListOf,
}

impl Connected {
    /// The model, and the reason for it.
    pub(crate) fn named(&self) -> String {
        match &self.reason {
            Some(reason) => format!("{} ({reason})", self.model),
            None => self.model.clone(),
        }
    }

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

/// The server of the settings, and what the human should know of the way there.
pub(crate) struct Reached {
    pub(crate) server: Rc<Server>,
    /// The variable whose key the server gets.
    pub(crate) api_key_env: Option<String>,
    pub(crate) notices: Vec<String>,
}

/// Without a key for Mistral, local servers that answer are named in the hint.
pub(crate) async fn server(config: &Config) -> anyhow::Result<Reached> {
    let base_url = config.base_url().unwrap_or_else(|| providers::MISTRAL_URL.to_owned());
    let address = Address::parse(&base_url).map_err(chat_error)?;
    let variable = config.api_key_env(&address);
    let key = variable.as_deref().and_then(mask::read_key);
    let wanted = variable.clone().unwrap_or_else(|| MISTRAL_KEY.to_owned());
    if key.is_none() && address.is_mistral() {
        let hint = Some(without_key(&wanted).await);
        return Err(Hinted::new(Exit::Usage, format!("no API key: {wanted} is not set"), hint).into());
    }
    let mut notices = Vec::new();
    if variable.is_none() && mask::read_key(MISTRAL_KEY).is_some() {
        notices.push(format!("{} gets no key: pass --api-key-env NAME to send it the one in $NAME", address.host()));
    }
    let server = Server::new(ServerConfig {
        base_url,
        api_key: key.map(SecretString::from),
        api_key_env: wanted,
        first_byte_timeout: config.first_byte_timeout()?,
        ..ServerConfig::default()
    });
    Ok(Reached { server: Rc::new(server.map_err(chat_error)?), api_key_env: variable, notices })
}

/// The server's models, or why it does not list them. A server that is not there is an error: it would not answer the next
/// request either.
async fn list(server: &Server) -> anyhow::Result<Result<Vec<ModelCard>, ChatError>> {
    match tokio::time::timeout(LIST_TIMEOUT, server.models()).await {
        Ok(Err(error)) if error.kind == ChatErrorKind::NoConnection => Err(chat_error(error)),
        // A key may chat and not list, a gateway may have one route, a local model may still be loading.
        Ok(listed) => Ok(listed),
        Err(_) => {
            let message = format!("it took over {} s", LIST_TIMEOUT.as_secs());
            Ok(Err(ChatError { message, hint: None, kind: ChatErrorKind::Unreachable }))
        }
    }
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
    let Reached { server, api_key_env, mut notices } = server(config).await?;
    let listed = list(&server).await?;
    let (cards, unlisted) = match listed {
        Ok(cards) => (cards, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    notices.extend(unlisted.iter().map(|error| format!("cannot list the server's models: {}", error.message)));
    let Choice { model, card, reason, notice } = choose(config, server.address(), &cards).map_err(chat_error)?;
    notices.extend(notice);
    let dialect = config.dialect(server.address());
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
    let base_url = server.address().kept();
    let list_of = list_of(config, server.address());
    Ok(Connected {
        client: ChatCompletions::new(server, chat),
        model,
        reason,
        base_url,
        api_key_env,
        price,
        context_tokens,
        profile,
        effort,
        notices,
        unlisted,
        list_of,
    })
}

/// The model that the human named, or the one that the server's list decides on.
pub(crate) fn choose(config: &Config, address: &Address, cards: &[ModelCard]) -> Result<Choice, ChatError> {
    let today = jiff::Zoned::now().strftime("%Y-%m-%d").to_string();
    providers::choose(config.model().as_deref(), cards, list_of(config, address), &today)
}

/// A server on this machine that is spoken to as Mistral's stands for it.
fn list_of(config: &Config, address: &Address) -> ListOf {
    match config.dialect(address) {
        Dialect::Mistral if address.is_mistral() || address.is_loopback() => ListOf::Mistral,
        Dialect::Mistral | Dialect::OpenAiCompatible => ListOf::Others,
    }
}

/// A failure of the model's side, with its hint and exit code.
pub(crate) fn chat_error(error: ChatError) -> anyhow::Error {
    let (exit, hint) = chat_error_parts(&error);
    Hinted::new(exit, error.message, hint).into()
}

pub(crate) fn chat_error_parts(error: &ChatError) -> (Exit, Option<String>) {
    let exit = match error.kind {
        ChatErrorKind::Key | ChatErrorKind::Model => Exit::Usage,
        ChatErrorKind::ContextFull => Exit::Limit,
        ChatErrorKind::Refused | ChatErrorKind::NoConnection | ChatErrorKind::Unreachable => Exit::Failed,
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
