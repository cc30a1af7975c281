//! What the command line says to the daemon: HTTP over the Unix socket, one request a connection.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use axum::http::{Method, Response, StatusCode, header};
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use thiserror::Error;
use tokio::{net::UnixStream, runtime, time::timeout};

use super::events::Event;

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

/// What a daemon says of a run, as it says it.
#[derive(Debug)]
pub struct Events {
    body: Incoming,
    /// What was heard and has not been made out yet.
    heard: BytesMut,
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
    Refused {
        status: u16,
        detail: String,
        /// What to do in place of it.
        help: Option<String>,
    },
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

    /// The same, within a tokio runtime.
    pub async fn look(&self, path: &str) -> Result<Answer, ClientError> {
        let exchange = async { answer(self.send(Method::GET, path, Bytes::new()).await?).await };
        timeout(self.patience, exchange)
            .await
            .map_err(|_| self.silent())?
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

    /// Follows a run: what the daemon says of it until it is final.
    ///
    /// Must be called within a tokio runtime.
    pub async fn follow(&self, run: u64) -> Result<Events, ClientError> {
        let path = format!("/api/v1/runs/{run}/events");
        let asked = self.send(Method::GET, &path, Bytes::new());
        let silent = |_| self.silent();
        let response = timeout(self.patience, asked).await.map_err(silent)??;
        if !response.status().is_success() {
            let answer = self::answer(response).await?;
            return Err(answer.refusal());
        }
        Ok(Events {
            body: response.into_body(),
            heard: BytesMut::new(),
        })
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
        runtime.block_on(async {
            let exchange = async { answer(self.send(method, path, body).await?).await };
            match limit {
                Some(limit) => timeout(limit, exchange).await.map_err(|_| self.silent())?,
                None => exchange.await,
            }
        })
    }

    fn silent(&self) -> ClientError {
        ClientError::Silent {
            socket: self.socket.clone(),
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Response<Incoming>, ClientError> {
        let stream =
            UnixStream::connect(&self.socket)
                .await
                .map_err(|source| ClientError::Unreachable {
                    socket: self.socket.clone(),
                    source,
                })?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(broken)?;
        // It ends with the response, of which it is the only one.
        tokio::spawn(connection);
        let request = hyper::Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "cronlet")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| ClientError::Broken(error.into()))?;
        sender.send_request(request).await.map_err(broken)
    }
}

async fn answer(response: Response<Incoming>) -> Result<Answer, ClientError> {
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.map_err(broken)?;
    Ok(Answer {
        status,
        body: serde_json::from_slice(&body.to_bytes()).unwrap_or_default(),
    })
}

fn broken(error: hyper::Error) -> ClientError {
    ClientError::Broken(error.into())
}

impl Events {
    /// The next one; none when the daemon says no more.
    pub async fn next(&mut self) -> Result<Option<Event>, ClientError> {
        loop {
            if let Some(end) = self.end() {
                let event = self.heard.split_to(end);
                match Event::decode(&String::from_utf8_lossy(&event)) {
                    Some(event) => return Ok(Some(event)),
                    None => continue,
                }
            }
            match self.body.frame().await {
                Some(frame) => {
                    let frame = frame.map_err(broken)?;
                    let data = frame.into_data().unwrap_or_default();
                    self.heard.extend_from_slice(&data);
                }
                None => return Ok(None),
            }
        }
    }

    /// Whether the next one has been heard already.
    pub fn is_ready(&self) -> bool {
        self.end().is_some()
    }

    /// Where the first event ends, after its empty line.
    fn end(&self) -> Option<usize> {
        let begins = self.heard.windows(2).position(|it| it == b"\n\n");
        begins.map(|begins| begins + 2)
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
        Err(self.refusal())
    }

    fn refusal(&self) -> ClientError {
        let text = |key| self.body.get(key).and_then(Value::as_str);
        ClientError::Refused {
            status: self.status,
            detail: text("detail").unwrap_or("the daemon refuses").to_owned(),
            help: text("help").map(str::to_owned),
        }
    }
}
