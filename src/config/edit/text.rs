//! Splices of a text, and its lines.

use crate::config::document::Span;

/// Bytes that are replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Splice {
    pub(super) span: Span,
    pub(super) text: String,
}

/// Makes splices that do not overlap; a removal may lie within another.
pub(super) fn splice(text: &str, mut splices: Vec<Splice>) -> String {
    splices.sort_by_key(|s| (s.span.start, std::cmp::Reverse(s.span.end)));
    let mut out = String::with_capacity(text.len() + 256);
    let mut done = 0;
    for splice in splices {
        if splice.span.start < done {
            continue;
        }
        out.push_str(text.get(done..splice.span.start).unwrap_or(""));
        out.push_str(&splice.text);
        done = splice.span.end;
    }
    out.push_str(text.get(done..).unwrap_or(""));
    out
}

/// Whether some of these and some of those are at the same place.
pub(super) fn touch(these: &[Splice], those: &[Splice]) -> bool {
    those.iter().any(|a| {
        let mut these = these.iter();
        these.any(|b| a.span.start <= b.span.end && b.span.start <= a.span.end)
    })
}

/// A text that knows its lines.
pub(super) struct Text<'t> {
    pub(super) text: &'t str,
    /// How its lines end.
    pub(super) eol: &'static str,
}

