//! TLS settings in the Collector's terms, for servers and clients, on rustls with aws-lc-rs named explicitly (a process-wide
//! default provider is never relied on). Certificates are reread at `reload_interval`; a bad new file is logged and the old
//! certificate stays. Refuses half a key pair, unreadable files and protocol versions below 1.2, naming the key.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow, bail};
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme, SupportedProtocolVersion,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    server::WebPkiClientVerifier,
    version::{TLS12, TLS13},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::values::{Secret, duration};

/// ALPN names of a gRPC server.
pub const ALPN_H2: &[&[u8]] = &[b"h2"];
/// ALPN names of an HTTP server that speaks both.
pub const ALPN_H2_HTTP1: &[&[u8]] = &[b"h2", b"http/1.1"];

/// A version of the protocol, written `"1.2"` or `"1.3"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Version::Tls12 => "1.2",
            Version::Tls13 => "1.3",
        })
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Version, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Version;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a TLS version: \"1.2\" or \"1.3\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Version, E> {
                match text {
                    "1.2" => Ok(Version::Tls12),
                    "1.3" => Ok(Version::Tls13),
                    _ => Err(E::custom(format!(
                        "unsupported TLS version {text:?}; use \"1.2\" or \"1.3\""
                    ))),
                }
            }
            // Without quotes YAML makes a number of it.
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Version, E> {
                self.visit_str(&number.to_string())
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// `tls` of a server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerTls {
    /// Speak TLS; `false` switches the section off. true.
    pub enabled: bool,
    /// Path of the certificate chain, PEM. Required, or `cert_pem`.
    pub cert_file: Option<String>,
    /// Path of the private key, PEM. Required, or `key_pem`.
    pub key_file: Option<String>,
    /// The certificate chain itself, PEM.
    pub cert_pem: Option<Secret>,
    /// The private key itself, PEM.
    pub key_pem: Option<Secret>,
    /// Path of the authorities that client certificates must come from, PEM; set: every client needs one (mTLS). None.
    pub client_ca_file: Option<String>,
    /// Reread `client_ca_file` at `reload_interval` too. false.
    pub client_ca_file_reload: bool,
    /// Lowest version. "1.2".
    pub min_version: Version,
    /// Highest version. "1.3".
    pub max_version: Version,
    /// How often the files are reread; 0 = never. 0s.
    #[serde(with = "duration")]
    pub reload_interval: Duration,
}

impl Default for ServerTls {
    fn default() -> ServerTls {
        ServerTls {
            enabled: true,
            cert_file: None,
            key_file: None,
            cert_pem: None,
            key_pem: None,
            client_ca_file: None,
            client_ca_file_reload: false,
            min_version: Version::Tls12,
            max_version: Version::Tls13,
            reload_interval: Duration::ZERO,
        }
    }
}

/// `tls` of a client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClientTls {
    /// Speak no TLS. false.
    pub insecure: bool,
    /// Speak TLS, but believe any certificate. false.
    pub insecure_skip_verify: bool,
    /// Path of the authorities to believe, PEM. The system's.
    pub ca_file: Option<String>,
    /// The authorities themselves, PEM.
    pub ca_pem: Option<Secret>,
    /// Believe the system's authorities beside `ca_file` or `ca_pem`. false.
    pub include_system_ca_certs_pool: bool,
    /// Path of the client's certificate chain, PEM. None.
    pub cert_file: Option<String>,
    /// Path of the client's private key, PEM. None.
    pub key_file: Option<String>,
    /// The client's certificate chain itself, PEM.
    pub cert_pem: Option<Secret>,
    /// The client's private key itself, PEM.
    pub key_pem: Option<Secret>,
    /// Name that the server's certificate must hold, instead of the endpoint's host. None.
    pub server_name_override: Option<String>,
    /// Lowest version. "1.2".
    pub min_version: Version,
    /// Highest version. "1.3".
    pub max_version: Version,
}

impl Default for ClientTls {
    fn default() -> ClientTls {
        ClientTls {
            insecure: false,
            insecure_skip_verify: false,
            ca_file: None,
            ca_pem: None,
            include_system_ca_certs_pool: false,
            cert_file: None,
            key_file: None,
            cert_pem: None,
            key_pem: None,
            server_name_override: None,
            min_version: Version::Tls12,
            max_version: Version::Tls13,
        }
    }
}

/// A PEM that a config names or holds. Empty strings count as not written, as in the Collector.
#[derive(Clone, Copy)]
struct Source<'a> {
    file: Option<&'a str>,
    text: Option<&'a str>,
    keys: &'static str,
}

