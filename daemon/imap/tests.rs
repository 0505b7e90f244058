//! Sessions over real sockets, with a store on disk.

mod ending;
mod fetch;
mod login;
mod mailboxes;
mod messages;
mod sasl;
mod search;
mod size;
mod together;
mod world;
