//! What a provider has to know: where the server is and how it likes to be spoken to.

use std::time::Duration;

use agent::Thoughts;
use secrecy::SecretString;

use crate::address::Address;
use crate::bounds::ReplyBounds;
use crate::effort::Effort;
use crate::profiles::{StrictTools, SystemRole, TextCalls};
use crate::retry::RetryBudget;

pub const MISTRAL_URL: &str = "https://api.mistral.ai/v1";

/// Where the server is and who asks.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// With its version path, e.g. `http://127.0.0.1:8080/v1`. A bare host gets `/v1`; a query goes with every request.
    pub base_url: String,
    pub api_key: Option<SecretString>,
    /// The variable that should hold the key, for hints.
    pub api_key_env: String,
    /// Certificate authorities beside the system's, in PEM.
    pub extra_roots: Option<Vec<u8>>,
    pub connect_timeout: Duration,
    /// The longest wait for the first byte of an answer; `None` for what [`ServerConfig::LOCAL_PATIENCE`] and
    /// [`ServerConfig::PATIENCE`] say.
    pub first_byte_timeout: Option<Duration>,
    /// The longest silence within an answer.
    pub idle_timeout: Duration,
}

impl ServerConfig {
    /// Thoughts may take minutes, and so may a queue.
    pub const PATIENCE: Duration = Duration::from_secs(300);
    /// A model on a CPU reads 60 tokens a second: 100,000 tokens in this time.
    pub const LOCAL_PATIENCE: Duration = Duration::from_secs(30 * 60);
}

impl Default for ServerConfig {
    fn default() -> ServerConfig {
        ServerConfig {
            base_url: MISTRAL_URL.to_owned(),
            api_key: None,
            api_key_env: "MISTRAL_API_KEY".to_owned(),
            extra_roots: None,
            connect_timeout: Duration::from_secs(10),
            first_byte_timeout: None,
            idle_timeout: Duration::from_secs(300),
        }
    }
}

/// What is asked of the model, the same in every request of a run.
#[derive(Clone, Debug)]
pub struct ChatConfig {
    pub model: String,
    /// `None` for the server's own default.
    pub temperature: Option<f64>,
    /// How much it thinks before it replies; `None` for the server's own default.
    pub effort: Option<Effort>,
    /// Only Mistral's dialect has a place for them in a request.
    pub thoughts: Thoughts,
    pub strict_tools: StrictTools,
    pub text_calls: TextCalls,
    /// Once it begins anew for the second time, see [`crate::Profile`].
    pub anew_temperature: Option<f64>,
    /// Names the run to the server's prompt cache.
    pub session: String,
    pub dialect: Dialect,
    pub retry: RetryBudget,
    /// The longest silence once the answer has begun, where that is shorter than before it. See [`crate::Profile`].
    pub longest_pause: Option<Duration>,
    pub reply_bounds: ReplyBounds,
    pub system_role: SystemRole,
    /// What [`crate::ModelCard`] names in its place, for the hint if the server no longer has it.
    pub replacement: Option<String>,
}

/// The two ways to write a chat completions request. Unknown fields are refused by Mistral (MISTRAL.md 0.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `prompt_cache_key`, `x-affinity`, `strict` functions; usage comes without asking.
    Mistral,
    /// llama.cpp, Ollama, vLLM, LM Studio and many others: usage is asked for. No `strict`, which OpenAI's own
    /// servers refuse together with optional arguments.
    OpenAiCompatible,
}

impl Dialect {
    /// The dialect of the server at this address, unless the human says otherwise.
    pub fn of(address: &Address) -> Dialect {
        if address.is_mistral() { Dialect::Mistral } else { Dialect::OpenAiCompatible }
    }
}
