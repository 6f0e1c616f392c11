//! Which local servers answer. They are offered to the human by name, never used unasked.

use std::time::Duration;

use futures_util::future::join_all;

use crate::config::ServerConfig;
use crate::http::Server;

/// A server on this machine that answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalServer {
    pub name: &'static str,
    pub base_url: String,
    pub models: Vec<String>,
}

/// The usual ports.
pub const LOCAL_SERVERS: &[(&str, u16)] =
    &[("Ollama", 11434), ("llama.cpp", 8080), ("LM Studio", 1234), ("vLLM", 8000)];

/// Asks all of them at once; takes at most a second.
pub async fn local_servers(candidates: &[(&'static str, u16)]) -> Vec<LocalServer> {
    let answers = join_all(candidates.iter().map(|(name, port)| probe(name, *port))).await;
    answers.into_iter().flatten().collect()
}

async fn probe(name: &'static str, port: u16) -> Option<LocalServer> {
    let server = Server::new(ServerConfig {
        base_url: format!("http://127.0.0.1:{port}/v1"),
        connect_timeout: Duration::from_millis(300),
        first_byte_timeout: Some(Duration::from_millis(700)),
        idle_timeout: Duration::from_millis(700),
        ..ServerConfig::default()
    });
    let server = server.ok()?;
    let models = server.models_once().await.ok()?;
    let models = models.into_iter().map(|card| card.id).collect();
    Some(LocalServer { name, base_url: server.base_url().to_owned(), models })
}
