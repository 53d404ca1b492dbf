//! placeholder
mod translate;
