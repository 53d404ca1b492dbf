//! Tries whether a set of endpoints could be taken once some addresses of our own are given up. Holds what it takes until it
//! is dropped, so that two endpoints of one port are found out.

use std::{io, net::SocketAddr};

use tokio::net::TcpListener;

use super::{addresses, bind};

/// Endpoints under trial.
pub struct Trial {
    /// Addresses that will be free.
    ours: Vec<SocketAddr>,
    /// Those of them that an endpoint will take.
    promised: Vec<SocketAddr>,
    taken: Vec<TcpListener>,
}

impl Trial {
    /// No endpoint yet; `ours` are the addresses that will be given up.
    pub fn beside(ours: Vec<SocketAddr>) -> Trial {
        Trial {
            ours,
            promised: Vec::new(),
            taken: Vec::new(),
        }
    }

    /// Tries one more endpoint.
    ///
    /// # Errors
    /// As [`bind`], but for what is in use by an address of ours that no other endpoint wants.
    pub async fn take(&mut self, endpoint: &str) -> io::Result<()> {
        let error = match bind(endpoint).await {
            Ok(listener) => {
                self.taken.push(listener);
                return Ok(());
            }
            Err(error) => error,
        };
        if error.kind() != io::ErrorKind::AddrInUse {
            return Err(error);
        }
        let freed = addresses(endpoint)
            .await?
            .into_iter()
            .find(|wanted| self.ours.iter().any(|ours| meet(wanted, ours)));
        match freed {
            Some(address) if !self.promised.iter().any(|promised| meet(&address, promised)) => {
                self.promised.push(address);
                Ok(())
            }
            _ => Err(error),
        }
    }
}

/// Whether one address in use keeps the other from being taken.
fn meet(one: &SocketAddr, other: &SocketAddr) -> bool {
    one.port() == other.port() && (one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn listener() -> (TcpListener, SocketAddr) {
        let listener = bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        (listener, address)
    }

    #[tokio::test]
    async fn what_is_ours_will_be_free_and_what_is_not_will_not() {
        let ((_ours, ours), (_other, other)) = (listener().await, listener().await);
        let mut trial = Trial::beside(vec![ours]);
        trial.take("127.0.0.1:0").await.expect("a free port");
        let error = trial.take(&other.to_string()).await.expect_err("in use");
        assert!(error.to_string().contains("already in use"), "{error}");
        trial.take(&format!(":{}", ours.port())).await.expect("it will be free");
        trial.take(&ours.to_string()).await.expect_err("it is promised");
    }

    #[tokio::test]
    async fn two_endpoints_cannot_have_one_port() {
        let (listener, address) = listener().await;
        drop(listener);
        let mut trial = Trial::beside(Vec::new());
        trial.take(&address.to_string()).await.expect("free");
        trial.take(&address.to_string()).await.expect_err("in use by the first");
    }
}
