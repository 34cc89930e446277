//! Transcripts: what a client and servers send, and what reaches the other side and the record. Each runs as it
//! comes, cut at places spread over it, and byte by byte, and must come out the same.

mod bodies;
mod endings;
mod lab;
mod named;
mod refusals;
mod switches;
mod timeouts;
