//! The texts of mox.toml that are kept, and what differs between them. Nothing here needs a valid
//! mox.toml: these are asked when it is broken.

use serde::{Deserialize, Serialize};

use crate::state::{Generation, KEPT_GENERATIONS};

use super::{Admin, AdminError, diff};

/// A text of mox.toml.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// As it was in a generation.
    Generation(u64),
    /// In the newest generation: what is served.
    Newest,
    /// As it is on disk now, valid or not.
    File,
}

/// What differs between two texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// `generation 3`, or `file`.
    pub from: String,
    /// The same.
    pub to: String,
    /// Unified; empty when they are equal.
    pub diff: String,
}

/// What a request has made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// The generation that has it; where it made none, the newest at the time.
    pub generation: u64,
    /// One line for people.
    pub summary: String,
}

impl Admin {
    /// The generations that are kept, newest first.
    pub fn history(&self) -> Result<Vec<Generation>, AdminError> {
        Ok(self.state.generations()?)
    }

    /// The newest generation's number, 0 before the first.
    pub fn generation(&self) -> u64 {
        self.state.last_generation().map_or(0, |last| last.number)
    }

    /// What a request has made, if it was carried out; none where that was long ago.
    pub fn made(&self, request: &str) -> Result<Option<Made>, AdminError> {
        if request.is_empty() {
            return Ok(None);
        }
        if let Some(done) = self.state.fulfilled(request)? {
            return Ok(Some(Made {
                generation: done.generation,
                summary: done.summary,
            }));
        }
        let all = self.state.generations()?;
        let found = all.into_iter().find(|made| made.request == request);
        Ok(found.map(|made| Made {
            generation: made.number,
            summary: made.summary,
        }))
    }

    /// What differs between two texts. Where a file is not UTF-8, its bad bytes are shown as such.
    pub fn difference(&self, from: Side, to: Side) -> Result<Difference, AdminError> {
        let ((from, old), (to, new)) = (self.side(from)?, self.side(to)?);
        Ok(Difference {
            diff: diff::between([&from, &to], &old, &new),
            from,
            to,
        })
    }

    fn side(&self, side: Side) -> Result<(String, String), AdminError> {
        let number = match side {
            Side::File => {
                let bytes = self.read_file()?;
                return Ok((
                    "file".to_owned(),
                    String::from_utf8_lossy(&bytes).into_owned(),
                ));
            }
            Side::Newest => self.generation(),
            Side::Generation(number) => number,
        };
        Ok((
            format!("generation {number}"),
            self.generation_text(number)?,
        ))
    }

    /// The text of a generation that must be kept.
    pub(super) fn generation_text(&self, number: u64) -> Result<String, AdminError> {
        if let Some(text) = self.state.text(number)? {
            return Ok(text);
        }
        let newest = self.generation();
        let oldest = newest.saturating_sub(KEPT_GENERATIONS - 1).max(1);
        Err(AdminError::NotFound {
            message: format!("generation {number} is not kept"),
            hint: match newest {
                0 => "no configuration was loaded yet".to_owned(),
                _ => format!("there are {oldest} to {newest}: see `mox config history`"),
            },
        })
    }
}
