//! `mox explain`: an answer to every text, so that nothing but our own faults is an error.

use crate::admin::{Admin, AdminError};
use crate::explain::{Explainer, Explanation};
use crate::snapshot::Snapshot;

pub(super) fn ask(
    snapshot: &Snapshot,
    admin: &Admin,
    question: impl FnOnce(&Explainer<'_>) -> Explanation,
) -> Result<Explanation, AdminError> {
    let text = admin.text_of(snapshot)?;
    Ok(question(&Explainer {
        snapshot,
        text: &text,
        file: admin.file(),
    }))
}
