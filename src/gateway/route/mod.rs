//! How a model is chosen among several.

#[cfg_attr(not(test), expect(dead_code, reason = "nothing chooses by price yet"))]
pub(super) mod prices;