impl<'a> Source<'a> {
    fn new(file: Option<&'a String>, text: Option<&'a Secret>, keys: &'static str) -> Source<'a> {
        Source {
            file: file.map(String::as_str).filter(|path| !path.is_empty()),
            text: text.map(Secret::reveal).filter(|text| !text.is_empty()),
            keys,
        }
    }

    fn written(&self) -> bool {
        self.file.is_some() || self.text.is_some()
    }

    fn twice(&self) -> Option<String> {
        (self.file.is_some() && self.text.is_some()).then(|| format!("set one of {}, not both", self.keys))
    }

    fn read(&self) -> anyhow::Result<Vec<u8>> {
        match (self.file, self.text) {
            (Some(path), _) => std::fs::read(path).with_context(|| format!("cannot read {} {path:?}", self.keys)),
            (None, Some(text)) => Ok(text.as_bytes().to_vec()),
            (None, None) => Err(anyhow!("{} is not set", self.keys)),
        }
    }

    fn certificates(&self) -> anyhow::Result<Vec<CertificateDer<'static>>> {
        let pem = self.read()?;
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        match found {
            Ok(found) if found.is_empty() => Err(anyhow!("{} holds no PEM certificate", self.place())),
            Ok(found) => Ok(found),
            Err(fault) => Err(anyhow!("{} holds invalid PEM: {fault}", self.place())),
        }
    }

    fn key(&self) -> anyhow::Result<PrivateKeyDer<'static>> {
        PrivateKeyDer::from_pem_slice(&self.read()?)
            .map_err(|fault| anyhow!("{} holds no PEM private key: {fault}", self.place()))
    }

    fn roots(&self, into: &mut RootCertStore) -> anyhow::Result<()> {
        for certificate in self.certificates()? {
            into.add(certificate)
                .map_err(|fault| anyhow!("{} holds no usable authority: {fault}", self.place()))?;
        }
        Ok(())
    }

    fn place(&self) -> String {
        self.file
            .map_or_else(|| self.keys.to_owned(), |path| format!("{} {path:?}", self.keys))
    }
}

/// What is wrong with a pair of certificate and key, by key.
fn pair_faults(certificate: Source<'_>, key: Source<'_>) -> Vec<(&'static str, String)> {
    let mut faults = Vec::new();
    faults.extend(certificate.twice().map(|reason| ("cert_file", reason)));
    faults.extend(key.twice().map(|reason| ("key_file", reason)));
    if certificate.written() && !key.written() {
        faults.push((
            "key_file",
            "a certificate needs its key: set key_file or key_pem".to_owned(),
        ));
    }
    if key.written() && !certificate.written() {
        faults.push((
            "cert_file",
            "a key needs its certificate: set cert_file or cert_pem".to_owned(),
        ));
    }
    faults
}

fn version_fault(min: Version, max: Version) -> Option<(&'static str, String)> {
    (min > max).then(|| ("min_version", "must not be above max_version".to_owned()))
}

fn versions(min: Version, max: Version) -> Vec<&'static SupportedProtocolVersion> {
    [(Version::Tls12, &TLS12), (Version::Tls13, &TLS13)]
        .into_iter()
        .filter(|(version, _)| (min..=max).contains(version))
        .map(|(_, version)| version)
        .collect()
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn alpn(names: &[&[u8]]) -> Vec<Vec<u8>> {
    names.iter().map(|name| name.to_vec()).collect()
}

impl ServerTls {
    fn certificate(&self) -> Source<'_> {
        Source::new(self.cert_file.as_ref(), self.cert_pem.as_ref(), "cert_file or cert_pem")
    }

    fn key(&self) -> Source<'_> {
        Source::new(self.key_file.as_ref(), self.key_pem.as_ref(), "key_file or key_pem")
    }

    fn client_ca(&self) -> Source<'_> {
        Source::new(self.client_ca_file.as_ref(), None, "client_ca_file")
    }

    /// What is wrong without reading any file: key and reason.
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        if !self.enabled {
            return Vec::new();
        }
        let mut faults = pair_faults(self.certificate(), self.key());
        if !self.certificate().written() && !self.key().written() {
            faults.push((
                "cert_file",
                "a TLS server needs a certificate: set cert_file and key_file".to_owned(),
            ));
        }
        faults.extend(version_fault(self.min_version, self.max_version));
        faults
    }

    fn load(&self, names: &[&[u8]]) -> anyhow::Result<ServerConfig> {
        let builder = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&versions(self.min_version, self.max_version))
            .context("min_version and max_version leave no TLS version")?;
        let builder = if self.client_ca().written() {
            let mut roots = RootCertStore::empty();
            self.client_ca().roots(&mut roots)?;
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider()).build()?;
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        let mut config = builder
            .with_single_cert(self.certificate().certificates()?, self.key().key()?)
            .with_context(|| format!("{} does not fit {}", self.key().place(), self.certificate().place()))?;
        config.alpn_protocols = alpn(names);
        Ok(config)
    }

    /// Reads the files and makes a server's side that rereads them; `None` where the section is switched off.
    ///
    /// # Errors
    /// Which file cannot be read, or what it does not hold.
    pub fn server(&self, alpn: &'static [&'static [u8]]) -> anyhow::Result<Option<TlsServer>> {
        if !self.enabled {
            return Ok(None);
        }
        if let Some((key, reason)) = self.faults().into_iter().next() {
            bail!("{key}: {reason}");
        }
        let current = Arc::new(self.load(alpn)?);
        Ok(Some(TlsServer {
            shared: Arc::new(Shared {
                settings: self.clone(),
                alpn,
                current: Mutex::new((Instant::now(), current)),
            }),
        }))
    }
}

