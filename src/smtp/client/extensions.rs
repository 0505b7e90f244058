//! What a server says it can do (RFC 5321 §4.1.1.1).

/// The answer to EHLO. Keywords are in upper case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extensions {
    lines: Vec<(String, Vec<String>)>,
}

/// Extensions that are kept: more than any server has.
const MOST: usize = 100;

impl Extensions {
    /// From the lines of the reply; the first is the server's name.
    pub(super) fn parse(text: &str) -> Extensions {
        let lines = text.split('\n').skip(1).take(MOST);
        let lines = lines.filter_map(|line| {
            // `AUTH=PLAIN` is how some wrote it before there was a standard.
            let line = line.replacen("AUTH=", "AUTH ", 1);
            let mut words = line.split_ascii_whitespace();
            let keyword = words.next()?.to_ascii_uppercase();
            Some((keyword, words.map(str::to_owned).collect()))
        });
        Extensions {
            lines: lines.collect(),
        }
    }

    /// Whether there is one of this name.
    pub fn has(&self, keyword: &str) -> bool {
        self.parameters(keyword).is_some()
    }

    /// Bytes of the largest message that is taken; none: it does not say, or there is no bound.
    pub fn size(&self) -> Option<u64> {
        let limit: u64 = self.parameters("SIZE")?.first()?.parse().ok()?;
        (limit > 0).then_some(limit)
    }

    /// Recipients that one transaction can have (RFC 9422); none: it does not say.
    pub fn most_recipients(&self) -> Option<usize> {
        let limits = self.parameters("LIMITS")?.iter();
        let mut values = limits.filter_map(|limit| {
            let (name, value) = limit.split_once('=')?;
            name.eq_ignore_ascii_case("RCPTMAX").then_some(value)
        });
        values.next()?.parse().ok().filter(|most| *most > 0)
    }

    /// Names of the ways to log in.
    pub fn mechanisms(&self) -> Vec<&str> {
        let lines = self.lines.iter().filter(|(keyword, _)| keyword == "AUTH");
        lines
            .flat_map(|(_, names)| names.iter().map(String::as_str))
            .collect()
    }

    fn parameters(&self, keyword: &str) -> Option<&[String]> {
        let found = self.lines.iter().find(|(name, _)| name == keyword);
        found.map(|(_, parameters)| parameters.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        let found = Extensions::parse("host\nsize 1000\nAUTH=LOGIN\nAUTH PLAIN\nPIPELINING\n");
        assert_eq!(found.size(), Some(1000));
        assert_eq!(found.mechanisms(), ["LOGIN", "PLAIN"]);
        assert!(found.has("PIPELINING") && !found.has("HOST") && !found.has("DSN"));
        assert_eq!(Extensions::parse("host\nSIZE").size(), None);
        assert_eq!(Extensions::parse("host\nSIZE 0").size(), None);
        assert_eq!(Extensions::parse("STARTTLS"), Extensions::default());
        let most = |line: &str| Extensions::parse(&format!("host\n{line}")).most_recipients();
        assert_eq!(most("LIMITS MAILMAX=5 rcptmax=20"), Some(20));
        for none in [
            "LIMITS",
            "LIMITS RCPTMAX=0",
            "LIMITS RCPTMAX=",
            "LIMITS RCPTMAX",
        ] {
            assert_eq!(most(none), None, "{none}");
        }
        let many = Extensions::parse(&format!("host{}", "\nX".repeat(1000)));
        assert_eq!(many.lines.len(), MOST);
    }
}
