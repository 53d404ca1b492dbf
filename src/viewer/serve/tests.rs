//! Tests of the sibling file.
