//! The connection to one server. The only file of this room that opens one.
//!
//! One client a run: its connection stays open between requests. Redirects are
//! not followed, so the key goes nowhere but where the human sent it.

use std::error::Error;
use std::time::{Duration, SystemTime};

use agent::{ChatError, ChatErrorKind};
use bytes::Bytes;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderValue, RETRY_AFTER,
};
use reqwest::{Certificate, Client, RequestBuilder, Response};
use secrecy::ExposeSecret;
use tokio::time::timeout;

use crate::address::Address;
use crate::config::ServerConfig;
use crate::failure::{self, About, Failure, Refusal};
use crate::proxy::Proxy;
use crate::rate_limit;
use crate::retry::retry_after;

/// The most of an error body or a model list that is read.
const BODY_BYTES: usize = 8 << 20;

/// The longest silence where no model has to think first.
const QUICK: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub struct Server {
    client: Client,
    address: Address,
    pub(crate) about: About,
    key: Option<secrecy::SecretString>,
    first_byte_timeout: Duration,
    idle_timeout: Duration,
}

impl Server {
    /// Opens no connection yet.
    pub fn new(config: ServerConfig) -> Result<Server, ChatError> {
        let address = Address::parse(&config.base_url)?;
        let key = config.api_key.filter(|key| !key.expose_secret().trim().is_empty());
        let mut secrets = address.secrets();
        secrets.extend(key.as_ref().map(|key| key.expose_secret().to_owned()));
        secrets.iter().for_each(|secret| mask::hide(secret));
        let proxy = Proxy::of(&address)?;
        if !secrets.is_empty() {
            keep_private(&address, proxy.as_ref())?;
        }
        let about = About {
            base_url: address.shown(),
            api_key_env: config.api_key_env,
            is_local: address.is_loopback(),
            is_mistral: address.is_mistral(),
            proxy: proxy.map(|proxy| proxy.shown),
        };
        let client = client(&address, &config.extra_roots, config.connect_timeout)?;
        if key.is_none() && address.is_mistral() {
            return Err(ChatError {
                message: format!("{} needs an API key, but ${} is not set", about.base_url, about.api_key_env),
                hint: Some(format!("export {}=..., or use a local server with --base-url", about.api_key_env)),
                kind: ChatErrorKind::Key,
            });
        }
        let patience = if about.is_local { ServerConfig::LOCAL_PATIENCE } else { ServerConfig::PATIENCE };
        let first_byte_timeout = config.first_byte_timeout.unwrap_or(patience);
        Ok(Server { client, address, about, key, first_byte_timeout, idle_timeout: config.idle_timeout })
    }

    /// The base URL as it is used, without user name and password.
    pub fn base_url(&self) -> &str {
        &self.about.base_url
    }

    pub fn is_local(&self) -> bool {
        self.about.is_local
    }

    pub fn address(&self) -> &Address {
        &self.address
    }

    /// How long the first byte of an answer may take.
    pub(crate) fn first_byte_timeout(&self) -> Duration {
        self.first_byte_timeout
    }

    pub(crate) fn idle_timeout(&self) -> Duration {
        self.idle_timeout
    }

    /// Posts a JSON body; the answer's status is 200.
    pub(crate) async fn post(&self, path: &str, affinity: Option<&str>, body: Bytes) -> Result<Answer, Failure> {
        let sent_bytes = body.len();
        let mut request = self.client.post(self.address.of(path)).body(body);
        request =
            request.header(CONTENT_TYPE, "application/json").header(ACCEPT, "text/event-stream, application/json");
        if let Some(affinity) = affinity {
            request = request.header("x-affinity", affinity);
        }
        self.send(request, sent_bytes, self.first_byte_timeout).await
    }

