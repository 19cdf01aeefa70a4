//! `<`, `>` and `"` in a query as people type them: `?where=trades>=100`.
//!
//! No address may hold them (RFC 3986), and hyper refuses the whole request with an empty 400
//! before any of our code sees it; curl sends them as they are all the same. Here they are escaped
//! in the request line of a GET or HEAD, behind its `?` only: paths, which filters before us may
//! judge, and every other byte of a connection stay as they came.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A request line that is longer is passed on as it is; hyper has its own limit.
const MAX_LINE: usize = 16 * 1024;
/// How an answer begins after which a body follows, not a request.
const CONTINUE: &[u8] = b"HTTP/1.1 100";

/// A stream whose request lines are escaped as they are read.
pub(crate) struct RawQuery<S> {
    stream: S,
    /// Whether a request line may come next: at the start, and once an answer was written.
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

    fn wrote(&mut self, bytes: &[u8], answer: &Poll<io::Result<usize>>) {
        if matches!(answer, Poll::Ready(Ok(1..))) && !bytes.starts_with(CONTINUE) {
            self.awaits_line = true;
        }
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

impl<S: AsyncWrite + Unpin> AsyncWrite for RawQuery<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let answer = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(bytes, &answer);
        answer
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let answer = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.wrote(parts.first().map_or(&[], |part| part), &answer);
        answer
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    /// Reads `parts`, each written when the one before was taken, through a stream that answered
    /// `answered` first.
    async fn read(answered: &[u8], parts: &[&str]) -> String {
        let (server, mut client) = duplex(64 * 1024);
        let mut server = RawQuery::new(server);
        if !answered.is_empty() {
            client.write_all(b"POST / HTTP/1.1\r\n\r\n").await.unwrap();
            server.read_exact(&mut [0; 19]).await.unwrap();
            server.write_all(answered).await.unwrap();
        }
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
        let ok = b"HTTP/1.1 200 OK\r\n\r\n".as_slice();
        let raw = "GET /a<b?where=trades>=20,\"x\"<3 HTTP/1.1\r\nhost: <x>\r\n\r\n";
        let escaped =
            "GET /a<b?where=trades%3E=20,%22x%22%3C3 HTTP/1.1\r\nhost: <x>\r\n\r\n".to_owned();
        for answered in [b"".as_slice(), ok] {
            assert_eq!(read(answered, &[raw]).await, escaped);
            assert_eq!(
                read(answered, &raw.split_inclusive(' ').collect::<Vec<_>>()).await,
                escaped
            );
            assert_eq!(read(answered, &raw.split("").collect::<Vec<_>>()).await, escaped);
        }
        for other in [
            "POST /a?b>c HTTP/1.1\r\n\r\nx>y",
            "GET /a HTTP/1.1\r\nreferer: /?a>b\r\n\r\n",
            "GET /?a>b",
            "GE",
            "GET /?a>b SMTP\r\n",
            "",
        ] {
            assert_eq!(read(b"", &[other]).await, other);
        }
        let long = format!("GET /?a>{} HTTP/1.1\r\n\r\n", "b".repeat(MAX_LINE));
        assert_eq!(read(b"", &[&long]).await, long);
        assert_eq!(read(b"HTTP/1.1 100 Continue\r\n\r\n", &[raw]).await, raw, "a body");
    }
}
