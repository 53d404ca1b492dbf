//! How a component comes to be: its type, its config, what it listens on and dials. The tables of components hold
//! `Factory` values; only `config/assemble.rs` sees all of them.

use std::{collections::HashMap, fmt, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

use super::{AuthWanted, Authenticates, Authenticators, SideMethod, Sink, Source, queue::Delivery};
use crate::values::{Endpoint, tree};

pub use crate::values::Fault;

/// `type` or `type/name`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ComponentId {
    /// The type, in its current spelling.
    pub kind: String,
    /// What stands behind the slash; empty without one.
    pub name: String,
}

impl fmt::Display for ComponentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.as_str() {
            "" => f.write_str(&self.kind),
            name => write!(f, "{}/{name}", self.kind),
        }
    }
}

/// An address that a component will listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// `host:port` as resolved from the config.
    pub endpoint: String,
    /// What is spoken there, such as `otlp/grpc` or `otlp/http`.
    pub protocol: &'static str,
}

/// An address that a component will connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dial {
    /// URL or `host:port` as written in the config.
    pub endpoint: Endpoint,
    /// What is spoken there, such as `otlp/grpc` or `otlp/http`.
    pub protocol: &'static str,
}

/// What a component gets to know of its surroundings when it is built.
#[derive(Clone)]
pub struct Host {
    /// The component's own id.
    pub id: ComponentId,
    /// Host that a receiver or extension binds where its config names none: `localhost`, or `PLANO_DEFAULT_HOST`.
    pub default_host: String,
    /// Places inside the process that take batches, by the id of the exporter that feeds them.
    pub sinks: Arc<HashMap<String, Arc<dyn Sink>>>,
    /// Places inside the process that batches come from, by the id of the receiver that takes them.
    pub sources: Arc<HashMap<String, Source>>,
    /// Methods that receivers answer beside what they receive.
    pub methods: Arc<Vec<Arc<dyn SideMethod>>>,
    /// What puts credentials on requests.
    pub authenticators: Authenticators,
}

/// A component's config, which is all that its author writes beside the component itself. `C` is `dyn Receiver`,
/// `dyn Processor`, `dyn Exporter` or `dyn Extension`.
pub trait Build<C: ?Sized>: Default + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The type in a config file.
    const TYPE: &'static str;
    /// Older spellings of the type, read with a warning.
    const ALIASES: &'static [&'static str] = &[];
    /// Extensions only: on which requests of exporters it can put credentials.
    const AUTHENTICATES: Authenticates = Authenticates::Nothing;

    /// What types cannot say; every fault, not just the first.
    fn validate(&self) -> Vec<Fault> {
        Vec::new()
    }

    /// What it will listen on.
    fn listens(&self, host: &Host) -> Vec<Listen> {
        let _ = host;
        Vec::new()
    }

    /// What it will connect to.
    fn dials(&self) -> Vec<Dial> {
        Vec::new()
    }

    /// Paths of the files that it alone may write.
    fn writes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Exporters only: the extension that puts credentials on its requests.
    fn auth(&self) -> Option<AuthWanted> {
        None
    }

    /// Exporters only: the engine's queue, retry and time-out settings where the user writes none.
    fn delivery() -> Delivery {
        Delivery::default()
    }

    /// Makes the component. Opens nothing yet.
    ///
    /// # Errors
    /// What of the surroundings (a certificate file, say) is not as the config says.
    fn build(self, host: &Host) -> anyhow::Result<Box<C>>;
}

/// A parsed config, its type forgotten.
pub trait Parsed<C: ?Sized>: Send + Sync {
    /// See [`Build::validate`].
    fn validate(&self) -> Vec<Fault>;
    /// See [`Build::listens`].
    fn listens(&self, host: &Host) -> Vec<Listen>;
    /// See [`Build::dials`].
    fn dials(&self) -> Vec<Dial>;
    /// See [`Build::writes`].
    fn writes(&self) -> Vec<String>;
    /// See [`Build::auth`].
    fn auth(&self) -> Option<AuthWanted>;
    /// The whole config, defaults included, secrets redacted.
    fn to_value(&self) -> serde_json::Value;
    /// See [`Build::build`].
    ///
    /// # Errors
    /// See [`Build::build`].
    fn build(self: Box<Self>, host: &Host) -> anyhow::Result<Box<C>>;
}

struct Typed<T>(T);

impl<C: ?Sized, T: Build<C>> Parsed<C> for Typed<T> {
    fn validate(&self) -> Vec<Fault> {
        self.0.validate()
    }
    fn listens(&self, host: &Host) -> Vec<Listen> {
        self.0.listens(host)
    }
    fn dials(&self) -> Vec<Dial> {
        self.0.dials()
    }
    fn writes(&self) -> Vec<String> {
        self.0.writes()
    }
    fn auth(&self) -> Option<AuthWanted> {
        self.0.auth()
    }
    fn to_value(&self) -> serde_json::Value {
        serde_json::to_value(&self.0).expect("a config is plain data")
    }
    fn build(self: Box<Self>, host: &Host) -> anyhow::Result<Box<C>> {
        self.0.build(host)
    }
}

/// What a config reader hands to a factory: the component's mapping, null for an empty one.
pub type RawConfig = serde_json::Value;

/// A parsed config, or the first fault in it.
pub type ParseResult<C> = Result<Box<dyn Parsed<C>>, serde_path_to_error::Error<serde_json::Error>>;

/// One line of a table of components.
pub struct Factory<C: ?Sized> {
    /// The type in a config file.
    pub kind: &'static str,
    /// Older spellings of the type.
    pub aliases: &'static [&'static str],
    /// Reads a config. The value is the component's mapping with everything expanded; null means all defaults.
    pub parse: fn(&RawConfig) -> ParseResult<C>,
    /// The config with every default, as [`Parsed::to_value`] shows it.
    pub defaults: fn() -> serde_json::Value,
    /// Exporters: see [`Build::delivery`].
    pub delivery: fn() -> Delivery,
    /// Extensions: see [`Build::AUTHENTICATES`].
    pub authenticates: Authenticates,
}

impl<C: ?Sized + 'static> Factory<C> {
    /// The factory of a component with config `T`.
    pub const fn of<T: Build<C>>() -> Factory<C> {
        Factory {
            kind: T::TYPE,
            aliases: T::ALIASES,
            parse: |raw| {
                if raw.is_null() {
                    return Ok(Box::new(Typed(T::default())));
                }
                let config: T = tree::read(raw)?;
                Ok(Box::new(Typed(config)))
            },
            defaults: || serde_json::to_value(T::default()).expect("a config is plain data"),
            delivery: T::delivery,
            authenticates: T::AUTHENTICATES,
        }
    }

    /// Whether a config file may call it so.
    pub fn answers_to(&self, kind: &str) -> bool {
        self.kind == kind || self.aliases.contains(&kind)
    }
}
