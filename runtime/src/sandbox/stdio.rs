//! A guest's standard output and error: always ready, never failing, into the log.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::{
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamResult},
};

use super::transcript::Transcript;

/// What a guest may write in one go, in bytes.
const PERMIT: usize = 64 << 10;

/// Writes to one of the two streams of a transcript.
#[derive(Clone)]
struct Stream {
    transcript: Arc<Transcript>,
    write: fn(&Transcript, &[u8]),
}

pub(super) fn stdout(transcript: Arc<Transcript>) -> impl StdoutStream + 'static {
    Stream {
        transcript,
        write: Transcript::stdout,
    }
}

pub(super) fn stderr(transcript: Arc<Transcript>) -> impl StdoutStream + 'static {
    Stream {
        transcript,
        write: Transcript::stderr,
    }
}

impl IsTerminal for Stream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Stream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for Stream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        (self.write)(&self.transcript, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PERMIT)
    }
}

#[async_trait::async_trait]
impl Pollable for Stream {
    async fn ready(&mut self) {}
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        (self.write)(&self.transcript, bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;
    use crate::sandbox::control;

    #[tokio::test]
    async fn it_is_always_ready_and_takes_everything() {
        let transcript = Arc::new(Transcript::new(control::pair().1));
        let (out, err) = (stdout(transcript.clone()), stderr(transcript.clone()));
        assert!(!out.is_terminal());
        let mut stream = out.p2_stream();
        stream.ready().await;
        for _ in 0..1000 {
            let permit = stream.check_write().unwrap();
            stream.write(Bytes::from(vec![b'o'; permit])).unwrap();
            stream.flush().unwrap();
        }
        let mut stream = Box::into_pin(err.async_stream());
        stream.write_all(b"the end").await.unwrap();
        stream.shutdown().await.unwrap();
        let finished = transcript.finish();
        assert!(finished.dropped > 0);
        let last = finished.log.last().map(|line| line.message.as_str());
        assert_eq!(last, Some("the end"));
    }
}
