//! What the command line says to the daemon: HTTP over the Unix socket, one request a connection.

use std::{
    io,
    path::{Path, PathBuf},
};

use axum::http::{Method, StatusCode, header};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use thiserror::Error;
use tokio::{net::UnixStream, runtime};

/// A daemon that may be there.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
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
        }
    }

    /// Asks and waits for the answer, however long it takes.
    pub fn get(&self, path: &str) -> Result<Answer, ClientError> {
        self.request(Method::GET, path, Bytes::new())
    }

    /// As [`get`](Self::get), with something to say.
    pub fn post(&self, path: &str, body: &impl Serialize) -> Result<Answer, ClientError> {
        let body = serde_json::to_vec(body).map_err(|error| ClientError::Broken(error.into()))?;
        self.request(Method::POST, path, body.into())
    }

    fn request(&self, method: Method, path: &str, body: Bytes) -> Result<Answer, ClientError> {
        let runtime = runtime::Builder::new_current_thread().enable_io().build();
        runtime
            .map_err(|error| ClientError::Broken(error.into()))?
            .block_on(self.exchange(method, path, body))
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Answer, ClientError> {
        let stream = UnixStream::connect(&self.socket)
            .await
            .map_err(|source| ClientError::Unreachable {
                socket: self.socket.clone(),
                source,
            })?;
        let broken = |error: hyper::Error| ClientError::Broken(error.into());
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
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
        let body = response.into_body().collect().await.map_err(broken)?.to_bytes();
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
