//! Sessions over real sockets, with a store on disk.

mod ending;
mod explained;
mod login;
mod receive;
mod sasl;
mod submit;
mod tls;
mod world;
