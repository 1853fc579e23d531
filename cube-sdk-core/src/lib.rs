//! The ground floor of cube-sdk: errors, operations, retries, credentials, transport
