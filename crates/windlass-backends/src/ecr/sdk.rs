//! The AWS SDK's way to the network: windlass's own HTTP client, so that proxies, certificates and connections are the same everywhere.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;

use crate::oci::transport::{self, Transport, TransportError};

/// Largest answer of an API call: a page of 100 manifests of 4 MiB each would be refused by ECR long before.
const ANSWER_LIMIT: usize = 512 * 1024 * 1024;

/// How long a part of an answer may take.
const PART_PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone)]
pub(crate) struct SdkHttp {
    transport: Transport,
    /// Clients for callers with less patience, such as the probe for instance metadata.
    impatient: Arc<Mutex<BTreeMap<Duration, Transport>>>,
}

#[derive(Debug, Clone)]
struct Calls {
    transport: Transport,
    answer_within: Option<Duration>,
}

impl SdkHttp {
    pub(crate) fn new(transport: Transport) -> Self {
        Self {
            transport,
            impatient: Arc::default(),
        }
    }

    fn transport_for(&self, patience: Option<Duration>) -> Transport {
        match patience {
            Some(patience) if patience < Duration::from_secs(3) => self
                .impatient
                .lock()
                .expect("no code panics while it holds this lock")
                .entry(patience)
                .or_insert_with(|| self.transport.with_patience(patience))
                .clone(),
            _ => self.transport.clone(),
        }
    }
}

impl HttpClient for SdkHttp {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Calls {
            transport: self.transport_for(settings.connect_timeout()),
            answer_within: settings.read_timeout(),
        })
    }
}

impl HttpConnector for Calls {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let calls = self.clone();
        HttpConnectorFuture::new(async move { calls.send(request).await })
    }
}

impl Calls {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let request = request
            .try_into_http1x()
            .map_err(|error| ConnectorError::user(error.into()))?;
        let host = transport::shown_host(request.uri());
        let (head, body) = request.into_parts();
        let bytes = body
            .bytes()
            .map(Bytes::copy_from_slice)
            .ok_or_else(|| ConnectorError::user("a streamed request body".into()))?;
        let request = hyper::Request::from_parts(head, transport::full(bytes));
        let sent = match self.answer_within {
            Some(limit) => self.transport.send_within(limit, request).await,
            None => self.transport.send(request).await,
        };
        let (head, body) = sent.map_err(connector_error)?.into_parts();
        let bytes = transport::read(body, &host, ANSWER_LIMIT, PART_PATIENCE)
            .await
            .map_err(connector_error)?;
        HttpResponse::try_from(hyper::Response::from_parts(head, SdkBody::from(bytes)))
            .map_err(|error| ConnectorError::other(error.into(), None))
    }
}

/// What the SDK retries is decided here: a broken connection and silence, but not a host that nothing listens on.
fn connector_error(error: TransportError) -> ConnectorError {
    match error {
        TransportError::Unreachable(_) => {
            ConnectorError::other(error.into(), None).never_connected()
        }
        TransportError::Silent(_) => ConnectorError::timeout(error.into()),
        TransportError::Broken(_) => ConnectorError::io(error.into()),
    }
}
