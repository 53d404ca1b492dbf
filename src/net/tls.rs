//! TLS settings in the Collector's terms, for servers and clients, on rustls with aws-lc-rs.
