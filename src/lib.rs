//! The library of mox: everything that has no socket to accept on and prints nothing.
//!
//! Facts (mox.toml and the control database) are compiled into one immutable [`snapshot::Snapshot`];
//! every decision is made on one snapshot; every change of the facts is an [`admin::Change`],
//! planned purely and committed by [`admin`] alone. ARCHITECTURE.md has the picture.
//!
//! Modules are listed bottom up: a module uses only what stands above it here
//! (`tests/tidy.rs` holds that).
#![warn(missing_docs)]

pub mod clock;
pub mod addr;
pub mod diag;
pub mod fsio;
pub mod mailbox;
pub mod mail;
pub mod sasl;
pub mod x509;
pub mod connection;
pub mod smtp;
pub mod imap;
pub mod dns;
pub mod config;
pub mod db;
pub mod state;
pub mod store;
pub mod snapshot;
pub mod zone;
pub mod policy;
pub mod login;
pub mod verdict;
pub mod explain;
pub mod admin;
pub mod ctl;
