//! Hostile clients: whatever they send or withhold, memory and the latency of the others stay bounded.
