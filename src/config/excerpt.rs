//! The parts of a text that somebody can want to know of: at ten thousand accounts reading all of them to
//! change or to name one takes longer than the rest of the work.
//!
//! A part goes from one line that starts with a bracket to the next. Left out is only what is certain to be
//! of another domain or account, by the plainest form of a header. In doubt a part stays: a list of many
//! lines that is cut in two has brackets without a partner and is a syntax error.

use std::collections::BTreeSet;

use super::document::Span;

/// The tables that may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `[domains."NAME"`, the name as `Domain::ascii` has it.
    Domain,
    /// `[accounts.NAME`
    Account,
}

const TABLES: [(Kind, &str); 2] = [(Kind::Domain, "domains."), (Kind::Account, "accounts.")];

/// All of a text.
pub(super) fn whole(text: &str) -> Span {
    Span {
        start: 0,
        end: text.len(),
    }
}

/// What is wanted, with all that is no domain or account, and the last domain and the last account, behind
/// which new ones come. Parts that follow each other are one.
pub(super) fn select(text: &str, is_wanted: impl Fn(Kind, &str) -> bool) -> Vec<Span> {
    let mut kept = Kept::default();
    let mut last = [None; TABLES.len()];
    for (span, subject) in parts(text) {
        let other = subject.filter(|(kind, name)| !is_wanted(*kind, name));
        match other.and_then(|(kind, _)| last.get_mut(kind as usize)) {
            Some(last) => *last = Some(span),
            None => kept.add(span),
        }
    }
    last.into_iter().flatten().for_each(|span| kept.add(span));
    kept.in_order()
}

/// The names of domains or accounts with such a text in them.
pub(super) fn mentioning<'t>(text: &'t str, wanted: Kind, word: &str) -> BTreeSet<&'t str> {
    let finder = memchr::memmem::Finder::new(word.as_bytes());
    let named = parts(text).filter_map(|(span, subject)| {
        let (_, name) = subject.filter(|(kind, _)| *kind == wanted)?;
        finder.find(text.get(span.start..span.end)?.as_bytes())?;
        Some(name)
    });
    named.collect()
}

/// The parts, and the domain or account that each is certain to be of.
fn parts(text: &str) -> impl Iterator<Item = (Span, Option<(Kind, &str)>)> {
    // A text of many lines may hold what looks like a header.
    let has = |quotes: &str| memchr::memmem::find(text.as_bytes(), quotes.as_bytes()).is_some();
    let is_plain = !has("\"\"\"") && !has("'''");
    let starts = line_brackets(text).filter(move |_| is_plain);
    let mut start = 0;
    starts.chain([text.len()]).map(move |end| {
        let span = Span { start, end };
        // What stands before the first header may be anything.
        let part = text.get(start..end).filter(|_| start > 0);
        start = end;
        (span, part.and_then(subject))
    })
}

/// The starts of lines that have a bracket first, without the text's own.
fn line_brackets(text: &str) -> impl Iterator<Item = usize> {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'[', bytes).filter_map(move |at| {
        let before = bytes.get(..at)?.iter().rev();
        let start = at - before.take_while(|&&b| b == b' ' || b == b'\t').count();
        let before = start.checked_sub(1).and_then(|at| bytes.get(at));
        (before == Some(&b'\n')).then_some(start)
    })
}

/// What a part is of, if its header says so as plainly as can be.
fn subject(part: &str) -> Option<(Kind, &str)> {
    let header = part.trim_start_matches([' ', '\t']);
    let path = header.strip_prefix("[[").or(header.strip_prefix('['))?;
    let mut tables = TABLES.iter();
    let (kind, rest) = tables.find_map(|(kind, table)| Some((*kind, path.strip_prefix(table)?)))?;
    let (name, rest) = match rest.as_bytes().first()? {
        b'"' => rest.get(1..)?.split_once('"')?,
        b'\'' => rest.get(1..)?.split_once('\'')?,
        _ => rest.split_at(rest.find(['.', ']'])?),
    };
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
    let is_sure = rest.starts_with(['.', ']'])
        && !name.is_empty()
        && name.bytes().all(is_plain)
        && !name.starts_with('.')
        && !name.ends_with('.')
        && !name.contains("xn--");
    is_sure.then_some((kind, name))
}

/// Parts of a text.
#[derive(Default)]
struct Kept(Vec<Span>);

impl Kept {
    fn add(&mut self, span: Span) {
        match self.0.last_mut() {
            Some(last) if last.end == span.start => last.end = span.end,
            _ => self.0.push(span),
        }
    }

    fn in_order(mut self) -> Vec<Span> {
        self.0.sort();
        let mut ordered = Kept::default();
        self.0.into_iter().for_each(|span| ordered.add(span));
        ordered.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(text: &str, wanted: &str) -> String {
        let spans = select(text, |_, name| name == wanted);
        spans.iter().map(|s| &text[s.start..s.end]).collect()
    }

    #[test]
    fn what_is_surely_of_others_is_left_out() {
        let text = "a = 1\n[domains.\"a.org\"]\nx = 1\n  [domains.'b.org'.dkim]\ny = 1\n\
                    [accounts.bo]\n[accounts.bo.destinations]\n[accounts.al]\n[limits]\n";
        assert_eq!(
            selected(text, "bo"),
            "a = 1\n  [domains.'b.org'.dkim]\ny = 1\n[accounts.bo]\n\
             [accounts.bo.destinations]\n[accounts.al]\n[limits]\n"
        );
        let names = mentioning(text, Kind::Domain, "x =");
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["a.org"]);
    }

    #[test]
    fn what_could_be_of_anybody_stays() {
        for text in [
            "x=1\n[domains.\"A.org\"]\n[domains.z]\n",
            "x=1\n[domains.\"xn--bcher-kva.org\"]\n[domains.z]\n",
            "x=1\n[domains.\"bücher.org\"]\n[domains.z]\n",
            "x=1\n[domains.\"a\\u002eorg\"]\n[domains.z]\n",
            "x=1\n[ domains.y ]\n[domains.z]\n",
            "x=1\n[\"domains\".y]\n[domains.z]\n",
            "x=1\n[domains . y]\n[domains.z]\n",
            "x=1\n[domains]\ny = {}\n[domains.z]\n",
            "[domains.y]\n[domains.z]\n",
            "x='''\n[domains.y]\n[accounts.y]\n'''\n",
        ] {
            assert_eq!(selected(text, "w"), text);
        }
    }
}
