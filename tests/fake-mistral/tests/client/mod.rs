//! A tiny HTTP client on a blocking socket, so that the tests see the bytes themselves.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use fake_mistral::FakeMistral;

pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    /// How long a started body may be silent before it counts as stalled.
    pub(crate) patience: Duration,
}

/// Long enough for a machine that is busy with other builds.
const LONG: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    /// Without the marks of chunked encoding.
    pub(crate) body: Vec<u8>,
    /// The sizes of the HTTP chunks.
    pub(crate) chunks: Vec<usize>,
    pub(crate) end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Proper,
    /// The connection was closed within the body.
    Cut,
    /// Some of the body came, and then nothing for as long as the client's patience.
    Stalled,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl Client {
    pub(crate) fn connect(server: &FakeMistral) -> Client {
        let stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        Client { stream: BufReader::new(stream), patience: LONG }
    }

    pub(crate) fn send(&mut self, method: &str, path: &str, key: &str, body: &str) {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nX-Affinity: a\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
    }

    pub(crate) fn request(&mut self, method: &str, path: &str, key: &str, body: &str) -> std::io::Result<Answer> {
        self.send(method, path, key, body);
        self.receive()
    }

    pub(crate) fn chat(&mut self, body: &str) -> Answer {
        self.request("POST", "/v1/chat/completions", "k", body).unwrap()
    }

    pub(crate) fn receive(&mut self) -> std::io::Result<Answer> {
        let line = self.line()?;
        if line.is_empty() {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let status = line.split(' ').nth(1).unwrap_or_else(|| panic!("no status in {line:?}")).parse().unwrap();
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(": ") else { break };
            headers.push((name.to_lowercase(), value.to_owned()));
        }
        let mut answer = Answer { status, headers, body: vec![], chunks: vec![], end: End::Proper };
        match answer.header("content-length") {
            Some(length) => {
                answer.body.resize(length.parse().unwrap(), 0);
                self.stream.read_exact(&mut answer.body)?;
            }
            None => answer.end = self.chunked(&mut answer.body, &mut answer.chunks),
        }
        self.stream.get_ref().set_read_timeout(Some(LONG)).unwrap();
        Ok(answer)
    }

    fn chunked(&mut self, body: &mut Vec<u8>, chunks: &mut Vec<usize>) -> End {
        loop {
            let size = match self.line() {
                Ok(line) if line.is_empty() => return End::Cut,
                Ok(line) => usize::from_str_radix(&line, 16).unwrap(),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return End::Stalled,
                Err(_) => return End::Cut,
            };
            let mut chunk = vec![0; size + 2];
            self.stream.read_exact(&mut chunk).unwrap();
            if size == 0 {
                return End::Proper;
            }
            chunk.truncate(size);
            chunks.push(size);
            self.stream.get_ref().set_read_timeout(Some(self.patience)).unwrap();
            body.extend(chunk);
        }
    }

    fn line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}
