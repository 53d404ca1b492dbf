//! What X-Ray is asked and what becomes of its answers, against a server on loopback.
