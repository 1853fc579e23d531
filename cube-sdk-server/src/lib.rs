//! Embeddable server side of cube-sdk: the EdgeGate BYO service as an axum router
