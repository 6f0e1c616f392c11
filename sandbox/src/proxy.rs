//! The way out for `--network hosts=...`: an HTTP proxy in the agent's own
//! process, on a socket that the launcher made where commands are. It
//! connects to the hosts that the user named, and to nothing else: the rest
//! is refused by name before it is even looked up.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::network::{self, HostRule, Reach};

/// Of a request's head, and how long it may take to come. What browsers and servers allow.
const HEAD_BYTES: usize = 64 << 10;
const HEAD_TIME: Duration = Duration::from_secs(30);
const DIAL_TIME: Duration = Duration::from_secs(30);
/// At one time, for all commands together.
const CONNECTIONS: usize = 256;
const HEADERS: usize = 128;
/// Names that one note has.
const MOST_NAMED: usize = 8;
/// Between client and proxy alone (RFC 9110, 7.6.1); of these the proxy says its own or nothing.
const HOP_BY_HOP: &[&str] = &[
    "connection",
    "proxy-connection",
    "keep-alive",
    "proxy-authorization",
    "proxy-authenticate",
    "te",
    "upgrade",
    "host",
];

/// Ends when this is dropped, and with it every connection.
#[derive(Debug)]
pub(crate) struct Proxy {
    task: JoinHandle<()>,
    door: Arc<Door>,
}

#[derive(Debug)]
struct Door {
    rules: Vec<HostRule>,
    refused: Mutex<BTreeSet<String>>,
}

/// The first line and the headers of a request, understood.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// `CONNECT host:port`: what follows is the client's and the server's own.
    Tunnel { host: String, port: u16 },
    /// `GET http://host/path`: what is to be sent on in its place.
    Plain { host: String, port: u16, head: Vec<u8> },
}

