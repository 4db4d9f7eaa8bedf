//! Two pages out of one source: the host's, and everybody else's without the host's part; pure.
//!
//! The part stands between whole-line markers, in each language of the page: `<!-- host -->` … `<!-- /host -->`,
//! `/* host */` … `/* /host */`, `// host` … `// /host`.

/// A marker that does not fit its neighbours.
#[derive(Debug, PartialEq, Eq)]
pub struct Unbalanced {
    /// The line it stands on, from 1 on; of one that is never closed, the line it was opened on.
    pub line: usize,
}

/// How a line begins and ends to be a comment, by language.
const COMMENTS: [(&str, &str); 3] = [("<!-- ", " -->"), ("/* ", " */"), ("// ", "")];

/// The page without the host's part and without its markers.
///
/// # Errors
/// Where a marker is opened inside another, closed without one or in another language, or never closed.
pub fn without_host_part(page: &str) -> Result<String, Unbalanced> {
    let mut kept = String::with_capacity(page.len());
    // The language of the marker that is open, and its line.
    let mut open: Option<(usize, usize)> = None;
    for (line, text) in (1..).zip(page.split_inclusive('\n')) {
        match (marker(text), open) {
            (None, None) => kept.push_str(text),
            (None, Some(_)) => (),
            (Some((language, true)), None) => open = Some((language, line)),
            (Some((language, false)), Some((opened, _))) if language == opened => open = None,
            (Some(_), _) => return Err(Unbalanced { line }),
        }
    }
    match open {
        None => Ok(kept),
        Some((_, line)) => Err(Unbalanced { line }),
    }
}

/// The language of the marker that this line is, and whether it opens; none if it is something else.
fn marker(line: &str) -> Option<(usize, bool)> {
    COMMENTS.iter().enumerate().find_map(|(language, (begin, end))| {
        match line.trim().strip_prefix(begin)?.strip_suffix(end)? {
            "host" => Some((language, true)),
            "/host" => Some((language, false)),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_markers_of_any_language_is_cut_out_with_them() {
        let page = "<p>all\n  <!-- host -->\n<p>host\n  <!-- /host -->\n<style>\np {}\n/* host */\nq {}\n/* /host */\n\
                    </style>\n<script>\nsay();\n\t// host\nrule();\n\n\t// /host\nend();\n</script>";
        let kept = "<p>all\n<style>\np {}\n</style>\n<script>\nsay();\nend();\n</script>";
        assert_eq!(without_host_part(page).as_deref(), Ok(kept));
    }

    #[test]
    fn a_page_without_markers_stays_as_it_is() {
        for page in
            ["", "\n", "no line's end", "// the host speaks\n<!-- host: none -->\nlet a = 1; // host\n"]
        {
            assert_eq!(without_host_part(page).as_deref(), Ok(page));
        }
    }

    #[test]
    fn markers_that_do_not_fit_are_named_by_their_line() {
        for (page, line) in [
            ("a\n// host\nb\n", 2),
            ("a\nb\n// /host\n", 3),
            ("// host\n// host\n// /host\n// /host\n", 2),
            ("// host\n/* /host */\n", 2),
            ("// host\n// /host\n<!-- host -->", 3),
        ] {
            assert_eq!(without_host_part(page), Err(Unbalanced { line }), "{page}");
        }
    }
}