/// A server's side of TLS. Cheap to clone.
#[derive(Clone)]
pub struct TlsServer {
    shared: Arc<Shared>,
}

struct Shared {
    settings: ServerTls,
    alpn: &'static [&'static [u8]],
    current: Mutex<(Instant, Arc<ServerConfig>)>,
}

impl TlsServer {
    /// The configuration for the next connection; rereads the files where `reload_interval` has passed.
    pub fn config(&self) -> Arc<ServerConfig> {
        let shared = &self.shared;
        let mut current = shared.current.lock().unwrap_or_else(PoisonError::into_inner);
        let interval = shared.settings.reload_interval;
        if !interval.is_zero() && current.0.elapsed() >= interval {
            current.0 = Instant::now();
            match shared.reload(&current.1) {
                Ok(fresh) => current.1 = Arc::new(fresh),
                Err(error) => {
                    tracing::warn!(
                        error = format!("{error:#}"),
                        "cannot reload the TLS certificate; the old one stays"
                    );
                }
            }
        }
        Arc::clone(&current.1)
    }
}

impl Shared {
    /// Everything anew, or only the certificate where the clients' authorities are to stay.
    fn reload(&self, current: &ServerConfig) -> anyhow::Result<ServerConfig> {
        if self.settings.client_ca_file_reload || !self.settings.client_ca().written() {
            return self.settings.load(self.alpn);
        }
        let chain = self.settings.certificate().certificates()?;
        let key = rustls::sign::CertifiedKey::from_der(chain, self.settings.key().key()?, &provider())?;
        let mut fresh = current.clone();
        fresh.cert_resolver = Arc::new(rustls::sign::SingleCertAndKey::from(key));
        Ok(fresh)
    }
}

impl ClientTls {
    fn certificate(&self) -> Source<'_> {
        Source::new(self.cert_file.as_ref(), self.cert_pem.as_ref(), "cert_file or cert_pem")
    }

    fn key(&self) -> Source<'_> {
        Source::new(self.key_file.as_ref(), self.key_pem.as_ref(), "key_file or key_pem")
    }

    fn authorities(&self) -> Source<'_> {
        Source::new(self.ca_file.as_ref(), self.ca_pem.as_ref(), "ca_file or ca_pem")
    }

    /// What is wrong without reading any file: key and reason.
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = pair_faults(self.certificate(), self.key());
        faults.extend(self.authorities().twice().map(|reason| ("ca_file", reason)));
        faults.extend(version_fault(self.min_version, self.max_version));
        faults
    }

    /// Reads the files and makes a client's side; `None` with `insecure`. Whether a URL's scheme overrules that is for the
    /// caller to say.
    ///
    /// # Errors
    /// Which file cannot be read, or what it does not hold.
    pub fn client(&self, names: &[&[u8]]) -> anyhow::Result<Option<Arc<ClientConfig>>> {
        if self.insecure {
            return Ok(None);
        }
        let builder = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&versions(self.min_version, self.max_version))
            .context("min_version and max_version leave no TLS version")?;
        let builder = if self.insecure_skip_verify {
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Credulous(provider())))
        } else {
            builder.with_root_certificates(self.roots()?)
        };
        let mut config = if self.certificate().written() {
            builder
                .with_client_auth_cert(self.certificate().certificates()?, self.key().key()?)
                .with_context(|| format!("{} does not fit {}", self.key().place(), self.certificate().place()))?
        } else {
            builder.with_no_client_auth()
        };
        config.alpn_protocols = alpn(names);
        Ok(Some(Arc::new(config)))
    }

    /// The name that the certificate of the server at `host` must hold.
    ///
    /// # Errors
    /// Where it is neither a DNS name nor an address.
    pub fn server_name(&self, host: &str) -> anyhow::Result<ServerName<'static>> {
        let name = self
            .server_name_override
            .as_deref()
            .filter(|name| !name.is_empty())
            .unwrap_or(host);
        let name = name.trim_start_matches('[').trim_end_matches(']');
        ServerName::try_from(name.to_owned()).map_err(|_| anyhow!("{name:?} is no valid server name for TLS"))
    }

    fn roots(&self) -> anyhow::Result<RootCertStore> {
        let mut roots = RootCertStore::empty();
        if self.authorities().written() {
            self.authorities().roots(&mut roots)?;
        }
        if !self.authorities().written() || self.include_system_ca_certs_pool {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                bail!("the system has no certificate authorities: set ca_file");
            }
        }
        Ok(roots)
    }
}

/// Believes any certificate, for `insecure_skip_verify`; the handshake's signature is still checked.
#[derive(Debug)]
struct Credulous(Arc<CryptoProvider>);

impl ServerCertVerifier for Credulous {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests;
