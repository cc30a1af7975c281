//! What the command line says to the daemon: HTTP over the Unix socket, one request a connection.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use axum::http::{Method, StatusCode, header};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use thiserror::Error;
use tokio::{net::UnixStream, runtime, time::timeout};

/// How long a daemon that is asked how something is may take to say it.
const PATIENCE: Duration = Duration::from_secs(10);

/// A daemon that may be there.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
    pub(super) patience: Duration,
}

/// What the daemon said.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    /// Null where it was no JSON.
    pub body: Value,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum ClientError {
    /// Nobody listens.
    #[error("no daemon answers at `{}`: {source}", socket.display())]
    Unreachable { socket: PathBuf, source: io::Error },
    /// Somebody listens, and says nothing.
    #[error("the daemon at `{}` does not answer", socket.display())]
    Silent { socket: PathBuf },
    /// The daemon left in the middle of it.
    #[error("the daemon stopped answering: {0}")]
    Broken(Box<dyn std::error::Error + Send + Sync>),
    /// The daemon refuses, in its own words.
    #[error("{detail}")]
    Refused { status: u16, detail: String },
}

impl Client {
    /// The daemon at `socket`. Nothing is sent yet.
    pub fn new(socket: &Path) -> Self {
        Self {
            socket: socket.to_owned(),
            patience: PATIENCE,
        }
    }

    /// The same, that waits no longer than this for what the daemon knows.
    #[must_use]
    pub fn patient_for(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Asks for what the daemon knows: it need not wait for anything to say it.
    pub fn get(&self, path: &str) -> Result<Answer, ClientError> {
        self.request(Method::GET, path, Bytes::new(), Some(self.patience))
    }

    /// Asks and waits for the answer, however long it takes.
    pub fn wait(&self, path: &str) -> Result<Answer, ClientError> {
        self.request(Method::GET, path, Bytes::new(), None)
    }

    /// Has the daemon do something, and waits until it has: who leaves earlier does not know whether
    /// it did.
    pub fn post(&self, path: &str, body: &impl Serialize) -> Result<Answer, ClientError> {
        let body = serde_json::to_vec(body).map_err(|error| ClientError::Broken(error.into()))?;
        self.request(Method::POST, path, body.into(), None)
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        limit: Option<Duration>,
    ) -> Result<Answer, ClientError> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| ClientError::Broken(error.into()))?;
        let silent = |_| ClientError::Silent {
            socket: self.socket.clone(),
        };
        runtime.block_on(async {
            let exchange = self.exchange(method, path, body);
            match limit {
                Some(limit) => timeout(limit, exchange).await.map_err(silent)?,
                None => exchange.await,
            }
        })
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Answer, ClientError> {
        let stream =
            UnixStream::connect(&self.socket)
                .await
                .map_err(|source| ClientError::Unreachable {
                    socket: self.socket.clone(),
                    source,
                })?;
        let broken = |error: hyper::Error| ClientError::Broken(error.into());
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(broken)?;
        let connection = tokio::spawn(connection);
        let request = hyper::Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "cronlet")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| ClientError::Broken(error.into()))?;
        let response = sender.send_request(request).await.map_err(broken)?;
        let status = response.status().as_u16();
        let body = response
            .into_body()
            .collect()
            .await
            .map_err(broken)?
            .to_bytes();
        connection.abort();
        Ok(Answer {
            status,
            body: serde_json::from_slice(&body).unwrap_or_default(),
        })
    }
}

impl Answer {
    /// What the daemon gives, as `T`, unless it refuses.
    pub fn ok<T: DeserializeOwned>(self) -> Result<T, ClientError> {
        let fine = StatusCode::from_u16(self.status).is_ok_and(|status| status.is_success());
        if fine {
            return serde_json::from_value(self.body)
                .map_err(|error| ClientError::Broken(error.into()));
        }
        let detail = self.body.get("detail").and_then(Value::as_str);
        Err(ClientError::Refused {
            status: self.status,
            detail: detail.unwrap_or("the daemon refuses").to_owned(),
        })
    }
}
