//! Ports: one for each account and region, allotted once, kept in the journal, on 127.0.0.1 only.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, PoisonError};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};

use crate::model::{Event, Scope};
use crate::server::{Shared, route};

/// Ports are allotted below the range from which systems take the ports of outgoing connections.
const FIRST_PORT: u64 = 20_000;
const PORTS: u64 = 12_000;

/// Why a port cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListenError {
    /// The port of the registry is in use.
    #[error(
        "port {port} of {scope} is taken by another program; end it, or give another port or data folder"
    )]
    Taken { port: u16, scope: Scope },
    /// Anything else.
    #[error("cannot listen for {scope}: {source}")]
    Io { scope: Scope, source: io::Error },
}

impl Shared {
    /// Returns the address of a registry; listens there from now on.
    pub(crate) fn listen(
        self: &Arc<Self>,
        scope: &Scope,
        wanted: Option<u16>,
    ) -> Result<SocketAddr, ListenError> {
        let mut ports = self.ports.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(address) = ports.get(scope) {
            return Ok(*address);
        }
        let kept = self.store.lock().registry(scope).port;
        let listener = match wanted.or(kept) {
            Some(port) => bind(port).map_err(|source| refused(port, scope, source))?,
            None => self.allot(scope).map_err(|source| ListenError::Io {
                scope: scope.clone(),
                source,
            })?,
        };
        let address = self.serve(listener, scope, kept);
        let address = address.map_err(|source| ListenError::Io {
            scope: scope.clone(),
            source,
        })?;
        ports.insert(scope.clone(), address);
        Ok(address)
    }

    /// Returns all registries that have a port.
    pub(crate) fn kept_scopes(&self) -> Vec<Scope> {
        let store = self.store.lock();
        let with_port = store
            .registries()
            .filter(|(_, registry)| registry.port.is_some());
        with_port.map(|(scope, _)| scope.clone()).collect()
    }

    /// Finds a free port: any for a temporary folder, else one that depends on folder, account and region.
    fn allot(&self, scope: &Scope) -> io::Result<TcpListener> {
        if self.folder.is_temporary() {
            return bind(0);
        }
        let mut hasher = DefaultHasher::new();
        (self.folder.path(), scope.to_string()).hash(&mut hasher);
        let start = hasher.finish() % PORTS;
        let candidates = (start..start + PORTS).map(|number| FIRST_PORT + number % PORTS);
        let mut free = candidates.filter_map(|port| bind(u16::try_from(port).ok()?).ok());
        free.next()
            .ok_or_else(|| io::Error::other("no free port between 20000 and 32000"))
    }

    fn serve(
        self: &Arc<Self>,
        listener: TcpListener,
        scope: &Scope,
        kept: Option<u16>,
    ) -> io::Result<SocketAddr> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        if kept != Some(address.port()) {
            self.store.lock().try_commit(
                scope,
                vec![Event::Port {
                    port: address.port(),
                }],
            )?;
        }
        let _inside = self.runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener)?;
        self.runtime
            .spawn(accept(Arc::clone(self), listener, Arc::new(scope.clone())));
        Ok(address)
    }
}

fn bind(port: u16) -> io::Result<TcpListener> {
    // The socket options of tokio's own bind (address reuse) let a restart take its port back at once.
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    socket.listen(1024)?.into_std()
}

fn refused(port: u16, scope: &Scope, source: io::Error) -> ListenError {
    match source.kind() {
        io::ErrorKind::AddrInUse => ListenError::Taken {
            port,
            scope: scope.clone(),
        },
        _ => ListenError::Io {
            scope: scope.clone(),
            source,
        },
    }
}

async fn accept(server: Arc<Shared>, listener: tokio::net::TcpListener, scope: Arc<Scope>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            continue;
        };
        // Answers are small and wait for nothing: without this, each could cost a delayed acknowledgement.
        let _ignored = stream.set_nodelay(true);
        let (server, scope) = (Arc::clone(&server), Arc::clone(&scope));
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                route::answer(Arc::clone(&server), Arc::clone(&scope), request)
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service);
            // A connection that ends early is the client's business, or an injected fault.
            let _ignored = connection.await;
        });
    }
}
