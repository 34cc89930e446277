//! The proxy with real sockets on loopback: what passes, what is said of failures, and what is recorded.

mod connect;
mod http2;
mod mixed;
mod plain;
mod refuse;
mod replay;
mod stop;
mod support;
mod tls;
