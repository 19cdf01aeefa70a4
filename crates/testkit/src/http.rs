//! A blocking HTTP client for tests: one request, one connection, whole body, a time limit.
//!
//! It shares no code with what it tests. Plain `http://` to literal addresses or `localhost` only.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// Limit on connecting, and on each wait for bytes.
const TIMEOUT: Duration = Duration::from_secs(30);

/// An answer: status, headers in order, and the body as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Names in lower case, values trimmed.
    pub headers: Vec<(String, String)>,
    /// Body; bytes that are not UTF-8 are replaced.
    pub body: String,
}

impl Response {
    /// The first header called `name` (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// `GET url`.
pub fn get(url: &str) -> io::Result<Response> {
    send("GET", url, &[], b"")
}

/// `POST url` with a JSON body.
pub fn post_json(url: &str, body: &str) -> io::Result<Response> {
    send("POST", url, &[("content-type", "application/json")], body.as_bytes())
}

/// Sends one request. Errors are those of the connection, and an answer that is not HTTP.
pub fn send(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Response> {
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, format!("{what}: {url}"));
    let rest = url.strip_prefix("http://").ok_or_else(|| invalid("not an http url"))?;
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path = if path.is_empty() { "/" } else { path };
    let address =
        host.to_socket_addrs()?.next().ok_or_else(|| invalid("no address for the host"))?;
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;

    // Version 1.0, so that the end of the body is the end of the connection.
    let mut request = Vec::new();
    write!(request, "{method} {path} HTTP/1.0\r\nhost: {host}\r\n")?;
    for (name, value) in headers {
        write!(request, "{name}: {value}\r\n")?;
    }
    write!(request, "content-length: {}\r\n\r\n", body.len())?;
    request.extend(body);
    stream.write_all(&request)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;

    let answer = String::from_utf8_lossy(&answer);
    let (head, body) =
        answer.split_once("\r\n\r\n").ok_or_else(|| invalid("no end of the headers"))?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    Ok(Response {
        status: status.ok_or_else(|| invalid("no status line"))?,
        headers: lines.filter_map(header).collect(),
        body: body.to_owned(),
    })
}
