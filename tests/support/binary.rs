//! The program under test: the debug build that `cargo test` makes, or the one that `PLANOAI` names, which shall be of the same source.

/// Its path.
pub(crate) fn binary() -> String {
    std::env::var("PLANOAI").unwrap_or_else(|_| env!("CARGO_BIN_EXE_planoai").to_owned())
}
