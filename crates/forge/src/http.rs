//! The connection to one forge. The only file of this room that opens one.
//!
//! Redirects are not followed, so the token goes nowhere but to the forge that it is for. Bodies are bounded.

use std::error::Error;
use std::time::{Duration, SystemTime};

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderValue, LINK, RETRY_AFTER};
use reqwest::{Certificate, Client, Method, RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::failure::{Again, Effect, Failure, FailureKind, Trouble};
use crate::project::{Kind, Project, is_loopback};
use crate::refusal::{self, Need, Refusal};
use crate::retry::Headers;

/// The most of an answer that is read. Forgejo gives all comments of an issue in one.
const BODY_BYTES: usize = 16 << 20;

const CONNECT: Duration = Duration::from_secs(20);

/// One call of a forge's REST API.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// Below the API's URL, each part of it already fit for a URL.
    pub(crate) path: String,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) body: Option<Value>,
    /// What the token must be allowed to, for the hint.
    pub(crate) need: Need,
}

/// What came back, and whether the list that it is part of goes on.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) value: T,
    /// `None` where the forge does not say.
    pub(crate) has_next: Option<bool>,
}

#[derive(Debug)]
pub(crate) struct Connection {
    client: Client,
    api: String,
    kind: Kind,
    token: SecretString,
    authorization: HeaderValue,
}

impl Connection {
    /// Opens no connection yet. Errors: a token that no header can hold, no TLS on this machine.
    pub(crate) fn new(project: &Project, token: SecretString, answer: Duration) -> Result<Connection, Failure> {
        let token = SecretString::from(token.expose_secret().trim().to_owned());
        let no_token = |why: &str| {
            let hint = "check that the variable is set and contains no line breaks or quotes";
            Failure::new(FailureKind::Token, format!("the token for {} {why}", project.kind.name()), hint)
        };
        if token.expose_secret().is_empty() {
            return Err(no_token("is empty"));
        }
        // GitLab takes personal, project and group access tokens in this header too (docs.gitlab.com/api/rest/
        // authentication); Forgejo's own word is `token` (its swagger, `AuthorizationHeaderToken`).
        let scheme = match project.kind {
            Kind::GitHub | Kind::GitLab => "Bearer",
            Kind::Forgejo => "token",
        };
        let mut authorization = HeaderValue::from_str(&format!("{scheme} {}", token.expose_secret()))
            .map_err(|_| no_token("contains invalid characters"))?;
        authorization.set_sensitive(true);
        // reqwest has no provider of its own here (`rustls-no-provider`). An error says that one is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(concat!("agent/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(answer);
        if is_loopback(&project.api) {
            builder = builder.no_proxy();
        }
        if project.api.scheme() == "http" {
            // Reading the system's certificates takes longer than the rest of the start.
            builder = builder.tls_certs_only(std::iter::empty::<Certificate>());
        }
        let client = builder.build().map_err(|error| {
            let message = format!("the HTTP client cannot start: {}", cause(&error));
            Failure::new(
                FailureKind::Refused,
                message,
                "check that this machine's certificates are installed (ca-certificates)",
            )
        })?;
        let api = project.api.as_str().trim_end_matches('/').to_owned();
        Ok(Connection { client, api, kind: project.kind, token, authorization })
    }

    pub(crate) fn token(&self) -> &SecretString {
        &self.token
    }

    pub(crate) async fn call<T: DeserializeOwned>(&self, call: &Call) -> Result<Page<T>, Trouble> {
        let mut request = self.client.request(call.method.clone(), self.url(call)?);
        if let Some(body) = &call.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        let response = self.send(request).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        tracing::debug!(status = status.as_u16(), method = %call.method, path = call.path, "answer");
        // A refusal counts for what its status says, also where its body does not come.
        let body = match read(response).await {
            Err(trouble) if status.is_success() => return Err(trouble),
            Err(_) => Vec::new(),
            Ok(body) => body,
        };
        if !status.is_success() {
            return Err(self.refusal(status, &headers, &body, call));
        }
        let value = serde_json::from_slice(&body).map_err(|error| {
            Trouble::unknown(format!("cannot read {}'s answer to {}: {error}", self.kind.name(), call.path), None)
        })?;
        Ok(Page { value, has_next: has_next(&headers) })
    }