/// A status and a text for the client.
#[derive(Debug, PartialEq, Eq)]
struct Answer(&'static str, String);

impl Proxy {
    pub(crate) fn start(listener: std::net::TcpListener, rules: Vec<HostRule>) -> io::Result<Proxy> {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let door = Arc::new(Door { rules, refused: Mutex::default() });
        Ok(Proxy { task: tokio::spawn(serve(listener, Arc::clone(&door))), door })
    }

    /// What was refused since the last time, for the model.
    pub(crate) fn take_notes(&self) -> Option<String> {
        let refused = std::mem::take(&mut *self.door.refused.lock().unwrap_or_else(PoisonError::into_inner));
        if refused.is_empty() {
            return None;
        }
        let names: Vec<String> = refused.iter().map(|name| format!("`{name}`")).collect();
        Some(format!("The network proxy refused {}. {}", names.join(", "), self.door.allowed()))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Door {
    fn allowed(&self) -> String {
        let hosts = network::list(&self.rules, ", ");
        format!("Only these hosts are allowed: {hosts}. Only the user can allow more (`--network hosts=...`).")
    }

    fn refuse(&self, host: &str, why: &str) -> Answer {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.len() < MOST_NAMED {
            // A command chose it, and a human may see it.
            refused.insert(host.chars().filter(char::is_ascii_graphic).take(255).collect());
        }
        Answer("403 Forbidden", format!("The sandbox's network proxy refused `{host}`{why}. {}\n", self.allowed()))
    }

    async fn dial(&self, host: &str, port: u16) -> Result<TcpStream, Answer> {
        let Some(reach) = network::reach(&self.rules, host) else { return Err(self.refuse(host, "")) };
        let found = tokio::net::lookup_host((host, port)).await;
        let found = found.map_err(|error| Answer("502 Bad Gateway", format!("Cannot resolve `{host}`: {error}.\n")))?;
        let allowed: Vec<SocketAddr> =
            found.filter(|address| reach == Reach::Anywhere || network::is_public(address.ip())).collect();
        if allowed.is_empty() {
            let why = ": the name resolves to this machine or its own network (prefix it with `private:` to allow \
                       that)";
            return Err(self.refuse(host, why));
        }
        let dialled = tokio::time::timeout(DIAL_TIME, TcpStream::connect(allowed.as_slice())).await;
        let dialled = dialled.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        dialled.map_err(|error| Answer("502 Bad Gateway", format!("Cannot connect to `{host}`: {error}.\n")))
    }
}

async fn serve(listener: TcpListener, door: Arc<Door>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    // Its connections end with it.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        while connections.try_join_next().is_some() {}
        let Ok((client, _)) = listener.accept().await else {
            // Out of descriptors, perhaps: others come back.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let door = Arc::clone(&door);
        connections.spawn(async move {
            // A connection that breaks is between the command and the server.
            let _ = attend(client, &door).await;
            drop(place);
        });
    }
}

async fn attend(mut client: TcpStream, door: &Door) -> io::Result<()> {
    let (head, rest) = match tokio::time::timeout(HEAD_TIME, read_head(&mut client)).await {
        Ok(read) => read?,
        Err(_) => return Ok(()),
    };
    let asked = match understand(&head) {
        Ok(asked) => asked,
        Err(answer) => return say(client, answer).await,
    };
    let (Asked::Tunnel { host, port } | Asked::Plain { host, port, .. }) = &asked;
    let mut server = match door.dial(host, *port).await {
        Ok(server) => server,
        Err(answer) => return say(client, answer).await,
    };
    match asked {
        Asked::Plain { head, .. } => server.write_all(&head).await?,
        Asked::Tunnel { .. } => client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?,
    }
    server.write_all(&rest).await?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

async fn say(mut client: TcpStream, Answer(status, text): Answer) -> io::Result<()> {
    let length = text.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    client.write_all(head.as_bytes()).await?;
    client.write_all(text.as_bytes()).await?;
    client.shutdown().await
}

/// Up to the empty line, and what came with it.
async fn read_head(client: &mut TcpStream) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let mut head = Vec::new();
    let mut part = vec![0; 4_096];
    loop {
        let length = client.read(&mut part).await?;
        if length == 0 || HEAD_BYTES < head.len() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        head.extend(part.get(..length).unwrap_or_default());
        if let Some(end) = head.windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = head.split_off(end + 4);
            return Ok((head, rest));
        }
    }
}

fn understand(head: &[u8]) -> Result<Asked, Answer> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let whole = request.parse(head).is_ok_and(|status| status.is_complete());
    let (true, Some(method), Some(target)) = (whole, request.method, request.path) else {
        return Err(Answer("400 Bad Request", "This proxy supports only HTTP/1.1 requests.\n".to_string()));
    };
    if method == "CONNECT" {
        let (host, port) = split(target, None)?;
        return Ok(Asked::Tunnel { host, port });
    }
    let Some(rest) = target.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("http://")).and(target.get(7..))
    else {
        let text = "This is a proxy: it takes `CONNECT host:port` and `http://` addresses.\n";
        return Err(Answer("400 Bad Request", text.to_string()));
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (host, port) = split(authority, Some(80))?;
    let slash = if path.starts_with('/') { "" } else { "/" };
    let mut head =
        format!("{method} {slash}{path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n").into_bytes();
    for header in request.headers.iter() {
        if !HOP_BY_HOP.iter().any(|name| header.name.eq_ignore_ascii_case(name)) {
            head.extend([header.name.as_bytes(), b": ", header.value, b"\r\n"].concat());
        }
    }
    head.extend(b"\r\n");
    Ok(Asked::Plain { host, port, head })
}

/// `host:port`. Users and passwords in it are no one's business here.
fn split(authority: &str, usual: Option<u16>) -> Result<(String, u16), Answer> {
    let bad = || Answer("400 Bad Request", format!("`{authority}` is not a host and port.\n"));
    let (host, port) = match authority.rsplit_once(':') {
        // An IPv6 address without a port.
        Some((_, port)) if port.ends_with(']') => (authority, None),
        Some((host, port)) => (host, Some(port.parse().map_err(|_| bad())?)),
        None => (authority, None),
    };
    let port = port.or(usual).ok_or_else(bad)?;
    if host.is_empty() || host.contains('@') { Err(bad()) } else { Ok((host.to_string(), port)) }
}

#[cfg(test)]
mod tests;
