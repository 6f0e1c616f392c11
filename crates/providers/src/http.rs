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
use url::{Host, Url};

use crate::config::ServerConfig;
use crate::failure::{self, About, Failure, Refusal};
use crate::rate_limit;
use crate::retry::retry_after;

/// The most of an error body or a model list that is read.
const BODY_BYTES: usize = 8 << 20;

/// The longest silence where no model has to think first.
const QUICK: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub struct Server {
    client: Client,
    base_url: String,
    pub(crate) about: About,
    key: Option<secrecy::SecretString>,
    idle_timeout: Duration,
}

impl Server {
    /// Opens no connection yet.
    pub fn new(config: ServerConfig) -> Result<Server, ChatError> {
        let url = parse(&config.base_url)?;
        let is_local = is_loopback(&url);
        let about = About { base_url: shown(&url), api_key_env: config.api_key_env, is_local };
        let client = client(&url, is_local, &config.extra_roots, config.connect_timeout)?;
        let key = config.api_key.filter(|key| !key.expose_secret().trim().is_empty());
        if key.is_none() && url.host_str().is_some_and(|host| host.ends_with("mistral.ai")) {
            return Err(ChatError {
                message: format!("{} needs an API key, but ${} is not set", about.base_url, about.api_key_env),
                hint: Some(format!("export {}=..., or use a local server with --base-url", about.api_key_env)),
                kind: ChatErrorKind::Key,
            });
        }
        let base_url = url.as_str().trim_end_matches('/').to_owned();
        Ok(Server { client, base_url, about, key, idle_timeout: config.idle_timeout })
    }

    /// The base URL as it is used, without user name and password.
    pub fn base_url(&self) -> &str {
        &self.about.base_url
    }

    pub fn is_local(&self) -> bool {
        self.about.is_local
    }

    pub(crate) fn idle_timeout(&self) -> Duration {
        self.idle_timeout
    }

    /// Posts a JSON body; the answer's status is 200.
    pub(crate) async fn post(&self, path: &str, affinity: Option<&str>, body: Bytes) -> Result<Answer, Failure> {
        let sent_bytes = body.len();
        let mut request = self.client.post(format!("{}/{path}", self.base_url)).body(body);
        request =
            request.header(CONTENT_TYPE, "application/json").header(ACCEPT, "text/event-stream, application/json");
        if let Some(affinity) = affinity {
            request = request.header("x-affinity", affinity);
        }
        self.send(request, sent_bytes, self.idle_timeout).await
    }

    /// Gets a whole body as text.
    pub(crate) async fn get(&self, path: &str) -> Result<String, Failure> {
        let request = self.client.get(format!("{}/{path}", self.base_url)).header(ACCEPT, "application/json");
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
            Err(_) => return Err(failure::of_silence(idle)),
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

fn client(url: &Url, is_local: bool, roots: &Option<Vec<u8>>, connect: Duration) -> Result<Client, ChatError> {
    // reqwest has no provider of its own here (`rustls-no-provider`). An error says that one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .user_agent(concat!("agent/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(connect)
        // A command may run for minutes between two requests.
        .pool_idle_timeout(Duration::from_secs(600))
        .tcp_keepalive(Duration::from_secs(30));
    if url.scheme() == "http" {
        // Reading the system's certificates takes longer than the rest of the start.
        builder = builder.tls_certs_only(std::iter::empty::<Certificate>());
    } else if let Some(pem) = roots {
        let roots = Certificate::from_pem_bundle(pem)
            .map_err(|error| refused(format!("cannot read the extra certificates: {error}")))?;
        builder = builder.tls_certs_merge(roots);
    }
    if is_local {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| refused(format!("the HTTP client cannot start: {}", cause(&error))))
}

fn parse(base_url: &str) -> Result<Url, ChatError> {
    let bad = |why: &str| ChatError {
        message: format!("invalid base URL: {why}"),
        hint: Some("it looks like http://127.0.0.1:8080/v1".to_owned()),
        kind: ChatErrorKind::Refused,
    };
    let text = base_url.trim().trim_end_matches('/').trim_end_matches("/chat/completions");
    let mut url = Url::parse(text).map_err(|error| bad(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(bad("it must start with http:// or https://"));
    }
    if url.path() == "/" {
        url.set_path("/v1");
    }
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // Both fail only for addresses without a host, and those were refused.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.as_str().trim_end_matches('/').to_owned()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback() || address.is_unspecified(),
        Some(Host::Ipv6(address)) => address.is_loopback() || address.is_unspecified(),
        None => false,
    }
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