    /// Gets a whole body as text.
    pub(crate) async fn get(&self, path: &str) -> Result<String, Failure> {
        let request = self.client.get(self.address.of(path)).header(ACCEPT, "application/json");
        let idle = self.idle_timeout.min(QUICK);
        let mut answer = self.send(request, 0, idle).await?;
        let mut body = Vec::new();
        while let Some(bytes) = answer.next(idle).await? {
            body.extend_from_slice(&bytes);
            if body.len() > BODY_BYTES {
                break;
            }
        }
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// Nothing compressed is asked for, since it would hold the stream back; some proxies compress all the same.
    async fn send(&self, request: RequestBuilder, sent_bytes: usize, idle: Duration) -> Result<Answer, Failure> {
        let request = match &self.key {
            Some(key) => request.header(AUTHORIZATION, self.bearer(key.expose_secret())?),
            None => request,
        };
        let request = request.header(ACCEPT_ENCODING, "identity");
        let response = match timeout(idle, request.send()).await {
            Err(_) => return Err(failure::of_no_answer(idle)),
            Ok(Err(error)) if is_tls(&error) => return Err(failure::of_tls(&cause(&error), &self.about)),
            Ok(Err(error)) if error.is_connect() => return Err(failure::of_connect(&cause(&error), &self.about)),
            Ok(Err(error)) => return Err(failure::of_transport(&cause(&error))),
            Ok(Ok(response)) => response,
        };
        tracing::debug!(status = response.status().as_u16(), id = correlation(response.headers()), "answer");
        if response.status().is_success() {
            return Ok(Answer { response });
        }
        Err(self.refusal(response, sent_bytes).await)
    }

    fn bearer(&self, key: &str) -> Result<HeaderValue, Failure> {
        let value = HeaderValue::from_str(&format!("Bearer {}", key.trim()));
        let mut value = value.map_err(|_| failure::of_bad_key(&self.about))?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// Reads what a server says instead of an answer. A body that does not come is an empty one.
    async fn refusal(&self, response: Response, sent_bytes: usize) -> Failure {
        let status = response.status().as_u16();
        let headers = response.headers();
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let now = text(DATE.as_str()).and_then(|date| httpdate::parse_http_date(date).ok());
        let asked =
            retry_after(text("retry-after-ms"), text(RETRY_AFTER.as_str()), now.unwrap_or_else(SystemTime::now));
        let id = correlation(headers).map(str::to_owned);
        let texts: Vec<(&str, &str)> =
            headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
        let limit = rate_limit::used_up(&texts).filter(|_| status == 429);
        let mut answer = Answer { response };
        let mut body = Vec::new();
        while let Ok(Some(bytes)) = answer.next(self.idle_timeout.min(QUICK)).await {
            body.extend_from_slice(&bytes);
            if body.len() > BODY_BYTES {
                break;
            }
        }
        let mut body = String::from_utf8_lossy(&body).into_owned();
        // Some servers repeat the key that they refuse.
        if let Some(key) = &self.key {
            body = body.replace(key.expose_secret().trim(), "[key]");
        }
        let mut failure = failure::of_status(Refusal { status, body: &body, asked, sent_bytes }, &self.about);
        if let Some(limit) = limit {
            failure.error.message.push_str(&format!(" ({limit})"));
        }
        if let Some(id) = id {
            failure.error.message.push_str(&format!(" (request {id})"));
        }
        failure
    }
}

/// An answer with status 200 whose body is still to come. Dropping it ends the request.
#[derive(Debug)]
pub(crate) struct Answer {
    response: Response,
}

impl Answer {
    pub(crate) async fn next(&mut self, idle: Duration) -> Result<Option<Bytes>, Failure> {
        match timeout(idle, self.response.chunk()).await {
            Err(_) => Err(failure::of_silence(idle)),
            Ok(Err(error)) => Err(failure::of_transport(&cause(&error))),
            Ok(Ok(bytes)) => Ok(bytes),
        }
    }
}

/// A key, or a password in the address, is read by everyone between here and a server that is spoken to without TLS. A
/// proxy on this machine is not between: what it does with the request is its user's affair.
fn keep_private(address: &Address, proxy: Option<&Proxy>) -> Result<(), ChatError> {
    if address.uses_tls() || address.is_loopback() || proxy.is_some_and(|proxy| proxy.is_loopback) {
        return Ok(());
    }
    Err(ChatError {
        message: format!("refusing to send a key to {} in clear text", address.shown()),
        hint: Some(
            "use its https:// address, reach it through a tunnel that ends on 127.0.0.1, or pass no key".to_owned(),
        ),
        kind: ChatErrorKind::Key,
    })
}

fn client(address: &Address, roots: &Option<Vec<u8>>, connect: Duration) -> Result<Client, ChatError> {
    // reqwest has no provider of its own here (`rustls-no-provider`). An error says that one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .user_agent(concat!("agent/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(connect)
        // A command may run for minutes between two requests.
        .pool_idle_timeout(Duration::from_secs(600))
        .tcp_keepalive(Duration::from_secs(30));
    if !address.uses_tls() {
        // Reading the system's certificates takes longer than the rest of the start.
        builder = builder.tls_certs_only(std::iter::empty::<Certificate>());
    } else if let Some(pem) = roots {
        let roots = Certificate::from_pem_bundle(pem)
            .map_err(|error| refused(format!("cannot read the extra certificates: {error}")))?;
        builder = builder.tls_certs_merge(roots);
    }
    if address.is_loopback() {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| refused(format!("the HTTP client cannot start: {}", cause(&error))))
}

fn refused(message: String) -> ChatError {
    ChatError { message, hint: None, kind: ChatErrorKind::Refused }
}

/// The server could be reached, and what it said of itself was not acceptable.
fn is_tls(error: &reqwest::Error) -> bool {
    causes(error).any(|cause| cause.is::<rustls::Error>())
}

/// The innermost cause, without the address, which may hold a password.
fn cause(error: &reqwest::Error) -> String {
    let text = causes(error).last().map(ToString::to_string);
    text.filter(|text| !text.is_empty()).unwrap_or_else(|| "no answer".to_owned())
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    // An `io::Error` shows what is in it, and names as its source only the source of that.
    fn within<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
        match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        }
    }
    std::iter::successors(error.source(), |error| within(*error))
}

/// The id under which the server's operators find the request (MISTRAL.md 1.4).
fn correlation(headers: &HeaderMap) -> Option<&str> {
    ["mistral-correlation-id", "x-request-id", "x-kong-request-id"]
        .iter()
        .find_map(|name| headers.get(*name)?.to_str().ok())
}
