//! `<`, `>` and `"` in a query as people type them: `?where=trades>=100`.
//!
//! No address may hold them (RFC 3986), and hyper refuses the whole request with an empty 400
//! before any of our code sees it; curl sends them as they are all the same. Here they are escaped
//! in the request line of a GET or HEAD, behind its `?` only: paths, which filters before us may
//! judge, and every other byte of a connection stay as they came.
//!
//! Only the first line of a connection: what comes later may be the body of a request that was answered
//! early, and a body that grows would end in the next request, which is a stranger's where a proxy shares
//! the connection.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, ReadBuf};

/// A request line that is longer is passed on as it is; hyper has its own limit.
const MAX_LINE: usize = 16 * 1024;

/// The reading side of a connection, its first request line escaped.
pub(crate) struct RawQuery<S> {
    stream: S,
    /// Whether the first line has not been seen whole.
    awaits_line: bool,
    /// The part of a request line that has arrived.
    held: Vec<u8>,
    /// What the reader gets before anything else of the stream.
    ready: Bytes,
}

/// What the first bytes of a request are.
#[derive(Debug, PartialEq, Eq)]
enum Head {
    /// Not yet a whole line.
    Open,
    /// Nothing to escape.
    Plain,
    /// The same with an escaped query.
    Escaped(Vec<u8>),
}

impl<S> RawQuery<S> {
    pub(crate) fn new(stream: S) -> RawQuery<S> {
        RawQuery { stream, awaits_line: true, held: Vec::new(), ready: Bytes::new() }
    }

    /// Takes what is held as the next to be read.
    fn release(&mut self, escaped: Option<Vec<u8>>) {
        let held = std::mem::take(&mut self.held);
        self.ready = escaped.unwrap_or(held).into();
        self.awaits_line = false;
    }
}

/// Looks at the first line of `bytes`.
fn look(bytes: &[u8]) -> Head {
    let is_read = [b"GET ".as_slice(), b"HEAD "].iter().any(|method| {
        let length = method.len().min(bytes.len());
        bytes[..length] == method[..length]
    });
    if !is_read || bytes.len() > MAX_LINE {
        return Head::Plain;
    }
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return Head::Open };
    let line = &bytes[..end];
    let query = line.iter().position(|byte| *byte == b'?');
    let is_http = [b" HTTP/1.1\r".as_slice(), b" HTTP/1.0\r", b" HTTP/1.1", b" HTTP/1.0"];
    let (Some(query), true) = (query, is_http.iter().any(|end| line.ends_with(end))) else {
        return Head::Plain;
    };
    if !line[query..].iter().any(|byte| escape(*byte).is_some()) {
        return Head::Plain;
    }
    let mut escaped = bytes[..query].to_vec();
    for byte in &line[query..] {
        match escape(*byte) {
            Some(text) => escaped.extend_from_slice(text),
            None => escaped.push(*byte),
        }
    }
    escaped.extend_from_slice(&bytes[end..]);
    Head::Escaped(escaped)
}

fn escape(byte: u8) -> Option<&'static [u8]> {
    match byte {
        b'<' => Some(b"%3C"),
        b'>' => Some(b"%3E"),
        b'"' => Some(b"%22"),
        _ => None,
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for RawQuery<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.ready.has_remaining() {
                let length = this.ready.remaining().min(buffer.remaining());
                buffer.put_slice(&this.ready.split_to(length));
                return Poll::Ready(Ok(()));
            }
            let start = buffer.filled().len();
            ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
            if !this.awaits_line {
                return Poll::Ready(Ok(()));
            }
            let read = &buffer.filled()[start..];
            if read.is_empty() {
                this.release(None);
                if this.ready.has_remaining() {
                    continue;
                }
                return Poll::Ready(Ok(()));
            }
            if this.held.is_empty() && look(read) == Head::Plain {
                this.awaits_line = false;
                return Poll::Ready(Ok(()));
            }
            this.held.extend_from_slice(read);
            buffer.set_filled(start);
            match look(&this.held) {
                Head::Open => {}
                Head::Plain => this.release(None),
                Head::Escaped(escaped) => this.release(Some(escaped)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    /// Reads `parts`, each written when the one before was taken.
    async fn read(parts: &[&str]) -> String {
        let (server, mut client) = duplex(64 * 1024);
        let mut server = RawQuery::new(server);
        let sending = async {
            for part in parts {
                client.write_all(part.as_bytes()).await.unwrap();
                tokio::task::yield_now().await;
            }
            client.shutdown().await.unwrap();
        };
        let mut text = String::new();
        let (read, ()) = tokio::join!(server.read_to_string(&mut text), sending);
        read.unwrap();
        text
    }

    #[tokio::test]
    async fn a_query_is_escaped_and_nothing_else_is() {
        let raw = "GET /a<b?where=trades>=20,\"x\"<3 HTTP/1.1\r\nhost: <x>\r\n\r\n";
        let escaped =
            "GET /a<b?where=trades%3E=20,%22x%22%3C3 HTTP/1.1\r\nhost: <x>\r\n\r\n".to_owned();
        assert_eq!(read(&[raw]).await, escaped);
        assert_eq!(read(&raw.split_inclusive(' ').collect::<Vec<_>>()).await, escaped);
        assert_eq!(read(&raw.split("").collect::<Vec<_>>()).await, escaped);
        for other in [
            "POST /a?b>c HTTP/1.1\r\n\r\nx>y",
            "GET /a HTTP/1.1\r\nreferer: /?a>b\r\n\r\n",
            "GET /?a>b",
            "GE",
            "GET /?a>b SMTP\r\n",
            "",
        ] {
            assert_eq!(read(&[other]).await, other);
        }
        let long = format!("GET /?a>{} HTTP/1.1\r\n\r\n", "b".repeat(MAX_LINE));
        assert_eq!(read(&[&long]).await, long);
    }

    #[tokio::test]
    async fn nothing_after_the_first_line_grows() {
        let (server, mut client) = duplex(1024);
        let mut server = RawQuery::new(server);
        for request in ["POST / HTTP/1.1\r\n\r\n", "GET /?a>b HTTP/1.1\r\n\r\n"] {
            client.write_all(request.as_bytes()).await.unwrap();
            let mut bytes = vec![0; request.len()];
            server.read_exact(&mut bytes).await.unwrap();
            assert_eq!(bytes, request.as_bytes());
        }
    }
}
