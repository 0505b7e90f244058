//! mox.toml ⇄ the typed model.

pub mod model;
