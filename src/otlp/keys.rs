//! Every attribute name that the program reads or writes, one constant each, so that a name is spelt in one place.

/// Logical name of the service that emitted a resource's spans (OTel resource conventions).
pub const SERVICE_NAME: &str = "service.name";