    fn url(&self, call: &Call) -> Result<Url, Trouble> {
        let mut url = Url::parse(&format!("{}/{}", self.api, call.path))
            .map_err(|error| Trouble::never(Failure::usage(format!("{} is not a URL: {error}", call.path), "")))?;
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        Ok(url)
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Trouble> {
        // GitHub's media type and version (docs.github.com, "API Versions"); the others take any JSON.
        let request = match self.kind {
            Kind::GitHub => {
                request.header(ACCEPT, "application/vnd.github+json").header("x-github-api-version", "2022-11-28")
            }
            Kind::GitLab | Kind::Forgejo => request.header(ACCEPT, "application/json"),
        };
        let error = match request.header(AUTHORIZATION, self.authorization.clone()).send().await {
            Ok(response) => return Ok(response),
            Err(error) => error,
        };
        let why = cause(&error);
        if causes(&error).any(|cause| cause.is::<rustls::Error>()) {
            let hint = "for a private certificate authority set SSL_CERT_FILE";
            let message = format!("TLS connection to {} failed: {why}", self.api);
            return Err(Trouble::never(Failure::new(FailureKind::Unreachable, message, hint)));
        }
        if error.is_connect() {
            let message = format!("cannot connect to {}: {why}", self.api);
            let failure = Failure::new(FailureKind::Unreachable, message, "check the network and the forge's URL");
            return Err(Trouble { failure, again: Again::Later(None), effect: Effect::None });
        }
        Err(Trouble::unknown(format!("the connection to {} was lost: {why}", self.api), None))
    }

    fn refusal(&self, status: StatusCode, headers: &HeaderMap, body: &[u8], call: &Call) -> Trouble {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let now = text(DATE.as_str()).and_then(|date| httpdate::parse_http_date(date).ok());
        let limits = Headers {
            retry_after: text(RETRY_AFTER.as_str()),
            remaining: text("x-ratelimit-remaining").or_else(|| text("ratelimit-remaining")),
            reset: text("x-ratelimit-reset").or_else(|| text("ratelimit-reset")),
        };
        let body = String::from_utf8_lossy(body);
        // Some servers repeat what they refuse.
        let said = refusal::said(&body).replace(self.token.expose_secret(), "[token]");
        refusal::trouble(&Refusal {
            kind: self.kind,
            status: status.as_u16(),
            said: &said,
            asked: limits.wait(now.unwrap_or_else(SystemTime::now)),
            is_used_up: limits.is_used_up(),
            accepted: text("x-accepted-github-permissions"),
            need: call.need,
        })
    }
}

async fn read(mut response: Response) -> Result<Vec<u8>, Trouble> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(bytes)) => body.extend_from_slice(&bytes),
            Ok(None) => return Ok(body),
            Err(error) => return Err(Trouble::unknown(format!("the response ended early: {}", cause(&error)), None)),
        }
        if body.len() > BODY_BYTES {
            let message = format!("the response is larger than {} MiB", BODY_BYTES >> 20);
            return Err(Trouble::never(Failure::new(FailureKind::Refused, message, "")));
        }
    }
}

/// Only whether there is more is taken from the header: the address in it could lead elsewhere.
fn has_next(headers: &HeaderMap) -> Option<bool> {
    let mut links = headers.get_all(LINK).iter().filter_map(|link| link.to_str().ok()).peekable();
    links.peek()?;
    Some(links.any(|link| link.contains("rel=\"next\"")))
}

/// The innermost cause, without the address.
fn cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it took too long".to_owned();
    }
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
