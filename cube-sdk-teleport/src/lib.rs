//! TCP tunnels over WebSocket, tbot identities and dialling apps through Teleport, part of cube-sdk
