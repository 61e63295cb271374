//! A stream that listens to its peer's last words.
//!
//! A server that refuses a client after the handshake sends an alert and closes. A client that writes meanwhile is told
//! that the connection is broken, and the alert that says why lies unread behind it; or it was read, and whoever asked for
//! something later is only told that there is no connection any more.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connect::{alert_name, tls_error};

/// Reads for the last words: what came before them is of no use without a connection.
const READS: usize = 64;

/// The alert that ended a connection, if one did.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard(Arc<OnceLock<String>>);

impl Heard {
    /// Its name, as RFC 8446, section 6 has it.
    pub(super) fn alert(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }

    /// Whether it is one.
    fn note(&self, error: &io::Error) -> bool {
        let Some(rustls::Error::AlertReceived(alert)) = tls_error(error) else {
            return false;
        };
        self.0.get_or_init(|| alert_name(*alert));
        true
    }
}

/// A stream over TLS that keeps the alert that ended it.
pub(super) struct LastWords<S> {
    stream: S,
    heard: Heard,
}

impl<S: AsyncRead + Unpin> LastWords<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            heard: Heard::default(),
        }
    }

    /// Where they are to be found.
    pub(super) fn heard(&self) -> Heard {
        self.heard.clone()
    }

    /// Writing failed: reads what came before, to its end.
    fn listen(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut space = [0; 4096];
        for _ in 0..READS {
            let mut buffer = ReadBuf::new(&mut space);
            match ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                Ok(()) => break,
                Err(error) => {
                    self.heard.note(&error);
                    break;
                }
            }
        }
        Poll::Ready(())
    }

    /// What comes of writing. A broken connection is told once its last words were heard: it can always be read to its end.
    fn written<T>(&mut self, context: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match ready!(result) {
            Err(error) if !self.heard.note(&error) => {
                ready!(self.listen(context));
                Poll::Ready(Err(error))
            }
            result => Poll::Ready(result),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for LastWords<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        if let Poll::Ready(Err(error)) = &result {
            self.heard.note(error);
        }
        result
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for LastWords<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, result)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(context);
        self.written(context, result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_shutdown(context);
        self.written(context, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.written(context, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
