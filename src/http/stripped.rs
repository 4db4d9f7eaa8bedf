//! The page's markup and style as they are sent: without what only their authors read; pure. A part of the build script, and of
//! the tests.

use std::borrow::Cow;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Syntax {
    Html,
    Style,
}

/// The text without comments that fill a line or end it after two spaces, empty lines, indentation, and blanks and line ends
/// around the signs of style.
pub(crate) fn stripped(text: &str, syntax: Syntax) -> String {
    let mut kept = String::with_capacity(text.len());
    for line in text.lines() {
        let line = without_last_comment(line.trim_start(), syntax);
        if !line.is_empty() && !is_comment(line, syntax) {
            let line = tight(line, syntax);
            let is_over = syntax == Syntax::Style && line.ends_with(['{', '}', ',', ';']);
            kept.extend([&*line, if is_over { "" } else { "\n" }]);
        }
    }
    kept
}

/// A line without blanks around its signs. A line with a string stays as it is.
fn tight(line: &str, syntax: Syntax) -> Cow<'_, str> {
    if syntax == Syntax::Html || line.contains(['"', '\'']) {
        return line.into();
    }
    // A blank before a colon counts: what follows is any element.
    let (before, after) = (['{', '}', ',', ';', '>'], ['{', '}', ',', ';', '>', ':']);
    let mut kept = String::with_capacity(line.len());
    for c in line.chars() {
        if c == ' ' && kept.ends_with(after) {
            continue;
        }
        if before.contains(&c) && kept.ends_with(' ') {
            kept.pop();
        }
        kept.push(c);
    }
    kept.into()
}

/// A line without the comment at its end, if that is none of a string's text.
fn without_last_comment(line: &str, syntax: Syntax) -> &str {
    match line.split_once("  /* ") {
        Some((code, _))
            if syntax == Syntax::Style
                && line.ends_with("*/")
                && ["'", "\""].iter().all(|quote| code.matches(quote).count() % 2 == 0) =>
        {
            code
        }
        _ => line,
    }
}

/// Whether a line, without its indentation, is a comment and nothing else.
fn is_comment(line: &str, syntax: Syntax) -> bool {
    let (open, close) = match syntax {
        Syntax::Html => ("<!--", "-->"),
        Syntax::Style => ("/*", "*/"),
    };
    line.strip_prefix(open).and_then(|rest| rest.split_once(close)).is_some_and(|(_, rest)| rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = include_str!("../../index.html");

    #[test]
    fn comments_that_fill_or_end_a_line_empty_lines_and_indentation_are_left_out() {
        for (syntax, source, kept) in [
            (
                Syntax::Html,
                "<!doctype html>\r\n\t<!-- a comment -->\n<p>a <!-- word -->\n\n<!-- a --> b <!-- c -->\n\t// no comment\n/* none */\n",
                "<!doctype html>\n<p>a <!-- word -->\n<!-- a --> b <!-- c -->\n// no comment\n/* none */\n",
            ),
            (
                Syntax::Style,
                "/* a comment */\n\tp { color: red }  /* left out */\n/* a */ q {} /* b */\n// none here\n<!-- nor here -->\n",
                "p{color:red}/* a */ q{}/* b */\n// none here\n<!-- nor here -->\n",
            ),
        ] {
            assert_eq!(stripped(source, syntax), kept);
        }
    }

    #[test]
    fn blanks_around_signs_of_style_are_left_out_but_for_those_of_strings() {
        for (line, sent) in [
            (
                "a > b, c:is(d, e) :hover { margin: 0 auto; color: red }",
                "a>b,c:is(d,e) :hover{margin:0 auto;color:red}",
            ),
            ("a::before { content: 'b { }  /* c */'}", "a::before { content: 'b { }  /* c */'}"),
        ] {
            assert_eq!(tight(line, Syntax::Style), sent);
        }
        assert_eq!(tight("<p>a = b, c</p>", Syntax::Html), "<p>a = b, c</p>");
    }

    /// [`stripped`] reads lines, no syntax: so the page has to keep to what it can tell apart.
    #[test]
    fn the_page_has_no_text_that_loses_its_white_space() {
        let (markup, _) = SOURCE.rsplit_once("<script>").expect("a script");
        for (number, line) in (1..).zip(markup.lines()) {
            assert!(!line.contains("<pre"), "{number}: white space counts there");
            assert!(
                !line.contains("<textarea") || line.contains("</textarea>"),
                "{number}: so it does there"
            );
        }
    }
}