impl<'t> Text<'t> {
    pub(super) fn new(text: &'t str) -> Text<'t> {
        let first = text.find('\n').unwrap_or(0);
        let crlf = text[..first].ends_with('\r');
        Text {
            text,
            eol: if crlf { "\r\n" } else { "\n" },
        }
    }

    /// Where the line starts that the byte is on.
    pub(super) fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |i| i + 1)
    }

    /// Behind the line break of the line that the byte is on.
    pub(super) fn line_end(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or("");
        rest.find('\n').map_or(self.text.len(), |i| at + i + 1)
    }

    /// The space in front of what the line has.
    pub(super) fn indent(&self, at: usize) -> &'t str {
        let line = self.line(self.line_start(at));
        &line[..line.len() - line.trim_start().len()]
    }

    fn line(&self, start: usize) -> &'t str {
        self.text[start..self.line_end(start)].trim_end_matches(['\n', '\r'])
    }

    fn is_blank(&self, start: usize) -> bool {
        start < self.text.len() && self.line(start).trim().is_empty()
    }

    fn is_comment(&self, start: usize) -> bool {
        start < self.text.len() && self.line(start).trim_start().starts_with('#')
    }

    /// A new line behind the one that the byte is on.
    pub(super) fn insert_line(&self, after: usize, line: &str) -> Splice {
        let at = self.line_end(after);
        let text = match self.is_open(at) {
            // The file has no line break at its end and keeps none.
            true => format!("{}{line}", self.eol),
            false => format!("{line}{}", self.eol),
        };
        Splice {
            span: Span { start: at, end: at },
            text,
        }
    }

    /// New sections behind the statement that ends here, with an empty line in between.
    pub(super) fn insert_section(&self, after: usize, sections: &str) -> Splice {
        let mut at = self.line_end(after);
        // Comments below belong to what is above, unless they lead to the next thing.
        let mut below = at;
        while self.is_comment(below) {
            below = self.line_end(below);
        }
        if below == self.text.len() || self.is_blank(below) {
            at = below;
        }
        let text = match self.is_open(at) {
            true => {
                let cut = sections.trim_end_matches(['\n', '\r']);
                format!("{0}{0}{cut}", self.eol)
            }
            false if at == self.text.len() || self.is_blank(at) => {
                format!("{}{sections}", self.eol)
            }
            false => format!("{0}{sections}{0}", self.eol),
        };
        Splice {
            span: Span { start: at, end: at },
            text,
        }
    }

    /// New sections at the end of the file.
    pub(super) fn append_section(&self, sections: &str) -> Splice {
        let end = self.text.len();
        let text = match self.text {
            "" => sections.to_owned(),
            text if text.ends_with('\n') => format!("{}{sections}", self.eol),
            _ => format!("{0}{0}{sections}", self.eol),
        };
        Splice {
            span: Span { start: end, end },
            text,
        }
    }

    /// Whether this is the end of a last line without line break.
    fn is_open(&self, at: usize) -> bool {
        at == self.text.len() && !self.text.is_empty() && !self.text.ends_with('\n')
    }

    /// The lines from one byte to another, whole.
    pub(super) fn lines(&self, span: Span) -> Span {
        Span {
            start: self.line_start(span.start),
            end: self.line_end(span.end.max(span.start + 1) - 1),
        }
    }

    /// The comments directly above a line.
    pub(super) fn with_comments_above(&self, mut lines: Span) -> Span {
        while lines.start > 0 {
            let above = self.line_start(lines.start - 1);
            if !self.is_comment(above) {
                break;
            }
            lines.start = above;
        }
        lines
    }

    /// Takes whole lines away. Where a section goes, the empty lines that divided it from the next
    /// go too.
    pub(super) fn remove_lines(&self, mut pieces: Vec<Lines>) -> Vec<Splice> {
        pieces.sort_by_key(|p| p.span.start);
        let mut merged: Vec<Lines> = Vec::new();
        for piece in pieces {
            match merged.last_mut() {
                Some(last) if self.only_blank(last.span.end, piece.span.start) => {
                    last.span.end = last.span.end.max(piece.span.end);
                    last.section |= piece.section;
                }
                _ => merged.push(piece),
            }
        }
        merged
            .into_iter()
            .map(|piece| Splice {
                span: match piece.section {
                    true => self.with_blank_lines(piece.span),
                    false => piece.span,
                },
                text: String::new(),
            })
            .collect()
    }

    fn only_blank(&self, from: usize, to: usize) -> bool {
        from >= to || self.text[from..to].trim().is_empty()
    }

    fn with_blank_lines(&self, mut span: Span) -> Span {
        let above = span.start.checked_sub(1).map(|i| self.line_start(i));
        if span.start == 0 || above.is_some_and(|line| self.is_blank(line)) {
            while self.is_blank(span.end) {
                span.end = self.line_end(span.end);
            }
        }
        if span.end == self.text.len() {
            while span.start > 0 {
                let above = self.line_start(span.start - 1);
                if !self.is_blank(above) {
                    break;
                }
                span.start = above;
            }
        }
        span
    }

    /// Takes an item of a list or of an inline table away, with one comma.
    pub(super) fn remove_item(&self, items: &[Span], i: usize) -> Splice {
        let item = items.get(i).copied().unwrap_or_default();
        let before = i.checked_sub(1).and_then(|i| items.get(i));
        let after = items.get(i + 1);
        let gap = |from: usize, to: usize| self.text.get(from..to).unwrap_or("");
        let plain = |gap: &str| !gap.contains(['\n', '#']);
        let comma = self.comma_after(item.end);
        let span = match (before, after) {
            _ if self.is_alone(item, comma) => self.lines(item),
            (Some(before), _) if plain(gap(before.end, item.start)) => Span {
                start: before.end,
                end: item.end,
            },
            (_, Some(after)) if plain(gap(item.end, after.start)) => Span {
                start: item.start,
                end: after.start,
            },
            _ => Span {
                start: item.start,
                end: comma.map_or(item.end, |at| at + 1),
            },
        };
        Splice {
            span,
            text: String::new(),
        }
    }

    /// Adds items to a list, which this is the whole of, behind those that it has.
    pub(super) fn add_items(&self, list: Span, items: &[Span], more: &[String]) -> Vec<Splice> {
        let at = |at: usize, text: String| Splice {
            span: Span { start: at, end: at },
            text,
        };
        let Some(last) = items.last().copied() else {
            return vec![at(list.start + 1, more.join(", "))];
        };
        let comma = self.comma_before(last.end, list.end);
        let end = self.line_end(last.end);
        if comma.is_none_or(|at| at < end) && self.is_alone(last, comma) {
            let indent = self.indent(last.start);
            let lines = more
                .iter()
                .map(|item| format!("{indent}{item},{}", self.eol));
            let mut splices = vec![at(end, lines.collect())];
            if comma.is_none() {
                splices.push(at(last.end, ",".to_owned()));
            }
            return splices;
        }
        match comma {
            Some(comma) => vec![at(comma + 1, format!(" {},", more.join(", ")))],
            None => vec![at(last.end, format!(", {}", more.join(", ")))],
        }
    }

    /// The comma behind the last item of a list, comments passed over.
    fn comma_before(&self, mut from: usize, end: usize) -> Option<usize> {
        while from < end {
            match self.text.as_bytes().get(from)? {
                b',' => return Some(from),
                b'#' => from = self.line_end(from),
                _ => from += 1,
            }
        }
        None
    }

    /// The comma behind an item, if there is one on the same line.
    fn comma_after(&self, end: usize) -> Option<usize> {
        let rest = &self.text[end..];
        let space = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        rest[space..].starts_with(',').then_some(end + space)
    }

    /// Whether nothing but the item, its comma and a comment is on its lines.
    fn is_alone(&self, item: Span, comma: Option<usize>) -> bool {
        let start = self.line_start(item.start);
        let behind = comma.map_or(item.end, |at| at + 1);
        let rest = &self.text[behind..self.line_end(behind)];
        let rest = rest.trim();
        self.text[start..item.start].trim().is_empty() && (rest.is_empty() || rest.starts_with('#'))
    }
}

/// Whole lines to take away.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lines {
    pub(super) span: Span,
    /// Whether it is a section with its header.
    pub(super) section: bool,
}
