//! EdgeGate bring-your-own storage: typed REST client, IAM documents, sessions, streaming reader, audit
